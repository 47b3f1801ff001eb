"""Calibration: whether probabilities and intervals are right as often as they say.

A test that cannot be made supports no claim: its statistic is NaN and its p-value 1.0. p-values are small where the
distribution is wrong. The tests are of one series in order of time; forecasts of many tickers for one session are not
independent, and their p-values would be too small.

Legend: N forecasts, in order of time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stockcast.errors import DataError
from stockcast.models.recalibration import TOO_EARLY, Integers
from stockcast.prices.history import Dates, Floats

_EXTREME_PIT = 1e-6
"""PITs are kept this far from 0 and 1 for Berkowitz's test: a sample as the distribution gives exact zeros and ones."""


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
class CalibrationReport:
    """The calibration of one record: its PITs, and the coverage of one interval as a whole, by year and by decile of
    volatility, as ranked among the stock's own past scales.
    """

    uniformity: Uniformity
    coverage: CoverageTests
    by_year: CoverageTable
    by_decile: CoverageTable


def uniformity(pit_N: ArrayLike, bins: int = 10) -> Uniformity:
    """Histogram and tests of PITs, the distributions' probabilities of at most the outcomes.

    Kolmogorov-Smirnov: largest distance of the empirical from the uniform distribution function, exact or asymptotic
    p-value as SciPy chooses. Chi-square: sum over the bins of (count - n / bins)^2 / (n / bins), bins - 1 degrees of
    freedom; undefined below 5 expected in a bin. Both take the PITs for independent. Berkowitz: z = Phi^-1(PIT) follows
    z_t - mu = rho (z_t-1 - mu) + e_t, var e = v, and the null is mu = 0, rho = 0, v = 1. With the first z given, and S
    the least sum of squares of z_t on a constant and z_t-1, over m = n - 1 terms: LR = sum z_t^2 - m (1 + ln(S / m)),
    chi-square of 3 degrees; its part against rho alone is m ln(S_0 / S), S_0 the least sum of squares on a constant, of
    1 degree. Undefined: fewer than 5 PITs, or z that do not vary.

    Args:
        pit_N: PITs, shape (N,), in order of time.
        bins: Of the histogram, 2 or more.

    Raises:
        DataError: A PIT is not within 0 .. 1.
        ValueError: There are fewer than 2 bins.

    References: Diebold, Gunther and Tay 1998, Evaluating density forecasts; Berkowitz 2001, Testing density forecasts,
    with applications to risk management (there with the stationary distribution of the first z).
    """
    if bins < 2:
        raise ValueError(f"{bins} bins")
    pit = _checked_pit(pit_N)
    n = len(pit)
    counts = np.histogram(pit, bins=bins, range=(0.0, 1.0))[0]
    ks, ks_p = _kolmogorov_smirnov(pit)
    chi2, chi2_p = math.nan, 1.0
    if n >= 5 * bins:
        chi2 = float(np.sum((counts - n / bins) ** 2) / (n / bins))
        chi2_p = _chi_square_p(chi2, bins - 1)
    berkowitz, dependence = _berkowitz(pit)
    return Uniformity(
        n=n,
        counts=tuple(counts.tolist()),
        ks=ks,
        ks_p=ks_p,
        chi2=chi2,
        chi2_p=chi2_p,
        berkowitz=berkowitz,
        berkowitz_p=_chi_square_p(berkowitz, 3),
        dependence=dependence,
        dependence_p=_chi_square_p(dependence, 1),
    )


