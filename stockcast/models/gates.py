"""Gates: what every gate and state of a recurrent network is, session by session, in NumPy.

The equations are those of `cells`, which keeps nothing but the state. Nothing is forecast here: products are NumPy's
own, and the states agree with those of `cells` to the last digits, not to the last byte.

Shapes: S members, N windows, L sessions of a window, G gates, D hidden units, F features, I inputs of a layer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from stockcast.models.cells import Array, LayerWeights, NetworkWeights, sigmoid

Parts = dict[str, Array]

READINGS = {
    "lstm": ("input", "forget", "candidate", "output", "cell"),
    "gru": ("reset", "update", "candidate"),
    "rnn": ("hidden",),
}
"""What there is to see of each cell, in the order of its equations."""

SIGNED = ("candidate", "cell", "hidden")
"""Within -1 .. 1, or without bounds; the others are shares."""


@dataclass(frozen=True)
class LayerTrace:
    """One layer over the window. parts: gates and states by name, each [L, S, D, N].

    `hidden` is in all; `cell` in an LSTM; `recurrent`, the reset gate's U h + b before it is gated, in a GRU.
    """

    parts: Mapping[str, Array]

    def before(self, name: str) -> Array:
        """A state as it was before each session, zero before the first."""
        part_LSDN = self.parts[name]
        return np.concatenate([np.zeros_like(part_LSDN[:1]), part_LSDN[:-1]])


def trace(weights: NetworkWeights, x_LFN: Array) -> tuple[LayerTrace, ...]:
    """Every layer's gates and states over windows of standardised features, each from the zero state."""
    members = len(weights.readout_SHD)
    input_LSIN = np.broadcast_to(x_LFN[:, None], (x_LFN.shape[0], members, *x_LFN.shape[1:]))
    found: list[LayerTrace] = []
    for layer in weights.layers:
        found.append(LayerTrace(_run(weights.cell, layer, input_LSIN)))
        input_LSIN = found[-1].parts["hidden"]
    return tuple(found)


def activations(weights: NetworkWeights, x_LF: Array) -> tuple[dict[str, Array], ...]:
    """What there is to see of each layer over one window, by name, each [S, D, L]."""
    return tuple(
        {name: layer.parts[name][..., 0].transpose(1, 2, 0) for name in READINGS[weights.cell]}
        for layer in trace(weights, x_LF[..., None])
    )


def _run(cell: str, layer: LayerWeights, input_LSIN: Array) -> Parts:
    members, _, units, _ = layer.hidden_SGDD.shape
    a_LSGDN = _through(layer.input_SGDI, input_LSIN) + layer.input_bias_SGD[..., None]
    zero_SDN = np.zeros((members, units, input_LSIN.shape[-1]))
    now: Parts = {"hidden": zero_SDN, "cell": zero_SDN}
    steps: list[Parts] = []
    for a_SGDN in a_LSGDN:
        u_SGDN = _through(layer.hidden_SGDD, now["hidden"]) + layer.hidden_bias_SGD[..., None]
        now = _EQUATIONS[cell](a_SGDN, u_SGDN, now)
        steps.append(now)
    return {name: np.stack([step[name] for step in steps]) for name in now}


def _through(W_SGDI: Array, x_SIN: Array) -> Array:
    """W x for every member and gate; x may have more axes in front."""
    members, gates, units, inputs = W_SGDI.shape
    flat = np.matmul(W_SGDI.reshape(members, gates * units, inputs), x_SIN)
    product: Array = flat.reshape(*flat.shape[:-2], gates, units, flat.shape[-1])
    return product


def _rnn(a: Array, u: Array, _: Parts) -> Parts:
    return {"hidden": np.tanh(a[:, 0] + u[:, 0])}


def _lstm(a: Array, u: Array, before: Parts) -> Parts:
    i, f, o = (sigmoid(a[:, gate] + u[:, gate]) for gate in (0, 1, 3))
    g = np.tanh(a[:, 2] + u[:, 2])
    c = f * before["cell"] + i * g
    return {"input": i, "forget": f, "candidate": g, "output": o, "cell": c, "hidden": o * np.tanh(c)}


def _gru(a: Array, u: Array, before: Parts) -> Parts:
    r, z = (sigmoid(a[:, gate] + u[:, gate]) for gate in (0, 1))
    n = np.tanh(a[:, 2] + r * u[:, 2])
    h = (1.0 - z) * n + z * before["hidden"]
    return {"reset": r, "update": z, "candidate": n, "recurrent": u[:, 2], "hidden": h}


_EQUATIONS: dict[str, Callable[[Array, Array, Parts], Parts]] = {"rnn": _rnn, "lstm": _lstm, "gru": _gru}
