"""Choice of a reading: which of the ways to read a column of dates is meant, decided by the whole column or asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from stockcast.errors import DataError
from stockcast.prices.csvfile.cells import FileColumn, shown
from stockcast.prices.csvfile.dateformat import format_of, option, written_cell
from stockcast.prices.csvfile.datereading import DateReading, days_in_order, on_weekdays
from stockcast.prices.history import Dates

UNREADABLE = (
    "No --date-format reads this column: write its dates like 2021-04-13, or name another column with --date-column."
)
_WEEK = 7


class AmbiguityError(DataError):
    """A column is one of dates, and reads in several ways."""


def left(readings: Sequence[DateReading]) -> list[DateReading]:
    """The one valid reading that is in order where any is, and without weekends where any is; else all valid ones.

    Where that one jumps from month to month and another goes from day to day, nothing is decided either.
    """
    valid: list[DateReading] = []
    for reading in readings:
        if reading.valid and not any(np.array_equal(reading.days, other.days) for other in valid):
            valid.append(reading)
    if len(valid) < 2:
        return valid
    ordered, working = _plausible(valid, days_in_order), _plausible(valid, on_weekdays)
    kept = [reading for at, reading in enumerate(valid) if at in ordered and at in working]
    if len(kept) != 1 or (not _dense(kept[0].days) and any(_dense(reading.days) for reading in valid)):
        return valid
    return kept


def _dense(days: Dates) -> bool:
    """Whether most days are within a week of the next."""
    return len(days) > 1 and bool(np.median(np.abs(np.diff(days).astype(np.int64))) <= _WEEK)


def _plausible(readings: Sequence[DateReading], plausible: Callable[[Dates], bool]) -> Sequence[int]:
    return [at for at, reading in enumerate(readings) if plausible(reading.days)] or range(len(readings))


def only_reading(column: FileColumn, readings: Sequence[DateReading]) -> DateReading:
    """The one reading that is left. Raises DataError where none or several are."""
    found = left(readings)
    if len(found) == 1:
        return found[0]
    raise which_reading(column, found) if found else nowhere(column, readings)


def nowhere(column: FileColumn, readings: Sequence[DateReading]) -> DataError:
    """The error for the first cell that is no date by the reading that goes furthest."""
    index, reading = max(((int(np.argmax(reading.wrong)), reading) for reading in readings), key=lambda pair: pair[0])
    if any(not other.wrong[index] for other in readings):
        complaint = "has day and month in another order than the rows before"
    else:
        complaint = "is not a date between 1800 and 2200"
    return column.refused(index, complaint, correction(column, reading))


def which_reading(column: FileColumn, readings: Sequence[DateReading]) -> AmbiguityError:
    """The question which of several readings it is."""
    first = [str(reading.days[0]) for reading in readings]
    both = f"both as {first[0]} and as {first[1]}" if len(first) == 2 else f"as {', as '.join(first)}"
    ways = [(format_of(column, reading), reading) for reading in readings]
    said = [f"{option(form)} ({reading.aside or reading.days[0]})" for form, reading in ways if form]
    hint = f"Say which it is: {' or '.join(said)}" if said else "No --date-format can say which"
    hint += "." if len(said) == len(ways) else f"; else write the dates like {first[0]}."
    error = column.refused(0, f"reads {both}, and so does every other date of the file", hint)
    return AmbiguityError(error.message, error.hint)


def correction(column: FileColumn, reading: DateReading) -> str:
    """The hint for a cell that is no date, with the format that reads the others, where they are more."""
    if 2 * reading.wrong.sum() <= len(reading.days) and len(reading.days) > 1:
        others = np.flatnonzero(~reading.wrong)
        form = format_of(column, reading, others)
        if form is not None:
            return f"Correct or delete that row; the others read as {option(form)}."
        return f"Correct or delete that row; the others are written like {shown(written_cell(column, int(others[0])))}."
    return UNREADABLE
