"""GARCH, GJR-GARCH and filtered historical simulation: one variance recursion, its likelihood with exact slopes.

Returns enter as log returns; mu, omega and variances are in percent and squared percent. The likelihood is that of
the `arch` package, which differentiates numerically and so ends elsewhere on every processor.

Shapes: T returns, N of them that count, P parameters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray

from stockcast.errors import DataError
from stockcast.models.distribution import Empirical, StudentT, held, widened
from stockcast.models.likelihood import (
    NU_LEAST,
    NU_MOST,
    Asymmetry,
    Freedom,
    Length,
    Percent,
    Persistence,
    Regressors,
    Share,
    Variance,
    Within,
    fit_student,
    maximum,
    spread_of,
    student_loss,
    trading,
    training_returns,
)
from stockcast.models.simulation import Limits, PathPlan, simulate_variance
from stockcast.prices.history import Floats
from stockcast.windows.features import Features

PERCENT = 100.0
"""Parameters are those of returns in percent, as the literature and `arch` print them."""

_LEAST = 1e-8
"""Least variance, one hundredth of a basis point squared: a fit to a series of zeros may leave nothing, or less."""

_BACKCAST_SESSIONS, _BACKCAST_DECAY = 75, 0.94

_LEAST_OMEGA, _MOST_OMEGA = 1e-5, 10.0
"""Bounds of omega in shares of the variance of the sample."""


@dataclass(frozen=True)
class GarchFilter:
    """h' = omega + (alpha + gamma [e < 0]) e^2 + beta h, with e = r - mu; gamma = 0 is the symmetric GARCH."""

    mu: float
    omega: float
    alpha: float
    gamma: float
    beta: float

    def variances(self, r_T: Floats, start: int = 0) -> Floats:
        """Variance of the session after each row from `start` on, [T - start], from that row and those before it alone.

        Every row is what `arch` filters from the returns up to it: the recursion starts from the smoothed squares of
        the first 75 sessions, and before there are that many, each row starts from what it has.
        """
        e_T = PERCENT * r_T - self.mu
        square_T = e_T**2
        news_T = self._news(e_T)
        variance_T = self._filtered(square_T, news_T)
        for t in range(start, min(_BACKCAST_SESSIONS - 1, len(r_T))):
            variance_T[t] = self._filtered(square_T[: t + 1], news_T[: t + 1])[-1]
        return variance_T[start:]

    def step(self, variance_P: Floats, r_P: Floats) -> Floats:
        """The next variance of every path."""
        return np.maximum(self.omega + self._news(PERCENT * r_P - self.mu) + self.beta * variance_P, _LEAST)

    def _news(self, e: Floats) -> Floats:
        news: Floats = (self.alpha + self.gamma * (e < 0)) * e**2
        return news

    def _filtered(self, square_T: Floats, news_T: Floats) -> Floats:
        first = square_T[:_BACKCAST_SESSIONS]
        weights = _BACKCAST_DECAY ** np.arange(len(first))
        backcast = float(np.sum(weights * first) / np.sum(weights))
        # The backcast stands for all terms of the session before the first, which fell with probability one half.
        variance = self.omega + (self.alpha + 0.5 * self.gamma + self.beta) * backcast
        news = news_T.tolist()
        variance_T = np.empty(len(news))
        for t in range(len(news)):
            variance = max(self.omega + news[t] + self.beta * variance, _LEAST)
            variance_T[t] = variance
        return variance_T


@dataclass(frozen=True)
class GarchFit:
    """What maximum likelihood finds: the filter, and nu of the innovations, which is inf where they are Gaussian.

    loss: mean negative log likelihood in nats, of returns in percent. on_bound: names of parameters on a bound.
    """

    filter: GarchFilter
    nu: float
    loss: float
    on_bound: tuple[str, ...]


