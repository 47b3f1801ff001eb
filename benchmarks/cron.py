"""An evening of cron over many tickers, some due for retraining: `stockcast run --jobs 1` beside `--jobs 2`.

    python benchmarks/cron.py PRICES... [--tickers 200] [--due 20] [--until 2021-04-21] [--jobs 2] [--kills 10]

PRICES are folders of CSV files with full histories, also packed. The installed command runs against a Yahoo Finance on
the loopback. The evening before, all tickers were fetched and forecast; this evening `--due` of their models have grown
as old as a retraining asks for. Prices are fetched first, so that times are those of all else; then every table of the
store has to be the same row by row, times included, since the clock stands still. At last a run that fetches, too, is
killed by SIGKILL at random moments, and the next one has to leave the same tables.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the loopback provider lives with the tests, and the year beside this file

from benchmarks.year import COMMAND, after_close, histories_of
from stockcast.config.runs import RetrainConfig
from stockcast.prices.history import History
from stockcast.storage import modelfile
from tests.loopback.market import Market, listing_from
from tests.loopback.proxy import ConnectProxy
from tests.loopback.yahoo import LoopbackYahoo

Tables = dict[str, list[tuple[Any, ...]]]

YOUNG = 5
"""Models that are trained for tickers that are not due, and copied for the others of them: they forecast alone."""


@dataclass(frozen=True)
class Evening:
    """One evening: the tickers, the provider's clock and the environment of its commands."""

    tickers: list[str]
    market: Market
    environment: dict[str, str]

    def at(self, day: date) -> Evening:
        """The same on another day, an hour or so after the close."""
        self.market.now = after_close(day)
        self.environment["STOCKCAST_NOW"] = self.market.now.isoformat()
        return self

    def command(self, home: Path, *words: str) -> subprocess.Popen[str]:
        """Begin a command line in a home."""
        environment = {**os.environ, **self.environment, "STOCKCAST_HOME": str(home)}
        told = open(home.with_suffix(".err"), "a", encoding="utf-8")  # noqa: SIM115 - the process has it
        with told:
            return subprocess.Popen(
                [COMMAND, *words], env=environment, cwd=home, stdout=subprocess.DEVNULL, stderr=told, text=True
            )

    def done(self, home: Path, *words: str) -> Cost:
        """Run it to its end, and say what it took."""
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        process = self.command(home, *words)
        own = 0.0
        while process.poll() is None:
            own = _seconds_of(process.pid) or own
            time.sleep(0.05)
        wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        if process.returncode:
            raise SystemExit(f"{' '.join(words)} ended with {process.returncode}: see {home.with_suffix('.err')}")
        whole = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Cost(wall, own, max(0.0, whole - own), after.ru_maxrss / 1024)


@dataclass(frozen=True)
class Cost:
    """What a command took: seconds, seconds of CPU of its own and of its workers, MiB of its largest process so far."""

    wall: float
    own: float
    workers: float
    largest: float

    def __str__(self) -> str:
        return f"{self.wall:.1f} s; CPU {self.own:.1f} s, of workers {self.workers:.1f} s"


def _seconds_of(pid: int) -> float | None:
    """Seconds of CPU of a process, those of its children left out; None where it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def evenings(histories: dict[str, History], cache: Path) -> Iterator[Evening]:
    """The provider of all evenings."""
    last = max(history.last for history in histories.values())
    market = Market([listing_from(history, ticker) for ticker, history in histories.items()], after_close(last))
    with LoopbackYahoo(market) as yahoo, ConnectProxy(yahoo) as proxy:
        yield Evening(list(histories), market, proxy.environment(cache))


def prepare(evening: Evening, home: Path, days: Sequence[date], due: int) -> None:
    """The home as the evening before leaves it: prices, models, of which some are due tomorrow, and forecasts."""
    evening.at(days[-2])
    home.mkdir(parents=True)
    (home / "stockcast.toml").write_text(
        f"tickers = {evening.tickers!r}\n[limits]\npause = 0.0\n[output]\nfolder = '{home}/forecasts'\n"
    )
    evening.done(home, "fetch", "--pause", "0", *evening.tickers)
    old = evening.tickers[:: max(1, len(evening.tickers) // due)][:due]
    rest = [ticker for ticker in evening.tickers if ticker not in old]
    young, others = rest[:YOUNG], rest[YOUNG:]
    evening.done(home, "train", *old, "--end", days[-1 - RetrainConfig().every].isoformat())
    evening.done(home, "train", *young)
    for place, ticker in enumerate(others):
        one = modelfile.load_model(home / "models", young[place % YOUNG])
        modelfile.save_model(home / "models", replace(one, name=ticker, manifest=one.manifest | {"ticker": ticker}))
    evening.done(home, "run")


def tables(home: Path) -> Tables:
    """Every table of the store, in the order of its rows; runs by their summaries alone, which say what was done."""
    with closing(sqlite3.connect(home / "stockcast.db")) as db:
        if db.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
            raise SystemExit(f"{home} is damaged")
        own = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
        names = [name for (name,) in db.execute(own)]
        return {name: db.execute(f'SELECT * FROM "{name}"').fetchall() for name in names}  # noqa: S608


def differing(one: Tables, other: Tables) -> list[str]:
    """The tables that differ."""
    return [name for name in one if one[name] != other.get(name)]


def copied(source: Path, target: Path) -> Path:
    """A home of one's own; its configuration writes into it."""
    shutil.copytree(source, target)
    config = target / "stockcast.toml"
    config.write_text(config.read_text().replace(str(source), str(target)))
    return target


