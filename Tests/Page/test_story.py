"""The page as a story: an overview first, chapters that fold, one object that all exhibits show, a
guess before each answer."""

import csv
import re
from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal

import numpy
import pytest

from conftest import ROOT, Folder, maskrcnn

SCREENS = [(1440, 900), (1024, 768), (390, 844)]


@pytest.fixture
def folded(open_page):
    """The page as a reader finds it, at 1440 x 900."""
    return open_page(width=1440, height=900, unfold=False)


# ---- the overview ----


def test_the_headline_counts_what_is_shown(page, trace):
    shown = int((trace.tensor("5-heads", "scores") > 0.5).sum())
    labels = trace.tensor("5-heads", "labels")[:shown]
    names = trace.record("5-heads")["options"]["classNames"]
    assert {names[label] for label in labels} == {"fluorescence nucleus"}
    assert page.locator(".headline").inner_text() == (
        f"How a network found {shown} fluorescence nuclei in this image")


def test_the_strip_has_every_stage_with_its_count(page, trace):
    size = trace.tensor("0-input", "image").shape
    shown = int((trace.tensor("5-heads", "scores") > 0.5).sum())
    losses = trace.tensor("8-losses", "losses").sum()
    step = trace.tensor("9-gradients", "step")[:, 1].sum()
    anchors = len(trace.tensor("3-proposals", "ledger"))
    expected = {
        "0-input": f"{size[2]} × {size[1]}", "1-backbone": "9", "2-anchors": f"{anchors:,}",
        "3-proposals": f"{len(trace.tensor('3-proposals', 'proposals')):,}",
        "4-roi": f"{len(trace.tensor('4-roi', 'features')):,}",
        "5-heads": str(len(trace.tensor("5-heads", "labels"))), "6-masks": str(shown),
        "7-targets": str(len(trace.tensor("7-targets", "truth.boxes"))),
        "8-losses": pytest.approx(losses, abs=1e-4), "9-gradients": pytest.approx(step, abs=1e-4),
    }
    found = {}
    for link in page.locator("nav.strip a").all():
        count = link.locator("strong").inner_text()
        stage = link.get_attribute("href")[1:]
        found[stage] = float(count) if stage[0] in "89" else count
        assert page.locator(f"section[id='{stage}']").count() == 1
    assert found == expected
    candidates = len(trace.tensor("3-proposals", "candidates.index"))
    assert f"of {candidates:,} candidates" in page.locator("nav.strip").inner_text()


@pytest.mark.parametrize("width, height", SCREENS)
def test_the_strip_is_seen_without_scrolling(open_page, width, height):
    page = open_page(width=width, height=height, unfold=False, reduced_motion="reduce")
    for part in page.locator(".headline, nav.strip a, nav.strip img").all():
        box = part.bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= height
        assert box["x"] >= 0 and box["x"] + box["width"] <= width + 1
    image = page.locator("#overview canvas").bounding_box()
    assert image["y"] + image["height"] / 3 < height, "of the image at least a third"


def test_the_strip_moves_once_and_not_where_motion_is_reduced(open_page):
    count = """() => document.getAnimations().filter((each) => (
      each.animationName === 'arrive')).map((each) => each.effect.getTiming().iterations)"""
    moving = open_page(reduced_motion="no-preference").evaluate(count)
    assert len(moving) > 0 and set(moving) == {1}
    assert open_page(reduced_motion="reduce").evaluate(count) == []


def test_a_trace_that_stops_early_says_how_far_it_goes(open_page, tmp_path):
    folder = Folder(tmp_path / "trace")
    maskrcnn("input", "Fixtures/images/coins.png", "--trace", folder.path)
    maskrcnn("backbone", "--trace", folder.path)
    page = open_page(folder.index)
    assert page.locator(".headline").inner_text() == (
        "How a network looks for objects in this image: stages 0 to 1")
    assert page.locator("nav.strip li").count() == 2
    assert page.locator("#overview").count() == 0
    assert page.locator("nav.contents .object").count() == 0


def test_it_can_be_passed_on_and_read_without_scripts(page, trace):
    headline = page.locator(".headline").inner_text()
    content = lambda name: page.locator(f"meta[{name}]").get_attribute("content")
    assert content("property='og:title'") == headline
    assert content("name=description") == content("property='og:description'")
    assert headline in content("name=description")
    assert "JavaScript" in re.search(r"<noscript>(.*?)</noscript>", trace.index.read_text())[1]


# ---- chapters ----


