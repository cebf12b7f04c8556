#!/usr/bin/env python3
"""Runs the commands of README.md and GUIDE.md, and compares the numbers that the text claims.

    Tests/Guide/check.py              every fault as file:line, expected, seen; exit code 1
    Tests/Guide/check.py --write      puts the numbers of this build into the text
    Tests/Guide/check.py --list       also lists the numbers in the text that nothing checks

Needs the executables in .build/release and nothing but Python. Every command in a code block is run,
in the order of the text, in a temporary folder. A number in the comment behind a command is looked
up in that command's output, by the word before or after it. Everything else is said by HTML
comments, which a reader of the page does not see; each belongs to the next block of text:

    <!-- not run "COMMAND": REASON -->         also without "COMMAND": all commands of the block
    <!-- shortened "COMMAND": OPTIONS; REASON -->   run with these options added
    <!-- exits 1 "COMMAND": REASON -->         the exit code is not 0
    <!-- output: COMMAND; varies: COLUMNS -->  the block is the command's output, except for the
                                               numbers in these columns
    <!-- check: COMMAND                        PATTERN is a regular expression for a part of the
         PATTERN                               output, in which # is a number; TEXT occurs in the
         => TEXT -->                           block, with {1} for the pattern's first number and
                                               {1*100} for a multiple of it; more of both may follow
    <!-- measured: COMMAND -->                 the block's numbers vary; what prints them

A number agrees if the output's, rounded to the text's digits, equals it. Commands inside a sentence
and those that are not run are parsed: the command, its options and the files of Fixtures must exist.
A link must lead to a file, and to a heading in it; and where a row of a table begins with a link to a
file, the `code` in the other cells must occur in that file.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NUMBER = r"[-−]?\d+(?:,\d{3})*(?:\.\d+)?(?:e-?\d+)?"
NAMES = "maskrcnn input backbone anchors proposals roi heads masks targets losses gradients bench".split()
COMMAND = re.compile(
    r"(?:swift (?:run|test|build) -c release.*|[A-Z_]+=.*|(?:sudo|brew|python|grep|mkdir) .*|(?:Notebooks|Tests|Sources|Fixtures)/\S+(?: .*)?"
    rf"|(?:{'|'.join(NAMES)})(?: .*)?)$"
)
MARK = re.compile(r'(not run|shortened|exits 1|output|check|measured)(?: "([^"]*)")?: (.*)', re.S)


def decimal(text):
    try:
        return Decimal(text.replace(",", "").replace("−", "-"))
    except ArithmeticError:
        return None


def agrees(text, seen):
    """Whether `seen`, rounded to the digits of `text`, equals it."""
    claimed = decimal(text)
    if claimed is None or seen is None:
        return False
    half = Decimal(5).scaleb(claimed.as_tuple().exponent - 1)
    return abs(claimed - seen) <= half


def written(text, seen):
    """`seen` with the digits, the minus sign and the thousands' commas of `text`."""
    exponent = decimal(text).as_tuple().exponent
    if "e" in text:
        digits = len(text.split("e")[0].split(".")[1]) if "." in text else 0
        mantissa, power = f"{seen:.{digits}e}".split("e")
        return f"{mantissa}e{int(power)}"
    rounded = seen.quantize(Decimal(1).scaleb(exponent), ROUND_HALF_UP)
    result = f"{rounded:,}" if "," in text else f"{rounded}"
    return result.replace("-", "−") if "−" in text or seen < 0 else result


class Mark:
    def __init__(self, kind, selected, body, line):
        self.kind, self.selected, self.body, self.line = kind, selected, body.strip(), line
        self.used = False


class Block:
    """Lines of text without a blank line among them, or a whole code block; and its marks."""

    def __init__(self, start, end, text, line, is_code, marks):
        self.start, self.end, self.text, self.line = start, end, text, line
        self.is_code, self.marks = is_code, marks

    def has(self, kind):
        return [mark for mark in self.marks if mark.kind == kind]


