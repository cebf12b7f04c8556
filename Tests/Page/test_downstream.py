"""The operators' effect on the masks: the page's numbers against the command's and against NumPy."""

import json
import re
import shutil

import numpy
import pytest
from PIL import Image

from conftest import ROOT, maskrcnn


@pytest.fixture
def exhibit(page):
    return page.locator("#downstream")


def masks(trace):
    """Every mask of stage 6 over the whole image, [D, H, W]."""
    height, width = trace.tensor("6-masks", "label_map").shape
    soft = trace.tensor("6-masks", "soft")
    found, start = [], 0
    for x1, y1, x2, y2 in trace.tensor("6-masks", "windows"):
        size = (y2 - y1) * (x2 - x1)
        mask = numpy.zeros((height, width), bool)
        mask[y1:y2, x1:x2] = soft[start:start + size].reshape(y2 - y1, x2 - x1) > 0.5
        found.append(mask)
        start += size
    return numpy.array(found)


# What the command calls the columns that the page has.
HEADINGS = {
    "detections": "detections", "matched with RoIAlign": "matched with RoIAlign",
    "mean IoU of these": "mean IoU", "matching the truth at IoU 0.5": "true at 0.5",
    "at 0.75": "at 0.75", "not matching": "not", "mean IoU of the matching": "IoU with truth",
    "best IoU per object": "best per object", "area relative to the truth’s": "area",
}


def test_table_is_what_the_command_prints(exhibit, trace):
    heads, rule, *lines = maskrcnn("downstream", "--trace", trace.path).splitlines()
    # The rule under the headings says where each column stands.
    columns = [match.span() for match in re.finditer("-+", rule)]
    titles = exhibit.locator("table.operators thead th").all_text_contents()
    assert set(titles[1:]) == set(HEADINGS)
    for name in ("RoIAlign", "RoIPool", "RoIWarp"):
        line = next(line for line in lines if line.startswith(name))
        printed = {heads[start:end].strip(): line[start:end].strip() for start, end in columns}
        shown = exhibit.locator(f"tr[data-operator={name}]").locator("td").all_text_contents()
        for title, cell in zip(titles[1:], shown, strict=True):
            expected = printed[HEADINGS[title]]
            if not expected or not cell:
                assert cell == expected, title
            else:
                # The page may show fewer digits.
                digits = len(cell.partition(".")[2])
                assert float(cell) == pytest.approx(float(expected), abs=0.51 * 10 ** -digits), title


def test_counts_against_the_truth(exhibit, trace):
    """The objects found, by NumPy: each detection, by descending score, takes the best one left."""
    truth = numpy.array(Image.open(ROOT / "Fixtures/images/nuclei-labels.png"))
    objects = [truth == label for label in numpy.unique(truth[truth > 0])]
    overlaps = numpy.array([
        [(mask & area).sum() / (mask | area).sum() for area in objects]
        for mask in masks(trace)])
    matched, free = [], numpy.ones(len(objects), bool)
    for row in overlaps:
        best = int(numpy.argmax(numpy.where(free, row, -1)))
        if row[best] >= 0.5 and free[best]:
            matched.append(row[best])
            free[best] = False
    cells = exhibit.locator("tr[data-operator=RoIAlign] td").all_text_contents()
    assert int(cells[3]) == len(matched)
    assert float(cells[6]) == pytest.approx(numpy.mean(matched), abs=6e-4)
    assert float(cells[7]) == pytest.approx(overlaps.max(axis=0).mean(), abs=6e-4)


def test_masks_of_align_are_the_traces(page, trace):
    """The exhibit's RoIAlign is the trace's own result, mask for mask."""
    areas = page.evaluate("Regions.load('downstream/RoIAlign')"
                          ".then((masks) => masks.map((mask) => mask.area))")
    numpy.testing.assert_array_equal(areas, trace.tensor("6-masks", "areas"))


def test_choosing_masks(page, exhibit):
    exhibit.get_by_label("Second result").select_option("truth")
    slider = exhibit.get_by_role("slider")
    readout = exhibit.locator(".readout")
    first = float(readout.get_attribute("data-overlap"))
    assert first > 0, "it opens on a mask that has a partner"
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert float(readout.get_attribute("data-overlap")) >= first
    assert "the truth" in readout.text_content()
    page.keyboard.press("Home")
    assert "touches no mask" in readout.text_content(), "the worst comes first"
    page.keyboard.press("End")
    assert float(readout.get_attribute("data-overlap")) > 0.9


def test_overlap_is_intersection_over_union(page):
    overlap = page.evaluate("""() => {
      const square = (x, y) => ({x1: x, y1: y, x2: x + 4, y2: y + 4, area: 16,
        inside: new Uint8Array(16).fill(1)});
      return Regions.partners([square(0, 0), square(9, 9)], [square(3, 3), square(2, 1)]);
    }""")
    assert overlap == [
        {"index": 0, "partner": 1, "overlap": pytest.approx(6 / 26)},
        {"index": 1, "partner": -1, "overlap": 0}]


def test_shifts(page, exhibit, trace):
    """Rounded edges against NumPy, and against the bound of half a stride."""
    boxes = trace.tensor("3-proposals", "proposals").astype(numpy.float64)
    level = trace.tensor("4-roi", "levels")
    stride = 2.0 ** level[:, None]
    rounded = numpy.floor(boxes / stride + 0.5) + [0, 0, 1, 1]
    expected = rounded * stride - boxes
    shown = numpy.array(page.evaluate(
        "Page.array('downstream/shifts').then(({values}) => [...values])")).reshape(-1, 4)
    # An edge in the middle between two cells may round either way in 32 bits.
    near = numpy.abs(shown - expected) < 1e-3
    assert near.mean() > 0.999
    most = float(exhibit.locator("[data-most]").get_attribute("data-most"))
    members = stride[:, 0] == stride.min()
    assert most == pytest.approx(numpy.abs(shown[members, :2]).max())
    assert most <= stride.min() / 2


def test_without_weights_there_is_no_exhibit(trace, tmp_path, open_page):
    copy = tmp_path / "trace"
    shutil.copytree(trace.path, copy)
    record = json.loads((copy / "trace.json").read_text())
    del record["weights"]
    (copy / "trace.json").write_text(json.dumps(record))
    maskrcnn("page", "--trace", copy)
    page = open_page(copy / "index.html")
    assert page.locator("#downstream").count() == 0
    assert page.locator("section[id='6-masks']").count() == 1


def test_truth_of_another_size_is_refused(trace):
    maskrcnn("page", "--trace", trace.path, "--truth", ROOT / "Fixtures/images/coins.png", code=1)
