"""`stockcast train`: a model from each source, scored against the baselines, and its next forecast."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from stockcast.cli import console, covariateoptions, fetchoptions, options, pooloptions, trainoptions
from stockcast.cli.pool import PoolOrder, train_pool
from stockcast.cli.sources import SourceResults, label, refuse_shared, run_each, worst
from stockcast.config import NetworkConfig, SplitConfig, TrainConfig, TrainingConfig
from stockcast.config.sources import FetchConfig
from stockcast.errors import Failure, StockcastError

if TYPE_CHECKING:
    from stockcast.results import TrainResult


def train(
    ctx: typer.Context,
    sources: options.Sources,
    pool: pooloptions.Together = False,
    start: trainoptions.Start = None,
    end: trainoptions.End = None,
    exchange: trainoptions.Exchange = None,
    with_: covariateoptions.With = None,
    known_ahead: covariateoptions.KnownAhead = None,
    ticker: options.Ticker = None,
    date_column: options.DateColumn = None,
    close_column: options.CloseColumn = None,
    date_format: options.DateFormat = None,
    validate_from: trainoptions.ValidateFrom = None,
    test_from: trainoptions.TestFrom = None,
    cell: trainoptions.Cell = NetworkConfig.cell,
    lookback: trainoptions.Lookback = NetworkConfig.lookback,
    horizon: trainoptions.Horizon = TrainConfig.horizon,
    hidden_size: pooloptions.HiddenSize = NetworkConfig.hidden_size,
    layers: trainoptions.Layers = NetworkConfig.layers,
    dropout: pooloptions.Dropout = NetworkConfig.dropout,
    init: trainoptions.Init = None,
    seeds: pooloptions.Seeds = TrainingConfig.seeds,
    seed: trainoptions.Seed = TrainingConfig.seed,
    learning_rate: trainoptions.LearningRate = TrainingConfig.learning_rate,
    weight_decay: pooloptions.WeightDecay = TrainingConfig.weight_decay,
    batch_size: pooloptions.BatchSize = TrainingConfig.batch_size,
    steps: pooloptions.Steps = None,
    epochs: trainoptions.Epochs = None,
    supervision: trainoptions.Supervision = TrainingConfig.supervision,
    device: trainoptions.Device = TrainingConfig.device,
    final_fit: trainoptions.FinalFit = TrainingConfig.final_fit,
    offline: fetchoptions.Offline = False,
    max_age: fetchoptions.MaxAge = FetchConfig.max_age,
    allow_stale: fetchoptions.AllowStale = False,
    timeout: fetchoptions.Timeout = FetchConfig.timeout,
    name: pooloptions.Name = None,
    output: trainoptions.Output = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Train a model on prices, score it against the baselines, save it, and forecast the next session."""
    common = options.common(home, as_json, quiet, verbose)
    sources = fetchoptions.tickers(sources)
    refuse_shared("--ticker", ticker, sources)
    _check_output(output)
    network = NetworkConfig(cell=cell, hidden_size=hidden_size, layers=layers, dropout=dropout, lookback=lookback)
    learning = trainoptions.learning(
        seeds, seed, learning_rate, weight_decay, batch_size, steps, epochs, supervision, device, final_fit
    )
    if pool:
        network, learning = pooloptions.pooled(network, learning, options.given(ctx))
    config = TrainConfig(
        network=network,
        training=learning,
        split=SplitConfig(validate_from=validate_from, test_from=test_from),
        horizon=horizon,
        exchange=exchange,
        init=init,
        covariates=covariateoptions.covariates(with_, known_ahead),
    )
    fetching = FetchConfig(offline=offline, max_age=max_age, allow_stale=allow_stale, timeout=timeout)
    columns = options.Columns(ticker, date_column, close_column, date_format)
    if pool:
        name = pooloptions.require_name(name)
        train_pool(PoolOrder(sources, name, columns, start, end, fetching, output), config, common)
    refuse_shared("--name", name, sources, "; --pool makes one model of all")
    rows = output is not None
    fetch_session = fetchoptions.shared(fetching, sources)

    def one(source: str) -> TrainResult:
        from stockcast import pipeline
        from stockcast.cli.progress import watch

        read = columns.reading(start, end)
        with watch(common.console, label(source, ticker)) as progress:
            fetched = covariateoptions.fetch_session_for(source, config.covariates, fetch_session)
            return pipeline.train(source, read, config, common.home, name, progress, rows, fetched)

    _deliver(run_each(sources, one, common, saves=True), common, output)


def _check_output(output: Path | None) -> None:
    options.check_writable(output)
    if output is not None:
        from stockcast.storage.outputs import require_table_suffix

        require_table_suffix(output)


def _deliver(trained: SourceResults[TrainResult], common: options.Common, output: Path | None) -> None:
    failures = [*trained.failures, *_save(trained, common, output)]
    console.errors(failures)
    if common.as_json:
        from stockcast.report.data import envelope, train_data

        console.answer(envelope("train", train_data(trained.results), failures))
    elif trained.results:
        from stockcast.report.training import trainings_text

        console.answer(trainings_text(trained.results, console.stdout_page()))
    raise typer.Exit(worst(failures))


def _save(trained: SourceResults[TrainResult], common: options.Common, output: Path | None) -> list[Failure]:
    if output is None or not trained.results:
        return []
    from stockcast import pipeline

    try:
        pipeline.save_rows(output, trained.results)
    except StockcastError as error:
        return [Failure("", error)]
    common.console.say(f"test forecasts saved in {output}")
    return []
