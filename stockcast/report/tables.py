"""Tables as data: what a column shows of a row, how that is written, and what a reader is told of it.

A table is defined once. Terminal, HTML, Markdown and LaTeX take it from there, sentences included; JSON and CSV carry
the results themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Generic, Literal, TypeVar

_Row = TypeVar("_Row")
_Part = TypeVar("_Part")

UNKNOWN = "-"
COVERAGE_50, COVERAGE_90 = "50 %\ncoverage", "90 %\ncoverage"


@dataclass(frozen=True)
class Column(Generic[_Row]):
    """One column of a table.

    Attributes:
        title: Its heading; a line feed breaks it where a line is short.
        value: What it shows of a row; None where the row has nothing to show.
        format: How a value is written.
        note: A sentence that the reader needs, which several columns may share.
        rank: 0 stays; where a page is too narrow, columns of the highest rank go first.
        align: right for figures; left for what is as long in each row, which a wide page sets right; words.
        missing: What stands for None.
        style: How a terminal shows its cells, such as dim.
        unit: What follows each figure where the heading does not name it, as in Markdown.
        short: The heading in LaTeX, below one that neighbours share; empty: the title.
        above: The heading that neighbours share in LaTeX.
    """

    title: str
    value: Callable[[_Row], Any]
    format: Callable[[Any], str] = str
    note: str = ""
    rank: int = 0
    align: Literal["right", "left", "words"] = "right"
    missing: str = UNKNOWN
    style: str | None = None
    unit: str = ""
    short: str = ""
    above: str = ""

    def cell(self, row: _Row) -> str:
        """The value of a row as text."""
        value = self.value(row)
        return self.missing if value is None else self.format(value)


@dataclass(frozen=True)
class Table(Generic[_Row]):
    """Columns and the rows that they show.

    Attributes:
        columns: From left to right; the first one names the row.
        rows: From top to bottom.
        title: What the table is of.
        pointed: Places of the rows that a reader's eye is led to.
        chosen: Place of the one row among them that the table is about.
        most: How many rows are shown; of more, the first and the last half.
    """

    columns: tuple[Column[_Row], ...]
    rows: tuple[_Row, ...]
    title: str = ""
    pointed: frozenset[int] = frozenset()
    chosen: int | None = None
    most: int | None = None

    @property
    def cells(self) -> list[list[str]]:
        """The text of each row, column by column."""
        cells = [[column.cell(row) for column in self.columns] for row in self.rows]
        if self.most is None or len(cells) <= self.most:
            return cells
        gap = [f"... {len(cells) - self.most} more", *[""] * (len(self.columns) - 1)]
        return [*cells[: self.most // 2], gap, *cells[-(self.most // 2) :]]

    @property
    def notes(self) -> str:
        """What the reader is told of the columns, each sentence once."""
        return " ".join(dict.fromkeys(column.note for column in self.columns if column.note))


def through(part: Callable[[_Row], _Part | None], value: Callable[[_Part], Any]) -> Callable[[_Row], Any]:
    """A value of a part of a row; None where the row has no such part."""

    def of(row: _Row) -> Any:
        found = part(row)
        return None if found is None else value(found)

    return of


# How values are written.


def price(value: float) -> str:
    """A price in its currency: two decimals from 10 upwards, five significant digits below."""
    if not isfinite(value):
        return UNKNOWN
    return f"{value:,.2f}" if abs(value) >= 10 else f"{value:.5g}"


def price_range(ends: tuple[float, float]) -> str:
    """Both ends of an interval of prices."""
    return f"{price(ends[0])} .. {price(ends[1])}"


def percent(share: float | None, digits: int = 1, signed: bool = False) -> str:
    """A share as a percentage: 0.051 is 5.1 %."""
    if share is None or not isfinite(share):
        return UNKNOWN
    return f"{100.0 * share:{'+' if signed else ''}.{digits}f} %"


def percent_2(share: float | None) -> str:
    """A share as a percentage of two decimals."""
    return percent(share, 2)


def gain(share: float | None) -> str:
    """A difference of shares, such as a skill: +0.40 %."""
    return percent(share, 2, signed=True)


def basis_points(log_return: float, digits: int = 2) -> str:
    """A log return, or a score in its unit, times 10,000."""
    return f"{1e4 * log_return:.{digits}f}" if isfinite(log_return) else UNKNOWN


def basis_points_1(log_return: float) -> str:
    """A log return in basis points of one decimal."""
    return basis_points(log_return, 1)


def number(value: float | None, digits: int = 3) -> str:
    """A plain number of that many decimals."""
    return UNKNOWN if value is None or not isfinite(value) else f"{value:.{digits}f}"


def number_2(value: float | None) -> str:
    """A plain number of two decimals."""
    return number(value, 2)


def p_value(value: float | None) -> str:
    """A probability under the null hypothesis; small ones as a bound."""
    if value is None or not isfinite(value):
        return UNKNOWN
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def thousands(amount: int) -> str:
    """An amount with commas between the thousands."""
    return f"{amount:,}"


def count(amount: int, noun: str) -> str:
    """An amount with its noun in the right number: 1 session, 2 sessions."""
    return f"{amount:,} {noun}" if amount == 1 else f"{amount:,} {noun}s"


def few(names: Sequence[str], most: int) -> str:
    """Names in a row; of more than `most`, the number of the others."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"
