"""Floor 8: the only composition. What the command line calls, and what a Python user may; loaded when asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stockcast.pipeline.auditing import audit
    from stockcast.pipeline.backtesting import backtest, plan
    from stockcast.pipeline.checkup import doctor
    from stockcast.pipeline.explaining import explain
    from stockcast.pipeline.fetching import Waiting, fetch
    from stockcast.pipeline.models import (
        list_models,
        remove_model,
        save_files,
        save_forecasts,
        save_rows,
        show_model,
    )
    from stockcast.pipeline.pooling import pooled
    from stockcast.pipeline.predicting import predict
    from stockcast.pipeline.reporting import report
    from stockcast.pipeline.running import run
    from stockcast.pipeline.scoring import ledger, score
    from stockcast.pipeline.skilltable import skill_table
    from stockcast.pipeline.sources import load
    from stockcast.pipeline.training import train

_HOME = {
    "Waiting": "fetching",
    "audit": "auditing",
    "backtest": "backtesting",
    "doctor": "checkup",
    "explain": "explaining",
    "fetch": "fetching",
    "ledger": "scoring",
    "list_models": "models",
    "load": "sources",
    "plan": "backtesting",
    "pooled": "pooling",
    "predict": "predicting",
    "remove_model": "models",
    "report": "reporting",
    "run": "running",
    "save_files": "models",
    "save_forecasts": "models",
    "save_rows": "models",
    "score": "scoring",
    "show_model": "models",
    "skill_table": "skilltable",
    "train": "training",
}

__all__ = [
    "Waiting",
    "audit",
    "backtest",
    "doctor",
    "explain",
    "fetch",
    "ledger",
    "list_models",
    "load",
    "plan",
    "pooled",
    "predict",
    "remove_model",
    "report",
    "run",
    "save_files",
    "save_forecasts",
    "save_rows",
    "score",
    "show_model",
    "skill_table",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'stockcast.pipeline' has no attribute {name!r}")
    return getattr(import_module(f"stockcast.pipeline.{_HOME[name]}"), name)
