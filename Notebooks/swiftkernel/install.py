"""Tells Jupyter about the kernel."""

import json
import pathlib
import sys
import tempfile

from jupyter_client.kernelspec import KernelSpecManager

NAME = "swift-maskrcnn"


def install() -> None:
    """Registers the kernel in the environment of this Python."""
    if sys.platform != "linux":
        sys.exit(f"{sys.platform}: the kernel runs on Linux only. Use a container with Linux.")
    spec = {
        "argv": [sys.executable, "-m", "swiftkernel", "-f", "{connection_file}"],
        "display_name": "Swift (Mask R-CNN)",
        "language": "swift",
        "interrupt_mode": "signal",
        # The package is imported from where it is: there is no second copy to keep up to date.
        "env": {"PYTHONPATH": str(pathlib.Path(__file__).resolve().parent.parent)},
    }
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "kernel.json").write_text(json.dumps(spec, indent=2))
        place = KernelSpecManager().install_kernel_spec(folder, NAME, prefix=sys.prefix)
    print(f"The kernel “Swift (Mask R-CNN)” is installed in {place}")
