"""What the program says of itself: every command with its options, the settings of stockcast.toml, the Python API."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import stockcast
import stockcast.pipeline
from stockcast.cli.commands import application
from stockcast.config.runs import config_text

OTHER_PANEL = "Options"
"""Where an option stands that names no panel."""


@dataclass(frozen=True)
class Option:
    """An option or argument of a command, as `--help` has it."""

    panel: str
    names: tuple[str, ...]
    metavar: str
    help: str
    default: str
    is_argument: bool


@dataclass(frozen=True)
class Command:
    """A command by its words (`models list`), its help, and what it takes."""

    words: str
    help: str
    options: tuple[Option, ...]

    @property
    def usage(self) -> str:
        """The command line in one line."""
        arguments = [option.metavar for option in self.options if option.is_argument]
        return " ".join(["stockcast", self.words, *arguments, "[OPTIONS]"])


def commands() -> list[Command]:
    """Every command of the Typer app in the order of `--help`, those of groups among them."""
    return [_command(words, command) for words, command in _leaves("", _program())]


def _program() -> Any:
    from typer.main import get_command

    return get_command(application())


def _command(words: str, command: Any) -> Command:
    return Command(words, _one_line(command.help), tuple(map(_option, filter(_is_shown, command.params))))


def _leaves(prefix: str, group: Any) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        words = f"{prefix} {name}".strip()
        if getattr(command, "commands", None):
            yield from _leaves(words, command)
        else:
            yield words, command


def _is_shown(parameter: Any) -> bool:
    return not getattr(parameter, "hidden", False)


def _option(parameter: Any) -> Option:
    is_argument = parameter.param_type_name == "argument"
    metavar = parameter.metavar or ""
    if is_argument and parameter.nargs == -1:
        metavar += "..."
    return Option(
        panel="Arguments" if is_argument else parameter.rich_help_panel or OTHER_PANEL,
        names=() if is_argument else (*parameter.opts, *parameter.secondary_opts),
        metavar=metavar,
        help=_one_line(parameter.help),
        default="" if is_argument else _default(parameter),
        is_argument=is_argument,
    )


def _default(parameter: Any) -> str:
    """What holds where the option is not given: in words where there are some, nothing for a plain switch."""
    if isinstance(parameter.show_default, str):
        return parameter.show_default
    value = parameter.default
    if value is None or value is False or value == ():
        return ""
    if value is True:
        return parameter.opts[0]
    if isinstance(value, list | tuple):
        return ", ".join(str(one) for one in value)
    return str(value)


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


def command_reference() -> str:
    """Markdown: the program's own options, then a section for each command, with its options by panel."""
    own = "\n".join(_options_table(_command("", _program())))
    return "\n".join([own, "", *map(_section, commands())])


def _section(command: Command) -> str:
    lines = [f"## stockcast {command.words}", "", command.help, "", "```text", command.usage, "```", ""]
    return "\n".join([*lines, *_options_table(command), ""])


def _options_table(command: Command) -> list[str]:
    panels = dict.fromkeys(option.panel for option in command.options)
    lines = ["| option | what it does | default |", "|---|---|---|"]
    for panel in panels:
        lines.append(f"| **{panel}** | | |")
        lines += [_row(option) for option in command.options if option.panel == panel]
    return lines


def _row(option: Option) -> str:
    names = ", ".join(f"`{name}`" for name in option.names)
    metavar = f"`{option.metavar}`" if option.metavar else ""
    return f"| {' '.join(filter(None, [names, metavar]))} | {_cell(option.help)} | {_cell(option.default)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def settings() -> str:
    """Markdown: stockcast.toml as `run --write-config` writes it, every setting with its comment and default."""
    return f"```toml\n{config_text()}```"


def python_reference() -> str:
    """Markdown: directives that show the docstring of each public name, functions first, then classes."""
    names = {name: getattr(stockcast, name) for name in stockcast.__all__}
    functions = [one for one in names.values() if inspect.isroutine(one)]
    classes = [one for one in names.values() if inspect.isclass(one)]
    others = [getattr(stockcast.pipeline, name) for name in stockcast.pipeline.__all__]
    pipeline = [one for one in others if inspect.isroutine(one) and one not in functions]
    return "\n".join(
        [
            *("### Functions", "", *_directives(functions)),
            *("### Classes", "", *_directives(classes)),
            *("### The functions behind the commands", "", "Of `stockcast.pipeline`.", "", *_directives(pipeline)),
        ]
    )


def _directives(members: list[Any]) -> Iterator[str]:
    for member in members:
        yield f"::: {member.__module__}.{member.__qualname__}"
        yield ""
