"""What a setting is: a field of a frozen dataclass, whose metadata are its only definition.

Out of them come the option of the command line with its help, the key of stockcast.toml with its comment, the row in
the documentation's table, and what a value has to be. The field itself goes into the manifest of what was made with it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, field, fields
from datetime import date
from math import isfinite
from pathlib import Path
from typing import Any, Concatenate, NamedTuple, ParamSpec

from stockcast.errors import ConfigError

CHOICE, FORECAST, DATA, SPLIT, SEARCH, NETWORK, TRAINING, POLICY, PRICES, JOBS, OUTPUT = PANELS = (
    "Which forecasts",
    "Forecast",
    "Data",
    "Split",
    "Search",
    "Network",
    "Training",
    "Policy",
    "Prices of tickers",
    "Jobs",
    "Output",
)
"""Headings of a command's options, in the order in which `--help` shows them."""

_SETTING, _PART = "setting", "part"

P = ParamSpec("P")


class Bounds(NamedTuple):
    """The least and the most that a number may be, and its unit; `inner`: the bounds that it may not touch."""

    least: float
    most: float
    unit: str = ""
    inner: str = ""

    def hold(self, value: float) -> bool:
        """Whether the value lies within them."""
        above = self.least < value if "least" in self.inner else self.least <= value
        return above and (value < self.most if "most" in self.inner else value <= self.most)

    def __str__(self) -> str:
        return f"{self.least} .. {self.most} {self.unit}".rstrip()


class Setting(NamedTuple):
    """What is known of a field.

    Attributes:
        help: What the option does, in a few words.
        panel: Under which heading of `--help` it stands.
        flag: The option's names; None for the field's own, empty where there is no option.
        metavar: What stands for its value in `--help`.
        shown: The default in words, where its value does not say it.
        choices: The words that are allowed.
        bounds: The numbers that are allowed.
        toml: The comment in stockcast.toml; None for `help`.
        example: The value that stands there where the default cannot.
        parse: From a word to the value, with a ValueError for a wrong one; None to read it as the field's type.
        said: How a complaint about the bounds begins, with {} for the value.
        hint: What such a complaint advises.
        excludes: The key of a setting that says the same thing otherwise.
        needs: The key of a setting that switches on what it is about; on the command line it is refused alone.
        envvar: An environment variable that sets it, too.
    """

    help: str
    panel: str = OUTPUT
    flag: str | None = None
    metavar: str | None = None
    shown: str | None = None
    choices: tuple[str, ...] = ()
    bounds: Bounds | None = None
    toml: str | None = None
    example: str | None = None
    parse: Callable[[str], Any] | None = None
    said: str = ""
    hint: str = ""
    excludes: str = ""
    needs: str = ""
    envvar: str | None = None


Changes = Mapping[str, Mapping[str, Any]]
"""What is otherwise about some settings, by the fields' names: what `Setting` has, or a `default`."""


def _field_with(known: Callable[P, Setting]) -> Callable[Concatenate[Any, P], Any]:
    """A function that makes a field: of its default, and of what `Setting` takes, which type checkers check so."""

    def made(default: Any, /, *words: P.args, **more: P.kwargs) -> Any:
        return field(default=default, metadata={_SETTING: known(*words, **more)})

    return made


setting = _field_with(Setting)
"""A field with this default and what is known of it: `lookback: int = setting(60, "Sessions of a window", NETWORK)`."""


def part(config: type, **changes: Mapping[str, Any]) -> Any:
    """A field that is a configuration of its own.

    Args:
        config: Its class, whose defaults hold.
        changes: What is otherwise about its settings here.
    """
    return field(default_factory=config, metadata={_PART: (config, changes)})


class Option(NamedTuple):
    """A setting with its place: the field's name, its type as it is written, its default."""

    name: str
    kind: str
    default: Any
    setting: Setting

    @property
    def flags(self) -> list[str]:
        """The option as it is typed; of an on that may be turned off, both ways."""
        if self.setting.flag is not None:
            return self.setting.flag.split()
        words = self.name.replace("_", "-")
        return [f"--{words}/--no-{words}" if self.default is True else f"--{words}"]

    @property
    def key(self) -> str:
        """The option's name as an identifier: in stockcast.toml, and in errors."""
        return self.flags[0].partition("/")[0].lstrip("-").replace("-", "_") if self.flags else self.name

    @property
    def many(self) -> bool:
        """Whether it may be given again for more."""
        return self.kind.startswith("tuple")

    @property
    def parse(self) -> Callable[[str], Any]:
        """From a word on the command line to the value; its ValueError says what would have been right."""
        if self.setting.choices:
            return one_of(self.setting.choices)
        return self.setting.parse or _PARSERS[self.kind.removesuffix(" | None")]

    @property
    def metavar(self) -> str | None:
        """What stands for a value."""
        named = self.setting.metavar or "|".join(self.setting.choices)
        return named or _METAVARS.get(self.kind.removesuffix(" | None"))


