"""Time zones of the machine and of exchanges."""

from __future__ import annotations

from datetime import date
from datetime import time as at
from pathlib import Path

from tests.live.command import MONDAY, Live, copied, evening, listing, live, rows, tables, utc
from tests.live.conftest import FirstEvening
from tests.loopback.market import Listing


def test_the_time_zone_of_the_machine_changes_nothing(here: Live, tmp_path: Path) -> None:
    here.market.now = evening(MONDAY)
    begun = [
        here.start(
            "predict", "AAA", "--json", home=copied(here.home, tmp_path / zone.replace("/", "-")), more={"TZ": zone}
        )
        for zone in ("Asia/Tokyo", "UTC", "America/Los_Angeles")
    ]
    tokyo, utc_, los_angeles = (process.completed().succeeded().data for process in begun)
    assert (tokyo[0]["origin"], tokyo[0]["target_session"]) == ("2021-04-05", "2021-04-06")
    assert tokyo == utc_ == los_angeles
    assert tables(tmp_path / "Asia-Tokyo") == tables(tmp_path / "UTC") == tables(tmp_path / "America-Los_Angeles")


def abroad() -> list[Listing]:
    """Tickers of Tokyo, London and New York, one that trades day and night, and one of an exchange nobody knows."""
    last = date(2025, 5, 30)
    return [
        listing(
            "7203.T", last, calendar="XTKS", exchange="JPX", zone="Asia/Tokyo", currency="JPY",
            opens=at(9), closes=at(15, 30),
        ),
        listing(
            "VOD.L", last, calendar="XLON", exchange="LSE", zone="Europe/London", currency="GBp",
            opens=at(8), closes=at(16, 30),
        ),
        listing(
            "BTC-USD", last, calendar="24/7", exchange="CCC", zone="UTC", kind="CRYPTOCURRENCY",
            opens=at(0), closes=at(23, 59, 59),
        ),
        listing("AAA", last),
        listing("ODD", last, exchange="XXX", zone="Antarctica/Troll", opens=at(9), closes=at(17)),
    ]  # fmt: skip


def test_every_exchange_has_its_own_sessions_and_holidays(first_evening: FirstEvening, tmp_path: Path) -> None:
    tickers = ("7203.T", "VOD.L", "BTC-USD", "AAA", "ODD")
    home = tmp_path / "home"
    copied(first_evening.home / "models", home / "models")
    # A quarter past three in Tokyo, which closes at half past since November 2024; London is about to open.
    with live(home, abroad(), utc(2025, 5, 2, 6, 15)) as here:
        done = here("fetch", *tickers, "--pause", "0", "--json").succeeded()
        assert {row["ticker"]: (row["exchange"], row["last"]) for row in done.data} == {
            "7203.T": ("XTKS", "2025-05-01"),
            "VOD.L": ("XLON", "2025-05-01"),
            "BTC-USD": ("24/7", "2025-05-01"),
            "AAA": ("XNYS", "2025-05-01"),
            "ODD": ("weekdays", "2025-05-01"),
        }
        assert all(row["age_sessions"] == 0 for row in done.data)
        (warning,) = (line for line in done.err.splitlines() if "not known" in line)
        assert all(word in warning for word in ("ODD", "XXX", "weekdays"))
        # Friday evening in London, before New York's close; Monday is a holiday there, Monday and Tuesday in Tokyo.
        here.at(2025, 5, 2, 16)
        told = here("predict", *tickers, "--model", "AAA", "--json").succeeded()
        assert {row["ticker"]: (row["origin"], row["target_session"]) for row in told.data} == {
            "7203.T": ("2025-05-02", "2025-05-07"),
            "VOD.L": ("2025-05-02", "2025-05-06"),
            "BTC-USD": ("2025-05-01", "2025-05-02"),
            "AAA": ("2025-05-01", "2025-05-02"),
            "ODD": ("2025-05-02", "2025-05-05"),
        }
        assert {row["ticker"]: row["currency"] for row in told.data}["7203.T"] == "JPY"
        assert rows(home, "SELECT DISTINCT kind FROM forecasts") == [("live",)]
        # The coin trades at weekends: on Sunday evening Saturday is its last session, the shares' is Friday.
        here.at(2025, 5, 4, 21)
        weekend = here("predict", "BTC-USD", "VOD.L", "--model", "AAA", "--json").succeeded().data
        assert [(row["origin"], row["target_session"]) for row in weekend] == [
            ("2025-05-03", "2025-05-04"), ("2025-05-02", "2025-05-06")
        ]  # fmt: skip
