"""The ledger of non-maximum suppression: its arithmetic, and what a reader does with it."""

import json
import shutil

import numpy
import pytest

from conftest import maskrcnn, Folder

KEPT, SUPPRESSED, BEYOND = 0, 1, 5
LIMIT = 1000

RUN = """([boxes, groups, scores, threshold]) => Array.from(
  Page.network.suppress(boxes.flat(), scores, groups, threshold).suppressedBy)"""


def oracle(boxes, groups, scores, threshold):
    """Greedy suppression, one pair of boxes after the other, in 32 bits."""
    boxes = boxes.astype(numpy.float32)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    by = numpy.full(len(boxes), -1)
    kept = {}
    for index in numpy.argsort(-scores, kind="stable"):
        rivals = kept.setdefault(groups[index], [])
        if rivals:
            others = boxes[rivals]
            corner = numpy.maximum(others[:, :2], boxes[index, :2])
            sides = numpy.minimum(others[:, 2:], boxes[index, 2:]) - corner
            shared = numpy.maximum(sides[:, 0], 0) * numpy.maximum(sides[:, 1], 0)
            over = shared / (areas[rivals] + areas[index] - shared)
            winners = numpy.flatnonzero(over.astype(numpy.float64) > threshold)
            if len(winners):
                by[index] = rivals[winners[0]]
                continue
        rivals.append(index)
    return by


@pytest.fixture(scope="module")
def ledger(trace):
    """The rows of ledger.npy that were looked at, and their indices."""
    considered = trace.tensor("3-proposals", "candidates.index")
    return considered, trace.tensor("3-proposals", "ledger")[considered]


def counts(page):
    """The table of counts: of each level looked at, suppressed, surviving, handed on."""
    return {
        row.get_attribute("data-level"): [int(cell) for cell in row.locator("td").all_inner_texts()]
        for row in page.locator("#suppression .counts tbody tr").all()}


def sentence(page):
    return page.locator("#suppression .readout").first


def choose_suppressed(page):
    """Chooses the best of the suppressed candidates."""
    page.locator("#suppression select").last.select_option(str(SUPPRESSED))
    page.locator("#suppression [role=grid] tbody tr").first.click()


def move(page, threshold):
    """Puts the slider to a threshold, and waits until the counts follow."""
    slider = page.locator("#suppression input[type=range]")
    slider.fill(str(threshold))
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")


def expected_counts(rows, by):
    lives = by < 0
    scores = rows[:, 4]
    handed = numpy.zeros(len(by), bool)
    handed[numpy.flatnonzero(lives)[numpy.argsort(-scores[lives], kind="stable")][:LIMIT]] = True
    result = {}
    for level in range(2, 7):
        own = rows[:, 0] == level
        result[f"P{level}"] = [
            int(own.sum()), int((own & ~lives).sum()), int((own & lives).sum()),
            int((own & handed).sum())]
    result["all"] = [sum(column) for column in zip(*result.values())]
    return result


def test_fates_at_the_traces_threshold(page, ledger):
    """Suppression in the page decides of every candidate what Swift decided, by the same box."""
    considered, rows = ledger
    by, decided = page.evaluate("""async () => {
      const ledger = await Candidates.load();
      const {by, iou} = Candidates.suppress(ledger, ledger.nmsThreshold);
      return [Array.from(by.subarray(0, ledger.considered),
        (place) => (place < 0 ? -1 : ledger.index[place])), [...iou.subarray(0, ledger.considered)]];
    }""")
    fates = rows[:, 9]
    assert numpy.array_equal(by, numpy.where(fates == SUPPRESSED, rows[:, 10], -1))
    assert numpy.array_equal(numpy.float32(decided), rows[:, 11])
    overlaps = page.evaluate("""async () => {
      const ledger = await Candidates.load();
      return Array.from({length: ledger.considered}, (_, place) => ledger.by[place] < 0 ? 0
        : Suppression.overlap(ledger.boxes, ledger.by[place], place).iou);
    }""")
    assert numpy.array_equal(numpy.float32(overlaps), rows[:, 11])
    shown = counts(page)
    for level in range(2, 7):
        here = fates[rows[:, 0] == level]
        assert shown[f"P{level}"] == [
            len(here), (here == SUPPRESSED).sum(), ((here == KEPT) | (here == BEYOND)).sum(),
            (here == KEPT).sum()]


@pytest.mark.parametrize("threshold", [0, 0.1, 0.3, 0.5, 0.69, 0.9, 1])
def test_other_thresholds(page, ledger, threshold):
    """Moved, the slider shows what NumPy finds: who lives, and who changed."""
    _, rows = ledger
    by = oracle(rows[:, 5:9], rows[:, 0], rows[:, 4], threshold)
    move(page, threshold)
    assert counts(page) == expected_counts(rows, by)
    change = page.locator("#suppression .readout").last
    suppressed = rows[:, 9] == SUPPRESSED
    assert int(change.get_attribute("data-alive")) == ((by < 0) & suppressed).sum()
    assert int(change.get_attribute("data-dead")) == ((by >= 0) & ~suppressed).sum()
    page.get_by_role("button", name="Back to the trace").click()
    assert counts(page)["all"] == [4768, 2207, 2561, 1000]


