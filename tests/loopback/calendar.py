"""The page of /calendar/earnings: a table for people, from which yfinance reads the dates of reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from html import escape

from tests.loopback.market import Market

_COLUMNS = ("Symbol", "Company", "Earnings Date", "EPS Estimate", "Reported EPS", "Surprise (%)")
_HEAD = "<html><head><title>Company Earnings Calendar - Yahoo Finance</title></head><body><h1>Earnings</h1>"


@dataclass(frozen=True)
class Report:
    """A row of the table.

    Attributes:
        cell: The date as the page has it, such as "October 30, 2025 at 4 PM EDT".
        reported: What was earned per share; None where that is still to come.
    """

    cell: str
    reported: float | None = None

    @classmethod
    def at(cls, moment: datetime, reported: float | None = None) -> Report:
        """A row for a moment of New York, whose minutes the page leaves out."""
        return cls(f"{moment:%B} {moment.day}, {moment.year} at {moment:%I} {moment:%p} {moment.tzname()}", reported)


def page(market: Market, symbol: str, size: int) -> str:
    """The page of a symbol with up to `size` rows, the newest first; without a table where there are none."""
    with market.lock:
        listing = market.listings.get(symbol.upper())
        reports: list[Report] = [] if listing is None else listing.reports[:size]
    if not reports:
        return f"{_HEAD}<p>We couldn't find any results.</p></body></html>"
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in _cells(symbol, one))}</tr>" for one in reports)
    head = "".join(f"<th>{name}</th>" for name in _COLUMNS)
    return f'{_HEAD}<table class="bd"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></body></html>'


def _cells(symbol: str, report: Report) -> tuple[str, ...]:
    told = ("-", "-") if report.reported is None else (f"{report.reported:.2f}", "+1.25")
    return symbol, f"{symbol} & Co", report.cell, "1.00", *told
