"""Pooling: one row a date, however many tickers; false discoveries held down; no claim from a ticker alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stockcast.evaluation.scores import Comparison, ForecastRows
from stockcast.evaluation.significance import benjamini_hochberg, diebold_mariano
from stockcast.evaluation.verdict import BacktestResult
from stockcast.pipeline import pooled
from stockcast.prices.history import ONE_DAY
from tests.report.samples import VERDICT, score

DAYS = np.arange("2020-01-01", "2020-09-01", dtype="datetime64[D]")


def result(ticker: str, crps: dict[str, np.ndarray], days: np.ndarray = DAYS) -> BacktestResult:
    """A backtest with these losses; what pooling does not look at is made up."""
    nothing = np.zeros(len(days))
    rows = tuple(
        ForecastRows(
            ticker, name, 1, days - ONE_DAY, days, nothing, nothing, loss, nothing, nothing, np.zeros((len(days), 99))
        )
        for name, loss in crps.items()
    )
    cells = [name for name in crps if name in ("lstm", "gru")]
    return BacktestResult(
        ticker=ticker,
        network=cells[0],
        data_sha256="",
        folds=(),
        scores=tuple(
            score(name, "network" if name in cells else "baseline", float(loss.mean())) for name, loss in crps.items()
        ),
        comparisons=tuple(
            Comparison(
                ticker, cell, name, 1 - float(crps[cell].mean() / crps[name].mean()),
                diebold_mariano(crps[cell], crps[name]).p_value,
            )
            for cell in cells for name in crps if name not in cells
        ),
        validation_crps={},
        verdict=VERDICT,
        calibration=None,
        economics=(),
        rows=rows,
    )  # fmt: skip


def losses(seed: int, days: int = len(DAYS), gain: float = 0.05) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(seed)
    shared = draw.gamma(4.0, 1.0, days)
    return {
        "lstm": (1 - gain) * shared + 0.1 * draw.random(days),
        "har-t": shared + 0.1 * draw.random(days),
        "drift": 1.5 * shared + 0.1 * draw.random(days),
    }


def test_the_pooled_test_is_of_the_means_by_date() -> None:
    a, b = losses(1), losses(2)
    found = pooled([result("A", a), result("B", b)])
    mean = {name: (a[name] + b[name]) / 2 for name in a}
    har = next(c for c in found.pooled if c.baseline == "har-t")
    assert har.dm_p == pytest.approx(diebold_mariano(mean["lstm"], mean["har-t"]).p_value)
    assert (har.model, har.dates, har.tickers) == ("lstm", len(DAYS), 2)
    assert found.mean_crps == pytest.approx({name: loss.mean() for name, loss in mean.items()})
    assert [c.baseline for c in found.pooled] == ["har-t", "drift"]


def test_tickers_that_repeat_one_another_add_no_evidence() -> None:
    one, many = (pooled([result(f"T{k}", losses(1)) for k in range(n)]) for n in (1, 20))
    assert [c.dm_p for c in many.pooled] == pytest.approx([c.dm_p for c in one.pooled])
    assert [c.dates for c in many.pooled] == [c.dates for c in one.pooled]


def test_tickers_with_other_sessions_are_pooled_where_they_have_them() -> None:
    a, b = losses(1), losses(2, 100)
    found = pooled([result("A", a), result("B", b, DAYS[50:150])])
    both = a["lstm"].copy()
    both[50:150] = (both[50:150] + b["lstm"]) / 2
    assert found.mean_crps["lstm"] == pytest.approx(both.mean())


def test_the_skill_is_the_mean_over_tickers_and_the_better_ones_are_counted() -> None:
    results = [result(f"T{k}", losses(k, gain=gain)) for k, gain in enumerate((0.05, 0.02, -0.04))]
    har = pooled(results).pooled[0]
    skills = [c.crps_skill for r in results for c in r.comparisons if c.baseline == "har-t"]
    assert har.crps_skill == pytest.approx(np.mean(skills))
    assert har.better == sum(skill > 0 for skill in skills) == 2


def test_discoveries_are_those_of_benjamini_and_hochberg_at_a_tenth() -> None:
    p_values = (0.001, 0.02, 0.04, 0.06, 0.5, 0.9, 0.95, 1.0)
    results = [
        replace(r, comparisons=tuple(replace(c, dm_p=p) for c in r.comparisons))
        for p, r in ((p, result(f"T{k}", losses(k))) for k, p in enumerate(p_values))
    ]
    found = pooled(results).pooled[0].found
    assert found == int((benjamini_hochberg(p_values) <= 0.1).sum()) == 2
    assert sum(p <= 0.1 for p in p_values) == 4  # one by one there would seem to be more


def test_the_confidence_set_drops_who_is_plainly_worse_and_keeps_the_best() -> None:
    found = pooled([result("A", losses(1)), result("B", losses(2))])
    assert "lstm" in found.confidence_set
    assert "drift" not in found.confidence_set
    assert all(p > 0.1 for p in found.confidence_set.values())
    assert found.confidence_set["lstm"] == 1.0


def test_alike_competitors_are_not_told_apart() -> None:
    twins = losses(1) | {"ewma-t": losses(1)["har-t"]}
    found = pooled([result("A", twins)])
    assert ("har-t" in found.confidence_set) == ("ewma-t" in found.confidence_set)


def test_a_competitor_that_one_ticker_lacks_is_left_out_for_all() -> None:
    less = {name: loss for name, loss in losses(2).items() if name != "drift"}
    found = pooled([result("A", losses(1)), result("B", less)])
    assert {c.baseline for c in found.pooled} == {"har-t"}
    assert set(found.mean_crps) == {"lstm", "har-t"}


def test_every_cell_is_compared_with_every_baseline() -> None:
    two = losses(1) | {"gru": losses(3)["lstm"]}
    found = pooled([result("A", two)])
    assert [(c.model, c.baseline) for c in found.pooled] == [
        ("gru", "har-t"), ("gru", "drift"), ("lstm", "har-t"), ("lstm", "drift"),
    ]  # fmt: skip


def test_results_without_rows_give_a_summary_without_figures() -> None:
    bare = replace(result("A", losses(1)), rows=())
    found = pooled([bare])
    assert (found.results, found.pooled, found.mean_crps, found.confidence_set) == ((bare,), (), {}, {})
