"""`stockcast backtest`: walk forward over the past, every fold fitted anew, beside every baseline."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from stockcast.cli import backtestoptions, console, fetchoptions, options, trainoptions
from stockcast.cli.failures import InterruptedRun
from stockcast.cli.sources import Harvest, harvest, label, refuse_shared, worst
from stockcast.config import NetworkConfig, TrainingConfig
from stockcast.config.backtests import BacktestConfig, FoldConfig
from stockcast.config.fetching import FetchConfig
from stockcast.errors import StockcastError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stockcast.results.backtests import BacktestResult, FoldSummary
    from stockcast.results.failures import Failure


def backtest(
    sources: options.Sources,
    start: trainoptions.Start = None,
    end: trainoptions.End = None,
    ticker: options.Ticker = None,
    date_column: options.DateColumn = None,
    close_column: options.CloseColumn = None,
    date_format: options.DateFormat = None,
    test_from: backtestoptions.TestFrom = None,
    refit_every: backtestoptions.RefitEvery = "year",
    training: backtestoptions.Training = "expanding",
    embargo: backtestoptions.Embargo = FoldConfig.embargo,
    cell: backtestoptions.Cells = None,
    baseline: backtestoptions.Baselines = None,
    lookback: trainoptions.Lookback = NetworkConfig.lookback,
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
    cost: backtestoptions.Cost = BacktestConfig.cost,
    dry_run: backtestoptions.DryRun = False,
    offline: fetchoptions.Offline = False,
    max_age: fetchoptions.MaxAge = FetchConfig.max_age,
    allow_stale: fetchoptions.AllowStale = False,
    timeout: fetchoptions.Timeout = FetchConfig.timeout,
    output: trainoptions.Output = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Walk forward over the past: refit, forecast, and score every competitor on the same sessions."""
    common = options.common(home, as_json, quiet, verbose)
    sources = fetchoptions.tickers(sources)
    refuse_shared("--ticker", ticker, sources)
    _check_output(output)
    if steps is not None and epochs is not None:
        raise UsageError("--steps and --epochs both say how long to train", "give one of them")
    config = BacktestConfig(
        cells=tuple(cell or ("lstm",)),
        network=NetworkConfig(hidden_size=hidden_size, layers=layers, dropout=dropout, lookback=lookback),
        training=TrainingConfig(
            seeds=seeds,
            seed=seed,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            batch_size=batch_size,
            steps=steps,
            epochs=epochs,
            supervision=supervision,
            device=device,
            final_fit=final_fit,
        ),
        folds=FoldConfig(
            test_from=test_from,
            refit_every=backtestoptions.refit_every(refit_every),
            window=backtestoptions.training_window(training),
            embargo=embargo,
        ),
        baselines=tuple(baseline or ()),
        cost=cost,
    )
    fetching = FetchConfig(offline=offline, max_age=max_age, allow_stale=allow_stale, timeout=timeout)
    waiting = fetchoptions.shared(fetching, sources)
    columns = options.Columns(ticker, date_column, close_column, date_format)

    def folds(source: str) -> tuple[str, tuple[FoldSummary, ...]]:
        from stockcast import pipeline

        return label(source, ticker), pipeline.plan(
            source, columns.reading(start, end), config, common.home, waiting(source)
        )

    def one(source: str) -> BacktestResult:
        from stockcast import pipeline
        from stockcast.cli.progress import watch

        with watch(common.console, label(source, ticker)) as progress:
            return pipeline.backtest(
                source, columns.reading(start, end), config, common.home, progress, True, waiting(source)
            )

    if dry_run:
        _draw(harvest(sources, folds, common, saves=False), common)
    _deliver(harvest(sources, one, common, saves=False), common, output)


def _draw(planned: Harvest[tuple[str, tuple[FoldSummary, ...]]], common: options.Common) -> None:
    """Show the folds and leave."""
    console.errors(planned.failures)
    if common.as_json:
        from stockcast.report.asjson import envelope, plain

        data = [{"ticker": name, "folds": plain(folds)} for name, folds in planned.results]
        console.answer(envelope("backtest", data, planned.failures))
    elif planned.results:
        from stockcast.report.backtest import folds_text

        console.answer(folds_text(planned.results, console.stdout_page()))
    raise typer.Exit(planned.exit_code)


def _check_output(output: Path | None) -> None:
    options.check_writable(output)
    if output is not None:
        from stockcast.storage.forecastrows import require_suffix

        require_suffix(output)


def _deliver(tested: Harvest[BacktestResult], common: options.Common, output: Path | None) -> None:
    failures = [*_told(tested.failures), *_save(tested, common, output)]
    console.errors(failures)
    if tested.results:
        from stockcast import pipeline

        summary = pipeline.pooled(tested.results)
    if common.as_json:
        from stockcast.report.asjson import envelope
        from stockcast.report.backtest import backtest_data

        console.answer(envelope("backtest", backtest_data(summary) if tested.results else [], failures))
    elif tested.results:
        from stockcast.report.backtest import backtest_text

        console.answer(backtest_text(summary, console.stdout_page()))
    raise typer.Exit(worst(failures))


def _told(failures: Sequence[Failure]) -> list[Failure]:
    """The failures, with what Ctrl-C leaves behind: here, unlike in a training, the folds that were finished."""
    kept = "interrupted; finished folds are kept"
    hint = "the same command goes on from there"
    return [
        replace(failure, error=InterruptedRun(kept, hint)) if isinstance(failure.error, InterruptedRun) else failure
        for failure in failures
    ]


def _save(tested: Harvest[BacktestResult], common: options.Common, output: Path | None) -> list[Failure]:
    if output is None or not tested.results:
        return []
    from stockcast import pipeline
    from stockcast.results.failures import Failure

    try:
        pipeline.save_forecasts(output, [rows for result in tested.results for rows in result.rows])
    except StockcastError as error:
        return [Failure("", error)]
    common.console.say(f"forecasts saved in {output}")
    return []
