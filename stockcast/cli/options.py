"""Options that more than one command takes, and what they come to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stockcast.cli.coercion import path, text
from stockcast.cli.console import DETAIL, ERRORS, STORY, Console
from stockcast.cli.peek import default_home
from stockcast.errors import UsageError

if TYPE_CHECKING:
    from stockcast.prices.csvfile import ReadOptions

DATA, SPLIT, NETWORK, TRAINING, FORECAST, OUTPUT = "Data", "Split", "Network", "Training", "Forecast", "Output"

Sources = Annotated[
    list[str],
    typer.Argument(
        parser=text,
        metavar="SOURCE",
        help="A ticker (AAPL, ^GSPC), @FILE with one a line, a file (.csv, .csv.gz, .parquet), a folder of them "
        "(prices/), or - for stdin.",
    ),
]
Ticker = Annotated[
    str | None,
    typer.Option(
        "--ticker", parser=text, metavar="NAME", help="Ticker of a file", show_default="its name", rich_help_panel=DATA
    ),
]
DateColumn = Annotated[
    str | None,
    typer.Option(
        "--date-column", parser=text, metavar="NAME", help="Column of dates, if not recognised", rich_help_panel=DATA
    ),
]
CloseColumn = Annotated[
    str | None,
    typer.Option(
        "--close-column", parser=text, metavar="NAME", help="Column of closes, if not recognised", rich_help_panel=DATA
    ),
]
DateFormat = Annotated[
    str | None,
    typer.Option(
        "--date-format",
        parser=text,
        metavar="FORMAT",
        help="How dates are written, such as %d/%m/%Y",
        rich_help_panel=DATA,
    ),
]
Home = Annotated[
    Path | None,
    typer.Option(
        "--home",
        parser=path,
        metavar="DIR",
        envvar="STOCKCAST_HOME",
        help="Folder of models and logs",
        show_default="the user data folder",
        rich_help_panel=OUTPUT,
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="One JSON object on stdout, whatever happens", rich_help_panel=OUTPUT)
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Errors alone on stderr", rich_help_panel=OUTPUT)]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="More of the story on stderr", rich_help_panel=OUTPUT)]


@dataclass(frozen=True)
class Common:
    """What every command was told: its home, the shape of its answer, and how much to say."""

    home: Path
    as_json: bool
    console: Console


def common(home: Path | None, as_json: bool, quiet: bool, verbose: bool) -> Common:
    """The options of every command, checked. Raises UsageError where they contradict each other."""
    if quiet and verbose:
        raise UsageError("--quiet and --verbose contradict each other", "give one of them")
    level = ERRORS if quiet else DETAIL if verbose else STORY
    return Common(home or default_home(), as_json, Console(level))


@dataclass(frozen=True)
class Columns:
    """How a file is to be read."""

    ticker: str | None
    date_column: str | None
    close_column: str | None
    date_format: str | None

    def reading(self, start: date | None = None, end: date | None = None) -> ReadOptions:
        """The same for the file reader, with the history's first and last date."""
        from stockcast.prices.csvfile import ReadOptions

        return ReadOptions(
            ticker=self.ticker,
            date_column=self.date_column,
            close_column=self.close_column,
            date_format=self.date_format,
            start=start,
            end=end,
        )


def given(ctx: typer.Context) -> Callable[[str], bool]:
    """Whether a parameter, by its name, stands on the command line or in the environment: its default was not taken."""

    def stands(name: str) -> bool:
        source = ctx.get_parameter_source(name)
        return source is not None and source.name in ("COMMANDLINE", "ENVIRONMENT")

    return stands


def check_writable(output: Path | None, option: str = "--output") -> None:
    """Raise UsageError where `output` cannot become a file: better now than after an hour of training."""
    if output is None:
        return
    if output.is_dir():
        raise UsageError(f"{option} {output} is a folder", "name a file")
    if not output.parent.is_dir():
        raise UsageError(f"the folder {output.parent} of {option} does not exist", "create it first")
