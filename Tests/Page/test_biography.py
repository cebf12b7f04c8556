"""Lives of candidates: every number held to the trace's tensors, for each way a life can end."""

import re

import numpy
import pytest

from conftest import Folder, maskrcnn
from test_suppression import choose_suppressed

LEVELS = ["P2", "P3", "P4", "P5", "P6"]

# The steps of the life that is shown, by key.
TELL = """async () => {
  const manifest = JSON.parse(document.getElementById('manifest').textContent);
  const content = manifest.exhibits.biography;
  const world = {
    ledger: await Candidates.load(), masks: await Paste.load(content.masks),
    heads: await Heads.load(content.heads),
    roi: {...content.roi, levels: (await Page.array('roi/levels')).values},
  };
  const stories = Stories.all(world);
  return stories.map(({title, place, pair}) => ({
    title, candidate: world.ledger.index[place],
    steps: Life.tell(world, place, pair).map(({key, ends, values, formulas, says}) => ({
      key, ends: Boolean(ends), formulas, says,
      values: {...values, probabilities: Array.from(values.probabilities ?? [])},
    })),
  }));
}"""

ENDS = {
    "The best detection": "pasting",
    "The weakest detection": "pasting",
    "A detection that was clipped": "pasting",
    "Below the pre-NMS top-n of its level": "objectness",
    "Suppressed as a candidate": "suppression",
    "Beyond the limit of proposals": "ranking",
    "A proposal taken for background": "scoring",
    "Suppressed within its class": "classSuppression",
}


@pytest.fixture(scope="module")
def tensors(trace):
    """Tensors by stage number and name."""
    known = {}

    def tensor(stage, name):
        stages = ["0-input", "", "2-anchors", "3-proposals", "4-roi", "5-heads", "6-masks"]
        if (stage, name) not in known:
            known[stage, name] = trace.tensor(stages[stage], name)
        return known[stage, name]

    return tensor


@pytest.fixture
def lives(page):
    found = page.evaluate(TELL)
    for life in found:
        life["steps"] = {step["key"]: step for step in life["steps"]}
    return {life["title"]: life for life in found}


def decoded(deltas, reference, weights):
    """A box from deltas, in 64 bits."""
    (x1, y1, x2, y2), (dx, dy, dw, dh) = (
        numpy.float64(reference), numpy.float64(deltas) / weights)
    width, height = x2 - x1, y2 - y1
    x, y = x1 + width / 2 + dx * width, y1 + height / 2 + dy * height
    half = numpy.exp(numpy.minimum([dw, dh], numpy.log(1000 / 16))) * [width, height] / 2
    return [x - half[0], y - half[1], x + half[0], y + half[1]]


