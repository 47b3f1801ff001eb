"""Power that is lost while a command works: all that was told is there afterwards, and everything is whole.

Commands are recorded once in each process of a torture, some of them on a store that a killed process left. A case is
one moment of one of them: of what the disk need not have held by then anything may be missing, in each of the ways of
`tests.torture.disk`. Every file has to be as it was when the command last said something, or as one of its later writes
left it; the store, as one of its commits. Then, on one of these disks, the next commands have to read what is there,
and the same command again has to come to the end of the one that was not disturbed.
"""

from __future__ import annotations

import random
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path, PurePosixPath

from tests import synthetic
from tests.live.command import CONFIG, MONDAY, THURSDAY, Live, Tables, evening, listings, live, tables
from tests.processes import Completed, Process
from tests.torture import recorder
from tests.torture.disk import WAYS, Disk, Tree, put_on, tree_of
from tests.torture.kinds import Kind
from tests.torture.recorder import Call

HOME = "home"
STORE = tuple(f"stockcast.db{more}" for more in ("", "-wal", "-journal", "-shm"))
QUICK = ("--seeds", "1", "--steps", "2", "--init", "scratch")
TRAIN = ("train", "prices.csv", "--name", "mine", *QUICK)
_RETRAINING = CONFIG.replace("steps = 20", 'steps = 2\ninit = "scratch"').replace("every = 0", "every = 1")

DAMAGED = "damaged"
"""The one table of a store that is not whole."""
TOLD = ("told", "ended")

Words = tuple[str, ...]


@dataclass(frozen=True)
class Scene:
    """A command that is recorded.

    Attributes:
        words: Its command line.
        day: The evening of it.
        before: What was done on the evenings before.
        readers: What is to end well on any disk that is left of it.
        again: Exit codes of the same command on such a disk.
        damage: What befell the store then, as SQL; it stands in the log of a process that was killed.
        read: Exit codes of the readers: not 0 alone where they may find what is damaged.
        keeps: Tables that it leaves as they were before the damage, where the store changes at once or not at all; None
            where it changes step by step.
        aside: Whether a store that takes the place of another is there together with that.
    """

    words: Words
    day: date = THURSDAY
    before: tuple[tuple[date, Words], ...] = ()
    readers: tuple[Words, ...] = (("models", "list"),)
    again: tuple[int, ...] = (0,)
    damage: str = ""
    read: tuple[int, ...] = (0,)
    keeps: tuple[str, ...] | None = None
    aside: bool = False


_TRAINED = ((THURSDAY, (*TRAIN, "--seed", "1")),)
_LEDGER: tuple[Words, ...] = (("ledger", "list", "--json"), ("models", "list", "--json"))
_BACKUP = ("ledger", "backup", "backup.db")
_RESTORE = ("ledger", "restore", "backup.db", "--force")
_REPAIR = ("doctor", "--repair", "--offline")
# Settled forecasts, a backup that has fewer of them, and a commit that stands in the log alone.
_KEPT = ((THURSDAY, ("run",)), (THURSDAY, _BACKUP), (MONDAY, ("run",)))
_COMMIT = "INSERT INTO runs (started_at) VALUES ('2021-04-05T21:00:00+00:00')"
_STRANGE = "UPDATE prices SET close = 'text' WHERE ticker = 'BBB' AND session = '2021-03-31'"
_STALE = """
    PRAGMA writable_schema = ON;
    UPDATE sqlite_master SET sql = 'CREATE INDEX forecasts_by_target ON forecasts (origin, target_session)'
    WHERE name = 'forecasts_by_target';
"""
_RECORD = ("forecasts", "outcomes", "baseline_scores", "trainings", "event_snapshots")
_LOOKS: tuple[Words, ...] = (("doctor", "--offline"), *_LEDGER)
SCENES = (
    Scene(("run",), readers=_LEDGER),
    Scene(("run", "--jobs", "1"), MONDAY, ((THURSDAY, ("run",)),), _LEDGER),
    Scene((*TRAIN, "--output", "rows.csv"), before=_TRAINED, readers=(("models", "show", "mine"),)),
    Scene(("models", "remove", "mine"), before=_TRAINED, again=(0, 6)),
    Scene(
        ("predict", "prices.csv", "--model", "mine", "--output", "forecasts.json"),
        MONDAY,
        before=(*_TRAINED, (THURSDAY, ("predict", "prices.csv", "--model", "mine", "--output", "forecasts.json"))),
        readers=(("models", "show", "mine"),),
    ),
    Scene(("fetch", "AAA", "BBB", "--home", f"{HOME}/a/b"), readers=()),
    Scene(
        ("backtest", "prices.csv", "--test-from", "2013-09-02", "--baseline", "har-t", *QUICK, "--output", "rows.csv")
    ),
    Scene(
        _BACKUP,
        MONDAY,
        _KEPT,
        (*_LEDGER, (*_RESTORE, "--home", ".other")),
        damage=_COMMIT,
        keeps=(*_RECORD, "laws", "prices"),
    ),
    Scene(_RESTORE, MONDAY, _KEPT, _LEDGER, damage=_COMMIT, keeps=()),
    Scene(("ledger", "prune"), MONDAY, _KEPT, _LEDGER, damage=_COMMIT, keeps=(*_RECORD, "prices")),
    Scene(_REPAIR, MONDAY, _KEPT, _LOOKS, damage=_STRANGE, read=(0, 1), keeps=(*_RECORD, "laws"), aside=True),
    Scene(_REPAIR, MONDAY, _KEPT, _LOOKS, damage=_STALE, read=(0, 1), keeps=(*_RECORD, "laws", "prices")),
)


