"""The kernel: Jupyter's messages on one side, the compiler and the Swift process on the other."""

import pathlib
import re
import tempfile
import threading

from ipykernel.kernelbase import Kernel

from . import crash, diagnostics, library
from .compiler import Cell, CompileError, Compiler
from .names import Names
from .process import Outcome, SwiftProcess

# A cell's own module in messages of Swift's runtime: `Cell3/In[2]:4: Fatal error`.
_MODULE = re.compile(r"\bCell\d+/(In\[\d+\])")
_QUIET_SECONDS = 4.0


class SwiftKernel(Kernel):
    """Runs Swift cells that share one process, and so their state."""

    implementation = "swiftkernel"
    implementation_version = "1.0"
    banner = "Swift cells; `import MaskRCNN` gives them the package."
    language_info = {
        "name": "swift",
        "mimetype": "text/x-swift",
        "codemirror_mode": "swift",
        "pygments_lexer": "swift",
        "file_extension": ".swift",
    }

    def __init__(self, **options):
        super().__init__(**options)
        self._folder = tempfile.TemporaryDirectory(prefix="swiftkernel-")
        self._report = pathlib.Path(self._folder.name) / "crash.txt"
        self._process: SwiftProcess | None = None
        # The cells whose state the process has, by the notebook's cell: one that is run again
        # replaces what it declared.
        self._cells: dict[str, Cell] = {}
        self._compiler: Compiler | None = None
        self._names: Names | None = None
        self._failure = ""
        self._progress = ""
        # Begins before the first cell asks for it.
        self._building = threading.Thread(target=self._build, daemon=True)
        self._building.start()

    # The package

    def _build(self) -> None:
        def note(line: str) -> None:
            self._progress = line

        try:
            built = library.build(note)
            self._names = Names(built, pathlib.Path(self._folder.name))
            self._compiler = Compiler(built, pathlib.Path(self._folder.name))
        except library.BuildError as error:
            self._failure = str(error)

    def _await_build(self) -> None:
        """Waits for the package, and shows how far its build is if that takes long."""
        self._building.join(_QUIET_SECONDS)
        if self._building.is_alive():
            self._output("stderr", "Building the package; the first time this takes minutes.\n")
            while self._building.is_alive():
                self._building.join(_QUIET_SECONDS)
                self._output("stderr", f"\r{self._progress[:100]:100}")
            self._output("stderr", "\n")

    # Jupyter's requests

    def do_execute(
        self,
        code,
        silent,
        store_history=True,
        user_expressions=None,
        allow_stdin=False,
        *,
        cell_meta=None,
        cell_id=None,
    ):
        """Compiles and runs a cell."""
        if not code.strip():
            return self._reply()
        label = f"In[{self.execution_count}]"
        try:
            self._await_build()
            if not self._compiler:
                failure, self._failure = self._failure, ""
                self._building = threading.Thread(target=self._build, daemon=True)
                self._building.start()
                return self._error("BuildError", f"The package does not compile:\n{failure}")
            key = cell_id or label
            earlier = [cell for name, cell in self._cells.items() if name != key]
            cell = self._compiler.compile(code, label, earlier)
        except CompileError as error:
            return self._error("CompileError", str(error))
        except KeyboardInterrupt:
            return self._error(
                "Interrupted", "Interrupted while the cell was compiled. Nothing is lost."
            )
        if cell.warnings:
            self._output("stderr", cell.warnings + "\n")
        return self._run(cell, key, code)

    def do_complete(self, code, cursor_pos):
        """Names that continue the word at the cursor."""
        matches, start = [], cursor_pos
        if self._names:
            matches, start = self._names.completions(code, cursor_pos, list(self._cells.values()))
        return {
            "status": "ok",
            "matches": matches,
            "cursor_start": start,
            "cursor_end": cursor_pos,
            "metadata": {},
        }

    def do_inspect(self, code, cursor_pos, detail_level=0, omit_sections=()):
        """The declaration and documentation of the name at the cursor."""
        text = self._names and self._names.documentation(
            code, cursor_pos, list(self._cells.values())
        )
        data = {"text/plain": text} if text else {}
        return {"status": "ok", "found": bool(text), "data": data, "metadata": {}}

    def do_shutdown(self, restart):
        """Ends the processes."""
        if self._names:
            self._names.end()
        if self._process:
            self._process.end()
            self._process = None
        self._folder.cleanup()
        return {"status": "ok", "restart": restart}

    # A cell's run

    def _run(self, cell: Cell, key: str, code: str):
        printed = ""

        def output(name: str, text: str) -> None:
            nonlocal printed
            text = _MODULE.sub(r"\1", text)
            if name == "stderr":
                printed = (printed + text)[-4000:]
            self._output(name, text)

        try:
            if not self._process:
                self._report.unlink(missing_ok=True)
                environment = {"SWIFTKERNEL_PACKAGE": str(library.PACKAGE)}
                self._process = SwiftProcess(environment | crash.environment(self._report))
            outcome = self._process.run(cell.library, cell.entry, output, self._display)
        except KeyboardInterrupt:
            lost = self._end_process(key)
            return self._error("Interrupted", f"Interrupted: the Swift process was ended. {lost}")
        if outcome.ended:
            lost = self._end_process(key)
            return self._error(
                "Crash", _crash(cell.label, outcome.ended, printed, self._report, code, lost)
            )
        if outcome.thrown is not None:
            return self._error(
                "Error",
                f"{cell.label} threw an error: {outcome.thrown}\n"
                "What the cell declares is not available to others.",
            )
        # At the end, so that it comes after all that it may use.
        self._cells.pop(key, None)
        self._cells[key] = cell
        if outcome.failures:
            return self._error("CheckFailed", _failed_checks(cell, outcome, code))
        return self._reply()

    def _end_process(self, key: str) -> str:
        """Ends the process, and says what has to be run again."""
        self._process.end()
        self._process = None
        lost = [
            cell.label
            for name, cell in self._cells.items()
            if name != key and (cell.declared or cell.imports)
        ]
        self._cells = {}
        if not lost:
            return "No other cell had state."
        return f"What these cells declared is lost, run them again: {', '.join(lost)}."

    # Messages to Jupyter

    def _reply(self) -> dict:
        return {
            "status": "ok",
            "execution_count": self.execution_count,
            "payload": [],
            "user_expressions": {},
        }

    def _error(self, name: str, text: str) -> dict:
        content = {"ename": name, "evalue": text, "traceback": text.split("\n")}
        self.send_response(self.iopub_socket, "error", content)
        return {"status": "error", "execution_count": self.execution_count, **content}

    def _output(self, name: str, text: str) -> None:
        self.send_response(self.iopub_socket, "stream", {"name": name, "text": text})

    def _display(self, forms: dict[str, str]) -> None:
        self.send_response(self.iopub_socket, "display_data", {"data": forms, "metadata": {}})


def _failed_checks(cell: Cell, outcome: Outcome, code: str) -> str:
    return "\n".join(
        diagnostics.at_line(cell.label, line, text, code) for line, text in outcome.failures
    )


def _crash(label: str, ended: str, printed: str, report: pathlib.Path, code: str, lost: str) -> str:
    found = crash.Crash.read(report)
    fatal = next((line for line in printed.split("\n") if "Fatal error" in line), None)
    reason = fatal or found.reason or ended
    return "\n".join(
        [f"{label} ended the Swift process: {reason}", *found.rendered(code, label), lost]
    )
