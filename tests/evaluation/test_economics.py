"""Tests of what trading on forecasts would have earned: hand-worked paths, share-by-share accounts, properties."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockcast.errors import ConfigError, DataError
from stockcast.evaluation.economics import (
    BUY_AND_HOLD,
    SIGN,
    SIGN_VOLATILITY,
    STRATEGIES,
    VOLATILITY,
    SharpeRatio,
    Track,
    TradingRules,
    Trials,
    annual_return,
    assess,
    chosen_economics,
    economics,
    max_drawdown,
    positions,
    traded,
)

RULES = TradingRules(target_volatility=0.16, largest_position=1.5, sessions_per_year=256)  # 0.01 a session


def market(seed: int, n: int = 500) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log returns, medians that know nothing of them, forecast volatilities."""
    rng = np.random.default_rng(seed)
    volatility = 0.01 * np.exp(rng.normal(0.0, 0.4, n))
    return rng.normal(0.0004, volatility), rng.normal(0.0, 0.001, n), volatility


def test_positions_follow_sign_and_forecast_volatility_up_to_the_cap() -> None:
    median, volatility = [0.002, -0.001, 0.0, -0.003], [0.02, 0.01, 0.04, 0.001]
    expected = {
        BUY_AND_HOLD: [1.0, 1.0, 1.0, 1.0],
        SIGN: [1.0, -1.0, 0.0, -1.0],
        VOLATILITY: [0.5, 1.0, 0.25, 1.5],
        SIGN_VOLATILITY: [0.5, -1.0, 0.0, -1.5],
    }
    assert list(expected) == list(STRATEGIES)
    for strategy, position in expected.items():
        assert positions(strategy, median, volatility, RULES) == pytest.approx(position)


def test_the_chance_of_a_rise_less_a_half_is_as_good_a_signal_as_the_median() -> None:
    p_up, volatility = np.array([0.6, 0.2, 0.5]), np.full(3, 0.01)
    assert positions(SIGN, p_up - 0.5, volatility, RULES).tolist() == [1.0, -1.0, 0.0]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_position_depends_on_a_later_forecast(strategy: str) -> None:
    _, median, volatility = market(1)
    whole = positions(strategy, median, volatility, RULES)
    for stop in (1, 77, 499):
        assert positions(strategy, median[:stop], volatility[:stop], RULES).tobytes() == whole[:stop].tobytes()


def test_a_short_path_earns_what_a_hand_works_out() -> None:
    # +10 %, -20 %, +25 % held as 1, -1, 0.5: gross 0.1, 0.2, 0.125.
    # Bought 1; it became 1, so 2 are sold; -1 became -0.8 / 1.2 = -2/3, so 7/6 are bought.
    track = traded(np.log([1.1, 0.8, 1.25]), [1.0, -1.0, 0.5])
    assert track.gross_N == pytest.approx([0.1, 0.2, 0.125])
    assert track.turnover_N == pytest.approx([1.0, 2.0, 7 / 6])
    assert track.net(100.0) == pytest.approx([0.09, 0.18, 0.125 - 0.07 / 6])


def test_a_position_that_is_kept_is_bought_once() -> None:
    y, _, _ = market(2)
    track = traded(y, np.ones_like(y))
    assert track.turnover_N[0] == 1.0
    np.testing.assert_allclose(track.turnover_N[1:], 0.0, atol=1e-12)
    np.testing.assert_allclose(np.cumprod(1.0 + track.gross_N), np.exp(np.cumsum(y)), rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(st.floats(-0.2, 0.2), st.floats(-1.5, 1.5)), min_size=1, max_size=20))
def test_the_account_is_that_of_someone_who_counts_shares_and_cash(rows: list[tuple[float, float]]) -> None:
    price, shares, cash = 50.0, 0.0, 1000.0
    gross, turnover = [], []
    for y, position in rows:
        capital = cash + shares * price
        wanted = position * capital / price
        turnover.append(abs(wanted - shares) * price / capital)
        cash, shares = cash - (wanted - shares) * price, wanted
        price *= math.exp(y)
        gross.append((cash + shares * price) / capital - 1.0)
    track = traded([y for y, _ in rows], [position for _, position in rows])
    np.testing.assert_allclose(track.gross_N, gross, atol=1e-9)
    np.testing.assert_allclose(track.turnover_N, turnover, atol=1e-9)


def test_the_drawdown_is_the_largest_fall_below_an_earlier_height() -> None:
    # 1.1, 0.55, 1.65, 1.32: half of 1.1 was lost, then a fifth of 1.65.
    assert max_drawdown([0.1, -0.5, 2.0, -0.2]) == pytest.approx(0.5)
    assert max_drawdown([-0.3, 0.5]) == pytest.approx(0.3)  # below what it started with
    assert max_drawdown([0.1, 0.2]) == 0.0
    assert max_drawdown([]) == 0.0


