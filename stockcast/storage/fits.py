"""Fits as plain JSON and tensors, and back: what model folders and fold files share."""

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
from stockcast.storage.codec import MisfitError, Tensors, decode, from_tensors, tensor, to_tensors

_HEADS = 3


@dataclass(frozen=True)
class FitRecord:
    """What is plain of a fit. cutoff: last session that it has seen. baselines: parameters by name."""

    cutoff: date
    base_scale: HarScale
    baselines: Mapping[str, Any]


def fit_record(fit: Fit, place: str, tensors: Tensors) -> FitRecord:
    """Take a fit apart.

    Weights were trained in single precision and shocks are rounded to it on creation: nothing is lost.

    Args:
        fit: The fit.
        place: What the names of its arrays begin with.
        tensors: Where they go.

    Returns:
        What is plain of it.
    """
    ensemble = fit.ensemble
    tensors |= to_tensors(ensemble.weights, place, np.float32)
    tensors[f"{place}.centre"] = ensemble.standardiser.centre_F
    tensors[f"{place}.spread"] = ensemble.standardiser.spread_F
    tensors[f"{place}.shocks"] = np.ascontiguousarray(fit.shocks.values_M4, np.float32)
    return FitRecord(fit.cutoff, ensemble.base, fit.baselines)


def fit_of(
    record: FitRecord,
    place: str,
    network: NetworkConfig,
    features: tuple[str, ...],
    tensors: Mapping[str, NDArray[Any]],
) -> Fit:
    """Put together the fit that `fit_record` took apart.

    Args:
        record: What is plain of it.
        place: What the names of its arrays begin with.
        network: The network, which says what shapes they have.
        features: Names of its columns.
        tensors: Arrays by name.

    Raises:
        MisfitError: Where something is missing, has another shape than the network asks for, or is no parameter.
    """
    sizes = {"G": GATES[network.cell], "D": network.hidden_size, "H": _HEADS, "F": len(features)}
    sizes["S"] = len(tensor(tensors, f"{place}.readout_bias_SH", (None, _HEADS)))
    layers = tuple(
        from_tensors(LayerWeights, tensors, f"{place}.layers.{k}", sizes | {"I": sizes["D" if k else "F"]}, {})
        for k in range(network.layers)
    )
    weights = from_tensors(NetworkWeights, tensors, place, sizes, {"cell": network.cell, "layers": layers})
    centre_F, spread_F = (tensor(tensors, f"{place}.{name}", (sizes["F"],)) for name in ("centre", "spread"))
    if not (spread_F > 0).all():
        raise MisfitError(f"{place}.spread", "holds numbers that are not above 0")
    shocks_M4 = tensor(tensors, f"{place}.shocks", (None, 4))
    if not len(shocks_M4):
        raise MisfitError(f"{place}.shocks", "is empty")
    standardiser = Standardiser(features, centre_F, spread_F)
    ensemble = Ensemble(network, record.base_scale, standardiser, weights, record.cutoff)
    return Fit(ensemble, _baselines(record.baselines, f"{place}.baselines"), Shocks(shocks_M4))


def _baselines(known: Mapping[str, Any], place: str) -> dict[str, Baseline]:
    unknown = [name for name in known if name not in ALL_BASELINES]
    if unknown:
        raise MisfitError(f"{place}.{unknown[0]}", "is a baseline that this version does not know")
    return {name: decode(ALL_BASELINES[name], parameters, f"{place}.{name}") for name, parameters in known.items()}
