"""Settings written into a stockcast.toml that somebody else has written: everything besides them stays as it is."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stockcast.config.runfile import parse_run_config
from stockcast.errors import ConfigError

_TABLE = re.compile(r"\s*\[model\]\s*(#.*)?")
_ANY_TABLE = re.compile(r"\s*\[.*\]\s*(#.*)?")
_COMMENT = re.compile(r"(?:[^#\"']|\"[^\"]*\"|'[^']*')*(#.*)")


def with_model_settings(path: Path, text: str, values: Mapping[str, Any]) -> str:
    """The text of a configuration with these keys in its table [model].

    A key that is there gets the new value, one that stands in a comment comes into effect, others come at the table's
    end. Comments stay.

    Args:
        path: Of the file, for messages, and what paths in it are relative to.
        text: What it holds.
        values: By key; None: it is not to be set.

    Raises:
        ConfigError: The text is no configuration, or cannot be changed line by line.
    """
    before = parse_run_config(path, text)
    lines = text.splitlines()
    start = next((place for place, line in enumerate(lines) if _TABLE.fullmatch(line)), None)
    if start is None:
        lines += ["", "[model]"]
        start = len(lines) - 1
    for key, value in values.items():
        _set(lines, start, key, value)
    changed = "\n".join(lines) + "\n"
    if _tree(path, changed) != _merged(tomllib.loads(text), values):
        raise ConfigError(
            f"{path}: its table [model] cannot be changed line by line", "write each key on a line of its own"
        )
    after = parse_run_config(path, changed)
    assert after.tickers == before.tickers  # noqa: S101 - nothing but the model has changed
    return changed


def _set(lines: list[str], start: int, key: str, value: Any) -> None:
    """Give a key of the table that begins at a line a value, or put it out of effect."""
    stop = next((place for place in range(start + 1, len(lines)) if _ANY_TABLE.fullmatch(lines[place])), len(lines))
    assigned = re.compile(rf"\s*{re.escape(key)}\s*=(.*)")
    commented = re.compile(rf"\s*#\s*{re.escape(key)}\s*=(.*)")
    there = {name: _place(lines, start + 1, stop, form) for name, form in (("is", assigned), ("was", commented))}
    if value is None:
        if there["is"] is not None:
            lines[there["is"]] = f"# {lines[there['is']]}"
        return
    line = f"{key} = {json.dumps(value, ensure_ascii=False)}"
    place = there["was"] if there["is"] is None else there["is"]
    if place is not None:
        comment = _COMMENT.fullmatch(lines[place].lstrip(" #"))
        lines[place] = f"{line}  {comment[1]}" if comment else line
        return
    while stop > start + 1 and not lines[stop - 1].strip():
        stop -= 1
    lines.insert(stop, line)


def _place(lines: list[str], start: int, stop: int, form: re.Pattern[str]) -> int | None:
    return next((place for place in range(start, stop) if form.fullmatch(lines[place])), None)


def _merged(tree: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    model = tree.get("model", {}) | {key: value for key, value in values.items() if value is not None}
    return tree | {"model": {key: value for key, value in model.items() if values.get(key, value) is not None}}


def _tree(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except ValueError as error:
        raise ConfigError(f"{path}: its table [model] cannot be changed: {error}", "write a key a line") from error
