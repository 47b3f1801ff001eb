"""Scores on reaction days and on others, as they are shown and written: where there are any, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

from stockcast.evaluation.eventscores import DayScore, EventScore
from stockcast.pipeline.judging import skill_table
from stockcast.report.backtest import backtest_text
from stockcast.report.data import backtest_data, plain, report_data, train_data
from stockcast.report.html import report_html
from stockcast.report.reactions import reactions_table
from stockcast.report.text import Page
from stockcast.report.training import trainings_text
from tests.report.backtests import ALONE, BACKTESTED, SEVERAL
from tests.report.reports import REPORT
from tests.report.samples import TRAINED, by_name

SCORES = (
    EventScore(
        "AAPL", "har-t", "baseline", DayScore(6, 0.034, 0.2, 0.5833, 0.0912), DayScore(371, 0.0105, 0.52, 0.91, -0.0003)
    ),
    EventScore(
        "AAPL", "lstm", "network", DayScore(6, 0.0309, 0.5, 0.9167, None), DayScore(371, 0.010503, 0.51, 0.905, None)
    ),
)
TITLE = "Reports: 6 days with the reaction to a report and 371 others"


def test_the_best_on_reaction_days_comes_first_with_the_gain_of_the_network_on_either_kind_of_day() -> None:
    table = reactions_table(SCORES, "lstm")
    cells = by_name(table)
    assert list(cells) == ["lstm", "har-t"]
    assert table.pointed == {0}
    assert cells["har-t"] == {
        "model": "har-t",
        "reaction CRPS": "340.00",
        "reaction skill": "+9.12 %",
        "reaction 50 %": "20.0 %",
        "reaction 90 %": "58.3 %",
        "other CRPS": "105.00",
        "other skill": "-0.03 %",
        "other 50 %": "52.0 %",
        "other 90 %": "91.0 %",
    }
    assert cells["lstm"]["reaction skill"] == ""


def test_texts_and_the_page_show_it_where_there_is_something_to_show() -> None:
    page = Page(120)
    told = replace(BACKTESTED, event_scores=SCORES)
    summary = replace(ALONE, results=(told,))
    several = replace(SEVERAL, event_scores=tuple(replace(score, ticker="all") for score in SCORES))
    with_scores = (
        trainings_text([replace(TRAINED, event_scores=SCORES)], page),
        backtest_text(summary, skill_table(summary), page),
        backtest_text(several, skill_table(several), page),
    )
    without = trainings_text([TRAINED], page), backtest_text(ALONE, skill_table(ALONE), page)
    for text in with_scores:
        assert TITLE in text
        words = " ".join(text.split())
        assert "how much lower that of the lstm is" in words
        assert "in neither group" in words
    assert not any("reaction" in text for text in without)
    shown = report_html(replace(REPORT, result=replace(REPORT.result, event_scores=SCORES)))
    assert "6 days with the reaction to a report" in shown
    assert "reaction" not in report_html(REPORT)


def test_documents_have_the_scores_of_both_kinds_of_days() -> None:
    told = replace(BACKTESTED, event_scores=SCORES)
    expected = plain(SCORES)
    assert plain(train_data([replace(TRAINED, event_scores=SCORES)]))[0]["event_scores"] == expected
    assert plain(backtest_data(replace(ALONE, results=(told,))))[0]["event_scores"] == expected
    assert plain(report_data(replace(REPORT, result=told), []))["event_scores"] == expected
    assert expected[0]["reaction"] == {
        "n": 6, "crps": 0.034, "coverage_50": 0.2, "coverage_90": 0.5833, "network_skill": 0.0912,
    }  # fmt: skip
    assert plain(train_data([TRAINED]))[0]["event_scores"] == []
