"""Distribution: the forecast of a log return, as a Student-t distribution or as a sample.

Row-stable: the bytes of a row do not depend on the rows beside it.

Legend: N rows, Q levels or points, K sample size, M rows with ties.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stockcast.errors import ConfigError, ModelError
from stockcast.models.student_t import log_peak, unit_cdf, unit_quantile
from stockcast.prices.history import Floats
from stockcast.windows.features import Features

STUDENT_T, EMPIRICAL = "student-t", "empirical"
"""Families, as files name them."""

_NU_CAP = 1e30  # above it, a Student-t equals the Gaussian to the last digit, and infinity would make inf / inf
_FAR = 1e100  # squares of anything farther out would overflow; the tail is zero long before
_SAME_VALUE_STEP = 1e-9


class Distribution(Protocol):
    """N predictive distributions of a log return, one per row."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: slice | NDArray[np.bool_] | NDArray[np.intp]) -> Distribution:
        """The chosen rows: a slice, a mask or positions."""

    def rows(self, start: int, stop: int) -> Distribution:
        """The rows start .. stop - 1."""

    @property
    def mean(self) -> Floats:
        """Expectation, shape (N,)."""

    @property
    def std(self) -> Floats:
        """Standard deviation, shape (N,)."""

    def cdf(self, x: ArrayLike) -> Floats:
        """Probability of a return of at most x, of shape (N,) or (N, Q); same shape."""

    def quantile(self, levels_Q: ArrayLike) -> Floats:
        """The returns that are not exceeded with the given probabilities, shape (N, Q)."""

    def log_density(self, x: ArrayLike) -> Floats | None:
        """Log density at x, of shape (N,) or (N, Q), in nats; None where there is no density."""


@dataclass(frozen=True, eq=False)
class StudentT:
    """Student-t distributions: loc + scale * t(nu). nu = inf is the Gaussian; the variance exists, since nu > 2.

    All three are of shape (N,); loc and scale in log return. Raises ModelError on a value that is no distribution.
    """

    loc: Floats
    scale: Floats
    nu: Floats

    def __post_init__(self) -> None:
        for name in ("loc", "scale", "nu"):
            values = np.ascontiguousarray(getattr(self, name), dtype=np.float64)
            object.__setattr__(self, name, values)
        if self.loc.ndim != 1 or not self.loc.shape == self.scale.shape == self.nu.shape:
            shapes = f"{self.loc.shape}, {self.scale.shape} and {self.nu.shape}"
            raise ModelError(f"loc, scale and nu have shapes {shapes}, not one (N,)")
        _require_rows("loc", self.loc, np.isfinite(self.loc))
        _require_rows("scale", self.scale, np.isfinite(self.scale) & (self.scale > 0))
        _require_rows("nu", self.nu, self.nu > 2)

    def __len__(self) -> int:
        return len(self.loc)

    def __getitem__(self, index: slice | NDArray[np.bool_] | NDArray[np.intp]) -> StudentT:
        return StudentT(self.loc[index], self.scale[index], self.nu[index])

    def rows(self, start: int, stop: int) -> StudentT:
        """The rows start .. stop - 1."""
        return self[start:stop]

    @property
    def mean(self) -> Floats:
        """Expectation: loc, shape (N,)."""
        return self.loc

    @property
    def std(self) -> Floats:
        """Standard deviation: scale * sqrt(nu / (nu - 2)), shape (N,)."""
        nu_N = np.minimum(self.nu, _NU_CAP)
        std_N: Floats = self.scale * np.sqrt(nu_N / (nu_N - 2.0))
        return std_N

    def cdf(self, x: ArrayLike) -> Floats:
        """Probability of a return of at most x, of shape (N,) or (N, Q); absolute error below 1e-12."""
        t_NQ, shape = self._standardised(x)
        return unit_cdf(t_NQ, np.minimum(self.nu, _NU_CAP)).reshape(shape)

    def quantile(self, levels_Q: ArrayLike) -> Floats:
        """Quantiles of shape (N, Q) at levels within 0 .. 1; relative error of t below 1e-12 for 0.001 .. 0.999.

        Raises ConfigError on a level outside.
        """
        levels = _checked_levels(levels_Q)
        t_NQ = unit_quantile(levels, np.minimum(self.nu, _NU_CAP))
        return self.loc[:, None] + self.scale[:, None] * t_NQ

    def log_density(self, x: ArrayLike) -> Floats:
        """Log density at x, of shape (N,) or (N, Q), in nats."""
        t_NQ, shape = self._standardised(x)
        nu_N1 = np.minimum(self.nu, _NU_CAP)[:, None]
        constant_N1 = log_peak(nu_N1) - np.log(self.scale)[:, None]
        density_NQ: Floats = constant_N1 - 0.5 * (nu_N1 + 1.0) * np.log1p(t_NQ * t_NQ / nu_N1)
        return density_NQ.reshape(shape)

    def _standardised(self, x: ArrayLike) -> tuple[Floats, tuple[int, ...]]:
        """(x - loc) / scale as (N, Q), and the shape to give back."""
        points = np.asarray(x, dtype=np.float64)
        if points.ndim not in (1, 2) or len(points) != len(self):
            raise ValueError(f"points of shape {points.shape} for {len(self)} distributions")
        x_NQ = np.ascontiguousarray(points).reshape(len(self), 1 if points.ndim == 1 else points.shape[1])
        t_NQ = (x_NQ - self.loc[:, None]) / self.scale[:, None]
        return np.clip(t_NQ, -_FAR, _FAR), points.shape