def killed(evening: Evening, home: Path, kills: int, length: float) -> int:
    """Kill as many runs at random moments of what is left to do; returns how many were killed before their end."""
    chance, hit = random.Random(0), 0  # noqa: S311 - a simulation
    for _ in range(kills):
        process = evening.command(home, "run", "--jobs", "2", "-q")
        try:
            process.wait(chance.uniform(0.0, 2.0 * length / kills))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            hit += 1
    return hit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prices", type=Path, nargs="+")
    parser.add_argument("--tickers", type=int, default=200)
    parser.add_argument("--due", type=int, default=20)
    parser.add_argument("--until", type=date.fromisoformat, default=date(2021, 4, 21))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=1)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--prepared", type=Path, help="keep the home of the evening before here, or take it from here")
    options = parser.parse_args()
    histories: dict[str, History] = {}
    for folder in options.prices:
        histories |= histories_of(folder, options.tickers - len(histories), options.until)
    folder = Path(tempfile.mkdtemp(prefix="stockcast-cron-"))
    try:
        measure(histories, options, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure(histories: dict[str, History], options: argparse.Namespace, folder: Path) -> None:
    """Do it all, and print what was found; leave with 1 where a promise was broken."""
    days = [day for day in next(iter(histories.values())).dates.astype(object).tolist() if day <= options.until]
    ready: Path = options.prepared or folder / "ready"
    broken: list[str] = []
    with evenings(histories, folder / "xdg") as evening:
        if not ready.exists():
            prepare(evening, ready, days, options.due)
        evening.at(days[-1])
        fetched = copied(ready, folder / "fetched")
        fetching = evening.done(fetched, "fetch", "--pause", "0", *evening.tickers)
        print(f"{len(histories)} tickers, {options.due} due on {days[-1]}; fetching takes {fetching.wall:.1f} s")
        for pair in range(options.pairs):
            found: dict[int, tuple[Cost, Tables]] = {}
            for jobs in (1, options.jobs):
                home = copied(fetched, folder / f"jobs{jobs}-{pair}")
                cost = evening.done(home, "run", "--jobs", str(jobs), "-q")
                found[jobs] = cost, tables(home)
                print(f"--jobs {jobs}: {cost} (load {os.getloadavg()[0]:.1f})", flush=True)
            (one, expected), (many, got) = found.values()
            print(f"{many.wall / one.wall:.2f} of one job's time")
            broken += [f"{name} differs with {options.jobs} jobs" for name in differing(expected, got)]
        home = copied(ready, folder / "killed")
        hit = killed(evening, home, options.kills, fetching.wall + many.wall)
        evening.done(home, "run", "--jobs", str(options.jobs), "-q")
        got = tables(home)
        print(
            f"{hit} runs killed before their end; {len(got['forecasts'])} forecasts, {len(got['trainings'])} trainings"
        )
        broken += [f"{name} differs after kills" for name in differing(expected, got) if name != "runs"]
    for problem in broken:
        print(f"PROBLEM {problem}")
    if broken:
        raise SystemExit(1)
    print("every table is the same, row by row")


if __name__ == "__main__":
    main()
