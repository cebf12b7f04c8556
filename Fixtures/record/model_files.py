"""Weight files as people have them, each with what torchvision finds with it.

``Fixtures/model-files``: tiny networks with seeded weights, written by torch as a training script,
torch.compile, averaged models and Lightning write them, and networks whose anchors, levels or RoI
operators are not torchvision's own choice. ``detections.json`` describes for every file how it was
made, which settings its shapes do not tell, and what torchvision's model finds in one crop of the
bundled image; masks are packed bits, base64.
"""

from __future__ import annotations

import argparse
import base64
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.models._utils import IntermediateLayerGetter
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.rpn import AnchorGenerator
from torchvision.models.resnet import BasicBlock
from torchvision.ops import FrozenBatchNorm2d, MultiScaleRoIAlign
from torchvision.ops.feature_pyramid_network import LastLevelP6P7

import seeded_weights
from bundled import Crop, crop_of, source_image
from golden_files import GOLDEN, json_bytes
from rasters import as_tensor

FOLDER = GOLDEN.parent / "model-files"
CROP: Crop = (100, 200, 96, 80)
"""Left, top, width and height in the bundled image."""
SIDES = (160, 256)
"""The crop's shorter side becomes the first unless its longer one passes the second."""
CHANNELS, REPRESENTATION, MOST, TRIES, LEAST_GAP = 8, 12, 8, 300, 2e-5


class Trunk(nn.Module):
    """ResNet's layout with one basic block a layer, ``width`` channels wide at first."""

    def __init__(self, width: int, norm: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = norm(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        for layer in range(4):
            inputs, outputs = width * 2 ** max(layer - 1, 0), width * 2**layer
            shortcut = (
                nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=2, bias=False), norm(outputs)) if layer else None
            )
            block = BasicBlock(inputs, outputs, 2 if layer else 1, shortcut, norm_layer=norm)
            setattr(self, f"layer{layer + 1}", nn.Sequential(block))


class SingleLevel(nn.Module):
    """A trunk up to one layer, without a pyramid."""

    def __init__(self, trunk: nn.Module, layer: int, channels: int) -> None:
        super().__init__()
        self.body = IntermediateLayerGetter(trunk, {f"layer{layer}": "0"})
        self.out_channels = channels

    def forward(self, x: Tensor) -> OrderedDict[str, Tensor]:
        return self.body(x)


@dataclass
class Case:
    """A network and how it is saved."""

    note: str
    layers: Sequence[int] = (1, 2, 3, 4)
    pyramid: bool = True
    p6p7: bool = False
    frozen_eps: float | None = None
    sizes: Sequence[Sequence[float]] | None = None
    ratios: Sequence[Sequence[float]] | None = None
    box_bins: int = 7
    mask_bins: int = 14
    scale: int = 224
    level: int = 4
    read: Sequence[int] | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    matters: str | None = None
    """Parameters whose names begin so must matter for the detections."""
    save: Callable[[MaskRCNN], Any] = lambda model: model.state_dict()


def build(case: Case) -> MaskRCNN:
    """torchvision's model."""
    width = 2
    norm = nn.BatchNorm2d if case.frozen_eps is None else FrozenBatchNorm2d
    trunk = Trunk(width, norm)
    widths = [width * 2 ** (layer - 1) for layer in case.layers]
    if case.pyramid:
        backbone: nn.Module = BackboneWithFPN(
            trunk, {f"layer{layer}": str(place) for place, layer in enumerate(case.layers)}, widths, CHANNELS,
            extra_blocks=LastLevelP6P7(widths[-1], CHANNELS) if case.p6p7 else None,
        )  # fmt: skip
        channels, levels = CHANNELS, len(case.layers) + (2 if case.p6p7 else 1)
    else:
        channels, levels = widths[0], 1
        backbone = SingleLevel(trunk, case.layers[0], channels)
    sizes = case.sizes or [[2 ** (case.layers[0] + 4 + place)] for place in range(levels)]
    ratios = case.ratios or [[0.5, 1.0, 2.0]] * levels
    names = [str(case.layers.index(level - 1)) for level in case.read or [layer + 1 for layer in case.layers]]
    pooling = {"sampling_ratio": 2, "canonical_scale": case.scale, "canonical_level": case.level}
    model = MaskRCNN(
        backbone,
        min_size=SIDES[0], max_size=SIDES[1],
        rpn_anchor_generator=AnchorGenerator(tuple(map(tuple, sizes)), tuple(map(tuple, ratios))),
        rpn_pre_nms_top_n_test=1000, rpn_post_nms_top_n_test=1000,
        box_roi_pool=MultiScaleRoIAlign(names, output_size=case.box_bins, **pooling),
        box_head=TwoMLPHead(channels * case.box_bins**2, REPRESENTATION),
        box_predictor=FastRCNNPredictor(REPRESENTATION, 3),
        mask_roi_pool=MultiScaleRoIAlign(names, output_size=case.mask_bins, **pooling),
        mask_head=MaskRCNNHeads(channels, [CHANNELS] * 2, dilation=1),
        mask_predictor=MaskRCNNPredictor(CHANNELS, CHANNELS, 3),
        box_detections_per_img=MOST,
    )  # fmt: skip
    for module in model.modules():
        if isinstance(module, FrozenBatchNorm2d):
            module.eps = case.frozen_eps
    return model


