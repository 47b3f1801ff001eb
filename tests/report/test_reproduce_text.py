from __future__ import annotations

from dataclasses import replace

from stockcast.report.checks import cause, difference, reproduction_text
from stockcast.report.data import plain, reproduction_data
from stockcast.report.text import Page
from stockcast.results import TensorDifference
from tests.report.reproductions import OTHER, SAME


def test_the_same_model_is_one_sentence() -> None:
    assert " ".join(reproduction_text(SAME, Page(100)).split()) == (
        "AAPL: the model was trained again and is the same: all 15 tensors byte by byte, every parameter, and the id "
        "0123456789abcdef."
    )
    assert "the pool of 40 series was trained again" in reproduction_text(replace(SAME, members=40), Page(100))


def test_what_differs_is_counted_and_listed() -> None:
    assert difference(OTHER) == (
        "trained again, other is not the same: 2 of 15 tensors and 1 parameter differ, by at most 2.5e-07; it was "
        "0123456789abcdef and is fedcba9876543210"
    )
    text = reproduction_text(OTHER, Page(100))
    rows = [line.split() for line in text.splitlines() if "ed." in line and "-" in line]
    assert ["scored.readout_SHD", "48", "3", "2.5e-07"] in rows
    assert ["served.centre", "9", "shape", "-"] in rows
    assert "parameters that differ: scored.base_scale.mu" in text
    many = tuple(TensorDifference(f"t{k}", 1, 1, 1.0) for k in range(20))
    assert "and 8 more" in reproduction_text(replace(OTHER, different=many), Page(100))


def test_the_likeliest_cause_is_named() -> None:
    assert "torch 2.9.0, now 2.13.0; arch unknown, now 8.0.0" in cause(OTHER)
    assert "--device cuda" in cause(replace(OTHER, versions={}, device="cuda"))
    moved = replace(OTHER, versions={}, machine={"blas_kernel": ("OpenBLAS Haswell", "OpenBLAS SkylakeX")})
    assert "another processor" in cause(moved)
    assert "blas kernel OpenBLAS Haswell, now OpenBLAS SkylakeX" in cause(moved)
    assert "nobody knows the processor" in cause(replace(moved, machine={"blas_kernel": (None, "OpenBLAS Haswell")}))
    assert cause(replace(OTHER, versions={})).startswith("it is damaged")


def test_the_json_has_every_field() -> None:
    data = plain(reproduction_data(OTHER))
    assert data["different"][0] == {"name": "scored.readout_SHD", "size": 48, "values": 3, "largest": 2.5e-07}
    assert data["kind"] == "other-versions"
    assert data["versions"] == {"torch": ["2.9.0", "2.13.0"], "arch": [None, "8.0.0"]}
