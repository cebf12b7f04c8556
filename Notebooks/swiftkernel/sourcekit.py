"""A process that answers requests to SourceKit, the part of the toolchain that editors ask.

It reads requests in SourceKit's YAML, each as a JSON string on a line of standard input, and writes
each answer's description as a JSON string on a line. It is a process of its own, so that a fault of
the library does not end the kernel.
"""

import ctypes
import json
import os
import pathlib
import shutil
import sys


def library() -> pathlib.Path | None:
    """The toolchain's library; None where it has none of this name."""
    compiler = shutil.which("swiftc")
    if not compiler:
        return None
    path = pathlib.Path(os.path.realpath(compiler)).parent.parent / "lib" / "libsourcekitdInProc.so"
    return path if path.exists() else None


def main() -> None:
    """Answers until standard input ends."""
    kit = ctypes.CDLL(str(library()))
    kit.sourcekitd_request_create_from_yaml.restype = ctypes.c_void_p
    kit.sourcekitd_send_request_sync.restype = ctypes.c_void_p
    kit.sourcekitd_send_request_sync.argtypes = [ctypes.c_void_p]
    kit.sourcekitd_response_description_copy.restype = ctypes.c_void_p
    kit.sourcekitd_response_description_copy.argtypes = [ctypes.c_void_p]
    kit.sourcekitd_response_dispose.argtypes = [ctypes.c_void_p]
    kit.sourcekitd_request_release.argtypes = [ctypes.c_void_p]
    libc = ctypes.CDLL(None)
    libc.free.argtypes = [ctypes.c_void_p]
    kit.sourcekitd_initialize()
    for line in sys.stdin:
        request = kit.sourcekitd_request_create_from_yaml(json.loads(line).encode(), None)
        answer = ""
        if request:
            response = kit.sourcekitd_send_request_sync(request)
            text = kit.sourcekitd_response_description_copy(response)
            answer = ctypes.string_at(text).decode("utf8", "replace")
            libc.free(text)
            kit.sourcekitd_response_dispose(response)
            kit.sourcekitd_request_release(request)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
