"""Two traces on one page."""

import shutil
import subprocess
import zlib

import numpy
import pytest

from conftest import MASKRCNN, ROOT, Folder, maskrcnn


@pytest.fixture(scope="module")
def pooled(trace, tmp_path_factory):
    """The same trace from stage 4 on through RoIPool."""
    folder = tmp_path_factory.mktemp("pooled") / "pooled"
    shutil.copytree(trace.path, folder)
    maskrcnn("roi", "--trace", folder, "--operator", "pool", "--no-page")
    maskrcnn("heads", "--trace", folder, "--no-page")
    maskrcnn("masks", "--trace", folder, "--no-page")
    return Folder(folder)


@pytest.fixture
def compared(trace, pooled, tmp_path, open_page):
    """A page that holds the bundled trace against the pooled one, opened."""
    copy = tmp_path / "aligned"
    shutil.copytree(trace.path, copy)
    maskrcnn("page", "--trace", copy, "--against", pooled.path)
    return open_page(copy / "index.html").locator("#comparison")


def test_it_names_the_first_stage_that_differs(compared, trace, pooled):
    diff = subprocess.run(
        [MASKRCNN, "diff", trace.path, pooled.path], cwd=ROOT, capture_output=True, text=True)
    assert diff.stdout.splitlines()[0] == compared.locator(".standfirst").text_content()
    begins = compared.locator(".agreement tr.first")
    assert begins.count() == 1
    assert begins.locator("a").text_content() == "4-roi"
    for stage in ("0-input", "1-backbone", "2-anchors", "3-proposals"):
        row = compared.locator(".agreement tr", has_text=stage)
        assert row.locator("td").nth(1).text_content() == "0"


def test_it_names_the_option_that_differs(compared):
    row = compared.locator("table").first.locator("tbody tr", has_text="operator")
    assert row.locator("td").all_text_contents() == ["operator", "align", "pool"]


def test_tensors_of_the_first_stage(compared, trace, pooled):
    ours, theirs = (each.tensor("4-roi", "features") for each in (trace, pooled))
    row = compared.locator("tbody tr", has_text="features").locator("td")
    assert row.nth(0).text_content() == f"{(ours != theirs).sum()} of {ours.size}"
    assert float(row.nth(1).text_content()) == pytest.approx(abs(ours - theirs).max(), rel=1e-3)


def test_pixels_that_masks_cover(compared, trace, pooled):
    ours, theirs = (each.tensor("6-masks", "label_map") > 0 for each in (trace, pooled))
    caption = compared.get_by_text("Pixels that some mask covers").text_content()
    for count in ((ours & theirs).sum(), (ours & ~theirs).sum(), (~ours & theirs).sum()):
        assert f"({count})" in caption


def test_images_stand_in_threes(compared):
    pairs = compared.locator(".out .pair")
    assert pairs.count() > 3
    for index in range(pairs.count()):
        images = pairs.nth(index).locator("img")
        assert images.count() in (2, 3)
        assert all(image.get_attribute("alt") for image in images.all())


def test_a_trace_against_itself(trace, tmp_path, open_page):
    copy = tmp_path / "copy"
    shutil.copytree(trace.path, copy)
    maskrcnn("page", "--trace", copy, "--against", trace.path)
    section = open_page(copy / "index.html").locator("#comparison")
    words = section.locator(".standfirst").text_content()
    assert words.startswith("All ") and words.endswith(" tensors are equal.")
    assert section.locator(".pair").count() == 0


def test_weights_of_one_name_are_told_apart_by_content(trace, tmp_path, open_page):
    bundled = ROOT / "Fixtures/weights/nuclei.safetensors"
    weights = bytearray(bundled.read_bytes())
    weights[-2] ^= 1  # the last bit of the last half float
    (tmp_path / bundled.name).write_bytes(weights)
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for folder, file in ((ours, bundled), (theirs, tmp_path / bundled.name)):
        shutil.copytree(trace.path, folder)
        maskrcnn(
            "backbone", "--trace", folder, "--weights", file, "--no-page", "--no-figures")
    maskrcnn("page", "--trace", ours, "--against", theirs)
    options = open_page(ours / "index.html").locator("#comparison table").first
    row = options.locator("tbody tr", has_text="1-backbone").locator("td")
    assert row.all_text_contents() == ["weightsChecksum"] + [
        f"{zlib.crc32(file):08x}" for file in (bundled.read_bytes(), weights)]


def test_nothing_in_common(trace, tmp_path):
    other = tmp_path / "input"
    maskrcnn("input", ROOT / "Fixtures/images/nuclei.png", "--trace", other, "--no-page")
    shutil.rmtree(other / "0-input")
    maskrcnn("page", "--trace", trace.path, "--against", other, code=1)


def test_a_stale_stage_is_never_shown_as_equal(trace, tmp_path, open_page):
    """After stage 4 alone, the stages 5 and 6 are those of the old features."""
    copy = tmp_path / "aligned"
    shutil.copytree(trace.path, copy)
    maskrcnn("roi", "--trace", copy, "--aligned", "--no-page", "--no-figures")
    maskrcnn("page", "--trace", copy, "--against", trace.path)
    page = open_page(copy / "index.html")
    section = page.locator("#comparison")
    stale = section.locator("ul.stale li").all_text_contents()
    assert len(stale) >= 2
    assert "5-heads, computed from an earlier 4-roi. Refresh it with swift run -c release heads" in (
        stale[0])
    for stage in ("5-heads", "6-masks"):
        row = section.locator(".agreement tr", has_text=stage)
        assert row.locator("strong").text_content() == "stale"
        assert page.locator(f"[id='{stage}'] .outdated").count() == 1
    assert page.locator("[id='4-roi'] .outdated").count() == 0
