"""The earnings seasonality: a slow independent version day by day, and the same bytes whatever bars follow."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockcast.prices.history import ONE_DAY
from stockcast.prices.sessions import load_calendar
from stockcast.windows.features import BURN_IN, SessionReturns, ewma
from stockcast.windows.seasonality import (
    BESIDE_DAYS,
    BUMP_SESSIONS,
    EVERY_QUARTER_DAYS,
    QUARTER_DAYS,
    SEASONALITY_NAMES,
    SINGLE_DAYS,
    SOON_DAYS,
    SPANS,
    YEARLY_DAYS,
    seasonality_columns,
    shock,
    strict_ewma,
    target_sessions,
)
from tests.synthetic import FUTURES
from tests.windows.panel import SESSIONS, members, picked, stock, with_other_future

COUNTS = {*(f"echo_since_{sessions}" for sessions in BUMP_SESSIONS), "echo_decay", "echo_ago"}
CALENDAR = load_calendar("weekdays", date(2012, 1, 1), date(2020, 1, 1))
STOCK = stock(3)


def echoes(m: SessionReturns, median: np.ndarray | None = None) -> dict[str, np.ndarray]:
    return seasonality_columns(m, target_sessions(m.dates, CALENDAR), np.zeros(len(m)) if median is None else median)


def quiet(sessions: int = 900) -> SessionReturns:
    """Nothing ever happens: every shock is 0."""
    dates = np.busday_offset("2012-01-02", np.arange(sessions)).astype("datetime64[D]")
    return SessionReturns(dates, np.zeros(sessions), np.full(sessions, 1e-4), np.zeros(sessions), np.zeros(sessions))


def with_shock(row: int, sessions: int = 900) -> SessionReturns:
    """Nothing ever happens, but one overnight gap of twenty times the usual scale."""
    m = quiet(sessions)
    assert m.gap_T is not None
    return replace(m, gap_T=np.where(np.arange(sessions) == row, 0.2, m.gap_T))


def row_before(m: SessionReturns, target: np.datetime64) -> int:
    return int(np.searchsorted(m.dates, target)) - 1


@pytest.mark.parametrize("name", ["A", "G", "H"])
def test_shocks_equal_their_formula_in_pandas(name: str) -> None:
    m = members()[name]
    expanding = pd.Series(m.v_T).expanding().mean()
    level = pd.concat([pd.Series([m.v_T[:BURN_IN].mean()]), pd.Series(m.v_T[BURN_IN:])])
    smooth = level.ewm(alpha=0.06, adjust=False).mean().to_numpy()
    scale = np.sqrt(np.concatenate([expanding[: BURN_IN - 1], smooth]))
    before = pd.Series(scale).shift(1).fillna(scale[0])
    gap = 0.0 if m.gap_T is None else m.gap_T
    surprise = 0.0 if m.surprise_T is None else m.surprise_T
    size = np.log1p(abs(gap) / before) + 0.5 * np.log1p(abs(m.r_T) / before) + 0.7 * np.clip(surprise, -1, 4)
    expected = size - size.rolling(250, min_periods=1).mean()
    np.testing.assert_allclose(shock(m), expected, rtol=1e-8, atol=1e-10)


def test_the_strict_ewma_is_the_usual_one_after_its_first_month() -> None:
    np.testing.assert_array_equal(strict_ewma(STOCK.v_T)[BURN_IN:], ewma(STOCK.v_T)[BURN_IN:])
    assert strict_ewma(STOCK.v_T)[3] == pytest.approx(STOCK.v_T[:4].mean())
    assert len(strict_ewma(STOCK.v_T[:5])) == 5


@pytest.mark.parametrize("name", ["A", "F", "G"])
def test_columns_equal_a_search_through_the_calendar_day_by_day(name: str) -> None:
    m = members()[name]
    median = 0.1 * np.random.default_rng(0).standard_normal(len(m))
    seasonality = np.clip(shock(m) - median, -1, 5)
    seen = dict(zip(m.dates.tolist(), seasonality, strict=True))
    columns = echoes(m, median)
    assert tuple(columns) == SEASONALITY_NAMES
    for t in range(0, len(m), 7):
        origin = m.dates[t].astype(object)
        target = CALENDAR.next_sessions(origin, 1)[0]
        for group, lags in (("quarters", QUARTER_DAYS), ("beside", BESIDE_DAYS)):
            for span in SPANS:
                wanted = [target - timedelta(days=lag + k) for lag in lags for k in range(-span, span + 1)]
                expected = max((seen[day] for day in wanted if day in seen and day <= origin), default=-1.0)
                assert columns[f"echo_{group}_{span}"][t] == max(expected, -1.0)

        def largest(lag: int, span: int, origin: date = origin, target: date = target) -> float:
            days = (target - timedelta(days=lag + k) for k in range(-span, span + 1))
            return max((seen[day] for day in days if day in seen and day <= origin), default=-1.0)

        for span in SPANS:
            for group, lags in (("mean", EVERY_QUARTER_DAYS), ("years", YEARLY_DAYS)):
                expected = np.mean([largest(lag, span) for lag in lags])
                assert columns[f"echo_{group}_{span}"][t] == pytest.approx(expected)
        assert [columns[f"echo_{lag}"][t] for lag in SINGLE_DAYS] == [largest(lag, 1) for lag in SINGLE_DAYS]
        assert columns["echo_soon"][t] == max(largest(lag, 4) for lag in SOON_DAYS)
        assert columns["echo_recent"][t] == max(seasonality[max(0, t - 21) : t + 1])
        large = [row for row in range(t + 1) if seasonality[row] > 2]
        ago = t + 1 - large[-1] if large else 10_000
        assert columns["echo_decay"][t] == pytest.approx(np.exp(-ago / 15))
        assert columns["echo_ago"][t] == pytest.approx(min(ago, 90) / 90)
        for sessions in BUMP_SESSIONS:
            away = (t + 1 - large[-1] - sessions) / 3 if large else np.inf
            assert columns[f"echo_since_{sessions}"][t] == pytest.approx(np.exp(-0.5 * away**2))


def test_a_gap_returns_364_days_later_to_the_day() -> None:
    m = with_shock(300)
    columns = echoes(m)
    t = row_before(m, m.dates[300] + 364 * ONE_DAY)
    size = np.log1p(20) * (1 - 1 / 250)
    assert columns["echo_quarters_0"][t] == pytest.approx(size)
    assert columns["echo_quarters_0"][t + 1] < 0.1
    assert columns["echo_quarters_1"][t + 1] == pytest.approx(size)
    assert columns["echo_quarters_4"][t - 3] < 0.1
    assert columns["echo_quarters_4"][t - 2] == pytest.approx(size)
    assert columns["echo_beside_0"][row_before(m, m.dates[300] + 371 * ONE_DAY)] == pytest.approx(size)


def test_sessions_since_a_large_shock_are_counted_to_the_target() -> None:
    columns = echoes(with_shock(300))
    for sessions in BUMP_SESSIONS:
        bump = columns[f"echo_since_{sessions}"]
        assert bump.argmax() == 300 + sessions - 1
        assert bump.max() == 1
        assert not bump[:300].any()


def test_what_moves_the_whole_market_is_no_echo() -> None:
    m = with_shock(300)
    columns = echoes(m, shock(m))
    assert max(columns[name].max() for name in SEASONALITY_NAMES if name not in COUNTS) == 0
    assert (columns["echo_ago"] == 1).all()
    assert not columns["echo_since_62"].any()


def test_before_any_bar_that_is_old_enough_there_is_no_echo() -> None:
    columns = echoes(picked(STOCK, slice(0, 50)))
    assert all((columns[f"echo_{group}_{span}"] == -1).all() for group in ("quarters", "beside") for span in SPANS)


def test_nothing_after_the_origin_enters_even_where_the_target_is_months_away() -> None:
    m = with_shock(302)  # a Wednesday, so that the days around it are sessions
    far = m.dates + 91 * ONE_DAY
    columns = seasonality_columns(m, far, np.zeros(len(m)))
    # 91 days before such a target lies the origin itself, and its neighbours to one side are in the future.
    assert columns["echo_quarters_0"][302] > 2
    assert columns["echo_quarters_4"][301] < 0.1
    assert columns["echo_quarters_4"][300] < 0.1


@settings(max_examples=40)
@given(st.integers(0, SESSIONS - 3), st.sampled_from(list(FUTURES)), st.sampled_from("ABGH"))
def test_rows_up_to_an_origin_do_not_depend_on_later_bars(origin: int, change: str, name: str) -> None:
    m = members()[name]
    row = min(origin, len(m) - 2)
    changed = with_other_future({name: m}, m.dates[row], change)[name]
    assert shock(changed)[: row + 1].tobytes() == shock(m)[: row + 1].tobytes()
    before, after = echoes(m), echoes(changed)
    assert all(
        after[column][: row + 1].tobytes() == before[column][: row + 1].tobytes() for column in SEASONALITY_NAMES
    )


@given(st.integers(0, 60))
def test_short_histories_have_finite_columns(length: int) -> None:
    columns = echoes(picked(STOCK, slice(0, length)))
    assert all(len(column) == length and np.isfinite(column).all() for column in columns.values())


def test_a_session_outside_of_the_weekmask_is_the_target_of_the_day_before() -> None:
    friday, saturday = np.datetime64("2012-01-06"), date(2012, 1, 7)
    extra = replace(CALENDAR, exchange="TEST", extras=(saturday,))
    assert target_sessions(np.array([friday - ONE_DAY, friday, friday + ONE_DAY]), extra).tolist() == [
        date(2012, 1, 6), saturday, date(2012, 1, 9),
    ]  # fmt: skip
