"""The Typer app: which commands there are."""

from __future__ import annotations

from typing import Annotated

import typer

from stockcast.cli import (
    audit,
    backtest,
    console,
    doctor,
    explain,
    fetch,
    ledger,
    models,
    predict,
    report,
    run,
    score,
    train,
)
from stockcast.cli.failures import installed_version
from stockcast.cli.group import Group

app = typer.Typer(
    name="stockcast",
    cls=Group,
    rich_markup_mode="rich",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


@app.callback(invoke_without_command=True)
def stockcast(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave")] = False,
) -> None:
    """Forecasts of stock prices as honest distributions, next to the baselines that they have to beat."""
    if version:
        console.answer(f"stockcast {installed_version('stockcast')}\n")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        console.answer(ctx.get_help())
        raise typer.Exit(2)


app.command()(train.train)
app.command()(predict.predict)
app.command()(explain.explain)
app.command()(backtest.backtest)
app.command()(report.report)
app.command()(audit.audit)
app.command()(run.run)
app.command()(score.score)
app.add_typer(ledger.app, name="ledger")
app.command()(fetch.fetch)
app.add_typer(models.app, name="models")
app.command()(doctor.doctor)
