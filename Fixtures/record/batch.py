"""Detections of several images that go through the bundled nucleus detector together.

``Fixtures/golden/batch``: which crops of the bundled image, and for each what torchvision's
``model(images)`` finds. The crops differ in size, so that padding to the largest matters.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

import nuclei_model
from bundled import IMAGE, SIDES, WEIGHTS, Crop, crop_of, source_image
from golden_files import GOLDEN, crc32, empty_folder, json_bytes, npy_bytes, write, write_how
from rasters import as_tensor

SEED = 2019
IMAGES = 3
TRIES = 200
LEAST_GAP = 2e-5
"""Scores that follow each other, and the threshold, differ by more: no order is in doubt."""


def _gap(scores: Tensor, threshold: float) -> float:
    ordered = torch.cat([scores.double(), torch.tensor([threshold], dtype=torch.float64)])
    return float((ordered[:-1] - ordered[1:]).min()) if len(scores) else 0.0


def _crops(random: np.random.Generator, height: int, width: int) -> list[Crop]:
    crops = []
    for number in range(IMAGES):
        # The first is the widest and the second the highest.
        columns, rows = (int(random.integers(*sides)) for sides in SIDES)
        columns, rows = columns + (40 if number == 0 else 0), rows + (30 if number == 1 else 0)
        left, top = random.integers(0, width - columns), random.integers(0, height - rows)
        crops.append((int(left), int(top), columns, rows))
    return crops


def record() -> None:
    """Writes the first batch without near ties."""
    model = nuclei_model.load(WEIGHTS)
    source = source_image()
    random = np.random.default_rng(SEED)
    for _ in range(TRIES):
        crops = _crops(random, *source.shape[:2])
        found = model([as_tensor(crop_of(source, crop)) for crop in crops])
        gap = min(_gap(one["scores"], model.roi_heads.score_thresh) for one in found)
        if gap > LEAST_GAP:
            break
    else:
        raise ValueError(f"none of {TRIES} batches is free of near ties")
    folder = empty_folder(GOLDEN / "batch")
    images = []
    for number, (crop, one) in enumerate(zip(crops, found, strict=True)):
        areas = (one["masks"][:, 0] > 0.5).sum(dim=(1, 2))
        outputs = {
            "boxes": one["boxes"].numpy(), "scores": one["scores"].numpy(),
            "labels": one["labels"].numpy(), "areas": areas.numpy(),
        }  # fmt: skip
        files = {name: f"image{number}.{name}.npy" for name in outputs}
        for name, values in outputs.items():
            write(folder / files[name], npy_bytes(values))
        images.append({"crop": dict(zip(("left", "top", "width", "height"), crop)), **files})
    note = (
        "boxes [D, 4] in image pixels, scores, labels and areas [D] (pixels over 0.5) of each image"
    )
    write(
        folder / "batch.json",
        json_bytes({"image": f"../../images/{IMAGE.name}", "images": images, "note": note}),
    )
    write_how(
        folder, "bundled", SEED, gap=gap,
        weights={"file": WEIGHTS.name, "crc32": crc32(WEIGHTS.read_bytes())},
    )  # fmt: skip
    print(f"  batch: {crops}, {[len(one['scores']) for one in found]} detections, gap {gap:.1e}")
