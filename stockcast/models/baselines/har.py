"""HAR-t: the base scale on its own, the rival that a network has to beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from stockcast.models.basescale import BaseFreedom, HarScale, HarWeights, fit_har_scale
from stockcast.models.distribution import StudentT, held
from stockcast.models.parameters import LogReturn
from stockcast.models.simulation import PathBars, PathPlan, simulate_bars
from stockcast.prices.history import Floats
from stockcast.windows.features import Features


@dataclass(frozen=True)
class HarT:
    """Student-t, scale of a heterogeneous autoregression (Corsi 2009) on a range-based variance (see `basescale`)."""

    weights: HarWeights
    mu: LogReturn
    nu: BaseFreedom

    @classmethod
    def fit(cls, f: Features, start: int, stop: int) -> Self:
        scale = fit_har_scale(f, start, stop)
        return cls(scale.weights, scale.mu, scale.nu)

    def forecast(self, f: Features, start: int, stop: int) -> StudentT:
        ln_s_N = self._scale.log_scale(f, start, stop)
        return held(f, start, np.full(stop - start, self.mu), np.exp(ln_s_N), np.full(stop - start, self.nu))

    def simulate(self, f: Features, origin: int, plan: PathPlan) -> Floats:
        scale = self._scale

        def dist(bars: PathBars) -> tuple[Floats, Floats]:
            return np.full(plan.paths, scale.mu), np.exp(scale.log_scale_of(bars.har_PK, bars.leverage_P))

        return simulate_bars(f, origin, dist, self.nu, plan)

    @property
    def _scale(self) -> HarScale:
        return HarScale(tuple(self.weights), self.mu, self.nu)