def blocks(text):
    """The blocks of a Markdown file, each with the marks before it."""
    pieces = re.compile(
        r"^<!--(?P<mark>.*?)-->[ ]*$|^(?P<fence> *)```[^\n]*\n(?P<fenced>.*?)^(?P=fence)```[ ]*$"
        r"|^(?P<indented>    [^\n]*(?:\n+    [^\n]*)*)$"
        r"|^(?P<plain>(?!<!--)[^\n]*\S[^\n]*(?:\n(?!<!--|```)[^\n]*\S[^\n]*)*)",
        re.S | re.M,
    )
    marks, found = [], []
    for piece in pieces.finditer(text):
        line = text.count("\n", 0, piece.start()) + 1
        if piece["mark"] is not None:
            parts = MARK.match(piece["mark"].strip())
            if parts is None:
                raise SystemExit(f"line {line}: this comment is no mark: {piece['mark'].strip()[:60]}")
            marks.append(Mark(parts[1], parts[2], parts[3], line))
            continue
        group = next(name for name in ("fenced", "indented", "plain") if piece[name] is not None)
        start, end = piece.span(group)
        is_code = group != "plain"
        line = text.count("\n", 0, start) + 1
        found.append(Block(start, end, text[start:end], line, is_code, marks))
        marks = []
    return found


class Line:
    """A command of a code block: what is run, and the comment behind it."""

    def __init__(self, command, comment, comment_start, line):
        self.command, self.comment = re.sub(r"^swift run -c release ", "", command), comment
        self.comment_start, self.line = comment_start, line
        self.output = None


def commands(block):
    """The commands in a code block."""
    if not block.is_code or block.has("output") or block.has("measured"):
        return
    position, lines = 0, block.text.split("\n")
    pending, pending_line = "", 0
    for number, raw in enumerate(lines):
        start, position = position, position + len(raw) + 1
        content = raw.strip()
        if not pending and not COMMAND.match(re.sub(r"\s+#.*", "", content)):
            continue
        pending_line = pending_line if pending else block.line + number
        body, hash_sign, comment = raw.partition("  #") if "  #" in raw else raw.partition(" # ")
        pending = (pending + " " + body.strip()).strip()
        if pending.endswith("\\"):
            pending = pending[:-1].strip()
            continue
        yield Line(pending, comment, start + len(body) + len(hash_sign), pending_line)
        pending = ""