def fit_garch(r_T: Floats, who: str, *, asymmetric: bool, student: bool) -> GarchFit:
    """Filter and degrees of freedom by maximum likelihood over log returns but those of a halt.

    The Gaussian likelihood is a quasi-likelihood: it finds the variance whatever the innovations' distribution
    (Bollerslev and Wooldridge 1992). The mean lies within the returns, omega above a hundred-thousandth of their
    variance, alpha + gamma / 2 + beta within 0 .. 1; alpha and alpha + gamma are not negative. The constant variance
    is among the starting points: nothing is ever less likely. Raises DataError in the name of `who`.
    """
    likelihood = GarchLikelihood(PERCENT * r_T, trading(r_T), asymmetric, student)
    found = maximum(likelihood, likelihood.starts(), likelihood.bounds_P2, who)
    names = np.array(likelihood.names)[found.bound_P].tolist()
    known, nu = likelihood.read(found.x_P)
    return GarchFit(known, nu, found.loss + math.log(likelihood.spread), tuple(names))


class GarchLikelihood:
    """Loss and gradient of GARCH(1,1) and GJR-GARCH(1,1,1) in parameters that are free of one another.

    They are: mu in units of the spread; ln(omega / variance); persistence alpha + gamma / 2 + beta; the news' share
    (alpha + gamma / 2) / persistence; how much of the news falls make, (alpha + gamma) / (2 alpha + gamma), where
    `asymmetric`; 1 / nu where `student`. Every point of the box is a stationary or integrated GARCH.

    r_T: returns in percent. counts_T: those that enter the likelihood; the filter runs through all of them.
    """

    def __init__(self, r_T: Floats, counts_T: NDArray[np.bool_], asymmetric: bool, student: bool) -> None:
        self.spread = spread_of(r_T[counts_T])
        self.asymmetric, self.student = asymmetric, student
        self._y_T, self._counts_T = r_T / self.spread, counts_T
        weights = _BACKCAST_DECAY ** np.arange(min(_BACKCAST_SESSIONS, len(r_T)))
        self._weights = weights / weights.sum()
        falls, tails = [("falls", 0.0, 1.0)] * asymmetric, [("nu", 1 / NU_MOST, 1 / NU_LEAST)] * student
        table = [
            ("mu", float(self._y_T.min()), float(self._y_T.max())),
            ("omega", math.log(_LEAST_OMEGA), math.log(_MOST_OMEGA)),
            ("persistence", 0.0, 1.0),
            ("share", 0.0, 1.0),
            *falls,
            *tails,
        ]
        self.names = tuple(name for name, _, _ in table)
        self.bounds_P2 = np.array([[low, high] for _, low, high in table])

    def starts(self) -> list[list[Floats]]:
        """Variance targeting: the constant variance; a grid of persistence and share; and a variance that hardly heeds
        the news and drifts for years, whose maximum no other starting point leads to.
        """
        y_N = self._y_T[self._counts_T]
        constant = fit_student(y_N, Regressors.of_mean(y_N), [], "a constant variance")
        mu, nu = constant.mean, constant.nu
        scale = math.exp(constant.scale_K[0])
        # Of the Student-t distribution the variance of the fit, which its largest returns do not make alone.
        variance = min(max(scale**2 * nu / (nu - 2), 0.1), 10.0) if self.student else 1.0
        grids = (
            [(p, share) for p in (0.7, 0.95, 0.99) for share in (0.03, 0.08, 0.2)],
            [(p, share) for p in (0.997, 0.999) for share in (0.002, 0.01)],
        )
        groups = [[(mu, math.log(variance * (1 - p)), p, share) for p, share in grid] for grid in grids]
        still = (mu, math.log(variance), 0.0, 0.1) if self.student else (float(y_N.mean()), 0.0, 0.0, 0.1)
        rest = [0.7] * self.asymmetric + [1 / nu] * self.student
        return [[np.array([*point, *rest]) for point in group] for group in ([still], *groups)]

    def read(self, x_P: Floats) -> tuple[GarchFilter, float]:
        """The filter and the degrees of freedom that a point stands for."""
        persistence, share = float(x_P[2]), float(x_P[3])
        rise, fall = (2 * persistence * share * part for part in self._parts(x_P))
        known = GarchFilter(
            mu=float(x_P[0]) * self.spread,
            omega=math.exp(x_P[1]) * self.spread**2,
            alpha=rise,
            gamma=fall - rise if self.asymmetric else 0.0,
            beta=persistence * (1 - share),
        )
        return known, 1 / float(x_P[-1]) if self.student else math.inf

    def _parts(self, x_P: Floats) -> tuple[float, float]:
        falls = float(x_P[4]) if self.asymmetric else 0.5
        return 1 - falls, falls

    def __call__(self, x_P: Floats) -> tuple[float, Floats]:
        from scipy.signal import lfilter

        mu, omega, persistence, share = float(x_P[0]), math.exp(x_P[1]), float(x_P[2]), float(x_P[3])
        beta, twice = persistence * (1 - share), 2 * persistence * share
        e_T = self._y_T - mu
        square_T = e_T * e_T
        rise, fall = self._parts(x_P)
        part_T = np.where(e_T < 0, fall, rise)[:-1] if self.asymmetric else 0.5  # of twice times the square
        news_T = part_T * square_T[:-1]
        first = len(self._weights)
        backcast = float(self._weights @ square_T[:first])
        input_T = np.empty_like(e_T)
        input_T[0] = omega + persistence * backcast
        input_T[1:] = omega + twice * news_T
        recursion = np.array([1.0]), np.array([1.0, -beta])
        h_T = lfilter(*recursion, input_T)
        loss, d_e_T, d_h_T, d_tail = self._density(e_T, h_T, x_P)
        # Backwards through the recursion: what each input does to all variances after it.
        d_input_T = lfilter(*recursion, d_h_T[::-1])[::-1]
        later_T = d_input_T[1:]
        d_news, d_beta, d_first = float(later_T @ news_T), float(later_T @ h_T[:-1]), float(d_input_T[0])
        d_e_T[:-1] += 2 * twice * part_T * later_T * e_T[:-1]
        d_backcast = float(self._weights @ e_T[:first])
        gradient = [
            -float(d_e_T.sum()) - 2 * d_first * persistence * d_backcast,
            omega * float(d_input_T.sum()),
            d_first * backcast + 2 * share * d_news + (1 - share) * d_beta,
            2 * persistence * d_news - persistence * d_beta,
        ]
        if self.asymmetric:
            signed_T = np.where(e_T[:-1] < 0, 1.0, -1.0) * square_T[:-1]
            gradient.append(twice * float(later_T @ signed_T))
        return loss, np.array(gradient + [d_tail] * self.student)

    def _density(self, e_T: Floats, h_T: Floats, x_P: Floats) -> tuple[float, Floats, Floats, float]:
        """Mean loss of the returns that count, its derivatives in e [T] and h [T], and in 1 / nu."""
        d_e_T, d_h_T = np.zeros_like(e_T), np.zeros_like(e_T)
        at = slice(None) if self._counts_T.all() else self._counts_T
        e_N, h_N = e_T[at], h_T[at]
        count = len(e_N)
        if not self.student:
            square_N = e_N * e_N / h_N
            d_e_T[at], d_h_T[at] = e_N / (h_N * count), (1 - square_N) / (2 * count * h_N)
            return 0.5 * float((np.log(2 * math.pi * h_N) + square_N).sum()) / count, d_e_T, d_h_T, 0.0
        theta = float(x_P[-1])
        # The scale is sqrt(h (nu - 2) / nu), so that h is the variance; (nu - 2) / nu = 1 - 2 theta.
        ln_s_N = 0.5 * np.log(h_N * (1 - 2 * theta))
        loss, d_e_N, d_ln_s_N, d_theta = student_loss(e_N, ln_s_N, 1 / theta)
        d_e_T[at], d_h_T[at] = d_e_N / count, d_ln_s_N / (2 * count * h_N)
        return loss, d_e_T, d_h_T, d_theta - float(d_ln_s_N.sum()) / count / (1 - 2 * theta)


