"""The general model: networks that many stocks have taught, shipped with the package, one set for each vintage.

A vintage has learnt from nothing after its cutoff. There is one that reads whole bars and one that reads closes only.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from stockcast.config.models import GENERAL
from stockcast.errors import ModelError
from stockcast.forecasting import TrainedModel
from stockcast.prices.history import History
from stockcast.storage import modelfile, trainedmodel
from stockcast.storage.codec import MisfitError, decode, encode, parse, sha256
from stockcast.storage.files import write_atomic

NAME = GENERAL
"""What `--model` and a forecast's `model` call it."""

FOLDER = Path(__file__).parents[1] / "general"
INDEX = "index.json"


@dataclass(frozen=True)
class Vintage:
    """One set of networks. name: of its folder; cutoff: last session that taught or chose anything; closes: it reads
    closes only.
    """

    name: str
    cutoff: date
    closes: bool


@dataclass(frozen=True)
class _Index:
    """The list of vintages. sha256: of the list, since a cutoff there decides what a forecast may have seen."""

    sha256: str
    vintages: tuple[Vintage, ...]


def vintages(folder: Path | None = None) -> tuple[Vintage, ...]:
    """What is shipped, oldest first. Raises ModelError where the index cannot be read."""
    try:
        index = decode(_Index, parse(((folder or FOLDER) / INDEX).read_bytes()))
        if index.sha256 != sha256(encode(index.vintages)):
            raise MisfitError(INDEX, "is not as it was written")
    except (OSError, ValueError) as error:
        raise _damaged(str(error)) from error
    return tuple(sorted(index.vintages, key=lambda vintage: (vintage.cutoff, vintage.closes)))


def general_model(until: date, history: History, folder: Path | None = None) -> TrainedModel:
    """The newest vintage whose cutoff is not after `until`, of the kind that reads what the history has.

    Raises ModelError where every vintage has seen later sessions, or one is damaged.
    """
    closes = history.open is None or history.high is None or history.low is None
    every = [vintage for vintage in vintages(folder) if vintage.closes == closes]
    known = [vintage for vintage in every if vintage.cutoff <= until]
    if not known:
        oldest = min((vintage.cutoff for vintage in every), default=None)
        raise ModelError(
            f"every vintage of the general model has learnt from sessions after {until}",
            f"the oldest ends on {oldest}: choose a later date, or train on the ticker itself",
        )
    return _vintage(folder or FOLDER, known[-1])


def _vintage(folder: Path, vintage: Vintage) -> TrainedModel:
    """The networks that the index speaks of. Raises ModelError where the folder has others: they may know more."""
    try:
        file = modelfile.load(folder, vintage.name)
        model = trainedmodel.from_file(file, shipped=True)
    except ModelError as error:
        raise _damaged(error.message) from error
    if (file.manifest["name"], model.served.cutoff) != (vintage.name, vintage.cutoff):
        found = f"{file.manifest['name']} up to {model.served.cutoff}"
        raise _damaged(f"{INDEX} names {vintage.name} up to {vintage.cutoff}, and its folder has {found}")
    return replace(model, name=NAME)


def is_shipped() -> bool:
    """Whether this installation has the general model."""
    return (FOLDER / INDEX).is_file()


def save_index(folder: Path, shipped: Sequence[Vintage]) -> None:
    """Write the list of vintages. Raises StorageError."""
    listed = encode(tuple(shipped))
    write_atomic(folder / INDEX, json.dumps({"sha256": sha256(listed), "vintages": listed}, indent=1) + "\n")


def _damaged(reason: str) -> ModelError:
    return ModelError(f"the general model is damaged: {reason}", "install stockcast again")
