"""One step of training by torchvision: the same crops as ``TrainingWork`` of ``Sources/Benchmarks``.

The bundled network in training mode, batch norm trained, torchvision's samplers as they are (which
boxes are drawn differs from ours, how many does not), SGD with momentum and weight decay.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import masks_to_boxes

import bundled
from rasters import as_tensor

CROPS, SIDE, LEAST_PIXELS, SCALE = 8, 160, 12, 2


def batch() -> tuple[list[torch.Tensor], list[dict]]:
    """The crops, and their truth in input pixels."""
    with Image.open(bundled.FIXTURES / "images" / "nuclei-labels.png") as file:
        labels = np.asarray(file).astype(np.int32)
    image = bundled.source_image()
    height, width = labels.shape
    images, targets = [], []
    for index in range(CROPS):
        x, y = index * 97 % (width - SIDE + 1), index * 61 % (height - SIDE + 1)
        part = bundled.crop_of(labels, (x, y, SIDE, SIDE))
        numbers, counts = np.unique(part[part > 0], return_counts=True)
        kept = numbers[counts >= LEAST_PIXELS]
        masks = torch.from_numpy(part[None] == kept[:, None, None])
        boxes = masks_to_boxes(masks)
        boxes[:, 2:] += 1
        large = masks.repeat_interleave(SCALE, 1).repeat_interleave(SCALE, 2)
        images.append(as_tensor(bundled.crop_of(image, (x, y, SIDE, SIDE))))
        targets.append({
            "boxes": (boxes * SCALE).float(), "labels": torch.ones(len(kept), dtype=torch.int64),
            "masks": large.byte(),
        })  # fmt: skip
    return images, targets


def tuning_step(
    model: torch.nn.Module, image: torch.Tensor, frozen_parts: int
) -> Callable[[], object]:
    """One step of fine-tuning as ``TrainingWork`` takes it: two images with twenty rectangles."""
    torch.set_grad_enabled(True)
    model.train()
    height, width = image.shape[-2:]
    model.transform.min_size, model.transform.max_size = (min(height, width),), max(height, width)
    masks = torch.zeros(20, height, width, dtype=torch.uint8)
    boxes = torch.zeros(20, 4)
    for index in range(20):
        x, y = index * 97 % 540, index * 61 % 400
        right, lower = x + 40 + index * 7 % 60, y + 30 + index * 11 % 50
        masks[index, y:lower, x:right] = 1
        boxes[index] = torch.tensor([x, y, right, lower])
    target = {"boxes": boxes, "labels": torch.arange(1, 21), "masks": masks}
    for parameter in model.backbone.body.parameters():
        parameter.requires_grad_(frozen_parts == 0)
    return stepping(model, [image, image], [target, dict(target)])


def step() -> Callable[[], object]:
    """What takes one step, from prepared crops to changed parameters."""
    torch.set_grad_enabled(True)
    images, targets = batch()
    return stepping(bundled.model_of().train(), images, targets)


def stepping(
    model: torch.nn.Module, images: list[torch.Tensor], targets: list[dict]
) -> Callable[[], object]:
    """A step from prepared images, whose targets are in input pixels, to changed parameters."""
    prepared = model.transform(images)[0]
    inputs = ImageList(prepared.tensors, prepared.image_sizes)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=1e-4, momentum=0.9, weight_decay=1e-4)

    def run() -> object:
        features = model.backbone(inputs.tensors)
        proposals, losses = model.rpn(inputs, features, targets)
        _, more = model.roi_heads(features, proposals, inputs.image_sizes, targets)
        optimizer.zero_grad()
        total = sum((losses | more).values())
        total.backward()
        optimizer.step()
        return total.detach()

    return run