def held(f: Features, start: int, loc_N: Floats, scale_N: Floats, nu_N: Floats) -> StudentT:
    """Student-t distributions at the origins from `start` on; location and scale are held to what a price may do.

    Where a price stands still, a location from livelier times would leave the last close behind, and a scale from none
    would be none (`SessionReturns.pace_T`, `SessionReturns.least_T`). Elsewhere the distributions are as given.
    """
    m, rows = f.session_returns, slice(start, start + len(loc_N))
    loc_N = np.clip(loc_N, -m.pace_T[rows], m.pace_T[rows])
    return StudentT(loc_N, np.maximum(scale_N, m.least_T[rows]), nu_N)


def widened(values_NK: Floats, least_N: Floats) -> Floats:
    """Ascending samples, none with a narrower centre than a Gaussian of standard deviation `least_N`.

    A sample whose central nine tenths are closer together gets those of that Gaussian on top, rank by rank; any other
    is as it was.
    """
    last = values_NK.shape[1] - 1
    width_N = values_NK[:, math.ceil(0.95 * last)] - values_NK[:, math.floor(0.05 * last)]
    narrow_N = width_N < 2.0 * least_N
    if not narrow_N.any():
        return values_NK
    levels_K = (np.arange(last + 1) + 0.5) / (last + 1)
    unit_K = unit_quantile(levels_K, np.array([_NU_CAP]))[0]
    return np.where(narrow_N[:, None], values_NK + least_N[:, None] * unit_K, values_NK)


