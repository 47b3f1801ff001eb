"""The cron job: fetch, settle, retrain when due, forecast, record, for one ticker after the other.

With more jobs, trainings go on elsewhere while further tickers are fetched, and what follows from them is done here, in
the order of the tickers: so the ledger's rows stand as they would after one job.

Whatever stops it, the store holds whole steps, and the next run does what is missing: a ticker's prices, its settled
forecasts and its new ones are a transaction each, and the files are written from the ledger.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from stockcast import config as settings
from stockcast.config import PredictConfig
from stockcast.config.models import GENERAL, SCRATCH
from stockcast.config.runs import RunConfig
from stockcast.config.sources import WHERE_TRAINED, FetchConfig
from stockcast.engine.pieces import AT_ITS_TURN, Steps, run_here
from stockcast.errors import DataError, LockedError, ModelError, StockcastError
from stockcast.forecasts import Forecast
from stockcast.pipeline.clock import require_clock
from stockcast.pipeline.covariates import CovariateSource
from stockcast.pipeline.fetchsession import FetchSession
from stockcast.pipeline.markets import MarketSource, at_exchange
from stockcast.pipeline.models import model_of
from stockcast.pipeline.predicting import TickerForecast
from stockcast.pipeline.reportdates import changed_dates
from stockcast.pipeline.retraining import due, retrained
from stockcast.pipeline.scoring import missed_sessions
from stockcast.pipeline.series import PriceSeries
from stockcast.pipeline.source import PriceSource
from stockcast.progress import Progress, Silent
from stockcast.results import Retraining, RunResult, TickerPlan, TickerRun
from stockcast.storage import modelfile, pricestore
from stockcast.storage.database import Database
from stockcast.storage.files import file_lock, private_home, storage_error
from stockcast.storage.ledger import reading, recording, settling
from stockcast.storage.outputs import follow_ledger

if TYPE_CHECKING:
    from stockcast.forecasting import TrainedModel

LOCK = "run.lock"

AHEAD = 200
"""Tickers that are begun and not over at most, where trainings go on elsewhere; each holds its prices and its model."""

_SECTIONS = {"allow-stale": "forecast", "timeout": "limits"} | dict.fromkeys(
    ("lookback", "validate-from", "test-from", "seeds", "init", "device", "events", "no-events"), "model"
)
"""The sections of the configuration that have keys in the place of options."""
_OPTION = re.compile(rf"(?<!predict )--({'|'.join(_SECTIONS)})\b")
_NEWEST_LEFT_OUT = re.compile(r"--(?:as-of|end)\b")


@contextmanager
def run(config: RunConfig, home: Path, wait: float = 0.0) -> Iterator[Run]:
    """A run under the lock of `home`: call its `ticker` for each ticker, then `finish`.

    Args:
        config: What stockcast.toml says.
        home: The folder of models, prices and forecasts.
        wait: Seconds to wait for another run.

    Raises:
        LockedError: Where another run has held the lock for as long.
        DataError: Where the clock is behind what is stored: nothing that it says is to come need be.
        StorageError: Where the store cannot be opened or written.
    """
    with locked(home, wait), Database.open(home) as db:
        require_clock(db)
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


def plan_run(config: RunConfig, home: Path, ticker: str, progress: Progress) -> TickerPlan:
    """What a run would do for a ticker, by what is stored: nothing is fetched, and nothing is written.

    Args:
        config: What stockcast.toml says.
        home: The folder of models, prices and forecasts.
        ticker: The ticker.
        progress: Who is told what is to be known of its prices.

    Raises:
        DataError: Where its stored prices cannot be used, or the clock is behind them.
        ModelError: Where it has no model, and the configuration trains none.
    """
    from stockcast.pipeline.fitting import series_seconds
    from stockcast.pipeline.trainer import Trainer

    prices = PriceSource(home, config.read).remembering(None)
    with Database.open(home) as db:
        require_clock(db, ticker)
        stored = pricestore.last_session(db, ticker)
        series = None if stored is None else prices.load(ticker, progress, fetch="never")
        day = None if series is None else series.completed
        _, reason = _due(db, home, config, ticker, series, day, progress)
        if series is None:
            return TickerPlan(ticker, None, None, reason, None if reason else 0.0)
        seconds = 0.0
        if reason is not None:
            with suppress(DataError):  # a training that fails at once
                seconds = series_seconds(Trainer.of_series(series, config.train, home, Silent()))
        return TickerPlan(ticker, series.history.last, series.age, reason, seconds)


def _due(
    db: Database, home: Path, config: RunConfig, ticker: str, series: PriceSeries | None, day: date | None,
    progress: Progress,
) -> tuple[TrainedModel | None, str | None]:  # fmt: skip
    """A ticker's model, and why it is to be trained first or again; None where it is not.

    day: the newest session; None: that of the newest bar.
    """
    old: TrainedModel | None = None
    try:
        old = model_of(home, ticker, progress)
        return old, None if series is None else due(db, home, old, series, config.retrain, day)
    except ModelError as error:
        if not config.retrain.first:
            raise
        # An error that says which names are near would hang on the models that other jobs have trained by now.
        there = modelfile.model_exists(home / "models", ticker)
        return old, error.message if there else f"there is no model named {ticker}"


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
        self._prices = PriceSource(home, config.read, session).remembering(None)
        self._markets = MarketSource(self._prices, config.tickers)
        self._done: list[TickerRun] = []
        self._failed: dict[str, str] = {}
        self._id = recording.begin_run(db, self.started)
        self._finished = False

    def ticker(self, ticker: str, progress: Progress) -> TickerRun:
        """Everything that is due for one ticker. What was done before a failure stays done.

        Raises DataError, SourceUnavailable, ModelError, StorageError.
        """
        return run_here(self.steps(ticker, progress), progress)

    def steps(self, ticker: str, progress: Progress) -> Steps[TickerRun]:
        """The same in steps: a training that is due is a piece. Nothing but this process writes anything.

        Raises what `ticker` raises, at its turn, and PieceLost.
        """
        try:
            result = yield from self._steps(ticker, progress)
        except Exception as error:
            yield AT_ITS_TURN
            if isinstance(error, StockcastError):
                error.hint = _hint_for_runs(error.hint, ticker)
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

    def _steps(self, ticker: str, progress: Progress) -> Steps[TickerRun]:
        try:
            fetched = self._prices.update(ticker, progress)
        except StockcastError:
            self._settle_stored(ticker, progress)
            raise
        series = self._prices.load(ticker, progress, fetch="never")
        settled, void = self._settle(series, progress)
        for note in changed_dates(reading.open_forecasts(self.db, ticker), series.history.events):
            progress.note(f"{ticker}: {note}")
        self._prices.require_fresh(series)
        old, reason = _due(self.db, self.home, self.config, ticker, series, None, progress)
        training: Retraining | None = None
        if reason is None:
            assert old is not None  # noqa: S101 - without a model there is a reason to train
            model = self._looking(old, series, progress)
            yield AT_ITS_TURN
        else:
            training = yield from self._retrained(old, series, reason, progress)
            model = self._looking(model_of(self.home, ticker), series, progress)
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
        history = self._whole(series).history
        done = settling.settle(
            self.db, history.ticker, history.dates, history.adjusted_close, settings.now(), history.last
        )
        if done.count:
            progress.note(f"{history.ticker}: {done.count} forecasts settled", detail=True)
        if done.void:
            progress.note(f"{history.ticker}: {done.void} forecasts void: no bar on their target session")
        return done.count, done.void

    def _whole(self, series: PriceSeries) -> PriceSeries:
        """All that is stored of a ticker, also before the first bar of its model: forecasts were made there, too."""
        if series.read.start is not None:
            with suppress(DataError):  # bars that nobody can use are why the model begins later
                return replace(self._prices, recall=None).load(series.history.ticker, fetch="never")
        return series

    def _retrained(
        self, old: TrainedModel | None, series: PriceSeries, reason: str, progress: Progress
    ) -> Steps[Retraining]:
        ticker = series.history.ticker
        progress.note(f"{ticker}: training: {reason}")
        if self.config.train.init not in {None, SCRATCH, GENERAL}:
            with suppress(ModelError):  # the training says so
                pool = model_of(self.home, str(self.config.train.init))
                self._markets.fetch_members(pool, series.history.last, progress)
        training = yield from retrained(self.db, self._prices, old, series, self.config.train, reason, progress)
        progress.note(f"{ticker}: {training.reason}")
        return training

    def _looking(self, model: TrainedModel, series: PriceSeries, progress: Progress) -> TrainedModel:
        """The model with the market and the covariates that its forecast looks at, where one is to be made."""
        if self._is_recorded(model, series):
            return model
        if model.market is not None:
            model = self._markets.reaching(at_exchange(model, series.calendar), series.history, True, progress)
        # Of a new model the clock is looked at once more: its training took its time, and a close may have passed.
        return CovariateSource(WHERE_TRAINED, self._prices, progress).again(model, series)

    def _is_recorded(self, model: TrainedModel, series: PriceSeries) -> bool:
        """Whether the forecasts from the newest session are on record already."""
        known = recording.recorded(self.db, series.history.ticker, series.history.last, model.name)
        return known >= set(range(1, self.config.forecast.horizon + 1))

    def _record(self, model: TrainedModel, series: PriceSeries, progress: Progress) -> tuple[tuple[Forecast, ...], int]:
        """The forecasts from the newest session; those on record already are not made again."""
        wanted = self.config.forecast
        history = series.history
        if self._is_recorded(model, series):
            return reading.forecasts_from(self.db, history.ticker, history.last, model.name), 0
        config = PredictConfig(horizon=wanted.horizon, paths=wanted.paths, seed=wanted.seed, calibrate=wanted.calibrate)
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


def _hint_for_runs(hint: str, ticker: str) -> str:
    """A hint that names what `run` has in the place of the options of other commands."""
    if "--start" in hint:
        return f"{hint.rstrip('.')}: stockcast train {ticker} --start DATE, which its model remembers"
    if _NEWEST_LEFT_OUT.search(hint):  # a run is about the newest session
        return f"take {ticker} out of the tickers in the configuration until its newest prices can be used"
    return _OPTION.sub(lambda option: f"{option[1].replace('-', '_')} in [{_SECTIONS[option[1]]}]", hint)


def _changed(done: TickerRun) -> bool:
    return bool(done.fetched or done.restated or done.settled or done.void or done.training or done.new)
