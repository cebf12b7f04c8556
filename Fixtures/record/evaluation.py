"""Average precision as pycocotools computes it, on small seeded data sets (``golden/evaluation/*``).

Each folder holds a data set and results in COCO's format and what ``COCOeval`` makes of them, for boxes and for
masks: the twelve numbers, and AP per class.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
from collections.abc import Callable

import numpy as np
from golden_files import GOLDEN, write, write_how
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

SEED = 30
FOLDER = GOLDEN / "evaluation"


def encode(pixels: np.ndarray) -> dict:
    """A mask as compressed run lengths that JSON can hold."""
    code = coco_mask.encode(np.asfortranarray(pixels.astype(np.uint8)))
    return {"size": code["size"], "counts": code["counts"].decode()}


class Builder:
    """Collects a data set and results about it."""

    def __init__(self, seed: int, categories: dict[int, str], size: int = 64) -> None:
        self.generator = np.random.default_rng([SEED, seed])
        self.size = size
        self.truth = {
            "images": [],
            "annotations": [],
            "categories": [{"id": number, "name": name} for number, name in categories.items()],
        }
        self.results: list[dict] = []
        self.maxima = [100]

    def image(self, number: int) -> int:
        """Adds an image without objects."""
        entry = {"id": number, "width": self.size, "height": self.size, "file_name": f"{number}.png"}
        self.truth["images"].append(entry)
        return number

    def add(self, image: int, category: int, pixels: np.ndarray, crowd: bool = False, **more: object) -> None:
        """Adds an object with the pixels of a mask."""
        code = encode(pixels)
        annotation = {
            "id": len(self.truth["annotations"]) + 1,
            "image_id": image,
            "category_id": category,
            "iscrowd": int(crowd),
            "segmentation": code,
            "bbox": coco_mask.toBbox(code).tolist(),
            "area": float(coco_mask.area(code)),
        }
        self.truth["annotations"].append(annotation | more)

    def find(self, image: int, category: int, score: float, pixels: np.ndarray, box: bool = True) -> None:
        """Adds a detection; its box is the mask's, moved a little, or left out."""
        code = encode(pixels)
        result = {"image_id": image, "category_id": category, "score": score, "segmentation": code}
        if box:
            shift = self.generator.uniform(-1, 1, 4).round(2)
            corner = coco_mask.toBbox(code) + shift
            result["bbox"] = [*corner[:2].round(2).tolist(), *np.maximum(corner[2:], 0.5).round(2).tolist()]
        self.results.append(result)

    def rectangle(self, x: float, y: float, width: float, height: float) -> np.ndarray:
        """The pixels of a rectangle."""
        rows, columns = np.mgrid[: self.size, : self.size]
        return (columns >= x) & (columns < x + width) & (rows >= y) & (rows < y + height)

    def ellipse(self, least: float = 3, greatest: float = 20) -> np.ndarray:
        """The pixels of a random ellipse."""
        rows, columns = np.mgrid[: self.size, : self.size]
        x, y = self.generator.uniform(0, self.size, 2)
        width, height = self.generator.uniform(least, greatest, 2)
        return ((columns - x) / width) ** 2 + ((rows - y) / height) ** 2 <= 1

    def moved(self, pixels: np.ndarray, by: int) -> np.ndarray:
        """A mask moved and with holes, as a detector might see it; never empty."""
        rows, columns = self.generator.integers(-by, by + 1, 2)
        result = np.zeros_like(pixels)
        size = self.size
        result[max(rows, 0) : size + min(rows, 0), max(columns, 0) : size + min(columns, 0)] = pixels[
            max(-rows, 0) : size + min(-rows, 0), max(-columns, 0) : size + min(-columns, 0)
        ]
        result &= self.generator.uniform(size=pixels.shape) > self.generator.choice([0, 0, 0.03])
        return result if result.any() else pixels

    def populate(self, images: list[int], objects: int, *, decimals: int = 4, by: int = 2, box: bool = True) -> None:
        """Adds images with objects, most of them found, some twice or as another class, and false finds."""
        labels = [entry["id"] for entry in self.truth["categories"]]
        for number in images:
            image = self.image(number)
            for _ in range(int(self.generator.integers(1, objects + 1))):
                label = int(self.generator.choice(labels))
                pixels = self.ellipse(3, self.size / 3)
                if not pixels.any():
                    continue
                self.add(image, label, pixels)
                for _ in range(int(self.generator.choice([0, 1, 1, 1, 2]))):
                    found = label if self.generator.uniform() < 0.85 else int(self.generator.choice(labels))
                    score = round(float(self.generator.uniform(0.05, 1)), decimals)
                    self.find(image, found, score, self.moved(pixels, by), box)
            for _ in range(int(self.generator.integers(0, 3))):
                score = round(float(self.generator.uniform(0.05, 0.7)), decimals)
                self.find(image, int(self.generator.choice(labels)), score, self.ellipse(), box)


def plain() -> Builder:
    """Three classes, nothing awkward."""
    builder = Builder(1, {1: "disc", 2: "ring", 3: "bar"}, size=200)
    builder.populate(list(range(1, 13)), 6, by=6)
    return builder