@settings(max_examples=60, deadline=None)
@given(net=st.lists(st.floats(-0.9, 2.0), min_size=1, max_size=25))
def test_the_drawdown_is_the_worst_of_all_pairs_of_sessions(net: list[float]) -> None:
    capital = [1.0, *np.cumprod(1.0 + np.array(net))]
    pairs = [1.0 - capital[j] / capital[i] for i in range(len(capital)) for j in range(i, len(capital))]
    assert max_drawdown(net) == pytest.approx(max(pairs), abs=1e-12)


def test_returns_are_compounded_to_a_year() -> None:
    assert annual_return(np.full(252, 0.001)) == pytest.approx(1.001**252 - 1.0)
    assert annual_return([0.21], sessions_per_year=0.5) == pytest.approx(0.1)
    assert annual_return([30.0]) == math.inf
    assert math.isnan(annual_return([]))


def test_a_loss_of_everything_ends_the_account() -> None:
    # A doubling sold short takes all the capital; what follows brings nothing back.
    track = traded([math.log(2.5), 0.1], [-1.0, 1.0])
    assert annual_return(track.net(0.0)) == -1.0
    assert max_drawdown(track.net(0.0)) == 1.0
    assert track.turnover_N.tolist() == [1.0, 1.0]


def test_the_figures_are_those_of_the_definitions() -> None:
    y, median, volatility = market(3)
    track = traded(y, positions(SIGN_VOLATILITY, median, volatility, RULES))
    net = track.gross_N - 5e-4 * track.turnover_N
    result = assess(SIGN_VOLATILITY, track, RULES)
    ratio = SharpeRatio.of(net)
    assert result.strategy == SIGN_VOLATILITY
    assert (result.n, result.cost_bp) == (500, 5.0)
    assert result.annual_return == pytest.approx(np.prod(1.0 + net) ** (256 / 500) - 1.0)
    assert result.annual_volatility == pytest.approx(net.std(ddof=1) * 16.0)
    assert result.sharpe == pytest.approx(16.0 * net.mean() / net.std(ddof=1))
    assert result.sharpe_se == pytest.approx(16.0 * ratio.standard_error)
    assert result.turnover == pytest.approx(256 * track.turnover_N.mean())
    assert result.deflated_sharpe_p is None


def test_at_the_break_even_cost_nothing_is_earned_on_average() -> None:
    y, _, volatility = market(4)
    track = traded(y, positions(SIGN, y + 0.01 * market(5)[0], volatility, RULES))  # signals that know the outcome
    cost = assess(SIGN, track, RULES).break_even_cost_bp
    assert cost is not None
    assert cost > 0.0
    assert track.net(cost).mean() == pytest.approx(0.0, abs=1e-12)
    assert assess(SIGN, track, TradingRules(cost_bp=2 * cost)).sharpe < 0.0


def test_settings_that_were_tried_are_held_against_the_best_of_them() -> None:
    track = traded(*market(6)[:2])
    once, twice = assess(SIGN, track, RULES, Trials(1, 0.2)), assess(SIGN, track, RULES, Trials(40, 0.2))
    assert once.deflated_sharpe_p is None
    expected = 1.0 - SharpeRatio.of(track.net(5.0)).deflated(Trials(40, 0.2 / 256))
    assert twice.deflated_sharpe_p == pytest.approx(expected)


def test_every_strategy_is_assessed_and_holding_is_no_trial() -> None:
    y, median, volatility = market(7)
    results = economics(y, median, volatility, RULES, Trials(12, 0.1))
    assert [result.strategy for result in results] == list(STRATEGIES)
    assert results[0].deflated_sharpe_p is None
    assert all(result.deflated_sharpe_p is not None for result in results[1:])
    assert results[0].turnover == pytest.approx(256 / 500)
    assert results == economics(list(y), list(median), list(volatility), RULES, Trials(12, 0.1))


