"""The disk that loses power catches writers that skip a sync, and none of ours."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.torture.disk import WAYS, Disk
from tests.torture.power import SCENES, Recording, left_by, play, record, violations
from tests.torture.recorder import Call, sees_sqlite

pytestmark = pytest.mark.skipif(
    os.name == "nt" or not sees_sqlite(), reason="what SQLite asks of the system is not to be seen here"
)

TOLD = 'print("saved", flush=True)\n'
WHOLE = """\
from pathlib import Path
from stockcast.storage.files import save_files
for text in ("old" * 1000, "new" * 1000):
    save_files({Path("deep/er/file.csv"): text})
    print("saved", flush=True)
"""
MODEL = """\
from pathlib import Path
import numpy as np
from stockcast.storage.modelfile import ModelFile, delete_model, save_model
for fill in (1.0, 2.0):
    save_model(Path("home/models"), ModelFile("mine", {"fill": fill}, {"weights": np.full(3, fill)}))
    print("saved", flush=True)
delete_model(Path("home/models"), "mine")
print("removed", flush=True)
"""
_HOME = """\
import os, sqlite3
from datetime import UTC, datetime
from pathlib import Path
from stockcast.config.runs import OutputConfig
from stockcast.storage.backup import put_back, write_backup
from stockcast.storage.database import Database
from stockcast.storage.files import save_files
from stockcast.storage.outputs import put_aside_foreign
from stockcast.storage.pricestore import save_instrument
from stockcast.storage.salvage import mend_store, put_aside_studies
from tests.storage.test_pricestore import APPLE
home, copy, now = Path("home"), Path("copy.db"), datetime(2020, 1, 2, tzinfo=UTC)
def commit():
    with Database.open(home) as db:
        db.execute("INSERT INTO runs (started_at) VALUES ('2020-01-01T00:00:00+00:00')")
    print("told", flush=True)
"""


def at_home(code: str) -> str:
    """A script that keeps a store."""
    return _HOME + code


BACKUP = at_home("""
commit()
write_backup(home, copy)
print("saved", flush=True)
commit()
put_back(home, copy, now)
print("restored", flush=True)
with Database.open(home) as db:
    db.execute("DELETE FROM runs")
    db.compact()
print("pruned", flush=True)
""")
REPAIR = at_home("""
with Database.open(home) as db:
    save_instrument(db, APPLE)
    db.execute("INSERT INTO runs (started_at, summary) VALUES ('2020-01-01T00:00:00+00:00', x'00')")
commit()
print(mend_store(home, now), flush=True)
""")
COPIED = "import os\ndef refuse(*_):\n    raise OSError\nos.link = refuse\n" + REPAIR
ASIDE = at_home("""
for name in ("home/studies/studies.db", "home/studies/studies.db-wal", "out/forecasts.jsonl"):
    save_files({Path(name): "none of ours"})
print("told", flush=True)
print(put_aside_studies(home, now), flush=True)
print(put_aside_foreign(OutputConfig(folder=Path("out")), now), flush=True)
""")
UNSYNCED = """\
import os
with open("file.new", "w") as file:
    file.write("new" * 1000)
os.replace("file.new", "file.csv")
"""
UNNAMED = """\
import os
with open("file.new", "w") as file:
    file.write("new" * 1000)
    file.flush()
    os.fsync(file.fileno())
os.replace("file.new", "file.csv")
print("saved", flush=True)
"""
IN_NEW_FOLDER = """\
from pathlib import Path
from stockcast.storage.files import write_atomic
Path("folder").mkdir()
write_atomic(Path("folder/file.csv"), "new")
print("saved", flush=True)
"""
STORE = """\
import sqlite3
db = sqlite3.connect("stockcast.db", isolation_level=None)
db.execute("PRAGMA journal_mode = WAL")
db.execute("PRAGMA synchronous = {level}")
db.execute("CREATE TABLE told (number)")
for number in range(3):
    db.execute("INSERT INTO told VALUES (?)", [number])
    print(number, flush=True)
db.close()
"""


def found_in(recording: Recording, draws: int = 2) -> set[str]:
    """What is violated at any moment of a recording, in any way; writes on end are one moment."""
    turns = [moment for moment, call in enumerate(recording.calls) if call.name != "write"]
    return {
        violation
        for moment in (*turns, len(recording.calls))
        for way in WAYS
        for seed in range(1 if way in ("everything", "nothing") else draws)
        for violation in violations(recording, moment, left_by(recording, moment, way, random.Random(seed)))  # noqa: S311
    }


def planted(folder: Path, code: str) -> Recording:
    script, root = folder / "planted.py", folder / "disk"
    script.write_text(code)
    root.mkdir()
    (root / "file.csv").write_text("old" * 1000)
    return record(root, [script], os.environ)


@pytest.mark.parametrize("code", [WHOLE, MODEL, BACKUP, REPAIR, COPIED, ASIDE, STORE.format(level="FULL")])
def test_what_is_synced_before_it_is_told_survives_every_loss_of_power(tmp_path: Path, code: str) -> None:
    assert found_in(planted(tmp_path, code)) == set()


@pytest.mark.parametrize(
    ("code", "violation"),
    [
        (UNSYNCED, "file.csv is neither"),
        (UNNAMED, "file.csv is neither"),
        (IN_NEW_FOLDER, "folder/file.csv is missing"),
        (STORE.format(level="OFF"), "the store has lost what was told"),
        (STORE.format(level="NORMAL"), "the store has lost what was told"),
    ],
)
def test_a_writer_that_skips_a_sync_is_caught(tmp_path: Path, code: str, violation: str) -> None:
    assert any(it.startswith(violation) for it in found_in(planted(tmp_path, code)))


def test_a_write_past_the_recorder_is_noticed(tmp_path: Path) -> None:
    past = 'import subprocess\nsubprocess.run(["cp", "file.csv", "copy.csv"], check=True)\n'
    with pytest.raises(AssertionError, match="past the recorder"):
        planted(tmp_path, past)


def test_a_sync_of_a_file_keeps_its_bytes_and_not_its_name() -> None:
    calls = [
        Call("open", 1, "new"), Call("write", 1, data=b"a" * 600), Call("sync", 1), Call("write", 1, at=600, data=b"b"),
        Call("rename", path="new", to="old"),
    ]  # fmt: skip
    disk = Disk({"old": b"old"})
    for call in calls:
        disk.call(call)
    draws = [disk.after_power_loss(way, random.Random(seed)) for way in WAYS for seed in range(20)]  # noqa: S311
    assert {tuple(sorted(tree)) for tree in draws} == {("old",), ("new", "old")}
    assert {tree["old"] for tree in draws} == {b"old", b"a" * 600, b"a" * 600 + b"\0", b"a" * 600 + b"b"}
    assert disk.tree == {"old": b"a" * 600 + b"b"}


# Those that fetch, predict and remove; the others learn for seconds.
@pytest.mark.parametrize("seed", [place for place, scene in enumerate(SCENES) if scene.words[0] in ("fetch", "models")])
def test_power_may_go_at_any_moment(tmp_path: Path, seed: int) -> None:
    assert play(seed, tmp_path) == []
