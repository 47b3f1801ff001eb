"""Fetches as text: one row per ticker, and what was restated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stockcast.report.figures import count
from stockcast.report.page import Column, Page, render, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stockcast.results.fetching import FetchResult

_COLUMNS = (
    Column("ticker", right=False),
    Column("exchange", rank=3, right=False),
    Column("currency", rank=4, right=False),
    Column("first", rank=2, right=False),
    Column("last", right=False),
    Column("sessions", rank=1),
    Column("new"),
    Column("behind", right=False),
    Column("what happened", rank=1, right=False),
)


def fetches_text(results: Sequence[FetchResult], page: Page) -> str:
    """What `fetch` shows."""
    return render([table(_COLUMNS, [_row(result) for result in results], page)], page)


def _row(result: FetchResult) -> list[str]:
    return [
        result.ticker,
        result.exchange,
        result.currency or "-",
        result.first.isoformat(),
        result.last.isoformat(),
        f"{result.sessions:,}",
        f"{result.added:,}",
        "-" if result.age_sessions == 0 else count(result.age_sessions, "session"),
        _news(result),
    ]


def _news(result: FetchResult) -> str:
    if not result.asked:
        return "stored prices did"
    if result.restated:
        return "restated and replaced"
    if result.corrected:
        return f"{count(result.corrected, 'bar')} corrected"
    return "fetched" if result.added else "nothing new"
