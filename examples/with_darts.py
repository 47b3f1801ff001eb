"""Beside darts: its TimeSeries in, a TimeSeries of quantiles out, scored by darts' own metrics.

    pip install darts
    python examples/with_darts.py [FILE...]

The forecast's components are named as darts names quantiles (y_q0.050, y_q0.500, y_q0.950), so that its plots and its
metrics of quantiles and intervals take them. Settings are small so that it takes seconds: the scores say nothing.
"""

from __future__ import annotations

import sys
from datetime import date

import numpy as np
import pandas as pd
from darts import TimeSeries
from darts.metrics import ic, mql

from stockcast import NetworkConfig, TrainConfig, TrainingConfig, fit, load, predict

AHEAD, LEVEL = 3, 90


def long_frame(series: list[TimeSeries]) -> pd.DataFrame:
    """Series of darts as the long frame that stockcast takes; weekdays without a session go."""
    parts = []
    for one in series:
        part = one.to_dataframe().rename_axis("ds").reset_index()
        parts.append(part.assign(unique_id=one.static_covariates["unique_id"].iloc[0]))
    return pd.concat(parts, ignore_index=True).dropna(subset="y")


def of_quantiles(forecasts: pd.DataFrame, level: float) -> dict[str, TimeSeries]:
    """Forecasts of stockcast as series of darts, one for each unique_id, on weekdays."""
    tail = (100 - level) / 200
    names = {
        f"stockcast-lo-{level}": f"y_q{tail:.3f}",
        "stockcast": "y_q0.500",
        f"stockcast-hi-{level}": f"y_q{1 - tail:.3f}",
    }
    return {
        ticker: TimeSeries.from_dataframe(
            rows.rename(columns=names), "ds", list(names.values()), fill_missing_dates=True, freq="B"
        )
        for ticker, rows in forecasts.groupby("unique_id")
    }


files = sys.argv[1:] or ["data/GSPC.csv", "data/IXIC.csv"]
prices = load(files, start=date(2014, 1, 2))
whole = TimeSeries.from_group_dataframe(prices, "unique_id", "ds", "y", fill_missing_dates=True, freq="B")
known = [one[:-AHEAD] for one in whole]

config = TrainConfig(NetworkConfig(hidden_size=8), TrainingConfig(seeds=1, steps=20))
frame = long_frame(known)
forecasts = of_quantiles(predict(fit(frame, config), frame, horizon=AHEAD, levels=(LEVEL,)), LEVEL)

for actual in whole:
    ticker = actual.static_covariates["unique_id"].iloc[0]
    forecast = forecasts[ticker]
    print(ticker)
    print(forecast.to_dataframe().round(1).to_string())
    tail = (100 - LEVEL) / 200
    inside = ic(actual, forecast, q_interval=(tail, 1 - tail))
    loss = np.mean(mql(actual, forecast, q=[tail, 0.5, 1 - tail]))
    print(f"within {LEVEL} %: {inside.sum():.0f} of {len(inside)}; quantile loss {loss:.2f}")
