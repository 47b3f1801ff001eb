"""Models in Python: prices in, a model out; a model and prices in, a frame of forecasts out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stockcast import config as settings
from stockcast.api.frames import Intervals
from stockcast.api.inputs import Attempts, Home, OnError, day_of, expected, one_thread, outcomes, path_of
from stockcast.api.prices import (
    CovariateSources,
    Events,
    Prices,
    asked,
    covariates_in,
    door_of,
    events_said,
    on_calendar,
    on_exchange,
    series_in,
)
from stockcast.config import PredictConfig, ReadOptions, TrainConfig
from stockcast.config.models import POOL_NETWORK, POOL_TRAINING
from stockcast.config.policy import PolicyConfig
from stockcast.config.settings import user_path
from stockcast.config.sources import AS_IT_IS
from stockcast.errors import ConfigError, DataError
from stockcast.forecasting import Clock, TrainedModel, View
from stockcast.pipeline.covariates import CovariateSource
from stockcast.pipeline.markets import MarketSource, at_exchange
from stockcast.pipeline.models import Memory
from stockcast.pipeline.series import PriceSeries
from stockcast.progress import Progress, Silent
from stockcast.storage import modelfile, trainedmodel
from stockcast.storage.files import temporary_folder
from stockcast.storage.modelfile import ModelFile
from stockcast.storage.readings import KeptReading
from stockcast.windows.splits import first_origin

if TYPE_CHECKING:
    import pandas as pd


COLUMN = "stockcast"
"""Name of the forecasts' column, whichever competitor makes them: `Model.served_by` says which."""


@dataclass(frozen=True)
class Model:
    """A trained model of one series, or of a pool of them.

    Attributes:
        file: The model as it is kept, with everything that is known about it in `file.manifest`.
        trained: The model as it forecasts.
    """

    file: ModelFile
    trained: TrainedModel

    @classmethod
    def of(cls, file: ModelFile) -> Model:
        """A model from what its folder holds.

        Raises:
            ModelError: Where something is missing.
        """
        # As if it had been read: the manifest of a model that was never written has tuples where a file has lists.
        file = replace(file, manifest=json.loads(json.dumps(file.manifest)))
        return cls(file, trainedmodel.from_file(file))

    def __repr__(self) -> str:
        return f"Model({self.name!r}, {len(self.tickers)} series up to {self.cutoff}, served by {self.served_by})"

    @property
    def name(self) -> str:
        """What it is saved as."""
        return self.file.name

    @property
    def model_id(self) -> str:
        """Content hash of settings, parameters and weights: the same training has the same."""
        return self.trained.model_id

    @property
    def tickers(self) -> tuple[str, ...]:
        """The series that it was trained on."""
        return self.trained.members if self.trained.is_pool else (self.trained.ticker,)

    @property
    def cutoff(self) -> date:
        """Last session of the training or validation part of what makes the forecasts."""
        return self.trained.served.cutoff

    @property
    def served_by(self) -> str:
        """The competitor that makes the forecasts: the network, or the baseline that it could not beat."""
        return self.trained.served_by

    @property
    def verdict(self) -> str:
        """What its test part allows to be said, in a sentence."""
        return self.trained.sentence

    @property
    def policy_verdict(self) -> str | None:
        """What its test part allows to be said of its policy, in a sentence; None without a policy."""
        return None if self.trained.policy is None else self.trained.policy.sentence

    def verdict_on(self, ticker: str) -> str:
        """The same about one series; about all of them for one that the model was not trained on."""
        return self.trained.sentence_for(ticker)

    def scores(self) -> pd.DataFrame:
        """Every competitor on the test part, one row each and series: crps, coverage_90 and the other scores."""
        import pandas as pd

        rows: list[dict[str, Any]] = self.file.manifest.get("scores", [])
        return pd.DataFrame(rows).rename(columns={"ticker": "unique_id"})

    def save(self, home: Home, name: str | None = None) -> Path:
        """Keep it under `home`, where the command line finds it.

        Args:
            home: The folder of models, prices and forecasts.
            name: What to save it as; its own unless given.

        Returns:
            The folder of the model.

        Raises:
            ConfigError: For a name that cannot be one.
            LockedError: Where another run writes it.
            StorageError: Where the system refuses.
        """
        name = name or self.name
        file = ModelFile(name, {**self.file.manifest, "name": name}, self.file.tensors)
        return modelfile.save_model(_models(home), file)


