"""The verdict on a pool: one baseline for all tickers, chosen beforehand; p-values that allow for many tickers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from stockcast.evaluation.scores import ForecastRows
from stockcast.evaluation.serving import Choice
from stockcast.evaluation.significance import benjamini_hochberg
from stockcast.evaluation.verdict import (
    BacktestResult,
    PooledComparison,
    adjusted_p,
    direction_p,
    pooled_verdict,
    sentences,
    strongest_on,
)
from stockcast.prices.history import ONE_DAY
from tests.report.pools import member

SERVED = Choice("lstm", "ahead", "har-t")
P_VALUES = (0.001, 0.02, 0.03, 0.2, 0.9)


def results() -> list[BacktestResult]:
    return [member(f"T{k}", 0.004, p) for k, p in enumerate(P_VALUES)]


def rows(ticker: str, medians: np.ndarray, returns: np.ndarray) -> ForecastRows:
    """Forecasts of one competitor, of which the medians alone were kept."""
    days = np.datetime64("2020-01-01") + np.arange(len(returns))
    none = np.zeros(len(returns))
    return ForecastRows(ticker, "lstm", 1, days - ONE_DAY, days, none, returns, none, none, none, medians[:, None])


def test_the_strongest_baseline_is_the_one_that_was_best_relative_to_the_others_of_a_ticker() -> None:
    calm = {"lstm": 0.0001, "har-t": 0.0010, "garch-t": 0.0012}
    wild = {"lstm": 0.0001, "har-t": 0.0505, "garch-t": 0.0500}
    # The sum of both would name GARCH, since the wild ticker's figures are larger.
    assert strongest_on("lstm", [calm, wild]) == "har-t"


def test_a_baseline_that_one_ticker_lacks_is_not_chosen_and_the_network_never_is() -> None:
    best = {"lstm": 0.1, "har-t": 0.9, "garch-t": 0.5}
    assert strongest_on("lstm", [best, {"lstm": 0.1, "har-t": 0.9}]) == "har-t"


def test_p_values_of_tickers_are_adjusted_together() -> None:
    found = adjusted_p("lstm", results(), "har-t")
    assert list(found) == ["T0", "T1", "T2", "T3", "T4"]
    assert list(found.values()) == pytest.approx(benjamini_hochberg(P_VALUES).tolist())


def test_a_ticker_claims_no_skill_that_the_number_of_tickers_explains() -> None:
    said = sentences("lstm", results(), "har-t", SERVED)
    assert said["T0"].startswith("Intervals: better than the strongest baseline (HAR-t) by 0.4 %")
    assert said["T2"].startswith(
        "Intervals: no evidence of skill over the strongest baseline (HAR-t; +0.4 %, p = 0.050"
    )
    assert all("allow for 5 tickers" in sentence for sentence in said.values())
    (alone,) = sentences("lstm", results()[:1], "har-t", SERVED).values()
    assert "allow for" not in alone


def test_the_sentence_names_who_serves_and_not_who_was_strongest() -> None:
    said = sentences("lstm", results(), "garch-t", Choice("har-t", "not ahead", "garch-t"))["T0"]
    assert "did not beat GARCH-t on the validation part, so HAR-t makes the forecasts." in said
    said = sentences("lstm", results(), "garch-t", Choice("lstm", "not worse", "har-t"))["T0"]
    assert "did not beat GARCH-t on the validation part, but beat HAR-t, so it makes the forecasts." in said


def test_the_pool_is_judged_by_its_pooled_comparisons() -> None:
    draw = np.random.default_rng(0)
    scored = [
        replace(found, rows=(rows(found.ticker, draw.standard_normal(60), draw.standard_normal(60)),))
        for found in results()
    ]
    pooled = [
        PooledComparison("lstm", "har-t", 0.0044, 0.03, 60, 5, 4, 2),
        PooledComparison("lstm", "garch-t", 0.009, 0.0001, 60, 5, 5, 4),
    ]
    found = pooled_verdict("lstm", scored, pooled, "har-t", SERVED)
    assert (found.crps_skill, found.dm_p, found.garch_skill, found.garch_p) == (0.0044, 0.03, 0.009, 0.0001)
    assert found.sentence.startswith("Intervals: better than the strongest baseline (HAR-t) by 0.4 % (p = 0.03)")
    assert found.coverage_90 == pytest.approx(0.905)
    assert 0.0 <= found.point_p <= 1.0
    with pytest.raises(ValueError, match="not compared with drift"):
        pooled_verdict("lstm", scored, pooled, "drift", SERVED)


def test_direction_called_right_is_found_and_direction_by_chance_is_not() -> None:
    draw = np.random.default_rng(1)
    returns = [draw.standard_normal(250) for _ in range(4)]
    right = [np.where(draw.random(250) < 0.6, y, -y) for y in returns]
    assert direction_p([rows(f"T{k}", m, y) for k, (m, y) in enumerate(zip(right, returns, strict=True))]) < 0.001
    chance = [
        direction_p([rows(f"T{k}", draw.standard_normal(250), y) for k, y in enumerate(returns)]) for _ in range(100)
    ]
    assert stats.kstest(chance, "uniform").pvalue > 0.001
    assert direction_p([rows("T", np.ones(250), returns[0])]) == 1.0
