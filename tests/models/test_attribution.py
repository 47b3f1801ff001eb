"""Attribution: the gradient against torch and finite differences, completeness, and features that were planted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from stockcast.config import NetworkConfig
from stockcast.models import attribution
from stockcast.models.attribution import (
    ATTRIBUTIONS,
    HEADS,
    corrections,
    direct,
    gradient,
    integrated_gradients,
    occlusion,
)
from stockcast.models.cells import NetworkWeights
from tests.models.test_cells import CELLS, FEATURES, as_numpy, networks

SESSIONS = 20


def window(seed: int = 1, windows: int | None = None) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    shape = (SESSIONS, FEATURES) if windows is None else (SESSIONS, FEATURES, windows)
    return np.random.default_rng(seed).standard_normal(shape)


def ensemble(cell: str, layers: int = 1, members: int = 2) -> NetworkWeights:
    config = NetworkConfig(cell=cell, hidden_size=4, layers=layers, dropout=0.0)
    return as_numpy(config, networks(config, members))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("head", HEADS.values())
def test_the_gradient_is_that_of_torch(cell: str, layers: int, head: int) -> None:
    config = NetworkConfig(cell=cell, hidden_size=4, layers=layers, dropout=0.0)
    made = [network.double() for network in networks(config, members=3)]
    x_LFN = window(windows=4)
    x_BLF = torch.from_numpy(x_LFN.transpose(2, 0, 1).copy()).requires_grad_()
    torch.stack([network(x_BLF)[:, -1, head] for network in made]).mean(0).sum().backward()
    assert x_BLF.grad is not None
    ours_LFN = gradient(as_numpy(config, made), x_LFN, head)
    assert np.allclose(ours_LFN, x_BLF.grad.numpy().transpose(1, 2, 0), rtol=1e-5, atol=1e-7)
    assert np.abs(ours_LFN).max() > 0.01


@pytest.mark.parametrize("cell", CELLS)
def test_the_gradient_is_that_of_finite_differences_of_the_forecasts_own_equations(cell: str) -> None:
    weights, x_LF, step = ensemble(cell, layers=2), window(), 1e-6
    found_LF = gradient(weights, x_LF[..., None], 1)[..., 0]
    for lag, feature in [(0, 0), (7, 3), (SESSIONS - 1, 2)]:
        moved = np.repeat(x_LF[..., None], 2, axis=-1)
        moved[lag, feature] += (step, -step)
        up, down = corrections(weights, moved, 1)
        assert (up - down) / (2 * step) == pytest.approx(found_LF[lag, feature], rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("head", HEADS.values())
def test_integrated_gradients_sum_to_the_correction_less_that_of_an_average_window(cell: str, head: int) -> None:
    weights, x_LF = ensemble(cell, layers=2), window(seed=3)
    at_x, at_zero = corrections(weights, np.stack([x_LF, np.zeros_like(x_LF)], axis=-1), head)
    assert integrated_gradients(weights, x_LF, head).sum() == pytest.approx(at_x - at_zero, abs=1e-6)
    assert abs(at_x - at_zero) > 1e-3


def test_a_correction_is_the_head_of_the_forecast() -> None:
    weights, x_LF = ensemble("lstm"), window()
    heads_NH = weights.window_heads(x_LF, SESSIONS, SESSIONS - 1, SESSIONS)
    for head in HEADS.values():
        assert corrections(weights, x_LF[..., None], head)[0] == heads_NH[0, head]


@pytest.mark.parametrize("method", ATTRIBUTIONS)
@pytest.mark.parametrize("cell", CELLS)
def test_a_planted_feature_is_found_and_the_others_get_nothing(method: str, cell: str) -> None:
    weights, planted = ensemble(cell), 3
    blind = np.arange(FEATURES) != planted
    layer = weights.layers[0]
    input_SGDI, skip_SHF = layer.input_SGDI.copy(), weights.skip_SHF.copy()
    input_SGDI[..., blind], skip_SHF[..., blind] = 0.0, 0.0
    weights = replace(weights, layers=(replace(layer, input_SGDI=input_SGDI),), skip_SHF=skip_SHF)
    found_LF = ATTRIBUTIONS[method](weights, window(), 1)
    assert np.abs(found_LF[:, blind]).max() < 1e-12
    assert np.abs(found_LF[:, planted]).sum() > 0.01


@pytest.mark.parametrize("method", ATTRIBUTIONS)
def test_of_a_network_without_memory_only_the_last_session_counts_and_is_exact(method: str) -> None:
    weights, x_LF = ensemble("gru"), window()
    weights = replace(weights, readout_SHD=np.zeros_like(weights.readout_SHD))
    found_LF = ATTRIBUTIONS[method](weights, x_LF, 1)
    assert np.allclose(found_LF[:-1], 0.0, atol=1e-12)
    assert np.allclose(found_LF[-1], weights.skip_SHF[:, 1].mean(axis=0) * x_LF[-1])
    assert direct(weights, x_LF, 1) == pytest.approx(found_LF.sum())


def test_occlusion_is_the_difference_that_one_value_makes() -> None:
    weights, x_LF = ensemble("lstm"), window()
    found_LF = occlusion(weights, x_LF, 1)
    without = x_LF.copy()
    without[12, 2] = 0.0
    whole, less = corrections(weights, np.stack([x_LF, without], axis=-1), 1)
    assert found_LF[12, 2] == pytest.approx(whole - less, abs=1e-12)


@pytest.mark.parametrize("method", ATTRIBUTIONS)
def test_small_batches_give_the_same(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    weights, x_LF = ensemble("lstm"), window()
    whole_LF = ATTRIBUTIONS[method](weights, x_LF, 1)
    monkeypatch.setattr(attribution, "_BATCH_NUMBERS", 1)
    assert np.allclose(ATTRIBUTIONS[method](weights, x_LF, 1), whole_LF, atol=1e-12)


@pytest.mark.parametrize("method", ATTRIBUTIONS)
def test_an_average_window_has_nothing_to_explain(method: str) -> None:
    assert not ATTRIBUTIONS[method](ensemble("lstm"), np.zeros((SESSIONS, FEATURES)), 1).any()
