"""Codec: dataclasses to JSON and back, checked on the way back by their own annotations.

What a file holds may have been damaged, or written by anybody. `decode` demands the types that the fields are annotated
with and the rules that stand beside a type (`Annotated[float, Within(0, 1)]`), also on properties, and names the place
of what breaks them. A class's own checks (`__post_init__`) are part of it.
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

from stockcast.errors import StockcastError

T = TypeVar("T")


class MisfitError(ValueError):
    """A value that is not what its place asks for. place: keys joined by dots."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place or 'it'} {reason}")


class Rule(Protocol):
    """What stands beside a type in an annotation."""

    def problem(self, value: Any) -> str:
        """What is wrong with a value of that type; empty where nothing is."""
        ...


def parse(data: bytes) -> Any:
    """The JSON of a file. Raises ValueError where it is none, names a key twice, or has a number that is not finite."""
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


def encode(value: Any) -> Any:
    """A dataclass, and whatever it holds, as plain JSON."""
    if is_dataclass(value):
        return {field.name: encode(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: encode(member) for key, member in value.items()}
    return [encode(member) for member in value] if isinstance(value, tuple | list) else value


def decode(kind: type[T], value: Any, place: str = "", others: bool = False) -> T:
    """`value`, as JSON gave it, as a `kind`. place: the keys that led to it. others: further keys are no mistake.

    Raises MisfitError.
    """
    return cast(T, _object(kind, value, place, others))


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
    return _object(kind, value, place, others=False) if is_dataclass(kind) else _scalar(kind, value, place)


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


def _object(kind: Any, value: Any, place: str, others: bool) -> Any:
    _require(isinstance(value, dict), value, place, "an object")
    known, derived = _annotations(kind)
    for key in value:
        if key not in known and not others:
            raise MisfitError(_join(place, key), "is not known to this version")
    found = {}
    for key, (annotation, needed) in known.items():
        if key in value:
            found[key] = _read(annotation, value[key], _join(place, key))
        elif needed:
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
