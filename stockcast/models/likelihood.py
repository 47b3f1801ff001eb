"""Maximum likelihood: one way for every parametric forecaster to be fitted, and to be believed only at a maximum.

A fit gives a loss with its gradient, starting points and bounds. The best of several descents is polished by Newton's
method until its gradient vanishes, so that it depends neither on the starting points nor on how a processor rounds.

What a fitted number may be is said once, in the annotation of the field that holds it. A fit keeps these ranges by
itself; they are for parameters that come back from a file, which anything may have written: whatever lies inside gives
a distribution that is finite, whatever lies outside was never fitted to prices.

Shapes: N targets, P parameters, J regressors of the location, K of the log scale.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence, Sized
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from stockcast.errors import DataError
from stockcast.prices.history import Floats
from stockcast.windows.features import Features

ROUNDING = 1e-6
"""How far an optimiser may step over its own bound."""


@dataclass(frozen=True)
class Within:
    """Numbers from low to high, both included; `above`: low itself is not."""

    low: float
    high: float
    above: bool = False

    def problem(self, value: float) -> str:
        """What is wrong with a finite number; empty where nothing is."""
        if self.low <= value <= self.high and not (self.above and value == self.low):
            return ""
        return f"is {value:.6g}, which is not {'above' if self.above else 'within'} {self.low:g} .. {self.high:g}"


@dataclass(frozen=True)
class Length:
    """Lists of so many members."""

    least: int
    most: int

    def problem(self, value: Sized) -> str:
        """What is wrong with a list; empty where nothing is."""
        if self.least <= len(value) <= self.most:
            return ""
        wanted = f"{self.least}" if self.least == self.most else f"{self.least} .. {self.most}"
        return f"has {len(value)} members, not {wanted}"


LogReturn = Annotated[float, Within(-1.0, 1.0)]
"""A location: what the price does in a usual session, in log return."""
Percent = Annotated[float, Within(-100.0, 100.0)]
"""The same in percent."""
Variance = Annotated[float, Within(0.0, 1e4, above=True)]
"""Of percent returns: at most that of a price that doubles or halves in every session."""
Share = Annotated[float, Within(-ROUNDING, 1.0 + ROUNDING)]
"""What a variance keeps of news, or of itself."""
Asymmetry = Annotated[float, Within(-1.0 - ROUNDING, 2.0 + ROUNDING)]
"""What it keeps of the news of a fall beside that of every move: no less than the negative of it."""
Persistence = Annotated[float, Within(-ROUNDING, 1.001)]
"""What a variance keeps of itself from session to session: stationary, but for the rounding of the optimiser."""
Freedom = Annotated[float, Within(2.0, 5000.0, above=True)]
"""Degrees of freedom for which there is a variance."""
Decay = Annotated[float, Within(0.5, 0.9999)]
"""Of exponential smoothing."""


NU_FLOOR, NU_LEAST, NU_MOST = 2.05, 2.0525, 2000.0
"""Degrees of freedom stay above the first, so that the variance exists; a fit looks between the other two."""

LONGEST_PAUSE = 4
"""Sessions in a row without a move that still tell something about the scale; longer pauses are halts."""

Loss = Callable[[Floats], tuple[float, Floats]]
"""Mean negative log likelihood, in nats, and its gradient [P]."""

_FLAT = 1e-6  # nats for a unit of any parameter: all are scaled so that a unit matters
_SHARP, _NEWTON_STEPS, _DIFFERENCE = 1e-11, 30, 1e-5
_ON_BOUND = 1e-9
_LOWEST_LN_SCALE, _HIGHEST_LN_SCALE = -30.0, 10.0  # far outside anything that a price does


@dataclass(frozen=True)
class Maximum:
    """Where a likelihood is highest.

    x_P: the parameters. loss: mean negative log likelihood there, in nats. bound_P: which parameters end on a bound.
    """

    x_P: Floats
    loss: float
    bound_P: NDArray[np.bool_]


def maximum(loss: Loss, starts: Sequence[Sequence[Floats]], bounds_P2: Floats, who: str) -> Maximum:
    """The best maximum within the bounds that descents lead to, one from the best starting point of each group.

    Args:
        loss: Mean negative log likelihood in nats, and its gradient [P].
        starts: Groups of starting points, each [P].
        bounds_P2: Least and greatest value of each parameter, [P, 2].
        who: Whose parameters they are, for the message.

    Returns:
        The parameters, their loss, and which of them end on a bound.

    Raises:
        DataError: None of the descents ends at a point from which no direction leads up.
    """
    found = []
    for group in starts:
        points = [np.clip(start, bounds_P2[:, 0], bounds_P2[:, 1]) for start in group]
        losses = [loss(point)[0] for point in points]
        best = int(np.argmin(np.where(np.isfinite(losses), losses, np.inf)))
        if math.isfinite(losses[best]):
            found.append(_descent(loss, points[best], bounds_P2))
    for near_P in sorted(found, key=lambda x_P: loss(x_P)[0]):
        x_P, value, gradient_P = _polished(loss, near_P, bounds_P2)
        if math.isfinite(value) and np.abs(_free(gradient_P, x_P, bounds_P2)).max() <= _FLAT:
            return Maximum(x_P, value, _bound(x_P, bounds_P2))
    raise DataError(
        f"{who} could not be fitted to the training part: its likelihood has no maximum",
        "check the prices for errors, use a longer history, or forecast with --model general",
    )


def _descent(loss: Loss, start_P: Floats, bounds_P2: Floats) -> Floats:
    """A point near a minimum of the loss, by L-BFGS-B."""
    from scipy.optimize import minimize

    options = {"maxiter": 1000, "maxfun": 5000, "ftol": 1e-10, "gtol": 1e-6}
    found = minimize(loss, start_P, jac=True, method="L-BFGS-B", bounds=bounds_P2, options=options)
    x_P: Floats = np.clip(found.x, bounds_P2[:, 0], bounds_P2[:, 1])
    return x_P


def _polished(loss: Loss, x_P: Floats, bounds_P2: Floats) -> tuple[Floats, float, Floats]:
    """The minimum itself by Newton's method, as sharp as the arithmetic allows: the point, its loss and gradient."""
    value, gradient_P = loss(x_P)
    for _ in range(_NEWTON_STEPS):
        if np.abs(_free(gradient_P, x_P, bounds_P2)).max() < _SHARP:
            break
        step_P = _newton_step(loss, x_P, gradient_P, bounds_P2)
        for shortened in (1.0, 0.25, 0.05):
            after_P = np.clip(x_P + shortened * step_P, bounds_P2[:, 0], bounds_P2[:, 1])
            next_value, next_gradient_P = loss(after_P)
            if next_value < value or _flatter(next_gradient_P, after_P, gradient_P, x_P, bounds_P2, next_value - value):
                break
        else:
            break
        x_P, value, gradient_P = after_P, next_value, next_gradient_P
    return x_P, value, gradient_P


