"""`stockcast train`: a model from each source, or one of all, scored against the baselines, and its next forecast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from stockcast.cli.console import deliver, save
from stockcast.cli.options import Common, Sources, check_writable, command, given
from stockcast.cli.sources import Job, Together, expanded, refuse_shared
from stockcast.config import FetchConfig, ReadOptions, TrainConfig
from stockcast.config.jobs import JobsConfig
from stockcast.config.models import COLUMN_GROUPS, GENERAL, POOL_NETWORK, POOL_TRAINING, SCRATCH
from stockcast.config.settings import DATA, Bounds, Checked, options_of, part, setting
from stockcast.errors import Failure, UsageError

if TYPE_CHECKING:
    from stockcast.cli.progress import Notes
    from stockcast.engine.pieces import Steps
    from stockcast.results import PoolResult, TrainResult

_OF_POOLS = {
    option.name: {"shown": f"{option.setting.shown or option.default}; with --pool {getattr(pools, option.name)}"}
    for pools in (POOL_NETWORK, POOL_TRAINING)
    for option in options_of(type(pools))
    if getattr(pools, option.name) != option.default
}
"""What a pool is trained with otherwise, in words."""


@dataclass(frozen=True)
class TrainOrder(Checked):
    """What `train` takes besides the settings of its models; output: where the test forecasts go, None: nowhere."""

    pool: bool = setting(False, "One model over all sources; it has to have a --name", DATA)
    memory: float | None = setting(
        None,
        "Most that the prices and columns of a pool take of the memory; more of them are kept in files of the home",
        DATA,
        metavar="GIB",
        shown="a quarter of what there is",
        bounds=Bounds(0, 1_000_000, "GiB"),
    )
    without: tuple[str, ...] = setting(
        (), "Columns that a pool's network does without; again for more", DATA, choices=COLUMN_GROUPS
    )
    name: str | None = setting(None, "Name of the model", shown="the ticker; a pool has none")
    output: Path | None = setting(None, "Save every test forecast (.csv or .parquet)")
    jobs: JobsConfig = part(JobsConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.memory is not None and not self.pool:
            raise UsageError("--memory without --pool: one series alone is no pool", "leave it out, or add --pool")
        if self.without and not self.pool:
            raise UsageError(
                "--without without --pool: it is about the columns of pools", "leave it out, or add --pool"
            )
        check_writable(self.output)
        if self.output is not None:
            from stockcast.storage.forecasttable import require_table_suffix

            require_table_suffix(self.output)


@command(**_OF_POOLS)
def train(
    context: typer.Context,
    sources: Sources,
    order: TrainOrder,
    read: ReadOptions,
    config: TrainConfig,
    fetching: FetchConfig,
    common: Common,
) -> None:
    """Train a model on each source, or with --pool one on all of them."""
    job = Job(expanded(sources), read, fetching, config.covariates, common, order.jobs)
    if order.pool:
        if config.policy.wanted:
            message = "--policy and --pool contradict each other: a policy is learnt from one series"
            raise UsageError(message, "leave one of them out")
        _train_pool(job, order, _pooled(config, given(context)))
    refuse_shared("--name", order.name, job.sources, "; --pool makes one model of all")
    from stockcast import pipeline

    def one(source: str, progress: Notes) -> Steps[TrainResult]:
        rows, session = order.output is not None, job.session(source)
        return pipeline.train_steps(source, read, config, common.home, order.name, progress, rows, session)

    # In their order: of two sources with one ticker the second one's model stays. One after the other where networks
    # begin with a model by its name: it may be that of a source before.
    ahead = 0 if config.init in {None, SCRATCH, GENERAL} else 1
    trained = job.together("train", one, Together(saves=True, ahead=ahead, in_order=True, one_piece=True))
    results = trained.results
    unsaved = _save(order, results, lambda path: pipeline.save_rows(path, results), common)
    from stockcast.report.data import train_data
    from stockcast.report.training import trainings_text

    text = (lambda page: trainings_text(results, page)) if results else None
    deliver("train", common, [*trained.failures, *unsaved], lambda: train_data(results), text)


def _save(order: TrainOrder, results: tuple[Any, ...], write: Callable[[Path], None], common: Common) -> list[Failure]:
    return save(order.output if results else None, write, "test forecasts saved in", common)


def _pooled(config: TrainConfig, stands: Callable[[str], bool]) -> TrainConfig:
    """The settings with a pool's defaults in the place of those that were not given on the command line."""

    def taken(pools: Any) -> dict[str, Any]:
        names = [item.name for item in fields(pools) if item.name in _OF_POOLS and not stands(item.name)]
        return {name: getattr(pools, name) for name in names}

    network, training = replace(config.network, **taken(POOL_NETWORK)), config.training
    # The steps of a pool are of chunks: a window carries one loss in the place of a chunk's many.
    steps = {} if training.chunked and training.epochs is None else {"steps": training.steps}
    return replace(config, network=network, training=replace(training, **taken(POOL_TRAINING) | steps))


def _train_pool(job: Job, order: TrainOrder, config: TrainConfig) -> NoReturn:
    """Train one model of all sources, and leave. What is wrong with one source does not stop the others."""
    if order.name is None:
        raise UsageError("--pool without --name: a model of many tickers has no ticker's name", "add --name NAME")
    from stockcast import pipeline
    from stockcast.storage.modelfile import require_usable_name

    require_usable_name(order.name)
    common = job.common
    of_sources: list[Failure] = []

    def one(name: str, progress: Notes) -> Steps[PoolResult]:
        exchange, covariates = job.read.exchange, config.covariates
        gathered = pipeline.gather(job.prices, job.sources, progress, exchange, covariates, order.memory)
        gathered = replace(gathered, without=frozenset(order.without))
        of_sources.extend(gathered.failures)
        keep_rows = order.output is not None
        return (yield from pipeline.train_pool_from_steps(gathered, config, common.home, name, progress, keep_rows))

    trained = replace(job, sources=[order.name]).together("train", one, Together(saves=True))
    results = trained.results
    every = [rows for pool in results for result in pool.summary.results for rows in result.rows]
    unsaved = _save(order, results, lambda path: pipeline.save_forecasts(path, every), common)
    from stockcast.report.data import pool_data
    from stockcast.report.training import pool_text

    deliver(
        "train",
        common,
        [*of_sources, *trained.failures, *unsaved],
        lambda: [pool_data(result) for result in results],
        lambda page: "".join(pool_text(one, pipeline.skill_table(one.summary), page) for one in results),
    )
