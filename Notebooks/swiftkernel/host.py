"""The Swift process: loads each compiled cell and calls its entry point.

It is a Python process that runs Swift code, so that it needs no executable of its own. It reads
lines `LIBRARY ENTRY` on standard input, and writes `{"done": true}` to the channel after each.
Swift's `display` and `check` write to the same channel, see Prelude/Channel.swift.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
LINE_BUFFERED = 1
STACK_BYTES = 64 << 20


class CellThread:
    """Runs a cell's entry point on a thread of its own.

    An error that leaves a cell ends this thread, see Prelude/Check.swift: the entry point is
    compiled as a program's main function, which cannot be returned from after an error.
    """

    def __init__(self, libc: ctypes.CDLL):
        self._libc = libc
        # Larger than any platform's pthread_attr_t.
        self._attributes = ctypes.create_string_buffer(128)
        libc.pthread_attr_init(self._attributes)
        libc.pthread_attr_setstacksize(self._attributes, ctypes.c_size_t(STACK_BYTES))

    def run(self, library: str, entry: str) -> None:
        """Loads a cell and waits until it has ended."""
        cell = ctypes.CDLL(library, mode=ctypes.RTLD_GLOBAL)
        thread = ctypes.c_size_t()
        self._libc.pthread_create(
            ctypes.byref(thread), self._attributes, getattr(cell, entry), None
        )
        self._libc.pthread_join(thread, None)


def main() -> None:
    """Runs cells until standard input ends."""
    libc = ctypes.CDLL(None)
    # The process ends with the kernel, however that ends.
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # Whole lines appear while a cell runs.
    libc.setvbuf(ctypes.c_void_p.in_dll(libc, "stdout"), None, LINE_BUFFERED, 0)
    channel = int(os.environ["SWIFTKERNEL_CHANNEL"].split(",")[0])
    thread = CellThread(libc)
    for line in sys.stdin:
        library, entry = line.rstrip("\n").rsplit(" ", 1)
        thread.run(library, entry)
        libc.fflush(None)
        os.write(channel, b'{"done": true}\n')


main()
