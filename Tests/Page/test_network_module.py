"""The network in WebAssembly, in a worker of a page on disk, against torchvision and the command.

The recorded traces of torchvision give each stage its inputs, as Sources/Goldens does with the package;
where the arithmetic is the same as the command's, the numbers must be equal to the last bit.
"""

import base64
import json
import re

import numpy
import pytest

from conftest import ROOT, Folder, maskrcnn
from forging import LEVELS, forge, random_boxes
from test_operators import OPTIONS, of_the_stage

FILES = ROOT / "Sources/TracePage/Page/network"
BUNDLED = ROOT / "Fixtures/golden/bundled"

PAGE = """<!doctype html><title>The network's module</title>
<script id="glue" type="text/plain">%(glue)s</script>
<script>
const bytes = (text) => Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
function text(array) {
  const all = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  let found = '';
  for (let at = 0; at < all.length; at += 32768) {
    found += String.fromCharCode(...all.subarray(at, at + 32768));
  }
  return btoa(found);
}
const packed = (value) => ArrayBuffer.isView(value) ? {base64: text(value)}
  : Array.isArray(value) ? value.map(packed)
  : value && typeof value === 'object'
    ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, packed(each)])) : value;
const unpacked = (value) => value && value.base64 !== undefined
  ? {shape: value.shape, data: new Float32Array(bytes(value.base64).buffer)}
  : Array.isArray(value) ? value.map(unpacked) : value;
const worker = new Worker(URL.createObjectURL(new Blob([document.getElementById('glue').textContent, `
  let network;
  const Asynchronous = (async () => {}).constructor;
  self.onmessage = async ({data: {id, code, value}}) => {
    try {
      postMessage({id, answer: await new Asynchronous('value', code)(value)});
    } catch (error) { postMessage({id, fault: error.message}); }
  };`])));
const waiting = new Map();
worker.onmessage = ({data: {id, answer, fault}}) => {
  const [resolve, reject] = waiting.get(id);
  fault === undefined ? resolve(answer) : reject(new Error(fault));
};
function ask(code, value) {
  return new Promise((resolve, reject) => {
    waiting.set(waiting.size, [resolve, reject]);
    worker.postMessage({id: waiting.size - 1, code, value});
  });
}
async function pixels(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height).getContext('2d');
  canvas.drawImage(image, 0, 0);
  const {data, width, height} = canvas.getImageData(0, 0, image.width, image.height);
  return [data, width, height];
}
</script>"""


def array(found):
    """A tensor that the page gave."""
    data = numpy.frombuffer(base64.b64decode(found["data"]["base64"]), "<f4")
    return data.reshape(found["shape"])


def tensor(values):
    """A tensor as the page takes it."""
    values = numpy.ascontiguousarray(values, "<f4")
    return {"shape": list(values.shape), "base64": base64.b64encode(values.tobytes()).decode()}


class InTheBrowser:
    """The module in a worker."""

    def __init__(self, page):
        self.page = page

    def ask(self, code, value=None):
        """Runs statements in the worker, with `network` and `value`; gives what they return."""
        return self.page.evaluate(
            "async ([code, value]) => packed(await ask(code, unpacked(value)))", [code, value])

    def model(self, weights):
        """Makes the model of a weight file."""
        data = base64.b64encode(weights.read_bytes()).decode()
        return self.page.evaluate(
            "async (data) => ask('return network.model(value);', bytes(data))", data)

    def image(self, file):
        """Gives the network an image, as the page decodes it."""
        data = base64.b64encode(file.read_bytes()).decode()
        self.page.evaluate(
            "async (url) => ask('network.image(...value);', await pixels(url))",
            f"data:image/png;base64,{data}")

    def set(self, name, levels):
        """Sets the tensors of a name."""
        self.ask(
            "value[1].forEach((each, place) => network.set(value[0], each, place));",
            [name, [tensor(each) for each in levels]])

    def tensors(self, name):
        """The tensors of a name."""
        return [array(each) for each in self.ask("return network.tensors(value);", name)]

    def run(self, *stages):
        """Runs stages; gives the milliseconds of each."""
        return self.ask(
            "return value.map((stage) => { const start = performance.now(); network.run(stage);"
            " return performance.now() - start; });", list(stages))