def test_chapters_are_about_a_screen_each(folded):
    assert folded.locator("details[open]").count() == 0
    screens = folded.evaluate("document.documentElement.scrollHeight / innerHeight")
    print(f"{screens:.1f} screens")
    assert screens <= 15
    stops = folded.evaluate("""() => [...document.querySelectorAll(
      'a[href], button:not([disabled]), input:not([disabled]), select, summary, [tabindex="0"]')]
      .filter((each) => each.checkVisibility() && each.type !== 'radio').length""")
    print(f"{stops} tab stops and a group of radio buttons per question")
    assert stops <= 130


@pytest.mark.parametrize("place", ["0-input-data", "sweep"])
def test_a_link_into_a_folded_part_opens_it(open_page, folded, place):
    page = open_page(place=f"#{place}", unfold=False)
    assert page.locator(f"details[id='{place}']").evaluate("(each) => each.open")
    folded.evaluate("(place) => { location.hash = place; }", place)
    folded.wait_for_selector(f"details[id='{place}'][open]")


def test_searching_in_the_page_finds_what_is_folded(open_page):
    """A link to a text goes the way of the search: Chromium opens what the text is folded into."""
    page = open_page(place="#:~:text=Drawn%20by", unfold=False)
    page.wait_for_selector("details.data[open] .gallery details[open]")


def test_paper_has_what_is_folded_and_the_screen_is_as_before(folded):
    folded.evaluate("""() => addEventListener('beforeprint', () => {
      document.body.dataset.closed = document.querySelectorAll('details:not([open])').length;
    })""")
    folded.pdf()
    assert folded.locator("body").get_attribute("data-closed") == "0"
    assert folded.locator("details[open]").count() == 0


def test_landmarks_have_names_of_their_own(page):
    names = page.evaluate("""() => [...document.querySelectorAll(
      'main, nav, aside, section, [role=region]')].map((each) => each.localName + ' '
        + (each.ariaLabel ?? document.getElementById(each.getAttribute('aria-labelledby'))
          ?.textContent ?? ''))""")
    assert len(set(names)) == len(names), sorted(names)


def test_three_operators_are_three_columns_or_one(open_page):
    for width, columns in ((1440, 3), (1024, 3), (390, 1)):
        page = open_page(width=width)
        maps = page.locator("#microscope canvas.map").all()
        assert len({round(each.bounding_box()["x"]) for each in maps}) == columns


def test_touch_is_not_told_about_keys(open_page):
    advice = "#microscope .by-keyboard"
    assert open_page().locator(advice).first.is_visible()
    page = open_page(width=390, has_touch=True, is_mobile=True)
    assert page.locator(advice).count() > 0
    assert not any(each.is_visible() for each in page.locator(".by-keyboard").all())


# ---- one object ----


def followed(page):
    """Which object each exhibit shows."""
    page.wait_for_timeout(100)
    return page.evaluate("""() => {
      const data = (selector) => document.querySelector(selector).dataset;
      return {
        overview: data('#overview .readout').object,
        masks: data('#masks .readout[data-detection]').detection,
        candidate: data('#suppression .readout').candidate,
        life: data('#biography .life').candidate,
        box: data('#microscope [data-box][data-level]').box.split(' ').map(Number),
        cell: [data('#maps .readout').row, data('#maps .readout').column].map(Number),
        map: data('#maps .readout').map,
        spine: document.querySelector('[data-stage="6-masks"] h3').textContent,
        link: document.querySelector('nav.contents .object').textContent,
        rounding: document.querySelector('#downstream [data-overlap]').textContent,
      };
    }""")


def check_object(page, trace, number):
    found = followed(page)
    proposal = trace.tensor("5-heads", "proposal")[number]
    candidate = int(trace.tensor("3-proposals", "proposal_index")[proposal])
    assert found["overview"] == found["masks"] == str(number)
    assert found["candidate"] == found["life"] == str(candidate)
    box = trace.tensor("3-proposals", "proposals")[proposal]
    assert (numpy.float32(found["box"]) == box).all()
    detection = trace.tensor("5-heads", "boxes")[number]
    stride = 2 ** int(found["map"][1])
    middle = (detection[:2] + detection[2:]) / 2 / stride
    assert found["cell"] == pytest.approx(middle[::-1] - 0.5, abs=0.51)
    assert f"Object {number} " in found["spine"] and f"Object {number}," in found["link"]
    assert f"against mask {number} of RoIAlign" in found["rounding"]


def test_a_click_in_the_overview_chooses_for_all(page, trace):
    labels = trace.tensor("6-masks", "label_map")
    for number in (17, 40):
        rows, columns = numpy.nonzero(labels == number + 1)
        middle = len(rows) // 2
        canvas = page.locator("#overview canvas")
        box = canvas.bounding_box()
        canvas.click(position={
            "x": (columns[middle] + 0.5) / labels.shape[1] * box["width"],
            "y": (rows[middle] + 0.5) / labels.shape[0] * box["height"]})
        check_object(page, trace, number)
        assert page.url.endswith(f"#object={number}")


