"""Options of `backtest` alone."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from stockcast.cli.coercion import decimal, iso_date, one_of, path, text, whole
from stockcast.cli.options import NETWORK, OUTPUT, SPLIT, TRAINING
from stockcast.config.backtests import EXPANDING, YEAR, FoldConfig
from stockcast.config.models import CELLS
from stockcast.errors import UsageError

OF_NETWORK = (
    "cell", "lookback", "hidden_size", "layers", "dropout", "seeds", "seed", "learning_rate", "weight_decay",
    "batch_size", "steps", "epochs", "supervision", "device", "final_fit", "warm_start",
)  # fmt: skip
"""Parameters of a training; a network that is there already has had its own."""

Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        parser=text,
        metavar="NAME",
        help="Score this saved model, which learns nothing here",
        show_default="train in each fold",
        rich_help_panel=NETWORK,
    ),
]
TestFrom = Annotated[
    date | None,
    typer.Option(
        "--test-from",
        parser=iso_date,
        metavar="DATE",
        help="First session that is forecast",
        show_default="the last 30 % of the sessions; with --model, all that it has not seen",
        rich_help_panel=SPLIT,
    ),
]


ValidateFrom = Annotated[
    date | None,
    typer.Option(
        "--validate-from",
        parser=iso_date,
        metavar="DATE",
        help="First session that the first fold chooses on",
        show_default="the newest 18 % of what a fold knows",
        rich_help_panel=SPLIT,
    ),
]


def refit_every(word: str) -> int | str:
    """A number of sessions, or "year"."""
    return YEAR if word == YEAR else whole(word)


def training_window(word: str) -> int | None:
    """None for "expanding", the sessions of "sliding:N"."""
    if word == EXPANDING:
        return None
    kind, _, sessions = word.partition(":")
    if kind != "sliding":
        raise typer.BadParameter(f"{word!r} is neither {EXPANDING} nor sliding:N, such as sliding:2520")
    return whole(sessions)


RefitEvery = Annotated[
    str,
    typer.Option(
        "--refit-every",
        parser=text,
        metavar="N|year",
        help="Sessions from one refit to the next, or every January",
        rich_help_panel=SPLIT,
    ),
]
Training = Annotated[
    str,
    typer.Option(
        "--training",
        parser=text,
        metavar="expanding|sliding:N",
        help="Learn from everything before a fold, or from its last N sessions",
        rich_help_panel=SPLIT,
    ),
]
Embargo = Annotated[
    int,
    typer.Option(
        "--embargo",
        parser=whole,
        metavar="N",
        help="Sessions left out between training and forecasts",
        rich_help_panel=SPLIT,
    ),
]
Cells = Annotated[
    list[str] | None,
    typer.Option(
        "--cell",
        parser=one_of(CELLS),
        metavar="|".join(CELLS),
        help="Recurrent cell; again for another beside it",
        show_default="lstm",
        rich_help_panel=NETWORK,
    ),
]
Baselines = Annotated[
    list[str] | None,
    typer.Option(
        "--baseline",
        parser=text,
        metavar="NAME",
        help="Baseline to compare with; again for more",
        show_default="all",
        rich_help_panel=NETWORK,
    ),
]
FinalFit = Annotated[
    bool,
    typer.Option(
        "--final-fit/--no-final-fit",
        help="Refit each network on all that its fold may learn from",
        rich_help_panel=TRAINING,
    ),
]
Horizon = Annotated[
    int,
    typer.Option("--horizon", parser=whole, metavar="N", help="Sessions ahead, each scored", rich_help_panel=NETWORK),
]
Paths = Annotated[
    int,
    typer.Option(
        "--paths", parser=whole, metavar="N", help="Simulated paths, beyond one session", rich_help_panel=NETWORK
    ),
]
WarmStart = Annotated[
    bool,
    typer.Option(
        "--warm-start/--fresh-start",
        help="Begin with the weights of the fold before",
        rich_help_panel=TRAINING,
    ),
]
Cost = Annotated[
    float,
    typer.Option(
        "--cost", parser=decimal, metavar="BP", help="Cost of trading, in basis points", rich_help_panel=OUTPUT
    ),
]
Table = Annotated[
    Path | None,
    typer.Option(
        "--table",
        parser=path,
        metavar="FILE",
        help="Save the table of all competitors as .md, .tex or .csv",
        rich_help_panel=OUTPUT,
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Draw the folds, and leave", rich_help_panel=OUTPUT)]


def refuse_of_network(context: typer.Context) -> None:
    """Raise UsageError where the command line has an option of a training, too."""
    for name in OF_NETWORK:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            option = f"--{name.replace('_', '-')}"
            raise UsageError(
                f"{option} and --model contradict each other: a saved network has been trained",
                "leave one of them out",
            )


def folds(validate_from: date | None, test_from: date | None, every: str, training: str, embargo: int) -> FoldConfig:
    """What these options say of the folds."""
    return FoldConfig(
        test_from=test_from,
        refit_every=refit_every(every),
        window=training_window(training),
        embargo=embargo,
        validate_from=validate_from,
    )
