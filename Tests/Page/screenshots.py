"""Saves an image of every section and exhibit of a page, at two widths, light and dark.

    python Tests/Page/screenshots.py trace/index.html FOLDER
"""

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

# Parts, by what their file is called; sections are shown without the exhibits and lists in them.
PARTS = {"opening": "body > header", "contents": "nav.contents"}


# Some canvases are first drawn when they come into view.
SCROLL_THROUGH = """
async (part) => {
  const {height} = part.getBoundingClientRect();
  for (let below = -200; below < height; below += 600) {
    scrollTo({top: scrollY + part.getBoundingClientRect().top + below, behavior: 'instant'});
    await new Promise((done) => { setTimeout(done, 50); });
  }
}
"""


def parts(page):
    """Name and element of every part of the page."""
    found = {name: page.locator(selector) for name, selector in PARTS.items()}
    for section in page.locator("main > section").all():
        name = section.get_attribute("id")
        found[name] = section.locator("> .opening")
        found[f"{name}-data"] = section.locator("> .data")
    for exhibit in page.locator("main [data-exhibit]").all():
        found[f"exhibit-{exhibit.get_attribute('id')}"] = exhibit
    return found


def main(index, folder):
    folder.mkdir(parents=True, exist_ok=True)
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for width in (360, 1280):
            for scheme in ("light", "dark"):
                page = browser.new_page(
                    viewport={"width": width, "height": 900}, color_scheme=scheme,
                    reduced_motion="reduce")
                page.goto(index.resolve().as_uri())
                page.wait_for_selector("html[data-ready=true]", state="attached")
                # A line that stays at the top would lie over the parts.
                page.add_style_tag(content="nav.contents { position: static !important; }")
                for name, part in parts(page).items():
                    part.evaluate(SCROLL_THROUGH)
                    part.screenshot(path=folder / f"{name}-{width}-{scheme}.png")
                page.close()
        browser.close()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
