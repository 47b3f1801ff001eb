"""Moving scales: RiskMetrics' smoothed variance, and the HAR scale that a network corrects."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np

from stockcast.models.distribution import StudentT, held
from stockcast.models.har import BaseFreedom, HarScale, HarWeights, fit_har_scale
from stockcast.models.likelihood import (
    Decay,
    Freedom,
    LogReturn,
    Regressors,
    Within,
    fit_student,
    trading,
    training_returns,
)
from stockcast.models.simulation import Limits, PathBars, PathPlan, simulate_bars, simulate_variance
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
        volatility_N = np.sqrt(_variances(f, self.decay)[start:stop])
        return held(f, start, np.zeros(stop - start), volatility_N, np.full(stop - start, np.inf))

    def simulate(self, f: Features, origin: int, plan: PathPlan) -> Floats:
        limits = Limits.at(f, origin)

        def draw(variance_P: Floats) -> Floats:
            return limits.scale(np.sqrt(variance_P)) * plan.generator.standard_normal(plan.paths)

        return simulate_variance(float(_variances(f, self.decay)[origin]), plan, limits, _smoothed(self.decay), draw)


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
        y_N, ln_sigma_N = y_N[moving_N], np.log(np.sqrt(_variances(f, cls.decay))[start:stop][moving_N])
        found = fit_student(y_N, Regressors.of_mean(y_N, offset_N=ln_sigma_N), [], "EWMA-t")
        return cls(found.mean, math.exp(found.scale_K[0]), found.nu)

    def forecast(self, f: Features, start: int, stop: int) -> StudentT:
        sigma_N = np.sqrt(_variances(f, self.decay))[start:stop]
        return held(f, start, np.full(stop - start, self.mu), self.ratio * sigma_N, np.full(stop - start, self.nu))

    def simulate(self, f: Features, origin: int, plan: PathPlan) -> Floats:
        limits = Limits.at(f, origin)

        def draw(variance_P: Floats) -> Floats:
            scale_P = limits.scale(self.ratio * np.sqrt(variance_P))
            return limits.location(np.array(self.mu)) + scale_P * plan.generator.standard_t(self.nu, plan.paths)

        variance = np.sqrt(_variances(f, self.decay))[origin] ** 2
        return simulate_variance(variance, plan, limits, _smoothed(self.decay), draw)


def _variances(f: Features, decay: float) -> Floats:
    """The smoothed variance at every row."""
    return np.maximum(ewma(f.session_returns.r_T**2, decay), 1e-12)


def _smoothed(decay: float) -> Callable[[Floats, Floats], Floats]:
    """From a variance and a return to the next variance."""
    return lambda variance_P, r_P: decay * variance_P + (1 - decay) * r_P**2


@dataclass(frozen=True)
class HarT:
    """Student-t, scale of a heterogeneous autoregression (Corsi 2009) on a range-based variance (see `models.har`)."""

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