class _StudentGarch:
    """What GARCH-t and GJR-GARCH-t share: a filtered variance with Student-t innovations of unit variance."""

    mu: float
    nu: float

    @property
    def _filter(self) -> GarchFilter:
        raise NotImplementedError

    @property
    def _t_scale(self) -> float:
        """Student-t scale in log return of a unit variance in squared percent."""
        return math.sqrt((self.nu - 2) / self.nu) / PERCENT

    def forecast(self, f: Features, start: int, stop: int) -> StudentT:
        """Distributions of the next log return at origins start .. stop - 1."""
        volatility_N = np.sqrt(self._filter.variances(f.session_returns.r_T[:stop], start))
        count = stop - start
        return held(f, start, np.full(count, self.mu / PERCENT), volatility_N * self._t_scale, np.full(count, self.nu))

    def simulate(self, f: Features, origin: int, plan: PathPlan) -> Floats:
        """Log return from the origin's close to each step, [H, P], on simulated paths."""
        limits = Limits.at(f, origin)

        def draw(variance_P: Floats) -> Floats:
            scale_P = limits.scale(np.sqrt(variance_P) * self._t_scale)
            location = limits.location(np.array(self.mu / PERCENT))
            return location + scale_P * plan.generator.standard_t(self.nu, plan.paths)

        variance = float(self._filter.variances(f.session_returns.r_T[: origin + 1], origin)[0])
        return simulate_variance(variance, plan, limits, self._filter.step, draw)


