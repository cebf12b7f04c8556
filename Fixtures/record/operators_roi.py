"""Golden cases of the RoI operators: RoIAlign, its maximum, RoIPool, RoIWarp, and RoI levels."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torchvision.ops import roi_align, roi_pool
from torchvision.ops.poolers import LevelMapper

import oracles
from operator_cases import CaseList

SEED = 20_170_320
"""The day the paper was published."""

ROWS, COLUMNS, CHANNELS = 17, 23, 2
SIZES = {"7x7": (7, 7), "14x14": (14, 14), "4x4": (4, 4), "3x5": (3, 5)}
SCALES = {"scale4": 1 / 4, "scale16": 1 / 16, "scale1": 1.0, "scale03": 0.3}

CELL_BOXES = {
    "inside": (3.2, 4.1, 12.7, 11.9),
    "inside, one bin a cell": (2.0, 3.0, 9.0, 10.0),
    "across the left border": (-4.3, 3.3, 5.1, 9.7),
    "across the right border": (17.2, 2.6, 27.9, 8.8),
    "across the top border": (5.3, -3.7, 12.2, 4.4),
    "across the bottom border": (6.1, 11.3, 13.4, 21.2),
    "across a corner": (18.8, 13.1, 26.3, 20.6),
    "ends at the last cell's far side": (10.5, 8.5, 23.0, 17.0),
    "outside on the left": (-14.2, 3.1, -3.4, 9.8),
    "outside on the right": (26.3, 3.7, 31.9, 9.1),
    "outside above": (4.4, -11.3, 9.2, -2.9),
    "outside below": (4.6, 20.3, 9.3, 25.1),
    "no width": (8.25, 4.4, 8.25, 9.9),
    "no height": (4.3, 7.75, 11.6, 7.75),
    "a point": (6.4, 6.6, 6.4, 6.6),
    "tiny": (9.31, 5.42, 9.58, 5.63),
    "narrow": (11.22, 2.1, 11.71, 14.3),
    "the whole map": (0.0, 0.0, 23.0, 17.0),
    "huge": (-61.3, -47.9, 83.7, 66.2),
    "halves": (2.5, 3.5, 8.5, 10.5),
    "negative halves": (-2.5, -1.5, 6.5, 7.5),
}
"""Boxes in cells of the feature map, x1 y1 x2 y2."""


def feature_map() -> Tensor:
    """[1, C, H, W], normally distributed."""
    values = np.random.default_rng(SEED).standard_normal((1, CHANNELS, ROWS, COLUMNS))
    return torch.from_numpy(values.astype(np.float32))


def boxes_at(scale: float) -> Tensor:
    """The boxes in pixels of an image of which the map is ``scale`` times the size.

    Where the scale is no power of two, cells turn into pixels and back with an error, and boxes
    that end on whole or half cells would be decided by rounding: those are made a little larger.
    """
    cells = torch.tensor(list(CELL_BOXES.values()), dtype=torch.float64)
    if math.log2(scale) % 1 != 0:
        cells = cells * 1.013 + 0.031
    return cells.div(scale).float()


def with_image(boxes: Tensor) -> Tensor:
    """Boxes with the number of their image, 0, before them: [R, 5]."""
    return torch.cat([torch.zeros(len(boxes), 1), boxes], dim=1)


def check(name: str, actual: Tensor, oracle: np.ndarray, tolerance: float) -> None:
    """Holds torchvision's answer to the independent one."""
    difference = float(np.abs(actual.numpy().astype(np.float64) - oracle).max())
    assert difference <= tolerance, f"{name}: torchvision and the oracle differ by {difference}"


def _combinations() -> list[tuple[str, str, bool, int]]:
    """(scale, size, aligned, sampling ratio): every ratio at 7x7, a few at the other sizes."""
    every = [
        (scale, "7x7", aligned, ratio)
        for scale in ("scale4", "scale16")
        for aligned in (False, True)
        for ratio in (-1, 1, 2, 3, 4)
    ]
    sizes = [
        ("scale4", size, aligned, ratio)
        for size in ("14x14", "4x4", "3x5")
        for aligned in (False, True)
        for ratio in (-1, 2)
    ]
    scales = [
        (scale, "7x7", aligned, ratio)
        for scale in ("scale1", "scale03")
        for aligned in (False, True)
        for ratio in (0, 2)
    ]
    return every + sizes + scales


