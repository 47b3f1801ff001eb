from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from stockcast.report.data import envelope, ledger_csv, ledger_data, ledger_jsonl, plain, score_data
from stockcast.report.live import fetches_text, ledger_text, missed_words, run_text, score_text
from stockcast.report.text import Page
from stockcast.results import FetchResult, Retraining, TickerRun
from tests.report.lives import FETCHED, GAP, MONDAY, OPEN, OUTCOME, SCORE, SETTLED, VOID, WITHOUT_RIVAL, ran, scored

WIDE, NARROW, PLAIN = Page(160), Page(40), Page(120, unicode=False)


def fits(text: str, page: Page) -> bool:
    return all(len(line) <= page.width for line in text.splitlines())


# fetch


@pytest.mark.parametrize(
    ("result", "progress_log"),
    [
        (FETCHED, "fetched"),
        (replace(FETCHED, asked=False), "stored prices did"),
        (replace(FETCHED, added=0), "nothing new"),
        (replace(FETCHED, corrected=1), "1 bar corrected"),
        (replace(FETCHED, corrected=2), "2 bars corrected"),
        (replace(FETCHED, restated="history restated by the provider", corrected=2), "restated and replaced"),
    ],
)
def test_a_fetch_says_what_happened(result: FetchResult, progress_log: str) -> None:
    text = fetches_text([result], WIDE)
    assert text.rstrip().endswith(progress_log)
    assert "10,158" in text


def test_a_fetch_says_how_far_prices_are_behind() -> None:
    late = replace(FETCHED, age_sessions=1)
    assert "1 session " in fetches_text([late], WIDE)
    assert "2 sessions" in fetches_text([replace(late, age_sessions=2, currency=None)], WIDE)


def test_a_narrow_page_keeps_ticker_newest_session_and_what_is_new() -> None:
    text = fetches_text([FETCHED, replace(FETCHED, ticker="BRK-B", age_sessions=3)], NARROW)
    assert fits(text, NARROW)
    for word in ("AAPL", "BRK-B", "2021-04-01", "new", "3 sessions"):
        assert word in text
    assert "XNYS" not in text


# run


@pytest.mark.parametrize(
    ("done", "progress_log"),
    [
        (ran(), "recorded"),
        (ran(new=0), "already on record"),
        (ran(training=Retraining("first", "first model")), "trained, recorded"),
        (ran(training=Retraining("replaced", "better")), "retrained, recorded"),
        (ran(training=Retraining("kept", "worse")), "old model kept, recorded"),
    ],
)
def test_a_run_shows_each_ticker_and_what_happened(done: TickerRun, progress_log: str) -> None:
    text = run_text([done], (), WIDE)
    for word in ("2021-04-01", "122.15", "122.31", "118.90 .. 125.80", "53.1 %"):
        assert word in text
    assert text.rstrip().endswith(progress_log)
    # The first step alone.
    assert "2021-04-05" not in text


def test_a_run_names_files_and_missed_sessions() -> None:
    text = run_text([ran(missed=GAP), ran(ticker="MSFT", forecasts=())], ("out/forecasts.csv", "out/latest.json"), WIDE)
    assert "AAPL: 2 sessions without a live forecast: 2021-03-29, 2021-03-30" in text
    assert "written: out/forecasts.csv, out/latest.json" in text
    assert "MSFT" in text


def test_a_run_on_a_narrow_page_keeps_the_forecast() -> None:
    page = Page(72)
    text = run_text([ran()], (), page)
    assert fits(text, page)
    for word in ("AAPL", "122.31", "118.90 .. 125.80", "recorded"):
        assert word in text


# score


def test_a_score_stands_beside_its_rival() -> None:
    text = score_text(scored(SCORE), WIDE)
    for word in (
        "1,234",
        "112.00",
        "har-t",
        "+1.23 %",
        "<0.001",
        "91.2 %",
        "87.0 % .. 94.0 %",
        "88.0 %",
        "The verdict.",
    ):
        assert word in text


def test_without_a_rival_there_is_no_skill() -> None:
    row = next(line for line in score_text(scored(WITHOUT_RIVAL), WIDE).splitlines() if line.startswith("NEW"))
    assert row.split()[6:9] == ["-", "-", "-"]


def test_a_record_without_a_settled_forecast_is_a_sentence() -> None:
    assert score_text(scored(), WIDE) == "The verdict.\n"