def coverage_tests(inside_N: ArrayLike, nominal: float = 0.9) -> CoverageTests:
    """Tests of an interval that is to hold a share `nominal` of the outcomes.

    With x misses of n, p = 1 - nominal and P = x / n:
    Kupiec: 2 (x ln(P / p) + (n - x) ln((1 - P) / (1 - p))), chi-square of 1 degree.
    Independence: n_ij of the n - 1 pairs go from i to j (1 a miss), P_i = n_i1 / (n_i0 + n_i1), and P' the share of
    misses of all pairs: 2 (sum_i n_i0 ln((1 - P_i) / (1 - P')) + n_i1 ln(P_i / P')), of 1 degree. Conditional coverage:
    their sum, of 2 degrees. Undefined: Kupiec without forecasts; the others where all pairs end alike or all begin
    alike, and nothing can be said of dependence.

    Args:
        inside_N: Whether the interval held the outcome, shape (N,), in order of time.
        nominal: The share that it is to hold, between 0 and 1.

    Raises:
        DataError: A flag is anything but true, false, 1 and 0.
        ValueError: The nominal coverage is not between 0 and 1.

    References: Kupiec 1995, Techniques for verifying the accuracy of risk measurement models; Christoffersen 1998,
    Evaluating interval forecasts.
    """
    miss = ~_flags(inside_N, nominal)
    n, misses = len(miss), int(np.count_nonzero(miss))
    kupiec = 2.0 * _gain(misses, n, 1.0 - nominal) if n else math.nan
    independence = _independence(miss)
    return CoverageTests(
        n=n,
        nominal=nominal,
        coverage=1.0 - misses / n if n else math.nan,
        kupiec=kupiec,
        kupiec_p=_chi_square_p(kupiec, 1),
        independence=independence,
        independence_p=_chi_square_p(independence, 1),
        conditional=kupiec + independence,
        conditional_p=_chi_square_p(kupiec + independence, 2),
    )


def coverage_by_group(inside_N: ArrayLike, group_N: ArrayLike, nominal: float = 0.9) -> CoverageTable:
    """Coverage of each group of forecasts, in order of the labels, which may be tickers, years or deciles.

    Args:
        inside_N: Whether the interval held the outcome, shape (N,).
        group_N: The label of each forecast, shape (N,).
        nominal: The share that the interval is to hold.

    Returns:
        Shares, and errors of which 0 is best.

    Raises:
        DataError, ValueError: As `coverage_tests`; ValueError also where the lengths differ.
    """
    flags, group = _flags(inside_N, nominal), np.asarray(group_N)
    if flags.shape != group.shape:
        raise ValueError(f"{len(flags)} forecasts in {len(group)} groups")
    rows = []
    for label in np.unique(group):
        chosen = flags[group == label]
        share = float(np.mean(chosen))
        rows.append(GroupCoverage(str(label), len(chosen), share, share - nominal))
    mean_error = float(np.mean([abs(row.error) for row in rows])) if rows else math.nan
    return CoverageTable(tuple(rows), mean_error, max(rows, key=lambda row: abs(row.error), default=None))


def coverage_by_year(inside_N: ArrayLike, dates_N: Dates, nominal: float = 0.9) -> CoverageTable:
    """Coverage by calendar year of the dates, as `coverage_by_group`; the groups are 2016, 2017, ..."""
    return coverage_by_group(inside_N, np.asarray(dates_N).astype("datetime64[Y]").astype(str), nominal)


def coverage_by_decile(inside_N: ArrayLike, decile_N: Integers, nominal: float = 0.9) -> CoverageTable:
    """Coverage by decile of volatility, as `coverage_by_group`; the groups are 0, the calmest, to 9.

    Args:
        inside_N: Whether the interval held the outcome, shape (N,).
        decile_N: `causal_deciles` of the scales, shape (N,); rows too early for one are left out.
        nominal: The share that the interval is to hold.
    """
    flags, decile = _flags(inside_N, nominal), np.asarray(decile_N)
    if flags.shape != decile.shape:
        raise ValueError(f"{len(flags)} forecasts with {len(decile)} deciles")
    ranked = decile != TOO_EARLY
    return coverage_by_group(flags[ranked], decile[ranked], nominal)


def calibration(
    pit_N: ArrayLike, inside_N: ArrayLike, decile_N: Integers, dates_N: Dates, nominal: float = 0.9
) -> CalibrationReport:
    """All of the above for the forecasts of one ticker.

    Args:
        pit_N: PITs, shape (N,), in order of time.
        inside_N: Whether the interval, as it was shown, held the outcome, shape (N,).
        decile_N: `causal_deciles` of the scales, shape (N,).
        dates_N: Target sessions, shape (N,).
        nominal: The share that the interval is to hold.

    Raises:
        DataError, ValueError: As the parts do.
    """
    return CalibrationReport(
        uniformity=uniformity(pit_N),
        coverage=coverage_tests(inside_N, nominal),
        by_year=coverage_by_year(inside_N, dates_N, nominal),
        by_decile=coverage_by_decile(inside_N, decile_N, nominal),
    )


