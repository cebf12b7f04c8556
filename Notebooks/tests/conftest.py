"""A running kernel, as a notebook has one."""

import dataclasses
import pathlib
import sys
import time

import pytest
from jupyter_client.manager import KernelManager

NOTEBOOKS = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(NOTEBOOKS))

LONGEST_CELL = 60


@dataclasses.dataclass
class Result:
    """What a cell gave."""

    status: str
    error: str
    stdout: str
    stderr: str
    # By MIME type, in order.
    shown: list[dict]
    # What arrived in which order: `stdout`, `shown`.
    order: list[str]
    # How long the reply took; measured, never tested.
    seconds: float


class Notebook:
    """Runs cells in one kernel."""

    def __init__(self):
        from swiftkernel.install import NAME

        self.manager = KernelManager(kernel_name=NAME)
        self.manager.start_kernel(cwd=str(NOTEBOOKS))
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def start(self, code: str, cell: str | None = None) -> str:
        """Sends a cell, and does not wait for it; `cell` is the notebook's name for it."""
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}}
        content |= {"allow_stdin": False, "stop_on_error": False}
        message = self.client.session.msg("execute_request", content)
        if cell:
            message["metadata"]["cellId"] = cell
        self.client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def wait(self, request: str, until=lambda message: False) -> Result:
        """Collects what a cell gives until it has ended, or until a message that `until` picks."""
        began = time.monotonic()
        result = Result("", "", "", "", [], [], 0)
        while True:
            message = self.client.get_iopub_msg(timeout=LONGEST_CELL)
            if message["parent_header"].get("msg_id") != request:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                setattr(result, content["name"], getattr(result, content["name"]) + content["text"])
                # A line may arrive in pieces.
                if result.order[-1:] != [content["name"]]:
                    result.order.append(content["name"])
            elif kind == "display_data":
                result.shown.append(content["data"])
                result.order.append("shown")
            elif kind == "error":
                result.error = content["evalue"]
            if until(message):
                return result
            if kind == "status" and content["execution_state"] == "idle":
                break
        result.status, result.seconds = self.reply(request)["status"], time.monotonic() - began
        return result

    def run(self, code: str, cell: str | None = None) -> Result:
        """Runs a cell to its end."""
        return self.wait(self.start(code, cell))

    def complete(self, code: str) -> list[str]:
        """The completions at the end of a cell's text."""
        return self.reply(self.client.complete(code, len(code)))["matches"]

    def explain(self, code: str) -> str:
        """What the name at the end of a cell's text means."""
        return self.reply(self.client.inspect(code, len(code)))["data"]["text/plain"]

    def reply(self, request: str) -> dict:
        """The reply to a request."""
        while True:
            reply = self.client.get_shell_msg(timeout=LONGEST_CELL)
            if reply["parent_header"].get("msg_id") == request:
                return reply["content"]

    def close(self):
        """Ends the kernel."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def notebook():
    """A kernel of the test's own."""
    notebook = Notebook()
    yield notebook
    notebook.close()
