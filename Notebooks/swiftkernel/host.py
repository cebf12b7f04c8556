"""The Swift process: loads each compiled cell and calls its entry point.

It is a Python process that runs Swift code, so that it needs no executable of its own. It reads lines
`LIBRARY ENTRY` on standard input, and writes `{"done": true}` to the channel after each. Swift's
`display` and `check` write to the same channel, see Prelude/Channel.swift.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
LINE_BUFFERED = 1


def main() -> None:
    """Runs cells until standard input ends."""
    libc = ctypes.CDLL(None)
    if sys.platform == "linux":
        # The process ends with the kernel, however that ends.
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # Whole lines appear while a cell runs.
    stdout = ctypes.c_void_p.in_dll(libc, "__stdoutp" if sys.platform == "darwin" else "stdout")
    libc.setvbuf(stdout, None, LINE_BUFFERED, 0)
    channel = int(os.environ["SWIFTKERNEL_CHANNEL"].split(",")[0])
    for line in sys.stdin:
        library, entry = line.rstrip("\n").rsplit(" ", 1)
        cell = ctypes.CDLL(library, mode=ctypes.RTLD_GLOBAL)
        getattr(cell, entry)(0, None)
        libc.fflush(None)
        os.write(channel, b'{"done": true}\n')


main()
