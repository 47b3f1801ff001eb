"""The live record as text and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stockcast.report.asjson import plain
from stockcast.report.figures import basis_points, count, number, p_value, percent
from stockcast.report.ledger import missed_words
from stockcast.report.page import Column, Page, heading, paragraph, render, table

if TYPE_CHECKING:
    from stockcast.results.score import LiveScore, ScoreResult

_COLUMNS = (
    Column("ticker", right=False),
    Column("model", rank=6, right=False),
    Column("step", rank=5),
    Column("n"),
    Column("since", rank=4, right=False),
    Column("CRPS"),
    Column("rival", right=False),
    Column("skill"),
    Column("p"),
    Column("in 90 %"),
    Column("95 % range", rank=1, right=False),
    Column("uncalibrated", rank=3),
    Column("in 50 %", rank=4),
    Column("PIT p", rank=5),
)
_LEGEND = (
    "CRPS in basis points of the log return: lower is better. skill: by how much it is lower than the rival's. "
    "in 90 %: how often the interval held the close; its range is where the true share lies."
)


def score_data(result: ScoreResult) -> dict[str, Any]:
    """`data` of `score`."""
    data: dict[str, Any] = plain(result)
    return {**data, "decayed": result.decayed}


def score_text(result: ScoreResult, page: Page) -> str:
    """What `score` shows: one row per live record, the pooled ones, and the verdict."""
    scores = [*result.scores, *result.pooled]
    words = [_waiting(result)] if result.waiting or result.void else []
    words += [missed_words(ticker, sessions) for ticker, sessions in result.missed.items()]
    said = [paragraph(sentence, page) for sentence in words]
    if not scores:
        return render([paragraph(result.sentence, page), *said], page)
    rows = [_row(score) for score in scores]
    return render(
        [
            table(_COLUMNS, rows, page),
            paragraph(_LEGEND, page),
            heading("\nVerdict"),
            paragraph(result.sentence, page),
            *said,
        ],
        page,
    )


def _row(score: LiveScore) -> list[str]:
    rival = next((c for c in score.comparisons if c.baseline == score.rival), None)
    return [
        score.ticker,
        score.model,
        str(score.horizon),
        f"{score.n:,}",
        score.first.isoformat(),
        basis_points(score.crps),
        score.rival or "-",
        "-" if rival is None else percent(rival.crps_skill, 2, signed=True),
        "-" if rival is None else p_value(rival.dm_p),
        percent(score.coverage_90),
        f"{percent(score.coverage_90_low)} .. {percent(score.coverage_90_high)}",
        percent(score.raw_coverage_90),
        percent(score.coverage_50),
        number(score.pit_p),
    ]


def _waiting(result: ScoreResult) -> str:
    words = []
    if result.waiting:
        words.append(f"{count(result.waiting, 'forecast')} due and not settled: stockcast run settles")
    if result.void:
        words.append(f"{count(result.void, 'forecast')} void: there was no bar on the target session")
    return "; ".join(words)
