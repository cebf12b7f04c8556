"""Golden cases of box arithmetic: NMS, box coding, clipping, small boxes, and anchors."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torchvision.models.detection._utils import BoxCoder
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import batched_nms, box_iou, clip_boxes_to_image, nms, remove_small_boxes

from operator_cases import CaseList

SEED = 20_150_604
"""The day Faster R-CNN was published."""

RATIOS = (0.5, 1.0, 2.0)
DELTA_CLAMP = math.log(1000 / 16)


def random_boxes(count: int, seed: int, extent: float = 100) -> Tensor:
    """Boxes of 4 to 40 pixels a side, their corners within ``extent`` pixels."""
    random = np.random.default_rng(SEED + seed)
    corners = random.uniform(0, extent, (count, 2))
    sides = random.uniform(4, 40, (count, 2))
    return torch.from_numpy(np.hstack([corners, corners + sides]).astype(np.float32))


def random_scores(count: int, seed: int) -> Tensor:
    """Scores in 0...1, all different."""
    scores = np.random.default_rng(SEED + 100 + seed).permutation(count) + 0.5
    return torch.from_numpy((scores / count).astype(np.float32))


def iou_margin(boxes: Tensor, threshold: float) -> float:
    """How near the IoU of any two boxes is to the threshold."""
    iou = box_iou(boxes.double(), boxes.double()).nan_to_num(0)
    return float((iou - threshold).abs().min()) if len(boxes) else 1.0


def slow_nms(boxes: Tensor, scores: Tensor, threshold: float) -> list[int]:
    """NMS by its definition: equal scores in the order of their indices, strictly greater goes."""
    order = sorted(range(len(scores)), key=lambda index: (-float(scores[index]), index))
    iou = box_iou(boxes, boxes)
    kept: list[int] = []
    for index in order:
        if not any(float(iou[index, other]) > threshold for other in kept):
            kept.append(index)
    return kept


def _nms_cases() -> dict[str, tuple[Tensor, Tensor, float, str]]:
    """name: boxes, scores, threshold, note."""
    many = random_boxes(120, 0)
    tied = random_scores(120, 1).mul(8).floor().div(8)
    row = torch.tensor([[10.0 * i, 0, 10.0 * i + 10, 10] for i in range(6)])
    half = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 5], [0, 0, 5, 10], [0, 0, 10, 5.01]])
    seven = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 7], [0, 0, 10, 7.01]])
    three = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 3]])
    flat = torch.tensor([[5.0, 5, 5, 5], [5, 5, 5, 5], [2, 2, 8, 8], [4, 4, 4, 9], [2, 2, 8, 8]])
    equal = torch.tensor([[3.0, 4, 20, 30]]).repeat(5, 1)
    chain = torch.tensor([[0.0, 0, 10, 10], [3, 0, 13, 10], [6, 0, 16, 10], [9, 0, 19, 10]])
    steps = lambda count: torch.linspace(0.9, 0.1, count)  # noqa: E731, falling scores
    return {
        "random-0.5": (many, random_scores(120, 0), 0.5, ""),
        "random-0.7": (many, random_scores(120, 0), 0.7, ""),
        "random-0.3": (many, random_scores(120, 0), 0.3, ""),
        "ties": (many, tied, 0.5, "8 different scores: equal ones go by ascending index"),
        "all-scores-equal": (many, torch.full((120,), 0.25), 0.4, "rising index decides"),
        "equal-boxes": (equal, torch.tensor([0.1, 0.7, 0.7, 0.2, 0.6]), 0.5, ""),
        "touching": (row, steps(6), 0.0, "IoU 0 is not greater than 0: all stay"),
        "exactly-0.5": (half, steps(4), 0.5, "IoU of 0.5 exactly stays"),
        "exactly-0.7": (seven, steps(3), 0.7, "the float32 nearest 0.7 is under the real 0.7"),
        "exactly-0.3": (
            three, steps(2), 0.3,
            "torchvision compares the float32 IoU, 0.3000000119, with the float64 threshold 0.3, "
            "and it is greater: the second box goes. With a float32 threshold it would stay.",
        ),
        "zero-area": (flat, steps(5), 0.5, "0/0 is not greater than anything: both points stay"),
        "chain": (chain, steps(4), 0.5, "a box that was dropped drops no other"),
        "empty": (torch.zeros(0, 4), torch.zeros(0), 0.5, ""),
        "one": (many[:1], torch.tensor([0.5]), 0.5, ""),
    }  # fmt: skip


def record_nms() -> None:
    """torchvision's ``nms``, held to the definition."""
    cases = CaseList(
        "nms",
        "torchvision.ops.nms on the CPU; checked against a loop by the definition, equal",
        SEED,
        "Boxes go by descending score, equal scores by ascending index (torchvision sorts stably on the "
        "CPU); a box goes if its IoU with a kept one is strictly greater than the threshold. keep "
        "holds indices by descending score. margin: the least distance of an IoU from the threshold.",
    )
    for name, (boxes, scores, threshold, note) in _nms_cases().items():
        keep = nms(boxes, scores, threshold)
        assert keep.tolist() == slow_nms(boxes, scores, threshold), name
        margin = iou_margin(boxes, threshold)
        assert margin > 1e-5 or not name.startswith(("random", "ties", "all")), (name, margin)
        cases.add(
            name,
            {"boxes": boxes, "scores": scores},
            {"keep": keep},
            {"threshold": threshold},
            {"margin": margin},
            note,
        )
    cases.close()


