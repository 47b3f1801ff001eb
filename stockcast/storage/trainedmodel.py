"""A trained model as a manifest and tensors, and back: what a model folder holds.

The manifest is for people too: settings, dates, parameters and results in plain JSON.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stockcast.config import NetworkConfig, SplitConfig, TrainConfig, TrainingConfig
from stockcast.errors import ConfigError, ModelError, StockcastError
from stockcast.forecasting import Fit, TrainedModel
from stockcast.models import baselines
from stockcast.models.basescale import HarScale
from stockcast.models.cells import LayerWeights, NetworkWeights
from stockcast.models.ensemble import Ensemble, Standardiser
from stockcast.models.simulation import Shocks
from stockcast.prices.sessions import SessionCalendar
from stockcast.storage.modelfile import ModelFile, model_id

Tensors = dict[str, NDArray[Any]]

_LAYER_FIELDS = ("input_SGDI", "hidden_SGDD", "input_bias_SGD", "hidden_bias_SGD")
_READOUT_FIELDS = ("readout_SHD", "readout_bias_SH", "skip_SHF")


def to_file(model: TrainedModel) -> ModelFile:
    """The model's folder content; `model_id` is the hash of settings, parameters and weights."""
    tensors: Tensors = {}
    body: dict[str, Any] = {
        "config": _config_to_json(model.config),
        "served_by": model.served_by,
        "features": list(model.served.ensemble.standardiser.names),
        "scored": _fit_to_json(model.scored, "scored", tensors),
        "served": None if model.served is model.scored else _fit_to_json(model.served, "served", tensors),
    }
    manifest = {
        "name": model.name,
        "ticker": model.ticker,
        "model_id": model_id(body, tensors),
        "currency": model.currency,
        "verdict": model.sentence,
        **body,
        "versions": _versions(),
        "calendar": model.calendar.to_json(),
        **_defined(dict(model.summary)),
    }
    return ModelFile(model.name, manifest, tensors)


def from_file(file: ModelFile) -> TrainedModel:
    """The model of a folder. Raises ModelError where it lacks something, or holds what this version does not know."""
    m = file.manifest
    try:
        config = _config_from_json(m["config"])
        scored = _fit_from_json(m["scored"], "scored", config, tuple(m["features"]), file.tensors)
        served = scored
        if m["served"] is not None:
            served = _fit_from_json(m["served"], "served", config, tuple(m["features"]), file.tensors)
        return TrainedModel(
            name=file.name,
            ticker=m["ticker"],
            model_id=m["model_id"],
            config=config,
            scored=scored,
            served=served,
            served_by=m["served_by"],
            sentence=m["verdict"],
            calendar=SessionCalendar.from_json(m["calendar"]),
            currency=m["currency"],
        )
    except (KeyError, TypeError, ValueError, ConfigError) as error:
        reason = error.message if isinstance(error, StockcastError) else f"{type(error).__name__}: {error}"
        raise ModelError(f"model {file.name} cannot be read: {reason}", "train it again") from error


def _fit_to_json(fit: Fit, prefix: str, tensors: Tensors) -> dict[str, Any]:
    ensemble = fit.ensemble
    for k, layer in enumerate(ensemble.weights.layers):
        for name in _LAYER_FIELDS:
            tensors[f"{prefix}.layers.{k}.{name}"] = _single(getattr(layer, name))
    for name in _READOUT_FIELDS:
        tensors[f"{prefix}.{name}"] = _single(getattr(ensemble.weights, name))
    tensors[f"{prefix}.centre"] = ensemble.standardiser.centre_F
    tensors[f"{prefix}.spread"] = ensemble.standardiser.spread_F
    tensors[f"{prefix}.shocks"] = _single(fit.shocks.values_M4)
    return {
        "cutoff": fit.cutoff.isoformat(),
        "base_scale": asdict(ensemble.base),
        "baselines": {name: baselines.to_json(baseline) for name, baseline in fit.baselines.items()},
    }


def _fit_from_json(
    data: Mapping[str, Any],
    prefix: str,
    config: TrainConfig,
    names: tuple[str, ...],
    tensors: Mapping[str, NDArray[Any]],
) -> Fit:
    def double(name: str) -> NDArray[np.float64]:
        return tensors[f"{prefix}.{name}"].astype(np.float64)

    weights = NetworkWeights(
        config.network.cell,
        tuple(
            LayerWeights(*(double(f"layers.{k}.{name}") for name in _LAYER_FIELDS))
            for k in range(config.network.layers)
        ),
        *(double(name) for name in _READOUT_FIELDS),
    )
    base = data["base_scale"]
    ensemble = Ensemble(
        config=config.network,
        base=HarScale(tuple(base["weights"]), base["mu"], base["nu"]),
        standardiser=Standardiser(names, double("centre"), double("spread")),
        weights=weights,
        cutoff=date.fromisoformat(data["cutoff"]),
    )
    known = {name: baselines.from_json(name, parameters) for name, parameters in data["baselines"].items()}
    return Fit(ensemble, known, Shocks(double("shocks")))


def _single(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Weights were trained in single precision and shocks are rounded to it on creation: nothing is lost."""
    return np.ascontiguousarray(values, dtype=np.float32)


def _config_to_json(config: TrainConfig) -> dict[str, Any]:
    split = config.split
    return {
        "network": asdict(config.network),
        "training": asdict(config.training),
        "split": asdict(split) | {name: _iso(getattr(split, name)) for name in ("validate_from", "test_from")},
        "horizon": config.horizon,
        "exchange": config.exchange,
    }


def _config_from_json(data: Mapping[str, Any]) -> TrainConfig:
    split = dict(data["split"])
    for name in ("validate_from", "test_from"):
        split[name] = date.fromisoformat(split[name]) if split[name] else None
    return TrainConfig(
        NetworkConfig(**data["network"]), TrainingConfig(**data["training"]), SplitConfig(**split), data["horizon"],
        data["exchange"],
    )  # fmt: skip


def _defined(value: Any) -> Any:
    """The same with null for what is not a number: JSON has no NaN."""
    if isinstance(value, dict):
        return {key: _defined(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_defined(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _versions() -> dict[str, str]:
    # Only saving asks for versions: a forecast starts without these modules.
    import platform
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version()}
    for package in ("stockcast", "numpy", "torch", "scipy", "arch"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
