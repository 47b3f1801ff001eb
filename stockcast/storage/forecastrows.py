"""Test forecasts as a file: one row for each competitor and origin, CSV or Parquet."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stockcast.errors import ConfigError
from stockcast.results.printable import inert
from stockcast.results.training import ForecastRows
from stockcast.storage.files import write_atomic

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".csv.gz", ".parquet")


def write(path: Path, rows: Sequence[ForecastRows]) -> None:
    """Write the rows of all competitors to `path`, in the format of its suffix; the file is replaced whole.

    Raises ConfigError for another suffix, StorageError where the file cannot be written.
    """
    require_suffix(path)
    import pandas as pd

    frame = pd.concat([_frame(part) for part in rows], ignore_index=True)
    buffer = io.BytesIO()
    if path.name.endswith(".parquet"):
        frame.to_parquet(buffer, index=False)
    else:
        # Parquet has types, and no program that reads it computes a text.
        frame = frame.assign(**{name: frame[name].map(_inert) for name in ("ticker", "model")})
        frame.to_csv(
            buffer,
            index=False,
            lineterminator="\n",
            compression="gzip" if path.name.endswith(".gz") else None,
            date_format="%Y-%m-%d",
        )
    write_atomic(path, buffer.getvalue())


def require_suffix(path: Path) -> None:
    """Raise ConfigError unless the name says in which format to write."""
    if not path.name.endswith(SUFFIXES):
        raise ConfigError(f"{path.name}: the suffix names no format", f"end it in {', '.join(SUFFIXES)}")


def _inert(name: str) -> str:
    """A name as a cell that no spreadsheet computes; pandas does not quote every line break."""
    cell: str = inert(" ".join(name.splitlines()))
    return cell


def _frame(part: ForecastRows) -> pd.DataFrame:
    import pandas as pd

    columns: dict[str, object] = {
        "ticker": part.ticker,
        "model": part.model,
        "origin": part.origins.astype("datetime64[s]"),
        "target_session": part.target_sessions.astype("datetime64[s]"),
        "horizon": part.horizon,
        "last_close": part.last_close,
        "realised_return": part.realised_return,
        "crps": part.crps,
        "log_score": part.log_score,
        "pit": part.pit,
    }
    quantiles = {f"q{percent:02d}": part.quantiles_NQ[:, percent - 1] for percent in range(1, 100)}
    return pd.DataFrame(columns | quantiles, index=np.arange(len(part.origins)))
