"""A fit as plain JSON and tensors, and back: what model folders and fold files share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stockcast.config import NetworkConfig
from stockcast.forecasting import Fit
from stockcast.models import baselines
from stockcast.models.basescale import HarScale
from stockcast.models.cells import LayerWeights, NetworkWeights
from stockcast.models.ensemble import Ensemble, Standardiser
from stockcast.models.simulation import Shocks

Tensors = dict[str, NDArray[Any]]

_LAYER_FIELDS = ("input_SGDI", "hidden_SGDD", "input_bias_SGD", "hidden_bias_SGD")
_READOUT_FIELDS = ("readout_SHD", "readout_bias_SH", "skip_SHF")


def fit_to_json(fit: Fit, prefix: str, tensors: Tensors) -> dict[str, Any]:
    """What is plain of a fit; its arrays go into `tensors`, under names that begin with `prefix`."""
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


def fit_from_json(
    data: Mapping[str, Any],
    prefix: str,
    network: NetworkConfig,
    names: tuple[str, ...],
    tensors: Mapping[str, NDArray[Any]],
) -> Fit:
    """The fit that `fit_to_json` took apart. names: of the features.

    Raises KeyError, TypeError or ValueError where something is missing or is no parameter, ModelError for a baseline
    that this version does not know.
    """

    def double(name: str) -> NDArray[np.float64]:
        return tensors[f"{prefix}.{name}"].astype(np.float64)

    weights = NetworkWeights(
        network.cell,
        tuple(LayerWeights(*(double(f"layers.{k}.{name}") for name in _LAYER_FIELDS)) for k in range(network.layers)),
        *(double(name) for name in _READOUT_FIELDS),
    )
    base = data["base_scale"]
    ensemble = Ensemble(
        config=network,
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
