"""`stockcast reproduce`: train a saved model again and demand the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stockcast.cli import console, options
from stockcast.cli.coercion import path, text
from stockcast.errors import ModelError, NotReproduced

Name = Annotated[str, typer.Argument(parser=text, metavar="MODEL", help="Name of a saved model.")]
Source = Annotated[
    list[Path] | None,
    typer.Option(
        "--source",
        parser=path,
        metavar="PATH",
        help="File of its prices, or a folder that holds it; again for more",
        show_default="where the model was trained from",
        rich_help_panel=options.DATA,
    ),
]


def reproduce(
    name: Name,
    source: Source = None,
    date_column: options.DateColumn = None,
    close_column: options.CloseColumn = None,
    date_format: options.DateFormat = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Train a saved model again from its manifest and its prices, and demand the same bytes.

    Saves nothing.
    """
    from stockcast import pipeline
    from stockcast.cli.progress import watch
    from stockcast.errors import Failure
    from stockcast.report.checks import cause, difference, reproduction_text
    from stockcast.report.data import reproduction_data

    common = options.common(home, as_json, quiet, verbose)
    read = options.Columns(None, date_column, close_column, date_format).reading()
    with watch(common.console, name) as progress:
        found = pipeline.reproduce(common.home, name, source or [], read, progress)
    kind = ModelError if found.kind == "damaged" else NotReproduced
    failures = () if found.identical else (Failure(name, kind(difference(found), cause(found))),)
    console.errors(failures)
    if as_json:
        from stockcast.report.data import envelope

        console.answer(envelope("reproduce", reproduction_data(found), failures))
    else:
        console.answer(reproduction_text(found, console.stdout_page()))
    if failures:
        raise typer.Exit(ModelError.exit_code)
