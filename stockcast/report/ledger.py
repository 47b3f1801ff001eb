"""The ledger as text, JSON, JSON lines and CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stockcast.report.asjson import as_json, plain
from stockcast.report.figures import count, price, price_range
from stockcast.report.page import Column, Page, paragraph, render, table
from stockcast.results.flat import csv_table, flat

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from stockcast.results.ledger import LedgerRow

_COLUMNS = (
    Column("ticker", right=False),
    Column("model", rank=6, right=False),
    Column("origin", rank=3, right=False),
    Column("target", right=False),
    Column("step", rank=5),
    Column("kind", right=False),
    Column("last close", rank=4),
    Column("median", rank=2),
    Column("90 % interval"),
    Column("close"),
    Column("outcome", right=False),
)
_NAMED = 5


def ledger_text(rows: Sequence[LedgerRow], total: int, missed: Mapping[str, Sequence[date]], page: Page) -> str:
    """What `ledger list` shows: one row per forecast, oldest target first, then the sessions that were missed."""
    parts = [table(_COLUMNS, [_row(row) for row in rows], page)] if rows else []
    words = [f"the newest {len(rows):,} of {total:,} forecasts; --limit 0 shows all"] if len(rows) < total else []
    words += [missed_words(ticker, sessions) for ticker, sessions in missed.items() if sessions]
    return render([*parts, *(paragraph(sentence, page) for sentence in words)], page)


def missed_words(ticker: str, sessions: Sequence[date]) -> str:
    """The newest of the missed sessions by name, the others by their number."""
    named = ", ".join(day.isoformat() for day in sessions[-_NAMED:])
    more = f", and {len(sessions) - _NAMED} before" if len(sessions) > _NAMED else ""
    return f"{ticker}: {count(len(sessions), 'session')} without a live forecast: {named}{more}"


def ledger_data(rows: Sequence[LedgerRow], missed: Mapping[str, Sequence[date]]) -> dict[str, Any]:
    """`data` of `ledger list` and `ledger export`."""
    return {"forecasts": [record(row) for row in rows], "missed": plain(dict(missed))}


def record(row: LedgerRow) -> dict[str, Any]:
    """One forecast with what became of it, in plain JSON."""
    return {
        "id": row.id,
        "kind": row.kind,
        "status": row.status,
        "recorded_at": row.recorded_at,
        **plain(row.forecast),
        "interval_90": list(row.interval_90),
        "raw_interval_90": list(row.raw_interval_90),
        "realised_close": row.realised_close,
        "void": row.void,
        "outcome": plain(row.outcome),
    }


def ledger_jsonl(rows: Sequence[LedgerRow]) -> str:
    """One JSON document a line."""
    return "".join(as_json(record(row)) + "\n" for row in rows)


def ledger_csv(rows: Sequence[LedgerRow]) -> str:
    """One row per forecast; what is nested becomes columns, and what a forecast has not stays empty."""
    cells = [{name: _cell(value) for name, value in flat(record(row)).items()} for row in rows]
    names = list(dict.fromkeys(name for row in cells for name in row if name != "outcome"))
    return csv_table(names, cells) if names else ""


def _cell(value: Any) -> Any:
    """Truth as JSON writes it, not as Python does."""
    return str(value).lower() if isinstance(value, bool) else value


def _row(row: LedgerRow) -> list[str]:
    f = row.forecast
    return [
        f.ticker,
        f.model,
        f.origin.isoformat(),
        f.target_session.isoformat(),
        str(f.horizon),
        row.kind,
        price(f.last_close),
        price(f.median),
        price_range(f.quantiles["0.05"], f.quantiles["0.95"]),
        "-" if row.realised_close is None else price(row.realised_close),
        _outcome(row),
    ]


def _outcome(row: LedgerRow) -> str:
    if row.outcome is None:
        return "void" if row.void else "open"
    return "within 90 %" if row.outcome.hit_90 else "outside 90 %"
