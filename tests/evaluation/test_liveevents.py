"""The live record on reaction days and on others: figures by hand, and which forecasts count."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from statistics import fmean

import pytest

from stockcast.evaluation.liveevents import live_event_scores
from stockcast.evaluation.verdict import ALL
from stockcast.forecasts import EARNINGS, BaselineScore, ForecastEvent, LedgerRow, Outcome
from stockcast.report.live import score_text
from stockcast.report.text import Page
from tests.report.lives import OUTCOME, SCORED, SETTLED

FIRST = date(2024, 1, 2)


def row(day: int, q: float | None, crps: float, pit: float = 0.5, hit: bool = True, ticker: str = "AAPL") -> LedgerRow:
    """A settled forecast of the next session, which reacts to a report with probability q; None: none is known."""
    target = FIRST + timedelta(days=day)
    event = None if q is None else ForecastEvent(EARNINGS, target, "bmo", (target,), q, "yahoo", FIRST)
    forecast = replace(SETTLED.forecast, ticker=ticker, model=ticker, target_session=target, event=event)
    baselines = {"har-t": BaselineScore(2 * crps, None, pit)}
    outcome = replace(OUTCOME, crps=crps, hit_50=False, hit_90=hit, baselines=baselines)
    return replace(SETTLED, forecast=forecast, outcome=outcome)


ROWS = [
    row(0, None, 0.01, pit=0.5),
    row(1, 0.5, 0.03, pit=0.96),
    row(2, 1.0, 0.04, pit=0.95, hit=False),
    row(3, 0.49, 0.012, pit=0.76),
    row(4, None, 0.011, pit=0.01),
]


def test_figures_are_the_means_of_the_days() -> None:
    ours, baseline = live_event_scores(ROWS)
    assert (ours.ticker, ours.model, ours.kind) == ("AAPL", "AAPL", "live")
    assert (ours.reaction.n, ours.other.n) == (2, 3)
    assert ours.reaction.crps == pytest.approx(0.035)
    assert ours.other.crps == pytest.approx(fmean([0.01, 0.012, 0.011]))
    assert (ours.reaction.coverage_90, ours.other.coverage_90, ours.other.coverage_50) == (0.5, 1.0, 0.0)
    assert ours.reaction.network_skill is None
    assert (baseline.model, baseline.kind) == ("har-t", "baseline")
    assert baseline.reaction.network_skill == pytest.approx(0.5)
    # PITs 0.96 and 0.95; 0.5, 0.76 and 0.01.
    assert (baseline.reaction.coverage_90, baseline.other.coverage_90) == (0.5, pytest.approx(2 / 3))
    assert baseline.other.coverage_50 == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    "rows",
    [
        [ROWS[0], ROWS[3], ROWS[4]],
        [ROWS[1], ROWS[2]],
        [replace(one, kind="replay") for one in ROWS],
        [replace(one, forecast=replace(one.forecast, horizon=2)) for one in ROWS],
        [replace(one, outcome=None) for one in ROWS],
        [],
    ],
    ids=["no reaction", "nothing else", "replays", "two sessions ahead", "open", "nothing"],
)
def test_without_days_of_both_kinds_nothing_is_told_apart(rows: list[LedgerRow]) -> None:
    assert live_event_scores(rows) == ()


def test_several_records_are_also_one_and_those_without_a_reaction_are_no_part_of_it() -> None:
    twins = [replace(one, forecast=replace(one.forecast, ticker="MSFT", model="MSFT")) for one in ROWS[1:4]]
    quiet = [row(day, None, 0.02, ticker="QUIET") for day in range(4)]
    found = live_event_scores([*ROWS, *twins, *quiet])
    assert [(score.ticker, score.model) for score in found] == [
        (ticker, model) for ticker in ("AAPL", "MSFT", ALL) for model in (ticker, "har-t")
    ]
    assert (found[4].reaction.n, found[4].other.n) == (4, 4)
    assert found[4].reaction.crps == pytest.approx(0.035)
    assert live_event_scores([*ROWS, *quiet]) == live_event_scores(ROWS)


def without_baseline(one: LedgerRow) -> LedgerRow:
    assert isinstance(one.outcome, Outcome)
    return replace(one, outcome=replace(one.outcome, baselines={}))


def test_a_baseline_is_held_against_the_record_on_the_days_that_both_have() -> None:
    ours, baseline = live_event_scores([without_baseline(ROWS[0]), without_baseline(ROWS[1]), *ROWS[2:]])
    assert (ours.reaction.n, baseline.reaction.n, ours.other.n, baseline.other.n) == (2, 1, 3, 2)
    assert baseline.reaction.network_skill == pytest.approx(0.5)
    assert len(live_event_scores([*map(without_baseline, ROWS[1:3]), ROWS[0]])) == 1


def test_the_text_shows_all_tickers_together_and_nothing_without_reactions() -> None:
    twins = [replace(one, forecast=replace(one.forecast, ticker="MSFT", model="MSFT")) for one in ROWS[1:4]]
    alone = score_text(replace(SCORED, event_scores=live_event_scores(ROWS)), Page(120))
    both = score_text(replace(SCORED, event_scores=live_event_scores([*ROWS, *twins])), Page(120))
    assert "2 days with the reaction to a report and 3 others" in alone
    assert "4 days with the reaction to a report and 4 others" in both
    assert "reaction" not in score_text(SCORED, Page(120))
