"""A long frame in, a long frame out: one model over several tickers, for users of other forecasting packages.

    python examples/long_frame.py [FILE...]

Any frame with unique_id, ds and y (the close) will do; open, high, low, adjusted_close and volume are used where they
are there. Settings are small so that it takes seconds.
"""

from __future__ import annotations

import sys
from datetime import date

import pandas as pd

from stockcast import NetworkConfig, TrainConfig, TrainingConfig, fit, load, predict

files = sys.argv[1:] or ["data/GOOG.csv", "data/GSPC.csv", "data/IXIC.csv"]
frame: pd.DataFrame = load(files, start=date(2009, 1, 2), end=date(2013, 3, 1))
print(frame.groupby("unique_id")["ds"].agg(["min", "max", "count"]))

config = TrainConfig(NetworkConfig(hidden_size=8), TrainingConfig(seeds=1, steps=20, batch_size=32))
model = fit(frame, config, pool=True)
forecasts = predict(model, frame, horizon=2, levels=(80, 95))

closes = frame.groupby("unique_id")["y"].last().rename("last")
print(forecasts.merge(closes, on="unique_id").to_string(index=False))
