"""What a life with a provider shows: fetches, runs, the live record and the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stockcast.evaluation.verdict import ALL
from stockcast.report.forecast import events_words, interval_90
from stockcast.report.reactions import LIVE_NOTE, reactions
from stockcast.report.tables import (
    COVERAGE_50,
    COVERAGE_90,
    Column,
    Table,
    basis_points,
    count,
    gain,
    number,
    p_value,
    percent,
    price,
    price_range,
    thousands,
    through,
)
from stockcast.report.text import Block, Heading, Page, render

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from stockcast.evaluation.liverecord import LiveComparison, LiveScore, ScoreResult
    from stockcast.forecasts import Forecast, LedgerRow
    from stockcast.results import FetchResult, TickerPlan, TickerRun

_NAMED = 5  # missed sessions


# Fetches.


def fetches_text(results: Sequence[FetchResult], page: Page) -> str:
    """What `fetch` shows: a row per ticker."""
    return render([Table(_FETCHES, tuple(results))], page)


def _news(result: FetchResult) -> str:
    if not result.asked:
        return "stored prices did"
    if result.restated:
        return "restated and replaced"
    if result.corrected:
        return f"{count(result.corrected, 'bar')} corrected"
    return "fetched" if result.added else "nothing new"


_FETCHES: tuple[Column[FetchResult], ...] = (
    Column("ticker", lambda r: r.ticker, align="left"),
    Column("exchange", lambda r: r.exchange, rank=3, align="left"),
    Column("currency", lambda r: r.currency or None, rank=4, align="left"),
    Column("first", lambda r: r.first, rank=2, align="left"),
    Column("last", lambda r: r.last, align="left"),
    Column("sessions", lambda r: r.sessions, thousands, rank=1),
    Column("new", lambda r: r.added, thousands),
    Column("behind", lambda r: r.age_sessions or None, lambda n: count(n, "session"), align="left"),
    Column("what happened", _news, rank=1, align="words"),
)


# Runs.


def plans_text(plans: Sequence[TickerPlan], words: str, page: Page) -> str:
    """What `run --dry-run` shows: a row per ticker, and what the trainings cost."""
    return f"{render([Table(_PLANS, tuple(plans))], page)}\n{words}\n"


_PLANS: tuple[Column[TickerPlan], ...] = (
    Column("ticker", lambda p: p.ticker, align="left"),
    Column("last", lambda p: p.last, align="left"),
    Column("behind", lambda p: p.behind or None, lambda n: count(n, "session"), align="left"),
    Column("training", lambda p: p.training, align="words"),
)


def run_text(tickers: Sequence[TickerRun], written: Sequence[str], page: Page) -> str:
    """What `run` shows: each ticker's first forecast, what was done for it, and the files that were written.

    Below, the reports that its forecasts react to, and the sessions that were missed.
    """
    reports = [words for ticker in tickers for words in events_words(ticker.forecasts, ticker.ticker)]
    missed = [missed_words(ticker.ticker, ticker.missed) for ticker in tickers if ticker.missed]
    files = [f"written: {', '.join(written)}"] if written else []
    return render([Table(_RUNS, tuple(tickers)), *reports, *missed, *files], page)


def missed_words(ticker: str, sessions: Sequence[date]) -> str:
    """The newest of the missed sessions by name, the others by their number."""
    named = ", ".join(day.isoformat() for day in sessions[-_NAMED:])
    more = f", and {len(sessions) - _NAMED} before" if len(sessions) > _NAMED else ""
    return f"{ticker}: {count(len(sessions), 'session')} without a live forecast: {named}{more}"


def _first(run: TickerRun) -> Forecast | None:
    return next(iter(run.forecasts), None)


def _done(run: TickerRun) -> str:
    training = {"first": "trained", "replaced": "retrained", "kept": "old model kept"}
    words = [training[run.training.outcome]] if run.training else []
    return ", ".join([*words, "recorded" if run.new else "already on record"])


_RUNS: tuple[Column[TickerRun], ...] = (
    Column("ticker", lambda run: run.ticker, align="left"),
    Column("origin", lambda run: run.origin, rank=3, align="left"),
    Column("target", through(_first, lambda f: f.target_session), align="left"),
    Column("last close", through(_first, lambda f: f.last_close), price, rank=2),
    Column("median", through(_first, lambda f: f.median), price),
    Column("90 % interval", through(_first, interval_90), price_range),
    Column("P(up)", through(_first, lambda f: f.p_up), percent, rank=1),
    Column("settled", lambda run: run.settled, thousands, rank=2),
    Column("what happened", _done, align="words"),
)


# The live record.


def score_text(result: ScoreResult, page: Page) -> str:
    """What `score` shows: one row per live record, the pooled ones, and the verdict."""
    below = [_waiting(result)] if result.waiting or result.void else []
    below += [missed_words(ticker, sessions) for ticker, sessions in result.missed.items()]
    scores = (*result.scores, *result.pooled)
    if not scores:
        return render([result.sentence, *below], page)
    table = Table(_SCORES, scores)
    # All tickers together where there are several.
    pooled = tuple(score for score in result.event_scores if score.ticker == ALL) or result.event_scores
    reports = reactions(pooled, "the live record", LIVE_NOTE)
    return render([table, table.notes, *reports, Heading("\nVerdict"), result.sentence, *below], page)


def _waiting(result: ScoreResult) -> str:
    words = []
    if result.waiting:
        words.append(f"{count(result.waiting, 'forecast')} due and not settled: stockcast run settles")
    if result.void:
        words.append(f"{count(result.void, 'forecast')} void: there was no bar on the target session")
    return "; ".join(words)


def _against_rival(score: LiveScore) -> LiveComparison | None:
    return next((c for c in score.comparisons if c.baseline == score.rival), None)


_SCORES: tuple[Column[LiveScore], ...] = (
    Column("ticker", lambda s: s.ticker, align="left"),
    Column("model", lambda s: s.model, rank=6, align="left"),
    Column("step", lambda s: s.horizon, rank=5),
    Column("n", lambda s: s.n, thousands),
    Column("since", lambda s: s.first, rank=4, align="left"),
    Column("CRPS", lambda s: s.crps, basis_points, "CRPS in basis points of the log return: lower is better."),
    Column("rival", lambda s: s.rival or None, align="left"),
    Column(
        "skill",
        through(_against_rival, lambda c: c.crps_skill),
        gain,
        "skill: by how much it is lower than the rival's.",
    ),
    Column("p", through(_against_rival, lambda c: c.dm_p), p_value),
    Column(
        COVERAGE_90,
        lambda s: s.coverage_90,
        percent,
        "90 % coverage: how often the interval held the close; its range is where the true share lies.",
    ),
    Column(
        "95 % range",
        lambda s: f"{percent(s.coverage_90_low)} .. {percent(s.coverage_90_high)}",
        rank=1,
        align="left",
    ),
    Column("uncalibrated", lambda s: s.raw_coverage_90, percent, rank=3),
    Column(COVERAGE_50, lambda s: s.coverage_50, percent, rank=4),
    Column("PIT p", lambda s: s.pit_p, number, rank=5),
)


# The ledger.


def ledger_text(rows: Sequence[LedgerRow], total: int, missed: Mapping[str, Sequence[date]], page: Page) -> str:
    """What `ledger list` shows: one row per forecast, oldest target first, then the sessions that were missed.

    Args:
        rows: The forecasts that are shown.
        total: How many there are.
        missed: Sessions without a live forecast, by ticker.
        page: Where it is shown.
    """
    columns = _LEDGER if not any(row.forecast.event for row in rows) else (*_LEDGER[:-1], _REPORT, _LEDGER[-1])
    blocks: list[Block] = [Table(columns, tuple(rows))] if rows else []
    if len(rows) < total:
        blocks.append(f"the newest {len(rows):,} of {total:,} forecasts; --limit 0 shows all")
    blocks += [missed_words(ticker, sessions) for ticker, sessions in missed.items() if sessions]
    return render(blocks, page)


def _outcome(row: LedgerRow) -> str:
    if row.outcome is None:
        return "void" if row.void else "open"
    return "within 90 %" if row.outcome.hit_90 else "outside 90 %"


_REPORT: Column[LedgerRow] = Column(
    "report", through(lambda row: row.forecast.event, lambda e: f"{e.day} {e.when}"), rank=1, align="left", missing=""
)
"""Shown where some session of the list reacts to a report."""
_LEDGER: tuple[Column[LedgerRow], ...] = (
    Column("ticker", lambda row: row.forecast.ticker, align="left"),
    Column("model", lambda row: row.forecast.model, rank=6, align="left"),
    Column("origin", lambda row: row.forecast.origin, rank=3, align="left"),
    Column("target", lambda row: row.forecast.target_session, align="left"),
    Column("step", lambda row: row.forecast.horizon, rank=5),
    Column("kind", lambda row: row.kind, align="left"),
    Column("last close", lambda row: row.forecast.last_close, price, rank=4),
    Column("median", lambda row: row.forecast.median, price, rank=2),
    Column("90 % interval", lambda row: interval_90(row.forecast), price_range),
    Column("close", lambda row: row.realised_close, price),
    Column("outcome", _outcome, align="left"),
)
