"""Runs the Swift program on torchvision's architectures and compares it with the golden traces.

``python Fixtures/record/check_architectures.py .build/release/maskrcnn`` (any command that takes
the subcommands of ``maskrcnn``; quote it if it has spaces). For each architecture, torchvision
writes its seeded weights as ``.pth`` into a temporary folder (170 to 260 MB, one at a time, deleted
afterwards), the program's stages run on the golden trace's image, and ``maskrcnn diff`` compares.
The exit code is 0 where all of them agree.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

import seeded_weights
from architectures import CASES
from golden_files import GOLDEN

LEGACY = ("resnet50_fpn_v1",)
"""Written in the format from before torch 1.6, as torchvision's own file of this one is."""

TOLERANCE = 2e-5
"""Sums in another order differ by under 1e-5 of a tensor's range; an epsilon of 1e-5 in place of 0
in the norms, the smallest mistake there is to find, by more than this."""


def options_of(name: str, stage: str) -> dict[str, Any]:
    """The options that the golden trace records of a stage."""
    return json.loads((GOLDEN / name / stage / "stage.json").read_text())["options"]


def write_weights(name: str, file: Path) -> None:
    """Writes an architecture's seeded weights as ``.pth``."""
    case = CASES[name]
    model = seeded_weights.fill(seeded_weights.build(name), case.seed)
    torch.save(model.state_dict(), file, _use_new_zipfile_serialization=name not in LEGACY)


def commands(name: str, weights: Path, trace: Path) -> list[list[str]]:
    """What the stages are called with, after the program's name."""
    case = CASES[name]
    proposals = options_of(name, "3-proposals")
    epsilon = options_of(name, "1-backbone")["normEpsilon"]
    every = ["--trace", str(trace), "--weights", str(weights), "--set", f"norm_eps={epsilon:g}"]
    image = str(GOLDEN / name / "image.png")
    limits = ["--pre-nms-top-n", str(proposals["preNMSTopN"]), "--post-nms-top-n", str(proposals["postNMSTopN"])]
    stages = [
        ["input", image, "--min-size", str(case.shorter), "--max-size", str(case.longer)],
        ["backbone"], ["anchors"], ["proposals", *limits], ["roi"], ["heads"], ["masks"],
    ]  # fmt: skip
    return [[*stage, *every, "--no-figures"] for stage in stages]


def check(prefix: list[str], name: str, tolerance: float) -> bool:
    """Runs and compares one architecture; whether it agrees."""
    print(f"\n{name}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        weights, trace = Path(folder) / f"{name}.pth", Path(folder) / "trace"
        write_weights(name, weights)
        for command in commands(name, weights, trace):
            finished = subprocess.run(
                [*prefix, *command], capture_output=True, text=True, check=False
            )
            if finished.returncode != 0:
                print(f"  {shlex.join(command)}: exit code {finished.returncode}")
                print(finished.stderr.strip())
                return False
        golden = str(GOLDEN / name)
        compared = subprocess.run(
            [*prefix, "diff", golden, str(trace), "--tolerance", f"{tolerance:g}"], check=False
        )
        return compared.returncode == 0


def main() -> int:
    """Checks all architectures, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", help="the program, '.build/release/maskrcnn'")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(CASES))
    parser.add_argument(
        "--tolerance", type=float, default=TOLERANCE, help="part of a tensor's range"
    )
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in CASES]
    if unknown:
        parser.error(f"there is no architecture {unknown[0]}: there are {', '.join(CASES)}")
    torch.set_num_threads(1)
    prefix = shlex.split(arguments.command)
    results = {
        name: check(prefix, name, arguments.tolerance) for name in arguments.names or CASES
    }
    print()
    for name, agrees in results.items():
        print(f"{name}: {'agrees' if agrees else 'differs'}")
    return 0 if all(results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
