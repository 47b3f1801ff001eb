"""What an audit compares, to the last byte, and its checks that need no training.

Prices as they were read, the ledger's calibration, and whether a forecast is a lagged copy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stockcast.errors import DataError
from stockcast.evaluation.audit import LaggedCopy, differing_columns
from stockcast.forecasts import Forecast
from stockcast.pipeline.series import PriceSeries
from stockcast.pipeline.source import PriceSource
from stockcast.prices.csvfile.content import STANDARD_INPUT
from stockcast.prices.history import History
from stockcast.prices.sessionfit import session_fit
from stockcast.prices.sessions import SessionCalendar, load_calendar
from stockcast.progress import Progress
from stockcast.results import AuditCheck
from stockcast.windows.features import features

if TYPE_CHECKING:
    from stockcast.forecasts import LedgerRow
    from stockcast.models.ensemble import Ensemble
    from stockcast.storage.database import Database
    from stockcast.windows.covariates import Covariates

REPORT_DATES = "report dates"
"""The check of what is known of reports, where anything is."""

SHOWN = 4
"""Names of what differs that a line has room for."""

Parts = Mapping[str, bytes]
"""Something by name, to the last byte."""

FITTED = {
    "base scale": "HAR weights, location and tails, fitted with other bars after {cutoff}",
    "standardiser": "centre and spread of every input, fitted with other bars after {cutoff}",
    "early stopping": "steps and every validation loss, with other bars after {cutoff}",
    "network weights": "every weight of every member, trained with other bars after {cutoff}",
    "baselines": "parameters of every baseline, fitted with other bars after {cutoff}",
    "simulated bars": "the past bars that paths draw from, with other bars after {cutoff}",
    "validation scores": "of the network and every baseline, with other bars after {cutoff}",
    "choice": "of the strongest baseline and of who serves, with other bars after {cutoff}",
    "policy": "every weight of the policy, learnt with other bars after {cutoff}",
}
"""Checks of what was fitted or chosen, each with bytes of its own, and what was compared."""


class Watched:
    """Progress that names its stages after what is audited, keeps validation losses, and tells no notes."""

    def __init__(self, progress: Progress, prefix: str) -> None:
        self.progress = progress
        self.prefix = prefix
        self.losses: list[float] = []

    def stage(self, name: str, total: int, targets: int = 0) -> None:
        """Pass it on."""
        self.progress.stage(f"{self.prefix}: {name}", total, targets)

    def advance(self, units: int, loss: float | None = None) -> None:
        """Pass it on; a loss stays."""
        if loss is not None:
            self.losses.append(loss)
        self.progress.advance(units, loss)

    def note(self, message: str, detail: bool = False) -> None:  # noqa: ARG002 - the protocol's signature
        """Other futures have notes of their own, which concern nobody."""
        self.progress.note(f"{self.prefix}: {message}", True)


def differing(own: Parts, other: Parts) -> list[str]:
    """Names of what differs, or is there on one side alone."""
    return [name for name in {**own, **other} if own.get(name) != other.get(name)]


def network_parts(network: Ensemble) -> dict[str, Parts]:
    """Base scale, standardiser and weights of an ensemble."""
    base, standardiser, weights = network.base, network.standardiser, network.weights
    tensors = {
        f"layer {depth + 1} {name}": values.tobytes()
        for depth, layer in enumerate(weights.layers)
        for name, values in vars(layer).items()
    }
    return {
        "base scale": {"parameters": np.array([*base.weights, base.mu, base.nu]).tobytes()},
        "standardiser": {
            f"{what} of {name}": values_F[k].tobytes()
            for what, values_F in (("centre", standardiser.centre_F), ("spread", standardiser.spread_F))
            for k, name in enumerate(standardiser.names)
        },
        "network weights": {
            **tensors,
            "readout": weights.readout_SHD.tobytes() + weights.readout_bias_SH.tobytes(),
            "skip": weights.skip_SHF.tobytes(),
            "event layer": repr(network.layer).encode(),
        },
    }


def forecast_bytes(f: Forecast) -> bytes:
    """The distribution in price, the session that it is of, and the bars that it saw; not when it was made."""
    figures = (f.median, f.mean, *f.quantiles.values(), f.p_up, f.scale, f.last_close)
    held = () if f.policy is None else (f.policy.position,)
    return np.array((*figures, *held)).tobytes() + f.target_session.isoformat().encode() + f.data_sha256.encode()


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


def days_check(history: History, calendar: SessionCalendar, covariates: Covariates | None) -> AuditCheck:
    """Whether stamps a day earlier or later would fit the sessions of an exchange better.

    Nothing else shows it: what is stamped a day early is known a day early whatever becomes of later bars.

    Args:
        history: The prices.
        calendar: The sessions that they are taken for.
        covariates: Further series, each with an exchange of its own.
    """
    fits = {history.ticker: session_fit(history.dates, calendar)}
    for one in () if covariates is None else covariates.series:
        own = load_calendar(one.closing.exchange, one.history.first, one.history.last)
        fits[one.name] = session_fit(one.history.dates, own)
    moved = [fit.sentence(name) for name, fit in fits.items() if fit.shift]
    doubtful = [fit.sentence(name) for name, fit in fits.items() if fit.doubtful and not fit.shift]
    of = ", ".join(f"{name} ({fit.exchange})" for name, fit in fits.items())
    detail = f"{of}: stamps as they are, a day earlier and a day later, beside the sessions"
    return AuditCheck("days", False if moved else None if doubtful else True, "; ".join([*moved, *doubtful, detail]))


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


def audit_verdict(ticker: str, checks: Sequence[AuditCheck]) -> str:
    """The audit in a sentence or two."""
    failed = [check.name for check in checks if check.ok is False]
    warned = [check.name for check in checks if check.ok is None]
    if failed:
        words = f"{ticker}: something looks ahead; {len(failed)} of {len(checks)} checks failed: {', '.join(failed)}."
    else:
        passed = len(checks) - len(warned)
        dates = "and with other dates of reports, " if any(check.name == REPORT_DATES for check in checks) else ""
        words = (
            f"{ticker}: no forecast looks ahead. With the bars after the origin removed, shuffled or replaced, "
            f"{dates}nothing that was fitted, chosen or forecast changed by a byte "
            f"({passed} of {len(checks)} checks passed)."
        )
    return f"{words} Warning: {', '.join(warned)}." if warned else words
