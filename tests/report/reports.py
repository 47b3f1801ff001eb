"""A report of simulated forecasts: what `pipeline.report` could have returned, without training anything."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from stockcast.evaluation.calibration import calibration, inside
from stockcast.evaluation.calibrationeffects import CalibrationEffect
from stockcast.evaluation.metrics import crps_student_t
from stockcast.evaluation.scores import ForecastRows
from stockcast.evaluation.verdict import BacktestResult
from stockcast.models.ensemble import LossCurve
from stockcast.models.recalibration import causal_deciles
from stockcast.report.html import report_html
from stockcast.results import FanStep, Report
from tests.report.backtests import BACKTESTED, FOLDS

ROWS = 420
NU = 5.0
LEVELS = np.arange(1, 100) / 100
SESSIONS = np.busday_offset("2018-05-24", np.arange(ROWS + 1), roll="forward")


def _curves(fold: int) -> dict[str, tuple[LossCurve, ...]]:
    """Two members that learn for a while and then unlearn."""
    steps = tuple(range(0, 101, 10))
    losses = tuple(1.3 - 0.03 * (1.0 - math.exp(-step / 25)) + 0.0001 * step * fold for step in steps)
    members = tuple(
        LossCurve(seed, steps, (None, *losses[1:]), tuple(loss + 0.001 * seed for loss in losses), 50)
        for seed in range(2)
    )
    return {"lstm": members}


def _record(
    model: str, scale_N: NDArray[np.float64], y_N: NDArray[np.float64], close_N: NDArray[np.float64]
) -> ForecastRows:
    """Student-t forecasts with those scales."""
    quantiles_Q = student.ppf(LEVELS, NU)
    return ForecastRows(
        ticker="AAPL",
        model=model,
        horizon=1,
        origins=SESSIONS[:-1],
        target_sessions=SESSIONS[1:],
        last_close=close_N[:-1],
        realised_return=y_N,
        crps=crps_student_t(y_N, np.zeros(ROWS), scale_N, np.full(ROWS, NU)),
        log_score=np.asarray(student.logpdf(y_N / scale_N, NU) - np.log(scale_N)),
        pit=np.asarray(student.cdf(y_N / scale_N, NU)),
        quantiles_NQ=scale_N[:, None] * quantiles_Q,
    )


def _fan(close: float, steps: int) -> tuple[FanStep, ...]:
    days = np.busday_offset(SESSIONS[-1], np.arange(1, steps + 1)).astype(object)
    return tuple(
        FanStep(
            horizon=step,
            target_session=day,
            median=close,
            quantiles={
                level: close * math.exp(0.012 * math.sqrt(step) * float(student.ppf(level, NU)))
                for level in (0.05, 0.25, 0.5, 0.75, 0.95)
            },
        )
        for step, day in enumerate(days, start=1)
    )


def _report() -> Report:
    rng = np.random.default_rng(7)
    scale_N = 0.01 * np.exp(0.4 * np.sin(np.arange(ROWS) / 40))
    y_N = scale_N * rng.standard_t(NU, ROWS)
    close_N = 150.0 * np.exp(np.concatenate([[0.0], np.cumsum(y_N)]))
    wrong_N = np.full(ROWS, 0.01)
    records = {
        "lstm": scale_N,
        "har-t": scale_N * np.exp(0.2 * rng.normal(size=ROWS)),
        "garch-t": 1.25 * scale_N,
        "random-walk": wrong_N,
        "drift": 2.0 * wrong_N,
    }
    rows = tuple(_record(model, scale, y_N, close_N) for model, scale in records.items())
    network = rows[0]
    held = calibration(network.pit, inside(network.pit), causal_deciles(scale_N), network.target_sessions)
    result: BacktestResult = replace(
        BACKTESTED,
        folds=tuple(replace(fold, curves=_curves(fold.number)) for fold in FOLDS),
        rows=(*rows, replace(network, horizon=2, crps=np.full(ROWS, 9.0))),
        calibration=held,
        calibrated=(CalibrationEffect("none", 0.9, held.by_year, held.by_decile, 0.045),),
    )
    dates: list[date] = SESSIONS.astype(object).tolist()
    return Report(
        result=result,
        confidence_set={"lstm": 1.0, "har-t": 0.34},
        dates=tuple(dates[-150:]),
        closes=tuple(close_N[-150:].tolist()),
        currency="USD",
        fan=_fan(float(close_N[-1]), 5),
        forecaster="lstm",
        configuration={"lookback": "60", "refit every": "year"},
        source="AAPL.csv",
        created_at="2021-04-06T22:00:00+00:00",
        version="0.1.0",
    )


REPORT = _report()


@cache
def page() -> str:
    """REPORT as HTML, drawn once."""
    return report_html(REPORT)


BARE = replace(
    REPORT,
    result=replace(
        BACKTESTED, folds=FOLDS[:1], rows=(), calibration=None, calibrated=(), economics=(), left_out=(), notes=()
    ),
    confidence_set={},
    dates=(),
    closes=(),
    currency=None,
    fan=(),
    configuration={},
)
"""A report with as little in it as there can be."""
