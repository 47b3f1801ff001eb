"""Settings of models: frozen dataclasses, one per component, validated on construction and saved with the model."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date

from stockcast.config.covariates import CovariatesConfig
from stockcast.errors import ConfigError

SCRATCH, GENERAL = "scratch", "general"
"""Networks to begin with: none; those that are shipped with the package."""

CELLS = ("lstm", "gru", "rnn")
SUPERVISIONS = ("every-step", "last-step")
DEVICES = ("cpu", "cuda", "auto")


def require(condition: bool, message: str, hint: str = "") -> None:
    """Raise ConfigError unless the condition holds."""
    if not condition:
        raise ConfigError(message, hint)


@dataclass(frozen=True)
class NetworkConfig:
    """Shape of the network.

    cell: lstm, gru or rnn. hidden_size: units per layer. layers: stacked cells. dropout: share of hidden units
    silenced in training. lookback: sessions in one input window.
    """

    cell: str = "lstm"
    hidden_size: int = 16
    layers: int = 1
    dropout: float = 0.3
    lookback: int = 60

    def __post_init__(self) -> None:
        require(self.cell in CELLS, f"unknown cell {self.cell!r}", f"choose one of {', '.join(CELLS)}")
        require(1 <= self.hidden_size <= 1024, f"hidden size {self.hidden_size} is not within 1 .. 1024")
        require(1 <= self.layers <= 8, f"{self.layers} layers is not within 1 .. 8")
        require(0.0 <= self.dropout < 1.0, f"dropout {self.dropout} is not within 0 .. 1")
        require(2 <= self.lookback <= 1000, f"lookback {self.lookback} is not within 2 .. 1000 sessions")


@dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained.

    seeds: members of the ensemble, seeded seed, seed + 1, ... learning_rate: peak of the one-cycle schedule.
    weight_decay: decoupled, per unit of learning rate. supervision: a loss at every step of a chunk, or at the last
    step of a lookback window. batch_size: chunks or windows in one gradient step; None: 16 chunks or 64 windows.
    steps: gradient steps at most, or epochs: passes over the training targets; None: 100 steps of chunks, 400 of
    windows. chunk: sessions of a chunk that carry a loss; warmup: sessions before them that do not. checks: looks at
    the validation part. device: cpu, cuda or auto. final_fit: refit the served network on the whole history.
    """

    seeds: int = 4
    seed: int = 0
    learning_rate: float = 0.005
    weight_decay: float = 0.3
    supervision: str = "every-step"
    batch_size: int | None = None
    steps: int | None = None
    epochs: int | None = None
    chunk: int = 120
    warmup: int = 30
    checks: int = 10
    device: str = "cpu"
    final_fit: bool = True

    def __post_init__(self) -> None:
        require(1 <= self.seeds <= 100, f"{self.seeds} seeds is not within 1 .. 100")
        require(0 <= self.seed < 2**31, f"seed {self.seed} is not within 0 .. 2147483647")
        require(0.0 < self.learning_rate <= 1.0, f"learning rate {self.learning_rate} is not within 0 .. 1")
        require(0.0 <= self.weight_decay <= 10.0, f"weight decay {self.weight_decay} is not within 0 .. 10")
        for name, value, most in (
            ("batch size", self.batch_size, 4096),
            ("steps", self.steps, 1_000_000),
            ("epochs", self.epochs, 100_000),
        ):
            require(value is None or 1 <= value <= most, f"{name} {value} is not within 1 .. {most}")
        require(self.steps is None or self.epochs is None, "steps and epochs are two ways to say one thing", "give one")
        require(self.chunk >= 1 and self.warmup >= 0, "chunk and warm-up cannot be negative")
        require(
            self.supervision in SUPERVISIONS,
            f"unknown supervision {self.supervision!r}",
            f"choose one of {', '.join(SUPERVISIONS)}",
        )
        require(self.device in DEVICES, f"unknown device {self.device!r}", f"choose one of {', '.join(DEVICES)}")

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

    validate_from, test_from: first target session of the validation and of the test part.
    """

    validate_from: date | None = None
    test_from: date | None = None
    validation_share: float = 0.15
    test_share: float = 0.15

    def __post_init__(self) -> None:
        if self.validate_from and self.test_from:
            require(
                self.validate_from < self.test_from,
                f"validation starts on {self.validate_from}, which is not before the test part, {self.test_from}",
                "give --validate-from a date before --test-from",
            )


@dataclass(frozen=True)
class TrainConfig:
    """Everything that `train` decides, but the source: saved with the model.

    horizon: sessions forecast. exchange: calendar of the target sessions, an ISO 10383 code; None: the ticker's, and
    New York for a file. init: the networks to begin with, "scratch", "general" or a model's name; None: those of the
    general model where network and training are the usual ones and there are no covariates. A pool begins from scratch.
    covariates: what the network looks at beside the prices; a saved model has its own record.
    """

    network: NetworkConfig = field(default_factory=NetworkConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    split: SplitConfig = field(default_factory=SplitConfig)
    horizon: int = 1
    exchange: str | None = None
    init: str | None = None
    covariates: CovariatesConfig = field(default_factory=CovariatesConfig)

    def __post_init__(self) -> None:
        require(1 <= self.horizon <= 250, f"horizon {self.horizon} is not within 1 .. 250 sessions")


@dataclass(frozen=True)
class PredictConfig:
    """One `predict`: the last session the forecast may see, the model's name, steps ahead, paths and their seed.

    A None means: the newest bar, the ticker, and what the model was trained for. calibrate: let the live record of a
    ticker widen or narrow the interval. record: keep the forecast of a ticker in the ledger.
    """

    as_of: date | None = None
    model: str | None = None
    horizon: int | None = None
    paths: int = 2000
    seed: int = 0
    calibrate: bool = True
    record: bool = True

    def __post_init__(self) -> None:
        require(
            self.horizon is None or 1 <= self.horizon <= 250,
            f"horizon {self.horizon} is not within 1 .. 250 sessions",
        )
        require(100 <= self.paths <= 1_000_000, f"{self.paths} paths is not within 100 .. 1000000")


POOL_NETWORK = NetworkConfig(hidden_size=32, dropout=0.2)
POOL_TRAINING = TrainingConfig(seeds=3, weight_decay=0.1, batch_size=64, steps=200)
"""What a pool is trained with where nothing else is asked for: many series have more to teach than one."""

AUDITING = TrainingConfig(seeds=1, steps=40)
"""What an audit trains from scratch where nothing else is asked for: one byte that differs is enough."""

TUNING = TrainingConfig(learning_rate=0.001, weight_decay=0.0, steps=60)
"""How networks that many series have taught are tuned on one: a few small steps, and no pull of the weights to 0."""
