"""Golden cases of the gradients of a network's layers, by torch's autograd.

The reference is PyTorch in float64, rounded to float32 at the end. The loss is the sum of the output
times ``outputGradient``, so that this is the gradient of the output.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from operator_cases import CaseList, Value
from operators_layers import normal

SEED = 19_860_323
"""The year of "Learning representations by back-propagating errors"."""

REFERENCE = "torch.autograd in float64, rounded to float32"


def add(
    cases: CaseList,
    name: str,
    inputs: Mapping[str, Tensor],
    compute: Callable[..., Tensor],
    seed: int,
    parameters: Mapping[str, Value] | None = None,
    fixed: Mapping[str, Tensor] | None = None,
    note: str = "",
) -> None:
    """Adds a case with the gradient of every one of ``inputs``, which ``compute`` takes in order.

    ``fixed`` are inputs of the case that have no gradient; ``compute`` does not take them.
    """
    with torch.inference_mode(False), torch.enable_grad():
        # Clones: what was made in inference mode cannot require a gradient.
        leaves = {
            key: value.clone().double().requires_grad_() for key, value in inputs.items()
        }
        output = compute(*leaves.values())
        output_gradient = normal(output.shape, seed).clone()
        gradients = torch.autograd.grad(
            output, list(leaves.values()), output_gradient.double()
        )
    cases.add(
        name,
        {**inputs, **(fixed or {}), "outputGradient": output_gradient},
        {f"{key}Gradient": value for key, value in zip(leaves, gradients, strict=True)},
        parameters,
        note=note,
    )


def record_conv2d() -> None:
    """The convolutions that the networks use, on small and awkward sizes."""
    cases = CaseList(
        "conv2d_gradient",
        REFERENCE,
        SEED,
        "input [N, C, H, W], weight [D, C / groups, kH, kW], bias [D].",
    )
    # name: batch, channels, height, width, filters, kernel, stride, padding, groups
    shapes = {
        "1x1": (2, 8, 7, 9, 6, 1, 1, 0, 1),
        "1x1-stride2": (1, 8, 9, 12, 7, 1, 2, 0, 1),
        "3x3": (1, 5, 9, 11, 6, 3, 1, 1, 1),
        "3x3-winograd": (2, 16, 10, 13, 17, 3, 1, 1, 1),
        "3x3-no-padding": (1, 16, 7, 8, 16, 3, 1, 0, 1),
        "3x3-stride2": (1, 6, 9, 10, 8, 3, 2, 1, 1),
        "3x3-groups": (2, 8, 6, 7, 12, 3, 1, 1, 4),
        "3x3-groups-stride2": (1, 8, 8, 7, 8, 3, 2, 1, 8),
        "7x7-stride2": (1, 3, 20, 17, 5, 7, 2, 3, 1),
        "7x7-small-input": (1, 3, 4, 5, 4, 7, 2, 3, 1),
        "one-pixel": (1, 3, 1, 1, 4, 3, 1, 1, 1),
    }
    for seed, (name, shape) in enumerate(shapes.items()):
        batch, channels, height, width, filters, kernel, stride, padding, groups = shape
        weight = normal((filters, channels // groups, kernel, kernel), 6000 + 10 * seed)
        inputs = {
            "input": normal((batch, channels, height, width), 6001 + 10 * seed),
            "weight": weight / float(np.sqrt(weight[0].numel())),
            "bias": normal((filters,), 6002 + 10 * seed),
        }
        parameters = {"stride": stride, "padding": padding, "groups": groups}
        add(
            cases, name, inputs, seed=6003 + 10 * seed, parameters=parameters,
            compute=lambda x, w, b: functional.conv2d(
                x, w, b, stride=stride, padding=padding, groups=groups  # noqa: B023
            ),
        )  # fmt: skip
    cases.close()


def record_conv_transpose2d() -> None:
    """The transposed 2x2 convolution of stride 2 that enlarges the masks."""
    cases = CaseList(
        "conv_transpose2d_gradient",
        REFERENCE,
        SEED,
        "input [N, C, H, W], weight [C, D, 2, 2], bias [D]; output [N, D, 2 H, 2 W].",
    )
    shapes = {"14x14": (2, 6, 14, 14, 4), "odd": (1, 5, 3, 7, 9), "one-pixel": (2, 4, 1, 1, 3)}
    for seed, (name, (batch, channels, height, width, filters)) in enumerate(shapes.items()):
        inputs = {
            "input": normal((batch, channels, height, width), 6500 + 10 * seed),
            "weight": normal((channels, filters, 2, 2), 6501 + 10 * seed),
            "bias": normal((filters,), 6502 + 10 * seed),
        }
        add(
            cases, name, inputs, seed=6503 + 10 * seed, parameters={"stride": 2},
            compute=lambda x, w, b: functional.conv_transpose2d(x, w, b, stride=2),
        )  # fmt: skip
    cases.close()


def record_linear() -> None:
    """Fully connected layers."""
    cases = CaseList("linear_gradient", REFERENCE, SEED, "output = input weight^T + bias")
    for seed, (rows, inputs, outputs) in enumerate(((7, 49, 24), (1, 16, 5), (33, 30, 19))):
        tensors = {
            "input": normal((rows, inputs), 7000 + 10 * seed),
            "weight": normal((outputs, inputs), 7001 + 10 * seed) / float(np.sqrt(inputs)),
            "bias": normal((outputs,), 7002 + 10 * seed),
        }
        name = f"{rows}x{inputs}x{outputs}"
        add(cases, name, tensors, functional.linear, 7003 + 10 * seed)
    cases.close()


def record_max_pool() -> None:
    """The pools of the networks, with and without equal cells."""
    cases = CaseList("max_pool_gradient", REFERENCE, SEED)
    for seed, (height, width) in enumerate(((10, 12), (7, 9), (1, 1), (2, 5))):
        noise = normal((1, 3, height, width), 7500 + seed) - 2
        for kernel, padding in ((3, 1), (2, 0), (1, 0)):
            if height < kernel - 2 * padding:
                continue
            for kind, values in (("", noise), ("-ties", noise.round())):
                add(
                    cases, f"kernel{kernel}-{height}x{width}{kind}", {"input": values},
                    seed=7600 + seed,
                    parameters={"kernel": kernel, "stride": 2, "padding": padding},
                    compute=lambda x: functional.max_pool2d(
                        x, kernel, 2, padding  # noqa: B023
                    ),
                )  # fmt: skip
    cases.close()


def record_resize_nearest() -> None:
    """Nearest upsampling to a given size, as the feature pyramid does it."""
    cases = CaseList("resize_nearest_gradient", REFERENCE, SEED)
    sizes = [
        ((5, 7), (10, 14)), ((5, 7), (9, 13)), ((3, 4), (5, 7)), ((1, 1), (1, 2)),
        ((13, 17), (25, 33)), ((6, 6), (6, 6)), ((10, 3), (4, 2)),
    ]  # fmt: skip
    for seed, ((height, width), size) in enumerate(sizes):
        add(
            cases, f"{height}x{width}-to-{size[0]}x{size[1]}",
            {"input": normal((1, 2, height, width), 7700 + seed)}, seed=7800 + seed,
            compute=lambda x: functional.interpolate(x, size=size, mode="nearest"),  # noqa: B023
        )  # fmt: skip
    cases.close()


def record_relu() -> None:
    """A ReLU, also of zeros and of what is not finite."""
    cases = CaseList("relu_gradient", REFERENCE, SEED, "output: the ReLU's, which its gradient takes.")
    special = [0.0, -0.0, 1e-30, -1e-30, float("inf"), -float("inf"), float("nan"), 2.0]
    values = torch.cat([normal((92,), 7900), torch.tensor(special)])
    add(
        cases, "relu", {"input": values}, torch.relu, 7901, fixed={"output": values.relu()}
    )
    cases.close()


def record_batch_norm() -> None:
    """Batch norm in training, with its running averages, and frozen."""
    cases = CaseList(
        "batch_norm_gradient",
        REFERENCE,
        SEED,
        "frozen: by mean and variance. Otherwise by the batch's own, and the outputs have them: "
        "output, mean, the biased variance, and the unbiased one for running averages.",
    )
    shapes = {"batch": (4, 5, 6, 7), "one-image": (1, 3, 9, 5), "vectors": (8, 6, 1, 1)}
    for seed, (name, shape) in enumerate(shapes.items()):
        first = 8000 + 10 * seed
        channels = shape[1]
        inputs = {
            "input": normal(shape, first) * 2 + 3,
            "weight": normal((channels,), first + 1),
            "bias": normal((channels,), first + 2),
        }
        mean, variance = normal((channels,), first + 3), normal((channels,), first + 4) ** 2 + 0.1
        for epsilon in (1e-5, 1e-3):
            add(
                cases, f"{name}-frozen-epsilon{epsilon:g}", inputs, seed=first + 5,
                parameters={"epsilon": epsilon, "frozen": True},
                fixed={"mean": mean, "variance": variance},
                compute=lambda x, w, b: functional.batch_norm(
                    x, mean.double(), variance.double(), w, b, eps=epsilon  # noqa: B023
                ),
            )  # fmt: skip
            add(
                cases, f"{name}-training-epsilon{epsilon:g}", inputs, seed=first + 6,
                parameters={"epsilon": epsilon, "frozen": False},
                compute=lambda x, w, b: functional.batch_norm(
                    x, None, None, w, b, training=True, eps=epsilon  # noqa: B023
                ),
            )  # fmt: skip
        # With a momentum of 1 the running averages become the batch's own.
        running = [torch.zeros(channels).double(), torch.ones(channels).double()]
        values = [value.double() for value in inputs.values()]
        output = functional.batch_norm(
            values[0], *running, *values[1:], training=True, momentum=1.0, eps=1e-5
        )
        biased = values[0].var(dim=(0, 2, 3), unbiased=False)
        cases.add(
            f"{name}-forward",
            inputs,
            {
                "output": output, "mean": running[0], "unbiasedVariance": running[1],
                "variance": biased,
            },
            {"epsilon": 1e-5},
        )  # fmt: skip
    cases.close()


def record() -> None:
    """All cases of this file."""
    record_conv2d()
    record_conv_transpose2d()
    record_linear()
    record_max_pool()
    record_resize_nearest()
    record_relu()
    record_batch_norm()
