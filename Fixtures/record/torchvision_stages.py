"""Takes torchvision's Mask R-CNN apart into the stages of a trace.

Every value comes from torchvision's own modules and functions, called one after the other as its
``forward`` methods call them; ``run`` asserts that the end result is the one that the whole model
gives, bit by bit. Letters: N images (1), C channels, H W rows and columns, A anchors per cell,
L levels, T candidates, R proposals, K classes with background first, D detections, F features.
"""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from pycocotools import mask as coco_mask
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.roi_heads import expand_boxes, paste_masks_in_image
from torchvision.models.detection.rpn import concat_box_prediction_layers
from torchvision.models.detection.transform import resize_boxes
from torchvision.ops import batched_nms, clip_boxes_to_image, remove_small_boxes, roi_pool
from torchvision.ops.poolers import MultiScaleRoIAlign, _filter_input, _setup_scales

from trace_writer import Entry, Option, Stage

LEVELS = ("P2", "P3", "P4", "P5", "P6")
FIRST_LEVEL = 2
"""The number of the first level, where torchvision counts from 0."""
MASK_THRESHOLD = 0.5
CATEGORY = "category"


class MultiScaleRoIPool(MultiScaleRoIAlign):
    """RoIPool in RoIAlign's place: the same levels and scales, another operator."""

    def forward(
        self, x: dict[str, Tensor], boxes: list[Tensor], image_shapes: list[tuple[int, int]]
    ) -> Tensor:
        """Pools each box on its level: [R, C, Y, X]."""
        features = _filter_input(x, self.featmap_names)
        self.scales, self.map_levels = _setup_scales(
            features, image_shapes, self.canonical_scale, self.canonical_level
        )
        levels = self.map_levels(boxes)
        rois = torch.cat([torch.zeros(len(boxes[0]), 1), boxes[0]], dim=1)
        pooled = torch.zeros(len(rois), features[0].shape[1], *self.output_size)
        for level, (feature, scale) in enumerate(zip(features, self.scales, strict=True)):
            chosen = torch.where(levels == level)[0]
            pooled[chosen] = roi_pool(feature, rois[chosen], self.output_size, scale)
        return pooled


@dataclass(frozen=True)
class Run:
    """A model's stages on one image, and what the recorder needs besides to check margins."""

    stages: Sequence[Stage]
    all_logits: Tensor
    """Logit of every candidate of every level."""
    level_sizes: Sequence[int]
    """Candidates of each level."""
    detection_boxes: Tensor
    """[R, K, 4], the boxes that stage 5 chose from."""

    def __getitem__(self, name: str) -> Stage:
        return next(stage for stage in self.stages if stage.name == name)


def run(
    model: MaskRCNN,
    image: Tensor,
    resize: str,
    options: Mapping[str, Option],
    class_names: Sequence[str],
    checked: bool = True,
) -> Run:
    """Runs the model stage by stage on ``image`` [3, H0, W0] in 0...1.

    ``resize`` describes how the model resizes; ``options`` are noted with stage 1. Unless
    ``checked`` is false, the model runs a second time as a whole, for comparison.
    """
    model.eval()
    forget_scales(model)
    padded, sizes, input_stage = _input(model, image, resize)
    features, backbone_stage = _backbone(model, padded.tensors, options)
    anchors_stage = _anchors(model, padded, features)
    proposals, proposals_stage, all_logits, level_sizes = _proposals(model, padded, anchors_stage)
    roi_stage = _roi(model, features, proposals, padded.image_sizes)
    heads_stage = _heads(
        model, features, roi_stage["features"], proposals, padded.image_sizes, class_names
    )
    masks_stage, result = _masks(heads_stage, sizes)
    if checked:
        _check_against(model, image, result)
    stages = (
        input_stage, backbone_stage, anchors_stage, proposals_stage, roi_stage, heads_stage,
        masks_stage,
    )  # fmt: skip
    return Run(stages, all_logits, level_sizes, heads_stage["refined"])


def forget_scales(model: MaskRCNN) -> None:
    """Makes the poolers infer their scales again: they keep those of the first image they saw."""
    for pooler in (model.roi_heads.box_roi_pool, model.roi_heads.mask_roi_pool):
        pooler.scales = pooler.map_levels = None


