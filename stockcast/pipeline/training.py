"""Training: prices -> `Trainer` -> a candidate that was trained and judged -> saved -> its forecast."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from stockcast import config as settings
from stockcast.config import PredictConfig, TrainConfig
from stockcast.config.sources import AS_IT_IS, ReadOptions
from stockcast.engine.pieces import Steps, run_here
from stockcast.forecasting import Clock, TrainedModel, View
from stockcast.forecasts import Forecast
from stockcast.pipeline.covariates import CovariateSource
from stockcast.pipeline.fetchsession import FetchSession
from stockcast.pipeline.fitting import fitting
from stockcast.pipeline.models import model_of
from stockcast.pipeline.series import PriceSeries
from stockcast.pipeline.source import PriceSource
from stockcast.pipeline.trainer import Judgement, Trainer
from stockcast.progress import Progress
from stockcast.results import PoolResult, TrainResult
from stockcast.storage import modelfile, trainedmodel

if TYPE_CHECKING:
    from stockcast.pipeline.initial import TrainingResult
    from stockcast.pipeline.pools import Pool, PoolSources
    from stockcast.storage.modelfile import ModelFile
    from stockcast.windows.covariates import Covariates


def train(  # noqa: PLR0913, PLR0917 - the public entry: one thing each, and most of them optional
    source: str, read: ReadOptions, config: TrainConfig, home: Path, name: str | None, progress: Progress,
    keep_rows: bool = False, fetch_session: FetchSession | None = None,
) -> TrainResult:  # fmt: skip
    """Train on a source, score the test part, save the model, and forecast.

    Args:
        source: A file or a ticker.
        read: What a file does not say of itself, and the first and last bar to keep.
        config: Parts, network and training.
        home: The folder of models, prices and forecasts.
        name: What to save the model as; the ticker unless given.
        progress: Who watches.
        keep_rows: Whether every test forecast is returned, too.
        fetch_session: How a ticker's prices are fetched; with the defaults unless given.

    Returns:
        Scores, comparisons, verdict, forecasts, and the folder of the model.

    Raises:
        DataError: Where the source cannot be read or trained on; nothing is saved then.
        ConfigError: For an unknown exchange or a name that cannot be one.
        ModelError: Where the model to initialise from is missing, damaged, or has seen the validation part.
        StorageError: Where the model cannot be written.
    """
    return run_here(train_steps(source, read, config, home, name, progress, keep_rows, fetch_session), progress)


def train_steps(  # noqa: PLR0913, PLR0917 - as `train`
    source: str, read: ReadOptions, config: TrainConfig, home: Path, name: str | None, progress: Progress,
    keep_rows: bool = False, fetch_session: FetchSession | None = None,
) -> Steps[TrainResult]:  # fmt: skip
    """The same in steps: all that is fitted is one piece. Takes and raises what `train` does."""
    config = replace(config, exchange=config.exchange or read.exchange)
    prices = PriceSource.of(home, read, fetch_session).taken_for(config.exchange)
    series = prices.load(source, progress)
    series.tell(progress)
    covariates = CovariateSource(config.covariates, prices, progress, strict=False).found(series, config.exchange)
    candidate = yield from Candidate.steps(series, config, home, name or series.history.ticker, progress, covariates)
    return candidate.result(candidate.save(home), keep_rows)


def train_pool_from(
    gathered: PoolSources, config: TrainConfig, home: Path, name: str, progress: Progress, keep_rows: bool = False
) -> PoolResult:
    """Train one model on what `gather` found, score every ticker's test part, and save the model.

    Args:
        gathered: The series of the pool.
        config: Parts, network and training.
        home: The folder of models, prices and forecasts.
        name: What to save the model as.
        progress: Who watches.
        keep_rows: Whether every percentile of every test forecast is kept; else the medians alone.

    Raises:
        DataError: For fewer than two series, or where none can be trained on or scored.
        ConfigError: For a name that cannot be one.
    """
    return run_here(train_pool_from_steps(gathered, config, home, name, progress, keep_rows), progress)


def train_pool_from_steps(
    gathered: PoolSources, config: TrainConfig, home: Path, name: str, progress: Progress, keep_rows: bool = False
) -> Steps[PoolResult]:
    """The same in steps (see `fitting`). Takes and raises what `train_pool_from` does."""
    result = yield from train_pool_steps(gathered.pool(), config, home, name, progress, keep_rows, gathered.read)
    return replace(result, left_out=dict(gathered.left_out))


def train_pool(
    pool: Pool, config: TrainConfig, home: Path, name: str, progress: Progress, keep_rows: bool = False,
    read: ReadOptions = AS_IT_IS,
) -> PoolResult:  # fmt: skip
    """Train on a pool, judge every ticker on the test part, save the model under `name`.

    keep_rows: keep every percentile of every test forecast; else the medians alone. read: how its files were read.
    Raises what `Candidate.of_pool` and saving raise; nothing is saved then.
    """
    return run_here(train_pool_steps(pool, config, home, name, progress, keep_rows, read), progress)


def train_pool_steps(
    pool: Pool, config: TrainConfig, home: Path, name: str, progress: Progress, keep_rows: bool = False,
    read: ReadOptions = AS_IT_IS,
) -> Steps[PoolResult]:  # fmt: skip
    """The same in steps. Takes and raises what `train_pool` does."""
    candidate = yield from Candidate.pool_steps(pool, config, home, name, progress, keep_rows, read)
    return candidate.pool_result(candidate.save(home))


@dataclass(frozen=True)
class Candidate:
    """A model that was trained and judged, and is not saved yet. series: its prices; None of a pool."""

    trainer: Trainer
    learned: TrainingResult
    judgement: Judgement
    model: TrainedModel
    series: PriceSeries | None = None

    @classmethod
    def of(
        cls, series: PriceSeries, config: TrainConfig, home: Path, name: str, progress: Progress,
        covariates: Covariates | None = None,
    ) -> Candidate:  # fmt: skip
        """Train on one series. Raises what `Trainer.of_series` raises, ConfigError for a name that cannot be one."""
        return run_here(cls.steps(series, config, home, name, progress, covariates), progress)

    @classmethod
    def steps(
        cls, series: PriceSeries, config: TrainConfig, home: Path, name: str, progress: Progress,
        covariates: Covariates | None = None,
    ) -> Steps[Candidate]:  # fmt: skip
        """The same in steps: all that is fitted is one piece. Takes and raises what `of` does."""
        modelfile.require_usable_name(name)
        trainer = Trainer.of_series(series, config, home, progress, covariates)
        candidate = yield from cls.of_trainer(trainer, name, True, series.read)
        return replace(candidate, series=series)

    @classmethod
    def of_pool(
        cls, pool: Pool, config: TrainConfig, home: Path, name: str, progress: Progress, keep_rows: bool = False,
        read: ReadOptions = AS_IT_IS,
    ) -> Candidate:  # fmt: skip
        """Train on a pool, whose files were read so.

        Where it is large enough to be a market, second networks are trained that do without one: for tickers whose
        market is not known.

        Raises:
            ConfigError: the name cannot be one.
            DataError: no series teaches, none can be scored, or splitting is not possible.
        """
        return run_here(cls.pool_steps(pool, config, home, name, progress, keep_rows, read), progress)

    @classmethod
    def pool_steps(
        cls, pool: Pool, config: TrainConfig, home: Path, name: str, progress: Progress, keep_rows: bool = False,
        read: ReadOptions = AS_IT_IS,
    ) -> Steps[Candidate]:  # fmt: skip
        """The same in steps. Takes and raises what `of_pool` does."""
        modelfile.require_usable_name(name)
        return (yield from cls.of_trainer(Trainer.of_pool(pool, config, home, progress), name, keep_rows, read))

    @classmethod
    def of_trainer(cls, trainer: Trainer, name: str, keep_rows: bool, read: ReadOptions) -> Steps[Candidate]:
        """What a trainer makes of what it was given, in steps. Raises what `fitting` raises."""
        made = yield from fitting(trainer, keep_rows)
        model = trainer.model(name, made.learned, made.judgement, made.fits)
        return cls(trainer, made.learned, made.judgement, replace(model, reading=read, policy=made.policy))

    @property
    def file(self) -> ModelFile:
        """The model as its folder holds it."""
        return trainedmodel.to_file(self.model)

    @property
    def model_id(self) -> str:
        """The hash that the saved model has."""
        return str(self.file.manifest["model_id"])

    def save(self, home: Path) -> Path:
        """Put the model in the place of the one of its name; returns its folder."""
        return modelfile.save_model(home / "models", self.file)

    def result(self, path: Path, keep_rows: bool = False) -> TrainResult:
        """What was done with one series, with the forecast of the model that was saved in `path`."""
        # The saved model answers, not the one in memory: what is printed is what `predict` will print.
        trainer, (tested,) = self.trainer, self.judgement.results
        model = replace(model_of(path.parent.parent, self.model.name), covariate_series=trainer.pool.covariates)
        return TrainResult(
            ticker=tested.ticker,
            model=model.name,
            model_id=model.model_id,
            cell=tested.network,
            splits=trainer.summary(),
            scores=tested.scores,
            comparisons=tested.comparisons,
            validation_crps=tested.validation_crps,
            verdict=self.judgement.verdict,
            forecasts=self._forecasts(model),
            scored_cutoff=model.scored.cutoff,
            served_cutoff=model.served.cutoff,
            steps=self.learned.chosen.steps,
            notes=tested.notes,
            path=path,
            test_forecasts=tested.rows if keep_rows else (),
            init=self.learned.init,
            event_scores=tested.event_scores,
        )

    def _forecasts(self, model: TrainedModel) -> tuple[Forecast, ...]:
        assert self.series is not None  # noqa: S101 - it is of one series
        calendar = self.series.calendar if self.series.is_stored else model.calendar
        view = View.of(model, self.series.history, PredictConfig())
        clock = Clock(calendar, self.series.completed, settings.now())
        return view.forecasts(view.dists(model.served_by), clock)

    def pool_result(self, path: Path) -> PoolResult:
        """What was done with a pool, whose model was saved in `path`."""
        model, found, chosen = self.model, self.judgement, self.learned.chosen
        assert found.summary is not None  # noqa: S101 - a pool is summed up
        sentences = dict(model.sentences)
        return PoolResult(
            model=model.name,
            model_id=self.model_id,
            cell=model.config.network.cell,
            members=model.members,
            untested=tuple(ticker for ticker in model.members if ticker not in sentences),
            market=model.market is not None,
            splits=self.trainer.summary(),
            summary=found.summary,
            verdict=found.verdict,
            sentences=sentences,
            adjusted_p=dict(found.adjusted_p or {}),
            scored_cutoff=model.scored.cutoff,
            served_cutoff=model.served.cutoff,
            steps=chosen.steps,
            curves=chosen.curves,
            path=path,
        )
