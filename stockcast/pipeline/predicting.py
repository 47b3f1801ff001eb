"""Forecasts from saved models: of files as they are, of tickers from the store, calibrated and recorded."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from stockcast import config as settings
from stockcast.config import CovariatesConfig, PredictConfig
from stockcast.config.models import GENERAL
from stockcast.config.sources import WHERE_TRAINED
from stockcast.errors import LockedError, StockcastError, StorageError
from stockcast.forecasting import Clock, TrainedModel, View
from stockcast.forecasts import Forecast
from stockcast.models.distribution import Distribution
from stockcast.pipeline.fetchsession import FetchSession
from stockcast.pipeline.markets import MarketSource, at_exchange
from stockcast.pipeline.models import model_of
from stockcast.pipeline.reportdates import hindsight
from stockcast.pipeline.series import PriceSeries
from stockcast.pipeline.source import PriceSource
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.history import History
from stockcast.progress import Progress
from stockcast.storage import modelfile, trainedmodel

if TYPE_CHECKING:
    from stockcast.models.conformal import Calibration
    from stockcast.prices.sessions import SessionCalendar
    from stockcast.storage.database import Database


def predict(
    source: str, read: ReadOptions, config: PredictConfig, home: Path, progress: Progress,
    fetch_session: FetchSession | None = None,
) -> tuple[Forecast, ...]:  # fmt: skip
    """Forecasts of the sessions after a source's newest bar, from a saved model (default: the ticker's).

    A ticker's prices come from the store, fetched where they are too old; its forecasts are calibrated by its ledger
    and recorded there.

    Args:
        source: A file, `-` for standard input, or a ticker.
        read: What a file does not say of itself, and its model does not remember.
        config: The model, the horizon, and how paths are drawn.
        home: The folder of models and prices.
        progress: Who is told what is to be known.
        fetch_session: How a ticker's prices are fetched.

    Raises:
        DataError: The source cannot be used, or fetched prices are further behind the exchange than allowed.
        ModelError: The model is missing, damaged, or has learnt from later sessions.
        SourceUnavailable: The provider cannot be reached.
    """
    prices = PriceSource.of(home, read, fetch_session).remembering(config.model)
    markets = MarketSource(prices, (source,))
    return predict_with(markets, source, config, progress)


def predict_with(
    markets: MarketSource, source: str, config: PredictConfig, progress: Progress,
    covariates: CovariatesConfig = WHERE_TRAINED,
) -> tuple[Forecast, ...]:  # fmt: skip
    """Forecast one of several sources: together they are a pooled model's market after its pool's sessions.

    Args:
        markets: Where models, prices and the market come from.
        source: A file or a ticker.
        config: The origin, the model, steps ahead and paths.
        progress: Who watches.
        covariates: Other places for the series that the model looks at.
    """
    # Bars after the origin are cut before anything is checked: not even a repair may know them.
    prices = markets.prices.until(config.as_of)
    models = ServingModels(prices.folder, config.model, progress)
    series = prices.beside(models.calendar).load(source, progress, fetch="missing")
    if series.is_stored:
        # The hours stay the ticker's own: they say whether a session is over.
        series = replace(series.at(prices.read.exchange), hours=series.hours)
    series.tell(progress, detail=True)
    if prices.read.end is None:
        prices.require_fresh(series)
    model = models.of(series.history)
    if series.exchange == model.calendar.exchange and not series.is_stored:
        series = series.on(model.calendar)
    elif series.remarks and model.name != GENERAL:
        progress.note(
            f"{series.history.ticker}: {model.name} was trained on sessions of {model.calendar.exchange}, and "
            f"forecasts those of {series.exchange}"
        )
    model = markets.reaching(at_exchange(model, series.calendar), series.history, series.is_stored, progress)
    if model.covariates is not None or covariates != WHERE_TRAINED:
        from stockcast.pipeline.covariates import CovariateSource

        model = CovariateSource(covariates, prices, progress).again(model, series)
    if series.is_stored:
        forecasts = _recorded(model, series, config, prices.folder, progress)
    else:
        view = View.of(model, series.history, config)
        clock = Clock(series.calendar, series.completed, settings.now())
        forecasts = view.forecasts(view.dists(model.served_by), clock)
    _warn_of_guesses(forecasts[-1], series, progress)
    if config.as_of is not None:
        for note in hindsight(series.history.events, (forecasts[0].target_session,)):
            progress.note(f"{series.history.ticker}: {note}")
    return forecasts


class ServingModels:
    """The model that forecasts a source: the one that was named, or the ticker's own; the general model where there is
    none, or by its name.
    """

    def __init__(self, home: Path, named: str | None, progress: Progress) -> None:
        self.home, self.named, self.progress = home, named, progress
        self._own: dict[str, TrainedModel] = {}

    def of(self, history: History) -> TrainedModel:
        """The model of a history; the general model's vintage is the newest that saw nothing after it.

        Raises what `model_of` raises, and ModelError where every vintage has seen later sessions.
        """
        own = self.named or history.ticker
        if not self._is_general(own):
            return self._loaded(own)
        model = trainedmodel.general_model(history.last, history)
        if self.named is None:
            learnt = f"it was trained to {model.scored.cutoff}"
            self.progress.note(
                f"{history.ticker}: it has no model of its own, so the general model forecasts; {learnt}"
            )
        return model

    def calendar(self, ticker: str, last: date) -> SessionCalendar | None:
        """The calendar of the model that will forecast a ticker; None where there is none, which `of` says."""
        own = self.named or ticker
        with suppress(StockcastError):
            return trainedmodel.general_calendar(last) if self._is_general(own) else self._loaded(own).calendar
        return None

    def _is_general(self, own: str) -> bool:
        wanted = self.named in {None, GENERAL} and trainedmodel.is_shipped()
        return wanted and not modelfile.model_exists(self.home / "models", own)

    def _loaded(self, name: str) -> TrainedModel:
        """A saved model, read once."""
        if name not in self._own:
            self._own[name] = model_of(self.home, name, self.progress)
        return self._own[name]


@dataclass(frozen=True)
class TickerForecast:
    """The forecasts of one ticker from one origin, and what the ledger keeps of them."""

    view: View
    series: PriceSeries
    dists: tuple[Distribution, ...]
    calibrations: tuple[Calibration, ...]
    forecasts: tuple[Forecast, ...]
    now: datetime
    wrong_clock: str | None

    @classmethod
    def of(cls, db: Database, model: TrainedModel, series: PriceSeries, config: PredictConfig) -> TickerForecast:
        """Forecasts from the newest bar of a ticker, calibrated by what the ledger knew before."""
        from stockcast.models.conformal import AdaptiveConformal
        from stockcast.pipeline.clock import contradiction
        from stockcast.storage.ledger.reading import recorded_misses

        now, origin = settings.now(), series.history.last
        view = View.of(model, series.history, replace(config, as_of=None))
        dists = view.dists(model.served_by)
        calibrations: tuple[Calibration, ...] = ()
        if config.calibrate:
            calibrations = tuple(
                AdaptiveConformal().calibration(
                    dist, recorded_misses(db, series.history.ticker, model.name, step, origin)
                )
                for step, dist in enumerate(dists, start=1)
            )
        clock = Clock(series.calendar, series.completed, now)
        forecasts = view.forecasts(dists, clock, calibrations)
        return cls(view, series, dists, calibrations, forecasts, now, contradiction(db, now, series.history.ticker))

    def record(self, db: Database) -> int:
        """Keep the forecasts in the ledger, each with the baselines' distributions; returns how many are new there."""
        from stockcast.storage.ledger import recording
        from stockcast.storage.ledger.recording import LedgerEntry

        history, model = self.series.history, self.view.model
        known = recording.recorded(db, history.ticker, history.last, model.name)
        if known >= {forecast.horizon for forecast in self.forecasts}:
            return 0
        baselines = {name: self.view.dists(name) for name in self.view.fit.baselines}
        entries = [
            LedgerEntry(
                forecast=forecast,
                kind=self._kind(forecast),
                dist=dist,
                baselines={name: dists[step] for name, dists in baselines.items()},
                calibration=self.calibrations[step] if self.calibrations else None,
            )
            for step, (forecast, dist) in enumerate(zip(self.forecasts, self.dists, strict=True))
        ]
        return recording.record(db, entries, self.now)

    def _kind(self, forecast: Forecast) -> str:
        """Live where it was made from the newest session, before the target session's close, by a clock that can be.

        A session that is stored, or was forecast from, is over, whatever the clock says: what comes before is past.
        """
        hours = self.series.hours
        in_time = hours is not None and self.now < hours.close_of(forecast.target_session)
        return "live" if in_time and self.series.age == 0 and self.wrong_clock is None else "replay"


def _recorded(
    model: TrainedModel, series: PriceSeries, config: PredictConfig, home: Path, progress: Progress
) -> tuple[Forecast, ...]:
    """A ticker's forecasts, kept in the ledger where that is wanted; where it cannot be, that is said."""
    from stockcast.pipeline.clock import remedy
    from stockcast.storage.database import Database

    with Database.open(home) as db:
        made = TickerForecast.of(db, model, series, config)
        if made.wrong_clock is not None:
            progress.note(f"{series.history.ticker}: a replay, since {made.wrong_clock}; {remedy()}")
        if config.record:
            try:
                made.record(db)
            except (StorageError, LockedError) as error:
                progress.note(f"{series.history.ticker}: the forecast is not recorded: {error.message}")
    return made.forecasts


def _warn_of_guesses(furthest: Forecast, series: PriceSeries, progress: Progress) -> None:
    """Say so where the holidays up to a target session are not known."""
    if not series.calendar.knows(furthest.target_session):
        progress.note(
            f"{furthest.ticker}: the holidays of {series.exchange} are known up to {series.calendar.through}; "
            f"{furthest.target_session} is a guess by weekday. Train or fetch again."
        )
