"""Golden cases of masks and resizing: pasting, bilinear and nearest resizing, and RLE."""

from __future__ import annotations

import math

import numpy as np
import torch
from pycocotools import mask as coco_mask
from torch import Tensor
from torch.nn import functional
from torchvision.models.detection.roi_heads import expand_boxes, paste_masks_in_image
from torchvision.models.detection.transform import _resize_image_and_masks

from operator_cases import CaseList

SEED = 20_140_501
"""The day the COCO paper was published."""

IMAGE = (37, 45)
PASTED_BOXES = {
    "inside": (8.3, 6.2, 30.7, 25.4),
    "left border": (0.0, 9.1, 13.6, 24.8),
    "right border": (31.4, 7.7, 45.0, 21.2),
    "top border": (12.2, 0.0, 27.1, 11.3),
    "bottom border": (9.9, 24.6, 25.3, 37.0),
    "a corner": (36.2, 29.3, 45.0, 37.0),
    "partly outside, negative corner": (-7.7, -4.4, 10.2, 8.8),
    "partly outside, far corner": (38.3, 30.6, 52.1, 44.9),
    "the whole image": (0.0, 0.0, 45.0, 37.0),
    "far larger than the image": (-60.4, -51.3, 110.2, 90.6),
    "under a pixel": (20.31, 15.42, 20.64, 15.83),
    "under a pixel, across two": (20.81, 15.72, 21.34, 16.33),
    "narrow": (17.22, 3.1, 17.71, 33.3),
    "low": (4.4, 18.26, 39.2, 18.78),
    "no area": (25.4, 12.3, 25.4, 12.3),
    "mask's own size": (6.4, 4.6, 34.4, 32.6),
}
"""Boxes in pixels of the image, x1 y1 x2 y2."""


def soft_masks(count: int, side: int) -> Tensor:
    """[count, 1, side, side] in 0...1: discs and waves, each different, with some noise."""
    random = np.random.default_rng(SEED + side)
    y, x = np.mgrid[0:side, 0:side] / (side - 1) * 2 - 1
    masks = []
    for _ in range(count):
        centre, phase = random.uniform(-0.4, 0.4, 2), random.uniform(0, 6)
        disc = 0.7 - np.hypot(y - centre[0], x - centre[1])
        logits = 6 * disc + 2 * np.sin(5 * x + phase) * np.cos(4 * y - phase)
        logits += random.standard_normal((side, side)) * 0.3
        masks.append(1 / (1 + np.exp(-logits)))
    return torch.from_numpy(np.array(masks)[:, None].astype(np.float32))


def truncation_margins(boxes: Tensor, side: int) -> Tensor:
    """How near each corner of the grown boxes is to a whole number, [N, 4], in float64."""
    grown = expand_boxes(boxes.double(), (side + 2) / side)
    return (grown - grown.round()).abs()


def record_paste() -> None:
    """torchvision's ``paste_masks_in_image``."""
    cases = CaseList(
        "paste",
        "torchvision.models.detection.roi_heads.paste_masks_in_image in float32",
        SEED,
        "masks [N, M, M] -> pasted [N, H, W], soft. The mask is padded by 1, the box grown by "
        "(M + 2) / M about its centre and truncated towards zero; width and height are x2 - x1 + 1 "
        "and y2 - y1 + 1, at least 1; bilinear, not aligned; then cut to the image. margin: the "
        "least distance of a grown corner from a whole number. Boxes, row by row: "
        + "; ".join(PASTED_BOXES) + ".",
    )  # fmt: skip
    boxes = torch.tensor(list(PASTED_BOXES.values()))
    for side in (28, 14):
        masks = soft_masks(len(boxes), side)
        margin = float(truncation_margins(boxes, side).min())
        assert margin > 1e-3, (side, margin)
        cases.add(
            f"masks{side}",
            {"masks": masks[:, 0], "boxes": boxes},
            {"pasted": paste_masks_in_image(masks, boxes, IMAGE)[:, 0]},
            {"height": IMAGE[0], "width": IMAGE[1], "padding": 1},
            {"margin": margin},
        )
    cases.close()


def small_image(height: int, width: int, seed: int) -> Tensor:
    """[3, H, W], normally distributed, as a normalised image is."""
    values = np.random.default_rng(SEED + seed).standard_normal((3, height, width))
    return torch.from_numpy(values.astype(np.float32))


