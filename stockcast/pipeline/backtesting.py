"""Backtesting: a walk-forward over the past, every competitor scored on the same outcomes.

Every fold is fitted anew, or a saved network forecasts them all, beside baselines that are.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from stockcast.config.backtests import BacktestConfig, FoldConfig
from stockcast.evaluation.verdict import BacktestResult, FoldSummary
from stockcast.models.baselines import BASELINES
from stockcast.pipeline.covariates import WHERE_TRAINED, CovariateSource
from stockcast.pipeline.judging import judged, summary_of
from stockcast.pipeline.pretrained import PretrainedBacktest
from stockcast.pipeline.source import FetchSession, PriceSeries, PriceSource
from stockcast.pipeline.walking import Walk, folder_of
from stockcast.prices.csvfile import ReadOptions
from stockcast.progress import Progress
from stockcast.windows.splits import walk_forward

if TYPE_CHECKING:
    from stockcast.config import CovariatesConfig
    from stockcast.forecasts import Forecast
    from stockcast.pipeline.markets import MarketSource
    from stockcast.prices.history import History


def plan(
    source: str, read: ReadOptions, config: BacktestConfig, home: Path, fetch_session: FetchSession | None = None
) -> tuple[FoldSummary, ...]:
    """The folds of a backtest, without running it.

    Args:
        source: A file or a ticker.
        read: What a file does not say of itself, and the first and last bar to keep.
        config: Folds and training.
        home: The folder of models, prices and forecasts.
        fetch_session: How a ticker's prices are fetched; with the defaults unless given.

    Raises:
        DataError: Where the source cannot be read, or is too short to be split.
    """
    return _drawn(PriceSource.of(home, read, fetch_session).load(source).history, config)


def plan_pretrained(source: str, pretrained: PretrainedBacktest, config: BacktestConfig) -> tuple[FoldSummary, ...]:
    """The folds of `backtest_pretrained`, without running it.

    Raises:
        ModelError: As `backtest_pretrained`.
        DataError: As `backtest_pretrained`.
    """
    history = pretrained.prices.load(source).history
    pretrained, config = pretrained.of(history, config)
    return _drawn(history, pretrained.configured(history, config))


def backtest(
    source: str, read: ReadOptions, config: BacktestConfig, home: Path, progress: Progress,
    keep_rows: bool = False, fetch_session: FetchSession | None = None,
) -> BacktestResult:  # fmt: skip
    """Walk forward over a source: refit, forecast, and score every competitor.

    Folds that an earlier, interrupted backtest has finished are not fitted again.

    Args:
        source: A file or a ticker.
        read: What a file does not say of itself, and the first and last bar to keep.
        config: Competitors, folds and training.
        home: The folder of models, prices and forecasts.
        progress: Who watches.
        keep_rows: Whether every forecast of every competitor is returned, too.
        fetch_session: How a ticker's prices are fetched; with the defaults unless given.

    Returns:
        Folds, scores, comparisons and verdict.

    Raises:
        DataError: Where the source cannot be read, or is too short to be split.
        ConfigError: For an unknown baseline.
        StorageError: Where a fold cannot be kept.
    """
    return walked(*walk_over(PriceSource.of(home, read, fetch_session), source, config, progress), keep_rows)


def walk_over(
    prices: PriceSource, source: str, config: BacktestConfig, progress: Progress
) -> tuple[Walk, PriceSeries]:  # fmt: skip
    """The walk over a source with what its networks look at, and its prices. Raises what loading raises."""
    series = prices.load(source, progress)
    covariates = CovariateSource(config.covariates, prices, progress, strict=False)
    f = covariates.columns(series, config.exchange)
    folder = folder_of(prices.folder, series.history.ticker)
    return Walk(series.history, f, config, folder, progress), series


def backtest_pretrained(
    source: str, pretrained: PretrainedBacktest, config: BacktestConfig, progress: Progress, keep_rows: bool = False
) -> BacktestResult:
    """Walk forward with a saved network that forecasts every fold and is not trained; baselines are fitted as ever.

    Args:
        source: A file or a ticker.
        pretrained: The model; its own settings take the place of those in `config`.
        config: Folds and baselines.
        progress: Who watches.
        keep_rows: Whether every forecast of every competitor is returned, too.

    Returns:
        Folds, scores, comparisons and verdict.

    Raises:
        ModelError: Where the model is missing, or was trained on a session that would be scored.
        DataError: Where the source cannot be read, or is too short to be split.
    """
    series = pretrained.prices.load(source, progress)
    pretrained, config = pretrained.of(series.history, config)
    for note in pretrained.model.notes:
        progress.note(f"model {pretrained.name}: {note}")
    return walked(pretrained.walk(series, config, progress), series, keep_rows)


def checked(
    markets: MarketSource, source: str, forecasts: tuple[Forecast, ...], progress: Progress,
    covariates: CovariatesConfig = WHERE_TRAINED,
) -> tuple[Forecast, ...]:  # fmt: skip
    """The forecasts with a verdict that says how their model did on the source's past, baselines refitted each year.

    Of the general model it is the newest vintage that had seen nothing of that past, nor of the sessions on which the
    strongest baseline is chosen.

    Args:
        markets: Where models and prices come from.
        source: A file or a ticker.
        forecasts: What `predict` made of it.
        progress: Who watches.
        covariates: Other places for the series that the model looks at.

    Raises:
        ModelError: As `backtest_pretrained`.
        DataError: As `backtest_pretrained`.
    """
    config = BacktestConfig(folds=FoldConfig(), baselines=tuple(BASELINES), covariates=covariates)
    result = backtest_pretrained(source, PretrainedBacktest(forecasts[0].model, markets), config, progress)
    first, last = result.folds[0].test[0], result.folds[-1].test[1]
    found = f"On {result.ticker} itself, {first} to {last}: {result.verdict.sentence}"
    return tuple(replace(forecast, verdict=f"{forecast.verdict} {found}") for forecast in forecasts)


def _drawn(history: History, config: BacktestConfig) -> tuple[FoldSummary, ...]:
    folds = walk_forward(history.dates[1:], config.folds, config.network.lookback)
    return tuple(summary_of(fold) for fold in folds)


def walked(walk: Walk, series: PriceSeries, keep_rows: bool) -> BacktestResult:
    """What a walk over a series finds. Raises what splitting raises."""
    history = walk.history
    series.tell(walk.progress)
    folds = walk_forward(history.dates[1:], walk.config.folds, walk.config.network.lookback)
    return judged(walk, folds, walk.run(folds), keep_rows)
