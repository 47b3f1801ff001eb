"""Tests of the Sharpe ratio's error and deflation: the papers' worked examples, SciPy's moments, simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from stockcast.errors import DataError
from stockcast.evaluation.sharpe import SharpeRatio, Trials


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
