"""Mask AP of a nucleus detector on a split of the data it was trained on.

    python evaluate_nuclei.py nuclei.safetensors --data dsb2018 --json val.json
    python evaluate_nuclei.py nuclei.safetensors --data dsb2018 --roi-operator pool

AP is COCO's (IoU 0.50 to 0.95, 101 recalls), but of up to 500 detections an image, as some images hold hundreds of
nuclei. It is given for each class and for the classes taken together, as if there were only one.
``--roi-operator pool`` puts RoIPool in RoIAlign's place, in both heads and with the same weights: what quantising the
boxes costs.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torch import Tensor, nn
from torchvision.models.detection.roi_heads import paste_masks_in_image
from torchvision.models.detection.transform import resize_boxes
from torchvision.ops import MultiScaleRoIAlign, roi_pool
from torchvision.ops.poolers import _setup_scales

from nuclei_model import CLASS_NAMES, KINDS, load

MAX_DETECTIONS = (1, 100, 500)


class MultiScaleRoIPool(MultiScaleRoIAlign):
    """``MultiScaleRoIAlign`` with RoIPool: each box on the same level, but rounded to it, and the largest value."""

    def forward(self, x: dict[str, Tensor], boxes: list[Tensor], image_shapes: list[tuple[int, int]]) -> Tensor:
        levels = [x[name] for name in self.featmap_names]
        if self.scales is None or self.map_levels is None:
            self.scales, self.map_levels = _setup_scales(
                levels, image_shapes, self.canonical_scale, self.canonical_level
            )
        images = torch.cat([torch.full((len(part), 1), float(index)) for index, part in enumerate(boxes)])
        rois = torch.cat([images, torch.cat(boxes)], dim=1)
        assigned = self.map_levels(boxes)
        result = levels[0].new_zeros(len(rois), levels[0].shape[1], *self.output_size)
        for index, (level, scale) in enumerate(zip(levels, self.scales, strict=True)):
            chosen = (assigned == index).nonzero()[:, 0]
            result[chosen] = roi_pool(level, rois[chosen], self.output_size, scale)
        return result


def use_roi_pool(model: nn.Module) -> None:
    """Replace RoIAlign by RoIPool in both of the model's heads."""
    for name in ("box_roi_pool", "mask_roi_pool"):
        given = getattr(model.roi_heads, name)
        setattr(model.roi_heads, name, MultiScaleRoIPool(given.featmap_names, given.output_size, given.sampling_ratio))


def leave_masks_unpasted(model: nn.Module) -> None:
    """Let the model answer with boxes in the image's pixels, but masks as the mask head gives them.

    ``encode`` pastes them a few at a time: hundreds of masks of the size of a large image fill gigabytes.
    """

    def postprocess(
        result: list[dict[str, Tensor]], sizes: list[tuple[int, int]], original_sizes: list[tuple[int, int]]
    ) -> list[dict[str, Tensor]]:
        for detections, size, original_size in zip(result, sizes, original_sizes, strict=True):
            detections["boxes"] = resize_boxes(detections["boxes"], size, original_size)
        return result

    model.transform.postprocess = postprocess


def encode(masks: Tensor, boxes: Tensor, size: tuple[int, int], chunk: int = 32) -> list[dict]:
    """Paste small masks into an image of ``size`` and run-length encode them."""
    codes = []
    for start in range(0, len(masks), chunk):
        pasted = paste_masks_in_image(masks[start : start + chunk], boxes[start : start + chunk], size)
        binary = (pasted[:, 0] > 0.5).to(torch.uint8).permute(1, 2, 0).numpy()
        codes += coco_mask.encode(np.asfortranarray(binary))
    return codes


def detect(model: nn.Module, folder: Path, entries: list[dict]) -> list[dict]:
    """The model's detections in the images, as COCO results; an image's id is its place in ``entries``."""
    results = []
    for index, entry in enumerate(entries):
        image = np.array(Image.open(folder / "images" / f"{entry['id']}.png").convert("RGB"))
        with torch.inference_mode():
            found = model([torch.from_numpy(image).permute(2, 0, 1).float() / 255])[0]
        codes = encode(found["masks"], found["boxes"], image.shape[:2])
        for code, label, score in zip(codes, found["labels"].tolist(), found["scores"].tolist(), strict=True):
            results.append({"image_id": index, "category_id": label, "score": score, "segmentation": code})
    return results


