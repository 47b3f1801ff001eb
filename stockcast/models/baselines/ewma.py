"""EWMA-t: RiskMetrics' smoothed variance with Student-t innovations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np

from stockcast.models.distribution import StudentT, held
from stockcast.models.likelihood import Regressors, fit_student, trading
from stockcast.models.parameters import Decay, Freedom, LogReturn, Within
from stockcast.models.simulation import Limits, PathPlan, simulate_variance
from stockcast.prices.history import Floats
from stockcast.windows.features import EWMA_DECAY, Features, ewma


@dataclass(frozen=True)
class EwmaT:
    """Variance = decay * variance + (1 - decay) * r^2 (J.P. Morgan 1996), scaled, with t innovations.

    mu: location. ratio: Student-t scale over EWMA volatility. nu: degrees of freedom. decay is RiskMetrics' 0.94.
    """

    mu: LogReturn
    ratio: Annotated[float, Within(0.0, 1000.0, above=True)]
    nu: Freedom
    decay: Decay = EWMA_DECAY

    @classmethod
    def fit(cls, f: Features, start: int, stop: int) -> Self:
        """Location, ratio and degrees of freedom by maximum likelihood."""
        y_N = f.session_returns.r_T[start + 1 : stop + 1]
        moving_N = trading(y_N)
        y_N, ln_sigma_N = y_N[moving_N], np.log(_volatility(f, cls.decay)[start:stop][moving_N])
        found = fit_student(y_N, Regressors.of_mean(y_N, offset_N=ln_sigma_N), [], "EWMA-t")
        return cls(found.mean, math.exp(found.scale_K[0]), found.nu)

    def forecast(self, f: Features, start: int, stop: int) -> StudentT:
        sigma_N = _volatility(f, self.decay)[start:stop]
        return held(f, start, np.full(stop - start, self.mu), self.ratio * sigma_N, np.full(stop - start, self.nu))

    def simulate(self, f: Features, origin: int, plan: PathPlan) -> Floats:
        limits = Limits.at(f, origin)

        def draw(variance_P: Floats) -> Floats:
            scale_P = limits.scale(self.ratio * np.sqrt(variance_P))
            return limits.location(np.array(self.mu)) + scale_P * plan.generator.standard_t(self.nu, plan.paths)

        def step(variance_P: Floats, r_P: Floats) -> Floats:
            return self.decay * variance_P + (1 - self.decay) * r_P**2

        return simulate_variance(_volatility(f, self.decay)[origin] ** 2, plan, limits, step, draw)


def _volatility(f: Features, decay: float) -> Floats:
    return np.sqrt(np.maximum(ewma(f.session_returns.r_T**2, decay), 1e-12))
