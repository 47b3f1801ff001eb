"""Saved models: listed, shown, removed."""

from __future__ import annotations

from pathlib import Path

from stockcast.errors import ModelError
from stockcast.forecasting import TrainedModel
from stockcast.progress import Progress, Silent
from stockcast.results import ModelSummary
from stockcast.storage import modelfile, trainedmodel


def model_of(home: Path, name: str, progress: Progress | None = None) -> TrainedModel:
    """A saved model; what is to be known of it goes to `progress`. Raises ModelError where it is missing or damaged."""
    model = trainedmodel.from_file(modelfile.load_model(home / "models", name))
    for note in model.notes:
        (progress or Silent()).note(f"model {name}: {note}")
    return model


def list_models(home: Path) -> tuple[ModelSummary, ...]:
    """Every saved model, the damaged ones with what is wrong with them."""
    found = []
    for name in modelfile.model_names(home / "models"):
        try:
            found.append(show_model(home, name))
        except ModelError as error:
            found.append(ModelSummary(name, home / "models" / name, damage=error.message))
    return tuple(found)


def show_model(home: Path, name: str) -> ModelSummary:
    """One saved model.

    Raises:
        ModelError: Where it is missing or damaged.
    """
    file = modelfile.load_model(home / "models", name)
    trainedmodel.from_file(file)
    return ModelSummary(name, home / "models" / name, file.manifest)


def remove_model(home: Path, name: str) -> None:
    """Delete a saved model.

    Raises:
        ModelError: Where there is none.
        LockedError: While another run writes it.
    """
    modelfile.delete_model(home / "models", name)
