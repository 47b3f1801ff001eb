"""Fitting: prices in, a model out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from stockcast.api.covariates import Beside, Given, host_of
from stockcast.api.model import Model, open_model
from stockcast.api.prices import Home, Prices, histories_of, path_of
from stockcast.config import TrainConfig
from stockcast.config.models import POOL_NETWORK, POOL_TRAINING
from stockcast.errors import ConfigError
from stockcast.pipeline.hosts import Host, calendar_for
from stockcast.results.progress import Progress, Silent
from stockcast.storage import trainedmodel

if TYPE_CHECKING:
    from stockcast.prices.history import History


def fit(
    prices: Prices, config: TrainConfig | None = None, *, pool: bool | None = None, home: Home | None = None,
    name: str | None = None, progress: Progress | None = None, covariates: Beside | None = None,
) -> Model:  # fmt: skip
    """Train on prices as `stockcast train` does: learn, choose, judge on the test part, fit once more on everything.

    config: None for the defaults, which differ for a pool. pool: one model over all series; None: where there are
    several. home: the folder to save the model in, under `name` (default: the ticker, or "pool"); without it nothing
    is written but temporary files, and the model lives in memory. covariates: further series to look at, a frame, files
    or tickers; frames, and files that do not say otherwise (FILE@XTKS), keep the hours of the prices' exchange.
    With dates that were known beforehand it is a CovariatesConfig.

    Raises ConfigError for several series without a pool, DataError where the prices cannot be learnt from.

    >>> from datetime import date
    >>> from stockcast import NetworkConfig, TrainConfig, TrainingConfig, fit, load
    >>> prices = load("data/GSPC.csv", start=date(2015, 1, 2), end=date(2018, 12, 31))
    >>> quick = TrainConfig(NetworkConfig(hidden_size=4), TrainingConfig(seeds=1, steps=5))
    >>> model = fit(prices, quick)
    >>> model.tickers, model.cutoff
    (('GSPC',), datetime.date(2018, 12, 31))
    """
    place = path_of(home)
    histories, progress = histories_of(prices, place), progress or Silent()
    for history in histories:
        for note in history.notes:
            progress.note(f"{history.ticker}: {note}")
    if pool or (pool is None and len(histories) > 1):
        config = config or TrainConfig(POOL_NETWORK, POOL_TRAINING)
        beside = Given.of(covariates, config.covariates)
        return _pooled(histories, config, place, name or "pool", progress, beside)
    if len(histories) > 1:
        raise ConfigError(
            f"there are {len(histories)} series, and a model without a pool has one",
            "leave pool out for one model over all of them, or fit each by itself",
        )
    config = config or TrainConfig()
    beside = Given.of(covariates, config.covariates)
    return _alone(histories[0], config, place, name or histories[0].ticker, progress, beside)


@contextmanager
def folder_for(home: Path | None) -> Iterator[Path]:
    """The home, or a folder that goes when it is done with."""
    if home is not None:
        yield home
        return
    with TemporaryDirectory(prefix="stockcast-") as temporary:
        yield Path(temporary)


def _alone(
    history: History, config: TrainConfig, home: Path | None, name: str, progress: Progress, beside: Given
) -> Model:
    from stockcast.pipeline.training import Candidate

    covariates = None
    if beside:
        calendar = calendar_for(history, config.exchange, None)
        covariates = beside.found(host_of(history, calendar, home), home, progress)
    with folder_for(home) as folder:
        candidate = Candidate.of(history, config, folder, name, progress, None, covariates)
    model = Model.of(trainedmodel.to_file(candidate.model))
    if home is not None:
        model.save(home)
    return model


def _pooled(
    histories: list[History], config: TrainConfig, home: Path | None, name: str, progress: Progress, beside: Given
) -> Model:  # fmt: skip
    from stockcast.pipeline.pools import Pool, calendar_of
    from stockcast.pipeline.pooltraining import train_pool

    calendar = calendar_of(histories, config.exchange)
    covariates = None
    if beside:
        for history in histories:
            host_of(history, calendar, home)  # refuses a ticker of another exchange
        covariates = beside.found(Host.together(histories, calendar), home, progress)
    pool = Pool.of(histories, calendar, covariates)
    with folder_for(home) as folder:
        train_pool(pool, config, folder, name, progress)
        return open_model(name, folder)
