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


def objects(trace):
    """The masks that the trace shows, from the label map."""
    labels = trace.tensor("6-masks", "label_map")
    shown = int((trace.tensor("5-heads", "scores") > 0.5).sum())
    return [labels == label for label in range(1, shown + 1) if (labels == label).any()]


def test_an_object_has_one_colour_in_both(compared, trace, pooled):
    """Objects are matched by the IoU of their masks, not by their rank."""
    ours, theirs = objects(trace), objects(pooled)
    overlaps = numpy.array([
        [(a & b).sum() / (a | b).sum() if (a & b).any() else 0 for b in theirs] for a in ours])
    # Over a half no object has two partners.
    both = int((overlaps > 0.5).sum())
    words = compared.locator(".pair").first.inner_text()
    assert f"{both} objects are the same in both" in words
    assert f"{len(ours) - both} are found only in" in words
    assert f"and {len(theirs) - both} only in" in words
    found = compared.page.evaluate("""async () => {
      const colour = async (image) => {
        await image.decode();
        const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
        const context = canvas.getContext('2d', {willReadFrequently: true});
        context.drawImage(image, 0, 0);
        return {width: canvas.width, data: [...context.getImageData(
          0, 0, canvas.width, canvas.height).data]};
      };
      return Promise.all([...document.querySelectorAll('#comparison .pair img')].slice(0, 2)
        .map(colour));
    }""")
    views = [numpy.array(view["data"]).reshape(-1, view["width"], 4)[..., :3] for view in found]
    first, second = numpy.unravel_index(overlaps.argmax(), overlaps.shape)
    rows, columns = numpy.nonzero(ours[first] & theirs[second])
    scale = views[0].shape[0] / ours[first].shape[0]
    at = int(rows.mean() * scale), int(columns.mean() * scale)
    assert abs(views[0][at] - views[1][at]).max() < 40


def test_landmarks_of_a_comparison_have_names_of_their_own(compared):
    names = compared.page.evaluate("""() => [...document.querySelectorAll(
      '[role=region]')].map((each) => each.ariaLabel)""")
    assert len(set(names)) == len(names), sorted(names)
