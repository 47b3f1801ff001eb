"""What a model remembers of how its prices were read, so that they need not be described again.

It stands in the manifest where anything was said at all, and is no part of the model's id: it says where bars are found
in a file, not what they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

from stockcast.config.sources import ReadOptions
from stockcast.errors import StockcastError
from stockcast.storage.codec import MisfitError, decode, encode
from stockcast.storage.modelfile import load_manifest

READING = "reading"
"""The key in a manifest."""


@dataclass(frozen=True)
class _Data:
    """What a manifest says of where prices came from; there are models that say nothing of it."""

    ticker: str = ""
    source: str = ""


@dataclass(frozen=True)
class KeptReading:
    """How the prices of a model were read.

    Attributes:
        model: The model's name.
        names: The tickers that it was trained on, and the names of their files. Another file may be laid out otherwise.
        options: What was said of them, and the exchange that they were taken for.
    """

    model: str
    names: frozenset[str]
    options: ReadOptions

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> KeptReading | None:
        """The reading in a manifest; None where nothing was said, or what cannot be read.

        >>> told = {"name": "AAA", "ticker": "AAA", "reading": {"start": "2024-01-25"}, "data": {"source": "a/b.csv"}}
        >>> sorted(KeptReading.of(told).names), KeptReading.of(told).options.typed
        (['AAA', 'b.csv'], '--start 2024-01-25')
        """
        config, data = manifest.get("config"), manifest.get("data")
        exchange = config.get("exchange") if isinstance(config, dict) else None
        exchange = exchange if isinstance(exchange, str) else None
        if READING not in manifest and exchange is None:
            return None
        one = {"ticker": manifest.get("ticker"), **(data if isinstance(data, dict) else {})}
        try:
            options = decode(ReadOptions, manifest.get(READING, {}), READING)
            known = [decode(_Data, place, "data", others=True) for place in (data if isinstance(data, list) else [one])]
        except MisfitError:  # whoever forecasts with the model says so
            return None
        names = {name for place in known for name in (place.ticker, PurePath(place.source).name) if name}
        return cls(str(manifest.get("name")), frozenset(names), replace(options, exchange=exchange))

    def options_for(self, source: str, ticker: str, said: ReadOptions) -> ReadOptions:
        """How a source is read: as it was, unless this is about other prices; what is said now overrules."""
        ours = ticker in self.names or PurePath(source).name in self.names
        return said.over(self.options) if ours else said


def encoded(options: ReadOptions) -> dict[str, Any]:
    """The entry of a manifest: nothing where nothing was said that lasts."""
    given = options.lasting.given
    return {READING: encode(given)} if given else {}


def saved_readings(models: Path, named: str | None = None) -> Callable[[str], KeptReading | None]:
    """A function from a ticker to what its model, or the one that is named, remembers.

    What is wrong with a model is for whoever forecasts with it to say.

    Args:
        models: The folder of all models.
        named: The model that is asked, whatever the ticker.
    """

    def found(ticker: str) -> KeptReading | None:
        try:
            return KeptReading.of(load_manifest(models, named or ticker))
        except StockcastError:
            return None

    return found
