"""The cells' equations: NumPy against torch, gradients against finite differences, rows against batches."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stockcast.config import NetworkConfig
from stockcast.models.cells import NetworkWeights, sigmoid, tanh
from stockcast.models.network import Network, stack

CELLS = ("rnn", "lstm", "gru")
FEATURES, SESSIONS = 5, 90


def networks(config: NetworkConfig, members: int, seed: int = 0) -> list[Network]:
    """Networks with random weights everywhere, the read-out included."""
    torch.manual_seed(seed)
    made = [Network(config, FEATURES).eval() for _ in range(members)]
    for network in made:
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, 0.0, 0.4)
    return made


def as_numpy(config: NetworkConfig, made: list[Network]) -> NetworkWeights:
    return stack(config, [{k: p.detach() for k, p in network.named_parameters()} for network in made])


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("layers", [1, 2])
def test_numpy_and_torch_agree_on_random_weights(cell: str, layers: int) -> None:
    config = NetworkConfig(cell=cell, hidden_size=7, layers=layers, lookback=30)
    made = networks(config, members=3)
    x_TF = np.random.default_rng(1).standard_normal((SESSIONS, FEATURES))
    ours_NH = as_numpy(config, made).window_heads(x_TF, 30, 29, SESSIONS)
    windows = np.lib.stride_tricks.sliding_window_view(x_TF, 30, axis=0).transpose(0, 2, 1).copy()
    with torch.no_grad():
        theirs = torch.stack([network(torch.from_numpy(windows).float())[:, -1] for network in made]).mean(0)
    assert np.abs(ours_NH - theirs.numpy()).max() < 1e-5
    assert np.abs(ours_NH).max() > 0.1


@pytest.mark.parametrize("cell", CELLS)
def test_backpropagation_through_time_agrees_with_finite_differences_of_the_numpy_equations(cell: str) -> None:
    config = NetworkConfig(cell=cell, hidden_size=3, dropout=0.0, lookback=12)
    (network,) = networks(config, members=1)
    network.double()
    x_TF = np.random.default_rng(2).standard_normal((12, FEATURES))
    network(torch.from_numpy(x_TF[None]))[0, -1].pow(2).sum().backward()

    def loss() -> float:
        heads_NH = as_numpy(config, [network]).window_heads(x_TF, 12, 11, 12)
        return float(np.sum(heads_NH**2))

    step = 1e-6
    for name, parameter in network.named_parameters():
        flat, gradient = parameter.detach().view(-1), parameter.grad
        assert gradient is not None
        for i in range(0, flat.numel(), 3):
            kept = flat[i].item()
            flat[i] = kept + step
            up = loss()
            flat[i] = kept - step
            down = loss()
            flat[i] = kept
            assert (up - down) / (2 * step) == pytest.approx(gradient.view(-1)[i].item(), rel=1e-5, abs=1e-7), name


@pytest.mark.parametrize("cell", CELLS)
@settings(max_examples=15)
@given(data=st.data())
def test_a_window_has_the_same_bytes_in_any_batch(cell: str, data: st.DataObject) -> None:
    config = NetworkConfig(cell=cell, hidden_size=data.draw(st.integers(1, 9)), lookback=20)
    weights = as_numpy(config, networks(config, members=2))
    x_TF = np.random.default_rng(3).standard_normal((340, FEATURES))
    whole_NH = weights.window_heads(x_TF, 20, 19, 340)
    start = data.draw(st.integers(19, 338))
    stop = data.draw(st.integers(start + 1, 340))
    assert weights.window_heads(x_TF, 20, start, stop).tobytes() == whole_NH[start - 19 : stop - 19].tobytes()


def test_sigmoid_does_not_overflow() -> None:
    np.testing.assert_allclose(sigmoid(np.array([-800.0, 0.0, 800.0])), [0.0, 0.5, 1.0], atol=1e-300)


def test_tanh_is_that_of_numpy_to_the_last_digits() -> None:
    x = np.concatenate([np.linspace(-30, 30, 4001), [-800.0, 800.0, 1e-9]])
    np.testing.assert_allclose(tanh(x), np.tanh(x), rtol=0, atol=1e-15)


def test_a_new_network_corrects_nothing() -> None:
    for cell in CELLS:
        network = Network(NetworkConfig(cell=cell), FEATURES)
        assert torch.equal(network(torch.randn(2, 10, FEATURES)), torch.zeros(2, 10, 3))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("stop", [20, 39, 45, 80])
def test_chunks_are_windows_that_begin_a_lookback_before_the_first_origin_of_each(cell: str, stop: int) -> None:
    config = NetworkConfig(cell=cell, hidden_size=4, layers=2, lookback=20)
    weights = as_numpy(config, networks(config, members=2))
    x_TF = np.random.default_rng(3).standard_normal((SESSIONS, FEATURES))
    heads_NH = weights.chunk_heads(x_TF, 20, 20, stop)
    assert len(heads_NH) == stop - 20
    for row, found_H in enumerate(heads_NH):
        origin = 20 + row
        (expected_H,) = weights.window_heads(x_TF, 20 + row % 20, origin, origin + 1)
        np.testing.assert_allclose(found_H, expected_H, rtol=1e-9, atol=1e-12)
