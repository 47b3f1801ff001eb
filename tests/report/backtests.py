"""Hand-built backtests: what `pipeline.backtest` could have returned."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from math import nan

from stockcast.evaluation.calibration import CalibrationReport, CoverageTable, CoverageTests, GroupCoverage, Uniformity
from stockcast.evaluation.economics import Economics
from stockcast.evaluation.scores import Comparison
from stockcast.evaluation.verdict import BacktestResult, BacktestSummary, FoldSummary, PooledComparison
from stockcast.results import BacktestPlan
from tests.report.samples import TRAINED, VERDICT, score

FOLDS = (
    FoldSummary(
        number=1,
        train=(date(2010, 1, 4), date(2016, 12, 30), 1761),
        validation=(date(2017, 1, 3), date(2018, 6, 29), 376),
        test=(date(2018, 7, 2), date(2018, 12, 31), 127),
        steps={"lstm": (60, 70), "gru": (30, 10)},
        resumed=True,
        initialised_from="scratch",
        served_by={"lstm": "lstm", "gru": "har-t"},
    ),
    FoldSummary(
        number=2,
        train=(date(2010, 1, 4), date(2017, 6, 1), 1865),
        validation=(date(2017, 6, 2), date(2018, 12, 31), 397),
        test=(date(2019, 1, 2), date(2019, 12, 31), 252),
        steps={"lstm": (60, 50), "gru": (20, 10)},
        initialised_from="scratch",
        served_by={"lstm": "lstm", "gru": "har-t"},
    ),
)

PLAN = BacktestPlan("AAPL", FOLDS, 1, 4.2)

CALIBRATION = CalibrationReport(
    uniformity=Uniformity(379, (30, 40, 38, 36, 41, 37, 39, 42, 40, 36), 0.03, 0.81, 3.2, 0.95, 2.0, 0.57, 0.4, 0.53),
    coverage=CoverageTests(379, 0.9, 0.905, 0.1, 0.75, nan, 1.0, nan, 1.0),
    by_year=CoverageTable(
        (GroupCoverage("2018", 127, 0.874, -0.026), GroupCoverage("2019", 252, 0.92, 0.02)),
        0.023,
        GroupCoverage("2018", 127, 0.874, -0.026),
    ),
    by_decile=CoverageTable((), nan, None),
)

ECONOMICS = tuple(
    Economics(name, 379, 5.0, 0.071, 0.13, 0.59, 0.58, 0.198, turnover, costs, None)
    for name, turnover, costs in (("buy-and-hold", 0.3, 2294.8), ("sign", 15.0, 72.5), ("volatility-scaled", 0.0, None))
)

BACKTESTED = BacktestResult(
    ticker="AAPL",
    network="lstm",
    data_sha256="ff" * 32,
    folds=FOLDS,
    scores=(*TRAINED.scores, score("gru", "network", 0.0115)),
    comparisons=(*TRAINED.comparisons, Comparison("AAPL", "gru", "har-t", -0.0227, 0.9)),
    validation_crps={"lstm": 0.0109, "gru": 0.011, "har-t": 0.01088, "drift": nan},
    verdict=VERDICT,
    calibration=CALIBRATION,
    economics=ECONOMICS,
    left_out=("fhs-garch",),
    notes=("2 rows are duplicates of the row before",),
)

ALONE = BacktestSummary((BACKTESTED,), (), {"lstm": 0.0112, "har-t": 0.011245}, {"lstm": 1.0, "har-t": 0.34})

SEVERAL = BacktestSummary(
    results=(BACKTESTED, replace(BACKTESTED, ticker="MSFT", network="gru", calibration=None, economics=())),
    pooled=(
        PooledComparison("lstm", "har-t", 0.0044, 0.0312, 379, 2, 1, 0),
        PooledComparison("lstm", "drift", 0.15, 0.00001, 379, 2, 2, 2),
    ),
    mean_crps={"lstm": 0.0112, "har-t": 0.011245, "drift": 0.0132},
    confidence_set={"lstm": 1.0, "har-t": 0.2},
)

AHEAD = replace(
    ALONE,
    results=(
        replace(
            BACKTESTED,
            scores=(
                *BACKTESTED.scores,
                *(replace(found, horizon=2, n=373, coverage_90=0.771) for found in BACKTESTED.scores),
            ),
            comparisons=(
                *BACKTESTED.comparisons,
                *(replace(found, horizon=2, crps_skill=-0.0123, dm_p=0.88) for found in BACKTESTED.comparisons),
            ),
            economics=tuple(replace(strategy, deflated_sharpe_p=0.31) for strategy in ECONOMICS),
        ),
    ),
)
"""Two sessions ahead, several strategies tried."""
