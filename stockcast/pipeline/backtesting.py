"""Backtesting: a walk-forward over the past, every fold fitted anew, every competitor scored on the same outcomes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stockcast.config.backtests import BacktestConfig
from stockcast.pipeline.judging import judged, summary_of
from stockcast.pipeline.sources import load
from stockcast.pipeline.walking import Walk, folder_of
from stockcast.prices.csvfile import ReadOptions
from stockcast.results.backtests import BacktestResult, FoldSummary
from stockcast.results.progress import Progress
from stockcast.windows.features import features
from stockcast.windows.folds import walk_forward

if TYPE_CHECKING:
    from stockcast.pipeline.fetching import Waiting


def plan(
    source: str, read: ReadOptions, config: BacktestConfig, home: Path, waiting: Waiting | None = None
) -> tuple[FoldSummary, ...]:
    """The folds of a backtest, without running it. Raises what loading and splitting raise."""
    history = load(source, read, home, waiting)
    folds = walk_forward(history.dates[1:], config.folds, config.network.lookback)
    return tuple(summary_of(fold) for fold in folds)


def backtest(
    source: str, read: ReadOptions, config: BacktestConfig, home: Path, progress: Progress,
    keep_rows: bool = False, waiting: Waiting | None = None,
) -> BacktestResult:  # fmt: skip
    """Walk forward over a source. Folds that an earlier, interrupted backtest has finished are not fitted again.

    keep_rows: return every forecast of every competitor. Raises what loading and splitting raise, StorageError.
    """
    history = load(source, read, home, waiting, progress)
    for note in history.notes:
        progress.note(f"{history.ticker}: {note}")
    walk = Walk(history, features(history), config, folder_of(home, history.ticker), progress)
    folds = walk_forward(history.dates[1:], config.folds, config.network.lookback)
    return judged(walk, folds, walk.run(folds), keep_rows)
