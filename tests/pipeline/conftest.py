"""A provider in memory, a store of one's own, and a clock that the test sets."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from stockcast import pipeline
from stockcast.progress import Silent
from stockcast.storage.database import Database
from tests import synthetic
from tests.pipeline.indexed import ALL, asked, events, files
from tests.pipeline.provider import THURSDAY, Provider, evening, series

SetClock = Callable[[datetime], None]


@pytest.fixture(autouse=True)
def provider(monkeypatch: pytest.MonkeyPatch) -> Provider:
    """A provider that lists AAA and BBB."""
    found = Provider(series("AAA", seed=1), series("BBB", seed=2))
    return found.install(monkeypatch)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """Sets the time; it is Thursday evening."""

    def at(moment: datetime) -> None:
        monkeypatch.setenv("STOCKCAST_NOW", moment.isoformat())

    at(evening(THURSDAY))
    return at


@pytest.fixture
def db(home: Path) -> Iterator[Database]:
    """The store of the test's home."""
    with Database.open(home) as opened:
        yield opened


@pytest.fixture(scope="module")
def few_baselines() -> Iterator[None]:
    """Baselines that are quickly fitted: none of them looks at a covariate."""
    with synthetic.only_baselines("random-walk", "har-t"):
        yield


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the two files, known dates, and in `home` the model FAKE of all of them."""
    folder = tmp_path_factory.mktemp("made")
    fake, index = files(folder)
    known = events(folder, 63, 126, 189, 252, 315, 378, 441, 504, 567, 610)
    with known.open("a") as file:
        file.write("2014-05-20\n2014-06-30\n")
    with synthetic.only_baselines("random-walk", "har-t"):
        pipeline.train(str(fake), ALL, asked(index, known_ahead=known), folder / "home", None, Silent())
    return folder


@pytest.fixture
def own(made: Path, tmp_path: Path) -> Path:
    """The same in a folder of the test's own; the model still names the first one."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path
