from __future__ import annotations

import csv
from dataclasses import fields, replace
from io import StringIO
from pathlib import Path
from unicodedata import category

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockcast.evaluation.scores import ForecastRows
from stockcast.forecasts import Forecast
from stockcast.report.data import forecasts_csv, ledger_csv
from stockcast.report.papers import skill_table_text
from stockcast.storage.forecasttable import save_forecasts
from stockcast.storage.outputs import append_csv
from stockcast.text import csv_table
from tests.report.lives import OPEN
from tests.report.samples import FORECAST, PENNY
from tests.report.skills import TABLE


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text, newline="")))


def test_columns_are_the_fields_with_quantiles_spread_out() -> None:
    header = forecasts_csv([FORECAST]).split("\r\n")[0].split(",")
    spread = {"quantiles": ["q0.05", "q0.25", "q0.5", "q0.75", "q0.95"], "calibration": ["calibration_factor"]}
    expected = [
        name for field in fields(Forecast) if field.name != "policy" for name in spread.get(field.name, [field.name])
    ]
    assert header == [name for name in expected if name != "event"]
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


# Formulas

FORMULAS = ("=1+1", "=cmd|' /C calc'!A0", "+1", "-X", "@LIST", "\t=1", "\r=1", "\n=1", " =1", "\uff1d1", "-0.01")
formulas = pytest.mark.parametrize("text", FORMULAS)


@given(st.text(), st.floats(allow_nan=False), st.integers())
def test_no_text_is_computed_or_obeyed_and_numbers_stay_numbers(text: str, number: float, whole: int) -> None:
    title = f"{text}."
    table = csv_table([title, "", " "], [{title: text, "": number, " ": whole}])
    header, cells = csv.reader(StringIO(table, newline=""))
    assert header == [f"{cells[0]}.", "", " "] or text.strip() == ""
    assert not cells[0].lstrip().startswith(("=", "+", "-", "@"))
    assert not cells[0].startswith(("\t", "\r", "\n"))
    assert not {category(sign) for sign in cells[0]} & {"Cc", "Cf", "Cs", "Zl", "Zp"} - {"Cc"}
    assert {sign for sign in cells[0] if category(sign) == "Cc"} <= set("\t\r\n")
    assert (float(cells[1]), int(cells[2])) == (number, whole)


@formulas
def test_a_forecast_whose_words_are_formulas_is_written_with_a_quote_before_them(text: str) -> None:
    odd = replace(FORECAST, ticker=text, model=text, data_source=text, currency=text, scale=-0.01)
    (row,) = read(forecasts_csv([odd]))
    for name in ("ticker", "model", "data_source", "currency"):
        assert row[name] == f"'{text}"
    assert row["scale"] == "-0.01"


@formulas
def test_a_ledger_and_a_skill_table_of_formulas_are_written_with_a_quote_before_them(text: str) -> None:
    odd = replace(OPEN, forecast=replace(OPEN.forecast, ticker=text))
    assert read(ledger_csv([odd]))[0]["ticker"] == f"'{text}"
    row = replace(TABLE.rows[0], model=text)
    assert read(skill_table_text(replace(TABLE, rows=(row,)), ".csv"))[0]["model"] == f"'{text}"


@formulas
def test_rows_of_formulas_are_appended_with_a_quote_before_them_and_found_again(text: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    for id_ in (1, 2, 2):
        append_csv(path, [(id_, {"note": text, "gain": -0.01})])
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    note = f"'{' '.join(text.splitlines())}"
    assert rows == [{"id": id_, "note": note, "gain": "-0.01"} for id_ in ("1", "2")]


@formulas
def test_saved_forecasts_of_formulas_are_inert_as_csv_and_themselves_as_parquet(text: str, tmp_path: Path) -> None:
    none, day = np.zeros(1), np.array(["2021-04-01"], dtype="datetime64[D]")
    odd = ForecastRows(text, text, 1, day, day, none, none, none, none, none, np.zeros((1, 99)))
    save_forecasts(tmp_path / "rows.csv", [odd])
    save_forecasts(tmp_path / "rows.parquet", [odd])
    with (tmp_path / "rows.csv").open(newline="") as file:
        first = next(csv.DictReader(file))
    inert = f"'{' '.join(text.splitlines())}"
    assert (first["ticker"], first["model"]) == (inert, inert)
    assert pd.read_parquet(tmp_path / "rows.parquet")["ticker"].iloc[0] == text


@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz", "rows.parquet"])
def test_a_table_of_forecasts_has_every_number_to_the_last_digit(name: str, tmp_path: Path) -> None:
    random, days = np.random.default_rng(3), np.arange("2021-04-01", "2021-04-05", dtype="datetime64[D]")
    first, second, third = (random.normal(size=4) * 10.0 ** random.integers(-9, 9, 4) for _ in range(3))
    quantiles_NQ = np.sort(random.normal(size=(4, 99)), axis=1)
    parts = [
        ForecastRows(
            "A, B", model, horizon, days, days + np.timedelta64(horizon, "D"), first, second, third,
            np.full(4, np.nan), third, quantiles_NQ,
        )
        for model, horizon in (("lstm", 1), ("har-t", 2))
    ]  # fmt: skip
    save_forecasts(tmp_path / name, parts)
    again = tmp_path / f"again-{name}"
    save_forecasts(again, parts)
    assert again.read_bytes() == (tmp_path / name).read_bytes()
    if name.endswith("parquet"):
        found = pd.read_parquet(again)
    else:  # as texts, which Python then reads: pandas's own numbers are not exact in every release
        texts = pd.read_csv(again, dtype=str)
        days_of = dict.fromkeys(("origin", "target_session"), "datetime64[s]")
        found = texts.astype({column: days_of.get(column, float) for column in texts.columns[2:]})
    assert list(found["ticker"]) == ["A, B"] * 8
    assert list(found["model"]) == ["lstm"] * 4 + ["har-t"] * 4
    assert list(found["horizon"]) == [1] * 4 + [2] * 4
    np.testing.assert_array_equal(found["target_session"], np.concatenate([rows.target_sessions for rows in parts]))
    scores = found.loc[:3, ["last_close", "realised_return", "crps"]]
    np.testing.assert_array_equal(scores.T, [first, second, third])
    assert found["log_score"].isna().all()
    np.testing.assert_array_equal(found.filter(regex=r"^q\d\d$")[4:], quantiles_NQ)