def test_the_address_names_the_object(open_page, trace):
    page = open_page(place="#object=17")
    check_object(page, trace, 17)
    page.evaluate("location.hash = 'object=3'")
    check_object(page, trace, 3)
    page.evaluate("location.hash = 'object=100000'")
    check_object(page, trace, 3)


def test_one_exhibit_speaks_of_another_object(page):
    polite = "document.querySelectorAll('[aria-live=polite]')"
    speaking = page.evaluate(f"""() => {{
      Current.choose(20, 'overview');
      return [...{polite}].map((each) => each.closest('[data-exhibit]').id);
    }}""")
    assert speaking == ["overview"]
    page.wait_for_function(f"{polite}.length > 4")


def test_keys_choose_an_object(page, trace):
    page.locator("#overview canvas").focus()
    before = int(page.locator("#overview .readout").get_attribute("data-object"))
    page.keyboard.press("ArrowRight")
    check_object(page, trace, before + 1)
    page.keyboard.press("ArrowLeft")
    check_object(page, trace, before)


def test_exhibits_choose_it_too_and_keep_their_own_controls(page, trace):
    page.locator("#masks [role=option]").nth(5).click()
    check_object(page, trace, 5)
    page.locator("#biography select").first.select_option(label="The best detection")
    check_object(page, trace, 0)
    # A proposal that became no object is looked at without choosing another object.
    slider = page.locator("#microscope input[type=range]").first
    slider.fill("900")
    box = trace.tensor("3-proposals", "proposals")[900]
    assert (numpy.float32(followed(page)["box"]) == box).all()
    assert page.locator("#overview .readout").get_attribute("data-object") == "0"


def test_the_story_of_the_object_is_one_step_away(page):
    link = page.locator("nav.contents .object")
    for stage in ("0-input", "4-roi", "9-gradients"):
        page.evaluate(
            "(id) => document.getElementById(id).scrollIntoView({behavior: 'instant'})", stage)
        box = link.bounding_box()
        assert 0 <= box["y"] < 60
    link.click()
    page.wait_for_function(
        "Math.abs(document.getElementById('biography').getBoundingClientRect().top - 90) < 60")


def test_each_chapter_says_what_it_made_of_the_object(open_page, trace):
    page = open_page(place="#object=17")
    words = lambda stage: page.locator(f"[data-stage='{stage}']").inner_text()
    proposal = trace.tensor("5-heads", "proposal")[17]
    assert f"it is proposal {proposal} " in words("3-proposals")
    assert f"detection 17 of {len(trace.tensor('5-heads', 'labels'))} " in words("5-heads")
    area = trace.tensor("6-masks", "areas")[17]
    assert f"{area} image pixels have a probability over 0.5" in words("6-masks")


# ---- a guess before the answer ----


def test_the_answer_waits_for_a_guess(page):
    guesses = page.locator(".guess")
    assert guesses.count() == 6
    for guess in guesses.all():
        answer = guess.locator(".answer")
        assert answer.is_hidden() and guess.locator("label.right").count() == 1
        guess.locator("input").last.check()
        assert answer.is_visible()
        mark = guess.locator("label.right").evaluate("(e) => getComputedStyle(e, '::after').content")
        assert "✓" in mark


def guess(page, stage):
    """The right choice and the answer of a stage's question."""
    found = page.locator(f"[id='{stage}'] .guess")
    return found.locator(".right").inner_text().strip(), found.locator(".answer").text_content()


