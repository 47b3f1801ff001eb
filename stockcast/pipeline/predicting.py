"""Forecasts from saved models: of files as they are, of tickers from the store, calibrated and recorded."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from stockcast import config as settings
from stockcast.config import PredictConfig
from stockcast.config.models import GENERAL
from stockcast.forecasting import Clock, TrainedModel, View
from stockcast.forecasts import Forecast
from stockcast.pipeline.markets import Company, at_exchange
from stockcast.pipeline.source import calendar_end
from stockcast.pipeline.sources import load
from stockcast.pipeline.targetseries import TargetSeries
from stockcast.prices.csvfile import ReadOptions, looks_like_path
from stockcast.prices.history import History
from stockcast.prices.sessions import SessionCalendar, load_calendar
from stockcast.progress import Progress, Silent
from stockcast.storage import modelfile, trainedmodel

if TYPE_CHECKING:
    from stockcast.pipeline.source import FetchSession


def predict(
    source: str, read: ReadOptions, config: PredictConfig, home: Path, progress: Progress,
    exchange: str | None = None, fetch_session: FetchSession | None = None,
) -> tuple[Forecast, ...]:  # fmt: skip
    """Forecasts of the sessions after a source's newest bar, from a saved model (default: the ticker's).

    A ticker's prices come from the store, fetched where they are too old; its forecasts are calibrated by its ledger
    and recorded there. exchange: another calendar than the model's. Raises DataError for the source, and for fetched
    prices that are behind the exchange unless the settings of `waiting` allow it; ModelError for the model.
    """
    return predict_beside(Company((source,), read, home, lambda _: fetch_session), source, config, progress, exchange)


def predict_beside(
    company: Company, source: str, config: PredictConfig, progress: Progress, exchange: str | None = None
) -> tuple[Forecast, ...]:
    """`predict` for one of several sources: together they are a pooled model's market after its pool's sessions."""
    if looks_like_path(source):
        return _from_file(company, source, config, progress, exchange)
    from stockcast.pipeline.tickerforecast import from_store

    return from_store(company, source, config, progress, exchange)


def model_of(home: Path, name: str, progress: Progress | None = None) -> TrainedModel:
    """A saved model; what is to be known of it goes to `progress`. Raises ModelError where it is missing or damaged."""
    model = trainedmodel.from_file(modelfile.load(home / "models", name))
    for note in model.notes:
        (progress or Silent()).note(f"model {name}: {note}")
    return model


def serving(home: Path, named: str | None, history: History, progress: Progress) -> TrainedModel:
    """The model that was named, or the ticker's own; the general model where there is none, or by its name.

    The general model's vintage is the newest that saw nothing after the history. Raises what `model_of` raises, and
    ModelError where every vintage has seen later sessions.
    """
    own = named or history.ticker
    wanted = named in {None, GENERAL} and trainedmodel.is_shipped()
    if not wanted or modelfile.exists(home / "models", own):
        return model_of(home, own, progress)
    model = trainedmodel.general_model(history.last, history)
    if named is None:
        learnt = f"it has learnt up to {model.scored.cutoff}"
        progress.note(f"{history.ticker}: it has no model of its own, so the general model forecasts; {learnt}")
    return model


def _from_file(
    company: Company, source: str, config: PredictConfig, progress: Progress, exchange: str | None
) -> tuple[Forecast, ...]:
    # Bars after the origin are cut before anything is checked: not even a repair may know them.
    read = company.read
    ends = [day for day in (read.end, config.as_of) if day is not None]
    history = load(source, replace(read, end=min(ends, default=None)))
    for note in history.notes:
        progress.note(f"{history.ticker}: {note}", detail=True)
    model = serving(company.home, config.model, history, progress)
    calendar = model.calendar
    if exchange is not None and exchange != calendar.exchange:
        calendar = load_calendar(exchange, history.first, calendar_end(history.last))
    model = company.beside_files(at_exchange(model, calendar), history.ticker, history.last, progress)
    model = company.with_covariates(model, TargetSeries.of(history, calendar), progress)
    view = View.of(model, history, config)
    now = settings.now()
    # A file says nothing of closing times: a session of today may still be running.
    clock = Clock(model.calendar, now.date() - timedelta(days=1), now)
    forecasts = view.forecasts(view.dists(model.served_by), clock)
    warn_of_guesses(forecasts[-1], model.calendar, progress)
    return forecasts


def warn_of_guesses(furthest: Forecast, calendar: SessionCalendar, progress: Progress) -> None:
    """Say so where the holidays up to a target session are not known."""
    if not calendar.knows(furthest.target_session):
        progress.note(
            f"{furthest.ticker}: the holidays of {calendar.exchange} are known up to {calendar.through}; "
            f"{furthest.target_session} is a guess by weekday. Train or fetch again."
        )
