"""Traces with boxes and maps that a test chose, for the stage's own operators to run on.

The stage reads its boxes from `3-proposals` and its maps from `1-backbone`. A forged trace holds
both as any trace does, with the right checksums, so that `maskrcnn roi` runs on it unchanged.
"""

import io
import json
import shutil
import zlib
from pathlib import Path

import numpy

LEVELS = ("P2", "P3", "P4", "P5")


def _store(stage, replaced, reads=None):
    """Replaces tensors of a stage's folder; those not named in `replaced` stay as they are."""
    file = stage / "stage.json"
    record = json.loads(file.read_text())
    for name, array in replaced.items():
        array = numpy.ascontiguousarray(array, numpy.float32)
        buffer = io.BytesIO()
        numpy.lib.format.write_array(buffer, array, version=(1, 0), allow_pickle=False)
        data = buffer.getvalue()
        entry = next(each for each in record["tensors"] if each["name"] == name)
        (stage / entry["file"]).unlink()
        (stage / entry["file"]).write_bytes(data)
        entry.update(
            shape=list(array.shape), crc32=f"{zlib.crc32(data):08x}", minimum=float(array.min()),
            maximum=float(array.max()), mean=float(array.mean()))
    record["figures"] = []
    if reads is not None:
        record["reads"] = {name: record["reads"][name] for name in reads}
    file.unlink()
    file.write_text(json.dumps(record))


def forge(trace, target, boxes, share=1.0):
    """A trace with these proposals.

    `share` leaves only so much of every level's width: boxes further right then lie outside the
    map, though inside the image, which is where the stage insists that boxes lie.
    """
    target = Path(target)
    stages = ("0-input", "1-backbone", "3-proposals")
    for stage in stages:
        shutil.copytree(
            trace.path / stage, target / stage, ignore=shutil.ignore_patterns("figures"))
        # The files may be read-only where they came from.
        for file in (target / stage).rglob("*"):
            file.chmod(0o755 if file.is_dir() else 0o644)
    maps = {}
    if share < 1:
        for name in LEVELS:
            level = trace.tensor("1-backbone", name)
            maps[name] = level[..., :int(level.shape[3] * share)]
    _store(target / "0-input", {})
    _store(target / "1-backbone", maps, reads=[])
    _store(target / "3-proposals", {
        "proposals": boxes, "scores": numpy.linspace(1, 0, len(boxes))}, reads=[])
    record = json.loads((trace.path / "trace.json").read_text())
    record["stages"] = list(stages)
    (target / "trace.json").write_text(json.dumps(record))
    return target


def random_boxes(count, seed, side=1024):
    """Boxes `[count, 4]` of all sizes: every level, tiny, empty, huge, on edges and on halves."""
    random = numpy.random.default_rng(seed)
    boxes = []
    for index in range(count):
        extent = numpy.exp(random.uniform(numpy.log(0.05), numpy.log(side), 2))
        corner = random.uniform(0, side - extent)
        box = numpy.concatenate([corner, corner + extent])
        match index % 10:
            case 0:  # Halves of cells of P2, where rounding decides.
                box = numpy.round(box / 4) * 4 + 2
            case 1:  # Whole cells of P3.
                box = numpy.round(box / 8) * 8
            case 2:  # Up to the image's far edges.
                box[2:] = side
            case 3:  # From its near ones.
                box[:2] = 0
            case 4:  # Without width.
                box[2] = box[0]
            case 5:  # Large enough for P5.
                box = numpy.array([0, 0, side, side]) + random.uniform(0, 240, 4) * [1, 1, -1, -1]
            case 6:  # Of the size of P4.
                width = random.uniform(230, 420, 2)
                box[:2] = random.uniform(0, side - width)
                box[2:] = box[:2] + width
        boxes.append(numpy.clip(box, 0, side))
    return numpy.array(boxes, numpy.float32)


def set_options(folder, stage, **options):
    """Changes what a stage of a trace recorded of its options; the later stages stay current."""
    stages = json.loads((folder / "trace.json").read_text())["stages"]
    for name in stages[stages.index(stage):]:
        file = folder / name / "stage.json"
        record = json.loads(file.read_text())
        if name == stage:
            record["options"].update(options)
        for read in record["reads"]:
            data = (folder / read / "stage.json").read_bytes()
            record["reads"][read] = f"{zlib.crc32(data):08x}"
        file.unlink()
        file.write_text(json.dumps(record))
