"""Backtest and verdict: rows that can be recomputed from what is saved, sentences that claim no more than they may."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scoringrules

from stockcast.evaluation import scores
from stockcast.evaluation.scores import PERCENTILES, Entry, Outcomes, mean_crps
from stockcast.evaluation.serving import choice
from stockcast.evaluation.significance import diebold_mariano
from stockcast.evaluation.verdict import Verdict, verdict
from stockcast.models.distribution import Empirical, StudentT
from stockcast.windows.features import features
from stockcast.windows.splits import Part
from tests import synthetic

N = 600
HISTORY = synthetic.history(N + 101)
F = features(HISTORY)
OUTCOMES = Outcomes.of("FAKE", F, HISTORY.close[1:], Part(99, 99 + N))


def entry(model: str, scale: float, loc: float = 0.0) -> Entry:
    return Entry(model, StudentT(np.full(N, loc), np.full(N, scale), np.full(N, 6.0)), OUTCOMES)


def test_outcomes_are_the_sessions_after_the_origins() -> None:
    assert OUTCOMES.origins[0] == HISTORY.dates[100]
    assert OUTCOMES.target_sessions[0] == HISTORY.dates[101]
    np.testing.assert_allclose(OUTCOMES.price_N, HISTORY.close[101 : 101 + N], rtol=1e-12)


def test_a_split_after_the_origin_moves_no_price_error() -> None:
    h = replace(HISTORY, close=np.where(np.arange(len(HISTORY)) < 300, 4.0, 1.0) * HISTORY.close)
    o = Outcomes.of("FAKE", features(h), h.close[1:], Part(99, 99 + N))
    relative = o.price_N / o.last_close_N
    np.testing.assert_allclose(relative, OUTCOMES.price_N / OUTCOMES.last_close_N, rtol=1e-9)


@pytest.mark.parametrize("horizon", [1, 2, 5, 20])
def test_outcomes_some_sessions_ahead_are_sums_of_returns_up_to_the_target_session(horizon: int) -> None:
    o = Outcomes.of("FAKE", F, HISTORY.close[1:], Part(99, 599), horizon)
    assert (o.horizon, len(o.y_N)) == (horizon, 500)
    np.testing.assert_array_equal(o.origins, HISTORY.dates[100:600])
    np.testing.assert_array_equal(o.target_sessions, HISTORY.dates[100 + horizon : 600 + horizon])
    expected_N = [sum(F.session_returns.r_T[row + 1 : row + 1 + horizon]) for row in range(99, 599)]
    np.testing.assert_allclose(o.y_N, expected_N, rtol=0, atol=1e-14)
    np.testing.assert_array_equal(o.last_close_N, HISTORY.close[100:600])
    np.testing.assert_allclose(o.price_N, HISTORY.close[100 + horizon : 600 + horizon], rtol=1e-12)


def test_outcomes_do_not_change_the_features() -> None:
    before = F.session_returns.r_T.tobytes()
    Outcomes.of("FAKE", F, HISTORY.close[1:], Part(99, 599), 7)
    assert F.session_returns.r_T.tobytes() == before


@pytest.mark.parametrize(("horizon", "left"), [(1, 10), (2, 9), (10, 1), (11, 0), (12, 0), (250, 0)])
def test_origins_whose_target_is_behind_the_end_are_left_out_at_the_end(horizon: int, left: int) -> None:
    """The part ends with the last origin that has a session after it."""
    last = len(F) - 1
    o = Outcomes.of("FAKE", F, HISTORY.close[1:], Part(last - 10, last), horizon)
    for found in (o.origins, o.target_sessions, o.last_close_N, o.y_N, o.price_N):
        assert len(found) == left
    if left:
        assert o.origins[0] == HISTORY.dates[-11]
        assert o.target_sessions[-1] == HISTORY.dates[-1]
        assert o.y_N[-1] == pytest.approx(np.log(HISTORY.close[-1] / HISTORY.close[-1 - horizon]))


def test_several_sessions_ahead_are_scored_as_a_distribution_of_their_sum() -> None:
    """Oracle: scoringrules, and the normal distribution of a sum."""
    o = Outcomes.of("FAKE", F, HISTORY.close[1:], Part(99, 599), 5)
    made = Entry("drift", StudentT(np.zeros(500), np.full(500, 0.01 * 5**0.5), np.full(500, np.inf)), o)
    score, rows = made.score(), made.rows()
    assert score.horizon == rows.horizon == 5
    assert score.crps == pytest.approx(scoringrules.crps_normal(o.y_N, 0.0, 0.01 * 5**0.5).mean())
    close_N, later_N = HISTORY.close[100:600], HISTORY.close[105:605]
    assert score.hit_rate == pytest.approx(np.mean(later_N <= close_N))  # no rise is likelier than none
    assert score.always_up == pytest.approx(np.mean(later_N > close_N))
    np.testing.assert_array_equal(rows.target_sessions, o.target_sessions)


@pytest.mark.parametrize(("horizon", "lags"), [(1, 10), (3, 10), (5, 10), (6, 12), (20, 40)])
def test_a_comparison_tells_the_test_how_far_ahead_it_is(
    horizon: int, lags: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    o = Outcomes.of("FAKE", F, HISTORY.close[1:], Part(99, 599), horizon)

    def dist(scale: float) -> StudentT:
        return StudentT(np.zeros(500), np.full(500, scale * horizon**0.5), np.full(500, 6.0))

    ours, theirs = Entry("lstm", dist(0.009), o), Entry("har-t", dist(0.015), o)
    found = ours.compare(theirs)
    assert (found.horizon, found.model, found.baseline) == (horizon, "lstm", "har-t")
    assert found.dm_p == diebold_mariano(ours.crps_N, theirs.crps_N, lags, horizon).p_value
    asked = []

    def spy(*arguments):  # type: ignore[no-untyped-def]
        asked.append(arguments[2:])
        return diebold_mariano(*arguments)

    monkeypatch.setattr(scores, "diebold_mariano", spy)
    assert ours.compare(theirs) == found
    assert asked == [(lags, horizon)]


def test_forecasts_that_overlap_all_but_wholly_prove_nothing() -> None:
    o = Outcomes.of("FAKE", F, HISTORY.close[1:], Part(len(F) - 22, len(F) - 1), 20)
    assert len(o.y_N) == 2
    good, poor = (
        Entry(name, StudentT(np.zeros(2), np.full(2, scale), np.full(2, 6.0)), o)
        for name, scale in (("lstm", 0.04), ("har-t", 0.5))
    )
    assert good.compare(poor).crps_skill > 0.2
    assert good.compare(poor).dm_p == 1.0


def test_scores_can_be_recomputed_from_the_saved_rows() -> None:
    made = entry("lstm", 0.01)
    rows, score = made.rows(), made.score()
    assert score.crps == pytest.approx(rows.crps.mean())
    q_NQ, y_N = rows.quantiles_NQ, rows.realised_return
    pinball_NQ = np.maximum(PERCENTILES * (y_N[:, None] - q_NQ), (PERCENTILES - 1) * (y_N[:, None] - q_NQ))
    assert score.pinball == pytest.approx(pinball_NQ.mean())
    assert score.crps == pytest.approx(2 * pinball_NQ.mean(), rel=0.02)
    inside = (y_N >= q_NQ[:, 4]) & (y_N <= q_NQ[:, 94])
    assert score.coverage_90 == pytest.approx(inside.mean())
    assert score.coverage_50 == pytest.approx((np.abs(rows.pit - 0.5) <= 0.25).mean())
    assert score.log_score == pytest.approx(rows.log_score.mean())


def test_the_last_close_as_point_forecast_has_a_ratio_of_one() -> None:
    score = entry("lstm", 0.01).score()
    assert (score.mae_ratio, score.rmse_ratio, score.mape_ratio) == (1.0, 1.0, 1.0)


def test_ratios_are_errors_in_price_over_those_of_the_last_close() -> None:
    score = entry("lstm", 0.01, loc=0.004).score()
    last_N, next_N = HISTORY.close[100 : 100 + N], HISTORY.close[101 : 101 + N]
    ours_N, theirs_N = next_N - last_N * np.exp(0.004), next_N - last_N
    assert score.mae_ratio == pytest.approx(np.abs(ours_N).mean() / np.abs(theirs_N).mean())
    assert score.rmse_ratio == pytest.approx(np.sqrt((ours_N**2).mean() / (theirs_N**2).mean()))
    assert score.mape_ratio == pytest.approx(np.abs(ours_N / next_N).mean() / np.abs(theirs_N / next_N).mean())


def test_a_sample_has_no_log_score() -> None:
    sample_NK = np.random.default_rng(0).standard_normal((N, 60)) * 0.01
    made = Entry("random-walk", Empirical(sample_NK), OUTCOMES)
    assert made.score().log_score is None
    assert np.isnan(made.rows().log_score).all()
    assert made.kind == "baseline"


def judge(network: Entry, baselines: dict[str, Entry], validation: dict[str, float]) -> Verdict:
    chosen = choice(network.model, {name: np.full(9, loss) for name, loss in validation.items()}, proven=False)
    return verdict(network, baselines, validation, chosen)


GOOD, POOR = 0.009, 0.05


def test_skill_is_claimed_where_the_test_part_shows_it() -> None:
    v = judge(entry("lstm", GOOD), {"har-t": entry("har-t", POOR), "garch-t": entry("garch-t", POOR)},
              {"lstm": 1.0, "har-t": 2.0, "garch-t": 3.0})  # fmt: skip
    assert v.sentence.startswith("Intervals: better than the strongest baseline (HAR-t) by ")
    assert "and than GARCH by" in v.sentence
    assert v.sentence.endswith("Price direction: no evidence of skill (p = 1.00).")
    assert v.served_by == "lstm"
    assert v.dm_p < 0.001


def test_no_skill_is_claimed_where_it_does_not() -> None:
    same = judge(entry("lstm", GOOD), {"har-t": entry("har-t", GOOD)}, {"lstm": 1.0, "har-t": 2.0})
    assert "no evidence of skill over the strongest baseline (HAR-t; +0.0 %, p = 1.00)" in same.sentence
    assert same.garch_skill is None
    mixed = judge(entry("gru", GOOD), {"har-t": entry("har-t", GOOD), "garch-t": entry("garch-t", POOR)},
                  {"gru": 1.0, "har-t": 2.0, "garch-t": 3.0})  # fmt: skip
    assert "no evidence" in mixed.sentence
    assert "though better than GARCH by" in mixed.sentence


def test_the_strongest_baseline_is_named_by_validation_and_not_by_the_test_part() -> None:
    v = judge(entry("lstm", GOOD), {"har-t": entry("har-t", POOR), "ewma-t": entry("ewma-t", GOOD)},
              {"lstm": 1.0, "har-t": 2.0, "ewma-t": 3.0})  # fmt: skip
    assert v.strongest_baseline == "har-t"


def test_a_network_that_lost_on_validation_is_not_served_and_the_sentence_says_so() -> None:
    v = judge(entry("lstm", GOOD), {"har-t": entry("har-t", POOR)}, {"lstm": 2.0, "har-t": 1.0})
    assert v.served_by == "har-t"
    assert v.sentence.endswith("The LSTM did not beat HAR-t on the validation part, so HAR-t makes the forecasts.")


def test_a_tie_on_validation_serves_the_simpler_one() -> None:
    assert judge(entry("lstm", GOOD), {"har-t": entry("har-t", GOOD)}, {"lstm": 1.0, "har-t": 1.0}).served_by == "har-t"


def test_direction_is_judged_against_luck() -> None:
    up = OUTCOMES.y_N > 0
    knowing = Entry("lstm", StudentT(np.where(up, 0.002, -0.002), np.full(N, 0.01), np.full(N, 6.0)), OUTCOMES)
    v = judge(knowing, {"har-t": entry("har-t", GOOD)}, {"lstm": 1.0, "har-t": 2.0})
    assert "Price direction: called better than by luck (p < 0.001), before any trading cost." in v.sentence
    assert v.hit_rate == 1.0


def test_the_choice_rests_on_the_mean_crps() -> None:
    dists = {"a": entry("a", GOOD).dist, "b": entry("b", POOR).dist}
    found = mean_crps(dists, OUTCOMES)
    assert found["a"] == pytest.approx(entry("a", GOOD).crps_N.mean())
    assert found["a"] < found["b"]
