"""Dates: a column of cells becomes days. One reading holds for the whole column, or the column is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stockcast.errors import DataError
from stockcast.prices.csvfile.cells import Cells, FileColumn
from stockcast.prices.history import Dates

# The rooms of other forms than 2021-04-01 are entered by files that have them alone: a forecast loads few modules.

EARLIEST, LATEST = np.datetime64("1800-01-01"), np.datetime64("2200-01-01")
_LONGEST = 40
_SAMPLE = 50


@dataclass(frozen=True)
class FileDates:
    """The dates of a file's rows, in its order.

    Attributes:
        days: The day of each row as it is written, datetime64[D]; of epochs, in UTC.
        form: How they are written: a format as for strptime, or words such as "seconds since 1970".
        example: The first cell as it stands in the file.
        instants: Of cells that tell it (an offset, a zone, an epoch), the moment of each row, datetime64[s] in UTC;
            None where they do not, and where all are midnight in UTC: those are dates. The day at an exchange is that
            of the moment on its clocks.
        offset: The offset or zone that most cells name, as written, such as "+09:00" or "Z"; None where they name none,
            and "UTC" for epochs. That of each row is `days + times - instants`.
        times: The time of day of each row as it is written, timedelta64[s]; None where no cell has one.
    """

    days: Dates
    form: str = ""
    example: str = ""
    instants: NDArray[np.datetime64] | None = None
    offset: str | None = None
    times: NDArray[np.timedelta64] | None = None

    def take(self, kept: NDArray[Any]) -> FileDates:
        """Those at the positions, or where a mask is true."""
        instants = None if self.instants is None else self.instants[kept]
        times = None if self.times is None else self.times[kept]
        return replace(self, days=self.days[kept], instants=instants, times=times)


def parse_dates(column: FileColumn, date_format: str | None = None) -> FileDates:
    """The dates in a column of cells.

    Args:
        column: The cells.
        date_format: As for strptime, or the words of `FileDates.form`. None recognises dates in numbers and in words,
            East Asian ones, epochs and the days of spreadsheets. Whether 03/04/21 is in March, in April or in 2003 is
            settled by the whole column: only one reading is of dates that exist, or has them in order and without
            weekends.

    Raises:
        DataError: A cell is no date or not written like the others, with its row; a column reads in several ways.
    """
    cells = column.cells
    if not len(cells):
        return FileDates(np.empty(0, dtype="datetime64[D]"))
    if isinstance(cells, np.ndarray) and cells.dtype.kind == "M":
        dates = _typed(cells)
    else:
        quick = None if isinstance(cells, np.ndarray) or date_format is not None else _iso(cells)
        dates = quick or _any_form(column, date_format)
    wrong = np.isnat(dates.days) | (dates.days < EARLIEST) | (dates.days >= LATEST)
    if wrong.any():
        from stockcast.prices.csvfile.datechoice import correction
        from stockcast.prices.csvfile.datereading import DateReading

        hint = correction(column, DateReading(dates.days, dates.form))
        raise column.refused(int(np.argmax(wrong)), "is not a date between 1800 and 2200", hint)
    return replace(_in_zone(dates, column.name), example=str(cells[0]))


def looks_like_date(cell: str) -> bool:
    """Whether a cell without a telling header reads as a date; of bare numbers, 20210401 alone does."""
    if not any(map(str.isdigit, cell)):
        return False
    from stockcast.prices.csvfile.datecolumn import is_date

    return is_date(cell)


def looks_like_dates(cells: Cells) -> bool:
    """Whether a column without a telling header is one of dates: all of its first cells read as dates in one way.

    Bare numbers do where they are in order and of days from 1950 to tomorrow.
    """
    if isinstance(cells, np.ndarray):
        if cells.dtype.kind == "M":
            return True
        sample: Cells = cells[~np.isnan(cells)][:_SAMPLE]
    else:
        sample = [cell for cell in cells if cell.strip()][:_SAMPLE]
    from stockcast.prices.csvfile.datecolumn import are_dates

    return len(sample) > 0 and are_dates(sample)


def dated(cells: Sequence[str]) -> NDArray[np.bool_]:
    """Which cells are dates written in the form of most: not those that are empty, or say "Average" or "Date"."""
    if cells and _iso(cells) is not None:
        return np.ones(len(cells), dtype=bool)
    from stockcast.prices.csvfile.datecolumn import alike

    return alike(cells)


def refuse_intraday(label: str, dates: FileDates, rows: NDArray[np.int64], clock: Cells = ()) -> None:
    """Refuse a file with several bars a day.

    Args:
        label: What messages call the file.
        dates: The dates of its rows.
        rows: The row of each in the file.
        clock: The cells of a column of times, where the file has one.

    Raises:
        DataError: More than half of the days have bars at several times.
    """
    order = np.argsort(dates.days, kind="stable")
    again = np.diff(dates.days[order]) == np.timedelta64(0, "D")
    if 2 * again.sum() <= len(order) - again.sum():
        return
    later = np.zeros(len(again), dtype=bool)
    for times in (dates.times, np.asarray(clock) if len(clock) else None):
        later |= False if times is None else times[order][1:] != times[order][:-1]
    if 2 * (again & later).sum() <= again.sum():
        return
    at = int(np.flatnonzero(again & later)[0])
    first, second = sorted(rows[order[at : at + 2]].tolist())
    raise DataError(
        f"{label} has several bars a day: rows {first} and {second} are both of {dates.days[order[at]]}",
        "Download daily prices.",
    )


def _any_form(column: FileColumn, date_format: str | None) -> FileDates:
    from stockcast.prices.csvfile.datecolumn import as_described, recognised

    found = recognised(column) if date_format is None else as_described(column, date_format)
    return _settled(FileDates(found.days, found.form, "", found.instants, found.offset, found.times))


def _settled(dates: FileDates) -> FileDates:
    """The same without moments where all of them are midnight in UTC: those are dates."""
    if dates.instants is None or dates.times is None or dates.times.any():
        return dates
    if not np.array_equal(dates.instants, dates.days.astype("datetime64[s]")):
        return dates
    epochs = dates.form.endswith("since 1970")
    return replace(dates, instants=None, offset=None if epochs else dates.offset, times=None if epochs else dates.times)


def _in_zone(dates: FileDates, header: str) -> FileDates:
    """With the moments, where the header alone says in which zone the times are: "Date (UTC)", "Gmt time"."""
    if dates.times is None or dates.offset is not None or not dates.times.any():
        return dates
    from stockcast.prices.csvfile.dateclock import moments_of, zone_in

    zone = zone_in(header)
    if zone is None:
        return dates
    return replace(dates, instants=moments_of(dates.days, dates.times, [zone] * len(dates.days)), offset=zone)


def _typed(cells: NDArray[Any]) -> FileDates:
    days = cells.astype("datetime64[D]")
    times = (cells - days).astype("timedelta64[s]")
    return FileDates(days, "%Y-%m-%d", times=times if times.any() else None)


def _iso(cells: Sequence[str]) -> FileDates | None:
    """Fast path for 2021-04-01 with or without a time and an offset; None where any cell is something else."""
    text, width = "".join(cells), len(cells[0])
    if not 10 <= width <= _LONGEST or {*map(len, cells)} != {width} or not text.isascii():
        return None
    codes = np.frombuffer(text.encode(), dtype=np.uint8).reshape(-1, width)
    if not _digits(codes[:, (0, 1, 2, 3, 5, 6, 8, 9)]) or not _are(codes[:, (4, 7)], "-"):
        return None
    try:
        return FileDates(_parsed(codes, "D"), "%Y-%m-%d") if width == 10 else _iso_clock(cells, codes)
    except ValueError:
        return None


def _iso_clock(cells: Sequence[str], codes: NDArray[np.uint8]) -> FileDates | None:
    """The same for 2021-04-01 16:00:00, also with T, and with what names an offset or a zone behind it."""
    if codes.shape[1] < 19 or not _digits(codes[:, (11, 12, 14, 15, 17, 18)]) or not _are(codes[:, (13, 16)], ":"):
        return None
    walls = _parsed(codes[:, :19], "s")
    days = walls.astype("datetime64[D]")
    dates = FileDates(days, f"%Y-%m-%d{cells[0][10]}%H:%M:%S", times=walls - days)
    if codes.shape[1] == 19:
        return dates
    from stockcast.prices.csvfile.dateclock import moments_of, most_frequent

    zones = [cell[19:].strip() for cell in cells]
    instants = moments_of(days, walls - days, zones)
    if instants is None:
        return None
    named = "%z" if zones[0][0] in "+-Zz" else cells[0][19:]
    return _settled(replace(dates, form=dates.form + named, instants=instants, offset=most_frequent(zones)))


def _parsed(codes: NDArray[np.uint8], unit: str) -> NDArray[np.datetime64]:
    """Rows of letters as NumPy reads them. Raises ValueError for a day or a time that does not exist."""
    return np.ascontiguousarray(codes).view(f"S{codes.shape[1]}").ravel().astype(f"datetime64[{unit}]")


def _are(codes: NDArray[np.uint8], letter: str) -> bool:
    return bool((codes == ord(letter)).all())


def _digits(codes: NDArray[np.uint8]) -> bool:
    return bool(((codes >= ord("0")) & (codes <= ord("9"))).all())