def record_resize_bilinear() -> None:
    """Bilinear resizing, to a size and the way torchvision's detection transform does it."""
    cases = CaseList(
        "resize_bilinear",
        "torch.nn.functional.interpolate(mode='bilinear', align_corners=False) in float32, checked "
        "against float64",
        SEED,
        "x = max((i + 0.5) inputs / outputs - 0.5, 0); no antialiasing. transform-*: by "
        "torchvision's GeneralizedRCNNTransform with minimumSize and maximumSize; its scale is "
        "recomputed from the whole-number size, so the result is that of resizing to the size.",
    )
    sizes = [
        ((13, 17), (26, 34)), ((13, 17), (29, 23)), ((31, 37), (11, 19)), ((8, 8), (8, 8)),
        ((1, 1), (5, 7)), ((1, 9), (4, 31)), ((23, 5), (1, 1)), ((19, 26), (38, 13)),
        ((20, 30), (21, 31)),
    ]  # fmt: skip
    for seed, ((height, width), size) in enumerate(sizes):
        image = small_image(height, width, seed)
        resized = functional.interpolate(
            image[None], size=size, mode="bilinear", align_corners=False
        )[0]
        exact = functional.interpolate(
            image[None].double(), size=size, mode="bilinear", align_corners=False
        )[0]
        assert float((resized - exact).abs().max()) < 1e-5
        cases.add(
            f"{height}x{width}-to-{size[0]}x{size[1]}",
            {"image": image},
            {"resized": resized},
            {"height": size[0], "width": size[1]},
        )
    transforms = [((21, 33), 40, 60), ((33, 21), 40, 67), ((40, 31), 25, 50), ((17, 50), 30, 64)]
    for (height, width), minimum, maximum in transforms:
        image = small_image(height, width, 50 + height)
        resized = _resize_image_and_masks(image, minimum, maximum)[0]
        size = tuple(resized.shape[1:])
        again = functional.interpolate(
            image[None], size=size, mode="bilinear", align_corners=False
        )[0]
        assert torch.equal(resized, again)
        cases.add(
            f"transform-{height}x{width}-{minimum}-{maximum}",
            {"image": image},
            {"resized": resized},
            {
                "height": size[0], "width": size[1],
                "minimumSize": minimum, "maximumSize": maximum,
            },
        )  # fmt: skip
    cases.close()


def resized_size(height: int, width: int, minimum: int, maximum: int) -> tuple[int, int]:
    """torchvision's arithmetic, in float64: one factor for both sides, then floor."""
    shorter, longer = min(height, width), max(height, width)
    factor = min(minimum / shorter, maximum / longer)
    return math.floor(float(height) * factor), math.floor(float(width) * factor)


