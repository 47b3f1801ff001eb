"""Runs: what the cron job did, ticker by ticker."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from stockcast.results.forecasts import Forecast


@dataclass(frozen=True)
class Retraining:
    """One training of a run. outcome: first, replaced or kept (the old model stayed); reason: in words.

    old_crps, new_crps: mean over the `sessions` test sessions after the old model's cutoff; None for a first model.
    """

    outcome: str
    reason: str
    old_crps: float | None = None
    new_crps: float | None = None
    sessions: int = 0


@dataclass(frozen=True)
class TickerRun:
    """What became of one ticker: prices added, forecasts settled, a training perhaps, and the forecasts on record.

    new: forecasts that this run recorded; the others were there already. missed: sessions since the one before without
    a live forecast.
    """

    ticker: str
    origin: date
    fetched: int
    restated: str | None
    settled: int
    void: int
    training: Retraining | None
    new: int
    forecasts: tuple[Forecast, ...]
    missed: tuple[date, ...]


@dataclass(frozen=True)
class RunResult:
    """The whole run: its tickers that went well, and the files that were written."""

    started: str
    tickers: tuple[TickerRun, ...]
    written: tuple[str, ...]
