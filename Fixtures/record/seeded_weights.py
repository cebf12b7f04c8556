"""Weights by a formula: the same bits here and in ``Sources/Model/SeededWeights.swift``.

A golden test of a large network then needs no file of weights. Element ``i`` of the parameter ``name`` is, with all
integers 64 bits wide and unsigned,

    state = fnv1a64(utf8(name)) ^ seed
    z = state + (i + 1) * 0x9E3779B97F4A7C15          splitmix64, started at state
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB
    x = z ^ (z >> 31)
    u = (x >> 40) * 2^-24                             in [0, 1), exact
    value = float32(low + (high - low) * u)           in 64 bits, rounded once

``low`` and ``high`` depend on the kind of parameter, see ``bounds``. They are chosen so that activations neither die
out nor explode, some class scores pass 0.05 and rankings are spread.

    python seeded_weights.py lists                                       write ../architectures/*.json
    python seeded_weights.py save resnet50_fpn_v1 7 w.pth [--legacy]     write weights (.pth or .safetensors)

Needs torch 2.12.1, torchvision 0.27.1, numpy and safetensors.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import numpy as np

ARCHITECTURES = Path(__file__).resolve().parent.parent / "architectures"
MASK = (1 << 64) - 1

GAINS = {
    "backbone.fpn": 0.7,
    "rpn.head.cls_logits": 1.0,
    "rpn.head.bbox_pred": 0.15,
    "roi_heads.box_predictor.cls_score": 0.9,
    "roi_heads.box_predictor.bbox_pred": 0.5,
    "roi_heads.mask_predictor.mask_fcn_logits": 1.0,
}
"""Factors on the bound of weights whose name begins so; 1 elsewhere."""


def fnv1a64(name: str) -> int:
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = ((value ^ byte) * 0x100000001B3) & MASK
    return value


def bounds(name: str, shape: list[int], names: set[str]) -> tuple[float, float]:
    """Where the values of a parameter lie; ``names`` are all parameters of the model."""
    if name.endswith("running_mean"):
        return -0.1, 0.1
    if name.endswith("running_var"):
        return 0.5, 1.5
    if name.endswith("bias"):
        # Below 0 in the box head's linear layers: features become sparse, and different RoIs get different classes.
        # (Not in its norms: after four convolutions nothing would be left.)
        linear = name.startswith(("roi_heads.box_head.fc", "roi_heads.box_head.5."))
        return (-2.0, 0.0) if linear else (-0.05, 0.05)
    if len(shape) == 1:
        # The last norm of a residual branch is small, so that sums over many blocks stay tame.
        is_last = name.endswith(".bn3.weight") or (
            name.endswith(".bn2.weight") and name[: -len("bn2.weight")] + "bn3.weight" not in names
        )
        if is_last:
            return 0.1, 0.3
        return (0.5, 1.0) if name.startswith("backbone.body.") else (0.7, 1.2)
    if ".conv5_mask." in name:
        fan_in = shape[0]  # transposed, and the 2x2 kernels do not overlap
    else:
        fan_in = math.prod(shape[1:])
    gain = next((gain for start, gain in GAINS.items() if name.startswith(start + ".")), 1.0)
    bound = math.sqrt(6.0 / fan_in) * gain
    return -bound, bound


def values(name: str, shape: list[int], seed: int, low: float, high: float) -> np.ndarray:
    """One parameter's values."""
    count = math.prod(shape)
    state = np.uint64(fnv1a64(name) ^ seed)
    z = np.arange(1, count + 1, dtype=np.uint64)
    z *= np.uint64(0x9E3779B97F4A7C15)
    z += state
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    u = (z >> np.uint64(40)).astype(np.float64) * 2.0**-24
    return (low + (high - low) * u).astype(np.float32).reshape(shape)


def generate(parameters: list[dict], seed: int) -> dict[str, np.ndarray]:
    """All parameters of a list ``[{"name": …, "shape": […]}, …]``."""
    names = {parameter["name"] for parameter in parameters}
    return {
        p["name"]: values(p["name"], p["shape"], seed, *bounds(p["name"], p["shape"], names)) for p in parameters
    }


def read_list(architecture: str) -> list[dict]:
    """The committed list of an architecture's parameters."""
    return json.loads((ARCHITECTURES / f"{architecture}.json").read_text())


def build(architecture: str, **options):
    """A torchvision model, as torchvision itself sets it up around COCO weights: frozen batch norm in the v1 layout,
    with an epsilon of 0 for ResNet-50 alone. ``options`` go to ``MaskRCNN``; ``nuclei`` is the bundled detector."""
    from torchvision.models import detection
    from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
    from torchvision.ops import FrozenBatchNorm2d

    if architecture == "resnet50_fpn_v2":
        return detection.maskrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None, **options)
    if architecture == "nuclei":
        import nuclei_model

        return nuclei_model.build(**options)
    trunk = {
        "resnet50_fpn_v1": "resnet50",
        "resnet101_fpn": "resnet101",
        "resnext50_32x4d_fpn": "resnext50_32x4d",
    }[architecture]
    backbone = resnet_fpn_backbone(backbone_name=trunk, weights=None, norm_layer=FrozenBatchNorm2d)
    model = detection.MaskRCNN(backbone, 91, **options)
    if architecture == "resnet50_fpn_v1":
        for module in model.modules():
            if isinstance(module, FrozenBatchNorm2d):
                module.eps = 0.0
    return model


def fill(model, seed: int):
    """Give a torchvision model the seeded weights; returns it in evaluation mode."""
    import torch

    state = generate(parameter_list(model), seed)
    missing, unexpected = model.load_state_dict({k: torch.from_numpy(v) for k, v in state.items()}, strict=False)
    assert not unexpected and all(name.endswith("num_batches_tracked") for name in missing)
    return model.eval()


def parameter_list(model) -> list[dict]:
    """Names and shapes of a model's parameters and statistics, batch norm's step counters left out."""
    return [
        {"name": name, "shape": list(tensor.shape)}
        for name, tensor in model.state_dict().items()
        if not name.endswith("num_batches_tracked")
    ]


def write_lists() -> None:
    for architecture in ("resnet50_fpn_v1", "resnet50_fpn_v2", "resnet101_fpn", "resnext50_32x4d_fpn", "nuclei"):
        rows = [json.dumps(parameter) for parameter in parameter_list(build(architecture))]
        (ARCHITECTURES / f"{architecture}.json").write_text("[\n" + ",\n".join(rows) + "\n]\n")


def save(architecture: str, seed: int, path: str, legacy: bool = False) -> None:
    """Write the seeded weights of an architecture: ``.safetensors``, or ``.pth`` in the zip or the older format."""
    import torch
    from safetensors.numpy import save_file

    state = generate(read_list(architecture), seed)
    if path.endswith(".safetensors"):
        save_file(state, path)
    else:
        tensors = {name: torch.from_numpy(value) for name, value in state.items()}
        torch.save(tensors, path, _use_new_zipfile_serialization=not legacy)


if __name__ == "__main__":
    if sys.argv[1:] == ["lists"]:
        write_lists()
    elif len(sys.argv) >= 5 and sys.argv[1] == "save":
        save(sys.argv[2], int(sys.argv[3]), sys.argv[4], legacy="--legacy" in sys.argv)
    else:
        sys.exit(__doc__)
