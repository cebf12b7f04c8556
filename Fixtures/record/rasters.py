"""8-bit pictures as tensors and as PNG."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def as_tensor(picture: np.ndarray) -> Tensor:
    """[3, H, W] in 0...1 of an 8-bit picture [H, W, 3]."""
    return torch.from_numpy(picture.copy()).permute(2, 0, 1).contiguous().float().div(255)


def png_bytes(picture: np.ndarray) -> bytes:
    """An 8-bit RGB picture as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
