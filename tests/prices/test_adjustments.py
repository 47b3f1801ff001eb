"""Splits: stated ones, forgotten ones, and crashes that are none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stockcast.errors import DataError
from stockcast.prices.adjustments import tick_at
from stockcast.prices.checks import validated
from stockcast.prices.history import Floats, RawBars

SESSIONS, AT = 60, 40


def traded(ratio: float, surge: float = 1.0, drift: float = 0.0) -> RawBars:
    """Bars as traded of a quiet stock, `ratio` new shares per old share from session AT.

    surge: volume of that session over what the split alone would make it. drift: its log return from open to close.
    """
    factor = np.where(np.arange(SESSIONS) < AT, 1.0, 1 / ratio)
    close = (100 + np.sin(np.arange(SESSIONS))) * factor
    opening = (100 + np.cos(np.arange(SESSIONS))) * factor
    close[AT:] *= np.exp(drift) * opening[AT] / close[AT]
    volume = 1e6 / factor
    volume[AT] *= surge
    return RawBars(
        ticker="AAPL",
        dates=np.busday_offset("2021-01-04", np.arange(SESSIONS)).astype("datetime64[D]"),
        close=close,
        open=opening,
        high=np.maximum(opening, close) * 1.01,
        low=np.minimum(opening, close) / 1.01,
        volume=volume,
        label="AAPL.csv",
        rows=np.arange(2, SESSIONS + 2),
    )


def stated(ratio: float) -> Floats:
    splits = np.ones(SESSIONS)
    splits[AT] = ratio
    return splits


@pytest.mark.parametrize(
    ("ratio", "name"), [(1.5, "3:2"), (2, "2:1"), (4, "4:1"), (7, "7:1"), (20, "20:1"), (0.5, "1:2"), (0.125, "1:8")]
)
def test_a_split_that_nothing_adjusts_for_is_refused_with_its_date(ratio: float, name: str) -> None:
    raw = traded(ratio)
    with pytest.raises(DataError, match=rf"row 42 \({raw.dates[AT]}\): .* looks like a {name} split") as error:
        validated(raw)
    assert error.value.hint == (
        f"Use a file with an adjusted close column, or leave out what lies before with --start {raw.dates[AT]}."
    )
    assert len(validated(raw.take(np.arange(AT, SESSIONS)))) == SESSIONS - AT


def test_a_split_that_is_stated_on_the_first_bar_has_no_move_to_be_seen_in() -> None:
    raw, splits = traded(1.0), np.ones(SESSIONS)
    splits[0] = 2.0
    history = validated(replace(raw, splits=splits))
    assert history.notes == validated(replace(raw, splits=np.ones(SESSIONS))).notes
    np.testing.assert_allclose(history.adjusted_close / history.close, 2.0)


def test_of_several_splits_the_latest_is_named() -> None:
    raw = traded(2)
    earlier = np.where(np.arange(SESSIONS) < 20, 3.0, 1.0)
    raw = replace(raw, close=raw.close * earlier, open=None, high=None, low=None)
    with pytest.raises(DataError, match=rf"{raw.dates[AT]}.* a 2:1 split that is not adjusted for, and 1 more before"):
        validated(raw)


def test_a_stated_split_is_adjusted_for() -> None:
    raw = replace(traded(4), splits=stated(4))
    history = validated(raw)
    assert history.splits is not None
    np.testing.assert_array_equal(history.adjusted_close[:AT], raw.close[:AT])
    np.testing.assert_allclose(history.adjusted_close[AT:], raw.close[AT:] * 4, rtol=1e-14)
    np.testing.assert_array_equal(history.splits, stated(4))
    assert history.notes == ("No adjusted close: dividends are not accounted for.",)


def test_a_stated_split_that_the_adjusted_close_forgot_is_adjusted_for() -> None:
    raw = traded(4)
    history = validated(replace(raw, adjusted_close=raw.close, splits=stated(4)))
    np.testing.assert_array_equal(history.adjusted_close[:AT], raw.close[:AT])
    np.testing.assert_allclose(history.adjusted_close[AT:], raw.close[AT:] * 4, rtol=1e-14)
    assert history.notes == (f"The adjusted close was adjusted for splits on {raw.dates[AT]}.",)


def test_a_split_that_an_adjusted_close_forgot_and_nothing_states_is_noted() -> None:
    raw = traded(2)
    history = validated(replace(raw, adjusted_close=0.9 * raw.close, splits=np.ones(SESSIONS)))
    np.testing.assert_array_equal(history.adjusted_close, 0.9 * raw.close)
    assert history.notes == (f"The adjusted close moves as if by a split on {raw.dates[AT]}; it is believed.",)


def test_an_adjusted_close_that_equals_the_close_is_none() -> None:
    raw = traded(2)
    with pytest.raises(DataError, match="2:1 split"):
        validated(replace(raw, adjusted_close=raw.close))


def test_splits_of_closes_that_are_adjusted_for_them_do_not_count() -> None:
    raw = traded(1)
    history = validated(replace(raw, splits=stated(4)))
    assert history.splits is not None
    assert set(history.splits.tolist()) == {1.0}
    np.testing.assert_array_equal(history.adjusted_close, history.close)
    assert f"The closes are adjusted already for the splits stated on {raw.dates[AT]}." in history.notes


def test_a_repair_changes_nothing_that_came_before_it() -> None:
    """What a session's forecast sees must not depend on a split of later years."""
    raw = replace(traded(4), splits=stated(4))
    before, whole = validated(raw.take(np.arange(AT))), validated(raw)
    assert before.adjusted_close.tobytes() == whole.adjusted_close[:AT].tobytes()
    slipped = replace(traded(1), adjusted_close=traded(1).close * np.where(np.arange(SESSIONS) < AT, 0.5, 1.0))
    before, whole = validated(slipped.take(np.arange(AT))), validated(slipped)
    assert before.adjusted_close.tobytes() == whole.adjusted_close[:AT].tobytes()
    assert "believed" in whole.notes[0]