def check(life, tensors):
    """Holds every number of a life to the tensors."""
    candidate, steps = life["candidate"], life["steps"]
    value = lambda key: steps[key]["values"]
    row = tensors(3, "ledger")[candidate]
    level = int(row[0])
    name = f"P{level}"
    ledger = tensors(3, "ledger")
    first = numpy.flatnonzero(ledger[:, 0] == level)[0]

    anchor = tensors(2, f"anchors.{name}")[candidate - first]
    assert value("anchor")["level"] == name
    assert [value("anchor")[key] for key in ("row", "column", "shape")] == row[1:4].tolist()
    assert value("anchor")["box"] == anchor.tolist()

    logits = tensors(2, f"objectness.{name}")[0]
    logit = logits[int(row[3]), int(row[1]), int(row[2])]
    assert numpy.float32(value("objectness")["logit"]) == logit == row[4]
    assert value("objectness")["score"] == pytest.approx(1 / (1 + numpy.exp(-float(logit))), abs=1e-6)
    assert abs(value("objectness")["rank"] - 1 - (logits > logit).sum()) <= (logits == logit).sum() - 1
    if "decoding" not in steps:
        return

    shape, at = int(row[3]), (int(row[1]), int(row[2]))
    deltas = tensors(2, f"deltas.{name}")[0][4 * shape:4 * shape + 4, at[0], at[1]]
    assert numpy.array_equal(numpy.float32(value("decoding")["deltas"]), deltas)
    box = decoded(deltas, anchor, numpy.ones(4))
    assert value("decoding")["box"] == pytest.approx(box, abs=2e-4)
    (height, width) = tensors(0, "sizes")[1]
    clipped = numpy.clip(box, 0, [width, height, width, height])
    assert value("clipping")["box"] == pytest.approx(clipped, abs=2e-4)
    assert numpy.array_equal(numpy.float32(value("clipping")["box"]), row[5:9])
    assert value("clipping")["isClipped"] == (not numpy.allclose(box, clipped, atol=1e-6))
    assert [value("filtering")[key] for key in ("width", "height")] == pytest.approx(
        [row[7] - row[5], row[8] - row[6]], abs=1e-4)

    if row[9] == 1:
        assert steps["suppression"]["ends"]
        assert value("suppression")["by"] == row[10]
        assert numpy.float32(value("suppression")["iou"]) == row[11] > 0.7
        return
    assert value("suppression")["iou"] <= 0.7
    survivors = numpy.isin(ledger[:, 9], (0, 5))
    better = (ledger[survivors][:, 4] > row[4]).sum()
    equal = (ledger[survivors][:, 4] == row[4]).sum()
    # Scores of 32 bits may agree where logits do not.
    assert better - 20 <= value("ranking")["rank"] - 1 < better + equal + 20
    if row[9] == 5:
        assert steps["ranking"]["ends"] and value("ranking")["rank"] > 1000
        return

    proposal = value("ranking")["proposal"]
    assert tensors(3, "proposal_index")[proposal] == candidate
    assert value("ranking")["rank"] == proposal + 1
    box = tensors(3, "proposals")[proposal]
    assert value("reading")["level"] == tensors(4, "levels")[proposal]
    area = float(box[2] - box[0]) * float(box[3] - box[1])
    assert value("reading")["exact"] == pytest.approx(4 + numpy.log2(area ** 0.5 / 224), abs=1e-4)

    entries = value("classes")["entries"]
    labels = [entry["label"] for entry in entries]
    assert labels == list(range(tensors(5, "class_logits").shape[1]))
    for key, tensor in (("logit", "class_logits"), ("score", "class_scores")):
        assert numpy.array_equal(
            numpy.float32([entry[key] for entry in entries]), tensors(5, tensor)[proposal])

    pairs = tensors(5, "ledger")
    entry = numpy.flatnonzero(pairs[:, 0] == proposal)
    label = int(pairs[entry[0], 1]) if len(entry) else 1 + tensors(5, "class_scores")[
        proposal, 1:].argmax()
    deltas = tensors(5, "box_deltas")[proposal, 4 * label:4 * label + 4]
    assert numpy.array_equal(numpy.float32(value("refinement")["deltas"]), deltas)
    assert numpy.array_equal(
        numpy.float32(value("refinement")["box"]), tensors(5, "refined")[proposal, label])
    assert value("refinement")["decoded"] == pytest.approx(
        decoded(deltas, box, numpy.array([10, 10, 5, 5])), abs=2e-4)
    score = tensors(5, "class_scores")[proposal, label]
    assert numpy.float32(value("scoring")["score"]) == score
    assert steps["scoring"]["ends"] == (len(entry) == 0) == bool(score <= 0.05)
    if len(entry) == 0:
        return
    if pairs[entry[0], 7] == 1:
        assert steps["classSuppression"]["ends"]
        assert value("classSuppression")["by"] == pairs[int(pairs[entry[0], 8]), 0]
        assert numpy.float32(value("classSuppression")["iou"]) == pairs[entry[0], 9] > 0.5
        return

    detection = value("detecting")["detection"]
    assert tensors(5, "proposal")[detection] == proposal
    assert tensors(5, "labels")[detection] == label
    cells = tensors(6, "probabilities")[detection].ravel()
    assert value("masking")["probabilities"] == pytest.approx(cells, abs=1e-5)
    window = [value("pasting")["window"][key] for key in ("x1", "y1", "x2", "y2")]
    assert window == tensors(6, "windows")[detection].tolist()
    assert value("pasting")["area"] == tensors(6, "areas")[detection]


@pytest.mark.parametrize("title", ENDS)
def test_numbers_are_the_traces(lives, tensors, title):
    life = lives[title]
    steps = list(life["steps"].values())
    assert steps[-1]["key"] == ENDS[title]
    assert [step["ends"] for step in steps[:-1]] == [False] * (len(steps) - 1)
    assert steps[-1]["ends"] == (ENDS[title] != "pasting")
    check(life, tensors)


