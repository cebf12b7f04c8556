"""Files of golden fixtures: arrays, JSON, images, and what says how a folder was recorded.

Everything here writes the same bytes for the same values, so that recording again on the same
machine leaves no difference.
"""

from __future__ import annotations

import importlib.metadata
import io
import json
import platform
import shutil
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
"""Where all golden fixtures stand: ``Fixtures/golden``."""

PACKAGES = ("torch", "torchvision", "numpy", "pillow", "pycocotools", "safetensors")


def as_array(values: Tensor | np.ndarray) -> np.ndarray:
    """``values`` as a C-ordered array of a type that the Swift package reads.

    Floats become 32-bit, integers 64-bit; ``uint8`` and ``bool`` stay.
    """
    array = values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
    if array.dtype.kind == "f":
        array = array.astype(np.float32)
    elif array.dtype.kind == "i":
        array = array.astype(np.int64)
    if array.dtype not in (np.float32, np.int64, np.uint8, np.bool_):
        raise TypeError(f"{array.dtype} is not an element type of golden fixtures")
    return np.ascontiguousarray(array)


def npy_bytes(array: np.ndarray) -> bytes:
    """The bytes of an ``.npy`` file, format version 1.0."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def crc32(data: bytes) -> str:
    """CRC-32 as eight hexadecimal digits."""
    return f"{zlib.crc32(data):08x}"


def json_bytes(value: Any) -> bytes:
    """``value`` as indented JSON with sorted keys and a final newline."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def write(file: Path, data: bytes) -> None:
    """Writes ``data``, making the folders above the file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)


def empty_folder(folder: Path) -> Path:
    """Removes what an earlier recording left in ``folder`` and makes the folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def write_how(folder: Path, part: str, seed: int, **more: Any) -> None:
    """Writes ``how.json``: which command, seed and versions made the fixtures in ``folder``."""
    versions: Mapping[str, str] = {name: importlib.metadata.version(name) for name in PACKAGES}
    how = {
        "command": f"python Fixtures/record/record.py {part}",
        "cpu": torch.backends.cpu.get_cpu_capability(),
        "python": platform.python_version(),
        "seed": seed,
        "threads": torch.get_num_threads(),
        "versions": versions,
    }
    write(folder / "how.json", json_bytes(how | more))
