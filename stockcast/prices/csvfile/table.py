"""Table: named columns of cells, as they stand in a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stockcast.prices.csvfile.column import Cells, Column


@dataclass(frozen=True)
class Table:
    """Columns of equal length under the names of the header.

    label: what messages call the file. rows: row in the file of each entry, counted from 1. groups: the ticker over
    each column where the header has such a line, else empty. delimiter: between the cells.
    """

    label: str
    names: tuple[str, ...]
    columns: tuple[Cells, ...]
    rows: NDArray[np.int64]
    groups: tuple[str, ...] = ()
    delimiter: str = ","
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, index: int) -> Column:
        """The column at `index`, which knows its name and rows."""
        return Column(self.label, self.names[index], self.columns[index], self.rows)

    def take(self, kept: NDArray[Any]) -> Table:
        """The entries at the positions `kept`."""
        if len(kept) == len(self):
            return self
        positions = kept.tolist()
        columns = tuple(
            cells[kept] if isinstance(cells, np.ndarray) else [cells[at] for at in positions] for cells in self.columns
        )
        return replace(self, columns=columns, rows=self.rows[kept])

    def select(self, kept: Sequence[int]) -> Table:
        """The columns at the positions `kept`."""
        return replace(
            self,
            names=tuple(self.names[at] for at in kept),
            columns=tuple(self.columns[at] for at in kept),
            groups=tuple(self.groups[at] for at in kept) if self.groups else (),
        )
