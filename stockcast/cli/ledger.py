"""`stockcast ledger`: every recorded forecast, listed and exported."""

from __future__ import annotations

from pathlib import Path

import typer

from stockcast.cli import console, ledgeroptions, options
from stockcast.cli.group import Group
from stockcast.errors import UsageError

app = typer.Typer(cls=Group, help="List and export the recorded forecasts.", add_completion=False)

_SUFFIXES = (".csv", ".jsonl")


@app.callback(invoke_without_command=True)
def ledger(ctx: typer.Context) -> None:
    """List and export the recorded forecasts."""
    if ctx.invoked_subcommand is None:
        console.answer(ctx.get_help())
        raise typer.Exit(2)


@app.command("list")
def list_(
    ticker: ledgeroptions.Ticker = None,
    model: ledgeroptions.Model = None,
    since: ledgeroptions.Since = None,
    kind: ledgeroptions.Kind = None,
    limit: ledgeroptions.Limit = 20,
    home: options.Home = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """List recorded forecasts, what became of them, and the sessions that were missed."""
    from stockcast import pipeline

    common = options.common(home, as_json, quiet, verbose)
    if limit < 0:
        raise UsageError(f"--limit {limit} is negative", "give a number of forecasts, 0 for all")
    rows, missed = pipeline.ledger(common.home, ticker, model, since, kind)
    shown = rows[-limit:] if limit else rows
    if as_json:
        from stockcast.report.data import envelope, ledger_data

        console.answer(envelope("ledger.list", {"total": len(rows), **ledger_data(shown, missed)}, ()))
        return
    if not rows:
        common.console.say(f"no forecasts on record in {common.home}; stockcast predict TICKER makes one")
    from stockcast.report.live import ledger_text

    console.answer(ledger_text(shown, len(rows), missed, console.stdout_page()))


@app.command()
def export(
    output: ledgeroptions.Output = None,
    ticker: ledgeroptions.Ticker = None,
    model: ledgeroptions.Model = None,
    since: ledgeroptions.Since = None,
    kind: ledgeroptions.Kind = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Write every recorded forecast with its outcome and the baselines' scores, as CSV or JSON lines."""
    from stockcast import pipeline
    from stockcast.report.data import ledger_csv, ledger_data, ledger_jsonl

    common = options.common(home, as_json, quiet, verbose)
    _check(output)
    rows, missed = pipeline.ledger(common.home, ticker, model, since, kind)
    if output is not None:
        from stockcast.storage.files import write_atomic

        write_atomic(output, ledger_jsonl(rows) if output.suffix.lower() == ".jsonl" else ledger_csv(rows))
        common.console.say(f"{len(rows)} forecasts written to {output}")
    if as_json:
        from stockcast.report.data import envelope

        data = ledger_data(rows, missed) if output is None else {"written": str(output), "forecasts": len(rows)}
        console.answer(envelope("ledger.export", data, ()))
    elif output is None:
        console.answer(ledger_csv(rows))


def _check(output: Path | None) -> None:
    options.check_writable(output)
    if output is not None and output.suffix.lower() not in _SUFFIXES:
        raise UsageError(f"--output {output}: the suffix names no format", f"end it in {' or '.join(_SUFFIXES)}")
