"""Settings of a walk-forward backtest: frozen, validated on construction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from stockcast.config.models import CELLS, EXCHANGE, EXCHANGES, SCRATCH, NetworkConfig, TrainingConfig
from stockcast.config.settings import (
    NETWORK,
    OUTPUT,
    SPLIT,
    TRAINING,
    Bounds,
    Checked,
    part,
    require,
    setting,
    text,
    whole_number,
)
from stockcast.config.sources import CovariatesConfig

YEAR = "year"
EXPANDING = "expanding"


def refit_every(word: str) -> int | str:
    """A number of sessions, or "year"."""
    return YEAR if text(word) == YEAR else whole_number(word)


def training_window(word: str) -> int | None:
    """None for "expanding", the sessions of "sliding:N"."""
    if text(word) == EXPANDING:
        return None
    kind, _, sessions = word.partition(":")
    if kind != "sliding":
        raise ValueError(f"{word!r} is neither {EXPANDING} nor sliding:N, such as sliding:2520")
    return whole_number(sessions)


@dataclass(frozen=True)
class FoldConfig(Checked):
    """Where the stages of a walk-forward backtest begin and what each may be trained on.

    Attributes:
        test_from: First target session that is forecast; None: the last 30 % of the sessions.
        refit_every: Sessions from one refit to the next, or "year": at every first session of one.
        window: Target sessions of training and validation part together, the newest ones (filters start a month or so
            before them); None: all before it.
        embargo: Sessions left out between a fit's last target and the first one forecast.
        validation_share: Share of what a fold knows, the newest sessions, on which training is stopped.
        validate_from: Where that part begins in the first fold instead; every other fold's has as many sessions.
    """

    test_from: date | None = setting(
        None,
        "First session that is forecast",
        SPLIT,
        shown="the last 30 % of the sessions; with --model, all that it has not seen",
    )
    refit_every: int | str = setting(
        YEAR, "Sessions from one refit to the next, or every January", SPLIT, metavar="N|year", parse=refit_every
    )
    window: int | None = setting(
        None,
        "Train on everything before a fold, or on its last N sessions",
        SPLIT,
        flag="--training",
        metavar="expanding|sliding:N",
        shown=EXPANDING,
        parse=training_window,
        bounds=Bounds(310, 100_000),
        said="a sliding window of {} sessions is",
        hint="a fit needs 250 sessions to train on and 60 to validate on",
    )
    embargo: int = setting(
        0,
        "Sessions left out between training and forecasts",
        SPLIT,
        bounds=Bounds(0, 1000),
        said="an embargo of {} sessions is",
    )
    validation_share: float = 0.18
    validate_from: date | None = setting(
        None, "First session of the first fold's validation part", SPLIT, shown="the newest 18 % of what a fold knows"
    )

    def __post_init__(self) -> None:
        every = self.refit_every
        require(
            every == YEAR or (isinstance(every, int) and 1 <= every <= 100_000),
            f"refit every {every!r} is neither a number of sessions nor 'year'",
        )
        super().__post_init__()
        if self.validate_from is not None:
            require(
                self.test_from is not None and self.validate_from < self.test_from,
                f"--validate-from {self.validate_from} is not before --test-from {self.test_from}",
                "give both, the earlier one first",
            )
        require(0.0 < self.validation_share < 1.0, f"validation share {self.validation_share} is not within 0 .. 1")


@dataclass(frozen=True)
class BacktestConfig(Checked):
    """Everything that `backtest` decides, but the source.

    Attributes:
        cells: Networks that compete, each trained with `network` and `training`.
        network: Shape of each network.
        training: How each is trained; with `final_fit` it is fitted again, once its steps are chosen, on all that its
            fold may be trained on.
        baselines: Names; empty: all of them.
        horizon: Sessions ahead, each of them forecast and scored; the verdict is about the first.
        paths: Simulated for the others, at each origin.
        warm_start: A fold's networks begin with the weights of the fold before, not afresh.
        cost: Basis points of the traded value, for the economics.
        covariates: Further series and known dates that the networks look at.
        exchange: Calendar of a file's sessions, and the hours at which they end; None: New York's. A ticker's is
            known.
        init: What the networks of each fold begin with: "scratch", or "general" or a model's name, of which those
            that saw nothing of the fold's validation part are tuned.
    """

    cells: tuple[str, ...] = setting(
        ("lstm",), "Recurrent cell; again for more", NETWORK, flag="--cell", choices=CELLS, shown="lstm"
    )
    network: NetworkConfig = part(NetworkConfig, cell={"flag": ""})
    training: TrainingConfig = part(
        TrainingConfig, final_fit={"help": "Refit each network on all that its fold may be trained on"}
    )
    folds: FoldConfig = part(FoldConfig)
    baselines: tuple[str, ...] = setting(
        (), "Baseline to compare with; again for more", NETWORK, flag="--baseline", shown="all"
    )
    horizon: int = setting(
        1, "Sessions ahead, each scored", NETWORK, bounds=Bounds(1, 250), said="a horizon of {} sessions is"
    )
    paths: int = setting(
        500, "Simulated paths, beyond one session", NETWORK, bounds=Bounds(100, 100_000), said="{} simulated paths are"
    )
    warm_start: bool = setting(
        False, "Initialise with the weights of the fold before", TRAINING, flag="--warm-start/--fresh-start"
    )
    cost: float = setting(
        5.0,
        "Cost of trading, in basis points",
        OUTPUT,
        metavar="BP",
        bounds=Bounds(0, 1000),
        said="a cost of {:g} basis points is",
    )
    covariates: CovariatesConfig = part(CovariatesConfig)
    exchange: str | None = setting(*EXCHANGE, metavar="CODE", shown=EXCHANGES)
    init: str = SCRATCH

    def __post_init__(self) -> None:
        require(bool(self.cells), "no cell is named", f"choose some of {', '.join(CELLS)}")
        super().__post_init__()
        require(len(set(self.cells)) == len(self.cells), "a cell is named twice")
