"""`stockcast score`: the live record against what happened, beside the baselines."""

from __future__ import annotations

import typer

from stockcast.cli import console, ledgeroptions, options
from stockcast.errors import Decayed, Failure


def score(
    ticker: ledgeroptions.Ticker = None,
    model: ledgeroptions.Model = None,
    since: ledgeroptions.Since = None,
    fail_on_decay: ledgeroptions.FailOnDecay = False,
    home: options.Home = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Score the forecasts that were made in time against what happened, beside the baselines."""
    from stockcast import pipeline

    common = options.common(home, as_json, quiet, verbose)
    result = pipeline.score(common.home, ticker, since, model)
    failures: tuple[Failure, ...] = ()
    if fail_on_decay and result.decayed:
        alarms = [f"{s.ticker}: {s.alarm}" for s in (*result.scores, *result.pooled) if s.decayed]
        failures = (Failure("", Decayed(f"decayed: {'; '.join(alarms)}", "train again: stockcast train TICKER")),)
        console.errors(failures)
    if as_json:
        from stockcast.report.data import envelope, score_data

        console.answer(envelope("score", score_data(result), failures))
    else:
        from stockcast.report.live import score_text

        console.answer(score_text(result, console.stdout_page()))
    raise typer.Exit(Decayed.exit_code if failures else 0)
