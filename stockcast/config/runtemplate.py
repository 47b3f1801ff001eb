"""The file that `stockcast run --write-config` writes: every key with its default and what it does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stockcast.config.models import CELLS, DEVICES, SUPERVISIONS
from stockcast.config.runkeys import Key, known_keys
from stockcast.config.watchlist import distinct, ticker

EXAMPLES = ("AAPL", "MSFT", "^GSPC")  # what stands in a file that was written for no ticker

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
}

_ABOUT = {
    "retrain.every": "sessions; 0: never for its age",
    "retrain.on_decay": "train where the live record is worse than its baselines",
    "retrain.first": "train where there is no model yet",
    "forecast.horizon": "sessions ahead",
    "forecast.calibrate": "fit the width of the intervals to the settled forecasts",
    "forecast.paths": "simulated paths",
    "forecast.seed": "of the simulation",
    "forecast.allow_stale": "forecast although the newest bar is not of the last session",
    "model.init": "networks to begin with, general, scratch or a model's name; unset: general with the usual settings",
    "model.cell": ", ".join(CELLS),
    "model.lookback": "sessions in one input window",
    "model.hidden_size": "units per layer",
    "model.layers": "stacked cells",
    "model.dropout": "share of units silenced in training",
    "model.seeds": "members of the ensemble",
    "model.seed": "of the first member",
    "model.learning_rate": "peak of the schedule",
    "model.weight_decay": "pull of the weights to 0",
    "model.batch_size": "chunks or windows per step; unset: 16 chunks or 64 windows",
    "model.steps": "gradient steps at most, or ...; unset: 100 with chunks, 400 with windows",
    "model.epochs": "... passes over the training part",
    "model.supervision": ", ".join(SUPERVISIONS),
    "model.device": ", ".join(DEVICES),
    "model.final_fit": "refit the served network on the whole history",
    "model.validate_from": "first session of the validation part; unset: by its share",
    "model.test_from": "first session of the test part; unset: by its share",
    "model.validation_share": "of the sessions",
    "model.test_share": "of the sessions",
    "model.with": "further series to look at: tickers, or files (FILE@XTKS for one of another exchange)",
    "model.known_ahead": "CSV of dates known beforehand, such as earnings: date, ticker",
    "output.folder": "created where it is missing",
    "output.jsonl": "forecasts.jsonl, one JSON document a line",
    "output.csv": "forecasts.csv, the same as a table",
    "output.latest": "latest.json, the forecasts of the newest run alone",
    "limits.timeout": "seconds for the fetching of all tickers",
    "limits.pause": "seconds between two tickers, give or take",
    "limits.give_up_after": "tickers in a row that fail because the provider is unreachable",
}

# Keys that are unset unless someone sets them need a value to show.
_SHOWN = {
    "model.init": '"general"',
    "model.batch_size": "16",
    "model.steps": "100",
    "model.epochs": "20",
    "model.validate_from": "2021-01-04",
    "model.test_from": "2023-01-03",
    "model.with": '["^GSPC", "^VIX"]',
    "model.known_ahead": '"earnings.csv"',
}


def config_text(tickers: Sequence[str] = ()) -> str:
    """A commented stockcast.toml of the defaults, for these tickers; without any, for three examples.

    Read by `load_run_config` it gives the defaults. Raises ConfigError for a word that is no ticker.
    """
    names = distinct(ticker(word) for word in tickers) or EXAMPLES
    parts = [f"{_HEAD}tickers = {_toml(list(names))}\n{_WATCHLIST}"]
    for table, keys in known_keys().items():
        lines = "".join(_line(key) for key in keys)
        parts.append(f"# {_TABLES[table]}\n[{table}]\n{lines}")
    return "\n".join(parts)


def _line(key: Key) -> str:
    # The recipe of models gets better with stockcast: a file should hold on to none that it does not mean to.
    off = "# " if key.table == "model" else ""
    return f"{off}{key.name} = {_SHOWN.get(key.dotted) or _value(key)}  # {_ABOUT[key.dotted]}\n"


def _value(key: Key) -> str:
    if key.table == "output" and key.name != "folder":
        return _toml(key.default is not None)
    return _toml(key.default)


def _toml(value: Any) -> str:
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)
