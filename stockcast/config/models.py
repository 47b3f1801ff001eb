"""Settings of models, forecasts and walk-forward backtests: frozen, validated on construction, saved with the model."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date

from stockcast.config.policy import PolicyConfig
from stockcast.config.settings import (
    FORECAST,
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

SCRATCH, GENERAL = "scratch", "general"
"""Initial weights: random ones; those of the model that is shipped with the package."""

CELLS = ("lstm", "gru", "rnn")
SUPERVISIONS = ("every-step", "last-step")
DEVICES = ("cpu", "cuda", "auto")
METHODS = ("integrated-gradients", "occlusion")
TARGETS = ("scale", "location", "nu")
"""What the network corrects: the width of the forecast, its centre, the weight of its tails."""

FORMATS = ("onnx",)
FITS = ("served", "scored", "alone-served", "alone-scored")
"""What may be exported. served: makes the forecasts. scored: has not seen the test part. alone: of a pool, without a
market."""

COLUMN_GROUPS = ("market", "echo", "days", "bars")
"""Columns that the network of a pool may do without: of the market, of earnings seasonality, of the target day, and
further ones of its own bars.
"""

AHEAD = Bounds(1, 250, "sessions")
SEEDS = Bounds(0, 2**31 - 1)

AS_OF = (None, "Forecast as if it were this date", FORECAST)
MODEL = (None, "Model to use", FORECAST)
"""What stands in more than one configuration: default, help, panel."""


@dataclass(frozen=True)
class NetworkConfig(Checked):
    """Shape of the network.

    Attributes:
        cell: "lstm", "gru" or "rnn".
        hidden_size: Units per layer.
        layers: Stacked cells.
        dropout: Dropout rate of the hidden units, a share.
        lookback: Sessions in one input window.
    """

    cell: str = setting("lstm", "Recurrent cell", NETWORK, choices=CELLS)
    hidden_size: int = setting(16, "Units per layer", NETWORK, bounds=Bounds(1, 1024))
    layers: int = setting(1, "Stacked cells", NETWORK, bounds=Bounds(1, 8))
    dropout: float = setting(0.3, "Dropout rate", NETWORK, metavar="SHARE", bounds=Bounds(0, 1, inner="most"))
    lookback: int = setting(60, "Sessions in one input window", NETWORK, bounds=Bounds(2, 1000, "sessions"))


@dataclass(frozen=True)
class TrainingConfig(Checked):
    """How a network is trained.

    Attributes:
        seeds: Members of the ensemble, seeded `seed`, `seed` + 1, ...
        seed: Seed of the first member.
        learning_rate: Peak of the one-cycle schedule.
        weight_decay: Decoupled, per unit of learning rate.
        supervision: A loss at every step of a chunk, or at the last step of a lookback window.
        batch_size: Chunks or windows in one gradient step; None: 16 chunks or 64 windows.
        steps: Gradient steps at most; None: 100 steps of chunks, 400 of windows.
        epochs: Passes over the training targets, in place of `steps`.
        chunk: Sessions of a chunk that carry a loss.
        warmup: Sessions before them that do not.
        checks: Number of looks at the validation part.
        device: "cpu", "cuda" or "auto".
        final_fit: Refit the served network on the whole history.
    """

    seeds: int = setting(4, "Members of the ensemble", TRAINING, bounds=Bounds(1, 100))
    seed: int = setting(0, "Seed of the first member", TRAINING, bounds=SEEDS)
    learning_rate: float = setting(
        0.005, "Peak of the schedule", TRAINING, metavar="RATE", bounds=Bounds(0, 1, inner="least")
    )
    weight_decay: float = setting(0.3, "Weight decay", TRAINING, metavar="RATE", bounds=Bounds(0, 10))
    supervision: str = setting("every-step", "Where a window carries a loss", TRAINING, choices=SUPERVISIONS)
    batch_size: int | None = setting(
        None,
        "Chunks or windows per step",
        TRAINING,
        bounds=Bounds(1, 4096),
        shown="16 chunks, 64 windows",
        example="16",
    )
    steps: int | None = setting(
        None,
        "Gradient steps at most, or ...",
        TRAINING,
        bounds=Bounds(1, 1_000_000),
        shown="100 of chunks, 400 of windows",
        example="100",
    )
    epochs: int | None = setting(
        None, "... passes over the training part", TRAINING, bounds=Bounds(1, 100_000), excludes="steps", example="20"
    )
    chunk: int = 120
    warmup: int = 30
    checks: int = 10
    device: str = setting("cpu", "Where to train", TRAINING, choices=DEVICES)
    final_fit: bool = setting(True, "Refit the served network on the whole history", TRAINING)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.chunk >= 1 and self.warmup >= 0, "chunk and warm-up cannot be negative")

    @property
    def members(self) -> range:
        """The seed of each member of the ensemble."""
        return range(self.seed, self.seed + self.seeds)

    @property
    def chunked(self) -> bool:
        """Whether every session of a chunk carries a loss."""
        return self.supervision == "every-step"

    @property
    def windows_per_step(self) -> int:
        """Chunks or windows in one gradient step."""
        return self.batch_size or (16 if self.chunked else 64)

    @property
    def targets_per_step(self) -> int:
        """Targets whose losses one gradient step adds up."""
        return self.windows_per_step * (self.chunk if self.chunked else 1)

    def gradient_steps(self, targets: int) -> int:
        """Gradient steps at most, for a training part of `targets` targets."""
        if self.epochs is not None:
            return math.ceil(self.epochs * targets / self.targets_per_step)
        return self.steps or (100 if self.chunked else 400)


@dataclass(frozen=True)
class SplitConfig:
    """Where training ends: two dates, or shares of the sessions where a date is None.

    Attributes:
        validate_from: First target session of the validation part.
        test_from: First target session of the test part; a day after the last bar leaves that part empty.
    """

    validate_from: date | None = setting(
        None, "First session of the validation part", SPLIT, shown="by its share", example="2021-01-04"
    )
    test_from: date | None = setting(
        None,
        "First session of the test part; after the last bar: nothing is scored",
        SPLIT,
        shown="by its share",
        toml="first session of the test part; after the last bar, such as 9999-12-31: none; unset: by its share",
        example="2023-01-03",
    )
    validation_share: float = setting(0.15, "Of the sessions", SPLIT, flag="")
    test_share: float = setting(0.15, "Of the sessions", SPLIT, flag="")

    def __post_init__(self) -> None:
        if self.validate_from and self.test_from:
            require(
                self.validate_from < self.test_from,
                f"validation starts on {self.validate_from}, which is not before the test part, {self.test_from}",
                "give --validate-from a date before --test-from",
            )


@dataclass(frozen=True)
class TrainConfig(Checked):
    """Everything that `train` decides, but the source: saved with the model.

    Attributes:
        horizon: Sessions forecast.
        exchange: Calendar of the target sessions, an ISO 10383 code; None: that of the prices (see `ReadOptions`).
        init: What the networks are initialised from, "scratch", "general" or a model's name; None: those of the general
            model where network and training are the usual ones and there are no covariates. A pool begins from scratch.
        covariates: Further series and known dates that the network looks at; a saved model has its own record.
        policy: What a policy beside the forecasts learns, of one series.
    """

    network: NetworkConfig = part(NetworkConfig)
    training: TrainingConfig = part(TrainingConfig)
    split: SplitConfig = part(SplitConfig)
    horizon: int = setting(1, "Sessions forecast", NETWORK, bounds=AHEAD)
    exchange: str | None = None
    init: str | None = setting(
        None,
        "Initial weights",
        TRAINING,
        metavar="general|scratch|NAME",
        shown="general; scratch for a pool, other cells and sizes",
        toml="initial weights: general, scratch or a model's name; unset: general with the usual settings",
        example='"general"',
    )
    covariates: CovariatesConfig = part(CovariatesConfig)
    policy: PolicyConfig = part(PolicyConfig)

    @property
    def of_policy(self) -> TrainConfig:
        """The network and training of its policy, which always begins from scratch: these, unless they are made to go
        on from other networks; then the usual ones, with these seeds, this device and this lookback.
        """
        if self.init in {None, SCRATCH}:
            return self
        asked = self.training
        usual = TrainingConfig(seed=asked.seed, device=asked.device, final_fit=asked.final_fit)
        return replace(self, network=NetworkConfig(lookback=self.network.lookback), training=usual)


@dataclass(frozen=True)
class PredictConfig(Checked):
    """One `predict`: the last session the forecast may see, the model's name, steps ahead, paths and their seed.

    A None means: the newest bar, the ticker, and what the model was trained for.

    Attributes:
        calibrate: Let the live record of a ticker widen or narrow the interval.
        record: Keep the forecast of a ticker in the ledger.
    """

    as_of: date | None = setting(*AS_OF)
    model: str | None = setting(*MODEL, shown="the ticker's")
    horizon: int | None = setting(None, "Sessions ahead", FORECAST, shown="the model's", bounds=AHEAD)
    paths: int = setting(2000, "Simulated paths beyond one session", FORECAST, bounds=Bounds(100, 1_000_000))
    seed: int = setting(0, "Seed of the paths", FORECAST)
    calibrate: bool = setting(True, "Let a ticker's live record widen or narrow its interval", FORECAST)
    record: bool = setting(True, "Keep forecasts of tickers in the ledger", FORECAST)


@dataclass(frozen=True)
class ExplainConfig(Checked):
    """One `explain`: the last session it may see, the model's name, the method, the correction that is explained.

    A None means the newest bar and the ticker's model.

    Attributes:
        units: A gate that is also shown unit by unit.
    """

    as_of: date | None = setting(*AS_OF)
    model: str | None = setting(*MODEL, shown="the ticker's")
    method: str = setting(METHODS[0], " or ".join(METHODS), FORECAST, choices=METHODS, metavar="NAME")
    target: str = setting(
        TARGETS[0],
        "Which correction: scale (width), location (centre) or nu (tails)",
        FORECAST,
        flag="--of",
        choices=TARGETS,
        metavar="NAME",
    )
    units: str | None = setting(
        None,
        "Show this gate unit by unit: input, forget, candidate, output, cell; reset, update, candidate; hidden",
        FORECAST,
        metavar="GATE",
    )


POOL_NETWORK = NetworkConfig(hidden_size=32, dropout=0.2)
POOL_TRAINING = TrainingConfig(seeds=3, weight_decay=0.1, batch_size=64, steps=200)
"""What a pool is trained with where nothing else is asked for: many series have more to teach than one."""

AUDITING = TrainingConfig(seeds=1, steps=40)
"""What an audit trains from scratch where nothing else is asked for: one byte that differs is enough."""

TUNING = TrainingConfig(learning_rate=0.001, weight_decay=0.0, steps=60)
"""How networks that were trained on many series are fine-tuned on one: a few small steps, without weight decay."""


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
        policy: What policies beside the forecasts learn, one that may sell short and one that may not, at this cost.
        exchange: Calendar of the sessions, and the hours at which they end; None: that of the prices.
        init: What the networks of each fold are initialised from: "scratch", or "general" or a model's name, of which
            those that saw nothing of the fold's validation part are tuned; None: as `train` would have begun on the
            day, with the general model where it is one cell, no warm start, and the usual network and training.
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
    policy: PolicyConfig = part(PolicyConfig, long_only={"flag": ""}, cost={"flag": ""})
    exchange: str | None = None
    init: str | None = setting(
        None,
        "Initial weights of each fold",
        TRAINING,
        metavar="general|scratch|NAME",
        shown="as train on its day: general; scratch for other cells and sizes",
    )

    def __post_init__(self) -> None:
        require(bool(self.cells), "no cell is named", f"choose some of {', '.join(CELLS)}")
        super().__post_init__()
        require(len(set(self.cells)) == len(self.cells), "a cell is named twice")