def checkpoint(model: MaskRCNN) -> dict[str, Any]:
    """What torchvision's references/detection/train.py saves."""
    predictor = list(model.roi_heads.box_predictor.parameters())
    optimizer = torch.optim.SGD(predictor, lr=0.02, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[16, 22, 22], gamma=0.1)
    for parameter in predictor:
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    args = argparse.Namespace(data_path="/data/coco", model="maskrcnn_resnet50_fpn", lr=0.02, lr_steps=[16, 22])
    return {
        "model": model.state_dict(), "optimizer": optimizer.state_dict(), "lr_scheduler": scheduler.state_dict(),
        "args": args, "epoch": 25,
    }  # fmt: skip


def lightning(model: MaskRCNN) -> dict[str, Any]:
    """What PyTorch Lightning saves of a module that holds an averaged model and a metric."""
    state = {f"net.{name}": value for name, value in torch.optim.swa_utils.AveragedModel(model).state_dict().items()}
    state["metric.total"], state["metric.num_batches_tracked"] = torch.tensor(17.0), torch.tensor(3)
    hyper = argparse.Namespace(learning_rate=1e-3)
    return {"epoch": 3, "pytorch-lightning_version": "2.5.0", "state_dict": state, "hyper_parameters": hyper}




SIZES = ([24, 32, 40], [48, 64, 80], [96, 128, 160], [192, 256, 320], [384, 512, 640])
RATIOS = ([0.5, 1.0], [0.4, 1.0], [0.3, 1.5], [0.5, 2.0], [1.0, 3.0])
NINE = [list(sizes) for sizes in SIZES]

CASES = {
    "training_script.pth": Case("references/detection/train.py's checkpoint", save=checkpoint),
    "compiled.pth": Case(
        "torch.compile(model).state_dict()", save=lambda model: torch.compile(model).state_dict()
    ),
    "lightning.pth": Case("Lightning's checkpoint of an averaged model and a metric", save=lightning),
    "frozen.pth": Case("frozen norms with epsilon 0, as after fine-tuning from COCO", frozen_eps=0.0,
                       settings={"norm_eps": 0}),
    "anchor_sizes.pth": Case("three sizes of anchors a level", sizes=NINE, settings={"anchors.sizes": NINE}),
    "anchor_ratios.pth": Case("aspect ratios that differ by level", ratios=RATIOS,
                              settings={"anchors.aspect_ratios": [list(ratios) for ratios in RATIOS]}),
    "roi_sizes.pth": Case(
        "box RoIs of 5x5, mask RoIs of 10x10, canonical scale 60 on level 3, read from P3 to P5",
        box_bins=5, mask_bins=10, scale=60, level=3, read=(3, 4, 5),
        settings={"roi.mask_bins": 10, "roi.canonical_scale": 60, "roi.canonical_level": 3, "roi.levels": [3, 4, 5]},
    ),
    "returned_layers.pth": Case("returned_layers=[2, 3]: P3, P4 and P5 as every second cell of P4", layers=(2, 3)),
    "p6p7.pth": Case("LastLevelP6P7: P6 and P7 by convolutions of C5", p6p7=True,
                     sizes=[[32], [48], [64], [96], [40], [64]], matters="backbone.fpn.extra_blocks.p7",
                     settings={"anchors.sizes": [32, 48, 64, 96, 40, 64]}),
    "c4.pth": Case("the trunk's third layer alone, stride 16", layers=(3,), pyramid=False,
                   sizes=[[32, 64, 128, 256, 512]]),
    "c5.pth": Case("the trunk's fourth layer alone, stride 32", layers=(4,), pyramid=False,
                   sizes=[[32, 64, 128, 256, 512]]),
}  # fmt: skip


