"""The Swift process as the kernel sees it: started, given cells, listened to, ended."""

import codecs
import dataclasses
import json
import os
import pathlib
import selectors
import signal
import subprocess
import sys
from collections.abc import Callable


@dataclasses.dataclass
class Outcome:
    """How a cell's run ended."""

    # Checks that failed, as (line, text).
    failures: list[tuple[int, str]]
    # The error that left the cell.
    thrown: str | None = None
    # Why the process ended, if it did: `SIGILL`, `exit 1`.
    ended: str | None = None


class SwiftProcess:
    """A child process in which cells run one after the other and keep their state."""

    def __init__(self, environment: dict[str, str]):
        messages, to_kernel = os.pipe()
        from_kernel, replies = os.pipe()
        host = pathlib.Path(__file__).with_name("host.py")
        self._process = subprocess.Popen(
            [sys.executable, str(host)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[to_kernel, from_kernel],
            env=os.environ | environment | {"SWIFTKERNEL_CHANNEL": f"{to_kernel},{from_kernel}"},
            # An interrupt reaches the kernel alone, which ends this process.
            start_new_session=True,
        )
        os.close(to_kernel)
        os.close(from_kernel)
        self._messages, self._replies = messages, replies
        self._streams = {
            "stdout": self._process.stdout.fileno(),
            "stderr": self._process.stderr.fileno(),
        }
        for descriptor in [messages, *self._streams.values()]:
            os.set_blocking(descriptor, False)
        self._decoders = {
            name: codecs.getincrementaldecoder("utf8")("replace") for name in self._streams
        }
        self._pending = b""

    def run(
        self,
        library: pathlib.Path,
        entry: str,
        output: Callable[[str, str], None],
        display: Callable[[dict[str, str]], None],
    ) -> Outcome:
        """Runs a cell to its end.

        `output` gets what it prints, with the stream's name; `display` gets what it shows, by MIME
        types. KeyboardInterrupt passes through: the caller then ends the process.
        """
        outcome = Outcome(failures=[])
        self._process.stdin.write(f"{library} {entry}\n".encode())
        self._process.stdin.flush()
        with selectors.DefaultSelector() as selector:
            for descriptor in [self._messages, *self._streams.values()]:
                selector.register(descriptor, selectors.EVENT_READ)
            while True:
                selector.select()
                # What was printed before a message comes before it.
                messages = self._read_messages()
                self._drain(selector, output)
                if messages is None:
                    outcome.ended = _reason(self._process.wait())
                    return outcome
                for message in messages:
                    if "done" in message:
                        return outcome
                    if "display" in message:
                        display(message["display"])
                    elif "failure" in message:
                        outcome.failures.append(
                            (message["failure"]["line"], message["failure"]["text"])
                        )
                    elif "thrown" in message:
                        outcome.thrown = message["thrown"]
                    os.write(self._replies, b".")

    def end(self) -> None:
        """Ends the process, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            stream.close()
        os.close(self._messages)
        os.close(self._replies)

    def _read_messages(self) -> list[dict] | None:
        """The messages that have arrived whole; None where there will be no more."""
        while True:
            try:
                read = os.read(self._messages, 1 << 20)
            except BlockingIOError:
                break
            if not read:
                return None
            self._pending += read
        *lines, self._pending = self._pending.split(b"\n")
        return [json.loads(line) for line in lines]

    def _drain(self, selector: selectors.BaseSelector, output: Callable[[str, str], None]) -> None:
        """Hands on everything that has been printed."""
        for name, descriptor in self._streams.items():
            read = b""
            while True:
                try:
                    part = os.read(descriptor, 1 << 16)
                except BlockingIOError:
                    break
                if not part:
                    if descriptor in selector.get_map():
                        selector.unregister(descriptor)
                    break
                read += part
            if text := self._decoders[name].decode(read):
                output(name, text)


def _reason(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit {code}"