def _flatter(
    new_P: Floats, at_P: Floats, old_P: Floats, before_P: Floats, bounds_P2: Floats, rise: float
) -> bool:  # fmt: skip
    """Whether a step lowers the gradient where the loss itself no longer tells two points apart."""
    new, old = (float(np.abs(_free(*pair, bounds_P2)).max()) for pair in ((new_P, at_P), (old_P, before_P)))
    return rise < 1e-13 and new < 0.5 * old


def _newton_step(loss: Loss, x_P: Floats, gradient_P: Floats, bounds_P2: Floats) -> Floats:
    """Newton's step in the parameters that are free to move; directions without curvature are left alone."""
    free = np.flatnonzero(_free(gradient_P, x_P, bounds_P2) != 0)
    hessian_FF = np.empty((len(free), len(free)))
    for row, k in enumerate(free):
        low_P, high_P = x_P.copy(), x_P.copy()
        low_P[k] = max(x_P[k] - _DIFFERENCE, bounds_P2[k, 0])
        high_P[k] = min(x_P[k] + _DIFFERENCE, bounds_P2[k, 1])
        hessian_FF[row] = (loss(high_P)[1][free] - loss(low_P)[1][free]) / (high_P[k] - low_P[k])
    curvature_F, axes_FF = np.linalg.eigh((hessian_FF + hessian_FF.T) / 2)
    along_F = axes_FF.T @ gradient_P[free]
    curvature_F = np.maximum(np.abs(curvature_F), 1e-9 * max(1.0, float(np.abs(curvature_F).max())))
    step_P = np.zeros_like(x_P)
    step_P[free] = -axes_FF @ (along_F / curvature_F)
    return step_P


