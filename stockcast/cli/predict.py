"""`stockcast predict`: the next sessions' prices from saved models."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from stockcast.cli import console, covariateoptions, fetchoptions, options, predictoptions
from stockcast.cli.sources import SourceResults, label, refuse_shared, run_each, worst
from stockcast.config import PredictConfig
from stockcast.config.sources import FetchConfig
from stockcast.errors import Failure, StockcastError, UsageError

if TYPE_CHECKING:
    from stockcast.errors import Failure
    from stockcast.forecasts import Forecast
    from stockcast.pipeline import MarketSource

Form = Literal["json", "csv", "text"]


def predict(
    sources: options.Sources,
    as_of: predictoptions.AsOf = None,
    horizon: predictoptions.Horizon = None,
    model: predictoptions.Model = None,
    paths: predictoptions.Paths = PredictConfig.paths,
    seed: predictoptions.Seed = PredictConfig.seed,
    exchange: predictoptions.Exchange = None,
    with_: covariateoptions.WithAgain = None,
    known_ahead: covariateoptions.KnownAgain = None,
    ticker: options.Ticker = None,
    date_column: options.DateColumn = None,
    close_column: options.CloseColumn = None,
    date_format: options.DateFormat = None,
    offline: fetchoptions.Offline = False,
    max_age: fetchoptions.MaxAge = FetchConfig.max_age,
    allow_stale: fetchoptions.AllowStale = False,
    timeout: fetchoptions.Timeout = FetchConfig.timeout,
    calibrate: fetchoptions.Calibrate = True,
    record: fetchoptions.Record = True,
    check: predictoptions.Check = False,
    as_csv: predictoptions.AsCsv = False,
    output: predictoptions.Output = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Forecast the next sessions' prices with saved models."""
    common = options.common(home, as_json, quiet, verbose)
    sources = fetchoptions.tickers(sources)
    refuse_shared("--ticker", ticker, sources)
    options.check_writable(output)
    if as_json and as_csv:
        raise UsageError("--json and --csv contradict each other", "give one of them")
    config = PredictConfig(
        as_of=as_of, model=model, horizon=horizon, paths=paths, seed=seed, calibrate=calibrate, record=record
    )
    fetching = FetchConfig(offline=offline, max_age=max_age, allow_stale=allow_stale, timeout=timeout)
    columns = options.Columns(ticker, date_column, close_column, date_format)

    beside = covariateoptions.covariates(with_, known_ahead)

    @cache
    def markets() -> MarketSource:
        from stockcast import pipeline

        session = pipeline.FetchSession(fetching, many=len(sources) > 1)
        return pipeline.MarketSource(pipeline.PriceSource(common.home, columns.reading(), session), sources)

    def one(source: str) -> tuple[Forecast, ...]:
        from stockcast import pipeline
        from stockcast.cli.progress import watch

        with watch(common.console, label(source, ticker), bar=False) as progress:
            forecasts = pipeline.predict_with(markets(), source, config, progress, exchange, beside)
            return pipeline.checked(markets(), source, forecasts, progress, beside) if check else forecasts

    _deliver(run_each(sources, one, common, saves=False), common, _form(as_json, as_csv, output), output)


def _form(as_json: bool, as_csv: bool, output: Path | None) -> Form:
    suffix = output.suffix.lower() if output is not None and not (as_json or as_csv) else ""
    if as_json or suffix == ".json":
        return "json"
    return "csv" if as_csv or suffix == ".csv" else "text"


def _deliver(
    predicted: SourceResults[tuple[Forecast, ...]], common: options.Common, form: Form, output: Path | None
) -> None:
    forecasts = tuple(forecast for steps in predicted.results for forecast in steps)
    failures = list(predicted.failures)
    if output is not None and forecasts and not predicted.interrupted:
        failures += _save(forecasts, failures, common, form, output)
    console.errors(failures)
    if common.as_json or (forecasts and output is None):
        console.answer(_rendered(forecasts, failures, form))
    raise typer.Exit(worst(failures))


def _save(
    forecasts: tuple[Forecast, ...], failures: list[Failure], common: options.Common, form: Form, output: Path
) -> list[Failure]:
    from stockcast.storage.files import write_atomic

    try:
        write_atomic(output, _rendered(forecasts, failures, form, in_file=True).encode())
    except StockcastError as error:
        return [Failure("", error)]
    common.console.say(f"forecasts written to {output}")
    return []


def _rendered(forecasts: tuple[Forecast, ...], failures: list[Failure], form: Form, in_file: bool = False) -> str:
    if form == "json":
        from stockcast.report.data import envelope

        return envelope("predict", forecasts, failures)
    if form == "csv":
        from stockcast.report.data import forecasts_csv

        return forecasts_csv(forecasts)
    from stockcast.report.forecast import forecasts_text

    return forecasts_text(forecasts, console.file_page() if in_file else console.stdout_page())
