"""The Swift package against torchvision, ONNX Runtime and OpenVINO, in turn on one machine.

``python Fixtures/record/bench_peers.py .build/release`` (the folder of the built commands) prints
a table: each row's times here and there, their ratio, and whether the row's goal is met. Exit code
1 where one is not. Options: ``--rounds N --threads N --rows NAME,NAME --skip PEER,PEER --json
FILE``. It takes minutes, and the packages in ``requirements-bench.txt``.

Every round runs ours once and then each peer once, A B A B, so that a machine that slows down
slows all of them; what counts is the median of the rounds' ratios. Each side is a process that
keeps its weights and inputs in memory and answers "run once" with the seconds of the computation
alone, after two runs that are not counted. Jobs of a few milliseconds are run several times per
turn, the median counts. While one runs, the others sleep: the last line says how much processor
time they took all the same. The column "others" says how many processors other programs of the
machine took; where that is much, a row is no proof of anything.

The same work on all sides, in 32-bit floats:

- The network is R50-FPN v1 with ``SeededWeights`` of seed 7 (``seeded_weights.py`` makes the same
  bits). Nothing is trained, yet the work is real: logits are spread, so that 1000 proposals
  survive suppression, and class scores lie far apart, so that 100 detections, the most there may
  be, get a mask that is pasted. Trained weights rarely give as many of both.
- The image is the bundled one in 480 x 640, which the model resizes to 800 x 1088. ``bench
  --serve`` hands it over, as floats.
- ``whole`` is torchvision's ``model([image])``, transform to pasted masks. ``pyramid`` is
  backbone with FPN on the padded input.
- The operators' inputs are made by one formula on both sides. torchvision pastes into 100 images
  of 640 x 480 floats; ours gives each mask as the window that it fills, outside of which it is 0.
  The writing that this saves counts in the rows ``paste`` and ``whole``: each side runs its own
  pipeline as it is.
- Memory is the most that a fresh process ever held (``VmHWM``) that loads the model and runs it
  three times.
- The peak of the matrix product's row is that of ``measuredArithmeticPeak``, measured in the same
  round.

Last, the outputs are compared: the greatest difference as a part of the range.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import peer_agreement
from peer_process import Peer, machine_seconds, ours, worker

LEAST_TURN = 0.2
"""Seconds that a turn of a short job lasts at least, …"""
MOST_REPEATS = 25
"""… or so many runs."""


@dataclass
class Row:
    """One line of the table."""

    name: str
    goal: str
    unit: str = "s"
    peer: str = ""
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    """What the goal is about, one per round."""
    others: float | None = None
    """Processors that other programs took meanwhile, on average."""
    least: float | None = None
    most: float | None = None

    @property
    def value(self) -> float:
        return statistics.median(self.values)

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        if self.least is None and self.most is None:
            return None
        return (self.least is None or self.value >= self.least) and (
            self.most is None or self.value <= self.most
        )


@dataclass
class Bench:
    """What all rows need."""

    commands: Path
    folder: Path
    rounds: int
    threads: int
    skipped: list[str]
    ours: Peer
    peers: dict[str, Peer] = field(default_factory=dict)
    idle_share: float = 0.0
    elapsed: float = 0.0
    """Seconds that the turns lasted since the last row, …"""
    foreign: float = 0.0
    """… and processor time that other programs took meanwhile."""

    def others(self) -> float:
        """Processors that other programs took, on average, since this was last asked."""
        share = self.foreign / self.elapsed if self.elapsed else 0.0
        self.elapsed = self.foreign = 0.0
        return share

    def peer(self, name: str) -> Peer:
        if name not in self.peers:
            self.peers[name] = worker(name, self.folder, self.threads)
        return self.peers[name]

    def turns(self, job: str, names: list[str]) -> dict[str, list[float]]:
        """Seconds of a job per round for ours and each peer, A B A B."""
        sides = {"ours": self.ours} | {name: self.peer(name) for name in names}
        show(f"{job}: warming up")
        slowest = max(min(side.run(job)[0] for _ in range(2)) for side in sides.values())
        repeats = max(1, min(MOST_REPEATS, int(LEAST_TURN / max(slowest, 1e-6))))
        seconds: dict[str, list[float]] = {name: [] for name in sides}
        for number in range(self.rounds):
            for name, side in sides.items():
                show(f"{job}: round {number + 1} of {self.rounds}, {name}")
                with self.watched(side):
                    runs = [side.run(job)[0] for _ in range(repeats)]
                seconds[name].append(statistics.median(runs))
        return seconds

    @contextmanager
    def watched(self, side: Peer) -> Iterator[None]:
        """Notes what processor time was taken while one side was measured, and by whom."""
        others = [peer for peer in [self.ours, *self.peers.values()] if peer is not side]

        def clocks() -> tuple[float, float, float, float]:
            idle = sum(peer.processor_seconds() for peer in others)
            return time.perf_counter(), machine_seconds(), side.processor_seconds(), idle

        before = clocks()
        yield
        elapsed, machine, own, idle = (now - then for now, then in zip(clocks(), before))
        self.elapsed += elapsed
        self.foreign += max(0.0, machine - own - idle)
        # Processor time comes in hundredths of a second: short turns say nothing.
        if elapsed > 0.5:
            self.idle_share = max(self.idle_share, idle / elapsed)


def compared(bench: Bench, job: str, name: str, peers: list[str], least: float) -> list[Row]:
    """A row per peer; only the fastest one has a goal."""
    peers = [peer for peer in peers if peer not in bench.skipped]
    seconds = bench.turns(job, peers)
    fastest = min(peers, key=lambda peer: statistics.median(seconds[peer]), default=None)
    others = bench.others()
    rows = []
    for peer in peers:
        ratios = [theirs / own for own, theirs in zip(seconds["ours"], seconds[peer])]
        rows.append(Row(name, f"at least {least:g} times as fast", "s", peer, seconds["ours"],
                        seconds[peer], ratios, others,
                        least if peer == fastest else None))  # fmt: skip
        if peer != fastest:
            rows[-1].goal = "(not the fastest)"
    return rows


def whole(bench: Bench) -> list[Row]:
    return compared(bench, "whole", "whole model, 100 masks pasted", ["torchvision"], 2.5)


def pyramid(bench: Bench) -> list[Row]:
    peers = ["torchvision", "onnxruntime", "openvino"]
    return compared(bench, "pyramid", "backbone with FPN", peers, 1.4)


def operators(bench: Bench) -> list[Row]:
    names = {
        "roialign": "RoIAlign, 1000 boxes, 7x7", "roipool": "RoIPool, 1000 boxes, 7x7",
        "nms": "NMS, 4000 boxes", "paste": "paste, 100 masks in 640x480",
    }  # fmt: skip
    return [
        row
        for job, name in names.items()
        for row in compared(bench, job, name, ["torchvision"], 2)
    ]


def memory(bench: Bench) -> list[Row]:
    """Fresh processes, one after the other; two rounds show that it is steady."""
    row = Row("peak memory, whole model", "at most 0.6 of theirs", "GB", "torchvision", most=0.6)
    for number in range(min(2, bench.rounds)):
        for side, held in (("ours", row.ours), ("torchvision", row.theirs)):
            show(f"memory: round {number + 1}, {side}")
            with (
                ours(bench.commands, bench.threads) if side == "ours"
                else worker(side, bench.folder, bench.threads)
            ) as fresh:  # fmt: skip
                for _ in range(3):
                    fresh.run("whole")
                held.append(fresh.peak_memory() * 1e-9)
    row.values = [own / theirs for own, theirs in zip(row.ours, row.theirs)]
    return [row]


def product(bench: Bench) -> list[Row]:
    """The matrix product in GFLOPS; its peer is the peak that the machine reaches in that round."""
    row = Row("matrix product", "at least 0.85 of the peak", "GFLOPS", "the peak", least=0.85)
    bench.ours.run("product")
    for number in range(bench.rounds):
        show(f"product: round {number + 1} of {bench.rounds}")
        with bench.watched(bench.ours):
            repeats = [bench.ours.run("product")[1] for _ in range(5)]
            row.ours.append(statistics.median(repeats))
            row.theirs.append(bench.ours.run("peak")[1])
        row.values.append(row.ours[-1] / row.theirs[-1])
    row.others = bench.others()
    return [row]


def trace(bench: Bench) -> list[Row]:
    """The bundled image through all stages, files written, the process's start counted."""
    row = Row("maskrcnn on the bundled image", "under 1 s", most=1.0)
    command = bench.commands / "maskrcnn"
    for number in range(bench.rounds + 1):
        show(f"bundled run {number} of {bench.rounds}")
        with tempfile.TemporaryDirectory(dir=bench.folder) as folder:
            start = time.perf_counter()
            subprocess.run(
                [command, "--trace", f"{folder}/trace", "--threads", str(bench.threads)],
                check=True, stdout=subprocess.DEVNULL,
            )  # fmt: skip
            if number > 0:
                row.ours.append(time.perf_counter() - start)
    row.values = row.ours
    return [row]


