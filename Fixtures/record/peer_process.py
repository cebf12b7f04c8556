"""A process that runs a job when it is told to: ``bench --serve`` or one of ``peer_workers.py``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

WORKERS = Path(__file__).resolve().parent / "peer_workers.py"


def machine_seconds() -> float:
    """Processor time that all programs of the machine have had."""
    user, nice, system = Path("/proc/stat").read_text().split()[1:4]
    return (int(user) + int(nice) + int(system)) / os.sysconf("SC_CLK_TCK")


class Peer:
    """One such process, ended when its ``with`` block ends."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        self.name = name
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=os.environ | environment,
        )  # fmt: skip

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, job: str, file: Path | None = None) -> list[float]:
        """Runs a job once: its seconds, and behind them GFLOPS where they are counted.

        ``file`` takes what the job computed, as ``.safetensors``.
        """
        print(job if file is None else f"{job} {file}", file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self.name} ended on the job {job}; what it says stands above")
        return [float(word) for word in answer.split()]

    def processor_seconds(self) -> float:
        """Processor time that the process has had, on all its threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_memory(self) -> int:
        """The most memory that the process has held, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        line = next(line for line in status if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024

    def close(self) -> None:
        """Ends the process: its standard input ends."""
        self.process.stdin.close()
        self.process.wait()


def ours(commands: Path, threads: int) -> Peer:
    """``bench --serve`` of the built commands."""
    return Peer("bench", [str(commands / "bench"), "--serve", "--threads", str(threads)], {})


def worker(name: str, folder: Path, threads: int) -> Peer:
    """torchvision, ONNX Runtime or OpenVINO."""
    command = [sys.executable, str(WORKERS), name, str(folder), str(threads)]
    return Peer(name, command, {"OMP_NUM_THREADS": str(threads)})
