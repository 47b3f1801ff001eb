"""Metrics against scoringrules, numerical integration and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scoringrules
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from stockcast.errors import ModelError
from stockcast.evaluation.metrics import (
    always_up,
    coverage,
    crps_empirical,
    crps_student_t,
    hit_rate,
    interval_score,
    log_score_student_t,
    mae,
    mape,
    pinball,
    rmse,
)

RNG = np.random.default_rng(11)
N = 200
LOC = RNG.normal(0.0, 1e-3, N)
SCALE = np.exp(RNG.normal(-4.5, 0.5, N))
NU = 2.05 + np.exp(RNG.normal(1.5, 1.0, N))
Y = LOC + SCALE * RNG.standard_t(3.0, N)


def test_the_student_t_crps_agrees_with_scoringrules() -> None:
    np.testing.assert_allclose(crps_student_t(Y, LOC, SCALE, NU), scoringrules.crps_t(Y, NU, LOC, SCALE), rtol=1e-9)


def test_the_gaussian_crps_agrees_with_scoringrules() -> None:
    expected = scoringrules.crps_normal(Y, LOC, SCALE)
    np.testing.assert_allclose(crps_student_t(Y, LOC, SCALE, np.inf), expected, rtol=1e-12)


def test_the_gaussian_crps_at_its_centre_is_known() -> None:
    # z = 0: 2 phi(0) - 1 / sqrt(pi) = (sqrt(2) - 1) / sqrt(pi).
    expected = (math.sqrt(2.0) - 1.0) / math.sqrt(math.pi)
    assert crps_student_t([0.0], 0.0, 1.0, np.inf)[0] == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("nu", [1e4, 1e6, 1e9])
def test_the_crps_tends_to_the_gaussian_one(nu: float) -> None:
    z = np.linspace(-5, 5, 21)
    assert np.abs(crps_student_t(z, 0.0, 1.0, nu) - crps_student_t(z, 0.0, 1.0, np.inf)).max() < 2.0 / nu


@pytest.mark.parametrize("nu", [2.2, 3.0, 8.0])
@pytest.mark.parametrize("y", [-0.05, 0.0, 0.013])
def test_the_crps_is_the_integral_of_the_squared_distance_of_cdfs(nu: float, y: float) -> None:
    # CRPS = integral of (F(x) - 1{x >= y})^2: below y that is F^2, above it (1 - F)^2.
    dist = stats.t(nu, 0.001, 0.01)
    below, _ = integrate.quad(lambda x: dist.cdf(x) ** 2, -np.inf, y, epsabs=1e-13)
    above, _ = integrate.quad(lambda x: dist.sf(x) ** 2, y, np.inf, epsabs=1e-13)
    assert crps_student_t([y], 0.001, 0.01, nu)[0] == pytest.approx(below + above, rel=1e-7)


def test_the_sample_crps_agrees_with_scoringrules() -> None:
    values_NK = RNG.normal(0.0, 0.01, (N, 60))
    expected = scoringrules.crps_ensemble(Y, values_NK, estimator="nrg")
    np.testing.assert_allclose(crps_empirical(Y, values_NK), expected, rtol=1e-11)


def test_the_sample_crps_is_the_double_sum_of_its_definition() -> None:
    # E|V - y| - E|V - V'| / 2 over all K^2 pairs, equal ones included: values 0, 1, 3 and y = 2.
    # mean |v - y| = (2 + 1 + 1) / 3; the pairs differ by 1, 3, 2, each twice: 12 / 9 / 2.
    assert crps_empirical([2.0], [[3.0, 0.0, 1.0]])[0] == pytest.approx(4.0 / 3.0 - 12.0 / 18.0)


def test_the_crps_of_a_single_value_is_its_absolute_error() -> None:
    assert crps_empirical([0.3], [[0.1]])[0] == pytest.approx(0.2)


def test_the_sample_crps_tends_to_that_of_its_distribution() -> None:
    levels = (np.arange(4000) + 0.5) / 4000
    values = stats.t.ppf(levels, 5.0)
    assert crps_empirical([0.7], [values])[0] == pytest.approx(crps_student_t([0.7], 0.0, 1.0, 5.0)[0], abs=2e-4)


def test_the_log_score_is_the_log_density_at_the_outcome() -> None:
    np.testing.assert_allclose(log_score_student_t(Y, LOC, SCALE, NU), stats.t.logpdf(Y, NU, LOC, SCALE), rtol=1e-11)
    np.testing.assert_allclose(log_score_student_t(Y, LOC, SCALE, np.inf), stats.norm.logpdf(Y, LOC, SCALE), rtol=1e-12)


@pytest.mark.parametrize(("scale", "nu"), [(0.0, 5.0), (-1.0, 5.0), (1.0, 2.0), (1.0, math.nan)])
def test_a_forecast_that_is_no_distribution_has_no_score(scale: float, nu: float) -> None:
    with pytest.raises(ModelError):
        crps_student_t([0.0], 0.0, scale, nu)
    with pytest.raises(ModelError):
        log_score_student_t([0.0], 0.0, scale, nu)


def test_a_missing_outcome_has_a_missing_score() -> None:
    y = [math.nan, 0.0]
    for score in (
        crps_student_t(y, 0.0, 1.0, 5.0),
        crps_empirical(y, [[0.0, 1.0], [0.0, 1.0]]),
        log_score_student_t(y, 0.0, 1.0, 5.0),
        pinball(y, [[0.0], [0.0]], [0.5]),
        interval_score(y, [-1.0, -1.0], [1.0, 1.0], 0.1),
    ):
        assert np.isnan(score).tolist() == [True, False]
    assert math.isnan(coverage(y, [-1.0, -1.0], [1.0, 1.0]))
    assert math.isnan(hit_rate(y, [0.6, 0.6]))


def test_the_pinball_loss_agrees_with_scoringrules() -> None:
    levels = np.array([0.05, 0.25, 0.5, 0.9])
    q_NQ = LOC[:, None] + SCALE[:, None] * stats.norm.ppf(levels)
    each = np.column_stack([scoringrules.quantile_score(Y, q_NQ[:, k], p) for k, p in enumerate(levels)])
    np.testing.assert_allclose(pinball(Y, q_NQ, levels), each.mean(axis=1), rtol=1e-12)


def test_the_pinball_loss_weighs_the_two_sides_by_the_level() -> None:
    assert pinball([2.0], [[0.0]], [0.9])[0] == pytest.approx(1.8)
    assert pinball([-2.0], [[0.0]], [0.9])[0] == pytest.approx(0.2)
    assert pinball([2.0], [[2.0]], [0.9])[0] == 0.0


def test_twice_the_pinball_loss_over_dense_levels_is_the_crps() -> None:
    # CRPS = 2 * integral over p of the pinball loss at level p (Laio and Tamea 2007).
    levels = (np.arange(2000) + 0.5) / 2000
    q_1Q = stats.t.ppf(levels, 5.0)[None]
    assert 2.0 * pinball([0.7], q_1Q, levels)[0] == pytest.approx(crps_student_t([0.7], 0.0, 1.0, 5.0)[0], abs=2e-4)


def test_the_interval_score_agrees_with_scoringrules() -> None:
    lower, upper = LOC - SCALE, LOC + 1.5 * SCALE
    expected = scoringrules.interval_score(Y, lower, upper, 0.1)
    np.testing.assert_allclose(interval_score(Y, lower, upper, 0.1), expected, rtol=1e-12)


def test_the_interval_score_is_width_and_penalty() -> None:
    # Inside: the width 2. Half a unit outside at 90 %: 2 + 2 / 0.1 * 0.5.
    assert interval_score([0.0, 1.5, -1.5], [-1.0] * 3, [1.0] * 3, 0.1) == pytest.approx([2.0, 12.0, 12.0])


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, math.nan])
def test_an_interval_without_a_probability_has_no_score(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        interval_score([0.0], [-1.0], [1.0], alpha)


def test_coverage_counts_the_bounds_as_inside() -> None:
    assert coverage([-1.0, 1.0, 0.0, 1.1], [-1.0] * 4, [1.0] * 4) == 0.75


def test_point_errors_follow_their_definitions() -> None:
    y, point = [100.0, 200.0], [101.0, 193.0]
    assert mae(y, point) == pytest.approx((1.0 + 7.0) / 2)
    assert rmse(y, point) == pytest.approx(math.sqrt((1.0 + 49.0) / 2))
    assert mape(y, point) == pytest.approx((0.01 + 0.035) / 2)


def test_a_percentage_is_of_the_size_of_the_outcome() -> None:
    assert mape([-2.0, 4.0], [-1.0, 5.0]) == pytest.approx((0.5 + 0.25) / 2)


def test_a_percentage_of_nothing_is_undefined() -> None:
    assert math.isnan(mape([0.0, 1.0], [1.0, 1.0]))


def test_the_hit_rate_leaves_out_sessions_that_did_not_move() -> None:
    y = [0.01, -0.01, 0.0, 0.02, -0.02]
    assert hit_rate(y, [0.6, 0.4, 0.9, 0.5, 0.7]) == 0.5
    assert always_up(y) == 0.5
    assert always_up([0.0, 0.01, 0.02, -0.01]) == pytest.approx(2 / 3)


def test_figures_of_no_forecasts_are_undefined() -> None:
    assert math.isnan(coverage([], [], []))
    assert math.isnan(mae([], []))
    assert math.isnan(rmse([], []))
    assert math.isnan(mape([], []))
    assert math.isnan(hit_rate([0.0], [0.6]))
    assert math.isnan(always_up([]))
    assert np.isnan(pinball([0.0], np.empty((1, 0)), [])).all()
    assert crps_student_t([], [], [], []).shape == (0,)
    with pytest.raises(ValueError, match="without values"):
        crps_empirical([0.0], np.empty((1, 0)))


@settings(max_examples=60, deadline=None)
@given(
    z=st.floats(-50, 50),
    nu=st.floats(2.05, 1e4),
    shift=st.floats(-10, 10),
    factor=st.floats(1e-3, 1e3),
)
def test_the_crps_scales_with_the_unit_and_never_is_negative(z: float, nu: float, shift: float, factor: float) -> None:
    one = crps_student_t([z], 0.0, 1.0, nu)[0]
    assert one > 0.0
    moved = crps_student_t([shift + factor * z], shift, factor, nu)[0]
    assert moved == pytest.approx(factor * one, rel=1e-6, abs=1e-9 * factor)
    assert crps_student_t([-z], 0.0, 1.0, nu)[0] == pytest.approx(one, rel=1e-12)


def test_the_true_distribution_has_the_best_mean_scores() -> None:
    y = np.random.default_rng(5).standard_t(5.0, 20_000)
    levels = np.array([0.05, 0.5, 0.95])
    true_q = np.tile(stats.t.ppf(levels, 5.0), (len(y), 1))
    for loc, scale, nu in ((0.3, 1.0, 5.0), (0.0, 1.3, 5.0), (0.0, 0.8, 5.0)):
        assert crps_student_t(y, 0.0, 1.0, 5.0).mean() < crps_student_t(y, loc, scale, nu).mean()
        assert log_score_student_t(y, 0.0, 1.0, 5.0).mean() > log_score_student_t(y, loc, scale, nu).mean()
        assert pinball(y, true_q, levels).mean() < pinball(y, loc + scale * true_q, levels).mean()
        lower, upper = loc + scale * true_q[:, 0], loc + scale * true_q[:, 2]
        best = interval_score(y, true_q[:, 0], true_q[:, 2], 0.1).mean()
        assert best < interval_score(y, lower, upper, 0.1).mean()
