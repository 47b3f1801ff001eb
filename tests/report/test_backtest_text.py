"""Backtests in words: every figure whole on any page, the pooled part only where it says something, no promise."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from rich.cells import cell_len

from stockcast.report.asjson import envelope
from stockcast.report.backtest import backtest_data, backtest_text, folds_text
from stockcast.report.page import Page
from tests.report.backtests import ALONE, BACKTESTED, FOLDS, SEVERAL
from tests.report.samples import SENTENCE


def joined(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("width", [60, 80, 108, 160])
@pytest.mark.parametrize("unicode", [True, False])
def test_no_line_is_longer_than_the_page_and_no_figure_is_cut(width: int, unicode: bool) -> None:
    page = Page(width, unicode=unicode)
    for text in (backtest_text(ALONE, page), backtest_text(SEVERAL, page), folds_text([("AAPL", FOLDS)], page)):
        assert max(cell_len(line) for line in text.splitlines()) <= width
        assert "…" not in text
        assert text.endswith("\n")
        assert unicode or text.isascii()
    assert SENTENCE in joined(backtest_text(ALONE, page))


def test_a_ticker_has_its_folds_scores_verdict_calibration_and_economics() -> None:
    text = backtest_text(ALONE, Page(120))
    assert text.startswith("AAPL: 2 folds, 2018-07-02 to 2019-12-31\n")
    assert "\n1 fold of an earlier run: not fitted again.\n" in text
    for heading in ("All folds: 377 forecasts", "Verdict", "Calibration", "Trading on it"):
        assert f"\n{heading}" in text
    assert "90 % intervals held 90.5 %" in joined(text)
    assert "Worst year: 2018, 87.4 % of 127 sessions." in text
    assert "tenth of volatility" not in text
    rows = [line.split() for line in text.splitlines()]
    assert next(row[-5] for row in rows if row[:1] == ["1"] and "2018-07-02" in row) == "2010-01-04"
    assert next(row for row in rows if row[:1] == ["volatility-scaled"])[-1] == "-"
    assert next(row for row in rows if row[:1] == ["sign"])[-2:] == ["72.5", "bp"]


def test_both_networks_are_in_the_table_and_the_skills_are_the_chosen_ones() -> None:
    rows = [line.split() for line in backtest_text(ALONE, Page(140)).splitlines()]
    assert next(row for row in rows if row[:2] == [">", "gru"])[2] == "115.00"
    assert next(row for row in rows if row[:1] == ["har-t"])[1:5] == ["112.45", "+0.40", "%", "0.020"]


def test_one_ticker_is_told_who_cannot_be_told_from_the_best_and_several_are_told_once() -> None:
    says = (
        "Cannot be told from the best (model confidence set, 90 %; CRPS in basis points): "
        "lstm (112.00), har-t (112.45)."
    )
    assert says in joined(backtest_text(ALONE, Page(100)))
    several = joined(backtest_text(SEVERAL, Page(100)))
    assert several.count("Cannot be told from the best") == 1
    assert several.endswith(says)
    assert "Cannot be told" not in backtest_text(replace(ALONE, confidence_set={}), Page(100))


def test_several_tickers_have_a_section_each_and_one_for_all() -> None:
    text = backtest_text(SEVERAL, Page(100))
    assert [text.index(word) for word in ("AAPL: 2 folds", "MSFT: 2 folds", "All 2 tickers")] == sorted(
        text.index(word) for word in ("AAPL: 2 folds", "MSFT: 2 folds", "All 2 tickers")
    )
    rows = [line.split() for line in text[text.index("All 2 tickers") :].splitlines()]
    assert ["lstm", "har-t", "+0.44", "%", "0.031", "1", "of", "2", "0"] in rows
    assert ["lstm", "drift", "+15.00", "%", "<0.001", "2", "of", "2", "2"] in rows
    assert "All 1 ticker" not in backtest_text(ALONE, Page(100))


def test_folds_are_drawn_to_scale_in_the_order_learns_chooses_forecasts() -> None:
    lines = folds_text([("AAPL", FOLDS)], Page(120)).splitlines()
    assert lines[0] == "AAPL"
    first, second = lines[3:5]
    drawn = [re.search(r"(─+)(═+)(█+)", line) for line in (first, second)]
    assert all(drawn)
    spans = [match.span(3) for match in drawn if match]
    assert spans[0][1] <= spans[1][0] + 1
    learnt = [len(match[1]) for match in drawn if match]
    assert learnt[0] < learnt[1]
    plain = folds_text([("AAPL", FOLDS)], Page(120, unicode=False))
    assert re.search(r"-+=+#+", plain)


def test_the_words_promise_nothing() -> None:
    text = joined(backtest_text(SEVERAL, Page(100))) + joined(backtest_text(ALONE, Page(100)))
    assert "no promise, and no advice" in text
    assert not re.search(r"\b(will earn|guarantee\w*|sure|profit\w*|you can expect)\b", text)


def test_small_p_values_of_the_calibration_are_explained() -> None:
    text = joined(backtest_text(ALONE, Page(100)))
    assert "A small p speaks against the probabilities." in text
    assert "independent" not in text  # "misses independent, p <0.001" would say the opposite of what was found


def test_json_has_an_entry_per_ticker_and_one_for_all_without_the_rows() -> None:
    document = json.loads(envelope("backtest", backtest_data(SEVERAL), []))
    assert document["schema"] == "stockcast.backtest/1"
    aapl, msft, everyone = document["data"]
    assert (aapl["ticker"], msft["ticker"], everyone["ticker"]) == ("AAPL", "MSFT", "all")
    assert not {"rows", "laws"} & set(aapl)
    assert aapl["splits"] == {
        "train": {"first": "2010-01-04", "last": "2016-12-30", "count": 1761},
        "validation": {"first": "2017-01-03", "last": "2018-06-29", "count": 376},
        "test": {"first": "2018-07-02", "last": "2019-12-31", "count": 379},
    }
    assert {"scores", "comparisons", "verdict", "folds", "calibration", "economics", "left_out"} <= set(aapl)
    assert set(aapl["scores"][0]) == {
        "ticker", "model", "kind", "n", "crps", "log_score", "pinball", "interval_score_90", "coverage_50",
        "coverage_90", "mae_ratio", "rmse_ratio", "mape_ratio", "hit_rate", "always_up", "horizon",
    }  # fmt: skip
    assert aapl["folds"][0]["steps"] == {"lstm": [60, 70], "gru": [30, 10]}
    assert aapl["validation_crps"]["drift"] is None
    assert msft["calibration"] is None
    assert everyone["pooled"][0]["dm_p"] == 0.0312
    assert everyone["confidence_set"] == {"lstm": 1.0, "har-t": 0.2}


def test_json_of_one_ticker_is_one_entry_with_its_confidence_set() -> None:
    (entry,) = backtest_data(ALONE)
    assert entry["ticker"] == BACKTESTED.ticker
    assert entry["confidence_set"] == {"lstm": 1.0, "har-t": 0.34}
