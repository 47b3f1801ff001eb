"""Tests of significance against statsmodels, SciPy, the papers' formulas and simulated size."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from stockcast.errors import DataError
from stockcast.evaluation.significance import diebold_mariano, newey_west_variance, pesaran_timmermann


def persistent(seed: int, n: int, rho: float) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=n)
    series = np.empty(n)
    series[0] = noise[0]
    for t in range(1, n):
        series[t] = rho * series[t - 1] + noise[t]
    return series


@pytest.mark.parametrize("lags", [0, 1, 5, 10])
def test_the_newey_west_variance_is_that_of_statsmodels(lags: int) -> None:
    x = persistent(1, 300, 0.5)
    model = sm.OLS(x, np.ones_like(x)).fit(
        cov_type="HAC", cov_kwds={"maxlags": lags, "kernel": "bartlett", "use_correction": False}
    )
    assert newey_west_variance(x, lags) == pytest.approx(model.bse[0] ** 2, rel=1e-10)


def test_without_lags_the_variance_is_that_of_the_mean() -> None:
    x = persistent(2, 50, 0.0)
    assert newey_west_variance(x, 0) == pytest.approx(np.var(x) / 50, rel=1e-12)


def test_the_newey_west_variance_of_two_values_has_a_closed_form() -> None:
    # x = (0, 2): centred (-1, 1), g_0 = 1, g_1 = -1/2; one lag has weight 1/2: (1 + 2 * 1/2 * -1/2) / 2.
    assert newey_west_variance([0.0, 2.0], 1) == pytest.approx(0.25)
    # More lags than the series has: weight 10/11 on the same lag, (1 - 10/11) / 2.
    assert newey_west_variance([0.0, 2.0], 10) == pytest.approx(1.0 / 22.0)


@settings(max_examples=60, deadline=None)
@given(x=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=40), lags=st.integers(0, 50))
def test_the_newey_west_variance_is_never_negative(x: list[float], lags: int) -> None:
    assert newey_west_variance(x, lags) >= 0.0


def test_the_variance_of_nothing_is_undefined() -> None:
    assert math.isnan(newey_west_variance([], 3))
    with pytest.raises(ValueError, match="lags"):
        newey_west_variance([1.0], -1)


def test_the_diebold_mariano_statistic_is_built_from_the_statsmodels_variance() -> None:
    a, b = persistent(3, 400, 0.3) + 5.0, persistent(4, 400, 0.3) + 5.2
    d = a - b
    model = sm.OLS(d, np.ones_like(d)).fit(cov_type="HAC", cov_kwds={"maxlags": 10, "use_correction": False})
    result = diebold_mariano(a, b)
    assert result.n == 400
    assert result.mean_difference == pytest.approx(d.mean(), rel=1e-12)
    assert result.statistic == pytest.approx(model.tvalues[0] * math.sqrt(399 / 400), rel=1e-10)
    assert result.p_value == pytest.approx(stats.t.cdf(result.statistic, 399), rel=1e-10)


def test_without_lags_diebold_mariano_is_a_one_sided_t_test() -> None:
    # V = s^2 / n with divisor n in s^2; the t test has s^2 / (n - 1), which the factor (n - 1) / n makes of it.
    rng = np.random.default_rng(6)
    a, b = rng.normal(1.0, 1.0, 30), rng.normal(1.2, 1.0, 30)
    expected = stats.ttest_rel(a, b, alternative="less")
    result = diebold_mariano(a, b, lags=0)
    assert result.statistic == pytest.approx(expected.statistic, rel=1e-12)
    assert result.p_value == pytest.approx(expected.pvalue, rel=1e-10)


def test_the_better_forecast_has_the_small_p_value() -> None:
    noise = persistent(7, 500, 0.2)
    better, worse = 1.0 + 0.1 * noise, 1.2 + 0.1 * noise[::-1]
    result = diebold_mariano(better, worse)
    assert result.statistic < 0
    assert result.p_value < 1e-6
    swapped = diebold_mariano(worse, better)
    assert swapped.statistic == pytest.approx(-result.statistic)
    assert swapped.p_value == pytest.approx(1.0 - result.p_value)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([], []),
        ([1.0], [2.0]),
        ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]),
        ([1.0, 2.0, 3.0], [2.0, 3.0, 4.0]),
        ([0.1, 0.2, 0.3], [0.1 + 1e-17, 0.2 + 1e-17, 0.3 - 5e-17]),
    ],
)
def test_losses_without_a_varying_difference_support_no_claim(a: list[float], b: list[float]) -> None:
    result = diebold_mariano(a, b)
    assert math.isnan(result.statistic)
    assert result.p_value == 1.0
    assert result.n == len(a)


def test_rounding_is_no_evidence() -> None:
    loss = np.random.default_rng(8).uniform(0.001, 0.02, 1000)
    assert diebold_mariano(loss, loss + 0.001 - 0.001 + 1e-18).p_value == 1.0


def test_a_loss_that_is_no_number_is_refused() -> None:
    with pytest.raises(DataError, match="loss b is nan at row 1"):
        diebold_mariano([1.0, 2.0], [1.0, math.nan])
    with pytest.raises(ValueError, match="2 losses against 1"):
        diebold_mariano([1.0, 2.0], [1.0])


@pytest.mark.parametrize("rho", [0.0, 0.3])
def test_diebold_mariano_rejects_a_true_null_about_as_often_as_it_says(rho: float) -> None:
    # 600 runs at 5 %: standard error 0.9 points. Newey-West with 10 lags on 500 sessions rejects a little too often.
    p_values = [diebold_mariano(persistent(seed, 500, rho), np.zeros(500)).p_value for seed in range(600)]
    assert 0.03 < np.mean(np.array(p_values) < 0.05) < 0.09


@pytest.mark.parametrize(("horizon", "lags", "used"), [(1, 10, 10), (5, 10, 10), (5, 0, 4), (20, 3, 19)])
def test_several_steps_ahead_have_the_papers_correction_and_lags_that_span_the_overlap(
    horizon: int, lags: int, used: int
) -> None:
    a, b = persistent(11, 200, 0.6) + 5.0, persistent(12, 200, 0.6) + 5.2
    d, n = a - b, 200
    model = sm.OLS(d, np.ones_like(d)).fit(cov_type="HAC", cov_kwds={"maxlags": used, "use_correction": False})
    # (n - h)(n - h + 1) / n^2 is the paper's factor, multiplied out.
    correction = math.sqrt((n - horizon) * (n - horizon + 1)) / n
    result = diebold_mariano(a, b, lags, horizon)
    assert result.statistic == pytest.approx(model.tvalues[0] * correction, rel=1e-10)
    assert result.p_value == pytest.approx(stats.t.cdf(result.statistic, n - 1), rel=1e-10)


def test_a_horizon_of_one_changes_nothing() -> None:
    a, b = persistent(13, 90, 0.3), persistent(14, 90, 0.3)
    assert diebold_mariano(a, b, 7, horizon=1) == diebold_mariano(a, b, 7)


def test_no_more_rows_than_the_horizon_support_no_claim() -> None:
    a, b = [1.0, 2.0, 4.0, 3.0, 6.0], [2.0, 1.0, 7.0, 5.0, 5.0]
    assert math.isnan(diebold_mariano(a, b, horizon=5).statistic)
    assert diebold_mariano(a, b, horizon=5).p_value == 1.0
    assert not math.isnan(diebold_mariano(a, b, horizon=4).statistic)


def test_a_horizon_or_lags_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="horizon 0"):
        diebold_mariano([1.0, 2.0], [2.0, 1.0], horizon=0)
    with pytest.raises(ValueError, match="-3 lags"):
        diebold_mariano([1.0, 2.0], [2.0, 1.0], lags=-3, horizon=5)


def test_overlapping_forecasts_reject_a_true_null_about_as_often_as_they_say() -> None:
    # Sums of 5 unrelated steps, 600 runs at 5 %, 15 lags: 6 % in the long run, standard error 1 point.
    # Taken for one-step losses without lags, they would be called significant in about every fourth run.
    p_values, careless = np.empty(600), np.empty(600)
    for seed in range(600):
        d = np.convolve(np.random.default_rng(seed).normal(size=504), np.ones(5), "valid")
        p_values[seed] = diebold_mariano(d, np.zeros(500), 15, horizon=5).p_value
        careless[seed] = diebold_mariano(d, np.zeros(500), 0).p_value
    assert 0.03 < np.mean(p_values < 0.05) < 0.09
    assert np.mean(careless < 0.05) > 0.15


def papers_formula(y: np.ndarray, called: np.ndarray) -> float:
    """Pesaran and Timmermann's statistic as it is printed, with both variances."""
    n, right = len(y), np.mean((y > 0) == called)
    py, px = np.mean(y > 0), np.mean(called)
    expected = py * px + (1 - py) * (1 - px)
    variance = expected * (1 - expected) / n
    variance_expected = (
        (2 * py - 1) ** 2 * px * (1 - px) / n
        + (2 * px - 1) ** 2 * py * (1 - py) / n
        + 4 * py * px * (1 - py) * (1 - px) / n**2
    )
    return float((right - expected) / math.sqrt(variance - variance_expected))


