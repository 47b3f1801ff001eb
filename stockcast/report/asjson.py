"""Results as one JSON object: the same envelope for every command, for success, failure and wrong usage."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stockcast.results.failures import Failure
    from stockcast.results.forecasts import Forecast
    from stockcast.results.models import ModelSummary
    from stockcast.results.training import TrainResult


def plain(value: Any) -> Any:
    """`value` made of dicts, lists, strings, numbers, booleans and None alone.

    Dates become ISO strings, dataclasses dicts of their fields, NumPy scalars Python's, and a number that is not
    finite None, because JSON has no word for it.
    """
    if isinstance(value, float):
        return float(value) if isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, dict):
        return {str(key): plain(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [plain(member) for member in value]
    return _plain_object(value)


def _plain_object(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return str(value)


def envelope(command: str, data: Any, failures: Sequence[Failure]) -> str:
    """The one object that stdout carries under --json, ending with a line feed.

    command: its words joined by dots, or nothing where no command was recognised. data: anything `plain` takes;
    null where the command could not begin. A failure's source is null where it concerns no source.
    """
    document = {
        "schema": f"stockcast.{command}/1" if command else "stockcast/1",
        "ok": not failures,
        "data": plain(data),
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


def forecast_rows(forecasts: Sequence[Forecast]) -> list[dict[str, Any]]:
    """`data` of `predict`: one entry per source and step, with the fields of `Forecast`."""
    return [plain(forecast) for forecast in forecasts]


def train_rows(results: Sequence[TrainResult]) -> list[dict[str, Any]]:
    """`data` of `train`: one entry per source. Test forecasts are left to `--output`."""
    return [_train_row(result) for result in results]


def model_rows(models: Sequence[ModelSummary]) -> list[dict[str, Any]]:
    """`data` of `models list`; `models show` has one such entry."""
    return [plain(model) for model in models]


def _train_row(result: TrainResult) -> dict[str, Any]:
    row = {field.name: plain(getattr(result, field.name)) for field in fields(result) if field.name != "test_forecasts"}
    row["forecast"] = row["forecasts"][0] if row["forecasts"] else None
    return row
