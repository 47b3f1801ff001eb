"""Settings of a walk-forward backtest: frozen, validated on construction."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from stockcast.config.models import CELLS, NetworkConfig, TrainingConfig, require

YEAR = "year"
EXPANDING = "expanding"


@dataclass(frozen=True)
class FoldConfig:
    """Where the stages of a walk-forward backtest begin and what each may learn from.

    test_from: first target session that is forecast; None: the last 30 % of the sessions. refit_every: sessions from
    one refit to the next, or "year": at every first session of one. window: target sessions that a fit may learn and
    choose from, the newest ones (filters start a month or so before them); None: all before it. embargo: sessions left
    out between a fit's last target and the first one forecast. validation_share: share of them, the newest, on which
    training is stopped.
    """

    test_from: date | None = None
    refit_every: int | str = YEAR
    window: int | None = None
    embargo: int = 0
    validation_share: float = 0.18

    def __post_init__(self) -> None:
        every = self.refit_every
        require(
            every == YEAR or (isinstance(every, int) and 1 <= every <= 100_000),
            f"refit every {every!r} is neither a number of sessions nor 'year'",
        )
        require(
            self.window is None or 310 <= self.window <= 100_000,
            f"a sliding window of {self.window} sessions is not within 310 .. 100000",
            "a fit needs 250 sessions to learn from and 60 to choose on",
        )
        require(0 <= self.embargo <= 1000, f"an embargo of {self.embargo} sessions is not within 0 .. 1000")
        require(0.0 < self.validation_share < 1.0, f"validation share {self.validation_share} is not within 0 .. 1")


@dataclass(frozen=True)
class BacktestConfig:
    """Everything that `backtest` decides, but the source.

    cells: networks that compete, each trained with `network` and `training`. baselines: names; empty: all of them.
    training.final_fit: after choosing its steps, a network is fitted again on all that its fold may learn from.
    cost: basis points of the traded value, for the economics.
    """

    cells: tuple[str, ...] = ("lstm",)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    folds: FoldConfig = field(default_factory=FoldConfig)
    baselines: tuple[str, ...] = ()
    cost: float = 5.0

    def __post_init__(self) -> None:
        require(bool(self.cells), "no cell is named", f"choose some of {', '.join(CELLS)}")
        for cell in self.cells:
            require(cell in CELLS, f"unknown cell {cell!r}", f"choose some of {', '.join(CELLS)}")
        require(len(set(self.cells)) == len(self.cells), "a cell is named twice")
        require(0.0 <= self.cost <= 1000.0, f"a cost of {self.cost:g} basis points is not within 0 .. 1000")
