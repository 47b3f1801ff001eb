"""Homes on some evenings: each test has a copy, which it may change.

On 2021-04-01 both tickers were fetched, a model of AAA was trained and its forecast made. On Monday a run was killed
and repeated; the next one is Thursday's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.live.command import CONFIG, MONDAY, NEXT_THURSDAY, THURSDAY, Live, copied, evening, listings, live, tables
from tests.processes import Completed


@dataclass(frozen=True)
class FirstEvening:
    """The first evening: how the commands ended, and the home they left."""

    home: Path
    fetched: Completed
    trained: Completed
    predicted: Completed
    listed: Completed
    asked: list[str]


@pytest.fixture(scope="session")
def first_evening(tmp_path_factory: pytest.TempPathFactory) -> FirstEvening:
    with live(tmp_path_factory.mktemp("live") / "home", listings(), evening(THURSDAY)) as here:
        fetched = here("fetch", "aaa", "BBB")
        trained = here("train", "AAA", "--seeds", "1", "--steps", "20", "--quiet", "--json")
        predicted = here("predict", "AAA", "--json")
        listed = here("ledger", "list", "--json")
        (here.home / "stockcast.toml").write_text(CONFIG)
        return FirstEvening(here.home, fetched, trained, predicted, listed, [ticker for ticker, _ in here.asked])


@pytest.fixture
def here(first_evening: FirstEvening, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A copy of the home of the first evening, on the same evening."""
    with live(
        copied(first_evening.home, tmp_path_factory.mktemp("here") / "home"), listings(), evening(THURSDAY)
    ) as one:
        yield one


@pytest.fixture(scope="session")
def ran(first_evening: FirstEvening, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Completed]:
    """The home after Monday evening, whose first run was killed while it trained, and what the second one said."""
    with live(copied(first_evening.home, tmp_path_factory.mktemp("ran") / "home"), listings(), evening(MONDAY)) as one:
        process = one.start("run")
        for line in process.stderr:
            if "BBB: training" in line:
                break
        process.kill()
        process.completed()
        tables(one.home)
        return one.home, one("run", "--json").succeeded()


@pytest.fixture
def after_run(ran: tuple[Path, Completed], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A copy of that home, on the same evening."""
    with live(copied(ran[0], tmp_path_factory.mktemp("after") / "home"), listings(), evening(MONDAY)) as one:
        yield one


@pytest.fixture(scope="session")
def returned(ran: tuple[Path, Completed], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Completed]:
    """The home after a run on Thursday that follows the one of Monday, and what it said."""
    with live(copied(ran[0], tmp_path_factory.mktemp("returned") / "home"), listings(), evening(NEXT_THURSDAY)) as one:
        return one.home, one("run").succeeded()


@pytest.fixture
def back(returned: tuple[Path, Completed], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(copied(returned[0], tmp_path_factory.mktemp("back") / "home"), listings(), evening(NEXT_THURSDAY)) as one:
        yield one
