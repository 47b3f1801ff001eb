"""Twenty years of evenings: `run` in one process, five thousand sessions on end.

Memory, database and the time of a run stay as they are, or grow with the ledger, and no faster. The log stays within
its bound: it has the newest evenings, to the last, and none between them is missing.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from stockcast.storage import outputs
from tests.live.command import evening, listing, rows
from tests.loopback.market import Market
from tests.synthetic import only_baselines
from tests.torture import homes
from tests.torture.answers import provider, said
from tests.torture.kinds import Kind

SESSIONS = 5000
BEFORE = 450
"""Sessions that are there on the first evening: enough to train on."""
LAST = date(2024, 12, 30)
LARGEST = 40_000
"""Bytes of a file of the log: all of them are full after some of the evenings, and put aside again and again."""
BLOCK = 50
"""Sessions of which the middle is taken: a machine has its moments."""


@dataclass(frozen=True)
class Evening:
    """What a run took: seconds of processor time, bytes of memory and of the home."""

    seconds: float
    memory: int
    stored: int


def play(seed: int, folder: Path, sessions: int = SESSIONS, largest: int = LARGEST) -> Sequence[str]:
    """So many evenings of one ticker, with a log of files of that size."""
    made = listing("AAA", LAST, BEFORE + sessions, seed=seed + 1)
    sold = Market([made], evening(made.sessions[BEFORE - 1]))
    (folder / "stockcast.toml").write_text(homes.CONFIG.replace(', "BBB"', ""))
    found: list[str] = []
    lived: list[Evening] = []
    log: list[str] = []
    with (
        patch.object(outputs, "LARGEST_LOG", largest),
        provider(partial(said, sold)),
        only_baselines("random-walk", "har-t"),
        _variables(folder),
        _here(folder),
    ):
        for day in made.sessions[BEFORE - 1 : BEFORE - 1 + sessions]:
            sold.now = evening(day)
            os.environ["STOCKCAST_NOW"] = sold.now.isoformat()
            begun = time.process_time()
            code, document = _command("run", "--json", "--jobs", "1")
            lived.append(Evening(time.process_time() - begun, _memory(), _stored(folder)))
            ticker = document["data"]["tickers"][0] if code == 0 else {}
            if code or ticker["new"] != 1 or (len(lived) > 1 and ticker["settled"] != 1):
                found.append(f"{day}: exit code {code}: {document['errors'] or ticker}")
            before, log = log, _logged(folder)
            found += [f"{day}: {problem}" for problem in _lost(before, log, folder, largest)]
    if log[0].startswith(str(made.sessions[BEFORE - 1])):
        found.append("the log was never full")
    live = rows(folder, "SELECT count(*) FROM forecasts WHERE kind = 'live'")[0][0]
    if live != sessions:
        found.append(f"{live} live forecasts after {sessions} sessions")
    return [*found, *_growth(lived)] if sessions >= 20 * BLOCK else found


def _files(home: Path) -> list[Path]:
    """The files of the log, oldest first."""
    return sorted((home / "logs").glob(f"{outputs.LOG}*"), reverse=True)


def _logged(home: Path) -> list[str]:
    """The lines of the log, oldest first."""
    return [line for path in _files(home) for line in path.read_text().splitlines()]


def _lost(before: Sequence[str], log: Sequence[str], home: Path, largest: int) -> Iterator[str]:
    """What is wrong with the log after an evening: it is too large, or has lost what it had room for."""
    sizes = [path.stat().st_size for path in _files(home)]
    if len(sizes) > outputs.LOG_BACKUPS + 1 or max(sizes) > largest:
        yield f"the log has outgrown its bound: {sizes}"
    evening = [line for line in log if line[:10] == log[-1][:10]]
    if not (" begins" in evening[0] and "INFO run ends: 1 forecasts recorded" in evening[-1]):
        yield f"the log has not all of the evening: {evening}"
    older = log[: len(log) - len(evening)]
    if list(older) != list(before[len(before) - len(older) :]) or (
        len(older) < len(before) and len(sizes) <= outputs.LOG_BACKUPS
    ):
        yield f"lines between {before[:1]} and {evening[0]} are not in the log"


def _growth(lived: Sequence[Evening]) -> list[str]:
    """What grows faster than the ledger: a parabola through the blocks, of which the square may be a third."""
    found = []
    print(_table(lived), file=sys.stderr)
    for name in ("seconds", "memory", "stored"):
        values = np.array([getattr(one, name) for one in lived], dtype=np.float64)
        blocks = np.median(values[len(values) % BLOCK :].reshape(-1, BLOCK), axis=1)[1:]  # the first run trains
        square = np.polyfit(np.linspace(0.0, 1.0, len(blocks)), blocks, 2)[0]
        if square > blocks[-1] / 3:
            found.append(f"{name} of a run grow faster than the ledger: {blocks[:: len(blocks) // 5].tolist()}")
    grown = (lived[-1].memory - lived[len(lived) // 5].memory) / 2**20
    return found if grown < 100 else [*found, f"memory grew by {grown:.0f} MiB"]


def _table(lived: Sequence[Evening]) -> str:
    shown = [lived[k] for k in range(BLOCK, len(lived), max(1, len(lived) // 10))]
    return "\n".join(f"{1e3 * e.seconds:6.0f} ms {e.memory >> 20:6} MiB {e.stored >> 10:8} KiB" for e in shown)


def _command(*words: str) -> tuple[int, Any]:
    """Exit code and document of a command line in this process."""
    from typer.main import get_command

    from stockcast.cli.commands import application

    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = get_command(application(words)).main(list(words), prog_name="stockcast", standalone_mode=False)
        out.flush()
    return int(code), json.loads(out.buffer.getvalue())  # type: ignore[attr-defined]


def _memory() -> int:
    """Bytes that are resident; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _stored(home: Path) -> int:
    return sum(path.stat().st_size for path in home.rglob("*") if path.is_file())


@contextlib.contextmanager
def _variables(home: Path) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(STOCKCAST_HOME=str(home), HOME=str(home))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def _here(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


LIFE = Kind("sessions", SESSIONS, play, SESSIONS)