@pytest.fixture(scope="module")
def module(browser, tmp_path_factory):
    """The module in a worker of a page on disk, with the bundled model."""
    index = tmp_path_factory.mktemp("module") / "index.html"
    index.write_text(PAGE % {"glue": (FILES / "network.js").read_text()})
    page = browser.new_page()
    page.goto(index.as_uri())
    page.evaluate(
        "async (data) => ask('network = await Network.load(value);', bytes(data))",
        base64.b64encode((FILES / "network.wasm").read_bytes()).decode())
    module = InTheBrowser(page)
    module.model(ROOT / "Fixtures/weights/nuclei.safetensors")
    yield module
    page.close()


def tolerances():
    """Sources/Goldens/TraceTolerances.swift: how far each tensor of a stage alone may lie off."""
    text = (ROOT / "Sources/Goldens/TraceTolerances.swift").read_text()
    found = {}
    for stage, names, allowed in re.findall(r"set\((\w+)[.\w]*, \[([^\]]*)\], ([\de.-]+),", text):
        for name in re.findall(r'"([^"]+)"', names):
            found[stage.removesuffix("Stage").lower(), name] = float(allowed)
    return found


TOLERANCES = tolerances()

# Stage of the trace, what the module reads and torchvision computed, stages of the module, and what they
# leave: name in the module, name in the trace.
STAGES = [
    ("0-input", [], ["input"], [
        ("image", "image"), ("normalised", "normalised"), ("resized", "resized"),
        ("padded", "padded"), ("sizes", "sizes")]),
    ("1-backbone", [("padded", "0-input", ["padded"])], ["trunk", "pyramid"], [
        ("stem", "stem"), ("pooled", "pooled"), ("trunk", ["C2", "C3", "C4", "C5"]),
        ("pyramid", ["P2", "P3", "P4", "P5", "P6"])]),
    ("2-anchors", [("pyramid", "1-backbone", ["P2", "P3", "P4", "P5", "P6"])], ["rpn"], [
        (name, [f"{name}.P{level}" for level in range(2, 7)])
        for name in ("objectness", "deltas", "anchors")]),
    ("3-proposals", [(name, "2-anchors", [f"{name}.P{level}" for level in range(2, 7)])
                     for name in ("objectness", "deltas")], ["proposals"], [
        ("considered", "candidates.index"), ("proposals", "proposals"),
        ("proposalScores", "scores"), ("proposalIndex", "proposal_index")]),
    ("4-roi", [("proposals", "3-proposals", ["proposals"]),
               ("pyramid", "1-backbone", ["P2", "P3", "P4", "P5", "P6"])], ["roi"], [
        ("roiLevels", "levels"), ("features", "features")]),
    ("5-heads", [("features", "4-roi", ["features"]), ("proposals", "3-proposals", ["proposals"])],
     ["boxHead", "detections", "maskRoI", "maskHead"], [
        ("boxFeatures", "box_features"), ("classLogits", "class_logits"),
        ("classScores", "class_scores"), ("boxDeltas", "box_deltas"), ("refined", "refined"),
        ("detectionBoxes", "boxes"), ("detectionScores", "scores"),
        ("detectionLabels", "labels"), ("detectionProposals", "proposal"),
        ("maskLevels", "mask_levels"), ("maskFeatures", "mask_features"),
        ("maskLogits", "mask_logits")]),
    ("6-masks", [("maskLogits", "5-heads", ["mask_logits"]),
                 ("detectionBoxes", "5-heads", ["boxes"]),
                 ("detectionLabels", "5-heads", ["labels"])], ["masks"], [
        ("boxes", "boxes"), ("probabilities", "probabilities"), ("windows", "windows"),
        ("soft", "soft"), ("areas", "areas"), ("labelMap", "label_map")]),
]


def test_each_stage_agrees_with_torchvision(module):
    golden = Folder(BUNDLED)
    module.image(BUNDLED / "image.png")
    module.ask("network.roiOperator({operator: 'align'}); network.option('preNMSTopN', 50);"
               " network.option('postNMSTopN', 120);")
    compared = 0
    for stage, given, run, left in STAGES:
        for name, source, names in given:
            module.set(name, [golden.tensor(source, each) for each in names])
        module.run(*run)
        kind = stage.split("-")[1]
        for ours, theirs in left:
            found = module.tensors(ours)
            theirs = theirs if isinstance(theirs, list) else [theirs]
            assert len(found) == len(theirs), ours
            for values, name in zip(found, theirs):
                expected = golden.tensor(stage, name)
                assert values.shape == expected.shape, name
                allowed = TOLERANCES.get((kind, name.split(".P")[0]), 0)
                off = numpy.abs(values.astype(float) - expected).max()
                span = max(float(numpy.ptp(expected)), 1e-30)
                print(f"{stage} {name}: {off:.3g}, {off / span:.3g} of the range; {allowed} allowed")
                assert off / span <= allowed, (stage, name)
                compared += 1
    assert compared >= 50
    module.ask("network.option('preNMSTopN', 1000); network.option('postNMSTopN', 1000);")