def inside(pit_N: ArrayLike, nominal: float = 0.9) -> NDArray[np.bool_]:
    """Whether the distribution's central interval held the outcome, bounds included: PIT within (1 -+ nominal) / 2.

    Args:
        pit_N: PITs, shape (N,).
        nominal: The share that the interval is to hold.

    Returns:
        Flags, shape (N,).

    Raises:
        DataError: A PIT is not within 0 .. 1.
    """
    pit, tail = _checked_pit(pit_N), 0.5 * (1.0 - nominal)
    return (tail <= pit) & (pit <= 1.0 - tail)


def _kolmogorov_smirnov(pit_N: Floats) -> tuple[float, float]:
    if not len(pit_N):
        return math.nan, 1.0
    from scipy.stats import kstest  # not at the top: scoring starts without SciPy

    found = kstest(pit_N, "uniform")
    return float(found.statistic), float(found.pvalue)


def _berkowitz(pit_N: Floats) -> tuple[float, float]:
    """The likelihood ratio, and its part against dependence."""
    if len(pit_N) < 5:
        return math.nan, math.nan
    from scipy.special import ndtri

    z = ndtri(np.clip(pit_N, _EXTREME_PIT, 1.0 - _EXTREME_PIT))
    now, before = z[1:] - np.mean(z[1:]), z[:-1] - np.mean(z[:-1])
    # Sums about the means: the least squares of two coefficients in closed form.
    alone, other, both = float(now @ now), float(before @ before), float(now @ before)
    least = alone - both * both / other if other > 0.0 else math.nan
    m = len(now)
    if not least > 1e-12 * float(z[1:] @ z[1:]):
        return math.nan, math.nan
    return float(z[1:] @ z[1:]) - m * (1.0 + math.log(least / m)), m * math.log(alone / least)


def _independence(miss_N: NDArray[np.bool_]) -> float:
    before, after = miss_N[:-1], miss_N[1:]
    pairs, misses, starts = len(after), int(np.count_nonzero(after)), int(np.count_nonzero(before))
    if misses in (0, pairs) or starts in (0, pairs):
        return math.nan
    again = int(np.count_nonzero(before & after))
    share = misses / pairs
    ratio = 2.0 * (_gain(again, starts, share) + _gain(misses - again, pairs - starts, share))
    return max(ratio, 0.0)  # rounding may take it below


def _gain(misses: int, n: int, p: float) -> float:
    """Log likelihood of the misses under their own share less that under p; 0 ln 0 is 0."""
    share, kept = misses / n, n - misses
    gain = misses * math.log(share / p) if misses else 0.0
    return gain + (kept * math.log((1.0 - share) / (1.0 - p)) if kept else 0.0)


def _chi_square_p(statistic: float, degrees: int) -> float:
    if math.isnan(statistic):
        return 1.0
    from scipy.special import chdtrc

    return float(chdtrc(degrees, max(statistic, 0.0)))


def _checked_pit(pit_N: ArrayLike) -> Floats:
    pit = np.asarray(pit_N, dtype=np.float64)
    if pit.ndim != 1:
        raise ValueError(f"PITs of shape {pit.shape}, not (N,)")
    good = (pit >= 0.0) & (pit <= 1.0)
    if not good.all():
        row = int(np.argmin(good))
        raise DataError(f"PIT is {pit[row]} at row {row}, not within 0 .. 1", "leave out forecasts that have none")
    return pit


def _flags(inside_N: ArrayLike, nominal: float) -> NDArray[np.bool_]:
    if not 0.0 < nominal < 1.0:
        raise ValueError(f"a nominal coverage of {nominal} is not between 0 and 1")
    flags = np.asarray(inside_N)
    if flags.ndim != 1:
        raise ValueError(f"flags of shape {flags.shape}, not (N,)")
    # NaN would pass for true: an outcome that is not known is neither.
    bad = ~((flags == 0) | (flags == 1))
    if bad.any():
        row = int(np.argmax(bad))
        raise DataError(f"the interval's flag is {flags[row]} at row {row}", "leave out forecasts without an outcome")
    return flags.astype(np.bool_)
