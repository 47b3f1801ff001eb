"""Gathering a pool: files and tickers of one exchange; what cannot be had, or trades elsewhere, is told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from stockcast import pipeline
from stockcast.config.sources import FetchConfig
from stockcast.errors import ConfigError, DataError
from stockcast.pipeline.pools import PoolSources
from stockcast.prices.events import BEFORE
from stockcast.prices.yahoo.answer import Meta
from stockcast.progress import Silent
from tests import synthetic
from tests.pipeline.provider import Provider, series
from tests.progress import ProgressLog

LONDON = Meta("", exchange_code="LSE", zone="Europe/London", currency="GBp", kind="EQUITY")
TOKYO = Meta("", exchange_code="JPX", zone="Asia/Tokyo", currency="JPY", kind="EQUITY")


def gathered(
    home: Path, sources: Sequence[str], exchange: str | None = None, log: ProgressLog | None = None
) -> PoolSources:  # fmt: skip
    fetch_session = pipeline.FetchSession(FetchConfig(pause=0), many=True)
    prices = pipeline.PriceSource(home, fetch_session=fetch_session)
    return pipeline.gather(prices, sources, log or Silent(), exchange)


def file(folder: Path, name: str, seed: int = 0) -> str:
    folder.mkdir(exist_ok=True)
    return str(synthetic.write_csv(folder / f"{name}.csv", synthetic.history(60, seed=seed)))


def names(found: PoolSources) -> list[str]:
    return [history.ticker for history in found.found]


def test_files_and_tickers_are_gathered_in_the_order_of_their_names(home: Path, tmp_path: Path) -> None:
    found = gathered(home, ["BBB", file(tmp_path, "ABC"), "aaa"])
    assert names(found) == ["AAA", "ABC", "BBB"]
    assert (found.failures, found.left_out, found.exchange) == ((), {}, "XNYS")
    assert [member.ticker for member in found.pool().members] == ["AAA", "ABC", "BBB"]


def test_files_alone_are_of_new_york_unless_another_exchange_is_named(home: Path, tmp_path: Path) -> None:
    sources = [file(tmp_path, "X"), file(tmp_path, "Y", 1)]
    assert gathered(home, sources).pool().calendar.exchange == "XNYS"
    assert gathered(home, sources, "XLON").pool().calendar.exchange == "XLON"
    assert gathered(home, sources, "lse").exchange == "XLON"


def test_what_is_wrong_with_a_source_does_not_stop_the_others(home: Path, tmp_path: Path) -> None:
    found = gathered(home, ["AAA", "ZZZ", str(tmp_path / "none.csv"), "BBB"])
    assert names(found) == ["AAA", "BBB"]
    assert [failure.source for failure in found.failures] == ["ZZZ", str(tmp_path / "none.csv")]


def test_tickers_of_other_exchanges_are_left_out_with_a_hint(home: Path, provider: Provider) -> None:
    for ticker, meta in (("CCC", LONDON), ("DDD", TOKYO)):
        provider.listed[ticker] = series(ticker, meta=meta)
    log = ProgressLog()
    found = gathered(home, ["CCC", "AAA", "DDD", "BBB"], log=log)
    assert names(found) == ["AAA", "BBB"]
    assert found.left_out == {"CCC": "XLON", "DDD": "XTKS"}
    assert any("CCC trades on XLON" in note and "--exchange" in note for note in log.notes)


def test_the_exchange_that_is_named_decides_who_is_left_out(home: Path, provider: Provider) -> None:
    provider.listed["CCC"] = series("CCC", meta=LONDON)
    found = gathered(home, ["CCC", "AAA", "BBB"], "XLON")
    assert names(found) == ["CCC"]
    assert found.left_out == {"AAA": "XNYS", "BBB": "XNYS"}
    with pytest.raises(DataError, match="a pool needs 2 series, and only CCC can be used"):
        found.pool()


def test_of_equally_common_exchanges_the_order_of_the_sources_does_not_choose(home: Path, provider: Provider) -> None:
    provider.listed["CCC"] = series("CCC", meta=LONDON)
    assert gathered(home, ["AAA", "CCC"]).exchange == gathered(home, ["CCC", "AAA"]).exchange == "XLON"


def test_files_beside_tickers_are_taken_to_be_of_their_exchange_and_that_is_said(
    home: Path, tmp_path: Path, provider: Provider
) -> None:
    provider.listed["CCC"], provider.reports["CCC"] = series("CCC", meta=LONDON), [(date(2021, 2, 25), BEFORE)]
    log = ProgressLog()
    found = gathered(home, ["CCC", file(tmp_path, "X")], log=log)
    assert (names(found), found.exchange) == (["CCC", "X"], "XLON")
    assert log.notes == ["the files are taken to be of XLON, as the tickers are"]


def test_a_second_series_of_a_name_is_a_failure_and_the_first_stays(home: Path, tmp_path: Path) -> None:
    first, second = file(tmp_path / "a", "X"), file(tmp_path / "b", "X", seed=1)
    found = gathered(home, [first, file(tmp_path, "Y"), second])
    assert [history.source for history in found.found] == [first, str(tmp_path / "Y.csv")]
    ((source, message),) = [(failure.source, failure.error.message) for failure in found.failures]
    assert source == second
    assert f"a series named X is in the pool already, from {first}" in message


def test_a_source_that_is_named_twice_is_read_once(home: Path, tmp_path: Path) -> None:
    source = file(tmp_path, "X")
    found = gathered(home, [source, source])
    assert (names(found), found.failures) == (["X"], ())


def test_a_pool_of_nothing_is_a_data_error(home: Path) -> None:
    found = gathered(home, ["ZZZ"])
    assert len(found.failures) == 1
    with pytest.raises(DataError, match="a pool needs 2 series, and no source can be used"):
        found.pool()


def test_an_unknown_exchange_is_refused_before_anything_is_fetched(home: Path, provider: Provider) -> None:
    with pytest.raises(ConfigError, match="unknown exchange"):
        gathered(home, ["AAA", "BBB"], "nowhere")
    assert provider.asked == []
