"""What lies in a home: nothing in it is unpickled, nothing is open to other users, and the check-up says what is.

The installed command against a Yahoo on the loopback interface, in a home that a run under the umask 0 has filled.
"""

from __future__ import annotations

import io
import os
import pickle
import sqlite3
import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stockcast.storage.database import Database
from tests.live.command import CONFIG, NOBODY, Live, copied, listing, live, tables, utc
from tests.processes import Completed

LAST = date(2021, 4, 1)
EVENING = (2021, 4, 1, 21)
QUICK = ("--seeds", "1", "--steps", "2", "--init", "scratch")
FOLDS = ("--test-from", "2021-01-04", "--baseline", "har-t", "--seeds", "1", "--steps", "2")
needs_modes = pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A home with everything that commands leave there; whoever changes it takes a copy."""
    home = tmp_path_factory.mktemp("filled") / "home"
    with live(home, [listing("AAA", LAST, seed=1), listing("BBB", LAST, seed=2)], utc(*EVENING)) as filled:
        home.mkdir(mode=0o700)
        home.joinpath("stockcast.toml").write_text(
            CONFIG.replace(', "BBB"', "").replace("steps = 20", 'steps = 2\ninit = "scratch"')
        )
        home.joinpath("stockcast.toml").chmod(0o600)
        filled("run", umask=0).succeeded()
        filled("backtest", "AAA", *FOLDS, umask=0).succeeded()
        yield filled


@pytest.fixture
def here(filled: Live, tmp_path: Path) -> Live:
    filled.yahoo.heal()
    return Live(copied(filled.home, tmp_path / "home"), filled.market, filled.yahoo, filled.proxy)


# Pickles


class Payload:
    """Whoever unpickles it leaves a folder behind."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


