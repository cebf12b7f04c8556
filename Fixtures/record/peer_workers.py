"""torchvision, ONNX Runtime and OpenVINO as peers: each answers in a process of its own.

``bench_peers.py`` starts them. The protocol is that of ``bench --serve``: a line on standard input
names a job, the answer is a line with the seconds of one run. A file behind the name takes what the
job computed, as ``.safetensors``. Nothing is loaded before a job needs it, so that a process that
is asked for one job alone has the memory of that job.

``python peer_workers.py PEER FOLDER THREADS`` with PEER one of ``torchvision``, ``onnxruntime``,
``openvino``; FOLDER holds ``image.safetensors``, written by ``bench --serve``, and gets what the
peers share: the exported backbone.

Idle, a peer must take no time from the one that is measured: ONNX Runtime's threads, which by
default go on looking for work, are told to sleep after each run; the others sleep by themselves.
``bench_peers.py`` checks it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

import numpy as np

ARCHITECTURE = "resnet50_fpn_v1"
SEED = 7

Outputs = dict[str, np.ndarray]
Job = tuple[Callable[[], object], Callable[[object], Outputs]]
"""What is timed, and what makes arrays of its result."""


class Noise:
    """``BenchmarkNoise`` of ``Sources/Benchmarks/OperatorBenchmarks.swift``, the same bits.

    ``state = state * 6364136223846793005 + 1442695040888963407`` modulo 2^64, and of each state the
    upper 24 bits times 2^-24. The k-th state after s is ``a^k s + c (a^(k-1) + … + a + 1)``, so a
    whole array of them is a running product, a running sum and one multiplication.
    """

    FACTOR, STEP = np.uint64(6364136223846793005), np.uint64(1442695040888963407)

    def __init__(self, seed: int) -> None:
        self.state = np.uint64(seed)

    def numbers(self, count: int) -> np.ndarray:
        """The next ``count`` numbers in [0, 1)."""
        powers = np.multiply.accumulate(np.full(count, self.FACTOR))
        steps = np.empty_like(powers)
        steps[0] = 1
        steps[1:] = powers[:-1]
        states = powers * self.state + np.add.accumulate(steps) * self.STEP
        self.state = states[-1]
        return (states >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)

    def array(self, *shape: int) -> np.ndarray:
        """An array of the next numbers, row-major."""
        return self.numbers(int(np.prod(shape))).reshape(shape)

    def boxes(self, count: int, width: int, height: int) -> np.ndarray:
        """Boxes [count, 4] of sides from 8 to 256 pixels inside an image, six numbers each."""
        n = self.array(count, 6).T
        side_x = 8 + 248 * n[0] * n[1]
        side_y = 8 + 248 * n[2] * n[3]
        x = n[4] * (width - side_x)
        y = n[5] * (height - side_y)
        return np.stack([x, y, x + side_x, y + side_y], axis=1)


class Torchvision:
    """torchvision's model and operators, as they are."""

    def __init__(self, folder: Path, threads: int) -> None:
        import torch

        self.torch, self.folder = torch, folder
        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)

    @cached_property
    def model(self):
        import seeded_weights

        return seeded_weights.fill(seeded_weights.build(ARCHITECTURE), SEED)

    @cached_property
    def image(self):
        return self.torch.from_numpy(read(self.folder / "image.safetensors")["image"])

    @cached_property
    def padded(self):
        """The backbone's input [1, 3, Hp, Wp], by torchvision's transform."""
        return self.model.transform([self.image])[0].tensors

    @cached_property
    def inputs(self) -> dict[str, list | np.ndarray]:
        """The operators' inputs, in the order of ``OperatorInputs``."""
        noise, torch = Noise(1), self.torch
        shapes = [(1, 256, 800 // stride, 1088 // stride) for stride in (4, 8, 16, 32)]
        pyramid = [torch.from_numpy(noise.array(*shape)) for shape in shapes]
        boxes = torch.from_numpy(noise.boxes(1000, 1088, 800))
        candidates = torch.from_numpy(noise.boxes(4000, 1088, 800))
        scores = torch.from_numpy(noise.numbers(4000))
        masks = torch.from_numpy(noise.array(100, 1, 28, 28))
        places = torch.from_numpy(noise.boxes(100, 640, 480))
        area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        levels = torch.floor(4 + torch.log2(area.sqrt() / 224) + 1e-6).clamp(2, 5).long() - 2
        by_level = [torch.where(levels == level)[0] for level in range(4)]
        rois = [boxes[index] for index in by_level]
        return {
            "pyramid": pyramid, "rois": rois, "by_level": by_level, "candidates": candidates,
            "scores": scores, "masks": masks, "places": places,
        }  # fmt: skip

    def features(self, operator: Callable[..., object]) -> object:
        """An operator on every level and each box's features in their place.

        As torchvision's ``MultiScaleRoIAlign`` does it; which level a box has is known before.
        """
        result = self.torch.empty(1000, 256, 7, 7)
        for index, rois, level, stride in zip(
            self.inputs["by_level"], self.inputs["rois"], self.inputs["pyramid"], (4, 8, 16, 32)
        ):
            result[index] = operator(level, [rois], 7, 1 / stride)
        return result

    def job(self, name: str) -> Job:
        """A job by its name, in torch's fastest mode."""
        run, arrays = self.plain_job(name)
        if name.startswith("training"):
            return run, arrays
        return self.torch.inference_mode()(run), arrays

    def plain_job(self, name: str) -> Job:
        """A job by its name; what it needs is made here, outside the time."""
        from torchvision import ops
        from torchvision.models.detection import roi_heads

        if name == "whole":
            model, image = self.model, self.image
            return lambda: model([image])[0], lambda found: {
                "boxes": found["boxes"].numpy(),
                "scores": found["scores"].numpy(),
                "labels": found["labels"].float().numpy(),
                "masks": found["masks"][:, 0].contiguous().numpy(),
            }
        if name == "pyramid":
            backbone, padded = self.model.backbone, self.padded
            return lambda: backbone(padded), lambda levels: {
                f"P{number + 2}": level.numpy() for number, level in enumerate(levels.values())
            }
        if name == "training":
            import peer_training

            return peer_training.step(), lambda total: {"loss": total.numpy()[None]}
        if name.startswith("training-r50"):
            import peer_training

            parts = 5 if name.endswith("heads") else 0
            run = peer_training.tuning_step(self.model, self.image, frozen_parts=parts)
            return run, lambda total: {"loss": total.numpy()[None]}
        inputs = self.inputs
        if name == "roialign":
            align = lambda *arguments: ops.roi_align(*arguments, sampling_ratio=2, aligned=False)
            return lambda: self.features(align), lambda out: {"features": out.numpy()}
        if name == "roipool":
            return lambda: self.features(ops.roi_pool), lambda out: {"features": out.numpy()}
        if name == "nms":
            candidates, scores = inputs["candidates"], inputs["scores"]
            return lambda: ops.nms(candidates, scores, 0.7), lambda kept: {
                "kept": kept.float().numpy()
            }
        if name == "paste":
            masks, places = inputs["masks"], inputs["places"]
            return lambda: roi_heads.paste_masks_in_image(masks, places, (480, 640)), lambda out: {
                "masks": out[:, 0].contiguous().numpy()
            }
        raise SystemExit(f"torchvision has no job {name}")


def exported_backbone(folder: Path, threads: int) -> tuple[Path, np.ndarray]:
    """Backbone and FPN as an ONNX file, written once, and torchvision's input to them."""
    model_file, input_file = folder / "backbone.onnx", folder / "input.npy"
    if not model_file.exists():
        import warnings

        peer = Torchvision(folder, threads)
        warnings.simplefilter("ignore")  # what tracing assumes about shapes holds: one shape
        part = folder / "part.onnx"
        # dynamo=False: the exporter that torchvision's models were written for.
        peer.torch.onnx.export(
            peer.model.backbone, (peer.padded,), part, opset_version=17, dynamo=False,
            input_names=["input"],
        )  # fmt: skip
        np.save(input_file, peer.padded.numpy())
        part.rename(model_file)
    return model_file, np.load(input_file)


class ONNXRuntime:
    """Backbone and FPN by ONNX Runtime."""

    def __init__(self, folder: Path, threads: int) -> None:
        import onnxruntime

        file, self.input = exported_backbone(folder, threads)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Spinning during a run makes it faster, after it steals time from the others.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        self.session = onnxruntime.InferenceSession(
            str(file), options, providers=["CPUExecutionProvider"]
        )

    def job(self, name: str) -> Job:
        if name != "pyramid":
            raise SystemExit(f"ONNX Runtime has no job {name}")
        return lambda: self.session.run(None, {"input": self.input}), named_levels


class OpenVINO:
    """Backbone and FPN by OpenVINO."""

    def __init__(self, folder: Path, threads: int) -> None:
        import openvino

        file, self.input = exported_backbone(folder, threads)
        model = openvino.convert_model(str(file))
        model.reshape(list(self.input.shape))
        self.compiled = openvino.compile_model(
            model, "CPU",
            {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32",
             "PERFORMANCE_HINT": "LATENCY"},
        )  # fmt: skip

    def job(self, name: str) -> Job:
        if name != "pyramid":
            raise SystemExit(f"OpenVINO has no job {name}")
        return lambda: [value for _, value in self.compiled(self.input).items()], named_levels


def named_levels(levels: object) -> Outputs:
    """P2 … P6 by name."""
    return {f"P{number + 2}": level for number, level in enumerate(levels)}


def read(file: Path) -> Outputs:
    """The arrays of a ``.safetensors`` file."""
    from safetensors.numpy import load_file

    return load_file(file)


def requests() -> Iterator[tuple[str, str | None]]:
    """The jobs on standard input, each with the file for its outputs, if there is one."""
    for line in sys.stdin:
        name, _, file = line.strip().partition(" ")
        if name:
            yield name, file or None


def main() -> None:
    """Answers until standard input ends."""
    peers = {"torchvision": Torchvision, "onnxruntime": ONNXRuntime, "openvino": OpenVINO}
    if len(sys.argv) != 4 or sys.argv[1] not in peers:
        sys.exit(__doc__)
    # What libraries print must not stand between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    peer = None
    for name, file in requests():
        # Made for the first job: whoever starts several peers has them export one after the other.
        peer = peer or peers[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
        run, arrays = peer.job(name)
        start = time.perf_counter()
        result = run()
        seconds = time.perf_counter() - start
        if file:
            from safetensors.numpy import save_file

            outputs = arrays(result)
            save_file({key: np.ascontiguousarray(outputs[key]) for key in outputs}, file)
        print(repr(seconds), file=answers, flush=True)


if __name__ == "__main__":
    main()
