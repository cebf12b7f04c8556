"""Runs the Swift program with the weight files of ``Fixtures/model-files`` and compares it with torchvision.

``python Fixtures/record/check_model_files.py .build/release/maskrcnn`` prints, file by file, how many detections there
are here and in torchvision, and the greatest differences between them. The exit code is 0 where all of them agree:
scores to 1e-5, boxes to 1e-3 pixels, masks to one pixel each.
"""

from __future__ import annotations

import base64
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools import mask as coco

from bundled import crop_of, source_image

FOLDER = Path(__file__).resolve().parent.parent / "model-files"


def main() -> int:
    """Checks every file."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    recorded = json.loads((FOLDER / "detections.json").read_text())
    crop = tuple(recorded["crop"][side] for side in ("left", "top", "width", "height"))
    shorter, longer = recorded["sides"]
    common = {
        "input.min_size": shorter, "input.max_size": longer, "detections_per_image": recorded["detectionsPerImage"],
    }  # fmt: skip
    print("file | detections here | torchvision | box, pixels | score | mask pixels that differ, of how many")
    agrees = True
    with tempfile.TemporaryDirectory() as scratch:
        image, output = Path(scratch) / "crop.png", Path(scratch) / "found.json"
        Image.fromarray(crop_of(source_image(), crop)).save(image)
        for name, entry in recorded["files"].items():
            settings = common | entry["settings"]
            command = [*shlex.split(sys.argv[1]), str(image), "--weights", str(FOLDER / name)]
            command += ["--detections", str(output)]
            for key, value in settings.items():
                command += ["--set", f"{key}={json.dumps(value)}"]
            subprocess.run(command, check=True, capture_output=True)
            found = json.loads(output.read_text())
            count = len(entry["scores"])
            if len(found) != count or [one["category_id"] for one in found] != entry["labels"]:
                agrees = False
                print(f"{name} | {len(found)} | {count} | other detections")
                continue
            boxes = np.array([one["bbox"] for one in found])
            boxes[:, 2:] += boxes[:, :2]
            box = np.abs(boxes - np.array(entry["boxes"]).reshape(-1, 4)).max()
            score = np.abs(np.array([one["score"] for one in found]) - np.array(entry["scores"])).max()
            masks = np.stack([coco.decode(one["segmentation"]) for one in found]).astype(bool)
            bits = np.unpackbits(np.frombuffer(base64.b64decode(entry["masks"]), np.uint8))[: masks.size]
            theirs = bits.astype(bool).reshape(masks.shape)
            differing = (masks != theirs).sum(axis=(1, 2))
            agrees = agrees and box < 1e-3 and score < 1e-5 and differing.max() <= 1
            print(f"{name} | {count} | {count} | {box:.1e} | {score:.1e} | {differing.sum()} of {theirs.sum()}")
    return 0 if agrees else 1


if __name__ == "__main__":
    sys.exit(main())
