"""Settings of `stockcast run`: frozen dataclasses, one per table of its file, and the commented file itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from stockcast.config.jobs import JobsConfig
from stockcast.config.models import AHEAD, SEEDS, NetworkConfig, SplitConfig, TrainConfig, TrainingConfig
from stockcast.config.policy import PolicyConfig
from stockcast.config.settings import Bounds, Checked, Option, options_of, require, setting
from stockcast.config.sources import CovariatesConfig, ReadOptions, distinct, ticker


@dataclass(frozen=True)
class RetrainConfig(Checked):
    """When a run trains; `every`: after how many sessions a model is trained again."""

    every: int = setting(63, "Sessions; 0: never for its age", bounds=Bounds(0, 10_000), said="{} sessions is")
    on_decay: bool = setting(True, "Train where the live record is worse than its baselines")
    first: bool = setting(True, "Train where there is no model yet")


@dataclass(frozen=True)
class ForecastConfig(Checked):
    """What a run forecasts."""

    horizon: int = setting(1, "Sessions ahead", bounds=AHEAD)
    calibrate: bool = setting(True, "Fit the width of the intervals to the settled forecasts")
    paths: int = setting(2000, "Simulated paths", bounds=Bounds(100, 1_000_000))
    seed: int = setting(0, "Of the simulation", bounds=SEEDS)
    allow_stale: bool = setting(False, "Forecast although the newest bar is not of the last session")


@dataclass(frozen=True)
class OutputConfig:
    """Where a run writes its forecasts: files that grow, and the one that each run replaces; None: not written."""

    folder: Path = setting(Path("forecasts"), "Created where it is missing")
    jsonl: str | None = setting("forecasts.jsonl", "forecasts.jsonl, one JSON document a line", example="true")
    csv: str | None = setting("forecasts.csv", "forecasts.csv, the same as a table", example="true")
    latest: str | None = setting("latest.json", "latest.json, the forecasts of the newest run alone", example="true")

    def __post_init__(self) -> None:
        names = [name for name in (self.jsonl, self.csv, self.latest) if name is not None]
        for name in names:
            require(_names_a_file(name), f"{name!r} is no file name", "write a name without folders, or false")
        require(
            len({name.casefold() for name in names}) == len(names),
            f"two of the files have one name: {', '.join(names)}",
            "give jsonl, csv and latest names of their own",
        )

    @property
    def jsonl_path(self) -> Path | None:
        """The file of one JSON document a line; None where it is switched off."""
        return self.folder / self.jsonl if self.jsonl else None

    @property
    def csv_path(self) -> Path | None:
        """The same forecasts as a table; None where it is switched off."""
        return self.folder / self.csv if self.csv else None

    @property
    def latest_path(self) -> Path | None:
        """The file of the newest run; None where it is switched off."""
        return self.folder / self.latest if self.latest else None


@dataclass(frozen=True)
class LimitsConfig(Checked):
    """How much a run asks of the provider."""

    timeout: float = setting(
        600.0, "Seconds for the fetching of all tickers", bounds=Bounds(1, 86_400, "seconds"), said="timeout {:g} is"
    )
    pause: float = setting(
        0.5, "Seconds between two tickers, give or take", bounds=Bounds(0, 600, "seconds"), said="pause {:g} is"
    )
    give_up_after: int = setting(
        3,
        "Tickers in a row that fail because the provider is unreachable",
        bounds=Bounds(1, 1000),
        said="{} tickers is",
    )


@dataclass(frozen=True)
class RunConfig:
    """Everything that `run` decides. tickers: in upper case, each once, at least one. read: which dates of reports."""

    tickers: tuple[str, ...]
    retrain: RetrainConfig = field(default_factory=RetrainConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    forecast: ForecastConfig = field(default_factory=ForecastConfig)
    output: OutputConfig = field(default_factory=OutputConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    jobs: JobsConfig = field(default_factory=JobsConfig)
    read: ReadOptions = field(default_factory=ReadOptions)

    def __post_init__(self) -> None:
        require(
            bool(self.tickers), "there is no ticker", "name some: tickers or watchlist in the file, or as arguments"
        )


def _names_a_file(name: str) -> bool:
    return name.strip() not in ("", ".", "..") and not set(name) & set('/\\:\0"*?<>|') and len(name.encode()) <= 200


# The file.

EXAMPLES = ("AAPL", "MSFT", "^GSPC")  # what stands in a file that was written for no ticker
TOP_KEYS = ("tickers", "watchlist")
MODEL_PARTS = (NetworkConfig, TrainingConfig, SplitConfig)
EVENT_KEYS = ("events", "no_events")

_HEAD = """\
# What `stockcast run` does. A line that begins with # is not in effect; most of them show a default.
# Paths are relative to the folder of this file.

