"""Hand-built results: what `pipeline` could have returned, without training anything."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from math import nan
from pathlib import Path
from typing import Any

from stockcast.evaluation.scores import Comparison, Score
from stockcast.evaluation.serving import InitialResult
from stockcast.evaluation.verdict import Verdict
from stockcast.forecasts import Forecast, ForecastEvent
from stockcast.report.tables import Table
from stockcast.results import TrainResult
from stockcast.storage.modelfile import ModelSummary
from stockcast.windows.splits import PartSummary


def by_name(table: Table[Any]) -> dict[str, dict[str, str]]:
    """The cells of a table by its rows' names and its columns' titles."""
    titles = [column.title.replace("\n", " ") for column in table.columns]
    return {cells[0]: dict(zip(titles, cells, strict=True)) for cells in table.cells}


SENTENCE = (
    "Intervals: better than the strongest baseline (HAR-t) by 0.4 % (p = 0.02) and than GARCH by 0.9 % (p = 0.003). "
    "Price direction: no evidence of skill (p = 0.41)."
)

FORECAST = Forecast(
    ticker="AAPL",
    model="AAPL",
    model_id="0123456789abcdef",
    served_by="har-t",
    cell="lstm",
    origin=date(2021, 3, 31),
    target_session=date(2021, 4, 1),
    horizon=1,
    last_close=122.15,
    median=122.31,
    mean=122.33,
    quantiles={"0.05": 118.9, "0.25": 121.1, "0.5": 122.31, "0.75": 123.52, "0.95": 125.8},
    p_up=0.531,
    scale=0.0142,
    currency="USD",
    data_sha256="ff" * 32,
    data_source="AAPL.csv",
    data_age_sessions=3,
    created_at="2021-04-06T22:00:00+00:00",
    verdict=SENTENCE,
    recent_closes=(*(121.0 + step % 4 for step in range(29)), 122.15),
)

EVENT = ForecastEvent(
    kind="earnings",
    day=date(2021, 4, 1),
    when="amc",
    sessions=(date(2021, 4, 5),),
    probability=1.0,
    source="yahoo",
    as_of=date(2021, 3, 30),
    width_factor=2.413,
)
SECOND_STEP = replace(FORECAST, horizon=2, target_session=date(2021, 4, 5), median=122.4)
REACTING = replace(SECOND_STEP, served_by="har-t-events", event=EVENT)
"""A second step whose session reacts to a report."""

PENNY = replace(
    FORECAST,
    ticker="PENNY",
    model="PENNY",
    model_id="fedcba",
    last_close=0.01234,
    median=0.0124,
    mean=nan,
    quantiles={"0.05": 0.011, "0.25": 0.0121, "0.5": 0.0124, "0.75": 0.0127, "0.95": 0.0139},
    currency=None,
    data_age_sessions=0,
    recent_closes=(),
)


def score(model: str, kind: str, crps: float, log_score: float | None = 2.61) -> Score:
    """A competitor whose other figures hang on its CRPS."""
    return Score(
        ticker="AAPL",
        model=model,
        kind=kind,
        n=377,
        crps=crps,
        log_score=log_score,
        pinball=crps / 2,
        interval_score_90=crps * 8,
        coverage_50=0.512,
        coverage_90=0.905,
        mae_ratio=1.001,
        rmse_ratio=0.999,
        mape_ratio=1.002,
        hit_rate=0.528,
        always_up=0.534,
    )


VERDICT = Verdict(
    sentence=SENTENCE,
    strongest_baseline="har-t",
    crps_skill=0.004,
    dm_p=0.02,
    garch_skill=0.009,
    garch_p=0.003,
    point_ratio=1.001,
    point_p=nan,
    hit_rate=0.528,
    always_up=0.534,
    direction_p=0.41,
    coverage_50=0.512,
    coverage_90=0.905,
    served_by="har-t",
    served_because="not ahead",
    served_p=None,
)

TRAINED = TrainResult(
    ticker="AAPL",
    model="AAPL",
    model_id="0123456789abcdef",
    cell="lstm",
    splits={
        "train": PartSummary(date(2010, 1, 5), date(2017, 6, 1), 1865),
        "validation": PartSummary(date(2017, 6, 2), date(2019, 9, 30), 377),
        "test": PartSummary(date(2019, 10, 1), date(2021, 3, 31), 377),
    },
    scores=(
        score("random-walk", "baseline", 0.01212, log_score=None),
        score("lstm", "network", 0.01120),
        score("har-t", "baseline", 0.011245),
        score("garch-t", "baseline", 0.0113),
        score("drift", "baseline", nan, log_score=nan),
    ),
    comparisons=(
        Comparison("AAPL", "lstm", "random-walk", 0.0759, 0.0001),
        Comparison("AAPL", "lstm", "har-t", 0.004, 0.02),
        Comparison("AAPL", "lstm", "garch-t", 0.00885, 0.003),
        Comparison("AAPL", "lstm", "drift", nan, nan),
    ),
    validation_crps={"lstm": 0.0109, "har-t": 0.01088, "drift": nan},
    verdict=VERDICT,
    forecasts=(FORECAST,),
    scored_cutoff=date(2019, 9, 30),
    served_cutoff=date(2021, 3, 31),
    steps=(60, 70, 60, 80),
    notes=("2 rows are duplicates of the row before",),
    path=Path("/home/nobody/models/AAPL"),
)

KEPT = replace(
    TRAINED,
    ticker="KEPT",
    init=InitialResult("general", "aa", "bb", True, 0.0110, 0.010989, 0.26),
    verdict=replace(VERDICT, served_by="lstm", served_because="ahead"),
)
TUNED = replace(
    TRAINED,
    ticker="TUNED",
    init=InitialResult("sp500", "aa", "bb", False, 0.0110, 0.0108, 0.012),
    scores=(),
    comparisons=(),
    forecasts=(),
    served_cutoff=TRAINED.scored_cutoff,
)

MODEL = ModelSummary(
    name="AAPL",
    path=Path("/home/nobody/models/AAPL"),
    manifest={
        "ticker": "AAPL",
        "served_by": "har-t",
        "config": {"network": {"cell": "gru", "lookback": 60}, "horizon": 1},
        "features": [f"feature{k}" for k in range(12)],
        "scored": {"cutoff": "2019-09-30", "baselines": {"har-t": {"nu": 4.5}}},
        "served": {"cutoff": "2021-03-31", "baselines": {}},
        "seeds": [0, 1, 2, 3],
        "validation_crps": {"drift": nan},
    },
)

DAMAGED = ModelSummary(name="MSFT", path=Path("/home/nobody/models/MSFT"), damage="the manifest is no JSON")
