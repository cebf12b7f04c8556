"""Scenes for the golden cases of stages 7 and 8: images with objects, anchors, proposals.

Everything is small: images of 64x96, three levels of strides 8, 16 and 32, 378 anchors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.models.detection.rpn import RegionProposalNetwork
from torchvision.ops import box_iou

SEED = 20_170_118
"""The day that Faster R-CNN appeared in its journal."""

HEIGHT, WIDTH = 64, 96
STRIDES = (8, 16, 32)
SIZES = ((16,), (32,), (64,))
CLASSES = 4
"""Three classes and the background."""


@dataclass
class Scene:
    """One image's objects and proposals."""

    boxes: Tensor
    """[T, 4]"""
    labels: Tensor
    """[T]"""
    masks: Tensor
    """[T, H, W], uint8"""
    proposals: Tensor
    """[B, 4]"""

    @property
    def target(self) -> dict[str, Tensor]:
        """The objects as torchvision takes them."""
        return {"boxes": self.boxes, "labels": self.labels, "masks": self.masks}


def disc(box: np.ndarray) -> np.ndarray:
    """The ellipse inscribed in a box, as a mask [H, W]."""
    x1, y1, x2, y2 = box
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    across, down = (x - (x1 + x2) / 2) / (x2 - x1), (y - (y1 + y2) / 2) / (y2 - y1)
    return (across**2 + down**2 <= 0.25).astype(np.uint8)


def scene(seed: int, objects: int, proposals: int = 60) -> Scene:
    """An image of some ellipses; a third of the proposals is near an object."""
    random = np.random.default_rng(SEED + seed)
    sides = random.uniform(12, 48, (objects, 2))
    corners = random.uniform(0, 1, (objects, 2)) * (np.array([WIDTH, HEIGHT]) - sides)
    boxes = np.hstack([corners, corners + sides]).astype(np.float32)
    masks = np.array([disc(box) for box in boxes], dtype=np.uint8).reshape(-1, HEIGHT, WIDTH)
    sides = random.uniform(6, 40, (proposals, 2))
    corners = random.uniform(0, 1, (proposals, 2)) * (np.array([WIDTH, HEIGHT]) - sides)
    guesses = np.hstack([corners, corners + sides])
    for index in range(proposals // 3 if objects else 0):
        guesses[index] = boxes[index % objects] + random.uniform(-4, 4, 4)
    guesses = guesses.clip(0, [WIDTH, HEIGHT, WIDTH, HEIGHT]).astype(np.float32)
    return Scene(
        torch.from_numpy(boxes),
        torch.from_numpy(random.integers(1, CLASSES, objects)),
        torch.from_numpy(masks),
        torch.from_numpy(guesses),
    )


class RecordingSampler:
    """Takes the place of a model's sampler: draws as it does and keeps what was drawn."""

    def __init__(self, sampler) -> None:
        self.sampler = sampler
        self.sampled: list[Tensor] = []
        """Of each image, the indices drawn, in ascending order."""

    def __call__(self, labels: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        positive, negative = self.sampler(labels)
        self.sampled = [torch.where(p | n)[0] for p, n in zip(positive, negative)]
        return positive, negative


def anchor_generator() -> AnchorGenerator:
    """Three shapes a cell, one size a level."""
    return AnchorGenerator(SIZES, ((0.5, 1.0, 2.0),) * len(SIZES))


def grids() -> list[tuple[int, int]]:
    """Rows and columns of each level."""
    return [(HEIGHT // stride, WIDTH // stride) for stride in STRIDES]


def anchors(images: int) -> list[Tensor]:
    """The anchors of every image, [378, 4] each."""
    batch = ImageList(torch.zeros(images, 3, HEIGHT, WIDTH), [(HEIGHT, WIDTH)] * images)
    maps = [torch.zeros(images, 1, *grid) for grid in grids()]
    return anchor_generator()(batch, maps)


def rpn(count: int) -> RegionProposalNetwork:
    """torchvision's network as its models set it up, but for the number of anchors sampled."""
    network = RegionProposalNetwork(
        anchor_generator(), torch.nn.Identity(), 0.7, 0.3, count, 0.5,
        {"training": 2000, "testing": 1000}, {"training": 2000, "testing": 1000}, 0.7,
    )  # fmt: skip
    network.fg_bg_sampler = RecordingSampler(network.fg_bg_sampler)
    return network


def roi_heads(count: int) -> RoIHeads:
    """torchvision's heads as its models set them up, but for the number of RoIs sampled."""
    nothing = torch.nn.Identity()
    heads = RoIHeads(
        nothing, nothing, nothing, 0.5, 0.5, count, 0.25, None, 0.05, 0.5, 100,
        nothing, nothing, nothing,
    )  # fmt: skip
    heads.fg_bg_sampler = RecordingSampler(heads.fg_bg_sampler)
    return heads


def check_margins(truths: Tensor, boxes: Tensor, thresholds: tuple[float, ...]) -> None:
    """Refuses scenes in which rounding could decide a label: an IoU next to a threshold."""
    if len(truths) == 0:
        return
    iou = box_iou(truths.double(), boxes.double()).max(dim=0).values
    for threshold in thresholds:
        margin = float((iou - threshold).abs().min())
        assert margin > 1e-5, (threshold, margin)
