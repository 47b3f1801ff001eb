"""A pipeline that trains nothing, in the place of the real one: it takes what that takes, and answers from a table.

Sources and models are called after what they do: `good`, `other`, ... succeed; `bad` has no prices, `gone` no model,
`broken` meets a mistake of ours, `stop` is where the user presses Ctrl-C, `full` is where the disk is full, `large`
where memory is, `many` where too many files are open, `chatty` prints to stdout.
"""

from __future__ import annotations

import errno
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import stockcast
from stockcast import pipeline as real
from stockcast.errors import DataError, Failure, ModelError, StockcastError, StorageError
from stockcast.results import Export
from tests.report import studies
from tests.report.backtests import BACKTESTED, PLAN, SEVERAL
from tests.report.pools import POOL
from tests.report.reproductions import OTHER, SAME
from tests.report.samples import DAMAGED, FORECAST, MODEL, TRAINED


def meet(source: str) -> None:
    """What becomes of a source or a model of this name."""
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
    if source == "unmapped":
        raise ImportError("libtorch_cpu.so: failed to map segment from shared object")
    if source == "unhandled":  # as loky's, where it begins a worker
        try:
            raise OSError(errno.EMFILE, "Too many open files")
        finally:
            raise UnboundLocalError("cannot access local variable 'parent_r'")
    if source == "large":
        raise MemoryError
    if source == "many":
        raise OSError(errno.EMFILE, "Too many open files")
    if source == "chatty":
        print("a library speaks")


STAGES = {
    "train": "training lstm",
    "train_pool_from": "training lstm on 2 series",
    "backtest": "fold 1 of 2: lstm",
    "report": "fold 1 of 2: lstm",
    "reproduce": "training gru",
}
NOTES = {
    "train": "{source}: 2 rows are duplicates",
    "predict_with": "the model is old",
    "backtest_pretrained": "{source}: the market of 3 of 9 origins is not known",
    "gather": "{sources} are gathered",
}
DETAILS = {"train": "weights are kept in single precision", "backtest": "fold 2 of 2 was there already"}
"""What a function says of its progress, before it comes to its source."""


def _gather(sources: Any, exchange: str | None, **_: Any) -> Any:
    from stockcast.pipeline.pools import PoolSources

    failures = []
    for source in sources:
        try:
            meet(source)
        except StockcastError as error:
            failures.append(Failure(source, error))
    return PoolSources((), tuple(failures), {}, exchange or "XNYS")


def _series_objective(sources: Any, **_: Any) -> Any:
    failures = []
    for source in sources:
        try:
            meet(source)
        except StockcastError as error:
            failures.append(Failure(source, error))
    series = studies.SERIES if len(failures) < len(sources) else ()
    return SimpleNamespace(groups=(), series=series), tuple(failures)


def _report(source: str, **_: Any) -> Any:
    from tests.report.reports import BARE, REPORT  # their making needs SciPy, which a cold start must not load

    prices = replace(BARE, dates=REPORT.dates, closes=REPORT.closes, fan=REPORT.fan)
    return replace(prices, result=replace(BARE.result, ticker=source))


def _save_files(files: Mapping[Path, str | bytes]) -> None:
    for path, content in files.items():
        _save(path)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def _save(path: Path, **_: Any) -> None:
    if path.name.startswith("full"):
        raise StorageError(f"cannot write {path}: No space left on device", "free some space")


def _export(name: str, output: Path, file_format: str, fit: str, **_: Any) -> Export:
    return Export(name, "0123456789abcdef", output, file_format, fit, "gru", "har-t", date(2021, 3, 31), 60, ("a",), 9)


ANSWERS: dict[str, Callable[..., Any]] = {
    "train": lambda source, **_: replace(TRAINED, ticker=source),
    "gather": _gather,
    "train_pool_from": lambda name, **_: replace(POOL, model=name),
    "predict_with": lambda source, config, **_: tuple(
        replace(FORECAST, ticker=source, horizon=step) for step in range(1, (config.horizon or 1) + 1)
    ),
    "plan": lambda **_: PLAN,
    "plan_pretrained": lambda **_: PLAN,
    "backtest": lambda source, **_: replace(BACKTESTED, ticker=source),
    "backtest_pretrained": lambda source, **_: replace(BACKTESTED, ticker=source),
    "pooled": lambda results: replace(SEVERAL, results=tuple(results)),
    "report": _report,
    "list_models": lambda home: (MODEL, DAMAGED) if home.name != "empty" else (),
    "show_model": lambda name, **_: {"MSFT": DAMAGED}.get(name, MODEL),
    "remove_model": lambda **_: None,
    "export_model": _export,
    "series_objective": _series_objective,
    "pool_objective": _series_objective,
    "plan_tuning": lambda **_: studies.PLAN,
    "tune": lambda **_: studies.ADOPTED,
    "reproduce": lambda name, **_: OTHER if name == "other" else replace(SAME, model=name),
    "save_files": _save_files,
    "save_forecasts": _save,
    "save_rows": _save,
}
"""The result of each function that is faked, by its arguments."""


@dataclass(frozen=True)
class Call:
    """A call of one of the pipeline's functions, its arguments by the names that they have there."""

    name: str
    arguments: Mapping[str, Any]

    def __getitem__(self, argument: str) -> Any:
        return self.arguments[argument]

    def values(self, *arguments: str) -> tuple[Any, ...]:
        """Several arguments."""
        return tuple(self.arguments[argument] for argument in arguments)


class FakePipeline(ModuleType):
    """The pipeline as a module: what is faked is answered and remembered, all else is the real one.

    A function in steps, `backtest_steps`, is remembered as the one that does them all, `backtest`.

    Attributes:
        calls: What was called, in order.
        answers: The result of each function; a test may give others.
    """

    def __init__(self) -> None:
        super().__init__(real.__name__)
        self.__path__ = list(real.__path__)
        self.calls: list[Call] = []
        self.answers = dict(ANSWERS)

    def __getattr__(self, name: str) -> Any:
        found = getattr(real, name)
        whole = name.removesuffix("_steps")
        if whole not in self.answers:
            return found

        def answered(*values: Any, **named: Any) -> Any:
            return self._answered(whole, inspect.signature(found).bind(*values, **named))

        def steps(*values: Any, **named: Any) -> Any:
            yield []
            return answered(*values, **named)

        return answered if whole == name else steps

    def _answered(self, name: str, bound: inspect.BoundArguments) -> Any:
        bound.apply_defaults()
        arguments = bound.arguments
        self.calls.append(Call(name, dict(arguments)))
        if "progress" in arguments:
            _watched(name, arguments)
        meet(arguments.get("source", arguments.get("name", "")))
        return self.answers[name](**arguments)


def _watched(name: str, arguments: Mapping[str, Any]) -> None:
    progress = arguments["progress"]
    if name in STAGES:
        progress.stage(STAGES[name], 100)
        for step in range(100):
            progress.advance(1, loss=1.0 / (1 + step))
    if name in NOTES:
        progress.note(NOTES[name].format(**arguments))
    if name in DETAILS:
        progress.note(DETAILS[name], detail=True)


PIPELINE = FakePipeline()
"""That of a process that is begun for one command line."""


def install() -> None:
    """Put it in place, for the rest of the process."""
    sys.modules["stockcast.pipeline"] = PIPELINE
    stockcast.pipeline = PIPELINE  # type: ignore[attr-defined]
