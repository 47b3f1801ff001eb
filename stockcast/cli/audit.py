"""`stockcast audit`: prove on a user's own prices that no forecast looks ahead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from stockcast.cli import console, covariateoptions, fetchoptions, options, trainoptions
from stockcast.cli.sources import SourceResults, label, refuse_shared, run_each, worst
from stockcast.config import NetworkConfig, SplitConfig, TrainConfig, TrainingConfig
from stockcast.config.models import AUDITING, SCRATCH
from stockcast.config.sources import FetchConfig
from stockcast.errors import AuditFailed, Failure

if TYPE_CHECKING:
    from stockcast.results import AuditResult

HORIZON = 3
"""Sessions ahead that an audit forecasts: simulated paths need several."""


def audit(
    ctx: typer.Context,
    sources: options.Sources,
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
    horizon: trainoptions.Horizon = HORIZON,
    hidden_size: trainoptions.HiddenSize = NetworkConfig.hidden_size,
    layers: trainoptions.Layers = NetworkConfig.layers,
    dropout: trainoptions.Dropout = NetworkConfig.dropout,
    init: trainoptions.Init = None,
    seeds: trainoptions.AuditSeeds = TrainingConfig.seeds,
    seed: trainoptions.Seed = TrainingConfig.seed,
    learning_rate: trainoptions.LearningRate = TrainingConfig.learning_rate,
    weight_decay: trainoptions.WeightDecay = TrainingConfig.weight_decay,
    batch_size: trainoptions.BatchSize = TrainingConfig.batch_size,
    steps: trainoptions.Steps = None,
    epochs: trainoptions.Epochs = None,
    supervision: trainoptions.Supervision = TrainingConfig.supervision,
    offline: fetchoptions.Offline = False,
    max_age: fetchoptions.MaxAge = FetchConfig.max_age,
    allow_stale: fetchoptions.AllowStale = False,
    timeout: fetchoptions.Timeout = FetchConfig.timeout,
    home: options.Home = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Change the future and demand the same forecasts: fits and forecasts must not differ by a byte.

    Looks at what train does: the tuning of the general model, or one member from scratch for at most 40 steps unless
    --seeds, --steps or --epochs say otherwise. Saves no model.
    """
    common = options.common(home, as_json, quiet, verbose)
    sources = fetchoptions.tickers(sources)
    refuse_shared("--ticker", ticker, sources)
    network = NetworkConfig(cell=cell, hidden_size=hidden_size, layers=layers, dropout=dropout, lookback=lookback)
    learning = trainoptions.learning(seeds, seed, learning_rate, weight_decay, batch_size, steps, epochs, supervision)
    if init == SCRATCH or network != NetworkConfig() or learning != TrainingConfig(seed=seed):
        learning = _quick(learning, options.given(ctx))
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
    fetch_session = fetchoptions.shared(fetching, sources)

    def one(source: str) -> AuditResult:
        from stockcast import pipeline
        from stockcast.cli.progress import watch

        with watch(common.console, label(source, ticker)) as progress:
            fetched = covariateoptions.fetch_session_for(source, config.covariates, fetch_session)
            return pipeline.audit(source, columns.reading(start, end), config, common.home, progress, fetched)

    _deliver(run_each(sources, one, common, saves=False), common)


def _quick(training: TrainingConfig, given: Callable[[str], bool]) -> TrainingConfig:
    """The settings of an audit in the place of those that were not given."""
    if not given("seeds"):
        training = replace(training, seeds=AUDITING.seeds)
    return training if given("steps") or given("epochs") else replace(training, steps=AUDITING.steps)


def _deliver(audited: SourceResults[AuditResult], common: options.Common) -> None:

    found = [
        Failure(result.ticker, AuditFailed(result.verdict, "do not trust its forecasts; the table says what differs"))
        for result in audited.results
        if result.failed
    ]
    failures = [*audited.failures, *found]
    console.errors(failures)
    if common.as_json:
        from stockcast.report.data import envelope

        console.answer(envelope("audit", audited.results, failures))
    elif audited.results:
        from stockcast.report.checks import audits_text

        console.answer(audits_text(audited.results, console.stdout_page()))
    raise typer.Exit(worst(failures))
