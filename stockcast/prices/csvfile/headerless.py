"""Headerless: the columns of a file without a header are told by what they hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import permutations

import numpy as np

from stockcast.config.sources import ReadOptions
from stockcast.errors import DataError
from stockcast.prices.csvfile.cells import Cells, FileColumn, FileTable
from stockcast.prices.csvfile.dates import looks_like_dates, parse_dates
from stockcast.prices.csvfile.numbers import parse_numbers
from stockcast.prices.history import Caution, Floats

_TIME = re.compile(r"\s*\d{1,2}:\d\d")
_CLOCK = re.compile(r"\s*(?:[01]?\d|2[0-3]):?[0-5]\d(?::?[0-5]\d)?\s*")
_LAST_DATE = 4
_FEWEST_ROWS = 10
_MOST_WRONG = 0.01
_LARGEST_RANGE = 2.0
"""High over low on one day: a volume beside prices is farther off."""
_CLEARLY = 0.6
_ROUNDING = 1e-6
_WITHIN_DAY, _MOSTLY = 0.1, 0.9


def described(table: FileTable, options: ReadOptions) -> FileTable:
    """The table with names that are told by what the columns hold; as it is where that tells too little.

    The date is the first column of dates. Open, high, low and close are four columns beside one another of which one
    is the highest and one the lowest on every day; of the other two the close is the one that the next day's open is
    nearer to, and without a difference the last. Behind them are the volume, and an adjusted close that moves as the
    close does.
    """
    date = _date(table, options)
    if date is None or len(table) < _FEWEST_ROWS:
        return table
    values = dict(_numbers(table, date, options))
    found = _bars(values, _step(table, date, options))
    if found is None:
        return table
    close, empty = values[found["Close"]], ""
    adjusted = next((at for at in values if at not in found.values() and _follows(values[at], close)), None)
    if adjusted is not None and not (values[adjusted] > 0).all():
        empty = f" Adjusted closes (column {adjusted + 1}) are not in every row and are not used."
        values.pop(adjusted)
    elif adjusted is not None:
        found["Adj Close"] = adjusted
    volume = _volume(values, found)
    if volume is not None:
        found["Volume"] = volume
    names = {at: name for name, at in {"Date": date, **found}.items()}
    if date + 1 not in names and _are_times(table, date + 1):
        names[date + 1] = "Time"
    said = ", ".join(f"{names[at]} (column {at + 1})" for at in sorted(names))
    note = Caution(f"The file has no header; by what its columns hold they are {said}.{empty}")
    every = tuple(names.get(at, "") for at in range(len(table.names)))
    return replace(table, names=every, notes=(*table.notes, note))


def _date(table: FileTable, options: ReadOptions) -> int | None:
    """The first column of dates, of those that differ most: a ticker in front of it is the same on many days."""
    likely = []
    for at, cells in enumerate(table.columns[:_LAST_DATE]):
        column = FileColumn(table.label, "", cells[:_FEWEST_ROWS], table.rows[:_FEWEST_ROWS])
        if _are_dates(column, options.date_format):
            likely.append(at)
    return max(likely, key=lambda at: len({*table.columns[at]}), default=None)


def _are_dates(column: FileColumn, date_format: str | None) -> bool:
    if date_format is None:
        return looks_like_dates(column.cells)
    try:
        parse_dates(column, date_format)
    except DataError:
        return False
    return True


def _step(table: FileTable, date: int, options: ReadOptions) -> int:
    """1 where the rows are oldest first, -1 where they are newest first."""
    ends = [0, len(table) - 1]
    try:
        days = parse_dates(table.take(np.array(ends)).column(date), options.date_format).days
    except DataError:
        return 1
    return -1 if days[0] > days[1] else 1


def _numbers(table: FileTable, date: int, options: ReadOptions) -> Iterator[tuple[int, Floats]]:
    """The columns of numbers, by their positions."""
    places = [at for at in range(len(table.names)) if at != date and _begins_with_number(table.columns[at])]
    columns = [table.column(at) for at in places]
    found = parse_numbers(columns[:4], columns[4:], (), options.decimal, table.delimiter == ";") if columns else ()
    for at, column in zip(places, found, strict=True):
        if column.lost <= _MOST_WRONG * len(table):
            yield at, column.values


def _are_times(table: FileTable, at: int) -> bool:
    """Whether a column is one of times of day, which may be written without marks."""
    cells = table.columns[at] if at < len(table.names) else ()
    return len(cells) > 0 and not isinstance(cells, np.ndarray) and all(map(_CLOCK.fullmatch, cells))


def _begins_with_number(cells: Cells) -> bool:
    first = next((cell for cell in cells if cell.strip()), "")
    return any(map(str.isdigit, first)) and not _TIME.match(first)


def _bars(values: dict[int, Floats], step: int) -> dict[str, int] | None:
    """Where open, high, low and close are; the close alone where there is nothing else."""
    if len(values) == 1:
        return {"Close": next(iter(values))}
    places = list(values)
    for first in range(len(places) - 3):
        four = places[first : first + 4]
        if four[-1] - four[0] == 3:
            found = _ordered(four, np.array([values[at] for at in four]), step)
            if found is not None:
                return found
    return None


def _ordered(places: Sequence[int], prices: Floats, step: int) -> dict[str, int] | None:
    """What each of four columns is, if one of them is the highest and another the lowest of every day."""
    prices = prices[:, (prices > 0).all(axis=0)]
    rows = prices.shape[1]
    if rows < _FEWEST_ROWS:
        return None
    top, bottom = prices.max(axis=0), prices.min(axis=0)
    if (top > _LARGEST_RANGE * bottom).sum() > _MOST_WRONG * rows:
        return None

    def agrees(high: int, low: int) -> bool:
        wrong = (prices[high] < top * (1 - _ROUNDING)) | (prices[low] > bottom * (1 + _ROUNDING))
        return bool(wrong.sum() <= _MOST_WRONG * rows)

    # The usual order comes first: where all four are the same, any of them would do.
    sides = [(1, 2), *(pair for pair in permutations(range(4), 2) if pair != (1, 2))]
    high, low = next((pair for pair in sides if agrees(*pair)), (-1, -1))
    if high < 0:
        return None
    one, other = (at for at in range(4) if at not in (high, low))
    forward, backward = _gap(prices[one], prices[other], step), _gap(prices[other], prices[one], step)
    usual = (high, low) == (1, 2)
    if backward < _CLEARLY * forward:
        one, other = other, one
    elif not usual and not forward < _CLEARLY * backward:
        return None
    order = {"Open": one, "High": high, "Low": low, "Close": other}
    return {name: places[at] for name, at in order.items()}


def _gap(opening: Floats, close: Floats, step: int) -> float:
    """How far an open is from the close before, on average."""
    opening, close = opening[::step], close[::step]
    return float(np.abs(np.log(opening[1:] / close[:-1])).mean())


def _follows(values: Floats, close: Floats) -> bool:
    """Whether a column moves as the close does on nearly every day: its ratio to that steps at dividends alone."""
    known = (values > 0) & (close > 0)
    values, close = values[known], close[known]
    if len(values) < max(_FEWEST_ROWS, len(known) / 4):
        return False
    ratio = values / close
    moved = np.abs(ratio[1:] / ratio[:-1] - 1) > 1e-3 + 0.01 / np.minimum(values, close)[1:]
    return bool(moved.mean() < 1 - _MOSTLY)


def _volume(values: dict[int, Floats], found: dict[str, int]) -> int | None:
    """The column behind the prices that counts shares; beside it there may be their worth, and when a day was over."""
    last, close = max(found[name] for name in ("Open", "High", "Low", "Close") if name in found), values[found["Close"]]
    counts = [at for at, column in values.items() if at > last and _counts(column)]
    for one, other in permutations(counts, 2):
        traded = (values[other] > 0) & (close > 0)
        price = values[one][traded] / values[other][traded] / close[traded]
        if traded.any() and (np.abs(price - 1) < _WITHIN_DAY).mean() > _MOSTLY:
            return other
    return next((at for at in counts if _are_whole(values[at])), None)


def _are_whole(values: Floats) -> bool:
    """Whether the numbers are whole, as far as 1.23M is."""
    known = values[~np.isnan(values)]
    return bool((np.abs(known - np.round(known)) <= 1e-9 * known).all())


def _counts(values: Floats) -> bool:
    known = values[~np.isnan(values)]
    moves = np.diff(known)
    return bool(len(known) and (known >= 0).all() and (moves > 0).any() and (moves < 0).any())
