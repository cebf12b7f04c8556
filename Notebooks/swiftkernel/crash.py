"""What the Swift runtime's backtrace says about a process that has ended."""

import dataclasses
import pathlib
import re

from . import diagnostics
from .library import PACKAGE

_REASON = re.compile(
    r"^\*\*\* (?:Swift runtime failure: |Program crashed: )(.*?)(?: at 0x[0-9a-f]+)? \*\*\*$", re.M
)
_FRAME = re.compile(
    r"^\s*\d+ (?:\[[\w ]+\]\s*)*0x[0-9a-f]+ (?P<function>.*?)(?: \+ \d+)?"
    r" in \S+ at (?P<file>.*):(?P<line>\d+):\d+$",
    re.M,
)
_CELL = re.compile(r"In\[\d+\]$")


def environment(report: pathlib.Path) -> dict[str, str]:
    """What makes the runtime write a report into a file."""
    settings = (
        "enable=yes,color=no,interactive=no,registers=none,images=none,threads=crashed,sanitize=no"
    )
    return {"SWIFT_BACKTRACE": f"{settings},output-to={report}"}


@dataclasses.dataclass(frozen=True)
class Frame:
    """A place in a cell or in the package that was being executed."""

    function: str
    file: pathlib.Path
    line: int

    def rendered(self, code: str, label: str) -> str | None:
        """The place with its text; None for a place that a reader cannot see."""
        if _CELL.search(self.file.name):
            if self.file.name == label:
                return diagnostics.excerpt(f"in {label}, line {self.line}", self.line, code)
            return f"in {self.file.name}, line {self.line}"
        if not self.file.is_relative_to(PACKAGE) or not self.file.exists():
            return None
        place = f"in {self.function}, {self.file.relative_to(PACKAGE)}, line {self.line}"
        return diagnostics.excerpt(place, self.line, self.file.read_text(), after=1)


@dataclasses.dataclass(frozen=True)
class Crash:
    """Why the process ended, and where."""

    reason: str | None
    frames: list[Frame]

    @classmethod
    def read(cls, report: pathlib.Path) -> "Crash":
        """Reads a report; one that was not written is empty."""
        text = report.read_text(errors="replace") if report.exists() else ""
        reason = _REASON.search(text)
        frames = [
            Frame(match["function"], pathlib.Path(match["file"]), int(match["line"]))
            for match in _FRAME.finditer(text)
        ]
        return cls(reason and reason[1], list(dict.fromkeys(frames)))

    def rendered(self, code: str, label: str) -> list[str]:
        """The places from the innermost to the cell."""
        return [text for frame in self.frames if (text := frame.rendered(code, label))]
