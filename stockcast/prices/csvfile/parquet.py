"""Parquet: columns and a written index become a table, by pyarrow alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from stockcast.errors import DataError
from stockcast.prices.csvfile.column import Cells
from stockcast.prices.csvfile.table import Table
from stockcast.prices.history import Dates

if TYPE_CHECKING:
    import pyarrow as pa

MAGIC = b"PAR1"

_HINT = "Write the prices again, with a date column, a close column and plain numbers."


def table_of(data: bytes, label: str) -> Table:
    """The table in the bytes of a Parquet file; rows are counted from 1.

    Numbers become float64, dates and times days in their own zone, everything else text. Column names of two levels,
    which pandas writes as "('Close', 'AAPL')", become names and groups.

    Raises DataError where pyarrow cannot read the bytes, or a column has a type without a meaning here.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Not `read_table`, and below not `to_numpy`: both import pandas.
        table = pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False)
        columns = tuple(_cells(column) for column in table.columns)
    except (pa.ArrowException, OSError, ValueError, TypeError, NotImplementedError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{label} cannot be read as Parquet: {reason}", _HINT) from error
    if not table.num_rows:
        raise DataError(f"{label} has no rows", _HINT)
    names, groups = _levels(table.column_names)
    return Table(label, names, columns, np.arange(1, table.num_rows + 1), groups)


def _cells(column: pa.ChunkedArray) -> Cells:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_timestamp(kind):
        # The day at the exchange, whatever the zone: never the one in UTC.
        local = pc.local_timestamp(column) if kind.tz is not None else column
        return _days(local.cast(pa.timestamp("s"), safe=False).cast(pa.int64()), "s")
    if pa.types.is_date(kind):
        return _days(column.cast(pa.date32()).cast(pa.int32()), "D")
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        values = column.cast(pa.float64()).to_pylist()
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    # Whole numbers stay text: 20210401 is a date as well as a number.
    return ["" if value is None else str(value) for value in column.to_pylist()]


def _days(numbers: pa.ChunkedArray, unit: Literal["s", "D"]) -> Dates:
    absent = np.iinfo(np.int64).min  # is NaT
    counts = np.array([absent if value is None else value for value in numbers.to_pylist()], dtype=np.int64)
    return counts.astype(f"datetime64[{unit}]").astype("datetime64[D]")


def _levels(names: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names and, where there are two levels, groups."""
    pairs = [_pair(name) for name in names]
    if not any(pairs):
        return tuple(names), ()
    levels = [pair or (name, "") for pair, name in zip(pairs, names, strict=True)]
    if _names_fields([second for _, second in levels]):
        levels = [(second or first, first if second else "") for first, second in levels]
    return tuple(first for first, _ in levels), tuple(second for _, second in levels)


def _pair(name: str) -> tuple[str, str] | None:
    import ast

    if not name.startswith("("):
        return None
    try:
        value = ast.literal_eval(name)
    except (ValueError, SyntaxError):
        return None
    return (str(value[0]), str(value[1])) if isinstance(value, tuple) and len(value) == 2 else None


def _names_fields(words: list[str]) -> bool:
    from stockcast.prices.csvfile import names

    return any(names.key(word) in {*names.CLOSE, *names.ADJUSTED} for word in words)