@dataclass(frozen=True)
class Recording:
    """What lay on the disk before a command, the calls that it made, and what lay there afterwards."""

    before: Tree
    calls: tuple[Call, ...]
    after: Tree


def play(seed: int, folder: Path) -> Sequence[str]:
    """Lose power at one moment of one command.

    Args:
        seed: Decides which and when.
        folder: An empty one.

    Returns:
        What was violated.
    """
    scene = SCENES[seed % len(SCENES)]
    draw = random.Random(seed)  # noqa: S311
    recording = recorded(scene)
    moments = range(len(recording.calls) + 1)
    # Most calls are writes of the store's log.
    turns = [moment for moment in moments[1:] if recording.calls[moment - 1].name not in ("write", "told")]
    moment = draw.choice(draw.choice((moments, turns)))
    disks = {way: left_by(recording, moment, way, draw) for way in WAYS}
    found = [f"{' '.join(scene.words)}: {violation}" for violation in _undisturbed(scene)]
    found += [
        f"{' '.join(scene.words)}: power lost after call {moment} of {len(recording.calls)}, {way} of the unsynced on "
        f"the disk: {violation}"
        for way, tree in disks.items()
        for violation in (*violations(recording, moment, tree), *lost(scene, recording, tree))
    ]
    put_on(folder, disks[draw.choice(WAYS)])
    return found + [f"{' '.join(scene.words)}, call {moment}: {it}" for it in afterwards(scene, recording, folder)]


POWER = Kind("power loss", bar=500, play=play)


def left_by(recording: Recording, moment: int, way: str, draw: random.Random) -> Tree:
    """What a loss of power before call number `moment` may leave on the disk."""
    disk = Disk(recording.before)
    for call in recording.calls[:moment]:
        disk.call(call)
    return disk.after_power_loss(way, draw)


def violations(recording: Recording, moment: int, tree: Tree) -> Iterator[str]:
    """What of a disk that lost power before a call is torn, or older than what was told by then."""
    told = max((at + 1 for at, call in enumerate(recording.calls[:moment]) if call.name in TOLD), default=0)
    yield from strange(list(versions(recording, told, moment)), tree)


def strange(known: Sequence[Tree], tree: Tree) -> Iterator[str]:
    """What of a disk is as in none of its versions, of which the first is the least that has to be there."""
    files = [_files(version) for version in known]
    left = _files(tree)
    for path in sorted(set(left).union(*files)):
        content = left.get(path)
        if any(content == version.get(path) for version in files):
            continue
        told = files[0].get(path)
        if not (_grows(path) and (told is None or (content is not None and content[0].startswith(told[0])))):
            yield f"{path} is {'missing' if content is None else 'neither as it was told nor as any write left it'}"
    found = _tables(tree)
    if found not in [_tables(version) for version in known]:
        damaged = found.keys() == {DAMAGED}
        yield "the store is damaged" if damaged else "the store has lost what was told, or holds a part of a commit"


