"""Column: the cells under one name of a file, which know where they stand when one of them is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from stockcast.errors import DataError

Cells = Sequence[str] | NDArray[Any]
"""Text as in the file, or, from Parquet, float64 or datetime64 values."""

_LONGEST_SHOWN = 40


@dataclass(frozen=True)
class Column:
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
