"""Options about what a model looks at beside the prices, shared by the commands that train, test or forecast."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stockcast.cli.coercion import path, text
from stockcast.cli.options import DATA
from stockcast.config.sources import CovariatesConfig

if TYPE_CHECKING:
    from stockcast.pipeline import FetchSession

With = Annotated[
    list[str] | None,
    typer.Option(
        "--with",
        parser=text,
        metavar="SOURCE",
        help="A further series to look at, ticker or file (FILE@XTKS for a file of another exchange); again for more",
        rich_help_panel=DATA,
    ),
]
KnownAhead = Annotated[
    Path | None,
    typer.Option(
        "--known-ahead",
        parser=path,
        metavar="FILE",
        help="CSV of dates known beforehand, such as earnings: date, and ticker if of several",
        rich_help_panel=DATA,
    ),
]
WithAgain = Annotated[
    list[str] | None,
    typer.Option(
        "--with",
        parser=text,
        metavar="SOURCE",
        help="Another place for a series that the model looks at; again for more",
        show_default="where it was trained",
        rich_help_panel=DATA,
    ),
]
KnownAgain = Annotated[
    Path | None,
    typer.Option(
        "--known-ahead",
        parser=path,
        metavar="FILE",
        help="Another place for the dates known beforehand",
        show_default="where it was trained",
        rich_help_panel=DATA,
    ),
]


def covariates(sources: Sequence[str] | None, known_ahead: Path | None) -> CovariatesConfig:
    """What these options ask for."""
    return CovariatesConfig(tuple(sources or ()), None if known_ahead is None else str(known_ahead))


def fetch_session_for(
    source: str, asked: CovariatesConfig, fetch_session: Callable[[str], FetchSession | None]
) -> FetchSession | None:  # fmt: skip
    """How prices are come by where the source or one of its covariates is a ticker; None for files alone."""
    return next((found for one in (source, *asked.sources) if (found := fetch_session(one)) is not None), None)
