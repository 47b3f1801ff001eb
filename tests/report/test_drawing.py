"""Drawings of characters: several lines on one scale, and the newest of many values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockcast.report.drawing import heights, newest, sparkline
from stockcast.report.page import Page

PAGE, PLAIN = Page(), Page(unicode=False)
LADDER = "▁▂▃▄▅▆▇█"
PRICES = st.lists(st.floats(0.01, 1e6), min_size=1, max_size=60)


def test_heights_go_from_the_bottom_to_the_top_of_the_scale() -> None:
    assert heights(range(8), 0, 7, PAGE) == LADDER
    assert heights(range(8), 0, 7, PLAIN) == "_.-~=+*#"
    assert heights([7, 14], 0, 14, PAGE) == "▅█"


def test_a_scale_without_height_is_drawn_at_the_bottom() -> None:
    assert heights([5.0, 5.0], 5.0, 5.0, PAGE) == "▁▁"
    assert heights([], 0.0, 0.0, PAGE) == ""


@given(PRICES)
def test_a_higher_value_is_never_drawn_lower(values: list[float]) -> None:
    ordered = sorted(values)
    drawn = [LADDER.index(sign) for sign in heights(ordered, ordered[0], ordered[-1], PAGE)]
    assert drawn == sorted(drawn)
    assert drawn[0] == 0
    assert drawn[-1] == (7 if ordered[-1] > ordered[0] else 0)


@given(PRICES, st.integers(1, 60))
def test_the_newest_value_is_among_those_that_are_drawn(values: list[float], most: int) -> None:
    kept = newest(values, most)
    assert len(kept) == min(most, len(values))
    assert kept[-1] == values[-1]
    rest = iter(values)
    assert all(value in rest for value in kept)


@pytest.mark.parametrize(("most", "kept"), [(6, [4, 9, 14, 19, 24, 29]), (29, [*range(28), 29]), (30, [*range(30)])])
def test_of_too_many_values_the_last_of_each_run_is_kept(most: int, kept: list[int]) -> None:
    assert newest(range(30), most)[-1] == 29
    assert newest(range(30), most) == kept


def test_a_sparkline_is_drawn_on_its_own_scale() -> None:
    assert sparkline([3.0, 10.0], PAGE, 10) == heights([3.0, 10.0], 3.0, 10.0, PAGE) == "▁█"
