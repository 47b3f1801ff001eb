"""stockcast: next-session stock price forecasts as honest distributions.

The public Python API, loaded when it is asked for:

    from stockcast import PredictConfig, ReadOptions, TrainConfig, predict, train
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stockcast.config import NetworkConfig, PredictConfig, SplitConfig, TrainConfig, TrainingConfig
    from stockcast.config.backtests import BacktestConfig, FoldConfig
    from stockcast.config.explaining import ExplainConfig
    from stockcast.config.fetching import FetchConfig
    from stockcast.pipeline import Waiting, audit, backtest, explain, load, predict, save_rows, train
    from stockcast.prices.csvfile import ReadOptions
    from stockcast.results.forecasts import Forecast
    from stockcast.results.progress import Progress, Silent
    from stockcast.results.training import TrainResult

_HOME = {
    "BacktestConfig": "config.backtests",
    "ExplainConfig": "config.explaining",
    "FetchConfig": "config.fetching",
    "FoldConfig": "config.backtests",
    "NetworkConfig": "config",
    "PredictConfig": "config",
    "SplitConfig": "config",
    "TrainConfig": "config",
    "TrainingConfig": "config",
    "Waiting": "pipeline",
    "audit": "pipeline",
    "backtest": "pipeline",
    "explain": "pipeline",
    "load": "pipeline",
    "predict": "pipeline",
    "save_rows": "pipeline",
    "train": "pipeline",
    "ReadOptions": "prices.csvfile",
    "Forecast": "results.forecasts",
    "Progress": "results.progress",
    "Silent": "results.progress",
    "TrainResult": "results.training",
}

__all__ = [
    "BacktestConfig",
    "ExplainConfig",
    "FetchConfig",
    "FoldConfig",
    "Forecast",
    "NetworkConfig",
    "PredictConfig",
    "Progress",
    "ReadOptions",
    "Silent",
    "SplitConfig",
    "TrainConfig",
    "TrainResult",
    "TrainingConfig",
    "Waiting",
    "audit",
    "backtest",
    "explain",
    "load",
    "predict",
    "save_rows",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'stockcast' has no attribute {name!r}")
    return getattr(import_module(f"stockcast.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
