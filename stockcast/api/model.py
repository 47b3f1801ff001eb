"""Model: what `fit` returns and `predict` takes, in memory or in a folder."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stockcast.api.inputs import Home, expected
from stockcast.forecasting import TrainedModel
from stockcast.storage import modelfile, trainedmodel
from stockcast.storage.modelfile import ModelFile

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Model:
    """A trained model of one series, or of a pool of them.

    file: as it is kept, with everything that is known about it in `file.manifest`. trained: as it forecasts.
    """

    file: ModelFile
    trained: TrainedModel

    @classmethod
    def of(cls, file: ModelFile) -> Model:
        """From what a model folder holds. Raises ModelError where something is missing."""
        # As if it had been read: the manifest of a model that was never written has tuples where a file has lists.
        file = replace(file, manifest=json.loads(json.dumps(file.manifest)))
        return cls(file, trainedmodel.from_file(file))

    def __repr__(self) -> str:
        return f"Model({self.name!r}, {len(self.tickers)} series up to {self.cutoff}, served by {self.served_by})"

    @property
    def name(self) -> str:
        """What it is saved as."""
        return self.file.name

    @property
    def model_id(self) -> str:
        """Content hash of settings, parameters and weights: the same training has the same."""
        return self.trained.model_id

    @property
    def tickers(self) -> tuple[str, ...]:
        """The series that taught it."""
        return self.trained.members if self.trained.is_pool else (self.trained.ticker,)

    @property
    def cutoff(self) -> date:
        """Last session that taught or chose anything of what makes the forecasts."""
        return self.trained.served.cutoff

    @property
    def served_by(self) -> str:
        """The competitor that makes the forecasts: the network, or the baseline that it could not beat."""
        return self.trained.served_by

    @property
    def verdict(self) -> str:
        """What its test part allows to be said, in a sentence."""
        return self.trained.sentence

    def verdict_on(self, ticker: str) -> str:
        """The same about one series; about all of them for one that did not teach the model."""
        return self.trained.sentence_for(ticker)

    def scores(self) -> pd.DataFrame:
        """Every competitor on the test part, one row each and series: crps, coverage_90 and the other scores."""
        import pandas as pd

        rows: list[dict[str, Any]] = self.file.manifest.get("scores", [])
        return pd.DataFrame(rows).rename(columns={"ticker": "unique_id"})

    def save(self, home: Home, name: str | None = None) -> Path:
        """Keep it under `home`, where the command line finds it; returns its folder.

        Raises ConfigError for a name that cannot be one, LockedError, StorageError.
        """
        name = name or self.name
        return modelfile.save(_models(home), ModelFile(name, {**self.file.manifest, "name": name}, self.file.tensors))


def open_model(name: str, home: Home) -> Model:
    """A model that `fit`, `Model.save` or the command line has saved. Raises ModelError where there is none."""
    return Model.of(modelfile.load(_models(home), name))


def _models(home: Home) -> Path:
    return Path(expected(home, (str, Path), "home", "a folder")).expanduser() / "models"
