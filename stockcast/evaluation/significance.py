"""Significance: whether a difference in score, or a hit rate, is more than luck. One-sided p-values throughout.

A test that cannot be made supports no claim: its statistic is NaN and its p-value 1.0. p-values are small where the
claim is statistically significant.

Legend: N forecasts, in order of time; D dates; K tests.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from stockcast.errors import DataError
from stockcast.prices.history import Dates, Floats
from stockcast.quiet import without_words_of

ROUNDING = 1e-12
"""A spread below this share of the values that it comes from is rounding, not evidence."""

NO_SCORE = "leave out forecasts that have no score"


@dataclass(frozen=True)
class DMResult:
    """Diebold-Mariano test. mean_difference: mean of loss a - loss b, in the unit of the loss; negative favours a."""

    statistic: float
    p_value: float
    mean_difference: float
    n: int


@dataclass(frozen=True)
class CWResult:
    """Clark-West test. adjusted_gain: mean squared error of the small model less the adjusted one of the large.

    In the squared unit of the outcome; positive favours the large model, as does a positive statistic.
    """

    statistic: float
    p_value: float
    adjusted_gain: float
    n: int


@dataclass(frozen=True)
class PTResult:
    """Pesaran-Timmermann test over the n sessions that moved."""

    statistic: float
    p_value: float
    n: int


@dataclass(frozen=True)
class ConfidenceSet:
    """Model confidence set: the competitors among which the best one is, with confidence 1 - size.

    members: from the one that stayed longest. p_values: of all competitors in that order; a competitor is a member
    where its p-value exceeds `size`. n: losses of each competitor.
    """

    members: tuple[str, ...]
    p_values: Mapping[str, float]
    size: float
    n: int


def pooled_by_date(dates_N: ArrayLike, losses_N: ArrayLike) -> tuple[Dates, Floats]:
    """Mean over the forecasts of each date, oldest first, for tests over several tickers.

    Forecasts of one day are not independent, days nearly are. Each forecast counts alike within its date, and each date
    alike, however many tickers it has. Two competitors are comparable where both come from the same rows.

    Args:
        dates_N: The date of each forecast, shape (N,), in any order.
        losses_N: Their losses, shape (N,).

    Returns:
        Dates, shape (D,), and the means, shape (D,), in the unit of the losses.

    Raises:
        DataError: A loss is not finite, or a date is missing.
        ValueError: The lengths differ.
    """
    dates, losses = np.asarray(dates_N, dtype="datetime64[D]"), finite("loss", losses_N)
    if dates.shape != losses.shape:
        raise ValueError(f"{dates.size} dates against {len(losses)} losses")
    if np.isnat(dates).any():
        raise DataError(f"date is missing at row {int(np.argmax(np.isnat(dates)))}", "leave out rows without a date")
    dates_D, place_N, count_D = np.unique(dates, return_inverse=True, return_counts=True)
    mean_D: Floats = np.bincount(place_N, weights=losses, minlength=len(count_D)) / count_D
    return dates_D, mean_D


def finite(name: str, values_N: ArrayLike, hint: str = NO_SCORE) -> Floats:
    """The values as an array of shape (N,).

    Args:
        name: What messages call a value.
        values_N: The values.
        hint: What to do about one that is not finite.

    Raises:
        DataError: A value is not finite; the message names its row.
        ValueError: The values are no series.
    """
    values = np.asarray(values_N, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"{name} has shape {values.shape}, not (N,)")
    bad = ~np.isfinite(values)
    if bad.any():
        row = int(np.argmax(bad))
        raise DataError(f"{name} is {values[row]} at row {row}", hint)
    return values


def indistinct(a_N: Floats, b_N: Floats) -> bool:
    """Whether two series differ by nothing that varies beyond rounding, so that no test can tell them apart."""
    return float(np.std(a_N - b_N)) <= ROUNDING * float(np.mean(np.abs(a_N) + np.abs(b_N)))


def newey_west_variance(x_N: ArrayLike, lags: int) -> float:
    """Variance of the mean of an autocorrelated series: (g_0 + 2 sum_l (1 - l / (lags + 1)) g_l) / n.

    g_l is the autocovariance at lag l with divisor n; lags beyond n - 1 have none. The Bartlett weights keep the
    variance from being negative.

    Args:
        x_N: The series, shape (N,), in order of time.
        lags: How many autocovariances count, 0 or more.

    Returns:
        The variance, in the square of the unit of x; NaN for an empty series.

    Raises:
        ValueError: The lags are negative.
        DataError: A value is not finite.

    Reference: Newey and West 1987, A simple, positive semi-definite covariance matrix.
    """
    if lags < 0:
        raise ValueError(f"{lags} lags")
    x = finite("value", x_N)
    n = len(x)
    if n == 0:
        return math.nan
    centred = x - np.mean(x)
    total = float(centred @ centred)
    for lag in range(1, min(lags, n - 1) + 1):
        total += 2.0 * (1.0 - lag / (lags + 1)) * float(centred[lag:] @ centred[:-lag])
    return max(total, 0.0) / n**2


def diebold_mariano(loss_a_N: ArrayLike, loss_b_N: ArrayLike, lags: int = 10, horizon: int = 1) -> DMResult:
    """Diebold-Mariano test of equal mean loss against "a has the lower mean loss than b".

    With d = loss a - loss b: statistic = mean(d) / sqrt(V) * sqrt((n + 1 - 2 h + h (h - 1) / n) / n), V the Newey-West
    variance of the mean, the last factor the small-sample correction of Harvey, Leybourne and Newbold for horizon h.
    p = P(t <= statistic) under Student-t with n - 1 degrees of freedom.

    Args:
        loss_a_N: Losses of a, shape (N,), in order of time.
        loss_b_N: Losses of b of the same forecasts, shape (N,), in the same unit.
        lags: Of V, at least h - 1, since forecasts h steps ahead share h - 1 steps with the next one. Newey-West gives
            the last of them little weight: with h - 1 alone, a sum of h unrelated steps is called significant at 5 % in
            8 to 9 % of simulated series of 250 to 1,000 rows; two or three times h come closer.
        horizon: Steps ahead, h.

    Returns:
        The statistic, without a unit, negative where a is better, and its p-value, small where a is significantly
        better. NaN and 1.0: no more than h rows, or differences that do not vary beyond rounding.

    Raises:
        DataError: A loss is not finite.
        ValueError: The lengths differ, the lags are negative or the horizon is below 1.

    References: Diebold and Mariano 1995; Newey and West 1987; Harvey, Leybourne and Newbold 1997.
    """
    if horizon < 1:
        raise ValueError(f"horizon {horizon}")
    if lags < 0:
        raise ValueError(f"{lags} lags")
    a, b = finite("loss a", loss_a_N), finite("loss b", loss_b_N)
    if a.shape != b.shape:
        raise ValueError(f"{len(a)} losses against {len(b)}")
    n = len(a)
    difference = a - b
    mean = float(np.mean(difference)) if n else math.nan
    if n <= horizon or indistinct(a, b):
        return DMResult(math.nan, 1.0, mean, n)
    variance = newey_west_variance(difference, max(lags, horizon - 1))
    if not variance > 0.0:  # an alternating series can cancel to nothing
        return DMResult(math.nan, 1.0, mean, n)
    correction = (n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n
    statistic = mean / math.sqrt(variance) * math.sqrt(correction)
    from scipy.special import stdtr  # not at the top: scoring starts without SciPy

    return DMResult(statistic, float(stdtr(n - 1, statistic)), mean, n)


_HINT = "leave out sessions without an outcome or a forecast"


def clark_west(y_N: ArrayLike, point_small_N: ArrayLike, point_large_N: ArrayLike, lags: int = 10) -> CWResult:
    """Clark-West test of "the large model's extra terms are zero" against "they lower the mean squared error".

    For point forecasts of a model against those of a smaller one that it contains. Where the extra terms are zero, the
    large model's error is expected to be the larger one, for the noise of what it estimates in vain. With that noise
    taken off,
        f = (y - small)^2 - ((y - large)^2 - (small - large)^2) = 2 (y - small) (large - small);
    statistic = mean(f) / sqrt(V), V the Newey-West variance of the mean; p = P(normal >= statistic), which the paper
    finds a little too large rather than too small.

    It asks whether the extra terms help in the population. A small p-value does not say that the large model's
    forecasts had the lower error: that is for `diebold_mariano`.

    Args:
        y_N: Outcomes, shape (N,), in order of time.
        point_small_N: Forecasts of the model that the other one contains, such as 0 or the historical mean for returns.
        point_large_N: Those of the large model.
        lags: Of V, h - 1 or more for forecasts h steps ahead.

    Returns:
        The statistic, without a unit, positive where the large model is better, and its p-value. NaN and 1.0: fewer
        than two rows, points alike up to rounding, f that does not vary.

    Raises:
        DataError: A value is not finite.
        ValueError: The lengths differ, or the lags are negative.

    Reference: Clark and West 2007, Approximately normal tests for equal predictive accuracy in nested models.
    """
    if lags < 0:
        raise ValueError(f"{lags} lags")
    y, small = finite("outcome", y_N, _HINT), finite("small model's point", point_small_N, _HINT)
    large = finite("large model's point", point_large_N, _HINT)
    if not y.shape == small.shape == large.shape:
        raise ValueError(f"{len(y)} outcomes against {len(small)} and {len(large)} points")
    n = len(y)
    extra = large - small
    if n < 2 or float(np.max(np.abs(extra))) <= ROUNDING * float(np.mean(np.abs(small) + np.abs(large))):
        return CWResult(math.nan, 1.0, 0.0 if n else math.nan, n)
    f = 2.0 * (y - small) * extra  # the product: the paper's difference of squares would lose digits
    gain = float(np.mean(f))
    if float(np.std(f)) <= ROUNDING * float(np.mean(np.abs(f))):
        return CWResult(math.nan, 1.0, gain, n)
    variance = newey_west_variance(f, lags)
    if not variance > 0.0:
        return CWResult(math.nan, 1.0, gain, n)
    statistic = gain / math.sqrt(variance)
    return CWResult(statistic, 0.5 * math.erfc(statistic / math.sqrt(2.0)), gain, n)


def pesaran_timmermann(y_N: ArrayLike, predicted_up_N: ArrayLike) -> PTResult:
    """Pesaran-Timmermann test of no relation between called and actual sign against "more often right than by luck".

    With P the share of right calls, P* = Py Px + (1 - Py)(1 - Px) the share expected of unrelated calls, Py and Px the
    shares of rises and of calls "up": statistic = (P - P*) / sqrt(var P - var P*), standard normal under the null. The
    numerator is twice the covariance of call and outcome, the variance 4 Py (1 - Py) Px (1 - Px) (n - 1) / n^2: the
    statistic is their correlation times n / sqrt(n - 1), and is computed so.

    Args:
        y_N: Returns, shape (N,); those equal to 0 are left out, as in `hit_rate`.
        predicted_up_N: True or 1 for a call "up", shape (N,).

    Returns:
        The statistic and its p-value. NaN and 1.0: all calls or all outcomes alike, fewer than two sessions that moved.

    Raises:
        DataError: A return is not finite.
        ValueError: The lengths differ.

    Reference: Pesaran and Timmermann 1992, A simple nonparametric test of predictive performance.
    """
    y = finite("return", y_N)
    called = np.asarray(predicted_up_N, dtype=bool)
    if y.shape != called.shape:
        raise ValueError(f"{len(y)} returns against {len(called)} calls")
    up, called = y[y != 0.0] > 0.0, called[y != 0.0]
    n = len(up)
    rises, calls, both = (int(np.count_nonzero(kind)) for kind in (up, called, up & called))
    if n < 2 or rises in (0, n) or calls in (0, n):
        return PTResult(math.nan, 1.0, n)
    covariance = n * both - rises * calls
    correlation = covariance / math.sqrt(rises * (n - rises) * calls * (n - calls))
    statistic = correlation * n / math.sqrt(n - 1)
    return PTResult(statistic, 0.5 * math.erfc(statistic / math.sqrt(2.0)), n)


def model_confidence_set(
    losses: Mapping[str, ArrayLike], size: float = 0.1, block: int = 10, reps: int = 1000, seed: int = 0
) -> ConfidenceSet:
    """The competitors that stay when the worst is taken out until equal mean losses are no longer rejected at `size`.

    With probability 1 - size or more, for many losses, the members hold the competitor of lowest expected loss. A
    competitor's p-value is the largest one met up to its removal; the last one's is 1.0. A wide set says that the
    losses tell little, not that its members are alike. Statistic: the largest pairwise t (T_R of the paper), by the
    stationary bootstrap. Competitors whose losses do not differ by anything that varies beyond rounding share a place
    and a p-value: such as a baseline and the model that it serves for.

    Args:
        losses: Losses by competitor, shape (N,) each, of the same forecasts in order of time; of several tickers, pool
            them by date first (`pooled_by_date`).
        size: The level of the tests, within 0 .. 1.
        block: Mean length of the bootstrap's blocks, which should span the horizon and the losses' memory; 1 or more.
        reps: Draws of the bootstrap, 1 or more.
        seed: Of the draws, which are the same for one seed.

    Returns:
        The members and all p-values. With fewer than two losses all are members, at p-value 1.0.

    Raises:
        DataError: A loss is not finite.
        ValueError: The lengths differ, there is no competitor, or a setting is out of its range.

    Reference: Hansen, Lunde and Nason 2011, The model confidence set; computed by the package arch.
    """
    if not 0.0 < size < 1.0:
        raise ValueError(f"size {size} is not between 0 and 1")
    if block < 1 or reps < 1:
        raise ValueError(f"blocks of {block}, {reps} draws")
    columns = {name: finite(f"loss of {name}", values, NO_SCORE) for name, values in losses.items()}
    lengths = {len(column) for column in columns.values()}
    if len(lengths) != 1:
        raise ValueError(f"competitors with {sorted(lengths)} losses")
    n = lengths.pop()
    groups = _groups(columns) if n > 1 else [list(columns)]
    p_values: dict[str, float] = {}
    for place, p in _p_by_place([columns[group[0]] for group in groups], size, block, reps, seed):
        p_values |= dict.fromkeys(groups[place], p)
    members = tuple(name for name, p in p_values.items() if p > size)
    return ConfidenceSet(members, p_values, size, n)


def _groups(columns: Mapping[str, Floats]) -> list[list[str]]:
    """Names by what tells them apart; a bootstrap variance of zero within a group would divide by it."""
    groups: list[list[str]] = []
    for name, column in columns.items():
        same = next((group for group in groups if indistinct(columns[group[0]], column)), None)
        if same is None:
            groups.append([name])
        else:
            same.append(name)
    return groups


def _p_by_place(columns: Sequence[Floats], size: float, block: int, reps: int, seed: int) -> list[tuple[int, float]]:
    """Positions and p-values, from the one that stayed longest."""
    if len(columns) == 1:
        return [(0, 1.0)]
    with without_words_of("matplotlib"):  # which arch imports
        from arch.bootstrap import MCS  # not at the top: imports pandas

    test = MCS(np.column_stack(columns), size, reps=reps, block_size=block, method="R", seed=seed)
    test.compute()
    places, p_values = test.pvalues.index.to_numpy(), test.pvalues["Pvalue"].to_numpy()
    return [(int(place), float(p)) for place, p in zip(places, p_values, strict=True)][::-1]


def benjamini_hochberg(p_K: ArrayLike) -> Floats:
    """Adjusted p-values (q): with the claims of q <= x alone made, at most a share x of them is expected to be false.

    q_(i) = min over j >= i of min(1, K p_(j) / j), with p_(1) <= ... <= p_(K). Holds for independent tests and for
    those that are positively dependent, as tests of several tickers of one market tend to be. A promise about the list
    of claims, weaker than `holm`, which is one about every single claim.

    Args:
        p_K: p-values, shape (K,).

    Returns:
        q, in the same order and shape as p.

    Raises:
        DataError: A p-value is not within 0 .. 1.

    References: Benjamini and Hochberg 1995, Controlling the false discovery rate; Benjamini and Yekutieli 2001.
    """
    p = finite("p-value", p_K, "leave out tests that were not made")
    outside = (p < 0.0) | (p > 1.0)
    if outside.any():
        row = int(np.argmax(outside))
        raise DataError(f"p-value {p[row]} at row {row} is not between 0 and 1", "check which column holds p-values")
    from scipy.stats import false_discovery_control  # not at the top: scoring starts without SciPy

    q_K: Floats = false_discovery_control(p, method="bh")
    return q_K


def holm(p_K: ArrayLike) -> Floats:
    """p-values corrected for being K: the chance of one this small among them all, without assuming independence.

    Reference: Holm 1979, A simple sequentially rejective multiple test procedure.
    """
    p = np.asarray(p_K, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1.0)
    return corrected
