"""An objective that trains nothing: losses of each trial are drawn around what its hidden size deserves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np

from stockcast.config import NetworkConfig, TrainingConfig
from stockcast.config.tuning import Axis, SearchSpace, Settings
from stockcast.engine.pieces import Piece
from stockcast.errors import DataError
from stockcast.evaluation.tuned import Span, TunedSeries
from stockcast.pipeline.objectives import FoldLosses
from stockcast.progress import Progress

FOLDS, SESSIONS = 3, 120
DAY = np.datetime64("2015-01-05")

SPACE = SearchSpace(
    (
        Axis("hidden_size", 16, low=4, high=64, log=True),
        Axis("dropout", 0.3, low=0.0, high=0.6, step=0.1),
        Axis("cell", "lstm", ("lstm", "gru", "rnn")),
    ),
    Settings(NetworkConfig(), TrainingConfig()),
)


@dataclass(frozen=True)
class Scored:
    """A fold of a trial. best: the hidden size of the lowest loss; broken: the cell that cannot be scored."""

    settings: Settings | None
    fold: int
    best: float
    broken: str = ""

    def __call__(self, ticker: str, _progress: Progress) -> Mapping[str, FoldLosses]:
        """Losses that differ from the default's by what the settings deserve, and by little noise."""
        common = np.random.default_rng([self.fold, *ticker.encode()]).standard_gamma(2.0, SESSIONS)
        dates = DAY + np.arange(self.fold * SESSIONS, (self.fold + 1) * SESSIONS)
        network = common
        if self.settings is not None:
            size, cell = self.settings.network.hidden_size, self.settings.network.cell
            if cell == self.broken:
                raise DataError(f"a {cell} cannot be scored here")
            apart = abs(np.log(size / self.best))
            noise = np.random.default_rng([self.fold, size, len(cell)]).standard_normal(SESSIONS)
            network = common * (0.97 + 0.05 * apart + 0.01 * noise)
        return {ticker: FoldLosses(dates, network, 1.01 * common)}


@dataclass
class FakeObjective:
    """Two series with a default of their own. asked: the pieces that were asked for, by settings and fold."""

    best: float = 8.0
    broken: str = ""
    begins_from_scratch: bool = False
    asked: list[tuple[Settings | None, int]] = field(default_factory=list)
    groups: tuple[str, ...] = ()
    is_pool: bool = False

    @property
    def series(self) -> tuple[TunedSeries, ...]:
        """Two of them."""
        span = Span(date(2015, 1, 5), date(2015, 6, 30), SESSIONS)
        return tuple(TunedSeries(name, (span,) * FOLDS, span, "general") for name in ("AAA", "BBB"))

    def keys(self) -> list[str]:
        """What losses depend on."""
        return [str(self.best)]

    def test_keys(self) -> list[str]:
        """The same of the test part."""
        return ["test"]

    def pieces(self, settings: Settings | None, fold: int) -> list[Piece]:
        """One for each series."""
        self.asked.append((settings, fold))
        work: Any = Scored(settings, fold, self.best, self.broken)
        return [Piece(name, work, name, seconds=1.0) for name in ("AAA", "BBB")]

    def test_pieces(self, settings: Settings | None) -> list[Piece]:
        """The same, later."""
        return self.pieces(settings, FOLDS)