def lost(scene: Scene, recording: Recording, tree: Tree) -> Iterator[str]:
    """What is wrong with a store that is kept as a whole: it is as it was, or as it is to be, and has what it had."""
    if scene.keeps is None:
        return
    found, before, after = (_tables(it) for it in (tree, recording.before, recording.after))
    if found not in (before, after):
        yield "the store is neither as it was nor as it is to be"
    whole = _tables(_prepared(scene.before))
    yield from (f"it takes {name} away" for name in scene.keeps if after[name] != whole[name])
    if scene.aside and found == after:
        kept = [content for path, content in tree.items() if path.startswith(f"{HOME}/damaged/")]
        if before not in [_read_tables((("", content),)) for content in kept]:
            yield "the damaged store is not beside the one that took its place"


@cache
def _undisturbed(scene: Scene) -> tuple[str, ...]:
    """The same of each state that a process sees while nothing goes wrong."""
    recording = recorded(scene)
    states = versions(recording, 0, len(recording.calls))
    return tuple({violation: None for tree in states for violation in lost(scene, recording, tree)})


def versions(recording: Recording, told: int, moment: int) -> Iterator[Tree]:
    """The disk as processes saw it when something was told, and after each later step."""
    disk = Disk(recording.before)
    for at, call in enumerate(recording.calls[:moment]):
        if at == told or (at > told and call.name != "write"):
            yield disk.tree
        disk.call(call)
    yield disk.tree


def _files(tree: Tree) -> dict[str, tuple[bytes, ...]]:
    """The contents of what has to be whole, by path: models by the folder that readers take."""
    found: dict[str, tuple[bytes, ...]] = {}
    for path, content in tree.items():
        parts = PurePosixPath(path).parts
        if content is None or parts[-1] in STORE or parts[-1].endswith(".lock"):
            continue
        if parts[:2] == (HOME, "models"):
            folder = parts[2]
            name = folder.removeprefix(".").removesuffix(".old") if folder.endswith(".old") else folder
            if not name.startswith(".") and (folder == name or f"{HOME}/models/{name}" not in tree):
                key = f"{HOME}/models/{name}"
                found[key] = (*found.get(key, ()), parts[-1].encode(), content)
        elif not _is_hidden(path) and parts[:2] not in ((HOME, "logs"), (HOME, "cache")):
            found[path] = (content,)
    return found


def _is_hidden(path: str) -> bool:
    """Whether it is for somebody at work alone."""
    return any(part.startswith(".") for part in PurePosixPath(path).parts)


def _grows(path: str) -> bool:
    return path.startswith(f"{HOME}/forecasts/") and not path.endswith(".json")


def _tables(tree: Tree) -> Tables:
    stores = [path for path in tree if PurePosixPath(path).name == STORE[0] and not _is_hidden(path)]
    assert len(stores) <= 1, stores
    if not stores:
        return {}
    return _read_tables(tuple((more, tree.get(stores[0] + more)) for more in ("", "-wal", "-journal")))


@lru_cache(1000)
def _read_tables(files: tuple[tuple[str, bytes | None], ...]) -> Tables:
    with tempfile.TemporaryDirectory() as folder:
        put_on(Path(folder), {f"stockcast.db{more}": content for more, content in files if content is not None})
        try:
            return tables(Path(folder))
        except (AssertionError, sqlite3.Error, ValueError):
            return {DAMAGED: [(_image(Path(folder) / STORE[0]),)]}


def _image(store: Path) -> str:
    """What a store is whose pages are not whole: a hash of them, with those in its log."""
    try:
        with closing(sqlite3.connect(store)) as db:
            return sha256(db.serialize()).hexdigest()
    except sqlite3.Error:
        return sha256(store.read_bytes()).hexdigest()


