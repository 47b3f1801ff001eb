"""Floor 8: the only composition. What the command line calls, and what a Python user may; loaded when asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stockcast.pipeline.auditing import audit as audit
    from stockcast.pipeline.backtesting import PretrainedBacktest as PretrainedBacktest
    from stockcast.pipeline.backtesting import backtest as backtest
    from stockcast.pipeline.backtesting import backtest_pretrained as backtest_pretrained
    from stockcast.pipeline.backtesting import checked as checked
    from stockcast.pipeline.backtesting import plan as plan
    from stockcast.pipeline.backtesting import plan_pretrained as plan_pretrained
    from stockcast.pipeline.checkup import doctor as doctor
    from stockcast.pipeline.explaining import explain as explain
    from stockcast.pipeline.judging import pooled as pooled
    from stockcast.pipeline.judging import skill_table as skill_table
    from stockcast.pipeline.markets import MarketSource as MarketSource
    from stockcast.pipeline.models import export_model as export_model
    from stockcast.pipeline.models import list_models as list_models
    from stockcast.pipeline.models import remove_model as remove_model
    from stockcast.pipeline.models import show_model as show_model
    from stockcast.pipeline.pools import gather as gather
    from stockcast.pipeline.predicting import predict as predict
    from stockcast.pipeline.predicting import predict_with as predict_with
    from stockcast.pipeline.reporting import report as report
    from stockcast.pipeline.reproducing import reproduce as reproduce
    from stockcast.pipeline.running import run as run
    from stockcast.pipeline.scoring import ledger as ledger
    from stockcast.pipeline.scoring import score as score
    from stockcast.pipeline.source import FetchSession as FetchSession
    from stockcast.pipeline.source import PriceSource as PriceSource
    from stockcast.pipeline.source import fetch as fetch
    from stockcast.pipeline.source import load as load
    from stockcast.pipeline.training import train as train
    from stockcast.pipeline.training import train_pool_from as train_pool_from
    from stockcast.storage.files import save_files as save_files
    from stockcast.storage.outputs import save_forecasts as save_forecasts
    from stockcast.storage.outputs import save_rows as save_rows

_NAMES = {
    ".storage.files": "save_files",
    ".storage.outputs": "save_forecasts save_rows",
    "auditing": "audit",
    "backtesting": "PretrainedBacktest backtest backtest_pretrained checked plan plan_pretrained",
    "checkup": "doctor",
    "explaining": "explain",
    "markets": "MarketSource",
    "models": "export_model list_models remove_model show_model",
    "judging": "pooled skill_table",
    "pools": "gather",
    "predicting": "predict predict_with",
    "reporting": "report",
    "reproducing": "reproduce",
    "running": "run",
    "scoring": "ledger score",
    "source": "FetchSession PriceSource fetch load",
    "training": "train train_pool_from",
}
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'stockcast.pipeline' has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)
