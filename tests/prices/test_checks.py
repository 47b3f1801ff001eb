"""What the checks repair, what they refuse, and in which words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stockcast.errors import DataError
from stockcast.prices.checks import validated
from tests.prices.plain import SESSIONS, bars, closes, put


def test_bars_without_fault_pass_unchanged_and_without_a_note() -> None:
    raw = bars()
    history = validated(raw)
    for name in ("dates", "close", "adjusted_close", "open", "high", "low", "volume"):
        np.testing.assert_array_equal(getattr(history, name), getattr(raw, name))
    assert (history.ticker, history.source, history.splits, history.notes) == ("AAPL", "data/AAPL.csv", None, ())


@pytest.mark.parametrize("sessions", [0, 1])
def test_fewer_than_two_rows_are_refused(sessions: int) -> None:
    with pytest.raises(DataError, match=f"has {sessions} row"):
        validated(bars().take(np.arange(sessions)))


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
@pytest.mark.parametrize("name", ["open", "high", "low"])
def test_a_price_that_is_none_becomes_missing_with_a_note(name: str, value: float) -> None:
    raw = bars()
    history = validated(replace(raw, **{name: put(getattr(raw, name), 5, value)}))
    values = getattr(history, name)
    assert np.flatnonzero(np.isnan(values)).tolist() == [5]
    assert history.notes == (f"No {name} in 1 row, among them 2021-01-11.",)


def test_a_column_that_is_mostly_missing_is_none() -> None:
    raw = bars()
    assert raw.open is not None
    opening = raw.open.copy()
    opening[:31] = 0.0
    history = validated(replace(raw, open=opening))
    assert history.open is None
    assert history.notes == ("No open prices: volatility is measured from closes only.",)


def test_missing_columns_are_told() -> None:
    history = validated(closes(100, 101, 102))
    assert history.notes == (
        "No open, high, low prices: volatility is measured from closes only.",
        "No volume: features that use it are left out.",
        "No adjusted close: dividends are not accounted for.",
    )
    np.testing.assert_array_equal(history.adjusted_close, history.close)


def test_a_close_that_is_adjusted_misses_nothing() -> None:
    notes = validated(replace(closes(100, 101, 102), close_is_adjusted=True)).notes
    assert not any("dividends" in note for note in notes)


def test_a_high_below_the_low_empties_that_row_and_many_are_refused() -> None:
    raw = bars()
    history = validated(replace(raw, high=put(raw.high, 5, 90.0)))
    for values in (history.open, history.high, history.low):
        assert values is not None
        assert np.flatnonzero(np.isnan(values)).tolist() == [5]
    assert history.notes == ("Open, high and low contradict each other on 2021-01-11 and are not used there.",)
    with pytest.raises(DataError, match=r"row 2 .*the high is below the low, as in 60 of 60 rows"):
        validated(replace(raw, high=raw.low, low=raw.high))


def test_a_high_below_the_low_by_no_more_than_rounding_is_mended_in_silence() -> None:
    raw = bars()
    level = raw.close[5]
    columns = {"open": level, "high": level * 0.999, "low": level * 1.001}
    history = validated(replace(raw, **{name: put(getattr(raw, name), 5, value) for name, value in columns.items()}))
    assert history.high is not None
    assert history.low is not None
    assert (history.high[5], history.low[5], history.notes) == (level, level, ())


@pytest.mark.parametrize(("excess", "noted"), [(0.004, False), (0.01, True)])
def test_high_and_low_are_widened_to_hold_open_and_close(excess: float, noted: bool) -> None:
    raw = bars()
    assert raw.open is not None
    top, bottom = max(raw.open[5], raw.close[5]), min(raw.open[8], raw.close[8])
    high, low = put(raw.high, 5, top * (1 - excess)), put(raw.low, 8, bottom * (1 + excess))
    history = validated(replace(raw, high=high, low=low))
    assert history.high is not None
    assert history.low is not None
    assert (history.high[5], history.low[8]) == (top, bottom)
    assert bool(history.notes) is noted


def test_ranges_of_another_price_level_are_not_used() -> None:
    raw = bars()
    history = validated(replace(raw, close=raw.close / 2))
    assert (history.open, history.high, history.low) == (None, None, None)
    assert "do not fit the close in 60 rows" in history.notes[0]


@pytest.mark.parametrize("impossible", [-5.0, np.inf])
def test_impossible_volumes_are_missing_and_zeros_stay(impossible: float) -> None:
    raw = bars()
    history = validated(replace(raw, volume=put(put(raw.volume, 3, impossible), 4, 0.0)))
    assert history.volume is not None
    assert np.flatnonzero(np.isnan(history.volume)).tolist() == [3]
    assert history.volume[4] == 0
    assert history.notes == ("Impossible volumes on 2021-01-07 count as missing.",)


@pytest.mark.parametrize("factor", [1e-10, 1e10])
def test_an_adjusted_close_that_has_nothing_to_do_with_the_close_leaves_its_bar_out(factor: float) -> None:
    raw = bars()
    history = validated(replace(raw, adjusted_close=put(raw.adjusted_close, 9, raw.close[9] * factor)))
    assert len(history) == SESSIONS - 1
    (note,) = history.notes
    assert note.startswith(f"The adjusted close has nothing to do with the close on {raw.dates[9]}: ")


def test_a_column_of_zero_volumes_is_none() -> None:
    history = validated(replace(bars(), volume=np.zeros(SESSIONS)))
    assert history.volume is None
    assert history.notes == ("No volume: features that use it are left out.",)
