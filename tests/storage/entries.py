"""Forecasts to record, and the closes that settle them: four sessions, none on the fourth of July."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime

import numpy as np

from stockcast.forecasts import Forecast
from stockcast.models.conformal import METHOD, Calibration
from stockcast.models.distribution import Distribution, Empirical, StudentT
from stockcast.prices.history import Dates, Floats
from stockcast.storage.database import Database
from stockcast.storage.ledger import settling
from stockcast.storage.ledger.recording import LedgerEntry
from stockcast.storage.ledger.settling import Settlement

NOW = datetime(2024, 7, 1, 21, 30, tzinfo=UTC)
LATER = datetime(2024, 7, 9, 21, 30, tzinfo=UTC)

MON, TUE, WED, FRI = date(2024, 7, 1), date(2024, 7, 2), date(2024, 7, 3), date(2024, 7, 5)
DATES = np.array([MON, TUE, WED, FRI], dtype="datetime64[D]")
CLOSES = np.array([100.0, 102.0, 101.0, 104.0])


def student(loc: float = 0.001, scale: float = 0.02, nu: float = 5.0) -> StudentT:
    return StudentT(np.array([loc]), np.array([scale]), np.array([nu]))


def sample(size: int = 60, seed: int = 1) -> Empirical:
    return Empirical(0.02 * np.random.default_rng(seed).standard_t(4, (1, size)))


def forecast(origin: date = MON, target: date = TUE, horizon: int = 1, model: str = "AAPL") -> Forecast:
    return Forecast(
        ticker="AAPL", model=model, model_id="0123456789abcdef", served_by="lstm", cell="lstm", origin=origin,
        target_session=target, horizon=horizon, last_close=100.1, median=100.2, mean=100.3,
        quantiles={"0.05": 96.7, "0.5": 100.2, "0.95": 103.3}, p_up=0.52, scale=0.02, currency="USD",
        data_sha256="ab", data_source="yahoo", data_age_sessions=0, created_at="2024-07-01T21:30:00+00:00",
        verdict="Intervals: better.",
    )  # fmt: skip


BASELINES: dict[str, Distribution] = {"har-t": student(0.0, 0.018, math.inf), "random-walk": sample()}


def entry(
    origin: date = MON, target: date = TUE, horizon: int = 1, kind: str = "live", model: str = "AAPL"
) -> LedgerEntry:
    return LedgerEntry(forecast(origin, target, horizon, model), kind, student(), BASELINES)


def wider(factor: float, alpha: float = 0.08) -> Calibration:
    """A calibration that puts quantiles at `factor` times their distance from the median."""
    return Calibration(METHOD, alpha, factor, 40)


def settle(db: Database, through: date = FRI, closes: Floats = CLOSES, dates: Dates = DATES) -> Settlement:
    return settling.settle(db, "AAPL", dates, closes, LATER, through)
