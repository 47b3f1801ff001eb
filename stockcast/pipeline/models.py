"""Saved models: loaded, listed, shown, removed, exported."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from stockcast.config.models import FITS, FORMATS
from stockcast.config.sources import ReadOptions
from stockcast.errors import ConfigError, ModelError
from stockcast.forecasting import Fit, TrainedModel
from stockcast.prices.csvfile import looks_like_path
from stockcast.prices.csvfile.content import path_ticker
from stockcast.progress import Progress, Silent
from stockcast.storage import modelfile, trainedmodel
from stockcast.storage.modelfile import ModelSummary
from stockcast.storage.readings import KeptReading, saved_readings

if TYPE_CHECKING:
    from stockcast.prices.sessions import SessionCalendar
    from stockcast.results import Export  # a forecast, which loads its model here, needs no other results
    from stockcast.storage.modelfile import (
        ModelSummary,  # a forecast, which loads its model here, needs no other results
    )


def model_of(home: Path, name: str, progress: Progress | None = None) -> TrainedModel:
    """A saved model; what is to be known of it goes to `progress`. Raises ModelError where it is missing or damaged."""
    model = trainedmodel.from_file(modelfile.load_model(home / "models", name))
    for note in model.notes:
        (progress or Silent()).note(f"model {name}: {note}")
    return model


class Memory:
    """What models remember of how their prices were read, for the sources of one call.

    Args:
        reading_of: From a ticker to what its model remembers.
    """

    def __init__(self, reading_of: Callable[[str], KeptReading | None]) -> None:
        self._reading_of = cache(reading_of)
        self._told: set[str] = set()

    @classmethod
    def saved(cls, home: Path, named: str | None = None) -> Memory:
        """That of the models under a home: of the one that is named, or of each ticker's own."""
        return cls(saved_readings(home / "models", named))

    def __call__(self, source: str, said: ReadOptions, progress: Progress | None) -> ReadOptions:
        """How a source is read, where this is said of it. What is remembered is told once a model."""
        is_file = looks_like_path(source)
        ticker = said.ticker or (path_ticker(source) if is_file else source.strip().upper())
        reading = self._reading_of(ticker)
        read = said if reading is None else reading.options_for(source, ticker, said)
        if not is_file:  # of a ticker nothing else is to be said
            read = said.over(ReadOptions(start=read.start, events=read.events, no_events=read.no_events))
        told = replace(read, exchange=said.exchange)  # the model's own is no news
        if reading is not None and told != said and progress is not None and reading.model not in self._told:
            self._told.add(reading.model)
            added = told.besides(said).typed
            progress.note(f"{ticker}: read as for the training of {reading.model}: {added}")
        return read


def model_calendar(home: Path, named: str | None, ticker: str) -> SessionCalendar | None:
    """The sessions that a saved model knows; None where it cannot be read, which others say.

    Args:
        home: The folder of models.
        named: The model; None: the ticker's own.
        ticker: The series that it is for.
    """
    with suppress(ModelError):
        return model_of(home, named or ticker).calendar
    return None


def list_models(home: Path) -> tuple[ModelSummary, ...]:
    """Every saved model, the damaged ones with what is wrong with them."""
    from stockcast.storage.modelfile import ModelSummary

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
    from stockcast.storage.modelfile import ModelSummary

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


def export_model(home: Path, name: str, output: Path, file_format: str = "onnx", fit: str = "served") -> Export:
    """Write a model's network for other programs, whole or not at all; `models.onnx` says what it takes and gives.

    Args:
        home: The folder of models, prices and forecasts.
        name: The model.
        output: The file.
        file_format: "onnx".
        fit: "served" or "scored".

    Returns:
        What was written.

    Raises:
        ModelError: Where the model is missing, damaged or has no such fit.
        ConfigError: For an unknown format, or without the package onnx.
        StorageError: Where the file cannot be written.
    """
    if file_format not in FORMATS:
        raise ConfigError(f"unknown format {file_format!r}", f"choose one of {', '.join(FORMATS)}")
    from stockcast.models.onnx import onnx_bytes
    from stockcast.results import Export
    from stockcast.storage.files import write_atomic

    model = model_of(home, name)
    ensemble = _fit(model, fit).ensemble
    data = onnx_bytes(ensemble, {"model": name, "model_id": model.model_id, "fit": fit, "served_by": model.served_by})
    write_atomic(output, data)
    return Export(
        model=name,
        model_id=model.model_id,
        path=output,
        format=file_format,
        fit=fit,
        cell=ensemble.config.cell,
        served_by=model.served_by,
        cutoff=ensemble.cutoff,
        lookback=ensemble.config.lookback,
        features=ensemble.standardiser.names,
        size=len(data),
    )


def _fit(model: TrainedModel, name: str) -> Fit:
    if name not in FITS:
        raise ConfigError(f"unknown fit {name!r}", f"choose one of {', '.join(FITS)}")
    key = name.replace("-", "_")
    if key not in model.fits:  # without a final fit, the scored one serves
        key = key.replace("served", "scored")
    if key not in model.fits:
        raise ModelError(
            f"model {model.name} has no network that does without a market", "choose one of scored, served"
        )
    return model.fits[key]