def record_batched_nms() -> None:
    """torchvision's ``batched_nms``: NMS within each class."""
    cases = CaseList(
        "batched_nms",
        "torchvision.ops.batched_nms on the CPU; checked against nms class by class, equal",
        SEED,
        "keep is by descending score over all classes. torchvision moves each class to a place of its "
        "own and runs one NMS up to 1000 boxes, and one NMS per class above; the random cases have "
        "no IoU within 1e-5 of the threshold, so both ways agree.",
    )
    for name, count, classes, threshold in (
        ("three-classes", 150, 3, 0.5), ("one-class", 60, 1, 0.5), ("five-levels", 200, 5, 0.7),
        ("over-1000-boxes", 1200, 40, 0.5), ("empty", 0, 3, 0.5),
    ):  # fmt: skip
        boxes, scores = random_boxes(count, 10 + classes), random_scores(count, 10 + classes)
        random = np.random.default_rng(SEED + 200 + classes)
        labels = torch.from_numpy(random.integers(0, classes, count))
        keep = batched_nms(boxes, scores, labels, threshold)
        kept = [
            index
            for label in range(classes)
            for index in _nms_within(boxes, scores, labels == label, threshold)
        ]
        assert keep.tolist() == sorted(kept, key=lambda index: -float(scores[index])), name
        margin = min(
            [iou_margin(boxes[labels == label], threshold) for label in range(classes)] + [1.0]
        )
        assert margin > 1e-5, (name, margin)
        cases.add(
            name,
            {"boxes": boxes, "scores": scores, "classes": labels},
            {"keep": keep},
            {"threshold": threshold},
            {"margin": margin},
        )
    cases.close()


def _nms_within(boxes: Tensor, scores: Tensor, chosen: Tensor, threshold: float) -> list[int]:
    indices = torch.where(chosen)[0]
    return indices[nms(boxes[indices], scores[indices], threshold)].tolist()


def record_box_coding() -> None:
    """torchvision's ``BoxCoder``: decode and encode."""
    cases = CaseList(
        "box_coding",
        "torchvision.models.detection._utils.BoxCoder in float32",
        SEED,
        "decode: deltas [N, 4 K], K boxes for each of the N; decoded [N, K, 4]. encode: the deltas "
        "[N, 4] that lead from boxes to targets.",
    )
    random = np.random.default_rng(SEED + 300)
    boxes = random_boxes(40, 20)
    for weights in ((1.0, 1.0, 1.0, 1.0), (10.0, 10.0, 5.0, 5.0)):
        coder = BoxCoder(weights)
        assert coder.bbox_xform_clip == DELTA_CLAMP
        parameters = {"weights": list(weights), "deltaClamp": DELTA_CLAMP}
        name = "-".join(f"{weight:g}" for weight in weights)
        for classes in (1, 4):
            deltas = random.standard_normal((len(boxes), 4 * classes)) * 0.5
            deltas = torch.from_numpy((deltas * np.tile(weights, classes)).astype(np.float32))
            deltas[0] = 0
            deltas[1, 2::4] = 1000
            deltas[2, 3::4] = 4.2 * weights[3]
            deltas[3, 2::4] = -30
            deltas[4, 0::4] = 300
            decoded = coder.decode(deltas, [boxes])
            inputs = {"boxes": boxes, "deltas": deltas}
            cases.add(f"decode-{name}-classes{classes}", inputs, {"decoded": decoded}, parameters)
        targets = random_boxes(40, 21)
        encoded = coder.encode([targets], [boxes])[0]
        inputs = {"boxes": boxes, "targets": targets}
        cases.add(f"encode-{name}", inputs, {"deltas": encoded}, parameters)
    cases.close()


