"""From a price file to the next sessions' forecast: train on it, read the verdict, forecast.

    python examples/one_ticker.py [FILE]

Settings are small so that it takes seconds; leave `config` out of `fit` for the defaults.
"""

from __future__ import annotations

import sys
from datetime import date

from stockcast import NetworkConfig, TrainConfig, TrainingConfig, fit, load, predict

source = sys.argv[1] if len(sys.argv) > 1 else "data/GSPC.csv"
prices = load(source, start=date(2014, 1, 2))
config = TrainConfig(NetworkConfig(cell="gru", hidden_size=8), TrainingConfig(seeds=1, steps=20))

model = fit(prices, config)
print(model.verdict)
print(f"\nForecasts are made by {model.served_by}, which has learnt from sessions up to {model.cutoff}:\n")
print(predict(model, prices, horizon=3, levels=(50, 90)).to_string(index=False))
