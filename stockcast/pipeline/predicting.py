"""Forecasts from saved models: of files as they are, of tickers from the store, calibrated and recorded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

from stockcast import config as settings
from stockcast.config import PredictConfig
from stockcast.config.fetching import FetchConfig
from stockcast.errors import DataError, StorageError
from stockcast.forecasting import Clock, TrainedModel, View
from stockcast.models.calibration import AdaptiveConformal, Calibration
from stockcast.models.distribution import Distribution
from stockcast.pipeline.sources import Quotes, load, refuse_file_options, stored, ticker_of
from stockcast.prices.csvfile import ReadOptions, looks_like_path
from stockcast.prices.sessions import SessionCalendar, load_calendar
from stockcast.results.forecasts import Forecast
from stockcast.results.progress import Progress
from stockcast.storage import modelfile, trainedmodel
from stockcast.storage.database import Database
from stockcast.storage.ledger import recording
from stockcast.storage.ledger.entry import Entry
from stockcast.storage.ledger.reading import misses

CALENDAR_AHEAD = timedelta(days=400)
"""Sessions kept with a model beyond today: 250 sessions ahead of the newest bar, and some."""

ADAPTIVE = AdaptiveConformal()


def predict(
    source: str, read: ReadOptions, config: PredictConfig, home: Path, progress: Progress,
    exchange: str | None = None, fetching: FetchConfig | None = None,
) -> tuple[Forecast, ...]:  # fmt: skip
    """Forecasts of the sessions after a source's newest bar, from a saved model (default: the ticker's).

    A ticker's prices come from the store, fetched where they are too old; its forecasts are calibrated by its ledger
    and recorded there. exchange: another calendar than the model's. Raises DataError for the source, and for fetched
    prices that are behind the exchange unless `fetching` allows it; ModelError for the model.
    """
    if looks_like_path(source):
        return _from_file(source, read, config, home, progress, exchange)
    return _from_store(source, read, config, home, progress, exchange, fetching or FetchConfig())


def model_of(home: Path, name: str) -> TrainedModel:
    """A saved model. Raises ModelError where it is missing or damaged."""
    return trainedmodel.from_file(modelfile.load(home / "models", name))


def calendar_end(last: date) -> date:
    """How far a calendar has to reach for forecasts from `last` and from today."""
    return max(last, settings.now().date()) + CALENDAR_AHEAD


def _from_file(
    source: str, read: ReadOptions, config: PredictConfig, home: Path, progress: Progress, exchange: str | None
) -> tuple[Forecast, ...]:
    # Bars after the origin are cut before anything is checked: not even a repair may know them.
    ends = [day for day in (read.end, config.as_of) if day is not None]
    history = load(source, replace(read, end=min(ends, default=None)))
    for note in history.notes:
        progress.note(f"{history.ticker}: {note}", detail=True)
    model = model_of(home, config.model or history.ticker)
    if exchange is not None and exchange != model.calendar.exchange:
        model = replace(model, calendar=load_calendar(exchange, history.first, calendar_end(history.last)))
    view = View.of(model, history, config)
    now = settings.now()
    # A file says nothing of closing times: a session of today may still be running.
    clock = Clock(model.calendar, now.date() - timedelta(days=1), now)
    forecasts = view.forecasts(view.laws(model.served_by), clock)
    _warn_of_guesses(forecasts[-1], model.calendar, progress)
    return forecasts


def _from_store(
    source: str, read: ReadOptions, config: PredictConfig, home: Path, progress: Progress, exchange: str | None,
    fetching: FetchConfig,
) -> tuple[Forecast, ...]:  # fmt: skip
    from stockcast.pipeline.fetching import Fetcher, Waiting

    refuse_file_options(source, read)
    ticker = ticker_of(source)
    with Database.open(home) as db:
        if config.as_of is None or not _stored_through(db, ticker, config.as_of):
            Fetcher(db, home, fetching, progress, Waiting(fetching, many=False)).update(ticker)
        now = settings.now()
        quotes = stored(db, ticker, now, read.start, config.as_of)
        if exchange is not None and exchange != quotes.exchange:
            quotes = replace(quotes, calendar=load_calendar(exchange, quotes.history.first, calendar_end(now.date())))
        for note in quotes.history.notes:
            progress.note(f"{ticker}: {note}", detail=True)
        if config.as_of is None:
            require_fresh(quotes, fetching)
        model = model_of(home, config.model or ticker)
        outlook = Outlook.of(db, model, quotes, config, now)
        if config.record:
            try:
                outlook.record(db)
            except StorageError as error:
                progress.note(f"{ticker}: the forecast is not recorded: {error.message}")
    _warn_of_guesses(outlook.forecasts[-1], quotes.calendar, progress)
    return outlook.forecasts


def require_fresh(quotes: Quotes, fetching: FetchConfig) -> None:
    """Raise DataError where the newest bar is further behind the exchange than the settings allow."""
    if quotes.age > fetching.max_age and not fetching.allow_stale:
        behind = "1 session" if quotes.age == 1 else f"{quotes.age} sessions"
        raise DataError(
            f"the prices of {quotes.history.ticker} end on {quotes.history.last}, {behind} behind "
            f"{quotes.completed}, the last that is over",
            "try again when the provider has it, or forecast from what is there with --allow-stale",
        )


@dataclass(frozen=True)
class Outlook:
    """The forecasts of one ticker from one origin, and what the ledger keeps of them."""

    view: View
    quotes: Quotes
    laws: tuple[Distribution, ...]
    calibrations: tuple[Calibration, ...]
    forecasts: tuple[Forecast, ...]
    now: datetime

    @classmethod
    def of(cls, db: Database, model: TrainedModel, quotes: Quotes, config: PredictConfig, now: datetime) -> Outlook:
        """Forecasts from the newest bar of `quotes`, calibrated by what the ledger knew before."""
        view = View.of(model, quotes.history, replace(config, as_of=None))
        laws = view.laws(model.served_by)
        ticker, name = quotes.history.ticker, model.name
        calibrations: tuple[Calibration, ...] = ()
        if config.calibrate:
            calibrations = tuple(
                ADAPTIVE.calibration(law, misses(db, ticker, name, step, quotes.history.last))
                for step, law in enumerate(laws, start=1)
            )
        clock = Clock(quotes.calendar, quotes.completed, now)
        return cls(view, quotes, laws, calibrations, view.forecasts(laws, clock, calibrations), now)

    def record(self, db: Database) -> int:
        """Keep the forecasts in the ledger, each with the baselines' laws; returns how many are new there."""
        history, model = self.quotes.history, self.view.model
        known = recording.recorded(db, history.ticker, history.last, model.name)
        if known >= {forecast.horizon for forecast in self.forecasts}:
            return 0
        baselines = {name: self.view.laws(name) for name in self.view.fit.baselines}
        entries = [
            Entry(
                forecast=forecast,
                kind=self._kind(forecast),
                law=law,
                baselines={name: laws[step] for name, laws in baselines.items()},
                calibration=self.calibrations[step] if self.calibrations else None,
            )
            for step, (forecast, law) in enumerate(zip(self.forecasts, self.laws, strict=True))
        ]
        return recording.record(db, entries, self.now)

    def _kind(self, forecast: Forecast) -> str:
        """Live where it was made from the newest session, before the target session's close."""
        newest = self.quotes.age == 0
        in_time = self.now < self.quotes.hours.close_of(forecast.target_session)
        return "live" if newest and in_time else "replay"


def _stored_through(db: Database, ticker: str, day: date) -> bool:
    """Whether the store reaches `day`, so that nothing need be fetched for a forecast as of then."""
    from stockcast.storage import pricestore

    last = pricestore.last_session(db, ticker)
    return last is not None and last >= day


def _warn_of_guesses(furthest: Forecast, calendar: SessionCalendar, progress: Progress) -> None:
    if not calendar.knows(furthest.target_session):
        progress.note(
            f"{furthest.ticker}: the model knows the holidays of {calendar.exchange} up to "
            f"{calendar.through}; {furthest.target_session} is a guess by weekday. Train again."
        )
