"""The skill table: what a backtest found of every competitor, over all tickers, as figures for a paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class SkillRow:
    """One competitor over all tickers; `kind` is network or baseline. None: undefined, or nothing to compare with.

    crps_bp: CRPS of log returns in basis points, mean over tickers. Gains are means over tickers: of 1 - CRPS / CRPS of
    the other, as a share, over the table's reference, GARCH-t and HAR-t (reference_gain, garch_gain, har_gain); of the
    log score less the reference's, in nats; of 1 - score / the reference's of the central 90 % interval, as a share.
    coverage_50, coverage_90: shares of all forecasts. better_than_garch, better_than_har: tickers with a lower CRPS.
    network_gain: of the table's network over this competitor, as a share; network_p: one-sided, None where the backtest
    has no such test, as between two networks.
    """

    model: str
    kind: str
    crps_bp: float
    reference_gain: float | None
    garch_gain: float | None
    har_gain: float | None
    log_score_gain: float | None
    interval_score_gain: float | None
    coverage_50: float
    coverage_90: float
    better_than_garch: int | None
    better_than_har: int | None
    network_gain: float | None
    network_p: float | None


@dataclass(frozen=True)
class SkillTable:
    """All competitors that every ticker has, in descending order of reference_gain.

    first, last: target sessions. n: forecasts of one competitor over all tickers. folds: the fewest and the most of a
    ticker. network: the one that the verdicts of most tickers are about, of equals the first named. reference: GARCH-t
    or, where not every ticker has it, the baseline with the lowest CRPS. confidence_set: competitors that cannot be
    told from the best one, with their p-values. left_out: competitors that some ticker lacks.
    """

    rows: tuple[SkillRow, ...]
    tickers: tuple[str, ...]
    first: date
    last: date
    n: int
    folds: tuple[int, int]
    network: str
    reference: str
    confidence_set: Mapping[str, float]
    left_out: tuple[str, ...] = ()
