"""Whether the sides that ``bench_peers.py`` times compute the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import load_file

if TYPE_CHECKING:
    from bench_peers import Bench


def part_of_range(values: np.ndarray, reference: np.ndarray) -> float:
    """The greatest difference, as a part of the reference's range."""
    spread = float(reference.max() - reference.min()) if reference.size else 0.0
    difference = float(np.abs(values - reference).max()) if reference.size else 0.0
    return difference / spread if spread else difference


def described(values: dict[str, np.ndarray], reference: dict[str, np.ndarray]) -> str:
    """The greatest difference of each array."""
    words = []
    for name in sorted(reference):
        if values[name].shape != reference[name].shape:
            words.append(f"{name} {values[name].shape} and {reference[name].shape}")
        elif name in ("labels", "kept"):
            words.append(f"{name} {int((values[name] != reference[name]).sum())} differ")
        else:
            words.append(f"{name} {part_of_range(values[name], reference[name]):.1e}")
    return ", ".join(words)


def binary(values: dict[str, np.ndarray], reference: dict[str, np.ndarray]) -> str:
    """How many masks there are, and how many of their pixels fall on the other side of 0.5."""
    if values["masks"].shape != reference["masks"].shape:
        return ""
    flipped = int(((values["masks"] > 0.5) != (reference["masks"] > 0.5)).sum())
    inside = int((reference["masks"] > 0.5).sum())
    count = len(reference["masks"])
    return f"; {count} masks with {inside} pixels over 0.5, {flipped} pixels on the other side"


def check(bench: Bench, show: Callable[[str], None]) -> list[str]:
    """A line per job and peer: the greatest differences from torchvision's outputs."""
    lines = ["", "Greatest differences from torchvision's outputs, as parts of their range:"]

    def outputs(side: str, job: str) -> dict[str, np.ndarray]:
        show(f"agreement: {job}, {side}")
        file = Path(bench.folder) / "outputs.safetensors"
        (bench.ours if side == "ours" else bench.peer(side)).run(job, file)
        arrays = load_file(file)
        file.unlink()
        return arrays

    for job in ("whole", "pyramid", "roialign", "roipool", "nms", "paste"):
        reference = outputs("torchvision", job)
        sides = ["ours"]
        if job == "pyramid":
            sides += [peer for peer in ("onnxruntime", "openvino") if peer not in bench.skipped]
        for side in sides:
            values = outputs(side, job)
            masks = binary(values, reference) if job == "whole" else ""
            lines.append(f"- {job}, {side}: {described(values, reference)}{masks}")
    return lines
