"""Floor 8: the only composition. What the command line calls, and what a Python user may; loaded when asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stockcast.pipeline.auditing import audit as audit
    from stockcast.pipeline.auditing import audit_steps as audit_steps
    from stockcast.pipeline.backtesting import PretrainedBacktest as PretrainedBacktest
    from stockcast.pipeline.backtesting import backtest as backtest
    from stockcast.pipeline.backtesting import backtest_pretrained as backtest_pretrained
    from stockcast.pipeline.backtesting import backtest_pretrained_steps as backtest_pretrained_steps
    from stockcast.pipeline.backtesting import backtest_steps as backtest_steps
    from stockcast.pipeline.backtesting import checked as checked
    from stockcast.pipeline.backtesting import plan as plan
    from stockcast.pipeline.backtesting import plan_pretrained as plan_pretrained
    from stockcast.pipeline.checking import check as check
    from stockcast.pipeline.checkup import doctor as doctor
    from stockcast.pipeline.explaining import explain as explain
    from stockcast.pipeline.fetchsession import FetchSession as FetchSession
    from stockcast.pipeline.judging import pooled as pooled
    from stockcast.pipeline.judging import skill_table as skill_table
    from stockcast.pipeline.maintenance import backup_ledger as backup_ledger
    from stockcast.pipeline.maintenance import prune_ledger as prune_ledger
    from stockcast.pipeline.maintenance import restore_ledger as restore_ledger
    from stockcast.pipeline.markets import MarketSource as MarketSource
    from stockcast.pipeline.models import export_model as export_model
    from stockcast.pipeline.models import list_models as list_models
    from stockcast.pipeline.models import remove_model as remove_model
    from stockcast.pipeline.models import show_model as show_model
    from stockcast.pipeline.objectives import series_objective as series_objective
    from stockcast.pipeline.poolobjective import pool_objective as pool_objective
    from stockcast.pipeline.pools import gather as gather
    from stockcast.pipeline.predicting import predict as predict
    from stockcast.pipeline.predicting import predict_with as predict_with
    from stockcast.pipeline.reporting import report as report
    from stockcast.pipeline.reporting import report_steps as report_steps
    from stockcast.pipeline.reproducing import reproduce as reproduce
    from stockcast.pipeline.running import plan_run as plan_run
    from stockcast.pipeline.running import run as run
    from stockcast.pipeline.scoring import ledger as ledger
    from stockcast.pipeline.scoring import score as score
    from stockcast.pipeline.source import PriceSource as PriceSource
    from stockcast.pipeline.source import fetch as fetch
    from stockcast.pipeline.source import load as load
    from stockcast.pipeline.training import train as train
    from stockcast.pipeline.training import train_pool_from as train_pool_from
    from stockcast.pipeline.training import train_pool_from_steps as train_pool_from_steps
    from stockcast.pipeline.training import train_steps as train_steps
    from stockcast.pipeline.tuning import plan_tuning as plan_tuning
    from stockcast.pipeline.tuning import tune as tune
    from stockcast.storage.files import save_files as save_files
    from stockcast.storage.forecasttable import save_forecasts as save_forecasts
    from stockcast.storage.forecasttable import save_rows as save_rows

_NAMES = {
    ".storage.files": "save_files",
    ".storage.forecasttable": "save_forecasts save_rows",
    "auditing": "audit audit_steps",
    "backtesting": (
        "PretrainedBacktest backtest backtest_pretrained backtest_pretrained_steps backtest_steps checked plan "
        "plan_pretrained"
    ),
    "checking": "check",
    "checkup": "doctor",
    "explaining": "explain",
    "fetchsession": "FetchSession",
    "maintenance": "backup_ledger prune_ledger restore_ledger",
    "markets": "MarketSource",
    "models": "export_model list_models remove_model show_model",
    "judging": "pooled skill_table",
    "objectives": "series_objective",
    "poolobjective": "pool_objective",
    "pools": "gather",
    "predicting": "predict predict_with",
    "reporting": "report report_steps",
    "reproducing": "reproduce",
    "running": "plan_run run",
    "scoring": "ledger score",
    "source": "PriceSource fetch load",
    "training": "train train_pool_from train_pool_from_steps train_steps",
    "tuning": "plan_tuning tune",
}
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'stockcast.pipeline' has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)
