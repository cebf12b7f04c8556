"""What a cell's text declares and imports, and what it ends with.

The text is not parsed but scanned: comments and the contents of strings are blanked, and brackets
are counted. Where a guess is wrong, the compiler says so and the caller does without it.
"""

import dataclasses
import re

_DECLARATION = re.compile(
    r"^\s*(?:@\w+(?:\([^)]*\))?\s+)*"
    r"(?:(?:public|internal|private|fileprivate|final|indirect|lazy|weak|nonisolated\(unsafe\))\s+)*"
    r"(let|var|func|struct|class|enum|typealias|protocol|actor)\s+(\([^)]*\)|\w+)"
)
# The kinds that an import declaration distinguishes.
_IMPORT_KIND = {"actor": "class"}
_STATEMENT = re.compile(
    r"^\s*(?:@|#|\}|(?:let|var|func|struct|class|enum|extension|typealias|protocol|actor|import|operator|infix"
    r"|prefix|postfix|precedencegroup|for|while|repeat|if|guard|switch|do|defer|return|throw|break|continue"
    r"|public|private|fileprivate|internal|final|indirect|lazy|weak|unowned|nonisolated)\b)"
)
_ASSIGNMENT = re.compile(r"(?<![=!<>~])(?:[-+*/%&|^]|<<|>>)?=(?![=])")
_CONTINUES = re.compile(r"^\s*(?:[.?:{)\]}]|else\b|[-+*/%<>=&|^!~]+\s)")
_UNFINISHED = re.compile(r"(?:[,({\[:?]|(?:^|\s)[-+*/%<>=&|^~.]+|\b(?:in|is|as|where|try))\s*$")


@dataclasses.dataclass(frozen=True)
class Declared:
    """A name that a cell declares, with the kind of import declaration that brings it."""

    kind: str
    name: str


def _string_end(code: str, start: int, close: str, escape: str) -> int:
    """The place after a string literal whose content begins at `start`."""
    place = start
    while place < len(code):
        if code.startswith(escape + "(", place):
            place = _interpolation_end(code, place + len(escape) + 1)
        elif code.startswith(escape, place):
            place += len(escape) + 1
        elif code.startswith(close, place):
            return place + len(close)
        elif code[place] == "\n" and len(close.strip("#")) == 1:
            return place  # not closed on its line: the compiler will say so
        else:
            place += 1
    return place


def _interpolation_end(code: str, start: int) -> int:
    """The place after the `)` that closes an interpolation whose content begins at `start`."""
    place, depth = start, 1
    while place < len(code) and depth:
        if literal := _literal_start(code, place):
            place = _string_end(code, place + len(literal[0]), *literal[1:])
            continue
        depth += {"(": 1, ")": -1}.get(code[place], 0)
        place += 1
    return place


def _literal_start(code: str, place: int) -> tuple[str, str, str] | None:
    """Opening, closing and escape of the string literal that begins here."""
    match = re.compile(r'(#*)("""|")').match(code, place)
    return match and (match[0], match[2] + match[1], "\\" + match[1])


def masked(code: str) -> str:
    """The text with comments blanked and strings filled with `_`, all else at its place."""
    result = list(code)

    def blank(start: int, end: int, filling: str) -> None:
        for index in range(start, end):
            if result[index] != "\n":
                result[index] = filling

    place = 0
    while place < len(code):
        if code.startswith("//", place):
            end = code.find("\n", place)
            end = len(code) if end < 0 else end
            blank(place, end, " ")
        elif code.startswith("/*", place):
            end, depth = place + 2, 1
            while end < len(code) and depth:
                if code.startswith(("/*", "*/"), end):
                    depth += 1 if code[end] == "/" else -1
                    end += 2
                else:
                    end += 1
            blank(place, end, " ")
        elif literal := _literal_start(code, place):
            end = _string_end(code, place + len(literal[0]), *literal[1:])
            blank(place, end, "_")
            # Lines inside of a literal begin with what no statement begins with.
            for line in re.finditer("\n", code[place:end]):
                if place + line.end() < end:
                    result[place + line.end()] = ")"
        else:
            end = place + 1
        place = end
    return "".join(result)


def _top_level_lines(code: str) -> list[tuple[int, str]]:
    """The lines that are in no brackets, with their numbers from 0."""
    lines, depth = [], 0
    for number, line in enumerate(masked(code).split("\n")):
        if depth == 0 and line.strip():
            lines.append((number, line))
        depth += sum({"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(c, 0) for c in line)
        depth = max(depth, 0)
    return lines


def imports(code: str) -> list[str]:
    """The cell's import declarations."""
    return [
        line.strip()
        for _, line in _top_level_lines(code)
        if re.match(r"\s*(?:@testable )?import ", line)
    ]


def declared(code: str) -> list[Declared]:
    """The names that the cell declares for later cells."""
    names = []
    for _, line in _top_level_lines(code):
        if match := _DECLARATION.match(line):
            kind = _IMPORT_KIND.get(match[1], match[1])
            names += [Declared(kind, name) for name in re.findall(r"\w+", match[2]) if name != "_"]
    return names


def showing_last_expression(code: str) -> str | None:
    """The cell with its last statement in `show(…)`, or None where that is no expression."""
    lines = _top_level_lines(code)
    first = None
    for index in range(len(lines) - 1, -1, -1):
        number, line = lines[index]
        if _CONTINUES.match(line) or (index and _UNFINISHED.search(lines[index - 1][1])):
            continue
        first = number
        break
    if first is None:
        return None
    text = masked(code).split("\n")
    statement = "\n".join(text[first:])
    depth, outer = 0, ""
    for character in statement:
        depth += {"(": 1, "[": 1, "{": 1}.get(character, 0)
        outer += character if depth == 0 else " "
        depth -= {")": 1, "]": 1, "}": 1}.get(character, 0)
    if _STATEMENT.match(statement) or _ASSIGNMENT.search(outer) or ";" in outer:
        return None
    # The closing bracket has a line of its own: the last line may end in a comment.
    before, last = code.split("\n")[:first], code.split("\n")[first:]
    return "\n".join([*before, "show(" + last[0], *last[1:], ")"])
