"""A damaged store on a disk without room: it stays as it was, that is said, and it is mended once there is some."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stockcast.storage.database import FILE, Database
from stockcast.storage.pricestore import save_instrument
from tests.live.command import tables
from tests.processes import Completed, Process
from tests.storage.test_pricestore import APPLE
from tests.torture import recorder

pytestmark = pytest.mark.skipif(
    os.name == "nt" or not recorder.sees_sqlite(), reason="what SQLite asks of the system is not to be seen here"
)


def repaired(folder: Path, home: Path, room: int) -> Completed:
    """How a repair ends with room for so many bytes."""
    words = [folder / "record", home, "doctor", "--repair", "--offline", "--home", home]
    return Process(words, home, {**os.environ, "TORTURE_ROOM": str(room)}, Path(recorder.__file__)).completed()


# Nothing at all, and less than a new store takes.
@pytest.mark.parametrize("room", [0, 100_000])
def test_a_repair_on_a_full_disk_loses_nothing_and_says_so(tmp_path: Path, home: Path, room: int) -> None:
    with Database.open(home) as db:
        save_instrument(db, APPLE)
        db.execute("INSERT INTO runs (started_at, summary) VALUES ('2020-01-01T00:00:00+00:00', x'00')")
    before = tables(home)
    done = repaired(tmp_path, home, room)
    assert done.code == 1
    (line,) = [line for line in done.err.splitlines() if line.startswith("error: repair: ")]
    assert line == f"error: repair: cannot write {home / FILE}: database or disk is full"
    assert "  hint: Free some space" in done.err
    assert tables(home) == before
    assert not (home / "damaged").exists()
    assert not list(home.glob(".stockcast-*"))
    repaired(tmp_path, home, 1 << 30)
    assert tables(home)["instruments"] == before["instruments"]
    assert tables(home)["runs"] == []
    assert len(os.listdir(home / "damaged")) == 1
