"""Adaptive conformal calibration: the recursion of the paper, its guarantee, and quantiles that keep their order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from stockcast.errors import ConfigError
from stockcast.models.conformal import ALPHA_RANGE, FACTOR_RANGE, AdaptiveConformal, Calibration, Miss
from stockcast.models.distribution import Distribution, Empirical, StudentT
from stockcast.storage.codec import encode
from tests.processes import packages_loaded

LEVELS = np.array([0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99])
DIST = StudentT(np.array([0.0007]), np.array([0.012]), np.array([5.0]))
SAMPLE = Empirical(np.random.default_rng(3).standard_t(4, (1, 60)) * 0.01)


def settled(misses: Sequence[bool], alpha: float | None = 0.1) -> list[Miss]:
    return [Miss(date(2024, 1, 1) + timedelta(days=i), miss, alpha) for i, miss in enumerate(misses)]


def test_each_forecast_moves_alpha_by_gamma_times_target_less_miss() -> None:
    adaptive = AdaptiveConformal(gamma=0.01)
    assert adaptive.alpha_after([]) == 0.1
    assert adaptive.alpha_after([False]) == pytest.approx(0.1 + 0.01 * 0.1)
    assert adaptive.alpha_after([True]) == pytest.approx(0.1 - 0.01 * 0.9)
    assert adaptive.alpha_after([True, False, False]) == pytest.approx(0.1 - 0.009 + 0.002)


@given(st.lists(st.booleans(), max_size=60), st.floats(0.0, 0.002))
def test_without_a_limit_in_reach_alpha_counts_misses(misses: list[bool], gamma: float) -> None:
    expected = 0.1 + gamma * (0.1 * len(misses) - sum(misses))
    if expected - gamma * len(misses) > ALPHA_RANGE[0]:
        assert AdaptiveConformal(gamma).alpha_after(misses) == pytest.approx(expected)


@given(st.lists(st.booleans(), max_size=300), st.floats(0.0, 1.0))
def test_alpha_stays_within_its_range_whatever_happens(misses: list[bool], gamma: float) -> None:
    assert ALPHA_RANGE[0] <= AdaptiveConformal(gamma).alpha_after(misses) <= ALPHA_RANGE[1]


def test_it_comes_back_from_the_limit_at_once() -> None:
    adaptive = AdaptiveConformal(gamma=0.05)
    assert adaptive.alpha_after([True] * 100) == ALPHA_RANGE[0]
    assert adaptive.alpha_after([True] * 100 + [False]) == pytest.approx(ALPHA_RANGE[0] + 0.05 * 0.1)


@pytest.mark.parametrize("dist", [DIST, SAMPLE])
def test_without_a_settled_forecast_the_quantiles_are_the_distributions_own_bytes(dist: Distribution) -> None:
    calibration = AdaptiveConformal().calibration(dist, [])
    assert calibration == Calibration("adaptive-conformal", 0.1, 1.0, 0)
    assert calibration.quantiles(dist, LEVELS).tobytes() == dist.quantile(LEVELS)[0].tobytes()


def test_with_gamma_zero_nothing_is_ever_moved() -> None:
    calibration = AdaptiveConformal(gamma=0.0).calibration(DIST, settled([True] * 30))
    assert (calibration.alpha, calibration.factor, calibration.settled) == (0.1, 1.0, 30)


def test_misses_widen_and_hits_narrow() -> None:
    adaptive = AdaptiveConformal()
    assert adaptive.calibration(DIST, settled([True] * 3)).factor > 1.0
    assert adaptive.calibration(DIST, settled([False] * 3)).factor < 1.0


def test_the_factor_is_the_ratio_of_the_distributions_own_widths() -> None:
    for alpha in (0.03, 0.08, 0.2):
        expected = stats.t.isf(alpha / 2, 5.0) / stats.t.isf(0.05, 5.0)
        assert AdaptiveConformal().factor(DIST, alpha) == pytest.approx(expected, rel=1e-9)


def test_the_interval_shown_is_the_distributions_own_at_alpha() -> None:
    alpha = 0.06
    calibration = Calibration("adaptive-conformal", alpha, AdaptiveConformal().factor(DIST, alpha), 10)
    np.testing.assert_allclose(
        calibration.quantiles(DIST, [0.05, 0.95]), DIST.quantile([alpha / 2, 1 - alpha / 2])[0], rtol=1e-9
    )


def test_heavy_tails_cannot_widen_an_interval_without_limit() -> None:
    heavy = StudentT(np.zeros(1), np.ones(1), np.array([2.01]))
    assert stats.t.isf(ALPHA_RANGE[0] / 2, 2.01) / stats.t.isf(0.05, 2.01) > FACTOR_RANGE[1]
    assert AdaptiveConformal().factor(heavy, ALPHA_RANGE[0]) == FACTOR_RANGE[1]


def test_a_distribution_without_width_is_left_alone() -> None:
    nothing = StudentT(np.ones(1), np.array([1e-300]), np.array([5.0]))
    assert AdaptiveConformal().factor(nothing, 0.05) == 1.0


@settings(deadline=None)
@given(
    st.floats(ALPHA_RANGE[0], ALPHA_RANGE[1]),
    st.floats(2.05, 1e6),
    st.floats(1e-6, 1.0),
    st.floats(-0.5, 0.5),
)
def test_quantiles_keep_their_order_and_their_median(alpha: float, nu: float, scale: float, loc: float) -> None:
    dist = StudentT(np.array([loc]), np.array([scale]), np.array([nu]))
    factor = AdaptiveConformal().factor(dist, alpha)
    assert FACTOR_RANGE[0] <= factor <= FACTOR_RANGE[1]
    moved_Q = Calibration("adaptive-conformal", alpha, factor, 1).quantiles(dist, LEVELS)
    assert np.all(np.diff(moved_Q) > 0)
    assert moved_Q[4] == dist.quantile([0.5])[0, 0]


def test_forecasts_that_were_shown_uncalibrated_are_not_learnt_from() -> None:
    known = [*settled([True] * 20, alpha=None), *settled([True, False])]
    calibration = AdaptiveConformal().calibration(DIST, known)
    assert calibration.settled == 2
    assert calibration.alpha == AdaptiveConformal().alpha_after([True, False])


def test_json_has_method_alpha_factor_and_settled() -> None:
    assert encode(Calibration("adaptive-conformal", 0.09, 1.04, 12)) == {
        "method": "adaptive-conformal",
        "alpha": 0.09,
        "factor": 1.04,
        "settled": 12,
    }


def test_more_rows_than_one_are_refused() -> None:
    two = StudentT(np.zeros(2), np.ones(2), np.full(2, 5.0))
    with pytest.raises(ValueError, match="2 rows"):
        Calibration("adaptive-conformal", 0.1, 1.0, 0).quantiles(two, LEVELS)


@pytest.mark.parametrize(("gamma", "target"), [(-0.1, 0.1), (1.5, 0.1), (float("nan"), 0.1), (0.1, 0.0), (0.1, 0.5)])
def test_settings_out_of_range_are_refused(gamma: float, target: float) -> None:
    with pytest.raises(ConfigError, match="is not within"):
        AdaptiveConformal(gamma, target)


@pytest.mark.parametrize("error", [0.85, 1.25])
def test_distributions_of_the_wrong_width_end_with_the_coverage_promised(error: float) -> None:
    """Long-run guarantee: |mean miss - target| <= span of alpha / (gamma n), while alpha stays within its range."""
    adaptive, n = AdaptiveConformal(gamma=0.01), 1000
    y_N = stats.t.rvs(5.0, size=n, random_state=1)
    dist = StudentT(np.zeros(1), np.full(1, error), np.full(1, 5.0))
    half = dist.quantile([0.95])[0, 0]
    misses: list[bool] = []
    alpha, alphas = 0.1, [0.1]
    for y in y_N:
        misses.append(bool(abs(y) > adaptive.factor(dist, alpha) * half))
        alpha = min(max(alpha + adaptive.gamma * (0.1 - misses[-1]), ALPHA_RANGE[0]), ALPHA_RANGE[1])
        alphas.append(alpha)
    assert alpha == adaptive.alpha_after(misses)
    assert ALPHA_RANGE[0] < min(alphas) < max(alphas) < ALPHA_RANGE[1]
    assert abs(np.mean(misses) - 0.1) <= (ALPHA_RANGE[1] - ALPHA_RANGE[0]) / (adaptive.gamma * n)
    raw = float(np.mean(np.abs(y_N) > half))
    assert abs(np.mean(misses) - 0.1) < 0.5 * abs(raw - 0.1)


def test_it_is_there_without_a_heavy_import() -> None:
    found = packages_loaded(code="import stockcast.models.conformal")
    assert found.isdisjoint({"scipy", "pandas", "torch", "pyarrow", "exchange_calendars"})