def _table(minimum: int, maximum: int, seed: int) -> list[tuple[int, int]]:
    """Sizes (height, width): common ones, ones that floor makes a pixel short, random ones."""
    common = [
        (480, 640), (427, 640), (640, 480), (375, 500), (333, 500), (612, 612), (1080, 1920),
        (3000, 4000), (1200, 800), (800, 1333), (801, 1333), (799, 1334), (800, 1334), (600, 1000),
        (100, 2000), (64, 64), (800, 800), (1, 1), (7, 11),
    ]  # fmt: skip
    short = [
        (side, side + 1)
        for side in range(2, 4000)
        if resized_size(side, side + 1, minimum, maximum)[0] not in (minimum, 0)
        and minimum / side <= maximum / (side + 1)
    ]
    random = np.random.default_rng(SEED + seed)
    drawn = np.exp(random.uniform(math.log(30), math.log(3000), (60, 2))).astype(int)
    return common + short[:: max(len(short) // 25, 1)] + [tuple(map(int, pair)) for pair in drawn]


def record_resize_sizes() -> None:
    """A table of the sizes to which torchvision's detection transform brings images."""
    cases = CaseList(
        "resize_sizes",
        "the size of torchvision's _resize_image_and_masks; checked against float64 arithmetic",
        SEED,
        "sizes [T, 2] (height, width) -> resized [T, 2]. factor = min(minimumSize / shorter, "
        "maximumSize / longer) in float64, each side floor(side * factor): some come out a pixel "
        "shorter than minimumSize or maximumSize, since the quotient was rounded down.",
    )
    for seed, (minimum, maximum) in enumerate(((800, 1333), (256, 384), (640, 640), (320, 1000))):
        sizes = []
        resized = []
        for height, width in _table(minimum, maximum, seed):
            expected = resized_size(height, width, minimum, maximum)
            if min(expected) < 1:
                continue
            image = torch.empty(1, 1, 1).expand(1, height, width)
            actual = tuple(_resize_image_and_masks(image, minimum, maximum)[0].shape[1:])
            assert actual == expected, ((height, width), actual, expected)
            sizes.append((height, width))
            resized.append(actual)
        cases.add(
            f"{minimum}-{maximum}",
            {"sizes": torch.tensor(sizes)},
            {"resized": torch.tensor(resized)},
            {"minimumSize": minimum, "maximumSize": maximum},
        )
    cases.close()


def record_resize_nearest() -> None:
    """Nearest upsampling to a given size, as the feature pyramid does it."""
    cases = CaseList(
        "resize_nearest",
        "torch.nn.functional.interpolate(size=..., mode='nearest')",
        SEED,
        "source index = min(floor(i * inputs / outputs), inputs - 1), the quotient in float32.",
    )
    sizes = [
        ((5, 7), (10, 14)), ((5, 7), (9, 13)), ((3, 4), (5, 7)), ((1, 1), (1, 2)),
        ((1, 2), (1, 3)), ((13, 17), (25, 33)), ((6, 6), (6, 6)), ((7, 7), (13, 29)),
        ((10, 3), (4, 2)),
    ]  # fmt: skip
    for seed, ((height, width), size) in enumerate(sizes):
        image = small_image(height, width, 80 + seed)
        cases.add(
            f"{height}x{width}-to-{size[0]}x{size[1]}",
            {"image": image},
            {"resized": functional.interpolate(image[None], size=size, mode="nearest")[0]},
            {"height": size[0], "width": size[1]},
        )
    cases.close()


def _rle_masks() -> dict[str, np.ndarray]:
    """Masks [H, W] of 0 and 1."""
    y, x = np.mgrid[0:37, 0:45]
    random = np.random.default_rng(SEED + 400)
    corners = np.zeros((6, 9))
    corners[[0, 0, -1, -1], [0, -1, 0, -1]] = 1
    big = np.zeros((130, 170))
    big[20:120, 31:157] = 1
    masks = {
        "empty": np.zeros((9, 7)),
        "full": np.ones((9, 7)),
        "first-pixel": np.eye(1, 12).reshape(3, 4),
        "last-pixel": np.eye(1, 12)[:, ::-1].reshape(3, 4),
        "one-pixel-set": np.ones((1, 1)),
        "one-pixel-clear": np.zeros((1, 1)),
        "column-stripes": x % 2,
        "row-stripes": y % 2,
        "checkerboard": (x + y) % 2,
        "corners": corners,
        "disc": np.hypot(y - 18, x - 20) < 13.3,
        "ring": (np.hypot(y - 18, x - 20) < 15) & (np.hypot(y - 18, x - 20) > 8),
        "noise": random.random((37, 45)) < 0.4,
        "large-rectangle": big,
        "one-row": (np.arange(50) % 7 < 3)[None],
        "one-column": (np.arange(50) % 7 < 3)[:, None],
    }
    return {name: np.asarray(mask, dtype=np.uint8) for name, mask in masks.items()}


def record_rle() -> None:
    """pycocotools' run-length encoding."""
    cases = CaseList(
        "rle",
        "pycocotools.mask encode, area, toBbox",
        SEED,
        "mask uint8 [H, W] -> counts, the compressed string of runs down the columns, zeros first; "
        "area in pixels; box x, y, width, height; runs, the lengths before compression.",
    )
    for name, mask in _rle_masks().items():
        encoded = coco_mask.encode(np.asfortranarray(mask))
        assert np.array_equal(coco_mask.decode(encoded), mask)
        cases.add(
            name,
            {"mask": mask},
            {"runs": np.array(_runs(mask))},
            {"height": mask.shape[0], "width": mask.shape[1]},
            {
                "counts": encoded["counts"].decode(),
                "area": int(coco_mask.area(encoded)),
                "box": [float(value) for value in coco_mask.toBbox(encoded)],
            },
        )
    cases.close()


def _runs(mask: np.ndarray) -> list[int]:
    """Lengths of runs of equal pixels down the columns, the first one of zeros (it may be 0)."""
    pixels = mask.flatten(order="F")
    edges = np.flatnonzero(np.diff(pixels)) + 1
    runs = np.diff(np.concatenate([[0], edges, [len(pixels)]])).tolist()
    return [0, *runs] if pixels[0] else runs


def record() -> None:
    """All cases of this file."""
    record_paste()
    record_resize_bilinear()
    record_resize_sizes()
    record_resize_nearest()
    record_rle()