def _free(gradient_P: Floats, x_P: Floats, bounds_P2: Floats) -> Floats:
    """The gradient without what only a bound holds back."""
    low_P, high_P = x_P <= bounds_P2[:, 0], x_P >= bounds_P2[:, 1]
    held_P = (low_P & (gradient_P > 0)) | (high_P & (gradient_P < 0))
    return np.where(held_P, 0.0, gradient_P)


def _bound(x_P: Floats, bounds_P2: Floats) -> NDArray[np.bool_]:
    room = _ON_BOUND * np.maximum(1.0, np.abs(bounds_P2))
    on: NDArray[np.bool_] = (x_P <= bounds_P2[:, 0] + room[:, 0]) | (x_P >= bounds_P2[:, 1] - room[:, 1])
    return on


def trading(r_T: Floats) -> NDArray[np.bool_]:
    """The sessions whose returns tell something about a scale: all but those of a halt, shape (T,).

    A price that does not move for five sessions or more is not traded. To a likelihood of continuous returns each
    such session is infinitely unlikely under any scale but zero, and sixty of them outweigh twenty years.
    """
    still_T = np.concatenate(([0], (r_T == 0).astype(np.int8), [0]))
    begins, ends = np.flatnonzero(np.diff(still_T) == 1), np.flatnonzero(np.diff(still_T) == -1)
    moving_T = np.ones(len(r_T), dtype=bool)
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        if end - begin > LONGEST_PAUSE:
            moving_T[begin:end] = False
    return moving_T


def student_loss(e_N: Floats, ln_s_N: Floats, nu: float) -> tuple[float, Floats, Floats, float]:
    """Mean negative log density of errors e under scale exp(ln_s) and nu degrees of freedom, with its slopes.

    Args:
        e_N: Errors.
        ln_s_N: Logs of the scales, in the unit of the errors.
        nu: Degrees of freedom.

    Returns:
        The loss in nats, N times its derivatives in e [N] and ln_s [N], and its derivative in 1 / nu.
    """
    from scipy.special import digamma, gammaln

    # A trial step far off would overflow. Two ufuncs and sums rather than clip and mean, whose wrappers cost more than
    # the arithmetic of a short series.
    ln_s_N = np.minimum(np.maximum(ln_s_N, _LOWEST_LN_SCALE), _HIGHEST_LN_SCALE)
    count, s_N = len(e_N), np.exp(ln_s_N)
    u_N = e_N / s_N
    q_N = u_N * u_N / nu
    centre_N = 1.0 / (1.0 + q_N)
    tail = float(np.log1p(q_N).sum()) / count
    outside = 1.0 - float(centre_N.sum()) / count  # mean of q / (1 + q)
    constant = gammaln(nu / 2) - gammaln((nu + 1) / 2) + 0.5 * math.log(nu * math.pi)
    loss = float(constant) + float(ln_s_N.sum()) / count + (nu + 1) / 2 * tail
    d_nu = 0.5 * (digamma(nu / 2) - digamma((nu + 1) / 2) + 1 / nu + tail - (nu + 1) / nu * outside)
    d_e_N = (nu + 1) / nu * u_N * centre_N / s_N
    return loss, d_e_N, (nu + 1) * centre_N - nu, float(-(nu**2) * d_nu)


