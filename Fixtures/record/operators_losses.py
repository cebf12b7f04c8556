"""Golden cases of stage 8: the losses and their gradients, by torch's autograd."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.models.detection.roi_heads import (
    fastrcnn_loss,
    maskrcnn_loss,
    project_masks_on_boxes,
)
from torchvision.models.detection.rpn import concat_box_prediction_layers

import training_scenes as scenes
from operator_cases import CaseList

SEED = scenes.SEED
BETA = 1 / 9
MASK_SIDE = 14
EXTREMES = [0.0, -0.0, 1e-6, -1e-6, 0.5, -3.0, 15.0, -15.0, 40.0, -40.0, 88.0, -89.0, 300.0, -1e4]
"""Logits at which a careless formula overflows or loses all digits."""


def normal(seed: int, *shape: int, deviation: float = 1) -> Tensor:
    """Normally distributed numbers, with a gradient to be had."""
    values = np.random.default_rng(SEED + seed).standard_normal(shape) * deviation
    return torch.from_numpy(values.astype(np.float32)).requires_grad_()


def _add_elements(
    cases: CaseList, name: str, loss: Callable[[Tensor, Tensor], Tensor], values: Tensor,
    targets: Tensor, parameters: dict[str, float] | None = None,
) -> None:  # fmt: skip
    """A case of an element's cost and its gradient."""
    elements = loss(values, targets)
    gradient = torch.autograd.grad(elements.sum(), values)[0]
    cases.add(
        name, {"values": values, "targets": targets},
        {"elements": elements, "gradient": gradient}, parameters,
    )  # fmt: skip


