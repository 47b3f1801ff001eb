"""HAR base scale: the Student-t forecast that the network corrects, and a baseline of its own (har-t).

Heterogeneous autoregression of volatility after Corsi (2009), in logs, on a range-based variance proxy,
with a leverage term; all eight parameters by maximum likelihood of the next session's return.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from stockcast.errors import DataError
from stockcast.prices.history import Floats
from stockcast.windows.features import HAR_SPANS, Features

FARTHEST_LN = 3.0
"""The scale is at most twenty times the volatility of the wildest HAR span, and at least a twentieth of the calmest's:
weights that were fitted where the price stood still may say anything elsewhere."""

NU_FLOOR = 2.05
"""Degrees of freedom stay above this, so that the variance exists."""

_NAMES = ("constant", *(f"mean_{span}" for span in HAR_SPANS), "leverage")


@dataclass(frozen=True)
class HarScale:
    """ln s = w . (1, HAR logs, leverage) with location mu and nu degrees of freedom of the next log return."""

    weights: tuple[float, ...]
    mu: float
    nu: float

    def log_scale(self, f: Features, start: int = 0, stop: int | None = None) -> Floats:
        """ln of the scale forecast at origins start .. stop - 1, for the session after each.

        Within what a scale may be there (`Moves.least_T`, `Moves.most_T`).
        """
        span = slice(start, stop)
        ln_s_N = self.log_scale_of(f.har_TK[span], f.leverage_T[span])
        return np.clip(ln_s_N, np.log(f.moves.least_T[span]), np.log(f.moves.most_T[span]))

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
    """Targets [N] and regressors (1, HAR logs, leverage) [N, 6] of every so-manieth origin of start .. stop - 1."""
    rows = slice(start, stop, every)
    y_N = f.moves.r_T[start + 1 : stop + 1 : every]
    return y_N, np.column_stack([np.ones(len(y_N)), f.har_TK[rows], f.leverage_T[rows]])


def fit_scale(y_N: Floats, z_NP: Floats) -> HarScale:
    """Maximum likelihood of targets y given their regressors, of one series or of many together.

    Raises DataError where the likelihood has no usable maximum (constant prices).
    """
    from scipy.optimize import minimize

    weights = np.array([-0.05, 0.05, 0.15, 0.2, 0.1, -0.05])
    spread = spread_of(y_N)
    start_vector = np.concatenate([weights, [0.0, math.log(6.0 - NU_FLOOR)]])
    # Location is fitted in units of the sample's standard deviation: the optimiser wants comparable sizes.
    found = minimize(
        _negative_log_likelihood,
        start_vector,
        args=(y_N, z_NP, spread),
        jac=True,
        method="L-BFGS-B",
        bounds=[(None, None)] * 7 + [(-6.0, 8.0)],
        options={"maxiter": 500, "maxfun": 2000, "ftol": 1e-11},
    )
    if not np.isfinite(found.fun):
        raise DataError("the base scale could not be fitted to the training part", "check the prices for errors")
    *w, mu, eta = (float(value) for value in found.x)
    return HarScale(weights=tuple(w), mu=mu * spread, nu=NU_FLOOR + math.exp(eta))


def spread_of(y_N: Floats) -> float:
    """Standard deviation of the targets. Raises DataError where it is zero."""
    spread = float(np.std(y_N))
    if not spread > 0:
        raise DataError("the price never moves in the training part", "check the close column of the file")
    return spread


def _negative_log_likelihood(parameters: Floats, y_N: Floats, z_NP: Floats, spread: float) -> tuple[float, Floats]:
    """Mean negative log density and its gradient in (weights, mu / spread, ln(nu - floor))."""
    from scipy.special import digamma, gammaln

    nu = NU_FLOOR + math.exp(parameters[-1])
    # A trial step far off would overflow; the bound is far outside anything a price does.
    ln_s_N = np.clip(z_NP @ parameters[:-2], -30.0, 10.0)
    u_N = (y_N - parameters[-2] * spread) / np.exp(ln_s_N)
    q_N = u_N**2 / nu
    constant = gammaln(nu / 2) - gammaln((nu + 1) / 2) + 0.5 * math.log(nu * math.pi)
    loss = constant + float(np.mean(ln_s_N + (nu + 1) / 2 * np.log1p(q_N)))
    pull_N = (nu + 1) * u_N / (nu + u_N**2)
    d_weights = z_NP.T @ (1.0 - pull_N * u_N) / len(y_N)
    d_mu = -float(np.mean(pull_N / np.exp(ln_s_N))) * spread
    d_nu = (
        0.5 * digamma(nu / 2)
        - 0.5 * digamma((nu + 1) / 2)
        + 0.5 / nu
        + float(np.mean(0.5 * np.log1p(q_N) - (nu + 1) / 2 * q_N / (nu * (1 + q_N))))
    )
    return loss, np.concatenate([d_weights, [d_mu, d_nu * (nu - NU_FLOOR)]])
