"""The compiler's messages, at their lines of the cell."""

import dataclasses
import re

_MESSAGE = re.compile(r"^(In\[\d+\]):(\d+):(\d+): (error|warning|note): (.*)$", re.M)
_COLOURS = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "note": "\x1b[1;34m"}
_PLAIN = "\x1b[0m"


@dataclasses.dataclass(frozen=True)
class Diagnostic:
    """One message."""

    cell: str
    line: int
    column: int
    kind: str
    text: str

    def rendered(self, code: str) -> str:
        """The message with the line that it is about, the one before it, and a mark below."""
        colour = _COLOURS[self.kind]
        title = f"{colour}{self.kind}{_PLAIN} in {self.cell}, line {self.line}: {self.text}"
        pointer = " " * (self.column - 1) + f"{colour}^{_PLAIN}"
        return f"{excerpt(title, self.line, code, before=1)}\n       │ {pointer}"


def parsed(log: str) -> list[Diagnostic]:
    """The messages about a cell in what the compiler wrote, each once."""
    found = [Diagnostic(m[1], int(m[2]), int(m[3]), m[4], m[5]) for m in _MESSAGE.finditer(log)]
    return list(dict.fromkeys(found))


def at_line(cell: str, line: int, text: str, code: str) -> str:
    """A message of the kernel's own about a line, in the same form."""
    title = f"{_COLOURS['error']}error{_PLAIN} in {cell}, line {line}: {text}"
    return excerpt(title, line, code)


def excerpt(title: str, line: int, code: str, before: int = 0, after: int = 0) -> str:
    """A title, and below it a line of a text with its neighbours."""
    lines = code.split("\n")
    shown = [title]
    for number in range(max(line - before, 1), min(line + after, len(lines)) + 1):
        mark = "→" if number == line else " "
        shown.append(f" {mark} {number:3} │ {lines[number - 1]}")
    return "\n".join(shown)
