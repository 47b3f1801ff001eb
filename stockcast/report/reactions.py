"""Scores on the days that carry the reaction to a report, and on the other days, as a table."""

from __future__ import annotations

from math import inf, isfinite
from typing import TYPE_CHECKING

from stockcast.report.tables import Column, Table, basis_points, count, gain, percent
from stockcast.report.text import Block, Heading

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stockcast.evaluation.eventscores import DayScore, EventScore


def reactions_table(scores: Sequence[EventScore], network: str) -> Table[EventScore]:
    """All competitors, the best on reaction days first.

    Args:
        scores: At least one.
        network: Whose skills are shown, as a sentence names it.
    """
    ranked = sorted(scores, key=lambda score: score.reaction.crps if isfinite(score.reaction.crps) else inf)
    # A baseline of a live record may lack some of the days.
    whole = next((score for score in ranked if score.kind != "baseline"), ranked[0])
    days = f"{count(whole.reaction.n, 'day')} with the reaction to a report and {whole.other.n:,} others"
    return Table(
        (
            Column("model", lambda score: score.model, align="left"),
            *_columns("reaction", lambda score: score.reaction, network),
            *_columns("other", lambda score: score.other, network),
        ),
        tuple(ranked),
        days,
        pointed=frozenset(place for place, score in enumerate(ranked) if score.kind != "baseline"),
    )


def _columns(days: str, of: Callable[[EventScore], DayScore], network: str) -> tuple[Column[EventScore], ...]:
    crps = f"CRPS in basis points of the log return; skill: how much lower that of {network} is, on the same days."
    held = "50 %, 90 %: how often those intervals held the close."
    return (
        Column(f"{days}\nCRPS", lambda score: of(score).crps, basis_points, crps),
        Column(f"{days}\nskill", lambda score: of(score).network_skill, gain, crps, missing=""),
        Column(f"{days}\n50 %", lambda score: of(score).coverage_50, percent, held, rank=2),
        Column(f"{days}\n90 %", lambda score: of(score).coverage_90, percent, held, rank=1),
    )


NOTE = (
    "A reaction day is a session that carries the reaction to a report with a probability of 50 % or more, by what was "
    "known of the dates before it; sessions around which no dates are known are in neither group."
)


LIVE_NOTE = (
    "A reaction day is a session that, as its forecast was recorded, carries the reaction to a report with a "
    "probability of 50 % or more; the others are those of the same tickers."
)


def reactions(scores: Sequence[EventScore], network: str, note: str = NOTE) -> list[Block]:
    """The table with its heading and what a reader needs to know; nothing without scores."""
    if not scores:
        return []
    table = reactions_table(scores, network)
    return ["", Heading(f"Reports: {table.title}"), table, f"{table.notes} {note}"]
