"""Forecasts: what `predict` returns."""

from __future__ import annotations

from dataclasses import InitVar, dataclass
from datetime import date


class _Surroundings:
    """What travels with a forecast for the reader's eye, and is no part of it.

    Declared apart from `Forecast`: there it is an argument and no field, and a type checker must know it all the same.
    """

    recent_closes: tuple[float, ...] = ()


@dataclass(frozen=True)
class Forecast(_Surroundings):
    """The distribution of one future close, in price.

    calibration: how the quantiles were moved by the live record (method, alpha, factor, settled); None: they are the
    model's own. scale and p_up always are. recent_closes: the newest closes up to the origin's, oldest first, in
    shares of the origin; empty where they are not known, as in a forecast read from the ledger.
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
    # No field: JSON, CSV and the ledger write the fields, whose names are promised, and no prices besides.
    recent_closes: InitVar[tuple[float, ...]] = ()

    def __post_init__(self, recent_closes: tuple[float, ...]) -> None:
        object.__setattr__(self, "recent_closes", recent_closes)
