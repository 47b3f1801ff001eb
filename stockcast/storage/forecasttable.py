"""Test forecasts as one table, a row for each competitor and origin: CSV or Parquet.

Arrow formats it, without Python's lock and so on several threads: 18 million numbers of eight stocks took pandas
longer than judging them.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from stockcast.errors import ConfigError
from stockcast.storage.files import write_atomic
from stockcast.text import inert

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from stockcast.evaluation.scores import ForecastRows
    from stockcast.results import TrainResult

TABLE_SUFFIXES = (".csv", ".csv.gz", ".parquet")

_SPECIAL = ('"', ",")
"""What a cell of CSV cannot hold without quotes, line breaks aside, which `_inert` takes out."""


def save_rows(path: Path, results: Sequence[TrainResult], threads: int = 1) -> None:
    """Write every test forecast of several trainings to one table, as `save_forecasts` does.

    Args:
        path: The file, .csv or .parquet.
        results: Of `train`, with their rows (`keep_rows`).
        threads: That format it.

    Raises:
        ConfigError: For another suffix.
        StorageError: Where the file cannot be written.
    """
    save_forecasts(path, [rows for result in results for rows in result.test_forecasts], threads)


def save_forecasts(path: Path, rows: Sequence[ForecastRows], threads: int = 1) -> None:
    """Write test forecasts, one row for each competitor and origin, to a table in the format of its suffix.

    Args:
        path: The file, .csv or .parquet, which is replaced whole.
        rows: The forecasts of each competitor.
        threads: That format them; the bytes are the same with any number.

    Raises:
        ConfigError: For another suffix, and without any forecast.
        StorageError: Where the file cannot be written.
    """
    require_table_suffix(path)
    if not rows:
        raise ConfigError("there is no test forecast to save", "let the test part begin within the history")
    payload = _parquet(rows) if path.name.endswith(".parquet") else _csv(rows, threads)
    write_atomic(path, gzip.compress(payload, mtime=0) if path.name.endswith(".gz") else payload)


def require_table_suffix(path: Path) -> None:
    """Raise ConfigError unless the name says in which format to write."""
    if not path.name.endswith(TABLE_SUFFIXES):
        raise ConfigError(f"{path.name}: the suffix names no format", f"end it in {', '.join(TABLE_SUFFIXES)}")


def _parquet(rows: Sequence[ForecastRows]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet

    # Readers make of dates what they make of times: columns of days, where pandas makes objects of pure dates.
    table = pa.concat_tables([_table(part, pa.timestamp("ms"), part.ticker, part.model) for part in rows])
    sink = pa.BufferOutputStream()
    pyarrow.parquet.write_table(table, sink)
    return bytes(sink.getvalue())


def _csv(rows: Sequence[ForecastRows], threads: int) -> bytes:
    import pyarrow as pa

    names = _table(rows[0], pa.date32(), "", "").column_names
    with ThreadPoolExecutor(threads) as executor:
        return b"".join([",".join(names).encode() + b"\n", *executor.map(_csv_of, rows)])


def _csv_of(part: ForecastRows) -> bytes:
    import pyarrow as pa
    from pyarrow import csv

    # Parquet has types, and no program that reads it computes a text: only here are names made inert.
    names = [_inert(name) for name in (part.ticker, part.model)]
    quoted = any(special in name for name in names for special in _SPECIAL)
    how = csv.WriteOptions(include_header=False, quoting_style="needed" if quoted else "none")
    sink = pa.BufferOutputStream()
    csv.write_csv(_table(part, pa.date32(), *names), sink, how)
    return bytes(sink.getvalue())


def _inert(name: str) -> str:
    """A name as a cell that no spreadsheet computes, on one line."""
    cell: str = inert(" ".join(name.splitlines()))
    return cell


def _table(part: ForecastRows, days: pa.DataType, ticker: str, model: str) -> pa.Table:
    import pyarrow as pa

    count, number = len(part.origins), partial(pa.array, from_pandas=True)
    columns = {
        "ticker": pa.repeat(ticker, count),
        "model": pa.repeat(model, count),
        "origin": pa.array(part.origins.astype("datetime64[D]")).cast(days),
        "target_session": pa.array(part.target_sessions.astype("datetime64[D]")).cast(days),
        "horizon": pa.repeat(part.horizon, count),
        **{name: number(getattr(part, name)) for name in ("last_close", "realised_return", "crps", "log_score", "pit")},
        **{f"q{percent:02d}": number(part.quantiles_NQ[:, percent - 1]) for percent in range(1, 100)},
    }
    return pa.table(columns)
