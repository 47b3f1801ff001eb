"""Backtests in words: every figure whole on any page, the pooled part only where it says something, no promise."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from rich.cells import cell_len

from stockcast.evaluation.economics import PolicyVerdict
from stockcast.evaluation.serving import InitialResult
from stockcast.evaluation.verdict import BacktestResult, BacktestSummary, FoldSummary
from stockcast.models.ensemble import LossCurve
from stockcast.pipeline.judging import skill_table
from stockcast.report.backtest import backtest_text, economics_table, scores_table, steps_table, together
from stockcast.report.data import backtest_data, envelope, plain
from stockcast.report.folds import folds_table, folds_text, networks_words
from stockcast.report.tables import Table
from stockcast.report.text import Page
from tests.report.backtests import ALONE, BACKTESTED, FOLDS, PLAN, SEVERAL
from tests.report.samples import by_name


def joined(text: str) -> str:
    return " ".join(text.split())


def shown(summary: BacktestSummary, page: Page) -> str:
    return backtest_text(summary, skill_table(summary), page)


def test_a_ticker_has_its_folds_scores_verdict_calibration_and_economics() -> None:
    text = shown(ALONE, Page(120))
    assert text.startswith("AAPL: 2 folds, 2018-07-02 to 2019-12-31\n")
    assert "\n1 fold of an earlier run: not fitted again.\n" in text
    for heading in ("All folds: 377 forecasts", "Verdict", "Calibration", "Trading on it"):
        assert f"\n{heading}" in text
    assert "90 % intervals held 90.5 %" in joined(text)
    assert "Worst year: 2018, 87.4 % of 127 sessions." in text
    assert "tenth of volatility" not in text
    assert by_name(folds_table(FOLDS))["1"]["train from"] == "2010-01-04"
    strategies = by_name(economics_table(BACKTESTED.economics))
    assert [strategies[name]["break-even cost"] for name in ("sign", "volatility-scaled")] == ["72.5 bp", "-"]


def test_both_networks_are_in_the_table_and_the_skills_are_the_chosen_ones() -> None:
    table = scores_table(BACKTESTED.scores, BACKTESTED.comparisons, "lstm", "LSTM")
    rows = by_name(table)
    assert (rows["gru"]["CRPS"], rows["gru"]["LSTM skill"]) == ("115.00", "")
    assert (rows["har-t"]["CRPS"], rows["har-t"]["LSTM skill"], rows["har-t"]["p"]) == ("112.45", "+0.40 %", "0.020")
    assert [list(rows)[place] for place in sorted(table.pointed)] == ["lstm", "gru"]
    assert table.chosen == 0


def test_one_ticker_is_told_who_cannot_be_told_from_the_best_and_several_are_told_once() -> None:
    says = (
        "Cannot be told from the best (model confidence set, 90 %; CRPS in basis points): "
        "lstm (112.00), har-t (112.45)."
    )
    assert says in joined(shown(ALONE, Page(100)))
    several = joined(shown(SEVERAL, Page(100)))
    assert several.count("Cannot be told from the best") == 1
    assert several.endswith(says)
    assert "Cannot be told" not in shown(replace(ALONE, confidence_set={}), Page(100))


def test_several_tickers_have_a_section_each_and_one_for_all() -> None:
    text = shown(SEVERAL, Page(100))
    assert [text.index(word) for word in ("AAPL: 2 folds", "MSFT: 2 folds", "All 2 tickers")] == sorted(
        text.index(word) for word in ("AAPL: 2 folds", "MSFT: 2 folds", "All 2 tickers")
    )
    (table,) = (block for block in together(SEVERAL, skill_table(SEVERAL)) if isinstance(block, Table))
    rows = by_name(table)
    assert [rows["har-t"][title] for title in ("lstm skill", "p", "better on")] == ["+0.40 %", "0.031", "1 of 2"]
    assert [rows[name]["significant (FDR 10 %)"] for name in ("har-t", "drift", "gru")] == ["0", "2", ""]
    assert "All 1 ticker" not in shown(ALONE, Page(100))


def test_folds_are_drawn_to_scale_in_the_order_of_train_validation_test() -> None:
    lines = folds_text([PLAN], Page(120)).splitlines()
    assert lines[0] == "AAPL"
    first, second = lines[3:5]
    drawn = [re.search(r"(─+)(═+)(█+)", line) for line in (first, second)]
    assert all(drawn)
    spans = [match.span(3) for match in drawn if match]
    assert spans[0][1] <= spans[1][0] + 1
    learnt = [len(match[1]) for match in drawn if match]
    assert learnt[0] < learnt[1]
    plain = folds_text([PLAN], Page(120, unicode=False))
    assert re.search(r"-+=+#+", plain)


def test_the_words_promise_nothing() -> None:
    text = joined(shown(SEVERAL, Page(100))) + joined(shown(ALONE, Page(100)))
    assert "no promise, and no advice" in text
    assert not re.search(r"\b(will earn|guarantee\w*|sure|profit\w*|you can expect)\b", text)


def test_small_p_values_of_the_calibration_are_explained() -> None:
    text = joined(shown(ALONE, Page(100)))
    assert "A small p speaks against the probabilities." in text
    assert "independent" not in text  # "misses independent, p <0.001" would say the opposite of what was found


def test_json_has_an_entry_per_ticker_and_one_for_all_without_the_rows() -> None:
    document = json.loads(envelope("backtest", backtest_data(SEVERAL), []))
    assert document["schema"] == "stockcast.backtest/1"
    aapl, _, everyone = document["data"]
    assert [entry["ticker"] for entry in document["data"]] == ["AAPL", "MSFT", "all"]
    assert not {"rows", "record"} & set(aapl)
    assert aapl["splits"]["test"] == {"first": "2018-07-02", "last": "2019-12-31", "count": 379}
    assert aapl["validation_crps"]["drift"] is None
    assert everyone["confidence_set"] == {"lstm": 1.0, "har-t": 0.2}


def test_json_of_one_ticker_is_one_entry_with_its_confidence_set() -> None:
    (entry,) = plain(backtest_data(ALONE))
    assert entry["ticker"] == BACKTESTED.ticker
    assert entry["confidence_set"] == {"lstm": 1.0, "har-t": 0.34}


def far(horizon: int, result: BacktestResult = BACKTESTED) -> BacktestResult:
    """The backtest with as many steps ahead: a forecast fewer and a CRPS of 1 bp more for each."""
    further = range(2, horizon + 1)
    return replace(
        result,
        scores=result.scores
        + tuple(
            replace(score, horizon=step, n=score.n - step + 1, crps=score.crps + 1e-4 * (step - 1), log_score=None)
            for step in further
            for score in result.scores
        ),
        comparisons=result.comparisons
        + tuple(
            replace(c, horizon=step, crps_skill=c.crps_skill / step, dm_p=min(1.0, c.dm_p * step))
            for step in further
            for c in result.comparisons
        ),
    )


def steps_of(text: str, title: str) -> list[list[str]]:
    """The rows of the table under a heading: those that begin with a number."""
    table = text[text.index(title) + len(title) :].split("\n\n", maxsplit=1)[0]
    below = table[table.rindex("─") :]
    return [line.split() for line in below.splitlines() if line.split()[:1] and line.split()[0].isdigit()]


def test_the_next_session_alone_has_no_table_of_steps() -> None:
    assert "Sessions ahead" not in shown(ALONE, Page(140))
    assert "Sessions ahead" not in shown(SEVERAL, Page(140))


def test_each_step_has_the_networks_score_and_its_skill_over_the_baselines_one_knows() -> None:
    text = shown(replace(ALONE, results=(far(5),)), Page(140))
    after = text[text.index("Sessions ahead") :]
    assert re.search(r"vs HAR-t\s+p\s+vs GARCH-t\s+p\s+vs random walk\s+p", after)
    rows = by_name(steps_table(far(5), ["har-t", "garch-t", "random-walk"], range(9)))
    assert list(rows) == ["1", "2", "3", "4", "5"]
    assert [rows[step]["CRPS"] for step in "12"] == ["112.00", "113.00"]
    assert [rows["2"][f"skill vs {name}"] for name in ("HAR-t", "GARCH-t", "random walk")] == [
        "+0.20 %",
        "+0.44 %",
        "+3.79 %",
    ]
    assert "Forecasts of neighbouring origins overlap, and the test allows for it." in joined(text)
    # What stands above is of the next session.
    assert "All folds: 377 forecasts" in text
    assert next(row for row in map(str.split, text.splitlines()) if row[:2] == [">", "lstm"])[2] == "112.00"


@pytest.mark.parametrize("horizon", [2, 12, 13, 20, 25, 60, 250])
def test_many_steps_are_shown_by_about_a_dozen_with_the_first_and_the_last(horizon: int) -> None:
    steps = [int(row[0]) for row in steps_of(shown(replace(ALONE, results=(far(horizon),)), Page(140)), "Sessions ah")]
    assert steps == sorted(set(steps))
    assert (steps[0], steps[-1]) == (1, horizon)
    assert min(horizon, 7) <= len(steps) <= 14
    if horizon <= 12:
        assert steps == list(range(1, horizon + 1))
    if horizon == 60:
        assert steps == [1, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60]


def test_a_baseline_that_nobody_has_is_in_no_column_of_the_steps() -> None:
    bare = replace(BACKTESTED, comparisons=tuple(c for c in BACKTESTED.comparisons if c.baseline != "garch-t"))
    text = shown(replace(ALONE, results=(far(3, bare),)), Page(140))
    after = text[text.index("Sessions ahead") :]
    assert "vs GARCH-t" not in after
    assert "vs random walk" in after


def test_all_tickers_have_their_steps_in_a_table_of_their_own() -> None:
    further = tuple(
        replace(c, horizon=step, crps_skill=c.crps_skill / step) for step in range(1, 61) for c in SEVERAL.pooled
    )
    summary = replace(SEVERAL, results=tuple(far(60, result) for result in SEVERAL.results), pooled=further)
    text = shown(summary, Page(140))
    together = text[text.index("All 2 tickers") :]
    rows = steps_of(together, "Sessions ahead, all tickers")
    assert {row[0] for row in rows} == {"1", *map(str, range(5, 61, 5))}
    # The table of all competitors is of the next session.
    assert next(row for row in map(str.split, together.splitlines()) if row[:1] == ["har-t"])[1] == "112.45"


def test_tickers_without_a_comparison_in_common_are_shown_all_the_same() -> None:
    text = shown(replace(SEVERAL, pooled=(), confidence_set={}), Page(100))
    assert "All 2 tickers: 754 forecasts each" in text
    assert "Sessions ahead" not in text


@pytest.mark.parametrize("width", [60, 80, 108])
def test_no_line_of_the_steps_is_longer_than_the_page(width: int) -> None:
    pooled = tuple(replace(c, horizon=step) for step in (1, 60) for c in SEVERAL.pooled)
    for summary in (
        replace(ALONE, results=(far(60),)),
        replace(SEVERAL, results=tuple(far(60, result) for result in SEVERAL.results), pooled=pooled),
    ):
        text = shown(summary, Page(width))
        assert max(cell_len(line) for line in text.splitlines()) <= width
        assert len(steps_of(text, "Sessions ahead")) == 13


def test_json_has_every_step_of_scores_comparisons_and_curves() -> None:
    curve = LossCurve(3, (0, 20, 40), (None, 1.5, 1.4), (1.45, 1.4, None), 20)
    result = replace(far(60), folds=(replace(FOLDS[0], curves={"lstm": (curve,)}), FOLDS[1]))
    document = json.loads(envelope("backtest", backtest_data(replace(ALONE, results=(result,))), []))
    (entry,) = document["data"]
    steps = [score["horizon"] for score in entry["scores"] if score["model"] == "lstm"]
    assert steps == [c["horizon"] for c in entry["comparisons"] if c["baseline"] == "drift"] == list(range(1, 61))
    assert entry["folds"][0]["curves"]["lstm"] == [
        {"seed": 3, "steps": [0, 20, 40], "training": [None, 1.5, 1.4], "validation": [1.45, 1.4, None], "chosen": 20}
    ]
    assert entry["splits"]["test"]["count"] == 379


def test_a_sharpe_ratio_is_deflated_in_words_only_where_several_cells_were_tried() -> None:
    text = shown(ALONE, Page(140))
    assert "deflated" not in text
    hold, sign, scaled = BACKTESTED.economics
    tried = replace(
        BACKTESTED, economics=(hold, replace(sign, deflated_sharpe_p=0.234), replace(scaled, deflated_sharpe_p=1.0))
    )
    text = shown(replace(ALONE, results=(tried,)), Page(140))
    rows = by_name(economics_table(tried.economics))
    assert [row["deflated p"] for row in rows.values()] == ["-", "0.234", "1.000"]
    assert "deflated p: the chance of a Sharpe ratio as high in the best of as many cells" in joined(text)


def start(number: int, initialised_from: str | None, kept: bool | None = None) -> FoldSummary:
    init = None if kept is None else InitialResult(initialised_from or "", "aa", "bb", kept, 0.011, 0.0109, 0.3)
    return replace(FOLDS[0], number=number, initialised_from=initialised_from, init=init)


@pytest.mark.parametrize(
    ("starts", "words"),
    [
        ([("scratch", None)], "Networks: from scratch in its fold."),
        ([("general", True), ("general", True)], "Networks: the general model unchanged in every fold."),
        (
            [("scratch", None), *[("pool", True)] * 3, ("pool", False), ("pool", True)],
            "Networks: from scratch in fold 1; model pool unchanged in folds 2 to 4, 6; model pool tuned in fold 5.",
        ),
        (
            [("scratch", None), ("the fold before", None)],
            "Networks: from scratch in fold 1; initialised from the fold before in fold 2.",
        ),
        ([("sp500", False), ("sp500", False)], "Networks: model sp500 tuned in every fold."),
    ],
)
def test_a_line_says_what_the_networks_of_each_fold_began_with(
    starts: list[tuple[str, bool | None]], words: str
) -> None:
    folds = tuple(start(number, *one) for number, one in enumerate(starts, start=1))
    assert networks_words(folds, "lstm")[0] == words
    assert words in joined(shown(replace(ALONE, results=(replace(ALONE.results[0], folds=folds),)), Page(400)))


def test_of_networks_that_are_not_trained_nothing_is_said() -> None:
    assert networks_words([start(1, None), start(2, None)], "lstm") == []


def test_who_would_have_been_served_is_said_of_the_network_that_the_verdict_is_about() -> None:
    chosen = [{"lstm": "lstm", "gru": "gru"}, {"lstm": "har-t", "gru": "gru"}, {"lstm": "lstm", "gru": "gru"}]
    folds = [replace(start(number, "scratch"), served_by=by) for number, by in enumerate(chosen, start=1)]
    assert networks_words(folds, "lstm")[1] == "Would have been served: lstm in folds 1, 3; har-t in fold 2."
    assert networks_words(folds, "gru")[1] == "Would have been served: gru in every fold."


def test_the_start_of_a_fold_is_in_the_json_with_the_models_ids() -> None:
    folds = (start(1, "scratch"), start(2, "general", kept=True))
    data = plain(backtest_data(replace(ALONE, results=(replace(ALONE.results[0], folds=folds),))))
    assert [fold["initialised_from"] for fold in data[0]["folds"]] == ["scratch", "general"]
    assert [fold["init"] and fold["init"]["kept"] for fold in data[0]["folds"]] == [None, True]
    assert data[0]["folds"][1]["init"]["served_id"] == "bb"


@pytest.mark.parametrize("width", [80, 120])
def test_policies_stand_below_the_rules_with_a_sentence_each(width: int) -> None:
    rule = BACKTESTED.economics[-1]
    rows = [replace(rule, strategy=name, deflated_sharpe_p=0.4) for name in ("policy", "policy (long only)")]
    verdicts = tuple(
        PolicyVerdict(row.strategy, -0.1, 0.6, 5.0, f"{row.strategy.capitalize()}: no evidence.") for row in rows
    )
    found = replace(BACKTESTED, economics=(*BACKTESTED.economics, *rows), policy=verdicts)
    table = by_name(economics_table(found.economics))
    assert [table[row.strategy]["deflated p"] for row in rows] == ["0.400", "0.400"]
    assert "in the best of as many that were tried" in economics_table(found.economics).notes
    text = shown(replace(ALONE, results=(found,)), Page(width))
    assert text.endswith("\nPolicy: no evidence.\nPolicy (long only): no evidence.\n")
    assert max(cell_len(line) for line in text.splitlines()) <= width
    (document,) = plain(backtest_data(replace(ALONE, results=(found,))))
    assert [verdict["strategy"] for verdict in document["policy"]] == [row.strategy for row in rows]
    assert "policy" not in plain(backtest_data(ALONE))[0]