@pytest.mark.parametrize("share", [1.0, 0.625], ids=["inside", "partly outside"])
def test_operators_have_the_bits_of_the_command(module, trace, tmp_path, share):
    boxes = random_boxes(100, seed=int(share * 1000))
    folder = Folder(tmp_path / "trace")
    forge(trace, folder.path, boxes, share=share)
    module.set("sizes", [trace.tensor("0-input", "sizes")])
    module.set("proposals", [boxes])
    maps = [folder.tensor("1-backbone", name) for name in LEVELS]
    module.set("pyramid", maps + [trace.tensor("1-backbone", "P6")])
    for name, options in OPTIONS:
        assigned, expected = of_the_stage(folder, name, options)
        module.ask("network.roiOperator(value[0]);", [{"operator": name, **options}])
        module.run("roi")
        numpy.testing.assert_array_equal(module.tensors("roiLevels")[0], assigned)
        numpy.testing.assert_array_equal(module.tensors("features")[0], expected, str(options))
        # The plain definition, and a bin as the microscope shows it, on one channel of P3.
        place, channel = 1, 5
        plain = array(module.ask(
            "return network.roiFeatures(value[0], value[1].data, 1 / 8, [7, 7], value[2]);",
            [tensor(maps[place][0, channel:channel + 1]), tensor(boxes),
             {"operator": name, **options}]))
        on_level = assigned == place + 2
        numpy.testing.assert_array_equal(plain[on_level, 0], expected[on_level, channel])
        if name == "pool":
            continue
        for box in numpy.flatnonzero(on_level)[:4]:
            found = module.ask(
                "return network.binSamples(value[0], value[1].data, 1 / 8, [7, 7], value[2], [3, 4]);",
                [tensor(maps[place][0, channel]), tensor(boxes[box]),
                 {"operator": name, **options}])
            shown = (found["greatest"] if options["maximum"]
                     else numpy.float32(found["total"]) / numpy.float32(found["count"]))
            assert numpy.float32(shown) == expected[box, channel, 3, 4]
    module.ask("network.roiOperator({operator: 'align'});")


def test_decisions_are_those_of_the_command(module, trace):
    """Both ledgers and the label map, each on what the command computed before."""
    module.set("sizes", [trace.tensor("0-input", "sizes")])
    for name in ("objectness", "deltas"):
        module.set(name, [trace.tensor("2-anchors", f"{name}.P{each}") for each in range(2, 7)])
    module.run("proposals")
    ledgers = [(module.tensors("candidateLedger")[0], trace.tensor("3-proposals", "ledger"))]
    heads = {"proposals": ("3-proposals", "proposals"), "classScores": ("5-heads", "class_scores"),
             "boxDeltas": ("5-heads", "box_deltas")}
    for name, place in heads.items():
        module.set(name, [trace.tensor(*place)])
    module.run("detections")
    ledgers.append((module.tensors("detectionLedger")[0], trace.tensor("5-heads", "ledger")))
    for found, expected in ledgers:
        assert found.shape == expected.shape
        # Fate and what suppressed; then boxes, which exp of two libraries makes.
        numpy.testing.assert_array_equal(found[:, -3:-1], expected[:, -3:-1])
        print(f"{len(found)} entries: greatest difference {numpy.abs(found - expected).max():.3g},"
              f" {(found != expected).any(axis=1).sum()} rows differ")
        numpy.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-3)
    for name, ours in (("detectionBoxes", "boxes"), ("detectionLabels", "labels"),
                       ("maskLogits", "mask_logits")):
        module.set(name, [trace.tensor("5-heads", ours)])
    module.run("masks")
    numpy.testing.assert_array_equal(
        module.tensors("labelMap")[0], trace.tensor("6-masks", "label_map"))


