"""A report: all that its page shows, as plain results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from stockcast.results.backtests import BacktestResult


@dataclass(frozen=True)
class FanStep:
    """The forecast of one session ahead, as prices. quantiles: by level, such as 0.05, in ascending order."""

    horizon: int
    target_session: date
    median: float
    quantiles: Mapping[float, float]


@dataclass(frozen=True)
class Report:
    """One source, judged and forecast.

    result: its backtest, with `rows`. confidence_set: competitors that cannot be told from the best one, by p-value.
    dates, closes: the newest sessions, oldest first, closes in shares of the last one with dividends added, so that no
    split looks like a crash. fan: the forecast from the last of them, made by `forecaster`, a competitor of the last
    fold. configuration: settings by name. source: where the prices come from. created_at: ISO time. version: of
    stockcast.
    """

    result: BacktestResult
    confidence_set: Mapping[str, float]
    dates: tuple[date, ...]
    closes: tuple[float, ...]
    currency: str | None
    fan: tuple[FanStep, ...]
    forecaster: str
    configuration: Mapping[str, str]
    source: str
    created_at: str
    version: str