@dataclass(frozen=True)
class GarchT(_StudentGarch):
    """h' = omega + alpha (r - mu)^2 + beta h (Bollerslev 1986, 1987), r in percent, with t(nu) innovations.

    The recursion starts from the smoothed variance of the first 75 sessions, as `arch` starts it.
    """

    mu: Percent
    omega: Variance
    alpha: Share
    beta: Share
    nu: Freedom

    @classmethod
    def fit(cls, f: Features, start: int, stop: int) -> Self:
        """Maximum likelihood over all returns up to the last target."""
        r_T = f.session_returns.r_T[: stop + 1]
        if not float(np.std(r_T)) > 0:
            raise DataError("GARCH-t could not be fitted: the price never moves in the training part")
        found = fit_garch(r_T, "GARCH-t", asymmetric=False, student=True)
        known = found.filter
        return cls(known.mu, known.omega, known.alpha, known.beta, found.nu)

    @property
    def persistence(self) -> Persistence:
        """Share of a variance that is left in the next one."""
        return self.alpha + self.beta

    @property
    def _filter(self) -> GarchFilter:
        return GarchFilter(self.mu, self.omega, self.alpha, 0.0, self.beta)


@dataclass(frozen=True)
class GjrGarchT(_StudentGarch):
    """h' = omega + (alpha + gamma [r < mu]) (r - mu)^2 + beta h (Glosten, Jagannathan and Runkle 1993), t(nu).

    r, mu and the root of h in percent. The innovations are Student-t of unit variance (Bollerslev 1987).
    """

    mu: Percent
    omega: Variance
    alpha: Share
    gamma: Asymmetry
    beta: Share
    nu: Freedom

    @classmethod
    def fit(cls, f: Features, start: int, stop: int) -> Self:
        """Maximum likelihood over all returns up to the last target.

        Raises DataError where returns do not vary or determine no parameters.
        """
        who = "GJR-GARCH-t"
        found = fit_garch(training_returns(f, stop, who), who, asymmetric=True, student=True)
        known = found.filter
        return cls(known.mu, known.omega, known.alpha, known.gamma, known.beta, found.nu)

    @property
    def persistence(self) -> Persistence:
        """Share of a variance that is left in the next one, falls being as frequent as rises."""
        return self.alpha + 0.5 * self.gamma + self.beta

    @property
    def _filter(self) -> GarchFilter:
        return GarchFilter(self.mu, self.omega, self.alpha, self.gamma, self.beta)


MOST_RESIDUALS = 500
"""Standardised residuals kept; of more, as many quantiles stand for them."""

