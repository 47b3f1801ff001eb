"""AR(1): the next return leans on the last one, with Student-t errors of one scale."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from stockcast.errors import DataError
from stockcast.models.baselines.archfit import PERCENT, arch_parameters
from stockcast.models.baselines.trainingreturns import training_returns
from stockcast.models.distribution import StudentT, held
from stockcast.models.simulation import Limits, PathPlan
from stockcast.prices.history import Floats
from stockcast.windows.features import Features

_PHI_LIMIT = 0.99
_TINY = 1e-6  # a scale below it is no return of a traded price


@dataclass(frozen=True)
class Ar1:
    """r' = constant + phi r + scale * t(nu) (Box and Jenkins 1970; Student-t errors: Tiku et al. 2000).

    The linear test of whether a return foretells the next (Lo and MacKinlay 1988). constant and scale in log return.
    """

    constant: float
    phi: float
    scale: float
    nu: float

    @classmethod
    def fit(cls, f: Features, start: int, stop: int) -> Self:
        """Maximum likelihood over all returns up to the last target, by `arch`; phi is held within -0.99 .. 0.99.

        Raises DataError where returns do not vary, determine no parameters, or a constant that is none.
        """
        from arch.univariate import ARX, ConstantVariance, StudentsT

        who = "AR(1)"
        r_T = training_returns(f, stop, who)
        model = ARX(PERCENT * r_T, lags=1, volatility=ConstantVariance(), distribution=StudentsT(), rescale=False)
        constant, phi, variance, nu = arch_parameters(model, who)
        centre = constant / PERCENT
        if abs(centre) > 2.0 * float(np.abs(r_T).max()):  # mean * (1 - phi) is never beyond that
            # Where hardly any session moves, the likelihood has no maximum, and where `arch` ends is chance.
            raise DataError(f"{who} could not be fitted: a constant of {100 * centre:.1f} % is no return")
        scale = max(math.sqrt(max(variance, 0.0) * (nu - 2) / nu) / PERCENT, _TINY)
        return cls(constant / PERCENT, float(np.clip(phi, -_PHI_LIMIT, _PHI_LIMIT)), scale, nu)

    def forecast(self, f: Features, start: int, stop: int) -> StudentT:
        loc_N = self.constant + self.phi * f.moves.r_T[start:stop]
        return held(f, start, loc_N, np.full(stop - start, self.scale), np.full(stop - start, self.nu))

    def simulate(self, f: Features, origin: int, plan: PathPlan) -> Floats:
        limits = Limits.at(f, origin)
        error_HP = limits.scale(np.array(self.scale)) * plan.generator.standard_t(self.nu, plan.shape)
        constant = limits.location(np.array(self.constant))
        r_P = np.full(plan.paths, f.moves.r_T[origin])
        r_HP = np.empty(plan.shape)
        for h in range(plan.horizon):
            r_P = limits.held(constant + self.phi * r_P + error_HP[h])
            r_HP[h] = r_P
        return np.cumsum(r_HP, axis=0)
