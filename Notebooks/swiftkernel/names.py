"""Completion of names, and what a name means, by the toolchain's SourceKit."""

import json
import pathlib
import re
import subprocess
import sys

from . import sourcekit
from .compiler import Cell, preamble
from .library import Library

_NAME = re.compile(r'key\.name: "((?:[^"\\]|\\.)*)"')
_FIELD = r'key\.%s: "((?:[^"\\]|\\.)*)"'
_WORD = re.compile(r"\w*$")


class Names:
    """Answers questions about the names in a cell, with those of the cells before it."""

    def __init__(self, library: Library, folder: pathlib.Path):
        self._file = folder / "names" / "main.swift"
        self._arguments = ["-module-name", "Names", f"-I{folder}", *library.compile_flags]
        self._arguments += ["-swift-version", "5", str(self._file)]
        self._process: subprocess.Popen | None = None

    def completions(self, code: str, place: int, earlier: list[Cell]) -> tuple[list[str], int]:
        """The names that can continue the word that ends at a place, and where that word begins."""
        start = place - len(_WORD.search(code[:place])[0])
        answer = self._ask("codecomplete", code, start, earlier)
        # A function's name is offered without its arguments.
        names = {name.split("(")[0] for name in _NAME.findall(answer)}
        word = code[start:place]
        return sorted(
            name for name in names if name.startswith(word) and name.isidentifier()
        ), start

    def documentation(self, code: str, place: int, earlier: list[Cell]) -> str | None:
        """The declaration and the documentation of the name at a place."""
        start = place - len(_WORD.search(code[:place])[0])
        answer = self._ask("cursorinfo", code, start, earlier)
        declaration, text = (
            re.search(_FIELD % field, answer) for field in ("annotated_decl", "doc_comment")
        )
        if not declaration:
            return None
        plain = re.sub(r"<[^>]*>", "", json.loads(f'"{declaration[1]}"'))
        for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
            plain = plain.replace(entity, character)
        return "\n\n".join([plain] + ([json.loads(f'"{text[1]}"')] if text else []))

    def end(self) -> None:
        """Ends the process that answers."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def _ask(self, request: str, code: str, place: int, earlier: list[Cell]) -> str:
        if not sourcekit.library():
            return ""
        if not self._process or self._process.poll() is not None:
            self._file.parent.mkdir(exist_ok=True)
            self._process = subprocess.Popen(
                [sys.executable, sourcekit.__file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                start_new_session=True,
            )
        before = "; ".join(preamble(earlier, [])) + "\n"
        text = before + code
        self._file.write_text(text)
        fields = {
            "key.request": f"source.request.{request}",
            "key.sourcefile": json.dumps(str(self._file)),
            "key.sourcetext": json.dumps(text),
            "key.offset": len((before + code[:place]).encode()),
            "key.compilerargs": json.dumps(self._arguments),
        }
        yaml = "\n".join(f"{key}: {value}" for key, value in fields.items())
        self._process.stdin.write(json.dumps(yaml) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        return json.loads(line) if line else ""
