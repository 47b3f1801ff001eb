"""Pesaran-Timmermann test: calls of direction.

Legend: N forecasts.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from stockcast.evaluation.significance.series import finite
from stockcast.results.significance import PTResult


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
