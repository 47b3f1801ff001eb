"""Backtesting: a walk-forward over the past, every competitor scored on the same outcomes.

Every fold is fitted anew, or a saved network forecasts them all without being trained, also tickers it never saw,
beside baselines that are. It is the latest of the model's fits that saw nothing of what is scored. Rows of a history
are those of its features: row t belongs to bar t + 1, and the target of origin t is row t + 1.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import date
from functools import cached_property
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stockcast.config.models import GENERAL, SCRATCH, BacktestConfig, FoldConfig
from stockcast.config.sources import WHERE_TRAINED
from stockcast.engine.pieces import Steps, run_here
from stockcast.errors import ModelError
from stockcast.evaluation.verdict import BacktestResult
from stockcast.forecasting import Fit, TrainedModel, seen_by
from stockcast.models.baselines import BASELINES, competing
from stockcast.pipeline.costs import baselines_seconds
from stockcast.pipeline.covariates import CovariateSource
from stockcast.pipeline.fetchsession import FetchSession
from stockcast.pipeline.initial import Scratch, model_to_begin_with
from stockcast.pipeline.judging import judged, summary_of
from stockcast.pipeline.markets import ELSEWHERE, MarketSource, is_unlike
from stockcast.pipeline.models import model_of
from stockcast.pipeline.series import PriceSeries, calendar_over
from stockcast.pipeline.source import PriceSource
from stockcast.pipeline.starts import Starts, asked_of_folds
from stockcast.pipeline.walking import FallbackModel, Walk, folder_of
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.sessions import SessionCalendar
from stockcast.progress import Progress
from stockcast.results import BacktestPlan
from stockcast.storage import modelfile, trainedmodel
from stockcast.windows.covariates import MARKET
from stockcast.windows.events import features_with_events
from stockcast.windows.features import Features
from stockcast.windows.market import MINIMUM_MEMBERS
from stockcast.windows.splits import MIN_TRAIN, MIN_VALIDATION, first_origin, walk_forward

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
    source: str, read: ReadOptions, config: BacktestConfig, home: Path, progress: Progress,
    fetch_session: FetchSession | None = None,
) -> BacktestPlan:  # fmt: skip
    """The folds of a backtest, without running it, and what is left to be done.

    Args:
        source: A file or a ticker.
        read: What a file does not say of itself, and the first and last bar to keep.
        config: Folds and training.
        home: The folder of models, prices and forecasts.
        progress: Who is told what is to be known of the prices.
        fetch_session: How a ticker's prices are fetched; with the defaults unless given.

    Raises:
        DataError: Where the source cannot be read, or is too short to be split.
    """
    walk, _ = walk_over(PriceSource.of(home, read, fetch_session), source, config, progress)
    folds = walk_forward(walk.history.dates[1:], walk.config.folds, walk.config.network.lookback)
    missing = walk.missing(folds)
    there = {fold.number for fold in folds} - {fold.number for fold in missing}
    summaries = tuple(replace(summary_of(fold), resumed=fold.number in there) for fold in folds)
    return BacktestPlan(walk.history.ticker, summaries, len(missing), sum(map(walk.seconds, missing)))


def plan_pretrained(
    source: str, pretrained: PretrainedBacktest, config: BacktestConfig, progress: Progress
) -> BacktestPlan:
    """The folds of `backtest_pretrained`, without running it, none of which counts as done before.

    Raises:
        ModelError: As `backtest_pretrained`.
        DataError: As `backtest_pretrained`.
    """
    series = pretrained.load(source, progress)
    series.tell(progress)
    history = series.history
    pretrained, config = pretrained.of(history, config)
    config = pretrained.configured(history, config)
    folds = walk_forward(history.dates[1:], config.folds, config.network.lookback)
    seconds = sum(baselines_seconds(len(fold.split.train)) for fold in folds)
    return BacktestPlan(history.ticker, tuple(map(summary_of, folds)), len(folds), seconds)


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
    steps = backtest_steps(source, read, config, home, progress, keep_rows, fetch_session)
    return run_here(steps, progress)


def backtest_steps(
    source: str, read: ReadOptions, config: BacktestConfig, home: Path, progress: Progress,
    keep_rows: bool = False, fetch_session: FetchSession | None = None,
) -> Steps[BacktestResult]:  # fmt: skip
    """The same in steps: the folds that are not there yet are its pieces. Takes and raises what `backtest` does."""
    walk, _ = walk_over(PriceSource.of(home, read, fetch_session), source, config, progress)
    return (yield from walked(walk, keep_rows))


def walk_over(
    prices: PriceSource, source: str, config: BacktestConfig, progress: Progress
) -> tuple[Walk, PriceSeries]:  # fmt: skip
    """The walk over a source with what its networks look at, and its prices. Raises what loading raises."""
    config = replace(config, exchange=config.exchange or prices.read.exchange)
    series = prices.taken_for(config.exchange).load(source, progress)
    covariates = CovariateSource(config.covariates, prices, progress, strict=False)
    return walk_of(series, covariates.columns(series, config.exchange), config, prices.folder, progress), series


def walk_of(series: PriceSeries, f: Features, config: BacktestConfig, home: Path, progress: Progress) -> Walk:
    """The walk over a series whose networks look at these columns, or at those of the networks that they begin with.

    Where nothing else is asked for, each fold begins as `train` would have on its day: with the general model where
    network and training are the usual ones. The walk's own settings are those of its newest fold.

    Args:
        series: The prices.
        f: Their columns.
        config: Folds, networks and what these begin with.
        home: The folder of models and folds.
        progress: Whoever watches, and is told what is to be known of the prices.

    Returns:
        The walk; no fold of it has been fitted.

    Raises:
        ConfigError: the networks to begin with are of another shape than was asked for, or look at no covariates.
        ModelError: the model to begin with is missing or damaged, or has seen the validation part of the first fold.
    """
    history, asked = series.history, asked_of_folds(config)
    series.tell(progress)
    walk = Walk(history, f, config, folder_of(home, history.ticker), progress)
    model = model_to_begin_with(asked, home, progress)
    begin = Starts(history, f, series.at(config.exchange).calendar, asked, model)
    first = walk_forward(history.dates[1:], config.folds, asked.network.lookback)[0]
    # A model that is named may have a lookback of its own, which moves the folds.
    lookback = begin(first, progress).config.network.lookback
    newest = begin(walk_forward(history.dates[1:], config.folds, lookback)[-1])
    if isinstance(newest.initial, Scratch):
        return replace(walk, config=replace(config, init=SCRATCH))
    network, training = newest.config.network, newest.config.training
    config = replace(config, cells=(network.cell,), network=network, training=training, init=newest.config.init)
    return replace(walk, config=config, begin=begin)


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
    return run_here(backtest_pretrained_steps(source, pretrained, config, progress, keep_rows), progress)


def backtest_pretrained_steps(
    source: str, pretrained: PretrainedBacktest, config: BacktestConfig, progress: Progress, keep_rows: bool = False
) -> Steps[BacktestResult]:
    """The same in steps, as `backtest_steps`. Takes and raises what `backtest_pretrained` does."""
    series = pretrained.load(source, progress)
    pretrained, config = pretrained.of(series.history, config)
    for note in pretrained.model.notes:
        progress.note(f"model {pretrained.name}: {note}")
    walk = pretrained.walk(series, config, progress)
    series.tell(progress)
    return (yield from walked(walk, keep_rows))


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
    pretrained = PretrainedBacktest(forecasts[0].model, markets)
    baselines = competing(BASELINES, pretrained.load(source).history.events is not None)
    config = BacktestConfig(folds=FoldConfig(), baselines=baselines, covariates=covariates)
    result = backtest_pretrained(source, pretrained, config, progress)
    first, last = result.folds[0].test[0], result.folds[-1].test[1]
    found = f"On {result.ticker} itself, {first} to {last}: {result.verdict.sentence}"
    return tuple(replace(forecast, verdict=f"{forecast.verdict} {found}") for forecast in forecasts)


def walked(walk: Walk, keep_rows: bool) -> Steps[BacktestResult]:
    """What a walk over a series finds. Raises what splitting raises, StorageError.

    Args:
        walk: The walk.
        keep_rows: Return every forecast of every competitor.

    Returns:
        Scores, comparisons and verdict over all folds.
    """
    history = walk.history
    folds = walk_forward(history.dates[1:], walk.config.folds, walk.config.network.lookback)
    result = judged(walk, folds, (yield from walk.steps(folds)), keep_rows)
    for note in result.notes[len(history.notes) :]:
        walk.progress.note(f"{history.ticker}: {note}")
    return result


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

    def load(self, source: str, progress: Progress | None = None) -> PriceSeries:
        """The prices of a source, at the model's exchange unless it says otherwise. Raises what loading raises."""
        return self.prices.beside(self._usual).load(source, progress)

    def _usual(self, _ticker: str, last: date) -> SessionCalendar | None:
        with suppress(ModelError):
            return trainedmodel.general_calendar(last) if self._is_shipped else self.model.calendar
        return None

    @property
    def _is_shipped(self) -> bool:
        """Whether it is the general model."""
        shipped = self.name == GENERAL and trainedmodel.is_shipped()
        return shipped and not modelfile.model_exists(self.prices.folder / "models", self.name)

    @cached_property
    def model(self) -> TrainedModel:
        """The model. Raises ModelError where it is missing or damaged."""
        return model_of(self.prices.folder, self.name)

    def of(self, history: History, config: BacktestConfig) -> tuple[PretrainedBacktest, BacktestConfig]:
        """The same for one history: of the general model, the newest vintage whose cutoff lies before the validation
        part of the first fold, and that fold said by date. Raises ModelError where every vintage has seen later
        sessions.
        """
        if not self._is_shipped:
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
        own, calendar = features_with_events(history), self._calendar(series)
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
        proven = self._is_shipped or self.model.is_proven
        proven = proven and not is_unlike(self.model.calendar.exchange, series.exchange)
        return Walk(history, f, config, folder, progress, fit.ensemble, fit.shocks, fallback, proven=proven)

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

    def _calendar(self, series: PriceSeries) -> SessionCalendar:
        """The sessions of the model's exchange, or of the one that a file is of, as long as the history."""
        history, known = series.history, self.model.calendar
        if self._is_elsewhere(series) and not series.is_stored:
            known = series.calendar
        if known.knows(history.first) and known.knows(history.last):
            return known
        return calendar_over([history], known.exchange)

    def _is_elsewhere(self, series: PriceSeries) -> bool:
        """Whether a series is known to be of another exchange than the model."""
        return (series.is_stored or series.is_listed) and series.exchange != self.model.calendar.exchange

    def _market(self, series: PriceSeries, progress: Progress) -> Market | None:
        """What the network sees of the market; nothing for a ticker whose exchange keeps other hours."""
        kept = self.model.market
        if kept is None or self._is_elsewhere(series):
            return None
        return self.markets.of_all(kept, series.history.last, self.model.calendar, progress)

    def _covariates_of(self, series: PriceSeries, asked: CovariatesConfig, progress: Progress) -> Covariates | None:
        """The covariates of a series, as its own exchange sees them."""
        series = series if series.is_stored else series.on(self._calendar(series))
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
