"""The three recurrent cells as a textbook writes them, in NumPy: the inference path, and the oracle for the torch one.

Shapes: S members of the ensemble, N windows, L lookback, T sessions, F features, D hidden units, G gates, H heads.
Arrays are unit-major ([S, D, N]): a gate is one contiguous block.

Every product of a matrix with the windows is a loop over its columns, added one after another. BLAS would be faster
for many windows, but its result for one window depends on how many others share the call; here a window's forecast
has the same bytes alone and in any batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
State = tuple[Array, ...]
"""(h,) for RNN and GRU, (h, c) for LSTM; each [S, D, N]."""

GATES = {"rnn": 1, "lstm": 4, "gru": 3}


def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x), written with tanh, which does not overflow."""
    return 0.5 + 0.5 * np.tanh(0.5 * x)


def rnn_cell(a: Array, u: Array, state: State) -> State:
    """Elman (1990): h' = tanh(W x + b + U h + c), with a = W x + b and u = U h + c, both [S, 1, D, N]."""
    return (np.tanh(a[:, 0] + u[:, 0]),)


def lstm_cell(a: Array, u: Array, state: State) -> State:
    """Hochreiter and Schmidhuber (1997) with the forget gate of Gers et al. (2000); gates in the order i, f, g, o.

    i = sigmoid(.)  how much of the new content enters     c' = f * c + i * g
    f = sigmoid(.)  how much of the old memory stays       h' = o * tanh(c')
    g = tanh(.)     the new content
    o = sigmoid(.)  how much of the memory is shown
    """
    _, c = state
    i, f = sigmoid(a[:, 0] + u[:, 0]), sigmoid(a[:, 1] + u[:, 1])
    g, o = np.tanh(a[:, 2] + u[:, 2]), sigmoid(a[:, 3] + u[:, 3])
    c = f * c + i * g
    return o * np.tanh(c), c


def gru_cell(a: Array, u: Array, state: State) -> State:
    """Cho et al. (2014), with the reset gate applied after the product as in cuDNN; gates in the order r, z, n.

    r = sigmoid(.)                  how much of the past the candidate sees
    z = sigmoid(.)                  how much of the past stays
    n = tanh(a_n + r * u_n)         the candidate         h' = (1 - z) * n + z * h
    """
    (h,) = state
    r, z = sigmoid(a[:, 0] + u[:, 0]), sigmoid(a[:, 1] + u[:, 1])
    n = np.tanh(a[:, 2] + r * u[:, 2])
    return ((1.0 - z) * n + z * h,)


CELLS = {"rnn": rnn_cell, "lstm": lstm_cell, "gru": gru_cell}


@dataclass(frozen=True)
class LayerWeights:
    """One recurrent layer of every member: input_SGDI (I = F, or D above the first layer), hidden_SGDD, two biases."""

    input_SGDI: Array
    hidden_SGDD: Array
    input_bias_SGD: Array
    hidden_bias_SGD: Array


@dataclass(frozen=True)
class NetworkWeights:
    """Every member of an ensemble: layers, linear read-out of the last layer, linear skip from the features."""

    cell: str
    layers: tuple[LayerWeights, ...]
    readout_SHD: Array
    readout_bias_SH: Array
    skip_SHF: Array

    def zero_state(self, windows: int) -> list[State]:
        """The state before a window's first session, for each layer."""
        members, _, units, _ = self.layers[0].hidden_SGDD.shape
        arrays = 2 if self.cell == "lstm" else 1
        return [tuple(np.zeros((members, units, windows)) for _ in range(arrays)) for _ in self.layers]

    def project(self, x_FT: Array) -> Array:
        """First layer's a = W x + b [S, G, D, T]: a session's share is the same in every window that contains it."""
        return _product(self.layers[0].input_SGDI, x_FT[None]) + self.layers[0].input_bias_SGD[..., None]

    def step(self, a_SGDN: Array, states: list[State]) -> list[State]:
        """All layers one session on, from the first layer's projected input."""
        equations = CELLS[self.cell]
        after: list[State] = []
        for depth, (layer, state) in enumerate(zip(self.layers, states, strict=True)):
            if depth:
                a_SGDN = _product(layer.input_SGDI, after[-1][0]) + layer.input_bias_SGD[..., None]
            u_SGDN = _product(layer.hidden_SGDD, state[0]) + layer.hidden_bias_SGD[..., None]
            after.append(equations(a_SGDN, u_SGDN, state))
        return after

    def run(self, a_SGDT: Array, states: list[State]) -> list[State]:
        """All layers over T sessions of one window."""
        for j in range(a_SGDT.shape[-1]):
            states = self.step(a_SGDT[..., j : j + 1], states)
        return states

    def heads(self, states: list[State], x_FN: Array) -> Array:
        """Corrections [H, N] after the last session of each window, averaged over the members."""
        each_SHN = _product(self.readout_SHD, states[-1][0]) + self.readout_bias_SH[..., None]
        each_SHN = each_SHN + _product(self.skip_SHF, x_FN[None])
        total_HN: Array = each_SHN[0]
        for member_HN in each_SHN[1:]:
            total_HN = total_HN + member_HN
        return total_HN / len(each_SHN)

    def window_heads(self, x_TF: Array, lookback: int, start: int, stop: int) -> Array:
        """Corrections [N, H] at origins start .. stop - 1, each from the zero state over its last `lookback` sessions.

        Windows overlap, so step j of all of them is one slice of the projected sessions: no window is ever copied.
        """
        return np.concatenate([
            self._block_heads(x_TF, lookback, first, last) for first, last in _blocks(start, stop)
        ])  # fmt: skip

    def _block_heads(self, x_TF: Array, lookback: int, start: int, stop: int) -> Array:
        oldest = start - lookback + 1
        x_FT = np.ascontiguousarray(x_TF[oldest:stop].T)
        a_SGDT = self.project(x_FT)
        count = stop - start
        states = self.zero_state(count)
        for j in range(lookback):
            states = self.step(a_SGDT[..., j : j + count], states)
        heads_NH: Array = np.ascontiguousarray(self.heads(states, x_FT[:, lookback - 1 :]).T)
        return heads_NH


def _product(W: Array, x: Array) -> Array:
    """W x for W [S, ..., K] and x [S or 1, K, N], summed over K in order: a row of the result depends on its own x."""
    extra = (None,) * (W.ndim - 2)
    total: Array = np.asarray(W[..., 0, None] * x[(slice(None), *extra, 0)])
    term = np.empty_like(total)
    for k in range(1, W.shape[-1]):
        np.multiply(W[..., k, None], x[(slice(None), *extra, k)], out=term)
        total += term
    return total


_BLOCK = 256


def _blocks(start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Ranges of at most _BLOCK origins: the arrays of a step then stay in the cache."""
    for first in range(start, stop, _BLOCK):
        yield first, min(first + _BLOCK, stop)