def forecasts(*seeds: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Signals and volatilities of as many settings, none of which knows anything."""
    return {f"cell {seed}": market(seed)[1:] for seed in seeds}


@pytest.mark.parametrize("rules", [None, RULES])
def test_a_single_setting_was_not_chosen_among_others(rules: TradingRules | None) -> None:
    y, tried = market(11)[0], forecasts(12)
    found = chosen_economics(y, tried, "cell 12", rules)
    assert found == economics(y, *tried["cell 12"], rules)
    assert all(result.deflated_sharpe_p is None for result in found)


def test_a_chosen_setting_is_held_against_what_all_of_them_showed() -> None:
    y, tried = market(11)[0], forecasts(12, 13, 14)
    found = chosen_economics(y, tried, "cell 13", RULES)
    assert [result.strategy for result in found] == list(STRATEGIES)
    alone = {name: economics(y, *forecast, RULES) for name, forecast in tried.items()}
    for index, result in enumerate(found):
        assert replace(result, deflated_sharpe_p=None) == alone["cell 13"][index]
        if result.strategy == BUY_AND_HOLD:
            assert result.deflated_sharpe_p is None
            continue
        # By hand, in ratios per session: three trials, and the variance of their ratios.
        ratios = [
            SharpeRatio.of(traded(y, positions(result.strategy, *forecast, RULES)).net(5.0))
            for forecast in tried.values()
        ]
        trials = Trials.of([ratio.value for ratio in ratios])
        assert trials.number == 3
        assert result.deflated_sharpe_p == pytest.approx(1.0 - ratios[1].deflated(trials), rel=1e-9)
        assert result.deflated_sharpe_p > 1.0 - ratios[1].probabilistic() or trials.sharpe_variance == 0.0


def test_whoever_is_chosen_the_trials_are_the_same_and_the_best_has_the_smallest_p() -> None:
    y, tried = market(21)[0], forecasts(22, 23)
    first, second = (chosen_economics(y, tried, name, RULES)[1] for name in tried)
    assert first.strategy == second.strategy == SIGN
    better, worse = sorted((first, second), key=lambda result: -result.sharpe)
    assert better.deflated_sharpe_p is not None
    assert worse.deflated_sharpe_p is not None
    assert better.deflated_sharpe_p < worse.deflated_sharpe_p


def test_settings_that_forecast_alike_deflate_nothing() -> None:
    y, tried = market(31)[0], forecasts(32)
    twins = {"lstm": tried["cell 32"], "gru": tried["cell 32"]}
    for result in chosen_economics(y, twins, "gru", RULES)[1:]:
        ratio = SharpeRatio.of(traded(y, positions(result.strategy, *twins["gru"], RULES)).net(5.0))
        assert result.deflated_sharpe_p == pytest.approx(1.0 - ratio.probabilistic())


def test_where_a_setting_never_trades_its_rule_is_not_deflated() -> None:
    """Who holds nothing has no ratio, and the spread of the ratios is unknown."""
    y, tried = market(41)[0], forecasts(42)
    tried["idle"] = (np.zeros(500), tried["cell 42"][1])
    hold, sign, scaled, both = chosen_economics(y, tried, "cell 42", RULES)
    assert sign.deflated_sharpe_p is both.deflated_sharpe_p is hold.deflated_sharpe_p is None
    assert scaled.deflated_sharpe_p is not None


def test_signals_without_knowledge_earn_nothing_before_costs() -> None:
    # 60 markets and signals at random: the ratios are about zero, and spread as their standard error says.
    free = TradingRules(cost_bp=0.0)
    sharpe, error = np.empty(60), np.empty(60)
    for seed in range(60):
        y, median, volatility = market(100 + seed)
        result = assess(SIGN, traded(y, positions(SIGN, median, volatility, free)), free)
        sharpe[seed], error[seed] = result.sharpe, result.sharpe_se
    assert abs(sharpe.mean()) < 3.0 * error.mean() / math.sqrt(60)
    assert sharpe.std() == pytest.approx(error.mean(), rel=0.3)


def test_who_never_trades_has_no_ratio_and_no_break_even() -> None:
    result = economics([0.01, -0.01, 0.02], [0.0, 0.0, 0.0], [0.01, 0.01, 0.01], RULES, Trials(3, 0.1))[1]
    assert (result.annual_return, result.annual_volatility, result.turnover, result.max_drawdown) == (0, 0, 0, 0)
    assert math.isnan(result.sharpe)
    assert math.isnan(result.sharpe_se)
    assert result.break_even_cost_bp is None
    assert result.deflated_sharpe_p == 1.0  # a test that cannot be made supports no claim


def test_without_sessions_there_is_nothing_to_say() -> None:
    result = assess(SIGN, traded([], []), RULES)
    assert result.n == 0
    assert math.isnan(result.annual_return)
    assert math.isnan(result.turnover)
    one = assess(SIGN, Track(np.array([0.01]), np.array([1.0])), RULES)
    assert math.isnan(one.annual_volatility)
    assert math.isnan(one.sharpe)


def test_what_is_no_forecast_is_refused() -> None:
    with pytest.raises(DataError, match=r"forecast volatility is 0\.0 at row 1"):
        positions(SIGN, [0.1, 0.1], [0.01, 0.0], RULES)
    with pytest.raises(DataError, match="signal is nan at row 0"):
        positions(SIGN, [math.nan], [0.01], RULES)
    with pytest.raises(DataError, match="return is inf at row 0"):
        traded([math.inf], [1.0])
    with pytest.raises(ValueError, match="1 signals against 2"):
        positions(SIGN, [0.1], [0.01, 0.01], RULES)
    with pytest.raises(ValueError, match="2 returns against 1"):
        traded([0.1, 0.1], [1.0])
    with pytest.raises(ValueError, match="no strategy 'luck'"):
        positions("luck", [0.1], [0.01], RULES)


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"cost_bp": -1.0}, "cost_bp = -1.0"),
        ({"cost_bp": math.nan}, "cost_bp = nan"),
        ({"target_volatility": 0.0}, "target_volatility = 0.0"),
        ({"largest_position": -2.0}, "largest_position"),
        ({"sessions_per_year": math.inf}, "sessions_per_year"),
    ],
)
def test_rules_that_cannot_be_are_refused(rules: dict[str, float], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        TradingRules(**rules)
