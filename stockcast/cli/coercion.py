"""From words on the command line to values, with messages that say what would have been right.

Each function is a Typer `parser`. `lighten` hands them to Typer's parameters directly: recent versions otherwise
build a Pydantic adapter for every parameter, and importing Pydantic costs a cold start as much as NumPy does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from math import isfinite
from pathlib import Path
from typing import Any

import typer


def text(word: str) -> str:
    """The word itself; an empty one is refused."""
    if not word:
        raise typer.BadParameter("it is empty")
    return str(word)


def whole(word: str) -> int:
    """A whole number."""
    try:
        return int(word)
    except ValueError as error:
        raise typer.BadParameter(f"{word!r} is no whole number") from error


def decimal(word: str) -> float:
    """A finite number."""
    try:
        value = float(word)
    except ValueError as error:
        raise typer.BadParameter(f"{word!r} is no number") from error
    if not isfinite(value):
        raise typer.BadParameter(f"{word!r} is not finite")
    return value


def iso_date(word: str) -> date:
    """A date as YYYY-MM-DD."""
    try:
        return date.fromisoformat(word)
    except ValueError as error:
        reason = "" if str(error).startswith("Invalid isoformat") else f" ({error})"
        raise typer.BadParameter(f"{word!r} is no date{reason}; write YYYY-MM-DD, such as 2021-03-31") from error


def path(word: str) -> Path:
    """A path, with a leading ~ for the user's home folder."""
    return Path(text(word)).expanduser()


def one_of(choices: tuple[str, ...]) -> Callable[[str], str]:
    """A parser that accepts these words alone."""

    def choose(word: str) -> str:
        if word not in choices:
            raise typer.BadParameter(f"{word!r} is not one of {', '.join(choices)}")
        return word

    return choose


class _Plain:
    """Stands where Typer keeps the adapter of one parameter."""

    def __init__(self, parse: Callable[[str], Any]) -> None:
        self._parse = parse

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:  # noqa: ARG002 - Typer's signature
        """The parsed value; defaults, which are values already, pass as they are."""
        many = param.multiple or param.nargs == -1
        if value is None:
            return () if many else None
        if many:
            return [self._one(member) for member in value]
        return self._one(value)

    def _one(self, value: Any) -> Any:
        return self._parse(value) if isinstance(value, str) else value


def lighten(parameters: Iterable[Any]) -> None:
    """Spare these Typer parameters their adapters; does nothing to a Typer that builds none."""
    for parameter in parameters:
        if getattr(parameter, "_runtime_param", parameter) is None:
            kind = parameter.type_descriptor
            parse = bool if kind.annotation is bool else kind.parameter_info.parser
            if parse is not None:
                parameter._runtime_param = _Plain(parse)
