"""`stockcast tune`: search the settings of networks on validation folds, and keep the default unless it is beaten."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from stockcast.cli.console import InterruptedRun, deliver, explainable, save
from stockcast.cli.interruption import answered
from stockcast.cli.options import Common, Sources, check_writable, command, given
from stockcast.cli.sources import Job, expanded
from stockcast.config import CELLS, FetchConfig, ReadOptions
from stockcast.config.jobs import JobsConfig
from stockcast.config.settings import DATA, part, setting
from stockcast.config.tuning import TuneConfig, pool_defaults, search_space
from stockcast.errors import ConfigError, Failure, StockcastError, UsageError

if TYPE_CHECKING:
    from stockcast.config.tuning import SearchSpace
    from stockcast.engine.pieces import Engine
    from stockcast.evaluation.tuned import TuneResult
    from stockcast.pipeline.objectives import Objective
    from stockcast.progress import Progress

CONFIG = Path("stockcast.toml")

_SEARCHED = {
    name: {"shown": f"searched: {values}"}
    for name, values in {
        "cell": ", ".join(CELLS),
        "hidden_size": "4 to 32",
        "layers": "1, 2",
        "dropout": "0 to 0.6",
        "lookback": "20 to 120",
        "learning_rate": "0.001 to 0.03",
        "weight_decay": "0.01 to 1",
        "batch_size": "8 to 32 chunks, 32 to 128 windows",
        "steps": "50 to 150 of chunks, 200 to 600 of windows",
        "seeds": "2 to 4",
    }.items()
}
"""What is searched unless it is given, in words."""


@dataclass(frozen=True)
class TuneOrder:
    """What `tune` takes besides its settings; output: where the page of the study goes, None: nowhere."""

    pool: bool = setting(False, "One network of all sources, as of train --pool", DATA)
    dry_run: bool = setting(False, "Show space, folds and expected minutes, and leave")
    output: Path | None = setting(None, "Write the study as an HTML page")
    save_config: bool = setting(False, "Write what is adopted into the table [model] of stockcast.toml")
    config: Path | None = setting(None, "The file that --save-config changes or makes", shown="stockcast.toml here")
    jobs: JobsConfig = part(JobsConfig)

    def __post_init__(self) -> None:
        check_writable(self.output)
        if self.pool and self.save_config:
            raise UsageError("--save-config with --pool: stockcast.toml trains no pools", "leave one of them out")
        if self.config is not None and not self.save_config:
            raise UsageError("--config without --save-config", "add --save-config, or leave it out")
        check_writable(self.file if self.save_config else None, "--config")

    @property
    def file(self) -> Path:
        """What --save-config changes."""
        return self.config or CONFIG


@command(**_SEARCHED)
def tune(
    context: typer.Context,
    sources: Sources,
    order: TuneOrder,
    read: ReadOptions,
    config: TuneConfig,
    fetching: FetchConfig,
    common: Common,
) -> None:
    """Search one configuration for all sources; settings that are given are not searched."""
    config = replace(config, exchange=config.exchange or read.exchange)
    job = Job(expanded(sources), read, fetching, config.covariates, common)
    if order.save_config:
        _merged(order, job, {})  # better now than after an hour of trials
    found = _Tuning(job, order, config, given(context))
    if order.dry_run:
        found.plan()
    _deliver(found, found.run(), order)


class _Tuning:
    """The work of one call. failures: what went wrong so far."""

    def __init__(self, job: Job, order: TuneOrder, config: TuneConfig, stands: Callable[[str], bool]) -> None:
        self.job = job
        self.order = order
        self.config = pool_defaults(config, stands) if order.pool else config
        self.stands = stands
        self.failures: list[Failure] = []

    def plan(self) -> NoReturn:
        """Show what would be done, and leave."""
        from stockcast import pipeline
        from stockcast.engine.choosing import planned_jobs
        from stockcast.engine.local import WORKER_MEMORY
        from stockcast.report.data import tune_plan_data
        from stockcast.report.tuning import plan_text

        made = self._watched(lambda progress, _: self._objective(progress), None)
        if made is None:
            deliver("tune", self.job.common, self.failures, lambda: None)
        objective, space = made
        jobs = planned_jobs(self.order.jobs)
        plan = pipeline.plan_tuning(objective, space, self.config)
        series = objective.series
        deliver(
            "tune",
            self.job.common,
            self.failures,
            lambda: tune_plan_data(plan, series, space.axes, jobs),
            partial(plan_text, plan, series, space.axes, (jobs, WORKER_MEMORY)),
        )

    def run(self) -> TuneResult | None:
        """Tune; None where something went wrong with all of it."""
        found: TuneResult | None = self._watched(self._tuned, self.order.jobs)
        return found

    def _tuned(self, progress: Progress, engine: Engine | None) -> TuneResult | None:
        from stockcast import pipeline

        made = self._objective(progress)
        if made is None:
            return None
        return pipeline.tune(*made, self.config, self.job.common.home, progress, engine)

    def _objective(self, progress: Progress) -> tuple[Objective, SearchSpace] | None:
        """What is tuned on, and what is searched; None where no source can be used."""
        from stockcast import pipeline

        pool = self.order.pool
        space = search_space(self.config, self.stands, pool=pool)
        make = pipeline.pool_objective if pool else pipeline.series_objective
        objective, failures = make(self.job.prices, self.job.sources, self.config, space.longest_lookback, progress)
        self.failures += failures
        if not objective.series:
            return None
        return objective, search_space(self.config, self.stands, objective.groups, pool)

    def _watched(self, work: Callable[[Progress, Engine | None], Any], jobs: JobsConfig | None) -> Any:
        """Do the work with an engine and a display. Ctrl-C and errors end it, and are told as failures."""
        from stockcast.cli.progress import watch
        from stockcast.engine.choosing import engine_of

        common = self.job.common
        try:
            display = watch(common.console, "tune")
            with engine_of(jobs) as engine, display as progress, redirect_stdout(sys.stderr):
                return work(progress, engine)
        except KeyboardInterrupt:
            answered()
            kept = InterruptedRun("interrupted; finished trials are kept", "the same command goes on from there")
            self.failures.append(Failure("", kept))
        except Exception as error:  # noqa: BLE001 - an unexpected one, too, is told as every other
            self.failures.append(Failure("", explainable(error, common.home)))
        return None


def _deliver(found: _Tuning, result: TuneResult | None, order: TuneOrder) -> NoReturn:
    common, failures = found.job.common, found.failures
    if result is None:
        deliver("tune", common, failures, lambda: None)
    from stockcast import pipeline
    from stockcast.report.data import tune_data
    from stockcast.report.tuning import tune_text

    def page(path: Path) -> None:
        from stockcast.report.html import study_html

        pipeline.save_files({path: study_html(result)})

    failures += save(order.output, page, "page saved in", common)
    if order.save_config:
        failures += _save_settings(found, result, order)
    deliver("tune", common, failures, lambda: tune_data(result), lambda sheet: tune_text(result, sheet))


def _save_settings(found: _Tuning, result: TuneResult, order: TuneOrder) -> list[Failure]:
    """Write what is adopted into the configuration; where the default stays there is nothing to write."""
    common = found.job.common
    if not result.adopted:
        common.console.say(f"{order.file} stays as it is: the default was not beaten")
        return []
    try:
        text = _merged(order, found.job, result.settings)
        from stockcast.storage.files import is_within, write_atomic

        write_atomic(order.file, text, private=is_within(order.file, common.home))
    except StockcastError as error:
        return [Failure("", error)]
    common.console.say(f"settings saved in {order.file}")
    return []


def _merged(order: TuneOrder, job: Job, settings: Any) -> str:
    """The configuration with these settings in it; a commented new one where there is none.

    Raises ConfigError where they cannot be put into it, or would stand beside covariates that were not looked at.
    """
    from stockcast.config.runfile import parse_run_config
    from stockcast.config.runs import config_text
    from stockcast.config.sources import read_text, ticker
    from stockcast.config.tomledit import with_model_settings
    from stockcast.prices.csvfile.content import looks_like_path

    if os.path.exists(order.file):
        text = read_text(order.file, "configuration")
    else:
        text = config_text([ticker(source) for source in job.sources if not looks_like_path(source)])
    if parse_run_config(order.file, text).train.covariates and not job.covariates:
        raise ConfigError(
            f"{order.file} names covariates, and nothing was tuned with them",
            "tune with the same --with and --known-ahead, or take them out of the file",
        )
    return with_model_settings(order.file, text, settings)
