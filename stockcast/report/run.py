"""A run as text: one row per ticker, then the files that were written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stockcast.report.figures import percent, price, price_range
from stockcast.report.ledger import missed_words
from stockcast.report.page import Column, Page, paragraph, render, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stockcast.results.running import TickerRun

_COLUMNS = (
    Column("ticker", right=False),
    Column("origin", rank=3, right=False),
    Column("target", right=False),
    Column("last close", rank=2),
    Column("median"),
    Column("90 % interval"),
    Column("P(up)", rank=1),
    Column("settled", rank=2),
    Column("what happened", right=False),
)


def run_text(tickers: Sequence[TickerRun], written: Sequence[str], page: Page) -> str:
    """What `run` shows: each ticker's first forecast, and what was done for it."""
    parts = [table(_COLUMNS, [_row(ticker) for ticker in tickers], page)]
    words = [missed_words(ticker.ticker, ticker.missed) for ticker in tickers if ticker.missed]
    if written:
        words.append(f"written: {', '.join(written)}")
    return render([*parts, *(paragraph(sentence, page) for sentence in words)], page)


def _row(ticker: TickerRun) -> list[str]:
    settled = f"{ticker.settled:,}"
    if not ticker.forecasts:
        return [ticker.ticker, ticker.origin.isoformat(), "-", "-", "-", "-", "-", settled, _log(ticker)]
    first = ticker.forecasts[0]
    return [
        ticker.ticker,
        ticker.origin.isoformat(),
        first.target_session.isoformat(),
        price(first.last_close),
        price(first.median),
        price_range(first.quantiles["0.05"], first.quantiles["0.95"]),
        percent(first.p_up, 1),
        settled,
        _log(ticker),
    ]


def _log(ticker: TickerRun) -> str:
    training = {"first": "trained", "replaced": "retrained", "kept": "old model kept"}
    words = [training[ticker.training.outcome]] if ticker.training else []
    words.append("recorded" if ticker.new else "already on record")
    return ", ".join(words)
