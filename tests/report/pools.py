"""Hand-built pools: what `pipeline.train_pool_from` could have returned."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

from stockcast.evaluation.calibration import CoverageTable
from stockcast.evaluation.calibrationeffects import CalibrationEffect
from stockcast.evaluation.scores import Comparison
from stockcast.evaluation.verdict import BacktestResult, BacktestSummary, PooledComparison
from stockcast.results import PoolResult
from tests.report.backtests import BACKTESTED, FOLDS
from tests.report.samples import SENTENCE, TRAINED, VERDICT, score


def member(ticker: str, skill: float, p: float = 0.02) -> BacktestResult:
    """A ticker on which the network is that much better than HAR-t, and half a per cent more than GARCH-t."""
    scores = (
        score("lstm", "network", 0.01 * (1 - skill)), score("har-t", "baseline", 0.01),
        score("garch-t", "baseline", 0.01005),
    )  # fmt: skip
    return replace(
        BACKTESTED,
        ticker=ticker,
        folds=FOLDS[:1],
        scores=tuple(replace(found, ticker=ticker) for found in scores),
        comparisons=(
            Comparison(ticker, "lstm", "har-t", skill, p),
            Comparison(ticker, "lstm", "garch-t", skill + 0.005, p / 2),
        ),
        validation_crps={"lstm": 0.0109, "har-t": 0.01101, "garch-t": 0.0112},
        calibration=None,
        economics=(),
        left_out=(),
    )


def pool(**skills: float) -> PoolResult:
    """A pool of tickers by their skill over HAR-t."""
    results = tuple(member(ticker, skill) for ticker, skill in skills.items())
    nothing = CoverageTable((), 0.0, None)
    return PoolResult(
        model="two",
        model_id="0123456789abcdef",
        cell="lstm",
        members=tuple(skills),
        untested=(),
        market=True,
        splits=TRAINED.splits,
        summary=BacktestSummary(
            results=results,
            pooled=(
                PooledComparison("lstm", "har-t", 0.0044, 0.0312, 379, len(skills), 1, 1),
                PooledComparison("lstm", "garch-t", 0.0094, 0.0001, 379, len(skills), 2, 2),
            ),
            mean_crps={"lstm": 0.00996, "har-t": 0.01, "garch-t": 0.01005},
            confidence_set={"lstm": 1.0},
            calibrated=(CalibrationEffect("none", 0.912, nothing, nothing, 0.0872),),
        ),
        verdict=replace(VERDICT, served_by="lstm", served_because="ahead"),
        sentences=dict.fromkeys(skills, SENTENCE),
        adjusted_p=dict.fromkeys(skills, 0.03),
        scored_cutoff=date(2019, 9, 30),
        served_cutoff=date(2021, 3, 31),
        steps=(60, 70),
        curves=(),
        path=Path("/home/nobody/models/two"),
    )


POOL = pool(AAPL=0.008, MSFT=-0.002)
