"""Series: values in order of time, checked, and their means by date.

Legend: N forecasts, D dates.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from stockcast.errors import DataError
from stockcast.prices.history import Dates, Floats

ROUNDING = 1e-12
"""A spread below this share of the values that it comes from is rounding, not evidence."""

NO_SCORE = "leave out forecasts that have no score"


def pooled_by_date(dates_N: ArrayLike, losses_N: ArrayLike) -> tuple[Dates, Floats]:
    """Mean over the forecasts of each date, oldest first: dates [D], means [D], in the unit of the losses.

    For tests over several tickers: forecasts of one day are not independent, days nearly are. The order of the rows
    does not matter; each forecast counts alike within its date, and each date alike, however many tickers it has. Two
    competitors are comparable where both come from the same rows.
    Raises DataError on a loss that is not finite or a date that is missing, ValueError on different lengths.
    """
    dates, losses = np.asarray(dates_N, dtype="datetime64[D]"), finite("loss", losses_N)
    if dates.shape != losses.shape:
        raise ValueError(f"{dates.size} dates against {len(losses)} losses")
    if np.isnat(dates).any():
        raise DataError(f"date is missing at row {int(np.argmax(np.isnat(dates)))}", "leave out rows without a date")
    dates_D, place_N, count_D = np.unique(dates, return_inverse=True, return_counts=True)
    mean_D: Floats = np.bincount(place_N, weights=losses, minlength=len(count_D)) / count_D
    return dates_D, mean_D


def finite(name: str, values_N: ArrayLike, hint: str = NO_SCORE) -> Floats:
    """The values as an array [N]. Raises DataError, naming the row, on one that is not finite, ValueError on shape."""
    values = np.asarray(values_N, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"{name} has shape {values.shape}, not (N,)")
    bad = ~np.isfinite(values)
    if bad.any():
        row = int(np.argmax(bad))
        raise DataError(f"{name} is {values[row]} at row {row}", hint)
    return values


def indistinct(a_N: Floats, b_N: Floats) -> bool:
    """Whether two series differ by nothing that varies beyond rounding, so that no test can tell them apart."""
    return float(np.std(a_N - b_N)) <= ROUNDING * float(np.mean(np.abs(a_N) + np.abs(b_N)))
