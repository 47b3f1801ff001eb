"""A walk-forward backtest: every forecast in a frame with its cutoff, and the network against each baseline.

    python examples/skill_table.py [FILE]

Settings are small so that it takes seconds: one member, few steps, two folds.
"""

from __future__ import annotations

import sys
from datetime import date

from stockcast import BacktestConfig, FoldConfig, NetworkConfig, TrainingConfig, backtest, load

source = sys.argv[1] if len(sys.argv) > 1 else "data/GSPC.csv"
prices = load(source, start=date(2013, 1, 2), end=date(2018, 12, 31))
config = BacktestConfig(
    network=NetworkConfig(hidden_size=8),
    training=TrainingConfig(seeds=1, steps=20),
    folds=FoldConfig(test_from=date(2017, 1, 3), refit_every="year"),
    baselines=("random-walk", "ewma-t", "har-t", "garch-t"),
)
found = backtest(prices, config)

forecasts = found.forecasts(levels=(90,))
print(forecasts[["unique_id", "ds", "cutoff", "y", "lstm", "lstm-lo-90", "lstm-hi-90"]].tail(3).to_string(index=False))
inside = forecasts["y"].between(forecasts["lstm-lo-90"], forecasts["lstm-hi-90"]).mean()
print(f"\n{inside:.1%} of {len(forecasts)} closes were within the interval of 90 %\n")
print(found.skill()[["model", "baseline", "crps_skill", "dm_p"]].round(4).to_string(index=False))
print(f"\n{found.verdicts()[prices['unique_id'].iloc[0]]}")