def student_losses(e_N: Floats, ln_s_N: Floats, nu_N: Floats) -> tuple[Floats, Floats]:
    """Negative log density of each error, but for what only nu decides, and its derivative in ln s, in nats, [N] each.

    Args:
        e_N: Errors.
        ln_s_N: Logs of the scales, in the unit of the errors.
        nu_N: Degrees of freedom.
    """
    ln_s_N = np.clip(ln_s_N, _LOWEST_LN_SCALE, _HIGHEST_LN_SCALE)
    q_N = (e_N / np.exp(ln_s_N)) ** 2 / nu_N
    return ln_s_N + 0.5 * (nu_N + 1.0) * np.log1p(q_N), 1.0 - (nu_N + 1.0) * q_N / (1.0 + q_N)


@dataclass(frozen=True)
class StudentRegression:
    """y = centre + spread * location_J . x_J + exp(offset + scale_K . z_K) t(nu): what `fit_student` finds.

    spread: standard deviation of y. loss: mean negative log likelihood in nats, of y as given. on_bound: names of
    parameters that end on a bound.
    """

    centre: float
    spread: float
    location_J: Floats
    scale_K: Floats
    nu: float
    loss: float
    on_bound: tuple[str, ...]

    @property
    def mean(self) -> float:
        """Location where the first regressor is 1 and the others, if any, are 0; in the unit of y."""
        return self.centre + self.spread * float(self.location_J[0])


@dataclass(frozen=True)
class Regressors:
    """What location and log scale of N targets are linear in.

    centre: what the location is counted from. x_NJ: of the location: 1 for a mean, returns about the centre in units
    of the targets' spread. bounds_J2: of their coefficients. z_NK: of the log scale; the first is the constant.
    offset_N: a part of the log scale that is known.
    """

    centre: float
    x_NJ: Floats
    bounds_J2: Floats
    z_NK: Floats
    offset_N: Floats

    @classmethod
    def of_mean(cls, y_N: Floats, z_NK: Floats | None = None, offset_N: Floats | None = None) -> Regressors:
        """A mean within the targets, and by default a constant scale."""
        ones_N = np.ones((len(y_N), 1))
        centre = float(np.mean(y_N))
        within_12 = (np.array([[y_N.min(), y_N.max()]]) - centre) / spread_of(y_N)
        offset_N = np.zeros(len(y_N)) if offset_N is None else offset_N
        return cls(centre, ones_N, within_12, ones_N if z_NK is None else z_NK, offset_N)

    @classmethod
    def without_mean(cls, y_N: Floats) -> Regressors:
        """A location of zero and a constant scale."""
        return cls(0.0, np.empty((len(y_N), 0)), np.empty((0, 2)), np.ones((len(y_N), 1)), np.zeros(len(y_N)))

    def with_lag(self, lag_N: Floats, y_N: Floats, most: float) -> Regressors:
        """With an earlier return in the location, whose coefficient is within -most .. most."""
        x_N1 = ((lag_N - self.centre) / spread_of(y_N))[:, None]
        return replace(self, x_NJ=np.hstack([self.x_NJ, x_N1]), bounds_J2=np.vstack([self.bounds_J2, [[-most, most]]]))


_CONSTANT_BOUND, _SLOPE_BOUND = 60.0, 5.0  # of the log scale's coefficients