def record_box_limits() -> None:
    """torchvision's ``clip_boxes_to_image`` and ``remove_small_boxes``."""
    cases = CaseList(
        "box_limits",
        "torchvision.ops.clip_boxes_to_image and remove_small_boxes in float32",
        SEED,
        "keep: indices of boxes whose sides are both at least minimumSize.",
    )
    boxes = random_boxes(30, 30) - 20
    boxes = torch.cat(
        [boxes, torch.tensor([[-9.0, -9, -3, -3], [90, 80, 120, 130], [-5, -5, 500, 500]])]
    )
    for height, width in ((60, 75), (61, 33)):
        cases.add(
            f"clip-{height}x{width}",
            {"boxes": boxes},
            {"clipped": clip_boxes_to_image(boxes, (height, width))},
            {"height": height, "width": width},
        )
    sides = [0.0, 0.0005, 0.00125, 0.0078125, 0.0156, 0.5, 1.0]
    small = torch.tensor([[0.0, 0, width, height] for width in sides for height in sides])
    for minimum in (1e-3, 1e-2, 0.5):
        keep = remove_small_boxes(small, minimum)
        cases.add(
            f"small-{minimum:g}", {"boxes": small}, {"keep": keep}, {"minimumSize": minimum}
        )
    cases.close()


def record_anchors() -> None:
    """torchvision's ``AnchorGenerator``: base anchors and grids."""
    cases = CaseList(
        "anchors",
        "torchvision.models.detection.anchor_utils.AnchorGenerator",
        SEED,
        "baseAnchors [A, 4] are rounded (halves to even). anchors [H W A, 4]: rows, then columns, "
        "then shapes; the stride is the padded size divided by the grid's, rounded down.",
    )
    for size in (16, 32, 64, 128, 256, 512):
        generator = AnchorGenerator(((size,),), (RATIOS,))
        base = generator.cell_anchors[0]
        cases.add(f"base-{size}", {}, {"baseAnchors": base}, _anchor_parameters(size))
    grids = [
        (16, (160, 192), (40, 48)), (32, (160, 192), (20, 24)), (32, (100, 77), (25, 19)),
        (64, (101, 130), (13, 17)), (256, (64, 64), (1, 1)), (512, (96, 224), (2, 4)),
        (32, (32, 47), (3, 5)),
    ]  # fmt: skip
    for size, padded, grid in grids:
        generator = AnchorGenerator(((size,),), (RATIOS,))
        images = ImageList(torch.zeros(1, 3, *padded), [padded])
        anchors = generator(images, [torch.zeros(1, 1, *grid)])[0]
        strides = [padded[0] // grid[0], padded[1] // grid[1]]
        parameters = _anchor_parameters(size) | {
            "paddedHeight": padded[0],
            "paddedWidth": padded[1],
            "gridHeight": grid[0],
            "gridWidth": grid[1],
        }
        name = f"grid-{size}-{padded[0]}x{padded[1]}-{grid[0]}x{grid[1]}"
        outputs = {"anchors": anchors, "strides": torch.tensor(strides)}
        cases.add(name, {}, outputs, parameters)
    cases.close()


def _anchor_parameters(size: int) -> dict[str, float | list[float]]:
    return {"size": float(size), "aspectRatios": list(RATIOS)}


def record() -> None:
    """All cases of this file."""
    record_nms()
    record_batched_nms()
    record_box_coding()
    record_box_limits()
    record_anchors()
