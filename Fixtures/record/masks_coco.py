"""Masks as COCO's tools encode them: polygons, run lengths, overlaps (``golden/evaluation/masks.json``)."""

from __future__ import annotations

import json

import numpy as np
from golden_files import GOLDEN, write
from pycocotools import mask as coco_mask

SEED = 20
FOLDER = GOLDEN / "evaluation"


def text(code: dict) -> str:
    """The compressed counts of an encoded mask."""
    counts = code["counts"]
    return counts.decode() if isinstance(counts, bytes) else counts


def star(generator: np.random.Generator, width: int, height: int, corners: int) -> np.ndarray:
    """A polygon around a point, with corners in random distances; `[corners, 2]`."""
    angles = np.sort(generator.uniform(0, 2 * np.pi, corners))
    radii = generator.uniform(0.2, 1, corners) * generator.uniform(2, max(2, 0.7 * min(width, height)))
    centre = generator.uniform(0, 1, 2) * (width, height)
    return centre + np.stack([np.cos(angles), np.sin(angles)], 1) * radii[:, None]


def polygon(generator: np.random.Generator, kind: int, width: int, height: int) -> list[float]:
    """One polygon as a flat list; ``kind`` decides what is awkward about it."""
    corners = int(generator.integers(3, 12))
    size = np.array([width, height])
    if kind == 0:  # may reach outside the image
        points = star(generator, width, height, corners)
    elif kind == 1:  # crosses itself
        points = generator.uniform(-0.2, 1.2, (corners, 2)) * size
    elif kind == 2:  # whole numbers, edges along pixel borders
        points = generator.integers(0, size + 1, (corners, 2)).astype(float)
    elif kind == 3:  # halves: edges through the middles of pixels
        points = generator.integers(-4, 2 * size + 4, (corners, 2)) / 2
    elif kind == 4:  # a rectangle
        low, high = np.sort(generator.uniform(-2, size.max() + 2, (2, 2)), axis=0)
        points = np.array([low, [low[0], high[1]], high, [high[0], low[1]]])
    elif kind == 5:  # smaller than a few pixels
        points = generator.uniform(0, 1, 2) * size + generator.uniform(-1.5, 1.5, (corners, 2))
    elif kind == 6:  # the first corner is given again, and one in the middle twice
        points = star(generator, width, height, corners)
        points = np.concatenate([points[:2], points[1:], points[:1]])
    else:  # thin and long, all in one column or row now and then
        base = generator.uniform(0, 1, 2) * size
        points = base + generator.uniform(-1, 1, (corners, 2)) * size * ([1, 0.02] if kind == 7 else [0.02, 1])
    return [round(float(value), 2) for value in points.ravel()]


def polygon_cases(generator: np.random.Generator) -> list[dict]:
    """Polygons, some in several parts, with pycocotools' mask, area and box of each."""
    cases = []
    for index in range(360):
        width, height = (int(side) for side in generator.integers(1 if index % 10 == 0 else 8, 48, 2))
        parts = 1 if index % 6 else int(generator.integers(2, 4))
        polygons = [polygon(generator, index % 9, width, height) for _ in range(parts)]
        code = coco_mask.merge(coco_mask.frPyObjects(polygons, height, width))
        cases.append(
            {
                "width": width,
                "height": height,
                "polygons": polygons,
                "counts": text(code),
                "area": int(coco_mask.area(code)),
                "box": coco_mask.toBbox(code).tolist(),
            }
        )
    return cases


def blob(generator: np.random.Generator, width: int, height: int) -> np.ndarray:
    """A random mask: an ellipse, stripes, dust, or nothing, or everything."""
    y, x = np.mgrid[:height, :width]
    kind = generator.integers(0, 6)
    if kind == 0:
        return np.zeros((height, width), bool)
    if kind == 1:
        return np.ones((height, width), bool)
    if kind == 2:
        return generator.uniform(size=(height, width)) < generator.uniform(0.02, 0.9)
    if kind == 3:
        return (x // generator.integers(1, 5)) % 2 == 0
    centre, radii = generator.uniform(0, 1, 2) * (width, height), generator.uniform(1, 20, 2)
    return ((x - centre[0]) / radii[0]) ** 2 + ((y - centre[1]) / radii[1]) ** 2 < 1


def overlap_cases(generator: np.random.Generator) -> list[dict]:
    """Pairs of masks with their union, areas and overlap."""
    cases = []
    for _ in range(60):
        width, height = (int(side) for side in generator.integers(1, 40, 2))
        first, second = (
            coco_mask.encode(np.asfortranarray(blob(generator, width, height).astype(np.uint8))) for _ in range(2)
        )
        cases.append(
            {
                "width": width,
                "height": height,
                "first": text(first),
                "second": text(second),
                "union": text(coco_mask.merge([first, second])),
                "shared": int(coco_mask.area(coco_mask.merge([first, second], intersect=True))),
                "areas": [int(coco_mask.area(first)), int(coco_mask.area(second))],
                "box": coco_mask.toBbox(first).tolist(),
                "overlap": float(coco_mask.iou([first], [second], [0])[0, 0]),
            }
        )
    return cases


def record() -> None:
    """Writes the fixture."""
    generator = np.random.default_rng(SEED)
    cases = {"polygons": polygon_cases(generator), "overlaps": overlap_cases(generator)}
    write(FOLDER / "masks.json", (json.dumps(cases, separators=(",", ":")) + "\n").encode())
