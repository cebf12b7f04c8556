"""Runs notebooks from top to bottom, as CI does, and writes them as web pages where asked to.

    Notebooks/.venv/bin/python Notebooks/execute.py
    Notebooks/.venv/bin/python Notebooks/execute.py --pages pages Notebooks/4-roi.ipynb

A notebook fails on an error and on a `check` whose number differs from the text. The Swift code in
folded answers is run too. The notebooks themselves are not changed: they are committed without
outputs.
"""

import argparse
import dataclasses
import pathlib
import re
import sys
import time

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

NOTEBOOKS = pathlib.Path(__file__).resolve().parent
ANSWER = re.compile(r"<details>.*?</details>", re.S)
SWIFT = re.compile(r"```swift\n(.*?)```", re.S)
# Code is skipped over: there a dollar sign is no formula.
FORMULA = re.compile(r"```.*?```|`[^`]*`|\$\$(.+?)\$\$|\$([^$\n]+?)\$", re.S)
LONGEST_CELL = 900


@dataclasses.dataclass
class Run:
    """How a notebook ran."""

    notebook: nbformat.NotebookNode
    # Of each code cell, in order.
    seconds: list[float]
    # The cell and its error, where there was one.
    fault: str | None


def answers(cell: nbformat.NotebookNode) -> list[str]:
    """The Swift code in a text's folded answers."""
    return [code for answer in ANSWER.findall(cell.source) for code in SWIFT.findall(answer)]


def run(file: pathlib.Path) -> Run:
    """Runs a notebook until its end, or until a cell fails."""
    notebook = nbformat.read(file, as_version=4)
    swift = notebook.metadata.kernelspec.language == "swift"
    client = NotebookClient(
        notebook, timeout=LONGEST_CELL, resources={"metadata": {"path": str(NOTEBOOKS)}}
    )
    seconds: list[float] = []
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            # An answer is run, and its text stays as it is.
            code = [cell] if cell.cell_type == "code" else []
            if swift and cell.cell_type == "markdown":
                code = [nbformat.v4.new_code_cell(source) for source in answers(cell)]
            for part in code:
                began = time.monotonic()
                try:
                    client.execute_cell(part, index)
                except CellExecutionError as error:
                    first = part.source.splitlines()[0]
                    fault = f"{file}: the cell that begins with “{first}”:\n{error.evalue}"
                    return Run(notebook, seconds, fault)
                seconds.append(time.monotonic() - began)
    return Run(notebook, seconds, None)


def with_mathml(text: str) -> str:
    """A text with its formulas as MathML, which browsers show without a network."""
    from latex2mathml.converter import convert

    def replaced(match: re.Match) -> str:
        if match[1]:
            return convert(match[1], display="block")
        return convert(match[2]) if match[2] else match[0]

    return FORMULA.sub(replaced, text)


def write_page(notebook: nbformat.NotebookNode, name: str, folder: pathlib.Path) -> None:
    """Writes an executed notebook as a web page."""
    from nbconvert import HTMLExporter

    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = with_mathml(cell.source)
    page, _ = HTMLExporter().from_notebook_node(notebook, {"metadata": {"name": name}})
    # Links between notebooks become links between pages.
    page = re.sub(r'href="([\w-]+)\.ipynb"', r'href="\1.html"', page)
    (folder / f"{name}.html").write_text(page)


def write_index(files: list[pathlib.Path], folder: pathlib.Path) -> None:
    """Writes the list of the pages."""
    titles = []
    for file in files:
        first = nbformat.read(file, as_version=4).cells[0].source.split("\n")[0]
        titles.append(f'<li><a href="{file.stem}.html">{first.lstrip("# ")}</a></li>')
    head = '<!doctype html><meta charset="utf-8"><title>Mask R-CNN in Swift: notebooks</title>'
    (folder / "index.html").write_text(f"{head}<h1>Notebooks</h1><ul>{''.join(titles)}</ul>\n")


def main() -> int:
    """Runs what the command line names."""
    parser = argparse.ArgumentParser(description="Runs notebooks, and writes them as web pages.")
    parser.add_argument(
        "notebooks", nargs="*", type=pathlib.Path, help="default: all in this folder"
    )
    parser.add_argument(
        "--pages", type=pathlib.Path, metavar="FOLDER", help="where to write web pages"
    )
    options = parser.parse_args()
    files = options.notebooks or sorted(NOTEBOOKS.glob("*.ipynb"))
    if options.pages:
        options.pages.mkdir(parents=True, exist_ok=True)
    faults = []
    print(f"{'notebook':28} {'seconds':>7}  {'first cell':>10}  {'cells':>5}", flush=True)
    for file in files:
        began = time.monotonic()
        result = run(file)
        total = time.monotonic() - began
        first = f"{result.seconds[0]:10.1f}" if result.seconds else f"{'–':>10}"
        state = "FAILED" if result.fault else ""
        print(
            f"{file.stem:28} {total:7.1f}  {first}  {len(result.seconds):5}  {state}".rstrip(),
            flush=True,
        )
        if result.fault:
            faults.append(result.fault)
        elif options.pages:
            write_page(result.notebook, file.stem, options.pages)
    if options.pages:
        write_index(files, options.pages)
    for fault in faults:
        print(f"\n{fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
