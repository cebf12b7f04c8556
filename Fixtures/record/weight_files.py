"""Small weight files and arrays for the readers' tests, whole and malicious ones.

    python weight_files.py            write ../weight-files/ and ../arrays/, each with a notes.json that says how
                                      every file was made
    python weight_files.py check F    load F, a .safetensors file that Swift wrote, with torch

Needs torch 2.12.1, numpy and safetensors. Values are multiples of 1/4, exact in every float format, so that the tests
can state them as formulas. None of the malicious files is ever loaded here.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import pickle
import sys
import warnings
import zipfile
from collections import Counter, OrderedDict, defaultdict
from pathlib import Path

import numpy as np
import safetensors
import torch
from safetensors.torch import load_file, save_file

FIXTURES = Path(__file__).resolve().parent.parent
WEIGHTS = FIXTURES / "weight-files"
ARRAYS = FIXTURES / "arrays"


def ramp(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """0, 1/4, 2/4, … in row-major order."""
    return (torch.arange(int(np.prod(shape))) / 4).to(dtype).reshape(shape)


def tensors() -> dict[str, torch.Tensor]:
    """One tensor for each thing that a reader may get wrong."""
    base = ramp(4, 6)
    return OrderedDict(
        float=ramp(2, 3),
        half=ramp(5, dtype=torch.float16),
        bfloat=ramp(3, 2, dtype=torch.bfloat16),
        double=ramp(4, dtype=torch.float64),
        long=torch.arange(3),
        scalar=torch.tensor(7),
        empty=torch.zeros(0, 3),
        whole=base,
        transposed=base.t(),  # shares its storage with `whole`
        part=base[1:3, 2:5],  # and this one begins inside it
        parameter=torch.nn.Parameter(ramp(2, 2)),
    )


class Malicious:
    """Whoever unpickles this runs a command."""

    def __reduce__(self):
        return os.system, ("echo this must never run",)


def replace_pickle(path: Path, content: bytes, compression: int = zipfile.ZIP_STORED) -> None:
    """Write a zip like torch.save's with another pickle in it."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in (("archive/data.pkl", content), ("archive/byteorder", b"little"), ("archive/version", b"3")):
            archive.writestr(zipfile.ZipInfo(name), data, compression)


