"""stockcast: next-session stock price forecasts as honest distributions.

The public Python API, loaded when it is asked for:

    from stockcast import backtest, fit, load, predict

    prices = load("data/GSPC.csv")              # a long frame: unique_id, ds, y, open, high, low, ...
    model = fit(prices)                         # one series, or a pool of several; home=... saves it
    predict(model, prices, horizon=5)           # unique_id, ds, stockcast, stockcast-lo-90, stockcast-hi-90
    backtest(prices).skill()                    # every network against every baseline

Any frame with unique_id, ds and y will do for prices; y is the close. Errors are those of `stockcast.errors`. A series
that fails does not stop the others: a `LeftOut` warning names it and its reason (`on_error="raise"` raises instead).
What the command line calls is in `stockcast.pipeline`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stockcast.api.backtesting import Backtest, backtest
    from stockcast.api.frames import to_frame, to_histories
    from stockcast.api.models import Model, fit, open_model, predict
    from stockcast.api.prices import load
    from stockcast.config import (
        CovariatesConfig,
        NetworkConfig,
        PredictConfig,
        SplitConfig,
        TrainConfig,
        TrainingConfig,
    )
    from stockcast.config.backtests import BacktestConfig, FoldConfig
    from stockcast.config.models import ExplainConfig
    from stockcast.config.sources import FetchConfig, ReadOptions
    from stockcast.errors import LeftOut
    from stockcast.forecasts import Forecast
    from stockcast.pipeline import FetchSession, audit, explain, save_rows, train
    from stockcast.prices.history import History
    from stockcast.progress import Progress, Silent
    from stockcast.results import TrainResult

_HOME = {
    "load": "api.prices",
    "fit": "api.models",
    "predict": "api.models",
    "backtest": "api.backtesting",
    "Model": "api.models",
    "open_model": "api.models",
    "Backtest": "api.backtesting",
    "to_frame": "api.frames",
    "to_histories": "api.frames",
    "BacktestConfig": "config.backtests",
    "CovariatesConfig": "config",
    "ExplainConfig": "config.models",
    "FetchConfig": "config.sources",
    "FoldConfig": "config.backtests",
    "LeftOut": "errors",
    "NetworkConfig": "config",
    "PredictConfig": "config",
    "SplitConfig": "config",
    "TrainConfig": "config",
    "TrainingConfig": "config",
    "FetchSession": "pipeline",
    "audit": "pipeline",
    "explain": "pipeline",
    "save_rows": "pipeline",
    "train": "pipeline",
    "ReadOptions": "config.sources",
    "History": "prices.history",
    "Forecast": "forecasts",
    "Progress": "progress",
    "Silent": "progress",
    "TrainResult": "results",
}

__all__ = [
    "load",
    "fit",
    "predict",
    "backtest",
    "Model",
    "open_model",
    "Backtest",
    "to_frame",
    "to_histories",
    "BacktestConfig",
    "CovariatesConfig",
    "ExplainConfig",
    "FetchConfig",
    "FoldConfig",
    "Forecast",
    "History",
    "LeftOut",
    "NetworkConfig",
    "PredictConfig",
    "Progress",
    "ReadOptions",
    "Silent",
    "SplitConfig",
    "TrainConfig",
    "TrainResult",
    "TrainingConfig",
    "FetchSession",
    "audit",
    "explain",
    "save_rows",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'stockcast' has no attribute {name!r}")
    return getattr(import_module(f"stockcast.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
