"""Writes golden traces: the folders of stages, in the format that the Swift package reads.

A trace is a folder with ``trace.json`` and a folder per stage, each with ``stage.json`` and
``tensors/*.npy``. ``Sources/Tracing`` defines the format.

Of a large network's trace only samples are kept: ``tensors/NAME.npy`` then holds the values at the
row-major positions that are stored in ``tensors/NAME.positions.npy``, and ``shape``, ``minimum``,
``maximum`` and ``mean`` in ``stage.json`` are still those of the whole tensor.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from torch import Tensor

from golden_files import as_array, crc32, empty_folder, json_bytes, npy_bytes, write

FORMAT = 2
VERSION = "torchvision 0.27.1"

Option = bool | int | float | str | list[float] | list[str]


@dataclass(frozen=True)
class Entry:
    """One tensor of a stage."""

    name: str
    values: Tensor
    axes: Sequence[str]
    units: str
    note: str
    kind: str = "quantity"
    """``category`` for labels, classes, indices and flags, which only name something."""


@dataclass(frozen=True)
class Stage:
    """What one stage leaves."""

    name: str
    title: str
    options: Mapping[str, Option]
    reads: Sequence[str]
    tensors: Sequence[Entry]
    files: Mapping[str, tuple[str, bytes]] = field(default_factory=dict)
    """Other files: name, caption and bytes."""

    def __getitem__(self, name: str) -> Tensor:
        return next(entry.values for entry in self.tensors if entry.name == name)


@dataclass(frozen=True)
class Sampling:
    """Which tensors are sampled, and how densely."""

    seed: int
    count: int = 256
    whole_below: int = 4096
    """Tensors of at most so many elements are kept in full, and all integers."""

    def positions(self, name: str, size: int) -> np.ndarray:
        """Rising positions without repetition, drawn by the seed and the tensor's name."""
        random = np.random.default_rng([self.seed, zlib.crc32(name.encode())])
        return np.sort(random.choice(size, self.count, replace=False)).astype(np.int64)


def write_trace(
    folder: Path,
    stages: Sequence[Stage],
    image: str | None,
    weights: str | None,
    sampling: Sampling | None = None,
    known: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Writes a whole trace into an emptied folder.

    ``known`` are checksums of ``stage.json`` of stages that are in another trace. Returns those
    of all stages.
    """
    empty_folder(folder)
    checksums = dict(known or {})
    for stage in stages:
        checksums[stage.name] = _write_stage(folder / stage.name, stage, checksums, sampling)
    record: dict[str, object] = {
        "format": FORMAT,
        "version": VERSION,
        "stages": [stage.name for stage in stages],
    }
    if image is not None:
        record["image"] = image
    if weights is not None:
        record["weights"] = weights
    write(folder / "trace.json", json_bytes(record))
    return checksums


def _write_stage(
    folder: Path, stage: Stage, checksums: Mapping[str, str], sampling: Sampling | None
) -> str:
    """Writes a stage's folder and returns the checksum of its ``stage.json``."""
    files = []
    for name, (caption, data) in stage.files.items():
        write(folder / name, data)
        files.append({"file": name, "caption": caption, "crc32": crc32(data)})
    record = {
        "format": FORMAT,
        "stage": stage.name,
        "title": stage.title,
        "options": dict(stage.options),
        "reads": {name: checksums[name] for name in stage.reads},
        "tensors": [
            _write_tensor(folder, stage.name, entry, sampling) for entry in stage.tensors
        ],
        "figures": [],
        "files": files,
    }
    data = json_bytes(record)
    write(folder / "stage.json", data)
    return crc32(data)


def _write_tensor(
    folder: Path, stage: str, entry: Entry, sampling: Sampling | None
) -> dict[str, object]:
    """Writes a tensor, whole or sampled, and returns its record."""
    array = as_array(entry.values)
    if len(entry.axes) != array.ndim:
        raise ValueError(f"{entry.name}: {entry.axes} does not name {array.shape}")
    record = {
        "name": entry.name,
        "file": f"tensors/{entry.name}.npy",
        "dtype": str(array.dtype),
        "shape": list(array.shape),
        "axes": list(entry.axes),
        "units": entry.units,
        "note": entry.note,
        "kind": entry.kind,
    }
    record |= _statistics(array)
    kept = array
    if sampling is not None and array.dtype.kind == "f" and array.size > sampling.whole_below:
        positions = sampling.positions(f"{stage}/{entry.name}", array.size)
        data = npy_bytes(positions)
        file = f"tensors/{entry.name}.positions.npy"
        write(folder / file, data)
        record["samples"] = {"indices": file, "crc32": crc32(data)}
        kept = array.reshape(-1)[positions]
    data = npy_bytes(kept)
    write(folder / str(record["file"]), data)
    record["crc32"] = crc32(data)
    return record


def _statistics(array: np.ndarray) -> dict[str, float]:
    """Least, greatest and mean element; 0 for an empty tensor."""
    if array.size == 0:
        return {"minimum": 0.0, "maximum": 0.0, "mean": 0.0}
    return {
        "minimum": float(np.float32(array.min())),
        "maximum": float(np.float32(array.max())),
        "mean": float(np.float32(array.astype(np.float64).mean())),
    }
