"""What every test shares: a home of its own, and none of the reader's settings."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# As the console entry does: two workers on two cores otherwise wait for OpenBLAS's spinning threads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ["STOCKCAST_JOBS"] = "1"  # of the commands: the suite has a process a core already

# A shell's background jobs ignore Ctrl-C, and so would every process that is begun here, of which some are interrupted.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine is no failure: how long an example takes is for benchmarks.
settings.register_profile("stockcast", deadline=None, max_examples=60)
settings.load_profile("stockcast")


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that stockcast calls home in this test; the user's real one is out of reach."""
    for name in ("STOCKCAST_NOW", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "PYTHONIOENCODING", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    elsewhere = tmp_path_factory.mktemp("user")
    for name in ("HOME", "USERPROFILE", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(elsewhere))
    own = elsewhere / "home"
    monkeypatch.setenv("STOCKCAST_HOME", str(own))
    return own


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes after their argument: an archive that is made on import has its time in it, and xdist wants the same
    names in every process.
    """
    return argname if isinstance(val, bytes) else None


def pytest_sessionfinish() -> None:
    """Save what was measured of a worker: xdist soon ends those that take their time to leave."""
    coverage = sys.modules.get("coverage")
    if coverage is not None and (measured := coverage.Coverage.current()) is not None:
        measured.save()
