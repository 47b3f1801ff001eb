"""Daily bars of one ticker: as a source gave them (`RawBars`), validated (`History`), and compared with later ones."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from stockcast.errors import DataError

if TYPE_CHECKING:
    from stockcast.prices.events import EventCalendar
    from stockcast.prices.sessions import SessionCalendar

Floats = NDArray[np.float64]
Dates = NDArray[np.datetime64]
Mask = NDArray[np.bool_]

ONE_DAY = np.timedelta64(1, "D")
"""What is added to a date; NumPy 2.5 deprecates a bare integer there, whose unit has to be guessed."""

ENOUGH = 83
"""Sessions that a forecast needs whose window has the usual 60: fewer are not worth a hint."""

_SIGNIFICANT_DIGITS = 6

_Arrays = TypeVar("_Arrays", bound="History | Bars | RawBars")


@dataclass(frozen=True)
class History:
    """Daily bars of one ticker; every array has one entry per session, dates strictly increase.

    Prices are as traded, in the file's currency. `open`, `high`, `low` and `volume` are None where the
    source has no such column; single missing values are NaN. `close` and `adjusted_close` are always
    finite and positive. `splits` holds new shares per old share, effective that session (1.0: no split),
    and is None where the source does not say or where its volume is already split-adjusted. `events` are the dates of
    the company's reports, as far as they are known; they are no bars, and no part of their hash.
    """

    ticker: str
    dates: Dates
    close: Floats
    adjusted_close: Floats
    open: Floats | None = None
    high: Floats | None = None
    low: Floats | None = None
    volume: Floats | None = None
    splits: Floats | None = None
    source: str = ""
    currency: str | None = None
    notes: tuple[str, ...] = ()
    events: EventCalendar | None = None

    def __len__(self) -> int:
        return len(self.dates)

    @property
    def first(self) -> date:
        """First session."""
        return self.session(0)

    @property
    def last(self) -> date:
        """Last session."""
        return self.session(-1)

    def session(self, index: int) -> date:
        """The session at `index`, as a date."""
        day: date = self.dates[index].astype(object)
        return day

    def rows(self, start: int, stop: int) -> History:
        """The bars at positions start .. stop - 1, as views."""
        return _taken(self, slice(start, stop))

    def between(self, start: date | None, end: date | None) -> History:
        """The bars from `start` to `end`, both inclusive; None leaves that side open."""
        low = 0 if start is None else int(np.searchsorted(self.dates, np.datetime64(start), "left"))
        high = len(self) if end is None else int(np.searchsorted(self.dates, np.datetime64(end), "right"))
        return self.rows(low, max(low, high))

    def on(self, calendar: SessionCalendar) -> History:
        """The same, whose reports are at an exchange."""
        return self if self.events is None else replace(self, events=self.events.on(calendar))

    def sha256(self) -> str:
        """Content hash of the bars, prices rounded to six significant digits.

        Providers send floats whose last digits differ between identical requests; the rounding hides that.
        """
        digest = hashlib.sha256(self.dates.astype("datetime64[D]").astype("<i8").tobytes())
        for name in ("open", "high", "low", "close", "adjusted_close", "volume"):
            values = getattr(self, name)
            digest.update(name.encode())
            if values is not None:
                digest.update(_rounded_bytes(values))
        return digest.hexdigest()


def _taken(bars: _Arrays, index: Any) -> _Arrays:
    """The same dataclass with some entries of each of its arrays."""
    arrays = {name: value[index] for name, value in vars(bars).items() if isinstance(value, np.ndarray)}
    return replace(bars, **arrays)


def _rounded_bytes(values: Floats) -> bytes:
    """Mantissa and exponent of each value at six significant digits; NaN and zero have codes of their own."""
    regular = np.isfinite(values) & (values > 0)
    safe = np.where(regular, values, 1.0)
    exponent = np.floor(np.log10(safe)).astype("<i8")
    mantissa = np.rint(safe * 10.0 ** (_SIGNIFICANT_DIGITS - 1 - exponent)).astype("<i8")
    # 999999.5 rounds up to seven digits: the same number as 1.00000 of the next exponent.
    carried = mantissa >= 10**_SIGNIFICANT_DIGITS
    exponent = np.where(carried, exponent + 1, exponent)
    mantissa = np.where(carried, mantissa // 10, mantissa)
    code = np.where(np.isnan(values), -2, -1)
    digits, powers = np.where(regular, mantissa, code), np.where(regular, exponent, 0)
    return digits.astype("<i8").tobytes() + powers.astype("<i8").tobytes()


BAR_COLUMNS = ("open", "high", "low", "close", "adjusted_close", "volume", "dividends", "splits")
"""Of a provider's bars, as the store keeps them."""


