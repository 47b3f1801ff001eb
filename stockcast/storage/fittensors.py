"""A fit as plain JSON and tensors, and back: what model folders and fold files share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stockcast.config import NetworkConfig
from stockcast.forecasting import Fit
from stockcast.models.baselines import ALL_BASELINES, Baseline
from stockcast.models.basescale import HarScale
from stockcast.models.cells import GATES, LayerWeights, NetworkWeights
from stockcast.models.ensemble import Ensemble, Standardiser
from stockcast.models.simulation import Shocks
from stockcast.storage.codec import MisfitError, decode, encode

Tensors = dict[str, NDArray[Any]]

_LAYER_FIELDS = ("input_SGDI", "hidden_SGDD", "input_bias_SGD", "hidden_bias_SGD")
_READOUT_FIELDS = ("readout_SHD", "readout_bias_SH", "skip_SHF")
_HEADS = 3


@dataclass(frozen=True)
class FitRecord:
    """What is plain of a fit. cutoff: last session that it has seen. baselines: parameters by name."""

    cutoff: date
    base_scale: HarScale
    baselines: Mapping[str, Any]


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
    record = FitRecord(fit.cutoff, ensemble.base, {name: encode(known) for name, known in fit.baselines.items()})
    plain: dict[str, Any] = encode(record)
    return plain


def fit_from_json(
    record: FitRecord,
    prefix: str,
    network: NetworkConfig,
    names: tuple[str, ...],
    tensors: Mapping[str, NDArray[Any]],
) -> Fit:
    """The fit that `fit_to_json` took apart. names: of the features.

    Raises MisfitError where something is missing, has another shape than the network asks for, or is no parameter.
    """
    found = _Arrays(prefix, tensors)
    members = found.members()
    gates, units = GATES[network.cell], network.hidden_size

    def layer(k: int) -> LayerWeights:
        inputs = units if k else len(names)
        shapes = ((gates, units, inputs), (gates, units, units), (gates, units), (gates, units))
        return LayerWeights(
            *(found[f"layers.{k}.{name}", (members, *shape)] for name, shape in zip(_LAYER_FIELDS, shapes, strict=True))
        )

    heads = ((_HEADS, units), (_HEADS,), (_HEADS, len(names)))
    weights = NetworkWeights(
        network.cell,
        tuple(layer(k) for k in range(network.layers)),
        *(found[name, (members, *shape)] for name, shape in zip(_READOUT_FIELDS, heads, strict=True)),
    )
    standardiser = Standardiser(names, found["centre", (len(names),)], found["spread", (len(names),)])
    if not (standardiser.spread_F > 0).all():
        raise MisfitError(f"{prefix}.spread", "holds numbers that are not above 0")
    ensemble = Ensemble(network, record.base_scale, standardiser, weights, record.cutoff)
    shocks = found["shocks", (None, 4)]
    if not len(shocks):
        raise MisfitError(f"{prefix}.shocks", "is empty")
    return Fit(ensemble, _baselines(record.baselines, f"{prefix}.baselines"), Shocks(shocks))


def _baselines(known: Mapping[str, Any], place: str) -> dict[str, Baseline]:
    unknown = [name for name in known if name not in ALL_BASELINES]
    if unknown:
        raise MisfitError(f"{place}.{unknown[0]}", "is a baseline that this version does not know")
    return {name: decode(ALL_BASELINES[name], parameters, f"{place}.{name}") for name, parameters in known.items()}


@dataclass(frozen=True)
class _Arrays:
    """The tensors of one fit, each asked for with the shape that it has to have; None: of any length."""

    prefix: str
    tensors: Mapping[str, NDArray[Any]]

    def members(self) -> int:
        """Networks in the ensemble."""
        shape = self[_READOUT_FIELDS[1], (None, _HEADS)].shape
        return int(shape[0])

    def __getitem__(self, asked: tuple[str, tuple[int | None, ...]]) -> NDArray[np.float64]:
        name, shape = f"{self.prefix}.{asked[0]}", asked[1]
        if name not in self.tensors:
            raise MisfitError(name, "is missing among the weights")
        array = self.tensors[name]
        if array.dtype.kind != "f":
            raise MisfitError(name, f"holds {array.dtype}, not floating-point numbers")
        if len(array.shape) != len(shape) or any(n not in (None, m) for n, m in zip(shape, array.shape, strict=True)):
            raise MisfitError(name, f"has the shape {array.shape}, not {shape}")
        if not np.isfinite(array).all():
            raise MisfitError(name, "holds numbers that are not finite")
        return array.astype(np.float64)


def _single(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Weights were trained in single precision and shocks are rounded to it on creation: nothing is lost."""
    return np.ascontiguousarray(values, dtype=np.float32)
