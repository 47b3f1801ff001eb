"""Checks of an audit that need no training: prices as they were read, the ledger's calibration, a lagged copy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stockcast.errors import DataError
from stockcast.evaluation.audit import LaggedCopy, differing_columns
from stockcast.pipeline.source import PriceSeries, PriceSource
from stockcast.prices.csvfile.source import STANDARD_INPUT
from stockcast.prices.history import History
from stockcast.results import AuditCheck
from stockcast.windows.features import features

if TYPE_CHECKING:
    from stockcast.forecasts import LedgerRow
    from stockcast.storage.database import Database

SHOWN = 4
"""Names of what differs that a line has room for."""


def outcome(name: str, wrong: Sequence[str], detail: str) -> AuditCheck:
    """A check that passed where nothing is wrong; otherwise its detail begins with what is."""
    if not wrong:
        return AuditCheck(name, True, detail)
    more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
    return AuditCheck(name, False, f"differs: {', '.join(wrong[:SHOWN])}{more}; {detail}")


def prices_check(
    prices: PriceSource, source: str, history: History, rows: Sequence[int]
) -> tuple[list[AuditCheck], list[str]]:
    """Whether bars depend on later ones: the source read up to each origin, against the same bars read with all others.

    A repair that looks at the bar after is one that nobody could have made at the origin. Standard input cannot be
    read twice; that is said instead.
    """
    if source == STANDARD_INPUT:
        return [], ["prices: standard input cannot be read again up to an origin"]
    wrong: list[str] = []
    for row in rows:
        past = history.rows(0, row + 2)
        try:
            alone = prices.until(past.last).load(source, fetch="never").history
        except DataError as error:
            return [AuditCheck("prices", None, f"read up to {past.last} alone they are refused: {error.message}")], []
        if len(alone) != len(past):
            wrong.append(f"{len(alone)} bars up to {past.last}, {len(past)} with later ones")
            continue
        differing = differing_columns(features(past), features(alone), len(past))
        wrong += [f"{column} up to {past.last}" for column in differing]
    return [outcome("prices", wrong, f"read up to each of {len(rows)} origins, against all of them read and cut")], []


def calibration_check(home: Path, series: PriceSeries) -> tuple[list[AuditCheck], list[str]]:
    """Whether a calibration at an origin knows of forecasts whose target came later; or why there is none to check."""
    if not series.is_stored:
        return [], ["calibration by the ledger: forecasts of a file have none"]
    from stockcast.storage.database import Database
    from stockcast.storage.ledger import reading

    ticker = series.history.ticker
    with Database.open(home) as db:
        settled = [row for row in reading.rows(db, ticker, kind="live") if row.outcome is not None]
        if not settled:
            return [], [f"calibration by the ledger: no live forecast of {ticker} has been settled"]
        wrong = _knowing_too_much(db, ticker, settled)
    detail = f"{len(settled)} settled forecasts: at an origin only those count whose target is not after it"
    return [outcome("calibration", wrong, detail)], []


def _knowing_too_much(db: Database, ticker: str, settled: Sequence[LedgerRow]) -> list[str]:
    from stockcast.storage.ledger.reading import recorded_misses

    wrong: list[str] = []
    for row in settled:
        f = row.forecast
        known = recorded_misses(db, ticker, f.model, f.horizon, f.origin)
        due = [
            other.forecast.target_session
            for other in settled
            if (other.forecast.model, other.forecast.horizon) == (f.model, f.horizon)
            and other.forecast.target_session <= f.origin
        ]
        if [miss.target_session for miss in known] != sorted(due):
            wrong.append(f"{f.model} from {f.origin}")
    return wrong


def lagged_copy_check(found: LaggedCopy, cell: str) -> AuditCheck:
    """Whether the point forecast is today's price in disguise, and whether anybody may call that a skill.

    The median of an honest distribution lies near today's close: the next return is mostly noise. So nearness is no
    fault; a warning says where the median errs no less than today's close does, or knows more than it can.
    """
    if math.isnan(found.ratio):
        return AuditCheck("lagged copy", None, "the price never moves in the test part: nothing tells it from a copy")
    near = (
        f"the {cell}'s median is {100 * found.to_last:.2f} % from today's close and {100 * found.to_next:.2f} % from "
        f"the next one (correlation {found.last_correlation:.4f} and {found.next_correlation:.4f})"
    )
    if found.to_next < found.to_last:
        return AuditCheck("lagged copy", None, f"{near}: nearer to the future than any price allows; look for a leak")
    if not found.ratio < 1:
        words = f"its error is {found.ratio:.3f} of today's close's: as a point it has no skill, and none is claimed"
        return AuditCheck("lagged copy", None, f"{near}; {words}")
    words = (
        f"its error is {found.ratio:.3f} of today's close's: near today's price, as an honest median is; the skill "
        "that is claimed is the interval's"
    )
    return AuditCheck("lagged copy", True, f"{near}; {words}")


def verdict(ticker: str, checks: Sequence[AuditCheck]) -> str:
    """The audit in a sentence or two."""
    failed = [check.name for check in checks if check.ok is False]
    warned = [check.name for check in checks if check.ok is None]
    if failed:
        words = f"{ticker}: something looks ahead; {len(failed)} of {len(checks)} checks failed: {', '.join(failed)}."
    else:
        passed = len(checks) - len(warned)
        words = (
            f"{ticker}: no forecast looks ahead. With the bars after the origin removed, shuffled or replaced, nothing "
            f"that was fitted, chosen or forecast changed by a byte ({passed} of {len(checks)} checks passed)."
        )
    return f"{words} Warning: {', '.join(warned)}." if warned else words