def crowds() -> Builder:
    """Crowds that hold detections, touch them, and lie on objects; objects to be ignored beside them."""
    builder = Builder(2, {1: "disc", 2: "ring"})
    builder.populate(list(range(1, 9)), 5)
    for image in range(1, 9):
        for _ in range(2):
            pixels = builder.ellipse(8, 30)
            if not pixels.any():
                continue
            builder.add(image, int(builder.generator.integers(1, 3)), pixels, crowd=True)
            for _ in range(3):
                inside = pixels & builder.ellipse(6, 25)
                if inside.any():
                    label = int(builder.generator.integers(1, 3))
                    builder.find(image, label, round(float(builder.generator.uniform(0.1, 1)), 3), inside)
    return builder


def ties() -> Builder:
    """Scores of one decimal, so that most are shared, in and between images; objects given twice; detections that
    overlap two objects alike, of which a worse one then finds the first or the second."""
    builder = Builder(3, {1: "disc", 2: "ring"})
    builder.populate(list(range(1, 11)), 7, decimals=1, by=3)
    for annotation in list(builder.truth["annotations"])[::4]:
        again = copy.deepcopy(annotation)
        again["id"] = len(builder.truth["annotations"]) + 1
        builder.truth["annotations"].append(again)
    for image in range(11, 15):
        builder.image(image)
        for top in (0, 20, 40):
            for left in (0, 4):
                builder.add(image, 1, builder.rectangle(left, top, 20, 10))
            found = [(2, 0.9), (0 if image % 2 else 4, 0.4)]
            for left, score in found:
                builder.find(image, 1, score, builder.rectangle(left, top, 20, 10))
                builder.results[-1]["bbox"] = [left, top, 20, 10]
    order = builder.generator.permutation(len(builder.results))
    builder.results = [builder.results[index] for index in order]
    return builder


def absences() -> Builder:
    """Images without objects, without detections, without both; classes in truth or results alone or in neither;
    numbers of images and classes neither sorted nor contiguous; detections of a class that does not exist."""
    builder = Builder(4, {90: "disc", 7: "ring", 13: "only in truth", 44: "only in results", 2: "nowhere"})
    for number in (50, 4, 1000, 33, 8, 21):
        image = builder.image(number)
        if number in (4, 1000, 33, 21):
            for label in (90, 7, 13, 90):
                builder.add(image, label, builder.ellipse(4, 12) | builder.rectangle(number % 50, 5, 4, 4))
        if number in (50, 1000, 33):
            for label in (90, 7, 44, 44, 5):
                pixels = builder.ellipse(4, 12) | builder.rectangle(9, number % 40, 4, 4)
                builder.find(image, label, round(float(builder.generator.uniform(0.1, 1)), 3), pixels)
    for annotation in list(builder.truth["annotations"]):
        if annotation["category_id"] in (90, 7) and annotation["image_id"] != 21:
            pixels = coco_mask.decode(annotation["segmentation"]).astype(bool)
            score = round(float(builder.generator.uniform(0.1, 1)), 3)
            builder.find(annotation["image_id"], annotation["category_id"], score, builder.moved(pixels, 2))
    return builder


def areas() -> Builder:
    """Areas of 32 x 32 and 96 x 96 pixels, one less and one more, of objects and of detections without one; boxes
    of the detections in some cases only for the masks' areas to count."""
    builder = Builder(5, {1: "square"}, size=130)
    sides = [(32, 32), (32, 32), (31, 33), (33, 31), (25, 41), (96, 96), (95, 97), (97, 95), (96, 96), (12, 12)]
    for image in range(1, 11):
        builder.image(image)
        for index, (width, height) in enumerate(sides):
            if (index + image) % 3 == 0:
                continue
            x, y = builder.generator.integers(0, 130 - np.array([width, height]) + 1)
            pixels = builder.rectangle(x, y, width, height)
            extra = {"area": float(width * height) + float(builder.generator.choice([0, 0, 0.5, -0.5]))}
            builder.add(image, 1, pixels, **extra)
            score = round(float(builder.generator.uniform(0.1, 1)), 2)
            if (index + image) % 4:
                builder.find(image, 1, score, builder.moved(pixels, 5), box=False)
            if (index + image) % 4 == 1:
                x, y = builder.generator.integers(0, 130 - np.array([width, height]) + 1)
                builder.find(image, 1, score, builder.rectangle(x, y, width, height), box=False)
    return builder


def thresholds() -> Builder:
    """Overlaps equal to the thresholds: 20 columns of which 10 to 20 are found."""
    builder = Builder(6, {1: "square", 2: "bar"})
    for image in range(1, 7):
        builder.image(image)
        for index in range(11):
            top = 5 * index
            label = 1 + (index + image) % 2
            builder.add(image, label, builder.rectangle(0, top, 20, 4))
            builder.find(image, label, round(0.3 + 0.01 * index * image, 3), builder.rectangle(0, top, 10 + index, 4))
            builder.results[-1]["bbox"] = [0, top, 10 + index, 4]
    return builder


