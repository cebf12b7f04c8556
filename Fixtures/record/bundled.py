"""Golden traces of the bundled nucleus detector on a crop of the bundled image, in full.

``bundled`` holds all stages. ``bundled-pool`` holds stages 4 to 6 with RoIPool in RoIAlign's place,
on the proposals of ``bundled``.

Which crop it is depends on the weights: of a fixed sequence of crops the first without near ties.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision.models.detection import MaskRCNN

import margins
import nuclei_model
import torchvision_stages
from golden_files import GOLDEN, crc32, write, write_how
from rasters import as_tensor, png_bytes
from torchvision_stages import MultiScaleRoIPool, Run
from trace_writer import write_trace

FIXTURES = GOLDEN.parent
IMAGE = FIXTURES / "images" / "nuclei.png"
WEIGHTS = FIXTURES / "weights" / "nuclei.safetensors"

Crop = tuple[int, int, int, int]
"""Left, top, width, height."""

SIDES = ((64, 72), (52, 58))
"""Widths and heights of crops: small, so that the fixture is, and padded after resizing."""

TRIES = 2000
LEAST_DETECTIONS = 10

TOP_PER_LEVEL, MOST_PROPOSALS = 50, 120
"""Fewer than the usual 1000: the features of 1000 proposals would take 12 MB, and among so many
some scores always are nearly equal."""


def model_of() -> MaskRCNN:
    """The bundled model, with the counts that the golden traces take."""
    return nuclei_model.load(
        WEIGHTS, rpn_pre_nms_top_n_test=TOP_PER_LEVEL, rpn_post_nms_top_n_test=MOST_PROPOSALS
    )


def source_image() -> np.ndarray:
    """[H, W, 3] of 8 bits."""
    with Image.open(IMAGE) as image:
        return np.asarray(image.convert("RGB"))


def crop_of(image: np.ndarray, crop: Crop) -> np.ndarray:
    """The part of ``image`` at left, top, width, height."""
    left, top, width, height = crop
    return np.ascontiguousarray(image[top : top + height, left : left + width])


def run_crop(model: MaskRCNN, image: np.ndarray, checked: bool = True) -> Run:
    """The stages on one crop."""
    options = {
        "architecture": "nuclei",
        "normEpsilon": torchvision_stages.norm_epsilon(model),
    }
    resize = f"factor {nuclei_model.INPUT_SCALE}"
    names = nuclei_model.CLASS_NAMES
    return torchvision_stages.run(model, as_tensor(image), resize, options, names, checked)


def use_roi_pool(model: MaskRCNN) -> MaskRCNN:
    """Puts RoIPool in RoIAlign's place in both heads of ``model``."""
    for name in ("box_roi_pool", "mask_roi_pool"):
        pooler = getattr(model.roi_heads, name)
        replacement = MultiScaleRoIPool(
            pooler.featmap_names, pooler.output_size, pooler.sampling_ratio
        )
        setattr(model.roi_heads, name, replacement)
    return model


def _crops(image: np.ndarray) -> Iterator[Crop]:
    """Crops over the whole image, always the same ones in the same order."""
    random = np.random.default_rng(2018)
    height, width = image.shape[:2]
    for _ in range(TRIES):
        columns, rows = (int(random.integers(*sides)) for sides in SIDES)
        left, top = random.integers(0, width - columns), random.integers(0, height - rows)
        yield int(left), int(top), columns, rows


def find_crop(image: np.ndarray) -> Crop:
    """The first crop without near ties, with both operators, that shows enough."""
    models = (model_of(), use_roi_pool(model_of()))
    for crop in _crops(image):
        for model in models:
            run = run_crop(model, crop_of(image, crop), checked=False)
            is_rich = len(run["5-heads"]["scores"]) >= LEAST_DETECTIONS
            has_levels = int(run["4-roi"]["levels"].max()) > 0
            if not (is_rich and has_levels and margins.clearness(margins.measure(run)) >= 1.5):
                break
        else:
            return crop
    raise ValueError(f"none of {TRIES} crops of {IMAGE.name} is free of near ties")


def record() -> None:
    """Writes both traces."""
    source = source_image()
    crop = find_crop(source)
    image = crop_of(source, crop)
    run = run_crop(model_of(), image)
    pooled = run_crop(use_roi_pool(model_of()), image)
    for name in ("0-input", "1-backbone", "2-anchors", "3-proposals"):
        for entry in run[name].tensors:
            assert torch.equal(entry.values, pooled[name][entry.name]), entry.name
    weights = "../../weights/nuclei.safetensors"
    checksums = write_trace(GOLDEN / "bundled", run.stages, "image.png", weights)
    write(GOLDEN / "bundled" / "image.png", png_bytes(image))
    _write_how(GOLDEN / "bundled", run, crop)
    known = {stage.name: checksums[stage.name] for stage in run.stages[:4]}
    write_trace(
        GOLDEN / "bundled-pool", pooled.stages[4:], "../bundled/image.png", weights, known=known
    )
    _write_how(
        GOLDEN / "bundled-pool",
        pooled,
        crop,
        note="stages 4 to 6 with RoIPool in place of RoIAlign, reading stages 0 to 3 of ../bundled",
    )


def _write_how(folder: Path, run: Run, crop: Crop, note: str = "") -> None:
    torchvision_stages.assert_finite(run.stages)
    found = margins.measure(run)
    left, top, width, height = crop
    counts = f"preNMSTopN {TOP_PER_LEVEL}, postNMSTopN {MOST_PROPOSALS}"
    write_how(
        folder, "bundled", 2018,
        crop=f"{width}x{height} pixels of {IMAGE.name} from x {left}, y {top}",
        margins=found, note=f"{counts}. {note}".strip(),
        weights={"file": WEIGHTS.name, "crc32": crc32(WEIGHTS.read_bytes())},
    )  # fmt: skip
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    proposals, detections = run["3-proposals"]["scores"], run["5-heads"]["scores"]
    clear = margins.clearness(found)
    print(
        f"  {folder.name}: crop {crop}, {len(proposals)} proposals, {len(detections)} detections, "
        f"{size / 1e6:.2f} MB, clear by {clear:.2f}"
    )
    assert clear >= 1, found
