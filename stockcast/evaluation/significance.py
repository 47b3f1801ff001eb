"""Significance: whether a difference in score, or a hit rate, is more than luck. One-sided p-values throughout.

A test that cannot be made supports no claim: its statistic is NaN and its p-value 1.0.

Legend: N forecasts, in order of time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from stockcast.errors import DataError
from stockcast.prices.history import Floats

_ROUNDING = 1e-12
"""A spread of loss differences below this share of the losses is rounding, not evidence."""


@dataclass(frozen=True)
class DMResult:
    """Diebold-Mariano test. mean_difference: mean of loss a - loss b, in the unit of the loss; negative favours a."""

    statistic: float
    p_value: float
    mean_difference: float
    n: int


@dataclass(frozen=True)
class PTResult:
    """Pesaran-Timmermann test over the n sessions that moved."""

    statistic: float
    p_value: float
    n: int


def diebold_mariano(loss_a_N: ArrayLike, loss_b_N: ArrayLike, lags: int = 10) -> DMResult:
    """Test of equal mean loss of one-step forecasts against "a has the lower mean loss than b".

    With d = loss a - loss b: statistic = mean(d) / sqrt(V) * sqrt((n - 1) / n), V the Newey-West variance of the mean,
    the last factor the small-sample correction of Harvey, Leybourne and Newbold for horizon 1.
    p = P(t <= statistic) under Student-t with n - 1 degrees of freedom.
    The statistic has no unit, is negative where a is better, and p is small where a is better beyond luck.

    Undefined (statistic NaN, p-value 1.0): fewer than two rows, or differences that do not vary beyond rounding.
    Raises DataError on a loss that is not finite, ValueError on different lengths.
    References: Diebold and Mariano 1995; Newey and West 1987; Harvey, Leybourne and Newbold 1997.
    """
    a, b = _finite("loss a", loss_a_N), _finite("loss b", loss_b_N)
    if a.shape != b.shape:
        raise ValueError(f"{len(a)} losses against {len(b)}")
    n = len(a)
    difference = a - b
    mean = float(np.mean(difference)) if n else math.nan
    if n < 2 or float(np.std(difference)) <= _ROUNDING * float(np.mean(np.abs(a) + np.abs(b))):
        return DMResult(math.nan, 1.0, mean, n)
    variance = newey_west_variance(difference, lags)
    if not variance > 0.0:  # an alternating series can cancel to nothing
        return DMResult(math.nan, 1.0, mean, n)
    statistic = mean / math.sqrt(variance) * math.sqrt((n - 1) / n)
    from scipy.special import stdtr  # not at the top: scoring starts without SciPy

    return DMResult(statistic, float(stdtr(n - 1, statistic)), mean, n)


def newey_west_variance(x_N: ArrayLike, lags: int) -> float:
    """Variance of the mean of an autocorrelated series: (g_0 + 2 sum_l (1 - l / (lags + 1)) g_l) / n.

    g_l is the autocovariance at lag l with divisor n; lags beyond n - 1 have none. Unit: that of x, squared.
    The Bartlett weights keep it from being negative. Undefined (NaN): an empty series.
    Raises ValueError on negative lags, DataError on a value that is not finite.
    Reference: Newey and West 1987, A simple, positive semi-definite covariance matrix.
    """
    if lags < 0:
        raise ValueError(f"{lags} lags")
    x = _finite("value", x_N)
    n = len(x)
    if n == 0:
        return math.nan
    centred = x - np.mean(x)
    total = float(centred @ centred)
    for lag in range(1, min(lags, n - 1) + 1):
        total += 2.0 * (1.0 - lag / (lags + 1)) * float(centred[lag:] @ centred[:-lag])
    return max(total, 0.0) / n**2


def pesaran_timmermann(y_N: ArrayLike, predicted_up_N: ArrayLike) -> PTResult:
    """Test of no relation between called and actual sign of return against "more often right than by luck".

    With P the share of right calls, P* = Py Px + (1 - Py)(1 - Px) the share expected of unrelated calls, Py and Px the
    shares of rises and of calls "up": statistic = (P - P*) / sqrt(var P - var P*), standard normal under the null.
    The numerator is twice the covariance of call and outcome, the variance 4 Py (1 - Py) Px (1 - Px) (n - 1) / n^2:
    the statistic is their correlation times n / sqrt(n - 1), and is computed so.

    y: returns, those equal to 0 are left out, as in `hit_rate`. predicted_up: true or 1 for a call "up".
    Undefined (statistic NaN, p-value 1.0): all calls or all outcomes alike, fewer than two sessions that moved.
    Raises DataError on a return that is not finite, ValueError on different lengths.
    Reference: Pesaran and Timmermann 1992, A simple nonparametric test of predictive performance.
    """
    y = _finite("return", y_N)
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


def _finite(name: str, values_N: ArrayLike) -> Floats:
    values = np.asarray(values_N, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"{name} has shape {values.shape}, not (N,)")
    bad = ~np.isfinite(values)
    if bad.any():
        row = int(np.argmax(bad))
        raise DataError(f"{name} is {values[row]} at row {row}", "leave out forecasts that have no score")
    return values