@dataclass(frozen=True, eq=False)
class Empirical:
    """The sample as the forecast: values_NK holds K returns per row, and is kept sorted.

    Quantiles interpolate linearly between order statistics (definition 7 of Hyndman and Fan 1996, NumPy's 'linear').
    A row with ties is spread by rank * 1e-9 of its range, so that quantiles strictly increase. Raises ModelError
    on values that are no sample.
    """

    values_NK: Floats

    def __post_init__(self) -> None:
        values_NK = np.array(self.values_NK, dtype=np.float64)
        if values_NK.ndim != 2 or values_NK.shape[1] < 2:
            raise ModelError(f"a sample of shape {values_NK.shape}, not (N, K) with K of at least 2")
        _require_rows("sample value", np.abs(values_NK).max(axis=1), np.asarray(np.isfinite(values_NK).all(axis=1)))
        values_NK.sort(axis=1)
        object.__setattr__(self, "values_NK", _without_ties(values_NK))

    def __len__(self) -> int:
        return len(self.values_NK)

    def __getitem__(self, index: slice | NDArray[np.bool_] | NDArray[np.intp]) -> Empirical:
        return Empirical(self.values_NK[index])

    def rows(self, start: int, stop: int) -> Empirical:
        """The rows start .. stop - 1."""
        return self[start:stop]

    @property
    def mean(self) -> Floats:
        """Sample mean, shape (N,)."""
        # Row by row: the order of summation of a two-dimensional reduction may depend on the number of rows.
        return np.array([np.mean(row) for row in self.values_NK], dtype=np.float64)

    @property
    def std(self) -> Floats:
        """Standard deviation of the sample as a distribution, with divisor K, shape (N,)."""
        return np.array([np.std(row) for row in self.values_NK], dtype=np.float64)

    def cdf(self, x: ArrayLike) -> Floats:
        """Inverse of `quantile` at x, of shape (N,) or (N, Q): 0 below the sample, 1 above it."""
        points = np.asarray(x, dtype=np.float64)
        if points.ndim not in (1, 2) or len(points) != len(self):
            raise ValueError(f"points of shape {points.shape} for {len(self)} distributions")
        rank_K = np.arange(self.values_NK.shape[1], dtype=np.float64)
        share = np.empty(points.shape)
        for i, row_K in enumerate(self.values_NK):
            share[i] = np.interp(points[i], row_K, rank_K) / rank_K[-1]
        return share

    def quantile(self, levels_Q: ArrayLike) -> Floats:
        """Quantiles of shape (N, Q) at levels within 0 .. 1. Raises ConfigError on a level outside."""
        levels = _checked_levels(levels_Q)
        position_Q = levels * (self.values_NK.shape[1] - 1)
        below_Q = np.floor(position_Q).astype(np.intp)
        weight_Q = position_Q - below_Q
        low_NQ = self.values_NK[:, below_Q]
        high_NQ = self.values_NK[:, np.minimum(below_Q + 1, self.values_NK.shape[1] - 1)]
        quantile_NQ: Floats = low_NQ + weight_Q * (high_NQ - low_NQ)
        return quantile_NQ

    def log_density(self, x: ArrayLike) -> None:  # noqa: ARG002 - the protocol's signature
        """A sample has no density."""
        return


def dist_array(dist: Distribution) -> tuple[str, Floats]:
    """Take distributions apart, as files keep them.

    Returns:
        Their family, and their parameters: loc, scale and nu, shape (3, N), or the values of samples, shape (N, K).

    Raises:
        TypeError: For another family.
    """
    if isinstance(dist, StudentT):
        return STUDENT_T, np.stack([dist.loc, dist.scale, dist.nu])
    if isinstance(dist, Empirical):
        return EMPIRICAL, dist.values_NK
    raise TypeError(f"{type(dist).__name__} is no family of distributions")


def dist_of(family: str, values: Floats) -> Distribution:
    """The distributions that `dist_array` took apart. Raises ModelError or TypeError where they are anything else."""
    return StudentT(*values) if family == STUDENT_T else Empirical(values)


def _require_rows(name: str, values_N: Floats, good_N: NDArray[np.bool_]) -> None:
    if not good_N.all():
        row = int(np.argmin(good_N))
        raise ModelError(f"a forecast has {name} {values_N[row]} at row {row}", "train the model again")


def _checked_levels(levels_Q: ArrayLike) -> Floats:
    levels = np.ascontiguousarray(levels_Q, dtype=np.float64)
    bad = levels[~((levels > 0) & (levels < 1))]
    if levels.ndim != 1 or bad.size:
        what = f"quantile level {bad[0]} is not" if bad.size else "quantile levels are not one list of numbers"
        raise ConfigError(f"{what} between 0 and 1", "give levels such as 0.05 and 0.95")
    return levels


def _without_ties(values_NK: Floats) -> Floats:
    """Sorted rows, made strictly increasing; a row without ties stays as it is, so doing it twice changes nothing."""
    largest_N = np.maximum(np.abs(values_NK[:, 0]), np.abs(values_NK[:, -1]))
    # Values that differ by a few units in the last place leave no room for quantiles between them: as good as tied.
    tied_N = (np.diff(values_NK, axis=1) <= 1e-13 * largest_N[:, None]).any(axis=1)
    if not tied_N.any():
        return values_NK
    tied_MK, largest_M = values_NK[tied_N], largest_N[tied_N]
    spread_M = tied_MK[:, -1] - tied_MK[:, 0]
    # At least 1e-12 of the values' size, ten times what counts as tied: a spread row stays as it is next time.
    step_M = np.where(spread_M > 0, np.maximum(spread_M, 1e-3 * largest_M), np.maximum(1.0, largest_M))
    rank_K = np.arange(values_NK.shape[1], dtype=np.float64)
    values_NK[tied_N] = tied_MK + _SAME_VALUE_STEP * step_M[:, None] * rank_K
    return values_NK
