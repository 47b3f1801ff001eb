"""FHS-GARCH: filtered historical simulation, past shocks at today's volatility."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np

from stockcast.models.baselines.garchfilter import PERCENT, GarchFilter, fit_garch
from stockcast.models.baselines.trainingreturns import training_returns
from stockcast.models.distribution import Empirical, widened
from stockcast.models.parameters import Length, Percent, Persistence, Share, Variance, Within
from stockcast.models.simulation import Limits, PathPlan, simulate_variance
from stockcast.prices.history import Floats
from stockcast.windows.features import Features

MAX_SHOCKS = 500
"""Standardised residuals kept; of more, as many quantiles stand for them."""

_LEAST_SPREAD = 0.2
"""Least standard deviation of the shocks' centre; theirs is about one."""


@dataclass(frozen=True)
class FhsGarch:
    """mu + sqrt(h) z: GARCH(1,1) variance h, and z drawn from past residuals (Barone-Adesi et al. 1999).

    Barone-Adesi, Giannopoulos and Vosper, VaR without correlations for portfolios of derivative securities. mu, omega
    and the root of h in percent; shocks: the (r - mu) / sqrt(h) of the training part's targets, in ascending order.
    """

    mu: Percent
    omega: Variance
    alpha: Share
    beta: Share
    shocks: Annotated[tuple[Annotated[float, Within(-1e6, 1e6)], ...], Length(1, MAX_SHOCKS)]

    @classmethod
    def fit(cls, f: Features, start: int, stop: int) -> Self:
        """GARCH by Gaussian quasi-likelihood over all returns up to the last target; shocks of the origins' targets.

        Raises DataError where returns do not vary or determine no parameters.
        """
        who = "FHS-GARCH"
        r_T = training_returns(f, stop, who)
        known = fit_garch(r_T, who, asymmetric=False, student=False).filter
        volatility_N = np.sqrt(known.variances(r_T[:stop], start))
        z_N = (PERCENT * r_T[start + 1 :] - known.mu) / volatility_N
        return cls(known.mu, known.omega, known.alpha, known.beta, tuple(_thinned(z_N).tolist()))

    def forecast(self, f: Features, start: int, stop: int) -> Empirical:
        volatility_N = np.sqrt(self._filter.variances(f.session_returns.r_T[:stop], start))
        m, origins = f.session_returns, slice(start, stop)
        volatility_N = np.clip(volatility_N, PERCENT * m.least_T[origins], PERCENT * m.most_T[origins])
        pace_N = PERCENT * m.pace_T[origins]
        values_NK = np.clip(self.mu, -pace_N, pace_N)[:, None] + volatility_N[:, None] * self._spread_shocks
        return Empirical(values_NK / PERCENT)

    def simulate(self, f: Features, origin: int, plan: PathPlan) -> Floats:
        z_K, limits = self._spread_shocks, Limits.at(f, origin)
        location = np.clip(self.mu, -PERCENT * limits.pace, PERCENT * limits.pace)

        def draw(variance_P: Floats) -> Floats:
            volatility_P = np.clip(np.sqrt(variance_P), PERCENT * limits.least, PERCENT * limits.most)
            drawn_P: Floats = (location + volatility_P * plan.generator.choice(z_K, plan.paths)) / PERCENT
            return drawn_P

        variance = float(self._filter.variances(f.session_returns.r_T[: origin + 1], origin)[0])
        return simulate_variance(variance, plan, limits, self._filter.step, draw)

    @property
    def _spread_shocks(self) -> Floats:
        """The shocks, which are not all alike even where hardly a session of the training part moved."""
        z_K: Floats = widened(np.array(self.shocks)[None], np.array([_LEAST_SPREAD]))[0]
        return z_K

    @property
    def persistence(self) -> Persistence:
        """Share of a variance that is left in the next one."""
        return self.alpha + self.beta

    @property
    def _filter(self) -> GarchFilter:
        return GarchFilter(self.mu, self.omega, self.alpha, 0.0, self.beta)


def _thinned(z_N: Floats) -> Floats:
    """At most MAX_SHOCKS values of one weight, in ascending order, with the distribution of z.

    They are quantiles at the midpoints (k + 1/2) / K: quantiles up to the ends would give the one largest of
    thousands a weight of 1 / K, and the sample a spread that z does not have.
    """
    if len(z_N) <= MAX_SHOCKS:
        return np.sort(z_N)
    levels_K = (np.arange(MAX_SHOCKS) + 0.5) / MAX_SHOCKS
    return np.asarray(np.quantile(z_N, levels_K, method="hazen"), dtype=np.float64)
