"""Exporting: the network of a saved model in a format that other programs run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stockcast.config.models import FITS, FORMATS
from stockcast.errors import ConfigError, ModelError
from stockcast.pipeline.models import model_of
from stockcast.results import Export

if TYPE_CHECKING:
    from stockcast.forecasting import Fit, TrainedModel


def export_model(home: Path, name: str, output: Path, file_format: str = "onnx", fit: str = "served") -> Export:
    """Write a model's network for other programs, whole or not at all; `models.onnxgraph` says what it takes and gives.

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
