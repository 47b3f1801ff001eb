"""Options of the commands, made of the settings in `config`: one decorator, and what every command takes."""

from __future__ import annotations

import keyword
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import MISSING, dataclass, is_dataclass
from datetime import date
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from stockcast.cli.console import DETAIL, ERRORS, STORY, Console
from stockcast.config import default_home
from stockcast.config.settings import PANELS, Changes, Option, setting, text, walk
from stockcast.errors import StockcastError, UsageError

_OF_ONE_COMMAND: dict[str, Mapping[str, Any]] = {"pause": {"flag": ""}}
"""What only the command takes that names it in its changes."""

_TYPES: Mapping[str, type] = {"bool": bool, "int": int, "float": float, "date": date, "Path": Path}


def parser(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """The same, with complaints that Typer passes on."""

    def parsed(word: str) -> Any:
        try:
            return parse(word)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error

    return parsed


def command(**changes: Mapping[str, Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make options out of the parameters of a command that are configurations; called, it gets them built.

    Args:
        changes: What is otherwise about settings in this command, by the fields' names: a `default`, or what `Setting`
            has; an empty `flag` leaves the option out.
    """
    changes = _OF_ONE_COMMAND | changes

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(function, include_extras=True)
        configs = {name: kind for name, kind in hints.items() if is_dataclass(kind)}
        options = [option for kind in configs.values() for option in _options(kind, changes)]  # type: ignore[arg-type]
        options.sort(key=lambda option: PANELS.index(option.setting.panel))
        own = [one.replace(annotation=hints[one.name]) for one in signature(function).parameters.values()]
        plain = [one for one in own if one.name not in configs]

        @wraps(function)
        def called(**values: Any) -> None:
            _refuse_both(options, values)
            values |= _of_environment(options, values)
            built = {name: _built(kind, values, changes) for name, kind in configs.items()}  # type: ignore[arg-type]
            for common in built.values():
                if isinstance(common, Common):
                    _sweep(common)
            function(**{one.name: values[one.name] for one in plain}, **built)

        parameters = [*plain, *map(_parameter, options)]
        called.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        called.__annotations__ = {one.name: one.annotation for one in parameters}
        return called

    return decorate


def _sweep(common: Common) -> None:
    from stockcast.storage import sweep_home

    with suppress(RuntimeError, StockcastError):  # no home: the command says so, if it needs one
        sweep_home(common.home)


def _options(config: type, changes: Changes) -> Iterator[Option]:
    """The options of a configuration and of its parts, in the order of their fields."""
    for _, found in walk(config, changes):
        if not isinstance(found, Option):
            yield from _options(*found)
        elif found.flags:
            yield found


def _name(option: Option) -> str:
    return f"{option.key}_" if keyword.iskeyword(option.key) else option.key


def _parameter(option: Option) -> Parameter:
    known = option.setting
    kind: Any = _TYPES.get(option.kind.removesuffix(" | None"), str)
    if option.many:
        kind = list[str]
    if option.default is None or option.many:
        kind = kind | None
    made = typer.Option(
        *option.flags,
        help=known.help,
        rich_help_panel=known.panel,
        show_default=known.shown or True,
        envvar=known.envvar,
        parser=None if kind is bool else parser(option.parse),
        metavar=None if kind is bool else option.metavar,
        autocompletion=(lambda: list(known.choices)) if known.choices else None,
    )
    default = None if option.many else Parameter.empty if option.default is MISSING else option.default
    return Parameter(_name(option), Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, made])


def _built(config: type, values: Mapping[str, Any], changes: Changes) -> Any:
    """The configuration with the values that were parsed."""
    fields: dict[str, Any] = {}
    for name, found in walk(config, changes):
        if not isinstance(found, Option):
            fields[name] = _built(found[0], values, found[1])
        elif found.flags:
            value = values[_name(found)]
            fields[name] = (tuple(value) if value else found.default) if found.many else value
    return config(**fields)


def _of_environment(options: Iterable[Option], values: Mapping[str, Any]) -> dict[str, Any]:
    """Values that variables of the environment have and the command line lacks: Typer 0.26 forgets to look for some.

    Raises:
        UsageError: One of them cannot be read.
    """
    found: dict[str, Any] = {}
    for option in options:
        variable = option.setting.envvar
        word = os.environ.get(variable) if variable and values[_name(option)] is None else None
        if word:
            try:
                found[_name(option)] = option.parse(word)
            except ValueError as error:
                raise UsageError(f"{variable} in the environment: {error}", "unset it, or give it another") from error
    return found


def _refuse_both(options: Iterable[Option], values: Mapping[str, Any]) -> None:
    """Refuse two options that exclude each other, and one without another that it is about."""
    flags = {option.key: option.flags[0] for option in options if values[_name(option)] not in (None, False)}
    for option in options:
        if option.key in flags and option.setting.excludes in flags:
            both = f"{flags[option.setting.excludes]} and {flags[option.key]}"
            raise UsageError(f"{both} contradict each other", "give one of them")
        needed = option.setting.needs
        if needed and not values[needed] and values[_name(option)] != option.default:
            raise UsageError(f"{option.flags[0]} without --{needed}", f"leave it out, or add --{needed}")


def given(context: typer.Context) -> Callable[[str], bool]:
    """Whether a parameter, by its name, stands on the command line or in the environment: its default was not taken."""

    def stands(name: str) -> bool:
        source = context.get_parameter_source(name)
        return source is not None and source.name in ("COMMANDLINE", "ENVIRONMENT")

    return stands


@dataclass(frozen=True)
class Common:
    """What every command takes: the folder of models and logs, the shape of its answer, and how much to say."""

    folder: Path | None = setting(
        None,
        "Folder of models and logs",
        flag="--home",
        metavar="DIR",
        shown="the user data folder",
        envvar="STOCKCAST_HOME",
    )
    as_json: bool = setting(False, "One JSON object on stdout, whatever happens", flag="--json")
    quiet: bool = setting(False, "Errors alone on stderr", flag="--quiet -q")
    verbose: bool = setting(False, "More of the log on stderr", flag="--verbose -v", excludes="quiet")

    @property
    def home(self) -> Path:
        """The folder that was named, or the user's own."""
        return self.folder or default_home()

    @property
    def console(self) -> Console:
        """Who speaks on stderr."""
        return Console(ERRORS if self.quiet else DETAIL if self.verbose else STORY)


def argument(metavar: str, help: str) -> Any:  # noqa: A002 - as Typer calls it
    """A word without an option's name."""
    return typer.Argument(parser=parser(text), metavar=metavar, help=help)


Sources = Annotated[
    list[str],
    argument(
        "SOURCE",
        "A ticker (AAPL, ^GSPC), @FILE with one a line, a file (.csv, .xlsx, .json, .parquet, also packed), a folder "
        "of them (prices/), or - for stdin.",
    ),
]
Source = Annotated[
    str,
    argument("SOURCE", "A ticker (AAPL, ^GSPC), a file (.csv, .xlsx, .json, .parquet, also packed), or - for stdin."),
]


def check_writable(output: Path | None, option: str = "--output") -> None:
    """Check that a file can be written there: better now than after an hour of training.

    Raises:
        UsageError: Where it is a folder, or in none.
    """
    if output is None:
        return
    if os.path.isdir(output):
        raise UsageError(f"{option} {output} is a folder", "name a file")
    if not os.path.isdir(output.parent):
        raise UsageError(f"the folder {output.parent} of {option} does not exist", "create it first")