def many() -> Builder:
    """Up to 180 detections of one class in an image, of which 100, 300 or 10 count."""
    builder = Builder(7, {1: "square", 2: "bar"}, size=72)
    for image in range(1, 3):
        builder.image(image)
        for place in range(81):
            y, x = divmod(place, 9)
            pixels = builder.rectangle(8 * x, 8 * y, 6, 6)
            builder.add(image, 1 + place % 9 // 7, pixels)
            for _ in range(1 + (image == 1) + place % 2):
                shift = builder.generator.integers(-1, 2, 2)
                label = 1 + place % 9 // 7
                score = round(float(builder.generator.uniform(0.01, 1)), 3)
                found = builder.rectangle(8 * x + shift[0], 8 * y + shift[1], 6, 6)
                builder.find(image, label, score, found)
    builder.maxima = [100, 300, 10]
    return builder


def boxes_alone() -> Builder:
    """Results without masks: their boxes are rasterised where masks are compared."""
    builder = Builder(8, {1: "disc", 2: "ring"})
    builder.populate(list(range(1, 9)), 6, by=2)
    for result in builder.results:
        del result["segmentation"]
    return builder


def polygons() -> Builder:
    """Truth as polygons and as run lengths that are not compressed; results without boxes."""
    builder = Builder(9, {1: "disc", 2: "ring"})
    builder.populate(list(range(1, 9)), 6, box=False)
    for index, annotation in enumerate(builder.truth["annotations"]):
        pixels = coco_mask.decode(annotation["segmentation"])
        if index % 2:
            flat = np.flatnonzero(np.diff(pixels.ravel(order="F"), prepend=0, append=2)[:-1])
            runs = np.diff(np.concatenate([[0], flat, [pixels.size]])).tolist()
            annotation["segmentation"] = {"size": list(pixels.shape), "counts": runs}
        else:
            x, y, width, height = annotation["bbox"]
            angles = np.linspace(0, 2 * np.pi, 11)[:-1]
            corners = np.stack([x + width / 2 * (1 + np.cos(angles)), y + height / 2 * (1 + np.sin(angles))], 1)
            annotation["segmentation"] = [corners.round(2).ravel().tolist()]
            annotation["area"] = round(annotation["area"] * 1.01, 2)
    return builder


CASES: dict[str, Callable[[], Builder]] = {
    "plain": plain,
    "crowds": crowds,
    "ties": ties,
    "absences": absences,
    "areas": areas,
    "thresholds": thresholds,
    "many": many,
    "boxes-alone": boxes_alone,
    "polygons": polygons,
}
"""The data sets by name."""


def mean(values: np.ndarray) -> float:
    """The mean of what was computed; -1 where nothing was."""
    values = values[values > -1]
    return float(values.mean()) if values.size else -1.0


def evaluate(truth: dict, results: list[dict], kind: str, maximum: int) -> dict:
    """The twelve numbers, and per class AP, AP50 and AP75."""
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = copy.deepcopy(truth)
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(copy.deepcopy(results)), kind)
        evaluation.params.maxDets = [1, 10, maximum]
        evaluation.evaluate()
        evaluation.accumulate()
        precision, recall = evaluation.eval["precision"], evaluation.eval["recall"]
        # summarize() looks for a limit of 100; with another one the same means are taken here.
        numbers = [mean(precision[..., 0, 2]), mean(precision[0, ..., 0, 2]), mean(precision[5, ..., 0, 2])]
        numbers += [mean(precision[..., area, 2]) for area in (1, 2, 3)]
        numbers += [mean(recall[..., 0, limit]) for limit in (0, 1, 2)]
        numbers += [mean(recall[..., area, 2]) for area in (1, 2, 3)]
        if maximum == 100:
            evaluation.summarize()
            assert numbers == evaluation.stats.tolist(), "the means are not summarize()'s"
    classes = {
        str(number): [mean(precision[rows, :, place, 0, 2]) for rows in (slice(None), slice(0, 1), slice(5, 6))]
        for place, number in enumerate(evaluation.params.catIds)
    }
    return {"numbers": numbers, "classes": classes}


def record() -> None:
    """Writes the fixtures."""
    for file, case in CASES.items():
        builder = case()
        expected = [
            {"kind": kind, "maxDetections": maximum} | evaluate(builder.truth, builder.results, name, maximum)
            for maximum in builder.maxima
            for kind, name in (("boxes", "bbox"), ("masks", "segm"))
        ]
        for part, value in (("truth", builder.truth), ("results", builder.results), ("expected", expected)):
            write(FOLDER / file / f"{part}.json", (json.dumps(value, separators=(",", ":")) + "\n").encode())
    parameters = COCOeval(iouType="bbox").params
    settings = {"overlaps": parameters.iouThrs.tolist(), "recalls": parameters.recThrs.tolist()}
    write(FOLDER / "settings.json", (json.dumps(settings, separators=(",", ":")) + "\n").encode())
    write_how(FOLDER, "evaluation", SEED)