_LEAST_SPREAD = 0.2
"""Least standard deviation of the shocks' centre; theirs is about one."""


@dataclass(frozen=True)
class FhsGarch:
    """mu + sqrt(h) z: GARCH(1,1) variance h, and z drawn from past residuals (Barone-Adesi et al. 1999).

    Barone-Adesi, Giannopoulos and Vosper, VaR without correlations for portfolios of derivative securities. mu, omega
    and the root of h in percent; shocks: the (r - mu) / sqrt(h) of the training part's targets, in ascending order.
    """

    mu: Percent
    omega: Variance
    alpha: Share
    beta: Share
    shocks: Annotated[tuple[Annotated[float, Within(-1e6, 1e6)], ...], Length(1, MOST_RESIDUALS)]

    @classmethod
    def fit(cls, f: Features, start: int, stop: int) -> Self:
        """GARCH by Gaussian quasi-likelihood over all returns up to the last target; shocks of the origins' targets.

        Raises DataError where returns do not vary or determine no parameters.
        """
        who = "FHS-GARCH"
        r_T = training_returns(f, stop, who)
        known = fit_garch(r_T, who, asymmetric=False, student=False).filter
        volatility_N = np.sqrt(known.variances(r_T[:stop], start))
        z_N = (PERCENT * r_T[start + 1 :] - known.mu) / volatility_N
        return cls(known.mu, known.omega, known.alpha, known.beta, tuple(_thinned(z_N).tolist()))

    def forecast(self, f: Features, start: int, stop: int) -> Empirical:
        volatility_N = np.sqrt(self._filter.variances(f.session_returns.r_T[:stop], start))
        m, origins = f.session_returns, slice(start, stop)
        volatility_N = np.clip(volatility_N, PERCENT * m.least_T[origins], PERCENT * m.most_T[origins])
        pace_N = PERCENT * m.pace_T[origins]
        values_NK = np.clip(self.mu, -pace_N, pace_N)[:, None] + volatility_N[:, None] * self._spread_shocks
        return Empirical(values_NK / PERCENT)

    def simulate(self, f: Features, origin: int, plan: PathPlan) -> Floats:
        z_K, limits = self._spread_shocks, Limits.at(f, origin)
        location = np.clip(self.mu, -PERCENT * limits.pace, PERCENT * limits.pace)

        def draw(variance_P: Floats) -> Floats:
            volatility_P = np.clip(np.sqrt(variance_P), PERCENT * limits.least, PERCENT * limits.most)
            drawn_P: Floats = (location + volatility_P * plan.generator.choice(z_K, plan.paths)) / PERCENT
            return drawn_P

        variance = float(self._filter.variances(f.session_returns.r_T[: origin + 1], origin)[0])
        return simulate_variance(variance, plan, limits, self._filter.step, draw)

    @property
    def _spread_shocks(self) -> Floats:
        """The shocks, which are not all alike even where hardly a session of the training part moved."""
        z_K: Floats = widened(np.array(self.shocks)[None], np.array([_LEAST_SPREAD]))[0]
        return z_K

    @property
    def persistence(self) -> Persistence:
        """Share of a variance that is left in the next one."""
        return self.alpha + self.beta

    @property
    def _filter(self) -> GarchFilter:
        return GarchFilter(self.mu, self.omega, self.alpha, 0.0, self.beta)


def _thinned(z_N: Floats) -> Floats:
    """At most MOST_RESIDUALS values of one weight, in ascending order, with the distribution of z.

    They are quantiles at the midpoints (k + 1/2) / K: quantiles up to the ends would give the one largest of
    thousands a weight of 1 / K, and the sample a spread that z does not have.
    """
    if len(z_N) <= MOST_RESIDUALS:
        return np.sort(z_N)
    levels_K = (np.arange(MOST_RESIDUALS) + 0.5) / MOST_RESIDUALS
    return np.asarray(np.quantile(z_N, levels_K, method="hazen"), dtype=np.float64)
