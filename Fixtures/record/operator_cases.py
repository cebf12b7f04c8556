"""Case lists: golden fixtures of single operations, several cases to a folder.

``cases.json`` of a folder::

    {
      "format": 1,
      "operator": "roi_align",
      "reference": "what computed the outputs",
      "note": "what is worth knowing of all cases",
      "cases": [
        {
          "name": "scale4-aligned-ratio2-7x7",
          "parameters": {"aligned": true, "samplingRatio": 2, ...},
          "inputs": {"features": "features.npy", "boxes": "boxes-scale4.npy"},
          "outputs": {"pooled": "scale4-aligned-ratio2-7x7.pooled.npy"},
          "expected": {"counts": "..."},
          "note": ""
        }
      ]
    }

``parameters`` and ``expected`` hold booleans, numbers, words and lists of numbers; ``inputs`` and
``outputs`` name ``.npy`` files in the same folder. Inputs that several cases share are one file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from torch import Tensor

from golden_files import GOLDEN, as_array, empty_folder, json_bytes, npy_bytes, write, write_how

Value = bool | int | float | str | list[float]
Array = Tensor | np.ndarray


class CaseList:
    """The cases of one operation, written to ``Fixtures/golden/operators/NAME``."""

    def __init__(self, operator: str, reference: str, seed: int, note: str = "") -> None:
        self.folder: Path = empty_folder(GOLDEN / "operators" / operator)
        self.seed = seed
        self._record = {
            "format": 1,
            "operator": operator,
            "reference": reference,
            "note": note,
            "cases": [],
        }
        self._shared: dict[str, bytes] = {}

    def share(self, name: str, values: Array) -> str:
        """Writes an input once and returns its file's name, to be given to ``add``."""
        file = f"{name}.npy"
        data = npy_bytes(as_array(values))
        if self._shared.setdefault(file, data) != data:
            raise ValueError(f"{file} was written before with other values")
        write(self.folder / file, data)
        return file

    def add(
        self,
        name: str,
        inputs: Mapping[str, Array | str],
        outputs: Mapping[str, Array],
        parameters: Mapping[str, Value] | None = None,
        expected: Mapping[str, Value] | None = None,
        note: str = "",
    ) -> None:
        """Adds a case. Inputs are arrays, or names that ``share`` returned."""
        if any(case["name"] == name for case in self._record["cases"]):
            raise ValueError(f"there are two cases {name}")
        self._record["cases"].append(
            {
                "name": name,
                "parameters": dict(parameters or {}),
                "inputs": {
                    key: value if isinstance(value, str) else self.share(f"{name}.{key}", value)
                    for key, value in inputs.items()
                },
                "outputs": {
                    key: self.share(f"{name}.{key}", value) for key, value in outputs.items()
                },
                "expected": dict(expected or {}),
                "note": note,
            }
        )

    def close(self) -> None:
        """Writes ``cases.json`` and ``how.json``."""
        write(self.folder / "cases.json", json_bytes(self._record))
        write_how(self.folder, "operators", self.seed)
        size = sum(file.stat().st_size for file in self.folder.iterdir())
        print(f"  {self.folder.name}: {len(self._record['cases'])} cases, {size / 1e3:.0f} kB")