def record_elements() -> None:
    """torch's three losses, element by element."""
    cases = CaseList(
        "binary_cross_entropy",
        "torch.nn.functional.binary_cross_entropy_with_logits, reduction none, in float32",
        SEED,
        "gradient is that of the elements' sum.",
    )

    def binary(x: Tensor, t: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(x, t, reduction="none")

    random = np.random.default_rng(SEED + 20)
    soft = torch.from_numpy(random.uniform(0, 1, (6, 7)).astype(np.float32))
    _add_elements(cases, "soft-targets", binary, normal(21, 6, 7, deviation=3), soft)
    hard = (soft > 0.5).float()
    _add_elements(cases, "hard-targets", binary, normal(22, 6, 7, deviation=3), hard)
    # One case a magnitude, because a case is compared as a part of its range.
    for extreme in EXTREMES:
        x = torch.full((3,), extreme).requires_grad_()
        _add_elements(cases, f"logit-{extreme:g}", binary, x, torch.tensor([0.0, 0.25, 1.0]))
    cases.close()

    cases = CaseList(
        "softmax_cross_entropy",
        "torch.nn.functional.cross_entropy, reduction none, in float32",
        SEED,
        "values [R, K], targets [R]; gradient is that of the elements' sum.",
    )

    def softmax(x: Tensor, t: Tensor) -> Tensor:
        return F.cross_entropy(x, t, reduction="none")

    for classes in (2, 4, 91):
        labels = torch.from_numpy(random.integers(0, classes, 9))
        x = normal(23 + classes, 9, classes, deviation=3)
        _add_elements(cases, f"{classes}-classes", softmax, x, labels)
    wide = torch.tensor([[300.0, -300, 0], [300, -300, 0], [-1e4, 1e4, 3], [5, 5, 5]])
    labels = torch.tensor([0, 1, 2, 1])
    _add_elements(cases, "large-logits", softmax, wide.requires_grad_(), labels)
    cases.close()

    cases = CaseList(
        "smooth_l1",
        "torch.nn.functional.smooth_l1_loss, reduction none, in float32",
        SEED,
        "gradient is that of the elements' sum.",
    )
    for name, beta in (("a-ninth", BETA), ("one", 1.0)):

        def smooth(x: Tensor, t: Tensor, beta: float = beta) -> Tensor:
            return F.smooth_l1_loss(x, t, reduction="none", beta=beta)

        for deviation in (0.05, 0.3, 20):
            x, t = normal(150, 11, 4, deviation=deviation), normal(151, 11, 4).detach() * deviation
            _add_elements(cases, f"beta-{name}-{deviation:g}", smooth, x, t, {"beta": beta})
    cases.close()


def record_rpn_losses() -> None:
    """torchvision's ``RegionProposalNetwork.compute_loss``."""
    cases = CaseList(
        "rpn_losses",
        "torchvision.models.detection.rpn.RegionProposalNetwork.compute_loss and torch autograd",
        SEED,
        "objectnessL [N, A, H, W] and deltasL [N, 4 A, H, W] of level L, 0 the finest; truthsI and "
        "sampledI of image I, the latter what torchvision drew. The gradients are of each loss by what "
        "it depends on.",
    )
    for name, objects, count, deviation in (
        ("one-image", (3,), 64, 1.0), ("two-images", (4, 2), 64, 2.0),
        ("one-of-two-without-objects", (3, 0), 256, 0.3), ("without-objects", (0,), 64, 1.0),
    ):  # fmt: skip
        batch = [scenes.scene(30 + i, number) for i, number in enumerate(objects)]
        anchors, network = scenes.anchors(len(batch)), scenes.rpn(count)
        for image in batch:
            scenes.check_margins(image.boxes, anchors[0], (0.7, 0.3))
        maps = range(len(scenes.STRIDES))
        objectness = [
            normal(40 + i, len(batch), 3, *scenes.grids()[i], deviation=deviation) for i in maps
        ]
        deltas = [
            normal(50 + i, len(batch), 12, *scenes.grids()[i], deviation=0.3 * deviation)
            for i in maps
        ]
        torch.manual_seed(count)
        labels, matched = network.assign_targets_to_anchors(anchors, [s.target for s in batch])
        targets = network.box_coder.encode(matched, anchors)
        flat = concat_box_prediction_layers(list(objectness), list(deltas))
        first, second = network.compute_loss(*flat, labels, targets)
        by_logits = torch.autograd.grad(first, objectness, retain_graph=True)
        by_deltas = torch.autograd.grad(second, deltas)
        inputs = {"anchors": cases.share("anchors", anchors[0])}
        inputs |= {f"objectness{i}": values for i, values in enumerate(objectness)}
        inputs |= {f"deltas{i}": values for i, values in enumerate(deltas)}
        inputs |= {f"truths{i}": image.boxes for i, image in enumerate(batch)}
        inputs |= {f"sampled{i}": s for i, s in enumerate(network.fg_bg_sampler.sampled)}
        outputs = {"loss_objectness": first[None], "loss_rpn_box_reg": second[None]}
        outputs |= {f"dObjectness{i}": values for i, values in enumerate(by_logits)}
        outputs |= {f"dDeltas{i}": values for i, values in enumerate(by_deltas)}
        cases.add(name, inputs, outputs, {"images": len(batch), "levels": len(maps)})
    cases.close()


def multinomial_mask_loss(logits: Tensor, targets: list[Tensor], labels: Tensor) -> Tensor:
    """The mask loss where classes and background compete for every pixel: torch's cross-entropy with
    the target's share for the RoI's own class and the rest for the background, class 0."""
    if not len(labels):
        return logits.sum() * 0
    share = torch.cat(targets)  # [P, M, M]
    probabilities = torch.zeros_like(logits)  # [P, K, M, M]
    probabilities[:, 0] = 1 - share
    probabilities[torch.arange(len(labels)), labels] = share
    return F.cross_entropy(logits, probabilities)


def record_roi_losses() -> None:
    """torchvision's ``fastrcnn_loss`` and ``maskrcnn_loss``, and torch's ``cross_entropy``."""
    cases = CaseList(
        "roi_losses",
        "torchvision.models.detection.roi_heads.fastrcnn_loss and maskrcnn_loss, "
        "torch.nn.functional.cross_entropy (loss_mask_softmax) and torch autograd",
        SEED,
        "classLogits [R, K], deltas [R, 4 K] and maskLogits [P, K, M, M] are of all images together; "
        "proposalsI, truthsI, classesI, masksI and sampledI of image I, the last what torchvision drew. "
        "The gradients are of each loss by what it depends on.",
    )
    for name, objects, count, deviation in (
        ("one-image", (3,), 24, 1.0), ("two-images", (2, 3), 16, 3.0),
        ("one-of-two-without-objects", (2, 0), 16, 0.5), ("without-objects", (0,), 8, 1.0),
    ):  # fmt: skip
        batch = [scenes.scene(60 + i, number, 40) for i, number in enumerate(objects)]
        heads = scenes.roi_heads(count)
        for image in batch:
            scenes.check_margins(image.boxes, image.proposals, (0.5,))
        torch.manual_seed(count)
        boxes, matched, labels, targets = heads.select_training_samples(
            [image.proposals for image in batch], [image.target for image in batch]
        )
        positive = [torch.where(own > 0)[0] for own in labels]
        rois, masks = sum(map(len, labels)), sum(map(len, positive))
        logits = normal(70, rois, scenes.CLASSES, deviation=deviation)
        deltas = normal(71, rois, 4 * scenes.CLASSES, deviation=deviation)
        mask_logits = normal(72, masks, scenes.CLASSES, MASK_SIDE, MASK_SIDE, deviation=deviation)
        first, second = fastrcnn_loss(logits, deltas, labels, targets)
        # maskrcnn_loss indexes the classes of every image: one without objects has none to index.
        third = maskrcnn_loss(
            mask_logits,
            [own[index] for own, index in zip(boxes, positive)],
            [image.masks if len(image.masks) else torch.zeros(1, 1, 1) for image in batch],
            [image.labels for image in batch],
            [own[index] for own, index in zip(matched, positive)],
        )
        fourth = multinomial_mask_loss(
            mask_logits,
            [
                project_masks_on_boxes(image.masks, own[index], match[index], MASK_SIDE)
                for image, own, match, index in zip(batch, boxes, matched, positive)
                if len(index)
            ],
            torch.cat([own[index] for own, index in zip(labels, positive)]),
        )
        inputs = {"classLogits": logits, "deltas": deltas, "maskLogits": mask_logits}
        for index, image in enumerate(batch):
            inputs |= {
                f"proposals{index}": image.proposals,
                f"truths{index}": image.boxes,
                f"classes{index}": image.labels,
                f"masks{index}": image.masks,
                f"sampled{index}": heads.fg_bg_sampler.sampled[index],
            }
        outputs = {
            "loss_classifier": first[None],
            "loss_box_reg": second[None],
            "loss_mask": third[None],
            "dClassLogits": torch.autograd.grad(first, logits)[0],
            "dDeltas": torch.autograd.grad(second, deltas)[0],
            "loss_mask_softmax": fourth[None],
            "dMaskLogits": torch.autograd.grad(third, mask_logits)[0],
            "dMaskLogitsSoftmax": torch.autograd.grad(fourth, mask_logits)[0],
        }
        cases.add(name, inputs, outputs, {"images": len(batch), "side": MASK_SIDE})
    cases.close()


def record() -> None:
    """All cases of this file."""
    with torch.inference_mode(False), torch.enable_grad():
        record_elements()
        record_rpn_losses()
        record_roi_losses()
