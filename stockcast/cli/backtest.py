"""`stockcast backtest` and `report`: walk forward over the past, every fold fitted anew, next to every baseline."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from stockcast.cli.console import InterruptedRun, deliver, save
from stockcast.cli.options import Common, Source, Sources, check_writable, command, given
from stockcast.cli.sources import Job, expanded, label
from stockcast.config import FetchConfig, NetworkConfig, ReadOptions, TrainingConfig
from stockcast.config.jobs import JobsConfig
from stockcast.config.models import BacktestConfig
from stockcast.config.settings import NETWORK, options_of, part, setting
from stockcast.errors import Failure, StockcastError, UsageError

if TYPE_CHECKING:
    from stockcast.cli.progress import Notes
    from stockcast.engine.pieces import Steps
    from stockcast.evaluation.verdict import BacktestResult
    from stockcast.pipeline import PretrainedBacktest
    from stockcast.results import BacktestPlan, Report


@dataclass(frozen=True)
class BacktestOrder:
    """What `backtest` takes besides its settings: a saved model, and where forecasts and table go, None: nowhere."""

    model: str | None = setting(
        None, "Score this saved model, which is not trained here", NETWORK, shown="train in each fold"
    )
    dry_run: bool = setting(False, "Draw the folds, and leave")
    output: Path | None = setting(None, "Save every test forecast (.csv or .parquet)")
    table: Path | None = setting(None, "Save the table of all competitors as .md, .tex or .csv")
    jobs: JobsConfig = part(JobsConfig)

    def __post_init__(self) -> None:
        check_writable(self.output)
        check_writable(self.table, "--table")
        if self.output is not None:
            from stockcast.storage.forecasttable import require_table_suffix

            require_table_suffix(self.output)
        if self.table is not None:
            from stockcast.report.papers import require_suffix as require_table

            require_table(self.table.name)


@command()
def backtest(
    context: typer.Context,
    sources: Sources,
    order: BacktestOrder,
    read: ReadOptions,
    config: BacktestConfig,
    fetching: FetchConfig,
    common: Common,
) -> None:
    """Walk forward over each source, or with --model score what is saved."""
    job = Job(expanded(sources), read, fetching, config.covariates, common, order.jobs)
    if order.model is not None:
        _refuse_training(context)
    from stockcast import pipeline

    @cache
    def pretrained(name: str) -> PretrainedBacktest:
        return pipeline.PretrainedBacktest(name, pipeline.MarketSource(job.prices.remembering(name), job.sources))

    def planned(source: str, progress: Notes) -> BacktestPlan:
        if order.model is not None:
            found = pipeline.plan_pretrained(source, pretrained(order.model), config, progress)
        else:
            found = pipeline.plan(source, read, config, common.home, progress, job.session(source))
        return replace(found, ticker=label(source, read.ticker))

    def steps(source: str, progress: Notes) -> Steps[BacktestResult]:
        if order.model is not None:
            return pipeline.backtest_pretrained_steps(source, pretrained(order.model), config, progress, True)
        return pipeline.backtest_steps(source, read, config, common.home, progress, True, job.session(source))

    if order.dry_run:
        plans = job.each(planned, bar=False)
        _deliver_plans(plans.results, plans.failures, order.jobs, common)
    tested = job.together("backtest", steps)
    _deliver(tested.results, _resumable(tested.failures), order, common)


def _refuse_training(context: typer.Context) -> None:
    """Raise UsageError where the command line has an option of a training, too: a saved network has had its own."""
    options = [option for config in (NetworkConfig, TrainingConfig) for option in options_of(config)]
    stands = given(context)
    for name in (*(option.key for option in options), "warm_start", "init", "policy"):
        if stands(name):
            flag = f"--{name.replace('_', '-')}"
            message = f"{flag} and --model contradict each other: a saved network has been trained"
            raise UsageError(message, "leave one of them out")


def _deliver_plans(
    plans: Sequence[BacktestPlan], failures: Sequence[Failure], jobs: JobsConfig, common: Common
) -> NoReturn:
    from stockcast.engine.choosing import planned_jobs
    from stockcast.engine.local import WORKER_MEMORY
    from stockcast.report.folds import folds_text
    from stockcast.report.work import work_words

    pieces, seconds = sum(plan.pieces for plan in plans), sum(plan.seconds for plan in plans)
    words = work_words(pieces, seconds, planned_jobs(jobs), WORKER_MEMORY)
    text = (lambda page: f"{folds_text(plans, page)}\n{words}\n") if plans else None
    deliver("backtest", common, failures, lambda: plans, text)


def _resumable(failures: Sequence[Failure]) -> list[Failure]:
    """The failures, with what Ctrl-C leaves behind: here, unlike in a training, the folds that were finished."""
    kept = "interrupted; finished folds are kept"
    hint = "the same command goes on from there"
    return [
        replace(failure, error=InterruptedRun(kept, hint)) if isinstance(failure.error, InterruptedRun) else failure
        for failure in failures
    ]


def _deliver(
    results: tuple[BacktestResult, ...], failures: list[Failure], order: BacktestOrder, common: Common
) -> NoReturn:
    if not results:
        deliver("backtest", common, failures, list)
    from concurrent.futures import ThreadPoolExecutor, wait

    from stockcast import pipeline
    from stockcast.engine.choosing import planned_jobs
    from stockcast.report.backtest import backtest_text
    from stockcast.report.data import backtest_data
    from stockcast.report.papers import skill_table_text

    rows, jobs = [rows for result in results for rows in result.rows], planned_jobs(order.jobs)
    with ThreadPoolExecutor(1) as beside:
        # While Arrow writes, without Python's lock; where one job was asked for, before.
        summing = beside.submit(pipeline.pooled, results)
        if jobs == 1:
            wait([summing])
        write = partial(pipeline.save_forecasts, rows=rows, threads=jobs)
        failures += save(order.output, write, "forecasts saved in", common)
        summary = summing.result()
    skill = pipeline.skill_table(summary)
    failures += save(
        order.table,
        lambda path: pipeline.save_files({path: skill_table_text(skill, path.suffix)}),
        "table saved in",
        common,
    )
    deliver(
        "backtest",
        common,
        failures,
        lambda: backtest_data(summary),
        lambda page: backtest_text(summary, skill, page),
    )


@dataclass(frozen=True)
class ReportOrder:
    """Where `report` writes; output None: a file named after the ticker, plots None: none."""

    output: Path | None = setting(None, "Where the page goes", shown="TICKER.html")
    plots: Path | None = setting(None, "Save each plot as PNG in this folder", metavar="DIR")
    jobs: JobsConfig = part(JobsConfig)

    def __post_init__(self) -> None:
        check_writable(self.output)
        if self.plots is not None and os.path.exists(self.plots) and not os.path.isdir(self.plots):
            raise UsageError(f"--plots {self.plots} is no folder", "name a folder")


@command(
    test_from={"shown": "the last 30 % of the sessions"},
)
def report(
    source: Source,
    order: ReportOrder,
    read: ReadOptions,
    config: BacktestConfig,
    fetching: FetchConfig,
    common: Common,
) -> None:
    """Walk forward over a source, and write what was found as a page."""
    job = Job([source], read, fetching, config.covariates, common, order.jobs)

    def steps(source: str, progress: Notes) -> Steps[Report]:
        from stockcast import pipeline

        return pipeline.report_steps(source, read, config, common.home, progress, job.session(source))

    made = job.together("report", steps)
    from stockcast.report.data import report_data

    found = made.results[0] if made.results else None
    written, unsaved = _save_page(found, order) if found else ((), [])
    if not common.as_json:
        for name in written:
            common.console.say(f"saved {name}")
    sentences = [found.result.verdict.sentence, *(one.sentence for one in found.result.policy)] if found else []
    text = (lambda _page: "".join(f"{sentence}\n" for sentence in sentences)) if found else None
    failures = [*made.failures, *unsaved]
    deliver("report", common, failures, lambda: found and report_data(found, written), text)


def _save_page(found: Report, order: ReportOrder) -> tuple[tuple[str, ...], list[Failure]]:
    """Write the page, then the plots. Returns what was written, and what could not be."""
    from stockcast import pipeline
    from stockcast.report.html import report_html, report_plots

    page = order.output or Path(f"{_file_name(found.result.ticker)}.html")
    written: list[str] = []
    try:
        pipeline.save_files({page: report_html(found)})
        written.append(str(page))
        if order.plots is not None:
            pictures = {order.plots / name: picture for name, picture in report_plots(found).items()}
            pipeline.save_files(pictures)
            written += [str(picture) for picture in pictures]
    except StockcastError as error:
        return tuple(written), [Failure(found.result.ticker, error)]
    return tuple(written), []


def _file_name(ticker: str) -> str:
    """A ticker as a file's name."""
    return ticker.replace("/", "_").replace("\\", "_") or "report"
