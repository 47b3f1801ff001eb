"""Weights as torch trains them, one member at a time, and as NumPy runs them, all members of an ensemble at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from stockcast.config import NetworkConfig
from stockcast.models.cells import GATES, LayerWeights, NetworkWeights

Weights = dict[str, torch.Tensor]


def stack(config: NetworkConfig, members: Sequence[Weights]) -> NetworkWeights:
    """The members' torch weights as NumPy arrays in double precision, one more axis in front."""

    def stacked(name: str, *shape: int) -> np.ndarray:
        return np.stack([m[name].numpy().astype(np.float64).reshape(shape or m[name].shape) for m in members])

    gates, units = GATES[config.cell], config.hidden_size
    layers = tuple(
        LayerWeights(
            input_SGDI=stacked(f"recurrent.weight_ih_l{k}", gates, units, -1),
            hidden_SGDD=stacked(f"recurrent.weight_hh_l{k}", gates, units, units),
            input_bias_SGD=stacked(f"recurrent.bias_ih_l{k}", gates, units),
            hidden_bias_SGD=stacked(f"recurrent.bias_hh_l{k}", gates, units),
        )
        for k in range(config.layers)
    )
    return NetworkWeights(
        config.cell, layers, stacked("readout.weight"), stacked("readout.bias"), stacked("skip.weight")
    )


def member_of(weights: NetworkWeights, member: int) -> Weights:
    """One member of stacked weights as torch has them: what `stack` undoes."""

    def single(values_S: np.ndarray, *shape: int) -> torch.Tensor:
        own = np.ascontiguousarray(values_S[member], dtype=np.float32)
        return torch.from_numpy(own.reshape(shape) if shape else own)

    found = {
        "readout.weight": single(weights.readout_SHD),
        "readout.bias": single(weights.readout_bias_SH),
        "skip.weight": single(weights.skip_SHF),
    }
    for k, layer in enumerate(weights.layers):
        rows = layer.input_SGDI.shape[1] * layer.input_SGDI.shape[2]
        found[f"recurrent.weight_ih_l{k}"] = single(layer.input_SGDI, rows, -1)
        found[f"recurrent.weight_hh_l{k}"] = single(layer.hidden_SGDD, rows, -1)
        found[f"recurrent.bias_ih_l{k}"] = single(layer.input_bias_SGD, rows)
        found[f"recurrent.bias_hh_l{k}"] = single(layer.hidden_bias_SGD, rows)
    return found
