"""GARCH filter: the variance recursion of GARCH and GJR-GARCH in NumPy, fitted by the `arch` package.

Returns enter as log returns; mu, omega and variances are in percent and squared percent, where `arch` is well scaled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from stockcast.errors import DataError
from stockcast.models.baselines.archfit import PERCENT, arch_parameters
from stockcast.prices.history import Floats

_LEAST = 1e-8
"""Least variance, one hundredth of a basis point squared: a fit to a series of zeros may leave nothing, or less."""

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
        return np.maximum(self.omega + self._news(PERCENT * r_P - self.mu) + self.beta * variance_P, _LEAST)

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
            variance = max(self.omega + news[t] + self.beta * variance, _LEAST)
            variance_T[t] = variance
        return variance_T


def fit_garch(r_T: Floats, who: str, *, asymmetric: bool, student: bool) -> tuple[GarchFilter, float]:
    """Filter and degrees of freedom by maximum likelihood over log returns; the latter are inf without `student`.

    The Gaussian likelihood is a quasi-likelihood: it finds the variance whatever the innovations' law (Bollerslev
    and Wooldridge 1992). Raises DataError in the name of `who` where `arch` finds no finite parameters, or a mean
    outside the returns.
    """
    from arch.univariate import GARCH, ConstantMean, Normal, StudentsT

    volatility = GARCH(p=1, o=int(asymmetric), q=1)
    law = StudentsT() if student else Normal()
    model = ConstantMean(PERCENT * r_T, volatility=volatility, distribution=law, rescale=False)
    mu, omega, alpha, *rest = arch_parameters(model, who)
    if not PERCENT * float(np.min(r_T)) <= mu <= PERCENT * float(np.max(r_T)):
        # Where most returns are zero the likelihood has no maximum, and the optimiser ends anywhere.
        raise DataError(
            f"{who} could not be fitted to the training part: its mean return is {mu:.3g} %",
            "check whether the price moves in most sessions",
        )
    gamma = rest.pop(0) if asymmetric else 0.0
    return GarchFilter(mu, omega, alpha, gamma, rest[0]), rest[1] if student else math.inf
