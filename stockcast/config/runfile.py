"""stockcast.toml: what `stockcast run` does, as a file. Unknown keys are refused, by name and line."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any

from stockcast.config.jobs import RAY, JobsConfig
from stockcast.config.models import SplitConfig, TrainConfig
from stockcast.config.policy import PolicyConfig
from stockcast.config.runs import (
    EVENT_KEYS,
    MODEL_PARTS,
    TOP_KEYS,
    ForecastConfig,
    Key,
    LimitsConfig,
    OutputConfig,
    RetrainConfig,
    RunConfig,
    known_keys,
)
from stockcast.config.settings import Option, Setting, options_of, require, user_path
from stockcast.config.sources import (
    CovariatesConfig,
    ReadOptions,
    distinct,
    names_a_file,
    read_text,
    read_watchlist,
    ticker,
    without_exchange,
)
from stockcast.errors import ConfigError

_KINDS: dict[str, Callable[[Any], bool]] = {
    "true or false": lambda value: isinstance(value, bool),
    "a whole number": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "a number": lambda value: isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300,
    "a text in quotes": lambda value: isinstance(value, str) and bool(value.strip()),
    "a date without quotes, such as 2021-03-31": lambda value: (
        isinstance(value, date) and not isinstance(value, datetime)
    ),
    "a list of texts": lambda value: isinstance(value, list) and all(isinstance(one, str) and one for one in value),
    "true, false or a file name in quotes": lambda value: isinstance(value, bool | str),
}
_KIND_OF_TYPE = dict(zip(("bool", "int", "float", "str", "date", "tuple[str, ...]"), _KINDS, strict=False)) | {
    "Path": "a text in quotes"
}
_WATCHLIST = Key("", Option("watchlist", "Path", None, Setting("")))


def load_run_config(path: Path) -> RunConfig:
    """The settings in the TOML file at `path`; what it leaves out has its default.

    Paths in it are relative to its folder. Tickers come from `tickers`, then from `watchlist`; each counts once.

    Raises:
        ConfigError: With the file and, where it can be found, the line: for a file that cannot be read, is not UTF-8
            or no TOML, for unknown keys and tables, and for values of the wrong type or out of range.
    """
    return parse_run_config(path, read_text(path, "configuration", "stockcast run --write-config makes one"))


def parse_run_config(path: Path, text: str) -> RunConfig:
    """The settings in the text of a configuration that lies, or is to lie, at `path`. Raises as `load_run_config`."""
    try:
        tree = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError alone: a number of thousands of digits
        raise ConfigError(f"{path} is no TOML: {error}", "mend that line; texts need quotes") from error
    return _Reader(path, text).read(tree)


@dataclass(frozen=True)
class _Reader:
    """One file, of which every complaint names the path and the line."""

    path: Path
    text: str

    def read(self, tree: Mapping[str, Any]) -> RunConfig:
        tables = known_keys()
        self._refuse_unknown(tree, tables)
        values = {name: self._values(keys, tree.get(name, {})) for name, keys in tables.items()}
        forecast = self._built("forecast", ForecastConfig(), values["forecast"])
        return RunConfig(
            tickers=self._tickers(tree),
            retrain=self._built("retrain", RetrainConfig(), values["retrain"]),
            train=self._train(values["model"], forecast.horizon),
            forecast=forecast,
            output=self._output(values["output"]),
            limits=self._built("limits", LimitsConfig(), values["limits"]),
            jobs=self._jobs(values["jobs"]),
            read=self._read(values["model"]),
        )

    def _refuse_unknown(self, tree: Mapping[str, Any], tables: Mapping[str, tuple[Key, ...]]) -> None:
        for name, value in tree.items():
            if name in TOP_KEYS:
                continue
            if name not in tables:
                what = f"table [{name}]" if isinstance(value, dict) else f"key {name}"
                raise self._error((name,), f"unknown {what}", _nearest(name, "", tables))
            if not isinstance(value, dict):
                hint = f"write [{name}] on a line of its own, and its keys below it"
                raise self._error((name,), f"{name} = {_shown(value)} is no table", hint)
            for key in value:
                if key not in {known.name for known in tables[name]}:
                    raise self._error((name, key), f"unknown key {name}.{key}", _nearest(key, name, tables))

    def _tickers(self, tree: Mapping[str, Any]) -> tuple[str, ...]:
        words = tree.get("tickers", [])
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            hint = 'allowed is a list of texts, such as ["AAPL", "^GSPC"]'
            raise self._error(("tickers",), f"tickers = {_shown(words)} is no list of tickers", hint)
        try:
            found = [ticker(word) for word in words]
        except ConfigError as error:
            raise self._error(("tickers",), f"tickers: {error.message}", error.hint) from error
        listed = tree.get("watchlist")
        if listed is not None:
            found += read_watchlist(self._relative(_WATCHLIST, listed))
        if not found:
            hint = 'write tickers = ["AAPL"] above the first [table], or watchlist = "FILE"'
            raise self._error(("tickers",), "there is no ticker", hint)
        return distinct(found)

    def _train(self, values: Mapping[str, Any], horizon: int) -> TrainConfig:
        for name in ("validation_share", "test_share"):
            if name in values:
                self._check("model", (name, values[name]), partial(_require_share, values[name]))
        network, training, split = (
            self._built("model", part(), {key: values[key] for key in values if key in _names(part)})
            for part in MODEL_PARTS
        )
        self._check("model", (), partial(_require_shares, split))
        said = {option.name: values[option.key] for option in options_of(PolicyConfig) if option.key in values}
        config = TrainConfig(
            network, training, split, horizon, init=values.get("init"), covariates=self._covariates(values)
        )
        return replace(config, policy=self._built("model", PolicyConfig(), said))

    def _covariates(self, values: Mapping[str, Any]) -> CovariatesConfig:
        """Tickers as they are, files relative to the folder of this one."""
        known = values.get("known_ahead")
        return CovariatesConfig(
            tuple(
                str(self._place(("model", "with"), word)) if _names_a_file(word) else word
                for word in values.get("with", ())
            ),
            None if known is None else str(self._place(("model", "known_ahead"), known)),
        )

    def _read(self, values: Mapping[str, Any]) -> ReadOptions:
        """Which dates of reports: a file is relative to the folder of this one."""
        said = {name: values[name] for name in EVENT_KEYS if name in values}
        if "events" in said:
            said["events"] = str(self._place(("model", "events"), said["events"]))
        read: ReadOptions = self._built("model", ReadOptions(), said)
        return read

    def _place(self, where: tuple[str, ...], word: str) -> Path:
        """A path of the file, which is relative to its folder."""
        try:
            return self.path.parent / user_path(word)
        except ConfigError as error:
            raise self._error(where, f"{'.'.join(where)}: {error.message}", error.hint) from error

    def _output(self, values: Mapping[str, Any]) -> OutputConfig:
        plain = dict(values)
        for key in known_keys()["output"]:
            value = values.get(key.name)
            if key.name == "folder":
                plain["folder"] = self._relative(key, values.get("folder", str(key.option.default)))
            elif isinstance(value, bool):
                plain[key.name] = key.option.default if value else None
        output: OutputConfig = self._built("output", OutputConfig(), plain)
        return output

    def _jobs(self, values: Mapping[str, Any]) -> JobsConfig:
        """An address says something of a cluster alone."""
        on_ray = values.get("engine") == RAY
        if "address" in values and not on_ray:
            raise self._error(
                ("jobs", "address"), f'jobs.address without jobs.engine = "{RAY}"', f'add engine = "{RAY}"'
            )
        jobs: JobsConfig = self._built("jobs", JobsConfig(engine=RAY) if on_ray else JobsConfig(), values)
        return jobs

    def _relative(self, key: Key, value: Any) -> Path:
        self._require_kind(key, value)
        return self._place((key.table, key.name) if key.table else (key.name,), value)

    def _values(self, keys: tuple[Key, ...], table: Mapping[str, Any]) -> dict[str, Any]:
        for key in keys:
            if key.name in table:
                self._require_kind(key, table[key.name])
        kinds = {key.name: _kind(key) for key in keys}
        return {name: float(value) if kinds[name] == "a number" else value for name, value in table.items()}

    def _require_kind(self, key: Key, value: Any) -> None:
        kind = _kind(key)
        if not _KINDS[kind](value):
            where = (key.table, key.name) if key.table else (key.name,)
            message = f"{'.'.join(where)} = {_shown(value)} is not {kind}"
            raise self._error(where, message, f"allowed is {kind}")

    def _built(self, table: str, default: Any, values: Mapping[str, Any]) -> Any:
        """The dataclass with these values; each is tried alone first, so that a complaint knows its key."""
        for name, value in values.items():
            self._check(table, (name, value), partial(replace, default, **{name: value}))
        return self._check(table, (), partial(replace, default, **values))

    def _check(self, table: str, at: tuple[Any, ...], build: Callable[[], Any]) -> Any:
        try:
            return build()
        except ConfigError as error:
            where = (table, at[0]) if at else (table,)
            what = f"{table}.{at[0]} = {_shown(at[1])}" if at else f"[{table}]"
            hint = error.hint or "correct it, or leave it out: it has a default"
            raise self._error(where, f"{what}: {error.message}", hint) from error

    def _error(self, where: tuple[str, ...], message: str, hint: str) -> ConfigError:
        line = line_of(self.text, where)
        place = f"{self.path}, line {line}" if line else str(self.path)
        return ConfigError(f"{place}: {message}", hint)


def _kind(key: Key) -> str:
    """What a key's value has to be, in words."""
    if key.table == "output" and key.option.kind == "str | None":
        return "true, false or a file name in quotes"
    return _KIND_OF_TYPE[key.option.kind.removesuffix(" | None")]


