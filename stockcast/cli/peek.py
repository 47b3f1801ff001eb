"""A look at the command line without Typer: what an error report needs to know when parsing failed or never began."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

COMMANDS: dict[str, tuple[str, ...]] = {
    "train": (),
    "predict": (),
    "explain": (),
    "backtest": (),
    "report": (),
    "audit": (),
    "reproduce": (),
    "run": (),
    "score": (),
    "ledger": ("list", "export"),
    "fetch": (),
    "models": ("list", "show", "export", "remove"),
    "doctor": (),
}


@dataclass(frozen=True)
class Peek:
    """command: its words joined by dots, empty where none is known; as_json: --json was asked for; home: of --home."""

    command: str
    as_json: bool
    home: Path | None


def peek(arguments: list[str]) -> Peek:
    """What these arguments (without the program's name) ask for, as far as it can be seen."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return Peek(_command(options), "--json" in options, _home(options))


def default_home() -> Path:
    """The folder that STOCKCAST_HOME names, else the platform's folder for user data."""
    # Not left to the option's `envvar`: Typer 0.26 forgets it where the option has a default.
    named = os.environ.get("STOCKCAST_HOME")
    if named:
        return Path(named).expanduser()
    from platformdirs import user_data_dir

    return Path(user_data_dir("stockcast", appauthor=False))


def _command(options: list[str]) -> str:
    words = [word for word in options if not word.startswith("-")]
    if not words or words[0] not in COMMANDS:
        return ""
    if len(words) > 1 and words[1] in COMMANDS[words[0]]:
        return f"{words[0]}.{words[1]}"
    return words[0]


def _home(options: list[str]) -> Path | None:
    named = None
    for index, option in enumerate(options):
        if option == "--home" and index + 1 < len(options):
            named = options[index + 1]
        elif option.startswith("--home="):
            named = option.removeprefix("--home=")
    return Path(named).expanduser() if named else None
