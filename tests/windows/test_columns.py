"""Columns: own ones first and untouched, further ones under stable names, and nothing from later bars."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockcast.prices.sessions import SessionCalendar, load_calendar
from stockcast.windows.covariates import GROUPS, extended, group_of, groups_of
from stockcast.windows.features import COMPONENT_NAMES, TREND_NAMES, Features, features_of
from stockcast.windows.market import MARKET_NAMES, Market
from stockcast.windows.seasonality import DAY_NAMES, SEASONALITY_NAMES, seasonality_columns, target_sessions
from tests.processes import packages_loaded
from tests.synthetic import FUTURES
from tests.windows.panel import DAYS, SESSIONS, members, with_other_future

CALENDAR = load_calendar("XNYS", date(2012, 1, 1), date(2016, 1, 1))
PANEL = members()
MARKET = Market.of(PANEL)
ADDED = (*MARKET_NAMES, *SEASONALITY_NAMES, *DAY_NAMES, *COMPONENT_NAMES, *TREND_NAMES)

# Models are saved with these: a name that changes makes every saved model unreadable.
STABLE = """
market_return market_volatility market_day_over_week market_week_over_month market_month_over_year market_dispersion
echo_quarters_0 echo_quarters_1 echo_quarters_4 echo_beside_0 echo_beside_1 echo_beside_4
echo_since_58 echo_since_62 echo_since_66
echo_mean_0 echo_mean_1 echo_mean_4 echo_years_0 echo_years_1 echo_years_4 echo_91 echo_182 echo_364 echo_728
echo_soon echo_decay echo_ago echo_recent
target_monday target_friday target_weekend target_holiday
gap_share_5 return_share_5 gap_share_22 return_share_22 gap_share_66 return_share_66 gap_share_250 return_share_250
evenness_5 evenness_22 evenness_66
trend_2 trend_5 trend_22 trend_66 trend_250 drawdown_66 drawdown_250
"""


def whole(name: str) -> Features:
    return extended(features_of(PANEL[name]), CALENDAR, {"echo", "days", "bars"}, MARKET)


@pytest.mark.parametrize("name", list(PANEL))
def test_own_columns_come_first_and_keep_their_bytes(name: str) -> None:
    own, f = features_of(PANEL[name]), whole(name)
    assert f.names == (*own.names, *STABLE.split())
    assert f.x_TF.shape == (len(own), len(f.names))
    assert np.ascontiguousarray(f.x_TF[:, : len(own.names)]).tobytes() == own.x_TF.tobytes()
    assert f.har_TK.tobytes() == own.har_TK.tobytes()
    assert np.isfinite(f.x_TF).all()


def test_groups_come_only_where_asked_for() -> None:
    own = features_of(PANEL["A"])
    assert extended(own, CALENDAR, (), None) is own
    assert extended(own, CALENDAR, {"days"}, None).names == (*own.names, *DAY_NAMES)
    assert extended(own, CALENDAR, (), MARKET).names == (
        *own.names,
        *MARKET_NAMES,
    )
    assert extended(own, CALENDAR, {"echo"}, None).names == (*own.names, *SEASONALITY_NAMES)
    f = extended(own, CALENDAR, {"bars"}, None)
    assert f.names == (*own.names, *COMPONENT_NAMES, *TREND_NAMES)


def test_the_echo_is_less_the_median_of_the_market_where_there_is_one() -> None:
    own = features_of(PANEL["A"])
    targets = target_sessions(own.session_returns.dates, CALENDAR)
    for market, median in ((MARKET, MARKET.shock_on(own.session_returns.dates)), (None, np.zeros(len(own)))):
        f = extended(own, CALENDAR, {"echo"}, market)
        for name, column in seasonality_columns(own.session_returns, targets, median).items():
            assert (f.x_TF[:, f.names.index(name)] == column).all()


def test_a_stock_that_is_no_member_sees_the_same_market() -> None:
    without = Market.of({name: m for name, m in PANEL.items() if name != "A"})
    f = extended(features_of(PANEL["A"]), CALENDAR, (), without)
    assert (f.x_TF[:, -len(MARKET_NAMES) :] == without.on(DAYS)).all()


def test_names_tell_their_group() -> None:
    f = whole("A")
    assert groups_of(f.names) == {"own", "market", "echo", "days", "bars"}
    assert groups_of(features_of(PANEL["A"]).names) == {"own"}
    assert groups_of(()) == frozenset()
    assert [group_of(name) for name in ADDED] == ["market"] * 6 + ["echo"] * 23 + ["days"] * 4 + ["bars"] * 18
    assert tuple(name for names in GROUPS.values() for name in names) == ADDED


def test_a_calendar_that_never_closes_gives_finite_columns() -> None:
    calendar = load_calendar("24/7", date(2012, 1, 1), date(2016, 1, 1))
    f = extended(features_of(PANEL["H"]), calendar, {"echo", "days", "bars"}, MARKET)
    assert np.isfinite(f.x_TF).all()
    assert not f.x_TF[:, [f.names.index("target_weekend"), f.names.index("target_holiday")]].any()


def test_a_weekend_is_one_wherever_in_the_week_it_lies() -> None:
    calendar = SessionCalendar("TEST", date(2012, 1, 1), date(2016, 1, 1), "1111001")
    f = extended(features_of(PANEL["A"]), calendar, {"days"}, None)
    weekend, holiday = f.x_TF[:, -2], f.x_TF[:, -1]
    thursday = (f.session_returns.dates.astype(int) + 3) % 7 == 3
    assert (weekend[thursday] == 2).all()
    assert not holiday.any()


def test_a_missing_next_bar_does_not_move_the_target() -> None:
    f = whole("G")
    last_before_gap = 99
    assert PANEL["G"].dates[last_before_gap + 1] - PANEL["G"].dates[last_before_gap] > np.timedelta64(80, "D")
    assert f.x_TF[last_before_gap, f.names.index("target_weekend")] <= 2
    assert f.x_TF[last_before_gap, f.names.index("target_holiday")] <= 2


@settings(max_examples=30)
@given(st.integers(0, SESSIONS - 2), st.sampled_from(list(FUTURES)), st.sampled_from("ADEFGH"))
def test_rows_up_to_an_origin_do_not_depend_on_later_bars(origin: int, change: str, name: str) -> None:
    panel = with_other_future(PANEL, DAYS[origin], change)
    f = extended(features_of(panel[name]), CALENDAR, {"echo", "days", "bars"}, Market.of(panel))
    seen = int(np.searchsorted(PANEL[name].dates, DAYS[origin], side="right"))
    # Own columns hold from their burn-in on; the added ones from the first row.
    before, after = (np.ascontiguousarray(g.x_TF[:seen, -len(ADDED) :]) for g in (whole(name), f))
    assert after.tobytes() == before.tobytes()


def test_neither_pandas_nor_scipy_nor_torch_is_imported() -> None:
    found = packages_loaded(code="import stockcast.windows.covariates")
    assert found.isdisjoint({"pandas", "scipy", "torch", "exchange_calendars"})
