"""Environments, damaged homes, and a clock that jumps: every command ends with an answer, or with words and a hint."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

from tests.live.command import Live, evening, rows
from tests.processes import Process
from tests.torture import homes, mutation
from tests.torture.kinds import Kind

COMMANDS: tuple[tuple[str, ...], ...] = (
    ("run",), ("run", "--dry-run"), ("fetch", "AAA"), ("predict", "AAA"), ("predict", "AAA", "--offline"), ("score",),
    ("ledger", "list"), ("ledger", "export", "--output", "l.csv"), ("models", "list"), ("models", "show", "AAA"),
    ("doctor", "--offline"), ("audit", "AAA", "--steps", "1", "--cell", "rnn", "--offline"),
)  # fmt: skip
NOWHERE = (
    "",
    " ",
    "relative",
    "/dev/null",
    "/dev/null/x",
    "/proc/nowhere",
    "~",
    "~nobody-of-that-name",
    "\n",
    "\x01",
)
VARIABLES: Mapping[str, Sequence[str | None]] = {
    "HOME": (None, *NOWHERE),
    "STOCKCAST_HOME": (*NOWHERE, "~nobody-of-that-name/x", "/proc/x", "x" * 300, "a/" * 3000, "hömé ☃", "\udcff"),
    "STOCKCAST_NOW": (
        "", "yesterday", "0001-01-01T00:00:00+00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59+00:00",
        "9999-12-31T23:59:59-14:00", "2021-04-05", "2021-04-05T21:00:00", "1617656400", "2021-02-30T00:00Z",
        "1969-12-31T23:59:59Z", "2038-01-19T03:14:08Z", "2021-04-05T21:00:00+99:00",
    ),
    "STOCKCAST_JOBS": ("", "0", "-1", "many", "1.5", "٣"),
    "TZ": ("", ":", "Mars/Olympus", "UTC-25", "/etc/passwd", "America/New_York", "Pacific/Kiritimati"),
    "LC_ALL": ("C", "POSIX", "xx_YY.UTF-99", "tr_TR.UTF-8"),
    "COLUMNS": ("0", "-5", "wide", "1", "100000"),
    "TERM": ("dumb", "nonsense", ""),
    "FORCE_COLOR": ("1",),
    "HTTPS_PROXY": ("http://127.0.0.1:9", "garbage", "http://", "socks9://x", "http://127.0.0.1:999999"),
    "CURL_CA_BUNDLE": ("/proc/nowhere", "/dev/null"),
    "XDG_DATA_HOME": NOWHERE,
    "XDG_CACHE_HOME": NOWHERE,
    "TMPDIR": NOWHERE,
    "MPLCONFIGDIR": NOWHERE,
}  # fmt: skip
UMASKS = (0o022, 0o022, 0o000, 0o077, 0o777)


PLACES = (
    "stockcast.db", "models", "models/AAA", "models/AAA/manifest.json", "models/AAA/weights.safetensors",
    "models/.AAA.lock", "logs", "run.lock", "forecasts", "stockcast.toml",
)  # fmt: skip


def environment(seed: int, folder: Path) -> Sequence[str]:
    """One command with a few variables that are wrong, or strange."""
    draw = Random(seed)  # noqa: S311
    with homes.at_home(homes.copied(folder)) as here:
        variables: dict[str, str | None] = dict(here.environment(here.home))
        chosen = {
            name: draw.choice(VARIABLES[name]) for name in draw.sample(list(VARIABLES), draw.choice((1, 1, 2, 3)))
        }
        if "HTTPS_PROXY" in chosen:
            chosen["https_proxy"] = chosen["HTTPS_PROXY"]
        known = {name: value for name, value in (variables | chosen).items() if value is not None}
        words, umask = draw.choice(COMMANDS), draw.choice(UMASKS)
        found = _answered(Process((*words, "--json"), folder, known, homes.CHILD, umask), here.home)
        return [f"{' '.join(words)} with {chosen} and umask {umask:o}: {problem}" for problem in found]


def _answered(process: Process, home: Path) -> list[str]:
    """What is wrong with how a command ended."""
    done = process.completed()
    try:
        document = json.loads(done.out, parse_constant=_refuse)
    except ValueError as error:
        return [f"exit code {done.code}, no JSON ({error}): {done.out[:200]!r} {done.err[-300:]}"]
    errors = document["errors"]
    # Bounds say themselves what is allowed.
    mute = [error for error in errors if not error["hint"] and "not within" not in error["message"]]
    found = [f"without a hint: {error}" for error in mute]
    found += [f"unexpected: {error}" for error in errors if error["message"].startswith("unexpected ")]
    if (done.code == 0) is not bool(document["ok"]) or done.code not in range(8):
        found.append(f"exit code {done.code}, ok {document['ok']}: {errors}")
    return found + [f"a crash log: {path}" for path in home.glob("logs/crash-*")]


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON")


def damage(seed: int, folder: Path) -> Sequence[str]:
    """One command in a home of which a file is damaged, gone, or something else."""
    draw = Random(seed)  # noqa: S311
    with homes.at_home(homes.copied(folder)) as here:
        what = draw.choice(DAMAGES)
        done = what(draw, here.home)
        words = draw.choice(COMMANDS)
        found = _answered(homes.start(here, (*words, "--json")), here.home)
        return [f"{' '.join(words)} after {what.__name__} ({done}): {problem}" for problem in found]


def _bytes(draw: Random, home: Path) -> str:
    path = draw.choice([path for path in sorted(home.rglob("*")) if path.is_file()])
    path.write_bytes(mutation.bytes_of(draw, path.read_bytes()))
    return str(path.relative_to(home))


def _database(draw: Random, home: Path) -> str:
    """Bytes of the store, a whole page of it, its end, or of its log."""
    path, kind = home / "stockcast.db", draw.randrange(5)
    content = bytearray(path.read_bytes())
    page = 4096 * draw.randrange(len(content) // 4096)
    if kind == 0:
        content[page : page + 4096] = bytes(4096)
    elif kind == 1:
        content[page : page + 4096] = content[:4096]
    elif kind == 2:
        del content[draw.randrange(len(content)) :]
    elif kind == 3:
        content = bytearray(mutation.bytes_of(draw, bytes(content)))
    else:
        (home / "stockcast.db-wal").write_bytes(draw.randbytes(9000))
    path.write_bytes(content)
    return f"{kind} at {page}"


def _cell(draw: Random, home: Path) -> str:
    """A value that stockcast would not write."""
    with closing(sqlite3.connect(home / "stockcast.db")) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {name}")
        db.execute("PRAGMA ignore_check_constraints = ON")
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        table = draw.choice([name for name in names if not name.startswith("sqlite_")])
        column = draw.choice([row[1] for row in db.execute(f"PRAGMA table_info({table})")])
        value = draw.choice([leaf for leaf in mutation.LEAVES if isinstance(leaf, str | float | None)])
        value = value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
        try:
            db.execute(f"UPDATE OR REPLACE {table} SET {column} = ?", (value,))  # noqa: S608
            db.commit()
        except sqlite3.Error:
            return "nothing"
    return f"{table}.{column} = {value!r}"


def _else(draw: Random, home: Path) -> str:
    """Something else in the place of a file or folder."""
    names = (
        "stockcast.db",
        "models",
        "models/AAA",
        "logs",
        "run.lock",
        "forecasts",
        "stockcast.toml",
        "models/.AAA.lock",
    )
    path = home / draw.choice((*names, "models/AAA/manifest.json", "models/AAA/weights.safetensors"))
    shutil.rmtree(path, ignore_errors=True)
    path.unlink(missing_ok=True)
    kind = draw.choice(("gone", "folder", "text", "link", "loop", "pipe", "empty"))
    if kind != "gone":
        path.parent.mkdir(exist_ok=True)
    if kind == "folder":
        path.mkdir()
    elif kind in ("text", "empty"):
        path.write_text("surprise\n" if kind == "text" else "")
    elif kind in ("link", "loop"):
        path.symlink_to(path if kind == "loop" else "/proc/nowhere")
    elif kind == "pipe":
        os.mkfifo(path)
    return f"{path.relative_to(home)}: {kind}"


DAMAGES: tuple[Callable[[Random, Path], str], ...] = (_bytes, _database, _database, _cell, _cell, _else)

JUMPS = (
    timedelta(0), timedelta(0), timedelta(hours=-1), timedelta(days=-1), timedelta(days=-4), timedelta(days=-40),
    timedelta(days=-3650), timedelta(hours=3), timedelta(days=1), timedelta(days=400),
)  # fmt: skip


def clock(seed: int, folder: Path, evenings: int = 6) -> Sequence[str]:
    """Some evenings on which the clock of the machine is off, at times; nothing that has come is forecast as live."""
    draw = Random(seed)  # noqa: S311
    found: list[str] = []
    with homes.at_home(homes.copied(folder)) as here:
        for day in (5, 6, 7, 8, 9, 12)[:evenings]:
            here.market.now, off = evening(date(2021, 4, day)), draw.choice(JUMPS)
            known = {row[0] for row in rows(here.home, "SELECT id FROM forecasts")}
            before = homes.state(here.home)
            words = draw.choice((("run",), ("run",), ("predict", "AAA"), ("fetch", "AAA", "BBB")))
            process = homes.start(here, (*words, "--json"), STOCKCAST_NOW=(here.market.now + off).isoformat())
            problems = [*_answered(process, here.home), *homes.lost(before, here.home), *_told_afterwards(here, known)]
            found += [f"{words[0]} on {day} April, the clock {off} off: {problem}" for problem in problems]
    return found


def _told_afterwards(here: Live, known: set[int]) -> list[str]:
    """New live forecasts of a session of which the store has the bar, or a forecast from a later origin."""
    question = """
        SELECT f.id, f.ticker, f.target_session FROM forecasts f WHERE f.kind = 'live' AND (
            EXISTS (SELECT 1 FROM prices p WHERE p.ticker = f.ticker AND p.session >= f.target_session)
            OR EXISTS (SELECT 1 FROM forecasts l WHERE l.ticker = f.ticker AND l.origin > f.origin AND l.id < f.id))
    """
    return [f"live, and known already: {row}" for row in rows(here.home, question) if row[0] not in known]


ENVIRONMENTS = Kind("environments", 700, environment)
DAMAGED = Kind("damage", 1000, damage)
CLOCK = Kind("clock", 300, clock)
