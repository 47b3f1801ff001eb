"""Student-t: distribution function and quantile of the unit distribution, in NumPy alone.

Every function here is row-stable: the bytes of a row do not depend on the rows beside it. So there are elementwise
operations and fixed iteration counts only, no sum across rows, and arrays are contiguous before exp and log (NumPy's
vector and scalar versions of those may differ in the last bit).

Legend: N rows, Q levels or points, K terms of the continued fraction. nu is finite and above 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stockcast.prices.history import Floats

LARGE_NU = 100.0
"""From here on Hill's normalising expansions are exact to 3e-14, below it the continued fraction is."""

_HALF_STEPS = 50  # of the continued fraction: truncation below 1e-13 for every nu below LARGE_NU
_HALLEY_STEPS = 2  # from Hill's start (relative error 1e-3 at worst) each step cubes the error
_GAMMA_SHIFT = 16
_BLOCK = 4096  # elements whose coefficients (50 each) stay in the processor's cache
_LOG_SQRT_2PI = 0.5 * math.log(2.0 * math.pi)


def unit_cdf(t_NQ: Floats, nu_N: Floats) -> Floats:
    """P(t(nu) <= t) by the method that suits each row's nu."""
    small_N = nu_N < LARGE_NU
    share_NQ = np.empty_like(t_NQ)
    if small_N.any():
        t = t_NQ[small_N]
        tail, area, _ = _Fraction.of(nu_N[small_N]).area(np.abs(t))
        lower = np.where(tail, area, 0.5 - area)
        share_NQ[small_N] = np.where(t > 0, np.where(tail, 1.0 - area, 0.5 + area), lower)
    if not small_N.all():
        z = _normal_equivalent(t_NQ[~small_N], nu_N[~small_N])
        # math.erfc one by one: NumPy has no error function, and SciPy costs more to import than this loop.
        tail_area = [0.5 * math.erfc(-value) for value in (z * math.sqrt(0.5)).ravel().tolist()]
        share_NQ[~small_N] = np.array(tail_area).reshape(z.shape)
    return share_NQ


def unit_quantile(levels_Q: Floats, nu_N: Floats) -> Floats:
    """t(nu) at the levels: Hill's start, then Halley's method on the rows where the start is not yet exact."""
    if len(nu_N) > 1 and (nu_N == nu_N[0]).all():  # a baseline's rows differ in scale alone
        return np.repeat(unit_quantile(levels_Q, nu_N[:1]), len(nu_N), axis=0)
    tail_Q = np.minimum(levels_Q, 1.0 - levels_Q)
    u_NQ = _hill_quantile(tail_Q, nu_N)
    small_N = nu_N < LARGE_NU
    if small_N.any():
        u_NQ[small_N] = _polished(u_NQ[small_N], tail_Q, nu_N[small_N])
    t_NQ: Floats = u_NQ * np.sign(levels_Q - 0.5)
    return t_NQ


def log_peak(nu: Floats) -> Floats:
    """Log density of the unit Student-t distribution at its centre."""
    return log_gamma_ratio(0.5 * nu) - _LOG_SQRT_2PI


def log_gamma_ratio(z: Floats) -> Floats:
    """ln(gamma(z + 1/2) / gamma(z)) - ln(z) / 2 for z > 0, elementwise, to 1e-15.

    Raised to z + 16 by the recurrence gamma(z + 1) = z gamma(z), then Stirling's series (Tricomi and Erdelyi 1951);
    the difference of two log gammas would lose digits as z grows.
    """
    product = np.ones_like(z)
    for k in range(_GAMMA_SHIFT):
        product = product * ((z + k) / (z + (k + 0.5)))
    w = z + _GAMMA_SHIFT
    u = 1.0 / w
    u2 = u * u
    series = u * (-1 / 8 + u2 * (1 / 192 + u2 * (-1 / 640 + u2 * (17 / 14336 - u2 * (31 / 18432)))))
    ratio: Floats = np.log(np.ascontiguousarray(product * np.sqrt(w / z))) + series
    return ratio


