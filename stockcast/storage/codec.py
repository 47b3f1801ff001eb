"""Codec: dataclasses to JSON and tensors and back, checked on the way back by their own fields.

What a file holds may have been damaged, or written by anybody. `decode` demands the types that the fields are annotated
with and the rules that stand beside a type (`Annotated[float, Within(0, 1)]`), also on properties, and names the place
of what breaks them. A class's own checks (`__post_init__`) are part of it. `from_tensors` demands the shape that an
array's name ends in: `input_SGDI` has four axes.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Protocol, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import DTypeLike, NDArray

from stockcast.errors import StockcastError
from stockcast.forecasts import OPTIONAL

_T = TypeVar("_T")
Tensors = dict[str, NDArray[Any]]
"""Arrays by the place that they have in what they belong to: keys joined by dots."""


class MisfitError(ValueError):
    """A value that is not what its place asks for. place: keys joined by dots."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place or 'it'} {reason}")


class Rule(Protocol):
    """What stands beside a type in an annotation."""

    def problem(self, value: Any) -> str:
        """What is wrong with a value of that type; empty where nothing is."""
        ...


def parse_json(data: bytes | str) -> Any:
    """The JSON of a file or a record.

    Raises ValueError where it is none, names a key twice, or has a number that is not finite.
    """
    try:
        value = json.loads(data, object_pairs_hook=_distinct, parse_constant=_refuse)
        canonical(value)  # a number such as 1e999 is read as infinite
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return value


def canonical(value: Any) -> bytes:
    """The one way to write a value: no order of keys and no spaces. Raises ValueError for a number that is none."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def sha256(value: Any) -> str:
    """The hash of a JSON value, however it is written."""
    return hashlib.sha256(canonical(value)).hexdigest()


def encode(value: Any, *, lossy: bool = False) -> Any:
    """Take a dataclass, and whatever it holds, apart into what JSON has.

    Args:
        value: Dataclasses, mappings, lists, tuples, dates and what JSON has words for.
        lossy: For readers rather than for `decode`: anything goes. A number that is not finite becomes null, NumPy's
            numbers and arrays Python's, and what JSON has no word for a text.

    Returns:
        Dicts, lists, texts, numbers, booleans and None.
    """
    if is_dataclass(value):
        return {name: encode(getattr(value, name), lossy=lossy) for name in written(value)}
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key) if lossy else key: encode(member, lossy=lossy) for key, member in value.items()}
    if isinstance(value, tuple | list):
        return [encode(member, lossy=lossy) for member in value]
    return _nearest(value) if lossy else value


def written(value: Any) -> list[str]:
    """Names of a dataclass's fields; an optional one that holds nothing is none."""
    optional = OPTIONAL.items()
    return [one.name for one in fields(value) if getattr(value, one.name) or not optional <= one.metadata.items()]


def _nearest(value: Any) -> Any:
    """What JSON has in the place of a single value."""
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    return encode(value.tolist(), lossy=True) if hasattr(value, "tolist") else str(value)


def decode(kind: type[_T], value: Any, place: str = "", *, others: bool = False, whole: bool = False) -> _T:
    """Make a dataclass of what JSON gave.

    Args:
        kind: The class.
        value: A dict of its fields.
        place: The keys that led there, for messages.
        others: Further keys are no mistake.
        whole: A field that has a default must be there, too.

    Raises:
        MisfitError: Where a key is missing or unknown, or a value is not what its annotation says.

    """
    return cast(_T, _object(kind, value, place, others, whole))


def to_tensors(value: Any, place: str, dtype: DTypeLike) -> Tensors:
    """The arrays of a dataclass, and of the dataclasses in its tuples, by place, in that type."""
    found: Tensors = {}
    for field in fields(value):
        member, name = getattr(value, field.name), f"{place}.{field.name}"
        if isinstance(member, np.ndarray):
            found[name] = np.ascontiguousarray(member, dtype)
        elif isinstance(member, tuple):
            for k, one in enumerate(member):
                found |= to_tensors(one, f"{name}.{k}", dtype)
    return found


def from_tensors(
    kind: type[_T], tensors: Mapping[str, NDArray[Any]], place: str, sizes: Mapping[str, int], known: Mapping[str, Any]
) -> _T:
    """Make a dataclass of its arrays.

    Args:
        kind: The class; the names of its arrays end in a letter for each axis.
        tensors: Arrays by place.
        place: Where the class's own are.
        sizes: The length of an axis by its letter.
        known: What of the class is no array, or is read already.

    Raises:
        MisfitError: Where an array is missing, has another shape, or holds anything but finite numbers.
    """
    found = {}
    for field in fields(cast(Any, kind)):
        if field.name not in known:
            shape = tuple(sizes[letter] for letter in field.name.rpartition("_")[2])
            found[field.name] = tensor(tensors, f"{place}.{field.name}", shape)
    return kind(**known, **found)


