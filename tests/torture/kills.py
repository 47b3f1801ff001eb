"""Kills: a command dies at a storage event or at any moment, and the next one finds what was there, and completes it.

The state that a repeated command leaves is, byte for byte, that of one that was never killed.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from tests.live.command import Live
from tests.torture import homes
from tests.torture.kinds import Kind

LATE = ("--test-from", "2021-02-01", "--refit-every", "year")
BACKUP = ("ledger", "backup", "backup.db")
REPAIR = ("doctor", "--repair", "--offline")
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("fetch", "AAA", "BBB"),
    ("train", "AAA", *homes.TINY, "--output", "rows.csv"),
    ("run",),
    ("predict", "AAA", "--json"),
    ("backtest", "AAA", *homes.TINY, *LATE, "--output", "backtest.csv"),
    ("report", "AAA", *homes.TINY, *LATE, "--output", "report.html"),
    ("models", "remove", "AAA"),
    ("ledger", "export", "--output", "ledger.csv"),
    BACKUP,
    ("ledger", "restore", "backup.db"),
    ("ledger", "prune"),
    REPAIR,
)
LONG_AGO = 90 * 86400  # s: older than whatever is swept


@dataclass(frozen=True)
class Usual:
    """How a command goes that nobody kills: its storage events, its seconds, and what it leaves."""

    events: int
    seconds: float
    left: dict[str, Any]


@cache
def _usual(command: tuple[str, ...]) -> Usual:
    folder = homes.base().parent / "usual"
    shutil.rmtree(folder, ignore_errors=True)
    with homes.at_home(homes.copied(folder)) as here:
        _prepare(here, command)
        begun = time.monotonic()
        done = homes.start(here, command, TORTURE_COUNT=str(folder / "count")).completed()
        assert done.code == 0, done.err
        seconds = time.monotonic() - begun
        return Usual(int((folder / "count").read_text()), seconds, homes.state(here.home))


def _prepare(here: Live, command: tuple[str, ...]) -> None:
    """Give a command what it is for: a backup to go back to, settled forecasts to prune, a store to mend."""
    if "restore" in command:
        homes.start(here, BACKUP).completed().succeeded()
    if "prune" in command:
        homes.start(here, ("run",)).completed().succeeded()
    if command == REPAIR:
        with closing(sqlite3.connect(here.home / "stockcast.db", isolation_level=None)) as db:
            db.execute("UPDATE prices SET close = 'text' WHERE ticker = 'BBB' AND session = '2021-04-01'")


def play(seed: int, folder: Path) -> Sequence[str]:
    """A command, chosen by the seed, killed at an event (even turns, one after the other) or at some moment (odd)."""
    turn, which = divmod(seed, len(COMMANDS))
    command = COMMANDS[which]
    usual = _usual(command)
    with homes.at_home(homes.copied(folder)) as here:
        _prepare(here, command)
        before = homes.state(here.home) | ({"laws": []} if "prune" in command else {})  # which it drops
        if turn % 2:
            process = homes.start(here, command)
            time.sleep(Random(seed).uniform(0.0, usual.seconds))  # noqa: S311
            process.kill()
        else:
            process = homes.start(here, command, TORTURE_KILL=str(turn // 2 % usual.events + 1))
        process.communicate(300)
        found = homes.lost(before, here.home)
        _age(here.home)
        again = homes.start(here, command).completed()
        removed = command[:2] == ("models", "remove") and again.code == 6
        if again.code and not removed:
            return [*found, f"{' '.join(command[:2])} failed after a kill: {again.code} {again.err}"]
        found += [f"{name} is not as without a kill" for name in homes.differences(usual.left, homes.state(here.home))]
        if left := homes.leftovers(here.home):
            found.append(f"left over after the next {command[0]}: {left}")
        return [f"{command[0]}: {words}" for words in found]


def _age(home: Path) -> None:
    """What is in the home was last touched long ago."""
    for path in home.rglob("*"):
        if any(part in path.name for part in homes.LEFTOVERS):
            then = time.time() - LONG_AGO
            os.utime(path, (then, then))


KILLS = Kind("kills", 2000, play)
