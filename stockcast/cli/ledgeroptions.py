"""Options of the commands about the live record."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from stockcast.cli.coercion import iso_date, one_of, path, text, whole
from stockcast.cli.options import OUTPUT

CHOICE = "Which forecasts"

Ticker = Annotated[
    str | None, typer.Option("--ticker", parser=text, metavar="NAME", help="This ticker alone", rich_help_panel=CHOICE)
]
Model = Annotated[
    str | None, typer.Option("--model", parser=text, metavar="NAME", help="This model alone", rich_help_panel=CHOICE)
]
Since = Annotated[
    date | None,
    typer.Option("--since", parser=iso_date, metavar="DATE", help="First target session", rich_help_panel=CHOICE),
]
Kind = Annotated[
    str | None,
    typer.Option(
        "--kind",
        parser=one_of(("live", "replay")),
        metavar="live|replay",
        help="Made before the close, or after",
        show_default="both",
        rich_help_panel=CHOICE,
    ),
]
Limit = Annotated[
    int, typer.Option("--limit", parser=whole, metavar="N", help="The newest N; 0: all", rich_help_panel=CHOICE)
]
FailOnDecay = Annotated[
    bool, typer.Option("--fail-on-decay", help="Exit with 9 where the live record has decayed", rich_help_panel=OUTPUT)
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        parser=path,
        metavar="FILE",
        help="Write to a file instead of stdout: .csv or .jsonl",
        rich_help_panel=OUTPUT,
    ),
]
