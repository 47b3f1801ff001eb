"""Variance of the mean of an autocorrelated series.

Legend: N values, in order of time.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from stockcast.evaluation.significance.series import finite


def newey_west_variance(x_N: ArrayLike, lags: int) -> float:
    """Variance of the mean of an autocorrelated series: (g_0 + 2 sum_l (1 - l / (lags + 1)) g_l) / n.

    g_l is the autocovariance at lag l with divisor n; lags beyond n - 1 have none. Unit: that of x, squared.
    The Bartlett weights keep it from being negative. Undefined (NaN): an empty series.
    Raises ValueError on negative lags, DataError on a value that is not finite.
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
