"""The nucleus detector: a small Mask R-CNN built from torchvision's own classes.

The trunk has the layout of torchvision's ResNet-18 at a fraction of its width, followed by a feature pyramid with
batch norm, a region proposal network, a box head of two linear layers and a mask head with batch norm. Every
parameter has the name it has in torchvision's ``maskrcnn_resnet50_fpn``.

``build`` makes the model, ``save`` writes its weights as float16 ``.safetensors`` with everything needed for
inference in the metadata, ``load`` reads such a file back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.rpn import AnchorGenerator
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.models.resnet import BasicBlock
from torchvision.ops import MultiScaleRoIAlign

CLASS_NAMES = ("__background__", "fluorescence nucleus", "stained nucleus", "brightfield nucleus")
KINDS = {"fluorescence": 1, "stained": 2, "brightfield": 3}
"""The data set's kinds of image and the class that a nucleus in one of them has."""

ANCHOR_SIZES = (16, 32, 64, 128, 256)
ASPECT_RATIOS = (0.5, 1.0, 2.0)
INPUT_SCALE = 2.0
IMAGE_MEAN = (0.485, 0.456, 0.406)
IMAGE_STD = (0.229, 0.224, 0.225)
DETECTIONS_PER_IMAGE = 500
SCORE_THRESHOLD = 0.05
NORM_EPS = 1e-5

WIDTH = 32
CHANNELS = 64
REPRESENTATION = 384
POOLED_LEVELS = ("0", "1", "2", "3")


class Trunk(nn.Module):
    """The layout of torchvision's ResNet-18 without its classifier, ``width`` channels wide at first."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = self._layer(width, width, 1)
        self.layer2 = self._layer(width, 2 * width, 2)
        self.layer3 = self._layer(2 * width, 4 * width, 2)
        self.layer4 = self._layer(4 * width, 8 * width, 2)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    @staticmethod
    def _layer(inputs: int, outputs: int, stride: int) -> nn.Sequential:
        downsample = None
        if stride != 1 or inputs != outputs:
            downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, kernel_size=1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
            )
        return nn.Sequential(BasicBlock(inputs, outputs, stride, downsample), BasicBlock(outputs, outputs))

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))


class ScalingTransform(GeneralizedRCNNTransform):
    """torchvision's transform, but each image is enlarged by one fixed factor instead of to a given size."""

    def __init__(self, scale: float, image_mean: Sequence[float], image_std: Sequence[float]) -> None:
        super().__init__(min_size=0, max_size=0, image_mean=list(image_mean), image_std=list(image_std))
        self.scale = scale

    def resize(self, image: Tensor, target: dict[str, Tensor] | None = None) -> tuple[Tensor, dict[str, Tensor] | None]:
        """Enlarge ``image``; an image that comes with a target must already have its final size."""
        if self.scale == 1:
            return image, target
        if target is not None:
            raise ValueError("images with targets are not resized: train with an input scale of 1")
        size = [int(side * self.scale) for side in image.shape[-2:]]
        image = nn.functional.interpolate(image[None], size=size, mode="bilinear", align_corners=False)[0]
        return image, target


