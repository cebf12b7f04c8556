"""Compiling a cell: each is a module, which imports the modules of the cells before it."""

import dataclasses
import pathlib
import subprocess

from . import diagnostics, source
from .library import Library


class CompileError(Exception):
    """The cell does not compile; the text shows the messages at their lines."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """A compiled cell."""

    # The name of its module.
    module: str
    # The label that the notebook shows: `In[3]`.
    label: str
    library: pathlib.Path
    declared: list[source.Declared]
    imports: list[str]
    # The compiler's warnings.
    warnings: str

    @property
    def entry(self) -> str:
        """The function that runs the cell."""
        return f"{self.module}_main"


class Compiler:
    """Compiles cells into a folder."""

    def __init__(self, library: Library, folder: pathlib.Path):
        self._library = library
        self._folder = folder
        self._count = 0

    def compile(self, code: str, label: str, earlier: list[Cell]) -> Cell:
        """Compiles a cell, so that a last expression is shown where there is one.

        Raises CompileError.
        """
        self._count += 1
        module = f"Cell{self._count}"
        if showing := source.showing_last_expression(code):
            try:
                return self._compile(code, showing, label, module, earlier)
            except CompileError:
                # The messages have to be about the cell as it was written.
                pass
        return self._compile(code, code, label, module, earlier)

    def _compile(self, code: str, text: str, label: str, module: str, earlier: list[Cell]) -> Cell:
        new_names = source.declared(code)
        log, ok = self._run(text, label, module, preamble(earlier, new_names))
        messages = diagnostics.parsed(log)
        if not ok and not any(message.kind == "error" for message in messages):
            # An import of a single name failed, because the scan of an earlier cell was wrong.
            log, ok = self._run(text, label, module, preamble(earlier, new_names, by_name=False))
            messages = diagnostics.parsed(log)
        shown = "\n".join(message.rendered(code) for message in messages)
        if not ok:
            raise CompileError(shown or log)
        return Cell(
            module=module,
            label=label,
            library=self._folder / f"lib{module}.so",
            declared=new_names,
            imports=source.imports(code),
            warnings=shown,
        )

    def _run(self, text: str, label: str, module: str, imports: list[str]) -> tuple[str, bool]:
        file = self._folder / module / "main.swift"
        file.parent.mkdir(exist_ok=True)
        located = f'#sourceLocation(file: "{label}", line: 1)\n{text}\n'
        file.write_text("; ".join(imports) + "\n" + located)
        command = ["swiftc", "-c", str(file), "-module-name", module, "-o", f"{module}.o"]
        command += ["-emit-module", "-emit-module-path", f"{module}.swiftmodule"]
        # Earlier cells' names are internal: @testable imports reach them.
        command += ["-Onone", "-enable-testing", "-swift-version", "5", "-gline-tables-only"]
        command += ["-wmo", "-no-emit-module-separately", "-diagnostic-style", "llvm"]
        command += ["-Xfrontend", "-entry-point-function-name", "-Xfrontend", f"{module}_main"]
        log, ok = self._call(command + ["-I.", *self._library.compile_flags])
        if not ok:
            return log, False
        command = ["swiftc", "-emit-library", f"{module}.o", "-o", f"lib{module}.so", "-use-ld=lld"]
        # An error that leaves the cell goes to the notebook, see Prelude/Check.swift.
        command += ["-Xlinker", "--wrap=swift_errorInMain"]
        # What the cell uses of earlier ones is found when it is loaded, which they are by then.
        command += ["-Xlinker", "--unresolved-symbols=ignore-all"]
        link_log, ok = self._call(command + self._library.link_flags)
        return log + link_log, ok

    def _call(self, command: list[str]) -> tuple[str, bool]:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=self._folder
        )
        return done.stdout, done.returncode == 0


def preamble(
    earlier: list[Cell], new_names: list[source.Declared], by_name: bool = True
) -> list[str]:
    """The imports that a cell begins with.

    A name that two cells declare is that of the later one, and a name that a cell and the package
    declare is the cell's: an import of a single name comes before imports of whole modules.
    """
    lines = ["import NotebookPrelude"]
    for cell in earlier:
        lines += cell.imports
    lines += [f"@testable import {cell.module}" for cell in earlier]
    if by_name:
        hidden = {declared.name for declared in new_names}
        owners = {d.name: (d, cell.module) for cell in earlier for d in cell.declared}
        lines += [
            f"@testable import {declared.kind} {module}.{declared.name}"
            for declared, module in owners.values()
            if declared.name not in hidden
        ]
    return list(dict.fromkeys(lines))