def _check_against(model: MaskRCNN, image: Tensor, result: Mapping[str, Tensor]) -> None:
    """Asserts that the stages gave what the whole model gives."""
    forget_scales(model)
    (whole,) = model([image])
    for name, values in result.items():
        assert torch.equal(whole[name], values), f"the stages' {name} are not the model's"


def _input(model: MaskRCNN, image: Tensor, resize: str) -> tuple[ImageList, list, Stage]:
    transform = model.transform
    normalised = transform.normalize(image)
    resized, _ = transform.resize(normalised)
    padded = transform.batch_images([resized])
    sizes = [tuple(tensor.shape[-2:]) for tensor in (image, resized, padded)]
    axes = ["C", "H", "W"]
    tensors = (
        Entry("image", image, axes, "intensity", "the image as decoded, 0...1"),
        Entry("normalised", normalised, axes, "standard deviations", "(image - mean) / std"),
        Entry("resized", resized, axes, "standard deviations", "bilinear, not aligned"),
        Entry("padded", padded, ["N", *axes], "standard deviations", "zeros right and below"),
        Entry("sizes", torch.tensor(sizes), ["original resized padded", "height width"], "pixels",
              "height and width of the image, resized, padded"),
    )  # fmt: skip
    options: dict[str, Option] = {
        "resize": resize,
        "mean": list(transform.image_mean),
        "standardDeviation": list(transform.image_std),
        "padToMultipleOf": transform.size_divisible,
    }
    title = "Normalises, resizes and pads the image"
    stage = Stage("0-input", title, options, (), tensors)
    return ImageList(padded, [sizes[1]]), sizes, stage


def _backbone(
    model: MaskRCNN, padded: Tensor, options: Mapping[str, Option]
) -> tuple[OrderedDict[str, Tensor], Stage]:
    body = model.backbone.body
    stem = body["relu"](body["bn1"](body["conv1"](padded)))
    x = pooled = body["maxpool"](stem)
    maps = {"stem": stem, "pooled": pooled}
    trunk: OrderedDict[str, Tensor] = OrderedDict()
    for index in range(1, 5):
        x = body[f"layer{index}"](x)
        maps[f"C{index + 1}"] = x
        trunk[str(index - 1)] = x
    features = model.backbone.fpn(trunk)
    maps |= dict(zip(LEVELS, features.values(), strict=True))
    notes = {"stem": "after conv1, norm and ReLU", "pooled": "after the 3x3 max pool"}
    tensors = tuple(
        Entry(name, values, ["N", "C", "H", "W"], "activation", notes.get(name, ""))
        for name, values in maps.items()
    )
    title = "Computes the residual trunk and the feature pyramid"
    return features, Stage("1-backbone", title, options, ("0-input",), tensors)


