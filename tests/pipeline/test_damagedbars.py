"""Files whose bars are blank in part, coarse in part, of a few ticks or of two units: what predict makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from stockcast import pipeline
from stockcast.config import PredictConfig
from stockcast.config.sources import ReadOptions
from stockcast.errors import DataError
from stockcast.forecasts import Forecast
from stockcast.prices.history import Floats
from stockcast.prices.sessions import load_calendar
from tests.progress import ProgressLog

NEW_YORK = load_calendar("XNYS", date(2020, 1, 1), date(2021, 3, 31))
SESSIONS = np.array(NEW_YORK.next_sessions(date(2020, 8, 24), 100))
"""To Friday, 2021-01-15, before a long weekend."""
PRICES = np.round(80 * np.exp(0.01 * np.cumsum(np.random.default_rng(3).standard_normal(100))), 2)
BLANK = np.full(100, np.nan)


def predicted(
    folder: Path, days: np.ndarray, columns: Mapping[str, Floats], **read: object
) -> tuple[Forecast, list[str]]:
    """The forecast from a file, and what everybody is told."""
    lines = [",".join(["Date", *columns])]
    for at, day in enumerate(days.tolist()):
        cells = ("" if np.isnan(values[at]) else f"{values[at]:.10g}" for values in columns.values())
        lines.append(",".join([str(day), *cells]))
    path = folder / "file.csv"
    path.write_text("\n".join(lines) + "\n")
    log = ProgressLog()
    (forecast,) = pipeline.predict(str(path), ReadOptions(**read), PredictConfig(), folder, log)  # type: ignore[arg-type]
    return forecast, [note for note in log.notes if "general model" not in note]


def test_a_price_of_one_tick_is_forecast(tmp_path: Path) -> None:
    ticks = np.ones(100)
    ticks[[10, 30, 70]], ticks[[20, 55]] = 2, 3
    penny = 1e-4 * ticks
    forecast, told = predicted(tmp_path, SESSIONS, dict.fromkeys(("Open", "High", "Low", "Close"), penny))
    assert (forecast.last_close, told) == (1e-4, [])


def test_weekly_bars_before_daily_ones_are_told_to_everybody(tmp_path: Path) -> None:
    days = np.concatenate([SESSIONS[0] - np.arange(210, 0, -7).astype("timedelta64[D]").astype(object), SESSIONS])
    forecast, told = predicted(tmp_path, days, {"Close": np.concatenate([PRICES[:30], PRICES])})
    assert forecast.last_close == PRICES[-1]
    (note,) = told
    assert note.startswith(f"file: The first 30 bars from {days[0]}, 5 weekdays apart, are not daily and were left out")
    assert note.endswith(f"on {SESSIONS[0]}.")


def test_a_newest_row_without_a_close_is_told_to_everybody(tmp_path: Path) -> None:
    forecast, (told,) = predicted(tmp_path, SESSIONS, {"Close": np.append(PRICES[:-1], np.nan), "Volume": PRICES * 1e4})
    assert (forecast.origin, forecast.target_session) == (SESSIONS[-2], SESSIONS[-1])
    assert told.startswith(f"file: {SESSIONS[-1]} has no close: 1 row was left out, and the newest bar is of")


def test_a_later_listing_costs_nothing(tmp_path: Path) -> None:
    later = np.concatenate([np.full(12, np.nan), PRICES[12:]])
    forecast, told = predicted(tmp_path, SESSIONS, {"OLD Close": PRICES, "NEW Close": later}, ticker="NEW")
    assert (forecast.last_close, told) == (PRICES[-1], [])


def test_the_days_of_a_coin_in_the_same_table_cost_nothing(tmp_path: Path) -> None:
    days = np.arange(np.datetime64(SESSIONS[0]), np.datetime64(SESSIONS[-1]) + np.timedelta64(4, "D")).astype(object)
    stock = np.full(len(days), np.nan)
    stock[np.isin(days, SESSIONS)] = PRICES
    coin = np.linspace(20_000, 30_000, len(days))
    forecast, told = predicted(tmp_path, days, {"AAA Close": stock, "BTC-USD Close": coin}, ticker="AAA")
    assert (forecast.origin, forecast.last_close, told) == (SESSIONS[-1], PRICES[-1], [])


def test_pence_and_pounds_are_named_with_a_start_that_can_be_given(tmp_path: Path) -> None:
    days = np.array(NEW_YORK.next_sessions(date(2020, 4, 30), 180))
    pounds = np.concatenate([100 * PRICES[:80], PRICES])
    with pytest.raises(DataError, match="a 100:1 split, or pence and pounds,") as refused:
        predicted(tmp_path, days, {"Close": pounds})
    start = refused.value.hint.rstrip(".").split(" --start ")[1]
    forecast, _ = predicted(tmp_path, days, {"Close": pounds}, start=date.fromisoformat(start))
    assert forecast.last_close == PRICES[-1]
