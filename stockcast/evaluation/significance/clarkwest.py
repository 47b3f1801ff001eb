"""Clark-West test: point forecasts of a model against those of a smaller one that it contains.

Legend: N forecasts, in order of time.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from stockcast.evaluation.significance.series import ROUNDING, finite
from stockcast.evaluation.significance.variance import newey_west_variance
from stockcast.results.significance import CWResult

_HINT = "leave out sessions without an outcome or a forecast"


def clark_west(y_N: ArrayLike, point_small_N: ArrayLike, point_large_N: ArrayLike, lags: int = 10) -> CWResult:
    """Test of "the large model's extra terms are zero" against "they lower the mean squared error".

    Where the extra terms are zero, the large model's error is expected to be the larger one, for the noise of what it
    estimates in vain. With that noise taken off,
        f = (y - small)^2 - ((y - large)^2 - (small - large)^2) = 2 (y - small) (large - small);
    statistic = mean(f) / sqrt(V), V the Newey-West variance of the mean; p = P(normal >= statistic), which the paper
    finds a little too large rather than too small. For forecasts h steps ahead, `lags` has to be h - 1 or more.
    The statistic has no unit and is positive where the large model is better.

    It asks whether the extra terms help in the population. A small p-value does not say that the large model's
    forecasts had the lower error: that is for `diebold_mariano`.

    point_small: the model that the other one contains, such as 0 or the historical mean for returns.
    Undefined (statistic NaN, p-value 1.0): fewer than two rows, points alike up to rounding, f that does not vary.
    Raises DataError on a value that is not finite, ValueError on different lengths or negative lags.
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
