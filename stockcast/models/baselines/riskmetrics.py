"""EWMA-Gaussian: RiskMetrics as it was published, without a parameter to fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from stockcast.models.baselines.trainingreturns import training_returns
from stockcast.models.distribution import StudentT, held
from stockcast.models.parameters import Decay
from stockcast.models.simulation import Limits, PathPlan, simulate_variance
from stockcast.prices.history import Floats
from stockcast.windows.features import EWMA_DECAY, Features, ewma


@dataclass(frozen=True)
class EwmaGaussian:
    """Gaussian, mean zero, variance = decay * variance + (1 - decay) * r^2 (J.P. Morgan and Reuters 1996).

    decay is RiskMetrics' 0.94 of daily returns. The recursion starts from the mean square of the first month, so
    origins of that month, which are never forecast, are no forecasts.
    """

    decay: Decay = EWMA_DECAY

    @classmethod
    def fit(cls, f: Features, start: int, stop: int) -> Self:
        """Nothing is estimated; raises DataError where returns do not vary."""
        training_returns(f, stop, "EWMA-Gaussian")
        return cls()

    def forecast(self, f: Features, start: int, stop: int) -> StudentT:
        volatility_N = np.sqrt(self._variances(f)[start:stop])
        return held(f, start, np.zeros(stop - start), volatility_N, np.full(stop - start, np.inf))

    def simulate(self, f: Features, origin: int, plan: PathPlan) -> Floats:
        limits = Limits.at(f, origin)

        def draw(variance_P: Floats) -> Floats:
            return limits.scale(np.sqrt(variance_P)) * plan.generator.standard_normal(plan.paths)

        def step(variance_P: Floats, r_P: Floats) -> Floats:
            return self.decay * variance_P + (1 - self.decay) * r_P**2

        return simulate_variance(float(self._variances(f)[origin]), plan, limits, step, draw)

    def _variances(self, f: Features) -> Floats:
        return np.maximum(ewma(f.session_returns.r_T**2, self.decay), 1e-12)
