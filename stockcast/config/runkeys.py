"""The keys of stockcast.toml: the fields of the dataclasses, with their types and defaults."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import Field, dataclass, fields
from datetime import date, datetime
from typing import Any

from stockcast.config.models import NetworkConfig, SplitConfig, TrainingConfig
from stockcast.config.runs import ForecastConfig, LimitsConfig, OutputConfig, RetrainConfig

TOP_KEYS = ("tickers", "watchlist")
MODEL_PARTS = (NetworkConfig, TrainingConfig, SplitConfig)
# What a chunk is and how often the validation part is looked at are no options of `train` either.
NO_OPTIONS = frozenset({"chunk", "warmup", "checks"})

KINDS: dict[str, Callable[[Any], bool]] = {
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
_KIND_OF_TYPE = dict(
    zip(("bool", "int", "float", "str", "date", "tuple[str, ...]", "str | None"), KINDS, strict=True)
) | {
    "int | None": "a whole number",
    "date | None": "a date without quotes, such as 2021-03-31",
    "Path": "a text in quotes",
}


@dataclass(frozen=True)
class Key:
    """One key of the file: its table, its name, the kind of its values, and its default."""

    table: str
    name: str
    kind: str
    default: Any

    @property
    def dotted(self) -> str:
        """The key as messages name it."""
        return f"{self.table}.{self.name}"


OF_COVARIATES = (
    Key("model", "with", "a list of texts", ()),
    Key("model", "known_ahead", "a text in quotes", None),
)


def known_keys() -> dict[str, tuple[Key, ...]]:
    """The tables of the file and the keys of each, in the order in which `config_text` writes them."""
    return {
        "retrain": tuple(_keys("retrain", RetrainConfig())),
        "forecast": tuple(_keys("forecast", ForecastConfig())),
        "model": (
            Key("model", "init", "a text in quotes", None),
            *(key for part in MODEL_PARTS for key in _keys("model", part()) if key.name not in NO_OPTIONS),
            *OF_COVARIATES,
        ),
        "output": tuple(_keys("output", OutputConfig())),
        "limits": tuple(_keys("limits", LimitsConfig())),
    }


def _keys(table: str, config: Any) -> Iterable[Key]:
    return (Key(table, item.name, _KIND_OF_TYPE[_type(item)], getattr(config, item.name)) for item in fields(config))


def _type(item: Field[Any]) -> str:
    return item.type if isinstance(item.type, str) else item.type.__name__
