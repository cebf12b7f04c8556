"""Golden cases of stage 7: matching, sampling and the targets of anchors, RoIs and masks."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.models.detection._utils import BalancedPositiveNegativeSampler, Matcher
from torchvision.models.detection.roi_heads import project_masks_on_boxes
from torchvision.ops import box_iou

import training_scenes as scenes
from operator_cases import CaseList

SEED = scenes.SEED


def _matcher_cases() -> dict[str, tuple[Tensor, Tensor, tuple[float, float, bool], str]]:
    """name: truths, boxes, (positive threshold, negative threshold, takes best), note."""
    anchor_rule, proposal_rule = (0.7, 0.3, True), (0.5, 0.5, False)
    first, second = scenes.scene(1, 3), scenes.scene(2, 6)
    anchors = scenes.anchors(1)[0]
    # One row of boxes: an overlap of k of 10 columns is an IoU of k / 10 exactly, or as near as can be.
    truth = torch.tensor([[0.0, 0, 10, 1]])
    tenths = torch.tensor([[0.0, 0, k, 1] for k in range(1, 11)])
    # Two truths side by side, boxes in the middle overlap both alike.
    pair = torch.tensor([[0.0, 0, 8, 8], [8, 0, 16, 8]])
    middle = torch.tensor(
        [[4.0, 0, 12, 8], [2, 0, 10, 8], [6, 0, 14, 8], [4, 0, 12, 8], [40, 40, 48, 48]]
    )
    return {
        "anchors": (first.boxes, anchors, anchor_rule, ""),
        "anchors-many-objects": (second.boxes, anchors, anchor_rule, ""),
        "proposals": (second.boxes, second.proposals, proposal_rule, ""),
        "between": (second.boxes, second.proposals, (0.6, 0.4, False), "some are ignored"),
        "exactly-the-thresholds": (
            truth, tenths, anchor_rule, "0.3 is not below 0.3, 0.7 is positive, 1 is the best"
        ),
        "exactly-a-half": (truth, tenths, proposal_rule, "0.5 is positive"),
        "ties": (
            pair, middle, anchor_rule,
            "boxes 0 and 3 overlap both truths alike and belong to the first; box 1 is the best of "
            "the first truth, box 2 of the second",
        ),
        "best-of-another": (
            torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 4]]), torch.tensor([[0.0, 0, 10, 8]]),
            anchor_rule,
            "the only box is the best of both truths and belongs to the one that it overlaps more",
        ),
        "object-that-no-box-touches": (
            torch.tensor([[0.0, 0, 8, 8], [80, 80, 90, 90]]), middle[:4], anchor_rule,
            "its greatest overlap is 0, and every box has it: all are positive",
        ),
        "equal-truths": (
            torch.tensor([[4.0, 0, 12, 8], [4, 0, 12, 8]]), middle, anchor_rule, "the first wins"
        ),
    }  # fmt: skip


def record_matcher() -> None:
    """torchvision's ``box_iou`` and ``Matcher``."""
    cases = CaseList(
        "matcher",
        "torchvision.ops.box_iou and torchvision.models.detection._utils.Matcher in float32",
        SEED,
        "overlaps [T, B]; matches [B]: the index of a truth, -1 for negative, -2 for ignored.",
    )
    for name, (truths, boxes, (positive, negative, best), note) in _matcher_cases().items():
        overlaps = box_iou(truths, boxes)
        matches = Matcher(positive, negative, allow_low_quality_matches=best)(overlaps.clone())
        if not name.startswith("exactly"):
            scenes.check_margins(truths, boxes, (positive, negative))
        cases.add(
            name,
            {"truths": truths, "boxes": boxes},
            {"overlaps": overlaps, "matches": matches},
            {"positiveThreshold": positive, "negativeThreshold": negative, "takesBest": best},
            note=note,
        )
    cases.close()


def record_sample_sizes() -> None:
    """How many positive and negative boxes torchvision's sampler draws."""
    cases = CaseList(
        "sample_sizes",
        "torchvision.models.detection._utils.BalancedPositiveNegativeSampler",
        SEED,
        "labels [B] are 1, 0 or -1; counts: positive and negative boxes drawn. Which ones is chance.",
    )
    for positive, negative, count, fraction in (
        (10, 400, 256, 0.5), (200, 400, 256, 0.5), (200, 20, 256, 0.5), (0, 400, 256, 0.5),
        (5, 0, 256, 0.5), (200, 900, 512, 0.25), (7, 30, 10, 0.25), (0, 0, 16, 0.5), (3, 9, 5, 0.5),
    ):  # fmt: skip
        labels = torch.tensor([1] * positive + [-1] * 4 + [0] * negative)
        drawn = BalancedPositiveNegativeSampler(count, fraction)([labels])
        cases.add(
            f"{positive}-and-{negative}-{count}-at-{fraction:g}",
            {"labels": labels},
            {"counts": torch.tensor([int(part[0].sum()) for part in drawn])},
            {"count": count, "positiveFraction": fraction},
        )
    cases.close()