class Guide:
    # What both texts share: the trace of the main job, and outputs that depend on no trace.
    shared_outputs = {}

    def __init__(self, file, binaries, folder):
        self.file, self.folder = ROOT / file, folder
        self.name, self.binaries = file, binaries
        self.text = self.file.read_text()
        self.faults, self.edits, self.covered = [], [], []
        self.outputs, self.helps = {}, {}
        self.counts = dict.fromkeys(("run", "shortened", "not run", "parsed", "numbers", "output lines"), 0)
        self.not_run, self.slowest = [], []

    def fault(self, line, message):
        # A long command is cut; its check is in the text, at this line or above it.
        message = re.sub(r"`([^`]{100})[^`]+`", r"`\1…`", message)
        self.faults.append(f"{self.name}:{line}: {message}")
        print(self.faults[-1], file=sys.stderr, flush=True)

    # Running

    def shell(self, command, line, expected=0):
        """The output of a command; a fault where it ends with another code."""
        begin = time.monotonic()
        whole = re.fullmatch(r"maskrcnn(?: --trace (\S+))?", command)
        target = self.folder / (whole[1] or "trace") if whole else None
        pristine = self.folder.parent / "pristine"
        if whole and pristine.exists():
            # The same command in another folder: a trace can be copied.
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(pristine, target)
            self.outputs[command] = self.shared_outputs["pristine"]
            return self.outputs[command]
        if command in self.shared_outputs:
            self.outputs[command] = self.shared_outputs[command]
            return self.outputs[command]
        result = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, capture_output=True, text=True,
            env={"PATH": f"{self.binaries}:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(self.folder)},
        )  # fmt: skip
        if result.returncode != expected:
            last = (result.stderr.strip().splitlines() or ["no message"])[0]
            self.fault(line, f"`{command}` ends with {result.returncode}, not {expected}: {last}")
        elif whole:
            shutil.copytree(target, pristine)
            self.shared_outputs["pristine"] = result.stdout
        self.outputs[command] = result.stdout + result.stderr
        if command == "maskrcnn verify":
            self.shared_outputs[command] = self.outputs[command]
        self.slowest.append((time.monotonic() - begin, command))
        return self.outputs[command]

    def help(self, words):
        """The help of a command, and how many of the words name it."""
        count = 1
        while (key := tuple(words[:count])) not in self.helps:
            result = subprocess.run(
                [str(self.binaries / words[0]), *words[1:count], "--help"],
                capture_output=True, text=True, cwd=self.folder,
            )  # fmt: skip
            self.helps[key] = result.stdout if result.returncode == 0 else ""
        text = self.helps[key]
        subcommands = re.findall(r"^  ([a-z]\S*)", text.partition("SUBCOMMANDS:")[2], re.M)
        if len(words) > 1 and words[1] in subcommands:
            key = tuple(words[:2])
            if key not in self.helps:
                result = subprocess.run(
                    [str(self.binaries / words[0]), words[1], "--help"], capture_output=True, text=True,
                    cwd=self.folder,
                )  # fmt: skip
                self.helps[key] = result.stdout
            return self.helps[key]
        return text

    def parse(self, command, line):
        """Whether a command that is not run has these options and values."""
        words = command.split()
        if words[0] == "python":
            if not (ROOT / words[1]).exists():
                self.fault(line, f"`{command}`: there is no file {words[1]}")
            return
        if "/" in words[0] and not (ROOT / words[0]).exists():
            self.fault(line, f"`{command}`: there is no file {words[0]}")
        if words[0] not in NAMES:
            return
        self.counts["parsed"] += 1
        text = self.help(words)
        if re.search(r"^  run ", text, re.M):  # without a subcommand
            text = self.help([words[0], "run"])
        for option in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", command):
            if not re.search(rf"{option}(?![\w-])", text):
                self.fault(line, f"`{command}`: {words[0]} has no option {option}")
        for option, value in re.findall(r"\[(--[\w-]+) (-?[\d.]+)\]", command):
            described = re.search(rf"^  {option} <.*?(?=^  -|\Z)", text, re.M | re.S)
            default = re.search(r"[Dd]efault:\s+(\d+(?:\.\d+)?)", described[0] if described else "")
            if default and Decimal(default[1]) != Decimal(value):
                self.fault(line, f"`{command}`: expected {option} {value}, seen default {default[1]}")
        for path in re.findall(r"Fixtures/[\w./-]+\.\w+", command):
            if not (ROOT / path).exists():
                self.fault(line, f"`{command}`: there is no file {path}")

    # Comparing

    def compare(self, start, end, seen, line, source):
        """Compares the number at these positions of the text with the one in the output."""
        text = self.text[start:end]
        self.covered.append((start, end))
        self.counts["numbers"] += 1
        if not agrees(text, seen):
            self.fault(line, f"expected {text}, seen {seen} (`{source}`)")
            if decimal(text) is not None and seen is not None:
                self.edits.append((start, end, written(text, seen)))

    def check(self, block, mark, ran):
        command, *lines = [part.strip() for part in re.sub(r"\\\n\s*", "", mark.body).split("\n")]
        if not any(line.startswith("=> ") for line in lines):
            return self.fault(mark.line, "a check is a command, then patterns and => text in lines")
        own = [one.output for one in ran if one.command == command and one.output is not None]
        output = own[-1] if own else self.outputs.get(command)
        if output is None:
            output = self.shell(command, mark.line)
        match = None
        for line in lines:
            template = line.removeprefix("=> ")
            if template == line:
                expression = line.replace("#", f"({NUMBER})").replace(" ", r"\s+")
                match = re.search(expression, output, re.M)
                if match is None:
                    self.fault(mark.line, f"expected `{line}` in the output of `{command}`, seen none")
                continue
            if match is None:
                continue
            pieces = re.split(r"(\{\d+(?:\*[\d.]+)?\})", template)
            keys, search = [], ""
            for piece in pieces:
                if key := re.fullmatch(r"\{(\d+)(?:\*([\d.]+))?\}", piece):
                    keys.append((int(key[1]), Decimal(key[2] or 1)))
                    search += f"({NUMBER})"
                else:
                    search += r"\s+".join(re.escape(word) for word in re.split(r"\s+", piece))
            place = re.search(search, block.text)
            if place is None:
                self.fault(mark.line, f"expected the text `{template}` after this comment, seen none")
                continue
            for index, (group, factor) in enumerate(keys):
                start, end = place.span(index + 1)
                line = self.text.count("\n", 0, block.start + start) + 1
                value = decimal(match[group])
                self.compare(
                    block.start + start, block.start + end, value and value * factor, line, command)

    def check_comment(self, block, one):
        """Compares the numbers in the comment behind a command with the command's output."""
        for number in re.finditer(rf"(?<![\w.]){NUMBER}(?!-)", one.comment):
            start = block.start + one.comment_start + number.start()
            if any(first <= start < last for first, last in self.covered):
                continue
            after = re.match(r"\s+([a-z]{3,})", one.comment[number.end() :])
            before = re.search(r"([A-Za-z]{3,})\s+$", one.comment[: number.start()])
            if before and before[1] in ("not", "stage", "IoU"):
                continue
            seen = []
            if after:
                seen = re.findall(rf"({NUMBER}) {after[1]}", one.output)
            if not seen and before:
                seen = re.findall(rf"\b{before[1]}\s+({NUMBER})", one.output)
            if not seen:
                self.fault(one.line, f"nothing in the output of `{one.command}` tells {number[0]}; add a check")
                continue
            values = [decimal(value) for value in seen]
            best = next((value for value in values if agrees(number[0], value)), values[-1])
            self.compare(start, start + len(number[0]), best, one.line, one.command)

    def check_output(self, block, mark):
        command, _, varies = mark.body.partition("; varies: ")
        output = self.outputs.get(command)
        if output is None:
            output = self.shell(command, mark.line)
        columns = {int(column) for column in varies.split()}
        seen = [line.rstrip() for line in output.splitlines()]

        def cells(line):
            split = re.split(r"\s{2,}", line.strip())
            return ["" if place + 1 in columns and len(split) > max(columns) else cell
                    for place, cell in enumerate(split)]  # fmt: skip

        known = {tuple(cells(line)) for line in seen if line.strip()}
        lines = block.text.rstrip("\n").split("\n")
        for number, line in enumerate(lines):
            if not line.strip() or set(line.strip()) <= set("- "):
                continue
            self.counts["output lines"] += 1
            if tuple(cells(line)) not in known:
                first = cells(line)[0]
                like = next((row for row in seen if row.strip().startswith(first)), "no such line")
                self.fault(block.line + number, f"expected `{line.strip()}`, seen `{like.strip()}` (`{command}`)")
        self.covered.append((block.start, block.end))
        if len(lines) == len(seen):
            self.edits.append((block.start, block.end, "\n".join(seen) + "\n"))

    # The whole text

    def run(self):
        for block in blocks(self.text):
            ran = []
            for one in commands(block):
                ran.append(one)
                skipped = [m for m in block.has("not run") if not m.selected or m.selected in one.command]
                if skipped:
                    skipped[0].used = True
                    self.counts["not run"] += 1
                    self.not_run.append(f"{self.name}:{one.line}: {one.command} ({skipped[0].body})")
                    self.parse(one.command, one.line)
                    continue
                command, expected = one.command, 0
                for mark in block.has("shortened"):
                    if not mark.selected or mark.selected in command:
                        mark.used = True
                        command = f"{command} {mark.body.partition(';')[0]}"
                        self.counts["shortened"] += 1
                for mark in block.has("exits 1"):
                    if not mark.selected or mark.selected in one.command:
                        mark.used, expected = True, 1
                one.output = self.shell(command, one.line, expected)
                self.outputs[one.command] = one.output
                self.counts["run"] += 1
            for mark in block.has("check"):
                self.check(block, mark, ran)
            for mark in block.has("output"):
                self.check_output(block, mark)
            for one in ran:
                if one.output is not None and one.comment:
                    self.check_comment(block, one)
            for mark in block.marks:
                if mark.kind in ("not run", "shortened", "exits 1") and not mark.used:
                    self.fault(mark.line, f"no command of the next block contains `{mark.selected or ''}`")
            if block.has("measured"):
                self.covered.append((block.start, block.end))
            if not block.is_code:
                for span in re.finditer(r"`((?:swift run -c release )?(?:maskrcnn|\w+) [^`]*)`", block.text):
                    command = re.sub(r"\s+", " ", span[1]).removeprefix("swift run -c release ")
                    line = block.line + block.text.count("\n", 0, span.start())
                    if re.match(r"python |(Tests|Notebooks|Fixtures)/", command) or command.split()[0] in NAMES and ("--" in command or "maskrcnn" in command):
                        self.parse(command, line)

    def references(self):
        """Faults of the links: to files and headings that are not there, rows that name what a file lacks."""
        def slug(heading):
            return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")

        def plain(text):
            return re.sub(r"\s+", " ", text)

        fenceless = re.sub(r"^```.*?^```", lambda fence: "\n" * fence[0].count("\n"), self.text, flags=re.S | re.M)
        for link in re.finditer(r"\]\(((?!\w+:)[^)#\s]*)(?:#([^)]*))?\)", fenceless):
            line = fenceless.count("\n", 0, link.start()) + 1
            path = (self.file.parent / link[1]) if link[1] else self.file
            self.counts["links"] = self.counts.get("links", 0) + 1
            if not path.exists():
                self.fault(line, f"expected a file {link[1]}, seen none")
            elif link[2] and path.suffix == ".md":
                headings = re.findall(r"^#+ (.*)$", path.read_text(), re.M)
                if link[2] not in map(slug, headings):
                    self.fault(line, f"expected a heading #{link[2]} in {path.name}, seen none")
        for row in re.finditer(r"^\| \[[^]]*\]\(([^)#]+)[^)]*\) \|(.*)\|$", fenceless, re.M):
            path = self.file.parent / row[1]
            if not path.is_file():
                continue
            content = plain(path.read_text(errors="replace"))
            for code in re.findall(r"`([^`]+)`", row[2]):
                self.counts["names"] = self.counts.get("names", 0) + 1
                if plain(code) not in content:
                    line = fenceless.count("\n", 0, row.start()) + 1
                    self.fault(line, f"expected `{code}` in {row[1]}, seen none")

    def unchecked(self):
        """Numbers of three digits or with decimals, outside of code and formulas, that nothing checks."""
        found = []
        for block in blocks(self.text):
            if block.is_code:
                continue
            plain = re.sub(r"`[^`]*`|\]\([^)]*\)|\d+ × [\d ×]+|\[\d[^\]]*\]", lambda m: " " * len(m[0]), block.text)
            for number in re.finditer(rf"(?<![\w.]){NUMBER}(?![\w])", plain):
                start = block.start + number.start()
                digits = re.sub(r"\D", "", number[0]).lstrip("0")
                if len(digits) < 3 or any(first <= start < last for first, last in self.covered):
                    continue
                line = self.text.count("\n", 0, start) + 1
                found.append(f"{self.name}:{line}: {number[0]}: {self.text.splitlines()[line - 1].strip()}")
        return found

    def write(self):
        for start, end, new in sorted(self.edits, reverse=True):
            self.text = self.text[:start] + new + self.text[end:]
        self.file.write_text(self.text)


