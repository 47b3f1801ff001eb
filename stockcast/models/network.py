"""RNN, LSTM and GRU in torch: one class with a `cell` field, a correction to the base scale; weights and optimiser.

Shapes: B chunks, L sessions, F features, D hidden units, S members. The equations are those of `cells`, in NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import nn

from stockcast.config import NetworkConfig
from stockcast.models.cells import GATES, LayerWeights, NetworkWeights

HEADS = 3
"""Corrections to location (in units of the base scale), to ln scale and to ln(nu - floor)."""

_CELLS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class Network(nn.Module):
    """Recurrent network whose output is zero at initialisation, so that it starts as the base scale's forecast."""

    def __init__(self, config: NetworkConfig, features: int, heads: int = HEADS) -> None:
        super().__init__()
        self.recurrent = _CELLS[config.cell](
            features,
            config.hidden_size,
            config.layers,
            batch_first=True,
            dropout=config.dropout if config.layers > 1 else 0.0,
        )
        self.dropout = nn.Dropout(config.dropout)
        self.readout = nn.Linear(config.hidden_size, heads)
        self.skip = nn.Linear(features, heads, bias=False)
        for parameter in (self.readout.weight, self.readout.bias, self.skip.weight):
            nn.init.zeros_(parameter)
        if heads == 1:
            self.feedback = nn.Parameter(torch.zeros(()))

    def forward(self, x_BLF: torch.Tensor) -> torch.Tensor:
        """Heads [B, L, H] at every session, the state starting from zero."""
        h_BLD, _ = self.recurrent(x_BLF)
        heads_BLH: torch.Tensor = self.readout(self.dropout(h_BLD)) + self.skip(x_BLF)
        return heads_BLH


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


def one_cycle(progress: float) -> float:
    """Share of the peak rate: up on a cosine for three tenths of the way, down to zero after (Smith 2018)."""
    rise, floor = 0.3, 0.04
    if progress < rise:
        return floor + (1 - floor) * (1 - math.cos(math.pi * progress / rise)) / 2
    return (1 + math.cos(math.pi * (progress - rise) / (1 - rise))) / 2


class AdamW:
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019).

    Not torch's own: constructing that imports torch's compiler, which takes as long as torch itself.
    """

    def __init__(self, parameters: Iterable[torch.Tensor], weight_decay: float) -> None:
        self.parameters = list(parameters)
        self.weight_decay = weight_decay
        self.mean = [torch.zeros_like(p) for p in self.parameters]
        self.square = [torch.zeros_like(p) for p in self.parameters]
        self.count = 0

    @torch.no_grad()
    def step(self, rate: float, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8) -> None:
        """One update from the parameters' gradients, which are then cleared."""
        self.count += 1
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        torch._foreach_mul_(self.parameters, 1 - rate * self.weight_decay)
        torch._foreach_lerp_(self.mean, gradients, 1 - beta1)
        torch._foreach_mul_(self.square, beta2)
        torch._foreach_addcmul_(self.square, gradients, gradients, 1 - beta2)
        root = torch._foreach_sqrt(self.square)
        torch._foreach_div_(root, math.sqrt(1 - beta2**self.count))
        torch._foreach_add_(root, epsilon)
        torch._foreach_addcdiv_(self.parameters, self.mean, root, value=-rate / (1 - beta1**self.count))
        for p in self.parameters:
            p.grad = None
