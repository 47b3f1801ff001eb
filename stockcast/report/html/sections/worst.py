"""Worst days: the sessions that the network was most wrong about, and what the strongest baseline said of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stockcast.evaluation.verdict import display
from stockcast.report.figures import basis_points, number, percent, price, price_range
from stockcast.report.html.blocks import DataTable, Prose, Section
from stockcast.report.html.records import network_rows, outcome, quantile, strongest_rows
from stockcast.report.page import Column

if TYPE_CHECKING:
    from stockcast.results.report import Report
    from stockcast.results.training import ForecastRows

_DAYS = 10


def worst_section(report: Report) -> Section | None:
    """None without forecasts."""
    rows, baseline = network_rows(report), strongest_rows(report)
    if rows is None or not np.isfinite(rows.crps).any():
        return None
    scored = np.flatnonzero(np.isfinite(rows.crps))
    worst = scored[np.argsort(-rows.crps[scored], kind="stable")[:_DAYS]]
    names = [display(report.result.network)]
    columns = [Column("session", right=False), Column("last close"), Column("close"), Column("move")]
    found = [_outcome_cells(rows, row) for row in worst]
    for record in (rows, baseline):
        if record is None:
            continue
        name = display(record.model)
        columns += [Column(f"{name} 90 % interval"), Column(f"{name} PIT"), Column(f"{name} CRPS")]
        found = [
            (*cells, *_dist_cells(record, rows.target_sessions[row])) for cells, row in zip(found, worst, strict=True)
        ]
    if baseline is not None:
        names.append(display(baseline.model))
    table = DataTable(f"The {len(worst)} largest CRPS of the {names[0]}", tuple(columns), tuple(found))
    return Section("worst", "Worst days", (table, Prose(_NOTE, "quiet")))


_NOTE = (
    "PIT: the probability that the forecast gave to a close of at most this one; near 0 or 1, it came as a surprise. "
    "CRPS in basis points. Closes in shares of the day before."
)


def _outcome_cells(rows: ForecastRows, row: int) -> tuple[str, ...]:
    move = float(np.expm1(rows.realised_return[row]))
    return (
        str(rows.target_sessions[row]),
        price(float(rows.last_close[row])),
        price(float(outcome(rows)[row])),
        percent(move, 2, signed=True),
    )


def _dist_cells(rows: ForecastRows, session: np.datetime64) -> tuple[str, str, str]:
    """What one competitor had said of a session; dashes where it has no forecast for it."""
    places = np.flatnonzero(rows.target_sessions == session)
    if not len(places):
        return "-", "-", "-"
    row = int(places[0])
    low, high = float(quantile(rows, 5)[row]), float(quantile(rows, 95)[row])
    return price_range(low, high), number(float(rows.pit[row]), 4), basis_points(float(rows.crps[row]), 0)
