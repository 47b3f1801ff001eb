"""The skill table: means over tickers as pandas has them, references that may be missing, no figure made up."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from stockcast.evaluation.scores import ForecastRows, Score
from stockcast.evaluation.significance import diebold_mariano
from stockcast.evaluation.verdict import BacktestResult, BacktestSummary, PooledComparison
from stockcast.pipeline import pooled
from stockcast.pipeline.judging import skill_table
from stockcast.prices.history import ONE_DAY
from stockcast.results import SkillRow, SkillTable
from tests.report.backtests import BACKTESTED, FOLDS
from tests.report.samples import score

CELLS = ("lstm", "gru")
MODELS = (*CELLS, "har-t", "garch-t", "ewma-t", "random-walk")
TICKERS = ("AAPL", "MSFT", "XOM")


def scored(ticker: str, seed: int, models: tuple[str, ...] = MODELS) -> BacktestResult:
    """A backtest with made-up scores; those two sessions ahead would spoil every mean."""
    draw = np.random.default_rng(seed)
    n = int(draw.integers(200, 400))
    scores = tuple(
        replace(
            score(model, "network" if model in CELLS else "baseline", float(draw.uniform(0.009, 0.012))),
            ticker=ticker,
            n=n,
            log_score=None if model == "random-walk" else float(draw.normal(2.6, 0.1)),
            interval_score_90=float(draw.uniform(0.06, 0.1)),
            coverage_50=float(draw.uniform(0.4, 0.6)),
            coverage_90=float(draw.uniform(0.85, 0.95)),
        )
        for model in models
    )
    later = tuple(replace(one, crps=9.0, n=7, coverage_90=0.1, horizon=2) for one in scores)
    return replace(BACKTESTED, ticker=ticker, network="lstm", scores=(*later, *scores), comparisons=(), rows=())


RESULTS = tuple(scored(ticker, seed) for seed, ticker in enumerate(TICKERS))
POOLED = (
    PooledComparison("gru", "har-t", 0.5, 0.9, 379, 3, 1, 0),
    PooledComparison("lstm", "har-t", 0.5, 0.25, 379, 3, 1, 0),
    PooledComparison("lstm", "har-t", 0.5, 0.75, 379, 3, 1, 0, horizon=2),
)
SUMMARY = BacktestSummary(RESULTS, POOLED, {}, {"lstm": 1.0, "har-t": 0.3})


def without(*names: str) -> BacktestSummary:
    models = tuple(model for model in MODELS if model not in names)
    return replace(SUMMARY, results=tuple(scored(ticker, seed, models) for seed, ticker in enumerate(TICKERS)))


def only(scores: tuple[Score, ...]) -> BacktestSummary:
    return BacktestSummary((replace(RESULTS[0], scores=scores),), (), {}, {})


def by_model(table: SkillTable) -> dict[str, SkillRow]:
    return {row.model: row for row in table.rows}


def oracle(summary: BacktestSummary) -> pd.DataFrame:
    """Every score of the next session, tickers by row, (figure, model) by column."""
    rows = [vars(one) for result in summary.results for one in result.scores if one.horizon == 1]
    frame = pd.DataFrame(rows)
    frame["log_score"] = frame["log_score"].astype(float)
    return frame.pivot_table(
        index="ticker", columns="model",
        values=["n", "crps", "log_score", "interval_score_90", "coverage_50", "coverage_90"], dropna=False,
    )  # fmt: skip


def test_gains_are_means_over_tickers_of_each_tickers_gain() -> None:
    wide, table = oracle(SUMMARY), by_model(skill_table(SUMMARY))
    for model, row in table.items():
        crps, interval = wide["crps"], wide["interval_score_90"]
        assert row.crps_bp == pytest.approx(1e4 * crps[model].mean())
        assert row.garch_gain == row.reference_gain == pytest.approx((1 - crps[model] / crps["garch-t"]).mean())
        assert row.har_gain == pytest.approx((1 - crps[model] / crps["har-t"]).mean())
        assert row.interval_score_gain == pytest.approx((1 - interval[model] / interval["garch-t"]).mean())
    assert {row.kind for row in table.values() if row.model in CELLS} == {"network"}


def test_log_scores_are_differences_and_none_where_a_competitor_has_no_density() -> None:
    wide, table = oracle(SUMMARY)["log_score"], by_model(skill_table(SUMMARY))
    assert table["random-walk"].log_score_gain is None
    for model in set(MODELS) - {"random-walk"}:
        assert table[model].log_score_gain == pytest.approx((wide[model] - wide["garch-t"]).mean())


def test_coverages_are_shares_of_all_forecasts_not_means_over_tickers() -> None:
    wide, table = oracle(SUMMARY), by_model(skill_table(SUMMARY))
    for model, row in table.items():
        for figure in ("coverage_50", "coverage_90"):
            inside = (wide[figure][model] * wide["n"][model]).sum()
            assert getattr(row, figure) == pytest.approx(inside / wide["n"][model].sum())
    assert wide["n"]["lstm"].nunique() > 1


def test_the_tickers_on_which_a_competitor_is_better_are_counted_and_it_is_not_its_own_rival() -> None:
    crps, table = oracle(SUMMARY)["crps"], by_model(skill_table(SUMMARY))
    for model, row in table.items():
        assert row.better_than_garch == (None if model == "garch-t" else (crps[model] < crps["garch-t"]).sum())
        assert row.better_than_har == (None if model == "har-t" else (crps[model] < crps["har-t"]).sum())


def test_the_best_gain_over_garch_comes_first() -> None:
    gains = [row.garch_gain for row in skill_table(SUMMARY).rows]
    assert len(gains) == len(MODELS)
    assert gains == sorted(gains, key=lambda gain: -(gain or 0.0))


def test_the_table_says_what_it_is_of() -> None:
    shorter = replace(RESULTS[1], folds=FOLDS[1:])
    table = skill_table(replace(SUMMARY, results=(RESULTS[0], shorter, RESULTS[2])))
    assert (table.tickers, table.folds) == (TICKERS, (1, 2))
    assert (table.first, table.last) == (date(2018, 7, 2), date(2019, 12, 31))
    assert table.n == oracle(SUMMARY)["n"]["lstm"].sum()
    assert (table.reference, table.left_out) == ("garch-t", ())
    assert table.confidence_set == {"lstm": 1.0, "har-t": 0.3}


def test_the_networks_gain_is_over_each_competitor_with_the_pooled_p_value_of_the_next_session() -> None:
    crps, table = oracle(SUMMARY)["crps"], by_model(skill_table(SUMMARY))
    assert (table["lstm"].network_gain, table["lstm"].network_p) == (None, None)
    for model in set(MODELS) - {"lstm"}:
        assert table[model].network_gain == pytest.approx((1 - crps["lstm"] / crps[model]).mean())
    assert table["har-t"].network_p == 0.25
    assert table["gru"].network_p is None


@pytest.mark.parametrize(
    ("chosen", "network"), [("lgg", "gru"), ("llg", "lstm"), ("ggg", "gru"), ("lg", "lstm"), ("gl", "lstm")]
)
def test_the_network_is_the_one_of_most_verdicts_and_of_equals_the_first(chosen: str, network: str) -> None:
    names = {"l": "lstm", "g": "gru"}
    results = tuple(replace(result, network=names[c]) for result, c in zip(RESULTS, chosen, strict=False))
    table = skill_table(replace(SUMMARY, results=results))
    assert table.network == network
    assert by_model(table)["har-t"].network_p == (0.9 if network == "gru" else 0.25)


def test_without_garch_the_strongest_baseline_is_the_reference_and_nothing_is_said_of_garch() -> None:
    summary = without("garch-t")
    wide, table = oracle(summary), skill_table(summary)
    strongest = wide["crps"][["har-t", "ewma-t", "random-walk"]].mean().idxmin()
    assert table.reference == strongest
    for row in table.rows:
        assert (row.garch_gain, row.better_than_garch) == (None, None)
        expected = (1 - wide["crps"][row.model] / wide["crps"][strongest]).mean()
        assert row.reference_gain == pytest.approx(expected)
        assert row.har_gain is not None
    gains = [row.reference_gain or 0.0 for row in table.rows]
    assert gains == sorted(gains, reverse=True)


def test_without_har_nothing_is_said_of_it() -> None:
    table = skill_table(without("har-t"))
    assert table.reference == "garch-t"
    assert all((row.har_gain, row.better_than_har) == (None, None) for row in table.rows)


def test_a_competitor_that_one_ticker_lacks_is_left_out_and_named() -> None:
    lacking = scored("XOM", 2, tuple(model for model in MODELS if model != "ewma-t"))
    more = scored("MSFT", 1, (*MODELS, "drift"))
    table = skill_table(replace(SUMMARY, results=(RESULTS[0], more, lacking)))
    assert set(by_model(table)) == set(MODELS) - {"ewma-t"}
    assert table.left_out == ("ewma-t", "drift")


def test_gains_over_a_competitor_that_lost_nothing_are_undefined_and_come_last() -> None:
    still = (score("lstm", "network", 0.01), score("drift", "baseline", 0.02), score("mean", "baseline", 0.0))
    table = skill_table(only(still))
    assert table.reference == "mean"
    assert all(row.reference_gain is None and row.interval_score_gain is None for row in table.rows)
    assert by_model(table)["drift"].network_gain == pytest.approx(0.5)
    assert by_model(table)["mean"].network_gain is None


def test_tickers_without_a_common_baseline_leave_the_networks_to_be_compared() -> None:
    results = (scored("AAPL", 0, (*CELLS, "har-t")), scored("MSFT", 1, (*CELLS, "drift")))
    table = skill_table(BacktestSummary(results, (), {}, {}))
    assert set(by_model(table)) == set(CELLS)
    assert table.reference in CELLS
    assert table.left_out == ("har-t", "drift")


def test_no_backtest_makes_no_table() -> None:
    with pytest.raises(ValueError, match="no backtest"):
        skill_table(BacktestSummary((), (), {}, {}))


def test_pooled_backtests_give_the_skill_that_they_report_and_a_test_with_ten_lags() -> None:
    days = np.arange("2020-01-01", "2020-09-01", dtype="datetime64[D]")
    results = [walked(ticker, days, seed) for seed, ticker in enumerate(TICKERS)]
    summary = pooled(results)
    (har,) = (found for found in summary.pooled if found.baseline == "har-t")
    row = by_model(skill_table(summary))["har-t"]
    assert row.network_gain == pytest.approx(har.crps_skill)
    ours, theirs = (np.mean([rows[k].crps for rows in (r.rows for r in results)], axis=0) for k in (0, 1))
    assert row.network_p == pytest.approx(diebold_mariano(ours, theirs, lags=10).p_value)


def walked(ticker: str, days: np.ndarray, seed: int) -> BacktestResult:
    """A backtest of two competitors with rows, scores and comparisons that agree."""
    draw, nothing = np.random.default_rng(seed), np.zeros(len(days))
    shared = draw.gamma(4.0, 1.0, len(days))
    losses = {name: shared + draw.random(len(days)) for name in ("lstm", "har-t")}
    kinds = {"lstm": "network", "har-t": "baseline"}
    skill = 1 - float(losses["lstm"].mean() / losses["har-t"].mean())
    against = next(one for one in BACKTESTED.comparisons if (one.model, one.baseline) == ("lstm", "har-t"))
    return replace(
        BACKTESTED,
        ticker=ticker,
        scores=tuple(score(name, kinds[name], float(loss.mean())) for name, loss in losses.items()),
        comparisons=(replace(against, crps_skill=skill),),
        rows=tuple(
            ForecastRows(
                ticker,
                name,
                1,
                days - ONE_DAY,
                days,
                nothing,
                nothing,
                loss,
                nothing,
                nothing,
                np.zeros((len(days), 99)),
            )
            for name, loss in losses.items()
        ),
    )


def test_every_figure_of_a_row_is_a_plain_python_number() -> None:
    for row in skill_table(SUMMARY).rows:
        values = [getattr(row, field.name) for field in fields(row)]
        assert {type(value) for value in values} <= {str, int, float, type(None)}
