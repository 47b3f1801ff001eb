"""Restatement: whether a provider has changed the past since it was stored."""

from __future__ import annotations

from dataclasses import dataclass
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

    restated: all of the past may have moved. new_or_corrected: positions of fetched bars that the store lacks or has
    otherwise. added, corrected: how many of either.
    """

    restated: bool
    new_or_corrected: NDArray[np.intp]
    added: int
    corrected: int


def compared(stored: Bars, fetched: Bars) -> Change:
    """Compare the sessions that are in both; there has to be a stored one.

    Splits and dividends move closes or adjusted closes of every session before them. So where those of the oldest
    common session have moved, or where there is none, the past is restated; anything else that differs is a correction
    of that bar alone, such as a close that was not final.
    """
    at = np.searchsorted(stored.dates, fetched.dates)
    common = (at < len(stored.dates)) & (stored.dates[np.minimum(at, len(stored.dates) - 1)] == fetched.dates)
    new, both = np.flatnonzero(~common), np.flatnonzero(common)
    moved = _differ(stored, fetched, ("close", "adjusted_close"), at[both], both)
    differs = moved | _differ(stored, fetched, ("open", "high", "low", "volume"), at[both], both)
    restated = bool(moved[0]) if len(both) else len(fetched.dates) > 0
    if restated:
        return Change(True, new, len(new), 0)
    corrected = both[differs]
    return Change(False, np.sort(np.concatenate([new, corrected])), len(new), len(corrected))


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
