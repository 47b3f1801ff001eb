"""Skill over time: how far one competitor was ahead of another, window by window, and how sure that is.

Legend: N forecasts, in order of time; P points of the path.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stockcast.evaluation.significance import NO_SCORE, finite, newey_west_variance
from stockcast.prices.history import Floats


@dataclass(frozen=True)
class Skill:
    """1 - mean loss / mean loss of the baseline, a share, over n rows, with both ends of its confidence interval."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, eq=False)
class SkillPath:
    """A skill for each of some rows, over the window that ends there. Arrays [P]; rows: which ones, ascending.

    low, high: pointwise confidence bounds, shares like the skills.
    """

    rows_P: NDArray[np.intp]
    skill_P: Floats
    low_P: Floats
    high_P: Floats


def skill(loss_N: ArrayLike, baseline_N: ArrayLike, lags: int = 10, confidence: float = 0.9) -> Skill:
    """Skill over all rows, S = 1 - R with R = mean(loss) / mean(baseline), and its confidence interval.

    The interval is S -+ z sqrt(V): by the delta method R differs from its limit by the mean of
    e_t = (loss_t - R baseline_t) / mean(baseline), and V is the Newey-West variance of that mean at `lags` lags. It is
    that of the mean difference loss - baseline, in units of the baseline's mean, but for the uncertainty of the
    baseline's own mean, which e_t has too.

    Args:
        loss_N: Losses, shape (N,), in order of time.
        baseline_N: The baseline's losses of the same forecasts, shape (N,).
        lags: Of V, 0 or more.
        confidence: Of the interval, between 0 and 1; z is the standard normal quantile at (1 + confidence) / 2. With
            0.9 a lower bound above zero is what a one-sided test at 5 % calls better.

    Returns:
        The skill: higher is better, 0 is as good as the baseline. NaN: no rows, or a baseline whose mean loss is not
        above zero.

    Raises:
        DataError: A loss is not finite.
        ValueError: The lengths differ, the lags are negative, or the confidence is out of its range.

    References: Newey and West 1987; Oehlert 1992, A note on the delta method.
    """
    loss, baseline = _checked(loss_N, baseline_N, confidence)
    n = len(loss)
    level = float(np.mean(baseline)) if n else math.nan
    if not level > 0.0:
        return Skill(math.nan, math.nan, math.nan, n)
    ratio = float(np.mean(loss)) / level
    variance = newey_west_variance((loss - ratio * baseline) / level, lags)
    margin = NormalDist().inv_cdf(0.5 * (1.0 + confidence)) * math.sqrt(variance)
    return Skill(1.0 - ratio, 1.0 - ratio - margin, 1.0 - ratio + margin, n)


def skill_path(
    loss_N: ArrayLike, baseline_N: ArrayLike, window: int | None = 250, first: int = 60, every: int = 1, lags: int = 10,
    confidence: float = 0.9,
) -> SkillPath:  # fmt: skip
    """`skill` over the `window` rows up to each row, from the first row that has so many.

    The bounds are of one point at a time: a whole path stays within them less often than `confidence` says, and points
    of one window share its rows.

    Args:
        loss_N: Losses, shape (N,), in order of time.
        baseline_N: The baseline's losses of the same forecasts, shape (N,).
        window: Rows of each point; None: all rows up to it, from the row that has `first` of them.
        first: Rows of the first point, where there is no window.
        every: Only each so-manieth row is computed, counted backwards from the newest one, which is always there.
        lags: As in `skill`.
        confidence: As in `skill`.

    Returns:
        The path, empty where there are too few rows.

    Raises:
        DataError: A loss is not finite.
        ValueError: As `skill`, or for a window, `first` or `every` below 1.
    """
    for name, value in (("window", window), ("first", first), ("every", every)):
        if value is not None and value < 1:
            raise ValueError(f"{name} {value}")
    loss, baseline = _checked(loss_N, baseline_N, confidence)
    earliest = (window or first) - 1
    rows_P = np.arange(len(loss) - 1, earliest - 1, -every, dtype=np.intp)[::-1]
    begins_P = np.zeros_like(rows_P) if window is None else rows_P - window + 1
    found = [
        skill(loss[begin : row + 1], baseline[begin : row + 1], lags, confidence)
        for begin, row in zip(begins_P, rows_P, strict=True)
    ]
    path_P3 = np.array([(point.value, point.low, point.high) for point in found], dtype=np.float64).reshape(-1, 3)
    return SkillPath(rows_P, path_P3[:, 0], path_P3[:, 1], path_P3[:, 2])


def _checked(loss_N: ArrayLike, baseline_N: ArrayLike, confidence: float) -> tuple[Floats, Floats]:
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"a confidence of {confidence} is not between 0 and 1")
    loss, baseline = finite("loss", loss_N, NO_SCORE), finite("loss of the baseline", baseline_N, NO_SCORE)
    if loss.shape != baseline.shape:
        raise ValueError(f"{len(loss)} losses against {len(baseline)}")
    return loss, baseline
