"""Train the nucleus detector from scratch on the nuclei of BBBC038 (2018 Data Science Bowl, stage 1).

    python train_nuclei.py --data dsb2018 --out run --minutes 120
    python train_nuclei.py --data dsb2018 --out run --until 18:30 --resume

``--data`` is a folder with ``images/ID.png``, ``labels/ID.png`` (16-bit label maps) and ``split.json``. The state is
written to ``OUT/checkpoint.pt`` every few minutes; ``--export FILE`` writes the averaged weights (or, with ``--raw``,
the others) of that checkpoint as ``.safetensors`` instead of training.

Made for a processor without a graphics card: one process a core, each with its own images, whose gradients are
averaged after every step; convolutions in bfloat16; RoIAlign as a weighted sum of rows, see ``RowRoIAlign``. The
learning rate follows the clock, so that a run ends when it should however busy the machine is.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import os
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torchvision.ops import MultiScaleRoIAlign, masks_to_boxes
from torchvision.ops.poolers import _setup_scales

from nuclei_model import KINDS, build, save

SIDE = 320
"""The side of a training crop, in pixels of the enlarged image."""
CROP = SIDE / 2
"""The side of what such a crop shows, in pixels of the image itself, before the scale is varied."""
SMALLEST = 12
"""Nuclei with fewer pixels than this left in a crop (counted in the enlarged image) are dropped."""
KIND_WEIGHTS = {"fluorescence": 1.0, "stained": 2.0, "brightfield": 2.0}
LOSS_WEIGHTS = {"loss_box_reg": 2.0, "loss_mask": 2.0}
EMA_DECAY = 0.999
WARM_UP = 300


# --- images


class Crops:
    """Augmented crops, drawn at random from a whole split held in memory."""

    def __init__(self, folder: Path, split: str, seed: int) -> None:
        self.random = random.Random(seed)
        self.noise = torch.Generator().manual_seed(seed)
        self.images: list[tuple[np.ndarray, np.ndarray, np.ndarray, int]] = []
        self.weights: list[float] = []
        for entry in json.loads((folder / "split.json").read_text())[split]:
            image = np.asarray(Image.open(folder / "images" / f"{entry['id']}.png").convert("RGB"))
            labels = np.asarray(Image.open(folder / "labels" / f"{entry['id']}.png")).astype(np.int32)
            rows, columns = labels.nonzero()
            counts = np.bincount(labels[rows, columns])
            present = counts.nonzero()[0]
            centres = np.stack([np.bincount(labels[rows, columns], axis)[present] for axis in (columns, rows)], 1)
            centres = centres / counts[present, None]
            self.images.append((image, labels, centres, KINDS[entry["kind"]]))
            self.weights.append(KIND_WEIGHTS[entry["kind"]] * math.sqrt(labels.size) / 256)

    def draw(self) -> tuple[Tensor, dict[str, Tensor]]:
        """Return a crop and its target; there is always at least one nucleus in it."""
        while True:
            image, labels, centres, kind = self.random.choices(self.images, self.weights)[0]
            crop, instances = self._warp(image, labels, centres)
            counts = torch.bincount(instances.flatten())
            counts[0] = 0
            keep = (counts >= SMALLEST).nonzero()[:, 0]
            if len(keep) == 0:
                continue
            masks = instances.short()[None] == keep.short()[:, None, None]
            boxes = masks_to_boxes(masks)
            boxes[:, 2:] += 1
            target = {
                "boxes": boxes,
                "labels": torch.full((len(keep),), kind, dtype=torch.int64),
                "masks": masks.to(torch.uint8),
            }
            return self._recolour(crop, kind), target

    def _warp(self, image: np.ndarray, labels: np.ndarray, centres: np.ndarray) -> tuple[Tensor, Tensor]:
        """Cut out a window of random size, stretch, angle and handedness that lies within the image.

        Most windows are near some nucleus, the others anywhere.
        """
        height, width = labels.shape
        shortest = min(height, width)
        draw = self.random.uniform
        side = min(CROP * math.exp(draw(-0.5, 0.45)), shortest)
        stretch = math.exp(draw(-0.12, 0.12))
        across, down = min(side * stretch, shortest), min(side / stretch, shortest)
        angle = self.random.randrange(4) * math.pi / 2
        if self.random.random() < 0.4:
            tilted = draw(0, 2 * math.pi)
            if max(across, down) * (abs(math.cos(tilted)) + abs(math.sin(tilted))) <= shortest:
                angle = tilted
        cosine, sine = math.cos(angle), math.sin(angle)
        reach_x = (across * abs(cosine) + down * abs(sine)) / 2
        reach_y = (across * abs(sine) + down * abs(cosine)) / 2
        if self.random.random() < 0.75:
            centre_x, centre_y = centres[self.random.randrange(len(centres))].tolist()
            centre_x = min(max(centre_x + draw(-0.35, 0.35) * side, reach_x), width - reach_x)
            centre_y = min(max(centre_y + draw(-0.35, 0.35) * side, reach_y), height - reach_y)
        else:
            centre_x = draw(reach_x, width - reach_x)
            centre_y = draw(reach_y, height - reach_y)
        left, right = max(0, int(centre_x - reach_x) - 1), min(width, int(centre_x + reach_x) + 2)
        top, bottom = max(0, int(centre_y - reach_y) - 1), min(height, int(centre_y + reach_y) + 2)
        pixels = torch.from_numpy(image[top:bottom, left:right].copy()).permute(2, 0, 1)[None].float() / 255
        instances = torch.from_numpy(labels[top:bottom, left:right].copy())[None, None].float()
        if self.random.random() < 0.5:
            across = -across
        half_x, half_y = (right - left) / 2, (bottom - top) / 2
        affine = torch.tensor(
            [
                [across * cosine / 2 / half_x, -down * sine / 2 / half_x, (centre_x - left) / half_x - 1],
                [across * sine / 2 / half_y, down * cosine / 2 / half_y, (centre_y - top) / half_y - 1],
            ]
        )
        grid = F.affine_grid(affine[None], [1, 1, SIDE, SIDE], align_corners=False)
        crop = F.grid_sample(pixels, grid, mode="bilinear", padding_mode="border", align_corners=False)[0]
        cut = F.grid_sample(instances, grid, mode="nearest", padding_mode="border", align_corners=False)[0, 0]
        return crop, cut.to(torch.int64)

    def _recolour(self, crop: Tensor, kind: int) -> Tensor:
        """Vary brightness, contrast, gamma, sharpness and noise, and the colours of a coloured image."""
        draw = self.random.uniform
        if kind != KINDS["fluorescence"]:
            grey = crop.mean(0, keepdim=True)
            crop = grey + (crop - grey) * draw(0.5, 1.5)
            crop = crop * torch.tensor([draw(0.85, 1.15) for _ in range(3)])[:, None, None]
            centre = float(crop.mean())
            crop = ((crop - centre) * draw(0.75, 1.3) + centre + draw(-0.08, 0.08)).clamp(0, 1)
        else:
            crop = (crop * math.exp(draw(-0.6, 0.6)) + max(0.0, draw(-0.1, 0.08))).clamp(0, 1)
        crop = crop ** math.exp(draw(-0.35, 0.35))
        if self.random.random() < 0.2:
            spread = draw(0.5, 1.3)
            kernel = torch.exp(-(torch.arange(-3.0, 4.0) ** 2) / (2 * spread**2))
            kernel = (kernel / kernel.sum()).expand(3, 1, 7)
            crop = F.pad(crop[None], (3, 3, 3, 3), mode="replicate")
            crop = F.conv2d(F.conv2d(crop, kernel[:, :, None], groups=3), kernel[..., None], groups=3)[0]
        if self.random.random() < 0.3:
            grain = torch.randn(1, SIDE, SIDE, generator=self.noise) * draw(0.0, 0.04)
            crop = (crop + grain).clamp(0, 1)
        return crop


# --- the model while it is trained


class RowRoIAlign(MultiScaleRoIAlign):
    """``MultiScaleRoIAlign`` as a sparse matrix times a dense one.

    Every output bin is a weighted sum of feature vectors: four bilinear neighbours of each of the bin's samples, on
    the level of its box. With all levels in one table of rows that is one ``embedding_bag``, several times as fast on
    a processor, backwards too, as torchvision's kernel, and equal to it up to rounding.
    """

    def forward(self, x: dict[str, Tensor], boxes: list[Tensor], image_shapes: list[tuple[int, int]]) -> Tensor:
        levels = [x[name] for name in self.featmap_names]
        if self.scales is None or self.map_levels is None:
            self.scales, self.map_levels = _setup_scales(
                levels, image_shapes, self.canonical_scale, self.canonical_level
            )
        table = torch.cat([level.float().permute(0, 2, 3, 1).flatten(0, 2) for level in levels])
        sizes = torch.tensor([level.shape[-2:] for level in levels])
        starts = torch.tensor([0] + [level.numel() // level.shape[1] for level in levels]).cumsum(0)
        level = self.map_levels(boxes)
        box = torch.cat(boxes)
        image = torch.cat([torch.full((len(part),), index) for index, part in enumerate(boxes)])
        box = box * torch.tensor(self.scales)[level, None]
        height, width = sizes[level].unbind(1)
        bins, ratio = self.output_size[0], self.sampling_ratio
        left, right, left_weight, right_weight = self._neighbours(box[:, 0], box[:, 2], width, bins, ratio)
        upper, lower, upper_weight, lower_weight = self._neighbours(box[:, 1], box[:, 3], height, bins, ratio)
        columns = torch.stack([left, right], 2).view(-1, 1, bins, 1, 2 * ratio)
        column_weights = torch.stack([left_weight, right_weight], 2).view(-1, 1, bins, 1, 2 * ratio)
        rows = torch.stack([upper, lower], 2).view(-1, bins, 1, 2 * ratio, 1)
        row_weights = torch.stack([upper_weight, lower_weight], 2).view(-1, bins, 1, 2 * ratio, 1)
        first = (starts[level] + image * height * width).view(-1, 1, 1, 1, 1)
        index = first + rows * width.view(-1, 1, 1, 1, 1) + columns
        weight = row_weights * column_weights / ratio**2
        count = 4 * ratio**2
        pooled = F.embedding_bag(
            index.view(-1, count).int(), table, mode="sum", per_sample_weights=weight.reshape(-1, count)
        )
        return pooled.view(len(box), bins, bins, -1).permute(0, 3, 1, 2)

    @staticmethod
    def _neighbours(
        start: Tensor, end: Tensor, size: Tensor, bins: int, ratio: int
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The two pixels around each sample along one axis, and how much each of them counts."""
        size = size[:, None]
        step = (torch.arange(bins * ratio) + 0.5) / (bins * ratio)
        position = start[:, None] + step * (end - start).clamp(min=1)[:, None]
        inside = (position >= -1) & (position <= size)
        position = torch.minimum(position.clamp(min=0), size - 1)
        low = position.floor().long()
        high = torch.minimum(low + 1, size - 1)
        fraction = position - low
        return low, high, (1 - fraction) * inside, fraction * inside


