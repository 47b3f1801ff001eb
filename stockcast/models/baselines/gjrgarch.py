"""GJR-GARCH(1,1,1)-t: GARCH in which a fall raises the variance more than a rise does."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from stockcast.models.baselines.garchfilter import PERCENT, GarchFilter, fit_garch
from stockcast.models.baselines.trainingreturns import training_returns
from stockcast.models.distribution import StudentT, held
from stockcast.models.parameters import Asymmetry, Freedom, Percent, Persistence, Share, Variance
from stockcast.models.simulation import Limits, PathPlan, simulate_variance
from stockcast.prices.history import Floats
from stockcast.windows.features import Features


@dataclass(frozen=True)
class GjrGarchT:
    """h' = omega + (alpha + gamma [r < mu]) (r - mu)^2 + beta h (Glosten, Jagannathan and Runkle 1993), t(nu).

    r, mu and the root of h in percent. The innovations are Student-t of unit variance (Bollerslev 1987).
    """

    mu: Percent
    omega: Variance
    alpha: Share
    gamma: Asymmetry
    beta: Share
    nu: Freedom

    @classmethod
    def fit(cls, f: Features, start: int, stop: int) -> Self:
        """Maximum likelihood over all returns up to the last target.

        Raises DataError where returns do not vary or determine no parameters.
        """
        who = "GJR-GARCH-t"
        found = fit_garch(training_returns(f, stop, who), who, asymmetric=True, student=True)
        known = found.filter
        return cls(known.mu, known.omega, known.alpha, known.gamma, known.beta, found.nu)

    def forecast(self, f: Features, start: int, stop: int) -> StudentT:
        volatility_N = np.sqrt(self._filter.variances(f.session_returns.r_T[:stop], start))
        count = stop - start
        return held(f, start, np.full(count, self.mu / PERCENT), volatility_N * self._t_scale, np.full(count, self.nu))

    def simulate(self, f: Features, origin: int, plan: PathPlan) -> Floats:
        limits = Limits.at(f, origin)

        def draw(variance_P: Floats) -> Floats:
            t_P = plan.generator.standard_t(self.nu, plan.paths)
            scale_P = limits.scale(np.sqrt(variance_P) * self._t_scale)
            return limits.location(np.array(self.mu / PERCENT)) + scale_P * t_P

        variance = float(self._filter.variances(f.session_returns.r_T[: origin + 1], origin)[0])
        return simulate_variance(variance, plan, limits, self._filter.step, draw)

    @property
    def persistence(self) -> Persistence:
        """Share of a variance that is left in the next one, falls being as frequent as rises."""
        return self.alpha + 0.5 * self.gamma + self.beta

    @property
    def _filter(self) -> GarchFilter:
        return GarchFilter(self.mu, self.omega, self.alpha, self.gamma, self.beta)

    @property
    def _t_scale(self) -> float:
        """Student-t scale in log return of a unit variance in squared percent."""
        return math.sqrt((self.nu - 2) / self.nu) / PERCENT
