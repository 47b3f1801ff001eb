"""`stockcast run`: the cron job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stockcast.cli import console, options
from stockcast.cli.coercion import decimal, path, text
from stockcast.cli.options import OUTPUT
from stockcast.cli.sources import SourceResults, run_each, worst
from stockcast.errors import ConfigError, StockcastError, UsageError

if TYPE_CHECKING:
    from stockcast.config.runs import RunConfig
    from stockcast.errors import Failure
    from stockcast.pipeline.running import Run
    from stockcast.results import RunResult, TickerRun
    from stockcast.storage.outputs import RunLog

DEFAULT = Path("stockcast.toml")

Only = Annotated[
    list[str] | None,
    typer.Argument(parser=text, metavar="[TICKER...]", help="These tickers alone, instead of the configuration's."),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        parser=path,
        metavar="FILE",
        help="What to run",
        show_default="stockcast.toml here or in the home folder",
        rich_help_panel=OUTPUT,
    ),
]
WriteConfig = Annotated[
    bool,
    typer.Option("--write-config", help="Write a commented configuration file, and leave", rich_help_panel=OUTPUT),
]
Wait = Annotated[
    float,
    typer.Option(
        "--wait",
        parser=decimal,
        metavar="SECONDS",
        help="How long to wait for another run to end",
        rich_help_panel=OUTPUT,
    ),
]


def run(
    tickers: Only = None,
    config: Config = None,
    write_config: WriteConfig = False,
    wait: Wait = 0.0,
    home: options.Home = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Do everything that is due, for cron: fetch, settle, retrain, forecast, record."""
    common = options.common(home, as_json, quiet, verbose)
    if write_config:
        _write(config or DEFAULT, tickers or [], common)
        return
    if wait < 0:
        raise UsageError(f"--wait {wait:g} is negative", "give seconds")
    wanted = _configuration(config, common.home)
    chosen = _chosen(tickers) if tickers else wanted.tickers
    _deliver(*_run(wanted, chosen, wait, common), common)


def _configuration(config: Path | None, home: Path) -> RunConfig:
    from stockcast.config.runfile import load_run_config

    found = next((path for path in (DEFAULT, home / DEFAULT) if path.exists()), DEFAULT) if config is None else config
    return load_run_config(found)


def _chosen(words: list[str]) -> tuple[str, ...]:
    from stockcast.cli.fetchoptions import tickers as listed
    from stockcast.config.sources import distinct, ticker

    return distinct(ticker(word) for word in listed(words))


def _run(
    config: RunConfig, chosen: tuple[str, ...], wait: float, common: options.Common
) -> tuple[SourceResults[TickerRun], RunResult | None, list[Failure]]:
    from stockcast import pipeline
    from stockcast.storage.outputs import RunLog

    with RunLog(common.home / "logs", warn=common.console.say) as log:
        try:
            with pipeline.run(config, common.home, wait) as work:
                return _worked(work, chosen, common, log)
        except StockcastError as error:
            log.error(error.message)
            raise


def _worked(
    work: Run, chosen: tuple[str, ...], common: options.Common, log: RunLog
) -> tuple[SourceResults[TickerRun], RunResult | None, list[Failure]]:
    from stockcast.cli.counting import Counter
    from stockcast.errors import Failure

    log.info(f"run of {len(chosen)} tickers begins")
    with Counter(common.console, "run", len(chosen), log.info) as counter:

        def one(ticker: str) -> TickerRun:
            with counter.one():
                return work.ticker(ticker, counter.watching(ticker))

        done = run_each(chosen, one, common, saves=True)
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
        log.error(console.error_lines(failure).replace("\n", ";"))
    new = sum(ticker.new for ticker in done.results)
    log.info(f"run ends: {new} forecasts recorded, {len(failures)} failures, exit code {worst(failures)}")


def _deliver(
    done: SourceResults[TickerRun], result: RunResult | None, failures: list[Failure], common: options.Common
) -> None:
    console.errors(failures)
    if common.as_json:
        from stockcast.report.data import envelope, plain

        data = plain(result) if result else {"tickers": plain(done.results), "written": []}
        console.answer(envelope("run", data, failures))
    elif done.results:
        from stockcast.report.live import run_text

        console.answer(run_text(done.results, result.written if result else (), console.stdout_page()))
    raise typer.Exit(worst(failures))


def _write(target: Path, tickers: list[str], common: options.Common) -> None:
    from stockcast.config.runs import config_text
    from stockcast.storage.files import is_within, write_atomic

    if target.exists():
        raise ConfigError(f"{target} exists already", "name another with --config FILE, or delete it first")
    write_atomic(target, config_text(tuple(tickers)), private=is_within(target, common.home))
    if common.as_json:
        from stockcast.report.data import envelope

        console.answer(envelope("run", {"written": str(target)}, ()))
    else:
        common.console.say(f"{target} written: name your tickers in it, then stockcast run")
