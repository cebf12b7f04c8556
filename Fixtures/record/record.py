"""Records the golden fixtures again: ``python Fixtures/record/record.py [PART ...]``.

Parts: ``operators`` (single operations), ``bundled`` (traces and batches of the bundled model),
``architectures`` (whole traces of torchvision's architectures with seeded weights), ``evaluation``
(COCO's masks and average precision), ``learning`` (losses and gradients of whole networks),
``training`` (ten steps of SGD) and ``model-files`` (weight files as people have them, with
torchvision's detections).
Without a part, all of them. ``requirements.txt`` beside this file lists what is needed; the same
machine writes the same bytes each time.
"""

from __future__ import annotations

import argparse
import importlib

import torch

PARTS = {
    "operators": (
        "operators_roi", "operators_boxes", "operators_masks", "operators_layers",
        "operators_gradients", "operators_roi_gradients", "operators_targets", "operators_losses",
    ),  # fmt: skip
    "bundled": ("bundled", "batch"),
    "architectures": ("architectures",),
    "evaluation": ("masks_coco", "evaluation"),
    "learning": ("learning",),
    "training": ("training",),
    "model-files": ("model_files",),
}
"""The modules of each part; each has a function ``record``."""


def main() -> None:
    """Reads the command line and records the parts that it names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    arguments = parser.parse_args()
    unknown = [part for part in arguments.parts if part not in PARTS]
    if unknown:
        parser.error(f"there is no part {unknown[0]}: the parts are {', '.join(PARTS)}")
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    with torch.inference_mode():
        for part in arguments.parts or PARTS:
            print(part)
            for module in PARTS[part]:
                importlib.import_module(module).record()


if __name__ == "__main__":
    main()
