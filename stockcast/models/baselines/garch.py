"""GARCH(1,1)-t: the econometrician's standard, fitted by the `arch` package, filtered here in NumPy."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Self

import numpy as np

from stockcast.errors import DataError
from stockcast.models.distribution import StudentT
from stockcast.models.simulation import PathPlan, simulate_variance
from stockcast.prices.history import Floats
from stockcast.windows.features import Features

_PERCENT = 100.0
_BACKCAST_SESSIONS, _BACKCAST_DECAY = 75, 0.94


@dataclass(frozen=True)
class GarchT:
    """h' = omega + alpha (r - mu)^2 + beta h (Bollerslev 1986, 1987), r in percent, with t(nu) innovations.

    The recursion starts from the smoothed variance of the first 75 sessions, as `arch` starts it.
    """

    mu: float
    omega: float
    alpha: float
    beta: float
    nu: float

    @classmethod
    def fit(cls, f: Features, start: int, stop: int) -> Self:
        """Maximum likelihood over all returns up to the last target."""
        from arch.univariate import GARCH, ConstantMean, StudentsT

        r_T = _PERCENT * f.moves.r_T[: stop + 1]
        if not float(np.std(r_T)) > 0:
            raise DataError("GARCH-t could not be fitted: the price never moves in the training part")
        model = ConstantMean(r_T, volatility=GARCH(p=1, q=1), distribution=StudentsT(), rescale=False)
        with warnings.catch_warnings():
            # A convergence message of the optimiser is no news to the user; unusable numbers are refused below.
            warnings.simplefilter("ignore")
            mu, omega, alpha, beta, nu = (float(value) for value in model.fit(disp="off").params)
        if not np.all(np.isfinite([mu, omega, alpha, beta, nu])):
            raise DataError("GARCH-t could not be fitted to the training part", "check the prices for errors")
        return cls(mu, omega, alpha, beta, max(nu, 2.01))

    def forecast(self, f: Features, start: int, stop: int) -> StudentT:
        volatility_N = np.sqrt(self._variances(f, stop)[start:])
        return StudentT(
            np.full(stop - start, self.mu / _PERCENT),
            volatility_N * self._t_scale,
            np.full(stop - start, self.nu),
        )

    def simulate(self, f: Features, origin: int, plan: PathPlan) -> Floats:
        def draw(variance_P: Floats) -> Floats:
            return self.mu / _PERCENT + np.sqrt(variance_P) * self._t_scale * plan.generator.standard_t(
                self.nu, plan.paths
            )

        def step(variance_P: Floats, r_P: Floats) -> Floats:
            return self.omega + self.alpha * (_PERCENT * r_P - self.mu) ** 2 + self.beta * variance_P

        return simulate_variance(self._variances(f, origin + 1)[-1], plan, step, draw)

    @property
    def _t_scale(self) -> float:
        """Student-t scale in log return of a unit variance in squared percent."""
        return math.sqrt((self.nu - 2) / self.nu) / _PERCENT

    def _variances(self, f: Features, stop: int) -> Floats:
        """Variance of the session after each of the rows 0 .. stop - 1, in squared percent."""
        squared = ((_PERCENT * f.moves.r_T[:stop] - self.mu) ** 2).tolist()
        weights = _BACKCAST_DECAY ** np.arange(min(_BACKCAST_SESSIONS, len(squared)))
        backcast = float(np.sum(weights * squared[: len(weights)]) / np.sum(weights))
        # The backcast stands for both terms of the session before the first.
        variance = self.omega + (self.alpha + self.beta) * backcast
        variances = np.empty(stop)
        for t in range(stop):
            variance = self.omega + self.alpha * squared[t] + self.beta * variance
            variances[t] = variance
        return variances
