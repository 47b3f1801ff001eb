"""Results as data: the JSON envelope that every command shares, the `data` of each in it, and CSV."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from stockcast.text import csv_table, flat

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from stockcast.config.tuning import Axis
    from stockcast.errors import Failure
    from stockcast.evaluation.liverecord import ScoreResult
    from stockcast.evaluation.tuned import TunedSeries, TunePlan, TuneResult
    from stockcast.evaluation.verdict import BacktestResult, BacktestSummary
    from stockcast.explanation import Explanation
    from stockcast.forecasts import Forecast, LedgerRow
    from stockcast.results import PoolResult, Report, Reproduction, TrainResult


def plain(value: Any) -> Any:
    """`value` made of dicts, lists, strings, numbers, booleans and None alone, whatever it holds.

    Dates become ISO strings, dataclasses dicts of their fields, NumPy scalars Python's, and a number that is not
    finite None, because JSON has no word for it.
    """
    from stockcast.storage.codec import encode  # it loads NumPy, which wrong usage has no need of

    return encode(value, lossy=True)


def envelope(command: str, data: Any, failures: Sequence[Failure]) -> str:
    """The one object that stdout carries under --json, ending with a line feed.

    Args:
        command: Its words joined by dots, or nothing where no command was recognised.
        data: Results, or anything else that `plain` takes; null where the command could not begin.
        failures: What failed. Its source is null where it concerns no source.
    """
    document = {
        "schema": f"stockcast.{command}/1" if command else "stockcast/1",
        "ok": not failures,
        "data": data if data is None else plain(data),
        "errors": [
            {
                "source": failure.source or None,
                "kind": failure.error.kind,
                "message": failure.error.message,
                "hint": failure.error.hint or None,
            }
            for failure in failures
        ],
    }
    return as_json(document, indent=2) + "\n"


def as_json(document: Any, indent: int | None = None) -> str:
    """Plain values as JSON in ASCII, fit for a terminal: DEL is the one control character that JSON leaves as it is."""
    import json

    return json.dumps(document, indent=indent, allow_nan=False).replace("\x7f", "\\u007f")


# The `data` of commands. Where a command has none here, it is the result as it is.


def _of(result: Any, *names: str) -> dict[str, Any]:
    """These of the result's values, under their own names."""
    return {name: getattr(result, name) for name in names}


def _without(result: Any, *names: str) -> dict[str, Any]:
    """The result's fields but these."""
    from stockcast.storage.codec import written  # as in `plain`

    return {name: getattr(result, name) for name in written(result) if name not in names}


def train_data(results: Sequence[TrainResult]) -> list[dict[str, Any]]:
    """`data` of `train`: one entry per source. Test forecasts are left to `--output`."""
    return [
        {**_without(result, "test_forecasts"), "forecast": next(iter(result.forecasts), None)} for result in results
    ]


def backtest_data(summary: BacktestSummary) -> list[dict[str, Any]]:
    """`data` of `backtest`: one entry per source, and one named "all" where there are several."""
    data = [_backtest(result) for result in summary.results]
    if len(data) > 1:
        data.append({"ticker": "all", **_without(summary, "results")})
    elif data:
        data[0]["confidence_set"] = summary.confidence_set
    return data


def _backtest(result: BacktestResult) -> dict[str, Any]:
    """Forecasts are left to `--output`. `splits`: the parts of the first fold, as `train` has them."""
    first = result.folds[0]
    test = (first.test[0], result.folds[-1].test[1], sum(fold.test[2] for fold in result.folds))
    parts = {"train": first.train, "validation": first.validation, "test": test}
    splits = {name: dict(zip(("first", "last", "count"), part, strict=True)) for name, part in parts.items()}
    return {**_without(result, "rows", "record", "positions"), "splits": splits}


def pool_data(result: PoolResult) -> dict[str, Any]:
    """The one entry of `data` of `train --pool`, with the names that a ticker's entry has where they mean the same.

    Scores and comparisons are those of every ticker, verdicts a sentence by ticker. Test forecasts are left to
    `--output`, those of the next session to `predict`.
    """
    summary = result.summary
    return {
        "ticker": "all",
        **_of(result, "model", "model_id", "cell", "members", "untested", "left_out", "market", "splits"),
        "scores": [score for found in summary.results for score in found.scores],
        "comparisons": [compared for found in summary.results for compared in found.comparisons],
        "validation_crps": {found.ticker: found.validation_crps for found in summary.results},
        **_without(summary, "results"),
        "verdict": result.verdict,
        "verdicts": result.sentences,
        "adjusted_p": result.adjusted_p,
        "data_sha256": {found.ticker: found.data_sha256 for found in summary.results},
        "forecast": None,
        "forecasts": [],
        **_of(result, "scored_cutoff", "served_cutoff", "steps", "curves", "path"),
    }


