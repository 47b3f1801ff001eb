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
    from stockcast.api.backtesting import Backtest as Backtest
    from stockcast.api.backtesting import backtest as backtest
    from stockcast.api.frames import to_frame as to_frame
    from stockcast.api.frames import to_histories as to_histories
    from stockcast.api.models import Model as Model
    from stockcast.api.models import fit as fit
    from stockcast.api.models import open_model as open_model
    from stockcast.api.models import predict as predict
    from stockcast.api.prices import load as load
    from stockcast.config import CovariatesConfig as CovariatesConfig
    from stockcast.config import NetworkConfig as NetworkConfig
    from stockcast.config import PredictConfig as PredictConfig
    from stockcast.config import SplitConfig as SplitConfig
    from stockcast.config import TrainConfig as TrainConfig
    from stockcast.config import TrainingConfig as TrainingConfig
    from stockcast.config.models import BacktestConfig as BacktestConfig
    from stockcast.config.models import ExplainConfig as ExplainConfig
    from stockcast.config.models import FoldConfig as FoldConfig
    from stockcast.config.policy import PolicyConfig as PolicyConfig
    from stockcast.config.sources import FetchConfig as FetchConfig
    from stockcast.config.sources import ReadOptions as ReadOptions
    from stockcast.errors import LeftOut as LeftOut
    from stockcast.forecasts import Forecast as Forecast
    from stockcast.pipeline import FetchSession as FetchSession
    from stockcast.pipeline import audit as audit
    from stockcast.pipeline import explain as explain
    from stockcast.pipeline import save_rows as save_rows
    from stockcast.pipeline import train as train
    from stockcast.prices.history import History as History
    from stockcast.progress import Progress as Progress
    from stockcast.progress import Silent as Silent
    from stockcast.results import TrainResult as TrainResult

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
    "BacktestConfig": "config.models",
    "CovariatesConfig": "config",
    "ExplainConfig": "config.models",
    "FetchConfig": "config.sources",
    "FoldConfig": "config.models",
    "Forecast": "forecasts",
    "History": "prices.history",
    "LeftOut": "errors",
    "NetworkConfig": "config",
    "PolicyConfig": "config.policy",
    "PredictConfig": "config",
    "Progress": "progress",
    "ReadOptions": "config.sources",
    "Silent": "progress",
    "SplitConfig": "config",
    "TrainConfig": "config",
    "TrainResult": "results",
    "TrainingConfig": "config",
    "FetchSession": "pipeline",
    "audit": "pipeline",
    "explain": "pipeline",
    "save_rows": "pipeline",
    "train": "pipeline",
}
"""Every public name in the order in which a reader meets it, and the module that has it."""

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'stockcast' has no attribute {name!r}")
    return getattr(import_module(f"stockcast.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
