"""Playing: `python -m tests.torture` plays what is missing of every kind; with a kind and a seed, that case again.

Every case that was played stands in build/torture.jsonl, so that runs add up, and one that was broken off goes on. A
case that failed is played anew.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from itertools import chain
from multiprocessing import connection, get_context, parent_process
from pathlib import Path

from tests.torture.every import KINDS
from tests.torture.kinds import Kind

TALLY = Path(__file__).parents[2] / "build" / "torture.jsonl"
WORKERS = 2


@dataclass(frozen=True)
class Played:
    """What became of a seed; `seconds` that it took."""

    kind: str
    seed: int
    cases: int
    violations: tuple[str, ...]
    seconds: float


def main() -> int:
    """Play; returns 1 where anything was violated."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("kind", nargs="?", help="play this kind alone")
    parser.add_argument("seed", nargs="?", type=int, help="play this seed alone, and leave its folder")
    parser.add_argument("--scale", type=float, default=1.0, help="tenths of the bars (default: %(default)s)")
    asked = parser.parse_args()
    kinds = [kind for kind in KINDS if asked.kind in (None, kind.name, kind.name.replace(" ", "-"))]
    if not kinds:
        parser.error(f"no such kind; there are {', '.join(kind.name for kind in KINDS)}")
    if asked.seed is not None:
        folder = Path(tempfile.mkdtemp(prefix="torture-"))
        found = _played(kinds[0], asked.seed, folder)
        print(*found.violations, f"{found.cases} cases in {found.seconds:.1f} s, left in {folder}", sep="\n")
        return bool(found.violations)
    return play_all(kinds, asked.scale)


def play_all(kinds: Sequence[Kind], scale: float) -> int:
    """Play what is missing of these kinds; returns 1 where anything was violated."""
    known = _tally()
    missing = {kind.name: [seed for seed in _seeds(kind, scale) if not _passed(known, kind, seed)] for kind in kinds}
    # Kinds take turns: a run that is broken off has seen all of them.
    order = sorted(
        (place / len(seeds), at, seed)
        for at, kind in enumerate(kinds)
        for seeds in [missing[kind.name]]
        for place, seed in enumerate(seeds)
    )
    TALLY.parent.mkdir(exist_ok=True)
    with (
        TALLY.open("a") as tally,
        tempfile.TemporaryDirectory(prefix="torture-", ignore_cleanup_errors=True) as everything,
        ThreadPoolExecutor(WORKERS) as threads,
    ):
        os.environ["TMPDIR"] = everything  # of the workers, which begin with their first case
        worker = _Worker()
        futures = [threads.submit(worker.play, kinds[at], seed) for _, at, seed in order]
        for done, future in enumerate(as_completed(futures), 1):
            found = future.result()
            known[found.kind, found.seed] = found
            tally.write(json.dumps(asdict(found)) + "\n")
            tally.flush()
            for violation in found.violations:
                print(f"{found.kind} {found.seed}: {violation}", flush=True)
            if done % 100 == 0 or done == len(futures):
                print(f"{done} of {len(futures)} seeds; the last was {found.kind} {found.seed}", file=sys.stderr)
    names = {kind.name for kind in kinds}
    return _table(kinds, [found for found in known.values() if found.kind in names], scale)


def _seeds(kind: Kind, scale: float) -> range:
    return range(-int(-kind.bar * scale / 10 // kind.cases))


def _passed(known: dict[tuple[str, int], Played], kind: Kind, seed: int) -> bool:
    found = known.get((kind.name, seed))
    return found is not None and not found.violations


def _tally() -> dict[tuple[str, int], Played]:
    if not TALLY.exists():
        return {}
    documents = [json.loads(line) for line in TALLY.read_text().splitlines()]
    return {(it["kind"], it["seed"]): Played(**{**it, "violations": tuple(it["violations"])}) for it in documents}


class _Worker(threading.local):
    """A process for each thread, which plays one case after the other; another one where it died of a case."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    def play(self, kind: Kind, seed: int) -> Played:
        """Play a case there."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, get_context("spawn"), _end_with_parent)
        try:
            return self._pool.submit(_play_apart, kind, seed).result()
        except BrokenProcessPool:
            self._pool = None
            return Played(kind.name, seed, kind.cases, ("the process that played it died",), 0.0)


def _end_with_parent() -> None:
    """Let this process end when the one that began it does, however that does."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _play_apart(kind: Kind, seed: int) -> Played:
    with tempfile.TemporaryDirectory(prefix="torture-", ignore_cleanup_errors=True) as folder:
        return _played(kind, seed, Path(folder))


def _played(kind: Kind, seed: int, folder: Path) -> Played:
    begun = time.monotonic()
    try:
        violations = tuple(kind.play(seed, folder))
    except Exception as error:  # noqa: BLE001 - a case that cannot be judged is a violation
        violations = (f"{type(error).__name__}: {error}",)
    return Played(kind.name, seed, kind.cases, violations, round(time.monotonic() - begun, 3))


def _table(kinds: Sequence[Kind], played: Iterable[Played], scale: float) -> int:
    every = list(played)
    print(f"{'kind':<16}{'cases':>10}{'asked':>10}{'bar':>10}{'violations':>12}{'a minute':>10}   seeds that failed")
    for kind in kinds:
        own = [it for it in every if it.kind == kind.name]
        cases, seconds = sum(it.cases for it in own), sum(it.seconds for it in own)
        failed = [it.seed for it in own if it.violations]
        asked = len(_seeds(kind, scale)) * kind.cases
        a_minute = 60 * cases / seconds if seconds else 0
        print(
            f"{kind.name:<16}{cases:>10,}{asked:>10,}{kind.bar:>10,}{sum(len(it.violations) for it in own):>12,}"
            f"{a_minute:>10,.0f}   {' '.join(map(str, failed[:20]))}"
        )
    return int(any(chain.from_iterable(it.violations for it in every)))
