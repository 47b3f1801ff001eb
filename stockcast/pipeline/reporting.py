"""Reporting: a source's walk-forward and its next forecast, gathered for a page."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stockcast import config as settings
from stockcast.config import PredictConfig, TrainConfig
from stockcast.config.models import EXPANDING, BacktestConfig
from stockcast.engine.pieces import Steps, run_here
from stockcast.evaluation.serving import choice_of
from stockcast.forecasting import Clock, TrainedModel, View, refuse_still
from stockcast.pipeline.backtesting import walk_over
from stockcast.pipeline.fetchsession import FetchSession
from stockcast.pipeline.judging import judged, pooled
from stockcast.pipeline.source import PriceSource, is_ticker
from stockcast.pipeline.walking import Stage, Walk
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.sessions import SessionCalendar
from stockcast.progress import Progress
from stockcast.results import FanStep, Report
from stockcast.versions import VERSION
from stockcast.windows.splits import walk_forward

if TYPE_CHECKING:
    from stockcast.windows.splits import Fold

_OF_POLICY = ("utility", "risk_aversion", "gradient")

_SESSIONS = 250
"""Closes that the page may draw."""


def report(
    source: str, read: ReadOptions, config: BacktestConfig, home: Path, progress: Progress,
    fetch_session: FetchSession | None = None,
) -> Report:  # fmt: skip
    """Walk forward over a source, as `backtest` does and from the same folds, and forecast from its newest bar.

    Args:
        source: A file or a ticker.
        read: What a file does not say of itself, and the first and last bar to keep; a ticker's exchange is known.
        config: Competitors, folds and training.
        home: The folder of models, prices and forecasts.
        progress: Who watches.
        fetch_session: How a ticker's prices are fetched; with the defaults unless given.

    Returns:
        All that the page shows.

    Raises:
        DataError: As `backtest`, and for a price that has stood still for a year.
    """
    return run_here(report_steps(source, read, config, home, progress, fetch_session), progress)


def report_steps(
    source: str, read: ReadOptions, config: BacktestConfig, home: Path, progress: Progress,
    fetch_session: FetchSession | None = None,
) -> Steps[Report]:  # fmt: skip
    """The same in steps: the folds that are not there yet are its pieces. Takes and raises what `report` does."""
    if is_ticker(source):  # its exchange is known, whatever is said of files
        read, config = replace(read, exchange=None), replace(config, exchange=None)
    config = replace(config, exchange=config.exchange or read.exchange)
    walk, series = walk_over(PriceSource.of(home, read, fetch_session), source, config, progress)
    refuse_still(walk.history, "--end")
    history, calendar = walk.history, series.at(config.exchange).calendar
    folds = walk_forward(history.dates[1:], config.folds, config.network.lookback)
    done = yield from walk.steps(folds)
    result = judged(walk, folds, done, keep_rows=True)
    name = _forecaster(result.network, done[-1])
    newest = slice(max(0, len(history) - _SESSIONS), None)
    adjusted = history.adjusted_close[newest]
    return Report(
        result=result,
        confidence_set=pooled([result]).confidence_set,
        dates=tuple(history.dates[newest].astype(object).tolist()),
        closes=tuple((history.close[-1] * (adjusted / adjusted[-1])).tolist()),
        currency=history.currency,
        fan=_fan(walk, folds[-1], done[-1], name, calendar),
        forecaster=name,
        configuration=_described(walk.config),
        source=history.source,
        created_at=settings.now().isoformat(timespec="seconds"),
        version=VERSION,
    )


def _forecaster(network: str, last: Stage) -> str:
    """Who makes the next forecast, as the last fold's validation part says."""
    return choice_of(last.file.about["serving"][network]).served_by


def _fan(walk: Walk, fold: Fold, stage: Stage, name: str, calendar: SessionCalendar) -> tuple[FanStep, ...]:
    """The forecast of the last fold's competitor from the newest bar."""
    config, history = walk.config, walk.history
    fit = next(fit for cell, fit in stage.file.fits.items() if name in {cell, *fit.baselines})
    model = TrainedModel(
        name=name,
        ticker=history.ticker,
        model_id="",
        config=TrainConfig(network=config.network, training=config.training, horizon=config.horizon),
        fits={"scored": fit},
        served_by=name,
        sentence="",
        calendar=calendar,
    )
    plan = PredictConfig(horizon=config.horizon, seed=config.training.seed)
    view = View(model, history, walk.seen_by(name, fold), fit, plan)
    return tuple(
        FanStep(
            step.horizon,
            step.target_session,
            step.median,
            {float(level): price for level, price in step.quantiles.items()},
            step.event,
        )
        for step in view.forecasts(view.dists(name), Clock(calendar, history.last, settings.now()))
    )


def _described(config: BacktestConfig) -> dict[str, str]:
    """Every setting in words, under the name of its option or field."""
    folds = config.folds
    plain: dict[str, Any] = {
        "cells": ", ".join(config.cells),
        **{name: value for name, value in asdict(config.network).items() if name != "cell"},
        **asdict(config.training),
        "init": config.init,
        "refit every": folds.refit_every,
        "training": EXPANDING if folds.window is None else f"sliding:{folds.window}",
        "embargo": folds.embargo,
        "validation share": folds.validation_share if folds.validate_from is None else None,
        "validate from": folds.validate_from,
        "test from": folds.test_from,
        "baselines": ", ".join(config.baselines) or "all",
        "horizon": config.horizon,
        "warm start": config.warm_start,
        "cost": f"{config.cost:g} basis points",
        **({f"policy {name}": getattr(config.policy, name) for name in _OF_POLICY} if config.policy.wanted else {}),
        "with": ", ".join(config.covariates.sources) or None,
        "known ahead": config.covariates.known_ahead,
    }
    return {name.replace("_", " "): _word(value) for name, value in plain.items() if value is not None}


def _word(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
