from __future__ import annotations

from math import inf, nan

import pytest

from stockcast.report import tables


@pytest.mark.parametrize(
    ("value", "words"),
    [(122.154, "122.15"), (4012.3, "4,012.30"), (9.87654321, "9.8765"), (0.012345678, "0.012346"), (nan, "-")],
)
def test_a_price_keeps_the_digits_that_matter_at_its_size(value: float, words: str) -> None:
    assert tables.price(value) == words


def test_shares_are_written_in_percent() -> None:
    assert tables.percent(0.5125) == "51.2 %"
    assert tables.percent(0.004, 2, signed=True) == "+0.40 %"
    assert tables.percent(None) == "-"
    assert tables.percent(nan) == "-"


def test_small_p_values_are_bounds() -> None:
    assert [tables.p_value(p) for p in (0.0004, 0.0205, 1.0, nan, None)] == ["<0.001", "0.021", "1.000", "-", "-"]


def test_log_returns_are_written_in_basis_points() -> None:
    assert [tables.basis_points(r) for r in (0.0112, inf)] == ["112.00", "-"]


def test_one_session_is_not_several() -> None:
    assert [tables.count(n, "session") for n in (0, 1, 1200)] == ["0 sessions", "1 session", "1,200 sessions"]


def test_numbers_that_are_undefined_are_a_dash() -> None:
    assert [tables.number(x) for x in (None, nan, 2.5)] == ["-", "-", "2.500"]
