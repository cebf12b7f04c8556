"""Golden cases of a network's layers: convolutions, pools, linear, softmax, sigmoid, norms.

The reference is PyTorch in float64, rounded to float32 at the end: the tests measure the error of
the code under test alone, not the sum of two.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torchvision.ops.misc import FrozenBatchNorm2d

from operator_cases import CaseList

SEED = 19_980_101
"""The year of LeNet."""

REFERENCE = "PyTorch in float64, rounded to float32"


def normal(shape: Sequence[int], seed: int) -> Tensor:
    """Normally distributed float32 values."""
    values = np.random.default_rng([SEED, seed]).standard_normal(tuple(shape))
    return torch.from_numpy(values.astype(np.float32))


def record_conv2d() -> None:
    """Convolutions of all kinds that the networks use, on small and awkward sizes."""
    cases = CaseList(
        "conv2d",
        REFERENCE,
        SEED,
        "input [N, C, H, W], weight [D, C / groups, kH, kW], bias [D] where there is one.",
    )
    # name: batch, channels, height, width, filters, kernel, stride, padding, groups, bias
    shapes = {
        "1x1": (1, 8, 9, 11, 12, 1, 1, 0, 1, True),
        "1x1-no-bias": (1, 16, 7, 5, 8, 1, 1, 0, 1, False),
        "1x1-stride2": (1, 8, 9, 12, 8, 1, 2, 0, 1, False),
        "3x3": (1, 8, 13, 17, 12, 3, 1, 1, 1, True),
        "3x3-even-size": (1, 16, 16, 24, 16, 3, 1, 1, 1, False),
        "3x3-larger": (1, 20, 30, 29, 20, 3, 1, 1, 1, True),
        "3x3-no-padding": (1, 6, 9, 8, 7, 3, 1, 0, 1, True),
        "3x3-stride2": (1, 8, 13, 18, 12, 3, 2, 1, 1, False),
        "3x3-stride2-odd": (1, 5, 7, 9, 6, 3, 2, 1, 1, True),
        "3x3-groups": (1, 16, 11, 10, 16, 3, 1, 1, 4, False),
        "3x3-groups-stride2": (1, 32, 10, 9, 32, 3, 2, 1, 8, False),
        "3x3-depthwise": (1, 6, 8, 9, 6, 3, 1, 1, 6, True),
        "7x7-stride2": (1, 3, 32, 37, 8, 7, 2, 3, 1, False),
        "7x7-small-input": (1, 3, 4, 5, 4, 7, 2, 3, 1, False),
        "one-channel": (1, 1, 12, 9, 1, 3, 1, 1, 1, True),
        "one-filter": (1, 13, 6, 7, 1, 1, 1, 0, 1, True),
        "one-pixel": (1, 8, 1, 1, 8, 3, 1, 1, 1, True),
        "one-pixel-1x1": (1, 8, 1, 1, 8, 1, 1, 0, 1, True),
        "one-row": (1, 4, 1, 23, 5, 3, 1, 1, 1, True),
        "one-column": (1, 4, 23, 1, 5, 3, 1, 1, 1, True),
        "odd-channels": (1, 17, 14, 14, 33, 3, 1, 1, 1, True),
        "batch": (5, 8, 14, 14, 8, 3, 1, 1, 1, True),
        "batch-7x7-map": (6, 12, 7, 7, 9, 3, 1, 1, 1, False),
    }
    for seed, (name, shape) in enumerate(shapes.items()):
        batch, channels, height, width, filters, kernel, stride, padding, groups, biased = shape
        weight = normal((filters, channels // groups, kernel, kernel), 10 * seed)
        inputs = {
            "input": normal((batch, channels, height, width), 10 * seed + 1),
            "weight": weight / float(np.sqrt(weight[0].numel())),
        }
        if biased:
            inputs["bias"] = normal((filters,), 10 * seed + 2)
        output = functional.conv2d(
            *(value.double() for value in inputs.values()),
            stride=stride, padding=padding, groups=groups,
        )  # fmt: skip
        parameters = {"stride": stride, "padding": padding, "groups": groups}
        cases.add(name, inputs, {"output": output}, parameters)
    cases.close()


def record_conv_transpose2d() -> None:
    """The transposed 2x2 convolution of stride 2 that enlarges the masks."""
    cases = CaseList(
        "conv_transpose2d",
        REFERENCE,
        SEED,
        "input [N, C, H, W], weight [C, D, 2, 2], bias [D]; output [N, D, 2 H, 2 W].",
    )
    shapes = {"14x14": (3, 8, 14, 14, 8), "odd": (1, 5, 3, 7, 9), "one-pixel": (2, 4, 1, 1, 3)}
    for seed, (name, (batch, channels, height, width, filters)) in enumerate(shapes.items()):
        inputs = {
            "input": normal((batch, channels, height, width), 1000 + 10 * seed),
            "weight": normal((channels, filters, 2, 2), 1001 + 10 * seed),
            "bias": normal((filters,), 1002 + 10 * seed),
        }
        output = functional.conv_transpose2d(
            *(value.double() for value in inputs.values()), stride=2
        )
        cases.add(name, inputs, {"output": output}, {"stride": 2})
    cases.close()


def record_max_pool() -> None:
    """The 3x3 pool of the stem and the subsampling that makes P6."""
    cases = CaseList("max_pool", "torch.nn.functional.max_pool2d", SEED)
    for seed, (height, width) in enumerate(((16, 20), (13, 17), (1, 1), (2, 5))):
        image = normal((1, 3, height, width), 2000 + seed) - 2
        for kernel, padding in ((3, 1), (1, 0)):
            cases.add(
                f"kernel{kernel}-{height}x{width}",
                {"input": image},
                {"output": functional.max_pool2d(image, kernel, 2, padding)},
                {"kernel": kernel, "stride": 2, "padding": padding},
                note="values are mostly negative: padding must not count as 0",
            )
    cases.close()


def record_linear() -> None:
    """Fully connected layers."""
    cases = CaseList("linear", REFERENCE, SEED, "output = input weight^T + bias")
    for seed, (rows, inputs, outputs) in enumerate(((7, 49, 24), (1, 16, 5), (33, 64, 91))):
        tensors = {
            "input": normal((rows, inputs), 3000 + 10 * seed),
            "weight": normal((outputs, inputs), 3001 + 10 * seed) / float(np.sqrt(inputs)),
            "bias": normal((outputs,), 3002 + 10 * seed),
        }
        output = functional.linear(*(value.double() for value in tensors.values()))
        cases.add(f"{rows}x{inputs}x{outputs}", tensors, {"output": output})
    cases.close()


def record_activations() -> None:
    """Softmax over the last axis, and the sigmoid, with large and small arguments."""
    cases = CaseList("activations", REFERENCE, SEED)
    logits = normal((12, 91), 4000) * 4
    logits[0] = 0
    logits[1, 3] = 200
    logits[2] = -300
    logits[3] = 88
    softmax = logits.double().softmax(-1)
    cases.add("softmax", {"input": logits}, {"output": softmax}, {"function": "softmax"})
    values = torch.cat([normal((200,), 4001) * 5, torch.tensor([0.0, 30, -30, 100, -100, 1e-4])])
    sigmoid = values.double().sigmoid()
    cases.add("sigmoid", {"input": values}, {"output": sigmoid}, {"function": "sigmoid"})
    cases.close()


def record_frozen_batch_norm() -> None:
    """Batch norm with fixed statistics, for both epsilons that torchvision's files need."""
    cases = CaseList(
        "frozen_batch_norm",
        REFERENCE + "; checked against torchvision.ops.misc.FrozenBatchNorm2d",
        SEED,
        "y = (x - mean) / sqrt(variance + epsilon) * weight + bias, per channel.",
    )
    image = normal((2, 6, 5, 7), 5000)
    inputs = {
        "input": image,
        "weight": normal((6,), 5001),
        "bias": normal((6,), 5002),
        "mean": normal((6,), 5003),
        "variance": torch.tensor([1.0, 0.25, 1e-3, 1e-5, 9.0, 0.7]),
    }
    for epsilon in (0.0, 1e-5, 1e-3):
        norm = FrozenBatchNorm2d(6, eps=epsilon)
        norm.weight.copy_(inputs["weight"])
        norm.bias.copy_(inputs["bias"])
        norm.running_mean.copy_(inputs["mean"])
        norm.running_var.copy_(inputs["variance"])
        output = norm.double()(image.double())
        plain = functional.batch_norm(
            *(inputs[key].double() for key in ("input", "mean", "variance", "weight", "bias")),
            eps=epsilon,
        )
        assert torch.allclose(output, plain, rtol=1e-12, atol=1e-9)
        cases.add(f"epsilon{epsilon:g}", inputs, {"output": output}, {"epsilon": epsilon})
    cases.close()


def record() -> None:
    """All cases of this file."""
    record_conv2d()
    record_conv_transpose2d()
    record_max_pool()
    record_linear()
    record_activations()
    record_frozen_batch_norm()
