"""Masks: pasting in the page held to Swift's, and what a reader does with it."""

import numpy
import pytest

PASTED = """async () => {
  const masks = await Paste.load();
  return Array.from({length: masks.count}, (_, index) => {
    const {window, soft} = Paste.detection(masks, index);
    return {window: [window.x1, window.y1, window.x2, window.y2], soft: Array.from(soft)};
  });
}"""


@pytest.fixture(scope="module")
def heads(trace):
    """Logits and labels of the detections."""
    return trace.tensor("5-heads", "mask_logits"), trace.tensor("5-heads", "labels")


def areas(soft, windows, threshold):
    """Pixels over a threshold in each window."""
    sizes = numpy.prod(windows[:, 2:] - windows[:, :2], axis=1)
    parts = numpy.split(soft, numpy.cumsum(sizes)[:-1])
    return [int((part > numpy.float32(threshold)).sum()) for part in parts]


def test_every_mask_is_pasted_as_in_swift(page, trace):
    soft, windows = (trace.tensor("6-masks", name) for name in ("soft", "windows"))
    pasted = page.evaluate(PASTED)
    assert [each["window"] for each in pasted] == windows.tolist()
    found = numpy.concatenate([each["soft"] for each in pasted])
    difference = numpy.abs(found - soft).max()
    print("largest difference of a pixel's probability:", difference)
    assert difference < 1e-4
    for threshold in (0.3, 0.5, 0.7):
        own = areas(numpy.float32(found), windows, threshold)
        theirs = areas(soft, windows, threshold)
        print("areas at", threshold, "differ by at most",
              max(abs(a - b) for a, b in zip(own, theirs)))
        assert numpy.abs(numpy.subtract(own, theirs)).max() <= 1
    assert areas(numpy.float32(found), windows, 0.5) == trace.tensor("6-masks", "areas").tolist()


def test_exact_logits_paste_exactly(page, trace, heads):
    """From logits of 32 bits, not rounded for the page, nothing differs but for the exponential."""
    logits, labels = heads
    boxes = trace.tensor("6-masks", "boxes")
    soft, windows = (trace.tensor("6-masks", name) for name in ("soft", "windows"))
    at = largest = 0
    for detection in range(40):
        found = page.evaluate(
            """([logits, box]) => Array.from(Paste.paste(
                 Paste.probabilities(Float32Array.from(logits)), 28, box, Page.sizes.original).soft)""",
            [logits[detection, labels[detection]].ravel().tolist(), boxes[detection].tolist()])
        numpy.testing.assert_allclose(found, soft[at:at + len(found)], rtol=0, atol=2e-7)
        largest = max(largest, numpy.abs(found - soft[at:at + len(found)]).max())
        at += len(found)
    print("largest difference:", largest)


def test_the_same_probabilities_paste_to_the_last_bit(page, trace):
    probabilities, boxes, soft = (
        trace.tensor("6-masks", name) for name in ("probabilities", "boxes", "soft"))
    at = 0
    for detection in range(40):
        found = page.evaluate(
            "([mask, box]) => [...Paste.paste(mask, 28, box, Page.sizes.original).soft]",
            [probabilities[detection].ravel().tolist(), boxes[detection].tolist()])
        numpy.testing.assert_array_equal(numpy.float32(found), soft[at:at + len(found)])
        at += len(found)


def test_outside_and_tiny_boxes(page):
    """A box outside the image leaves nothing; one of no extent still has a pixel."""
    paste = """(box) => Paste.paste(new Float32Array(784).fill(1), 28, box, [64, 48])"""
    outside = page.evaluate(paste, [70, 10, 90, 20])
    assert outside["window"] == {"x1": 0, "y1": 0, "x2": 0, "y2": 0} and len(outside["soft"]) == 0
    tiny = page.evaluate(paste, [10, 10, 10, 10])
    assert tiny["window"] == {"x1": 10, "y1": 10, "x2": 11, "y2": 11}
    corner = page.evaluate(paste, [-5, -5, 5, 5])
    # 10 * 30 / 28 / 2 = 5.36: cut to -5 … 5, of which 0 … 5 lie inside.
    assert corner["window"] == {"x1": 0, "y1": 0, "x2": 6, "y2": 6}
    assert len(corner["soft"]) == 36


def test_a_mask_for_every_class(page, heads):
    logits, labels = heads
    page.locator("#masks [role=option]").nth(5).click()
    table = page.locator("#masks .classes")
    assert table.locator("thead th").count() == logits.shape[1]
    assert "(its class)" in table.locator("thead th").nth(labels[5]).inner_text()
    own = numpy.float64(logits[5]).reshape(logits.shape[1], -1)
    powers = numpy.exp(own - own.max(axis=0))
    rows = table.locator("tbody tr").all()
    for row, values in ((rows[1], 1 / (1 + numpy.exp(-own))), (rows[2], powers / powers.sum(axis=0))):
        shown = [int(cell.get_attribute("data-over")) for cell in row.locator("td").all()]
        expected = (values > 0.5).sum(axis=1)
        # The other classes' logits are rounded.
        assert numpy.abs(shown - expected).max() <= 4
        assert expected.max() > 20


