"""Cells: columns of text become days and numbers. One reading holds for a whole column, or the column is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stockcast.errors import DataError
from stockcast.prices.history import Dates, Floats

Cells = Sequence[str] | NDArray[Any]
"""Text as in the file, or, from Parquet, float64 or datetime64 values."""

_LONGEST_SHOWN = 40


@dataclass(frozen=True)
class FileColumn:
    """One named column: `rows` has each cell's row in the file, counted from 1, header included.

    `label` is what messages call the file.
    """

    label: str
    name: str
    cells: Cells
    rows: NDArray[Any]

    def refused(self, index: int, complaint: str, hint: str) -> DataError:
        """The error for the cell at `index`: file, row and value, then the complaint."""
        cell = self.cells[index]
        value = shown(cell) if isinstance(cell, str) else str(cell)
        return DataError(f"{self.label}, row {self.rows[index]}: {self.name} {value} {complaint}", hint)


def shown(text: str) -> str:
    """`text` quoted for a one-line message: white space collapsed, cut where it is long."""
    plain = " ".join(text.split())
    return repr(plain if len(plain) <= _LONGEST_SHOWN else plain[: _LONGEST_SHOWN - 3] + "...")


# fmt: off
_MONTHS = ("january", "february", "march", "april", "may", "june",
           "july", "august", "september", "october", "november", "december")
# fmt: on

_TIME = r"(?:,?[T ]\s*\d.*)?"
_PATTERNS = {
    "ymd": r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})" + _TIME,
    "compact": r"((?:1[89]|2[01])\d\d)(\d\d)(\d\d)" + _TIME,
    "dotted": r"(\d{1,2})\.(\d{1,2})\.(\d{4})" + _TIME,
    "either": r"(\d{1,2})[-/](\d{1,2})[-/](\d{4})" + _TIME,
    "day month": r"(\d{1,2})[-/ .]*([A-Za-z]{3,9})[-/ .,]*(\d{4})" + _TIME,
    "month day": r"([A-Za-z]{3,9})[-/ .]*(\d{1,2})[-/ ,]+(\d{4})" + _TIME,
    "seconds": r"(-?\d{9,10})(?:\.\d*)?",
    "milliseconds": r"(-?\d{12,13})(?:\.\d*)?",
}
_EPOCHS = ("seconds", "milliseconds")
_EARLIEST, _LATEST = np.datetime64("1800-01-01"), np.datetime64("2200-01-01")
_LONGEST = 40

_DATE_HINT = "Correct or delete that row, or describe the dates, for example --date-format %d/%m/%Y."

Numbers = NDArray[np.int64]


def looks_like_date(cell: str) -> bool:
    """Whether a cell without a telling header reads as a date; bare numbers of seconds do not."""
    return _kind(cell.strip()) not in (None, *_EPOCHS)


def parse_dates(column: FileColumn, date_format: str | None = None) -> Dates:
    """The day of each cell, as datetime64[D]; a time of day or zone offset is ignored, never converted.

    date_format: as for strptime; None recognises ISO, 20210401, 2021/04/01, 01.04.2021 (day first), 01-Apr-2021,
    Apr 1, 2021, 04/01/2021 and epoch seconds or milliseconds (days in UTC). Whether 03/04/2021 is in March or in
    April is settled by the whole column: by a number above 12, or else because only one reading has the dates in
    order or without weekends.

    Raises DataError with row and value for a cell that is no date or not written like the first one, and where a
    column reads both ways.
    """
    if isinstance(column.cells, np.ndarray):
        return _checked(column, column.cells.astype("datetime64[D]"))
    if not len(column.cells):
        return np.empty(0, dtype="datetime64[D]")
    if date_format is not None:
        return _checked(column, _by_format(column, column.cells, date_format))
    days = _iso(column.cells)
    return _checked(column, _by_pattern(column, column.cells) if days is None else days)


def _checked(column: FileColumn, days: Dates) -> Dates:
    wrong = np.isnat(days) | (days < _EARLIEST) | (days >= _LATEST)
    if wrong.any():
        raise column.refused(int(np.argmax(wrong)), "is not a date between 1800 and 2200", _DATE_HINT)
    return days


def _iso(cells: Sequence[str]) -> Dates | None:
    """Fast path for 2021-04-01 with or without a time; None where any cell is something else."""
    if max(map(len, cells)) > _LONGEST:
        return None
    text = np.array(cells, dtype=np.str_)
    codes = text.view(np.uint32).reshape(len(text), -1)
    if (
        codes.shape[1] < 10
        or not (codes[:, (4, 7)] == ord("-")).all()
        or not _digits(codes[:, (0, 1, 2, 3, 5, 6, 8, 9)])
    ):
        return None
    if codes.shape[1] > 10:
        timed = codes[codes[:, 10] != 0]
        if timed.shape[1] < 12 or not np.isin(timed[:, 10], (ord(" "), ord("T"))).all() or not _digits(timed[:, 11]):
            return None
    try:
        return text.astype("U10").astype("datetime64[D]")
    except ValueError:
        return None


def _digits(codes: NDArray[np.uint32]) -> bool:
    return bool(((codes >= ord("0")) & (codes <= ord("9"))).all())


def _by_format(column: FileColumn, cells: Sequence[str], date_format: str) -> Dates:
    from datetime import date, datetime

    if not any(directive in date_format for directive in ("%Y", "%y", "%G", "%c", "%x", "%D")):
        raise DataError(f"date format {date_format!r} has no year", "Write it as for strptime, for example %d/%m/%Y.")
    days: list[date] = []
    for index, cell in enumerate(cells):
        try:
            # The day as written: a zone, where there is one, is the exchange's own.
            days.append(datetime.strptime(cell.strip(), date_format).date())  # noqa: DTZ007
        except (ValueError, LookupError, OverflowError, re.error) as error:
            raise column.refused(index, f"does not read as --date-format {date_format}", str(error)) from error
    return np.array(days, dtype="datetime64[D]")


def _kind(cell: str) -> str | None:
    return next((kind for kind, pattern in _PATTERNS.items() if re.fullmatch(pattern, cell, re.ASCII)), None)


def _by_pattern(column: FileColumn, cells: Sequence[str]) -> Dates:
    kind = _kind(cells[0].strip())
    if kind is None:
        raise column.refused(0, "is not a date", _DATE_HINT)
    pattern = re.compile(_PATTERNS[kind], re.ASCII)
    parts: list[tuple[str, ...]] = []
    for index, cell in enumerate(cells):
        match = pattern.fullmatch(cell.strip())
        if match is None:
            raise column.refused(index, f"is not a date like {shown(cells[0])}", _DATE_HINT)
        parts.append(match.groups())
    first, *rest = (_integers(column, group) for group in zip(*parts, strict=True))
    if kind in _EPOCHS:
        return (first // (86_400 if kind == "seconds" else 86_400_000)).astype("datetime64[D]")
    second, third = rest
    if kind in ("ymd", "compact"):
        return _days(first, second, third)
    if kind == "month day":
        return _days(third, first, second)
    if kind == "day month":
        return _days(third, second, first)
    return _settled(column, first, second, third, day_first=kind == "dotted")


def _integers(column: FileColumn, texts: tuple[str, ...]) -> Numbers:
    """The numbers of one group; names of months become 1 to 12."""
    if not texts[0].isalpha():
        return np.array(texts, dtype=np.str_).astype(np.int64)
    numbers = np.empty(len(texts), dtype=np.int64)
    for index, text in enumerate(texts):
        name = text.lower()
        # September is also written Sept.
        month = next((at for at, full in enumerate(_MONTHS, 1) if full.startswith(name)), None)
        if month is None:
            raise column.refused(index, "names no month", _DATE_HINT)
        numbers[index] = month
    return numbers


def _days(year: Numbers, month: Numbers, day: Numbers) -> Dates:
    """Days of the calendar; NaT where there is no such day."""
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (day - 1).astype("timedelta64[D]")
    valid = (month >= 1) & (month <= 12) & (day >= 1) & (days.astype("datetime64[M]") == months)
    return np.where(valid, days, np.datetime64("NaT", "D"))


def _settled(column: FileColumn, first: Numbers, second: Numbers, year: Numbers, day_first: bool) -> Dates:
    """Day or month first, decided by the whole column."""
    by_day, by_month = _days(year, second, first), _days(year, first, second)
    above_first, above_second = first > 12, second > 12
    if above_first.any() and above_second.any():
        index = max(int(np.argmax(above_first)), int(np.argmax(above_second)))
        raise column.refused(index, "has day and month in another order than the rows before", _DATE_HINT)
    if above_first.any() or (day_first and not above_second.any()):
        return by_day
    if above_second.any() or np.array_equal(by_day, by_month):
        return by_month
    votes = _votes(by_day, by_month, _in_order) | _votes(by_day, by_month, _on_weekdays)
    if len(votes) == 1:
        return by_day if "day" in votes else by_month
    raise column.refused(
        0,
        f"reads both as {by_day[0]} and as {by_month[0]}, and so does every other date of the file",
        "Say which it is: --date-format %d/%m/%Y (day first) or --date-format %m/%d/%Y (month first).",
    )


def _votes(by_day: Dates, by_month: Dates, plausible: Callable[[Dates], bool]) -> set[str]:
    """Which reading is the only plausible one, if any."""
    readings = {name for name, days in (("day", by_day), ("month", by_month)) if plausible(days)}
    return readings if len(readings) == 1 else set()


def _in_order(days: Dates) -> bool:
    steps = np.diff(days).astype(np.int64)
    return bool((steps > 0).all() or (steps < 0).all())


def _on_weekdays(days: Dates) -> bool:
    return bool(np.is_busday(days).all())


MISSING = frozenset({"", "null", "nan", "n/a", "na", "#n/a", "none", "nil", "-", "--", "."})
"""Cells that say that there is no value, in lower case."""

_MULTIPLES = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
# \x80 is the euro sign of a Windows file that was read as Latin-1.
_DECORATION = re.compile("[\\s'\u2019$\u20ac\u00a3\u00a5\u20b9\x80]")
_POINT = re.compile(r"[+-]?(?=\.?\d)(?:\d{1,3}(?:,\d{3})+|\d*)(?:\.\d*)?(?:e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_COMMA = re.compile(r"[+-]?(?=,?\d)(?:\d{1,3}(?:\.\d{3})+|\d*)(?:,\d*)?(?:e[+-]?\d+)?", re.ASCII | re.IGNORECASE)

_NUMBER_HINT = "Correct or delete that row, or leave it out with --start or --end."


def parse_numbers(columns: Sequence[FileColumn], multiples: Sequence[bool], comma_likely: bool) -> list[Floats]:
    """Each column as float64, NaN where a cell says that it has no value.

    multiples: of each column, whether 1.2M means 1,200,000. comma_likely: how to read numbers that could be either
    (1,234 all over the file): True has the comma as decimal sign.

    Currency signs, thousands marks and blanks are dropped. Raises DataError with row and value for any other text.
    """
    try:
        return [_plain(column.cells) for column in columns]
    except ValueError:
        return _decorated(columns, multiples, comma_likely)


def _plain(cells: Sequence[str] | Floats) -> Floats:
    if isinstance(cells, np.ndarray):
        return cells.astype(np.float64)
    try:
        return np.array(list(map(float, cells)), dtype=np.float64)
    except ValueError:
        return np.array([float("nan" if _is_missing(cell) else cell) for cell in cells], dtype=np.float64)


def _is_missing(cell: str) -> bool:
    return cell.strip().lower() in MISSING


def _decorated(columns: Sequence[FileColumn], multiples: Sequence[bool], comma_likely: bool) -> list[Floats]:
    """Cell by cell: what decorates a number goes, then one decimal sign must fit every cell of every column."""
    bare = [
        column.cells if isinstance(column.cells, np.ndarray) else [_bare(cell) for cell in column.cells]
        for column in columns
    ]
    factors = [_factors(cells) if multiple else None for cells, multiple in zip(bare, multiples, strict=True)]
    comma = _comma_is_decimal([cell for cells in bare if isinstance(cells, list) for cell in cells], comma_likely)
    return [
        _converted(column, cells, comma) * (1.0 if factor is None else factor)
        for column, cells, factor in zip(columns, bare, factors, strict=True)
    ]


def _bare(cell: str) -> str:
    return "" if _is_missing(cell) else _DECORATION.sub("", cell)


def _factors(cells: list[str] | Floats) -> Floats | None:
    """Takes K, M, B and T off the ends of the cells, in place, and returns what they multiply by."""
    if isinstance(cells, np.ndarray):
        return None
    factors = np.ones(len(cells))
    for index, cell in enumerate(cells):
        factor = _MULTIPLES.get(cell[-1:].upper())
        if factor is not None:
            factors[index], cells[index] = factor, cell[:-1]
    return factors


def _comma_is_decimal(cells: list[str], comma_likely: bool) -> bool:
    marked = [cell for cell in cells if "," in cell or "." in cell]
    not_point = sum(_POINT.fullmatch(cell) is None for cell in marked)
    not_comma = sum(_COMMA.fullmatch(cell) is None for cell in marked)
    if not_point == not_comma:
        return comma_likely and any("," in cell for cell in marked)
    return not_comma < not_point


def _converted(column: FileColumn, cells: list[str] | Floats, comma: bool) -> Floats:
    if isinstance(cells, np.ndarray):
        return cells.astype(np.float64)
    pattern, thousands = (_COMMA, ".") if comma else (_POINT, ",")
    values = np.full(len(cells), np.nan)
    for index, cell in enumerate(cells):
        if not cell:
            continue
        if pattern.fullmatch(cell) is None:
            raise column.refused(index, "is not a number", _NUMBER_HINT)
        values[index] = float(cell.replace(thousands, "").replace(",", "."))
    return values
