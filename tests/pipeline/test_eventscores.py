"""Scores on reaction days and on others: against the rows of the forecasts, for one ticker and for several."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from stockcast.config import NetworkConfig, TrainingConfig
from stockcast.config.models import BacktestConfig
from stockcast.evaluation.eventscores import pooled_event_scores
from stockcast.evaluation.verdict import ALL, BacktestResult
from stockcast.pipeline.judging import judged, pooled
from stockcast.pipeline.walking import Walk
from stockcast.prices.events import AFTER, BEFORE, UNKNOWN, EventDates
from stockcast.prices.history import Floats, History
from stockcast.progress import Silent
from stockcast.windows.events import features_with_events
from stockcast.windows.features import BURN_IN
from stockcast.windows.splits import Fold, Part, Split
from tests import synthetic

CONFIG = BacktestConfig(
    network=NetworkConfig(hidden_size=3, lookback=15),
    training=TrainingConfig(seeds=1, steps=3, chunk=40, warmup=10, final_fit=False),
    baselines=("har-t", "har-t-events", "garch-t"),
)
TEST = Part(430, 690)


@cache
def history(seed: int, ticker: str) -> History:
    """Reports every quarter, before the session and after it."""
    return synthetic.reporting(synthetic.history(700, seed=seed, ticker=ticker), whens=(BEFORE, AFTER), every=21)


def walked(h: History) -> BacktestResult:
    """The test part as a walk of one fold."""
    f = features_with_events(h)
    config = CONFIG if h.events is not None else replace(CONFIG, baselines=("har-t", "garch-t"))
    split = Split(f.session_returns.dates, 1, Part(BURN_IN, 300), Part(300, TEST.start), TEST)
    walk, fold = Walk(h, f, config, None, Silent()), Fold(1, split)
    return judged(walk, [fold], [walk.fold(fold, 1)], keep_rows=True, in_depth=False)


@cache
def judged_history(seed: int, ticker: str) -> BacktestResult:
    return walked(history(seed, ticker))


def reacting(h: History, result: BacktestResult) -> np.ndarray:  # type: ignore[type-arg]
    """Whether each target session is the one of a report before it, or the one after that of a report after it."""
    assert h.events is not None
    days = np.asarray(h.dates)
    known = zip(h.events.newest.days, h.events.newest.whens, strict=True)
    rows = [int(np.searchsorted(days, day)) + (when == AFTER) for day, when in known]
    return np.isin(result.rows[0].target_sessions, days[[row for row in rows if row < len(days)]])


def means(crps_N: Floats, days_N: np.ndarray) -> float:  # type: ignore[type-arg]
    return float(sum(crps_N[days_N].tolist()) / int(days_N.sum()))


def test_the_days_are_those_of_the_reports_and_the_figures_those_of_the_forecasts() -> None:
    h, result = history(3, "FAKE"), judged_history(3, "FAKE")
    reacts_N = reacting(h, result)
    assert reacts_N.sum() > 10
    by_model = {score.model: score for score in result.event_scores}
    assert list(by_model) == ["lstm", *CONFIG.baselines]
    ours = next(rows for rows in result.rows if rows.model == "lstm")
    for rows in result.rows:
        found = by_model[rows.model]
        assert found.ticker == "FAKE"
        for score, days_N in ((found.reaction, reacts_N), (found.other, ~reacts_N)):
            low, high = rows.quantiles_NQ[days_N][:, [4, 94]].T
            held = (low <= rows.realised_return[days_N]) & (rows.realised_return[days_N] <= high)
            assert score.n == days_N.sum()
            assert score.crps == pytest.approx(means(rows.crps, days_N), rel=1e-12)
            assert score.coverage_90 == pytest.approx(held.mean())
            assert score.coverage_50 < score.coverage_90
            if rows.model == "lstm":
                assert score.network_skill is None
            else:
                skill = 1 - means(ours.crps, days_N) / means(rows.crps, days_N)
                assert score.network_skill == pytest.approx(skill, abs=1e-12)


def test_both_kinds_of_days_together_are_the_test_part() -> None:
    result = judged_history(3, "FAKE")
    for score, found in zip(result.scores, result.event_scores, strict=True):
        days = found.reaction.n, found.other.n
        assert sum(days) == score.n
        for name in ("crps", "coverage_50", "coverage_90"):
            both = [getattr(found.reaction, name), getattr(found.other, name)]
            assert np.average(both, weights=days) == pytest.approx(getattr(score, name), rel=1e-12)


def test_who_knows_the_dates_holds_more_reactions_and_nobody_else_does() -> None:
    by_model = {score.model: score for score in judged_history(3, "FAKE").event_scores}
    assert by_model["har-t"].reaction.coverage_90 < 0.7 < by_model["har-t-events"].reaction.coverage_90
    assert by_model["har-t"].other.coverage_90 == pytest.approx(by_model["har-t-events"].other.coverage_90, abs=0.05)


def test_without_dates_nothing_is_told_apart() -> None:
    result = walked(replace(history(3, "FAKE"), events=None))
    assert result.event_scores == ()
    assert pooled([result, replace(result, ticker="TWIN")]).event_scores == ()


def test_without_a_report_in_the_test_part_nothing_is_told_apart_and_days_without_known_dates_are_left_out() -> None:
    h = history(3, "FAKE")
    assert h.events is not None
    newest = h.events.newest

    def until(last: int, hour: str | None = None) -> History:
        kept = newest.days <= h.dates[last]
        whens = tuple(hour or when for when, there in zip(newest.whens, kept, strict=True) if there)
        dates = EventDates(newest.days[kept], whens, "made-up")
        return replace(h, events=replace(h.events, snapshots=(dates,)))

    assert walked(until(TEST.start)).event_scores == ()
    # The last report of the test part is in its first tenth: from 200 days after it on nothing is known.
    assert walked(until(TEST.start + 30)).event_scores[0].other.n < len(TEST) - 80
    # Nobody knows the hour: both sessions count, or the likelier one.
    unsure = walked(until(699, UNKNOWN)).event_scores[0]
    assert unsure.reaction.n >= judged_history(3, "FAKE").event_scores[0].reaction.n - 2


def test_tickers_together_count_every_day_alike() -> None:
    results = [judged_history(3, "FAKE"), judged_history(4, "TWIN")]
    found = pooled(results).event_scores
    assert [score.model for score in found] == ["lstm", *CONFIG.baselines]
    for score in found:
        assert score.ticker == ALL
        alone = [next(one for one in result.event_scores if one.model == score.model) for result in results]
        assert score.reaction.n == sum(one.reaction.n for one in alone)
        total = sum(one.reaction.n * one.reaction.crps for one in alone)
        assert score.reaction.crps == pytest.approx(total / score.reaction.n, rel=1e-12)
    by_model = {score.model: score for score in found}
    ratio = by_model["lstm"].reaction.crps / by_model["garch-t"].reaction.crps
    assert by_model["garch-t"].reaction.network_skill == pytest.approx(1 - ratio)
    assert pooled_event_scores(ALL, [results[0].event_scores, ()], "lstm") == ()
