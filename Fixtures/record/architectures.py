"""Golden traces of torchvision's architectures, at full width, with weights made by a formula.

The weights come from a seed (``seeded_weights.py``), so that no file of 170 MB is needed, and the
image is drawn by a formula. Of large tensors 256 samples each are kept. Few candidates and
proposals are looked at: among a thousand, some scores always are so close that rounding decides
which comes first.

``python Fixtures/record/architectures.py search NAME`` looks for an image without near ties, to be
entered in ``CASES``.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

import numpy as np
import torch
from torchvision.models.detection import MaskRCNN, MaskRCNN_ResNet50_FPN_Weights

import margins
import seeded_weights
import torchvision_stages
from golden_files import GOLDEN, write, write_how
from rasters import as_tensor, png_bytes
from torchvision_stages import Run
from trace_writer import Sampling, write_trace

IMAGE = (160, 224)
MOST_PROPOSALS = 60
SAMPLING = Sampling(seed=91)


@dataclass(frozen=True)
class Case:
    """Which weights, image and size a golden trace is made of."""

    seed: int
    image: int
    shorter: int
    longer: int
    top_per_level: int


CASES = {
    "resnet50_fpn_v1": Case(seed=7, image=3, shorter=448, longer=640, top_per_level=12),
    "resnet50_fpn_v2": Case(seed=7, image=6, shorter=256, longer=384, top_per_level=6),
    "resnet101_fpn": Case(seed=7, image=9, shorter=256, longer=384, top_per_level=12),
    "resnext50_32x4d_fpn": Case(seed=7, image=7, shorter=256, longer=384, top_per_level=12),
}
"""The first is large enough to have proposals on every level of the pyramid."""


def drawn_image(number: int) -> np.ndarray:
    """[H, W, 3] of 8 bits: a slope of colour with discs and bars, each number another."""
    random = np.random.default_rng([160_224, number])
    y, x = np.mgrid[0 : IMAGE[0], 0 : IMAGE[1]].astype(np.float64)
    slopes = random.uniform(-0.5, 0.5, (3, 2))
    colours = [128 + slope[0] * (y - 80) + slope[1] * (x - 112) for slope in slopes]
    image = np.stack(colours, axis=-1)
    for _ in range(14):
        centre = random.uniform((0, 0), IMAGE)
        radii = random.uniform(8, 48, 2)
        turn = random.uniform(0, np.pi)
        down, across = y - centre[0], x - centre[1]
        along = (down * np.cos(turn) + across * np.sin(turn)) / radii[0]
        aside = (across * np.cos(turn) - down * np.sin(turn)) / radii[1]
        shape = np.hypot(along, aside) if random.random() < 0.6 else np.maximum(
            np.abs(along), np.abs(aside)
        )  # fmt: skip
        colour = random.uniform(0, 255, 3) + 30 * along[..., None] * random.uniform(-1, 1, 3)
        image = np.where((shape < 1)[..., None], colour, image)
    return np.clip(np.round(image), 0, 255).astype(np.uint8)


def model_of(name: str, case: Case) -> MaskRCNN:
    """The architecture with its seeded weights, and the counts that golden traces take."""
    model = seeded_weights.build(
        name,
        min_size=case.shorter,
        max_size=case.longer,
        rpn_pre_nms_top_n_test=case.top_per_level,
        rpn_post_nms_top_n_test=MOST_PROPOSALS,
    )
    return seeded_weights.fill(model, case.seed)


def run_case(name: str, model: MaskRCNN, case: Case, checked: bool) -> Run:
    """The stages of one case."""
    options = {
        "architecture": name,
        "weightsSeed": case.seed,
        "normEpsilon": torchvision_stages.norm_epsilon(model),
    }
    image = as_tensor(drawn_image(case.image))
    resize = f"shorter side {case.shorter}, longer at most {case.longer}"
    names = MaskRCNN_ResNet50_FPN_Weights.COCO_V1.meta["categories"]
    return torchvision_stages.run(model, image, resize, options, names, checked)


def record_architecture(name: str) -> None:
    """Writes the golden trace of one architecture."""
    case = CASES[name]
    run = run_case(name, model_of(name, case), case, checked=True)
    torchvision_stages.assert_finite(run.stages)
    found = margins.measure(run)
    folder = GOLDEN / name
    write_trace(folder, run.stages, "image.png", None, SAMPLING)
    write(folder / "image.png", png_bytes(drawn_image(case.image)))
    write_how(
        folder, "architectures", case.seed,
        architecture=name, image=case.image, margins=found,
        samples={"seed": SAMPLING.seed, "count": SAMPLING.count, "whole": SAMPLING.whole_below},
        note="weights: seeded_weights.fill with the seed; resize: shorter side to "
        f"{case.shorter}, longer at most {case.longer}; preNMSTopN {case.top_per_level}, "
        f"postNMSTopN {MOST_PROPOSALS}; everything else as torchvision's default",
    )  # fmt: skip
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    detections = len(run["5-heads"]["scores"])
    clear = margins.clearness(found)
    print(f"  {name}: {detections} detections, {size / 1e3:.0f} kB, clear by {clear:.2f}")
    assert clear >= 1, f"near ties, choose another image (architectures.py search): {found}"


def search(name: str, tries: int = 60) -> None:
    """Prints how clear of ties each of some images is."""
    model = model_of(name, CASES[name])
    for number in range(tries):
        run = run_case(name, model, replace(CASES[name], image=number), checked=False)
        found = margins.measure(run)
        worst = min(margins.LEAST, key=lambda margin: found[margin] / margins.LEAST[margin])
        counts = (len(run["3-proposals"]["scores"]), len(run["5-heads"]["scores"]))
        levels = run["4-roi"]["levels"].bincount(minlength=4).tolist()
        print(
            f"{name} image {number}: clear by {margins.clearness(found):.3f} ({worst}), "
            f"{counts[0]} proposals, {counts[1]} detections, levels {levels}",
            flush=True,
        )


def record() -> None:
    """Writes the golden traces of all architectures."""
    for name in CASES:
        record_architecture(name)


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] != "search" or sys.argv[2] not in CASES:
        sys.exit(f"usage: architectures.py search ({' | '.join(CASES)})")
    torch.set_num_threads(1)
    with torch.inference_mode():
        search(sys.argv[2])
