"""Features: closed forms, and the same bytes whatever bars follow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockcast.prices.history import History
from stockcast.windows.features import BURN_IN, ewma, features, session_returns, trailing_mean
from tests import synthetic
from tests.synthetic import FUTURES

HISTORY = synthetic.history(400)


def halted(h: History, start: int, stop: int) -> History:
    """The bars start .. stop - 1 at the close before them."""
    columns = ("open", "high", "low", "close", "adjusted_close")
    inside = (np.arange(len(h)) >= start) & (np.arange(len(h)) < stop)
    return replace(h, **{name: np.where(inside, h.close[start - 1], getattr(h, name)) for name in columns})


HALTED = halted(HISTORY, 30, 36)


def test_returns_are_log_ratios_of_adjusted_closes() -> None:
    h = replace(HISTORY, adjusted_close=HISTORY.close * np.linspace(0.8, 1.0, len(HISTORY)))
    np.testing.assert_allclose(
        session_returns(h).r_T, np.log(h.adjusted_close[1:] / h.adjusted_close[:-1]), rtol=1e-9, atol=1e-12
    )


def test_the_variance_proxy_is_squared_gap_plus_garman_klass() -> None:
    m = session_returns(HISTORY)
    assert HISTORY.open is not None
    assert HISTORY.high is not None
    assert HISTORY.low is not None
    t = 57
    gap = np.log(HISTORY.open[t] / HISTORY.close[t - 1])
    ranged = 0.5 * np.log(HISTORY.high[t] / HISTORY.low[t]) ** 2
    body = (2 * np.log(2) - 1) * np.log(HISTORY.close[t] / HISTORY.open[t]) ** 2
    assert m.v_T[t - 1] == pytest.approx(gap**2 + ranged - body, rel=1e-9)


def test_a_dividend_moves_neither_gap_nor_variance_from_what_a_holder_earned() -> None:
    t = 200
    factor = np.where(np.arange(len(HISTORY)) < t, 0.5, 1.0)
    split = replace(
        HISTORY,
        open=HISTORY.open / factor,
        high=HISTORY.high / factor,
        low=HISTORY.low / factor,
        close=HISTORY.close / factor,
    )
    for name in ("r_T", "v_T", "gap_T"):
        np.testing.assert_allclose(
            getattr(session_returns(split), name), getattr(session_returns(HISTORY), name), rtol=1e-7, atol=1e-12
        )


def test_volume_is_scaled_by_splits() -> None:
    t = 200
    after = np.arange(len(HISTORY)) >= t
    assert HISTORY.volume is not None
    h = replace(HISTORY, volume=np.where(after, 4, 1) * HISTORY.volume, splits=np.where(np.arange(400) == t, 4.0, 1.0))
    np.testing.assert_allclose(session_returns(h).surprise_T, session_returns(HISTORY).surprise_T, atol=1e-9)


def test_a_volume_surprise_is_the_log_volume_less_its_mean_over_the_sixty_sessions_before() -> None:
    assert HISTORY.volume is not None
    ln_volume = np.log(HISTORY.volume)
    expected = [ln_volume[t] - ln_volume[max(0, t - 60) : t].mean() for t in range(1, len(HISTORY))]
    np.testing.assert_allclose(session_returns(HISTORY).surprise_T, expected, atol=1e-9)


def test_a_forecasts_bounds_follow_the_ticks_and_the_moves_so_far() -> None:
    m, step = session_returns(HALTED), np.abs(np.diff(HALTED.close))
    for t in range(len(m)):
        tick = min(step[: t + 1][step[: t + 1] > 0]) / HALTED.close[t + 1]
        assert m.least_T[t] == pytest.approx(max(0.05 * tick, 1e-6))
        assert m.pace_T[t] == pytest.approx(max(*np.abs(m.r_T[max(0, t - 21) : t + 1]), 0.1 * m.least_T[t]))


def test_closes_alone_give_squared_returns_and_fewer_features() -> None:
    bare = replace(HISTORY, open=None, high=None, low=None, volume=None)
    f = features(bare)
    assert "gap" not in f.names
    assert "volume_surprise" not in f.names
    big = np.abs(f.session_returns.r_T) > 0.01
    np.testing.assert_allclose(f.session_returns.v_T[big], f.session_returns.r_T[big] ** 2)
    assert np.isfinite(f.x_TF).all()


def test_missing_cells_stay_local() -> None:
    holes = HISTORY.volume.copy()
    holes[100:103] = np.nan
    f = features(replace(HISTORY, volume=holes))
    assert np.isfinite(f.x_TF).all()
    assert (f.session_returns.surprise_T[99:102] == 0).all()


def test_a_price_that_stands_still_has_finite_features() -> None:
    h = HISTORY.rows(0, 300)
    still = np.full(300, 10.0)
    f = features(replace(h, open=still, high=still, low=still, close=still, adjusted_close=still))
    assert np.isfinite(f.x_TF).all()
    assert np.isfinite(f.har_TK).all()


@given(st.integers(1, 60), st.integers(1, 30))
def test_trailing_mean_equals_the_mean_of_the_slice(length: int, span: int) -> None:
    x = np.random.default_rng(length).uniform(0, 1, length)
    expected = [x[max(0, t + 1 - span) : t + 1].mean() for t in range(length)]
    np.testing.assert_allclose(trailing_mean(x, span), expected, rtol=1e-9)


def test_ewma_follows_its_recursion_after_the_first_month() -> None:
    x = np.random.default_rng(0).uniform(0, 1, 60)
    level = x[:BURN_IN].mean()
    for t in range(BURN_IN, 60):
        level = 0.9 * level + 0.1 * x[t]
    assert ewma(x, 0.9)[-1] == pytest.approx(level)


@settings(max_examples=25)
@given(st.integers(BURN_IN + 2, 398), st.sampled_from(list(FUTURES)))
def test_rows_up_to_an_origin_do_not_depend_on_later_bars(origin: int, change: str) -> None:
    f, changed = features(HALTED), features(FUTURES[change](HALTED, origin + 2))
    for name in ("x_TF", "har_TK", "leverage_T"):
        assert getattr(changed, name)[: origin + 1].tobytes() == getattr(f, name)[: origin + 1].tobytes()
    m, other = f.session_returns, changed.session_returns
    for name in ("r_T", "v_T", "gap_T", "surprise_T", "tick_T", "least_T", "pace_T", "most_T"):
        assert getattr(other, name)[: origin + 1].tobytes() == getattr(m, name)[: origin + 1].tobytes()