def working_folder(parent, name):
    """A folder like the package's: Fixtures by links, except for what the commands write to."""
    folder = Path(parent) / name.removesuffix(".md")
    (folder / "Fixtures").mkdir(parents=True)
    for entry in (ROOT / "Fixtures").iterdir():
        if entry.name != "ablation":
            (folder / "Fixtures" / entry.name).symlink_to(entry)
    shutil.copytree(ROOT / "Fixtures/ablation", folder / "Fixtures/ablation")
    return folder


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="put the numbers seen into the text")
    parser.add_argument("--list", action="store_true", help="list what is not run and not checked")
    parser.add_argument("--binaries", type=Path, default=ROOT / ".build/release")
    parser.add_argument("files", nargs="*", default=["README.md", "GUIDE.md", "CONTRIBUTING.md"])
    options = parser.parse_args()
    begin, failed = time.monotonic(), False
    with tempfile.TemporaryDirectory() as parent:
        for name in options.files:
            guide = Guide(name, options.binaries.resolve(), working_folder(parent, name))
            guide.run()
            guide.references()
            failed = failed or bool(guide.faults)
            unchecked = guide.unchecked()
            if options.list:
                print("\n".join(["Not run:", *guide.not_run, "", "Not checked:", *unchecked, ""]))
                print("\n".join(f"{seconds:6.1f} s  {command}" for seconds, command in
                                sorted(guide.slowest, reverse=True)[:8]))  # fmt: skip
            if options.write:
                guide.write()
            print(f"{name}: " + ", ".join(f"{count} {what}" for what, count in guide.counts.items())
                  + f"; {len(unchecked)} numbers unchecked, {len(guide.faults)} faults")  # fmt: skip
    print(f"{time.monotonic() - begin:.0f} s")
    sys.exit(1 if failed and not options.write else 0)


if __name__ == "__main__":
    main()