def gap(found: dict[str, Tensor], threshold: float) -> float:
    """The least distance between scores that follow each other, and to the threshold."""
    ordered = torch.cat([found["scores"].double(), torch.tensor([threshold], dtype=torch.float64)])
    return float((ordered[:-1] - ordered[1:]).min()) if len(found["scores"]) else 0.0


def seeded(case: Case, seed: int) -> MaskRCNN:
    """The model with weights that 16 bits hold."""
    model = seeded_weights.fill(build(case), seed)
    state = {name: value.half().float() if value.is_floating_point() else value
             for name, value in model.state_dict().items()}  # fmt: skip
    if case.frozen_eps is not None:
        # Norms of small variance, for which the epsilon matters.
        for name in [name for name in state if name.endswith("running_var")]:
            state[name] = (state[name] * 2**-12).half().float()
            scale = name.replace("running_var", "weight")
            state[scale] = (state[scale] * 2**-6).half().float()
    model.load_state_dict(state)
    return model


def halved(value: Any) -> Any:
    """Floats of 16 bits in place of 32, which halves the file and changes no value."""
    if isinstance(value, Tensor):
        return value.detach().half() if value.is_floating_point() else value
    if isinstance(value, dict):
        return type(value)((key, halved(item)) for key, item in value.items())
    return value


def record() -> None:
    """Writes every file with a seed whose detections are free of near ties."""
    FOLDER.mkdir(exist_ok=True)
    image = as_tensor(crop_of(source_image(), CROP))
    entries = {}
    for name, case in CASES.items():
        for seed in range(TRIES):
            model = seeded(case, seed)
            found = model([image])[0]
            margin = gap(found, model.roi_heads.score_thresh)
            areas = (found["masks"] > 0.5).sum(dim=(1, 2, 3)) if len(found["masks"]) else torch.zeros(1)
            if case.matters is not None:
                for parameter, value in model.named_parameters():
                    if parameter.startswith(case.matters):
                        value.data.zero_()
                other = model([image])[0]
                model = seeded(case, seed)
                if torch.equal(other["scores"], found["scores"]):
                    continue
            if margin > LEAST_GAP and len(found["scores"]) >= 4 and int((areas > 20).sum()) >= 3:
                break
        else:
            raise ValueError(f"{name}: none of {TRIES} seeds is free of near ties")
        path = FOLDER / name
        # The older format takes less room for many small tensors.
        torch.save(halved(case.save(model)), path, _use_new_zipfile_serialization=name == "training_script.pth")
        masks = (found["masks"][:, 0] > 0.5).numpy()
        bits = base64.b64encode(np.packbits(masks.reshape(-1)).tobytes()).decode()
        entries[name] = {
            "note": case.note, "seed": seed, "gap": margin, "settings": case.settings,
            "boxes": found["boxes"].flatten().tolist(), "scores": found["scores"].tolist(),
            "labels": found["labels"].tolist(), "masks": bits,
        }  # fmt: skip
        print(f"  {name}: seed {seed}, {len(found['scores'])} detections, gap {margin:.1e}, "
              f"{path.stat().st_size / 1e3:.0f} kB")  # fmt: skip
    left, top, width, height = CROP
    (FOLDER / "detections.json").write_bytes(
        json_bytes(
            {
                "script": "Fixtures/record/model_files.py",
                "image": "../images/nuclei.png",
                "crop": {"left": left, "top": top, "width": width, "height": height},
                "sides": list(SIDES),
                "detectionsPerImage": MOST,
                "files": entries,
            }
        )
    )
