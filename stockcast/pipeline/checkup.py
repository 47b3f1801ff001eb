"""The check-up: whether everything that an unattended run needs is there."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from shlex import quote

from stockcast import config as settings
from stockcast.config.runfile import load_run_config
from stockcast.errors import LockedError, StockcastError
from stockcast.pipeline.clock import UNREADABLE, contradiction, remedy, skew, skew_words
from stockcast.pipeline.maintenance import repair
from stockcast.pipeline.models import list_models
from stockcast.pipeline.running import locked
from stockcast.prices.sessions import load_calendar
from stockcast.results import Check, Diagnosis
from stockcast.storage import pricestore
from stockcast.storage.database import DamagedError, Database
from stockcast.storage.files import private_home, write_atomic
from stockcast.storage.ledger import reading
from stockcast.storage.salvage import unreadable

LEAST_SPACE = 200 * 2**20  # bytes: a store of a hundred tickers and their models takes less
MOST_SKEW = timedelta(minutes=2)
"""A clock further off than this may take a session for over that is not."""


def doctor(
    home: Path, config: Path | None, offline: bool = False, timeout: float = 15.0, mend: bool = False
) -> Diagnosis:
    """Look at access, folder, disk, store, models, calendar, lock, configuration, provider and clock.

    Args:
        home: The folder of models, prices and forecasts.
        config: The file of `run`; None where there is none to check.
        offline: Whether to leave out what needs the network.
        timeout: Seconds for the provider and the clock.
        mend: Whether what can be mended without loss is mended first.

    Returns:
        What was mended, and what was found, in that order.
    """
    mended = repair(home, config) if mend else []
    looks: list[tuple[str, Callable[[], Check]]] = [
        ("access", lambda: _access(home)),  # first: the others take from other users what is open to them
        ("folder", lambda: _folder(home)),
        ("disk", lambda: _disk(home)),
        ("store", lambda: _store(home)),
        ("models", lambda: _models(home)),
        ("calendar", _calendar),
        ("lock", lambda: _lock(home)),
        ("configuration", lambda: _configuration(config)),
    ]
    checks = [_guarded(name, look) for name, look in looks]
    theirs: datetime | None = None
    if not offline:
        provider, theirs = _provider(timeout)
        checks.append(provider)
    return Diagnosis((*mended, *checks, _guarded("clock", lambda: _clock(home, theirs))))


def _guarded(name: str, look: Callable[[], Check]) -> Check:
    """What a look found; an error of ours is what it found, too."""
    try:
        return look()
    except StockcastError as error:
        return Check(name, False, error.message, error.hint)
    except OSError as error:
        return Check(name, False, f"{error.strerror or error}", "check the path, and the permissions of that folder")


def _access(home: Path) -> Check:
    """Whether another user may write to the home or to what is in it: forecasts come from what is there."""
    found = _open_to_others(home)
    if found:
        first, why = found[0]
        more = f", and to {len(found) - 1} more below {home}" if len(found) > 1 else ""
        place = quote(str(home))
        hint = f"take it from them: chown -R $(id -un) {place}; stockcast doctor --repair --home {place}"
        return Check("access", None, f"others may write to {first} ({why}){more}", hint)
    return Check("access", True, "this user alone may write to it")


def _open_to_others(home: Path) -> list[tuple[Path, str]]:
    """Find what users other than this one and root may write to, in the home and below it.

    Modes and owners decide, not what this process may do, since root may do anything. A link is judged by what it
    leads to.

    Returns:
        Each path with the reason in words.
    """
    if os.name == "nt":
        return []
    mine = {os.geteuid(), 0}
    found = []
    for folder, folders, files in os.walk(home):
        names = [*folders, *files] if folder != str(home) else ["", *folders, *files]
        for name in sorted(names):
            with suppress(OSError):
                seen = os.stat(os.path.join(folder, name))
                if seen.st_uid not in mine:
                    found.append((Path(folder, name), f"it belongs to user {seen.st_uid}"))
                elif seen.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                    found.append((Path(folder, name), f"mode {stat.S_IMODE(seen.st_mode):o}"))
    return found


def _folder(home: Path) -> Check:
    private_home(home)
    probe = home / ".write-test"
    write_atomic(probe, "stockcast", private=True)
    probe.unlink()
    return Check("folder", True, f"{home} can be written")


def _disk(home: Path) -> Check:
    free = shutil.disk_usage(home).free
    words = f"{free / 2**30:,.1f} GiB free"
    if free < LEAST_SPACE:
        return Check("disk", None, words, "free some space: a run that meets a full disk records nothing")
    return Check("disk", True, words)


def _store(home: Path) -> Check:
    mending = "stockcast doctor --repair saves what can be read; or go back to a backup: stockcast ledger restore FILE"
    try:
        db = Database.open(home)
    except DamagedError as error:
        return Check("store", False, error.message, mending)
    with db:
        if problems := db.integrity():
            return Check("store", False, f"{db.path} is damaged: {problems[0]}", mending)
        if problems := unreadable(db):
            return Check("store", False, f"{db.path} is damaged: {problems[0]}", mending)
        tickers, last = len(pricestore.stored_tickers(db)), reading.last_id(db)
    return Check("store", True, f"whole; {tickers} tickers, {last} forecasts recorded")


def _models(home: Path) -> Check:
    found = list_models(home)
    broken = [model.name for model in found if model.damage]
    if broken:
        return Check("models", False, f"damaged: {', '.join(broken)}", "train them again: stockcast train TICKER")
    return Check("models", True, f"{len(found)} saved" if found else "none saved yet")


def _calendar() -> Check:
    today = settings.now().date()
    calendar = load_calendar("XNYS", today, today + timedelta(days=400))
    following: date = calendar.next_sessions(today, 1)[0]
    if not calendar.knows(today + timedelta(days=300)):
        return Check(
            "calendar", None, f"holidays of XNYS are known to {calendar.through} only", "upgrade exchange_calendars"
        )
    return Check("calendar", True, f"next session of XNYS after today: {following}")


def _lock(home: Path) -> Check:
    try:
        with locked(home, 0.0):
            return Check("lock", True, "free")
    except LockedError:
        return Check("lock", None, "another run is at work", "wait until it is done")


def _configuration(config: Path | None) -> Check:
    if config is None:
        return Check(
            "configuration", None, "no stockcast.toml here or in the home folder", "stockcast run --write-config"
        )

    wanted = load_run_config(config)
    folder = wanted.output.folder
    parent = next((path for path in (folder, *folder.absolute().parents) if os.path.exists(path)), None)
    if parent is None or not os.path.isdir(parent) or not os.access(parent, os.W_OK):
        return Check("configuration", False, f"{folder} cannot be written", "choose another [output] folder")
    return Check("configuration", True, f"{config}: {len(wanted.tickers)} tickers")


def _provider(timeout: float) -> tuple[Check, datetime | None]:
    """Whether the provider answers, and what its clock says."""
    from stockcast.prices.yahoo.client import probe
    from stockcast.prices.yahoo.session import Deadline

    try:
        theirs = probe(Deadline.after(timeout))
    except StockcastError as error:
        return Check("provider", False, error.message, error.hint), None
    return Check("provider", True, "Yahoo Finance answers"), theirs


def _clock(home: Path, theirs: datetime | None) -> Check:
    """The clock beside the store, and beside the provider's."""
    now, wrong, written = settings.now(), None, None
    with suppress(LockedError, *UNREADABLE), Database.open(home) as db:
        wrong, written = contradiction(db, now), reading.last_written(db)
    if wrong is not None:
        return Check("clock", False, wrong, remedy())
    ours = f"{now:%Y-%m-%d %H:%M} UTC"
    if theirs is not None and not settings.is_replay():
        off = skew(theirs)
        if abs(off) > MOST_SKEW:
            return Check("clock", False, skew_words(off, theirs), remedy())
        return Check("clock", True, f"{ours}, within {MOST_SKEW.total_seconds():.0f} s of the provider's")
    if written is not None and written > now + MOST_SKEW:
        was = f"{ours}, and the store was written at {written:%Y-%m-%d %H:%M} UTC: it is behind now, or was ahead then"
        return Check("clock", None, was, remedy())
    if settings.is_replay():
        return Check("clock", None, f"STOCKCAST_NOW sets the clock to {ours}", "unset it")
    return Check("clock", None, f"{ours}, and not before anything stored; there was no provider's to compare with")
