"""All cores: what `backtest --jobs N` takes against `--jobs 1`, and what is lost where something is killed.

    python benchmarks/scale.py FOLDER [--files 8] [--pairs 5] [--jobs 2] [--engine local|ray] [--address HOST:PORT]
    python benchmarks/scale.py FOLDER --files 6 --kill worker|driver|node [--rounds 10]

Pairs are interleaved, each run with a home of its own, and all of them must give the same bytes of JSON and table. A
killed run is run again, and must end with those bytes, too, having fitted only the folds that it had not kept. On Ray
without an address the cluster is two nodes with one CPU each, begun here; the node that is killed is the one that the
command is not connected to.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

COMMAND = [sys.executable, "-m", "stockcast", "backtest"]
NOW = {"STOCKCAST_NOW": "2026-03-01T22:00:00Z", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Ended:
    """A run that came to its end. cpu: seconds of it and its workers."""

    wall: float
    cpu: float
    answer: bytes
    table: bytes


@dataclass(frozen=True)
class Backtest:
    """One backtest of some files, whose homes and tables lie in a folder."""

    files: tuple[str, ...]
    folder: Path
    words: tuple[str, ...] = ()

    def begin(self, home: Path, *words: str) -> subprocess.Popen[bytes]:
        """Begin it in a process group of its own."""
        where = ["--home", str(home), "--output", str(self._table(home))]
        return subprocess.Popen(
            [*COMMAND, *self.files, *self.words, *words, *where, "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, **NOW}, start_new_session=True,
        )  # fmt: skip

    def run(self, home: Path, *words: str) -> Ended:
        """Run it to its end."""
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        process = self.begin(home, *words)
        answer, _ = process.communicate()
        wall, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
        assert process.returncode == 0, answer[-2000:]
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Ended(wall, cpu, answer, self._table(home).read_bytes())

    def _table(self, home: Path) -> Path:
        return home.with_suffix(".csv")


def folds_of(home: Path) -> dict[Path, int]:
    """The fold files under a home, and when each was made."""
    # Reading a fold touches its times; its inode is the file that was written.
    return {path.relative_to(home): path.stat().st_ino for path in home.glob("backtests/*/*.npz")}


def children_of(pid: int) -> list[int]:
    """The processes that a process has begun and that still live."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == pid and state != "Z":
            found.append(int(path.parent.name))
    return found


def pairs(work: Backtest, count: int, words: list[str]) -> None:
    """Time one job against many, in turn."""
    ratios, one, many = [], [], []
    for pair in range(count):
        runs = {}
        order = (["--jobs", "1"], words) if pair % 2 == 0 else (words, ["--jobs", "1"])
        for place, how in enumerate(order):
            home = work.folder / f"{pair}-{place}"
            runs[how is words] = work.run(home, *how)
            shutil.rmtree(home)
        alone, together = runs[False], runs[True]
        assert (alone.answer, alone.table) == (together.answer, together.table), "the bytes differ"
        one.append(alone.wall)
        many.append(together.wall)
        ratios.append(together.wall / alone.wall)
        print(
            f"pair {pair + 1}: {alone.wall:.1f} s (CPU {alone.cpu:.1f}) and {together.wall:.1f} s "
            f"(CPU {together.cpu:.1f}): {ratios[-1]:.3f}; same bytes",
            flush=True,
        )
    print(f"{' '.join(words)}: median of {count}: {statistics.median(ratios):.3f} of the time of one job")


@contextlib.contextmanager
def two_nodes() -> Iterator[Cluster]:
    """A cluster of two nodes of this machine, with one CPU each."""
    from stockcast.engine.raycluster import SETTINGS

    os.environ |= SETTINGS  # before the import
    from ray.cluster_utils import Cluster

    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    found.add_node(num_cpus=1)
    try:
        yield found
    finally:
        found.shutdown()


@dataclass(frozen=True)
class Kills:
    """What is killed: the driver, one of its workers, or (with a cluster) the node that it is not connected to."""

    what: str
    chance: random.Random
    cluster: Any = None

    def strike(self, driver: int) -> Callable[[], object]:
        """Kill it now; returns what brings it back, if anything does."""
        if self.what == "node":
            node = next(node for node in self.cluster.list_all_nodes() if node is not self.cluster.head_node)
            self.cluster.remove_node(node, allow_graceful=False)
            return lambda: self.cluster.add_node(num_cpus=1)
        victims = [driver] if self.what == "driver" else children_of(driver)
        os.kill(self.chance.choice(victims or [driver]), signal.SIGKILL)
        return lambda: None

    def rounds(self, work: Backtest, count: int, words: list[str]) -> None:
        """Kill at random moments, and hold what is left against a run in peace."""
        peace = work.folder / "peace"
        expected = work.run(peace, *words)
        names = set(folds_of(peace))
        for number in range(1, count + 1):
            home = work.folder / f"killed-{number}"
            process = work.begin(home, *words)
            time.sleep(self.chance.uniform(0.05, 0.95) * expected.wall)
            workers = children_of(process.pid)
            bring_back = self.strike(process.pid)
            answer, _ = process.communicate()
            kept = folds_of(home)
            if self.what == "driver":
                time.sleep(2)
                assert not any(Path(f"/proc/{pid}").exists() for pid in workers), "a worker outlived its command"
            else:
                assert process.returncode == 0, answer[-2000:]
                assert answer == expected.answer, "the bytes differ"
            bring_back()
            again = work.run(home, *words)
            after = folds_of(home)
            assert set(after) == names, "a fold is missing, or there twice"
            assert {path: after[path] for path in kept} == kept, "a fold was made again"
            assert again.table == expected.table, "the bytes differ"
            print(
                f"round {number}: {self.what} killed; {len(kept)} of {len(names)} folds kept, nothing lost", flush=True
            )
            shutil.rmtree(home)


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=8)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--jobs", type=int, help="2, or on a cluster all of its CPUs")
    parser.add_argument("--engine", default="local")
    parser.add_argument("--address")
    parser.add_argument("--kill", choices=["worker", "driver", "node"])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    files = tuple(map(str, sorted(asked.folder.glob("*.csv"))))[: asked.files]
    engine = "ray" if asked.kill == "node" else asked.engine
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        cluster = stack.enter_context(two_nodes()) if engine == "ray" and asked.address is None else None
        address = asked.address if cluster is None else cluster.address
        given = {"--jobs": asked.jobs or (2 if engine == "local" else None), "--engine": engine, "--address": address}
        words = [word for option, value in given.items() if value is not None for word in (option, str(value))]
        if asked.kill is None:
            pairs(Backtest(files, folder), asked.pairs, words)
        else:
            three = ("--test-from", "2018-01-02", "--end", "2020-12-31")
            chance = random.Random(asked.seed)  # noqa: S311 - moments, no secrets
            Kills(asked.kill, chance, cluster).rounds(Backtest(files, folder, three), asked.rounds, words)


if __name__ == "__main__":
    main()
