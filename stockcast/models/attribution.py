"""Attribution: what every gate and state of a network is, and how much each feature moved a correction of it, in NumPy.

The equations are those of `cells`, which keeps nothing but the state, and their exact gradient, by back propagation
through time. Nothing is forecast here: products are NumPy's own, and states agree with those of `cells` to the last
digits, not to the last byte. Attributions compare with a window of training means, which is zero after standardising.

Shapes: S members, N windows, L sessions of a window, oldest first, G gates, D hidden units, F features, I inputs of a
layer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from stockcast.models.cells import Array, LayerWeights, NetworkWeights, sigmoid

Parts = Mapping[str, Array]

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


def _rnn_back(p: Parts, d_h: Array, _: Array) -> Step:
    d_a = (d_h * (1.0 - p["hidden"] ** 2))[:, None]
    return d_a, d_a, {}


def _lstm_back(p: Parts, d_h: Array, d_c: Array) -> Step:
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


def _gru_back(p: Parts, d_h: Array, _: Array) -> Step:
    r, z, n = p["reset"], p["update"], p["candidate"]
    d_n = d_h * (1.0 - z) * (1.0 - n**2)
    d_r = d_n * p["recurrent"] * r * (1.0 - r)
    d_z = d_h * (p["hidden before"] - n) * z * (1.0 - z)
    return np.stack([d_r, d_z, d_n], axis=1), np.stack([d_r, d_z, d_n * r], axis=1), {"hidden": d_h * z}


_STEPS: dict[str, Callable[[Parts, Array, Array], Step]] = {"rnn": _rnn_back, "lstm": _lstm_back, "gru": _gru_back}


HEADS = {"location": 0, "scale": 1, "nu": 2}
POINTS = 64
"""Of the quadrature along the way from the training means to the window."""

_BATCH_NUMBERS = 2**22
"""Numbers that one batch may keep of gates and states: 32 MiB."""


def corrections(weights: NetworkWeights, x_LFN: Array, head: int) -> Array:
    """The network's correction for each window, [N], averaged over the members, by the equations of `cells`."""
    states = weights.zero_state(x_LFN.shape[-1])
    for x_FN in x_LFN:
        states = weights.step(weights.project(x_FN), states)
    found_N: Array = weights.heads(states, x_LFN[-1])[head]
    return found_N


def integrated_gradients(weights: NetworkWeights, x_LF: Array, head: int, points: int = POINTS) -> Array:
    """Integrated gradients: x times the mean gradient on the straight way from zero to x.

    The attributions sum to the correction at x less that at zero (completeness), up to the quadrature's error. The
    gradient is exact. Sundararajan, Taly and Yan (2017), Axiomatic attribution for deep networks, arXiv 1703.01365.

    Args:
        weights: The networks.
        x_LF: One window of standardised features.
        head: Which correction: see `HEADS`.
        points: Nodes of the Gauss-Legendre quadrature along the way.

    Returns:
        What each feature of each session adds to the correction, [L, F].
    """
    nodes, quadrature = np.polynomial.legendre.leggauss(points)
    way_N, weight_N = 0.5 * (nodes + 1.0), 0.5 * quadrature
    mean_LF = np.zeros_like(x_LF)
    for batch in _batches(weights, x_LF, points):
        mean_LF = mean_LF + gradient(weights, x_LF[..., None] * way_N[batch], head) @ weight_N[batch]
    return x_LF * mean_LF


def occlusion(weights: NetworkWeights, x_LF: Array, head: int) -> Array:
    """Occlusion: the correction less the one where this feature of this session is zero.

    Features that stand in for each other each seem to matter less than they do together: the sum is not complete.
    Zeiler and Fergus (2014), Visualizing and understanding convolutional networks, arXiv 1311.2901.

    Args:
        weights: The networks.
        x_LF: One window of standardised features.
        head: Which correction: see `HEADS`.

    Returns:
        What is lost without each feature of each session, [L, F].
    """
    whole = corrections(weights, x_LF[..., None], head)[0]
    lost_N = np.empty(x_LF.size)
    for batch in _batches(weights, x_LF, x_LF.size):
        cells_N = np.arange(x_LF.size)[batch]
        x_LFN = np.repeat(x_LF[..., None], len(cells_N), axis=-1)
        x_LFN.reshape(x_LF.size, -1)[cells_N, np.arange(len(cells_N))] = 0.0
        lost_N[batch] = whole - corrections(weights, x_LFN, head)
    return lost_N.reshape(x_LF.shape)


ATTRIBUTIONS = {"integrated-gradients": integrated_gradients, "occlusion": occlusion}


def direct(weights: NetworkWeights, x_LF: Array, head: int) -> float:
    """What the linear skip makes of the last session's features: the part that needs no memory."""
    return float(weights.skip_SHF[:, head].mean(axis=0) @ x_LF[-1])


def _batches(weights: NetworkWeights, x_LF: Array, windows: int) -> Iterator[slice]:
    """All windows, as many at a time as the memory for their gates allows."""
    members, gates, units, _ = weights.layers[0].hidden_SGDD.shape
    numbers = len(x_LF) * members * (gates + 3) * max(units, x_LF.shape[1]) * len(weights.layers)
    most = max(_BATCH_NUMBERS // numbers, 1)
    for first in range(0, windows, most):
        yield slice(first, min(first + most, windows))
