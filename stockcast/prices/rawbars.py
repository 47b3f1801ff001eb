"""RawBars: daily bars as a source gave them, before anything is checked."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from stockcast.errors import DataError
from stockcast.prices.history import Dates, Floats

HINT_ROW = "Correct or delete that row, or leave it out with --start or --end."


@dataclass(frozen=True)
class RawBars:
    """Bars of one ticker in any order; every array has one entry per bar, NaN is a missing value.

    Columns are None where the source has none. `rows` has each bar's row in the file, None where there is no file.
    `splits`: new shares per old share, of a source whose closes are as traded. `close_is_adjusted`: the close is an
    adjusted one already, so that a missing `adjusted_close` loses nothing. `label` is what messages call the source.
    """

    ticker: str
    dates: Dates
    close: Floats
    adjusted_close: Floats | None = None
    open: Floats | None = None
    high: Floats | None = None
    low: Floats | None = None
    volume: Floats | None = None
    splits: Floats | None = None
    source: str = ""
    label: str = ""
    currency: str | None = None
    rows: NDArray[np.int64] | None = None
    close_is_adjusted: bool = False
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.dates)

    def take(self, kept: NDArray[np.int64]) -> RawBars:
        """The bars at the positions `kept`, in that order."""
        arrays = {
            field.name: getattr(self, field.name)[kept]
            for field in fields(self)
            if isinstance(getattr(self, field.name), np.ndarray)
        }
        return replace(self, **arrays)

    def noting(self, *notes: str) -> RawBars:
        """The same bars with more notes."""
        return replace(self, notes=(*self.notes, *notes)) if notes else self

    def place(self, index: int) -> str:
        """Where the bar at `index` stands, for messages: its row, if known, and its date."""
        day = str(self.dates[index])
        return f"{self.label}, {day}" if self.rows is None else f"{self.label}, row {self.rows[index]} ({day})"

    def refused(self, index: int, complaint: str, hint: str = HINT_ROW) -> DataError:
        """The error for the bar at `index`."""
        return DataError(f"{self.place(index)}: {complaint}", hint)


def listed(days: Dates) -> str:
    """Up to three days by name, the others by their number."""
    named = [str(day) for day in days[:3]]
    if len(days) > 3:
        return f"{', '.join(named)} and {len(days) - 3} more"
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)