def names_of_caches(home: Path, bomb: bytes) -> None:
    """Pickles where yfinance and others would look for theirs: HOME and XDG_CACHE_HOME lead into the home."""
    for folder in ("cache/yfinance", "cache/py-yfinance", ".cache/py-yfinance"):
        place = home / folder
        place.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(place / "cookies.db")) as db, db:
            db.execute("DROP TABLE IF EXISTS _cookieschema")
            db.execute("CREATE TABLE _cookieschema (strategy TEXT PRIMARY KEY, fetch_date TEXT, cookie_bytes BLOB)")
            for strategy in ("curlCffi", "basic", "csrf"):
                db.execute("INSERT INTO _cookieschema VALUES (?, '2021-04-01T00:00:00', ?)", (strategy, bomb))
        # Not the others of its databases: broken ones had the folder thrown away before the cookies were read.
        for name in ("tkr-tz.csv", "cookie.pkl", "cookies.pkl"):
            (place / name).write_bytes(bomb)
    for name in ("matplotlib/fontlist-v390.json", "matplotlib/fontList.cache", "torch/kernels/cache.pkl",
                 "numba/index.nbi", "joblib/output.pkl", "exchange_calendars/XNYS.pkl"):  # fmt: skip
        for folder in (home / "cache", home / ".cache", home / ".config"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(bomb)


def files_but_the_store(home: Path, bomb: bytes) -> None:
    """Every file of models, folds, logs and outputs becomes a pickle; a fold an archive whose arrays are pickled."""
    for path in [path for path in home.rglob("*") if path.is_file() and not path.name.startswith("stockcast.")]:
        path.write_bytes(array_of_objects(path.read_bytes(), bomb) if path.suffix == ".npz" else bomb)


def array_of_objects(archive: bytes, bomb: bytes) -> bytes:
    header = io.BytesIO()
    described = {"descr": "|O", "fortran_order": False, "shape": (1,)}
    np.lib.format.write_array_header_1_0(header, described)
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            new.writestr(name, header.getvalue() + bomb)
    return made.getvalue()


def cells_of_the_store(home: Path, bomb: bytes) -> None:
    """Every text and every blob in the store becomes a pickle, but for the names and dates that rows are found by."""
    found_by = {"ticker", "session", "model", "origin", "target_session", "kind", "name"}
    with closing(sqlite3.connect(home / "stockcast.db")) as db, db:
        db.execute("PRAGMA ignore_check_constraints = ON")
        for (trigger,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {trigger}")
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for _, column, kind, *_ in db.execute(f"PRAGMA table_info({table})").fetchall():
                if column not in found_by and kind.upper() in ("TEXT", "BLOB", "ANY", ""):
                    db.execute(f"UPDATE OR IGNORE {table} SET {column} = ?", (bomb,))  # noqa: S608 - its own names


def the_store(home: Path, bomb: bytes) -> None:
    for path in home.glob("stockcast.db*"):
        path.write_bytes(bomb)


@pytest.mark.parametrize("plant", [names_of_caches, files_but_the_store, cells_of_the_store, the_store])
def test_no_command_unpickles_anything_in_a_home(here: Live, tmp_path: Path, plant: Callable[..., None]) -> None:
    marker = tmp_path / "unpickled"
    bomb = pickle.dumps(Payload(marker))
    pickle.loads(bomb)  # noqa: S301 - it does what it is to do
    marker.rmdir()
    output, page = tmp_path / "output", tmp_path / "page.html"
    commands = [
        ("models", "list"), ("models", "show", "AAA"), ("models", "export", "AAA", "-o", output), ("score",),
        ("ledger", "list"), ("ledger", "export"), ("doctor", "--timeout", "5"), ("predict", "AAA"),
        ("explain", "AAA"), ("reproduce", "AAA"), ("fetch", "BBB", "--max-age", "0"), ("run",),
        ("backtest", "AAA", *FOLDS), ("report", "AAA", *FOLDS, "--output", page), ("models", "remove", "AAA"),
    ]  # fmt: skip
    if plant is names_of_caches:  # these two take their time, and read nothing that the others do not
        commands += [("train", "BBB", *QUICK), ("audit", "BBB", "--horizon", "1", *QUICK)]
    for words in commands:
        plant(here.home, bomb)
        # What yfinance looks for when it is imported is found in a process that imports it.
        ended = here.cold(*words) if words[0] == "fetch" and plant is names_of_caches else here(*words)
        assert not marker.exists(), words
        assert "unexpected" not in ended.err, ended.err


# Modes


def open_paths(home: Path) -> dict[str, str]:
    """What group or others may do anything with, below a home and the home itself."""
    return {
        str(path.relative_to(home)): oct(path.stat().st_mode)
        for path in [home, *home.rglob("*")]
        if path.stat().st_mode & 0o077
    }


@needs_modes
def test_everything_in_a_home_is_for_its_user_alone_whatever_the_umask(filled: Live) -> None:
    names = {path.name for path in filled.home.rglob("*")}
    assert {
        "stockcast.db",
        "run.lock",
        "run.log",
        "manifest.json",
        ".AAA.lock",
        "forecasts.csv",
        "latest.json",
    } <= names
    assert any(name.endswith(".npz") for name in names)
    assert open_paths(filled.home) == {}


@needs_modes
@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_a_home_that_is_made_is_private_with_its_parents_and_the_log_of_the_database(
    umask: int, tmp_path: Path
) -> None:
    before = os.umask(umask)
    try:
        home = tmp_path / "new" / "home"
        with Database.open(home) as db, db.transaction():
            db.execute("INSERT INTO runs (started_at) VALUES ('2021-04-01')")
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [home.parent, home, *home.iterdir()]}
    finally:
        os.umask(before)
    assert modes == {
        "new": 0o700, "home": 0o700, "stockcast.db": 0o600, "stockcast.db-wal": 0o600, "stockcast.db-shm": 0o600
    }  # fmt: skip


@needs_modes
def test_a_home_of_an_earlier_version_is_closed_when_it_is_opened(here: Live) -> None:
    for path in [here.home, *here.home.rglob("*")]:
        path.chmod(0o777 if path.is_dir() else 0o666)
    here.home.joinpath("forecasts").rename(here.home.parent / "forecasts")
    here("ledger", "list").succeeded()
    assert set(open_paths(here.home)) == {"stockcast.toml"}  # the user's own


@needs_modes
def test_a_folder_that_holds_other_things_keeps_its_mode_and_theirs(here: Live) -> None:
    mine = here.home / "mine"
    mine.mkdir()
    mine.joinpath("prices.csv").write_text("")
    for path in (here.home, mine, mine / "prices.csv", here.home / "models"):
        path.chmod(0o775)
    here("ledger", "list").succeeded()
    here("run").succeeded()
    assert {name for name in open_paths(here.home) if name != "cache"} == {".", "mine", "mine/prices.csv"}


@needs_modes
def test_a_file_that_the_user_names_has_the_mode_of_the_umask(here: Live, tmp_path: Path) -> None:
    output = tmp_path / "forecasts.csv"
    here("predict", "AAA", "--csv", "--output", output, umask=0o002).succeeded()
    assert stat.S_IMODE(output.stat().st_mode) == 0o664
    output.chmod(0o640)
    here("predict", "AAA", "--csv", "--output", output, umask=0o002).succeeded()
    assert stat.S_IMODE(output.stat().st_mode) == 0o640


@needs_modes
def test_the_check_up_says_that_this_user_alone_may_write(here: Live) -> None:
    here.home.joinpath("mine").mkdir(mode=0o700)
    whole = {check["name"]: check for check in here("doctor", "--offline", "--json").data}
    assert (whole["access"]["state"], whole["access"]["message"]) == ("ok", "this user alone may write to it")


@needs_modes
@pytest.mark.parametrize("mode", [0o002, 0o020])
@pytest.mark.parametrize("place", [".", "stockcast.db", "models/AAA/manifest.json", "mine"])
def test_the_check_up_says_where_others_may_write(here: Live, place: str, mode: int) -> None:
    here.home.joinpath("mine").mkdir(mode=0o700)
    target = here.home / place
    target.chmod(target.stat().st_mode | mode)
    found = {check["name"]: check for check in here("doctor", "--offline", "--json").data}["access"]
    assert found["state"] == "warning"
    assert str(target) in found["message"]
    assert str(here.home) in found["hint"]


@needs_modes
@pytest.mark.skipif(os.name != "nt" and os.geteuid() != 0, reason="the superuser alone can give a file away")
def test_the_check_up_says_what_belongs_to_somebody_else(here: Live) -> None:
    os.chown(here.home / "models" / "AAA" / "weights.safetensors", 12345, -1)
    found = {check["name"]: check for check in here("doctor", "--offline", "--json").data}["access"]
    assert found["state"] == "warning"
    assert "weights.safetensors (it belongs to user 12345)" in found["message"]


def states(done: Completed) -> dict[str, str]:
    assert done.json["schema"] == "stockcast.doctor/1"
    return {check["name"]: check["state"] for check in done.data}


def test_a_healthy_home_is_found_healthy(here: Live) -> None:
    before = tables(here.home)
    found = states(here("doctor", "--json").succeeded())
    # A clock that is set by hand is worth a word.
    assert found.pop("clock") == "warning"
    assert set(found.values()) == {"ok"}
    assert set(found) == {
        "folder",
        "access",
        "disk",
        "store",
        "models",
        "calendar",
        "lock",
        "configuration",
        "provider",
    }
    assert tables(here.home) == before


def test_a_broken_store_is_found(here: Live) -> None:
    store = here.home / "stockcast.db"
    store.write_bytes(b"garbage" * 5000)
    done = here("doctor", "--offline", "--json")
    assert done.code == 1
    assert [name for name, state in states(done).items() if state == "broken"] == ["store"]
    assert store.read_bytes() == b"garbage" * 5000
    predicted = here("predict", "AAA", "--offline", "--json")
    assert [failure["kind"] for failure in predicted.errors] == ["storage"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_home_that_cannot_be_written_is_found(here: Live) -> None:
    here.home.chmod(0o500)
    try:
        done = here("doctor", "--offline", "--json")
    finally:
        here.home.chmod(0o700)
    assert done.code == 1
    assert states(done)["folder"] == "broken"


def test_a_missing_network_is_found(here: Live) -> None:
    done = here("doctor", "--json", more=NOBODY)
    assert done.code == 1
    assert [name for name, state in states(done).items() if state == "broken"] == ["provider"]
    assert "no network" in str(done.errors[0]["message"])


# Mending


def repaired(done: Completed) -> list[str]:
    return [check["message"] for check in done.data if check["name"] == "repair"]


def test_there_is_nothing_to_mend_in_a_healthy_home(here: Live) -> None:
    before = tables(here.home)
    done = here("doctor", "--offline", "--repair", "--json").succeeded()
    assert repaired(done) == []
    assert tables(here.home) == before


@needs_modes
def test_what_others_may_write_to_is_taken_from_them_line_by_line(here: Live) -> None:
    mine = here.home / "mine"
    mine.mkdir()
    elsewhere = here.home.parent / "elsewhere"
    elsewhere.mkdir()
    (here.home / "link").symlink_to(elsewhere)
    manifest = here.home / "models" / "AAA" / "manifest.json"
    for path, mode in ((here.home, 0o777), (mine, 0o775), (manifest, 0o466), (elsewhere, 0o777)):
        path.chmod(mode)
    done = here("doctor", "--offline", "--repair", "--json").succeeded()
    assert [line.split()[4] for line in repaired(done)] == list(map(str, (here.home, mine, manifest)))
    assert stat.S_IMODE(manifest.stat().st_mode) == 0o644
    assert stat.S_IMODE(mine.stat().st_mode) == 0o755
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o777


@needs_modes
@pytest.mark.skipif(os.name != "nt" and os.geteuid() == 0, reason="root may write anywhere")
def test_a_home_that_its_user_may_not_write_is_given_back(here: Live) -> None:
    here.home.chmod(0o500)
    done = here("doctor", "--offline", "--repair", "--json").succeeded()
    assert states(done)["folder"] == "ok"


def test_a_damaged_store_is_made_anew_of_what_can_be_read(here: Live) -> None:
    store = here.home / "stockcast.db"
    before = tables(here.home)
    with closing(sqlite3.connect(store)) as db, db:
        db.execute("INSERT INTO outcomes (forecast_id, settled_at, void) VALUES (99, '', 'why')")
    sick = here("doctor", "--offline")
    assert sick.code == 1
    assert "stockcast doctor --repair" in sick.err
    done = here("doctor", "--offline", "--repair", "--json").succeeded()
    (line,) = repaired(done)
    assert f"{store} was made anew of what can be read" in line
    assert tables(here.home) == before
    (aside,) = (here.home / "damaged").iterdir()
    assert str(aside) in line
    with closing(sqlite3.connect(aside)) as db:
        assert db.execute("SELECT void FROM outcomes WHERE forecast_id = 99").fetchall() == [("why",)]
    assert open_paths(here.home / "damaged") == {}


def test_a_record_that_cannot_be_read_is_told_of_by_the_check_up(here: Live) -> None:
    with closing(sqlite3.connect(here.home / "stockcast.db")) as db, db:
        db.execute("DROP TRIGGER forecasts_never_change")
        db.execute("UPDATE forecasts SET document = '{'")
    done = here("doctor", "--offline", "--json")
    assert states(done)["store"] == "broken"
    assert done.code == 1


def test_a_file_that_cannot_follow_the_ledger_is_put_aside_and_written_anew(here: Live) -> None:
    outputs = here.home / "forecasts"
    whole = {path.name: path.read_bytes() for path in outputs.iterdir()}
    outputs.joinpath("forecasts.jsonl").write_text("Dear reader,\n")
    outputs.joinpath("forecasts.csv").write_text("a,b\n1,2\n")
    done = here("doctor", "--offline", "--repair", "--json").succeeded()
    assert len(repaired(done)) == 2
    here("run").succeeded()
    assert {name: outputs.joinpath(name).read_bytes() for name in whole} == whole
    assert sorted(path.read_text() for path in outputs.iterdir() if path.name not in whole) == [
        "Dear reader,\n",
        "a,b\n1,2\n",
    ]


def test_nothing_is_mended_while_a_run_is_at_work(here: Live) -> None:
    from filelock import FileLock

    (here.home / "stockcast.db").write_bytes(b"garbage" * 5000)
    with FileLock(here.home / "run.lock"):
        done = here("doctor", "--offline", "--repair", "--json")
    assert repaired(done) == ["another run is at work: nothing else was mended"]


def test_a_store_of_which_nothing_can_be_read_stays_and_a_backup_is_advised(here: Live, tmp_path: Path) -> None:
    kept = tables(here.home)
    here("ledger", "backup", tmp_path / "record.db").succeeded()
    store = here.home / "stockcast.db"
    store.write_bytes(b"garbage" * 5000)
    done = here("doctor", "--offline", "--repair")
    assert done.code == 1
    assert "stockcast ledger restore FILE" in done.err
    assert store.read_bytes() == b"garbage" * 5000
    restored = here("ledger", "restore", tmp_path / "record.db").succeeded()
    assert "the damaged record is" in restored.err
    assert tables(here.home) == kept