def test_answers_are_the_traces(page, trace):
    logits = numpy.concatenate([
        trace.tensor("2-anchors", f"objectness.P{level}").ravel() for level in range(2, 7)])
    right, answer = guess(page, "2-anchors")
    likely = (logits > 0).sum()
    assert answer.startswith(f"{likely:,} of {logits.size:,}")
    assert right == ("fewer than 1 in 100" if likely / logits.size < 0.01 else "1 in 100 to 1 in 10")

    ledger = trace.tensor("3-proposals", "ledger")
    considered = len(trace.tensor("3-proposals", "candidates.index"))
    suppressed = (ledger[:, 9] == 1).sum()
    right, answer = guess(page, "3-proposals")
    assert answer.startswith(f"{suppressed:,} of {considered:,}")
    assert right == "one to two thirds" and 1 / 3 <= suppressed / considered < 2 / 3

    levels, counts = numpy.unique(trace.tensor("4-roi", "levels"), return_counts=True)
    right, answer = guess(page, "4-roi")
    assert right == f"P{levels[counts.argmax()]}"
    assert all(f"{count:,} from P{level}" in answer for level, count in zip(levels, counts))

    background = (trace.tensor("5-heads", "class_scores").argmax(axis=1) == 0).sum()
    right, answer = guess(page, "5-heads")
    assert answer.startswith(f"{background:,} of 1,000")
    assert right == ("fewer than a quarter" if background < 250 else "a quarter to three quarters"
                     if background < 750 else "more than three quarters")

    shown = (trace.tensor("5-heads", "scores") > 0.5).sum()
    areas = numpy.sort(trace.tensor("6-masks", "areas")[:shown])
    right, answer = guess(page, "6-masks")
    assert answer.startswith(f"{areas[shown // 2]:,}:") and f"{areas[-1]:,}." in answer
    share = areas[shown // 2] / 784
    assert right == ("fewer than half as many" if share < 0.5 else "about as many" if share < 2
                     else "more than twice as many")

    losses = trace.tensor("8-losses", "losses")
    right, answer = guess(page, "8-losses")
    assert right == ["objectness", "RPN boxes", "classes", "boxes", "masks"][losses.argmax()]


# ---- what rounding costs ----


def test_networks_trained_alike_are_those_of_the_ablation(page):
    found = defaultdict(list)
    with open(ROOT / "Fixtures/ablation/results.csv") as file:
        for row in csv.DictReader(file):
            found[row["levels"], row["operator"]].append(100 * Decimal(row["mask_ap"]))
    short = lambda value: str(value.quantize(Decimal("0.1"), ROUND_HALF_UP))
    rows = page.locator("#downstream .alike tbody tr").all()
    assert len(rows) == 4
    for row in rows:
        operator = row.get_attribute("data-operator")
        for cell, level in zip(row.locator("td").all(), ("stride-16", "stride-32"), strict=True):
            values = found[level, operator]
            assert len(values) == 3
            mean = sum(values) / 3
            assert cell.text_content() == (
                f"{short(mean)} ({short(min(values))}–{short(max(values))})")
            width = cell.locator(".bar").get_attribute("style").removeprefix("--share: ")
            assert float(width) == pytest.approx(float(mean) * 5, abs=0.3)


def test_a_bin_holds_its_upper_end(page):
    """Half a cell rounds up: the greatest shift belongs to the last bin below the bound."""
    places = page.evaluate("""async () => {
      const chart = Histogram.chart({series: [{name: 'near', title: '', values: [-2, -1.5, 2]}],
        bounds: [], range: [-4, 8], step: 0.5, unit: '', label: ''});
      chart.style.width = '1200px';
      document.body.append(chart);
      await new Promise((done) => setTimeout(done, 100));
      const bars = [...chart.querySelectorAll('.series rect')];
      const [first, second] = bars.map((bar) => Number(bar.getAttribute('x')));
      const width = (1200 - 60 - 14) / 24;
      chart.remove();
      return bars.map((bar) => Math.round((Number(bar.getAttribute('x')) - 60.5) / width));
    }""")
    # From -4 in steps of 0.5: (-2.5, -2] is bin 3, (-2, -1.5] bin 4, (1.5, 2] bin 11.
    assert places == [3, 4, 11]


# ---- suppression, step by step ----


def test_suppression_can_be_stepped_through(page, trace):
    """Every step is the ledger's: the best candidate that is left, and whom it suppressed."""
    ledger = trace.tensor("3-proposals", "ledger")
    film = page.locator("#suppression .film")
    words = film.locator(".readout")
    step = film.get_by_role("button", name="Step")
    step.click()
    assert "The best of them is taken first" in words.inner_text()
    count = int(words.get_attribute("data-steps"))
    assert count >= 1
    last = numpy.inf
    for number in range(1, count + 1):
        step.click()
        assert int(words.get_attribute("data-step")) == number
        taken = int(words.get_attribute("data-taken"))
        assert ledger[taken, 9] in (0, 5) and ledger[taken, 4] <= last
        last = ledger[taken, 4]
        assert int(words.get_attribute("data-suppressed")) <= (ledger[:, 10] == taken).sum()
    own = int(page.locator("#suppression .readout").first.get_attribute("data-candidate"))
    film.get_by_role("button", name="Back to the beginning").click()
    taken = []
    for _ in range(count):
        step.click()
        taken.append(int(words.get_attribute("data-taken")))
        if taken[-1] == own:
            assert int(words.get_attribute("data-suppressed")) == (ledger[:, 10] == own).sum()
    assert own in taken


def test_suppression_plays_and_pauses(page):
    page.clock.install()
    film = page.locator("#suppression .film")
    film.get_by_role("button", name="Play").click()
    at = lambda: film.locator(".readout").get_attribute("data-step")
    assert at() == "0"
    page.clock.run_for(1500)
    assert at() == "1"
    if film.get_by_role("button", name="Pause").count():
        film.get_by_role("button", name="Pause").click()
    page.clock.run_for(5000)
    assert at() == "1"
