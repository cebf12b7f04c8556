"""Golden gradients of whole networks: targets, five losses, and what flows back to every parameter.

``Fixtures/golden/learning/CASE`` holds ``image.png``, ``truth.json`` (COCO), ``how.json`` and
``reference.safetensors``. torchvision computes it in training mode, with three choices that leave
nothing to chance and keep the trace's numbers:

- Every anchor and RoI that is positive or negative is sampled, none is drawn.
- Norms keep their running statistics; where they are ``BatchNorm2d``, scale and shift have gradients.
- As many candidates and proposals are kept as in the golden trace of the same network.

In ``reference.safetensors``: ``losses`` (objectness, RPN box, class, box, mask), ``counts`` (sampled
anchors, positive ones, sampled RoIs, positive ones), ``anchors.index`` with ``anchors.matches`` (the
anchors that are not negative: their truth, or -2 for ignored), ``rois.*`` (what stage 7 computes), ``dP2`` … ``dP6``, ``dC2`` … ``dC5``, ``dinput``, and under the parameters' names up to
``SAMPLES`` elements of each gradient at even distances. Large tensors other than parameters are
sampled in the same way.

Gradients are computed in 64 bits. In 32 bits torchvision's own gradients differ from them: a ReLU or
a maximum whose two sides are nearly equal passes the gradient in one and not in the other. How far
they differ is recorded: ``NAME#limits`` holds the greatest magnitude of the gradient, the greatest
difference of the 32-bit one, and the share of its elements that differ by more than 1e-4 of the
greatest magnitude.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from pycocotools import mask as coco
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection._utils import BalancedPositiveNegativeSampler
from torchvision.models.detection.image_list import ImageList

import architectures
import bundled
from golden_files import GOLDEN, empty_folder, json_bytes, write, write_how
from rasters import as_tensor, png_bytes

SAMPLES = 64
WHOLE = 4096
"""Gradients of feature maps with at most so many elements are kept whole."""

ALL = 10**9
"""More than there are: a sampler that takes so many takes all."""

LOSSES = ("loss_objectness", "loss_rpn_box_reg", "loss_classifier", "loss_box_reg", "loss_mask")


def label_map_truth(labels: np.ndarray, category: int) -> list[dict]:
    """COCO annotations, run-length encoded without compression, of the objects of a label map."""
    annotations = []
    for number in np.unique(labels[labels > 0]):
        annotations.append(annotation(labels == number, category, len(annotations) + 1))
    return annotations


def annotation(mask: np.ndarray, category: int, number: int) -> dict:
    """A COCO annotation of one mask [H, W]."""
    rows, columns = np.nonzero(mask)
    box = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
    flat = mask.flatten(order="F")
    bounds = [0, *(np.flatnonzero(np.diff(flat)) + 1), flat.size]
    counts = [0] * bool(flat[0]) + np.diff(bounds).tolist()
    segmentation = {"size": list(mask.shape), "counts": counts}
    assert np.array_equal(coco.decode(coco.frPyObjects(segmentation, *mask.shape)), mask)
    return {
        "id": number, "image_id": 1, "category_id": category, "iscrowd": 0, "area": int(mask.sum()),
        "bbox": [int(value) for value in box], "segmentation": segmentation,
    }  # fmt: skip


def drawn_truth(size: tuple[int, int]) -> list[dict]:
    """Four discs and bars that overlap nowhere, of different sizes and classes."""
    y, x = np.mgrid[0 : size[0], 0 : size[1]]
    masks = [
        ((x - 60) / 34) ** 2 + ((y - 50) / 22) ** 2 < 1,
        (abs(x - 150) < 40) & (abs(y - 110) < 30),
        ((x - 190) / 12) ** 2 + ((y - 30) / 12) ** 2 < 1,
        (abs(x - 40) < 25) & (abs(y - 125) < 9),
    ]
    categories = (3, 17, 44, 62)
    return [
        annotation(mask, category, number + 1)
        for number, (mask, category) in enumerate(zip(masks, categories, strict=True))
    ]


def targets_of(annotations: list[dict], size: tuple[int, int], resized: tuple[int, int]) -> dict:
    """What torchvision's transform makes of the truth: boxes scaled, masks resized (nearest)."""
    masks = np.stack([coco.decode(coco.frPyObjects(a["segmentation"], *size)) for a in annotations])
    boxes = torch.tensor([a["bbox"] for a in annotations], dtype=torch.float32)
    boxes[:, 2:] += boxes[:, :2]
    height, width = (torch.tensor(n / o, dtype=torch.float32) for n, o in zip(resized, size))
    ratios = torch.stack([width, height, width, height])
    enlarged = nn.functional.interpolate(torch.from_numpy(masks)[:, None].float(), size=resized)
    return {
        "boxes": (boxes * ratios).to(torch.get_default_dtype()),
        "labels": torch.tensor([a["category_id"] for a in annotations]),
        "masks": enlarged[:, 0].byte(),
    }