@pytest.mark.parametrize("seed", range(5))
def test_the_pesaran_timmermann_statistic_is_the_papers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y, called = rng.normal(0.05, 1.0, 157), rng.random(157) < 0.6
    result = pesaran_timmermann(y, called)
    assert result.statistic == pytest.approx(papers_formula(y, called), rel=1e-9)
    assert result.p_value == pytest.approx(stats.norm.sf(result.statistic), rel=1e-9)


def test_the_squared_statistic_is_the_chi_square_of_the_two_by_two_table() -> None:
    rng = np.random.default_rng(9)
    y = rng.normal(size=211)
    called = rng.random(211) < np.where(y > 0, 0.7, 0.4)
    table = [[np.sum(((y > 0) == up) & (called == call)) for call in (True, False)] for up in (True, False)]
    chi_square = stats.chi2_contingency(np.array(table), correction=False).statistic
    assert pesaran_timmermann(y, called).statistic ** 2 == pytest.approx(chi_square * 211 / 210, rel=1e-10)


def test_perfect_calls_have_a_closed_form() -> None:
    # Correlation 1: the statistic is n / sqrt(n - 1).
    y = np.array([1.0, -1.0] * 8)
    assert pesaran_timmermann(y, y > 0).statistic == pytest.approx(16 / math.sqrt(15))
    assert pesaran_timmermann(y, y < 0).statistic == pytest.approx(-16 / math.sqrt(15))
    assert pesaran_timmermann(y, y < 0).p_value > 0.999