def test_suppression_alone(module):
    boxes = random_boxes(300, seed=7)
    scores = numpy.random.default_rng(7).random(300).astype("f4")
    found = module.ask(
        "return network.suppress(value[0].data, value[1].data, value[1].data.map(() => 0), 0.5);",
        [tensor(boxes), tensor(scores)])
    order, by = (numpy.frombuffer(base64.b64decode(found[name]["base64"]), "<f4").astype(int)
                 for name in ("order", "suppressedBy"))
    overlaps = array(module.ask(
        "return network.overlaps(value[0].data, value[0].data).iou;", [tensor(boxes)]))
    numpy.testing.assert_array_equal(order, numpy.argsort(-scores, kind="stable"))
    kept = []
    for index in order:
        winner = next((each for each in kept if overlaps[each, index] > 0.5), -1)
        assert by[index] == winner
        if winner < 0:
            kept.append(index)
    assert 0 < len(kept) < 300


def test_anchors_and_decoding_alone(module, trace):
    """Every level's anchors to the last bit; from them the boxes of the command's ledger, and the steps."""
    ledger = trace.tensor("3-proposals", "ledger")
    bases, strides = (trace.tensor("2-anchors", name) for name in ("base_anchors", "strides"))
    (height, width) = trace.tensor("0-input", "sizes")[1]
    for place, level in enumerate(range(2, 7)):
        anchors, deltas = (trace.tensor("2-anchors", f"{name}.P{level}")
                           for name in ("anchors", "deltas"))
        indices = numpy.unique(numpy.linspace(0, len(anchors) - 1, 100).astype(int))
        found = module.ask(
            "const [base, strides, indices, columns] = value;"
            "return indices.map((index) => network.anchor(base, index, columns, strides));",
            [bases[place].ravel().tolist(), strides[place].tolist(), indices.tolist(),
             deltas.shape[3]])
        rows = ledger[ledger[:, 0] == level][indices]
        assert [each["box"] for each in found] == anchors[indices].tolist()
        assert [[each[key] for key in ("row", "column", "shape")] for each in found] == \
            rows[:, 1:4].tolist()
        moves = numpy.array([deltas[0, 4 * int(shape):4 * int(shape) + 4, int(row), int(column)]
                             for row, column, shape in rows[:, 1:4]])
        decoded = module.ask(
            "return network.decode(value[0].data, value[1].data, 'rpn');",
            [tensor(anchors[indices]), tensor(moves)])
        boxes = numpy.clip([each["box"] for each in decoded], 0, [width, height] * 2)
        numpy.testing.assert_allclose(boxes, rows[:, 5:9], rtol=1e-6, atol=1e-3)
        print(f"P{level}: greatest difference {numpy.abs(boxes - rows[:, 5:9]).max():.3g}")
        sides = anchors[indices, 2:] - anchors[indices, :2]
        of = lambda key: numpy.array([each[key] for each in decoded])  # noqa: E731
        numpy.testing.assert_allclose(of("growth"), moves[:, 2:], rtol=1e-6)
        numpy.testing.assert_allclose(
            of("limited"), numpy.minimum(moves[:, 2:], numpy.log(1000 / 16)), rtol=1e-6)
        numpy.testing.assert_allclose(of("size"), sides * numpy.exp(of("limited")), rtol=1e-5)
        numpy.testing.assert_allclose(
            of("moved") - of("centre"), moves[:, :2] * sides, rtol=1e-3, atol=1e-3)


