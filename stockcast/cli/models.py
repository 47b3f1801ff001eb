"""`stockcast models`: the saved models, listed, shown, exported and removed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stockcast.cli import console, options
from stockcast.cli.coercion import one_of, path, text
from stockcast.cli.group import Group
from stockcast.config.models import FITS, FORMATS
from stockcast.errors import Failure, ModelError

app = typer.Typer(cls=Group, help="List, show, export and remove saved models.", add_completion=False)

ModelName = Annotated[str, typer.Argument(parser=text, metavar="NAME", help="Name of a saved model.")]

Format = Annotated[
    str, typer.Option("--format", parser=one_of(FORMATS), metavar="FORMAT", help="Format of the file: onnx")
]
ExportTo = Annotated[Path, typer.Option("--output", "-o", parser=path, metavar="FILE", help="File to write")]
WhichFit = Annotated[
    str,
    typer.Option(
        "--fit",
        parser=one_of(FITS),
        metavar="FIT",
        help="served, scored (has not seen the test part), or, of a pool, alone-served and alone-scored (no market)",
    ),
]


@app.callback(invoke_without_command=True)
def models(ctx: typer.Context) -> None:
    """List, show, export and remove saved models."""
    if ctx.invoked_subcommand is None:
        console.answer(ctx.get_help())
        raise typer.Exit(2)


@app.command("list")
def list_(
    home: options.Home = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """List the saved models."""
    from stockcast import pipeline

    common = options.common(home, as_json, quiet, verbose)
    found = pipeline.list_models(common.home)
    if as_json:
        from stockcast.report.data import envelope

        console.answer(envelope("models.list", found, ()))
        return
    if not found:
        common.console.say(f"no models in {common.home}; stockcast train makes one")
        return
    from stockcast.report.models import models_text

    console.answer(models_text(found, console.stdout_page()))


@app.command()
def show(
    name: ModelName,
    home: options.Home = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Show what is known about one model."""
    from stockcast import pipeline

    common = options.common(home, as_json, quiet, verbose)
    model = pipeline.show_model(common.home, name)
    failures: tuple[Failure, ...] = ()
    if model.damage:
        hint = f"train it again, or stockcast models remove {name}"
        failures = (Failure(name, ModelError(f"model {name} cannot be used: {model.damage}", hint)),)
    console.errors(failures)
    if as_json:
        from stockcast.report.data import envelope, plain

        console.answer(envelope("models.show", plain(model), failures))
    else:
        from stockcast.report.models import model_text

        console.answer(model_text(model, console.stdout_page()))
    if failures:
        raise typer.Exit(ModelError.exit_code)


@app.command()
def export(
    name: ModelName,
    output: ExportTo,
    file_format: Format = FORMATS[0],
    fit: WhichFit = FITS[0],
    home: options.Home = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Write a model's network for other programs: bars' features in, Student-t of the next log return out."""
    from stockcast import pipeline

    common = options.common(home, as_json, quiet, verbose)
    options.check_writable(output)
    export = pipeline.export_model(common.home, name, output, file_format, fit)
    if export.served_by != export.cell:
        common.console.say(f"{name} forecasts with {export.served_by}; the file has its network, {export.cell}")
    if as_json:
        from stockcast.report.data import envelope

        console.answer(envelope("models.export", export, ()))
    else:
        common.console.say(f"{name}: {export.fit} {export.cell} up to {export.cutoff} written to {output}")


@app.command()
def remove(
    name: ModelName,
    home: options.Home = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Remove one model from the disk."""
    from stockcast import pipeline

    common = options.common(home, as_json, quiet, verbose)
    pipeline.remove_model(common.home, name)
    if as_json:
        from stockcast.report.data import envelope

        console.answer(envelope("models.remove", {"name": name, "removed": True}, ()))
    else:
        common.console.say(f"model {name} removed")