def afterwards(scene: Scene, recording: Recording, folder: Path) -> Iterator[str]:
    """What goes wrong with the next commands on a disk that lost power."""
    with world(scene.day) as here:
        for words in scene.readers:
            yield from ended(_run(here, folder, words), words, scene.read)
        again = list(ended(_run(here, folder, scene.words), scene.words, scene.again))
    yield from again
    if again:
        return
    left, wanted = _files(tree_of(folder)), _files(recording.after)
    for path in sorted(set(wanted) | set(left)):
        if path.startswith(f"{HOME}/models/") and path in left and path in wanted:
            continue  # it says when it was made
        if path.startswith(f"{HOME}/damaged/") and path not in wanted:
            continue  # what was put aside when the power went is so once more
        if left.get(path) != wanted.get(path):
            yield f"{path} is not what the same command, undisturbed, left"
    kept = ("prices", "forecasts", "laws", "outcomes", "baseline_scores")
    ours, theirs = _tables(tree_of(folder)), _tables(recording.after)
    yield from (f"the same command again leaves other {name}" for name in kept if ours.get(name) != theirs.get(name))


def ended(done: Completed | str, words: Words, codes: Sequence[int]) -> Iterator[str]:
    """What is wrong with how a command ended: with another code than these, or without words and a hint."""
    if isinstance(done, str):
        yield f"{' '.join(words)}: {done}"
    elif done.code not in codes:
        yield f"{' '.join(words)} ended with {done.code}: {done.err}"
    elif done.code and not 0 < done.err.count("error: ") == done.err.count("  hint: "):
        yield f"{' '.join(words)} does not say what to do: {done.err}"


def _run(here: Live, root: Path, words: Words) -> Completed | str:
    """How a command ended, or why that cannot be said: after a traceback."""
    try:
        return Process(words, root, environment(here, root)).completed()
    except (AssertionError, TimeoutError) as error:
        return str(error)


def environment(here: Live, root: Path) -> dict[str, str]:
    """The variables of a command on a disk."""
    # Threads that wait for each other on cores that are busy take many times as long.
    return here.environment(root / HOME) | {"OMP_NUM_THREADS": "1"}


@cache
def recorded(scene: Scene) -> Recording:
    """The recording of a scene, made once in this process."""
    with tempfile.TemporaryDirectory(prefix="recorded-") as folder, world(scene.day) as here:
        root = Path(folder) / "disk"
        root.mkdir()
        put_on(root, _struck(_prepared(scene.before), scene.damage))
        return record(root, scene.words, environment(here, root))


def record(root: Path, words: Sequence[str | Path], env: Mapping[str, str]) -> Recording:
    """Run a command, or a file of Python, in a folder and record its calls; they have to explain what changed there."""
    before, file = tree_of(root), root.with_name("record")
    Process([file, root, *words], root, env, Path(recorder.__file__)).completed().succeeded()
    recording = Recording(before, tuple(recorder.read_record(file)), tree_of(root))
    disk = Disk(before)
    for call in recording.calls:
        disk.call(call)
    assert disk.tree == recording.after, "something was written past the recorder"
    return recording


@cache
def _prepared(before: tuple[tuple[date, Words], ...]) -> Tree:
    """What lies on the disk before a scene."""
    with tempfile.TemporaryDirectory(prefix="prepared-") as folder:
        root = Path(folder)
        if not before:
            (root / HOME).mkdir()
            (root / HOME / "stockcast.toml").write_text(_RETRAINING)
            synthetic.write_csv(root / "prices.csv", synthetic.history(500))
            return tree_of(root)
        *earlier, (day, words) = before
        put_on(root, _prepared(tuple(earlier)))
        with world(day) as here:
            Process(words, root, environment(here, root)).completed().succeeded()
        return tree_of(root)


def _struck(tree: Tree, sql: str) -> Tree:
    """The disk once somebody has done that to the store and was killed: it stands in the log."""
    if not sql:
        return tree
    with tempfile.TemporaryDirectory(prefix="struck-") as folder:
        put_on(Path(folder), tree)
        with closing(sqlite3.connect(Path(folder) / HOME / STORE[0], isolation_level=None)) as db:
            db.executescript(sql)
            return tree_of(Path(folder))


@contextmanager
def world(day: date) -> Iterator[Live]:
    """The provider that commands see on an evening. Its threads end with the block: a process would wait for them."""
    with tempfile.TemporaryDirectory(prefix="world-") as folder, live(Path(folder), listings(), evening(day)) as here:
        yield here