def test_any_boxes(page):
    """Random boxes in groups, with equal scores and equal boxes."""
    random = numpy.random.default_rng(5)
    for size in (0, 1, 40, 300):
        corner = random.uniform(0, 60, (size, 2))
        boxes = numpy.hstack([corner, corner + random.uniform(0, 50, (size, 2))])
        boxes[size // 2:size // 2 + 5] = boxes[:1]
        boxes = boxes.astype(numpy.float32)
        scores = random.integers(0, 8, size) / numpy.float32(8)
        groups = random.integers(0, 3, size)
        for threshold in (0, 0.3, 0.5, 0.8):
            found = page.evaluate(
                RUN, [boxes.tolist(), groups.tolist(), scores.tolist(), threshold])
            assert found == oracle(boxes, groups, scores, threshold).tolist()


def test_strictly_greater(page):
    """Two boxes of IoU 1/2 live at a threshold of 1/2, and of just under it one dies."""
    boxes = [[0, 0, 2, 2], [0, 0, 2, 1]]
    assert page.evaluate(RUN, [boxes, [0, 0], [0.9, 0.8], 0.5]) == [-1, -1]
    assert page.evaluate(RUN, [boxes, [0, 0], [0.9, 0.8], 0.499]) == [-1, 0]
    assert page.evaluate(RUN, [boxes, [0, 0], [0.8, 0.8], 0.499]) == [-1, 0]
    assert page.evaluate(RUN, [boxes, [0, 1], [0.9, 0.8], 0.499]) == [-1, -1]


def test_fast_enough(page):
    """Five levels of 1000 boxes, most of them overlapping, up to the threshold at which all stay."""
    times = page.evaluate("""() => {
      let seed = 1;
      const next = () => (seed = seed * 16807 % 2147483647) / 2147483647;
      const boxes = new Float32Array(20000);
      for (let box = 0; box < 5000; box++) {
        const [x, y] = [400 * next(), 400 * next()];
        boxes.set([x, y, x + 100 + 200 * next(), y + 100 + 200 * next()], 4 * box);
      }
      const groups = Uint8Array.from({length: 5000}, (_, box) => box / 1000);
      const scores = Float32Array.from({length: 5000}, next);
      const time = (threshold) => {
        const start = performance.now();
        Page.network.suppress(boxes, scores, groups, threshold);
        return performance.now() - start;
      };
      // Other programs may be running, and the first runs are not compiled yet: the best of some.
      return [0, 0.5, 0.7, 0.9, 1].map((threshold) =>
        Math.min(...Array.from({length: 20}, () => time(threshold))));
    }""")
    print("5 x 1000 boxes at thresholds 0, 0.5, 0.7, 0.9, 1:", times, "ms")
    assert max(times) < 100


def test_a_suppressed_one_names_its_suppressor(page, ledger):
    considered, rows = ledger
    choose_suppressed(page)
    said = sentence(page)
    candidate = int(said.get_attribute("data-candidate"))
    row = rows[considered.tolist().index(candidate)]
    assert row[9] == SUPPRESSED and int(said.get_attribute("data-by")) == row[10]
    winner = rows[considered.tolist().index(int(row[10]))]
    corner = numpy.maximum(row[5:7], winner[5:7])
    shared = numpy.prod(numpy.minimum(row[7:9], winner[7:9]) - corner)
    union = sum(numpy.prod(each[7:9] - each[5:7]) for each in (row, winner)) - shared
    text = said.inner_text()
    assert f"suppressed by candidate {int(row[10])}" in text
    assert f"IoU {row[11]:.2f} > 0.70" in text
    # The image was enlarged twofold: a square image pixel holds four input pixels.
    assert f"share {shared / 4:,.0f} square image pixels" in text
    assert f"the {union / 4:,.0f} that" in text
    page.get_by_label("Coordinates in input pixels").check()
    text = said.inner_text()
    assert f"share {shared:,.0f} square input pixels" in text and f"the {union:,.0f} that" in text

    page.get_by_role("button", name="Choose its suppressor").click()
    assert said.get_attribute("data-candidate") == str(int(row[10]))
    victims = (rows[:, 10] == row[10]).sum()
    assert "is kept" in said.inner_text() and f"suppressed {victims} other" in said.inner_text()


def test_keys_move_through_the_list(page):
    grid = page.locator("#suppression [role=grid]")
    grid.locator("[aria-selected=true]").focus()
    chosen = lambda: int(sentence(page).get_attribute("data-candidate"))
    first = chosen()
    page.keyboard.press("ArrowDown")
    second = chosen()
    assert second != first
    page.keyboard.press("ArrowUp")
    assert chosen() == first
    page.keyboard.press("PageDown")
    page.keyboard.press("PageUp")
    assert chosen() == first
    page.keyboard.press("Home")
    scores = [float(text) for text in grid.locator("tbody td:first-child").all_inner_texts()]
    assert scores == sorted(scores, reverse=True)
    assert grid.locator("[aria-selected=true]").evaluate("(row) => row === document.activeElement")


def test_the_list_says_what_lies_before_and_after(page):
    grid = page.locator("#suppression [role=grid]")
    pages = page.locator("#suppression .pages button")
    assert pages.all_inner_texts() == ["← higher scores", "lower scores →"]
    for words in (["← higher IoU", "lower IoU →"], ["← lower IoU", "higher IoU →"]):
        grid.get_by_role("button", name="IoU").click()
        assert pages.all_inner_texts() == words
        grid.locator("tbody tr").first.focus()
        page.keyboard.press("Home")
        # Whoever was not suppressed has no IoU and stands last, however the list is sorted.
        assert all(grid.locator("tbody td:last-child").all_inner_texts())
        page.keyboard.press("End")
        assert not any(grid.locator("tbody tr:last-child td:last-child").all_inner_texts())


def test_a_suppressor_that_falls_itself_is_told(page, ledger):
    """At a lower threshold who suppressed in the trace may be suppressed; the victim says so."""
    considered, rows = ledger
    by = oracle(rows[:, 5:9], rows[:, 0], rows[:, 4], 0.3)
    place = {int(index): row for row, index in enumerate(considered)}
    fallen = {index for index, row in place.items()
              if rows[row, 9] == SUPPRESSED and by[place[int(rows[row, 10])]] >= 0}
    move(page, 0.3)
    page.locator("#suppression select").first.select_option("5")
    page.locator("#suppression [role=grid] tbody tr").first.focus()
    page.keyboard.press("Home")
    told = set()
    for _ in range(12):
        page.keyboard.press("ArrowDown")
        said = sentence(page)
        index = int(said.get_attribute("data-candidate"))
        told.add(index in fallen)
        assert ("is itself suppressed" in said.inner_text()) == (index in fallen), index
    assert told == {True, False}


def test_list_follows_the_filters(page, ledger):
    _, rows = ledger
    level = page.locator("#suppression select").first
    fate = page.locator("#suppression select").last
    where = page.locator("#suppression .pages span")
    level.select_option("3")
    for value in (KEPT, SUPPRESSED):
        fate.select_option(str(value))
        count = ((rows[:, 0] == 3) & (rows[:, 9] == value)).sum()
        assert where.inner_text().endswith(f"of {count}")
    fate.select_option("revived")
    assert where.inner_text() == "none"
    move(page, 0.9)
    assert not where.inner_text() == "none"
    now = counts(page)
    assert int(where.inner_text().split()[-1]) <= now["P3"][2]


def test_clicks_go_from_the_smallest_box_outward(page, ledger):
    considered, rows = ledger
    rows = rows[rows[:, 0] == int(page.locator("#suppression select").first.input_value())]
    canvas = page.locator("#suppression canvas.pickable")
    canvas.scroll_into_view_if_needed()
    frame = canvas.bounding_box()
    width, height = page.evaluate("Page.sizes.resized")
    target = rows[len(rows) // 3]
    middle = (target[5:7] + target[7:9]) / 2
    under = rows[numpy.all((rows[:, 5:7] <= middle) & (rows[:, 7:9] >= middle), axis=1)]
    areas = numpy.sort(numpy.prod(under[:, 7:9] - under[:, 5:7], axis=1))
    assert len(under) > 2
    for expected in areas[:3]:
        canvas.click(position={
            "x": float(middle[0]) / width * frame["width"],
            "y": float(middle[1]) / height * frame["height"]})
        found = considered.tolist().index(int(sentence(page).get_attribute("data-candidate")))
        row = ledger[1][found]
        area = (row[7] - row[5]) * (row[8] - row[6])
        assert area == pytest.approx(expected, rel=1e-5)


@pytest.fixture(scope="session")
def proposals_only(trace, tmp_path_factory):
    """The trace without the stages after the proposals."""
    folder = Folder(tmp_path_factory.mktemp("partial") / "trace")
    shutil.copytree(trace.path, folder.path, ignore=shutil.ignore_patterns(
        "4-roi", "5-heads", "6-masks", "index.html"))
    record = json.loads((folder.path / "trace.json").read_text())
    record["stages"] = [stage for stage in record["stages"] if stage < "4"]
    (folder.path / "trace.json").write_text(json.dumps(record))
    maskrcnn("page", "--trace", folder.path)
    return folder


def test_a_trace_that_ends_with_the_proposals(open_page, proposals_only):
    page = open_page(proposals_only.index)
    assert counts(page)["all"] == [4768, 2207, 2561, 1000]
    assert page.locator("#masks").count() == 0
    steps = page.locator("#biography .life li")
    assert steps.last.get_attribute("data-step") == "open"
    assert "stage 4 did not run" in steps.last.inner_text()


@pytest.mark.parametrize("width", [360, 1280])
def test_no_wider_than_the_window(open_page, width):
    page = open_page(width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