def training(bench: Bench) -> list[Row]:
    """One step of the bundled network on 8 crops of 320 x 320, and the memory of a fresh process."""
    rows = compared(bench, "training", "one step of training", ["torchvision"], 3)
    row = Row("peak memory, training", "at most 0.6 of theirs", "GB", "torchvision", most=0.6)
    for number in range(min(2, bench.rounds)):
        for side, held in (("ours", row.ours), ("torchvision", row.theirs)):
            show(f"memory of training: round {number + 1}, {side}")
            with (
                ours(bench.commands, bench.threads) if side == "ours"
                else worker(side, bench.folder, bench.threads)
            ) as fresh:  # fmt: skip
                for _ in range(3):
                    fresh.run("training")
                held.append(fresh.peak_memory() * 1e-9)
    row.values = [own / theirs for own, theirs in zip(row.ours, row.theirs)]
    return [*rows, row]


def tuning(bench: Bench) -> list[Row]:
    """One step of fine-tuning R50-FPN v1, two images of 480 x 640: everything, and heads alone."""
    names = {"training-r50": "R50-FPN, everything trained", "training-r50-heads": "R50-FPN, heads"}
    return [
        row
        for job, name in names.items()
        for row in compared(bench, job, name, ["torchvision"], 2)
    ]


ROWS: dict[str, Callable[[Bench], list[Row]]] = {
    "whole": whole, "pyramid": pyramid, "operators": operators, "memory": memory,
    "product": product, "trace": trace, "training": training,
    "tuning": tuning,
}  # fmt: skip


