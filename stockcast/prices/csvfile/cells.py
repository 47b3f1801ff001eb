"""Cells: the columns of a file as they stand there, before anything is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stockcast.errors import DataError
from stockcast.prices.csvfile.words import keys_of

Cells = Sequence[str] | NDArray[Any]
"""Text as in the file, or, from Parquet, float64 or datetime64 values."""

_LONGEST_SHOWN = 40
_MOST_LISTED = 20


@dataclass(frozen=True)
class FileColumn:
    """One named column: `rows` has each cell's row in the file, counted from 1, header included.

    `label` is what messages call the file.
    """

    label: str
    name: str
    cells: Cells
    rows: NDArray[Any]

    def take(self, kept: NDArray[Any]) -> FileColumn:
        """The cells at the positions `kept`."""
        cells = self.cells[kept] if isinstance(self.cells, np.ndarray) else [self.cells[at] for at in kept.tolist()]
        return replace(self, cells=cells, rows=self.rows[kept])

    def refused(self, index: int, complaint: str, hint: str) -> DataError:
        """The error for the cell at `index`: file, row and value, then the complaint."""
        cell = self.cells[index]
        value = shown(cell) if isinstance(cell, str) else str(cell)
        return DataError(f"{self.label}, row {self.rows[index]}: {self.name} {value} {complaint}", hint)


def shown(text: str) -> str:
    """`text` quoted for a one-line message: white space collapsed, cut where it is long."""
    plain = " ".join(text.split())
    return repr(plain if len(plain) <= _LONGEST_SHOWN else plain[: _LONGEST_SHOWN - 3] + "...")


def listed_words(words: Sequence[str]) -> str:
    """Words with commas between them for a one-line message, each shortened as `shown` does, the first of many."""
    plain = [shown(word)[1:-1] if word.strip() else "(unnamed)" for word in words[:_MOST_LISTED]]
    more = len(words) - _MOST_LISTED
    return ", ".join(plain) + (f" and {more} more" if more > 0 else "")


@dataclass(frozen=True)
class FileTable:
    """Columns of equal length under the names of the header.

    Attributes:
        label: What messages call the file.
        names: The names of the columns, as the file writes them.
        columns: Their cells.
        rows: Row in the file of each entry, counted from 1.
        groups: The ticker over each column where the header names tickers, else empty.
        fields: What the names say of the columns where they say more: Close of XYZ.Close; else empty.
        ticker: What the file calls the company whose prices the rows are; None where it does not say.
        delimiter: What stands between the cells.
        notes: What is to be said of the reading so far.
        exchange: The calendar of the exchange that the file itself names; None where it names none.
        unended: Row of a last line that has no line end, and may have been cut off; None where it has one.
        cut: Whether that line has fewer cells than the one before, or a quote that is not closed.
        encoding: Of the file, in words.
        form: Of the file, in words.
    """

    label: str
    names: tuple[str, ...]
    columns: tuple[Cells, ...]
    rows: NDArray[np.int64]
    groups: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    ticker: str | None = None
    delimiter: str = ","
    notes: tuple[str, ...] = ()
    exchange: str | None = None
    unended: int | None = None
    cut: bool = False
    encoding: str = ""
    form: str = "Parquet"

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def keys(self) -> list[str]:
        """What is compared of each column's name: see `words`."""
        return keys_of(self.fields or self.names)

    def column(self, index: int) -> FileColumn:
        """The column at `index`, which knows its name and rows."""
        return FileColumn(self.label, self.names[index], self.columns[index], self.rows)

    def take(self, kept: NDArray[Any]) -> FileTable:
        """The entries at the positions `kept`."""
        if len(kept) == len(self):
            return self
        positions = kept.tolist()
        columns = tuple(
            cells[kept] if isinstance(cells, np.ndarray) else [cells[at] for at in positions] for cells in self.columns
        )
        return replace(self, columns=columns, rows=self.rows[kept])

    def select(self, kept: Sequence[int]) -> FileTable:
        """The columns at the positions `kept`."""
        return replace(
            self,
            names=tuple(self.names[at] for at in kept),
            columns=tuple(self.columns[at] for at in kept),
            groups=tuple(self.groups[at] for at in kept) if self.groups else (),
            fields=tuple(self.fields[at] for at in kept) if self.fields else (),
        )


@dataclass(frozen=True)
class FileText:
    """The text of a file, with line feeds as line ends.

    Attributes:
        text: Its rows, delimited.
        encoding: What it is written in, in words.
        form: What it is: CSV, or what the text was made from.
        exchange: The calendar of the exchange that the file names, where it does.
    """

    text: str
    encoding: str = "UTF-8"
    form: str = "CSV"
    exchange: str | None = None


def too_large(label: str, what: str) -> DataError:
    """The error for a file of prices beyond a limit."""
    return DataError(f"{label} {what}", "Keep the rows and columns of the tickers that are wanted, or split the file.")
