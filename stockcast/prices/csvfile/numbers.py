"""Numbers: columns of cells become float64, with one decimal sign for the whole file."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from stockcast.prices.csvfile.column import Column
from stockcast.prices.history import Floats

MISSING = frozenset({"", "null", "nan", "n/a", "na", "#n/a", "none", "nil", "-", "--", "."})
"""Cells that say that there is no value, in lower case."""

_MULTIPLES = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
# \x80 is the euro sign of a Windows file that was read as Latin-1.
_DECORATION = re.compile("[\\s'\u2019$\u20ac\u00a3\u00a5\u20b9\x80]")
_POINT = re.compile(r"[+-]?(?=\.?\d)(?:\d{1,3}(?:,\d{3})+|\d*)(?:\.\d*)?(?:e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_COMMA = re.compile(r"[+-]?(?=,?\d)(?:\d{1,3}(?:\.\d{3})+|\d*)(?:,\d*)?(?:e[+-]?\d+)?", re.ASCII | re.IGNORECASE)

_HINT = "Correct or delete that row, or leave it out with --start or --end."


def parse(columns: Sequence[Column], multiples: Sequence[bool], comma_likely: bool) -> list[Floats]:
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


def _decorated(columns: Sequence[Column], multiples: Sequence[bool], comma_likely: bool) -> list[Floats]:
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


def _converted(column: Column, cells: list[str] | Floats, comma: bool) -> Floats:
    if isinstance(cells, np.ndarray):
        return cells.astype(np.float64)
    pattern, thousands = (_COMMA, ".") if comma else (_POINT, ",")
    values = np.full(len(cells), np.nan)
    for index, cell in enumerate(cells):
        if not cell:
            continue
        if pattern.fullmatch(cell) is None:
            raise column.refused(index, "is not a number", _HINT)
        values[index] = float(cell.replace(thousands, "").replace(",", "."))
    return values