def test_what_waits_is_void_or_was_missed_is_said() -> None:
    text = score_text(scored(SCORE, waiting=1, void=2, missed={"AAPL": GAP}), WIDE)
    assert "1 forecast due and not settled: stockcast run settles; 2 forecasts void" in text
    assert missed_words("AAPL", GAP) in text
    assert "due and not settled" in score_text(scored(waiting=2), WIDE)


def test_scores_on_a_narrow_page_keep_skill_and_coverage() -> None:
    page = Page(80)
    text = score_text(scored(SCORE, WITHOUT_RIVAL), page)
    assert fits(text, page)
    for word in ("AAPL", "1,234", "112.00", "+1.23 %", "91.2 %"):
        assert word in text
    assert "PIT" not in text


def test_scores_are_json_with_nothing_that_is_no_number() -> None:
    found = scored(SCORE, WITHOUT_RIVAL, missed={"AAPL": GAP})
    data = json.loads(envelope("score", score_data(found), ()), parse_constant=pytest.fail)["data"]
    assert data["decayed"] is True
    assert data["scores"][0]["comparisons"][1]["crps_skill"] is None
    assert data["missed"] == {"AAPL": ["2021-03-29", "2021-03-30"]}


# ledger


def test_the_ledger_says_what_became_of_each_forecast() -> None:
    text = ledger_text([SETTLED, replace(SETTLED, outcome=replace(OUTCOME, hit_90=False)), OPEN, VOID], 4, {}, WIDE)
    settled, outside, waiting, void = text.splitlines()[2:]
    assert settled.endswith("123.37   within 90 %")
    assert outside.endswith("outside 90 %")
    assert waiting.split()[-2:] == ["-", "open"]
    assert void.split()[-2:] == ["-", "void"]
    assert "0.01234" in void


def test_the_ledger_says_how_much_it_does_not_show() -> None:
    text = ledger_text([SETTLED], 1234, {"AAPL": GAP, "MSFT": ()}, WIDE)
    assert "the newest 1 of 1,234 forecasts; --limit 0 shows all" in text
    assert missed_words("AAPL", GAP) in text
    assert "MSFT" not in text
    assert ledger_text([], 0, {}, WIDE) == ""


def test_of_many_missed_sessions_the_newest_five_are_named() -> None:
    days = [MONDAY + timedelta(days=k) for k in range(7)]
    words = missed_words("AAPL", days)
    assert words.startswith("AAPL: 7 sessions without a live forecast: 2021-04-07, ")
    assert words.endswith("2021-04-11, and 2 before")
    assert missed_words("AAPL", days[:1]) == "AAPL: 1 session without a live forecast: 2021-04-05"


def test_the_ledger_on_a_narrow_page_keeps_target_kind_interval_and_outcome() -> None:
    text = ledger_text([SETTLED, OPEN], 2, {}, Page(72))
    assert fits(text, Page(72))
    for word in ("2021-04-01", "live", "118.90 .. 125.80", "123.37", "within 90 %"):
        assert word in text


def test_a_page_without_unicode_gets_none() -> None:
    texts = [
        fetches_text([FETCHED], PLAIN),
        run_text([ran(missed=GAP)], ("out.csv",), PLAIN),
        score_text(scored(SCORE, waiting=1), PLAIN),
        ledger_text([SETTLED], 9, {"AAPL": GAP}, PLAIN),
    ]
    for text in texts:
        assert text.isascii()


def test_an_exported_forecast_has_its_outcome_in_json_lines_and_in_csv() -> None:
    documents = [
        json.loads(line, parse_constant=pytest.fail) for line in ledger_jsonl([SETTLED, OPEN, VOID]).splitlines()
    ]
    assert [d["status"] for d in documents] == ["settled", "open", "void"]
    assert documents == plain(ledger_data([SETTLED, OPEN, VOID], {}))["forecasts"]
    assert documents[0]["realised_close"] == pytest.approx(122.15 * 1.01)
    rows = list(csv.DictReader(io.StringIO(ledger_csv([OPEN, SETTLED, VOID]))))
    assert [row["id"] for row in rows] == ["8", "7", "9"]
    assert "outcome" not in rows[0]
    settled = rows[1]
    assert (settled["outcome.hit_90"], settled["outcome.hit_50"]) == ("true", "false")
    assert float(settled["outcome.baselines.har-t.crps"]) == 0.0081
    assert settled["outcome.baselines.random-walk.log_score"] == rows[0]["outcome.crps"] == ""
    assert json.loads(settled["interval_90"]) == [-0.027, 0.03]
    assert rows[2]["mean"] == ""


def test_an_empty_ledger_exports_nothing() -> None:
    assert ledger_csv([]) == ledger_jsonl([]) == ""
