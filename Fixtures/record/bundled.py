"""Golden traces of the bundled nucleus detector on a crop of the bundled picture, in full.

``bundled`` holds all stages. ``bundled-pool`` holds stages 4 to 6 with RoIPool in RoIAlign's place,
on the proposals of ``bundled``.

``python Fixtures/record/bundled.py search`` looks for a crop without near ties, to be entered in
``CROP``.
"""

from __future__ import annotations

import sys
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
PICTURE = FIXTURES / "pictures" / "nuclei.png"
WEIGHTS = FIXTURES / "weights" / "nuclei.safetensors"

CROP = (273, 117, 69, 54)
"""Left, top, width, height. Small, so that the fixture is, and padded after resizing."""

TOP_PER_LEVEL, MOST_PROPOSALS = 50, 120
"""Fewer than the usual 1000: the features of 1000 proposals would take 12 MB, and among so many
some scores always are nearly equal."""


def model_of() -> MaskRCNN:
    """The bundled model, with the counts that the golden traces take."""
    return nuclei_model.load(
        WEIGHTS, rpn_pre_nms_top_n_test=TOP_PER_LEVEL, rpn_post_nms_top_n_test=MOST_PROPOSALS
    )


def source_picture() -> np.ndarray:
    """[H, W, 3] of 8 bits."""
    with Image.open(PICTURE) as image:
        return np.asarray(image.convert("RGB"))


def crop_of(picture: np.ndarray, crop: tuple[int, int, int, int]) -> np.ndarray:
    """The part of ``picture`` at left, top, width, height."""
    left, top, width, height = crop
    return np.ascontiguousarray(picture[top : top + height, left : left + width])


def run_crop(model: MaskRCNN, picture: np.ndarray, checked: bool = True) -> Run:
    """The stages on one crop."""
    options = {
        "architecture": "nuclei",
        "normEpsilon": torchvision_stages.norm_epsilon(model),
    }
    resize = f"factor {nuclei_model.INPUT_SCALE}"
    names = nuclei_model.CLASS_NAMES
    return torchvision_stages.run(model, as_tensor(picture), resize, options, names, checked)


def use_roi_pool(model: MaskRCNN) -> MaskRCNN:
    """Puts RoIPool in RoIAlign's place in both heads of ``model``."""
    for name in ("box_roi_pool", "mask_roi_pool"):
        pooler = getattr(model.roi_heads, name)
        replacement = MultiScaleRoIPool(
            pooler.featmap_names, pooler.output_size, pooler.sampling_ratio
        )
        setattr(model.roi_heads, name, replacement)
    return model


def record() -> None:
    """Writes both traces."""
    picture = crop_of(source_picture(), CROP)
    run = run_crop(model_of(), picture)
    pooled = run_crop(use_roi_pool(model_of()), picture)
    for name in ("0-input", "1-backbone", "2-anchors", "3-proposals"):
        for entry in run[name].tensors:
            assert torch.equal(entry.values, pooled[name][entry.name]), entry.name
    weights = "../../weights/nuclei.safetensors"
    checksums = write_trace(GOLDEN / "bundled", run.stages, "picture.png", weights)
    write(GOLDEN / "bundled" / "picture.png", png_bytes(picture))
    _write_how(GOLDEN / "bundled", run)
    known = {stage.name: checksums[stage.name] for stage in run.stages[:4]}
    write_trace(
        GOLDEN / "bundled-pool", pooled.stages[4:], "../bundled/picture.png", weights, known=known
    )
    _write_how(
        GOLDEN / "bundled-pool",
        pooled,
        note="stages 4 to 6 with RoIPool in place of RoIAlign, reading stages 0 to 3 of ../bundled",
    )


def _write_how(folder: Path, run: Run, note: str = "") -> None:
    torchvision_stages.assert_finite(run.stages)
    found = margins.measure(run)
    left, top, width, height = CROP
    crop = f"{width}x{height} pixels of {PICTURE.name} from x {left}, y {top}"
    counts = f"topPerLevel {TOP_PER_LEVEL}, mostProposals {MOST_PROPOSALS}"
    write_how(
        folder, "bundled", 0,
        crop=crop, margins=found, note=f"{counts}. {note}".strip(),
        weights={"file": WEIGHTS.name, "crc32": crc32(WEIGHTS.read_bytes())},
    )  # fmt: skip
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    clear = margins.clearness(found)
    print(f"  {folder.name}: {_counts(run)}, {size / 1e6:.2f} MB, clear by {clear:.2f}")
    assert clear >= 1, f"near ties, choose another crop (bundled.py search): {found}"


def _counts(run: Run) -> str:
    proposals, detections = run["3-proposals"]["scores"], run["5-heads"]["scores"]
    return f"{len(proposals)} proposals, {len(detections)} detections"


def _crops(picture: np.ndarray) -> Iterator[tuple[int, int, int, int]]:
    """Crops over the whole picture, in a shuffled order."""
    random = np.random.default_rng(2018)
    height, width = picture.shape[:2]
    while True:
        side = (int(random.integers(64, 72)), int(random.integers(52, 58)))
        yield (
            int(random.integers(0, width - side[0])), int(random.integers(0, height - side[1])),
            *side,
        )  # fmt: skip


def search(tries: int) -> None:
    """Prints how clear of ties the better ones of some crops are."""
    picture = source_picture()
    models = (model_of(), use_roi_pool(model_of()))
    for crop, _ in zip(_crops(picture), range(tries), strict=False):
        clear = []
        for model in models:
            run = run_crop(model, crop_of(picture, crop), checked=False)
            found = margins.measure(run)
            clear.append(margins.clearness(found))
            if clear[-1] < 0.7:
                break
        worst = min(margins.LEAST, key=lambda name: found[name] / margins.LEAST[name])
        numbers = ", ".join(f"{value:.3f}" for value in clear)
        levels = run["4-roi"]["levels"].bincount(minlength=4).tolist()
        print(f"{crop}: clear by {numbers} ({worst}), {_counts(run)}, levels {levels}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] != ["search"]:
        sys.exit("usage: bundled.py search [TRIES]")
    torch.set_num_threads(1)
    with torch.inference_mode():
        search(int(sys.argv[2]) if len(sys.argv) > 2 else 100)