def truth(folder: Path, entries: list[dict]) -> COCO:
    """The annotated nuclei of the images as a COCO data set."""
    annotations = []
    for index, entry in enumerate(entries):
        labels = np.asarray(Image.open(folder / "labels" / f"{entry['id']}.png"))
        for instance in np.unique(labels[labels > 0]):
            code = coco_mask.encode(np.asfortranarray(labels == instance, dtype=np.uint8))
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": index,
                    "category_id": KINDS[entry["kind"]],
                    "segmentation": code,
                    "area": float(coco_mask.area(code)),
                    "bbox": coco_mask.toBbox(code).tolist(),
                    "iscrowd": 0,
                }
            )
    coco = COCO()
    coco.dataset = {
        "images": [
            {"id": index, "width": entry["width"], "height": entry["height"]} for index, entry in enumerate(entries)
        ],
        "categories": [{"id": index, "name": CLASS_NAMES[index]} for index in KINDS.values()],
        "annotations": annotations,
    }
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
    return coco


def average_precision(
    coco: COCO, results: list[dict], *, classes_apart: bool, max_detections: tuple[int, ...] = MAX_DETECTIONS
) -> dict[int, dict[str, float]]:
    """AP, AP50 and AP75 for each class, or under 0 for all classes as one, for the last of ``max_detections``."""
    if not results:
        kinds = sorted(coco.cats) if classes_apart else [0]
        return {kind: {"AP": 0.0, "AP50": 0.0, "AP75": 0.0} for kind in kinds}
    with contextlib.redirect_stdout(io.StringIO()):
        found = coco.loadRes([dict(result) for result in results])  # which adds to the dictionaries
        evaluation = COCOeval(coco, found, "segm")
        evaluation.params.maxDets = list(max_detections)
        evaluation.params.useCats = int(classes_apart)
        evaluation.evaluate()
        evaluation.accumulate()
    # [IoU threshold, recall, class, area range, detections per image]
    precision = evaluation.eval["precision"][:, :, :, 0, -1]
    thresholds = evaluation.params.iouThrs
    table = {}
    for column in range(precision.shape[2]):
        values = precision[:, :, column]
        if (values < 0).all():
            continue
        table[evaluation.params.catIds[column] if classes_apart else 0] = {
            "AP": float(values.mean()),
            "AP50": float(values[np.isclose(thresholds, 0.5)].mean()),
            "AP75": float(values[np.isclose(thresholds, 0.75)].mean()),
        }
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path, help="a file that train_nuclei.py exported")
    parser.add_argument("--data", type=Path, required=True, help="the folder with images, labels and split.json")
    parser.add_argument("--split", default="val")
    parser.add_argument("--every", type=int, default=1, help="take only every so many images of each kind")
    parser.add_argument("--roi-operator", choices=("align", "pool"), default="align")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write the numbers here as well")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    entries = json.loads((arguments.data / "split.json").read_text())[arguments.split]
    entries = [entry for kind in KINDS for entry in [one for one in entries if one["kind"] == kind][:: arguments.every]]
    model = load(arguments.weights)
    leave_masks_unpasted(model)
    if arguments.roi_operator == "pool":
        use_roi_pool(model)
    began = time.time()
    results = detect(model, arguments.data, entries)
    seconds = (time.time() - began) / len(entries)
    coco = truth(arguments.data, entries)
    table = {"together": average_precision(coco, results, classes_apart=False)[0]}
    for index, numbers in average_precision(coco, results, classes_apart=True).items():
        table[CLASS_NAMES[index]] = numbers

    nuclei = len(coco.anns)
    print(
        f"{arguments.weights.name}, {arguments.split}, RoI {arguments.roi_operator}: {len(entries)} images,", end=" "
    )
    print(f"{nuclei} nuclei, {len(results)} detections, {seconds:.2f} s an image")
    print(f"{'':24}{'AP':>8}{'AP50':>8}{'AP75':>8}")
    for name, numbers in table.items():
        print(f"{name:24}" + "".join(f"{value:8.3f}" for value in numbers.values()))
    if arguments.json:
        arguments.json.write_text(
            json.dumps(
                {
                    "weights": arguments.weights.name,
                    "split": arguments.split,
                    "every": arguments.every,
                    "roi_operator": arguments.roi_operator,
                    "max_detections": MAX_DETECTIONS[-1],
                    "images": len(entries),
                    "nuclei": nuclei,
                    "detections": len(results),
                    "mask_ap": table,
                },
                indent=2,
            )
            + "\n"
        )


if __name__ == "__main__":
    main()