def _names_a_file(word: str) -> bool:
    source, _ = without_exchange(word)
    return "/" in source or names_a_file(source)


def _names(part: type) -> frozenset[str]:
    return frozenset(item.name for item in fields(part))


def _require_share(share: float) -> None:
    require(0.0 < share < 1.0, "not within 0 .. 1", "0.15 is 15 % of the sessions")


def _require_shares(split: SplitConfig) -> None:
    total = split.validation_share + split.test_share
    require(total < 1.0, f"validation_share and test_share are {total:g} together", "leave sessions to train on")


def _nearest(word: str, table: str, tables: Mapping[str, tuple[Key, ...]]) -> str:
    """What the writer of an unknown key may have meant: another place for it, or another spelling."""
    if table and word in TOP_KEYS:
        return f"{word} belongs above the first [table]"
    homes = [key.table for keys in tables.values() for key in keys if key.name == word]
    if homes:
        return f"{word} belongs into {' or '.join(f'[{home}]' for home in homes)}"
    known = [key.name for key in tables[table]] if table else [*TOP_KEYS, *tables]
    close = get_close_matches(word.lower().replace("-", "_"), known, n=1)
    return f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}"


def _shown(value: Any) -> str:
    """A value as the file may have it, cut where it is long."""
    try:
        shown = json.dumps(value, ensure_ascii=False)
    except TypeError:
        shown = str(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


_TABLE = re.compile(r"\s*\[\[?([^\[\]]+)\]\]?\s*(?:#.*)?")
_ASSIGNMENT = re.compile(r"\s*((?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"|'[^']*'))*)\s*=")
_PART = re.compile(r"[\w-]+|\"[^\"]*\"|'[^']*'")


def line_of(text: str, path: tuple[str, ...]) -> int | None:
    """The line, from 1, on which the key with these names begins, or else the innermost table that holds it.

    None where neither is found. A line within a text of several lines may be taken for a key: it is a hint for a
    reader, nothing more.
    """
    table: tuple[str, ...] = ()
    best, depth = None, 0
    for number, line in enumerate(text.splitlines(), start=1):
        found = _TABLE.fullmatch(line)
        if found:
            table = here = _parts(found[1])
        elif found := _ASSIGNMENT.match(line):
            here = (*table, *_parts(found[1]))
        else:
            continue
        if len(here) > depth and here == path[: len(here)]:
            best, depth = number, len(here)
        if best is None and here[: len(path)] == path:
            best = number
    return best


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))
