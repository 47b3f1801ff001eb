from __future__ import annotations

import csv
from dataclasses import fields, replace
from io import StringIO

from stockcast.report.ascsv import forecasts_csv
from stockcast.results.forecasts import Forecast
from tests.report.samples import FORECAST, PENNY


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text, newline="")))


def test_columns_are_the_fields_with_quantiles_spread_out() -> None:
    header = forecasts_csv([FORECAST]).split("\r\n")[0].split(",")
    spread = {"quantiles": ["q0.05", "q0.25", "q0.5", "q0.75", "q0.95"], "calibration": ["calibration_factor"]}
    expected = [name for field in fields(Forecast) for name in spread.get(field.name, [field.name])]
    assert header == expected
    assert FORECAST.recent_closes
    assert "recent_closes" not in header


def test_values_come_back_as_they_were() -> None:
    row, second = read(forecasts_csv([FORECAST, PENNY]))
    assert float(row["median"]) == FORECAST.median
    assert float(row["q0.95"]) == FORECAST.quantiles["0.95"]
    assert row["verdict"] == FORECAST.verdict
    assert row["target_session"] == "2021-04-01"
    assert second["mean"] == ""
    assert second["currency"] == ""


def test_the_header_stands_once_and_rows_end_with_cr_lf() -> None:
    text = forecasts_csv([FORECAST, PENNY, FORECAST])
    assert text.count("ticker,model") == 1
    assert text.count("\r\n") == text.count("\n") == 4


def test_quotes_and_line_feeds_survive() -> None:
    strange = replace(FORECAST, verdict='so "far",\nso good')
    assert read(forecasts_csv([strange]))[0]["verdict"] == strange.verdict


def test_quantiles_that_only_one_forecast_has_leave_the_others_empty() -> None:
    more = replace(FORECAST, quantiles={**FORECAST.quantiles, "0.01": 115.0})
    first, second = read(forecasts_csv([FORECAST, more]))
    assert first["q0.01"] == ""
    assert float(second["q0.01"]) == 115.0


def test_no_forecasts_are_no_text() -> None:
    assert forecasts_csv([]) == ""
