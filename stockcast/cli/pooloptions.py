"""Options of `train` that mean something else for a pool, and what they come to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

import typer

from stockcast.cli.coercion import decimal, text, whole
from stockcast.cli.options import DATA, NETWORK, OUTPUT, TRAINING
from stockcast.config import NetworkConfig, TrainingConfig
from stockcast.config.models import POOL_NETWORK, POOL_TRAINING
from stockcast.errors import UsageError

Together = Annotated[
    bool, typer.Option("--pool", help="One model over all sources; it has to have a --name", rich_help_panel=DATA)
]
HiddenSize = Annotated[
    int,
    typer.Option(
        "--hidden-size",
        parser=whole,
        metavar="N",
        help="Units per layer",
        show_default=f"{NetworkConfig.hidden_size}; with --pool {POOL_NETWORK.hidden_size}",
        rich_help_panel=NETWORK,
    ),
]
Dropout = Annotated[
    float,
    typer.Option(
        "--dropout",
        parser=decimal,
        metavar="SHARE",
        help="Units silenced in training",
        show_default=f"{NetworkConfig.dropout:g}; with --pool {POOL_NETWORK.dropout:g}",
        rich_help_panel=NETWORK,
    ),
]
Seeds = Annotated[
    int,
    typer.Option(
        "--seeds",
        parser=whole,
        metavar="N",
        help="Members of the ensemble",
        show_default=f"{TrainingConfig.seeds}; with --pool {POOL_TRAINING.seeds}",
        rich_help_panel=TRAINING,
    ),
]
WeightDecay = Annotated[
    float,
    typer.Option(
        "--weight-decay",
        parser=decimal,
        metavar="RATE",
        help="Pull of the weights to 0",
        show_default=f"{TrainingConfig.weight_decay:g}; with --pool {POOL_TRAINING.weight_decay:g}",
        rich_help_panel=TRAINING,
    ),
]
BatchSize = Annotated[
    int | None,
    typer.Option(
        "--batch-size",
        parser=whole,
        metavar="N",
        help="Chunks or windows per step",
        show_default=f"{TrainingConfig().windows_per_step} chunks, 64 windows; with --pool {POOL_TRAINING.batch_size}",
        rich_help_panel=TRAINING,
    ),
]
Steps = Annotated[
    int | None,
    typer.Option(
        "--steps",
        parser=whole,
        metavar="N",
        help="Gradient steps at most, or ...",
        show_default=f"100 of chunks, 400 of windows; with --pool {POOL_TRAINING.steps} of chunks",
        rich_help_panel=TRAINING,
    ),
]
Name = Annotated[
    str | None,
    typer.Option(
        "--name",
        parser=text,
        metavar="NAME",
        help="Name of the model",
        show_default="the ticker; a pool has none",
        rich_help_panel=OUTPUT,
    ),
]

_OF_NETWORK = ("hidden_size", "dropout")
_OF_TRAINING = ("seeds", "weight_decay", "batch_size")


def pooled(
    network: NetworkConfig, training: TrainingConfig, given: Callable[[str], bool]
) -> tuple[NetworkConfig, TrainingConfig]:
    """The settings with a pool's defaults in the place of those that were not given on the command line."""
    network = replace(network, **{name: getattr(POOL_NETWORK, name) for name in _OF_NETWORK if not given(name)})
    training = replace(training, **{name: getattr(POOL_TRAINING, name) for name in _OF_TRAINING if not given(name)})
    # The steps of a pool are of chunks: a window carries one loss in the place of a chunk's many.
    if training.chunked and training.epochs is None and not given("steps"):
        training = replace(training, steps=POOL_TRAINING.steps)
    return network, training


def require_name(name: str | None) -> str:
    """The name of a pool. Raises UsageError where it has none."""
    if name is None:
        raise UsageError("--pool without --name: a model of many tickers has no ticker's name", "add --name NAME")
    return name
