"""RNN, LSTM and GRU in torch: one class with a `cell` field, a correction to the base scale.

Shapes: B chunks, L sessions, F features, D hidden units. The equations are those of `cells`, written in NumPy.
"""

from __future__ import annotations

import torch
from torch import nn

from stockcast.config import NetworkConfig

HEADS = 3
"""Corrections to location (in units of the base scale), to ln scale and to ln(nu - floor)."""

_CELLS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class Network(nn.Module):
    """Recurrent network whose output is zero at initialisation, so that it starts as the base scale's forecast."""

    def __init__(self, config: NetworkConfig, features: int) -> None:
        super().__init__()
        self.recurrent = _CELLS[config.cell](
            features,
            config.hidden_size,
            config.layers,
            batch_first=True,
            dropout=config.dropout if config.layers > 1 else 0.0,
        )
        self.dropout = nn.Dropout(config.dropout)
        self.readout = nn.Linear(config.hidden_size, HEADS)
        self.skip = nn.Linear(features, HEADS, bias=False)
        for parameter in (self.readout.weight, self.readout.bias, self.skip.weight):
            nn.init.zeros_(parameter)

    def forward(self, x_BLF: torch.Tensor) -> torch.Tensor:
        """Corrections [B, L, 3] at every session, the state starting from zero."""
        h_BLD, _ = self.recurrent(x_BLF)
        heads_BLH: torch.Tensor = self.readout(self.dropout(h_BLD)) + self.skip(x_BLF)
        return heads_BLH