def _anchors(model: MaskRCNN, padded: ImageList, features: Mapping[str, Tensor]) -> Stage:
    maps = list(features.values())
    objectness, deltas = model.rpn.head(maps)
    generator = model.rpn.anchor_generator
    anchors = generator(padded, maps)[0].split([logits[0].numel() for logits in objectness])
    strides = [
        [padded.tensors.shape[axis] // level.shape[axis] for axis in (2, 3)] for level in maps
    ]
    tensors = [
        Entry(f"objectness.{name}", values, ["N", "A", "H", "W"], "logit", "")
        for name, values in zip(LEVELS, objectness, strict=True)
    ]
    tensors += [
        Entry(f"deltas.{name}", values, ["N", "4 A", "H", "W"], "",
              "channel 4 a + c is coordinate c (dx, dy, dw, dh) of anchor a")
        for name, values in zip(LEVELS, deltas, strict=True)
    ]
    tensors += [
        Entry(f"anchors.{name}", values, ["H W A", "x1 y1 x2 y2"], "input pixels",
              "for every row, column, shape")
        for name, values in zip(LEVELS, anchors, strict=True)
    ]  # fmt: skip
    base = torch.stack(generator.cell_anchors)
    tensors += [
        Entry("base_anchors", base, ["L", "A", "x1 y1 x2 y2"], "input pixels", "rounded, centred on 0"),
        Entry("strides", torch.tensor(strides), ["L", "rows columns"], "input pixels", ""),
    ]
    options: dict[str, Option] = {
        "anchorSizes": [float(size) for (size,) in generator.sizes],
        "anchorAspectRatios": [float(ratio) for ratio in generator.aspect_ratios[0]],
    }
    title = "Asks of every anchor whether it is an object and how its box is to be moved"
    return Stage("2-anchors", title, options, ("0-input", "1-backbone"), tensors)


def _proposals(
    model: MaskRCNN, padded: ImageList, anchors_stage: Stage
) -> tuple[Tensor, Stage, Tensor, list[int]]:
    rpn = model.rpn
    objectness = [anchors_stage[f"objectness.{name}"] for name in LEVELS]
    deltas = [anchors_stage[f"deltas.{name}"] for name in LEVELS]
    anchors = torch.cat([anchors_stage[f"anchors.{name}"] for name in LEVELS])
    level_sizes = [logits[0].numel() for logits in objectness]
    logits, flat_deltas = concat_box_prediction_layers(objectness, deltas)
    decoded = rpn.box_coder.decode(flat_deltas, [anchors]).view(-1, 4)
    logits = logits.view(-1)

    top = rpn._get_top_n_idx(logits[None], level_sizes)[0]
    levels = torch.repeat_interleave(torch.arange(len(level_sizes)), torch.tensor(level_sizes))
    boxes = clip_boxes_to_image(decoded[top], padded.image_sizes[0])
    scores = logits[top].sigmoid()
    kept = remove_small_boxes(boxes, rpn.min_size)
    kept = kept[batched_nms(boxes[kept], scores[kept], levels[top][kept], rpn.nms_thresh)]
    kept = kept[: rpn.post_nms_top_n()]

    whole = rpn.filter_proposals(decoded[None], logits[None], padded.image_sizes, level_sizes)
    assert torch.equal(whole[0][0], boxes[kept]) and torch.equal(whole[1][0], scores[kept])
    corners = "x1 y1 x2 y2"
    tensors = (
        Entry("candidates.index", top, ["T"], "candidate", "the top of each level by descending logit", CATEGORY),
        Entry("candidates.boxes", boxes, ["T", corners], "input pixels", "decoded and clipped"),
        Entry("candidates.logits", logits[top], ["T"], "logit", ""),
        Entry("proposals", boxes[kept], ["R", corners], "input pixels", "by descending score"),
        Entry("scores", scores[kept], ["R"], "probability", "sigmoid of the logit"),
        Entry("proposal_index", top[kept], ["R"], "candidate", "the candidate of each proposal", CATEGORY),
    )
    options: dict[str, Option] = {
        "preNMSTopN": rpn.pre_nms_top_n(),
        "minimumSize": rpn.min_size,
        "nmsThreshold": rpn.nms_thresh,
        "postNMSTopN": rpn.post_nms_top_n(),
    }
    title = "Turns the best anchors into proposals"
    stage = Stage("3-proposals", title, options, ("0-input", "2-anchors"), tensors)
    return boxes[kept], stage, logits, level_sizes


def _roi_options(pooler: MultiScaleRoIAlign) -> dict[str, Option]:
    if isinstance(pooler, MultiScaleRoIPool):
        return {"operator": "pool", "size": pooler.output_size[0]}
    return {
        "operator": "align",
        "samplingRatio": pooler.sampling_ratio,
        "aligned": False,
        "reduction": "average",
        "size": pooler.output_size[0],
    }


def _roi(
    model: MaskRCNN,
    features: Mapping[str, Tensor],
    proposals: Tensor,
    image_sizes: list[tuple[int, int]],
) -> Stage:
    pooler = model.roi_heads.box_roi_pool
    pooled = pooler(dict(features), [proposals], image_sizes)
    levels = pooler.map_levels([proposals]) + FIRST_LEVEL
    strides = [round(1 / scale) for scale in pooler.scales]
    assert strides == [4, 8, 16, 32], f"the image is too small: strides came out as {strides}"
    tensors = (
        Entry("levels", levels, ["R"], "level", "2 = P2 ... 5 = P5", CATEGORY),
        Entry("features", pooled, ["R", "C", "H", "W"], "activation", ""),
    )
    title = "Cuts the features of every proposal out of the pyramid"
    reads = ("0-input", "1-backbone", "3-proposals")
    return Stage("4-roi", title, _roi_options(pooler), reads, tensors)


def _detections(
    model: MaskRCNN, scores: Tensor, refined: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """torchvision's ``postprocess_detections`` for one image, keeping each box's proposal."""
    heads = model.roi_heads
    count, classes = scores.shape
    boxes = refined[:, 1:].reshape(-1, 4)
    flat = scores[:, 1:].reshape(-1)
    labels = torch.arange(1, classes).repeat(count)
    origin = torch.arange(count).repeat_interleave(classes - 1)
    chosen = torch.where(flat > heads.score_thresh)[0]
    chosen = chosen[remove_small_boxes(boxes[chosen], 1e-2)]
    kept = batched_nms(boxes[chosen], flat[chosen], labels[chosen], heads.nms_thresh)
    chosen = chosen[kept[: heads.detections_per_img]]
    return boxes[chosen], flat[chosen], labels[chosen], origin[chosen]


def _heads(
    model: MaskRCNN,
    features: Mapping[str, Tensor],
    pooled: Tensor,
    proposals: Tensor,
    image_sizes: list[tuple[int, int]],
    class_names: Sequence[str],
) -> Stage:
    heads = model.roi_heads
    box_features = heads.box_head(pooled)
    class_logits, box_deltas = heads.box_predictor(box_features)
    class_scores = functional.softmax(class_logits, -1)
    refined = heads.box_coder.decode(box_deltas, [proposals])
    refined = clip_boxes_to_image(refined, image_sizes[0])
    boxes, scores, labels, origin = _detections(model, class_scores, refined)
    whole = heads.postprocess_detections(class_logits, box_deltas, [proposals], image_sizes)
    for part, values in zip(whole, (boxes, scores, labels), strict=True):
        assert torch.equal(part[0], values)
    mask_features = heads.mask_roi_pool(dict(features), [boxes], image_sizes)
    mask_levels = heads.mask_roi_pool.map_levels([boxes]) + FIRST_LEVEL
    mask_logits = heads.mask_predictor(heads.mask_head(mask_features))
    corners, grid = "x1 y1 x2 y2", ["D", "C", "H", "W"]
    tensors = (
        Entry("box_features", box_features, ["R", "F"], "activation", "before the predictors"),
        Entry("class_logits", class_logits, ["R", "K"], "logit", "background first"),
        Entry("class_scores", class_scores, ["R", "K"], "probability", "softmax"),
        Entry("box_deltas", box_deltas, ["R", "4 K"], "", "column 4 k + c is coordinate c (dx, dy, dw, dh) of class k"),
        Entry("refined", refined, ["R", "K", corners], "input pixels", "decoded and clipped"),
        Entry("boxes", boxes, ["D", corners], "input pixels", "detections, in the resized image"),
        Entry("scores", scores, ["D"], "probability", "falling"),
        Entry("labels", labels, ["D"], "class", "", CATEGORY),
        Entry("proposal", origin, ["D"], "proposal", "the proposal of each detection", CATEGORY),
        Entry("mask_levels", mask_levels, ["D"], "level", "2 = P2 ... 5 = P5", CATEGORY),
        Entry("mask_features", mask_features, grid, "activation", ""),
        Entry("mask_logits", mask_logits, ["D", "K", "H", "W"], "logit", "for every class"),
    )
    options: dict[str, Option] = {
        "scoreThreshold": heads.score_thresh,
        "nmsThreshold": heads.nms_thresh,
        "minimumSize": 1e-2,
        "detectionsPerImage": heads.detections_per_img,
        "boxWeights": list(heads.box_coder.weights),
        "maskSize": heads.mask_roi_pool.output_size[0],
        "maskOperator": "as in stage 4",
        "classNames": list(class_names),
    }
    title = "Classifies the proposals, refines their boxes and draws their masks"
    reads = ("0-input", "1-backbone", "3-proposals", "4-roi")
    return Stage("5-heads", title, options, reads, tensors)


def paste_windows(boxes: Tensor, side: int, size: tuple[int, int]) -> Tensor:
    """Where each mask of ``side`` pixels lands: x1 y1 x2 y2, the last two exclusive, cut to the image."""
    height, width = size
    grown = expand_boxes(boxes, (side + 2) / side).to(torch.int64)
    x1, y1 = grown[:, 0].clamp(min=0), grown[:, 1].clamp(min=0)
    x2, y2 = (grown[:, 2] + 1).clamp(max=width), (grown[:, 3] + 1).clamp(max=height)
    return torch.stack([x1, y1, x2, y2], dim=1)


def _masks(heads_stage: Stage, sizes: list) -> tuple[Stage, dict[str, Tensor]]:
    size = sizes[0]
    labels, scores = heads_stage["labels"], heads_stage["scores"]
    boxes = resize_boxes(heads_stage["boxes"], sizes[1], size)
    logits = heads_stage["mask_logits"]
    probabilities = logits.sigmoid()[torch.arange(len(labels)), labels]
    pasted = paste_masks_in_image(probabilities[:, None], boxes, size)
    windows = paste_windows(boxes, probabilities.shape[-1], size)
    cuts = [
        mask[y1:y2, x1:x2]
        for mask, (x1, y1, x2, y2) in zip(pasted[:, 0], windows.tolist(), strict=True)
    ]
    assert sum(float(cut.double().sum()) for cut in cuts) == float(pasted.double().sum())
    binary = pasted[:, 0] > MASK_THRESHOLD
    label_map = torch.zeros(size, dtype=torch.int64)
    for index in reversed(range(len(binary))):
        label_map[binary[index]] = index + 1
    soft = torch.cat([cut.reshape(-1) for cut in cuts]) if cuts else torch.zeros(0)
    corners = "x1 y1 x2 y2"
    tensors = (
        Entry("boxes", boxes, ["D", corners], "image pixels", "in the original image"),
        Entry("probabilities", probabilities, ["D", "H", "W"], "probability",
              "sigmoid of the own class's logits"),
        Entry("windows", windows, ["D", corners], "image pixels", "x2 and y2 are exclusive; cut to the image"),
        Entry("soft", soft, ["S"], "probability", "the windows' pixels, row-major, in turn"),
        Entry("areas", binary.sum(dim=(1, 2)), ["D"], "image pixels", "pixels over the threshold"),
        Entry("label_map", label_map, ["H", "W"], "", "0 background, i + 1 detection i; the "
              "highest score wins", CATEGORY),
    )  # fmt: skip
    detections = detections_json(boxes, scores, labels, binary, heads_stage.options["classNames"])
    stage = Stage(
        "6-masks", "Pastes the masks into the image", {"threshold": MASK_THRESHOLD},
        ("0-input", "5-heads"), tensors,
        {"detections.json": ("COCO results, masks as compressed RLE", detections)},
    )  # fmt: skip
    return stage, {"boxes": boxes, "scores": scores, "labels": labels, "masks": pasted}


def detections_json(
    boxes: Tensor, scores: Tensor, labels: Tensor, binary: Tensor, class_names: Sequence[str]
) -> bytes:
    """COCO's results format: boxes are x y width height, masks pycocotools' compressed RLE."""
    results = []
    for index, (x1, y1, x2, y2) in enumerate(boxes.tolist()):
        mask = np.asfortranarray(binary[index].numpy().astype(np.uint8))
        encoded = coco_mask.encode(mask)
        results.append(
            {
                "image_id": 0,
                "category_id": int(labels[index]),
                "category_name": class_names[int(labels[index])],
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "score": float(scores[index]),
                "segmentation": {
                    "size": [int(side) for side in encoded["size"]],
                    "counts": encoded["counts"].decode(),
                },
            }
        )
    return (json.dumps(results, indent=2, sort_keys=True) + "\n").encode()


def norm_epsilon(model: nn.Module) -> float:
    """The epsilon of the trunk's norms."""
    return float(model.backbone.body["bn1"].eps)


def assert_finite(stages: Sequence[Stage]) -> None:
    """Asserts that no tensor holds an infinity or a NaN."""
    for stage in stages:
        for entry in stage.tensors:
            values = entry.values.double()
            assert math.isfinite(float(values.abs().sum())), f"{stage.name} {entry.name}"
