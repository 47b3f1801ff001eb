"""GARCH filter: the variance recursion of GARCH and GJR-GARCH in NumPy, and its likelihood with exact slopes.

Returns enter as log returns; mu, omega and variances are in percent and squared percent. The likelihood is that of
the `arch` package, which differentiates numerically and so ends elsewhere on every processor.

Shapes: T returns, N of them that count, P parameters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stockcast.models.likelihood import (
    NU_LEAST,
    NU_MOST,
    Regressors,
    fit_student,
    maximum,
    spread_of,
    student_loss,
    trading,
)
from stockcast.prices.history import Floats

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