def as_float32(_module: nn.Module, _inputs: tuple, output: object) -> object:
    """A forward hook that ends the part of the model that runs in bfloat16."""
    if isinstance(output, Tensor):
        return output.float()
    if isinstance(output, dict):
        return {name: as_float32(_module, _inputs, value) for name, value in output.items()}
    return type(output)(as_float32(_module, _inputs, value) for value in output)


def build_for_training() -> nn.Module:
    """The model with the settings that only training needs."""
    model = build(
        input_scale=1,
        box_batch_size_per_image=128,
        rpn_pre_nms_top_n_train=500,
        rpn_post_nms_top_n_train=400,
    )
    for name in ("box_roi_pool", "mask_roi_pool"):
        given = getattr(model.roi_heads, name)
        setattr(
            model.roi_heads,
            name,
            RowRoIAlign(given.featmap_names, given.output_size, given.sampling_ratio),
        )
    heads = model.roi_heads
    for module in (model.backbone, model.rpn.head, heads.box_predictor, heads.mask_predictor):
        module.register_forward_hook(as_float32)
    return model.to(memory_format=torch.channels_last).train()


def floating(state: dict[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """The entries of a state dict that can be averaged."""
    return ((name, tensor) for name, tensor in state.items() if tensor.is_floating_point())


# --- training


def work(rank: int, arguments: argparse.Namespace, meeting_point: str) -> None:
    """What each process does; process 0 also keeps the average of the weights and writes the checkpoints."""
    torch.set_num_threads(arguments.threads)
    processes = arguments.processes
    dist.init_process_group("gloo", init_method=meeting_point, rank=rank, world_size=processes)
    torch.manual_seed(arguments.seed)
    model = build_for_training()
    decayed = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in model.parameters() if parameter.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}], lr=arguments.rate
    )
    averaged = {name: tensor.clone() for name, tensor in floating(model.state_dict())}
    checkpoint = arguments.out / "checkpoint.pt"
    step, began, rate = 0, time.time(), arguments.rate
    if arguments.resume:
        saved = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        averaged, step = saved["averaged"], saved["step"]
        if not arguments.new_schedule:
            began, rate = saved["began"], saved["rate"]
    first_step = step
    torch.manual_seed(arguments.seed + 1000 * step + rank)
    crops = Crops(arguments.data, "train", arguments.seed + 1000 * step + rank)
    state = dict(floating(model.state_dict()))
    buffers = [tensor for tensor in model.buffers() if tensor.is_floating_point()]
    parameters = list(model.parameters())
    sums: dict[str, float] = {}
    reported, counted, saved_at = time.time(), step, time.time()
    progress = 0.0
    while True:
        batch = [crops.draw() for _ in range(arguments.batch)]
        with torch.autocast("cpu", torch.bfloat16):
            losses = model([image for image, _ in batch], [target for _, target in batch])
        optimizer.zero_grad()
        sum(loss.float() * LOSS_WEIGHTS.get(name, 1.0) for name, loss in losses.items()).backward()

        # One exchange: gradients, the running statistics of batch norm, and what time it is.
        now = (time.time() - began) / (arguments.end - began)
        shared = [parameter.grad.contiguous().flatten() for parameter in parameters]
        shared += [buffer.flatten() for buffer in buffers] + [torch.tensor([now])]
        flat = torch.cat(shared)
        dist.all_reduce(flat)
        flat /= processes
        pieces = flat.split([piece.numel() for piece in shared])
        for parameter, piece in zip(parameters, pieces, strict=False):
            parameter.grad.copy_(piece.view(parameter.shape))
        for buffer, piece in zip(buffers, pieces[len(parameters) :], strict=False):
            buffer.copy_(piece.view(buffer.shape))
        progress = min(float(pieces[-1]), 1.0)

        warm_up = min(1.0, (step - first_step + 1) / WARM_UP) if step < WARM_UP or arguments.new_schedule else 1.0
        for group in optimizer.param_groups:
            group["lr"] = rate * warm_up * (0.005 + 0.995 * (1 + math.cos(math.pi * progress)) / 2)
        norm = nn.utils.clip_grad_norm_(parameters, 5.0)
        if torch.isfinite(norm):
            optimizer.step()
        step += 1
        if rank == 0:
            decay = min(EMA_DECAY, (step + 1) / (step + 10))
            with torch.no_grad():
                torch._foreach_lerp_(list(averaged.values()), [state[name] for name in averaged], 1 - decay)
            for name, loss in losses.items():
                sums[name] = sums.get(name, 0.0) + float(loss.detach())
            sums["norm"] = sums.get("norm", 0.0) + float(norm)
            if step % arguments.report == 0:
                parts = " ".join(
                    f"{name.removeprefix('loss_')} {value / (step - counted):.3f}" for name, value in sums.items()
                )
                seconds = (time.time() - reported) / (step - counted)
                clock = datetime.datetime.now().strftime("%H:%M:%S")
                print(f"{clock} step {step} {progress:.3f} {seconds:.2f} s/step {parts}", flush=True)
                sums, reported, counted = {}, time.time(), step
            if progress >= 1 or time.time() - saved_at > 120:
                partial = checkpoint.with_suffix(".partial")
                torch.save(
                    {
                        "model": model.state_dict(),
                        "averaged": averaged,
                        "optimizer": optimizer.state_dict(),
                        "step": step,
                        "began": began,
                        "rate": rate,
                        "seed": arguments.seed,
                    },
                    partial,
                )
                os.replace(partial, checkpoint)
                saved_at = time.time()
        if progress >= 1:
            break
    if rank == 0:
        print(f"done after {step} steps", flush=True)
    dist.destroy_process_group()


