"""Hand-built results of a life with a provider: fetches, runs, scores and a ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from math import log, nan

from stockcast.evaluation.liverecord import LiveComparison, LiveScore, ScoreResult
from stockcast.forecasts import BaselineScore, LedgerRow, Outcome
from stockcast.results import FetchResult, TickerRun
from tests.report.samples import FORECAST, PENNY, SECOND_STEP

THURSDAY, MONDAY = date(2021, 4, 1), date(2021, 4, 5)
GAP = (date(2021, 3, 29), date(2021, 3, 30))

FETCHED = FetchResult(
    ticker="AAPL", exchange="XNYS", currency="USD", first=date(1980, 12, 12), last=THURSDAY, sessions=10158, added=1,
    corrected=0, restated=None, asked=True, completed=THURSDAY, age_sessions=0,
)  # fmt: skip

OUTCOME = Outcome(
    settled_at="2021-04-01T21:00:00+00:00", realised_return=log(1.01), crps=0.008, log_score=2.5, pit=0.7, error=0.0087,
    hit_50=False, hit_90=True, interval_score_90=0.05, raw_hit_50=False, raw_hit_90=True, raw_interval_score_90=0.05,
    baselines={"har-t": BaselineScore(0.0081, 2.4, 0.71), "random-walk": BaselineScore(0.0085, None, 0.6)},
)  # fmt: skip
SETTLED = LedgerRow(
    7, "live", "2021-03-31T21:00:00+00:00", FORECAST, (-0.01, 0.011), (-0.027, 0.03), (-0.01, 0.011), (-0.027, 0.03),
    OUTCOME,
)  # fmt: skip
OPEN = replace(SETTLED, id=8, forecast=SECOND_STEP, outcome=None)
VOID = replace(SETTLED, id=9, kind="replay", forecast=PENNY, outcome=None, void="no bar on the target session")

SCORE = LiveScore(
    ticker="AAPL", model="AAPL", horizon=1, n=1234, first=date(2020, 1, 2), last=MONDAY, crps=0.0112, log_score=2.6,
    mae_ratio=1.0, coverage_50=0.52, coverage_90=0.912, coverage_90_low=0.87, coverage_90_high=0.94,
    raw_coverage_90=0.88, interval_score_90=0.05, raw_interval_score_90=0.06, pit_p=0.3,
    comparisons=(LiveComparison("har-t", 1234, 0.0123, 0.0004, 0.9996), LiveComparison("drift", 1234, nan, 1.0, 1.0)),
    rival="har-t", decayed=False, alarm="", sentence="Live record of 1,234 forecasts: better.",
)  # fmt: skip
WITHOUT_RIVAL = replace(SCORE, ticker="NEW", n=3, comparisons=(), rival=None, decayed=True, log_score=None)


def ran(**other: object) -> TickerRun:
    plain = TickerRun(
        ticker="AAPL", origin=date(2021, 3, 31), fetched=1, restated=None, settled=1, void=0, training=None, new=1,
        forecasts=(FORECAST, SECOND_STEP), missed=(),
    )  # fmt: skip
    return replace(plain, **other)  # type: ignore[arg-type]


def scored(*scores: LiveScore, missed: Mapping[str, tuple[date, ...]] | None = None, **counts: int) -> ScoreResult:
    return ScoreResult(scores, (), counts.get("waiting", 0), counts.get("void", 0), missed or {}, "The verdict.")


FETCHES = (
    FETCHED,
    replace(FETCHED, ticker="BRK-B", asked=False, age_sessions=3, currency=None),
    replace(FETCHED, ticker="MSFT", restated="history restated by the provider"),
)
ROWS = (SETTLED, replace(SETTLED, id=10, outcome=replace(OUTCOME, hit_90=False)), OPEN, VOID)
SCORED = scored(SCORE, WITHOUT_RIVAL, waiting=1, void=2, missed={"AAPL": GAP})
