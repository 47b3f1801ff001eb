"""Backtesting: a walk-forward over the past, every competitor scored on the same outcomes.

Every fold is fitted anew, or a saved network forecasts them all without being trained, also tickers it never saw,
beside baselines that are. It is the latest of the model's fits that saw nothing of what is scored. Rows of a history
are those of its features: row t belongs to bar t + 1, and the target of origin t is row t + 1.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cached_property
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stockcast.config import TrainConfig
from stockcast.config.models import GENERAL, SCRATCH, BacktestConfig, FoldConfig
from stockcast.config.sources import WHERE_TRAINED
from stockcast.errors import ConfigError, ModelError
from stockcast.evaluation.verdict import BacktestResult, FoldSummary
from stockcast.forecasting import Fit, TrainedModel, seen_by
from stockcast.models.baselines import BASELINES
from stockcast.pipeline.covariates import CovariateSource
from stockcast.pipeline.initial import Initial
from stockcast.pipeline.judging import judged, summary_of
from stockcast.pipeline.markets import ELSEWHERE, MarketSource
from stockcast.pipeline.models import model_of
from stockcast.pipeline.source import FetchSession, PriceSeries, PriceSource, calendar_over
from stockcast.pipeline.walking import FallbackModel, Walk, folder_of
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.sessions import SessionCalendar
from stockcast.progress import Progress
from stockcast.storage import modelfile, trainedmodel
from stockcast.windows.covariates import MARKET
from stockcast.windows.features import Features, features
from stockcast.windows.market import MINIMUM_MEMBERS
from stockcast.windows.splits import MIN_TRAIN, MIN_VALIDATION, Fold, first_origin, walk_forward

if TYPE_CHECKING:
    from stockcast.config import CovariatesConfig
    from stockcast.config.models import BacktestConfig
    from stockcast.forecasts import Forecast
    from stockcast.pipeline.markets import MarketSource
    from stockcast.prices.history import Dates, History
    from stockcast.progress import Progress
    from stockcast.windows.covariates import Covariates
    from stockcast.windows.market import Market


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
    return walk_of(series, covariates.columns(series, config.exchange), config, prices.folder, progress), series


def walk_of(series: PriceSeries, f: Features, config: BacktestConfig, home: Path, progress: Progress) -> Walk:
    """The walk over a series whose networks look at these columns, or at those of the networks that they begin with.

    Args:
        series: The prices.
        f: Their columns.
        config: Folds, networks and what these begin with.
        home: The folder of models and folds.
        progress: Whoever watches.

    Returns:
        The walk; no fold of it has been fitted.

    Raises:
        ConfigError: the networks to begin with are of another shape than was asked for, or look at no covariates.
        ModelError: the model to begin with is missing or damaged, or has seen the validation part of the first fold.
    """
    history = series.history
    walk = Walk(history, f, config, folder_of(home, history.ticker), progress)
    if config.init == SCRATCH:
        return walk
    if len(config.cells) > 1 or config.warm_start:
        raise ConfigError(f"several cells, or a warm start, cannot begin with {config.init}", "leave one of them out")
    network = replace(config.network, cell=config.cells[0])
    asked = TrainConfig(network, config.training, init=config.init, covariates=config.covariates)
    calendar = series.at(config.exchange).calendar

    def initial(fold: Fold) -> Initial:
        """The newest networks that saw nothing of what the fold chooses on, and nothing of what it is scored on."""
        past, begin = history.between(None, fold.cutoff), fold.split.session(fold.split.validation.start + 1)
        found = Initial.of(asked, past, calendar, begin, home, progress, market=False)
        assert found is not None  # noqa: S101 - a start that was asked for by name
        return found

    first = initial(walk_forward(history.dates[1:], config.folds, network.lookback)[0])
    known = first.configured(asked)
    config = replace(config, cells=(known.network.cell,), network=known.network, training=known.training)
    return replace(walk, f=first.seen(features(history), calendar), config=config, initial=initial)


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
    """What a walk over a series finds. Raises what splitting raises, StorageError.

    Args:
        walk: The walk.
        series: Its prices, with what is to be told of them.
        keep_rows: Return every forecast of every competitor.

    Returns:
        Scores, comparisons and verdict over all folds.
    """
    history = walk.history
    series.tell(walk.progress)
    folds = walk_forward(history.dates[1:], walk.config.folds, walk.config.network.lookback)
    return judged(walk, folds, walk.run(folds), keep_rows)


_Pair = tuple[Fit, Fit | None]
"""A fit, and that of the same sessions which does without a market, where the model has one."""


class PretrainedBacktest:
    """A saved model in the backtests of one call, whose sources all look at one market."""

    def __init__(self, name: str, markets: MarketSource) -> None:
        self.name = name
        self.markets = markets

    @property
    def prices(self) -> PriceSource:
        """The door that the sources come in by."""
        return self.markets.prices

    @cached_property
    def model(self) -> TrainedModel:
        """The model. Raises ModelError where it is missing or damaged."""
        return model_of(self.prices.folder, self.name)

    def of(self, history: History, config: BacktestConfig) -> tuple[PretrainedBacktest, BacktestConfig]:
        """The same for one history: of the general model, the newest vintage whose cutoff lies before the validation
        part of the first fold, and that fold said by date. Raises ModelError where every vintage has seen later
        sessions.
        """
        shipped = self.name == GENERAL and trainedmodel.is_shipped()
        if not shipped or modelfile.model_exists(self.prices.folder / "models", self.name):
            return self, config
        first = walk_forward(history.dates[1:], config.folds, config.network.lookback)[0]
        validation = first.split.validation
        model = trainedmodel.general_model(first.split.session(validation.start), history)
        found = PretrainedBacktest(self.name, self.markets)
        found.__dict__["model"] = model
        begin = first.split.session(first.split.test.start + 1)
        return found, replace(config, folds=replace(config.folds, test_from=begin))

    def configured(self, history: History, config: BacktestConfig) -> BacktestConfig:
        """The configuration with the model's network, and the folds of a history that it may be scored on.

        The first target is the one that was asked for. Otherwise it is the first after what the scored fit has seen,
        or, in a history that begins later than that, the first that leaves enough to fit the baselines on. Raises
        ModelError where neither fit of the model may forecast the first target, or nothing is left to score.
        """
        model = self.model
        config = replace(
            config,
            cells=(model.config.network.cell,),
            network=model.config.network,
            training=model.config.training,
            warm_start=False,
        )
        dates_T = history.dates[1:]
        if config.folds.test_from is not None:
            self._pair(dates_T, config)
            return config
        enough = first_origin(config.network.lookback) + MIN_TRAIN + MIN_VALIDATION + config.folds.embargo + 1
        row = max(self._first_row(dates_T, self._pairs[0], config), enough)
        if row >= len(dates_T):
            raise ModelError(
                f"model {self.name} was trained on sessions up to {_cutoff(self._pairs[0])}, and the prices of "
                f"{history.ticker}, {history.first} to {history.last}, leave nothing to score after that",
                "use a longer history, or train the model with an earlier --test-from",
            )
        return replace(config, folds=replace(config.folds, test_from=dates_T[row].astype(object)))

    def walk(self, series: PriceSeries, config: BacktestConfig, progress: Progress) -> Walk:
        """The walk over a series in which the network forecasts. Raises what `configured` raises, and DataError where
        it lacks a column that the network was trained on.
        """
        history = series.history
        config = self.configured(history, config)
        fit, without_market = self._pair(history.dates[1:], config)
        progress.note(f"{history.ticker}: {self.name} was trained on sessions up to {fit.cutoff}", detail=True)
        own, calendar = features(history), self._calendar(history)
        market = self._market(series, progress)
        covariate_series = self._covariates_of(series, config.covariates, progress)
        fallback, f = None, own
        if without_market is not None:
            reached_T = _reached(market, own)
            without_market_f = seen_by(without_market.ensemble, own, calendar, None, covariate_series)
            if market is None:
                # The columns of a market are asked for; where there is none, nobody looks at them.
                fit, f = without_market, without_market_f
            elif not reached_T.all():
                fallback = FallbackModel(without_market.ensemble, without_market_f, without_market.shocks, ~reached_T)
            few = f"Name at least {MINIMUM_MEMBERS} stocks of its exchange in one call."
            self._tell(history, config, reached_T, progress, ELSEWHERE if market is None else few)
        if fit is not without_market:
            f = seen_by(fit.ensemble, own, calendar, market, covariate_series)
        folder = folder_of(self.prices.folder, history.ticker)
        return Walk(history, f, config, folder, progress, fit.ensemble, fit.shocks, fallback)

    @cached_property
    def _pairs(self) -> tuple[_Pair, ...]:
        """The fits, oldest first."""
        model = self.model
        without = model.fits_without(MARKET) if model.has_fallback else repeat(None)
        return tuple(zip(model.fits_without(), without, strict=False))

    def _pair(self, dates_T: Dates, config: BacktestConfig) -> _Pair:
        """The latest fit that saw nothing of the first target, nor of the embargo before it. Raises ModelError."""
        first = config.folds.test_from
        row = int(np.searchsorted(dates_T, np.datetime64(first), "left"))
        for pair in reversed(self._pairs):
            if self._first_row(dates_T, pair, config) <= row:
                return pair
        earliest = self._first_row(dates_T, self._pairs[0], config)
        later = f"--test-from {dates_T[earliest]} or later" if earliest < len(dates_T) else "a longer history"
        raise ModelError(
            f"model {self.name} was trained on sessions up to {_cutoff(self._pairs[0])}: it cannot be scored "
            f"from {first} on without looking ahead",
            f"its cutoff is {_cutoff(self._pairs[0])}: use {later}",
        )

    @staticmethod
    def _first_row(dates_T: Dates, pair: _Pair, config: BacktestConfig) -> int:
        """The first target whose origin is not before the cutoff, and the embargo after it."""
        return int(np.searchsorted(dates_T, np.datetime64(_cutoff(pair)), "left")) + 1 + config.folds.embargo

    def _calendar(self, history: History) -> SessionCalendar:
        """The sessions of the model's exchange, as long as the history."""
        known = self.model.calendar
        if known.knows(history.first) and known.knows(history.last):
            return known
        return calendar_over([history], known.exchange)

    def _market(self, series: PriceSeries, progress: Progress) -> Market | None:
        """What the network sees of the market; nothing for a ticker whose exchange keeps other hours."""
        kept = self.model.market
        if kept is None or (series.is_stored and series.exchange != self.model.calendar.exchange):
            return None
        return self.markets.of_all(kept, series.history.last, progress)

    def _covariates_of(self, series: PriceSeries, asked: CovariatesConfig, progress: Progress) -> Covariates | None:
        """The covariates of a series, as its own exchange sees them."""
        series = series if series.is_stored else series.on(self._calendar(series.history))
        found = CovariateSource(asked, self.prices, progress).again(self.model, series).covariate_series
        return None if found is None else found.of(series.history.ticker)

    def _tell(
        self, history: History, config: BacktestConfig, reached_T: np.ndarray[tuple[int], np.dtype[np.bool_]],
        progress: Progress, why: str,
    ) -> None:  # fmt: skip
        """Say so where the network that does without a market is scored."""
        row = int(np.searchsorted(history.dates[1:], np.datetime64(config.folds.test_from), "left"))
        scored_N = reached_T[row - 1 : -1]
        if not scored_N.all():
            missing = int((~scored_N).sum())
            progress.note(
                f"{history.ticker}: the market of {missing} of {len(scored_N)} origins is not known, and the network "
                f"of {self.name} that does without one forecasts from them. {why}"
            )


def _cutoff(pair: _Pair) -> date:
    return max(fit.cutoff for fit in pair if fit is not None)


def _reached(market: Market | None, f: Features) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """At which rows the market is known for the session itself."""
    if market is None:
        return np.zeros(len(f), dtype=np.bool_)
    return np.isin(f.session_returns.dates, market.dates_D)
