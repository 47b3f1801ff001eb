"""Networks of one series: the loop of `models.training`, given its columns and parts."""

from __future__ import annotations

from stockcast.config import TrainConfig
from stockcast.models import training
from stockcast.models.cells import NetworkWeights
from stockcast.models.ensemble import EarlyStopping, Ensemble
from stockcast.models.problem import Series
from stockcast.progress import Progress
from stockcast.windows.features import Features
from stockcast.windows.splits import Part, Split


def learn(
    f: Features, split: Split, config: TrainConfig, progress: Progress, start: NetworkWeights | None = None
) -> tuple[Ensemble, EarlyStopping]:
    """The training part teaches, the validation part chooses."""
    return training.learn([Series.of(f, split.train, split.validation)], config, progress, start)


def relearn(
    f: Features, part: Part, config: TrainConfig, chosen: EarlyStopping, progress: Progress, start: NetworkWeights |
    None = None
) -> Ensemble:  # fmt: skip
    """With the steps that were chosen, on a part."""
    return training.relearn([Series.of(f, part)], config, chosen, progress, start)
