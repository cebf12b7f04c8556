"""Slow, independent references in NumPy, one loop per index, in float64.

``roi_align`` and ``roi_pool`` repeat what torchvision computes and are compared with it whenever
fixtures are recorded. ``roi_warp`` and the maximum over RoIAlign's samples have no counterpart in
torchvision; here stands their definition. Letters: R boxes, C channels, H W rows and columns of the
feature map, PH PW rows and columns of the output.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

Reduce = Callable[[Sequence[float]], float]


def average(samples: Sequence[float]) -> float:
    """The mean of a bin's samples; an empty bin gives 0."""
    return sum(samples) / max(len(samples), 1)


def maximum(samples: Sequence[float]) -> float:
    """The greatest of a bin's *interpolated* values; an empty bin gives 0.

    A sample outside of the map takes part with the value 0 that it has in the average.
    """
    return max(samples, default=0.0)


def bilinear(plane: np.ndarray, y: float, x: float) -> float:
    """RoIAlign's sample of ``plane`` [H, W] at (y, x), where element (i, j) stands at (i, j).

    Outside of [-1, H] x [-1, W] the value is 0; from there to the first or last element, the
    border's value.
    """
    height, width = plane.shape
    if y < -1 or y > height or x < -1 or x > width:
        return 0.0
    y, x = min(max(y, 0.0), height - 1), min(max(x, 0.0), width - 1)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    down, across = y - top, x - left
    return (
        plane[top, left] * (1 - down) * (1 - across)
        + plane[top, right] * (1 - down) * across
        + plane[bottom, left] * down * (1 - across)
        + plane[bottom, right] * down * across
    )


def _pool_real_bins(
    features: np.ndarray,
    start: tuple[float, float],
    size: tuple[float, float],
    output_size: tuple[int, int],
    sampling_ratio: int,
    reduce: Reduce,
) -> np.ndarray:
    """Samples bins of real size on a regular grid.

    The region begins at ``start`` (y, x) and has ``size`` (height, width) in cells. Bin (p, q) has
    n x m samples, n = ``sampling_ratio`` or, where that is not positive, ceil(height / PH); sample
    (i, j) stands at y = start_y + (p + (i + 0.5) / n) height / PH, and likewise x.
    """
    channels = features.shape[0]
    bins = [size[axis] / output_size[axis] for axis in (0, 1)]
    grid = [sampling_ratio if sampling_ratio > 0 else math.ceil(side) for side in bins]
    positions = [
        [
            [start[axis] + (p + (i + 0.5) / grid[axis]) * bins[axis] for i in range(grid[axis])]
            for p in range(output_size[axis])
        ]
        for axis in (0, 1)
    ]
    pooled = np.zeros((channels, *output_size))  # [C, PH, PW]
    for c, p, q in np.ndindex(pooled.shape):
        pooled[c, p, q] = reduce(
            [bilinear(features[c], y, x) for y in positions[0][p] for x in positions[1][q]]
        )
    return pooled


def roi_align(
    features: np.ndarray,
    boxes: np.ndarray,
    output_size: tuple[int, int],
    spatial_scale: float,
    sampling_ratio: int,
    aligned: bool,
    reduce: Reduce = average,
) -> np.ndarray:
    """RoIAlign (He et al. 2017, section 3). ``features`` [C, H, W], ``boxes`` [R, 4].

    Corners are scaled, and moved by half a cell where ``aligned``; nothing is rounded. Where not
    ``aligned``, a side is at least one cell long.
    """
    features = features.astype(np.float64)
    pooled = []
    for box in boxes.astype(np.float64):
        x1, y1, x2, y2 = box * spatial_scale - (0.5 if aligned else 0.0)
        height, width = y2 - y1, x2 - x1
        if not aligned:
            height, width = max(height, 1.0), max(width, 1.0)
        size = (height, width)
        pooled.append(
            _pool_real_bins(features, (y1, x1), size, output_size, sampling_ratio, reduce)
        )
    return np.array(pooled).reshape(len(boxes), features.shape[0], *output_size)


def round_half_away(value: float) -> int:
    """C's ``round``: halves go away from zero."""
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


def quantise(box: np.ndarray, spatial_scale: float) -> tuple[int, int, int, int]:
    """First row and column, rows and columns of a box as RoIPool rounds it to whole cells.

    Corners are rounded (halves away from zero) after scaling in float32; the last cell belongs to
    the region, hence the 1; a side is at least one cell long.
    """
    scaled = box.astype(np.float32) * np.float32(spatial_scale)
    x1, y1, x2, y2 = (round_half_away(float(value)) for value in scaled)
    return y1, x1, max(y2 - y1 + 1, 1), max(x2 - x1 + 1, 1)


def roi_warp(
    features: np.ndarray,
    boxes: np.ndarray,
    output_size: tuple[int, int],
    spatial_scale: float,
    sampling_ratio: int,
) -> np.ndarray:
    """RoIWarp (Dai et al. 2016) as section 4.2 of Mask R-CNN takes it: quantised box, real bins.

    The box is rounded to whole cells exactly as by RoIPool (``quantise``). The region begins at the
    rounded corner and is divided into PH x PW bins of real size, height / PH and width / PW cells.
    Each bin is the average of ``sampling_ratio`` x ``sampling_ratio`` bilinear samples (where not
    positive: ceil of the bin's height and width) on RoIAlign's grid by RoIAlign's bilinear rule
    with ``aligned`` false: element (i, j) of the map stands at (i, j).
    """
    features = features.astype(np.float64)
    pooled = []
    for box in boxes:
        y, x, height, width = quantise(box, spatial_scale)
        size = (float(height), float(width))
        pooled.append(
            _pool_real_bins(features, (y, x), size, output_size, sampling_ratio, average)
        )
    return np.array(pooled).reshape(len(boxes), features.shape[0], *output_size)


def _whole_bin(start: int, side: int, index: int, count: int, extent: int) -> tuple[int, int]:
    """The cells of RoIPool's bin ``index`` along one axis, half-open, clipped to the map.

    The bin's size and its edges are float32, as in torchvision: its size is side / count, and it
    reaches from floor(index * size) to ceil((index + 1) * size).
    """
    size = np.float32(side) / np.float32(count)
    first = int(np.floor(np.float32(index) * size)) + start
    last = int(np.ceil(np.float32(index + 1) * size)) + start
    return min(max(first, 0), extent), min(max(last, 0), extent)


def roi_pool(
    features: np.ndarray, boxes: np.ndarray, output_size: tuple[int, int], spatial_scale: float
) -> np.ndarray:
    """RoIPool (Girshick 2015): whole cells, the greatest of each bin; an empty bin gives 0."""
    channels, rows, columns = features.shape
    pooled = np.zeros((len(boxes), channels, *output_size))
    for r, box in enumerate(boxes):
        y, x, height, width = quantise(box, spatial_scale)
        for p, q in np.ndindex(*output_size):
            top, bottom = _whole_bin(y, height, p, output_size[0], rows)
            left, right = _whole_bin(x, width, q, output_size[1], columns)
            if top < bottom and left < right:
                pooled[r, :, p, q] = features[:, top:bottom, left:right].max(axis=(1, 2))
    return pooled
