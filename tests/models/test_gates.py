"""Gates over a window: against the equations by hand, the states of `cells`, and torch."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from stockcast.config import NetworkConfig
from stockcast.models.attribution import READINGS, activations, trace
from stockcast.models.cells import LayerWeights, NetworkWeights
from tests.models.test_cells import CELLS, FEATURES, as_numpy, networks


def one_unit(cell: str, *gates: tuple[float, float, float]) -> NetworkWeights:
    """One member, one unit, one feature: (weight of x, weight of h, bias) of each gate."""
    W, U, b = (np.array([gate[k] for gate in gates]) for k in range(3))
    shape = (1, len(gates), 1, 1)
    zeros = np.zeros((1, len(gates), 1))
    layer = LayerWeights(W.reshape(shape), U.reshape(shape), b.reshape(shape[:3]), zeros)
    return NetworkWeights(cell, (layer,), np.ones((1, 3, 1)), np.zeros((1, 3)), np.zeros((1, 3, 1)))


def sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


X = (0.5, -1.2, 2.0)


def test_the_gates_of_an_lstm_are_its_equations_by_hand() -> None:
    gates = ((0.3, -0.2, 0.1), (0.7, 0.4, 1.0), (-0.5, 0.9, 0.2), (1.1, -0.6, -0.3))
    (seen,) = activations(one_unit("lstm", *gates), np.array(X)[:, None])
    h = c = 0.0
    for t, x in enumerate(X):
        i, f, g, o = (w * x + u * h + b for w, u, b in gates)
        i, f, g, o = sigmoid(i), sigmoid(f), math.tanh(g), sigmoid(o)
        c = f * c + i * g
        h = o * math.tanh(c)
        assert [float(seen[name][0, 0, t]) for name in READINGS["lstm"]] == pytest.approx([i, f, g, o, c])


def test_the_gates_of_a_gru_are_its_equations_by_hand() -> None:
    gates = ((0.3, -0.2, 0.1), (0.7, 0.4, 1.0), (-0.5, 0.9, 0.2))
    (seen,) = activations(one_unit("gru", *gates), np.array(X)[:, None])
    h = 0.0
    for t, x in enumerate(X):
        r, z = (sigmoid(w * x + u * h + b) for w, u, b in gates[:2])
        w, u, b = gates[2]
        n = math.tanh(w * x + b + r * u * h)
        h = (1 - z) * n + z * h
        assert [float(seen[name][0, 0, t]) for name in READINGS["gru"]] == pytest.approx([r, z, n])


def test_a_plain_cell_has_its_hidden_state_alone() -> None:
    (seen,) = activations(one_unit("rnn", (0.3, -0.2, 0.1)), np.array(X)[:, None])
    h = 0.0
    for t, x in enumerate(X):
        h = math.tanh(0.3 * x - 0.2 * h + 0.1)
        assert float(seen["hidden"][0, 0, t]) == pytest.approx(h)
    assert list(seen) == ["hidden"]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("layers", [1, 3])
def test_hidden_states_are_those_of_torch_and_of_the_forecast_in_every_layer(cell: str, layers: int) -> None:
    config = NetworkConfig(cell=cell, hidden_size=4, layers=layers, dropout=0.0)
    made = networks(config, members=2)
    weights = as_numpy(config, made)
    x_LF = np.random.default_rng(5).standard_normal((25, FEATURES))
    seen = trace(weights, x_LF[..., None])
    states = weights.run(weights.project(np.ascontiguousarray(x_LF.T)), weights.zero_state(1))
    for layer, state in zip(seen, states, strict=True):
        assert np.allclose(layer.parts["hidden"][-1], state[0], atol=1e-12)
        if cell == "lstm":
            assert np.allclose(layer.parts["cell"][-1], state[1], atol=1e-12)
    with torch.no_grad():
        for member, network in enumerate(made):
            h_LD = network.double().recurrent(torch.from_numpy(x_LF[None]))[0][0]
            assert np.allclose(seen[-1].parts["hidden"][:, member, :, 0], h_LD.numpy(), atol=1e-6)


def test_an_open_forget_gate_and_a_closed_input_gate_keep_the_memory_at_zero() -> None:
    shut, wide = (0.0, 0.0, -40.0), (0.0, 0.0, 40.0)
    (seen,) = activations(one_unit("lstm", shut, wide, (1.0, 0.0, 0.0), wide), np.array(X)[:, None])
    assert np.allclose(seen["forget"], 1.0)
    assert np.allclose(seen["cell"], 0.0)


@pytest.mark.parametrize("cell", CELLS)
def test_readings_are_shaped_members_units_sessions(cell: str) -> None:
    config = NetworkConfig(cell=cell, hidden_size=6, layers=2, dropout=0.0)
    seen = activations(as_numpy(config, networks(config, members=3)), np.zeros((11, FEATURES)))
    assert len(seen) == 2
    for layer in seen:
        assert tuple(layer) == READINGS[cell]
        assert {values.shape for values in layer.values()} == {(3, 6, 11)}
