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

_HOME = {
    "MarketSource": "markets",
    "PretrainedBacktest": "pretrained",
    "PriceSource": "source",
    "FetchSession": "source",
    "audit": "auditing",
    "backtest": "backtesting",
    "backtest_pretrained": "backtesting",
    "checked": "backtesting",
    "doctor": "checkup",
    "explain": "explaining",
    "export_model": "models",
    "fetch": "source",
    "gather": "gathering",
    "ledger": "scoring",
    "list_models": "models",
    "load": "source",
    "plan": "backtesting",
    "plan_pretrained": "backtesting",
    "pooled": "pooling",
    "predict": "predicting",
    "predict_with": "predicting",
    "remove_model": "models",
    "report": "reporting",
    "reproduce": "reproducing",
    "run": "running",
    "save_files": ".storage.files",
    "save_forecasts": ".storage.outputs",
    "save_rows": ".storage.outputs",
    "score": "scoring",
    "show_model": "models",
    "skill_table": "skilltable",
    "train": "training",
    "train_pool_from": "training",
}

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
