"""The home that is tortured: two tickers, a small model, a forecast that is due; and what must be true of it after."""

from __future__ import annotations

import atexit
import copy
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from tests.live.command import LAST, MONDAY, THURSDAY, Live, evening, listing, live, tables
from tests.loopback.market import Listing
from tests.processes import Process

CHILD = Path(__file__).parent / "child.py"
"""The command line in a process that is cheap, as a script."""
TINY = ("--init", "scratch", "--seeds", "1", "--steps", "5", "--hidden-size", "4", "--lookback", "20")
CONFIG = """tickers = ["AAA", "BBB"]
[model]
init = "scratch"
seeds = 1
steps = 5
hidden_size = 4
lookback = 20
[retrain]
every = 0
[limits]
pause = 0
"""
LEDGER = ("forecasts", "laws", "outcomes", "baseline_scores")
LEFTOVERS = (".tmp", ".new-", ".old")


def start(here: Live, words: Sequence[str], **more: str) -> Process:
    """Begin a command line in a cheap process; `more` are variables of its environment."""
    return Process(words, here.home, here.environment(here.home) | more, CHILD)


@cache
def listings() -> tuple[Listing, ...]:
    """What the provider has, beyond the evenings on which it is asked."""
    return tuple(listing(name, LAST, 470, seed=seed) for seed, name in enumerate(("AAA", "BBB"), 1))


@contextmanager
def at_home(home: Path, now: datetime = evening(MONDAY)) -> Iterator[Live]:  # noqa: B008 - it is a moment
    """A home with its provider, on Monday evening unless another moment is given."""
    with live(home, copy.deepcopy(listings()), now) as one:
        yield one


@cache
def base() -> Path:
    """The home on the evening of Thursday: prices, AAA's model, its forecast for Monday. Made once in a process."""
    folder = Path(tempfile.mkdtemp(prefix="torture-base-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    home = folder / "home"
    with at_home(home, evening(THURSDAY)) as here:
        here("fetch", "AAA", "BBB").succeeded()
        train = ("train", "AAA", *TINY, "--quiet")
        start(here, train).completed().succeeded()
        here("predict", "AAA").succeeded()
    (home / "stockcast.toml").write_text(CONFIG)
    return home


def copied(folder: Path) -> Path:
    """A copy of that home."""
    home = folder / "home"
    shutil.copytree(base(), home)
    return home


def state(home: Path) -> dict[str, Any]:
    """All that a user has in a home, without what tells the order of things: ids, locks, logs, records of runs."""
    known = tables(home)
    found: dict[str, Any] = {name: known[name] for name in ("prices", "instruments", "event_snapshots")}
    ids = {row[0]: row[1:5] for row in known["forecasts"]}
    found["forecasts"] = sorted((row[1:] for row in known["forecasts"]), key=repr)
    found["trainings"] = sorted((row[1:] for row in known["trainings"]), key=repr)
    for name in LEDGER[1:]:
        found[name] = sorted(((ids[row[0]], *row[1:]) for row in known[name]), key=repr)
    for path in sorted(home.rglob("*")):
        if path.is_file() and _counts(path.relative_to(home)):
            found[str(path.relative_to(home))] = path.read_bytes()
    return found


def _counts(path: Path) -> bool:
    return not (path.parts[0] in ("logs", "cache") or path.name.startswith("stockcast.db") or path.suffix == ".lock")


def leftovers(home: Path) -> list[str]:
    """Files and folders that only somebody at work may have."""
    return [str(path.relative_to(home)) for path in home.rglob("*") if any(part in path.name for part in LEFTOVERS)]


def lost(before: dict[str, Any], home: Path) -> list[str]:
    """What was on record and is not, or is otherwise. The test fails where the store is not whole."""
    after = state(home)
    return [f"of {name} a row is lost: {row}" for name in LEDGER for row in before[name] if row not in after[name]]


def differences(one: dict[str, Any], other: dict[str, Any]) -> Sequence[str]:
    """Names of what is not the same in two homes."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
