"""Fitting: prices in, a model out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from stockcast.api.covariates import CovariateInputs, CovariateSources, target_series_of
from stockcast.api.inputs import Attempts, Home, OnError, expected, path_of
from stockcast.api.model import Model, open_model
from stockcast.api.prices import Prices, histories_of
from stockcast.config import TrainConfig
from stockcast.config.models import POOL_NETWORK, POOL_TRAINING
from stockcast.errors import ConfigError, DataError
from stockcast.pipeline.targetseries import TargetSeries, calendar_for
from stockcast.progress import Progress, Silent
from stockcast.storage import trainedmodel
from stockcast.windows.splits import first_origin

if TYPE_CHECKING:
    from stockcast.prices.history import History


def fit(  # noqa: PLR0913 - each is a keyword of the public API
    prices: Prices, config: TrainConfig | None = None, *, pool: bool | None = None, home: Home | None = None,
    name: str | None = None, progress: Progress | None = None, covariates: CovariateSources | None = None,
    on_error: OnError = "warn",
) -> Model:  # fmt: skip
    """Train on prices as `stockcast train` does: learn, choose, judge on the test part, fit once more on everything.

    config: None for the defaults, which differ for a pool. pool: one model over all series; None: where there are
    several. home: the folder to save the model in, under `name` (default: the ticker, or "pool"); without it nothing
    is written but temporary files, and the model lives in memory. covariates: further series to look at, a frame, files
    or tickers; frames, and files that do not say otherwise (FILE@XTKS), keep the hours of the prices' exchange.
    With dates that were known beforehand it is a CovariatesConfig. on_error: "warn" leaves out of a pool what cannot be
    read or is too short to teach anything, with one `LeftOut` warning that names each and its reason, before the
    training begins; "raise" raises the first failure.

    Raises ConfigError for several series without a pool, DataError where the prices cannot be learnt from.

    Examples:
        >>> from datetime import date
        >>> from stockcast import NetworkConfig, TrainConfig, TrainingConfig, fit, load
        >>> prices = load("data/GSPC.csv", start=date(2015, 1, 2), end=date(2018, 12, 31))
        >>> quick = TrainConfig(NetworkConfig(hidden_size=4), TrainingConfig(seeds=1, steps=5))
        >>> model = fit(prices, quick)
        >>> model.tickers, model.cutoff
        (('GSPC',), datetime.date(2018, 12, 31))
    """
    attempts, progress, place = Attempts(on_error), progress or Silent(), path_of(home)
    expected(config or TrainConfig(), TrainConfig, "config", "a TrainConfig")
    histories = histories_of(prices, place, attempts=attempts)
    given = len(histories) + attempts.failed
    if given > 1 and pool is not None and not pool:
        raise ConfigError(
            f"there are {given} series, and a model without a pool has one",
            "leave pool out for one model over all of them, or fit each by itself",
        )
    if pool or given > 1:
        config = config or TrainConfig(POOL_NETWORK, POOL_TRAINING)
        beside = CovariateInputs.of(covariates, config.covariates)
        lookback = config.network.lookback
        histories = attempts.each([(one.ticker, partial(_long_enough, one, lookback)) for one in histories])
        attempts.tell()
        _note(histories, progress)
        return _pooled(histories, config, place, name or "pool", progress, beside)
    config = config or TrainConfig()
    beside = CovariateInputs.of(covariates, config.covariates)
    _note(histories, progress)
    return _alone(histories[0], config, place, name or histories[0].ticker, progress, beside)


def _long_enough(history: History, lookback: int) -> History:
    """The history, if it has a window with a target: without, it can neither teach a pool nor be forecast by it."""
    needed = first_origin(lookback) + 2
    if len(history) < needed:
        raise DataError(
            f"{len(history)} sessions are too few for a window of {lookback}: at least {needed} are needed",
            "use a longer history",
        )
    return history


def _note(histories: Sequence[History], progress: Progress) -> None:
    for history in histories:
        for note in history.notes:
            progress.note(f"{history.ticker}: {note}")


@contextmanager
def folder_for(home: Path | None) -> Iterator[Path]:
    """The home, or a folder that goes when it is done with."""
    if home is not None:
        yield home
        return
    with TemporaryDirectory(prefix="stockcast-") as temporary:
        yield Path(temporary)


def _alone(
    history: History, config: TrainConfig, home: Path | None, name: str, progress: Progress, beside: CovariateInputs
) -> Model:
    from stockcast.pipeline.training import Candidate

    covariates = None
    if beside:
        calendar = calendar_for(history, config.exchange, None)
        covariates = beside.found(target_series_of(history, calendar, home), home, progress)
    with folder_for(home) as folder:
        candidate = Candidate.of(history, config, folder, name, progress, None, covariates)
    model = Model.of(trainedmodel.to_file(candidate.model))
    if home is not None:
        model.save(home)
    return model


def _pooled(
    histories: list[History], config: TrainConfig, home: Path | None, name: str, progress: Progress, beside:
    CovariateInputs
) -> Model:  # fmt: skip
    from stockcast.pipeline.pools import Pool, calendar_of
    from stockcast.pipeline.training import train_pool

    calendar = calendar_of(histories, config.exchange)
    covariates = None
    if beside:
        for history in histories:
            target_series_of(history, calendar, home)  # refuses a ticker of another exchange
        covariates = beside.found(TargetSeries.together(histories, calendar), home, progress)
    pool = Pool.of(histories, calendar, covariates)
    with folder_for(home) as folder:
        train_pool(pool, config, folder, name, progress)
        return open_model(name, folder)
