"""The live record: figures against SciPy, statsmodels and closed forms, sentences, and alarms that are rarely false."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.multitest import multipletests

from stockcast.evaluation import liverecord
from stockcast.evaluation.liverecord import Settled, binomial_interval, compare, coverage_p, live_record, pool
from stockcast.evaluation.metrics import crps_student_t, interval_score, log_score_student_t
from stockcast.forecasts import BaselineScore, Forecast, LedgerRow, Outcome
from stockcast.models.distribution import StudentT
from stockcast.prices.history import Dates, Floats

NU = 5.0
FIRST = np.datetime64("2024-01-01")


def days(n: int) -> Dates:
    return FIRST + np.arange(n)


def returns(n: int, seed: int = 0) -> Floats:
    return np.asarray(0.01 * np.random.default_rng(seed).standard_t(NU, n))


def settled(y_N: Floats, scale: float = 0.01, rival: float | None = 0.01, ticker: str = "FAKE") -> Settled:
    """Forecasts of returns by a Student-t around zero, and by a rival that differs in scale."""
    n = len(y_N)
    dist = StudentT(np.zeros(n), np.full(n, scale), np.full(n, NU))
    low_N, high_N = dist.quantile([0.05, 0.95]).T
    hit_90_N = (low_N <= y_N) & (y_N <= high_N)
    pit_N = dist.cdf(y_N)
    score_N = interval_score(y_N, low_N, high_N, 0.1)
    return Settled(
        ticker=ticker,
        model=ticker,
        horizon=1,
        target_sessions=days(n),
        y_N=y_N,
        error_N=y_N.copy(),
        crps_N=crps_student_t(y_N, 0.0, scale, NU),
        log_score_N=log_score_student_t(y_N, 0.0, scale, NU),
        pit_N=pit_N,
        hit_50_N=np.abs(pit_N - 0.5) <= 0.25,
        hit_90_N=hit_90_N,
        raw_hit_90_N=hit_90_N,
        interval_score_90_N=score_N,
        raw_interval_score_90_N=score_N,
        baselines={} if rival is None else {"har-t": crps_student_t(y_N, 0.0, rival, NU)},
        rival=None if rival is None else "har-t",
    )


def with_crps(record: Settled, crps_N: Floats, rival_N: Floats) -> Settled:
    return replace(record, crps_N=crps_N, baselines={"har-t": rival_N})


def with_hits(record: Settled, hits: Sequence[bool]) -> Settled:
    return replace(record, hit_90_N=np.array(hits, dtype=np.bool_))


def test_means_of_the_record_are_the_means_of_its_rows() -> None:
    record = settled(returns(120))
    (score,) = live_record([record]).scores
    assert (score.ticker, score.model, score.horizon, score.n) == ("FAKE", "FAKE", 1, 120)
    assert (score.first, score.last) == (date(2024, 1, 1), date(2024, 4, 29))
    assert score.crps == pytest.approx(record.crps_N.mean())
    assert score.log_score == pytest.approx(record.log_score_N.mean())
    assert score.mae_ratio == 1.0
    assert score.coverage_50 == pytest.approx(record.hit_50_N.mean())
    assert score.coverage_90 == score.raw_coverage_90 == pytest.approx(record.hit_90_N.mean())
    assert score.interval_score_90 == pytest.approx(record.interval_score_90_N.mean())
    assert score.pit_p == pytest.approx(stats.kstest(record.pit_N, "uniform").pvalue)
    assert score.pit_p > 0.05


def test_shown_and_raw_intervals_are_kept_apart() -> None:
    record = settled(returns(50))
    shown = replace(record, hit_90_N=np.ones(50, dtype=np.bool_), interval_score_90_N=record.interval_score_90_N + 1.0)
    (score,) = live_record([shown]).scores
    assert score.coverage_90 == 1.0
    assert score.raw_coverage_90 == pytest.approx(record.hit_90_N.mean())
    assert score.interval_score_90 == pytest.approx(score.raw_interval_score_90 + 1.0)


def test_a_distribution_without_density_leaves_no_log_score() -> None:
    record = settled(returns(50))
    log_score_N = record.log_score_N.copy()
    log_score_N[7] = np.nan
    assert live_record([replace(record, log_score_N=log_score_N)]).scores[0].log_score is None


def test_distributions_of_the_wrong_width_have_a_small_pit_p_value() -> None:
    assert live_record([settled(returns(250), scale=0.02)]).scores[0].pit_p < 1e-6


@pytest.mark.parametrize(("hits", "n"), [(0, 20), (1, 20), (54, 60), (110, 120), (20, 20)])
def test_the_range_of_a_share_is_that_of_clopper_and_pearson(hits: int, n: int) -> None:
    expected = stats.binomtest(hits, n).proportion_ci(0.95, method="exact")
    assert binomial_interval(hits, n) == pytest.approx((expected.low, expected.high), abs=1e-10)


def test_the_p_value_of_coverage_is_the_exact_binomial_one() -> None:
    record = with_hits(settled(returns(60)), [True] * 45 + [False] * 15)
    assert coverage_p(record) == pytest.approx(stats.binomtest(45, 60, 0.9).pvalue)


def test_p_values_are_corrected_as_in_statsmodels() -> None:
    p_K = np.random.default_rng(5).random(12) ** 4
    np.testing.assert_allclose(liverecord.holm(p_K), multipletests(p_K, method="holm")[1], rtol=1e-12)
    assert liverecord.holm([]).size == 0


def test_the_comparison_is_the_newey_west_t_test_of_statsmodels() -> None:
    record = settled(returns(250), scale=0.013)
    found = compare(record, "har-t")
    d_N = record.crps_N - record.baselines["har-t"]
    # lags: the cube root of 250, rounded down
    ols = OLS(d_N, np.ones(250)).fit(cov_type="HAC", cov_kwds={"maxlags": 6})
    statistic = ols.tvalues[0] * np.sqrt(249 / 250)
    assert found.n == 250
    assert found.worse_p == pytest.approx(stats.t.sf(statistic, 249))
    assert found.dm_p == pytest.approx(1.0 - found.worse_p)
    assert found.crps_skill == pytest.approx(1.0 - record.crps_N.mean() / record.baselines["har-t"].mean())


def test_a_baseline_is_compared_on_the_sessions_that_both_have() -> None:
    record = settled(returns(80), scale=0.012)
    rival_N = record.baselines["har-t"].copy()
    rival_N[:30] = np.nan
    found = compare(replace(record, baselines={"har-t": rival_N}), "har-t")
    later = record.crps_N[30:], record.baselines["har-t"][30:]
    assert found.n == 50
    assert found.crps_skill == pytest.approx(1.0 - later[0].mean() / later[1].mean())


def test_a_baseline_without_any_score_supports_no_claim() -> None:
    record = settled(returns(80))
    found = compare(replace(record, baselines={"har-t": np.full(80, np.nan)}), "har-t")
    assert (found.n, found.dm_p, found.worse_p) == (0, 1.0, 1.0)


def test_a_baseline_that_made_the_forecasts_itself_is_neither_beaten_nor_lost_to() -> None:
    record = settled(returns(120), scale=0.01, rival=0.01)
    (score,) = live_record([record]).scores
    (comparison,) = score.comparisons
    assert (comparison.crps_skill, comparison.dm_p, comparison.worse_p) == (0.0, 1.0, 1.0)
    assert not score.decayed
    assert "HAR-t made the forecasts, so there is no skill over it to judge." in score.sentence


def test_the_sentence_claims_nothing_without_evidence() -> None:
    record = with_hits(settled(returns(120), rival=0.0101), [True] * 110 + [False] * 10)
    (score,) = live_record([record]).scores
    p = score.comparisons[0].dm_p
    skill = 100 * score.comparisons[0].crps_skill
    assert p > 0.05
    assert score.sentence == (
        f"Live record of 120 forecasts: no evidence of skill over HAR-t ({skill:+.1f} %, p = {p:.2f}). "
        "90 % intervals held 91.7 % (95 % range 85.2 .. 95.9)."
    )


def test_the_sentence_claims_skill_where_the_test_allows_it() -> None:
    (score,) = live_record([settled(returns(250), rival=0.02)]).scores
    assert score.sentence.startswith("Live record of 250 forecasts: better than HAR-t by ")


def test_the_sentence_says_so_where_the_model_is_worse() -> None:
    (score,) = live_record([settled(returns(250), scale=0.02)]).scores
    assert score.sentence.startswith("Live record of 250 forecasts: worse than HAR-t by ")


def test_few_forecasts_are_too_early_to_judge() -> None:
    (score,) = live_record([settled(returns(19), scale=0.1)]).scores
    assert score.sentence == "Live record of 19 forecasts: too early to judge, which takes 20 sessions."
    assert not score.decayed
    assert live_record([settled(returns(1))]).scores[0].sentence.startswith("Live record of 1 forecast: too early")


def test_without_a_baseline_there_is_nothing_to_compare_with() -> None:
    (score,) = live_record([settled(returns(60), rival=None)]).scores
    assert (score.rival, score.comparisons) == (None, ())
    assert ": no baseline to compare with. 90 % intervals held" in score.sentence


def test_without_a_settled_forecast_the_record_is_empty() -> None:
    missed = {"FAKE": (date(2024, 1, 2),)}
    result = live_record([], waiting=3, void=1, missed=missed)
    assert (result.scores, result.pooled) == ((), ())
    assert (result.waiting, result.void, result.missed) == (3, 1, missed)
    assert result.sentence == "No live forecast is settled yet."
    assert not result.decayed


def test_a_model_that_loses_to_its_rival_lately_has_decayed() -> None:
    record = settled(returns(200), rival=0.0102)
    worse_N = record.crps_N.copy()
    worse_N[-60:] *= 1.3
    result = live_record([replace(record, crps_N=worse_N)])
    assert result.decayed
    assert result.scores[0].alarm.startswith("over the last 60 sessions worse than HAR-t by ")
    assert f"Decayed: {result.scores[0].alarm}." in result.sentence


def test_a_loss_of_long_ago_is_no_decay() -> None:
    record = settled(returns(200), rival=0.0102)
    worse_N = record.crps_N.copy()
    worse_N[:140] *= 1.3
    assert not live_record([replace(record, crps_N=worse_N)]).decayed


def test_intervals_that_hold_too_few_lately_are_decay() -> None:
    held = [True] * 140 + [False] * 17 + [True] * 43
    assert stats.binomtest(43, 60, 0.9).pvalue < 0.001
    result = live_record([with_hits(settled(returns(200)), held)])
    assert result.scores[0].alarm == "over the last 60 sessions 90 % intervals held 71.7 % (p < 0.001)"


def test_fewer_than_forty_sessions_raise_no_alarm() -> None:
    record = with_hits(settled(returns(40)), [False] * 40)
    assert live_record([record]).decayed
    assert not live_record([record[np.arange(39)]]).decayed


def test_longer_horizons_overlap_too_much_for_an_alarm() -> None:
    record = with_hits(settled(returns(60)), [False] * 60)
    (score,) = live_record([replace(record, horizon=5)]).scores
    assert not score.decayed
    assert score.sentence.startswith("Live record of 60 forecasts 5 sessions ahead: ")


def test_among_many_records_an_alarm_takes_more_evidence() -> None:
    suspicious = with_hits(settled(returns(60), rival=None), [False] * 15 + [True] * 45)
    p = stats.binomtest(45, 60, 0.9).pvalue
    assert 0.001 / 3 < p < 0.001
    others = [with_hits(settled(returns(60, i), rival=None, ticker=f"T{i}"), [True] * 54 + [False] * 6) for i in (1, 2)]
    assert live_record([suspicious]).scores[0].decayed
    assert not live_record([suspicious, *others]).scores[0].decayed


def test_overlapping_forecasts_make_the_range_of_coverage_wider() -> None:
    blocks = ([True] * 27 + [False] * 3) * 4
    record = with_hits(settled(returns(120)), blocks)
    (one,), (five,) = live_record([record]).scores, live_record([replace(record, horizon=5)]).scores
    assert five.coverage_90_low < one.coverage_90_low
    assert five.coverage_90_high > one.coverage_90_high


def test_pooled_records_are_tested_by_their_mean_of_each_session() -> None:
    a, b = settled(returns(100, 1), 0.012, ticker="A"), settled(returns(60, 2), 0.012, ticker="B")
    (together,) = live_record([a, b]).pooled
    assert (together.ticker, together.model, together.n) == ("all", "all", 160)
    d_D = a.crps_N - a.baselines["har-t"]
    d_D[:60] = (d_D[:60] + b.crps_N - b.baselines["har-t"]) / 2
    # lags: the cube root of 100
    ols = OLS(d_D, np.ones(100)).fit(cov_type="HAC", cov_kwds={"maxlags": 4})
    (comparison,) = together.comparisons
    assert comparison.n == 100
    assert comparison.worse_p == pytest.approx(stats.t.sf(ols.tvalues[0] * np.sqrt(0.99), 99))


def test_one_stock_twice_is_not_twice_the_evidence() -> None:
    record = with_hits(settled(returns(120), rival=0.012), [True] * 108 + [False] * 12)
    alone = live_record([record]).scores[0]
    (together,) = live_record([record, replace(record, ticker="TWIN", model="TWIN")]).pooled
    assert together.comparisons[0].dm_p == pytest.approx(alone.comparisons[0].dm_p)
    assert together.pit_p == pytest.approx(alone.pit_p)
    assert together.coverage_90_low <= alone.coverage_90_low
    assert together.coverage_90_high >= alone.coverage_90_high


def test_independent_stocks_are_more_evidence_together() -> None:
    records = [settled(returns(120, i), ticker=f"T{i}") for i in range(10)]
    (together,) = live_record(records).pooled
    alone = live_record(records[:1]).scores[0]
    width = together.coverage_90_high - together.coverage_90_low
    assert width < 0.6 * (alone.coverage_90_high - alone.coverage_90_low)
    assert together.sentence.startswith("Live record of 1,200 forecasts over 120 sessions: ")


def test_rivals_that_differ_are_pooled_as_the_strongest_of_each() -> None:
    a, b = settled(returns(60, 1), 0.012, ticker="A"), settled(returns(60, 2), 0.012, ticker="B")
    b = replace(b, rival="garch-t", baselines={"garch-t": b.baselines["har-t"], "har-t": b.baselines["har-t"] * 0.5})
    together = pool([a, b])
    assert together.rival == "strongest"
    strongest_N = np.concatenate([a.baselines["har-t"], b.baselines["garch-t"]])
    assert np.sort(together.baselines["strongest"]) == pytest.approx(np.sort(strongest_N))
    assert np.isnan(together.baselines["garch-t"]).sum() == 60
    assert ": worse than the strongest baseline by " in live_record([a, b]).sentence


def test_the_summary_names_what_decayed_by_itself() -> None:
    good = [settled(returns(100, i), ticker=f"T{i}") for i in range(5)]
    bad = with_hits(settled(returns(100, 9), ticker="BAD"), [True] * 70 + [False] * 30)
    result = live_record([*good, bad])
    assert [score.ticker for score in result.scores if score.decayed] == ["BAD"]
    assert result.sentence.endswith(" Decayed by themselves: BAD.")


def test_what_all_share_is_seen_in_the_pooled_record_first() -> None:
    """Each stock loses too little for its own alarm; all of them together lose on most days."""
    rng = np.random.default_rng(4)
    records = [
        with_crps(record, record.crps_N, record.crps_N - 1.5e-4 + 12e-4 * rng.standard_normal(60))
        for record in (settled(returns(60, i), ticker=f"T{i}") for i in range(20))
    ]
    result = live_record(records)
    assert not any(score.decayed for score in result.scores)
    assert result.pooled[0].decayed
    assert result.decayed


def common_shocks(rng: np.random.Generator, tickers: int, n: int) -> list[Settled]:
    """Models exactly as good as their rivals, 90 % intervals that hold 90 %, stocks joined by a common factor."""
    own = rng.standard_normal((tickers, n))
    x = 0.6 * rng.standard_normal(n) + 0.8 * own
    hits = np.abs(x) < stats.norm.isf(0.05)
    d = 1e-4 * (0.6 * rng.standard_t(4, n) + 0.8 * rng.standard_t(4, (tickers, n)))
    template = settled(np.full(n, 0.01))
    return [
        replace(with_crps(with_hits(template, hits[i]), 0.006 + d[i], np.full(n, 0.006)), ticker=f"T{i}")
        for i in range(tickers)
    ]


def test_false_alarms_are_as_rare_as_promised() -> None:
    """Eight healthy stocks looked at once: at most 1 % + 0.1 % of the looks may call any of them decayed; the pooled
    record has as much for itself. Newey-West on 60 sessions is a little liberal: twice that is allowed, plus noise.
    """
    rng = np.random.default_rng(11)
    results = [live_record(common_shocks(rng, 8, 60)) for _ in range(50)]
    alone = sum(any(score.decayed for score in result.scores) for result in results)
    together = sum(result.pooled[0].decayed for result in results)
    assert alone <= stats.binom.isf(0.001, 50, 0.022)
    assert together <= stats.binom.isf(0.001, 50, 0.022)


def ledger_row(day: int, kind: str = "live", model: str = "FAKE", settled: bool = True) -> LedgerRow:
    target = date(2024, 1, 1) + timedelta(days=day)
    forecast = Forecast(
        ticker="FAKE", model=model, model_id="m", served_by="lstm", cell="lstm", origin=target - timedelta(days=1),
        target_session=target, horizon=1, last_close=10.0, median=10.0, mean=10.0, quantiles={"0.5": 10.0}, p_up=0.5,
        scale=0.01, currency=None, data_sha256="", data_source="", data_age_sessions=0, created_at="", verdict="",
    )  # fmt: skip
    outcome = Outcome(
        settled_at=datetime(2024, 6, 1, tzinfo=UTC).isoformat(), realised_return=0.01 * (day + 1), crps=0.001 * day,
        log_score=None if day == 1 else 2.0, pit=0.5, error=0.02, hit_50=True, hit_90=day != 0,
        interval_score_90=0.3, raw_hit_50=False, raw_hit_90=True, raw_interval_score_90=0.2,
        baselines={"garch-t": BaselineScore(0.5, 1.0, 0.5)} | ({"har-t": BaselineScore(0.7, 1.0, 0.5)} if day else {}),
    )  # fmt: skip
    return LedgerRow(
        day, kind, "", forecast, (-0.1, 0.1), (-0.2, 0.2), (-0.1, 0.1), (-0.2, 0.2), outcome if settled else None
    )


def test_only_settled_live_forecasts_of_the_ledger_count_in_order_of_their_target() -> None:
    rows = [ledger_row(2), ledger_row(0), ledger_row(1), ledger_row(3, kind="replay"), ledger_row(4, settled=False)]
    (record,) = liverecord.settled_records(rows)
    assert record.target_sessions.tolist() == [date(2024, 1, 1), date(2024, 1, 2), date(2024, 1, 3)]
    assert record.y_N == pytest.approx([0.01, 0.02, 0.03])
    assert record.crps_N == pytest.approx([0.0, 0.001, 0.002])
    np.testing.assert_array_equal(np.isnan(record.log_score_N), [False, True, False])
    np.testing.assert_array_equal(record.hit_90_N, [False, True, True])
    np.testing.assert_array_equal(record.baselines["har-t"], [np.nan, 0.7, 0.7])
    np.testing.assert_array_equal(record.baselines["garch-t"], [0.5, 0.5, 0.5])


def test_the_rival_is_the_one_named_or_har_t() -> None:
    rows = [ledger_row(0, model="A"), ledger_row(1, model="A"), ledger_row(1, model="B"), ledger_row(0, model="C")]
    found = {record.model: record.rival for record in liverecord.settled_records(rows, {"A": "garch-t"})}
    assert found == {"A": "garch-t", "B": "har-t", "C": None}
