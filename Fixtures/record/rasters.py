"""8-bit images as tensors and as PNG."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def as_tensor(image: np.ndarray) -> Tensor:
    """[3, H, W] in 0...1 of an 8-bit image [H, W, 3]."""
    return torch.from_numpy(image.copy()).permute(2, 0, 1).contiguous().float().div(255)


def png_bytes(image: np.ndarray) -> bytes:
    """An 8-bit RGB image as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
