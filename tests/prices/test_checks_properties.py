"""What holds of every history that the checks let pass, whatever the bars, and of splits, units and ticks."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockcast.errors import DataError
from stockcast.prices.checks import validated
from stockcast.prices.history import History, RawBars
from stockcast.prices.sessions import SessionCalendar

CALENDARS = (None, SessionCalendar("weekdays", date.min, date.max, "1111100", ()))
ABSURD = (np.nan, np.inf, -np.inf, 0.0, -1.0, -0.0, 5e-324, 1e-308, 1e308, 1e-30, 1e30)
SEEDS = st.integers(0, 2**32 - 1)


def walk(random: np.random.Generator, sessions: int, level: float) -> RawBars:
    """Quiet weekday bars from a level on."""
    close = level * np.exp(np.cumsum(0.01 * random.standard_normal(sessions)))
    opening = close * np.exp(0.005 * random.standard_normal(sessions))
    return RawBars(
        ticker="ANY",
        dates=np.busday_offset("2021-01-04", np.arange(sessions)).astype("datetime64[D]"),
        close=close,
        adjusted_close=close * 0.8,
        open=opening,
        high=np.maximum(opening, close) * 1.004,
        low=np.minimum(opening, close) / 1.004,
        volume=random.integers(1000, 3000, sessions).astype(float),
        splits=np.ones(sessions),
        label="any.csv",
        rows=np.arange(2, sessions + 2),
    )


@st.composite
def damaged(draw: st.DrawFn) -> RawBars:
    """Bars with columns left out, rows dropped, doubled and out of order, and absurd values anywhere."""
    random = np.random.default_rng(draw(SEEDS))
    sessions = draw(st.integers(2, 130))
    raw = walk(random, sessions, draw(st.sampled_from([3e-4, 1.0, 80.0, 1e6])))
    for name in draw(st.sets(st.sampled_from(["adjusted_close", "open", "high", "low", "volume", "splits", "rows"]))):
        raw = replace(raw, **{name: None})  # type: ignore[arg-type]  # one of several columns
    for _ in range(draw(st.integers(0, 4))):
        name = draw(st.sampled_from(["close", "adjusted_close", "open", "high", "low", "volume", "splits"]))
        values = getattr(raw, name)
        if values is None:
            continue
        values = values.copy()
        at = draw(st.integers(0, sessions - 1))
        part = draw(st.sampled_from([slice(at, at + 1), slice(at, at + 7), slice(0, at), slice(at, None)]))
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = [values[part] * factor for factor in (0.01, 0.1, 0.5, 2.0, 100.0, 1e3)]
        values[part] = draw(st.sampled_from([*ABSURD, *scaled]))
        raw = replace(raw, **{name: values})
    order = draw(st.sampled_from(["kept", "reversed", "mixed", "coarse", "thinned"]))
    kept = np.arange(sessions)
    kept = {
        "kept": kept, "reversed": kept[::-1], "mixed": random.permutation(kept),
        "coarse": np.concatenate([kept[: sessions // 2 : 5], kept[sessions // 2 :]]),
        "thinned": np.sort(random.choice(kept, max(1, sessions * 2 // 3), replace=False)),
    }[order]  # fmt: skip
    doubled = random.choice(kept, draw(st.sampled_from([0, 0, 1, 5])))
    return raw.take(np.append(kept, doubled))


@given(damaged(), st.sampled_from(CALENDARS))
def test_a_history_has_prices_alone_and_a_refusal_says_what_to_do(
    raw: RawBars, calendar: SessionCalendar | None
) -> None:
    before = {field.name: np.copy(getattr(raw, field.name)) for field in fields(raw)}
    try:
        _require_prices(validated(raw, calendar))
    except DataError as error:
        _require_helpful(error, raw)
    for name, value in before.items():
        np.testing.assert_array_equal(getattr(raw, name), value)


def _require_helpful(error: DataError, raw: RawBars) -> None:
    assert "\n" not in error.message
    assert error.hint
    for day in re.findall(r"--(?:start|end) (\S+)", error.hint):
        assert date.fromisoformat(day.rstrip(".")) in raw.dates.astype(object)


def _require_prices(history: History) -> None:
    assert len(history) > 1
    assert (np.diff(history.dates).astype(int) > 0).all()
    for values in (history.close, history.adjusted_close):
        assert np.isfinite(values).all()
        assert (values > 0).all()
        assert np.isfinite(np.diff(np.log(values))).all()
    for some in (history.open, history.high, history.low):
        assert some is None or not ((some <= 0) | np.isinf(some)).any()


@given(damaged())
def test_what_is_validated_once_is_not_changed_by_validating_it_again(raw: RawBars) -> None:
    try:
        history = validated(raw)
    except DataError:
        return
    known = {field.name: getattr(history, field.name) for field in fields(history) if hasattr(raw, field.name)}
    again = RawBars(**known | {"label": "again", "notes": ()})
    try:
        second = validated(again)
    except DataError as error:
        # What has been left out may leave a gap, or too little.
        assert re.search("weekdays|daily|high is below|split", error.message)  # noqa: PT017
    else:
        assert set(second.dates) <= set(history.dates)


@given(
    SEEDS,
    st.sampled_from([1e-8, 1e-4, 5e-4, 1e-3, 5e-3, 1e-2, 1.0]),
    st.integers(1, 3),
    st.booleans(),
)
def test_a_price_of_a_few_ticks_has_no_split(seed: int, tick: float, widest: int, ranges: bool) -> None:
    random = np.random.default_rng(seed)
    ticks = np.empty(90)
    ticks[0] = random.integers(1, 6)
    for at in range(1, 90):
        ticks[at] = max(1, ticks[at - 1] + random.integers(-widest, widest + 1))
    close = np.round(ticks * tick, 10)
    dates = np.busday_offset("2021-01-04", np.arange(90)).astype("datetime64[D]")
    raw = RawBars("PENNY", dates, close, label="penny.csv")
    if ranges:
        raw = replace(raw, open=close, high=close, low=close)
    history = validated(raw)
    np.testing.assert_array_equal(history.close, close)


@given(SEEDS, st.integers(1, 89))
def test_a_penny_that_a_price_of_32_bits_holds_has_no_split(seed: int, at: int) -> None:
    close = np.where(np.arange(90) < at, 2e-4, 1e-4).astype(np.float32).astype(np.float64)
    close *= 1 + 1e-8 * np.random.default_rng(seed).standard_normal(90)
    dates = np.busday_offset("2021-01-04", np.arange(90)).astype("datetime64[D]")
    assert len(validated(RawBars("PENNY", dates, close, label="penny.csv"))) == 90


@st.composite
def split(draw: st.DrawFn, factors: tuple[float, ...], decimals: int, closes_only: bool) -> tuple[RawBars, int, float]:
    """Bars of many ticks, the bar of a split, and its factor on the price."""
    random = np.random.default_rng(draw(SEEDS))
    at, sessions = draw(st.integers(1, 99)), 100
    factor = draw(st.sampled_from(factors))
    raw = walk(random, sessions, draw(st.sampled_from([30.0, 400.0, 20_000.0])))
    raw = replace(raw, adjusted_close=None, splits=None)
    scale = np.where(np.arange(sessions) < at, 1.0, factor)
    assert raw.open is not None
    opening = raw.open.copy()
    opening[at] = raw.close[at - 1] * np.exp(random.uniform(-0.02, 0.02))
    close = raw.close.copy()
    close[at] = opening[at] * np.exp(random.uniform(-0.02, 0.02))
    close, opening = np.round(close * scale, decimals), np.round(opening * scale, decimals)
    raw = replace(
        raw, close=close, open=opening, high=np.fmax(close, opening), low=np.fmin(close, opening), volume=None
    )
    return (replace(raw, open=None, high=None, low=None) if closes_only else raw), at, factor


@given(split((1 / 2, 1 / 3, 1 / 10, 2.0, 10.0, 1 / 20, 5.0), 3, closes_only=False))
def test_a_split_of_many_ticks_is_always_refused(drawn: tuple[RawBars, int, float]) -> None:
    raw, at, _ = drawn
    if 1 < at < 99 and np.all(np.abs(np.log(raw.close[at + 1] / raw.close[at - 1])) < 0.1):
        return
    with pytest.raises(DataError, match=f"{raw.dates[at]}.* split") as error:
        validated(raw)
    assert f"--start {raw.dates[at]}" in error.value.hint or f"--end {raw.dates[at - 1]}" in error.value.hint


@pytest.mark.parametrize("adjusts", [False, True])
@given(drawn=split((1 / 100, 1 / 1000, 100.0, 1000.0, 1e-6, 1e4), 6, closes_only=True), move=st.floats(-0.12, 0.12))
def test_another_unit_is_always_refused_and_named(
    adjusts: bool, drawn: tuple[RawBars, int, float], move: float
) -> None:
    raw, at, factor = drawn
    close = np.where(np.arange(len(raw)) < at, raw.close, raw.close * np.exp(move))
    raw = replace(raw, close=close, adjusted_close=close * 0.7 if adjusts else None)
    words = "pence and pounds" if factor in {100.0, 0.01} else "currency"
    with pytest.raises(DataError, match=f"{raw.dates[at]}.*split, or .*{words}"):
        validated(raw)
