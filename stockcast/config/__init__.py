"""Floor 1: settings as frozen dataclasses, one per component, and the clock."""

from stockcast.config.clock import now
from stockcast.config.covariates import CovariatesConfig
from stockcast.config.models import (
    CELLS,
    DEVICES,
    SUPERVISIONS,
    NetworkConfig,
    PredictConfig,
    SplitConfig,
    TrainConfig,
    TrainingConfig,
)

__all__ = [
    "CELLS",
    "DEVICES",
    "SUPERVISIONS",
    "CovariatesConfig",
    "NetworkConfig",
    "PredictConfig",
    "SplitConfig",
    "TrainConfig",
    "TrainingConfig",
    "now",
]
