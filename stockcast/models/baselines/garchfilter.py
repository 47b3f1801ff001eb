"""GARCH filter: the variance recursion of GARCH and GJR-GARCH in NumPy, fitted by the `arch` package.

Returns enter as log returns; mu, omega and variances are in percent and squared percent, where `arch` is well scaled.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np

from stockcast.errors import DataError
from stockcast.prices.history import Floats

PERCENT = 100.0
_BACKCAST_SESSIONS, _BACKCAST_DECAY = 75, 0.94


@dataclass(frozen=True)
class GarchFilter:
    """h' = omega + (alpha + gamma [e < 0]) e^2 + beta h, with e = r - mu; gamma = 0 is the symmetric GARCH."""

    mu: float
    omega: float
    alpha: float
    gamma: float
    beta: float

    def variances(self, r_T: Floats) -> Floats:
        """Variance of the session after each row, [T], from that row and those before it alone.

        Every row is what `arch` filters from the returns up to it: the recursion starts from the smoothed squares of
        the first 75 sessions, and before there are that many, each row starts from what it has.
        """
        e_T = PERCENT * r_T - self.mu
        square_T = e_T**2
        news_T = self._news(e_T)
        early = min(_BACKCAST_SESSIONS - 1, len(r_T))
        variance_T = self._filtered(square_T, news_T)
        variance_T[:early] = [self._filtered(square_T[: t + 1], news_T[: t + 1])[-1] for t in range(early)]
        return variance_T

    def step(self, variance_P: Floats, r_P: Floats) -> Floats:
        """The next variance of every path."""
        return self.omega + self._news(PERCENT * r_P - self.mu) + self.beta * variance_P

    def _news(self, e: Floats) -> Floats:
        news: Floats = (self.alpha + self.gamma * (e < 0)) * e**2
        return news

    def _filtered(self, square_T: Floats, news_T: Floats) -> Floats:
        first = square_T[:_BACKCAST_SESSIONS]
        weights = _BACKCAST_DECAY ** np.arange(len(first))
        backcast = float(np.sum(weights * first) / np.sum(weights))
        # The backcast stands for all terms of the session before the first, which fell with probability one half.
        variance = self.omega + (self.alpha + 0.5 * self.gamma + self.beta) * backcast
        news = news_T.tolist()
        variance_T = np.empty(len(news))
        for t in range(len(news)):
            variance = self.omega + news[t] + self.beta * variance
            variance_T[t] = variance
        return variance_T


def fit_garch(r_T: Floats, who: str, *, asymmetric: bool, student: bool) -> tuple[GarchFilter, float]:
    """Filter and degrees of freedom by maximum likelihood over log returns; the latter are inf without `student`.

    The Gaussian likelihood is a quasi-likelihood: it finds the variance whatever the innovations' law (Bollerslev
    and Wooldridge 1992). Raises DataError in the name of `who` where `arch` finds no finite parameters.
    """
    from arch.univariate import GARCH, ConstantMean, Normal, StudentsT

    volatility = GARCH(p=1, o=int(asymmetric), q=1)
    law = StudentsT() if student else Normal()
    model = ConstantMean(PERCENT * r_T, volatility=volatility, distribution=law, rescale=False)
    with warnings.catch_warnings():
        # A convergence message of the optimiser is no news to the user; unusable numbers are refused below.
        warnings.simplefilter("ignore")
        mu, omega, alpha, *rest = (float(value) for value in model.fit(disp="off").params)
    gamma = rest.pop(0) if asymmetric else 0.0
    beta, nu = rest[0], max(rest[1], 2.01) if student else math.inf
    if not np.all(np.isfinite([mu, omega, alpha, gamma, beta])) or math.isnan(nu):
        raise DataError(f"{who} could not be fitted to the training part", "check the prices for errors")
    return GarchFilter(mu, omega, alpha, gamma, beta), nu