def _begin(operator: str, reference: str, note: str = "") -> tuple[CaseList, dict[str, str]]:
    """A case list with the shared inputs: the feature map and the boxes at each scale."""
    boxes = "Boxes, row by row: " + "; ".join(CELL_BOXES) + "."
    cases = CaseList(operator, reference, SEED, f"{note} {boxes}".strip())
    files = {"features": cases.share("features", feature_map())}
    files |= {scale: cases.share(f"boxes-{scale}", boxes_at(SCALES[scale])) for scale in SCALES}
    return cases, files


def _roi_align_parameters(
    size: tuple[int, int], scale: float, ratio: int, aligned: bool
) -> dict[str, bool | int | float]:
    return {
        "outputHeight": size[0],
        "outputWidth": size[1],
        "spatialScale": scale,
        "samplingRatio": ratio,
        "aligned": aligned,
    }


def record_roi_align() -> None:
    """torchvision's ``roi_align``, held to the oracle."""
    cases, files = _begin(
        "roi_align",
        "torchvision.ops.roi_align on the CPU in float32; checked against a float64 oracle",
        "A sampling ratio of 0 or -1 takes ceil(bin size) samples along each axis.",
    )
    features = feature_map()
    for scale_name, size_name, aligned, ratio in _combinations():
        scale, size = SCALES[scale_name], SIZES[size_name]
        boxes = boxes_at(scale)
        pooled = roi_align(features, with_image(boxes), size, scale, ratio, aligned)
        oracle = oracles.roi_align(features[0].numpy(), boxes.numpy(), size, scale, ratio, aligned)
        word = "aligned" if aligned else "unaligned"
        name = f"{scale_name}-{word}-ratio{ratio}-{size_name}"
        check(name, pooled, oracle, 2e-5)
        cases.add(
            name,
            {"features": files["features"], "boxes": files[scale_name]},
            {"pooled": pooled},
            _roi_align_parameters(size, scale, ratio, aligned),
        )
    _record_ramp(cases)
    cases.close()


def _record_ramp(cases: CaseList) -> None:
    """A ramp whose answers can be checked by hand, after detectron2's ``test_roi_align.py``."""
    ramp = torch.arange(25, dtype=torch.float32).reshape(1, 1, 5, 5)
    box = torch.tensor([[1.0, 1.0, 3.0, 3.0]])
    for aligned, first in ((False, 7.5), (True, 4.5)):
        pooled = roi_align(ramp, with_image(box), (4, 4), 1.0, 0, aligned)
        assert pooled.flatten()[0].item() == first
        cases.add(
            f"ramp-{'aligned' if aligned else 'unaligned'}",
            {"features": ramp, "boxes": box},
            {"pooled": pooled},
            _roi_align_parameters((4, 4), 1.0, 0, aligned),
            note="element (i, j) of the 5x5 map is 5i + j: every sample is a plain number",
        )


def record_roi_align_max() -> None:
    """The maximum over RoIAlign's samples, by the oracle alone."""
    cases, files = _begin(
        "roi_align_max",
        "the float64 oracle roi_align(reduce=maximum), rounded to float32",
        "Each bin is the maximum of its bilinearly interpolated samples; a sample outside of the "
        "map counts as 0, a bin without samples is 0.",
    )
    features = feature_map()
    for aligned, ratio, scale_name in (
        (False, 2, "scale4"), (True, 2, "scale4"), (False, -1, "scale16"), (True, -1, "scale16"),
    ):  # fmt: skip
        scale, size = SCALES[scale_name], SIZES["7x7"]
        pooled = oracles.roi_align(
            features[0].numpy(), boxes_at(scale).numpy(), size, scale, ratio, aligned,
            oracles.maximum,
        )  # fmt: skip
        word = "aligned" if aligned else "unaligned"
        cases.add(
            f"{scale_name}-{word}-ratio{ratio}-7x7",
            {"features": files["features"], "boxes": files[scale_name]},
            {"pooled": pooled},
            _roi_align_parameters(size, scale, ratio, aligned),
        )
    cases.close()


def _record_quantising(
    cases: CaseList,
    files: dict[str, str],
    pool: Callable[[str, str, int], Tensor | np.ndarray],
    ratios: tuple[int, ...],
) -> None:
    """Cases of an operator that rounds its boxes."""
    for scale_name in SCALES:
        for size_name in ("7x7", "4x4") if scale_name == "scale4" else ("7x7",):
            for ratio in ratios:
                size = SIZES[size_name]
                parameters = {
                    "outputHeight": size[0],
                    "outputWidth": size[1],
                    "spatialScale": SCALES[scale_name],
                }
                suffix = ""
                if ratio != 0:
                    parameters["samplingRatio"] = ratio
                    suffix = f"-ratio{ratio}"
                cases.add(
                    f"{scale_name}{suffix}-{size_name}",
                    {"features": files["features"], "boxes": files[scale_name]},
                    {"pooled": pool(scale_name, size_name, ratio)},
                    parameters,
                )


