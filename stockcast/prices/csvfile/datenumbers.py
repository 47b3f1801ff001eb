"""Dates that are bare numbers: 20210401, with or without a time, moments since 1970, day numbers of a spreadsheet.

Which it is is decided by the whole column, in this order: digits of year, month and day; milli-, micro- or nanoseconds
since 1970; days of a spreadsheet between 1950 and 2100; seconds since 1970.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stockcast.config import now
from stockcast.prices.csvfile.cells import Cells, FileColumn
from stockcast.prices.csvfile.datechoice import UNREADABLE, left, nowhere, which_reading
from stockcast.prices.csvfile.dateformat import LONGEST
from stockcast.prices.csvfile.datereading import (
    DateReading,
    Numbers,
    calendar_days,
    days_in_order,
    of_the_republic,
    of_two_digits,
    on_weekdays,
    years_first,
)

_NUMBER = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+(?:\.0*)?|\d+(?:[.,]\d*)?(?:e[+]?\d+)?)", re.IGNORECASE | re.ASCII)
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.0*)?", re.ASCII)
_DIRECTIVES = {"Y": 4, "y": 2, "r": 3, "m": 2, "d": 2, "j": 3, "H": 2, "M": 2, "S": 2, "f": 3}
_ASIDES = {"dmY": "day first", "mdY": "month first", "ymd": "year first", "dmy": "day first", "mdy": "month first"}
_COMPACT = ("Ymd", "YmdH", "YmdHM", "YmdHMS", "YmdHMSf")
_OTHERS = ("dmY", "mdY", "rmd", "Yj", "ymd", "dmy", "mdy")
_ROUNDED = "Download the file again, and read it without saving it in a spreadsheet before."
_UNITS = {1: "seconds", 10**3: "milliseconds", 10**6: "microseconds", 10**9: "nanoseconds"}
_LATEST = 7_258_118_400
"""Seconds from 1970 to 2200."""

_SERIAL_OF_1970, _SERIAL_OF_1950, _SERIAL_OF_2101 = 25_569, 18_264, 73_416
_DAYS_OF_1971 = 365
_TIMES = 3
"""At most of daily bars with an offset: in summer, in winter, and that of a last bar whose session still runs."""
_HOUR, _A_YEAR = 3600, 366 * 86_400


def is_number(cell: str) -> bool:
    """Whether a cell in plain text is a bare number."""
    return len(cell) <= LONGEST and (cell.isdecimal() or _NUMBER.fullmatch(cell) is not None)


def are_numbers(cells: Cells) -> bool:
    """Whether all cells, in plain text, are bare numbers."""
    if isinstance(cells, np.ndarray):
        return bool(np.isfinite(cells).all())
    return all(map(is_number, cells))


def number_readings(cells: Cells) -> list[DateReading]:
    """Every way to read a column of numbers, in plain text."""
    return [reading for likely in _readings(cells) for reading in likely]


def number_reading(column: FileColumn, cells: Cells) -> DateReading:
    """The reading of a column of numbers, in plain text. Raises DataError where there is none, or several are left."""
    for likely in _readings(cells):
        found = left(likely)
        if len(found) == 1:
            return found[0]
        if found:
            raise which_reading(column, found)
    values = _values(cells)
    digits = _digits(cells, values) if values.dtype == np.int64 else None
    nearest = [] if digits is None else [*_by_digits(digits, _COMPACT)]
    if nearest:
        raise nowhere(column, nearest[0])
    unit = _unit(values) if np.isfinite(values).all() else None
    if unit is not None and _rounded(cells, [_since_1970(values, unit)]):
        raise column.refused(0, "was rounded by a spreadsheet, like the others", _ROUNDED)
    raise column.refused(0, "is not a date", UNREADABLE)


def _values(cells: Cells) -> NDArray[Any]:
    """The numbers, as int64 where all are whole, else as float64."""
    if isinstance(cells, np.ndarray):
        values = cells
    else:
        try:
            return np.array([int(cell) for cell in cells], dtype=np.int64)
        except (OverflowError, ValueError):
            values = np.array([_float(cell) for cell in cells])
    with np.errstate(invalid="ignore"):
        whole = np.rint(values)
    small = bool((np.abs(values) < 2.0**63).all())
    return whole.astype(np.int64) if small and (whole == values).all() else values


def _float(cell: str) -> float:
    """45309.5, with a comma in it as in a German spreadsheet, or 45,309 in groups of three."""
    return float(cell.replace(",", "") if _GROUPED.fullmatch(cell) else cell.replace(",", "."))


def _readings(cells: Cells) -> Iterator[list[DateReading]]:
    """The ways to read a column of numbers, the most likely first; those in one list are as likely as each other.

    A reading that is not of the dates of daily bars at all, such as thousands of seconds on one day, is not among them.
    """
    values = _values(cells)
    if not np.isfinite(values).all():
        return
    if values.dtype == np.int64:
        digits = _digits(cells, values)
        if digits is not None:
            yield from _by_digits(digits, _COMPACT)
            yield [reading for found in _by_digits(digits, _OTHERS) for reading in found]
    unit = _unit(values)
    moments = [] if unit is None else [_since_1970(values, unit)]
    if _rounded(cells, moments):
        return
    if unit != 1:
        yield moments
    yield list(_day_numbers(values))
    if unit == 1 and _spread(values):
        yield moments


def _digits(cells: Cells, values: Numbers) -> list[str] | None:
    """The digits of each number, all as many: spreadsheets drop a leading zero."""
    if (values < 0).any():
        return None
    written = not isinstance(cells, np.ndarray) and all(map(str.isdecimal, cells))
    texts = list(cells) if written else [str(value) for value in values.tolist()]
    widths = set(map(len, texts))
    if widths in ({5, 6}, {7, 8}):
        return [text.zfill(max(widths)) for text in texts]
    return texts if len(widths) == 1 else None


def _by_digits(digits: list[str], templates: Sequence[str]) -> Iterator[list[DateReading]]:
    for template in templates:
        if sum(_DIRECTIVES[letter] for letter in template) == len(digits[0]):
            yield _by_template(digits, template)


def _by_template(digits: list[str], template: str) -> list[DateReading]:
    parts, at = {}, 0
    codes = np.array(digits, dtype=np.str_).view(np.uint32).reshape(len(digits), -1).astype(np.int64) - ord("0")
    for letter in template:
        place = codes[:, at : at + _DIRECTIVES[letter]]
        parts[letter] = place @ 10 ** np.arange(place.shape[1])[::-1]
        at += place.shape[1]
    form, aside = "".join(f"%{letter}" for letter in template), _ASIDES.get(template, "")
    if template == "ymd":
        return years_first(parts["y"], parts["m"], parts["d"], form, aside)
    if "y" in parts:
        return of_two_digits(parts["y"], parts["m"], parts["d"], form, aside)
    if "r" in parts:
        return [of_the_republic(parts["r"], parts["m"], parts["d"])]
    if "j" in parts:
        ones = np.ones_like(parts["j"])
        days = calendar_days(parts["Y"], ones, ones) + (parts["j"] - 1).astype("timedelta64[D]")
        right = (parts["j"] > 0) & (days.astype("datetime64[Y]").astype(np.int64) + 1970 == parts["Y"])
        return [DateReading(np.where(right, days, np.datetime64("NaT", "D")), form)]
    days = calendar_days(parts["Y"], parts["m"], parts["d"])
    if "H" not in parts:
        return [DateReading(days, form, aside)]
    none = np.zeros_like(parts["H"])
    hour, minute, second = parts["H"], parts.get("M", none), parts.get("S", none)
    days = np.where((hour > 24) | (minute > 59) | (second > 59), np.datetime64("NaT", "D"), days)
    return [DateReading(days, form, times=(3600 * hour + 60 * minute + second).astype("timedelta64[s]"))]


def _unit(values: NDArray[Any]) -> int | None:
    """The largest part of a second by which all numbers are before 2200, and most less than a year from the next."""
    step = np.median(np.abs(np.diff(values))) if len(values) > 1 else 0
    most = np.abs(values).max()
    return next((unit for unit in _UNITS if most < _LATEST * unit and step < _A_YEAR * unit), None)


def _since_1970(values: NDArray[Any], unit: int) -> DateReading:
    seconds = values // unit if values.dtype == np.int64 else np.floor(values / unit).astype(np.int64)
    instants = seconds.astype("datetime64[s]")
    days = instants.astype("datetime64[D]")
    return DateReading(days, f"{_UNITS[unit]} since 1970", "", instants - days, instants, "UTC")


def _rounded(cells: Cells, moments: Sequence[DateReading]) -> bool:
    """Whether a spreadsheet has rounded moments, as 1.70554E+12: to many times of day, or many to one day."""
    if isinstance(cells, np.ndarray) or not any("e" in cell.lower() for cell in cells):
        return False
    many = any(found.times is not None and len(np.unique(found.times)) > _TIMES for found in moments)
    return many or any(2 * len(np.unique(found.days)) < len(cells) for found in moments)


def _spread(values: NDArray[Any]) -> bool:
    """Whether small numbers can be seconds: in order, hours or days apart, they are no rows counted and no volumes."""
    if np.abs(values).max() >= 10**8:
        return True
    steps = np.diff(values)
    ordered = bool((steps >= 0).all() or (steps <= 0).all())
    return ordered and len(steps) > 0 and bool(np.median(np.abs(steps)) >= _HOUR)


def _day_numbers(values: NDArray[Any]) -> Iterator[DateReading]:
    """Days of a spreadsheet, and whole days since 1970 as R counts them, where they are of weekdays alone."""
    if (values >= _SERIAL_OF_1950).all() and (values < _SERIAL_OF_2101).all():
        seconds = np.rint((values - _SERIAL_OF_1970) * 86_400.0).astype(np.int64)
        days = (seconds // 86_400).astype("datetime64[D]")
        times = (seconds % 86_400).astype("timedelta64[s]")
        yield DateReading(days, "day numbers of a spreadsheet", times=times if times.any() else None)
    today = np.datetime64(now().date(), "D").astype(np.int64)
    if values.dtype == np.int64 and (values >= _DAYS_OF_1971).all() and (values <= today + 1).all():
        days = values.astype("datetime64[D]")
        if (values >= _SERIAL_OF_1950).all() or (len(days) > 5 and days_in_order(days) and on_weekdays(days)):
            yield DateReading(days, "days since 1970")
