"""Prices: the newest closes and the forecast of what comes next, drawn and as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stockcast.evaluation.verdict import display
from stockcast.report.figures import count, price, price_range
from stockcast.report.html.blocks import Block, DataTable, Drawing, Figures, Section
from stockcast.report.html.plots.fan import fan_chart, misses
from stockcast.report.html.records import network_rows
from stockcast.report.page import Column

if TYPE_CHECKING:
    from stockcast.results.report import Report

_SESSIONS, _SESSIONS_NARROW = 120, 60
_FOLDED = 12
"""Longer tables are shown on demand."""

_COLUMNS = (
    Column("target session", right=False),
    Column("sessions ahead"),
    Column("median"),
    Column("50 % interval"),
    Column("90 % interval"),
)


def prices_section(report: Report) -> Section | None:
    """None without prices."""
    if not report.closes:
        return None
    rows = network_rows(report)
    wide = fan_chart(report, rows, _SESSIONS)
    narrow = fan_chart(report, rows, _SESSIONS_NARROW, narrow=True)
    blocks: list[Block] = [Figures((Drawing(wide, _note(report), narrow),))]
    if len(report.fan) > 1:
        blocks.append(_table(report))
    return Section("price", "Price and forecast", tuple(blocks))


def _note(report: Report) -> str:
    rows = network_rows(report)
    currency = f"Closes in {report.currency}. " if report.currency else ""
    words = currency
    if rows is not None:
        missed, of = misses(report, rows, _SESSIONS)
        words += (
            f"Band: the {display(report.result.network)}'s 90 % interval for each close, made at the close before; "
            f"{missed} of the last {count(of, 'close')} were outside, {0.1 * of:.0f} would be expected. "
        )
    if report.fan:
        words += f"At the right, the 50 % and 90 % intervals of the next forecast, by {display(report.forecaster)}."
    return words.strip()


def _table(report: Report) -> DataTable:
    rows = tuple(
        (
            step.target_session.isoformat(),
            str(step.horizon),
            price(step.median),
            price_range(step.quantiles[0.25], step.quantiles[0.75]),
            price_range(step.quantiles[0.05], step.quantiles[0.95]),
        )
        for step in report.fan
    )
    return DataTable(f"Forecast by {display(report.forecaster)}", _COLUMNS, rows, folded=len(rows) > _FOLDED)
