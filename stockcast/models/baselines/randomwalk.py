"""Random walk and drift: the next price is today's, give or take what has been usual."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np

from stockcast.models.distribution import Empirical, StudentT, held, widened
from stockcast.models.parameters import Within
from stockcast.models.simulation import Limits, PathPlan
from stockcast.prices.history import Floats
from stockcast.windows.features import Features

ROLLING_SESSIONS = 60


@dataclass(frozen=True)
class RandomWalk:
    """The returns of the last `sessions` sessions, each as likely as the other: rolling empirical quantiles.

    Historical simulation (Hendricks 1996), about the random walk's last close.
    """

    sessions: Annotated[int, Within(2, ROLLING_SESSIONS)] = ROLLING_SESSIONS

    @classmethod
    def fit(cls, f: Features, start: int, stop: int) -> Self:
        return cls()

    def forecast(self, f: Features, start: int, stop: int) -> Empirical:
        r_T = f.session_returns.r_T[start - self.sessions + 1 : stop]
        values_NK = np.sort(np.lib.stride_tricks.sliding_window_view(r_T, self.sessions), axis=1)
        return Empirical(widened(values_NK, f.session_returns.least_T[start:stop]))

    def simulate(self, f: Features, origin: int, plan: PathPlan) -> Floats:
        r_T = f.session_returns.r_T[origin - self.sessions + 1 : origin + 1]
        sorted_1K = np.sort(r_T)[None]
        wide_1K = widened(sorted_1K, f.session_returns.least_T[origin : origin + 1])
        # Drawn in the order of their sessions, and in that of their size only where they had to be moved.
        drawn_K = r_T if wide_1K is sorted_1K else wide_1K[0]
        return np.cumsum(plan.generator.choice(drawn_K, plan.shape), axis=0)


@dataclass(frozen=True)
class Drift:
    """Gaussian with mean and standard deviation of all returns so far: a random walk that keeps its average pace.

    Brownian motion with drift of the log price (Osborne 1959; Samuelson 1965).
    """

    @classmethod
    def fit(cls, f: Features, start: int, stop: int) -> Self:
        return cls()

    def forecast(self, f: Features, start: int, stop: int) -> StudentT:
        r_T = f.session_returns.r_T[:stop]
        count_T = np.arange(1, stop + 1)
        mean_T = np.cumsum(r_T) / count_T
        variance_T = np.maximum(np.cumsum(r_T**2) / count_T - mean_T**2, 1e-12)
        return held(f, start, mean_T[start:], np.sqrt(variance_T[start:]), np.full(stop - start, np.inf))

    def simulate(self, f: Features, origin: int, plan: PathPlan) -> Floats:
        dist = self.forecast(f, origin, origin + 1)
        r_HP = plan.generator.normal(dist.loc[0], dist.scale[0], plan.shape)
        return np.cumsum(Limits.at(f, origin).held(r_HP), axis=0)
