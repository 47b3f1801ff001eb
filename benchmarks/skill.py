"""Skill over a folder of price files, one model per file, by the protocol of docs/skill.md.

    python benchmarks/skill.py FOLDER [--cell lstm] [--validate-from 2014-01-01] [--test-from 2016-01-01]

Everything is fitted before the test part: the network on the training part (its length of training chosen on the
validation part), the references on both. Prints a row per stock, then means over stocks and Diebold-Mariano p-values
of the cross-section's mean loss by date (one-sided, Newey-West with 10 lags).
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np

from stockcast import pipeline
from stockcast.config import CELLS, NetworkConfig, SplitConfig, TrainConfig, TrainingConfig
from stockcast.errors import StockcastError
from stockcast.evaluation.scores import ForecastRows
from stockcast.evaluation.significance import diebold_mariano
from stockcast.prices.csvfile import ReadOptions
from stockcast.progress import Silent
from stockcast.results import TrainResult

SUFFIXES = (".csv", ".csv.gz", ".parquet")


def main() -> None:
    """Train on every file, then print the tables."""
    arguments = _arguments()
    config = TrainConfig(
        NetworkConfig(cell=arguments.cell),
        replace(TrainingConfig(), final_fit=False),
        SplitConfig(arguments.validate_from, arguments.test_from),
    )
    files = sorted(str(path) for path in arguments.folder.iterdir() if path.name.endswith(SUFFIXES))
    with ProcessPoolExecutor(arguments.jobs) as pool:
        outcomes = list(pool.map(partial(_train, config=config), files))
    results = [outcome for outcome in outcomes if isinstance(outcome, TrainResult)]
    for file, outcome in zip(files, outcomes, strict=True):
        if isinstance(outcome, str):
            print(f"left out: {Path(file).name}: {outcome}")
    _print_stocks(results, arguments.cell)
    _print_means(results, arguments.cell)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cell", choices=CELLS, default="lstm")
    parser.add_argument("--validate-from", type=date.fromisoformat, default=date(2014, 1, 1))
    parser.add_argument("--test-from", type=date.fromisoformat, default=date(2016, 1, 1))
    parser.add_argument("--jobs", type=int, default=2)
    return parser.parse_args()


def _train(file: str, config: TrainConfig) -> TrainResult | str:
    with tempfile.TemporaryDirectory() as home:
        try:
            return pipeline.train(file, ReadOptions(), config, Path(home), None, Silent(), keep_rows=True)
        except StockcastError as error:
            return error.message


def _print_stocks(results: list[TrainResult], cell: str) -> None:
    print(f"\n{'ticker':8} {'n':>5} {'over GARCH-t':>13} {'over HAR-t':>11} {'cover 90':>9}  served by")
    for result in results:
        skill = {c.baseline: 100 * c.crps_skill for c in result.comparisons}
        score = next(s for s in result.scores if s.model == cell)
        print(
            f"{result.ticker:8} {score.n:5d} {skill['garch-t']:12.2f}% {skill['har-t']:10.2f}% "
            f"{100 * score.coverage_90:8.2f}%  {result.verdict.served_by}"
        )


def _print_means(results: list[TrainResult], cell: str) -> None:
    rows = {(rows.ticker, rows.model): rows for result in results for rows in result.test_forecasts}
    models = list(dict.fromkeys(model for _, model in rows))
    tickers = [result.ticker for result in results]
    first = min(r.splits["test"].first for r in results)
    last = max(r.splits["test"].last for r in results)
    print(f"\n{len(tickers)} stocks, test {first} to {last}, network {cell}; gains in mean CRPS, means over stocks")
    print(
        f"{'model':13} {'over GARCH-t':>13} {'p':>7} {'won':>6} {'over HAR-t':>11} {'p':>7} {'won':>6} {'cover 90':>9}"
    )
    for model in models:
        cells = [f"{model:13}"]
        for rival, width in (("garch-t", 12), ("har-t", 10)):
            gains = np.array([_gain(rows[t, model], rows[t, rival]) for t in tickers])
            p = _p_by_date([rows[t, model] for t in tickers], [rows[t, rival] for t in tickers])
            shown = "      -" if model == rival else f"{p:7.3f}"
            cells.append(f"{100 * gains.mean():{width}.2f}% {shown} {int((gains > 0).sum()):3d}/{len(tickers)}")
        covered = np.concatenate([np.abs(rows[t, model].pit - 0.5) <= 0.45 for t in tickers])
        cells.append(f"{100 * covered.mean():8.2f}%")
        print(" ".join(cells))


def _gain(ours: ForecastRows, rival: ForecastRows) -> float:
    return float(1 - ours.crps.mean() / rival.crps.mean())


def _p_by_date(ours: list[ForecastRows], rivals: list[ForecastRows]) -> float:
    """Diebold-Mariano over dates: stocks of one day are not independent, days nearly are."""
    losses: dict[np.datetime64, list[tuple[float, float]]] = defaultdict(list)
    for mine, other in zip(ours, rivals, strict=True):
        for day, a, b in zip(mine.target_sessions, mine.crps, other.crps, strict=True):
            losses[day].append((a, b))
    means = np.array([np.mean(losses[day], axis=0) for day in sorted(losses)])
    return diebold_mariano(means[:, 0], means[:, 1]).p_value


if __name__ == "__main__":
    main()