def open_model(name: str, home: Home) -> Model:
    """A model that `fit`, `Model.save` or the command line has saved.

    Raises:
        ModelError: Where there is none, or it is damaged.
    """
    return Model.of(modelfile.load_model(_models(home), name))


def _models(home: Home) -> Path:
    return user_path(expected(home, (str, Path), "home", "a folder")) / "models"


def fit(  # noqa: PLR0913 - each is a keyword of the public API
    prices: Prices, config: TrainConfig | None = None, *, pool: bool | None = None, home: Home | None = None,
    name: str | None = None, progress: Progress | None = None, covariates: CovariateSources | None = None,
    events: Events | None = None, read: ReadOptions = AS_IT_IS, on_error: OnError = "warn", jobs: int | None = 1,
    policy: bool | PolicyConfig = False,
) -> Model:  # fmt: skip
    """Train on prices as `stockcast train` does: train, validate, score the test part, fit once more on everything.

    Args:
        prices: A long frame (see `to_histories`), a source as of `load`, or histories.
        config: Settings; None for the defaults, which differ for a pool.
        pool: Whether to train one model on all series; None: where there are several.
        home: The folder to save the model in; without it nothing is written but temporary files, and the model lives in
            memory.
        name: What to save it as; the ticker, or "pool", unless given.
        progress: Who watches; nobody unless given.
        covariates: Further series to look at, a frame, files or tickers; frames, and files that do not say otherwise
            (FILE@XTKS), keep the hours of the prices' exchange. With dates known beforehand it is a `CovariatesConfig`.
        events: Dates of reports, in the place of the provider's: a frame or a CSV with date, when (bmo, amc, unknown or
            a time), and ticker where they are of several. The model remembers a file.
        read: What files do not say of themselves, and the first and last bar to keep. The model remembers it.
        on_error: "warn" leaves out of a pool what cannot be read or is too short to train on, with one `LeftOut`
            warning that names each and its reason, before the training begins; "raise" raises the first failure.
        jobs: Processes that train and score a pool, to the same bytes; None: one for each core. With 1 everything is
            done in this process, as the training of one series always is, which `progress` then shows in full; else it
            hears of notes alone.
        policy: Learn how much to hold, too, of one series: True, or what is to be learnt. `predict` then tells its
            position, and `Model.policy_verdict` what its test part says of it.

    Returns:
        The trained model, which `predict` and `backtest` take.

    Raises:
        ConfigError: For several series without a pool, and for a pool with a policy.
        DataError: Where the prices cannot be trained on.

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
    if config is not None:
        read = replace(read, exchange=read.exchange or config.exchange)
    read, table = events_said(read, events)
    found = series_in(prices, place, attempts, read, table=table)
    given = len(found) + attempts.failed
    if given > 1 and pool is not None and not pool:
        raise ConfigError(
            f"there are {given} series, and a model without a pool has one",
            "leave pool out for one model over all of them, or fit each by itself",
        )
    if pool or given > 1:
        if policy or (config and config.policy.wanted):
            raise ConfigError("a policy is learnt from one series, and a pool has many", "leave policy or pool out")
        config = config or TrainConfig(POOL_NETWORK, POOL_TRAINING)
        covariate_source = covariates_in(covariates, place, progress, config.covariates)
        lookback = config.network.lookback
        found = attempts.each([(one.history.ticker, partial(_long_enough, one, lookback)) for one in found])
        attempts.tell()
        return _pooled(found, config, place, name or "pool", covariate_source, read, jobs)
    config = config or TrainConfig()
    if policy:
        asked = config.policy if policy is True else expected(policy, PolicyConfig, "policy", "True or a PolicyConfig")
        config = replace(config, policy=replace(asked, wanted=True))
    covariate_source = covariates_in(covariates, place, progress, config.covariates)
    return _alone(found[0], config, place, name or found[0].history.ticker, covariate_source)


def predict(  # noqa: PLR0913 - each is a keyword of the public API
    model: Model, prices: Prices, *, horizon: int | None = None, as_of: date | None = None,
    levels: Sequence[float] = (90,), home: Home | None = None, covariates: CovariateSources | None = None,
    events: Events | None = None, read: ReadOptions = AS_IT_IS, on_error: OnError = "warn",
) -> pd.DataFrame:  # fmt: skip
    """Forecast the sessions after the newest bar of each series, or after the last one up to `as_of`.

    Args:
        model: What `fit` or `open_model` returns. It may forecast series that it was not trained on; a pooled one that
            looks at its market takes the series that are given here for it, in the sessions after its own.
        prices: A long frame (see `to_histories`), a source as of `load`, or histories.
        horizon: Sessions ahead; what the model was trained for unless given.
        as_of: The last session that the forecast may see; the newest unless given.
        levels: Central intervals, in percent.
        home: For tickers, as in `load`.
        covariates: Other places for the series that the model looks at, in its order or by their names; those of a
            frame have to be given again.
        events: Dates of reports, as in `fit`; those of a frame have to be given again.
        read: What files do not say of themselves; of its own files the model remembers it.
        on_error: "warn" leaves out the series that cannot be forecast, with one `LeftOut` warning that names each and
            its reason; "raise" raises the first failure.

    Returns:
        A frame with unique_id, ds (target session), stockcast (the median, in the price of the last bar),
        stockcast-lo-90 and stockcast-hi-90, and so on for each level; of a model with a policy also policy-position,
        the share of the capital that it holds until the next close (see `Model.policy_verdict`).

    Raises:
        DataError: Where no series can be forecast: the first is too short or lacks a column that the model was trained
            on.
        ModelError: Where the model was trained on sessions after its last bar, or after `as_of`.

    Examples:
        >>> from datetime import date
        >>> from stockcast import NetworkConfig, TrainConfig, TrainingConfig, fit, load, predict
        >>> prices = load("data/GSPC.csv", start=date(2015, 1, 2), end=date(2018, 12, 31))
        >>> model = fit(prices, TrainConfig(NetworkConfig(hidden_size=4), TrainingConfig(seeds=1, steps=5)))
        >>> forecasts = predict(model, prices, horizon=2, levels=[80])
        >>> forecasts.columns.tolist()
        ['unique_id', 'ds', 'stockcast', 'stockcast-lo-80', 'stockcast-hi-80']
        >>> forecasts["ds"].dt.date.tolist()
        [datetime.date(2019, 1, 2), datetime.date(2019, 1, 3)]
    """
    import pandas as pd

    expected(model, Model, "model", "what fit or open_model returns")
    attempts, intervals = Attempts(on_error), Intervals.of(levels)
    as_of, place, prices = day_of(as_of, "as_of"), path_of(home), asked(prices)
    if horizon is not None:
        horizon = int(expected(horizon, Integral, "horizon", "a whole number of sessions"))
    config = PredictConfig(as_of=as_of, horizon=horizon)
    covariate_source = covariates_in(covariates, place, Silent(), strict=True)
    recall = Memory(lambda _ticker: KeptReading.of(model.file.manifest))
    read, table = events_said(read, events)
    found = series_in(prices, place, attempts, read.up_to(as_of), recall, model.trained.calendar, table)
    markets = MarketSource(*door_of(prices, read, place, recall))

    def forecast(series: PriceSeries) -> pd.DataFrame:
        trained = model.trained
        if series.is_listed and not series.is_stored:
            trained = at_exchange(trained, series.calendar)
        series = (on_calendar if trained.covariates else PriceSeries.on)(series, trained.calendar)
        # Bars of other series after the origin are not even read: no repair may know them.
        last, kept = series.history.last, trained.market
        market = None if kept is None else markets.of_all(kept, last, trained.calendar, Silent(), cut=True)
        return _frame(View.of(covariate_source.again(trained, series), series.history, config, market), intervals)

    frames = attempts.each([(series.history.ticker, partial(forecast, series)) for series in found])
    attempts.tell()
    return pd.concat(frames, ignore_index=True)


def _frame(view: View, intervals: Intervals) -> pd.DataFrame:
    import pandas as pd

    past = view.past
    targets = view.model.calendar.next_sessions(past.last, view.horizon)
    dists = view.dists(view.model.served_by)
    # As forecasts in full: that is where what cannot be is refused.
    made = view.forecasts(dists, Clock(view.model.calendar, past.last, settings.now()))
    returns_HQ = np.concatenate([dist.quantile(intervals.quantiles) for dist in dists])
    columns = {
        "unique_id": past.ticker,
        "ds": np.array(targets, dtype="datetime64[s]"),
        **intervals.named(COLUMN, past.close[-1] * np.exp(returns_HQ)),
    }
    if (held := made[0].policy) is not None:
        columns["policy-position"] = [held.position, *[np.nan] * (len(made) - 1)]
    return pd.DataFrame(columns)


def _long_enough(series: PriceSeries, lookback: int) -> PriceSeries:
    """The series, if it has a window with a target: without, it can neither teach a pool nor be forecast by it."""
    needed = first_origin(lookback) + 2
    if len(series.history) < needed:
        raise DataError(
            f"{len(series.history)} sessions are too few for a window of {lookback}: at least {needed} are needed",
            "use a longer history",
        )
    return series


@contextmanager
def folder_for(home: Path | None) -> Iterator[Path]:
    """The home, or a folder that goes when it is done with."""
    if home is not None:
        yield home
        return
    with temporary_folder() as temporary:
        yield temporary


def _alone(
    series: PriceSeries, config: TrainConfig, home: Path | None, name: str, covariate_source: CovariateSource
) -> Model:
    from stockcast.pipeline.training import Candidate

    series.tell(covariate_source.progress)
    # A ticker is taken to be of the exchange in the configuration, whatever it is.
    taken = PriceSeries(series.history, read=series.read) if series.is_stored else series
    covariates = None
    if covariate_source:
        covariates = covariate_source.found(on_exchange(series, config.exchange))
    with folder_for(home) as folder, one_thread():
        candidate = Candidate.of(taken, config, folder, name, covariate_source.progress, covariates)
    model = Model.of(trainedmodel.to_file(candidate.model))
    if home is not None:
        model.save(home)
    return model


def _pooled(
    found: Sequence[PriceSeries], config: TrainConfig, home: Path | None, name: str, covariate_source: CovariateSource,
    read: ReadOptions, jobs: int | None,
) -> Model:  # fmt: skip
    from stockcast.pipeline.pools import Pool, files_for
    from stockcast.pipeline.series import calendar_over
    from stockcast.pipeline.training import train_pool_steps

    for series in found:
        series.tell(covariate_source.progress)
    histories = [series.history for series in found]
    said = (series.exchange for series in found if series.is_listed and not series.is_stored)
    calendar = calendar_over(histories, config.exchange or next(said, None))
    for series in found:
        if covariate_source or not series.is_stored:
            on_calendar(series, calendar)  # refuses a series of another exchange
    covariates = None
    if covariate_source:
        covariates = covariate_source.found_by_pool(histories, calendar)
    with folder_for(home) as folder:
        pool = Pool.of(histories, calendar, covariates, files_for(folder, histories))
        progress = covariate_source.progress
        training = partial(train_pool_steps, pool, config, folder, name, progress, read=read)
        for trained in outcomes([training], jobs, progress):
            trained()
        return open_model(name, folder)