def build(
    *,
    width: int = WIDTH,
    channels: int = CHANNELS,
    representation: int = REPRESENTATION,
    anchor_sizes: Sequence[float] = ANCHOR_SIZES,
    aspect_ratios: Sequence[float] = ASPECT_RATIOS,
    class_count: int = len(CLASS_NAMES),
    input_scale: float = INPUT_SCALE,
    image_mean: Sequence[float] = IMAGE_MEAN,
    image_std: Sequence[float] = IMAGE_STD,
    detections_per_image: int = DETECTIONS_PER_IMAGE,
    score_threshold: float = SCORE_THRESHOLD,
    norm_eps: float = NORM_EPS,
    **options: float,
) -> MaskRCNN:
    """Make the model with fresh weights.

    ``width`` is the trunk's first width, ``channels`` that of the pyramid, the proposal network and the mask head,
    ``representation`` that of the box head. Further ``options`` go to torchvision's ``MaskRCNN`` as they are.
    """
    backbone = BackboneWithFPN(
        Trunk(width),
        return_layers={f"layer{index}": str(index - 1) for index in range(1, 5)},
        in_channels_list=[width, 2 * width, 4 * width, 8 * width],
        out_channels=channels,
        norm_layer=nn.BatchNorm2d,
    )
    anchors = AnchorGenerator(tuple((size,) for size in anchor_sizes), (tuple(aspect_ratios),) * len(anchor_sizes))
    model = MaskRCNN(
        backbone,
        num_classes=None,
        rpn_anchor_generator=anchors,
        box_roi_pool=MultiScaleRoIAlign(list(POOLED_LEVELS), output_size=7, sampling_ratio=2),
        box_head=TwoMLPHead(channels * 7 * 7, representation),
        box_predictor=FastRCNNPredictor(representation, class_count),
        mask_roi_pool=MultiScaleRoIAlign(list(POOLED_LEVELS), output_size=14, sampling_ratio=2),
        mask_head=MaskRCNNHeads(channels, [channels] * 4, dilation=1, norm_layer=nn.BatchNorm2d),
        mask_predictor=MaskRCNNPredictor(channels, channels, class_count),
        box_detections_per_img=detections_per_image,
        box_score_thresh=score_threshold,
        **options,
    )
    model.transform = ScalingTransform(input_scale, image_mean, image_std)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = norm_eps
    return model


def metadata(
    source: str,
    *,
    anchor_sizes: Sequence[float] = ANCHOR_SIZES,
    aspect_ratios: Sequence[float] = ASPECT_RATIOS,
) -> dict[str, str]:
    """The metadata of a weight file: how to prepare an image and how to read the answer. All values are strings."""
    return {
        "format": "pt",
        "model": "nuclei",
        "class_names": json.dumps(list(CLASS_NAMES)),
        "input.scale": f"{INPUT_SCALE:g}",
        "input.mean": json.dumps(list(IMAGE_MEAN)),
        "input.std": json.dumps(list(IMAGE_STD)),
        "anchors.sizes": json.dumps(list(anchor_sizes)),
        "anchors.aspect_ratios": json.dumps(list(aspect_ratios)),
        "detections_per_image": str(DETECTIONS_PER_IMAGE),
        "score_threshold": f"{SCORE_THRESHOLD:g}",
        "norm_eps": f"{NORM_EPS:g}",
        "source": source,
    }


def save(path: str | Path, state: Mapping[str, Tensor], source: str) -> None:
    """Write ``state``, a state dict of the model, as float16 ``.safetensors``; ``source`` says where it comes from.

    Batch norm's step counters are left out, they play no part in inference.
    """
    tensors = {
        name: tensor.detach().to("cpu", torch.float16).contiguous()
        for name, tensor in state.items()
        if not name.endswith("num_batches_tracked")
    }
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise ValueError(f"{name} does not fit float16")
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, str(path), metadata=metadata(source))


def load(path: str | Path, **options: float) -> MaskRCNN:
    """Read a file that ``save`` wrote and return the model in float32, ready for inference.

    ``options`` override what the file's metadata say (``detections_per_image=100``, for example).
    """
    with safe_open(str(path), framework="pt") as file:
        notes = file.metadata()
        state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118, not a dict
    arguments = {
        "width": state["backbone.body.conv1.weight"].shape[0],
        "channels": state["backbone.fpn.inner_blocks.0.0.weight"].shape[0],
        "representation": state["roi_heads.box_head.fc6.weight"].shape[0],
        "anchor_sizes": json.loads(notes["anchors.sizes"]),
        "aspect_ratios": json.loads(notes["anchors.aspect_ratios"]),
        "class_count": len(json.loads(notes["class_names"])),
        "input_scale": float(notes["input.scale"]),
        "image_mean": json.loads(notes["input.mean"]),
        "image_std": json.loads(notes["input.std"]),
        "detections_per_image": int(notes["detections_per_image"]),
        "score_threshold": float(notes["score_threshold"]),
        "norm_eps": float(notes["norm_eps"]),
    }
    model = build(**(arguments | options))
    missing, unexpected = model.load_state_dict(state, strict=False)
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or unexpected:
        raise ValueError(f"{path} does not fit the model: missing {missing}, unexpected {unexpected}")
    return model.eval()
