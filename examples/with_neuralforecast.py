"""Beside neuralforecast: one long frame for both packages, both forecasts in one frame, scored by utilsforecast.

    pip install neuralforecast
    python examples/with_neuralforecast.py [FILE...]

A forecast of stockcast has the columns that neuralforecast and utilsforecast know: unique_id, ds, stockcast,
stockcast-lo-90, stockcast-hi-90. Settings are small so that it takes seconds: the scores say nothing.
"""

from __future__ import annotations

import sys
from datetime import date

from neuralforecast import NeuralForecast
from neuralforecast.losses.pytorch import MQLoss
from neuralforecast.models import NHITS
from utilsforecast.evaluation import evaluate
from utilsforecast.losses import coverage, mae, quantile_loss

from stockcast import NetworkConfig, TrainConfig, TrainingConfig, fit, load, predict

AHEAD, LEVEL = 3, 90
files = sys.argv[1:] or ["data/GSPC.csv", "data/IXIC.csv"]
frame = load(files, start=date(2014, 1, 2))
last = frame.groupby("unique_id")["ds"].transform(lambda days: days.iloc[-1 - AHEAD])
known, held_out = frame[frame["ds"] <= last], frame[frame["ds"] > last]

config = TrainConfig(NetworkConfig(hidden_size=8), TrainingConfig(seeds=1, steps=20))
ours = predict(fit(known, config), known, horizon=AHEAD, levels=(LEVEL,))

quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "accelerator": "cpu"}
network = NHITS(h=AHEAD, input_size=60, loss=MQLoss(level=[LEVEL]), max_steps=20, **quiet)
# Its calendar is every weekday, ours the exchange's: the days are taken from there.
theirs = NeuralForecast(models=[network], freq="B")
theirs.fit(known[["unique_id", "ds", "y"]], val_size=0)
found = theirs.predict().rename(columns={"NHITS-median": "NHITS"})
found["ds"] = ours["ds"].to_numpy()

both = held_out[["unique_id", "ds", "y"]].merge(ours, on=["unique_id", "ds"]).merge(found, on=["unique_id", "ds"])
print(both.to_string(index=False, float_format="%.1f"))
scores = evaluate(both, metrics=[mae, coverage, quantile_loss], models=["stockcast", "NHITS"], level=[LEVEL])
print(scores.to_string(index=False, float_format="%.3f"))
