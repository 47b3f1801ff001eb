"""Options of `train` alone."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from stockcast.cli.coercion import decimal, iso_date, one_of, path, text, whole
from stockcast.cli.options import DATA, NETWORK, OUTPUT, SPLIT, TRAINING
from stockcast.config import CELLS, DEVICES, SUPERVISIONS, TrainingConfig
from stockcast.config.models import AUDITING
from stockcast.errors import UsageError

Start = Annotated[
    date | None,
    typer.Option("--start", parser=iso_date, metavar="DATE", help="First session of the history", rich_help_panel=DATA),
]
End = Annotated[
    date | None,
    typer.Option("--end", parser=iso_date, metavar="DATE", help="Last session of the history", rich_help_panel=DATA),
]
Exchange = Annotated[
    str | None,
    typer.Option(
        "--exchange",
        parser=text,
        metavar="CODE",
        help="Calendar of the sessions (ISO 10383)",
        show_default="the ticker's; XNYS for a file",
        rich_help_panel=DATA,
    ),
]
ValidateFrom = Annotated[
    date | None,
    typer.Option(
        "--validate-from",
        parser=iso_date,
        metavar="DATE",
        help="First session of the validation part",
        rich_help_panel=SPLIT,
    ),
]
TestFrom = Annotated[
    date | None,
    typer.Option(
        "--test-from", parser=iso_date, metavar="DATE", help="First session of the test part", rich_help_panel=SPLIT
    ),
]
Cell = Annotated[
    str,
    typer.Option(
        "--cell", parser=one_of(CELLS), metavar="|".join(CELLS), help="Recurrent cell", rich_help_panel=NETWORK
    ),
]
Lookback = Annotated[
    int,
    typer.Option("--lookback", parser=whole, metavar="N", help="Sessions in one input window", rich_help_panel=NETWORK),
]
Horizon = Annotated[
    int, typer.Option("--horizon", parser=whole, metavar="N", help="Sessions forecast", rich_help_panel=NETWORK)
]
HiddenSize = Annotated[
    int, typer.Option("--hidden-size", parser=whole, metavar="N", help="Units per layer", rich_help_panel=NETWORK)
]
Layers = Annotated[
    int, typer.Option("--layers", parser=whole, metavar="N", help="Stacked cells", rich_help_panel=NETWORK)
]
Dropout = Annotated[
    float,
    typer.Option(
        "--dropout", parser=decimal, metavar="SHARE", help="Units silenced in training", rich_help_panel=NETWORK
    ),
]
Init = Annotated[
    str | None,
    typer.Option(
        "--init",
        parser=text,
        metavar="general|scratch|NAME",
        help="Networks to begin with",
        show_default="general; scratch for a pool, other cells and sizes",
        rich_help_panel=TRAINING,
    ),
]
AuditSeeds = Annotated[
    int,
    typer.Option(
        "--seeds",
        parser=whole,
        metavar="N",
        help="Members of the ensemble",
        show_default=f"{AUDITING.seeds}; those of the networks to begin with",
        rich_help_panel=TRAINING,
    ),
]
Seeds = Annotated[
    int, typer.Option("--seeds", parser=whole, metavar="N", help="Members of the ensemble", rich_help_panel=TRAINING)
]
Seed = Annotated[
    int, typer.Option("--seed", parser=whole, metavar="N", help="Seed of the first member", rich_help_panel=TRAINING)
]
LearningRate = Annotated[
    float,
    typer.Option(
        "--learning-rate", parser=decimal, metavar="RATE", help="Peak of the schedule", rich_help_panel=TRAINING
    ),
]
WeightDecay = Annotated[
    float,
    typer.Option(
        "--weight-decay", parser=decimal, metavar="RATE", help="Pull of the weights to 0", rich_help_panel=TRAINING
    ),
]
BatchSize = Annotated[
    int | None,
    typer.Option(
        "--batch-size", parser=whole, metavar="N", help="Chunks or windows per step", rich_help_panel=TRAINING
    ),
]
Steps = Annotated[
    int | None,
    typer.Option("--steps", parser=whole, metavar="N", help="Gradient steps at most, or ...", rich_help_panel=TRAINING),
]
Epochs = Annotated[
    int | None,
    typer.Option(
        "--epochs", parser=whole, metavar="N", help="... passes over the training part", rich_help_panel=TRAINING
    ),
]
Supervision = Annotated[
    str,
    typer.Option(
        "--supervision",
        parser=one_of(SUPERVISIONS),
        metavar="|".join(SUPERVISIONS),
        help="Where a window carries a loss",
        rich_help_panel=TRAINING,
    ),
]
Device = Annotated[
    str,
    typer.Option(
        "--device", parser=one_of(DEVICES), metavar="|".join(DEVICES), help="Where to train", rich_help_panel=TRAINING
    ),
]
FinalFit = Annotated[
    bool,
    typer.Option(
        "--final-fit/--no-final-fit", help="Refit the served network on the whole history", rich_help_panel=TRAINING
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        parser=path,
        metavar="FILE",
        help="Save every test forecast (.csv or .parquet)",
        rich_help_panel=OUTPUT,
    ),
]


def learning(
    seeds: int,
    seed: int,
    learning_rate: float,
    weight_decay: float,
    batch_size: int | None,
    steps: int | None,
    epochs: int | None,
    supervision: str,
    device: str = TrainingConfig.device,
    final_fit: bool = TrainingConfig.final_fit,
) -> TrainingConfig:
    """What these options say of the training. Raises UsageError for two ways to say how long."""
    if steps is not None and epochs is not None:
        raise UsageError("--steps and --epochs both say how long to train", "give one of them")
    return TrainingConfig(
        seeds=seeds,
        seed=seed,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        batch_size=batch_size,
        steps=steps,
        epochs=epochs,
        supervision=supervision,
        device=device,
        final_fit=final_fit,
    )