@dataclass(frozen=True)
class _Fraction:
    """What the continued fraction needs of nu alone: computed once, used at every Halley step."""

    nu_N1: Floats
    log_peak_N1: Floats
    tail_KN1: Floats
    centre_KN1: Floats

    @classmethod
    def of(cls, nu_N: Floats) -> _Fraction:
        nu_N1 = np.ascontiguousarray(nu_N)[:, None]
        half = 0.5 * nu_N1[None]
        return cls(nu_N1, log_peak(nu_N1), _coefficients(half, 0.5), _coefficients(np.full_like(half, 0.5), half))

    def area(self, u_NQ: Floats) -> tuple[NDArray[np.bool_], Floats, Floats]:
        """Whether |t| = u lies in the tail; P(t > u) there, else P(0 < t < u); and the density at u.

        With f the density, the two areas are f u / nu I(x) and f u I(1 - x): x = nu / (nu + u^2), and I the continued
        fraction of the incomplete beta function (Abramowitz and Stegun 26.5.8). It is used on the side where it
        converges fast, and from its last term back: one division a step, where Lentz's method takes two.
        """
        square_NQ = u_NQ * u_NQ
        tail_NQ = square_NQ * (self.nu_N1 + 2.0) > 3.0 * self.nu_N1
        argument_NQ = np.where(tail_NQ, self.nu_N1, square_NQ) / (self.nu_N1 + square_NQ)
        fraction_NQ = self._fraction(tail_NQ, argument_NQ)
        exponent_NQ = self.log_peak_N1 - 0.5 * (self.nu_N1 + 1.0) * np.log1p(square_NQ / self.nu_N1)
        density_NQ: Floats = np.exp(exponent_NQ)
        area_NQ = density_NQ * u_NQ / np.where(tail_NQ, self.nu_N1, 1.0) / fraction_NQ
        return tail_NQ, area_NQ, density_NQ

    def _fraction(self, tail_NQ: NDArray[np.bool_], argument_NQ: Floats) -> Floats:
        """1 + d_1 x / (1 + d_2 x / (1 + ...)), a block of rows at a time."""
        fraction_NQ = np.ones_like(argument_NQ)
        step = max(1, _BLOCK // max(1, argument_NQ.shape[1]))
        for start in range(0, len(argument_NQ), step):
            rows = slice(start, start + step)
            term_KNQ = np.where(tail_NQ[rows], self.tail_KN1[:, rows], self.centre_KN1[:, rows])
            term_KNQ *= argument_NQ[rows]
            fraction = fraction_NQ[rows]
            for term in term_KNQ[::-1]:
                np.divide(term, fraction, out=fraction)
                fraction += 1.0
        return fraction_NQ


def _coefficients(a: Floats, b: Floats | float) -> Floats:
    """d_1 .. d_K of the fraction 1 + d_1 x / (1 + d_2 x / (1 + ...)), shape (K, N, 1)."""
    m = np.arange(_HALF_STEPS // 2, dtype=np.float64)[:, None, None]
    odd = -(a + m) * (a + b + m) / ((a + 2 * m) * (a + 2 * m + 1))
    m = m + 1
    even = m * (b - m) / ((a + 2 * m - 1) * (a + 2 * m))
    both = np.empty((_HALF_STEPS, *odd.shape[1:]))
    both[0::2] = odd
    both[1::2] = even
    return both


def _normal_equivalent(t_NQ: Floats, nu_N: Floats) -> Floats:
    """The Gaussian z with the same probability as t, for nu of at least LARGE_NU (Hill 1970, Algorithm 395)."""
    nu_N1 = nu_N[:, None]
    a = nu_N1 - 0.5
    b = 48.0 * a * a
    y = np.sqrt(a * np.log1p(t_NQ * t_NQ / nu_N1))
    y2 = y * y
    second = (((4.0 * y2 + 33.0) * y2 + 240.0) * y2 + 855.0) / (10.0 * b)
    z_NQ: Floats = np.copysign(y * (1.0 + (y2 + 3.0 - second) / b), t_NQ)
    # Far out the series turns; by then the tail is below anything a float can add to one half.
    return np.where(y < 12.0, z_NQ, np.copysign(y, t_NQ))


def _polished(u_NQ: Floats, tail_Q: Floats, nu_N: Floats) -> Floats:
    """Refine u until P(t > u) = tail, by Halley's method: third order, since the density's derivative is known."""
    fraction = _Fraction.of(nu_N)
    nu_N1 = fraction.nu_N1
    for _ in range(_HALLEY_STEPS):
        in_tail_NQ, area_NQ, density_NQ = fraction.area(u_NQ)
        excess_NQ = np.where(in_tail_NQ, tail_Q - area_NQ, area_NQ - (0.5 - tail_Q)) / density_NQ
        slope_NQ = -(nu_N1 + 1.0) * u_NQ / (nu_N1 + u_NQ * u_NQ)
        u_NQ = u_NQ - excess_NQ / (1.0 - 0.5 * excess_NQ * slope_NQ)
    return u_NQ


def _hill_quantile(tail_Q: Floats, nu_N: Floats) -> Floats:
    """The u > 0 with P(t(nu) > u) = tail, to 1e-3 at nu = 2.05, 1e-12 from nu = 100 on (Hill 1970, Algorithm 396)."""
    n = nu_N[:, None]
    a = 1.0 / (n - 0.5)
    b = 48.0 / (a * a)
    c = ((20700.0 * a / b - 98.0) * a - 16.0) * a + 96.36
    d = ((94.5 / (b + c) - 3.0) / b + 1.0) * np.sqrt(a * (0.5 * math.pi)) * n
    y_NQ = np.exp(np.log(d * (2.0 * tail_Q)) * (2.0 / n))
    x_Q = _normal_quantile(tail_Q)
    # Both branches are computed everywhere and one is chosen; the other may overflow.
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        far_NQ = (
            (1.0 / (((n + 6.0) / (n * y_NQ) - 0.089 * d - 0.822) * (n + 2.0) * 3.0) + 0.5 / (n + 4.0)) * y_NQ - 1.0
        ) * (n + 1.0) / (n + 2.0) + 1.0 / y_NQ
        near_NQ = np.expm1(_hill_centre(x_Q, n, b, c, d) ** 2 * a)
        square_NQ = np.where(y_NQ > 0.05 + a, near_NQ, far_NQ)
    return np.sqrt(n * square_NQ)


def _hill_centre(x_Q: Floats, n: Floats, b: Floats, c: Floats, d: Floats) -> Floats:
    """Hill's expansion about the Gaussian quantile x <= 0; the names are those of the paper."""
    c = np.where(n < 5.0, c + 0.3 * (n - 4.5) * (x_Q + 0.6), c)
    c = (((0.05 * d * x_Q - 5.0) * x_Q - 7.0) * x_Q - 2.0) * x_Q + b + c
    y_Q = x_Q * x_Q
    centre: Floats = (((((0.4 * y_Q + 6.3) * y_Q + 36.0) * y_Q + 94.5) / c - y_Q - 3.0) / b + 1.0) * x_Q
    return centre


def _normal_quantile(tail_Q: Floats) -> Floats:
    """The x <= 0 with P(Z <= x) = tail: Abramowitz and Stegun 26.2.23 (4.5e-4), then Halley's method."""
    return np.array([-_normal_upper(tail) for tail in tail_Q.tolist()], dtype=np.float64)


def _normal_upper(tail: float) -> float:
    if tail >= 0.5:
        return 0.0
    s = math.sqrt(-2.0 * math.log(tail))
    x = s - ((0.010328 * s + 0.802853) * s + 2.515517) / (((0.001308 * s + 0.189269) * s + 1.432788) * s + 1.0)
    for _ in range(_HALLEY_STEPS):
        # Near the centre the area from zero keeps the digits, in the tail the tail does.
        w = x * math.sqrt(0.5)
        excess = 0.5 * math.erf(w) - (0.5 - tail) if x < 1.0 else tail - 0.5 * math.erfc(w)
        excess *= math.exp(0.5 * x * x + _LOG_SQRT_2PI)
        x -= excess / (1.0 + 0.5 * excess * x)
    return x
