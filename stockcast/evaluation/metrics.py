"""Metrics: what a forecast lost, row by row, and the few figures that only exist for a whole sample.

Scores of single forecasts come back as arrays of shape (N,), so that they can be averaged, compared by date or tested;
`coverage`, `mae`, `rmse`, `mape`, `hit_rate` and `always_up` are figures of the sample, and NaN for an empty one.
A NaN in a row's input gives NaN in that row's score, and in every figure that the row enters.

Legend: N forecasts, Q quantile levels, K sample size.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from stockcast.models.distribution import StudentT
from stockcast.models.student_t import log_gamma_ratio
from stockcast.prices.history import Floats

_NU_CAP = 1e15


def crps_student_t(y_N: ArrayLike, loc_N: ArrayLike, scale_N: ArrayLike, nu_N: ArrayLike) -> Floats:
    """Continuous ranked probability score of Student-t forecasts, in closed form.

    With z = (y - loc) / scale, F and f the unit distribution's distribution function and density:
    crps / scale = z (2 F(z) - 1) + 2 f(z) (nu + z^2) / (nu - 1)
                   - 2 sqrt(nu) / (nu - 1) * B(1/2, nu - 1/2) / B(1/2, nu / 2)^2;
    for nu = inf, z (2 Phi(z) - 1) + 2 phi(z) - 1 / sqrt(pi).

    Direction: lower is better, 0 is best. Unit: that of y.
    Reference: Jordan, Krueger and Lerch 2019, Evaluating probabilistic forecasts with scoringRules.

    Args:
        y_N: Outcomes, shape (N,).
        loc_N: Centres of the forecasts, shape (N,), in the unit of y; a scalar stands for every row, here and below.
        scale_N: Their scales, above 0, in the unit of y.
        nu_N: Their degrees of freedom, above 2; inf is Gaussian.

    Returns:
        The score of each forecast, shape (N,).

    Raises:
        ModelError: A scale is not above 0, or degrees of freedom are not above 2.
    """
    y, forecast = _student_t(y_N, loc_N, scale_N, nu_N)
    z = (y - forecast.loc) / forecast.scale
    nu = np.minimum(forecast.nu, _NU_CAP)
    density = np.exp(forecast.log_density(y)) * forecast.scale
    # The beta functions as gamma(x + 1/2) / gamma(x) at x = nu / 2 and nu - 1/2: no digits are lost for large nu.
    log_ratio = 2.0 * log_gamma_ratio(0.5 * nu) - log_gamma_ratio(nu - 0.5)
    spread = np.exp(log_ratio) * nu / (nu - 1.0) * np.sqrt(nu / ((nu - 0.5) * math.pi))
    crps_N: Floats = forecast.scale * (
        z * (2.0 * forecast.cdf(y) - 1.0) + 2.0 * density * ((nu + z * z) / (nu - 1.0)) - spread
    )
    return crps_N


def crps_empirical(y_N: ArrayLike, values_NK: ArrayLike) -> Floats:
    """Continuous ranked probability score of the distribution that puts 1 / K on each of a row's K values.

    mean |v - y| - sum_i (2 i - K - 1) v_(i) / K^2, with v_(1) <= ... <= v_(K): E|V - y| - E|V - V'| / 2 by sorting.
    This is the score of that discrete distribution itself, not the fair version, which estimates the score of the
    distribution that the values were drawn from.

    Direction: lower is better. Unit: that of y.
    Reference: Gneiting and Raftery 2007, Strictly proper scoring rules; Jordan, Krueger and Lerch 2019, section 3.

    Args:
        y_N: Outcomes, shape (N,).
        values_NK: The sample of each forecast, shape (N, K), in any order.

    Returns:
        The score of each forecast, shape (N,).

    Raises:
        ValueError: The samples are empty.
    """
    y = np.asarray(y_N, dtype=np.float64)
    sorted_NK = np.sort(np.asarray(values_NK, dtype=np.float64), axis=1)
    size = sorted_NK.shape[1]
    if size == 0:
        raise ValueError("a sample without values has no score")
    weight_K = (2.0 * np.arange(1, size + 1) - size - 1.0) / size**2
    crps_N: Floats = np.abs(sorted_NK - y[:, None]).mean(axis=1) - (sorted_NK * weight_K).sum(axis=1)
    return crps_N


def log_score_student_t(y_N: ArrayLike, loc_N: ArrayLike, scale_N: ArrayLike, nu_N: ArrayLike) -> Floats:
    """Log score: the forecast's log density at the outcome, ln f((y - loc) / scale) - ln scale.

    Direction: higher is better. Unit: nats.
    Reference: Good 1952, Rational decisions.

    Args:
        y_N: Outcomes, shape (N,).
        loc_N: Centres of the forecasts; a scalar stands for every row, here and below.
        scale_N: Their scales, above 0.
        nu_N: Their degrees of freedom, above 2; inf is Gaussian.

    Returns:
        The score of each forecast, shape (N,).

    Raises:
        ModelError: A scale is not above 0, or degrees of freedom are not above 2.
    """
    y, forecast = _student_t(y_N, loc_N, scale_N, nu_N)
    return forecast.log_density(y)


def pinball(y_N: ArrayLike, q_NQ: ArrayLike, levels_Q: ArrayLike) -> Floats:
    """Pinball (quantile) loss, mean over the levels: max(p (y - q), (p - 1) (y - q)).

    Over evenly spaced levels, twice this tends to the CRPS as the levels get dense.
    Direction: lower is better, 0 is best. Unit: that of y.
    Reference: Koenker and Bassett 1978, Regression quantiles.

    Args:
        y_N: Outcomes, shape (N,).
        q_NQ: Forecast quantiles, shape (N, Q), in the unit of y.
        levels_Q: Their levels, shape (Q,), within 0 .. 1.

    Returns:
        The loss of each forecast, shape (N,); NaN without levels.
    """
    y = np.asarray(y_N, dtype=np.float64)
    levels = np.asarray(levels_Q, dtype=np.float64)
    if levels.size == 0:
        return np.full(len(y), np.nan)
    error_NQ = y[:, None] - np.asarray(q_NQ, dtype=np.float64)
    loss_N: Floats = np.maximum(levels * error_NQ, (levels - 1.0) * error_NQ).mean(axis=1)
    return loss_N


def interval_score(y_N: ArrayLike, lower_N: ArrayLike, upper_N: ArrayLike, alpha: float) -> Floats:
    """Score of a central (1 - alpha) interval: its width, plus 2 / alpha times the distance by which y misses it.

    Direction: lower is better. Unit: that of y.
    Reference: Winkler 1972; Gneiting and Raftery 2007, equation 43.

    Args:
        y_N: Outcomes, shape (N,).
        lower_N: Lower bounds, shape (N,).
        upper_N: Upper bounds, shape (N,).
        alpha: Share of outcomes that the interval is to miss, between 0 and 1.

    Returns:
        The score of each forecast, shape (N,).

    Raises:
        ValueError: alpha is not between 0 and 1.
    """
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha {alpha} is not between 0 and 1")
    y, lower, upper = (np.asarray(values, dtype=np.float64) for values in (y_N, lower_N, upper_N))
    missed = np.maximum(lower - y, 0.0) + np.maximum(y - upper, 0.0)
    score_N: Floats = upper - lower + (2.0 / alpha) * missed
    return score_N


def coverage(y_N: ArrayLike, lower_N: ArrayLike, upper_N: ArrayLike) -> float:
    """Share of outcomes within the interval, bounds included.

    Direction: the nominal coverage is best.
    Reference: Christoffersen 1998, Evaluating interval forecasts.

    Args:
        y_N: Outcomes, shape (N,).
        lower_N: Lower bounds, shape (N,).
        upper_N: Upper bounds, shape (N,).

    Returns:
        A share, 0 .. 1; NaN without rows, or with a NaN among them.
    """
    y, lower, upper = (np.asarray(values, dtype=np.float64) for values in (y_N, lower_N, upper_N))
    inside = ((lower <= y) & (y <= upper)).astype(np.float64)
    return _mean(np.where(np.isnan(y) | np.isnan(lower) | np.isnan(upper), np.nan, inside))


def mae(y_N: ArrayLike, point_N: ArrayLike) -> float:
    """Mean absolute error, mean |y - point|; the median is the point forecast that minimises it.

    Direction: lower is better. Unit: that of y.
    Reference: Gneiting 2011, Making and evaluating point forecasts.

    Args:
        y_N: Outcomes, shape (N,).
        point_N: Point forecasts, shape (N,).

    Returns:
        The mean; NaN without rows.
    """
    return _mean(np.abs(np.asarray(y_N, dtype=np.float64) - np.asarray(point_N, dtype=np.float64)))


def rmse(y_N: ArrayLike, point_N: ArrayLike) -> float:
    """Root mean squared error, sqrt(mean (y - point)^2); the mean is the point forecast that minimises it.

    Direction: lower is better. Unit: that of y.
    Reference: Gneiting 2011, Making and evaluating point forecasts.

    Args:
        y_N: Outcomes, shape (N,).
        point_N: Point forecasts, shape (N,).

    Returns:
        The root of the mean; NaN without rows.
    """
    return math.sqrt(_mean(np.square(np.asarray(y_N, dtype=np.float64) - np.asarray(point_N, dtype=np.float64))))


def mape(y_N: ArrayLike, point_N: ArrayLike) -> float:
    """Mean absolute percentage error, mean |y - point| / |y|, of prices.

    Direction: lower is better.
    Reference: Hyndman and Koehler 2006, Another look at measures of forecast accuracy.

    Args:
        y_N: Outcomes, shape (N,).
        point_N: Point forecasts, shape (N,).

    Returns:
        A share of y (0.01 is one per cent); NaN without rows, or with y = 0 among them.
    """
    y = np.asarray(y_N, dtype=np.float64)
    size = np.where(y == 0.0, np.nan, np.abs(y))
    return _mean(np.abs(y - np.asarray(point_N, dtype=np.float64)) / size)


def hit_rate(y_N: ArrayLike, p_up_N: ArrayLike) -> float:
    """Share of sessions whose sign of return was called right by p_up > 0.5; sessions that did not move do not count.

    Direction: higher is better, to be read next to `always_up`.
    Reference: Pesaran and Timmermann 1992, A simple nonparametric test of predictive performance.

    Args:
        y_N: Returns, shape (N,).
        p_up_N: Forecast probabilities of a rise, shape (N,).

    Returns:
        A share, 0 .. 1; NaN where no session moved.
    """
    y = np.asarray(y_N, dtype=np.float64)
    p_up = np.asarray(p_up_N, dtype=np.float64)
    hit = np.where(np.isnan(y) | np.isnan(p_up), np.nan, (y > 0.0) == (p_up > 0.5))
    return _mean(hit[y != 0.0])


def always_up(y_N: ArrayLike) -> float:
    """Hit rate of calling every session up: the share of rises among the sessions that moved.

    Direction: what a hit rate has to exceed.
    Reference: Pesaran and Timmermann 1992.

    Args:
        y_N: Returns, shape (N,).

    Returns:
        A share, 0 .. 1; NaN where no session moved.
    """
    y = np.asarray(y_N, dtype=np.float64)
    return hit_rate(y, np.ones_like(y))


def _mean(values_N: Floats) -> float:
    return float(np.mean(values_N)) if values_N.size else math.nan


def _student_t(y_N: ArrayLike, loc_N: ArrayLike, scale_N: ArrayLike, nu_N: ArrayLike) -> tuple[Floats, StudentT]:
    """Outcomes and forecasts of one length; a scalar parameter stands for every row."""
    y, loc, scale, nu = np.broadcast_arrays(
        *(np.asarray(values, dtype=np.float64) for values in (y_N, loc_N, scale_N, nu_N))
    )
    return y, StudentT(loc, scale, nu)
