"""What the tests of the page share: the bundled trace, made once, and its page in Chromium.

    python -m venv .build/page-venv && .build/page-venv/bin/pip install -r Tests/Page/requirements.txt
    swift build -c release && .build/page-venv/bin/pytest Tests/Page

MASKRCNN names another executable, CHROMIUM another browser.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy
import pytest
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
MASKRCNN = os.environ.get("MASKRCNN", str(ROOT / ".build/release/maskrcnn"))
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")


def maskrcnn(*arguments, code=0):
    """Runs the command from the package's folder; gives what it printed."""
    outcome = subprocess.run(
        [MASKRCNN, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True)
    assert outcome.returncode == code, outcome.stderr
    return outcome.stdout


class Folder:
    """A trace, as NumPy reads it."""

    def __init__(self, path):
        self.path = Path(path)
        self.index = self.path / "index.html"

    def record(self, stage):
        """What stage.json says."""
        return json.loads((self.path / stage / "stage.json").read_text())

    def tensor(self, stage, name):
        """One tensor of a stage."""
        entry = next(t for t in self.record(stage)["tensors"] if t["name"] == name)
        return numpy.load(self.path / stage / entry["file"])


@pytest.fixture(scope="session")
def trace(tmp_path_factory):
    """The bundled image's trace, with its page."""
    folder = Folder(tmp_path_factory.mktemp("page") / "trace")
    maskrcnn("--trace", folder.path)
    maskrcnn("page", "--trace", folder.path)
    return folder


@pytest.fixture(scope="session")
def browser():
    """Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, trace):
    """Opens a page in a window of a size, and waits until every exhibit is there.

    What is folded away is opened, unless `unfold` is false: most tests are of what lies within.

    At the end of the test no page may have reported an error, opened a dialog, or asked for anything
    but its own file and what that carries.
    """
    contexts, troubles = [], []

    def watch(message):
        if message.type in ("error", "warning"):
            troubles.append(f"console: {message.text}")

    def request(request):
        if not request.url.startswith(("file:", "data:", "blob:")):
            troubles.append(f"request: {request.url}")

    def dialog(dialog):
        troubles.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def open_page(
            index=trace.index, width=1280, height=900, scheme="light", place="", unfold=True,
            **options):
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", watch)
        page.on("pageerror", lambda error: troubles.append(f"script: {error}"))
        page.on("request", request)
        page.on("dialog", dialog)
        page.goto(Path(index).as_uri() + place)
        page.wait_for_selector("html[data-ready=true]", state="attached", timeout=20_000)
        assert page.locator("[data-exhibit]:not([data-ready=true])").count() == 0
        if unfold:
            page.evaluate("document.querySelectorAll('details').forEach((e) => { e.open = true; })")
            page.evaluate("new Promise((done) => requestAnimationFrame("
                          "() => requestAnimationFrame(done)))")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not troubles, troubles


@pytest.fixture
def page(open_page):
    """The bundled trace's page, 1280 pixels wide."""
    return open_page()
