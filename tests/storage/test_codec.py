"""The codec: what comes back is what was written, and what does not fit is named by its place."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockcast.models.likelihood import Length, Within
from stockcast.storage.codec import MisfitError, decode, encode, from_tensors, parse_json, sha256, tensor, to_tensors


@dataclass(frozen=True)
class Part:
    day: date
    share: Annotated[float, Within(0.0, 1.0)]
    name: str | None = None

    @property
    def odds(self) -> Annotated[float, Within(0.0, 9.0)]:
        return self.share / (1 - self.share) if self.share < 1 else math.inf


@dataclass(frozen=True)
class Whole:
    parts: Annotated[tuple[Part, ...], Length(0, 3)]
    sizes: Mapping[str, int]
    pair: tuple[date | None, str]
    is_new: bool = False


parts = st.builds(
    Part, st.dates(), st.floats(0.0, 0.875).map(abs), st.none() | st.text(st.characters(exclude_categories=["Cs"]))
)
wholes = st.builds(
    Whole,
    st.lists(parts, max_size=3).map(tuple),
    st.dictionaries(st.text("ab", min_size=1), st.integers(-(10**9), 10**9)),
    st.tuples(st.none() | st.dates(), st.text("xyz")),
    st.booleans(),
)


@given(wholes)
def test_what_was_written_comes_back(whole: Whole) -> None:
    written = json.dumps(encode(whole)).encode()
    assert decode(Whole, parse_json(written), whole=True) == whole
    assert sha256(encode(whole)) == sha256(parse_json(written))


GOOD = encode(Whole((Part(date(2024, 7, 1), 0.5),), {"a": 1}, (None, "x")))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"wings": 2}, "^wings is not known to this version"),
        ({"sizes": {"a": 1.0}}, r"^sizes\.a is 1\.0, not a whole number"),
        ({"sizes": {"a": True}}, r"^sizes\.a is True, not a whole number"),
        ({"sizes": [1]}, "^sizes is a list, not an object"),
        ({"pair": [None]}, "^pair has 1 members, not 2"),
        ({"pair": ["2024-7-1", "x"]}, r"^pair\[0\] is '2024-7-1', not a date, YYYY-MM-DD"),
        ({"is_new": 0}, "^is_new is 0, not true or false"),
        ({"parts": [{}]}, r"^parts\[0\]\.day is missing"),
        ({"parts": [{"day": "2024-07-01", "share": 2}]}, r"^parts\[0\]\.share is 2, which is not within 0 \.\. 1"),
        ({"parts": [{"day": "2024-07-01", "share": 0.95}]}, r"^parts\[0\]\.odds is 19, which is not within"),
        ({"parts": [{"day": "2024-07-01", "share": "half"}]}, r"^parts\[0\]\.share is 'half', not a number"),
        ({"parts": [{"day": "2024-07-01", "share": 0.5, "nmae": "a"}]}, r"^parts\[0\]\.nmae is not known"),
        ({"parts": [GOOD["parts"][0]] * 4}, r"^parts has 4 members, not 0 \.\. 3"),
    ],
)
def test_what_does_not_fit_is_named_by_its_place(change: dict[str, Any], said: str) -> None:
    assert decode(Whole, GOOD).parts[0].share == 0.5
    with pytest.raises(MisfitError, match=said):
        decode(Whole, {**GOOD, **change})


def test_further_keys_and_defaults_are_let_pass_where_that_is_asked_for() -> None:
    bare = {key: value for key, value in GOOD.items() if key != "is_new"}
    assert decode(Whole, {**bare, "wings": 2}, others=True) == decode(Whole, GOOD)
    with pytest.raises(MisfitError, match="is_new is missing"):
        decode(Whole, bare, whole=True)


def test_for_readers_anything_is_written() -> None:
    odd = {"a": math.nan, 2: (np.float64(1.5), np.int64(3)), "c": [np.array([1.0, math.inf])], "d": date(2024, 7, 1)}
    written = encode({**odd, "e": ValueError("why"), "f": Part(date(2024, 7, 1), math.inf)}, lossy=True)
    assert written == {
        "a": None, "2": [1.5, 3], "c": [[1.0, None]], "d": "2024-07-01", "e": "why",
        "f": {"day": "2024-07-01", "share": None, "name": None},
    }  # fmt: skip
    assert json.loads(json.dumps(written, allow_nan=False)) == written


@dataclass(frozen=True)
class Layer:
    weights_DI: np.ndarray
    bias_D: np.ndarray


@dataclass(frozen=True)
class Net:
    name: str
    layers: tuple[Layer, ...]
    readout_D: np.ndarray


def test_arrays_are_kept_by_place_and_come_back_in_the_shape_that_their_names_say() -> None:
    layer = Layer(np.arange(6.0).reshape(2, 3), np.ones(2))
    tensors = to_tensors(Net("a", (layer,), np.zeros(2)), "net", np.float32)
    assert list(tensors) == ["net.layers.0.weights_DI", "net.layers.0.bias_D", "net.readout_D"]
    assert {array.dtype for array in tensors.values()} == {np.dtype(np.float32)}
    back = from_tensors(Layer, tensors, "net.layers.0", {"D": 2, "I": 3}, {})
    np.testing.assert_array_equal(back.weights_DI, layer.weights_DI)
    assert back.weights_DI.dtype == np.float64
    assert from_tensors(Net, tensors, "net", {"D": 2}, {"name": "a", "layers": (back,)}).name == "a"


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (None, "w is missing among the weights"),
        (np.ones((2, 3), int), "w holds int64, not floating-point numbers"),
        (np.ones(2), r"w has the shape \(2,\), not \(None, 3\)"),
        (np.ones((2, 4)), r"w has the shape \(2, 4\), not \(None, 3\)"),
        (np.full((2, 3), np.nan), "w holds numbers that are not finite"),
    ],
)
def test_an_array_that_does_not_fit_is_named(array: np.ndarray | None, said: str) -> None:
    with pytest.raises(MisfitError, match=said):
        tensor({} if array is None else {"w": array}, "w", (None, 3))


@pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', "[NaN]", "[1e999]", "[" * 100_000, "{", ""])
def test_what_is_no_plain_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_json(text.encode())