def test_every_story_is_told(lives):
    assert set(lives) == set(ENDS)
    clipped = lives["A detection that was clipped"]["steps"]["clipping"]
    assert clipped["values"]["isClipped"]


def shown(page):
    return int(page.locator("#biography .life").get_attribute("data-candidate"))


def test_a_reader_chooses(page, tensors):
    bio = page.locator("#biography")
    story = bio.locator("select").first
    for title, last in ENDS.items():
        story.select_option(label=title)
        assert bio.locator(".life li").last.get_attribute("data-step") == last
        assert bio.locator(".life li.ends").count() == (last != "pasting")
    number = bio.locator("input[type=number]")
    index = int(tensors(3, "proposal_index")[tensors(5, "proposal")[50]])
    number.fill(str(index))
    number.press("Tab")
    assert shown(page) == index and "detection 50:" in bio.locator(".readout").inner_text()
    assert story.input_value() == "own"
    below = numpy.flatnonzero(tensors(3, "ledger")[:, 9] == 4)
    absent = below[tensors(3, "ledger")[below, 4].argmin()]
    number.fill(str(absent))
    number.press("Tab")
    assert shown(page) == index
    note = bio.locator("[role=status]")
    assert "is not among them" in note.inner_text()
    for wrong in (len(tensors(3, "ledger")), -5):
        number.fill(str(wrong))
        number.press("Tab")
        assert f"from 0 to {len(tensors(3, 'ledger')) - 1}." in note.inner_text()
    number.fill("")
    number.press("Tab")
    assert not note.is_visible()
    bio.get_by_role("button", name="Any detection").click()
    assert bio.locator(".life li").last.get_attribute("data-step") == "pasting"
    bio.get_by_role("button", name="Any candidate").click()
    assert bio.locator(".life li").count() >= 2


def test_scores_that_differ_are_seen_to_differ(page):
    """Whoever is suppressed has the lower score, in the digits that are shown as well."""
    story = page.locator("#biography select").first
    for title, step in [("Suppressed within its class", "classSuppression"),
                        ("Suppressed as a candidate", "suppression")]:
        story.select_option(label=title)
        words = page.locator(f"#biography [data-step={step}]").inner_text()
        better, own = re.search(r"score ([\d.]+)\W.*this one’s is ([\d.]+)\)", words).groups()
        assert float(better) > float(own)


def test_from_the_ledger(page):
    choose_suppressed(page)
    page.locator("#suppression").get_by_role("button", name="Follow it through all stages").click()
    chosen = page.locator("#suppression .readout").first.get_attribute("data-candidate")
    assert shown(page) == int(chosen)
    assert page.evaluate("document.activeElement.id") == "biography-heading"
    assert page.locator("#biography .life li").last.get_attribute("data-step") == "suppression"


def test_formulas_hold(page):
    """The numbers in a line of decoding give its result: 928 + 0.05 · 64 = 931.2."""
    page.locator("#biography select").first.select_option(label="The best detection")
    lines = page.locator("#biography [data-step=decoding] .formula").all_inner_texts()
    assert len(lines) == 5
    for line in lines[:4]:
        *_, numbers, result = line.replace("−", "-").replace("·", "*").split(" = ")
        value = eval(numbers, {"exp": numpy.exp})
        assert value == pytest.approx(float(result), rel=2e-4)


def test_deltas_are_read_in_the_recorded_order(trace, tmp_path, open_page):
    """Where stage 3 took dy for dx, the boxes that the biography decodes are stage 3's all the same."""
    folder = Folder(tmp_path / "swapped")
    maskrcnn("break", "--mistake", "swapped-xy", "--trace", trace.path, "--into", folder.path)
    page = open_page(folder.index)
    ledger = folder.tensor("3-proposals", "ledger")
    height, width = folder.tensor("0-input", "sizes")[1]
    decodings = 0
    for life in page.evaluate(TELL):
        steps = {step["key"]: step for step in life["steps"]}
        if "decoding" not in steps:
            continue
        box = numpy.clip(steps["decoding"]["values"]["box"], 0, [width, height, width, height])
        assert box == pytest.approx(ledger[life["candidate"], 5:9], abs=2e-4)
        assert "in the order dy dx dh dw" in " ".join(steps["decoding"]["says"])
        decodings += 1
    assert decodings > 2


