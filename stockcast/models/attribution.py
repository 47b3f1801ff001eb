"""Attribution: how much each feature of each session of a window moved a correction of the network.

Both methods compare with a window of training means, which is zero after standardising.

Shapes: L sessions of the window, oldest first, F features, N windows of a batch.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from stockcast.models.backpropagation import gradient
from stockcast.models.cells import Array, NetworkWeights

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
    """Sundararajan, Taly and Yan (2017): x times the mean gradient on the straight way from zero to x, [L, F].

    The attributions sum to the correction at x less that at zero (completeness), up to the quadrature's error;
    Gauss-Legendre on `points` nodes. The gradient is exact.
    """
    nodes, quadrature = np.polynomial.legendre.leggauss(points)
    way_N, weight_N = 0.5 * (nodes + 1.0), 0.5 * quadrature
    mean_LF = np.zeros_like(x_LF)
    for batch in _batches(weights, x_LF, points):
        mean_LF = mean_LF + gradient(weights, x_LF[..., None] * way_N[batch], head) @ weight_N[batch]
    return x_LF * mean_LF


def occlusion(weights: NetworkWeights, x_LF: Array, head: int) -> Array:
    """Zeiler and Fergus (2014): the correction less the one where this feature of this session is zero, [L, F].

    Features that stand in for each other each seem to matter less than they do together: the sum is not complete.
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