def options_of(config: type) -> list[Option]:
    """The settings of a configuration itself, those of its parts left out."""
    return [_option(item, {}) for item in fields(config) if _SETTING in item.metadata]


def walk(config: type, changes: Changes) -> Iterator[tuple[str, Option | tuple[type, Changes]]]:
    """The fields of a configuration in their order: a setting with the changes made, or a part and its changes."""
    for item in fields(config):
        if _SETTING in item.metadata:
            yield item.name, _option(item, changes)
        elif _PART in item.metadata:
            kind, here = item.metadata[_PART]
            yield item.name, (kind, {**here, **changes})


def _option(item: Field[Any], changes: Changes) -> Option:
    known = dict(changes.get(item.name, {}))
    default = known.pop("default", item.default)
    kind = item.type if isinstance(item.type, str) else item.type.__name__
    found = item.metadata[_SETTING]
    return Option(item.name, kind, default, found._replace(**known))


class Checked:
    """A configuration whose values are held against the choices and bounds of its settings when it is made."""

    def __post_init__(self) -> None:
        for option in options_of(type(self)):
            value, known = getattr(self, option.name), option.setting
            if value is None:
                continue
            if known.choices:
                _require_known(option, value if option.many else (value,))
            if known.bounds is not None and not known.bounds.hold(value):
                said = (known.said or f"{option.name.replace('_', ' ')} {{}} is").format(value)
                raise ConfigError(f"{said} not within {known.bounds}", known.hint)
            if known.excludes and value is not False and getattr(self, known.excludes, None) not in {None, False}:
                raise ConfigError(f"{known.excludes} and {option.name} are two ways to say one thing", "give one")


def _require_known(option: Option, words: tuple[str, ...]) -> None:
    for word in words:
        if word not in option.setting.choices:
            some, name = ("some", option.name.removesuffix("s")) if option.many else ("one", option.name)
            hint = f"choose {some} of {', '.join(option.setting.choices)}"
            raise ConfigError(f"unknown {name} {word!r}", hint)


def require(condition: bool, message: str, hint: str = "") -> None:
    """Check a condition.

    Raises:
        ConfigError: With this message and hint, unless the condition holds.
    """
    if not condition:
        raise ConfigError(message, hint)


# From words on the command line to values; what is raised says what would have been right.


def text(word: str) -> str:
    """The word itself; an empty one is refused."""
    if not word:
        raise ValueError("it is empty")
    return str(word)


def whole_number(word: str) -> int:
    """A whole number."""
    try:
        return int(word)
    except ValueError as error:
        raise ValueError(f"{word!r} is no whole number") from error


def decimal(word: str) -> float:
    """A finite number."""
    try:
        value = float(word)
    except ValueError as error:
        raise ValueError(f"{word!r} is no number") from error
    if not isfinite(value):
        raise ValueError(f"{word!r} is not finite")
    return value


def iso_date(word: str) -> date:
    """A date as YYYY-MM-DD."""
    try:
        return date.fromisoformat(word)
    except ValueError as error:
        reason = "" if str(error).startswith("Invalid isoformat") else f" ({error})"
        raise ValueError(f"{word!r} is no date{reason}; write YYYY-MM-DD, such as 2021-03-31") from error


def path(word: str) -> Path:
    """A path, with a leading ~ for a user's home folder."""
    try:
        return user_path(text(word))
    except ConfigError as error:
        raise ValueError(error.message) from error


def user_path(path: str | Path) -> Path:
    """A path with the folder that a leading ~ stands for.

    Raises:
        ConfigError: Where the system knows of none: for ~NAME without such a user, for ~ without HOME.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        home = str(path).partition(os.sep)[0]
        raise ConfigError(f"{path}: the home folder {home} is not known", "write the path without ~") from error


def one_of(choices: tuple[str, ...]) -> Callable[[str], str]:
    """A parser that accepts these words alone."""

    def choose(word: str) -> str:
        if word not in choices:
            raise ValueError(f"{word!r} is not one of {', '.join(choices)}")
        return word

    return choose


_PARSERS: Mapping[str, Callable[[str], Any]] = {
    "int": whole_number,
    "float": decimal,
    "str": text,
    "date": iso_date,
    "Path": path,
    "tuple[str, ...]": text,
    "tuple[Path, ...]": path,
}
_METAVARS = {"int": "N", "str": "NAME", "date": "DATE", "Path": "FILE", "tuple[str, ...]": "NAME"}
