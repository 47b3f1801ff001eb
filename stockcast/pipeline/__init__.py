"""Floor 8: the only composition. What the command line calls, and what a Python user may; loaded when asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stockcast.pipeline.auditing import audit
    from stockcast.pipeline.backtesting import backtest, backtest_pretrained, checked, plan, plan_pretrained
    from stockcast.pipeline.checkup import doctor
    from stockcast.pipeline.explaining import explain
    from stockcast.pipeline.gathering import gather
    from stockcast.pipeline.markets import MarketSource
    from stockcast.pipeline.models import export_model, list_models, remove_model, show_model
    from stockcast.pipeline.pooling import pooled
    from stockcast.pipeline.predicting import predict, predict_with
    from stockcast.pipeline.pretrained import PretrainedBacktest
    from stockcast.pipeline.reporting import report
    from stockcast.pipeline.reproducing import reproduce
    from stockcast.pipeline.running import run
    from stockcast.pipeline.scoring import ledger, score
    from stockcast.pipeline.skilltable import skill_table
    from stockcast.pipeline.source import FetchSession, PriceSource, fetch, load
    from stockcast.pipeline.training import train, train_pool_from
    from stockcast.storage.files import save_files
    from stockcast.storage.outputs import save_forecasts, save_rows

_NAMES = {
    ".storage.files": "save_files",
    ".storage.outputs": "save_forecasts save_rows",
    "auditing": "audit",
    "backtesting": "backtest backtest_pretrained checked plan plan_pretrained",
    "checkup": "doctor",
    "explaining": "explain",
    "gathering": "gather",
    "markets": "MarketSource",
    "models": "export_model list_models remove_model show_model",
    "pooling": "pooled",
    "predicting": "predict predict_with",
    "pretrained": "PretrainedBacktest",
    "reporting": "report",
    "reproducing": "reproduce",
    "running": "run",
    "scoring": "ledger score",
    "skilltable": "skill_table",
    "source": "FetchSession PriceSource fetch load",
    "training": "train train_pool_from",
}
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = [
    "MarketSource",
    "PretrainedBacktest",
    "PriceSource",
    "FetchSession",
    "audit",
    "backtest",
    "backtest_pretrained",
    "checked",
    "doctor",
    "explain",
    "export_model",
    "fetch",
    "gather",
    "ledger",
    "list_models",
    "load",
    "plan",
    "plan_pretrained",
    "pooled",
    "predict",
    "predict_with",
    "remove_model",
    "report",
    "reproduce",
    "run",
    "save_files",
    "save_forecasts",
    "save_rows",
    "score",
    "show_model",
    "skill_table",
    "train",
    "train_pool_from",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'stockcast.pipeline' has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)
