"""Outlook: a ticker's forecasts from the store, calibrated by its ledger and recorded there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

from stockcast import config as settings
from stockcast.config import PredictConfig
from stockcast.config.sources import FetchConfig
from stockcast.errors import DataError, LockedError, StorageError
from stockcast.forecasting import Clock, TrainedModel, View
from stockcast.forecasts import Forecast
from stockcast.models.calibration import AdaptiveConformal, Calibration
from stockcast.models.distribution import Distribution
from stockcast.pipeline.fetching import Fetcher
from stockcast.pipeline.markets import Company, at_exchange
from stockcast.pipeline.predicting import serving, warn_of_guesses
from stockcast.pipeline.source import FetchSession, calendar_end
from stockcast.pipeline.sources import Quotes, refuse_file_options, stored, ticker_of
from stockcast.pipeline.targetseries import TargetSeries
from stockcast.prices.sessions import load_calendar
from stockcast.progress import Progress
from stockcast.storage.database import Database
from stockcast.storage.ledger import recording
from stockcast.storage.ledger.reading import misses
from stockcast.storage.ledger.recording import Entry

ADAPTIVE = AdaptiveConformal()


def from_store(
    company: Company, source: str, config: PredictConfig, progress: Progress, exchange: str | None
) -> tuple[Forecast, ...]:
    """`predict_beside` for a ticker. Raises what `predict` raises."""
    read, home = company.read, company.home
    refuse_file_options(source, read)
    ticker, fetch_session = ticker_of(source), company.fetch_session(source) or FetchSession(FetchConfig(), many=False)
    end = min((day for day in (read.end, config.as_of) if day is not None), default=None)
    with Database.open(home) as db:
        if end is None or not _stored_through(db, ticker, end):
            Fetcher(db, fetch_session, progress).update(ticker)
        now = settings.now()
        quotes = stored(db, ticker, now, read.start, end)
        if exchange is not None and exchange != quotes.exchange:
            quotes = replace(
                quotes, known_calendar=load_calendar(exchange, quotes.history.first, calendar_end(now.date()))
            )
        for note in quotes.history.notes:
            progress.note(f"{ticker}: {note}", detail=True)
        if end is None:
            require_fresh(quotes, fetch_session.config)
        model = serving(home, config.model, quotes.history, progress)
        model = company.beside_stored(db, at_exchange(model, quotes.calendar), ticker, quotes.history.last, progress)
        target = TargetSeries.of(quotes.history, quotes.calendar, quotes)
        model = company.with_covariates(model, target, progress)
        tickerforecast = TickerForecast.of(db, model, quotes, config, now)
        if config.record:
            try:
                tickerforecast.record(db)
            except (StorageError, LockedError) as error:
                progress.note(f"{ticker}: the forecast is not recorded: {error.message}")
    warn_of_guesses(tickerforecast.forecasts[-1], quotes.calendar, progress)
    return tickerforecast.forecasts


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
class TickerForecast:
    """The forecasts of one ticker from one origin, and what the ledger keeps of them."""

    view: View
    quotes: Quotes
    dists: tuple[Distribution, ...]
    calibrations: tuple[Calibration, ...]
    forecasts: tuple[Forecast, ...]
    now: datetime

    @classmethod
    def of(
        cls, db: Database, model: TrainedModel, quotes: Quotes, config: PredictConfig, now: datetime
    ) -> TickerForecast:
        """Forecasts from the newest bar of `quotes`, calibrated by what the ledger knew before."""
        view = View.of(model, quotes.history, replace(config, as_of=None))
        dists = view.dists(model.served_by)
        ticker, name = quotes.history.ticker, model.name
        calibrations: tuple[Calibration, ...] = ()
        if config.calibrate:
            calibrations = tuple(
                ADAPTIVE.calibration(dist, misses(db, ticker, name, step, quotes.history.last))
                for step, dist in enumerate(dists, start=1)
            )
        clock = Clock(quotes.calendar, quotes.completed, now)
        return cls(view, quotes, dists, calibrations, view.forecasts(dists, clock, calibrations), now)

    def record(self, db: Database) -> int:
        """Keep the forecasts in the ledger, each with the baselines' distributions; returns how many are new there."""
        history, model = self.quotes.history, self.view.model
        known = recording.recorded(db, history.ticker, history.last, model.name)
        if known >= {forecast.horizon for forecast in self.forecasts}:
            return 0
        baselines = {name: self.view.dists(name) for name in self.view.fit.baselines}
        entries = [
            Entry(
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
        """Live where it was made from the newest session, before the target session's close."""
        newest = self.quotes.age == 0
        assert self.quotes.hours is not None  # noqa: S101 - a ticker's are known
        in_time = self.now < self.quotes.hours.close_of(forecast.target_session)
        return "live" if newest and in_time else "replay"


def _stored_through(db: Database, ticker: str, day: date) -> bool:
    """Whether the store reaches `day`, so that nothing need be fetched for a forecast as of then."""
    from stockcast.storage import pricestore

    last = pricestore.last_session(db, ticker)
    return last is not None and last >= day
