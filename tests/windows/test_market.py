"""The market: a slow independent version on a panel in pandas, and the same bytes whatever bars follow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockcast.errors import ConfigError
from stockcast.prices.history import ONE_DAY
from stockcast.windows.features import BURN_IN, SessionReturns
from stockcast.windows.market import MARKET_NAMES, Market
from stockcast.windows.seasonality import shock
from tests.synthetic import FUTURES
from tests.windows.panel import DAYS, SESSIONS, members, picked, stock, with_other_future

PANEL = members()
MARKET = Market.of(PANEL)


def frame(panel: dict[str, SessionReturns], values: dict[str, np.ndarray]) -> pd.DataFrame:
    """Sessions by members; NaN where a stock is no member."""
    columns = {}
    for name, m in panel.items():
        days = pd.DatetimeIndex(m.dates)
        column = pd.Series(values[name], index=days)
        step = pd.Series(days, index=days).diff()
        columns[name] = column.where((np.arange(len(m)) >= BURN_IN) & (step <= pd.Timedelta(days=14)))
    return pd.DataFrame(columns)


def mean(x: pd.Series | np.ndarray, span: int) -> pd.Series:
    return pd.Series(x).rolling(span, min_periods=1).mean()


def smoothed(x: pd.Series) -> pd.Series:
    start = x.expanding().mean()[:BURN_IN]
    rest = pd.concat([start[-1:], x[BURN_IN:]]).ewm(alpha=0.06, adjust=False).mean()
    return pd.concat([start[:-1], rest])


def slow_market(panel: dict[str, SessionReturns], minimum: int) -> pd.DataFrame:
    returns = frame(panel, {name: m.r_T for name, m in panel.items()})
    full = returns.count(axis=1) >= minimum
    market = returns[full].mean(axis=1)
    variance = smoothed(market**2)
    dispersion = np.log(returns[full].std(axis=1, ddof=0) + 1e-6)
    columns = {
        "market_return": np.sign(market) * np.log1p(market.abs() / np.sqrt(variance)),
        "market_volatility": np.log(variance / mean(variance, 250)),
    }
    for name, short, long in (("day_over_week", 1, 5), ("week_over_month", 5, 22), ("month_over_year", 22, 250)):
        own = {k: (mean(np.log(m.v_T), short) - mean(np.log(m.v_T), long)).to_numpy() for k, m in panel.items()}
        columns[f"market_{name}"] = frame(panel, own)[full].mean(axis=1)
    columns["market_dispersion"] = dispersion - mean(dispersion, 60)
    columns["shock"] = frame(panel, {name: shock(m) for name, m in panel.items()})[full].median(axis=1)
    return pd.DataFrame(columns)


@pytest.mark.parametrize("minimum", [1, 5, 7])
def test_values_equal_those_of_a_panel_in_pandas(minimum: int) -> None:
    market, slow = Market.of(PANEL, minimum), slow_market(PANEL, minimum)
    assert (market.dates_D == slow.index.to_numpy()).all()
    np.testing.assert_allclose(market.values_DM, slow[list(MARKET_NAMES)], rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(market.shock_D, slow["shock"], atol=1e-6)


def test_sessions_are_counted_with_late_listings_gaps_and_delistings() -> None:
    assert len(MARKET) == SESSIONS - 1 - BURN_IN
    seven = Market.of(PANEL, 7).dates_D
    # Seven until G's gap; again until F's last bar, and from E's 23rd, without G's first bar after the gap.
    expected = [*range(BURN_IN, 100), *range(162, 300), *range(400 + BURN_IN, SESSIONS - 1)]
    assert (seven == DAYS[expected]).all()


@pytest.mark.parametrize(("missing", "days", "member"), [(9, 14, True), (10, 15, False)])
def test_a_bar_two_weeks_after_the_one_before_is_still_a_members(missing: int, days: int, member: bool) -> None:
    rows, last = np.arange(SESSIONS - 1), 103
    alone = picked(PANEL["A"], (rows <= last) | (rows > last + missing))
    before, after = alone.dates[last : last + 2].tolist()
    assert (after - before).days == days
    assert Market.of({"A": alone}, 1).reaches(after) == member


def test_sessions_with_too_few_members_keep_the_last_values() -> None:
    market = Market.of(PANEL, 7)
    inside, before = market.on(DAYS[95:165]), market.on(DAYS[99:100])[0]
    assert (inside[5:67] == before).all()
    assert (inside[67] != before).all()
    assert market.shock_on(DAYS[130:131]) == market.shock_on(DAYS[99:100])


def test_before_its_first_session_the_market_is_zero() -> None:
    assert not MARKET.on(DAYS[:BURN_IN]).any()
    assert not MARKET.shock_on(DAYS[:BURN_IN]).any()
    assert MARKET.on(DAYS[BURN_IN : BURN_IN + 1]).any()


def test_days_without_a_session_see_the_session_before_and_never_the_next() -> None:
    days = np.arange(DAYS[100], DAYS[140], dtype="datetime64[D]")
    expected = [np.searchsorted(MARKET.dates_D, day, "right") - 1 for day in days]
    assert (MARKET.on(days) == MARKET.values_DM[expected]).all()
    assert (MARKET.on(DAYS[-1:] + 400 * ONE_DAY) == MARKET.values_DM[-1]).all()


def test_the_order_in_which_members_are_listed_changes_no_byte() -> None:
    turned = Market.of(dict(reversed(PANEL.items())))
    assert turned.values_DM.tobytes() == MARKET.values_DM.tobytes()
    assert turned.shock_D.tobytes() == MARKET.shock_D.tobytes()


def test_a_volatile_stock_that_joins_does_not_move_the_differences_of_variance() -> None:
    calm = {name: PANEL[name] for name in "ABCD"}
    wild = replace(PANEL["E"], v_T=400 * PANEL["E"].v_T)
    tame = PANEL["E"]
    with_wild, with_tame = (Market.of({**calm, "E": m}, 4).values_DM for m in (wild, tame))
    np.testing.assert_allclose(with_wild[:, 2:5], with_tame[:, 2:5], atol=1e-9)


def test_one_member_is_a_market_without_dispersion() -> None:
    market = Market.of({"A": PANEL["A"]}, 1)
    assert len(market) == SESSIONS - 1 - BURN_IN
    np.testing.assert_allclose(market.values_DM[:, MARKET_NAMES.index("market_dispersion")], 0, atol=1e-9)
    np.testing.assert_allclose(market.shock_D, shock(PANEL["A"])[BURN_IN:], atol=1e-6)


def test_too_few_members_are_an_empty_market_of_zeros() -> None:
    for panel in ({}, {"A": PANEL["A"]}, {name: picked(PANEL["A"], slice(0, BURN_IN)) for name in "ABCDEF"}):
        market = Market.of(panel)
        assert len(market) == 0
        assert market.on(DAYS).shape == (len(DAYS), len(MARKET_NAMES))
        assert not market.on(DAYS).any()
        assert not market.shock_on(DAYS).any()


def test_a_member_without_any_bar_is_no_member() -> None:
    more = Market.of({**PANEL, "Z": picked(PANEL["A"], slice(0, 0))})
    assert more.values_DM.tobytes() == MARKET.values_DM.tobytes()


def test_a_market_that_stands_still_is_finite() -> None:
    still = SessionReturns(DAYS, np.zeros(len(DAYS)), np.full(len(DAYS), 1e-12), None, None)
    market = Market.of(dict.fromkeys("ABCDE", still))
    assert np.isfinite(market.values_DM).all()
    assert not market.shock_D.any()


def test_a_minimum_below_one_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least 0 members"):
        Market.of(PANEL, 0)


@settings(max_examples=40)
@given(st.integers(0, SESSIONS - 2), st.sampled_from(list(FUTURES)), st.integers(1, 7))
def test_rows_up_to_an_origin_do_not_depend_on_later_bars(origin: int, change: str, minimum: int) -> None:
    seen = DAYS[: origin + 1]
    market = Market.of(PANEL, minimum)
    changed = Market.of(with_other_future(PANEL, DAYS[origin], change), minimum)
    assert changed.on(seen).tobytes() == market.on(seen).tobytes()
    assert changed.shock_on(seen).tobytes() == market.shock_on(seen).tobytes()


@settings(max_examples=40)
@given(st.integers(0, SESSIONS - 2))
def test_a_stock_listed_later_does_not_change_what_was_before(listing: int) -> None:
    late = picked(stock(50), slice(listing, None))
    market = Market.of({**PANEL, "LATE": late})
    seen = DAYS[: listing + BURN_IN]
    assert market.on(seen).tobytes() == MARKET.on(seen).tobytes()
    assert market.shock_on(seen).tobytes() == MARKET.shock_on(seen).tobytes()
