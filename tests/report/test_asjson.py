from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import date
from math import inf, nan
from pathlib import PurePosixPath

import numpy as np

from stockcast.errors import DataError, Failure
from stockcast.forecasts import Forecast, PolicyPosition
from stockcast.report.data import envelope, plain, train_data
from tests.report.samples import DAMAGED, FORECAST, MODEL, PENNY, TRAINED


def test_numbers_that_json_cannot_write_become_null() -> None:
    assert plain([nan, inf, -inf, 1.5, {"x": (np.float64(nan), np.float32(0.5))}]) == [
        *[None] * 3,
        1.5,
        {"x": [None, 0.5]},
    ]


def test_numpy_dates_and_paths_become_plain_values() -> None:
    values = (np.int64(3), np.bool_(True), np.array([1, 2]), date(2021, 3, 31), PurePosixPath("/a"))
    assert plain(values) == [3, True, [1, 2], "2021-03-31", "/a"]
    json.dumps(plain(values))


def test_the_envelope_of_a_success() -> None:
    assert json.loads(envelope("predict", [1], ())) == {
        "schema": "stockcast.predict/1",
        "ok": True,
        "data": [1],
        "errors": [],
    }


def test_the_envelope_of_a_failure_names_source_kind_message_and_hint() -> None:
    failures = [Failure("AAPL", DataError("too short", "use more")), Failure("", DataError("lost"))]
    document = json.loads(envelope("", None, failures))
    assert document["schema"] == "stockcast/1"
    assert document["ok"] is False
    assert document["data"] is None
    assert document["errors"] == [
        {"source": "AAPL", "kind": "data", "message": "too short", "hint": "use more"},
        {"source": None, "kind": "data", "message": "lost", "hint": None},
    ]


def test_a_position_stands_with_its_sentence_where_there_is_one_alone() -> None:
    held = PolicyPosition(-0.25, "Policy: no evidence of skill over holding (Sharpe -0.10, p = 0.60).")
    row = plain(replace(FORECAST, policy=held))
    assert list(row) == [field.name for field in fields(Forecast)]
    assert row["policy"] == {"position": held.position, "sentence": held.sentence}


def test_a_forecast_has_exactly_the_fields_of_the_result() -> None:
    row = plain(FORECAST)
    assert list(row) == [field.name for field in fields(Forecast) if field.name != "policy"]
    assert FORECAST.recent_closes
    assert "recent_closes" not in row
    assert row["origin"] == "2021-03-31"
    assert row["quantiles"]["0.05"] == FORECAST.quantiles["0.05"]
    assert plain(PENNY)["mean"] is None


def test_a_training_has_its_first_forecast_apart_and_no_test_forecasts() -> None:
    row = plain(train_data([TRAINED]))[0]
    assert row["forecast"] == row["forecasts"][0]
    assert "test_forecasts" not in row
    assert row["splits"]["train"] == {"first": "2010-01-05", "last": "2017-06-01", "count": 1865}
    assert row["scores"][0]["log_score"] is None
    assert row["verdict"]["point_p"] is None
    assert row["path"] == str(TRAINED.path)
    envelope("train", [row], ())


def test_models_are_listed_with_their_damage() -> None:
    good, damaged = plain([MODEL, DAMAGED])
    assert good["damage"] is None
    assert good["manifest"]["validation_crps"] == {"drift": None}
    assert damaged["damage"] == "the manifest is no JSON"