def write_weights() -> dict[str, str]:
    WEIGHTS.mkdir(exist_ok=True)
    notes = {}

    def note(name: str, text: str) -> Path:
        notes[name] = text
        return WEIGHTS / name

    values = tensors()
    torch.save(values, note("zip.pth", "torch.save of tensors()"))
    torch.save(
        values,
        note("legacy.pth", "the same with _use_new_zipfile_serialization=False"),
        _use_new_zipfile_serialization=False,
    )
    torch.save(values, note("protocol4.pth", "the same as zip.pth with pickle_protocol=4"), pickle_protocol=4)
    layer = torch.nn.Linear(3, 2)
    layer.load_state_dict({"weight": ramp(2, 3), "bias": ramp(2)})
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9)
    layer(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    layer.load_state_dict({"weight": ramp(2, 3), "bias": ramp(2)})
    checkpoint = {"model": layer.state_dict(), "epoch": 3, "optimizer": optimizer.state_dict(), "best": 0.25}
    torch.save(checkpoint, note("checkpoint.pth", "a training checkpoint: model, epoch, optimizer with momentum"))
    torch.save(
        checkpoint,
        note("checkpoint_legacy.pth", "the same in the older format"),
        _use_new_zipfile_serialization=False,
    )
    plain = {name: tensor.detach().contiguous().clone() for name, tensor in values.items()}
    save_file(
        plain,
        note("plain.safetensors", "safetensors.torch.save_file of tensors(), made contiguous"),
        metadata={"class_names": '["a", "b"]', "made by": "weight_files.py"},
    )
    save_file(
        {"good": ramp(2), "bad": torch.tensor([1.0, float("nan")])}, note("nan.safetensors", "one value is not a number")
    )
    torch.save(
        {"bad": torch.tensor([1.0, float("inf")]).half()}, note("infinity.pth", "one 16-bit value is infinite")
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(layer, note("whole_module.pth", "a pickled torch.nn.Linear instead of its state_dict"))
    torch.save({"epoch": 3, "names": ["a"]}, note("no_tensors.pth", "a dictionary without tensors"))
    two = {"generator": {"w": ramp(2)}, "critic": {"w": ramp(2)}}
    torch.save(two, note("two_models.pth", "two dictionaries of tensors"))
    two["step"] = torch.tensor(3)
    torch.save(two, note("two_models_counted.pth", "two dictionaries of tensors, and a tensor beside them"))

    hyper = argparse.Namespace(lr=0.1, steps=[1, 2], path=Path("/data"))
    opaque = {
        "args": hyper, "counts": Counter(a=2), "more": defaultdict(list, a=[hyper]), "set": {1, 2},
        "numpy": np.float64(0.5), "model": layer.state_dict(), "quantised": torch.quantize_per_tensor(
            torch.ones(2), 0.5, 0, torch.quint8),
    }  # fmt: skip
    for protocol in (2, 4):
        torch.save(
            opaque,
            note(f"opaque_beside_{protocol}.pth", f"a model and other objects beside it, protocol {protocol}"),
            pickle_protocol=protocol,
        )
    torch.save(
        {"weight": ramp(2, 3), "args": hyper}, note("opaque_inside.pth", "another object among the tensors")
    )
    torch.jit.save(torch.jit.trace(layer, torch.ones(1, 3)), note("script.pt", "TorchScript of a torch.nn.Linear"))
    zoo = {"model": {"backbone.bottom_up.stem.conv1.weight": np.zeros(2, np.float32)}, "__author__": "Detectron2"}
    note("detectron2.pkl", "a pickle such as detectron2's model zoo has").write_bytes(pickle.dumps(zoo, protocol=2))
    torch.save({"model": hyper, "epoch": 3}, note("opaque_model.pth", "another object in the model's place"))
    for protocol in (0, 2, 4):
        replace_pickle(
            note(f"malicious_{protocol}.pth", f"a zip whose pickle, protocol {protocol}, calls os.system"),
            pickle.dumps({"w": Malicious()}, protocol=protocol),
        )
    header = io.BytesIO()
    torch.save({}, header, _use_new_zipfile_serialization=False)
    header.seek(0)
    for _ in range(3):
        pickle.load(header)  # magic number, version and system: harmless and written above
    head = header.getvalue()[: header.tell()]
    note("malicious_legacy.pth", "the older format whose object calls os.system").write_bytes(
        head + pickle.dumps({"w": Malicious()}, protocol=2)
    )
    note("malicious_bare_0.pkl", "a bare pickle, protocol 0, that calls os.system").write_bytes(
        pickle.dumps(Malicious(), protocol=0)
    )
    note("malicious_bare_4.pkl", "a bare pickle, protocol 4, that calls os.system").write_bytes(
        pickle.dumps(Malicious(), protocol=4)
    )
    note("malicious_inst.pkl", "a bare pickle that calls os.system with the INST instruction").write_bytes(
        b"\x80\x02(S'echo this must never run'\nios\nsystem\n."
    )
    note("malicious_eval.pkl", "a bare pickle that calls builtins.eval").write_bytes(
        b"\x80\x02cbuiltins\neval\nX\x03\x00\x00\x001+1\x85R."
    )
    replace_pickle(
        note("compressed.pth", "zip.pth's kind of file, but deflated"),
        pickle.dumps({"w": "x" * 100}, protocol=2),
        zipfile.ZIP_DEFLATED,
    )
    replace_pickle(note("view_bomb.pth", "a tensor of 10^12 elements over a storage of one"), view_bomb())
    return notes


def view_bomb() -> bytes:
    """A pickle that describes a small storage seen as an enormous tensor."""
    return (
        b"\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n"
        b"((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01tQ"
        b"K\x00\x8a\x06\x00\x10\xa5\xd4\xe8\x00\x85K\x00\x85\x89}tRs."
    )


def write_arrays() -> dict[str, str]:
    ARRAYS.mkdir(exist_ok=True)
    notes = {}

    def save(name: str, array: np.ndarray, text: str) -> None:
        np.save(ARRAYS / name, array)
        notes[name] = text

    ramp = np.arange(-3, 3).reshape(2, 3)
    save("float32.npy", (ramp / 4).astype("<f4"), "-0.75, -0.5, … as 2 x 3 of <f4")
    save("float16.npy", (ramp / 4).astype("<f2"), "-0.75, -0.5, … as 2 x 3 of <f2")
    save("int32.npy", ramp.astype("<i4"), "-3 … 2 as 2 x 3 of <i4")
    save("int64.npy", ramp.astype("<i8"), "-3 … 2 as 2 x 3 of <i8")
    save("uint8.npy", (ramp + 253).astype("u1"), "250 … 255 as 2 x 3 of |u1")
    save("bool.npy", ramp > 0, "which of -3 … 2 are positive")
    save("scalar.npy", np.float32(1.5), "1.5, no axes")
    save("vector.npy", np.arange(4, dtype="<f4"), "0 … 3, one axis")
    save("empty.npy", np.zeros((0, 3), "<f4"), "0 x 3")
    save("fortran.npy", np.asfortranarray((ramp / 4).astype("<f4")), "column by column: refused")
    save("big_endian.npy", ramp.astype(">f4"), "big end first: refused")
    save("complex.npy", ramp.astype("<c8"), "complex numbers: refused")
    with open(ARRAYS / "version2.npy", "wb") as file:
        np.lib.format.write_array(file, (ramp / 4).astype("<f4"), version=(2, 0))
    notes["version2.npy"] = "float32.npy with a header of version 2.0"
    return notes


def check(path: str) -> None:
    """Print what torch finds in a file that Swift wrote."""
    for name, tensor in sorted(load_file(path).items()):
        print(name, tensor.dtype, list(tensor.shape), tensor.float().flatten()[:4].tolist())


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "check":
        check(sys.argv[2])
    elif len(sys.argv) == 1:
        versions = {"torch": torch.__version__, "numpy": np.__version__, "safetensors": safetensors.__version__}
        for folder, notes in ((WEIGHTS, write_weights()), (ARRAYS, write_arrays())):
            content = {"script": "Fixtures/record/weight_files.py", "versions": versions, "files": notes}
            (folder / "notes.json").write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    else:
        sys.exit(__doc__)
