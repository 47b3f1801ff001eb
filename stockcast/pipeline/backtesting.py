"""Backtesting: a walk-forward over the past, every competitor scored on the same outcomes.

Every fold is fitted anew, or a saved network forecasts them all, beside baselines that are.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stockcast.config.backtests import BacktestConfig
from stockcast.evaluation.verdict import BacktestResult, FoldSummary
from stockcast.pipeline.covariates import Search, covariate_columns
from stockcast.pipeline.judging import judged, summary_of
from stockcast.pipeline.sources import load, quotes
from stockcast.pipeline.walking import Walk, folder_of
from stockcast.prices.csvfile import ReadOptions, looks_like_path
from stockcast.progress import Progress, Silent
from stockcast.windows.folds import walk_forward

if TYPE_CHECKING:
    from stockcast.pipeline.pretrained import PretrainedBacktest
    from stockcast.pipeline.source import FetchSession
    from stockcast.pipeline.sources import Quotes
    from stockcast.prices.history import History


def plan(
    source: str, read: ReadOptions, config: BacktestConfig, home: Path, fetch_session: FetchSession | None = None
) -> tuple[FoldSummary, ...]:
    """The folds of a backtest, without running it. Raises what loading and splitting raise."""
    return _drawn(load(source, read, home, fetch_session), config)


def plan_pretrained(source: str, pretrained: PretrainedBacktest, config: BacktestConfig) -> tuple[FoldSummary, ...]:
    """The folds of `backtest_given`, without running it. Raises what that raises."""
    history = pretrained.company.load(source, Silent())
    pretrained, config = pretrained.of(history, config)
    return _drawn(history, pretrained.configured(history, config))


def backtest(
    source: str, read: ReadOptions, config: BacktestConfig, home: Path, progress: Progress,
    keep_rows: bool = False, fetch_session: FetchSession | None = None,
) -> BacktestResult:  # fmt: skip
    """Walk forward over a source. Folds that an earlier, interrupted backtest has finished are not fitted again.

    keep_rows: return every forecast of every competitor. Raises what loading and splitting raise, StorageError.
    """
    return _walked(walk_over(source, read, config, home, progress, fetch_session)[0], keep_rows)


def walk_over(
    source: str,
    read: ReadOptions,
    config: BacktestConfig,
    home: Path,
    progress: Progress,
    fetch_session: FetchSession | None,
) -> tuple[Walk, Quotes | None]:
    """The walk over a source with what its networks look at, and a ticker's quotes. Raises what loading raises."""
    found = None if looks_like_path(source) else quotes(source, read, home, fetch_session, progress)
    history = load(source, read) if found is None else found.history
    search = Search(home, progress, lambda _: fetch_session, strict=False)
    f = covariate_columns(history, config.covariates, config.exchange, found, search)
    return Walk(history, f, config, folder_of(home, history.ticker), progress), found


def backtest_pretrained(
    source: str, pretrained: PretrainedBacktest, config: BacktestConfig, progress: Progress, keep_rows: bool = False
) -> BacktestResult:
    """The same with a saved network that forecasts every fold and learns nothing; baselines are fitted as ever.

    The network's own settings take the place of those in `config`. Raises what `backtest` raises, and ModelError where
    the model is missing or has learnt from a session that would be scored.
    """
    history = pretrained.company.load(source, progress)
    pretrained, config = pretrained.of(history, config)
    for note in pretrained.model.notes:
        progress.note(f"model {pretrained.name}: {note}")
    return _walked(pretrained.walk(source, history, config, progress), keep_rows)


def _drawn(history: History, config: BacktestConfig) -> tuple[FoldSummary, ...]:
    folds = walk_forward(history.dates[1:], config.folds, config.network.lookback)
    return tuple(summary_of(fold) for fold in folds)


def _walked(walk: Walk, keep_rows: bool) -> BacktestResult:
    history = walk.history
    for note in history.notes:
        walk.progress.note(f"{history.ticker}: {note}")
    folds = walk_forward(history.dates[1:], walk.config.folds, walk.config.network.lookback)
    return judged(walk, folds, walk.run(folds), keep_rows)
