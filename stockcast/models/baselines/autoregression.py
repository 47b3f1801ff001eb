"""AR(1): the next return leans on the last one, with Student-t errors of one scale."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np

from stockcast.models.baselines.trainingreturns import training_returns
from stockcast.models.distribution import StudentT, held
from stockcast.models.likelihood import Regressors, fit_student, trading
from stockcast.models.parameters import Freedom, Within
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

    constant: Annotated[float, Within(-2.0, 2.0)]  # mean * (1 - phi)
    phi: Annotated[float, Within(-0.99, 0.99)]
    scale: Annotated[float, Within(0.0, 1.0, above=True)]
    nu: Freedom

    @classmethod
    def fit(cls, f: Features, start: int, stop: int) -> Self:
        """Maximum likelihood over all returns up to the last target but those of a halt; |phi| is at most 0.99.

        Raises DataError where returns do not vary or determine no parameters.
        """
        who = "AR(1)"
        r_T = training_returns(f, stop, who)
        moving_N = trading(r_T)[1:]
        y_N, lag_N = r_T[1:][moving_N], r_T[:-1][moving_N]
        found = fit_student(y_N, Regressors.of_mean(y_N).with_lag(lag_N, y_N, _PHI_LIMIT), [], who)
        phi = float(found.location_J[1])
        return cls(found.mean - phi * found.centre, phi, max(math.exp(found.scale_K[0]), _TINY), found.nu)

    def forecast(self, f: Features, start: int, stop: int) -> StudentT:
        loc_N = self.constant + self.phi * f.session_returns.r_T[start:stop]
        return held(f, start, loc_N, np.full(stop - start, self.scale), np.full(stop - start, self.nu))

    def simulate(self, f: Features, origin: int, plan: PathPlan) -> Floats:
        limits = Limits.at(f, origin)
        error_HP = limits.scale(np.array(self.scale)) * plan.generator.standard_t(self.nu, plan.shape)
        constant = limits.location(np.array(self.constant))
        r_P = np.full(plan.paths, f.session_returns.r_T[origin])
        r_HP = np.empty(plan.shape)
        for h in range(plan.horizon):
            r_P = limits.held(constant + self.phi * r_P + error_HP[h])
            r_HP[h] = r_P
        return np.cumsum(r_HP, axis=0)
