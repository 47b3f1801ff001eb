"""Costs: what a piece of work is expected to take on one core, by what was measured, to plan and to order pieces by.

Measured on a core of 2026 (AMD EPYC) on 20 years of a stock; another machine takes a multiple that is much the same for
all pieces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stockcast.config import TrainConfig

_SECONDS_A_TARGET = {"lstm": (1.3e-6, 8e-8), "gru": (1.4e-5, 6e-8), "rnn": (6e-6, 8e-8)}
"""Of one target of one gradient step of all members of an ensemble, and in addition for each hidden unit. PyTorch has
an LSTM of its own that keeps a core busy; the other cells are run step by step.
"""

_BASELINES_OF_A_FOLD = 0.35, 2.5e-4
"""Seconds, and in addition for each target: of two fits of every baseline."""


def training_seconds(config: TrainConfig, targets: int) -> float:
    """What the training of an ensemble takes, stopped where early stopping usually stops it.

    Args:
        config: Cell, hidden size, and the gradient steps at most.
        targets: Of the training part.
    """
    training, network = config.training, config.network
    alone, a_unit = _SECONDS_A_TARGET[network.cell]
    learned_from = training.gradient_steps(targets) * training.targets_per_step
    return learned_from * (alone + a_unit * network.hidden_size) * network.layers * training.seeds / 4


def baselines_seconds(targets: int) -> float:
    """What fitting every baseline takes, on the training part and on all before the test part."""
    once, a_target = _BASELINES_OF_A_FOLD
    return once + a_target * targets
