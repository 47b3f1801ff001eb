"""Random walks, whose next price is today's, give or take what has been usual, with a drift perhaps; and moving scales:
RiskMetrics' smoothed variance, and the HAR scale that a network corrects.

Random walks of one variance for all time, learned from every return up to the origin, are the true models of simulated
random walks: where returns are independent and of one distribution, the network cannot do better than the one that
names that distribution, but for the few returns that its estimates rest on. `random-walk-gaussian` and `random-walk-t`
are true where the log return has mean zero, which is a price without drift in logs: their location is zero and not
estimated, so nothing is lost to estimating it. With a drift, `drift` (Gaussian) and `mean` (Student-t) are true: they
estimate it. A price that is a martingale in levels drifts by -variance / 2 in logs, and is of the second kind.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np

from stockcast.models.distribution import Empirical, StudentT, held, widened
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