def test_partners_of_masks(module, trace):
    """For every mask the one of another list with the greatest IoU, by NumPy over the whole image."""
    windows, soft = (trace.tensor("6-masks", name) for name in ("windows", "soft"))
    height, width = trace.tensor("6-masks", "label_map").shape
    sizes = numpy.prod(windows[:, 2:] - windows[:, :2], axis=1)
    parts = [part > 0.5 for part in numpy.split(soft, numpy.cumsum(sizes)[:-1])]

    def whole(window, part, shift):
        image = numpy.zeros((height + 9, width + 9), bool)
        x1, y1, x2, y2 = window + shift
        image[y1:y2, x1:x2] = part.reshape(y2 - y1, x2 - x1)
        return image

    # The second list is every other mask, three pixels further right and two down.
    shift = numpy.array([3, 2, 3, 2])
    some = [(windows[i], parts[i]) for i in range(40)]
    others = [(windows[i], parts[i]) for i in range(0, 40, 2)]
    first = [whole(*each, 0) for each in some]
    second = [whole(*each, shift) for each in others]
    expected = numpy.array([[(a & b).sum() / max((a | b).sum(), 1) for b in second] for a in first])
    found = module.ask(
        "const list = ([windows, inside]) => ({windows, inside: Uint8Array.from(inside)});"
        "return network.maskPartners(list(value[0]), list(value[1]));",
        [[numpy.concatenate([window + move for window, _ in masks]).tolist(),
          numpy.concatenate([part for _, part in masks]).astype(int).tolist()]
         for masks, move in ((some, 0), (others, shift))])
    for (partner, overlap), row in zip(found, expected, strict=True):
        assert overlap == pytest.approx(row.max(), abs=1e-6)
        assert partner == (int(row.argmax()) if row.max() > 0 else -1)
    assert {-1} < {int(partner) for partner, _ in found}


@pytest.mark.parametrize("name", ["nuclei", "shapes"])
def test_a_whole_image(module, name, trace, tmp_path):
    image = ROOT / f"Fixtures/images/{name}.png"
    weights = ROOT / f"Fixtures/weights/{name}.safetensors"
    native = trace
    if name == "shapes":
        native = Folder(tmp_path / "trace")
        maskrcnn(image, "--trace", native.path, "--weights", weights, "--no-figures")
    module.model(weights)
    module.image(image)
    stages = module.page.evaluate("ask('return Network.stages;')")
    times = module.run(*stages)
    print(name, "first run:", ", ".join(f"{a} {b:.0f} ms" for a, b in zip(stages, times)),
          f"in all {sum(times):.0f} ms")
    times = module.run(*stages)
    print(name, "again:", ", ".join(f"{a} {b:.0f} ms" for a, b in zip(stages, times)),
          f"in all {sum(times):.0f} ms")
    numpy.testing.assert_array_equal(module.tensors("image")[0], native.tensor("0-input", "image"))
    labels = native.tensor("5-heads", "labels")
    numpy.testing.assert_array_equal(module.tensors("detectionLabels")[0], labels)
    # As Sources/Goldens holds the chain: 5e-5 of the range.
    for ours, (stage, theirs) in {
            "boxes": ("6-masks", "boxes"), "detectionScores": ("5-heads", "scores"),
            "maskLogits": ("5-heads", "mask_logits")}.items():
        expected = native.tensor(stage, theirs)
        off = numpy.abs(module.tensors(ours)[0] - expected).max() / numpy.ptp(expected)
        print(f"{name} {theirs}: greatest difference {off:.3g} of the range")
        assert off <= 5e-5, theirs
    differing = (module.tensors("labelMap")[0] != native.tensor("6-masks", "label_map")).sum()
    print(f"{name}: {differing} pixels of the label map differ")
    assert differing <= 1e-4 * module.tensors("labelMap")[0].size
    if name == "shapes":
        module.model(ROOT / "Fixtures/weights/nuclei.safetensors")


def test_later_stages_run_again_with_other_options(module):
    module.image(BUNDLED / "image.png")
    stages = module.page.evaluate("ask('return Network.stages;')")
    module.run(*stages)
    before = len(module.tensors("detectionBoxes")[0])
    module.ask("network.option('scoreThreshold', 0.5);")
    module.run(*stages[stages.index("detections"):])
    assert 0 < len(module.tensors("detectionBoxes")[0]) < before
    module.ask("network.option('scoreThreshold', 1);")
    module.run(*stages[stages.index("detections"):])
    assert len(module.tensors("detectionBoxes")[0]) == 0
    assert not module.tensors("labelMap")[0].any()
    module.ask("network.option('scoreThreshold', 0.05);")


@pytest.mark.parametrize("code, fault", [
    ("network.run('trunks');", "trunks: there is no such stage"),
    ("network.option('scoreThreshold', -1);", "scoreThreshold: the value is not from 0"),
    ("network.tensor('nothing');", "nothing: there is no such tensor"),
    ("network.model(new Uint8Array(4), 'short');", "short: this is no JSON"),
    ("network.roiOperator({operator: 'crop'});", "operator: there is no operator -1"),
])
def test_faults_are_one_line(module, code, fault):
    with pytest.raises(Exception, match=re.escape(fault)):
        module.ask(code)