def fit_student(y_N: Floats, regressors: Regressors, starts: Sequence[Floats], who: str) -> StudentRegression:
    """Student-t regression by maximum likelihood; halts (see `trading`) are the caller's to leave out.

    Args:
        y_N: Targets, in log return.
        regressors: What location and log scale are linear in.
        starts: Slopes [K - 1] of the log scale to begin with; each gets the constant that suits the targets' spread.
        who: Whose parameters they are, for the message.

    Returns:
        Coefficients, degrees of freedom and the loss in nats.

    Raises:
        DataError: The targets do not vary, or the likelihood has no maximum.
    """
    x_NJ, z_NK, offset_N = regressors.x_NJ, regressors.z_NK, regressors.offset_N
    spread = spread_of(y_N)
    columns, slopes = x_NJ.shape[1], z_NK.shape[1] - 1
    # Targets in units of their spread and regressors of the scale about their means: a unit of each parameter matters.
    target_N = (y_N - regressors.centre) / spread
    centre_K = np.concatenate(([0.0], z_NK[:, 1:].mean(axis=0)))
    z_NK, offset_N = z_NK - centre_K, offset_N - math.log(spread)

    def loss(x_P: Floats) -> tuple[float, Floats]:
        location_J, scale_K = x_P[:columns], x_P[columns:-1]
        value, d_e_N, d_ln_s_N, d_theta = student_loss(
            target_N - x_NJ @ location_J, offset_N + z_NK @ scale_K, 1.0 / x_P[-1]
        )
        return value, np.concatenate([-d_e_N @ x_NJ, d_ln_s_N @ z_NK, [d_theta * len(y_N)]]) / len(y_N)

    bounds_P2 = np.concatenate(
        [
            regressors.bounds_J2,
            [[-_CONSTANT_BOUND, _CONSTANT_BOUND]],
            np.tile([-_SLOPE_BOUND, _SLOPE_BOUND], (slopes, 1)),
            [[1 / NU_MOST, 1 / NU_LEAST]],
        ]
    )
    ln_size_N = np.log(np.maximum(np.abs(target_N), 1e-3))
    points = []
    for slope in [np.zeros(slopes), *starts]:
        constant = float(np.mean(ln_size_N - offset_N - z_NK[:, 1:] @ slope))
        points.append(np.concatenate([np.zeros(columns), [constant], slope, [0.2]]))
    found = maximum(loss, [points[:1], points[1:]] if starts else [points], bounds_P2, who)
    scale_K = found.x_P[columns:-1].copy()
    scale_K[0] -= float(scale_K[1:] @ centre_K[1:])
    names = [*(f"location {j}" for j in range(columns)), *(f"scale {k}" for k in range(slopes + 1)), "nu"]
    on_bound = tuple(name for name, on in zip(names, found.bound_P, strict=True) if on)
    nu, nats = float(1 / found.x_P[-1]), found.loss + math.log(spread)
    return StudentRegression(regressors.centre, spread, found.x_P[:columns].copy(), scale_K, nu, nats, on_bound)


def spread_of(y_N: Floats) -> float:
    """Standard deviation of the targets. Raises DataError where it is zero."""
    spread = float(np.std(y_N)) if len(y_N) else 0.0
    if not spread > 0:
        raise DataError("the price never moves in the training part", "check the close column of the file")
    return spread


_SAME = 1e-9  # of the largest return: rounded prices that grow by one rate have returns that differ in the last digits


def training_returns(f: Features, stop: int, who: str) -> Floats:
    """Log returns of sessions 0 .. stop, the last of which is the last target; shape (T,).

    Args:
        f: Columns of the history.
        stop: Row of the last target.
        who: Whose fit it is, for the message.

    Returns:
        The returns.

    Raises:
        DataError: All returns are one value: they have no spread to be fitted to.
    """
    r_T = f.session_returns.r_T[: stop + 1]
    if not float(np.ptp(r_T)) > _SAME * float(np.max(np.abs(r_T))):
        raise DataError(
            f"{who} could not be fitted: every return up to {f.session_returns.dates[stop]} is {r_T[-1]:.6g}",
            "check the close column of the file",
        )
    return r_T
