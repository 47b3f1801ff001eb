"""A trained ensemble as an ONNX graph: the same forecasts wherever there is an ONNX runtime.

Shapes: N windows, L lookback, F features, S members, D hidden units, G gates, H heads, K HAR spans.

    features [N, L, F], har_logs [N, K], leverage [N]  ->  corrections [N, H], loc [N], scale [N], nu [N]

Inputs are what `windows.features` makes of bars, not yet standardised: the graph does the rest, in single precision.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stockcast.errors import ConfigError
from stockcast.models.ensemble import CLIP, LOCATION_UNIT, MAX_LN_NU, MAX_LN_SCALE, Ensemble
from stockcast.models.likelihood import NU_FLOOR
from stockcast.windows.features import HAR_SPANS

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

    from stockcast.models.cells import LayerWeights


_Attributes = Mapping[str, Any]
"""What an operator is told beside its inputs."""
_NONE: _Attributes = {}

OPSET, IR_VERSION = 17, 8
"""Of ONNX 1.12: old enough for runtimes that are in use."""

_OPERATORS = {"lstm": "LSTM", "gru": "GRU", "rnn": "RNN"}
_GATE_ORDERS = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "rnn": (0,)}
"""ONNX has LSTM gates as i, o, f, c and GRU gates as z, r, h; ours are i, f, g, o and r, z, n."""


def onnx_bytes(ensemble: Ensemble, about: Mapping[str, str]) -> bytes:
    """The ensemble as a serialised ONNX model, checked.

    Args:
        ensemble: What is exported.
        about: Further entries of its metadata.

    Returns:
        The bytes of the file.

    Raises:
        ConfigError: The package onnx is not installed.
    """
    try:
        import onnx
        from onnx import TensorProto, helper
    except ImportError as error:
        raise ConfigError(
            "the format onnx needs the package onnx, which is not installed", "pip install onnx"
        ) from error
    graph = _Graph()
    _heads(graph, ensemble)
    _dist(graph, ensemble)

    def value(name: str, *shape: int | str) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    lookback, features = ensemble.config.lookback, len(ensemble.standardiser.names)
    inputs = [
        value("features", "N", lookback, features),
        value("har_logs", "N", len(HAR_SPANS)),
        value("leverage", "N"),
    ]
    outputs = [value("corrections", "N", 3), *(value(name, "N") for name in ("loc", "scale", "nu"))]
    body = helper.make_graph(graph.nodes, "stockcast", inputs, outputs, graph.constants)
    model = helper.make_model(
        body, producer_name="stockcast", opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
    helper.set_model_props(model, {**_described(ensemble), **about})
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString()
    return data


@dataclass
class _Graph:
    """Nodes and constants, in the order in which they are added."""

    nodes: list[NodeProto] = field(default_factory=list)
    constants: list[TensorProto] = field(default_factory=list)

    def constant(self, name: str, values: NDArray[Any] | float, dtype: type = np.float32) -> str:
        """A constant array, or a scalar; returns its name."""
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype=dtype, order="C"), name))
        return name

    def add(self, operator: str, inputs: Sequence[str], output: str, attributes: _Attributes = _NONE) -> str:
        """A node of one output; returns its name."""
        self.node(operator, inputs, [output], attributes)
        return output

    def node(self, operator: str, inputs: Sequence[str], outputs: Sequence[str], attributes: _Attributes) -> None:
        """A node."""
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, outputs, **attributes))


def _heads(graph: _Graph, ensemble: Ensemble) -> None:
    """corrections: the read-outs of all members, averaged."""
    x_LNF = graph.add("Transpose", [_standardised(graph, ensemble)], "x_LNF", {"perm": [1, 0, 2]})
    weights = ensemble.weights
    members = len(weights.readout_SHD)
    one = graph.constant("directions", np.array([0]), np.int64)
    newest = [_recurrent(graph, ensemble, member, x_LNF) for member in range(members)]
    last = [graph.add("Squeeze", [name, one], f"{name}_ND") for name in newest]
    h_NC = graph.add("Concat", last, "h_NC", {"axis": 1})
    # The mean over members of linear read-outs is one linear read-out of all their units side by side.
    readout_CH = np.concatenate(list(weights.readout_SHD), axis=1).T / members
    read_NH = graph.add("MatMul", [h_NC, graph.constant("readout_CH", readout_CH)], "read_NH")
    x_NF = graph.add("Gather", [x_LNF, graph.constant("newest", np.array(-1), np.int64)], "x_NF", {"axis": 0})
    skip_NH = graph.add("MatMul", [x_NF, graph.constant("skip_FH", weights.skip_SHF.mean(axis=0).T)], "skip_NH")
    both_NH = graph.add("Add", [read_NH, skip_NH], "both_NH")
    graph.add("Add", [both_NH, graph.constant("bias_H", weights.readout_bias_SH.mean(axis=0))], "corrections")


def _standardised(graph: _Graph, ensemble: Ensemble) -> str:
    standardiser = ensemble.standardiser
    centred = graph.add("Sub", ["features", graph.constant("centre_F", standardiser.centre_F)], "centred_NLF")
    scaled = graph.add("Div", [centred, graph.constant("spread_F", standardiser.spread_F)], "scaled_NLF")
    bounds = [graph.constant("least_x", -CLIP), graph.constant("most_x", CLIP)]
    return graph.add("Clip", [scaled, *bounds], "x_NLF")


def _recurrent(graph: _Graph, ensemble: Ensemble, member: int, x_LNI: str) -> str:
    """All layers of one member; returns the last layer's newest state [1, N, D]."""
    cell = ensemble.config.cell
    attributes: dict[str, Any] = {"hidden_size": ensemble.config.hidden_size}
    if cell == "gru":
        attributes["linear_before_reset"] = 1
    newest = ""
    for depth, layer in enumerate(ensemble.weights.layers):
        prefix = f"m{member}.l{depth}"
        arrays = [graph.constant(f"{prefix}.{name}", values) for name, values in _arranged(layer, cell, member)]
        newest = f"{prefix}.newest"
        graph.node(_OPERATORS[cell], [x_LNI, *arrays], [f"{prefix}.all", newest], attributes)
        if depth + 1 < len(ensemble.weights.layers):
            direction = graph.constant(f"{prefix}.axis", np.array([1]), np.int64)
            x_LNI = graph.add("Squeeze", [f"{prefix}.all", direction], f"{prefix}.h_LND")
    return newest


