"""Back propagation through time in NumPy: the exact gradient of a correction with respect to the window.

Shapes: S members, N windows, L sessions of a window, G gates, D hidden units, F features, I inputs of a layer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from stockcast.models.cells import Array, LayerWeights, NetworkWeights
from stockcast.models.gates import LayerTrace, trace

Parts = Mapping[str, Array]
Step = tuple[Array, Array, dict[str, Array]]
"""Gradients of a = W x + b and of u = U h + b, both [S, G, D, N], and of the states before by what adds to them."""


def gradient(weights: NetworkWeights, x_LFN: Array, head: int) -> Array:
    """d correction / d x of every standardised feature of every session, [L, F, N], averaged over the members."""
    traces = trace(weights, x_LFN)
    members = len(weights.readout_SHD)
    out_LSDN = np.zeros_like(traces[-1].parts["hidden"])
    out_LSDN[-1] = weights.readout_SHD[:, head, :, None] / members
    for layer, seen in zip(reversed(weights.layers), reversed(traces), strict=True):
        out_LSDN = _back(weights.cell, layer, seen, out_LSDN)
    found_LFN: Array = out_LSDN.sum(axis=1)
    found_LFN[-1] += weights.skip_SHF[:, head].mean(axis=0)[:, None]
    return found_LFN


def _back(cell: str, layer: LayerWeights, seen: LayerTrace, out_LSDN: Array) -> Array:
    """From the gradient of a layer's outputs to that of its inputs, [L, S, I, N], last session first."""
    before = {name: seen.before(name) for name in ("hidden", "cell") if name in seen.parts}
    zero_SDN = np.zeros_like(out_LSDN[0])
    carried = {"hidden": zero_SDN, "cell": zero_SDN}
    found: list[Array] = []
    for t in reversed(range(len(out_LSDN))):
        parts = {name: part[t] for name, part in seen.parts.items()}
        parts |= {f"{name} before": part[t] for name, part in before.items()}
        d_hidden = out_LSDN[t] + carried["hidden"]
        d_a, d_u, past = _STEPS[cell](parts, d_hidden, carried["cell"])
        carried = {
            "hidden": _transposed(layer.hidden_SGDD, d_u) + past.get("hidden", 0.0),
            "cell": past.get("cell", zero_SDN),
        }
        found.append(_transposed(layer.input_SGDI, d_a))
    return np.stack(found[::-1])


def _transposed(W_SGDI: Array, d_SGDN: Array) -> Array:
    """W' d for every member, summed over its gates: [S, I, N]."""
    members, gates, units, inputs = W_SGDI.shape
    flat = W_SGDI.reshape(members, gates * units, inputs).transpose(0, 2, 1)
    product: Array = np.matmul(flat, d_SGDN.reshape(members, gates * units, -1))
    return product


def _rnn(p: Parts, d_h: Array, _: Array) -> Step:
    d_a = (d_h * (1.0 - p["hidden"] ** 2))[:, None]
    return d_a, d_a, {}


def _lstm(p: Parts, d_h: Array, d_c: Array) -> Step:
    i, f, g, o, shown = p["input"], p["forget"], p["candidate"], p["output"], np.tanh(p["cell"])
    d_c = d_c + d_h * o * (1.0 - shown**2)
    d_gates = [
        d_c * g * i * (1.0 - i),
        d_c * p["cell before"] * f * (1.0 - f),
        d_c * i * (1.0 - g**2),
        d_h * shown * o * (1.0 - o),
    ]
    d_a = np.stack(d_gates, axis=1)
    return d_a, d_a, {"cell": d_c * f}


def _gru(p: Parts, d_h: Array, _: Array) -> Step:
    r, z, n = p["reset"], p["update"], p["candidate"]
    d_n = d_h * (1.0 - z) * (1.0 - n**2)
    d_r = d_n * p["recurrent"] * r * (1.0 - r)
    d_z = d_h * (p["hidden before"] - n) * z * (1.0 - z)
    return np.stack([d_r, d_z, d_n], axis=1), np.stack([d_r, d_z, d_n * r], axis=1), {"hidden": d_h * z}


_STEPS: dict[str, Callable[[Parts, Array, Array], Step]] = {"rnn": _rnn, "lstm": _lstm, "gru": _gru}
