"""When the package is built again."""

import os

import pytest

from swiftkernel import library

SOURCES = ["Package.swift", "Sources/A/A.swift", "Notebooks/Prelude/P.swift"]
BUILT = "built/libMaskRCNNDynamic.so"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package whose library is newer than its sources."""
    monkeypatch.setattr(library, "PACKAGE", tmp_path)
    for name in [*SOURCES, BUILT]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for path in tmp_path.rglob("*"):
        os.utime(path, (100, 100))
    os.utime(tmp_path / BUILT, (200, 200))
    return tmp_path


def test_nothing_is_built_where_nothing_has_changed(package):
    assert library.Library(package / "built").is_current


@pytest.mark.parametrize("name", SOURCES)
def test_a_changed_source_is_noticed(package, name):
    os.utime(package / name, (300, 300))
    assert not library.Library(package / "built").is_current


def test_a_removed_source_is_noticed(package):
    (package / "Sources/A/A.swift").unlink()
    assert not library.Library(package / "built").is_current


def test_a_missing_library_is_noticed(package):
    assert not library.Library(package / "elsewhere").is_current
