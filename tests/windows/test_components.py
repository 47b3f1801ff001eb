"""Components and trends: their formulas in pandas, made-up prices whose answer is known, nothing from later bars."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockcast.windows.features import (
    COMPONENT_NAMES,
    COMPONENT_SPANS,
    DRAWDOWN_SPANS,
    EVENNESS_SPANS,
    TREND_NAMES,
    TREND_SPANS,
    SessionReturns,
    component_columns,
    trailing_maximum,
    trend_columns,
)
from tests.synthetic import FUTURES
from tests.windows.panel import SESSIONS, members, picked, stock, with_other_future

STOCK = stock(3)


def mean(x: np.ndarray, span: int) -> np.ndarray:
    return pd.Series(x).rolling(span, min_periods=1).mean().to_numpy()


def moved(r: np.ndarray, v: np.ndarray, gap: np.ndarray) -> SessionReturns:
    dates = np.busday_offset("2012-01-02", np.arange(len(r))).astype("datetime64[D]")
    return SessionReturns(dates, r, v, gap, np.zeros(len(r)))


@pytest.mark.parametrize("name", ["A", "G", "H"])
def test_shares_equal_their_formula_in_pandas(name: str) -> None:
    m = members()[name]
    columns = component_columns(m)
    assert tuple(columns) == COMPONENT_NAMES
    gap = np.zeros(len(m)) if m.gap_T is None else m.gap_T
    for span in COMPONENT_SPANS:
        for part, x in (("gap", gap), ("return", m.r_T)):
            expected = np.log(mean(x**2, span) / mean(m.v_T, span) + 0.01)
            np.testing.assert_allclose(columns[f"{part}_share_{span}"], expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", ["A", "H"])
def test_evenness_equals_its_formula_and_is_highest_where_all_sessions_are_alike(name: str) -> None:
    m = members()[name]
    columns = component_columns(m)
    for span in EVENNESS_SPANS:
        expected = mean(np.log(m.v_T), span) - np.log(mean(m.v_T, span))
        np.testing.assert_allclose(columns[f"evenness_{span}"], expected, rtol=1e-6, atol=1e-7)
        assert columns[f"evenness_{span}"].max() < 1e-9
    alike = component_columns(moved(np.full(90, 0.01), np.full(90, 1e-4), np.zeros(90)))
    np.testing.assert_allclose(alike["evenness_66"], 0.0, atol=1e-9)


def test_a_stock_that_moves_overnight_alone_has_all_of_its_variance_there() -> None:
    gap = np.random.default_rng(0).normal(0, 0.01, 300)
    columns = component_columns(moved(gap, gap**2, gap))
    for name in COMPONENT_NAMES[:8]:
        np.testing.assert_allclose(columns[name], np.log(1.01), atol=1e-9)


def test_a_stock_that_opens_where_it_closed_has_none_of_it_there() -> None:
    r = np.random.default_rng(0).normal(0, 0.01, 300)
    columns = component_columns(moved(r, np.full(300, 1e-4), np.zeros(300)))
    np.testing.assert_allclose(columns["gap_share_250"], np.log(0.01))
    assert abs(columns["return_share_250"][-1]) < 0.2


@pytest.mark.parametrize("name", ["A", "G", "H"])
def test_trends_and_drawdowns_equal_their_formulas_in_pandas(name: str) -> None:
    m = members()[name]
    columns = trend_columns(m)
    assert tuple(columns) == TREND_NAMES
    for span in TREND_SPANS:
        expected = mean(m.r_T, span) * np.sqrt(span) / np.sqrt(mean(m.v_T, max(span, 22)))
        np.testing.assert_allclose(columns[f"trend_{span}"], expected, rtol=1e-6, atol=1e-8)
    price = pd.Series(np.cumsum(m.r_T))
    for span in DRAWDOWN_SPANS:
        below = price - price.rolling(span, min_periods=1).max()
        expected = below / np.sqrt(span * mean(m.v_T, 250))
        np.testing.assert_allclose(columns[f"drawdown_{span}"], expected, rtol=1e-6, atol=1e-8)
        assert columns[f"drawdown_{span}"].max() == 0


def test_a_steady_rise_is_a_trend_at_its_top() -> None:
    columns = trend_columns(moved(np.full(300, 0.01), np.full(300, 1e-4), np.zeros(300)))
    assert columns["trend_22"][-1] == pytest.approx(np.sqrt(22))
    assert not columns["drawdown_66"].any()


@given(st.integers(1, 90), st.integers(1, 40))
def test_the_trailing_maximum_is_that_of_the_slice(length: int, span: int) -> None:
    x = np.random.default_rng(length).normal(size=length)
    expected = [x[max(0, t + 1 - span) : t + 1].max() for t in range(length)]
    np.testing.assert_array_equal(trailing_maximum(x, span), expected)


@settings(max_examples=30)
@given(st.integers(0, SESSIONS - 3), st.sampled_from(list(FUTURES)), st.sampled_from("ABGH"))
def test_rows_up_to_an_origin_do_not_depend_on_later_bars(origin: int, change: str, name: str) -> None:
    m = members()[name]
    row = min(origin, len(m) - 2)
    changed = with_other_future({name: m}, m.dates[row], change)[name]
    for columns in (component_columns, trend_columns):
        before, after = columns(m), columns(changed)
        assert all(after[key][: row + 1].tobytes() == before[key][: row + 1].tobytes() for key in before)


@given(st.integers(0, 60))
def test_short_histories_have_finite_columns(length: int) -> None:
    m = picked(STOCK, slice(0, length))
    for columns in (component_columns(m), trend_columns(replace(m, gap_T=None))):
        assert all(len(column) == length and np.isfinite(column).all() for column in columns.values())
