"""Restatement: whether a provider has changed the past since it was stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stockcast.prices.history import Dates, Floats

TOLERANCE = 1e-5
"""Relative difference of two prices that counts as one: providers send noise in the last digits."""


class Bars(Protocol):
    """Daily bars of one ticker, oldest first."""

    @property
    def dates(self) -> Dates: ...
    @property
    def open(self) -> Floats: ...
    @property
    def high(self) -> Floats: ...
    @property
    def low(self) -> Floats: ...
    @property
    def close(self) -> Floats: ...
    @property
    def adjusted_close(self) -> Floats: ...
    @property
    def volume(self) -> Floats: ...


@dataclass(frozen=True)
class Change:
    """What fetched bars say about stored ones.

    restated: closes or adjusted closes differ, or no session is in both, so that all of the past may have moved.
    new_or_corrected: positions of fetched bars that the store lacks or has otherwise. since: first session looked at.
    """

    restated: bool
    new_or_corrected: NDArray[np.intp]
    added: int
    corrected: int
    since: date


def compared(stored: Bars, fetched: Bars) -> Change:
    """Compare the sessions that are in both. A changed open, high, low or volume is a correction of that bar alone."""
    since: date = (fetched.dates[0] if len(fetched.dates) else stored.dates[-1]).astype(object)
    at = np.searchsorted(stored.dates, fetched.dates)
    common = (at < len(stored.dates)) & (stored.dates[np.minimum(at, len(stored.dates) - 1)] == fetched.dates)
    if not len(fetched.dates):
        return Change(False, np.flatnonzero(common), 0, 0, since)
    new, both = np.flatnonzero(~common), np.flatnonzero(common)
    moved = _differ(stored, fetched, ("close", "adjusted_close"), at[both], both)
    if not len(both) or moved.any():
        return Change(True, new, len(new), 0, since)
    corrected = both[_differ(stored, fetched, ("open", "high", "low", "volume"), at[both], both)]
    return Change(False, np.sort(np.concatenate([new, corrected])), len(new), len(corrected), since)


def _differ(
    stored: Bars, fetched: Bars, names: tuple[str, ...], there: NDArray[np.intp], here: NDArray[np.intp]
) -> NDArray[np.bool_]:
    different = np.zeros(len(here), dtype=bool)
    for name in names:
        before, now = getattr(stored, name)[there], getattr(fetched, name)[here]
        with np.errstate(invalid="ignore"):
            apart = np.abs(now - before) > TOLERANCE * np.maximum(np.abs(before), np.abs(now))
        different |= apart | (np.isnan(before) != np.isnan(now))
    return different
