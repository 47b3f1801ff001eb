"""The cron job: fetch, settle, retrain when due, forecast, record, for one ticker after the other.

Whatever stops it, the store holds whole steps, and the next run does what is missing: a ticker's prices, its settled
forecasts and its new ones are a transaction each, and the files are written from the ledger.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from stockcast import config as settings
from stockcast.config import PredictConfig
from stockcast.config.models import GENERAL, SCRATCH
from stockcast.config.runs import RunConfig
from stockcast.config.sources import WHERE_TRAINED, FetchConfig
from stockcast.errors import DataError, LockedError, ModelError, StockcastError
from stockcast.forecasts import Forecast
from stockcast.pipeline.covariates import CovariateSource
from stockcast.pipeline.markets import MarketSource, at_exchange
from stockcast.pipeline.models import model_of
from stockcast.pipeline.predicting import TickerForecast
from stockcast.pipeline.retraining import due, retrained
from stockcast.pipeline.scoring import missed_sessions
from stockcast.pipeline.source import FetchSession, PriceSeries, PriceSource
from stockcast.progress import Progress
from stockcast.results import Retraining, RunResult, TickerRun
from stockcast.storage.database import Database
from stockcast.storage.files import file_lock, private_home, storage_error
from stockcast.storage.ledger import reading, recording, settling
from stockcast.storage.outputs import follow_ledger

if TYPE_CHECKING:
    from stockcast.forecasting import TrainedModel

LOCK = "run.lock"


@contextmanager
def run(config: RunConfig, home: Path, wait: float = 0.0) -> Iterator[Run]:
    """A run under the lock of `home`: call its `ticker` for each ticker, then `finish`.

    Args:
        config: What stockcast.toml says.
        home: The folder of models, prices and forecasts.
        wait: Seconds to wait for another run.

    Raises:
        LockedError: Where another run has held the lock for as long.
        StorageError: Where the store cannot be opened or written.
    """
    with locked(home, wait), Database.open(home) as db:
        work = Run(config, home, db)
        try:
            yield work
        finally:
            work.close()


@contextmanager
def locked(home: Path, wait: float) -> Iterator[None]:
    """The lock that one run at a time holds. Raises LockedError, StorageError."""
    waited = f" for {wait:g} s" if wait else ""
    busy = LockedError(f"another run holds {home / LOCK}{waited}", "wait until it is done, or give --wait SECONDS")
    with ExitStack() as stack:
        try:
            private_home(home)
            stack.enter_context(file_lock(home / LOCK, wait, busy))
        except OSError as error:
            raise storage_error(home / LOCK, error) from error
        yield


class Run:
    """One run of the cron job over the tickers of a configuration."""

    def __init__(self, config: RunConfig, home: Path, db: Database) -> None:
        self.config = config
        self.home = home
        self.db = db
        self.started = settings.now()
        fetching = FetchConfig(
            allow_stale=config.forecast.allow_stale, timeout=config.limits.timeout, pause=config.limits.pause
        )
        session = FetchSession(fetching, len(config.tickers) > 1, config.limits.give_up_after)
        self._prices = PriceSource(home, fetch_session=session)
        self._markets = MarketSource(self._prices, config.tickers)
        self._done: list[TickerRun] = []
        self._failed: dict[str, str] = {}
        self._id = recording.begin_run(db, self.started)
        self._finished = False

    def ticker(self, ticker: str, progress: Progress) -> TickerRun:
        """Everything that is due for one ticker. What was done before a failure stays done.

        Raises DataError, SourceUnavailable, ModelError, StorageError.
        """
        try:
            result = self._ticker(ticker, progress)
        except Exception as error:
            self._failed[ticker] = str(error)
            raise
        self._done.append(result)
        return result

    def finish(self, progress: Progress) -> RunResult:
        """Write the files that the configuration asks for, from the ledger, and close the record of the run."""
        self._finished = True
        # A run of some tickers alone does not take the others out of the file of the latest forecasts.
        tickers = {*self.config.tickers, *(done.ticker for done in self._done)}
        try:
            files = follow_ledger(self.db, self.config.output, tickers, progress)
        except StockcastError as error:
            self._failed["files"] = error.message
            raise
        return RunResult(self.started.isoformat(timespec="seconds"), tuple(self._done), files)

    def close(self) -> None:
        """Keep what the run did, or nothing where nothing was to be done."""
        idle = self._finished and not self._failed and not any(_changed(done) for done in self._done)
        if idle:
            recording.discard_run(self.db, self._id)
        elif self._finished:
            summary = {
                "tickers": [done.ticker for done in self._done],
                "new": sum(done.new for done in self._done),
                "settled": sum(done.settled for done in self._done),
                "failed": self._failed,
            }
            recording.finish_run(self.db, self._id, settings.now(), summary)

    def _ticker(self, ticker: str, progress: Progress) -> TickerRun:
        try:
            fetched = self._prices.update(ticker, progress)
        except StockcastError:
            self._settle_stored(ticker, progress)
            raise
        series = self._prices.load(ticker, fetch="never")
        settled, void = self._settle(series, progress)
        self._prices.require_fresh(series)
        model, training = self._model(series, progress)
        forecasts, new = self._record(model, series, progress)
        return TickerRun(
            ticker=ticker,
            origin=series.history.last,
            fetched=fetched.added,
            restated=fetched.restated,
            settled=settled,
            void=void,
            training=training,
            new=new,
            forecasts=forecasts,
            missed=self._missed(model, series),
        )

    def _settle_stored(self, ticker: str, progress: Progress) -> None:
        """What the stored prices settle, where newer ones cannot be had."""
        with suppress(DataError):
            self._settle(self._prices.load(ticker, fetch="never"), progress)

    def _settle(self, series: PriceSeries, progress: Progress) -> tuple[int, int]:
        history = series.history
        done = settling.settle(
            self.db, history.ticker, history.dates, history.adjusted_close, settings.now(), history.last
        )
        if done.count:
            progress.note(f"{history.ticker}: {done.count} forecasts settled", detail=True)
        if done.void:
            progress.note(f"{history.ticker}: {done.void} forecasts void: no bar on their target session")
        return done.count, done.void

    def _model(self, series: PriceSeries, progress: Progress) -> tuple[TrainedModel, Retraining | None]:
        """The ticker's model, trained first or again where that is due."""
        ticker = series.history.ticker
        old: TrainedModel | None = None
        try:
            old = model_of(self.home, ticker, progress)
            reason = due(self.db, self.home, old, series, self.config.retrain)
        except ModelError as error:
            if not self.config.retrain.first:
                raise
            reason = error.message
        if reason is None:
            assert old is not None  # noqa: S101 - without a model there is a reason to train
            return old, None
        progress.note(f"{ticker}: training: {reason}")
        if self.config.train.init not in {None, SCRATCH, GENERAL}:
            with suppress(ModelError):  # the training says so
                pool = model_of(self.home, str(self.config.train.init))
                self._markets.fetch_members(pool, series.history.last, progress)
        training = retrained(self.db, self._prices, old, series, self.config.train, reason, progress)
        progress.note(f"{ticker}: {training.reason}")
        return model_of(self.home, ticker), training

    def _record(self, model: TrainedModel, series: PriceSeries, progress: Progress) -> tuple[tuple[Forecast, ...], int]:
        """The forecasts from the newest session; those on record already are not made again."""
        wanted = self.config.forecast
        history = series.history
        config = PredictConfig(horizon=wanted.horizon, paths=wanted.paths, seed=wanted.seed, calibrate=wanted.calibrate)
        known = recording.recorded(self.db, history.ticker, history.last, model.name)
        if known >= set(range(1, wanted.horizon + 1)):
            return reading.forecasts_from(self.db, history.ticker, history.last, model.name), 0
        if model.market is not None:
            model = self._markets.reaching(at_exchange(model, series.calendar), history, True, progress)
        # The clock is looked at once more: a training takes its time, and a close may have passed meanwhile.
        model = CovariateSource(WHERE_TRAINED, self._prices, progress).again(model, series)
        made = TickerForecast.of(self.db, model, series, config)
        new = made.record(self.db)
        progress.note(f"{history.ticker}: forecast for {made.forecasts[0].target_session} recorded", detail=True)
        return made.forecasts, new

    def _missed(self, model: TrainedModel, series: PriceSeries) -> tuple[date, ...]:
        """Sessions since the live forecast before this one; older ones were told by an earlier run."""
        history = series.history
        missed = missed_sessions(self.db, history.ticker, model.name, history.dates, series.calendar, series.completed)
        made = reading.live_origins(self.db, history.ticker, model.name)
        before = max((day for day in made if day < series.completed), default=date.min)
        return tuple(day for day in missed if day > before)


def _changed(done: TickerRun) -> bool:
    return bool(done.fetched or done.restated or done.settled or done.void or done.training or done.new)
