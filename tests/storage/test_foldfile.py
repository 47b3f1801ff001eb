"""Fold files: what is read is what was written, to the bit; what cannot be read is made again."""

from __future__ import annotations

import os
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stockcast.errors import StorageError
from stockcast.models.distribution import Empirical, StudentT
from stockcast.storage.foldfile import FoldFile, key_of, load, save

ABOUT = {"validation_crps": {"lstm": 0.1 + 0.2}, "steps": {"lstm": [3, 5]}, "left_out": {"garch-t": "no, ü"}}
ANY = st.floats(-1e6, 1e6, allow_subnormal=True)


def fold() -> FoldFile:
    draw = np.random.default_rng(0)
    student = StudentT(draw.standard_normal(40), draw.random(40) + 0.1, np.full(40, np.inf))
    return FoldFile({"lstm": student, "fhs-garch": Empirical(draw.standard_normal((40, 7)))}, ABOUT)


def bits(file: FoldFile | None) -> dict[str, bytes]:
    assert file is not None
    return {name: b"".join(array.tobytes() for array in vars(law).values()) for name, law in file.laws.items()}


def test_laws_and_facts_come_back_to_the_bit_and_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "f.npz"
    save(path, fold())
    found = load(path)
    assert bits(found) == bits(fold())
    assert found is not None
    assert list(found.laws) == ["lstm", "fhs-garch"]
    assert found.about == ABOUT


@settings(max_examples=30)
@given(arrays(np.float64, (3, 4), elements=ANY), arrays(np.float64, 3, elements=ANY))
def test_any_numbers_come_back_to_the_bit(values_NK: np.ndarray, loc_N: np.ndarray) -> None:
    made = FoldFile({"e": Empirical(values_NK), "t": StudentT(loc_N, np.exp(loc_N % 3), np.full(3, 2.5))}, {"a": None})
    with tempfile.TemporaryDirectory() as folder:
        save(Path(folder) / "f.npz", made)
        assert bits(load(Path(folder) / "f.npz")) == bits(made)


def test_nothing_is_no_fold(tmp_path: Path) -> None:
    assert load(tmp_path / "none.npz") is None
    assert load(tmp_path) is None


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7, 0.99, 0.9999])
def test_a_torn_file_is_no_fold(share: float, tmp_path: Path) -> None:
    path = tmp_path / "f.npz"
    save(path, fold())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    assert load(path) is None


def test_a_flipped_bit_is_no_fold(tmp_path: Path) -> None:
    path = tmp_path / "f.npz"
    save(path, fold())
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 4
    path.write_bytes(damaged)
    assert load(path) is None


def foreign_text(path: Path) -> None:
    path.write_text("Date,Close\n")


def foreign_array(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.arange(3))


def foreign_archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("about", "{}")
        archive.writestr("t:lstm", "x")


def foreign_arrays(path: Path) -> None:
    np.savez(path, weights=np.arange(3))


def only_facts(path: Path) -> None:
    np.savez(path, about=np.frombuffer(b"{}", np.uint8))


def no_law(path: Path) -> None:
    np.savez(path, about=np.frombuffer(b"{}", np.uint8), **{"t:lstm": np.full((3, 5), np.nan)})


def two_rows(path: Path) -> None:
    np.savez(path, about=np.frombuffer(b"{}", np.uint8), **{"t:lstm": np.ones((2, 5))})


def pickled(path: Path) -> None:
    np.savez(path, about=np.array([{"a": 1}], dtype=object))


FOREIGN = (foreign_text, foreign_array, foreign_archive, foreign_arrays, only_facts, no_law, two_rows, pickled)


@pytest.mark.parametrize("make", FOREIGN)
def test_a_foreign_file_is_no_fold(make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "f.npz"
    make(path)
    assert load(path) is None


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"Not a directory|File exists"):
        save(tmp_path / "file" / "deeper" / "f.npz", fold())
    assert os.listdir(tmp_path) == ["file"]


def test_an_unknown_law_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="no file format for object"):
        save(tmp_path / "f.npz", replace(fold(), laws={"x": object()}))  # type: ignore[dict-item]
    assert os.listdir(tmp_path) == []


def test_a_key_changes_with_what_is_said_and_with_every_array() -> None:
    a, b = np.arange(3.0), np.arange(4.0)
    keys = [
        key_of({"x": 1}, a, b),
        key_of({"x": 2}, a, b),
        key_of({"y": 1}, a, b),
        key_of({"x": 1}, b, a),
        key_of({"x": 1}, a),
        key_of({"x": 1}, np.nextafter(a, 9), b),
    ]
    assert len(set(keys)) == len(keys)
    assert key_of({"x": 1, "y": 2}, a) == key_of({"y": 2, "x": 1}, np.arange(6.0)[:3])
    assert all(key.isalnum() and len(key) == 24 for key in keys)
