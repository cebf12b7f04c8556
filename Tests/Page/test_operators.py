"""The page's RoI operators, which its module computes: against the stage's own, bit for bit, against
recorded cases, and torchvision."""

import json

import numpy
import pytest

from conftest import ROOT, Folder, maskrcnn
from forging import LEVELS, forge, random_boxes

TOLERANCE = 1e-5
RATIOS = (0, 1, 2, 3, 4)
OPTIONS = [("pool", {})] + [
    ("warp", {"samplingRatio": ratio, "maximum": maximum})
    for ratio in RATIOS for maximum in (False, True)
] + [
    ("align", {"samplingRatio": ratio, "aligned": aligned, "maximum": maximum})
    for ratio in RATIOS for aligned in (False, True) for maximum in (False, True)
]

# One operator on every box, on every channel that the page holds of the box's level.
IN_THE_PAGE = """
async ([name, options, boxes, levels]) => {
  const found = [];
  for (const box of boxes) {
    const level = levels[`P${RoI.level(box)}`];
    const each = [];
    for (const channel of level.channels) {
      const {values} = await Page.array(`${level.name}/${channel}`);
      const map = {values, rows: level.rows, columns: level.columns,
        scale: Math.fround(1 / level.stride)};
      each.push([...RoI.read(name, map, box, options).grid]);
    }
    found.push(each);
  }
  return found;
}
"""


def of_the_stage(folder, name, options):
    """Runs the stage with these options; its levels and features."""
    arguments = ["--operator", name]
    if "samplingRatio" in options:
        arguments += ["--sampling-ratio", options["samplingRatio"]]
        arguments += ["--reduction", "maximum" if options["maximum"] else "average"]
    if options.get("aligned"):
        arguments.append("--aligned")
    maskrcnn("roi", "--trace", folder.path, "--no-figures", *arguments)
    return folder.tensor("4-roi", "levels"), folder.tensor("4-roi", "features")


@pytest.fixture(scope="module", params=[1.0, 0.625], ids=["inside", "partly outside"])
def forged(request, trace, tmp_path_factory):
    """A trace with 100 random boxes, and its page. The maps are whole, or end before the image."""
    boxes = random_boxes(100, seed=int(request.param * 1000))
    folder = Folder(tmp_path_factory.mktemp("forged") / "trace")
    forge(trace, folder.path, boxes, share=request.param)
    of_the_stage(folder, "pool", {})
    maskrcnn("page", "--trace", folder.path)
    return folder, boxes, request.param


def test_every_option_gives_the_numbers_of_the_stage(forged, open_page):
    folder, boxes, share = forged
    page = open_page(folder.index)
    manifest = json.loads(page.locator("#manifest").text_content())
    levels = {level["name"]: level for level in manifest["exhibits"]["microscope"]["levels"]}
    assert list(levels) == list(LEVELS)
    assert levels["P2"]["columns"] == 256 * share
    if share < 1:
        end = 1024 * share
        assert ((boxes[:, 0] < end) & (boxes[:, 2] > end)).sum() >= 10, "partly outside the maps"
        assert (boxes[:, 0] > end + 64).sum() >= 5, "wholly outside"
    unequal = 0
    for name, options in OPTIONS:
        assigned, features = of_the_stage(folder, name, options)
        assert set(assigned) == {2, 3, 4, 5}, "the boxes lie on all levels"
        found = page.evaluate(IN_THE_PAGE, [name, options, boxes.tolist(), levels])
        largest = 0
        for box, grids in enumerate(found):
            channels = levels[f"P{assigned[box]}"]["channels"]
            expected = features[box][channels].reshape(len(channels), -1)
            actual = numpy.array(grids, numpy.float32)
            assert actual.shape == expected.shape, f"box {box} is read from another level"
            assert numpy.isfinite(actual).all()
            largest = max(largest, float(numpy.abs(actual.astype(float) - expected).max()))
            unequal += int((actual != expected).sum())
        print(f"{folder.path.parent.name} {name} {options}: largest difference {largest:.3g}")
        assert largest <= TOLERANCE, (name, options)
    print(f"numbers that are not equal to the last bit: {unequal}")
    assert unequal == 0


def test_proposals_get_the_levels_of_the_trace(page, trace):
    boxes = trace.tensor("3-proposals", "proposals")
    found = page.evaluate("boxes => boxes.map((box) => RoI.level(box))", boxes.tolist())
    assert found == trace.tensor("4-roi", "levels").tolist()


GOLDEN = ROOT / "Fixtures/golden/operators"


@pytest.mark.parametrize("operation", ["roi_align", "roi_align_max", "roi_pool", "roi_warp"])
def test_recorded_cases(page, operation):
    """Boxes on every side of a small map, also at negative coordinates."""
    folder = GOLDEN / operation
    checked = 0
    for case in json.loads((folder / "cases.json").read_text())["cases"]:
        given = case["parameters"]
        boxes = numpy.load(folder / case["inputs"]["boxes"])
        features = numpy.load(folder / case["inputs"]["features"])[0]
        expected = numpy.load(folder / case["outputs"]["pooled"])
        options = {"samplingRatio": max(given.get("samplingRatio", 0), 0),
                   "aligned": given.get("aligned", False), "maximum": operation.endswith("max")}
        name = operation.split("_")[1]
        found = page.evaluate("""
          ([options, boxes, shape, features, scale, bins]) => [...Page.network.roiFeatures(
            {shape, data: Float32Array.from(features)}, boxes, scale, bins, options).data]
          """, [{"operator": name, **options}, boxes.ravel().tolist(), features.shape,
                features.ravel().tolist(), given["spatialScale"],
                [given["outputHeight"], given["outputWidth"]]])
        # As Sources/Goldens holds the stage to them: of the reference's range, RoIPool exactly.
        allowed = 0 if name == "pool" else TOLERANCE * numpy.ptp(expected)
        numpy.testing.assert_allclose(
            numpy.array(found).reshape(expected.shape), expected, rtol=0, atol=allowed,
            err_msg=case["name"])
        checked += 1
    assert checked >= 4


def test_torchvision_says_the_same(page, trace):
    torch = pytest.importorskip("torch")
    ops = pytest.importorskip("torchvision.ops")
    boxes = trace.tensor("3-proposals", "proposals")[:100]
    manifest = json.loads(page.locator("#manifest").text_content())
    levels = {level["name"]: level for level in manifest["exhibits"]["microscope"]["levels"]}
    assigned = page.evaluate("boxes => boxes.map((box) => RoI.level(box))", boxes.tolist())
    rois = torch.cat([torch.zeros(len(boxes), 1), torch.from_numpy(boxes)], dim=1)
    for name, options in [
        ("pool", {}), ("align", {"samplingRatio": 2, "aligned": False}),
        ("align", {"samplingRatio": 2, "aligned": True}),
    ]:
        found = page.evaluate(IN_THE_PAGE, [name, options, boxes.tolist(), levels])
        for box, grids in enumerate(found):
            level = levels[f"P{assigned[box]}"]
            features = torch.from_numpy(trace.tensor("1-backbone", level["name"]))
            features = features[:, level["channels"]]
            one, scale = rois[box:box + 1], 1 / level["stride"]
            expected = (
                ops.roi_pool(features, one, 7, scale) if name == "pool" else
                ops.roi_align(features, one, 7, scale, 2, options["aligned"]))
            numpy.testing.assert_allclose(
                numpy.array(grids), expected[0].reshape(len(grids), -1).numpy(), rtol=0,
                atol=TOLERANCE)
