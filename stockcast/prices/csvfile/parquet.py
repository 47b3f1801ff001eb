"""Parquet: the columns of a Parquet file as cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stockcast.errors import DataError
from stockcast.limits import CELL, CELLS, COLUMNS, PRICES, ROWS, size
from stockcast.prices.csvfile.cells import Cells, FileTable, too_large

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_PARQUET_HINT = "Write the prices again, with a date column, a close column and plain numbers."


def table_of_parquet(data: bytes, label: str) -> FileTable:
    """The table in the bytes of a Parquet file; rows are counted from 1.

    Numbers become float64, dates and times without a zone datetime64, everything else text.

    Raises DataError where pyarrow cannot read the bytes, or a column has a type without a meaning here.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Not `read_table`, and below not `to_numpy`: both import pandas.
        metadata = pq.read_metadata(pa.BufferReader(data))
        _require_within_limits(metadata, label)
        file = pq.ParquetFile(pa.BufferReader(data), read_dictionary=_texts(metadata.schema))
        table = file.read(use_threads=False)
        table.validate(full=True)  # a damaged page may name words that its dictionary lacks
        columns = tuple(map(_cells, table.columns, table.schema))
    except (pa.ArrowException, OSError, ValueError, TypeError, NotImplementedError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{label} cannot be read as Parquet: {reason}", _PARQUET_HINT) from error
    if not table.num_rows:
        raise DataError(f"{label} has no rows", _PARQUET_HINT)
    return FileTable(label, tuple(table.column_names), columns, np.arange(1, table.num_rows + 1))


def _require_within_limits(metadata: pq.FileMetaData, label: str) -> None:
    """Before anything is decoded: a few bytes can stand for any number of rows."""
    rows, columns = metadata.num_rows, metadata.num_columns
    if rows > ROWS or columns > COLUMNS or rows * columns > CELLS:
        what = f"has {rows:,} rows of {columns:,} columns"
        raise too_large(label, f"{what}; up to {ROWS:,} rows, {COLUMNS:,} columns and {CELLS:,} cells are read")
    unpacked = sum(metadata.row_group(at).total_byte_size for at in range(metadata.num_row_groups))
    if unpacked > 4 * PRICES:
        raise too_large(label, f"is larger than {size(4 * PRICES)} when it is unpacked, the most that is read")


def _texts(schema: pq.ParquetSchema) -> list[str]:
    """Paths of the columns of text, which may be kept as a dictionary: a long one, once, can stand in every row."""
    columns = [schema.column(at) for at in range(len(schema))]
    return [
        column.path
        for column in columns
        if column.physical_type == "BYTE_ARRAY"
        and column.logical_type.type == "STRING"
        and not column.max_repetition_level
    ]


def _cells(column: pa.ChunkedArray, field: pa.Field) -> Cells:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        # One long text could stand in every row; prices and dates are short.
        chunks = ((chunk.dictionary.to_pylist(), chunk.indices.to_pylist()) for chunk in column.chunks)
        brief = (([str(word)[:CELL] for word in words], places) for words, places in chunks)
        return ["" if at is None else words[at] for words, places in brief for at in places]
    if pa.types.is_timestamp(kind):
        return _timestamps(column)
    if pa.types.is_date(kind):
        return _moments(_counts(column.cast(pa.date32()).cast(pa.int32())), "D")
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        values = column.cast(pa.float64()).to_pylist()
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    frequency = _frequency(field)
    if frequency is not None:
        return _periods(column, frequency)
    # Whole numbers stay text: 20210401 is a date as well as a number.
    return ["" if value is None else str(value) for value in column.to_pylist()]


def _timestamps(column: pa.ChunkedArray) -> Cells:
    """Moments by the clock of their zone; with its name, as text, where they have one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    zone = column.type.tz
    walls = column if zone is None else pc.local_timestamp(column)
    counts = _counts(walls.cast(pa.timestamp("s"), safe=False).cast(pa.int64()))
    if zone is None:
        return _moments(counts, "s")
    texts = np.datetime_as_string(counts.view("datetime64[s]")).tolist()
    return ["" if text == "NaT" else f"{text.replace('T', ' ')} {zone}" for text in texts]


def _frequency(field: pa.Field) -> str | None:
    """How often the periods of a column of pandas are; None for other columns."""
    import json

    # A type of its own where pandas is loaded, and otherwise whole numbers with a remark.
    frequency = getattr(field.type, "freq", None)
    if frequency is None and (field.metadata or {}).get(b"ARROW:extension:name") == b"pandas.period":
        frequency = json.loads(field.metadata[b"ARROW:extension:metadata"]).get("freq")
    return None if frequency is None else str(frequency)


_UNITS = {"D": "D", "H": "h", "h": "h", "T": "m", "min": "m", "S": "s", "s": "s", "L": "ms", "ms": "ms"}


def _periods(column: pa.ChunkedArray, frequency: str) -> Cells:
    """Periods of pandas by their beginning. Raises ValueError for those that are longer than a day."""
    import pyarrow as pa

    chunks = [getattr(chunk, "storage", chunk) for chunk in column.chunks]
    counts = _counts(pa.chunked_array(chunks, pa.int64()))
    if frequency == "B":
        known = counts != _ABSENT
        days = np.busday_offset(np.datetime64("1970-01-01", "D"), np.where(known, counts, 0))
        return np.where(known, days, np.datetime64("NaT", "D"))
    if frequency not in _UNITS:
        raise ValueError(f"its periods are of frequency {frequency}, and bars are daily")
    return _moments(counts, _UNITS[frequency])


_ABSENT = np.iinfo(np.int64).min
"""Is NaT."""


def _counts(numbers: pa.ChunkedArray) -> NDArray[np.int64]:
    return np.array([_ABSENT if value is None else value for value in numbers.to_pylist()], dtype=np.int64)


def _moments(counts: NDArray[np.int64], unit: str) -> NDArray[Any]:
    """What passed since 1970 as days, or as seconds where some of it is no midnight."""
    moments = counts.view(f"datetime64[{unit}]").astype("datetime64[s]")
    days = moments.astype("datetime64[D]")
    return days if (moments == days)[~np.isnat(days)].all() else moments
