"""Policies judged: the sentence says what the test found, figures are those of every strategy, luck is deflated."""

from __future__ import annotations

import math

import numpy as np
import pytest

from stockcast.evaluation.economics import BUY_AND_HOLD, PolicyVerdict, TradingRules, assess, economics, traded
from stockcast.evaluation.policies import judged_policies
from stockcast.evaluation.sharpe import Trials, sharpe_difference

N = 1500
Y = np.random.default_rng(0).normal(0.0003, 0.01, N)
SIGNAL, VOLATILITY = np.random.default_rng(1).normal(size=N), np.full(N, 0.01)
RULES = TradingRules(cost_bp=5.0)


def judge(position: np.ndarray, rules: TradingRules = RULES) -> PolicyVerdict:
    _, (verdict,) = judged_policies(Y, {"policy": position}, {}, rules)
    return verdict


def test_a_policy_that_knew_the_next_close_shows_skill_and_says_so() -> None:
    found = judge(np.sign(Y))
    assert found.sentence.startswith("Policy: evidence of skill over holding (Sharpe +")
    assert found.sentence.endswith("p < 0.001, after 5 bp).")


def test_a_policy_that_holds_all_the_time_is_not_better_than_holding() -> None:
    found = judge(np.ones(N))
    assert (found.sharpe_difference, found.p_value) == (0.0, 1.0)
    assert found.sentence == "Policy: no evidence of skill over holding (Sharpe +0.00, p = 1.00, after 5 bp)."


def test_a_policy_that_holds_nothing_has_no_ratio_and_says_why() -> None:
    found = judge(np.zeros(N))
    assert math.isnan(found.sharpe_difference)
    assert found.p_value == 1.0
    assert found.sentence == "Policy: no evidence of skill over holding (it held nothing)."


def test_the_difference_is_that_of_net_returns_per_year() -> None:
    position, rules = np.tanh(SIGNAL), TradingRules(cost_bp=2.0)
    test = sharpe_difference(traded(Y, position).net(2.0), traded(Y, np.ones(N)).net(2.0))
    found = judge(position, rules)
    assert found.sharpe_difference == pytest.approx(test.value * math.sqrt(252))
    assert (found.p_value, found.cost_bp) == (test.p_value, 2.0)
    assert judge(position, TradingRules(cost_bp=20.0)).sharpe_difference < found.sharpe_difference


def test_its_figures_are_deflated_by_every_rule_and_policy_that_was_tried() -> None:
    held = {"policy": np.tanh(SIGNAL), "policy (long only)": (SIGNAL > 0).astype(float)}
    tried = {"lstm": (SIGNAL, VOLATILITY), "gru": (-SIGNAL, VOLATILITY)}
    rows, verdicts = judged_policies(Y, held, tried, RULES)
    rules = [one for forecast in tried.values() for one in economics(Y, *forecast, RULES)]
    alone = [assess(name, traded(Y, position), RULES) for name, position in held.items()]
    trials = Trials.of([one.sharpe for one in (*rules, *alone) if one.strategy != BUY_AND_HOLD])
    assert trials.number == 3 + 3 + 2
    assert rows == tuple(assess(name, traded(Y, position), RULES, trials) for name, position in held.items())
    assert [one.strategy for one in rows] == [one.strategy for one in verdicts] == list(held)
    assert [verdict.sentence.partition(":")[0] for verdict in verdicts] == ["Policy", "Policy (long only)"]


def test_without_policies_there_is_nothing_to_judge() -> None:
    assert judged_policies(Y, {}, {"lstm": (SIGNAL, VOLATILITY)}, RULES) == ((), ())


def test_positions_that_know_nothing_are_seldom_called_skill() -> None:
    # Of 400 at 5 % a count has a standard deviation of 4.4.
    rng, claims = np.random.default_rng(2), 0
    for _ in range(400):
        y, position = rng.normal(0.0, 0.01, 750), np.tanh(np.cumsum(rng.normal(0.0, 0.2, 750)))
        _, (verdict,) = judged_policies(y, {"policy": position}, {}, TradingRules(cost_bp=0.0))
        claims += verdict.p_value < 0.05
    assert 8 <= claims <= 33