def spread(values: list[float], unit: str = "") -> str:
    """Median, least and greatest."""
    if not values:
        return ""
    middle, digits = statistics.median(values), 3
    scale, unit = (1000, "ms") if unit == "s" and middle < 0.1 else (1, unit)
    digits = 0 if unit == "GFLOPS" else 2 if unit != "ms" else 1
    if unit == "ms" and middle < 0.01:
        digits = 2
    shown = [f"{value * scale:.{digits}f}" for value in (middle, min(values), max(values))]
    return f"{shown[0]} ({shown[1]} to {shown[2]}) {unit}".strip()


def table(rows: list[Row]) -> str:
    """The rows as a table that Markdown reads."""
    cells = [["", "ours", "theirs", "", "ratio", "goal", "met", "others"]]
    for row in rows:
        met = {None: "", True: "yes", False: "NO"}[row.is_met]
        ratio = spread(row.values) if row.theirs else ""
        cells.append([row.name, spread(row.ours, row.unit), spread(row.theirs, row.unit), row.peer,
                      ratio, row.goal, met,
                      "" if row.others is None else f"{row.others:.2f}"])  # fmt: skip
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(line, widths)) + " |" for line in cells]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def show(words: str) -> None:
    """One line on a terminal that says what is going on; nothing where there is no terminal."""
    if sys.stderr.isatty():
        print(f"\r\033[K{words}", end="", file=sys.stderr, flush=True)


def options() -> argparse.Namespace:
    def names(known: list[str]) -> Callable[[str], list[str]]:
        def parse(text: str) -> list[str]:
            unknown = [name for name in text.split(",") if name not in known]
            if unknown:
                raise argparse.ArgumentTypeError(f"no {unknown[0]}: there are {', '.join(known)}")
            return text.split(",")

        return parse

    def positive(text: str) -> int:
        if not text.isdigit() or int(text) == 0:
            raise argparse.ArgumentTypeError(f"{text} is no number over 0")
        return int(text)

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("commands", type=Path, help="folder of the built commands: .build/release")
    parser.add_argument("--rounds", type=positive, default=5)
    parser.add_argument("--threads", type=positive, default=2)
    rows = [*ROWS, "agreement"]
    parser.add_argument("--rows", type=names(rows), default=rows, help=f"of {','.join(rows)}")
    parser.add_argument("--skip", type=names(["onnxruntime", "openvino"]), default=[],
                        metavar="PEER,PEER", help="peers to leave out")  # fmt: skip
    parser.add_argument("--json", type=Path, help="file for all measurements")
    given = parser.parse_args()
    for command in ("bench", "maskrcnn"):
        if not os.access(given.commands / command, os.X_OK):
            parser.error(f"{given.commands / command} is not there; swift build -c release")
    return given


def main() -> int:
    given = options()
    with tempfile.TemporaryDirectory() as name, ours(given.commands, given.threads) as own:
        folder = Path(name)
        own.run("image", folder / "image.safetensors")
        bench = Bench(given.commands, folder, given.rounds, given.threads, given.skip, own)
        try:
            rows = [row for row in ROWS if row in given.rows]
            rows = [row for name in rows for row in ROWS[name](bench)]
            agreement = peer_agreement.check(bench, show) if "agreement" in given.rows else []
        finally:
            for peer in bench.peers.values():
                peer.close()
    show("")
    print(f"{given.threads} threads, {given.rounds} rounds: median (least to greatest)\n")
    print(table(rows))
    for line in agreement:
        print(line)
    idle = f"{bench.idle_share:.1%} of one processor"
    print(f"\nWhile one side was measured, the other sides took at most {idle}.")
    if given.json:
        measured = [asdict(row) | {"met": row.is_met} for row in rows]
        report = {"rows": measured, "agreement": agreement}
        given.json.write_text(json.dumps(report, indent=1) + "\n")
    return 0 if all(row.is_met is not False for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
