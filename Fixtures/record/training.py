"""Golden training: the parameters of the bundled network after ten steps of SGD by torchvision.

``Fixtures/golden/training/CASE`` holds ``how.json``, with the crops of the bundled image that make
the batches, and ``reference.safetensors``: ``losses`` of every step, and of each parameter and
statistic up to ``SAMPLES`` elements at even distances after the last step.

- ``frozen``: norms are frozen, the stem and the first layer too; everything trained decays; the rate
  warms up and is divided by ten.
- ``trained``: norms are trained on the batch's statistics; only weights decay; the gradient is
  clipped; the rate follows a cosine.

Every anchor and RoI that is positive or negative is sampled, so that nothing is left to chance.

Steps are taken in 64 bits. ``NAME#limits`` holds the range of the parameter, the greatest change in
ten steps, and the greatest difference of a run in 32 bits.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection._utils import BalancedPositiveNegativeSampler
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import masks_to_boxes

import bundled
from golden_files import GOLDEN, empty_folder, write_how
from learning import ALL, LOSSES, sampled
from rasters import as_tensor

SAMPLES = 48
STEPS, BATCH = 10, 2
SIDE = 72
LEAST_PIXELS = 12
"""Nuclei of which fewer pixels are left in a crop are dropped."""
SCALE = 2
TRIES = 40
GREATEST_NOISE = 2e-5
"""Where a run in 32 bits is further from the one in 64, as a part of a parameter's range, some anchor
or proposal had two nearly equal choices and took the other one: such crops prove nothing."""

CASES = {
    "frozen": {
        "norms": "frozen", "frozenParts": 2, "rate": 0.01, "warmUpSteps": 3, "warmUpFactor": 0.1,
        "dropAt": 6, "momentum": 0.9, "weightDecay": 0.01, "decaysNormsAndBiases": True,
    },
    "trained": {
        "norms": "batchStatistics", "frozenParts": 0, "rate": 0.003, "warmUpSteps": 0,
        "warmUpFactor": 0.1, "floor": 0.1, "momentum": 0.8, "weightDecay": 0.05,
        "decaysNormsAndBiases": False, "greatestNorm": 2.8,
    },
}  # fmt: skip


def crops(seed: int) -> list[list[list[int]]]:
    """Left, top, width, height of the crops of every step."""
    with Image.open(bundled.IMAGE) as image:
        width, height = image.size
    random = np.random.default_rng(seed)
    return [
        [[int(random.integers(width - SIDE)), int(random.integers(height - SIDE)), SIDE, SIDE]
         for _ in range(BATCH)]
        for _ in range(STEPS)
    ]  # fmt: skip


def batch(image: np.ndarray, labels: np.ndarray, windows: list) -> tuple[list[Tensor], list[dict]]:
    """Crops of the image, and their truth in input pixels."""
    images, targets = [], []
    for window in windows:
        part = bundled.crop_of(labels, tuple(window))
        numbers, counts = np.unique(part[part > 0], return_counts=True)
        kept = numbers[counts >= LEAST_PIXELS]
        masks = torch.from_numpy(part[None] == kept[:, None, None])
        boxes = masks_to_boxes(masks)
        boxes[:, 2:] += 1
        large = masks.repeat_interleave(SCALE, 1).repeat_interleave(SCALE, 2)
        images.append(as_tensor(bundled.crop_of(image, tuple(window))))
        targets.append({
            "boxes": (boxes * SCALE).to(torch.get_default_dtype()),
            "labels": torch.ones(len(kept), dtype=torch.int64), "masks": large.byte(),
        })  # fmt: skip
    return images, targets


def rate_at(step: int, case: dict) -> float:
    """The learning rate of a step, from 0."""
    warmth = min(1.0, step / case["warmUpSteps"]) if case["warmUpSteps"] else 1.0
    if "dropAt" in case:
        decay = 0.1 if step >= case["dropAt"] else 1.0
    else:
        floor = case["floor"]
        decay = floor + (1 - floor) * (1 + math.cos(math.pi * step / STEPS)) / 2
    return case["rate"] * decay * (case["warmUpFactor"] + (1 - case["warmUpFactor"]) * warmth)


def prepare(case: dict) -> MaskRCNN:
    """The bundled network in training mode without chance."""
    model = bundled.model_of().train()
    model.rpn._pre_nms_top_n["training"] = bundled.TOP_PER_LEVEL
    model.rpn._post_nms_top_n["training"] = bundled.MOST_PROPOSALS
    model.rpn.fg_bg_sampler = BalancedPositiveNegativeSampler(ALL, 0.5)
    model.roi_heads.fg_bg_sampler = BalancedPositiveNegativeSampler(ALL, 0.5)
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    if case["norms"] == "frozen":
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval().requires_grad_(False)
    body = model.backbone.body
    parts = [[body.conv1, body.bn1], [body.layer1], [body.layer2], [body.layer3], [body.layer4]]
    for part in parts[: case["frozenParts"]]:
        for module in part:
            module.requires_grad_(False)
    return model


def train(model: MaskRCNN, case: dict, windows: list) -> tuple[Tensor, dict[str, Tensor]]:
    """Losses of every step, and what the network has become."""
    with Image.open(bundled.FIXTURES / "images" / "nuclei-labels.png") as file:
        labels = np.asarray(file).astype(np.int32)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    weights = [p for p in trained if p.ndim > 1 or case["decaysNormsAndBiases"]]
    others = [p for p in trained if p.ndim == 1 and not case["decaysNormsAndBiases"]]
    groups = [{"params": weights, "weight_decay": case["weightDecay"]}]
    if others:
        groups.append({"params": others, "weight_decay": 0.0})
    optimizer = torch.optim.SGD(groups, lr=case["rate"], momentum=case["momentum"])
    lost, norms = [], []
    for step in range(STEPS):
        images, targets = batch(bundled.source_image(), labels, windows[step])
        images = [image.to(torch.get_default_dtype()) for image in images]
        prepared, _ = model.transform(images)
        inputs = ImageList(prepared.tensors, prepared.image_sizes)
        features = model.backbone(inputs.tensors)
        proposals, losses = model.rpn(inputs, features, targets)
        _, more = model.roi_heads(features, proposals, inputs.image_sizes, targets)
        losses |= more
        optimizer.zero_grad()
        torch.stack([losses[name] for name in LOSSES]).sum().backward()
        if "greatestNorm" in case:
            norms.append(float(nn.utils.clip_grad_norm_(trained, case["greatestNorm"])))
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step, case)
        optimizer.step()
        lost.append(torch.stack([losses[name].detach() for name in LOSSES]))
    # Clipping that never or always happened would show less.
    assert not norms or min(norms) < case["greatestNorm"] < max(norms), norms
    state = {k: v.detach() for k, v in model.state_dict().items() if v.is_floating_point()}
    return torch.stack(lost), state


def compared(
    before: dict[str, Tensor], exact: dict[str, Tensor], usual: dict[str, Tensor]
) -> tuple[dict[str, Tensor], float]:
    """The reference, and the greatest difference of the run in 32 bits as a part of a range."""
    reference, worst = {}, 0.0
    for key, value in exact.items():
        extent = value.max() - value.min() if value.numel() > 1 else value.abs().max()
        moved = (value - before[key].double()).abs().max()
        off = (value - usual[key].double()).abs().max()
        reference[key] = sampled(value, SAMPLES).float().contiguous()
        reference[f"{key}#limits"] = torch.stack([extent, moved, off]).float()
        worst = max(worst, float(off / max(extent, 1e-12)))
    return reference, worst


@torch.inference_mode(False)
@torch.enable_grad()
def record() -> None:
    """Writes both cases, each with the first crops of which no step has a near tie."""
    for name, case in CASES.items():
        for seed in range(TRIES):
            windows = crops(seed)
            usual_losses, usual = train(prepare(case), case, windows)
            torch.set_default_dtype(torch.float64)
            losses, exact = train(prepare(case).double(), case, windows)
            torch.set_default_dtype(torch.float32)
            reference, worst = compared(prepare(case).state_dict(), exact, usual)
            off = float((losses - usual_losses).abs().max())
            print(f"  training/{name}, crops {seed}: loss {float(losses[0].sum()):.4f} to "
                  f"{float(losses[-1].sum()):.4f}, 32 bits are off by {worst:.1e} of the range, "
                  f"losses by {off:.1e}")  # fmt: skip
            if worst < GREATEST_NOISE:
                break
        else:
            raise RuntimeError("every choice of crops has near ties")
        folder = empty_folder(GOLDEN / "training" / name)
        save_file(reference | {"losses": losses.float()}, str(folder / "reference.safetensors"))
        write_how(
            folder, "training", seed, crops=windows, leastPixels=LEAST_PIXELS, steps=STEPS,
            preNMSTopN=bundled.TOP_PER_LEVEL, postNMSTopN=bundled.MOST_PROPOSALS, **case,
        )  # fmt: skip
        print(f"  {sum(file.stat().st_size for file in folder.rglob('*'))} bytes")