def tensor(tensors: Mapping[str, NDArray[Any]], place: str, shape: tuple[int | None, ...]) -> NDArray[np.float64]:
    """The array in a place, None in its shape for any length. Raises MisfitError, as `from_tensors`."""
    if place not in tensors:
        raise MisfitError(place, "is missing among the weights")
    array = tensors[place]
    if array.dtype.kind != "f":
        raise MisfitError(place, f"holds {array.dtype}, not floating-point numbers")
    if len(array.shape) != len(shape) or any(n not in (None, m) for n, m in zip(shape, array.shape, strict=True)):
        raise MisfitError(place, f"has the shape {array.shape}, not {shape}")
    if not np.isfinite(array).all():
        raise MisfitError(place, "holds numbers that are not finite")
    return array.astype(np.float64)


def _read(kind: Any, value: Any, place: str) -> Any:
    """`decode` for any annotation."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        found = _read(arguments[0], value, place)
        _keep(arguments[1:], found, place)
        return found
    if origin in (Union, UnionType):
        if value is None and NoneType in arguments:
            return None
        return _read(next(one for one in arguments if one is not NoneType), value, place)
    if origin is tuple:
        return _tuple(arguments, value, place)
    if origin is not None and issubclass(origin, Mapping):
        _require(isinstance(value, dict), value, place, "an object")
        return {key: _read(arguments[1], member, _join(place, key)) for key, member in value.items()}
    return _object(kind, value, place) if is_dataclass(kind) else _scalar(kind, value, place)


def _scalar(kind: Any, value: Any, place: str) -> Any:
    if kind is Any:
        return value
    if kind is date:
        try:
            day = date.fromisoformat(value)
        except (TypeError, ValueError):
            day = None
        _require(day is not None and day.isoformat() == value, value, place, "a date, YYYY-MM-DD")
        return day
    if kind is float:
        _require(type(value) in (int, float), value, place, "a number")
        _require(abs(value) <= 1e300 and math.isfinite(value), value, place, "a number of usual size")
        return value
    words = {str: "a text", int: "a whole number", bool: "true or false"}
    _require(type(value) is kind, value, place, words[kind])  # not isinstance: True is no number
    return value


def _tuple(arguments: tuple[Any, ...], value: Any, place: str) -> tuple[Any, ...]:
    _require(isinstance(value, list), value, place, "a list")
    kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else list(arguments)
    if len(kinds) != len(value):
        raise MisfitError(place, f"has {len(value)} members, not {len(kinds)}")
    return tuple(_read(kind, one, f"{place}[{k}]") for k, (kind, one) in enumerate(zip(kinds, value, strict=True)))


def _object(kind: Any, value: Any, place: str, others: bool = False, whole: bool = False) -> Any:
    _require(isinstance(value, dict), value, place, "an object")
    known, derived = _annotations(kind)
    for key in value:
        if key not in known and not others:
            raise MisfitError(_join(place, key), "is not known to this version")
    found = {}
    for key, (annotation, needed) in known.items():
        if key in value:
            found[key] = _read(annotation, value[key], _join(place, key))
        elif needed or whole:
            raise MisfitError(_join(place, key), "is missing")
    try:
        made = kind(**found)
    except MisfitError:
        raise
    except (StockcastError, ValueError) as error:
        raise MisfitError(place, f"cannot be used: {error}") from error
    for key, rules in derived.items():
        _keep(rules, getattr(made, key), _join(place, key))
    return made


@cache
def _annotations(kind: Any) -> tuple[dict[str, tuple[Any, bool]], dict[str, tuple[Rule, ...]]]:
    """A class's fields, with whether a value is needed; and the rules of its properties."""
    hints = get_type_hints(kind, include_extras=True)
    known = {
        field.name: (hints[field.name], field.default is MISSING and field.default_factory is MISSING)
        for field in fields(kind)
    }
    derived = {}
    for name, member in vars(kind).items():
        if isinstance(member, property):
            annotation = get_type_hints(member.fget, include_extras=True).get("return")
            if get_origin(annotation) is Annotated:
                derived[name] = get_args(annotation)[1:]
    return known, derived


def _keep(rules: tuple[Rule, ...], value: Any, place: str) -> None:
    for rule in rules:
        problem = rule.problem(value)
        if problem:
            raise MisfitError(place, problem)


def _require(fits: bool, value: Any, place: str, wanted: str) -> None:
    if not fits:
        raise MisfitError(place, f"is {_shown(value)}, not {wanted}")


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    if isinstance(value, int) and not abs(value) < 10**15:
        return "a whole number of that size"
    return repr(value)[:60]


def _join(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"it names {next(key for key in keys if keys.count(key) > 1)!r} twice")
    return found


def _refuse(word: str) -> Any:
    raise ValueError(f"it holds {word}, which is no number")
