"""Sharpe ratios: how sure one is, whether one is higher than another, and what the best of several shows by luck.

All are those of one session, per root session; kurtosis is 3 for a Gaussian.

Legend: N consecutive sessions of one instrument, oldest first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from stockcast.evaluation.significance import ROUNDING, finite, indistinct, newey_west_variance
from stockcast.prices.history import Floats


@dataclass(frozen=True)
class Trials:
    """The settings that were tried before the one that is shown was chosen.

    number: how many, the chosen one included, counting those that move together as fewer. sharpe_variance: variance of
    their Sharpe ratios, in the square of the unit of the ratio that is judged.
    Raises ValueError on fewer than one trial or a variance that is negative or not finite.
    """

    number: int
    sharpe_variance: float

    def __post_init__(self) -> None:
        if self.number < 1 or not (math.isfinite(self.sharpe_variance) and self.sharpe_variance >= 0.0):
            raise ValueError(f"{self.number} trials with a variance of {self.sharpe_variance}")

    @classmethod
    def of(cls, sharpe_ratios: Sequence[float]) -> Trials:
        """The trials that had these Sharpe ratios, each counted as one; variance with divisor number - 1."""
        ratios = finite("Sharpe ratio", sharpe_ratios, "leave out settings whose returns do not vary")
        return cls(len(ratios), float(np.var(ratios, ddof=1)) if len(ratios) > 1 else 0.0)

    def expected_maximum(self) -> float:
        """Sharpe ratio that the best trial is expected to show where none has any merit; 0.0 for a single trial.

        sqrt(variance) * ((1 - g) Z(1 - 1 / K) + g Z(1 - 1 / (K e))), with K trials, g Euler's constant and Z the normal
        quantile. Reference: Bailey and Lopez de Prado 2014, The deflated Sharpe ratio, equation 1.
        """
        if self.number == 1:
            return 0.0
        quantile = NormalDist().inv_cdf
        g, k = float(np.euler_gamma), self.number
        best = (1.0 - g) * quantile(1.0 - 1.0 / k) + g * quantile(1.0 - 1.0 / (k * math.e))
        return math.sqrt(self.sharpe_variance) * best


@dataclass(frozen=True)
class SharpeRatio:
    """An estimated Sharpe ratio and what its error depends on: n returns, their skewness and kurtosis."""

    value: float
    n: int
    skewness: float
    kurtosis: float

    @classmethod
    def of(cls, returns_N: ArrayLike) -> SharpeRatio:
        """The ratio of simple returns, nothing taken off for cash: mean over standard deviation (divisor n - 1).

        Args:
            returns_N: Returns of consecutive sessions, shape (N,).

        Returns:
            The estimate, per root session, with skewness and kurtosis (moments with divisor n). NaN: fewer than two
            returns, or returns that do not vary beyond rounding.

        Raises:
            DataError: A return is not finite.
        """
        returns = finite("return", returns_N, "leave out sessions without a return")
        n = len(returns)
        if n < 2 or float(np.std(returns)) <= ROUNDING * float(np.mean(np.abs(returns))):
            return cls(math.nan, n, math.nan, math.nan)
        standardised = _standardised(returns)
        return cls(
            value=float(np.mean(returns)) / float(np.std(returns, ddof=1)),
            n=n,
            skewness=float(np.mean(standardised**3)),
            kurtosis=float(np.mean(standardised**4)),
        )

    @property
    def standard_error(self) -> float:
        """sqrt((1 - skewness SR + (kurtosis - 1) / 4 SR^2) / (n - 1)); NaN for fewer than two returns.

        For independent returns of any distribution with four moments; (1 + SR^2 / 2) / (n - 1) under the root for
        Gaussian ones. References: Lo 2002, The statistics of Sharpe ratios; Mertens 2002, Comments on variance of the
        IID estimator; divisor n - 1 as in Bailey and Lopez de Prado 2012.
        """
        if self.n < 2:
            return math.nan
        variance = 1.0 - self.skewness * self.value + 0.25 * (self.kurtosis - 1.0) * self.value**2
        return math.sqrt(variance / (self.n - 1)) if variance > 0.0 else (math.nan if math.isnan(variance) else 0.0)

    def probabilistic(self, benchmark: float = 0.0) -> float:
        """Probabilistic Sharpe ratio: P(normal <= (SR - benchmark) / standard error), near 1 where SR is above it.

        One minus the one-sided p-value of "no higher than the benchmark". NaN where the ratio or its error is.
        Reference: Bailey and Lopez de Prado 2012, The Sharpe ratio efficient frontier.
        """
        error, above = self.standard_error, self.value - benchmark
        if error == 0.0:
            return 1.0 if above > 0.0 else 0.0
        return 0.5 * math.erfc(-above / error / math.sqrt(2.0))

    def deflated(self, trials: Trials) -> float:
        """Deflated Sharpe ratio: the probabilistic one against the best that the trials would show by luck.

        Reference: Bailey and Lopez de Prado 2014, The deflated Sharpe ratio, equation 2.
        """
        return self.probabilistic(trials.expected_maximum())


@dataclass(frozen=True)
class SharpeDifference:
    """How much higher one Sharpe ratio is than another of the same sessions, its standard error, and whether by luck.

    p_value: one-sided, small where the first is significantly higher.
    """

    value: float
    standard_error: float
    p_value: float


def sharpe_difference(returns_a_N: ArrayLike, returns_b_N: ArrayLike, lags: int = 10) -> SharpeDifference:
    """Ledoit-Wolf test of equal Sharpe ratios against "a has the higher one than b", for returns of any distribution.

    By the delta method an estimated ratio SR moves with x - SR / 2 (x^2 - 1) of each session, where x is its return
    less the mean, over the standard deviation. The variance of the difference is that of the mean of the difference of
    these two series, autocorrelation (as of volatility) allowed for; p = P(t >= difference / standard error) under
    Student-t with N - 1 degrees of freedom.

    Args:
        returns_a_N: Simple returns of consecutive sessions, shape (N,).
        returns_b_N: Those of b in the same sessions.
        lags: Of the Newey-West variance, 0 or more.

    Returns:
        The difference and its standard error, per root session. A test that cannot be made has NaN or 0 for an error
        and 1.0 for a p-value: fewer than two returns, one of the two does not vary, or they do not differ.

    Raises:
        DataError: A return is not finite.
        ValueError: The lengths differ, or the lags are negative.

    Reference: Ledoit and Wolf 2008, Robust performance hypothesis testing with the Sharpe ratio, section 3.1.
    """
    a, b = finite("return of a", returns_a_N), finite("return of b", returns_b_N)
    if a.shape != b.shape:
        raise ValueError(f"{len(a)} returns against {len(b)}")
    ratios = SharpeRatio.of(a).value, SharpeRatio.of(b).value
    difference = ratios[0] - ratios[1]
    if math.isnan(difference):
        return SharpeDifference(difference, math.nan, 1.0)
    moved = [x - ratio / 2.0 * (x**2 - 1.0) for x, ratio in zip(map(_standardised, (a, b)), ratios, strict=True)]
    error = 0.0 if indistinct(*moved) else math.sqrt(newey_west_variance(moved[0] - moved[1], lags))
    if not error > 0.0:
        return SharpeDifference(difference, error, 1.0)
    from scipy.special import stdtr  # not at the top: scoring starts without SciPy

    return SharpeDifference(difference, error, float(stdtr(len(a) - 1, -difference / error)))


def _standardised(returns_N: Floats) -> Floats:
    """Less their mean, over their standard deviation (divisor N)."""
    standardised: Floats = (returns_N - np.mean(returns_N)) / np.std(returns_N)
    return standardised