def test_logits_that_are_looked_at(page, heads):
    """The own class's are exact to 16 bits, the others' to 9."""
    logits, labels = heads
    own, others = page.evaluate("""async () => {
      const masks = await Paste.load();
      return [Array.from(masks.own), Array.from(masks.others)];
    }""")
    count = len(labels)
    exact = logits[numpy.arange(count), labels].ravel()
    assert (numpy.abs(own - exact) <= numpy.abs(exact) * 2 ** -16 + 1e-30).all()
    rest = numpy.stack([numpy.delete(logits[i], labels[i], 0) for i in range(count)]).ravel()
    assert (numpy.abs(others - rest) <= numpy.abs(rest) * 2 ** -8 + 1e-6).all()


def test_the_threshold_moves_the_area(page, trace):
    soft, windows = (trace.tensor("6-masks", name) for name in ("soft", "windows"))
    page.locator("#masks [role=option]").nth(3).click()
    slider = page.locator("#masks input[type=range]")
    said = page.locator("#masks .reading .readout")
    assert int(said.get_attribute("data-area")) == areas(soft, windows, 0.5)[3]
    last = None
    for threshold in (0, 0.25, 0.5, 0.75, 1):
        slider.fill(str(threshold))
        area = int(said.get_attribute("data-area"))
        assert abs(area - areas(soft, windows, threshold)[3]) <= 1
        assert last is None or area <= last
        last = area
    slider.focus()
    page.keyboard.press("ArrowLeft")
    assert "over 0.99" in said.inner_text()
    assert int(said.get_attribute("data-area")) == areas(soft, windows, 0.99)[3]


def test_no_score_is_rounded_up_to_1(page, trace):
    scores = trace.tensor("5-heads", "scores")
    assert scores.max() > 0.995, "else no score could be, to two digits"
    shown = [float(text.split(" · ")[1]) for text in
             page.locator("#masks .tile > span:first-of-type").all_text_contents()]
    assert max(shown) < 1
    numpy.testing.assert_allclose(shown, scores, atol=5e-4)


def test_the_sheet_by_keyboard(page, trace):
    tiles = page.locator("#masks [role=option]")
    assert tiles.count() == len(trace.tensor("5-heads", "labels"))
    tiles.first.click()
    said = page.locator("#masks .reading .readout")
    chosen = lambda: int(said.get_attribute("data-detection"))
    assert chosen() == 0
    page.locator("#masks [role=option][aria-selected=true]").focus()
    page.keyboard.press("ArrowRight")
    assert chosen() == 1
    page.keyboard.press("ArrowDown")
    assert chosen() > 2
    page.keyboard.press("ArrowUp")
    assert chosen() == 1
    page.keyboard.press("End")
    assert chosen() == tiles.count() - 1
    assert tiles.last.evaluate("(tile) => tile === document.activeElement")


def test_the_outline_lies_between_inside_and_outside(page):
    """Every edge of the outline parts a pixel over the threshold from one that is not."""
    edges = page.evaluate("""() => {
      const edges = [];
      let from;
      const context = {moveTo: (x, y) => { from = [x, y]; },
        lineTo: (x, y) => edges.push([...from, x, y])};
      Paste.outline(context, {window: {x1: 3, y1: 5, x2: 6, y2: 7},
        soft: Float32Array.of(0.9, 0.9, 0.1, 0.2, 0.9, 0.5)}, 0.5);
      return edges;
    }""")
    # Two pixels above, one below the second: a perimeter of 8.
    assert len(edges) == 8
    assert [3, 5, 4, 5] in edges and [5, 6, 5, 7] in edges and [4, 6, 4, 7] in edges
    assert [4, 5, 4, 6] not in edges


def test_tiles_are_drawn_when_they_come_into_view(page):
    """A hundred masks need not be pasted before anyone looks at them."""
    last = page.locator("#masks [role=option] canvas").last
    unpainted = 300  # A canvas that was never given a size is so wide.
    assert last.evaluate("canvas => canvas.width") == unpainted
    last.scroll_into_view_if_needed()
    page.wait_for_function(
        "canvas => canvas.width !== 300 && canvas.getContext('2d').getImageData("
        "canvas.width / 2, canvas.height / 2, 1, 1).data[3] === 255", arg=last.element_handle())
