"""Calibration: whether the probabilities of a record of forecasts are what they say.

A test that cannot be made has a statistic of NaN and a p-value of 1.0. p-values are small where the distribution is
wrong.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Uniformity:
    """Tests of PITs against the uniform distribution that they have where the forecasts are right.

    n: PITs. counts: how many lie in each of as many equal bins; n / bins are expected. ks, chi2: Kolmogorov-Smirnov
    distance and chi-square of the counts, which take the PITs for independent. berkowitz: likelihood ratio against
    another mean or variance, or dependence on the PIT before (3 degrees of freedom); dependence: its part against
    dependence alone (1).
    """

    n: int
    counts: tuple[int, ...]
    ks: float
    ks_p: float
    chi2: float
    chi2_p: float
    berkowitz: float
    berkowitz_p: float
    dependence: float
    dependence_p: float


@dataclass(frozen=True)
class CoverageTests:
    """Likelihood ratio tests of an interval's misses, in order of time.

    nominal, coverage: share of outcomes promised and found within, of n. kupiec: of the share (1 degree of freedom).
    independence: of a miss after a miss being as likely as after none (1). conditional: of both, their sum (2).
    """

    n: int
    nominal: float
    coverage: float
    kupiec: float
    kupiec_p: float
    independence: float
    independence_p: float
    conditional: float
    conditional_p: float


@dataclass(frozen=True)
class GroupCoverage:
    """One group of forecasts: a year, a decile of volatility, a ticker. error: coverage less the nominal one."""

    group: str
    n: int
    coverage: float
    error: float


@dataclass(frozen=True)
class CoverageTable:
    """Coverage by group. mean_error: mean over the groups of the absolute error, NaN without any; worst: the group
    with the largest absolute error, the first of equals, None without any.
    """

    groups: tuple[GroupCoverage, ...]
    mean_error: float
    worst: GroupCoverage | None


@dataclass(frozen=True)
class Calibration:
    """The calibration of one record: its PITs, and the coverage of one interval as a whole, by year and by decile of
    volatility, as ranked among the stock's own past scales.
    """

    uniformity: Uniformity
    coverage: CoverageTests
    by_year: CoverageTable
    by_decile: CoverageTable


@dataclass(frozen=True)
class CalibrationEffect:
    """A record's 90 % intervals after a method of calibration ("none": before any), learnt from the past alone.

    interval_score_90: mean, log return, lower is better.
    """

    method: str
    coverage_90: float
    by_year: CoverageTable
    by_decile: CoverageTable
    interval_score_90: float
