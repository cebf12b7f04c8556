"""The package as a dynamic library, which cells import and the Swift process loads."""

import dataclasses
import os
import pathlib
import subprocess
from collections.abc import Callable

PACKAGE = pathlib.Path(__file__).resolve().parent.parent.parent
PRODUCT = "MaskRCNNDynamic"


class BuildError(Exception):
    """The package does not compile; the text is the compiler's."""


@dataclasses.dataclass(frozen=True)
class Library:
    """Where the library and its modules are."""

    folder: pathlib.Path

    @property
    def is_current(self) -> bool:
        """Whether no source has changed since the library was linked.

        `swift build` finds that out too, in seconds. A folder counts with its files: its time
        changes when one is removed.
        """
        file = self.folder / f"lib{PRODUCT}.so"
        if not file.exists():
            return False
        roots = [PACKAGE / "Package.swift", PACKAGE / "Sources", PACKAGE / "Notebooks" / "Prelude"]
        sources = [path for root in roots for path in (root, *root.rglob("*"))]
        return max(path.stat().st_mtime for path in sources) <= file.stat().st_mtime

    @property
    def compile_flags(self) -> list[str]:
        """What the compiler needs to import the package: its modules, and the C modules below."""
        written = (PACKAGE / "Sources").glob("C*/module.modulemap")
        generated = self.folder.glob("C*.build/module.modulemap")
        maps = [f"-fmodule-map-file={path}" for path in sorted([*written, *generated])]
        return [f"-I{self.folder / 'Modules'}"] + [word for path in maps for word in ("-Xcc", path)]

    @property
    def link_flags(self) -> list[str]:
        """What the linker needs."""
        return [
            f"-L{self.folder}",
            f"-l{PRODUCT}",
            "-Xlinker",
            "-rpath",
            "-Xlinker",
            str(self.folder),
        ]


def build(progress: Callable[[str], None]) -> Library:
    """Builds the library, if it is not up to date.

    SWIFTKERNEL_LIBRARY names a folder of the package in which that has been done, as in CI.
    """
    if built := os.environ.get("SWIFTKERNEL_LIBRARY"):
        return Library((PACKAGE / built).resolve())
    library = Library(PACKAGE / ".build" / "release")
    if library.is_current:
        return library
    environment = dict(os.environ, MASKRCNN_NOTEBOOKS="1")
    command = ["swift", "build", "-c", "release", "--product", PRODUCT]
    with subprocess.Popen(
        command,
        cwd=PACKAGE,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        lines = []
        for line in process.stdout:
            lines.append(line)
            progress(line.rstrip())
    if process.returncode:
        raise BuildError("".join(lines))
    return library
