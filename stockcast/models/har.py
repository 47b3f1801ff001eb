"""HAR base scale: the Student-t forecast that the network corrects, and a baseline of its own (har-t).

Heterogeneous autoregression of volatility after Corsi (2009), in logs, on a range-based variance proxy,
with a leverage term; all eight parameters by maximum likelihood of the next session's return.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from stockcast.models.likelihood import NU_FLOOR, Length, LogReturn, Regressors, Within, fit_student, spread_of, trading
from stockcast.prices.history import Floats
from stockcast.windows.features import HAR_SPANS, Features

_STARTS = [np.array([0.05, 0.15, 0.2, 0.1, -0.05]), np.array([0.0, 0.0, 0.5, 0.0, 0.0])]
"""Slopes of the log scale: those of a usual stock, and half the log variance of the last month."""
FARTHEST_LN = 3.0
"""The scale is at most twenty times the volatility of the wildest HAR span, and at least a twentieth of the calmest's:
weights that were fitted where the price stood still may say anything elsewhere."""

_COUNT = len(HAR_SPANS) + 2  # a constant, the spans, leverage

HarWeights = Annotated[tuple[Annotated[float, Within(-400.0, 400.0)], ...], Length(_COUNT, _COUNT)]
BaseFreedom = Annotated[float, Within(NU_FLOOR, 5000.0, above=True)]


@dataclass(frozen=True)
class HarScale:
    """ln s = w . (1, HAR logs, leverage) with location mu and nu degrees of freedom of the next log return."""

    weights: HarWeights
    mu: LogReturn
    nu: BaseFreedom

    def log_scale(self, f: Features, start: int = 0, stop: int | None = None) -> Floats:
        """ln of the scale forecast at origins start .. stop - 1, for the session after each.

        Within what a scale may be there (`SessionReturns.least_T`, `SessionReturns.most_T`).
        """
        span = slice(start, stop)
        ln_s_N = self.log_scale_of(f.har_TK[span], f.leverage_T[span])
        return np.clip(ln_s_N, np.log(f.session_returns.least_T[span]), np.log(f.session_returns.most_T[span]))

    def log_scale_of(self, har_K: Floats, leverage: Floats) -> Floats:
        """ln scale from HAR logs (last axis) and leverage; one product at a time: rows stand alone."""
        ln_s = self.weights[0] + self.weights[-1] * leverage
        for k in range(len(HAR_SPANS)):
            ln_s = ln_s + self.weights[1 + k] * har_K[..., k]
        calmest, wildest = 0.5 * har_K.min(axis=-1), 0.5 * har_K.max(axis=-1)
        return np.clip(ln_s, calmest - FARTHEST_LN, wildest + FARTHEST_LN)


def fit_har_scale(f: Features, start: int, stop: int) -> HarScale:
    """`fit_scale` over origins start .. stop - 1, whose targets are the returns one session later."""
    return fit_scale(*scale_rows(f, start, stop))


def scale_rows(f: Features, start: int, stop: int, every: int = 1) -> tuple[Floats, Floats]:
    """Targets [N] and regressors (1, HAR logs, leverage) [N, 6] of every so-manieth origin of start .. stop - 1.

    Without targets within a halt, which tell nothing about a scale (see `trading`).
    """
    origins_N = np.flatnonzero(trading(f.session_returns.r_T[start + 1 : stop + 1]))[::every] + start
    z_NP = np.column_stack([np.ones(len(origins_N)), f.har_TK[origins_N], f.leverage_T[origins_N]])
    return f.session_returns.r_T[origins_N + 1], z_NP


def fit_scale(y_N: Floats, z_NP: Floats) -> HarScale:
    """Maximum likelihood of targets given their regressors, of one series or of many together.

    Args:
        y_N: Log returns of the sessions after the origins.
        z_NP: Regressors of the log scale: 1, the HAR logs, leverage.

    Returns:
        The scale's weights, its location and its degrees of freedom.

    Raises:
        DataError: The likelihood has no maximum (constant prices).
    """
    spread_of(y_N)
    found = fit_student(y_N, Regressors.of_mean(y_N, z_NP), _STARTS, "the base scale")
    weights = tuple(float(weight) for weight in found.scale_K)
    return HarScale(weights, mu=found.mean, nu=found.nu)
