"""Expanding distributions: one variance for all time, learned from every return up to the origin.

They are the true models of simulated random walks: where returns are independent and of one distribution, the network
cannot do better than the one that names that distribution, but for the few returns that its estimates rest on.
`random-walk-gaussian` and `random-walk-t` are true where the log return has mean zero, which is a price without drift
in logs: their location is zero and not estimated, so nothing is lost to estimating it. With a drift, `drift` (Gaussian)
and `mean` (Student-t) are true: they estimate it. A price that is a martingale in levels drifts by -variance / 2 in
logs, and is of the second kind.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from stockcast.models.baselines.trainingreturns import training_returns
from stockcast.models.distribution import StudentT, held
from stockcast.models.likelihood import Regressors, fit_student, trading
from stockcast.models.parameters import Freedom
from stockcast.models.simulation import Limits, PathPlan
from stockcast.prices.history import Floats
from stockcast.windows.features import Features


@dataclass(frozen=True)
class RandomWalkGaussian:
    """Gaussian about the last close: Brownian motion of the log price (Bachelier 1900; Osborne 1959).

    Location 0, standard deviation the root mean square of all returns so far, its maximum likelihood estimate.
    """

    @classmethod
    def fit(cls, f: Features, start: int, stop: int) -> Self:
        """Nothing is estimated; raises DataError where returns do not vary."""
        training_returns(f, stop, "the Gaussian random walk")
        return cls()

    def forecast(self, f: Features, start: int, stop: int) -> StudentT:
        scale_T = np.sqrt(_running_mean(f.session_returns.r_T[:stop] ** 2))
        return held(f, start, np.zeros(stop - start), scale_T[start:], np.full(stop - start, np.inf))

    def simulate(self, f: Features, origin: int, plan: PathPlan) -> Floats:
        scale = self.forecast(f, origin, origin + 1).scale[0]
        return np.cumsum(Limits.at(f, origin).held(plan.generator.normal(0.0, scale, plan.shape)), axis=0)


@dataclass(frozen=True)
class RandomWalkT:
    """Student-t about the last close: a random walk with fat tails (Praetz 1972; Blattberg and Gonedes 1974).

    Location 0, scale from the mean absolute return so far. nu: degrees of freedom. Absolute returns rather than their
    squares: with nu of 4 or less, the mean square has no variance and hardly settles.
    """

    nu: Freedom

    @classmethod
    def fit(cls, f: Features, start: int, stop: int) -> Self:
        """Degrees of freedom by maximum likelihood over all returns up to the last target, beside a scale.

        Raises DataError where returns do not vary or determine no parameters.
        """
        who = "the Student-t random walk"
        r_T = training_returns(f, stop, who)
        y_N = r_T[trading(r_T)]
        return cls(fit_student(y_N, Regressors.without_mean(y_N), [], who).nu)

    def forecast(self, f: Features, start: int, stop: int) -> StudentT:
        spread_T = _running_mean(np.abs(f.session_returns.r_T[:stop]))
        return _student(f, start, np.zeros(stop - start), spread_T[start:], self.nu)

    def simulate(self, f: Features, origin: int, plan: PathPlan) -> Floats:
        return _independent_paths(self.forecast(f, origin, origin + 1), Limits.at(f, origin), plan)


@dataclass(frozen=True)
class Mean:
    """The historical mean, hard to beat for the size of returns (Goyal and Welch 2008), with Student-t errors.

    Location: mean of all returns so far. Scale: from the mean absolute error that this mean has had, each time as a
    forecast of the next return. nu: degrees of freedom.
    """

    nu: Freedom

    @classmethod
    def fit(cls, f: Features, start: int, stop: int) -> Self:
        """Degrees of freedom by maximum likelihood over all returns up to the last target, beside mean and scale.

        Raises DataError where returns do not vary or determine no parameters.
        """
        who = "the historical mean"
        r_T = training_returns(f, stop, who)
        y_N = r_T[trading(r_T)]
        return cls(fit_student(y_N, Regressors.of_mean(y_N), [], who).nu)

    def forecast(self, f: Features, start: int, stop: int) -> StudentT:
        mean_T, spread_T = _mean_and_spread(f.session_returns.r_T[:stop])
        return _student(f, start, mean_T[start:], spread_T[start:], self.nu)

    def simulate(self, f: Features, origin: int, plan: PathPlan) -> Floats:
        return _independent_paths(self.forecast(f, origin, origin + 1), Limits.at(f, origin), plan)


def _running_mean(x_T: Floats) -> Floats:
    mean_T: Floats = np.cumsum(x_T) / np.arange(1, len(x_T) + 1)
    return mean_T


def _mean_and_spread(r_T: Floats) -> tuple[Floats, Floats]:
    """Mean of the returns so far, and mean absolute error of those means one session on; the first is of zero."""
    mean_T = _running_mean(r_T)
    return mean_T, _running_mean(np.abs(r_T - np.concatenate(([0.0], mean_T[:-1]))))


def _student(f: Features, start: int, loc_N: Floats, spread_N: Floats, nu: float) -> StudentT:
    """Student-t distributions at the origins from `start` on, whose mean absolute deviation is `spread_N`."""
    return held(f, start, loc_N, spread_N / _mean_absolute(nu), np.full(len(loc_N), nu))


def _mean_absolute(nu: float) -> float:
    """E|t| of the unit Student-t distribution: sqrt(nu / pi) gamma((nu - 1) / 2) / gamma(nu / 2)."""
    return math.sqrt(nu / math.pi) * math.exp(math.lgamma((nu - 1) / 2) - math.lgamma(nu / 2))


def _independent_paths(dist: StudentT, limits: Limits, plan: PathPlan) -> Floats:
    """Cumulated returns [H, P], every session with the distribution of the next."""
    r_HP = dist.loc[0] + dist.scale[0] * plan.generator.standard_t(dist.nu[0], plan.shape)
    return np.cumsum(limits.held(r_HP), axis=0)