"""
_WATCHLIST = """\
# watchlist = "watchlist.txt"  # more of them: one a line, or commas between; # begins a comment
"""
_TABLES = {
    "retrain": "When a model is trained again.",
    "forecast": "What is forecast after every run.",
    "model": "How models are trained: the options of `stockcast train`.",
    "output": "Where the forecasts go: true, false, or another file name.",
    "limits": "What is asked of the provider of prices.",
    "jobs": "On how many cores models are trained, and whose they are: --jobs, --engine and --address overrule it.",
}
_SWITCHED_OFF = ("model", "jobs")
"""Tables whose keys stand there as comments: recipes of models get better with stockcast, and machines get more cores.
A file should hold on to none of either that it does not mean to."""


class Key(NamedTuple):
    """One key of the file: its table, and the setting that it gives a value."""

    table: str
    option: Option

    @property
    def name(self) -> str:
        """The key as the file has it."""
        return self.option.key

    @property
    def dotted(self) -> str:
        """The key as messages name it."""
        return f"{self.table}.{self.name}"


def known_keys() -> dict[str, tuple[Key, ...]]:
    """The tables of the file and the keys of each, in the order in which `config_text` writes them."""
    of_training = [option for option in options_of(TrainConfig) if option.name == "init"]
    of_events = [option for option in options_of(ReadOptions) if option.name in EVENT_KEYS]
    tables = {
        "retrain": options_of(RetrainConfig),
        "forecast": options_of(ForecastConfig),
        "model": [
            *of_training,
            *(option for part in (*MODEL_PARTS, PolicyConfig, CovariatesConfig) for option in options_of(part)),
            *of_events,
        ],
        "output": options_of(OutputConfig),
        "limits": options_of(LimitsConfig),
        "jobs": options_of(JobsConfig),
    }
    return {table: tuple(Key(table, option) for option in options) for table, options in tables.items()}


def config_text(tickers: Sequence[str] = ()) -> str:
    """A commented stockcast.toml of the defaults, for these tickers; without any, for three examples.

    Read by `load_run_config` it gives the defaults.

    Raises:
        ConfigError: For a word that is no ticker.
    """
    names = distinct(ticker(word) for word in tickers) or EXAMPLES
    parts = [f"{_HEAD}tickers = {_toml(list(names))}\n{_WATCHLIST}"]
    for table, keys in known_keys().items():
        off = "# " if table in _SWITCHED_OFF else ""
        lines = "".join(f"{off}{_line(key.option)}\n" for key in keys)
        parts.append(f"# {_TABLES[table]}\n[{table}]\n{lines}")
    return "\n".join(parts)


def _line(option: Option) -> str:
    known = option.setting
    comment = known.toml
    if comment is None:
        comment = ": ".join(filter(None, (f"{known.help[:1].lower()}{known.help[1:]}", ", ".join(known.choices))))
        comment += f"; unset: {known.shown}" if known.shown else ""
    return f"{option.key} = {known.example or _toml(option.default)}  # {comment}"


def _toml(value: Any) -> str:
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)