def test_no_level_is_said_to_be_limited_at_a_boundary(page):
    """Just under 112 pixels 32 bits may say P3 where 64 bits say P2, and the stage goes by the 32."""
    told = page.evaluate("""async () => {
      const ledger = await Candidates.load();
      const manifest = JSON.parse(document.getElementById('manifest').textContent);
      const {roi} = manifest.exhibits.biography;
      const place = ledger.proposals[0];
      const told = [];
      for (let height = 111.9990; height < 112.0005; height += 2 ** -17) {
        const box = [0, 0, 112, Math.fround(height)];
        const boxes = ledger.boxes.slice();
        boxes.set(box, 4 * place);
        const levels = [RoI.level(box)];
        const steps = Life.tell(
          {ledger: {...ledger, boxes}, roi: {...roi, levels}}, place);
        const {formulas} = steps.find(({key}) => key === 'reading');
        const precise = Math.floor(
          4 + Math.log2(Math.sqrt(box[2] * box[3]) / 224) + 1e-6);
        told.push([levels[0], precise, formulas[0]]);
      }
      return told;
    }""")
    assert {level for level, _, _ in told} == {2, 3}
    assert any(level != precise for level, precise, _ in told), "no box at the boundary"
    for level, _, formula in told:
        assert formula.endswith(f"= {level}"), formula


def test_training_is_told_with_the_traces_numbers(page, trace):
    """Where the truth is known, a candidate's targets, losses and gradient follow its life."""
    told = page.evaluate("""async () => {
      const ledger = await Candidates.load();
      const manifest = JSON.parse(document.getElementById('manifest').textContent);
      const content = manifest.exhibits.biography;
      const learning = await Learning.load(content.learning);
      return Array.from(ledger.proposals).map((place) => ({
        anchor: ledger.index[place],
        steps: Object.fromEntries(Learning.tell({ledger, learning}, place)
          .map((step) => [step.key, step.values])),
      }));
    }""")
    get = lambda name: trace.tensor("7-targets", name)  # noqa: E731
    sampled, positives = get("rois.sampled").tolist(), get("rois.positives").tolist()
    anchors = get("anchors.sampled").tolist()
    losses = {
        name: trace.tensor("8-losses", f"loss_{name}") / divisor
        for name, divisor in zip(
            ("objectness", "rpn_box_reg", "classifier", "box_reg", "mask"),
            trace.tensor("8-losses", "divisors"),
            strict=True,
        )
    }
    gradient = trace.tensor("9-gradients", "dbox_features")
    counts = {"sampled": 0, "positive": 0, "anchors": 0}
    for proposal, life in enumerate(told):
        step = life["steps"]["anchorTarget"]
        assert step["label"] == get("anchors.label")[life["anchor"]]
        assert step["iou"] == pytest.approx(get("anchors.iou")[life["anchor"]])
        assert step["isSampled"] == (life["anchor"] in anchors)
        if step["isSampled"]:
            counts["anchors"] += 1
            own = losses["objectness"][anchors.index(life["anchor"])]
            assert step["objectness"] == pytest.approx(own)
        step = life["steps"]["roiTarget"]
        assert step["object"] == get("rois.truth")[proposal]
        assert step["label"] == get("rois.label")[proposal]
        assert ("cost" in life["steps"]) == (proposal in sampled)
        if proposal not in sampled:
            continue
        roi = sampled.index(proposal)
        cost = life["steps"]["cost"]
        assert cost["classes"] == pytest.approx(losses["classifier"][roi])
        if roi in positives:
            counts["positive"] += 1
            place = positives.index(roi)
            assert cost["box"] == pytest.approx(losses["box_reg"][place].sum(), rel=1e-4)
            assert cost["mask"] == pytest.approx(losses["mask"][place].sum(), rel=1e-4)
        norm = numpy.linalg.norm(gradient[roi].astype(numpy.float64))
        assert life["steps"]["gradient"]["norm"] == pytest.approx(norm, rel=1e-4)
        counts["sampled"] += 1
    assert min(counts.values()) > 20, counts
    assert page.locator("#biography .training li").count() >= 1
