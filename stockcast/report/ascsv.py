"""Forecasts as CSV (RFC 4180), header once, quantiles as columns q0.05, q0.25, ..."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stockcast.report.asjson import plain
from stockcast.results.flat import csv_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stockcast.results.forecasts import Forecast


def forecasts_csv(forecasts: Sequence[Forecast]) -> str:
    """One row per forecast, columns in the order of `Forecast`'s fields; a missing value is an empty cell.

    Where forecasts differ in their quantiles, the columns are those of all of them. Rows end with CR LF.
    """
    levels = sorted({level for forecast in forecasts for level in forecast.quantiles}, key=float)
    rows = [_row(plain(forecast), levels) for forecast in forecasts]
    return csv_table(list(rows[0]), rows) if rows else ""


def _row(forecast: dict[str, Any], levels: Sequence[str]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, value in forecast.items():
        if name == "quantiles":
            row.update({f"q{level}": value.get(level) for level in levels})
        elif name == "calibration":
            row["calibration_factor"] = (value or {}).get("factor")
        else:
            row[name] = value
    return row
