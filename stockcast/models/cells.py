"""The three recurrent cells as a textbook writes them, in NumPy: the inference path, and the oracle for the torch one.

Shapes: S members of the ensemble, N windows, L lookback, T sessions, F features, D hidden units, G gates, H heads.
Arrays are unit-major ([S, D, N]): a gate is one contiguous block.

A window's forecast has the same bytes alone and in any batch. BLAS alone does not promise that: how it adds depends on
the shape of the product. So each product with the windows is made of products of one shape, _TILE windows wide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
State = tuple[Array, ...]
"""(h,) for RNN and GRU, (h, c) for LSTM; each [S, D, N]."""

GATES = {"rnn": 1, "lstm": 4, "gru": 3}


def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x); below -700, where e^-x would overflow, as at -700."""
    e = np.maximum(x, -700.0)
    np.negative(e, out=e)
    np.exp(e, out=e)
    e += 1.0
    return np.divide(1.0, e, out=e)


def tanh(x: Array) -> Array:
    """2 sigmoid(2 x) - 1, to 1e-15: NumPy's own tanh takes twice the time, and most of a forecast's is spent here."""
    y = sigmoid(2.0 * x)
    y *= 2.0
    y -= 1.0
    return y


def rnn_cell(a: Array, u: Array, state: State) -> State:
    """Elman (1990): h' = tanh(W x + b + U h + c), with a = W x + b and u = U h + c, both [S, 1, D, N]."""
    return (tanh(a[:, 0] + u[:, 0]),)


def lstm_cell(a: Array, u: Array, state: State) -> State:
    """Hochreiter and Schmidhuber (1997) with the forget gate of Gers et al. (2000); gates in the order i, f, g, o.

    i = sigmoid(.)  how much of the new content enters     c' = f * c + i * g
    f = sigmoid(.)  how much of the old memory stays       h' = o * tanh(c')
    g = tanh(.)     the new content
    o = sigmoid(.)  how much of the memory is shown
    """
    _, c = state
    i, f = sigmoid(a[:, 0] + u[:, 0]), sigmoid(a[:, 1] + u[:, 1])
    g, o = tanh(a[:, 2] + u[:, 2]), sigmoid(a[:, 3] + u[:, 3])
    c = f * c + i * g
    return o * tanh(c), c


def gru_cell(a: Array, u: Array, state: State) -> State:
    """Cho et al. (2014), with the reset gate applied after the product as in cuDNN; gates in the order r, z, n.

    r = sigmoid(.)                  how much of the past the candidate sees
    z = sigmoid(.)                  how much of the past stays
    n = tanh(a_n + r * u_n)         the candidate         h' = (1 - z) * n + z * h
    """
    (h,) = state
    r, z = sigmoid(a[:, 0] + u[:, 0]), sigmoid(a[:, 1] + u[:, 1])
    n = tanh(a[:, 2] + r * u[:, 2])
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

    def each(self, changed: Callable[[Array], Array]) -> NetworkWeights:
        """The network whose every array is what becomes of it here."""
        layers = tuple(LayerWeights(*map(changed, vars(layer).values())) for layer in self.layers)
        readout, bias, skip = map(changed, (self.readout_SHD, self.readout_bias_SH, self.skip_SHF))
        return NetworkWeights(self.cell, layers, readout, bias, skip)

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

    def chunk_heads(self, x_TF: Array, lookback: int, start: int, stop: int) -> Array:
        """Nearly `window_heads` in a thirtieth of the steps: from windows of one to two lookbacks.

        Chunks of `lookback` origins, all at once, each from the zero state a lookback before its first. For a fit over
        very many origins; a forecast may not hang on where the first of them is.
        """
        chunks = -(-(stop - start) // lookback)
        x_TF = x_TF[start - lookback + 1 : stop]
        missing = (chunks + 1) * lookback - 1 - len(x_TF)
        x_FT = np.ascontiguousarray(np.concatenate([x_TF, np.zeros((missing, x_TF.shape[1]))]).T)
        a_SGDT, states, heads = self.project(x_FT), self.zero_state(chunks), []
        for j in range(2 * lookback - 1):
            sessions = slice(j, j + lookback * (chunks - 1) + 1, lookback)
            states = self.step(a_SGDT[..., sessions], states)
            if j >= lookback - 1:
                heads.append(self.heads(states, x_FT[:, sessions]).T)
        heads_NH: Array = np.stack(heads, axis=1).reshape(-1, heads[0].shape[1])[: stop - start]
        return heads_NH

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
    """W x for W [S, ..., K] and x [S or 1, K, N]: a column of the result depends on its own x alone."""
    flat = W.reshape(len(W), -1, W.shape[-1])
    windows = x.shape[-1]
    missing = -windows % _TILE
    if missing:
        x = np.concatenate([x, np.zeros((*x.shape[:-1], missing))], axis=-1)
    total = np.empty((*flat.shape[:2], windows + missing))
    for tile in range(0, windows, _TILE):
        columns = slice(tile, tile + _TILE)
        np.matmul(flat, x[..., columns], out=total[..., columns])
    whole: Array = total[..., :windows].reshape(*W.shape[:-1], windows)
    return whole


_TILE = 16
_BLOCK = 128


def _blocks(start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Ranges of at most _BLOCK origins: the arrays of a step then stay in the cache."""
    for first in range(start, stop, _BLOCK):
        yield first, min(first + _BLOCK, stop)
