"""The general model: networks that many stocks have taught, shipped with the package, one set for each vintage.

A vintage has learnt from nothing after its cutoff. There is one that reads whole bars and one that reads closes only.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path

from stockcast.config.models import GENERAL
from stockcast.errors import ModelError
from stockcast.forecasting import TrainedModel
from stockcast.prices.history import History
from stockcast.storage import modelfile, trainedmodel
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


def vintages(folder: Path | None = None) -> tuple[Vintage, ...]:
    """What is shipped, oldest first. Raises ModelError where the index cannot be read."""
    try:
        listed = json.loads(((folder or FOLDER) / INDEX).read_bytes())["vintages"]
        found = [Vintage(one["name"], date.fromisoformat(one["cutoff"]), bool(one["closes"])) for one in listed]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"the general model is damaged: {error}", "install stockcast again") from error
    return tuple(sorted(found, key=lambda vintage: (vintage.cutoff, vintage.closes)))


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
    return replace(trainedmodel.from_file(modelfile.load(folder or FOLDER, known[-1].name)), name=NAME)


def is_shipped() -> bool:
    """Whether this installation has the general model."""
    return (FOLDER / INDEX).is_file()


def save_index(folder: Path, shipped: Sequence[Vintage]) -> None:
    """Write the list of vintages. Raises StorageError."""
    listed = [asdict(one) | {"cutoff": one.cutoff.isoformat()} for one in shipped]
    write_atomic(folder / INDEX, json.dumps({"vintages": listed}, indent=1) + "\n")
