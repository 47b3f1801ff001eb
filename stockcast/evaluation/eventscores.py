"""Scores on the days that carry the reaction to a report, and on the other days, apart.

Reports are one session in sixty, and nearly a twentieth of the CRPS: a forecaster that knows their dates, and one that
does not, differ there, and an interval that is too narrow there is not seen in a coverage of all days.

Shapes: N origins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from stockcast.evaluation import metrics
from stockcast.evaluation.scores import Entry
from stockcast.windows.events import EventRows, Flags

REACTS = 0.5
"""Probability from which on a session counts as one that carries the reaction."""

LIVE = "live"
"""The kind of what was recorded live, whoever made it."""

_LEVELS = (4, 24, 74, 94)
"""Places of the ends of the 90 % and 50 % intervals among the percentiles."""


@dataclass(frozen=True)
class DayScore:
    """One competitor on some of the days.

    Attributes:
        n: How many of them there are.
        crps: Mean over them, of the log return: lower is better.
        coverage_50: Share of them on which the 50 % interval held the close.
        coverage_90: The same of the 90 % interval.
        network_skill: 1 - the network's CRPS / this competitor's, on these days; None for a network or a live record.
    """

    n: int
    crps: float
    coverage_50: float
    coverage_90: float
    network_skill: float | None

    @classmethod
    def of(cls, entry: Entry, network: Entry, days_N: Flags) -> Self:
        """The scores of a competitor on chosen days, and what the network is worth there."""
        y_N = entry.outcomes.y_N[days_N]
        low_90_N, low_50_N, high_50_N, high_90_N = entry.quantiles_NQ[days_N][:, _LEVELS].T
        crps, network_crps = (float(one.crps_N[days_N].mean()) for one in (entry, network))
        return cls(
            n=len(y_N),
            crps=crps,
            coverage_50=metrics.coverage(y_N, low_50_N, high_50_N),
            coverage_90=metrics.coverage(y_N, low_90_N, high_90_N),
            network_skill=None if entry.kind == "network" else relative_gain(network_crps, crps),
        )


@dataclass(frozen=True)
class EventScore:
    """One competitor on the sessions that carry the reaction to a report, and on the others.

    kind: network or baseline; LIVE for a live record, which stands for the network then. reaction: where the
    probability that the session carries it is REACTS or more. other: where it is less, and the dates of the ticker's
    reports are known; of a live record all other sessions.
    """

    ticker: str
    model: str
    kind: str
    reaction: DayScore
    other: DayScore


def event_scores(entries: Mapping[str, Entry], rows: EventRows, network: str) -> tuple[EventScore, ...]:
    """The scores of every competitor on reaction days and on others.

    Args:
        entries: Forecasts of the same N next sessions by competitor.
        rows: What was known of the dates at their origins.
        network: The competitor whose skill over the baselines is told.

    Returns:
        One for each competitor; none where there are not days of both kinds.
    """
    reaction_N = rows.q_N >= REACTS
    other_N = rows.known_N & ~reaction_N
    if not (reaction_N.any() and other_N.any()):
        return ()
    ours = entries[network]
    return tuple(
        EventScore(
            entry.outcomes.ticker, name, entry.kind,
            DayScore.of(entry, ours, reaction_N), DayScore.of(entry, ours, other_N),
        )
        for name, entry in entries.items()
    )  # fmt: skip


def pooled_event_scores(ticker: str, results: Sequence[Sequence[EventScore]], network: str) -> tuple[EventScore, ...]:
    """The scores over the days of several tickers, each day with the same weight.

    Args:
        ticker: What they are called together.
        results: Of each ticker the scores of its competitors; those of tickers without any say nothing.
        network: The competitor whose skill over the baselines is told.

    Returns:
        One for each competitor that every one of those tickers has; none for fewer than two tickers.
    """
    tables = [{score.model: score for score in found} for found in results if found]
    if len(tables) < 2 or not all(network in table for table in tables):
        return ()
    ours = [table[network] for table in tables]
    found = []
    for name in tables[0]:
        if all(name in table for table in tables):
            theirs = [table[name] for table in tables]
            reaction = _pooled([one.reaction for one in theirs], [one.reaction for one in ours])
            other = _pooled([one.other for one in theirs], [one.other for one in ours])
            found.append(EventScore(ticker, name, theirs[0].kind, reaction, other))
    return tuple(found)


def _pooled(scores: Sequence[DayScore], network: Sequence[DayScore]) -> DayScore:
    weights = [score.n for score in scores]

    def mean(name: str, of: Sequence[DayScore] = scores) -> float:
        return float(np.average([getattr(score, name) for score in of], weights=weights))

    gain = None if scores[0].network_skill is None else relative_gain(mean("crps", network), mean("crps"))
    return DayScore(sum(weights), mean("crps"), mean("coverage_50"), mean("coverage_90"), gain)


def relative_gain(crps: float, reference: float) -> float:
    """How much lower a CRPS is than another one, as a share of that."""
    return 1.0 - crps / reference if reference > 0 else float("nan")
