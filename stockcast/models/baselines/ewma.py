"""EWMA-t: RiskMetrics' smoothed variance with Student-t innovations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from stockcast.errors import DataError
from stockcast.models.basescale import NU_FLOOR
from stockcast.models.distribution import StudentT, held
from stockcast.models.simulation import Limits, PathPlan, simulate_variance
from stockcast.prices.history import Floats
from stockcast.windows.features import EWMA_DECAY, Features, ewma


@dataclass(frozen=True)
class EwmaT:
    """Variance = decay * variance + (1 - decay) * r^2 (J.P. Morgan 1996), scaled, with t innovations.

    mu: location. ratio: Student-t scale over EWMA volatility. nu: degrees of freedom. decay is RiskMetrics' 0.94.
    """

    mu: float
    ratio: float
    nu: float
    decay: float = EWMA_DECAY

    @classmethod
    def fit(cls, f: Features, start: int, stop: int) -> Self:
        """Location, ratio and degrees of freedom by maximum likelihood."""
        from scipy.optimize import minimize

        sigma_N = _volatility(f, cls.decay)[start:stop]
        z_N = f.moves.r_T[start + 1 : stop + 1] / sigma_N
        found = minimize(_negative_log_likelihood, np.array([0.0, -0.2, 1.4]), args=(z_N, 1.0 / sigma_N), method="BFGS")
        if not np.all(np.isfinite(found.x)):
            raise DataError("EWMA-t could not be fitted to the training part", "check the prices for errors")
        mu, ln_ratio, eta = (float(value) for value in found.x)
        return cls(mu / 1000, math.exp(ln_ratio), NU_FLOOR + math.exp(min(eta, 8.0)))

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
    return np.sqrt(np.maximum(ewma(f.moves.r_T**2, decay), 1e-12))


def _negative_log_likelihood(parameters: Floats, z_N: Floats, inverse_N: Floats) -> float:
    """Mean over z = r / sigma; the location is in thousandths, so that the three parameters are of one size."""
    mu, ln_ratio, eta = (float(value) for value in parameters)
    nu = NU_FLOOR + math.exp(min(eta, 8.0))
    u_N = (z_N - mu / 1000 * inverse_N) * math.exp(-ln_ratio)
    constant = math.lgamma(nu / 2) - math.lgamma((nu + 1) / 2) + 0.5 * math.log(nu * math.pi)
    return constant + ln_ratio + (nu + 1) / 2 * float(np.mean(np.log1p(u_N**2 / nu)))
