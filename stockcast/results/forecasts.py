"""Forecasts: what `predict` returns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Forecast:
    """The distribution of one future close, in price.

    calibration: how the quantiles were moved by the live record (method, alpha, factor, settled); None: they are the
    model's own. scale and p_up always are.
    """

    ticker: str
    model: str
    model_id: str
    served_by: str
    cell: str
    origin: date
    target_session: date
    horizon: int
    last_close: float
    median: float
    mean: float
    quantiles: dict[str, float]
    p_up: float
    scale: float
    currency: str | None
    data_sha256: str
    data_source: str
    data_age_sessions: int
    created_at: str
    verdict: str
    calibration: dict[str, float | int | str] | None = None