def export(arguments: argparse.Namespace) -> None:
    """Write the checkpoint's weights as ``.safetensors``."""
    saved = torch.load(arguments.out / "checkpoint.pt", weights_only=True)
    state = saved["model"] if arguments.raw else saved["averaged"]
    source = (
        "Trained from scratch on BBBC038 stage 1 (2018 Data Science Bowl, CC0) by train_nuclei.py, "
        f"seed {saved['seed']}, {saved['step']} steps"
    )
    save(arguments.export, state, source)
    print(f"{arguments.export}: {arguments.export.stat().st_size:,} bytes, step {saved['step']}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="the folder with images, labels and split.json")
    parser.add_argument("--out", type=Path, required=True, help="where the checkpoint is")
    parser.add_argument("--minutes", type=float, default=120, help="how long to train")
    parser.add_argument("--until", help="train until this time of day instead, as HH:MM")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="processes that train together")
    parser.add_argument("--threads", type=int, default=1, help="threads of each process")
    parser.add_argument("--batch", type=int, default=4, help="crops a step and process")
    parser.add_argument("--rate", type=float, default=1e-3, help="highest learning rate")
    parser.add_argument("--report", type=int, default=50, help="steps between two lines of the log")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint, on its schedule")
    parser.add_argument("--new-schedule", action="store_true", help="with --resume: a fresh schedule from now on")
    parser.add_argument("--export", type=Path, help="write the checkpoint's averaged weights here; no training")
    parser.add_argument("--raw", action="store_true", help="with --export: the latest weights, not their average")
    arguments = parser.parse_args()
    now = datetime.datetime.now()
    if arguments.until:
        time_of_day = datetime.time.fromisoformat(arguments.until)
        end = datetime.datetime.combine(now.date(), time_of_day)
        arguments.end = (end if end > now else end + datetime.timedelta(days=1)).timestamp()
    else:
        arguments.end = now.timestamp() + 60 * arguments.minutes
    if arguments.export is None and arguments.data is None:
        parser.error("--data is needed for training")
    return arguments


def main() -> None:
    arguments = parse()
    if arguments.export is not None:
        export(arguments)
        return
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(work, (arguments, f"file://{folder}/meeting"), nprocs=arguments.processes)


if __name__ == "__main__":
    main()
