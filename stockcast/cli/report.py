"""`stockcast report`: one HTML page about a source, which opens anywhere and needs nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stockcast.cli import backtestoptions, console, covariateoptions, fetchoptions, options, trainoptions
from stockcast.cli.coercion import path
from stockcast.cli.explain import Source
from stockcast.cli.options import OUTPUT
from stockcast.cli.sources import label, run_each, worst
from stockcast.config import NetworkConfig, TrainingConfig
from stockcast.config.backtests import BacktestConfig, FoldConfig
from stockcast.config.sources import FetchConfig
from stockcast.errors import Failure, StockcastError, UsageError

if TYPE_CHECKING:
    from stockcast.results import Report

Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        parser=path,
        metavar="FILE",
        help="Where the page goes",
        show_default="TICKER.html",
        rich_help_panel=OUTPUT,
    ),
]
Plots = Annotated[
    Path | None,
    typer.Option(
        "--plots", parser=path, metavar="DIR", help="Save each plot as PNG in this folder", rich_help_panel=OUTPUT
    ),
]


def report(
    source: Source,
    start: trainoptions.Start = None,
    end: trainoptions.End = None,
    exchange: trainoptions.Exchange = None,
    with_: covariateoptions.With = None,
    known_ahead: covariateoptions.KnownAhead = None,
    ticker: options.Ticker = None,
    date_column: options.DateColumn = None,
    close_column: options.CloseColumn = None,
    date_format: options.DateFormat = None,
    validate_from: backtestoptions.ValidateFrom = None,
    test_from: backtestoptions.TestFrom = None,
    refit_every: backtestoptions.RefitEvery = "year",
    training: backtestoptions.Training = "expanding",
    embargo: backtestoptions.Embargo = FoldConfig.embargo,
    cell: backtestoptions.Cells = None,
    baseline: backtestoptions.Baselines = None,
    lookback: trainoptions.Lookback = NetworkConfig.lookback,
    horizon: backtestoptions.Horizon = BacktestConfig.horizon,
    paths: backtestoptions.Paths = BacktestConfig.paths,
    hidden_size: trainoptions.HiddenSize = NetworkConfig.hidden_size,
    layers: trainoptions.Layers = NetworkConfig.layers,
    dropout: trainoptions.Dropout = NetworkConfig.dropout,
    seeds: trainoptions.Seeds = TrainingConfig.seeds,
    seed: trainoptions.Seed = TrainingConfig.seed,
    learning_rate: trainoptions.LearningRate = TrainingConfig.learning_rate,
    weight_decay: trainoptions.WeightDecay = TrainingConfig.weight_decay,
    batch_size: trainoptions.BatchSize = TrainingConfig.batch_size,
    steps: trainoptions.Steps = None,
    epochs: trainoptions.Epochs = None,
    supervision: trainoptions.Supervision = TrainingConfig.supervision,
    device: trainoptions.Device = TrainingConfig.device,
    final_fit: backtestoptions.FinalFit = TrainingConfig.final_fit,
    warm_start: backtestoptions.WarmStart = BacktestConfig.warm_start,
    cost: backtestoptions.Cost = BacktestConfig.cost,
    offline: fetchoptions.Offline = False,
    max_age: fetchoptions.MaxAge = FetchConfig.max_age,
    allow_stale: fetchoptions.AllowStale = False,
    timeout: fetchoptions.Timeout = FetchConfig.timeout,
    output: Output = None,
    plots: Plots = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Write one HTML page: verdict, forecast, skill, calibration, folds. It needs no network to open.

    Walks forward as `backtest` does, and takes up the folds that one with the same settings has left.
    """
    common = options.common(home, as_json, quiet, verbose)
    options.check_writable(output)
    if plots is not None and plots.exists() and not plots.is_dir():
        raise UsageError(f"--plots {plots} is no folder", "name a folder")
    config = BacktestConfig(
        cells=tuple(cell or ("lstm",)),
        network=NetworkConfig(hidden_size=hidden_size, layers=layers, dropout=dropout, lookback=lookback),
        training=trainoptions.learning(
            seeds, seed, learning_rate, weight_decay, batch_size, steps, epochs, supervision, device, final_fit
        ),
        folds=backtestoptions.folds(validate_from, test_from, refit_every, training, embargo),
        baselines=tuple(baseline or ()),
        horizon=horizon,
        paths=paths,
        warm_start=warm_start,
        cost=cost,
        covariates=covariateoptions.covariates(with_, known_ahead),
    )
    fetching = FetchConfig(offline=offline, max_age=max_age, allow_stale=allow_stale, timeout=timeout)
    columns = options.Columns(ticker, date_column, close_column, date_format)
    fetch_session = fetchoptions.shared(fetching, [source])

    def one(source: str) -> Report:
        from stockcast import pipeline
        from stockcast.cli.progress import watch

        read = columns.reading(start, end)
        with watch(common.console, label(source, ticker)) as progress:
            fetched = covariateoptions.fetch_session_for(source, config.covariates, fetch_session)
            return pipeline.report(source, read, config, common.home, progress, exchange, fetched)

    made = run_each([source], one, common, saves=False)
    found = made.results[0] if made.results else None
    page = output or (Path(f"{_file_name(found.result.ticker)}.html") if found else None)
    written, unsaved = _save(found, page, plots) if found and page else ((), [])
    failures = [*made.failures, *unsaved]
    console.errors(failures)
    if as_json:
        from stockcast.report.data import envelope, report_data

        console.answer(envelope("report", found and report_data(found, written), failures))
    elif found:
        console.answer(f"{found.result.verdict.sentence}\n")
        for name in written:
            common.console.say(f"saved {name}")
    raise typer.Exit(worst(failures))


def _save(found: Report, page: Path, plots: Path | None) -> tuple[tuple[str, ...], list[Failure]]:
    """Write the page, then the plots. Returns what was written, and what could not be."""
    from stockcast import pipeline
    from stockcast.report.html import report_html, report_plots

    written: list[str] = []
    try:
        pipeline.save_files({page: report_html(found)})
        written.append(str(page))
        if plots is not None:
            pictures = {plots / name: picture for name, picture in report_plots(found).items()}
            pipeline.save_files(pictures)
            written += [str(picture) for picture in pictures]
    except StockcastError as error:
        return tuple(written), [Failure(found.result.ticker, error)]
    return tuple(written), []


def _file_name(ticker: str) -> str:
    """A ticker as a file's name."""
    return ticker.replace("/", "_").replace("\\", "_") or "report"
