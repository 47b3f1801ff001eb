"""What is left when a process is killed at the worst moment: the next command takes it away, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from stockcast.storage import modelfile, sweep_home
from stockcast.storage.files import sweep, temporary_folder, write_atomic
from stockcast.storage.modelfile import ModelFile, model_names, save_model
from tests.processes import forked

pytestmark = pytest.mark.skipif(os.name == "nt", reason="there are no such signals there")

WRITER = """
import os, sys
from pathlib import Path
from stockcast.storage.files import write_atomic
replace = os.replace
def end(*names):
    os.kill(os.getpid(), int(sys.argv[2]))
    replace(*names)
os.replace = end
write_atomic(Path(sys.argv[1]), "new")
"""

REMOVER = """
import os, shutil, signal, sys
from pathlib import Path
from stockcast.storage.modelfile import delete_model
shutil.rmtree = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
delete_model(Path(sys.argv[1]), "AAPL")
"""

AUDITOR = """
import os, signal, sys
from stockcast.storage.files import temporary_folder
with temporary_folder() as folder:
    (folder / "fold.npz").write_bytes(b"0" * 100)
    os.kill(os.getpid(), int(sys.argv[1]))
"""


def begun(code: str, *words: object, **variables: str) -> subprocess.Popen[bytes]:
    """Python code at work."""
    return subprocess.Popen([sys.executable, "-c", code, *map(str, words)], env={**os.environ, **variables})


def killed(code: str, *words: object, **variables: str) -> None:
    """Run code that kills itself."""
    assert begun(code, *words, **variables).wait() == -signal.SIGKILL


@contextmanager
def stopped(code: str, *words: object, **variables: str) -> Iterator[None]:
    """Code that stops itself, and goes on to its end afterwards."""
    process = begun(code, *words, **variables)
    try:
        assert os.WIFSTOPPED(os.waitpid(process.pid, os.WUNTRACED)[1])
        yield
        process.send_signal(signal.SIGCONT)
        assert process.wait() == 0
    finally:
        process.kill()
        process.wait()


def left_in(folder: Path) -> list[Path]:
    """Temporary files and folders there."""
    return sorted(folder.glob(".stockcast-*.tmp"))


def age(path: Path, hours: float = 2.0) -> Path:
    """Let the path look as if it had been written to that long ago."""
    then = time.time() - 3600 * hours
    os.utime(path, (then, then), follow_symlinks=False)
    return path


def leftover(folder: Path, number: int = 0) -> Path:
    """An old temporary file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f".stockcast-{number:016x}.tmp"
    path.write_bytes(b"half")
    return age(path)


def test_what_a_killed_write_left_goes_with_the_next_write_there_once_it_is_old(tmp_path: Path) -> None:
    target = tmp_path / "scores.csv"
    target.write_text("old")
    killed(WRITER, target, int(signal.SIGKILL))
    (left,) = left_in(tmp_path)
    assert (left.read_text(), target.read_text()) == ("new", "old")
    write_atomic(target, "newer")
    assert left_in(tmp_path) == [left]
    age(left)
    write_atomic(tmp_path / "another.csv", "newest")
    assert sorted(os.listdir(tmp_path)) == ["another.csv", "scores.csv"]


def test_what_a_living_process_has_stays_however_old_it_is(tmp_path: Path) -> None:
    target = tmp_path / "scores.csv"
    with stopped(WRITER, target, int(signal.SIGSTOP)):
        (theirs,) = left_in(tmp_path)
        age(theirs, hours=1000)
        write_atomic(tmp_path / "another.csv", "x")
        assert left_in(tmp_path) == [theirs]
    assert target.read_text() == "new"


def test_nothing_else_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [tmp_path / name for name in (".stockcast-1.tmp", ".stockcast-0123456789abcdef.tmp2", "notes.tmp", ".tmp")]
    for path in kept:
        path.write_text("the user's")
        age(path)
    link = tmp_path / ".stockcast-0123456789abcdef.tmp"
    link.symlink_to(kept[0])
    age(link)
    sweep(tmp_path, tmp_path / "missing", tmp_path / "nul\0")
    assert sorted(tmp_path.iterdir()) == sorted([*kept, link])
    link.unlink()
    theirs = leftover(tmp_path)
    with monkeypatch.context() as another:
        another.setattr(os, "geteuid", lambda: os.getuid() + 1)
        sweep(tmp_path)
    assert theirs.exists()
    sweep(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(kept)


def test_folders_of_killed_processes_go_and_those_of_living_ones_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    killed(AUDITOR, int(signal.SIGKILL), TMPDIR=str(tmp_path))
    with stopped(AUDITOR, int(signal.SIGSTOP), TMPDIR=str(tmp_path)):
        both = left_in(tmp_path)
        assert len(both) == 2
        for path in both:
            age(path)
        with temporary_folder() as folder:
            assert folder.stat().st_mode & 0o077 == 0
            assert len(left_in(tmp_path)) == 2
    assert left_in(tmp_path) == []


@pytest.fixture
def littered(tmp_path: Path) -> Path:
    """A home in which every kind of leftover lies, and one model."""
    home = tmp_path / "home"
    model = ModelFile("AAPL", {"number": 1}, {"w": np.zeros(3, np.float32)})
    save_model(home / "models", model)
    killed(REMOVER, home / "models")
    save_model(home / "models", ModelFile("MSFT", model.manifest, model.tensors))
    leftover(home)
    leftover(home / "backtests" / "AAPL")
    panel = home / "cache" / "panel-dead"
    panel.mkdir(parents=True)
    (panel / "columns.f32").write_bytes(b"0" * 100)
    return home


def left_at(home: Path) -> list[str]:
    """Names of leftovers of any kind."""
    marks = (".tmp", ".old", ".new-", "panel-")
    return sorted(path.name for path in home.rglob("*") if any(mark in path.name for mark in marks))


@pytest.mark.parametrize("words", [("models", "list"), ("score",), ("check", "FILE")], ids=lambda words: words[0])
def test_any_command_sweeps_its_home(littered: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    assert len(left_at(littered)) == 4
    (tmp_path / "FILE").write_text("no prices")
    forked(*words, "--home", littered, folder=tmp_path)
    assert left_at(littered) == []
    assert model_names(littered / "models") == ("MSFT",)


def test_what_somebody_is_at_work_on_stays(littered: Path) -> None:
    with FileLock(littered / "models" / ".AAPL.lock"), FileLock(littered / "cache" / "panel-dead" / "lock"):
        sweep_home(littered)
        assert len(left_at(littered)) == 2
    sweep_home(littered)
    assert left_at(littered) == []


def test_nothing_of_another_users_is_swept_from_a_home(littered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as another:
        another.setattr(os, "geteuid", lambda: os.getuid() + 1)
        sweep_home(littered)
    assert len(left_at(littered)) == 4


def test_a_model_whose_successor_was_never_put_in_its_place_comes_back(littered: Path) -> None:
    (littered / "models" / "MSFT").rename(littered / "models" / ".MSFT.old")
    sweep_home(littered)
    assert modelfile.load_model(littered / "models", "MSFT").manifest == {"number": 1}
    assert (littered / "models" / "MSFT").is_dir()


@pytest.mark.parametrize("name", ["missing", "file", "nul\0"])
def test_where_no_home_is_nothing_is_made_and_nothing_fails(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("no home")
    sweep_home(tmp_path / name)
    assert os.listdir(tmp_path) == ["file"]