def sampled(values: Tensor, most: int) -> Tensor:
    """Up to ``most`` elements at even distances: element i is at floor(i count / most)."""
    flat = values.detach().flatten()
    if flat.numel() <= most:
        return flat.clone()
    return flat[torch.arange(most) * flat.numel() // most].clone()


def prepare(model: MaskRCNN) -> MaskRCNN:
    """Training mode without chance, with the trace's counts and running statistics."""
    model.train()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    model.rpn._pre_nms_top_n["training"] = model.rpn._pre_nms_top_n["testing"]
    model.rpn._post_nms_top_n["training"] = model.rpn._post_nms_top_n["testing"]
    model.rpn.fg_bg_sampler = BalancedPositiveNegativeSampler(ALL, 0.5)
    model.roi_heads.fg_bg_sampler = BalancedPositiveNegativeSampler(ALL, 0.5)
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    return model


def forward_and_backward(
    model: MaskRCNN, image: Tensor, annotations: list[dict]
) -> tuple[dict[str, Tensor], dict[str, tuple[Tensor, int]]]:
    """Losses and targets; and gradients, each with how many elements of it are kept."""
    original = tuple(image.shape[1:])
    images, _ = model.transform([image])
    target = targets_of(annotations, original, images.image_sizes[0])
    inputs = images.tensors.detach().requires_grad_(True)
    images = ImageList(inputs, images.image_sizes)
    trunk = list(model.backbone.body(inputs).items())
    features = model.backbone.fpn(dict(trunk))
    kept = [tensor for _, tensor in trunk] + list(features.values())
    for tensor in kept:
        tensor.retain_grad()

    found: dict[str, Tensor] = {}
    assign = model.rpn.assign_targets_to_anchors

    def assign_and_note(anchors: list[Tensor], targets: list[dict]) -> tuple:
        quality = model.rpn.box_similarity(targets[0]["boxes"], anchors[0])
        found["anchors.matches"] = model.rpn.proposal_matcher(quality)
        labels, matched = assign(anchors, targets)
        return labels, matched

    select = model.roi_heads.select_training_samples

    def select_and_note(proposals: list[Tensor], targets: list[dict]) -> tuple:
        result = select(proposals, targets)
        names = ("rois.boxes", "rois.matches", "rois.labels", "rois.targets")
        found.update({name: values[0].detach() for name, values in zip(names, result)})
        return result

    model.rpn.assign_targets_to_anchors = assign_and_note
    model.roi_heads.select_training_samples = select_and_note
    proposals, losses = model.rpn(images, features, [target])
    _, more = model.roi_heads(features, proposals, images.image_sizes, [target])
    losses |= more
    torch.stack([losses[name] for name in LOSSES]).sum().backward()

    matches, labels = found["anchors.matches"], found["rois.labels"]
    counts = [(matches != -2).sum(), (matches >= 0).sum(), labels.numel(), (labels > 0).sum()]
    found["anchors.index"] = torch.nonzero(matches != -1)[:, 0]
    found["anchors.matches"] = matches[found["anchors.index"]]
    reference = {
        "losses": torch.stack([losses[name].detach() for name in LOSSES]),
        "counts": torch.tensor([int(count) for count in counts]),
        **found,
    }
    maps = {f"dC{index + 2}": tensor for index, (_, tensor) in enumerate(trunk)}
    maps |= {f"dP{index + 2}": tensor for index, tensor in enumerate(features.values())}
    gradients = {name: (tensor.grad, WHOLE) for name, tensor in maps.items()}
    gradients["dinput"] = (inputs.grad, WHOLE)
    for name, parameter in model.named_parameters():
        gradients[name] = (parameter.grad, SAMPLES)
    return reference, gradients


def with_limits(exact: tuple[dict, dict], usual: tuple[dict, dict]) -> dict[str, Tensor]:
    """The reference in 64 bits, and how far the one in 32 bits is from it."""
    reference = {
        name: values.float() if values.is_floating_point() else values
        for name, values in exact[0].items()
    }
    for name in ("anchors.matches", "rois.labels", "counts"):
        assert torch.equal(exact[0][name], usual[0][name]), name
    for name, (gradient, most) in exact[1].items():
        assert torch.isfinite(gradient).all(), name
        samples, maximum = sampled(gradient, most), gradient.abs().max()
        off = (gradient - usual[1][name][0].double()).abs()
        share = (off > 1e-4 * maximum).double().mean()
        reference[name] = samples.float()
        reference[f"{name}#limits"] = torch.stack([maximum, off.max(), share]).float()
    return reference


def write_case(
    name: str, model_of: Callable[[], MaskRCNN], image: np.ndarray, annotations: list[dict],
    categories: list[str], **notes: object,
) -> None:  # fmt: skip
    """Computes and writes one case."""
    usual = forward_and_backward(prepare(model_of()), as_tensor(image), annotations)
    model = model_of()
    torch.set_default_dtype(torch.float64)
    exact = forward_and_backward(prepare(model).double(), as_tensor(image).double(), annotations)
    torch.set_default_dtype(torch.float32)
    reference = with_limits(exact, usual)
    folder = empty_folder(GOLDEN / "learning" / name)
    write(folder / "image.png", png_bytes(image))
    truth = {
        "images": [
            {"id": 1, "file_name": "image.png", "width": image.shape[1], "height": image.shape[0]}
        ],
        "categories": [{"id": index, "name": text} for index, text in enumerate(categories) if index],
        "annotations": annotations,
    }
    write(folder / "truth.json", json.dumps(truth).encode())
    contiguous = {key: value.contiguous() for key, value in reference.items()}
    save_file(contiguous, str(folder / "reference.safetensors"))
    write_how(folder, "learning", 0, **notes)
    size = sum(file.stat().st_size for file in folder.rglob("*"))
    losses = ", ".join(f"{value:.6f}" for value in reference["losses"])
    print(f"  learning/{name}: losses {losses}, counts {reference['counts'].tolist()}, {size} bytes")


@torch.inference_mode(False)
@torch.enable_grad()
def record() -> None:
    """Writes both cases."""
    how = json.loads((GOLDEN / "bundled" / "how.json").read_text())["crop"].split()
    width, height = (int(side) for side in how[0].split("x"))
    left, top = int(how[6].rstrip(",")), int(how[8])
    crop = (left, top, width, height)
    with Image.open(GOLDEN.parent / "images" / "nuclei-labels.png") as file:
        labels = bundled.crop_of(np.asarray(file), crop)
    write_case(
        "bundled", bundled.model_of, bundled.crop_of(bundled.source_image(), crop),
        label_map_truth(labels, 1), list(bundled.nuclei_model.CLASS_NAMES), weights="nuclei",
        preNMSTopN=bundled.TOP_PER_LEVEL, postNMSTopN=bundled.MOST_PROPOSALS,
    )  # fmt: skip
    name = "resnet50_fpn_v1"
    case = architectures.CASES[name]
    image = architectures.drawn_image(case.image)
    categories = architectures.MaskRCNN_ResNet50_FPN_Weights.COCO_V1.meta["categories"]
    write_case(
        name, lambda: architectures.model_of(name, case), image, drawn_truth(architectures.IMAGE),
        categories, weightsSeed=case.seed, shorter=case.shorter, longer=case.longer,
        preNMSTopN=case.top_per_level, postNMSTopN=architectures.MOST_PROPOSALS,
    )  # fmt: skip