def record_mask_targets() -> None:
    """torchvision's ``project_masks_on_boxes``."""
    cases = CaseList(
        "mask_targets",
        "torchvision.models.detection.roi_heads.project_masks_on_boxes in float32",
        SEED,
        "masks [T, H, W] are 0 or 1; truths [P] is the object of each box; targets [P, M, M].",
    )
    scene = scenes.scene(3, 4)
    truths = torch.arange(20) % 4
    odd = torch.tensor(
        [[0.0, 0, 96, 64], [10, 10, 10.4, 10.3], [-20, -10, 30, 30], [70, 40, 130, 90]]
    )
    for name, boxes, matched, side in (
        ("proposals-28", scene.proposals[:8], truths[:8], 28),
        ("proposals-14", scene.proposals[:20], truths, 14),
        ("truths-28", scene.boxes, torch.arange(4), 28),
        ("whole-tiny-and-outside-14", odd, torch.tensor([0, 1, 2, 3]), 14),
    ):
        cases.add(
            name,
            {"masks": cases.share("masks", scene.masks), "boxes": boxes, "truths": matched},
            {"targets": project_masks_on_boxes(scene.masks, boxes, matched, side)},
            {"side": side},
        )
    cases.close()


def record_anchor_targets() -> None:
    """torchvision's RPN in training: labels, sample and deltas of the anchors."""
    cases = CaseList(
        "anchor_targets",
        "torchvision.models.detection.rpn.RegionProposalNetwork in float32",
        SEED,
        "labels [A] are 1, 0 or -1; sampled are the indices that torchvision drew, an input; positives "
        "are those of them with label 1, deltas [P, 4] theirs.",
    )
    anchors = scenes.anchors(1)
    for name, seed, objects, count in (
        ("three-objects", 4, 3, 64), ("eight-objects", 5, 8, 256), ("no-objects", 6, 0, 64),
    ):  # fmt: skip
        scene, network = scenes.scene(seed, objects), scenes.rpn(count)
        scenes.check_margins(scene.boxes, anchors[0], (0.7, 0.3))
        torch.manual_seed(seed)
        labels, matched = network.assign_targets_to_anchors(anchors, [scene.target])
        deltas = network.box_coder.encode(matched, anchors)[0]
        network.fg_bg_sampler(labels)
        sampled = network.fg_bg_sampler.sampled[0]
        positives = sampled[labels[0][sampled] == 1]
        cases.add(
            name,
            {
                "anchors": cases.share("anchors", anchors[0]),
                "truths": scene.boxes,
                "sampled": sampled,
            },
            {"labels": labels[0].long(), "positives": positives, "deltas": deltas[positives]},
            {"count": count},
        )
    cases.close()


def record_roi_targets() -> None:
    """torchvision's RoI heads in training: sample, classes, deltas and masks of the RoIs."""
    cases = CaseList(
        "roi_targets",
        "torchvision.models.detection.roi_heads.RoIHeads in float32",
        SEED,
        "sampled are the indices that torchvision drew among proposals and truths, an input; boxes "
        "[R, 4] and labels [R] are theirs; positives are places among the sampled; matched [P], deltas "
        "[P, 4] and masks [P, M, M] belong to the positive ones.",
    )
    for name, seed, objects, count in (
        ("three-objects", 7, 3, 32), ("seven-objects", 8, 7, 512), ("no-objects", 9, 0, 32),
    ):  # fmt: skip
        scene, heads = scenes.scene(seed, objects), scenes.roi_heads(count)
        scenes.check_margins(scene.boxes, scene.proposals, (0.5,))
        torch.manual_seed(seed)
        boxes, matched, labels, deltas = heads.select_training_samples(
            [scene.proposals], [scene.target]
        )
        positives = torch.where(labels[0] > 0)[0]
        truths = matched[0][positives]
        masks = torch.zeros(0, 14, 14)
        if objects:
            masks = project_masks_on_boxes(scene.masks, boxes[0][positives], truths, 14)
        cases.add(
            name,
            {
                "proposals": scene.proposals,
                "truths": scene.boxes,
                "classes": scene.labels,
                "masks": scene.masks,
                "sampled": heads.fg_bg_sampler.sampled[0],
            },
            {
                "boxes": boxes[0],
                "labels": labels[0],
                "positives": positives,
                "matched": truths,
                "deltas": deltas[0][positives],
                "maskTargets": masks,
            },
            {"count": count, "side": 14},
        )
    cases.close()


def record() -> None:
    """All cases of this file."""
    record_matcher()
    record_sample_sizes()
    record_mask_targets()
    record_anchor_targets()
    record_roi_targets()