def test_sessions_that_did_not_move_do_not_count() -> None:
    y, called = np.array([1.0, -1.0, 2.0, -2.0, 3.0]), np.array([True, False, True, True, False])
    padded = pesaran_timmermann(np.append(y, [0.0, 0.0]), np.append(called, [True, False]))
    assert padded == pesaran_timmermann(y, called)
    assert padded.n == 5


@pytest.mark.parametrize(
    ("y", "called"),
    [
        ([], []),
        ([0.01], [True]),
        ([0.01, -0.01, 0.02], [True, True, True]),
        ([0.01, -0.01, 0.02], [False, False, False]),
        ([0.01, 0.02, 0.03], [True, False, True]),
        ([0.0, 0.0], [True, False]),
    ],
)
def test_calls_or_outcomes_that_are_all_alike_support_no_claim(y: list[float], called: list[bool]) -> None:
    result = pesaran_timmermann(y, called)
    assert math.isnan(result.statistic)
    assert result.p_value == 1.0


def test_returns_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(DataError, match="return is inf at row 0"):
        pesaran_timmermann([math.inf, 1.0], [True, False])
    with pytest.raises(ValueError, match="2 returns against 1"):
        pesaran_timmermann([1.0, -1.0], [True])


def test_pesaran_timmermann_rejects_a_true_null_about_as_often_as_it_says() -> None:
    # Biased calls on drifting returns, unrelated: 2,000 runs at 5 %, standard error 0.5 points.
    rng = np.random.default_rng(10)
    p_values = [pesaran_timmermann(rng.normal(0.05, 1.0, 400), rng.random(400) < 0.7).p_value for _ in range(2000)]
    assert 0.035 < np.mean(np.array(p_values) < 0.05) < 0.065
