"""A column of dates in any form: its one reading, or a refusal that says what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stockcast.errors import DataError
from stockcast.prices.csvfile import datenumbers
from stockcast.prices.csvfile.cells import Cells, FileColumn, shown
from stockcast.prices.csvfile.datechoice import UNREADABLE, AmbiguityError, correction, only_reading
from stockcast.prices.csvfile.dateformat import by_format, format_of, guessed, option, plain_cell, written_cell
from stockcast.prices.csvfile.dateforms import in_one_form, kind_of, readings_of
from stockcast.prices.csvfile.datereading import DateReading, days_in_order, lately

_YEARS = ("%Y", "%y", "%G", "%c", "%x", "%D")


def recognised(column: FileColumn) -> DateReading:
    """The reading of a column that nothing is said of. Raises DataError where there is none, or several are left."""
    cells = _plain(column)
    if datenumbers.are_numbers(cells):
        return datenumbers.number_reading(column, cells)
    if isinstance(cells, np.ndarray):
        raise column.refused(int(np.argmax(np.isnan(cells))), "is not a date", "Correct or delete that row.")
    found = in_one_form(cells)
    if not isinstance(found, int):
        return only_reading(column, readings_of(found))
    others = [] if found else guessed([str(cell) for cell in column.cells])
    if others:
        return only_reading(column, others)
    raise _unlike(column, found)


def as_described(column: FileColumn, date_format: str) -> DateReading:
    """The reading of a column by what the user says of it: a format as for strptime, or the words of a form.

    Raises DataError where that does not read it; the hint says what does.
    """
    worded = None if "%" in date_format else _in_words(column, date_format)
    if worded is not None:
        return worded
    if not any(directive in date_format for directive in _YEARS):
        raise DataError(f"date format {date_format!r} has no year", _instead(column))
    try:
        return by_format(date_format, [written_cell(column, index) for index in range(len(column.cells))])
    except ValueError as error:
        index = int(error.args[-1])
        raise column.refused(index, f"does not read as --date-format {date_format}", _instead(column)) from error


def is_date(cell: str) -> bool:
    """Whether a cell reads as a date; of bare numbers, 20210401 alone does."""
    text = plain_cell(cell)
    return are_dates([text]) if datenumbers.is_number(text) else kind_of(text) is not None


def are_dates(cells: Cells) -> bool:
    """Whether cells read as dates in one way, or in several; bare numbers in order, from 1950 to tomorrow."""
    column = FileColumn("", "", cells, np.arange(len(cells)))
    try:
        reading = recognised(column)
    except AmbiguityError:
        return True
    except DataError:
        return False
    if reading.form.startswith("%Y%m%d") or not datenumbers.are_numbers(_plain(column)):
        return True
    return len(cells) > 2 and days_in_order(reading.days) and lately(reading.days)


def alike(cells: Sequence[str]) -> NDArray[np.bool_]:
    """Which cells are dates in the form of most."""
    plain = [plain_cell(cell) for cell in cells]
    kinds = ["number" if datenumbers.is_number(cell) else kind_of(cell) for cell in plain]
    counts = Counter(filter(None, kinds))
    most = counts.most_common(1)[0][0] if counts else None
    known = [cell for cell, kind in zip(plain, kinds, strict=True) if kind is not None]
    # The years 99 and 100 of the Republic of China are of one form, and of two for themselves.
    if len(counts) > 1 and not isinstance(in_one_form(known), int):
        return np.array([kind is not None for kind in kinds], dtype=np.bool_)
    return np.array([kind is not None and kind == most for kind in kinds], dtype=np.bool_)


def _in_words(column: FileColumn, form: str) -> DateReading | None:
    """The reading whose form has these words, which no format of strptime can say; None where there is none."""
    cells = _plain(column)
    if datenumbers.are_numbers(cells):
        readings = datenumbers.number_readings(cells)
    else:
        found = 0 if isinstance(cells, np.ndarray) else in_one_form(cells)
        readings = [] if isinstance(found, int) else readings_of(found)
    return next((reading for reading in readings if reading.form == form and reading.valid), None)


def _instead(column: FileColumn) -> str:
    """The hint for a format that does not read a column: what does."""
    try:
        reading = recognised(column)
    except DataError as error:
        return error.hint
    form = format_of(column, reading)
    span = f"then its dates are from {reading.days.min()} to {reading.days.max()}"
    return f"Leave --date-format out, {span}" + (f", or write {option(form)}." if form else ".")


def _unlike(column: FileColumn, index: int) -> DataError:
    """The error for a cell that is not written like those before it: how the others are, where they are more."""
    complaint = f"is not a date like {shown(str(column.cells[0]))}" if index else "is not a date"
    others = np.flatnonzero(alike([str(cell) for cell in column.cells]))
    if 2 * len(others) < len(column.cells) or len(others) == len(column.cells):
        return column.refused(index, complaint, UNREADABLE)
    try:
        reading = recognised(column.take(others))
    except DataError as error:
        return column.refused(index, complaint, f"Correct or delete that row. {error.hint}")
    days = np.full(len(column.cells), np.datetime64("NaT", "D"))
    days[others] = reading.days
    return column.refused(index, complaint, correction(column, DateReading(days, reading.form)))


def _plain(column: FileColumn) -> Cells:
    return column.cells if isinstance(column.cells, np.ndarray) else [plain_cell(cell) for cell in column.cells]
