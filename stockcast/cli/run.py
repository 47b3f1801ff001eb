"""`stockcast run`, the cron job, and `fetch`, its first step."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from stockcast.cli.console import deliver, error_lines, worst
from stockcast.cli.options import Common, argument, command, given
from stockcast.cli.sources import SourceResults, Together, expanded, run_each, run_together
from stockcast.config import FetchConfig, ReadOptions
from stockcast.config.jobs import RAY, JobsConfig
from stockcast.config.settings import options_of, part, setting
from stockcast.errors import ConfigError, Failure, StockcastError, UsageError

if TYPE_CHECKING:
    from stockcast.config.runs import RunConfig
    from stockcast.pipeline.running import Run
    from stockcast.results import FetchResult, RunResult, TickerPlan, TickerRun
    from stockcast.storage.outputs import RunLog

DEFAULT = Path("stockcast.toml")


@dataclass(frozen=True)
class RunFile:
    """Which configuration file."""

    config: Path | None = setting(None, "What to run", shown="stockcast.toml here or in the home folder")

    def found(self, home: Path) -> Path | None:
        """The file that was named, or the first that is there; None where none is."""
        return self.config or next((path for path in (DEFAULT, home / DEFAULT) if os.path.exists(path)), None)


@dataclass(frozen=True)
class RunOrder:
    """What `run` takes besides its file."""

    write_config: bool = setting(False, "Write a commented configuration file, and leave")
    wait: float = setting(0.0, "How long to wait for another run to end", metavar="SECONDS")
    dry_run: bool = setting(False, "Say what is due, and leave")
    jobs: JobsConfig = part(JobsConfig, jobs={"shown": "as the configuration says, else all cores"})


@command()
def run(
    context: typer.Context,
    file: RunFile,
    order: RunOrder,
    common: Common,
    tickers: Annotated[
        list[str] | None, argument("[TICKER...]", "These tickers alone, instead of the configuration's.")
    ] = None,
) -> None:
    """Do everything that is due."""
    if order.write_config:
        _write(file.config or DEFAULT, tickers or [], common)
        return
    if order.wait < 0:
        raise UsageError(f"--wait {order.wait:g} is negative", "give seconds")
    from stockcast.config.runfile import load_run_config

    wanted = load_run_config(file.found(common.home) or DEFAULT)
    wanted = replace(wanted, jobs=_overruled(wanted.jobs, order.jobs, given(context)))
    names = _selected(tickers) if tickers else wanted.tickers
    if order.dry_run:
        _plan(wanted, names, common)
    done, result, failures = _run(wanted, names, order.wait, common)
    from stockcast.report.live import run_text

    written = result.written if result else ()
    deliver(
        "run",
        common,
        failures,
        lambda: result or {"tickers": done.results, "written": []},
        (lambda page: run_text(done.results, written, page)) if done.results else None,
    )


def _plan(config: RunConfig, names: tuple[str, ...], common: Common) -> NoReturn:
    from stockcast import pipeline
    from stockcast.cli.progress import Notes
    from stockcast.engine.choosing import planned_jobs
    from stockcast.engine.local import WORKER_MEMORY
    from stockcast.report.live import plans_text
    from stockcast.report.work import work_words

    def planned(name: str) -> TickerPlan:
        return pipeline.plan_run(config, common.home, name, Notes(common.console, name))

    done = run_each(names, planned, common, saves=False)
    due = [plan for plan in done.results if plan.training is not None]
    known = [plan.seconds for plan in due if plan.seconds is not None]
    words = work_words(len(due), sum(known), planned_jobs(config.jobs), WORKER_MEMORY) if due else "No training is due."
    if len(known) < len(due):
        words += f" The time of {len(due) - len(known)} is not in it, whose prices are still to be fetched."
    text = (lambda page: plans_text(done.results, words, page)) if done.results else None
    deliver("run", common, done.failures, lambda: {"planned": done.results}, text)


def _overruled(jobs: JobsConfig, said: JobsConfig, stands: Callable[[str], bool]) -> JobsConfig:
    """The jobs of the configuration, where the command line does not say otherwise."""
    if stands("engine"):
        address = said.address or (jobs.address if said.engine == RAY else None)
        jobs = replace(jobs, engine=said.engine, address=address)
    return jobs if said.jobs is None else replace(jobs, jobs=said.jobs)


def _selected(words: list[str]) -> tuple[str, ...]:
    from stockcast.config.sources import distinct, ticker

    return distinct(ticker(word) for word in expanded(words))


def _run(
    config: RunConfig, names: tuple[str, ...], wait: float, common: Common
) -> tuple[SourceResults[TickerRun], RunResult | None, list[Failure]]:
    from stockcast import pipeline
    from stockcast.storage.outputs import RunLog

    with RunLog(common.home / "logs", warn=common.console.say) as log:
        try:
            with pipeline.run(config, common.home, wait) as work:
                return _worked(work, names, common, log)
        except StockcastError as error:
            log.error(error.message)
            raise


def _worked(
    work: Run, names: tuple[str, ...], common: Common, log: RunLog
) -> tuple[SourceResults[TickerRun], RunResult | None, list[Failure]]:
    from stockcast.cli.progress import Counter
    from stockcast.engine.choosing import engine_of
    from stockcast.engine.pieces import Task
    from stockcast.pipeline.running import AHEAD

    log.info(f"run of {len(names)} tickers begins")
    counter = Counter(common.console, "run", len(names), log.info)
    with engine_of(work.config.jobs) as engine:
        if engine is None:
            one = counter.counted(lambda name: work.ticker(name, counter.watching(name)))
            with counter:
                done = run_each(names, one, common, saves=True)
        else:
            watches = {name: counter.watching(name) for name in names}
            tasks = [Task(partial(work.steps, name, watch), watch) for name, watch in watches.items()]
            done = run_together(names, tasks, engine, common, counter, Together(saves=True, ahead=AHEAD, in_order=True))
    failures, result = list(done.failures), None
    if not done.interrupted:
        try:
            result = work.finish(counter.watching("run"))
        except StockcastError as error:
            failures.append(Failure("", error))
    _log(log, done, failures)
    return done, result, failures


def _log(log: RunLog, done: SourceResults[TickerRun], failures: list[Failure]) -> None:
    from stockcast.report.live import missed_words

    for ticker in done.results:
        if ticker.missed:
            log.warning(missed_words(ticker.ticker, ticker.missed))
    for failure in failures:
        log.error(error_lines(failure).replace("\n", ";"))
    new = sum(ticker.new for ticker in done.results)
    log.info(f"run ends: {new} forecasts recorded, {len(failures)} failures, exit code {worst(failures)}")


def _write(target: Path, tickers: list[str], common: Common) -> None:
    from stockcast.config.runs import config_text
    from stockcast.storage.files import is_within, write_atomic

    if os.path.exists(target):
        raise ConfigError(f"{target} exists already", "name another with --config FILE, or delete it first")
    write_atomic(target, config_text(tuple(tickers)), private=is_within(target, common.home))
    if not common.as_json:
        common.console.say(f"{target} written: name your tickers in it, then stockcast run")
    deliver("run", common, (), lambda: {"written": str(target)})


_OF_FILES: dict[str, dict[str, str]] = {
    option.name: {"flag": ""} for option in options_of(ReadOptions) if option.name != "no_events"
}


@command(allow_stale={"flag": ""}, timeout={"default": 600.0}, pause={}, **_OF_FILES)
def fetch(
    sources: Annotated[list[str], argument("TICKER...", "Tickers (AAPL, ^GSPC, BRK-B), or @FILE with one a line.")],
    read: ReadOptions,
    fetching: FetchConfig,
    common: Common,
) -> None:
    """Fetch prices of tickers, and the dates of their reports, into the store."""
    from stockcast import pipeline
    from stockcast.cli.progress import Counter

    wanted = _tickers(sources)
    with Counter(common.console, "fetching", len(wanted)) as counter:
        one: Callable[[str], FetchResult] = pipeline.fetch(wanted, common.home, fetching, counter.watching, read)
        fetched = run_each(wanted, counter.counted(one), common, saves=True)
    from stockcast.report.live import fetches_text

    text = (lambda page: fetches_text(fetched.results, page)) if fetched.results else None
    deliver("fetch", common, fetched.failures, lambda: fetched.results, text)


def _tickers(words: list[str]) -> list[str]:
    from stockcast.prices.csvfile.content import looks_like_path

    found = expanded(words)
    for word in found:
        if looks_like_path(word):
            raise UsageError(
                f"{word} is a file, and fetch is for tickers", "name a ticker, or @FILE for a list of them"
            )
    return found