@pytest.mark.parametrize("code", [0.0, np.nan, -1.0, np.inf])
def test_other_codes_for_no_split_become_one(code: float) -> None:
    history = validated(replace(traded(1), splits=np.full(SESSIONS, code)))
    assert history.splits is not None
    assert set(history.splits.tolist()) == {1.0}


def test_a_crash_by_half_on_the_volume_of_a_crash_is_no_split() -> None:
    assert len(validated(traded(2, surge=5.0))) == SESSIONS
    with pytest.raises(DataError):
        validated(traded(2, surge=3.0))


@pytest.mark.parametrize("ratio", [1.3, 1.62, 2.2, 0.65])
def test_a_fall_that_meets_no_ratio_is_no_split(ratio: float) -> None:
    assert len(validated(traded(ratio))) == SESSIONS


def test_a_takeover_at_a_premium_of_a_half_is_no_split() -> None:
    assert len(validated(traded(1 / 1.5))) == SESSIONS


def test_a_fall_in_the_course_of_the_day_is_no_split() -> None:
    raw = traded(1, drift=-np.log(2))
    assert len(validated(raw)) == SESSIONS


def test_without_opens_a_fall_by_a_third_is_believed_and_one_by_half_is_not() -> None:
    def closes_only(raw: RawBars) -> RawBars:
        return replace(raw, open=None, high=None, low=None, volume=None)

    assert len(validated(closes_only(traded(1.5)))) == SESSIONS
    with pytest.raises(DataError, match="2:1 split"):
        validated(closes_only(traded(2)))


@pytest.mark.parametrize("factor", [100.0, 0.01, 1 / 1.5])
@pytest.mark.parametrize("ranges", [True, False])
def test_one_bar_in_another_unit_is_left_out(factor: float, ranges: bool) -> None:
    raw = traded(1)
    scale = np.where(np.arange(SESSIONS) == 30, factor, 1.0)
    assert raw.open is not None
    assert raw.high is not None
    assert raw.low is not None
    raw = replace(raw, close=raw.close * scale, open=raw.open * scale, high=raw.high * scale, low=raw.low * scale)
    history = validated(raw if ranges else replace(raw, open=None, high=None, low=None))
    assert len(history) == SESSIONS - 1
    assert any(f"{raw.dates[30]}: prices far from those" in note for note in history.notes)


def test_a_jump_that_only_the_adjustment_makes_is_taken_back() -> None:
    # The split is adjusted for twice: on its day, and on the day before, when the close did not move.
    raw = traded(1.5)
    once = np.where(np.arange(SESSIONS) < AT, raw.close / 1.5, raw.close)
    twice = np.where(np.arange(SESSIONS) < AT - 1, once / 1.5, once)
    history = validated(replace(raw, adjusted_close=twice, splits=stated(1.5)))
    np.testing.assert_allclose(np.diff(np.log(history.adjusted_close)), np.diff(np.log(once)), atol=1e-12)
    assert history.notes == (
        f"The adjusted close jumps without the close on {raw.dates[AT - 1]}: the close was believed.",
    )


