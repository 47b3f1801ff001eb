"""Tests of the Sharpe ratio's error and deflation: the papers' worked examples, SciPy's moments, simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from stockcast.errors import DataError
from stockcast.evaluation.sharpe import SharpeRatio, Trials, sharpe_difference


def test_the_ratio_has_the_moments_that_scipy_finds() -> None:
    returns = stats.skewnorm.rvs(5, size=400, random_state=1) * 0.01
    ratio = SharpeRatio.of(returns)
    assert ratio.value == pytest.approx(returns.mean() / returns.std(ddof=1))
    assert ratio.n == 400
    assert ratio.skewness == pytest.approx(stats.skew(returns))
    assert ratio.kurtosis == pytest.approx(stats.kurtosis(returns, fisher=False))


def test_the_standard_error_of_gaussian_returns_is_los() -> None:
    assert SharpeRatio(0.2, 101, 0.0, 3.0).standard_error == pytest.approx(math.sqrt((1 + 0.5 * 0.04) / 100))


@pytest.mark.parametrize("shape", [0.0, 8.0])
def test_the_standard_error_is_the_spread_of_simulated_ratios(shape: float) -> None:
    # Skewed returns with a ratio of 0.5 in 2,000 series of 250; a spread of 2,000 has a standard error of 1.6 %.
    dist = stats.skewnorm(shape)
    draws = dist.rvs((2000, 250), random_state=2) - dist.mean() + 0.5 * dist.std()
    ratios = draws.mean(axis=1) / draws.std(axis=1, ddof=1)
    skewness, excess = (float(moment) for moment in dist.stats("sk"))
    expected = SharpeRatio(0.5, 250, skewness, excess + 3.0).standard_error
    assert ratios.std() == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(("skewness", "kurtosis", "printed"), [(0.0, 3.0, 0.982), (-2.448, 10.164, 0.913)])
def test_the_probabilistic_ratio_is_that_of_the_papers_hedge_fund(
    skewness: float, kurtosis: float, printed: float
) -> None:
    # Bailey and Lopez de Prado 2012: 24 monthly returns with a ratio of 0.458.
    assert SharpeRatio(0.458, 24, skewness, kurtosis).probabilistic() == pytest.approx(printed, abs=5e-4)


@pytest.mark.parametrize(
    ("trials", "skewness", "kurtosis", "printed"),
    [(100, -3.0, 10.0, 0.9004), (46, -3.0, 10.0, 0.9505), (88, 0.0, 3.0, 0.9505)],
)
def test_the_deflated_ratio_is_that_of_the_papers_analyst(
    trials: int, skewness: float, kurtosis: float, printed: float
) -> None:
    # Bailey and Lopez de Prado 2014, a numerical example: 5 years of 250 days, ratio 2.5 a year, variance 1/2 a year.
    ratio = SharpeRatio(2.5 / math.sqrt(250), 1250, skewness, kurtosis)
    assert ratio.deflated(Trials(trials, 0.5 / 250)) == pytest.approx(printed, abs=5e-5)


def test_the_luck_of_the_best_of_a_hundred_is_the_papers_and_that_of_simulated_trials() -> None:
    assert Trials(100, 0.5 / 250).expected_maximum() == pytest.approx(0.1132, abs=5e-5)
    best = np.random.default_rng(3).normal(size=(4000, 50)).max(axis=1)
    assert Trials(50, 1.0).expected_maximum() == pytest.approx(best.mean(), rel=0.02)


def test_a_single_trial_is_not_deflated() -> None:
    ratio = SharpeRatio(0.1, 250, 0.0, 3.0)
    assert Trials(1, 0.3).expected_maximum() == 0.0
    assert ratio.deflated(Trials(1, 0.3)) == ratio.probabilistic()
    assert ratio.deflated(Trials(20, 0.01)) < ratio.deflated(Trials(5, 0.01)) < ratio.probabilistic()


def test_the_best_of_twenty_without_merit_is_hardly_ever_claimed() -> None:
    # Without deflation 1 - 0.95^20 = 64 % of the best would be claimed at 5 %.
    rng, claims, naive = np.random.default_rng(4), 0, 0
    for _ in range(150):
        ratios = [SharpeRatio.of(returns) for returns in rng.normal(0.0, 0.01, (20, 250))]
        best = max(ratios, key=lambda ratio: ratio.value)
        claims += best.deflated(Trials.of([ratio.value for ratio in ratios])) > 0.95
        naive += best.probabilistic() > 0.95
    assert claims <= 7
    assert naive > 60


@pytest.mark.parametrize("returns", [[], [0.01], [0.0, 0.0, 0.0], [0.01, 0.01, 0.01]])
def test_returns_that_do_not_vary_have_no_ratio(returns: list[float]) -> None:
    ratio = SharpeRatio.of(returns)
    assert math.isnan(ratio.value)
    assert math.isnan(ratio.standard_error)
    assert math.isnan(ratio.probabilistic())
    assert ratio.n == len(returns)


def test_trials_are_counted_with_the_variance_of_their_ratios() -> None:
    assert Trials.of([0.5, 1.0, 1.5]) == Trials(3, 0.25)
    assert Trials.of([0.5]) == Trials(1, 0.0)
    with pytest.raises(ValueError, match="0 trials"):
        Trials.of([])
    with pytest.raises(ValueError, match="variance of -1"):
        Trials(2, -1.0)
    with pytest.raises(DataError, match="Sharpe ratio is nan at row 1"):
        Trials.of([0.5, math.nan])


def gaussian_pair(rng: np.random.Generator, ratios: tuple[float, float], correlation: float, n: int) -> np.ndarray:
    """Returns of two strategies, [2, N], correlated, of these Sharpe ratios."""
    z = rng.normal(size=(2, n))
    z[1] = correlation * z[0] + math.sqrt(1.0 - correlation**2) * z[1]
    return 0.01 * (z + np.array(ratios)[:, None])


def test_the_error_of_a_difference_of_gaussian_ratios_is_jobson_korkies() -> None:
    # Corrected by Memmel 2003: Var = (2 - 2 c + (a^2 + b^2 - 2 a b c^2) / 2) / N for independent Gaussian returns.
    a, b, c, n = 0.4, 0.1, 0.6, 20_000
    found = sharpe_difference(*gaussian_pair(np.random.default_rng(5), (a, b), c, n), lags=0)
    assert found.standard_error == pytest.approx(
        math.sqrt((2 - 2 * c + (a**2 + b**2 - 2 * a * b * c**2) / 2) / n), rel=0.02
    )
    assert found.value == pytest.approx(0.3, abs=3 * found.standard_error)
    assert found.p_value == pytest.approx(0.0, abs=1e-12)


def test_equal_ratios_are_told_apart_as_often_as_the_level_says() -> None:
    rng = np.random.default_rng(6)
    p_values = [sharpe_difference(*gaussian_pair(rng, (0.05, 0.05), 0.5, 500)).p_value for _ in range(1000)]
    # Of 1,000 at 5 % a count has a standard deviation of 7; the Newey-West variance adds about half a point.
    assert 30 <= sum(p < 0.05 for p in p_values) <= 80
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.03)


def test_returns_with_a_memory_have_the_error_that_it_gives() -> None:
    # Means of five sessions: an error without lags would be half as large.
    rng, spread, told = np.random.default_rng(7), [], []
    for _ in range(400):
        slow = np.convolve(rng.normal(size=1004), np.ones(5) / 5, "valid")
        found = sharpe_difference(slow + rng.normal(0.0, 0.2, 1000), rng.normal(size=1000))
        spread.append(found.value)
        told.append(found.standard_error)
    assert np.mean(told) == pytest.approx(np.std(spread), rel=0.15)


def test_a_ratio_is_compared_in_its_own_unit_whatever_the_leverage() -> None:
    a, b = gaussian_pair(np.random.default_rng(8), (0.1, 0.0), 0.3, 400)
    found = sharpe_difference(a, b)
    assert found.value == pytest.approx(SharpeRatio.of(a).value - SharpeRatio.of(b).value)
    levered, other = sharpe_difference(3.0 * a, b), sharpe_difference(b, a)
    assert levered.p_value == pytest.approx(found.p_value)
    assert other.p_value == pytest.approx(1.0 - found.p_value)


@pytest.mark.parametrize("flat", [[], [0.01], [0.0, 0.0, 0.0], [0.01, 0.02, -0.01]])
def test_what_does_not_vary_or_differ_is_never_claimed(flat: list[float]) -> None:
    returns = [0.01, 0.02, -0.01][: len(flat)]
    assert sharpe_difference(flat, returns).p_value == 1.0
    assert sharpe_difference(returns, flat).p_value == 1.0


def test_returns_of_other_sessions_are_refused() -> None:
    with pytest.raises(ValueError, match="3 returns against 2"):
        sharpe_difference([0.1, 0.2, 0.0], [0.1, 0.2])
    with pytest.raises(DataError, match="return of b is nan at row 1"):
        sharpe_difference([0.1, 0.2], [0.1, math.nan])
