"""`stockcast models`: the saved models, listed, shown, exported and removed."""

from __future__ import annotations

from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Annotated

from stockcast.cli.console import deliver
from stockcast.cli.options import Common, argument, check_writable, command
from stockcast.config.models import FITS, FORMATS
from stockcast.config.settings import setting
from stockcast.errors import Failure, ModelError

ModelName = Annotated[str, argument("NAME", "Name of a saved model.")]


@command()
def models_list(common: Common) -> None:
    """List the saved models."""
    from stockcast import pipeline
    from stockcast.report.models import models_text

    found = pipeline.list_models(common.home)
    if not found and not common.as_json:
        common.console.say(f"no models in {common.home}; stockcast train makes one")
    text = (lambda page: models_text(found, page)) if found else None
    deliver("models.list", common, (), lambda: found, text)


@command()
def models_show(name: ModelName, common: Common) -> None:
    """Show what is known about one model."""
    from stockcast import pipeline
    from stockcast.report.models import model_text

    model = pipeline.show_model(common.home, name)
    hint = f"train it again, or stockcast models remove {name}"
    error = ModelError(f"model {name} cannot be used: {model.damage}", hint)
    failures = [Failure(name, error)] if model.damage else []
    deliver("models.show", common, failures, lambda: model, lambda page: model_text(model, page))


@dataclass(frozen=True)
class ExportOrder:
    """What of a model is exported, how, and where to."""

    output: Path = setting(MISSING, "File to write", flag="--output -o")
    format: str = setting(FORMATS[0], "Format of the file: onnx", choices=FORMATS, metavar="FORMAT")
    fit: str = setting(
        FITS[0],
        "served, scored (has not seen the test part), or, of a pool, alone-served and alone-scored (no market)",
        choices=FITS,
        metavar="FIT",
    )

    def __post_init__(self) -> None:
        check_writable(self.output)


@command()
def models_export(name: ModelName, order: ExportOrder, common: Common) -> None:
    """Write a model's network for other programs."""
    from stockcast import pipeline

    export = pipeline.export_model(common.home, name, order.output, order.format, order.fit)
    if export.served_by != export.cell:
        common.console.say(f"{name} forecasts with {export.served_by}; the file has its network, {export.cell}")
    if not common.as_json:
        common.console.say(f"{name}: {export.fit} {export.cell} up to {export.cutoff} written to {order.output}")
    deliver("models.export", common, (), lambda: export)


@command()
def models_remove(name: ModelName, common: Common) -> None:
    """Remove one model from the disk."""
    from stockcast import pipeline

    pipeline.remove_model(common.home, name)
    if not common.as_json:
        common.console.say(f"model {name} removed")
    deliver("models.remove", common, (), lambda: {"name": name, "removed": True})
