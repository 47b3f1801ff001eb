"""The exported graph against the NumPy path, run by onnxruntime."""

from __future__ import annotations

import builtins
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

from stockcast.config import CELLS, NetworkConfig
from stockcast.errors import ConfigError
from stockcast.models.cells import GATES, LayerWeights, NetworkWeights
from stockcast.models.ensemble import CLIP, MAX_LN_SCALE, Ensemble, Standardiser
from stockcast.models.har import HarScale
from stockcast.models.onnx import onnx_bytes
from stockcast.windows.features import Features, features, lagged
from tests import synthetic

F = features(synthetic.history(300))
LOOKBACK, START, STOP = 20, 60, 160


def ensemble(cell: str, layers: int = 1, members: int = 3, size: float = 0.4) -> Ensemble:
    """A network of drawn weights: every gate has something of its own to say."""
    draw = np.random.default_rng(CELLS.index(cell) + 10 * layers)
    units, columns = 5, len(F.names)

    def array(*shape: int) -> NDArray[np.float64]:
        return size * draw.standard_normal(shape).astype(np.float32).astype(np.float64)

    weights = NetworkWeights(
        cell,
        tuple(
            LayerWeights(
                array(members, GATES[cell], units, units if depth else columns),
                array(members, GATES[cell], units, units),
                array(members, GATES[cell], units),
                array(members, GATES[cell], units),
            )
            for depth in range(layers)
        ),
        array(members, 3, units),
        array(members, 3),
        array(members, 3, columns),
    )
    network = NetworkConfig(cell=cell, hidden_size=units, layers=layers, lookback=LOOKBACK)
    moments = Standardiser(F.names, F.x_TF.mean(axis=0), F.x_TF.std(axis=0))
    base = HarScale((-0.05, 0.05, 0.15, 0.2, 0.1, -0.05), 2e-4, 6.0)
    return Ensemble(network, base, moments, weights, date(2012, 12, 31))


def run(data: bytes, f: Features = F) -> list[NDArray[np.float32]]:
    """corrections, loc, scale and nu at the origins START .. STOP - 1."""
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    x_NLF = lagged(f.x_TF, LOOKBACK)[START - LOOKBACK + 1 : STOP - LOOKBACK + 1]
    given = {"features": x_NLF, "har_logs": f.har_TK[START:STOP], "leverage": f.leverage_T[START:STOP]}
    found: list[Any] = session.run(None, {name: values.astype(np.float32) for name, values in given.items()})
    return found


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
def test_the_graph_gives_what_the_numpy_path_gives(cell: str, layers: int) -> None:
    network = ensemble(cell, layers)
    corrections_NH, loc_N, scale_N, nu_N = run(onnx_bytes(network, {}))
    expected_NH = network.weights.window_heads(network.standardiser(F), LOOKBACK, START, STOP)
    assert expected_NH.std(axis=0).min() > 0.05
    np.testing.assert_allclose(corrections_NH, expected_NH, atol=3e-6)
    dist = network.forecast(F, START, STOP)
    np.testing.assert_allclose(scale_N, dist.scale, rtol=1e-5)
    np.testing.assert_allclose(nu_N, dist.nu, rtol=1e-5)
    np.testing.assert_allclose(loc_N, dist.loc, atol=1e-5 * dist.scale.max())


def test_the_bounds_of_inputs_and_corrections_are_in_the_graph() -> None:
    network = ensemble("gru", size=20.0)
    narrow = replace(network.standardiser, spread_F=network.standardiser.spread_F / 3)
    network = replace(network, standardiser=narrow)
    dist = network.forecast(F, START, STOP)
    _, _, scale_N, nu_N = run(onnx_bytes(network, {}))
    s_N = np.exp(network.base.log_scale(F, START, STOP))
    assert (np.abs(np.log(dist.scale / s_N)) > MAX_LN_SCALE - 1e-9).any()
    assert (np.abs((F.x_TF - narrow.centre_F) / narrow.spread_F) > CLIP).any()
    np.testing.assert_allclose(scale_N, dist.scale, rtol=2e-3)
    np.testing.assert_allclose(nu_N, dist.nu, rtol=2e-3)


def test_the_file_says_what_it_is() -> None:
    model = onnx.load_from_string(onnx_bytes(ensemble("lstm"), {"model": "AAPL"}))
    known = {entry.key: entry.value for entry in model.metadata_props}
    assert known == {
        "cell": "lstm", "members": "3", "cutoff": "2012-12-31", "features": ",".join(F.names),
        "har_spans": "1,5,22,250", "model": "AAPL",
    }  # fmt: skip
    shapes = {
        value.name: [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
        for value in (*model.graph.input, *model.graph.output)
    }
    assert shapes == {
        "features": ["N", LOOKBACK, len(F.names)], "har_logs": ["N", 4], "leverage": ["N"],
        "corrections": ["N", 3], "loc": ["N"], "scale": ["N"], "nu": ["N"],
    }  # fmt: skip


def test_without_the_package_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_onnx(name: str, *rest: Any) -> Any:
        if name == "onnx":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_onnx)
    with pytest.raises(ConfigError, match="needs the package onnx") as refused:
        onnx_bytes(ensemble("lstm"), {})
    assert refused.value.hint == "pip install onnx"