def record_roi_pool() -> None:
    """torchvision's ``roi_pool``, held to the oracle."""
    cases, files = _begin(
        "roi_pool",
        "torchvision.ops.roi_pool on the CPU in float32; checked against an oracle, equal",
        "Corners are rounded with halves away from zero; bin edges are floor and ceil of float32 "
        "products; an empty bin gives 0.",
    )
    features = feature_map()

    def pool(scale_name: str, size_name: str, _: int) -> Tensor:
        scale, size = SCALES[scale_name], SIZES[size_name]
        boxes = boxes_at(scale)
        pooled = roi_pool(features, with_image(boxes), size, scale)
        oracle = oracles.roi_pool(features[0].numpy(), boxes.numpy(), size, scale)
        check(scale_name, pooled, oracle, 0)
        return pooled

    _record_quantising(cases, files, pool, (0,))
    cases.close()


def record_roi_warp() -> None:
    """RoIWarp, by the oracle alone."""
    definition = " ".join((oracles.roi_warp.__doc__ or "").split())
    cases, files = _begin(
        "roi_warp", "the float64 oracle roi_warp, rounded to float32", definition
    )
    features = feature_map()

    def pool(scale_name: str, size_name: str, ratio: int) -> np.ndarray:
        scale, size = SCALES[scale_name], SIZES[size_name]
        boxes = boxes_at(scale).numpy()
        return oracles.roi_warp(features[0].numpy(), boxes, size, scale, ratio)

    _record_quantising(cases, files, pool, (2, -1))
    cases.close()


def _square(side: float) -> list[float]:
    return [13.0, 29.0, 13.0 + side, 29.0 + side]


def record_roi_levels() -> None:
    """torchvision's ``LevelMapper``, the pyramid level of each box."""
    cases = CaseList(
        "roi_levels",
        "torchvision.ops.poolers.LevelMapper in float32",
        SEED,
        "level = clamp(floor(canonicalLevel + log2(sqrt(area) / canonicalScale) + 1e-6), first, "
        "last): the number of the level, where LevelMapper counts from 0. A box of no area has "
        "log2(0) = -infinity and goes to the first level. margin is the distance of the value before floor, in float64, from "
        "the next whole number: where it is under 1e-5, float32 rounding decides.",
    )
    sides = [
        side * factor
        for side in (56, 112, 224, 448, 896)
        for factor in (1, 0.999, 1.001, 0.99999, 1.00001)
    ]
    boxes = [_square(side) for side in sides]
    boxes += [
        [0, 0, 56, 224], [0, 0, 448, 112], [0, 0, 28, 1792], [0.5, 0.5, 0.75, 0.75],
        [10, 10, 10, 50], [10, 10, 10, 10], [0, 0, 1333, 800], [0, 0, 30000, 20000],
        [3, 4, 3.001, 4.001],
    ]  # fmt: skip
    random = np.random.default_rng(SEED + 1)
    corners = random.uniform(0, 600, (40, 2))
    extents = np.exp(random.uniform(0, 7, (40, 2)))
    boxes = torch.cat(
        [
            torch.tensor(boxes, dtype=torch.float32),
            torch.from_numpy(np.hstack([corners, corners + extents]).astype(np.float32)),
        ]
    )
    for first, last in ((2, 5), (3, 6)):
        levels = LevelMapper(first, last)([boxes]) + first
        cases.add(
            f"levels-{first}-to-{last}",
            {"boxes": boxes, "margin": level_margins(boxes)},
            {"levels": levels},
            {
                "firstLevel": first,
                "lastLevel": last,
                "canonicalLevel": 4,
                "canonicalScale": 224.0,
                "epsilon": 1e-6,
            },
        )
    cases.close()


def level_margins(boxes: Tensor) -> Tensor:
    """How far each box is from another level: distance to the next whole number before floor."""
    sides = (boxes[:, 2:].double() - boxes[:, :2].double()).clamp(min=1e-12)
    value = 4 + torch.log2(sides.prod(dim=1).sqrt() / 224) + 1e-6
    return (value - value.round()).abs()


def record() -> None:
    """All cases of this file."""
    record_roi_align()
    record_roi_align_max()
    record_roi_pool()
    record_roi_warp()
    record_roi_levels()
