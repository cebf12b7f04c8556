"""Pages of traces that are seldom made: without proposals or detections, of a huge image, or with
names that were chosen to break out of the page."""

import shutil

import pytest
from PIL import Image

from conftest import ROOT, Folder, maskrcnn
from forging import set_options


@pytest.fixture
def rerun(trace, tmp_path):
    """Gives a copy of the bundled trace after some of its stages ran again."""

    def rerun(*stages):
        copy = Folder(shutil.copytree(trace.path, tmp_path / "trace"))
        for name, *options in stages:
            maskrcnn(name, "--trace", copy.path, "--no-figures", *options)
        return copy

    return rerun


def test_without_proposals(rerun, open_page):
    folder = rerun(("proposals", "--min-size", 100_000), ("roi",), ("heads",), ("masks",))
    assert len(folder.tensor("3-proposals", "proposals")) == 0
    page = open_page(folder.index)
    # Without a box there is nothing to magnify.
    assert page.locator("#maps, #suppression, #biography").count() == 3
    assert page.locator("#microscope, #sweep").count() == 0
    assert "There are no proposals" in page.locator("#downstream .note").last.text_content()
    assert "There are no masks of RoI" in page.locator("#downstream .readout").text_content()
    assert "Nothing was detected" in page.locator("#masks").text_content()
    page.locator("#suppression").get_by_role("button", name="Follow it through all stages").click()
    assert page.locator("#biography .life li").last.get_attribute("data-step") == "filtering"


def test_without_detections(rerun, open_page):
    folder = rerun(("heads", "--score-threshold", 1), ("masks",))
    assert len(folder.tensor("6-masks", "boxes")) == 0
    page = open_page(folder.index)
    assert page.locator("main [data-exhibit]").count() == 7
    assert "Nothing was detected" in page.locator("#masks").text_content()
    assert "There are no masks of RoI" in page.locator("#downstream .readout").text_content()
    assert page.locator("#biography .life li.ends").get_attribute("data-step") == "scoring"


def test_a_huge_image(tmp_path, open_page):
    """The masks' windows hold 36 times as many pixels as the bundled image's, about 4,400,000."""
    image = Image.open(ROOT / "Fixtures/images/nuclei.png")
    large = tmp_path / "large.png"
    image.resize([6 * side for side in image.size], Image.Resampling.BICUBIC).save(large)
    folder = Folder(tmp_path / "trace")
    # The network sees it in the size in which it sees the bundled image.
    maskrcnn("input", large, "--trace", folder.path, "--scale", 1 / 3, "--no-figures", "--no-page")
    for stage in ("backbone", "anchors", "proposals", "roi", "heads"):
        maskrcnn(stage, "--trace", folder.path, "--no-figures", "--no-page")
    maskrcnn("masks", "--trace", folder.path, "--no-figures")
    windows = folder.tensor("6-masks", "windows")
    pixels = ((windows[:, 2] - windows[:, 0]) * (windows[:, 3] - windows[:, 1])).cumsum()
    carried = int((pixels <= 4_000_000).sum())
    assert 0 < carried < len(windows)
    assert folder.index.stat().st_size <= 5_000_000
    page = open_page(folder.index)
    downstream = page.locator("#downstream")
    notes = " ".join(downstream.locator(".note").all_text_contents())
    assert f"{carried} of the {len(windows)} of RoIAlign" in notes
    count = "Regions.load('downstream/RoIAlign').then((masks) => masks.length)"
    assert page.evaluate(count) == carried
    # The figures are those of all.
    assert downstream.locator("tr[data-operator=RoIAlign] td").first.text_content() == str(
        len(windows))


HOSTILE = "\"><img src=x onerror=alert(1)><script>alert(2)<b>"


def test_hostile_names_are_shown_as_text(trace, tmp_path, open_page):
    """An image's file, a class and options whose names are HTML, JavaScript or shell."""
    image = tmp_path / f"{HOSTILE}.png"
    shutil.copy(ROOT / "Fixtures/images/nuclei.png", image)
    folder = Folder(tmp_path / "trace")
    maskrcnn(image, "--trace", folder.path, "--no-page")

    names = folder.record("5-heads")["options"]["classNames"]
    set_options(
        folder.path, "5-heads",
        classNames=[names[0]] + [f"<b>{name}</b>{HOSTILE}" for name in names[1:]])
    set_options(folder.path, "3-proposals", kernels=f"{HOSTILE};rm -rf $(x)")
    maskrcnn("page", "--trace", folder.path)
    # The fixture fails on a dialog and on a request, as for x.
    page = open_page(folder.index)
    page.wait_for_timeout(300)
    usual = open_page(trace.index)
    for kind in ("script", "img", "b", "[onerror]"):
        assert page.locator(kind).count() == usual.locator(kind).count(), kind
    assert HOSTILE in page.title()
    assert HOSTILE in page.locator("h1").text_content()
    assert f"<b>{names[1]}</b>{HOSTILE}" in page.locator("#masks .title").text_content()
    assert f"{HOSTILE};rm -rf $(x)" in page.locator("[id='3-proposals'] .options").text_content()