def tune_data(result: TuneResult) -> dict[str, Any]:
    """`data` of `tune`: what was searched, every trial, the decision, and the test part."""
    return {"plan": None, **_without(result)}


def tune_plan_data(
    plan: TunePlan, series: Sequence[TunedSeries], axes: Sequence[Axis], jobs: int
) -> dict[str, Any]:  # fmt: skip
    """The same of `tune --dry-run`, of which nothing is known yet but the plan."""
    from stockcast.evaluation.tuned import TuneResult

    unknown = dict.fromkeys(field.name for field in fields(TuneResult))
    known = {"study": plan.study, "series": series, "axes": axes, "trials": []}
    return {"plan": {"pieces": plan.pieces, "seconds": plan.seconds, "jobs": jobs}, **unknown, **known}


def explain_data(result: Explanation) -> dict[str, Any]:
    """`data` of `explain`: the subject's fields, then each part by name."""
    return {**_without(result.subject), **_without(result, "subject")}


def score_data(result: ScoreResult) -> dict[str, Any]:
    """`data` of `score`."""
    return {**_without(result), "decayed": result.decayed}


def reproduction_data(found: Reproduction) -> dict[str, Any]:
    """`data` of `reproduce`."""
    return {**_without(found), "kind": found.kind}


def report_data(report: Report, written: Sequence[str]) -> dict[str, Any]:
    """`data` of `report`: verdict, forecaster and its forecast by step, scores on reaction days, and the files written.

    Args:
        report: What the page shows.
        written: Names of the files.
    """
    result = report.result
    steps = [
        {
            **_of(step, "target_session", "horizon", "median"),
            "quantiles": {f"{level:g}": price for level, price in step.quantiles.items()},
            "event": step.event,
        }
        for step in report.fan
    ]
    return {
        **_of(result, "ticker", "verdict"),
        "forecaster": report.forecaster,
        "origin": report.dates[-1],
        "forecasts": steps,
        **_of(result, "data_sha256", "event_scores"),
        **({"policy": result.policy} if result.policy else {}),
        "created_at": report.created_at,
        "files": written,
    }


def ledger_data(rows: Sequence[LedgerRow], missed: Mapping[str, Sequence[date]]) -> dict[str, Any]:
    """`data` of `ledger list` and `ledger export`."""
    return {"forecasts": [_recorded(row) for row in rows], "missed": dict(missed)}


def _recorded(row: LedgerRow) -> dict[str, Any]:
    """One forecast with what became of it."""
    return {
        **_of(row, "id", "kind", "status", "recorded_at"),
        **_without(row.forecast),
        **_of(row, "interval_90", "raw_interval_90", "realised_close", "void", "outcome"),
    }


# Files.


def ledger_jsonl(rows: Sequence[LedgerRow]) -> str:
    """One JSON document a line."""
    return "".join(as_json(plain(_recorded(row))) + "\n" for row in rows)


def ledger_csv(rows: Sequence[LedgerRow]) -> str:
    """One row per forecast; what is nested becomes columns, and what a forecast has not stays empty."""
    cells = [{name: _cell(value) for name, value in flat(plain(_recorded(row))).items()} for row in rows]
    return _headed(cells)


def _cell(value: Any) -> Any:
    """Truth as JSON writes it, not as Python does."""
    return str(value).lower() if isinstance(value, bool) else value


def forecasts_csv(forecasts: Sequence[Forecast]) -> str:
    """One row per forecast (RFC 4180), columns in the order of `Forecast`'s fields; a missing value is an empty cell.

    Quantiles are columns q0.05, q0.25 and so on; where forecasts differ in theirs, those of all of them. Where some
    target session reacts to a report, there are columns event.day, event.when and so on. Rows end with CR LF.
    """
    levels = sorted({level for forecast in forecasts for level in forecast.quantiles}, key=float)
    rows = [
        flat({**plain(forecast), "quantiles": {level: plain(forecast.quantiles.get(level)) for level in levels}})
        for forecast in forecasts
    ]
    return _headed(rows)


def _headed(rows: Sequence[Mapping[str, Any]]) -> str:
    """Flat rows under the columns of all of them; an outcome or an event is none, but what it is made of."""
    names = list(dict.fromkeys(name for row in rows for name in row if name not in {"outcome", "event"}))
    return csv_table(names, rows) if names else ""
