"""Golden cases of the RoI operators' gradients, on the same cases as the operators themselves.

Each case has a random gradient of the operator's output, ``slopes`` [R, C, PH, PW], and what reaches
the features through the operator, ``gradient``. RoIAlign and RoIPool are torchvision's, differentiated
by torch's autograd; RoIWarp and the maximum over samples are written here once more, in float64 and
with torch's own operations, and differentiated by autograd too.
"""

from __future__ import annotations

import math
from collections import OrderedDict

import numpy as np
import torch
from torch import Tensor
from torchvision.ops import MultiScaleRoIAlign, roi_align, roi_pool

import oracles
from operator_cases import CaseList
from operators_roi import (
    CHANNELS,
    COLUMNS,
    ROWS,
    SCALES,
    SEED,
    SIZES,
    _begin,
    _combinations,
    _roi_align_parameters,
    boxes_at,
    feature_map,
    with_image,
)

RANGE = 1e-6
"""How near to each other the greatest samples of a bin may be, as a part of the features' range."""


def slopes_for(boxes: int, size: tuple[int, int]) -> Tensor:
    """A gradient of the operator's output, [R, C, PH, PW], normally distributed."""
    values = np.random.default_rng(SEED + 7).standard_normal((boxes, CHANNELS, *size))
    return torch.from_numpy(values.astype(np.float32))


def gradient_of(pooled: Tensor, slopes: Tensor, features: Tensor) -> Tensor:
    """What reaches the features when the output's gradient is ``slopes``."""
    return torch.autograd.grad(pooled, features, slopes.to(pooled.dtype))[0]


