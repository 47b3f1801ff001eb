"""Which commands there are, and the group that they belong to: it catches errors, once, and gives the exit code.

The command that is called is imported, the others are named.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, NamedTuple, NoReturn, Protocol, runtime_checkable

import typer
from typer.core import TyperCommand, TyperGroup

from stockcast.cli import console
from stockcast.cli.console import explainable, interrupted
from stockcast.cli.interruption import answered
from stockcast.errors import Failure, StockcastError, StorageError, UsageError
from stockcast.versions import VERSION, of_forecasts


class Command(NamedTuple):
    """What `--help` says of a command, the module that has it, and the commands that it is a group of."""

    help: str
    module: str
    commands: dict[str, str] | None = None


COMMANDS = {
    "train": Command(
        "Train a model on prices, score it against the baselines, save it, and forecast the next session.", "train"
    ),
    "predict": Command("Forecast the next sessions' prices with saved models.", "predict"),
    "explain": Command(
        "Show which features and sessions move a saved network's forecast, and what its gates do.", "explain"
    ),
    "backtest": Command(
        "Walk forward over the past: refit, forecast, and score every competitor on the same sessions.", "backtest"
    ),
    "tune": Command(
        "Search the settings of networks on validation folds; the default stays unless it is beaten beyond luck.\n\n"
        "One configuration for all sources. The test part is scored once, at the end, and decides nothing. An "
        "interrupted study goes on where it was.",
        "tune",
    ),
    "report": Command(
        "Write one HTML page: verdict, forecast, skill, calibration, folds. It needs no network to open.\n\n"
        "Walks forward as `backtest` does, and takes up the folds that one with the same settings has left.",
        "backtest",
    ),
    "check": Command(
        "Say how price files are read: dates, columns, exchange, sessions, what is left out and repaired.", "checks"
    ),
    "audit": Command(
        "Change the future and demand the same forecasts: fits and forecasts must not differ by a byte.\n\n"
        "Looks at what train does: the tuning of the general model, or one member from scratch for at most 40 steps "
        "unless --seeds, --steps or --epochs say otherwise. Saves no model.",
        "checks",
    ),
    "reproduce": Command(
        "Train a saved model again from its manifest and its prices, and demand the same bytes.\n\nSaves nothing.",
        "checks",
    ),
    "run": Command("Do everything that is due, for cron: fetch, settle, retrain, forecast, record.", "run"),
    "score": Command(
        "Score the forecasts that were made in time against what happened, next to the baselines.", "ledger"
    ),
    "ledger": Command(
        "List and export the recorded forecasts; back the record up, put it back, make it smaller.",
        "ledger",
        {
            "list": "List recorded forecasts, what became of them, and the sessions that were missed.",
            "export": "Write every recorded forecast with its outcome and the baselines' scores, as CSV or JSON lines.",
            "backup": "Copy record, prices and runs into one file, also while a run is at work.",
            "restore": "Make record, prices and runs what a backup has, while no run is at work.",
            "prune": "Drop the distributions of settled forecasts; forecasts, outcomes and scores stay.",
        },
    ),
    "fetch": Command(
        "Fetch daily prices of tickers into the store, the missing sessions or everything where the past was restated, "
        "and their earnings dates.",
        "run",
    ),
    "models": Command(
        "List, show, export and remove saved models.",
        "models",
        {
            "list": "List the saved models.",
            "show": "Show what is known about one model.",
            "export": "Write a model's network for other programs: bars' features in, Student-t of the next log "
            "return out.",
            "remove": "Remove one model from the disk.",
        },
    ),
    "doctor": Command(
        "Check folder, store, models, calendar, lock, configuration, provider and clock, and say what to mend.",
        "checks",
    ),
}
"""Every command in the order of `--help`."""

COMPLETION = "_STOCKCAST_COMPLETE"
"""The variable in which a shell asks for completions."""


def application(arguments: Iterable[str] | None = None) -> typer.Typer:
    """The app as these arguments need it: where they call one command, the others are no more than names and help.

    None: every command in full. What a command is called with is parsed by Typer; this only looks for the first word.
    """
    words = [word for word in arguments or () if not word.startswith("-")]
    every = arguments is None or (bool(words) and words[0] not in COMMANDS)
    app = typer.Typer(
        name="stockcast",
        cls=Group,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        add_completion=every or not words or COMPLETION in os.environ,
        context_settings={"help_option_names": ["--help", "-h"]},
    )
    app.callback(invoke_without_command=True)(stockcast)
    for name, known in COMMANDS.items():
        if not every and words[:1] != [name]:
            app.command(name, cls=Leaf, help=known.help)(_not_called)
        elif known.commands is None:
            app.command(name, cls=Leaf, help=known.help)(_function(name, known.module))
        else:
            app.add_typer(_group(name, known.help, known.commands), name=name)
    return app


def completing() -> list[str] | None:
    """The words that a shell asks to be completed, its own command left out; None where no shell asks."""
    if COMPLETION not in os.environ:
        return None
    line = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS", "")
    # A word that is begun only names no command yet: then none is needed in full.
    return [word for word in line.split()[1:] if word in COMMANDS][:1]


def _group(group: str, says: str, commands: dict[str, str]) -> typer.Typer:
    app = typer.Typer(cls=Group, help=says, add_completion=False)
    app.callback(invoke_without_command=True, help=says)(_show_help)
    for name, help_of_it in commands.items():
        app.command(name, cls=Leaf, help=help_of_it)(_function(f"{group}_{name}", group))
    return app


def _function(name: str, module: str) -> Callable[..., None]:
    function: Callable[..., None] = getattr(import_module(f"stockcast.cli.{module}"), name)
    return function


def _not_called() -> NoReturn:
    raise AssertionError("a command that was not called was run")


def _show_help(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        console.answer(context.get_help())
        raise typer.Exit(2)


def stockcast(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version, and leave; with -v those of packages")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", hidden=True)] = False,
) -> None:
    """Forecasts of stock prices as honest distributions, next to the baselines that they have to beat."""
    if version:
        console.answer("\n".join(of_forecasts()) + "\n" if verbose else f"stockcast {VERSION}\n")
        raise typer.Exit
    if verbose and context.invoked_subcommand is not None:
        raise UsageError("no such option: -v", f"write it after the command: stockcast {context.invoked_subcommand} -v")
    _show_help(context)


@dataclass(frozen=True)
class Peek:
    """What an error report needs to know of a command line where parsing failed or never began.

    command: its words joined by dots, empty where none is known; as_json: --json was asked for; home: of --home.
    """

    command: str
    as_json: bool
    home: Path | None


def peek(arguments: list[str]) -> Peek:
    """What these arguments (without the program's name) ask for, as far as it can be seen."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return Peek(_command(options), "--json" in options, _home(options))


def _command(options: list[str]) -> str:
    words = [word for word in options if not word.startswith("-")]
    if not words or words[0] not in COMMANDS:
        return ""
    return ".".join(words[:2] if words[1:2] and words[1] in (COMMANDS[words[0]].commands or ()) else words[:1])


def _home(options: list[str]) -> Path | None:
    named = None
    for index, option in enumerate(options):
        if option == "--home" and index + 1 < len(options):
            named = options[index + 1]
        elif option.startswith("--home="):
            named = option.removeprefix("--home=")
    return Path(os.path.expanduser(named)) if named else None


@runtime_checkable
class Complaint(Protocol):
    """What Typer raises about a command line; it exports the subclass BadParameter, but not the base."""

    exit_code: int

    def format_message(self) -> str:
        """The complaint in words."""
        ...


class Leaf(TyperCommand):
    """A Typer command whose help may meet a full disk, and its work a folder that is gone."""

    def invoke(self, ctx: Any) -> Any:
        """Do the work. Raises StorageError where the working directory is gone."""
        try:
            os.getcwd()
        except OSError as error:
            # Paths would lead nowhere, and Intel's library, which PyTorch loads, ends the process without an answer.
            message = f"the folder in which this was begun cannot be named: {error.strerror}"
            raise StorageError(message, "change to one that is there: cd ~") from error
        return super().invoke(ctx)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help. Raises StorageError where stdout cannot be written."""
        with console.writing():
            super().format_help(ctx, formatter)


class Group(TyperGroup):
    """A Typer group whose parameters are cheap to parse and whose errors are caught here."""

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]
        """The command of that name, or None."""
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            _lighten(command.get_params(ctx))
        return command

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Take the group's own options from the arguments."""
        _lighten(self.get_params(ctx))
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help. Raises StorageError where stdout cannot be written."""
        with console.writing():
            super().format_help(ctx, formatter)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,  # noqa: ARG002
        **extra: Any,
    ) -> Any:
        """Run one command line; every exit code of the program comes from here."""
        arguments = list(sys.argv[1:] if args is None else args)
        program = prog_name or "stockcast"
        self._main_shell_completion(extra, program, complete_var)
        code = self._guarded(arguments, program, extra)
        if standalone_mode:
            sys.exit(code)
        return code

    def _guarded(self, arguments: list[str], program: str, extra: dict[str, Any]) -> int:
        console.CommandState.begin()
        try:
            with self.make_context(program, list(arguments), **extra) as context:
                self.invoke(context)
        except typer.Exit as leaving:
            return leaving.exit_code
        except KeyboardInterrupt:
            return stop(arguments)
        except BrokenPipeError:
            console.abandon_stdout()
        except SystemExit as leaving:
            # Rich, too, notices a reader that has gone away, and leaves by this door.
            return 0 if isinstance(leaving.__context__, BrokenPipeError) else _code(leaving)
        except Exception as error:  # noqa: BLE001 - the one place that catches everything
            seen = peek(arguments)
            return _fail(seen, _explained(error, seen))
        return 0


def stop(arguments: list[str]) -> int:
    """End after Ctrl-C."""
    answered()
    return _fail(peek(arguments), interrupted(console.CommandState.saved))


def _fail(seen: Peek, error: StockcastError) -> int:
    """Tell an error that concerns the whole command, on stderr and, under --json, on stdout. Returns its exit code."""
    failures = (Failure("", error),)
    console.errors(failures)
    if seen.as_json and not console.CommandState.answering:
        from stockcast.report.data import envelope

        try:
            console.answer(envelope(seen.command, None, failures))
        except StockcastError as second:
            console.errors((Failure("", second),))
    return error.exit_code


def _explained(error: Exception, seen: Peek) -> StockcastError:
    if isinstance(error, Complaint):
        program = " ".join(["stockcast", *(seen.command.split(".") if seen.command else [])])
        message = " ".join(error.format_message().split()).rstrip(".")
        return UsageError(message[:1].lower() + message[1:], f"see '{program} --help'")
    return explainable(error, seen.home)


def _code(leaving: SystemExit) -> int:
    if leaving.code is None:
        return 0
    return leaving.code if isinstance(leaving.code, int) else 1


class _Plain:
    """Stands where Typer keeps the adapter of one parameter."""

    def __init__(self, parse: Callable[[str], Any]) -> None:
        self._parse = parse

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:  # noqa: ARG002 - Typer's signature
        """The parsed value; defaults, which are values already, pass as they are."""
        many = param.multiple or param.nargs == -1
        if value is None:
            return () if many else None
        if many:
            return [self._one(member) for member in value]
        return self._one(value)

    def _one(self, value: Any) -> Any:
        return self._parse(value) if isinstance(value, str) else value


def _lighten(parameters: Iterable[Any]) -> None:
    """Spare these Typer parameters their adapters; does nothing to a Typer that builds none.

    Recent versions otherwise build a Pydantic adapter for every parameter, and importing Pydantic costs a cold start as
    much as NumPy does.
    """
    for parameter in parameters:
        if getattr(parameter, "_runtime_param", parameter) is None:
            kind = parameter.type_descriptor
            parse = bool if kind.annotation is bool else kind.parameter_info.parser
            if parse is not None:
                parameter._runtime_param = _Plain(parse)
