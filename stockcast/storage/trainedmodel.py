"""A trained model as a manifest and tensors, and back: what a model folder holds.

The manifest is for people too: settings, dates, parameters and results in plain JSON.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from stockcast.config import NetworkConfig, SplitConfig, TrainConfig, TrainingConfig
from stockcast.config.models import SCRATCH
from stockcast.errors import ConfigError, ModelError, StockcastError
from stockcast.forecasting import TrainedModel
from stockcast.prices.sessions import SessionCalendar
from stockcast.storage.covariaterecord import body_of, places_of, record_from
from stockcast.storage.fittensors import Tensors, fit_from_json, fit_to_json
from stockcast.storage.modelfile import ModelFile, model_id
from stockcast.versions import installed_version
from stockcast.windows.market import Market


def to_file(model: TrainedModel) -> ModelFile:
    """The model's folder content; `model_id` is the hash of settings, parameters and weights."""
    tensors: Tensors = {}
    body: dict[str, Any] = {
        "config": _config_to_json(model.config),
        "served_by": model.served_by,
        "features": list(model.served.ensemble.standardiser.names),
        "scored": fit_to_json(model.scored, "scored", tensors),
        "served": None if model.served is model.scored else fit_to_json(model.served, "served", tensors),
        **_pool_to_json(model, tensors),
        **body_of(model.covariates),
    }
    manifest = {
        "name": model.name,
        "ticker": model.ticker,
        "model_id": model_id(body, tensors),
        "currency": model.currency,
        "verdict": model.sentence,
        **body,
        **places_of(model.covariates),
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
        scored = fit_from_json(m["scored"], "scored", config.network, tuple(m["features"]), file.tensors)
        served = scored
        if m["served"] is not None:
            served = fit_from_json(m["served"], "served", config.network, tuple(m["features"]), file.tensors)
        return TrainedModel(
            **_pool_from_json(m, config, file.tensors),
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
            covariates=record_from(m),
        )
    except (KeyError, TypeError, ValueError, ConfigError) as error:
        reason = error.message if isinstance(error, StockcastError) else f"{type(error).__name__}: {error}"
        raise ModelError(f"model {file.name} cannot be read: {reason}", "train it again") from error


def _pool_to_json(model: TrainedModel, tensors: Tensors) -> dict[str, Any]:
    """What a pool has; nothing for a model of one ticker that did not begin with a pool's market."""
    if not model.members:
        return {}
    pool: dict[str, Any] = {"members": list(model.members), "sentences": dict(model.sentences)}
    if model.market is not None:
        tensors |= {f"market.{name}": values for name, values in model.market.arrays().items()}
    if model.alone is not None:
        scored, served = model.alone
        pool["alone_features"] = list(scored.ensemble.standardiser.names)
        pool["alone_scored"] = fit_to_json(scored, "alone_scored", tensors)
        pool["alone_served"] = None if served is scored else fit_to_json(served, "alone_served", tensors)
    return {"pool": pool}


def _pool_from_json(manifest: Mapping[str, Any], config: TrainConfig, tensors: Mapping[str, Any]) -> dict[str, Any]:
    if "pool" not in manifest:
        return {}
    pool = manifest["pool"]
    found: dict[str, Any] = {"members": tuple(pool["members"]), "sentences": dict(pool["sentences"])}
    if "market.days" in tensors:
        arrays = {name: tensors[f"market.{name}"] for name in ("days", "values", "shock")}
        found["market"] = Market.from_arrays(arrays)
    if "alone_scored" in pool:
        names = tuple(pool["alone_features"])
        scored = fit_from_json(pool["alone_scored"], "alone_scored", config.network, names, tensors)
        served = scored
        if pool["alone_served"] is not None:
            served = fit_from_json(pool["alone_served"], "alone_served", config.network, names, tensors)
        found["alone"] = (scored, served)
    return found


def _config_to_json(config: TrainConfig) -> dict[str, Any]:
    split = config.split
    return {
        "network": asdict(config.network),
        "training": asdict(config.training),
        "split": asdict(split) | {name: _iso(getattr(split, name)) for name in ("validate_from", "test_from")},
        "horizon": config.horizon,
        "exchange": config.exchange,
        "init": config.init,
    }


def _config_from_json(data: Mapping[str, Any]) -> TrainConfig:
    split = dict(data["split"])
    for name in ("validate_from", "test_from"):
        split[name] = date.fromisoformat(split[name]) if split[name] else None
    return TrainConfig(
        NetworkConfig(**data["network"]), TrainingConfig(**data["training"]), SplitConfig(**split), data["horizon"],
        data["exchange"], data.get("init", SCRATCH),
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
    import platform  # only saving asks for versions: a forecast starts without this module

    found = {name: installed_version(name) for name in ("stockcast", "numpy", "torch", "scipy", "arch")}
    return {"python": platform.python_version()} | {name: known for name, known in found.items() if known is not None}