def test_dividends_stay_in_the_adjusted_close() -> None:
    raw = traded(1)
    paid = np.where(np.arange(SESSIONS) < AT, 0.97, 1.0)
    history = validated(replace(raw, adjusted_close=raw.close * paid))
    np.testing.assert_array_equal(history.adjusted_close, raw.close * paid)


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (100, "a 100:1 split, or pence and pounds, that"),
        (0.01, "a 1:100 split, or pence and pounds, that"),
        (1000, "a 1000:1 split, or a currency and its thousands, that"),
        (1e6, "a 1000000:1 split, or another currency or unit, that"),
        (0.1, "a 1:10 split, or another currency or unit, that"),
        (20, "a 20:1 split, or another currency or unit, that"),
        (37, r"a 3\d:1 split, or another currency or unit, that"),
        (1 / 11, r"a 1:1\d split, or another currency or unit, that"),
        (145, r"a 1[45]\d:1 split, or another currency or unit, that"),
    ],
)
def test_a_factor_that_a_unit_may_make_is_named_so(ratio: float, words: str) -> None:
    with pytest.raises(DataError, match=words):
        validated(replace(traded(ratio), volume=np.full(SESSIONS, 1e6)))


@pytest.mark.parametrize("drift", [-0.12, 0.12])
def test_another_unit_is_found_on_a_lively_day_and_whatever_the_volume(drift: float) -> None:
    raw = traded(0.01, surge=50.0, drift=drift)
    with pytest.raises(DataError, match="pence and pounds") as error:
        validated(raw)
    assert error.value.hint == (
        f"Use a file in one unit, or leave out what lies before with --start {raw.dates[AT]} (20 bars are left)."
    )


def test_a_crash_by_a_factor_of_ten_in_the_course_of_the_day_or_in_the_news_is_none() -> None:
    assert len(validated(traded(1, drift=-np.log(12)))) == SESSIONS
    assert len(validated(traded(17, surge=5.0))) == SESSIONS


@pytest.mark.parametrize("ratio", [20, 0.01, 37])
def test_a_large_split_that_is_stated_is_adjusted_for(ratio: float) -> None:
    raw = replace(traded(ratio, drift=0.08), splits=stated(ratio))
    moves = np.diff(np.log(validated(raw).adjusted_close))
    assert np.abs(moves).max() < 0.1


def test_another_unit_is_refused_in_an_adjusted_close_too() -> None:
    raw = traded(100)
    with pytest.raises(DataError, match="pence and pounds"):
        validated(replace(raw, adjusted_close=0.9 * raw.close))


def test_of_a_jump_near_the_end_what_is_before_it_is_kept() -> None:
    close = np.where(np.arange(200) < 195, 8000.0, 80.0) + np.sin(np.arange(200))
    dates = np.busday_offset("2021-01-04", np.arange(200)).astype("datetime64[D]")
    with pytest.raises(DataError, match="pence and pounds") as error:
        validated(RawBars("AAPL", dates, close, label="AAPL.csv"))
    assert error.value.hint.endswith(f"or leave out what follows with --end {dates[194]}.")


def test_the_tick_is_one_of_the_prices_so_far() -> None:
    close = np.where(np.arange(SESSIONS) < AT, 10.0 + 0.1 * (np.arange(SESSIONS) % 7), 10.0 + np.arange(SESSIONS) / 1e3)
    raw = replace(traded(1.0), close=close, open=None, high=None, low=None)
    assert tick_at(raw, AT - 1) == tick_at(raw.take(np.arange(AT)), AT - 1) == pytest.approx(0.1)
    assert tick_at(raw, SESSIONS - 1) == pytest.approx(0.001)


@pytest.mark.parametrize("tick", [1e-8, 1e-4, 0.005, 1.0])
def test_one_tick_up_and_down_is_no_split_and_no_wrong_bar(tick: float) -> None:
    ticks = np.ones(SESSIONS)
    ticks[[5, 6, 20, 33]], ticks[[8, 40]], ticks[[12, 50]] = 2, 3, 5
    close = ticks * tick
    dates = np.busday_offset("2021-01-04", np.arange(SESSIONS)).astype("datetime64[D]")
    raw = RawBars("PENNY", dates, close, open=close, high=close, low=close, label="penny.csv")
    np.testing.assert_array_equal(validated(raw).close, close)


@pytest.mark.parametrize(("price", "ratio"), [(200.0, 2), (10.0, 2), (5.0, 10), (0.3, 10)])
def test_a_split_of_a_price_that_stands_still_is_one_all_the_same(price: float, ratio: float) -> None:
    close = np.where(np.arange(SESSIONS) < AT, price, price / ratio)
    dates = np.busday_offset("2021-01-04", np.arange(SESSIONS)).astype("datetime64[D]")
    with pytest.raises(DataError, match=f"{ratio}:1 split"):
        validated(RawBars("STILL", dates, close, label="still.csv"))
