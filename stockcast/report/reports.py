"""A report as JSON: what its page says first, and where it was written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from stockcast.report.asjson import plain

if TYPE_CHECKING:
    from stockcast.results.report import Report


def report_data(report: Report, written: Sequence[str]) -> dict[str, Any]:
    """`data` of `report`: ticker, verdict, forecaster and its forecast by step, and the files written."""
    steps = [
        {
            "target_session": step.target_session,
            "horizon": step.horizon,
            "median": step.median,
            "quantiles": {f"{level:g}": price for level, price in step.quantiles.items()},
        }
        for step in report.fan
    ]
    data = {
        "ticker": report.result.ticker,
        "verdict": report.result.verdict,
        "forecaster": report.forecaster,
        "origin": report.dates[-1],
        "forecasts": steps,
        "data_sha256": report.result.data_sha256,
        "created_at": report.created_at,
        "files": list(written),
    }
    return {name: plain(value) for name, value in data.items()}
