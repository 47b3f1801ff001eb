"""Policies on prices that happened: learnt once on what lies before 2016, judged from there on beside holding.

    python benchmarks/policyprices.py FOLDER [--leave-out NAME ...] [--seeds 4] [--sample N] [--jobs 2]

Each file of the folder is a series; one fold, as `stockcast backtest --policy --test-from 2016-01-01` with a single
refit has it, without the forecasts beside it. All series together are one portfolio of equal parts, by date.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np

from stockcast import PolicyConfig, ReadOptions, TrainConfig, TrainingConfig, pipeline
from stockcast.config.models import FoldConfig
from stockcast.errors import StockcastError
from stockcast.evaluation.economics import BUY_AND_HOLD, Economics, Track, TradingRules, assess, traded
from stockcast.evaluation.policies import judged_policies
from stockcast.evaluation.sharpe import SharpeRatio, sharpe_difference
from stockcast.evaluation.significance import benjamini_hochberg, pooled_by_date
from stockcast.pipeline.policies import fold_positions
from stockcast.prices.history import Dates, Floats
from stockcast.progress import Silent
from stockcast.windows.features import features
from stockcast.windows.splits import walk_forward

COST, YEAR = 5.0, 252.0
FOLDS = FoldConfig(date(2016, 1, 1), refit_every=100_000)
TITLES = "annual return|Sharpe|above holding|claims|found|size|turnover|traded nothing|portfolio's Sharpe|p"


@dataclass(frozen=True)
class Found:
    """One series, by strategy: figures, p-values against holding, mean sizes of the positions, net returns by date."""

    rows: dict[str, Economics]
    p: dict[str, float]
    size: dict[str, float]
    dates: Dates
    net: dict[str, Floats]


def judged(path: Path, training: TrainingConfig) -> Found | None:
    """One series; None where it is too short."""
    import torch

    torch.set_num_threads(1)
    config = TrainConfig(training=training, policy=PolicyConfig(wanted=True, cost=COST))
    try:
        history = pipeline.load(str(path), ReadOptions())
        (fold,) = walk_forward(history.dates[1:], FOLDS, config.network.lookback)
        f = features(history)
        held = fold_positions(f, fold, config, Silent(), "")
    except StockcastError as error:
        print(f"{path.name}: left out: {error.message}", flush=True)
        return None
    test, rules = fold.split.test, TradingRules(cost_bp=COST)
    y_N, dates_N = (
        values[test.start + 1 : test.stop + 1] for values in (f.session_returns.r_T, f.session_returns.dates)
    )
    rows, verdicts = judged_policies(y_N, held, {}, rules)
    print(f"{history.ticker}: {' '.join(verdict.sentence for verdict in verdicts)}", flush=True)
    every = {**held, BUY_AND_HOLD: np.ones(len(y_N))}
    tracks: dict[str, Track] = {name: traded(y_N, position_N) for name, position_N in every.items()}
    holding = assess(BUY_AND_HOLD, tracks[BUY_AND_HOLD], rules)
    return Found(
        {row.strategy: row for row in (*rows, holding)},
        {verdict.strategy: verdict.p_value for verdict in verdicts},
        {name: float(np.abs(position_N).mean()) for name, position_N in every.items()},
        dates_N,
        {name: track.net(COST) for name, track in tracks.items()},
    )


def table(found: list[Found]) -> list[str]:
    """Markdown: a row for each strategy."""
    dates = np.concatenate([one.dates for one in found])
    pooled = {name: pooled_by_date(dates, np.concatenate([one.net[name] for one in found]))[1] for name in found[0].net}
    return [
        f"| strategy | {' | '.join(TITLES.split('|'))} |",
        f"|{'---|' * (TITLES.count('|') + 2)}",
        *(f"| {name} | {' | '.join(_cells(name, found, pooled))} |" for name in pooled),
    ]


def _cells(name: str, found: list[Found], pooled: dict[str, Floats]) -> list[str]:
    rows = [one.rows[name] for one in found]
    sharpe = np.nan_to_num([row.sharpe for row in rows])
    p = [one.p.get(name, 1.0) for one in found]
    beside = [int((sharpe > [one.rows[BUY_AND_HOLD].sharpe for one in found]).sum()), sum(one < 0.05 for one in p)]
    return [
        f"{100 * np.mean([row.annual_return for row in rows]):.1f} %",
        f"{sharpe.mean():.2f}",
        *map(str, (*beside, int((benjamini_hochberg(p) <= 0.1).sum()))),
        f"{np.mean([one.size[name] for one in found]):.2f}",
        f"{np.mean([row.turnover for row in rows]):.1f}",
        str(sum(row.turnover == 0 for row in rows)),
        f"{SharpeRatio.of(pooled[name]).value * np.sqrt(YEAR):.2f}",
        f"{sharpe_difference(pooled[name], pooled[BUY_AND_HOLD]).p_value:.3f}",
    ]


def main() -> None:
    """Judge the files, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--leave-out", nargs="*", default=[], help="names of files")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--sample", type=int, help="as many of the files, drawn with the seed 0")
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    files = sorted(path for path in asked.folder.glob("*.csv*") if path.name not in asked.leave_out)
    if asked.sample and asked.sample < len(files):
        drawn = np.random.default_rng(0).choice(len(files), asked.sample, replace=False)
        files = [files[place] for place in sorted(drawn)]
    work = partial(judged, training=TrainingConfig(seeds=asked.seeds))
    with ProcessPoolExecutor(asked.jobs) as pool:
        found = [one for one in pool.map(work, files) if one is not None]
    print(f"\n{len(found)} series, {sum(len(one.dates) for one in found):,} sessions\n")
    print("\n".join(table(found)))


if __name__ == "__main__":
    main()