def _arranged(layer: LayerWeights, cell: str, member: int) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """A layer's arrays as ONNX wants them, one direction each: W [1, G D, I], R [1, G D, D], B [1, 2 G D]."""
    order = list(_GATE_ORDERS[cell])

    def stacked(values_SGD: NDArray[np.float64]) -> NDArray[np.float64]:
        chosen = values_SGD[member][order]
        one_direction: NDArray[np.float64] = chosen.reshape(1, -1, *chosen.shape[2:])
        return one_direction

    yield "W", stacked(layer.input_SGDI)
    yield "R", stacked(layer.hidden_SGDD)
    yield "B", np.concatenate([stacked(layer.input_bias_SGD), stacked(layer.hidden_bias_SGD)], axis=1)


def _dist(graph: _Graph, ensemble: Ensemble) -> None:
    """loc, scale and nu: see `ensemble.correct`."""
    base, axis = ensemble.base, graph.constant("axis_H", np.array([1]), np.int64)
    heads = []
    for index, name in enumerate(("d_loc", "d_ln_s", "d_eta")):
        place = graph.constant(f"{name}.at", np.array(index), np.int64)
        heads.append(graph.add("Gather", ["corrections", place], name, {"axis": 1}))
    weighted = graph.add("Mul", ["har_logs", graph.constant("har_K", np.array(base.weights[1:-1]))], "weighted_NK")
    spans = graph.add("ReduceSum", [weighted, axis], "spans", {"keepdims": 0})
    fallen = graph.add("Mul", ["leverage", graph.constant("leverage.weight", base.weights[-1])], "fallen")
    moving = graph.add("Add", [spans, fallen], "moving")
    ln_s = graph.add("Add", [moving, graph.constant("har.constant", base.weights[0])], "ln_s")
    s = graph.add("Exp", [ln_s], "s")
    shift = graph.add("Mul", [s, graph.add("Mul", [heads[0], graph.constant("unit", LOCATION_UNIT)], "units")], "shift")
    graph.add("Add", [shift, graph.constant("mu", base.mu)], "loc")
    bounds = [graph.constant("least_ln_s", -MAX_LN_SCALE), graph.constant("most_ln_s", MAX_LN_SCALE)]
    graph.add("Mul", [s, graph.add("Exp", [graph.add("Clip", [heads[1], *bounds], "d_ln_s.cut")], "ratio")], "scale")
    eta = graph.add("Add", [heads[2], graph.constant("eta", math.log(base.nu - NU_FLOOR))], "eta_N")
    cut = graph.add("Min", [eta, graph.constant("most_eta", MAX_LN_NU)], "eta_cut")
    graph.add("Add", [graph.add("Exp", [cut], "nu_excess"), graph.constant("nu_floor", NU_FLOOR)], "nu")


def _described(ensemble: Ensemble) -> dict[str, str]:
    return {
        "cell": ensemble.config.cell,
        "members": str(len(ensemble.weights.readout_SHD)),
        "cutoff": ensemble.cutoff.isoformat(),
        "features": ",".join(ensemble.standardiser.names),
        "har_spans": ",".join(map(str, HAR_SPANS)),
    }
