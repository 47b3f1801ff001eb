"""What is said of a report: its hour, who told the date, the odds where the hour is not known, and the width."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from datetime import date
from io import StringIO

import pytest

from stockcast.forecasts import ForecastEvent
from stockcast.report.data import forecasts_csv, ledger_csv
from stockcast.report.explain import explain_text
from stockcast.report.forecast import event_words, forecasts_text
from stockcast.report.html import report_html
from stockcast.report.live import ledger_text, run_text
from stockcast.report.text import Page
from stockcast.report.training import trainings_text
from tests.report import lives, reports
from tests.report.explanations import EXPLAINED
from tests.report.samples import EVENT, FORECAST, REACTING, TRAINED

TARGET = date(2021, 4, 5)


def joined(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (
            EVENT,
            (
                "Reports after the close of 2021-04-01 (Yahoo, as of 2021-03-30): the interval for 2021-04-05 "
                "is 2.4 times as wide as without that date."
            ),
        ),
        (
            replace(EVENT, day=TARGET, when="bmo", source="/home/me/dates.csv", as_of=None, width_factor=1.0374),
            (
                "Reports before the open of 2021-04-05 (dates.csv): the interval for 2021-04-05 is 1.04 times "
                "as wide as without that date."
            ),
        ),
        (
            replace(EVENT, when="unknown", sessions=(TARGET, date(2021, 4, 1)), probability=0.625),
            (
                "Reports at an unknown hour of 2021-04-01 (Yahoo, as of 2021-03-30): 2021-04-05 reacts to it "
                "with 62 % probability, and its interval is 2.4 times as wide as without that date."
            ),
        ),
        (
            replace(EVENT, width_factor=1.0),
            (
                "Reports after the close of 2021-04-01 (Yahoo, as of 2021-03-30): the interval for 2021-04-05 knows "
                "nothing of it, since har-t looks at no dates of reports."
            ),
        ),
    ],
    ids=["after the close", "before the open", "unknown hour", "no dates"],
)
def test_the_sentence_of_a_report(event: ForecastEvent, says: str) -> None:
    assert event_words(event, TARGET, "har-t") == says
    assert event_words(event, TARGET, "har-t", "AAPL") == f"AAPL r{says[1:]}"


def test_only_steps_that_react_have_a_sentence() -> None:
    assert "eports" not in forecasts_text([FORECAST], Page(100))
    assert forecasts_text([FORECAST, REACTING], Page(100)).count("Reports after the close") == 1


def test_a_run_names_who_reports() -> None:
    done = lives.ran(forecasts=(FORECAST, REACTING))
    text = joined(run_text([done, lives.ran(ticker="MSFT")], (), Page(120)))
    assert text.count("reports after") == text.count("AAPL reports after the close of 2021-04-01") == 1


def test_the_ledger_lists_the_reports_that_its_forecasts_knew_of() -> None:
    row = replace(lives.OPEN, forecast=REACTING)
    text = ledger_text([lives.SETTLED, row], 2, {}, Page(140))
    assert [line.count("2021-04-01 amc") for line in text.splitlines()] == [0, 0, 0, 1]
    assert "report" in text.splitlines()[0]
    assert "report" not in ledger_text([lives.SETTLED, lives.OPEN], 2, {}, Page(140))


def test_a_training_says_so_below_its_next_forecast() -> None:
    text = joined(trainings_text([replace(TRAINED, forecasts=(FORECAST, REACTING))], Page(100)))
    assert "Reports after the close of 2021-04-01" in text.partition("Next forecast")[2]


def test_the_page_says_so_where_it_tells_the_next_forecast() -> None:
    report = replace(reports.BARE, fan=(replace(reports.REPORT.fan[0], event=EVENT),))
    words = re.sub("<[^>]*>", "", report_html(report))
    assert "AAPL reports after the close of 2021-04-01 (Yahoo, as of 2021-03-30)" in words


def test_an_explanation_has_a_row_a_share_and_a_sentence_of_the_dates() -> None:
    width = replace(EXPLAINED.width, scale=0.0502, event_effect=0.881, base_share=0.43, network_share=0.02)
    known = replace(EXPLAINED, width=replace(width, event_share=0.55), event=EVENT)
    text = joined(explain_text(known, Page(120)))
    assert "the dates of reports +88.10" in text
    assert "with the network 2.08 %; with the dates of reports 5.02 %." in text
    assert "the base scale has 43 %, the network 2 % and the dates 55 %." in text
    assert "AAPL reports after the close of 2021-04-01" in text
    assert "reports" not in explain_text(EXPLAINED, Page(120))


def test_tables_have_columns_of_the_event_only_where_there_is_one() -> None:
    (first, second) = csv.DictReader(StringIO(forecasts_csv([FORECAST, REACTING]), newline=""))
    assert (first["event.day"], second["event.day"], second["event.width_factor"]) == ("", "2021-04-01", "2.413")
    assert "event" not in forecasts_csv([FORECAST])
    reacting = replace(lives.OPEN, forecast=REACTING)
    assert "event.as_of" in ledger_csv([lives.SETTLED, reacting]).splitlines()[0]
    assert "event" not in ledger_csv([lives.SETTLED])
