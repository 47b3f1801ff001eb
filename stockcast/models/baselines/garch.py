"""GARCH(1,1)-t: the econometrician's standard, fitted and filtered in NumPy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from stockcast.errors import DataError
from stockcast.models.baselines.garchfilter import PERCENT, GarchFilter, fit_garch
from stockcast.models.distribution import StudentT, held
from stockcast.models.parameters import Freedom, Percent, Persistence, Share, Variance
from stockcast.models.simulation import Limits, PathPlan, simulate_variance
from stockcast.prices.history import Floats
from stockcast.windows.features import Features


@dataclass(frozen=True)
class GarchT:
    """h' = omega + alpha (r - mu)^2 + beta h (Bollerslev 1986, 1987), r in percent, with t(nu) innovations.

    The recursion starts from the smoothed variance of the first 75 sessions, as `arch` starts it.
    """

    mu: Percent
    omega: Variance
    alpha: Share
    beta: Share
    nu: Freedom

    @classmethod
    def fit(cls, f: Features, start: int, stop: int) -> Self:
        """Maximum likelihood over all returns up to the last target."""
        r_T = f.session_returns.r_T[: stop + 1]
        if not float(np.std(r_T)) > 0:
            raise DataError("GARCH-t could not be fitted: the price never moves in the training part")
        found = fit_garch(r_T, "GARCH-t", asymmetric=False, student=True)
        known = found.filter
        return cls(known.mu, known.omega, known.alpha, known.beta, found.nu)

    def forecast(self, f: Features, start: int, stop: int) -> StudentT:
        volatility_N = np.sqrt(self._filter.variances(f.session_returns.r_T[:stop], start))
        return held(
            f,
            start,
            np.full(stop - start, self.mu / PERCENT),
            volatility_N * self._t_scale,
            np.full(stop - start, self.nu),
        )

    def simulate(self, f: Features, origin: int, plan: PathPlan) -> Floats:
        limits = Limits.at(f, origin)

        def draw(variance_P: Floats) -> Floats:
            scale_P = limits.scale(np.sqrt(variance_P) * self._t_scale)
            location = limits.location(np.array(self.mu / PERCENT))
            return location + scale_P * plan.generator.standard_t(self.nu, plan.paths)

        variance = float(self._filter.variances(f.session_returns.r_T[: origin + 1], origin)[0])
        return simulate_variance(variance, plan, limits, self._filter.step, draw)

    @property
    def persistence(self) -> Persistence:
        """Share of a variance that is left in the next one."""
        return self.alpha + self.beta

    @property
    def _t_scale(self) -> float:
        """Student-t scale in log return of a unit variance in squared percent."""
        return math.sqrt((self.nu - 2) / self.nu) / PERCENT

    @property
    def _filter(self) -> GarchFilter:
        return GarchFilter(self.mu, self.omega, self.alpha, 0.0, self.beta)
