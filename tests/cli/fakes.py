"""A pipeline that trains nothing: sources are called after what they do.

`good`, `other`, ... succeed; `bad` has no prices, `gone` no model, `broken` meets a mistake of ours, `stop` is where
the user presses Ctrl-C, `full` is where the disk is full, `chatty` prints to stdout.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import stockcast
from stockcast.config import PredictConfig, TrainConfig
from stockcast.config.backtests import BacktestConfig
from stockcast.errors import DataError, Failure, ModelError, StockcastError, StorageError
from stockcast.evaluation.scores import ForecastRows
from stockcast.evaluation.verdict import BacktestResult, BacktestSummary, FoldSummary
from stockcast.forecasts import Forecast
from stockcast.pipeline.gathering import PoolSources
from stockcast.pipeline.skilltable import skill_table
from stockcast.progress import Progress
from stockcast.results import Export, ModelSummary, PoolResult, Report, Reproduction, TrainResult
from tests.report.backtests import BACKTESTED, FOLDS, SEVERAL
from tests.report.pools import POOL
from tests.report.reproductions import OTHER, SAME
from tests.report.samples import DAMAGED, FORECAST, MODEL, TRAINED

CALLS: list[tuple[Any, ...]] = []


def _meet(source: str) -> None:
    if source == "bad":
        raise DataError("bad has 3 sessions, 300 are needed", "use a longer history")
    if source == "gone":
        raise ModelError("no model named gone", "train it first")
    if source == "broken":
        raise ValueError("the answer is 41")
    if source == "stop":
        raise KeyboardInterrupt
    if source == "full":
        raise OSError(errno.ENOSPC, "No space left on device", "/somewhere")
    if source == "chatty":
        print("a library speaks")


def train(  # noqa: PLR0917 - as the real one
    source: str, read: Any, config: TrainConfig, home: Path, name: str | None, progress: Progress,
    keep_rows: bool = False, fetch_session: Any = None,
) -> TrainResult:  # fmt: skip
    CALLS.append(("train", source, read, config, home, name, keep_rows, fetch_session))
    progress.stage("training lstm", 100)
    for step in range(100):
        progress.advance(1, loss=1.0 / (1 + step))
    progress.note(f"{source}: 2 rows are duplicates")
    progress.note("weights are kept in single precision", detail=True)
    _meet(source)
    return replace(TRAINED, ticker=source)


class PriceSource:
    """The door for prices, as it arrives."""

    def __init__(self, home: Path, read: Any, fetch_session: Any) -> None:
        self.home, self.read, self.fetch_session = home, read, fetch_session


class MarketSource:
    """The sources of one call, as they arrive."""

    def __init__(self, prices: PriceSource, sources: Sequence[str]) -> None:
        CALLS.append(("markets", tuple(sources), prices.read, prices.home))
        self.prices = prices


def predict_with(
    markets: MarketSource, source: str, config: PredictConfig, progress: Progress, exchange: str | None = None,
    covariates: Any = None,
) -> tuple[Forecast, ...]:  # fmt: skip
    prices = markets.prices
    CALLS.append(("predict", source, prices.read, config, prices.home, exchange, prices.fetch_session, covariates))
    progress.note("the model is old")
    _meet(source)
    steps = range(1, (config.horizon or 1) + 1)
    return tuple(replace(FORECAST, ticker=source, horizon=step) for step in steps)


def plan(
    source: str, read: Any, config: BacktestConfig, home: Path, fetch_session: Any = None
) -> tuple[FoldSummary, ...]:
    CALLS.append(("plan", source, read, config, home, fetch_session))
    _meet(source)
    return FOLDS


def backtest(
    source: str, read: Any, config: BacktestConfig, home: Path, progress: Progress,
    keep_rows: bool = False, fetch_session: Any = None,
) -> BacktestResult:  # fmt: skip
    CALLS.append(("backtest", source, read, config, home, keep_rows, fetch_session))
    progress.stage("fold 1 of 2: lstm", 100)
    progress.advance(100, loss=1.5)
    progress.note("fold 2 of 2 was there already", detail=True)
    _meet(source)
    return replace(BACKTESTED, ticker=source)


class PretrainedBacktest:
    """A saved model, as it arrives."""

    def __init__(self, name: str, markets: MarketSource) -> None:
        CALLS.append(("given", name))
        self.name, self.markets = name, markets


def plan_pretrained(source: str, pretrained: PretrainedBacktest, config: BacktestConfig) -> tuple[FoldSummary, ...]:
    CALLS.append(("plan_given", source, pretrained.name, config))
    _meet(source)
    return FOLDS


def backtest_pretrained(
    source: str, pretrained: PretrainedBacktest, config: BacktestConfig, progress: Progress, keep_rows: bool = False
) -> BacktestResult:
    CALLS.append(("backtest_given", source, pretrained.name, config, keep_rows))
    progress.note(f"{source}: the market of 3 of 9 origins is not known")
    _meet(source)
    return replace(BACKTESTED, ticker=source)


def pooled(results: Sequence[BacktestResult]) -> BacktestSummary:
    CALLS.append(("pooled", tuple(result.ticker for result in results)))
    return replace(SEVERAL, results=tuple(results))


def save_files(files: Mapping[Path, str | bytes]) -> None:
    CALLS.append(("save_files", tuple(files)))
    for path, content in files.items():
        if path.name.startswith("full"):
            raise StorageError(f"cannot write {path}: No space left on device", "free some space")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def report(
    source: str, read: Any, config: BacktestConfig, home: Path, progress: Progress, exchange: str | None = None,
    fetch_session: Any = None,
) -> Report:  # fmt: skip
    CALLS.append(("report", source, read, config, home, exchange, fetch_session))
    progress.stage("fold 1 of 2: lstm", 100)
    progress.advance(100, loss=1.5)
    _meet(source)
    from tests.report.reports import BARE, REPORT  # their making needs SciPy, which a cold start must not load

    prices = replace(BARE, dates=REPORT.dates, closes=REPORT.closes, fan=REPORT.fan)
    return replace(prices, result=replace(BARE.result, ticker=source))


def save_forecasts(path: Path, rows: Sequence[ForecastRows]) -> None:
    CALLS.append(("save_forecasts", path, tuple(rows)))
    if path.name.startswith("full"):
        raise StorageError(f"cannot write {path}: No space left on device", "free some space")


def gather(
    prices: PriceSource, sources: Sequence[str], progress: Progress, exchange: str | None = None,
    covariates: Any = None,
) -> PoolSources:  # fmt: skip
    CALLS.append(("gather", tuple(sources), prices.read, prices.home, prices.fetch_session, exchange))
    if covariates:
        CALLS.append(("covariates", covariates))
    failures = []
    for source in sources:
        try:
            _meet(source)
        except StockcastError as error:
            failures.append(Failure(source, error))
    progress.note(f"{len(sources)} sources")
    return PoolSources((), tuple(failures), {}, exchange or "XNYS")


def train_pool_from(
    gathered: PoolSources, config: TrainConfig, home: Path, name: str, progress: Progress, keep_rows: bool = False
) -> PoolResult:
    CALLS.append(("train_pool_from", gathered, config, home, name, keep_rows))
    progress.stage("training lstm on 2 series", 100)
    progress.advance(100, loss=1.5)
    _meet(name)
    return replace(POOL, model=name)


class FetchSession:
    """Settings of the fetching, as they arrive."""

    def __init__(self, config: Any, many: bool) -> None:
        self.config, self.many = config, many


def save_rows(path: Path, results: Sequence[TrainResult]) -> None:
    CALLS.append(("save_rows", path, tuple(result.ticker for result in results)))


def list_models(home: Path) -> tuple[ModelSummary, ...]:
    return (MODEL, DAMAGED) if home.name != "empty" else ()


def show_model(home: Path, name: str) -> ModelSummary:
    CALLS.append(("show", home, name))
    _meet(name)
    return {"MSFT": DAMAGED}.get(name, MODEL)


def remove_model(home: Path, name: str) -> None:
    CALLS.append(("remove", home, name))
    _meet(name)


def export_model(home: Path, name: str, output: Path, file_format: str = "onnx", fit: str = "served") -> Export:
    CALLS.append(("export", home, name, output, file_format, fit))
    _meet(name)
    return Export(name, "0123456789abcdef", output, file_format, fit, "gru", "har-t", date(2021, 3, 31), 60, ("a",), 9)


def reproduce(home: Path, name: str, sources: Sequence[Path], read: Any, progress: Progress) -> Reproduction:
    CALLS.append(("reproduce", home, name, tuple(sources), read))
    progress.stage("training gru", 100)
    progress.advance(100, loss=1.5)
    _meet(name)
    return OTHER if name == "other" else replace(SAME, model=name)


def module() -> ModuleType:
    """The functions above under the name of the real thing."""
    fake = ModuleType("stockcast.pipeline")
    of_models = (
        train,
        gather,
        train_pool_from,
        PriceSource,
        MarketSource,
        predict_with,
        save_rows,
        list_models,
        show_model,
        remove_model,
        export_model,
        reproduce,
    )
    of_backtests = (
        plan,
        backtest,
        PretrainedBacktest,
        plan_pretrained,
        backtest_pretrained,
        pooled,
        skill_table,
        report,
        save_forecasts,
        save_files,
    )
    for function in (FetchSession, *of_models, *of_backtests):
        setattr(fake, function.__name__, function)
    return fake


def install() -> None:
    """Put the fake in place, for the rest of the process."""
    fake = module()
    sys.modules["stockcast.pipeline"] = fake
    stockcast.pipeline = fake  # type: ignore[attr-defined]