@dataclass(frozen=True, eq=False)
class Bars:
    """Daily bars of one ticker as a provider has them, in the order of time; one entry per bar in every array.

    Args:
        dates: Sessions, datetime64[D], in the exchange's own time zone.
        open: Price in the currency of the ticker, as the provider adjusts it; NaN where there is none.
        high: The same.
        low: The same.
        close: The same.
        adjusted_close: The close adjusted for dividends and splits.
        volume: Shares, or what the provider counts.
        dividends: Per share, 0 for none.
        splits: New shares for an old one, effective that session, 1 for none.

    Raises:
        ValueError: Where dates go back, or an array has another length.
    """

    dates: Dates
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    adjusted_close: Floats
    volume: Floats
    dividends: Floats
    splits: Floats

    def __post_init__(self) -> None:
        dates = np.asarray(self.dates, dtype="datetime64[D]")
        object.__setattr__(self, "dates", dates)
        if np.isnat(dates).any() or not (dates[1:] >= dates[:-1]).all():
            raise ValueError("the dates of bars do not increase")
        for name in BAR_COLUMNS:
            values = np.asarray(getattr(self, name), dtype=np.float64)
            object.__setattr__(self, name, values)
            if values.shape != dates.shape:
                raise ValueError(f"{name} of shape {values.shape} for {len(dates)} dates")

    def __len__(self) -> int:
        return len(self.dates)

    def take(self, kept: NDArray[np.intp] | NDArray[np.bool_]) -> Self:
        """The bars at increasing positions, or where a mask is true."""
        return _taken(self, kept)


def every_date(calendars: Iterable[Dates]) -> Dates:
    """Every date of any calendar, in order. It holds no more of them than it has come to."""
    found = np.array([], dtype="datetime64[D]")
    for dates in calendars:
        found = np.union1d(found, dates.astype("datetime64[D]"))
    return found


class Caution(str):
    """A note on bars that is told always, not to the curious alone: of rows left out, above all."""

    __slots__ = ()


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

    @classmethod
    def of(cls, bars: Bars, ticker: str, source: str, currency: str | None) -> RawBars:
        """A provider's bars, which are adjusted for splits already."""
        columns: dict[str, Any] = {name: getattr(bars, name) for name in BAR_COLUMNS[:-2]}  # without events
        return cls(ticker, bars.dates, **columns, source=source, label=ticker, currency=currency)

    def take(self, kept: NDArray[np.int64]) -> RawBars:
        """The bars at the positions `kept`, in that order."""
        return _taken(self, kept)

    def noting(self, *notes: str) -> RawBars:
        """The same bars with more notes."""
        return replace(self, notes=(*self.notes, *notes)) if notes else self

    def place(self, index: int) -> str:
        """Where the bar at `index` stands, for messages: its row, if known, and its date."""
        day = str(self.dates[index])
        return f"{self.label}, {day}" if self.rows is None else f"{self.label}, row {self.rows[index]} ({day})"

    def refused(self, index: int, complaint: str, hint: str = "") -> DataError:
        """The error for the bar at `index`, of bars that are in order. hint: how to do without it unless given."""
        return DataError(
            f"{self.place(index)}: {complaint}", hint or f"Correct or delete that row, or {self.without(index)}."
        )

    def without(self, first: int, last: int | None = None) -> str:
        """What to do without the bars first .. last, of bars that are in order: an option and its value, for a hint.

        What follows is used where it is long enough for a forecast, or longer than what is before.
        """
        day, end = self.dates[first], self.dates[first if last is None else last]
        before, after = self.dates[self.dates < day], self.dates[self.dates > end]
        if len(after) and len(after) >= min(ENOUGH, len(before)):
            return f"use what follows with --start {after[0]}"
        return f"use what is before with --end {before[-1]}" if len(before) else "download the prices again"


def counted(count: int, noun: str) -> str:
    """A count with its noun: 1 row, 2 rows."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def left_out(count: int) -> str:
    """That so many rows were left out: the end of a note."""
    return f"{counted(count, 'row')} {'was' if count == 1 else 'were'} left out"


def listed(days: Dates) -> str:
    """Up to three days by name, the others by their number."""
    named = [str(day) for day in days[:3]]
    if len(days) > 3:
        return f"{', '.join(named)} and {len(days) - 3} more"
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)


TOLERANCE = 1e-5
"""Relative difference of two prices that counts as one: providers send noise in the last digits."""


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


def change_between(stored: Bars, fetched: Bars) -> Change:
    """Compare the sessions that stored and fetched bars have in common.

    Splits and dividends move closes or adjusted closes of every session before them. So where those of the oldest
    common session have moved, or where there is none, the past is restated; anything else that differs is a correction
    of that bar alone, such as a close that was not final.

    Args:
        stored: Bars of before, one at least.
        fetched: Bars as the provider has them now.
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
