"""Settings of a walk-forward backtest: frozen, validated on construction."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from stockcast.config.covariates import CovariatesConfig
from stockcast.config.models import CELLS, NetworkConfig, TrainingConfig, require

YEAR = "year"
EXPANDING = "expanding"


@dataclass(frozen=True)
class FoldConfig:
    """Where the stages of a walk-forward backtest begin and what each may learn from.

    test_from: first target session that is forecast; None: the last 30 % of the sessions. refit_every: sessions from
    one refit to the next, or "year": at every first session of one. window: target sessions that a fit may learn and
    choose from, the newest ones (filters start a month or so before them); None: all before it. embargo: sessions left
    out between a fit's last target and the first one forecast. validation_share: share of what a fold knows, the
    newest sessions, on which training is stopped; validate_from: where that part begins in the first fold instead, and
    every other fold chooses on as many sessions.
    """

    test_from: date | None = None
    refit_every: int | str = YEAR
    window: int | None = None
    embargo: int = 0
    validation_share: float = 0.18
    validate_from: date | None = None

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
        if self.validate_from is not None:
            require(
                self.test_from is not None and self.validate_from < self.test_from,
                f"--validate-from {self.validate_from} is not before --test-from {self.test_from}",
                "give both, the earlier one first",
            )
        require(0.0 < self.validation_share < 1.0, f"validation share {self.validation_share} is not within 0 .. 1")


@dataclass(frozen=True)
class BacktestConfig:
    """Everything that `backtest` decides, but the source.

    cells: networks that compete, each trained with `network` and `training`. baselines: names; empty: all of them.
    training.final_fit: after choosing its steps, a network is fitted again on all that its fold may learn from.
    horizon: sessions ahead, each of them forecast and scored; the verdict is about the first. paths: simulated for the
    others, at each origin. warm_start: a fold's networks begin with the weights of the fold before, not afresh.
    cost: basis points of the traded value, for the economics. covariates: what the networks look at beside the prices.
    exchange: calendar of a file's sessions, and the hours at which they end; None: New York's. A ticker's is known.
    """

    cells: tuple[str, ...] = ("lstm",)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    folds: FoldConfig = field(default_factory=FoldConfig)
    baselines: tuple[str, ...] = ()
    horizon: int = 1
    paths: int = 500
    warm_start: bool = False
    cost: float = 5.0
    covariates: CovariatesConfig = field(default_factory=CovariatesConfig)
    exchange: str | None = None

    def __post_init__(self) -> None:
        require(bool(self.cells), "no cell is named", f"choose some of {', '.join(CELLS)}")
        for cell in self.cells:
            require(cell in CELLS, f"unknown cell {cell!r}", f"choose some of {', '.join(CELLS)}")
        require(len(set(self.cells)) == len(self.cells), "a cell is named twice")
        require(1 <= self.horizon <= 250, f"a horizon of {self.horizon} sessions is not within 1 .. 250")
        require(100 <= self.paths <= 100_000, f"{self.paths} simulated paths are not within 100 .. 100000")
        require(0.0 <= self.cost <= 1000.0, f"a cost of {self.cost:g} basis points is not within 0 .. 1000")