def _sample(plane: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """Bilinear samples of ``plane`` [C, H, W] at every (y, x): [C, len(y), len(x)]."""

    def weights(positions: Tensor, extent: int) -> Tensor:
        # A tent of width 2 around every cell: [len(positions), extent].
        inside = (positions >= -1) & (positions <= extent)
        clamped = positions.clamp(0, extent - 1)
        tents = 1 - (clamped[:, None] - torch.arange(extent, dtype=torch.float64)).abs()
        return tents.clamp(min=0) * inside[:, None]

    rows, columns = plane.shape[1:]
    return torch.einsum("yi,xj,cij->cyx", weights(y, rows), weights(x, columns), plane)


def _sampled_bins(
    features: Tensor, start: tuple[float, float], size: tuple[float, float],
    output_size: tuple[int, int], ratio: int, reduce_by_maximum: bool,
) -> Tensor:  # fmt: skip
    """The bins of one RoI, [C, PH, PW], in float64; the grid is that of ``oracles``."""
    bins = [size[axis] / output_size[axis] for axis in (0, 1)]
    grid = [ratio if ratio > 0 else math.ceil(side) for side in bins]
    if 0 in grid:
        # Without samples a bin is 0, whatever the features are.
        return torch.einsum("cij->c", features)[:, None, None].expand(-1, *output_size) * 0
    positions = [
        torch.tensor(
            [
                start[axis] + (p + (i + 0.5) / grid[axis]) * bins[axis]
                for p in range(output_size[axis])
                for i in range(grid[axis])
            ],
            dtype=torch.float64,
        )
        for axis in (0, 1)
    ]
    samples = _sample(features, *positions)
    samples = samples.reshape(-1, output_size[0], grid[0], output_size[1], grid[1])
    samples = samples.permute(0, 1, 3, 2, 4).flatten(3)  # [C, PH, PW, samples]
    if not reduce_by_maximum:
        return samples.mean(dim=3)
    check_margin(samples.detach(), float(features.detach().max() - features.detach().min()))
    return samples.max(dim=3).values


def check_margin(samples: Tensor, extent: float) -> None:
    """Refuses cases in which rounding could decide which sample of a bin is the greatest.

    Equal samples are in order: those are beyond the map's edge, and read the same cells.
    """
    if samples.shape[3] < 2:
        return
    best, second = samples.topk(2, dim=3).values.unbind(3)
    gaps = (best - second)[best - second > 1e-13]
    assert len(gaps) == 0 or float(gaps.min()) > RANGE * extent, float(gaps.min())


def warp(features: Tensor, boxes: Tensor, size: tuple[int, int], scale: float, ratio: int) -> Tensor:
    """RoIWarp in float64, [R, C, PH, PW]; see ``oracles.roi_warp``."""
    pooled = []
    for box in boxes.numpy():
        y, x, height, width = oracles.quantise(box, scale)
        extent = (float(height), float(width))
        pooled.append(_sampled_bins(features, (y, x), extent, size, ratio, False))
    return torch.stack(pooled)


def align_maximum(
    features: Tensor, boxes: Tensor, size: tuple[int, int], scale: float, ratio: int, aligned: bool
) -> Tensor:
    """RoIAlign with a maximum in float64, [R, C, PH, PW]; see ``oracles.roi_align``."""
    pooled = []
    for box in boxes.double():
        x1, y1, x2, y2 = (box * scale - (0.5 if aligned else 0.0)).tolist()
        extent = (y2 - y1, x2 - x1)
        if not aligned:
            extent = (max(extent[0], 1.0), max(extent[1], 1.0))
        pooled.append(_sampled_bins(features, (y1, x1), extent, size, ratio, True))
    return torch.stack(pooled)


def record_roi_align() -> None:
    """torchvision's ``roi_align``, differentiated."""
    cases, files = _begin(
        "roi_align_gradient",
        "torch autograd through torchvision.ops.roi_align on the CPU in float32",
        "slopes is dL/d output, gradient is dL/d features.",
    )
    slopes_files = {
        name: cases.share(f"slopes-{name}", slopes_for(21, size)) for name, size in SIZES.items()
    }
    features = feature_map().requires_grad_()
    for scale_name, size_name, aligned, ratio in _combinations():
        scale, size = SCALES[scale_name], SIZES[size_name]
        boxes = boxes_at(scale)
        pooled = roi_align(features, with_image(boxes), size, scale, ratio, aligned)
        word = "aligned" if aligned else "unaligned"
        cases.add(
            f"{scale_name}-{word}-ratio{ratio}-{size_name}",
            {
                "features": files["features"],
                "boxes": files[scale_name],
                "slopes": slopes_files[size_name],
            },
            {"gradient": gradient_of(pooled, slopes_for(21, size), features)},
            _roi_align_parameters(size, scale, ratio, aligned),
        )
    ramp = torch.arange(25, dtype=torch.float32).reshape(1, 1, 5, 5).requires_grad_()
    box = torch.tensor([[1.0, 1.0, 3.0, 3.0]])
    slopes = torch.arange(16, dtype=torch.float32).reshape(1, 1, 4, 4)
    for aligned in (False, True):
        pooled = roi_align(ramp, with_image(box), (4, 4), 1.0, 0, aligned)
        cases.add(
            f"ramp-{'aligned' if aligned else 'unaligned'}",
            {"features": ramp, "boxes": box, "slopes": slopes},
            {"gradient": gradient_of(pooled, slopes, ramp)},
            _roi_align_parameters((4, 4), 1.0, 0, aligned),
            note="bin (i, j) of 4x4 has the slope 4 i + j",
        )
    cases.close()


def record_roi_align_max() -> None:
    """The maximum over RoIAlign's samples, differentiated."""
    cases, files = _begin(
        "roi_align_max_gradient",
        "torch autograd through align_maximum of this recorder in float64, rounded to float32",
        "The greatest sample of a bin alone has a gradient, and hands it to its four cells.",
    )
    size = SIZES["7x7"]
    file = cases.share("slopes-7x7", slopes_for(21, size))
    features = feature_map()[0].double().requires_grad_()
    for aligned, ratio, scale_name in (
        (False, 2, "scale4"), (True, 2, "scale4"), (False, -1, "scale16"), (True, -1, "scale16"),
    ):  # fmt: skip
        scale = SCALES[scale_name]
        pooled = align_maximum(features, boxes_at(scale), size, scale, ratio, aligned)
        word = "aligned" if aligned else "unaligned"
        cases.add(
            f"{scale_name}-{word}-ratio{ratio}-7x7",
            {"features": files["features"], "boxes": files[scale_name], "slopes": file},
            {"gradient": gradient_of(pooled, slopes_for(21, size), features)[None]},
            _roi_align_parameters(size, scale, ratio, aligned),
        )
    cases.close()


def _record_quantising(operator: str, reference: str, note: str, ratios: tuple[int, ...]) -> None:
    """Cases of RoIPool (ratio 0) and RoIWarp."""
    cases, files = _begin(operator, reference, note)
    for scale_name in SCALES:
        for size_name in ("7x7", "4x4") if scale_name == "scale4" else ("7x7",):
            scale, size = SCALES[scale_name], SIZES[size_name]
            boxes, slopes = boxes_at(scale), slopes_for(21, SIZES[size_name])
            for ratio in ratios:
                parameters = {
                    "outputHeight": size[0], "outputWidth": size[1], "spatialScale": scale,
                }  # fmt: skip
                if ratio == 0:
                    features = feature_map().requires_grad_()
                    pooled = roi_pool(features, with_image(boxes), size, scale)
                    gradient, suffix = gradient_of(pooled, slopes, features), ""
                else:
                    features = feature_map()[0].double().requires_grad_()
                    pooled = warp(features, boxes, size, scale, ratio)
                    oracle = oracles.roi_warp(
                        feature_map()[0].numpy(), boxes.numpy(), size, scale, ratio
                    )
                    assert np.abs(pooled.detach().numpy() - oracle).max() < 1e-12
                    gradient, suffix = gradient_of(pooled, slopes, features)[None], f"-ratio{ratio}"
                    parameters["samplingRatio"] = ratio
                cases.add(
                    f"{scale_name}{suffix}-{size_name}",
                    {
                        "features": files["features"],
                        "boxes": files[scale_name],
                        "slopes": cases.share(f"slopes-{size_name}", slopes),
                    },
                    {"gradient": gradient},
                    parameters,
                )
    cases.close()


def record_roi_features() -> None:
    """torchvision's ``MultiScaleRoIAlign`` over four levels and two images, forward and backward."""
    cases = CaseList(
        "roi_features_gradient",
        "torchvision.ops.MultiScaleRoIAlign and torch autograd through it, in float32",
        SEED,
        "features2 … features5 [2, 3, H, W] are P2 … P5 of two images of 96x128; images and levels "
        "(0 for P2) are those of each box; gradient2 … gradient5 are dL/d level. The canonical scale "
        "is 28, so that small images use all levels.",
    )
    random = np.random.default_rng(SEED + 8)
    height, width = 96, 128
    sides = np.exp(random.uniform(np.log(8), np.log(90), (14, 1))) * random.uniform(0.8, 1, (14, 2))
    corners = random.uniform(-8, 1, (14, 2)) + random.uniform(0, 1, (14, 2)) * (
        np.array([width, height]) - sides
    )
    boxes = torch.from_numpy(np.hstack([corners, corners + sides]).astype(np.float32))
    counts = (9, 5)
    features = OrderedDict(
        (
            str(level),
            torch.from_numpy(
                random.standard_normal((2, 3, height >> level, width >> level)).astype(np.float32)
            ).requires_grad_(),
        )
        for level in range(2, 6)
    )
    slopes = torch.from_numpy(random.standard_normal((14, 3, 7, 7)).astype(np.float32))
    pooler = MultiScaleRoIAlign(list(features), 7, 2, canonical_scale=28, canonical_level=4)
    pooled = pooler(features, list(boxes.split(counts)), [(height, width)] * 2)
    levels = pooler.map_levels(list(boxes.split(counts)))
    assert set(levels.tolist()) == {0, 1, 2, 3}, levels
    gradients = torch.autograd.grad(pooled, list(features.values()), slopes)
    images = torch.tensor([0] * counts[0] + [1] * counts[1])
    inputs = {f"features{level}": map_ for level, map_ in features.items()}
    cases.add(
        "two-images-four-levels",
        inputs | {"boxes": boxes, "images": images, "levels": levels, "slopes": slopes},
        {"pooled": pooled} | {f"gradient{level}": g for level, g in zip(features, gradients)},
        {"samplingRatio": 2, "scales": list(pooler.scales), "outputHeight": 7, "outputWidth": 7},
    )
    cases.close()


def record() -> None:
    """All cases of this file."""
    assert feature_map().shape == (1, CHANNELS, ROWS, COLUMNS)
    with torch.inference_mode(False), torch.enable_grad():
        record_roi_align()
        record_roi_align_max()
        _record_quantising(
            "roi_pool_gradient",
            "torch autograd through torchvision.ops.roi_pool on the CPU in float32",
            "The first of a bin's greatest cells has the gradient; an empty bin has none.",
            (0,),
        )
        _record_quantising(
            "roi_warp_gradient",
            "torch autograd through warp of this recorder in float64, rounded to float32",
            "warp is held to the oracle roi_warp, equal to 1e-12.",
            (2, -1),
        )
        record_roi_features()
