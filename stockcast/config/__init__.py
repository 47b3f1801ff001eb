"""Floor 1: settings as frozen dataclasses, one per component, and the clock."""

from stockcast.config.environment import now
from stockcast.config.models import (
    CELLS,
    DEVICES,
    SUPERVISIONS,
    ExplainConfig,
    NetworkConfig,
    PredictConfig,
    SplitConfig,
    TrainConfig,
    TrainingConfig,
)
from stockcast.config.sources import CovariatesConfig, FetchConfig, ReadOptions

__all__ = [
    "CELLS",
    "DEVICES",
    "SUPERVISIONS",
    "CovariatesConfig",
    "ExplainConfig",
    "FetchConfig",
    "NetworkConfig",
    "PredictConfig",
    "ReadOptions",
    "SplitConfig",
    "TrainConfig",
    "TrainingConfig",
    "now",
]
