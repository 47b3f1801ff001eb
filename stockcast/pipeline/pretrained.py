"""Given: a saved network that forecasts in the folds of a backtest without being trained, also tickers it never saw.

It is the latest of the model's fits that saw nothing of what is scored. Rows of a history are those of its features:
row t belongs to bar t + 1, and the target of origin t is row t + 1.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cached_property
from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np

from stockcast.config.models import GENERAL
from stockcast.errors import ModelError
from stockcast.forecasting import Fit, TrainedModel, seen_by
from stockcast.pipeline.covariates import CovariateSource
from stockcast.pipeline.markets import ELSEWHERE, MarketSource
from stockcast.pipeline.models import model_of
from stockcast.pipeline.source import PriceSeries, PriceSource, calendar_over
from stockcast.pipeline.walking import FallbackModel, Walk, folder_of
from stockcast.prices.sessions import SessionCalendar
from stockcast.storage import modelfile, trainedmodel
from stockcast.windows.columns import MARKET
from stockcast.windows.features import Features, features
from stockcast.windows.market import MINIMUM_MEMBERS
from stockcast.windows.splits import MIN_TRAIN, MIN_VALIDATION, first_origin, walk_forward

if TYPE_CHECKING:
    from stockcast.config import CovariatesConfig
    from stockcast.config.backtests import BacktestConfig
    from stockcast.prices.history import Dates, History
    from stockcast.progress import Progress
    from stockcast.windows.covariates import Covariates
    from stockcast.windows.market import Market

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
        beside = self._beside(series, config.covariates, progress)
        fallback, f = None, own
        if without_market is not None:
            reached_T = _reached(market, own)
            without_market_f = seen_by(without_market.ensemble, own, calendar, None, beside)
            if market is None:
                # The columns of a market are asked for; where there is none, nobody looks at them.
                fit, f = without_market, without_market_f
            elif not reached_T.all():
                fallback = FallbackModel(without_market.ensemble, without_market_f, without_market.shocks, ~reached_T)
            few = f"Name at least {MINIMUM_MEMBERS} stocks of its exchange in one call."
            self._tell(history, config, reached_T, progress, ELSEWHERE if market is None else few)
        if fit is not without_market:
            f = seen_by(fit.ensemble, own, calendar, market, beside)
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
        return self.markets.whole(kept, series.history.last, progress)

    def _beside(self, series: PriceSeries, asked: CovariatesConfig, progress: Progress) -> Covariates | None:
        """The covariates of a series, as its own exchange sees them."""
        series = series if series.is_stored else series.on(self._calendar(series.history))
        found = CovariateSource(asked, self.prices, progress).again(self.model, series).beside
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
