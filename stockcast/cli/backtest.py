"""`stockcast backtest`: walk forward over the past, every fold fitted anew, beside every baseline."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from stockcast.cli import backtestoptions, console, covariateoptions, fetchoptions, options, trainoptions
from stockcast.cli.failures import InterruptedRun
from stockcast.cli.sources import SourceResults, label, refuse_shared, run_each, worst
from stockcast.config import NetworkConfig, TrainingConfig
from stockcast.config.backtests import BacktestConfig, FoldConfig
from stockcast.config.sources import FetchConfig
from stockcast.errors import Failure, StockcastError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stockcast.evaluation.verdict import BacktestResult, FoldSummary
    from stockcast.pipeline import PretrainedBacktest
    from stockcast.results import SkillTable


def backtest(
    context: typer.Context,
    sources: options.Sources,
    model: backtestoptions.Model = None,
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
    dry_run: backtestoptions.DryRun = False,
    offline: fetchoptions.Offline = False,
    max_age: fetchoptions.MaxAge = FetchConfig.max_age,
    allow_stale: fetchoptions.AllowStale = False,
    timeout: fetchoptions.Timeout = FetchConfig.timeout,
    output: trainoptions.Output = None,
    table: backtestoptions.Table = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Walk forward over the past: refit, forecast, and score every competitor on the same sessions."""
    common = options.common(home, as_json, quiet, verbose)
    sources = fetchoptions.tickers(sources)
    refuse_shared("--ticker", ticker, sources)
    if model is not None:
        backtestoptions.refuse_of_network(context)
        if exchange is not None:
            raise UsageError(
                "--exchange and --model contradict each other: a saved model has its own", "leave one of them out"
            )
    _check_output(output)
    _check_table(table)
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
        exchange=exchange,
    )
    fetching = FetchConfig(offline=offline, max_age=max_age, allow_stale=allow_stale, timeout=timeout)
    fetch_session = fetchoptions.shared(fetching, sources)
    columns = options.Columns(ticker, date_column, close_column, date_format)

    @cache
    def pretrained(name: str) -> PretrainedBacktest:
        from stockcast import pipeline

        session = pipeline.FetchSession(fetching, many=len(sources) > 1)
        prices = pipeline.PriceSource(common.home, columns.reading(start, end), session)
        return pipeline.PretrainedBacktest(name, pipeline.MarketSource(prices, sources))

    def folds(source: str) -> tuple[str, tuple[FoldSummary, ...]]:
        from stockcast import pipeline

        if model is not None:
            return label(source, ticker), pipeline.plan_pretrained(source, pretrained(model), config)
        return label(source, ticker), pipeline.plan(
            source, columns.reading(start, end), config, common.home, fetch_session(source)
        )

    def one(source: str) -> BacktestResult:
        from stockcast import pipeline
        from stockcast.cli.progress import watch

        with watch(common.console, label(source, ticker)) as progress:
            if model is not None:
                return pipeline.backtest_pretrained(source, pretrained(model), config, progress, True)
            fetched = covariateoptions.fetch_session_for(source, config.covariates, fetch_session)
            return pipeline.backtest(source, columns.reading(start, end), config, common.home, progress, True, fetched)

    if dry_run:
        _draw(run_each(sources, folds, common, saves=False), common)
    _deliver(run_each(sources, one, common, saves=False), common, _Files(output, table))


def _draw(planned: SourceResults[tuple[str, tuple[FoldSummary, ...]]], common: options.Common) -> None:
    """Show the folds and leave."""
    console.errors(planned.failures)
    if common.as_json:
        from stockcast.report.data import envelope, plain

        data = [{"ticker": name, "folds": plain(folds)} for name, folds in planned.results]
        console.answer(envelope("backtest", data, planned.failures))
    elif planned.results:
        from stockcast.report.backtest import folds_text

        console.answer(folds_text(planned.results, console.stdout_page()))
    raise typer.Exit(planned.exit_code)


def _check_output(output: Path | None) -> None:
    options.check_writable(output)
    if output is not None:
        from stockcast.storage.outputs import require_table_suffix

        require_table_suffix(output)


@dataclass(frozen=True)
class _Files:
    """Where the forecasts and the table go; None: nowhere."""

    output: Path | None
    table: Path | None


def _deliver(tested: SourceResults[BacktestResult], common: options.Common, files: _Files) -> None:
    summary = skill = None
    if tested.results:
        from stockcast import pipeline

        summary = pipeline.pooled(tested.results)
        skill = pipeline.skill_table(summary)
    failures = [*_told(tested.failures), *_save(tested, skill, common, files)]
    console.errors(failures)
    if common.as_json:
        from stockcast.report.data import backtest_data, envelope

        console.answer(envelope("backtest", backtest_data(summary) if summary else [], failures))
    elif summary and skill:
        from stockcast.report.backtest import backtest_text

        console.answer(backtest_text(summary, skill, console.stdout_page()))
    raise typer.Exit(worst(failures))


def _check_table(table: Path | None) -> None:
    options.check_writable(table, "--table")
    if table is not None:
        from stockcast.report.papers import require_suffix

        require_suffix(table.name)


def _told(failures: Sequence[Failure]) -> list[Failure]:
    """The failures, with what Ctrl-C leaves behind: here, unlike in a training, the folds that were finished."""
    kept = "interrupted; finished folds are kept"
    hint = "the same command goes on from there"
    return [
        replace(failure, error=InterruptedRun(kept, hint)) if isinstance(failure.error, InterruptedRun) else failure
        for failure in failures
    ]


def _save(
    tested: SourceResults[BacktestResult], skill: SkillTable | None, common: options.Common, files: _Files
) -> list[Failure]:
    """Write what was asked for. What cannot be written is told, and the answer is still printed."""
    if skill is None:
        return []
    from stockcast import pipeline

    failures = []
    if files.output is not None:
        try:
            pipeline.save_forecasts(files.output, [rows for result in tested.results for rows in result.rows])
            common.console.say(f"forecasts saved in {files.output}")
        except StockcastError as error:
            failures.append(Failure("", error))
    if files.table is not None:
        from stockcast.report.papers import skill_table_text

        try:
            pipeline.save_files({files.table: skill_table_text(skill, files.table.suffix)})
            common.console.say(f"table saved in {files.table}")
        except StockcastError as error:
            failures.append(Failure("", error))
    return failures
