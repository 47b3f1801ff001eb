"""Options of `predict` alone."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from stockcast.cli.coercion import iso_date, path, text, whole
from stockcast.cli.options import DATA, FORECAST, OUTPUT

AsOf = Annotated[
    date | None,
    typer.Option(
        "--as-of", parser=iso_date, metavar="DATE", help="Forecast as if it were this date", rich_help_panel=FORECAST
    ),
]
Horizon = Annotated[
    int | None,
    typer.Option(
        "--horizon",
        parser=whole,
        metavar="N",
        help="Sessions ahead",
        show_default="the model's",
        rich_help_panel=FORECAST,
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        parser=text,
        metavar="NAME",
        help="Model to use",
        show_default="the ticker's",
        rich_help_panel=FORECAST,
    ),
]
Paths = Annotated[
    int,
    typer.Option(
        "--paths", parser=whole, metavar="N", help="Simulated paths beyond one session", rich_help_panel=FORECAST
    ),
]
Seed = Annotated[
    int, typer.Option("--seed", parser=whole, metavar="N", help="Seed of the paths", rich_help_panel=FORECAST)
]
Exchange = Annotated[
    str | None,
    typer.Option(
        "--exchange",
        parser=text,
        metavar="CODE",
        help="Calendar (ISO 10383)",
        show_default="the model's",
        rich_help_panel=DATA,
    ),
]
AsCsv = Annotated[bool, typer.Option("--csv", help="CSV on stdout", rich_help_panel=OUTPUT)]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        parser=path,
        metavar="FILE",
        help="Write to a file instead: JSON, CSV or text, by option or suffix",
        rich_help_panel=OUTPUT,
    ),
]
Check = Annotated[
    bool,
    typer.Option(
        "--check",
        help="Test the model on the source's own past, too, and add what came of it to the verdict",
        rich_help_panel=FORECAST,
    ),
]
