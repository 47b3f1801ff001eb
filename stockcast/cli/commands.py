"""The Typer app: which commands there are. The one that is called is imported, the others are named."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Annotated, NoReturn

import typer

from stockcast.cli import console
from stockcast.cli.group import Group
from stockcast.cli.peek import COMMANDS
from stockcast.versions import VERSION

_HELP = {
    "train": "Train a model on prices, score it against the baselines, save it, and forecast the next session.",
    "predict": "Forecast the next sessions' prices with saved models.",
    "explain": "Show which features and sessions move a saved network's forecast, and what its gates do.",
    "backtest": "Walk forward over the past: refit, forecast, and score every competitor on the same sessions.",
    "report": "Write one HTML page: verdict, forecast, skill, calibration, folds. It needs no network to open.",
    "audit": "Change the future and demand the same forecasts: fits and forecasts must not differ by a byte.",
    "reproduce": "Train a saved model again from its manifest and its prices, and demand the same bytes.",
    "run": "Do everything that is due, for cron: fetch, settle, retrain, forecast, record.",
    "score": "Score the forecasts that were made in time against what happened, beside the baselines.",
    "ledger": "List and export the recorded forecasts.",
    "fetch": "Fetch daily prices of tickers into the store: the missing sessions, or everything where the past was "
    "restated.",
    "models": "List, show, export and remove saved models.",
    "doctor": "Check folder, store, models, calendar, lock, configuration, provider and clock, and say what to mend.",
}


def application(arguments: Iterable[str] | None = None) -> typer.Typer:
    """The app as these arguments need it: where they call one command, the others are no more than names and help.

    None: every command in full. What a command is called with is parsed by Typer; this only looks for the first word.
    """
    words = [word for word in arguments or () if not word.startswith("-")]
    every = arguments is None or (bool(words) and words[0] not in COMMANDS)
    app = _bare()
    for name, says in _HELP.items():
        if every or words[:1] == [name]:
            _add(app, name)
        else:
            app.command(name, help=says)(_not_called)
    return app


def _bare() -> typer.Typer:
    app = typer.Typer(
        name="stockcast",
        cls=Group,
        rich_markup_mode="rich",
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["--help", "-h"]},
    )
    app.callback(invoke_without_command=True)(stockcast)
    return app


def _add(app: typer.Typer, name: str) -> None:
    """Register a command with all its options, or a group of commands."""
    module = import_module(f"stockcast.cli.{name}")
    if COMMANDS[name]:
        app.add_typer(module.app, name=name)
    else:
        app.command(name)(getattr(module, name))


def _not_called() -> NoReturn:
    raise AssertionError("a command that was not called was run")


def stockcast(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave")] = False,
) -> None:
    """Forecasts of stock prices as honest distributions, next to the baselines that they have to beat."""
    if version:
        console.answer(f"stockcast {VERSION}\n")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        console.answer(ctx.get_help())
        raise typer.Exit(2)
