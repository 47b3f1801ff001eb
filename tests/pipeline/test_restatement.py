from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockcast.prices.history import TOLERANCE, Bars, change_between
from tests import synthetic

PRICES = ("open", "high", "low", "close", "adjusted_close")


def bars(sessions: int = 12) -> Bars:
    h = synthetic.history(sessions)
    assert h.open is not None
    assert h.high is not None
    assert h.low is not None
    assert h.volume is not None
    return Bars(
        h.dates, h.open, h.high, h.low, h.close, h.adjusted_close, h.volume, np.zeros(sessions), np.ones(sessions)
    )


def scaled(of: Bars, until: int, factor: float, names: tuple[str, ...] = PRICES) -> Bars:
    """The first bars with other prices."""
    moved = of
    for name in names:
        values = getattr(of, name).copy()
        values[:until] *= factor
        moved = replace(moved, **{name: values})
    return moved


@given(stored=st.integers(1, 12), since=st.integers(0, 11))
def test_the_same_prices_are_new_or_nothing(stored: int, since: int) -> None:
    whole = bars()
    since = min(since, stored - 1)
    change = change_between(whole.take(np.arange(stored)), whole.take(np.arange(since, 12)))
    assert not change.restated
    assert (change.added, change.corrected) == (12 - stored, 0)
    assert (change.new_or_corrected + since).tolist() == list(range(stored, 12))


@given(since=st.integers(0, 9), event=st.integers(1, 11), factor=st.floats(0.01, 0.999) | st.floats(1.001, 100))
def test_what_moves_the_oldest_common_session_restates_the_past(since: int, event: int, factor: float) -> None:
    """A split or a dividend of session `event` scales what is before it: seen where that is in the overlap."""
    whole = bars()
    for names in (PRICES, ("adjusted_close",)):
        change = change_between(
            whole.take(np.arange(10)), scaled(whole, event, factor, names).take(np.arange(since, 12))
        )
        assert change.restated == (event > since)


@given(noise=st.floats(-0.4, 0.4))
def test_noise_in_the_last_digits_is_no_change(noise: float) -> None:
    whole = bars()
    change = change_between(whole, scaled(whole, 12, 1 + noise * TOLERANCE))
    assert (change.restated, change.added, change.corrected) == (False, 0, 0)


@pytest.mark.parametrize("name", ["open", "high", "low", "close", "adjusted_close", "volume"])
def test_a_single_bar_is_corrected(name: str) -> None:
    whole = bars()
    values = getattr(whole, name).copy()
    values[8] *= 1.01
    change = change_between(whole.take(np.arange(10)), replace(whole, **{name: values}).take(np.arange(3, 12)))
    assert (change.restated, change.added, change.corrected) == (False, 2, 1)
    assert change.new_or_corrected.tolist() == [5, 7, 8]


@pytest.mark.parametrize("known", [True, False])
def test_a_value_that_comes_or_goes_is_a_correction(known: bool) -> None:
    whole = bars()
    volume = whole.volume.copy()
    volume[4] = np.nan
    gap = replace(whole, volume=volume)
    change = change_between(*((gap, whole) if known else (whole, gap)))
    assert change.new_or_corrected.tolist() == [4]
    assert not change_between(gap, gap).corrected


def test_a_session_that_was_missing_is_new() -> None:
    whole = bars()
    change = change_between(whole.take(np.array([0, 1, 3, 4])), whole.take(np.arange(5)))
    assert (change.restated, change.added, change.new_or_corrected.tolist()) == (False, 1, [2])


def test_without_a_common_session_the_past_may_be_another() -> None:
    whole = bars()
    assert change_between(whole.take(np.arange(4)), whole.take(np.arange(6, 12))).restated


def test_no_bars_are_no_change() -> None:
    whole = bars()
    change = change_between(whole, whole.take(np.arange(0)))
    assert (change.restated, change.added, change.corrected, len(change.new_or_corrected)) == (False, 0, 0, 0)
