"""A pooled training as text and JSON."""

from __future__ import annotations

from dataclasses import replace

from stockcast.pipeline.judging import skill_table
from stockcast.report.data import plain, pool_data
from stockcast.report.models import model_text
from stockcast.report.text import Page
from stockcast.report.training import pool_text
from stockcast.results import PoolResult
from tests.report.pools import POOL, pool
from tests.report.samples import MODEL, SENTENCE

PAGE = Page(width=120)


def text(result: PoolResult, page: Page = PAGE) -> str:
    """The report, with the table that the pipeline makes of it."""
    return pool_text(result, skill_table(result.summary), page)


def flat(result: PoolResult) -> str:
    return " ".join(text(result).split())


def first_words(result: PoolResult) -> list[str]:
    """What each row of the table of tickers begins with."""
    table = text(result).split("adjusted p", 1)[1].split("CRPS in basis points", 1)[0]
    return [line.split()[0] for line in table.splitlines()[2:]]


def test_the_heading_names_model_id_and_number_of_tickers() -> None:
    assert text(POOL).startswith("two: one lstm trained on 2 tickers (0123456789ab)\n")


def test_it_says_whether_the_network_looks_at_a_market() -> None:
    assert "It looks at the market too" in flat(POOL)
    assert "A second network does without" in flat(POOL)
    alone = flat(replace(POOL, market=False))
    assert "It looks at each ticker alone" in alone
    assert "second network" not in alone


def test_every_ticker_has_a_row_and_the_best_skill_comes_first() -> None:
    assert first_words(pool(LOW=-0.002, HIGH=0.008, MID=0.003)) == ["HIGH", "MID", "LOW"]


def test_a_strongest_baseline_that_is_garch_is_not_shown_twice() -> None:
    tickers = text(POOL).split("All 2 tickers", 1)[0]
    same = text(replace(POOL, verdict=replace(POOL.verdict, strongest_baseline="garch-t"))).split("All 2 tickers", 1)[0]
    assert [shown.count("vs GARCH-t  ") for shown in (tickers, same)] == [1, 1]
    assert "HAR-t" not in same.split("Verdict", 1)[0].split("Test part", 1)[1]


def test_of_many_tickers_the_best_and_the_worst_are_shown() -> None:
    rows = first_words(pool(**{f"T{k:03}": 0.001 * k for k in range(100)}))
    assert len(rows) == 61
    assert [rows[place] for place in (0, 29, 30, 31, 60)] == ["T099", "T070", "...", "T029", "T000"]


def test_the_spread_over_tickers_is_told_in_a_sentence() -> None:
    words = flat(pool(**{f"T{k:02}": 0.001 * (k - 4) for k in range(20)}))
    assert (
        "Better than HAR-t on 15 of 20 tickers, in the middle by +0.55 %; the best tenth from +1.40 % up, the worst "
        "tenth from -0.30 % down."
    ) in words
    assert "Better than HAR-t on 1 of 2 tickers, in the middle by +0.30 %. " in flat(POOL)


def test_all_tickers_share_a_table_a_calibration_and_a_verdict() -> None:
    words = flat(POOL)
    assert "All 2 tickers: 754 forecasts each" in words
    assert "Calibration across tickers" in words
    assert SENTENCE in words


def test_who_was_scored_and_who_serves_is_told_with_the_cutoffs() -> None:
    words = flat(POOL)
    assert "scored: lstm, trained to 2019-09-30" in words
    assert "served: lstm, refitted on everything to 2021-03-31" in words
    assert "gradient steps of each member: 60, 70" in words
    assert "saved in /home/nobody/models/two" in words
    assert "stockcast predict SOURCE... --model two" in words
    kept = replace(POOL, served_cutoff=POOL.scored_cutoff)
    assert "served: lstm, the one that was scored" in flat(kept)


def test_members_without_a_score_and_tickers_that_were_left_out_are_named() -> None:
    words = flat(replace(POOL, untested=("OLD", "NEW"), left_out={"VOD.L": "XLON"}))
    assert "not scored, with too few sessions around the test part: OLD, NEW" in words
    assert "left out, from other exchanges: VOD.L (XLON)" in words
    many = flat(replace(POOL, untested=tuple(f"T{k}" for k in range(30))))
    assert "T19 and 10 more" in many
    assert "not scored" not in flat(POOL)


def test_a_narrow_page_keeps_ticker_skill_adjusted_p_and_coverage() -> None:
    lines = text(POOL, Page(width=52)).split("All 2 tickers")[0].splitlines()
    header = next(line for line in lines if line.startswith("ticker "))
    assert header.split() == ["ticker", "vs", "HAR-t", "adjusted", "p", "vs", "GARCH-t", "coverage"]
    assert max(map(len, lines)) <= 52


def test_one_ticker_with_a_score_is_reported_too() -> None:
    alone = pool(AAPL=0.008)
    words = flat(replace(alone, members=("AAPL", "OLD"), untested=("OLD",)))
    assert "trained on 2 tickers" in words
    assert "Test part: 1 ticker" in words
    assert "in the middle" not in words


def test_json_has_the_names_of_a_tickers_training_and_those_of_a_pool() -> None:
    data = plain(pool_data(POOL))
    assert data["splits"]["test"] == {"first": "2019-10-01", "last": "2021-03-31", "count": 377}
    assert {(row["ticker"], row["model"]) for row in data["scores"]} == {
        (ticker, model) for ticker in ("AAPL", "MSFT") for model in ("lstm", "har-t", "garch-t")
    }
    assert len(data["comparisons"]) == 4
    assert data["verdict"]["sentence"] == SENTENCE
    assert data["verdicts"] == {"AAPL": SENTENCE, "MSFT": SENTENCE}
    assert data["adjusted_p"] == {"AAPL": 0.03, "MSFT": 0.03}
    assert [row["baseline"] for row in data["pooled"]] == ["har-t", "garch-t"]
    assert (data["model_id"], data["members"], data["market"]) == ("0123456789abcdef", ["AAPL", "MSFT"], True)
    assert (data["forecast"], data["forecasts"]) == (None, [])
    assert "rows" not in data


def test_the_manifest_of_a_pool_is_shown_in_a_few_lines() -> None:
    data = [
        {"ticker": "A", "first": "2010-01-04", "last": "2020-12-31", "sessions": 2769},
        {"ticker": "B", "first": "2012-01-03", "last": "2021-03-31", "sessions": 2326},
    ]
    sentences = {f"T{k}": SENTENCE for k in range(500)}
    manifest = {**MODEL.manifest, "data": data, "pool": {"members": [f"T{k}" for k in range(500)]}}
    manifest["pool"]["sentences"] = sentences
    shown = model_text(replace(MODEL, manifest=manifest), PAGE)
    assert "data: 2 series with 5,095 sessions, 2010-01-04 to 2021-03-31\n" in shown
    assert "pool.members: 500 values\n" in shown
    assert len(shown.splitlines()) < 40
