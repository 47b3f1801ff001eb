"""The command lines that goldens are made of: files, walks, a pool, ten live sessions, an older home, wrong input.

Each is a list of steps, played in order in one folder. Names are relative to it, so that no message depends on where
it lies. Networks are small and hardly trained: what is recorded is every number, not a good one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np

from tests.live.command import listing, live, utc
from tests.pipeline import smallpool
from tests.processes import ROOT, Completed, cold, forked

NOW = utc(2021, 4, 1, 21)
TRAIN = "--seeds 1 --steps 8"
SMALL = f"{TRAIN} --hidden-size 4 --lookback 20"
SCRATCH = f"{SMALL} --init scratch"

Runner = Callable[[Sequence[str], Path, Mapping[str, str]], Completed]


@dataclass(frozen=True)
class Step:
    """A command line, when it is called, and whether the suite plays it too.

    What takes long and is told twice, for a reader and as JSON, is played once there.
    """

    name: str
    line: str
    at: datetime = NOW
    in_suite: bool = True

    @property
    def words(self) -> list[str]:
        """The arguments."""
        return self.line.split()


@dataclass(frozen=True)
class Scenario:
    """Steps that share a folder."""

    name: str
    prepare: Callable[[Path], None]
    steps: tuple[Step, ...]
    live: bool = False

    def in_suite(self) -> Scenario:
        """The same with the steps that the suite plays."""
        return replace(self, steps=tuple(step for step in self.steps if step.in_suite))

    def play(self, folder: Path, run: Runner) -> Iterator[tuple[Step, Completed]]:
        """Run each step in a folder that is prepared, and hand out how it ended before the next one begins."""
        if not self.live:
            for step in self.steps:
                yield step, run(step.words, folder, _environment(folder, step.at))
            return
        with live(folder, [listing("AAA", LAST, 460, seed=1), listing("BBB", LAST, 460, seed=2)], NOW) as here:
            for step in self.steps:
                here.market.now = step.at
                environment = _environment(folder, step.at) | here.proxy.environment(folder.parent)
                yield step, run(step.words, folder, environment)


def in_fork(words: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Completed:
    """Run a command line of this source tree in a process that has imported most of it already."""
    return forked(*words, folder=folder, env=environment)


def from_nothing(tree: Path) -> Runner:
    """Run command lines of a source tree in processes that begin from nothing."""

    def run(words: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Completed:
        return cold(*words, folder=folder, env={**environment, "PYTHONPATH": str(tree)})

    return run


def _environment(folder: Path, now: datetime) -> dict[str, str]:
    """Nothing of the reader's but what programs and libraries are found by."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PATH", "LD_", "OPENBLAS", "PYENV"))}
    user = str(folder.parent / "user")
    own = {
        "HOME": user,
        "USERPROFILE": user,
        "STOCKCAST_HOME": "home",
        "XDG_CACHE_HOME": user,
        "STOCKCAST_NOW": now.isoformat(),
        "STOCKCAST_JOBS": "1",
    }
    return kept | own | {"COLUMNS": "110", "LANG": "C.UTF-8", "TZ": "UTC", "OPENBLAS_NUM_THREADS": "1"}


# Files.


def _shipped(folder: Path) -> None:
    """The shipped prices, a calendar of earnings, and files that are wrong."""
    (folder / "data").mkdir()
    for file in sorted((ROOT / "data").glob("*.csv")):
        shutil.copy(file, folder / "data")
    quarters = np.arange("2004-10", "2013-06", 3, dtype="datetime64[M]")
    days = "".join(f"{day},after\n" for day in np.busday_offset(quarters.astype("datetime64[D]"), 20, roll="forward"))
    (folder / "earnings.csv").write_text(f"date,time\n{days}")
    lines = (folder / "data/GOOG.csv").read_text().splitlines(keepends=True)
    (folder / "short.csv").write_text("".join(lines[:40]))
    (folder / "twice.csv").write_text("".join([*lines[:500], lines[499], *lines[500:]]))
    (folder / "words.csv").write_text("".join([*lines[:300], lines[300].replace(",", ",x", 1), *lines[301:]]))
    (folder / "empty.csv").write_text("")
    (folder / "bad.toml").write_text('tickers = ["AAA"]\n[model]\nsedes = 2\n')


_PLAIN, _JSON = (True, False), (False, True)


def _both(name: str, line: str, suite: tuple[bool, bool] = (True, True)) -> tuple[Step, Step]:
    """The same command line for a reader and as JSON; suite: which of them the suite plays."""
    return Step(name, line, in_suite=suite[0]), Step(f"{name}-json", f"{line} --json", in_suite=suite[1])


FILES = Scenario(
    "files",
    _shipped,
    (
        Step("version", "--version"),
        Step("help", "--help", in_suite=False),
        Step("no-command", "", in_suite=False),
        *_both("train-general", f"train data/GSPC.csv --start 2010-01-04 {TRAIN} --output general.csv", _PLAIN),
        *_both("train-gru", f"train data/IXIC.csv --start 2013-01-02 {SCRATCH} --cell gru --layers 2 --horizon 3 "
               "--with data/GSPC.csv --no-final-fit --supervision last-step --name gru --output gru.csv", _JSON),
        *_both("train-rnn", f"train data/GOOG.csv --start 2009-06-01 {SCRATCH} --cell rnn --known-ahead earnings.csv "
               "--validate-from 2011-11-01 --test-from 2012-06-01 --dropout 0", _JSON),
        *_both("predict", "predict data/GSPC.csv data/GOOG.csv"),
        *_both("predict-paths", "predict data/IXIC.csv --model gru --horizon 5 --paths 300"),
        *_both("predict-as-of", "predict data/GSPC.csv --as-of 2015-06-05"),
        *_both("predict-general", "predict data/GOOG.csv --model general --as-of 2012-06-05 --check"),
        Step("predict-csv", "predict data/GSPC.csv --csv"),
        Step("predict-file", "predict data/GSPC.csv --output forecast.json"),
        *_both("explain", "explain data/GSPC.csv"),
        *_both("explain-units", "explain data/IXIC.csv --model gru --method occlusion --of nu --units update"),
        *_both("models-list", "models list"),
        *_both("models-show", "models show gru"),
        *_both("reproduce", "reproduce GOOG --source data", _JSON),
        *_both("doctor", "doctor --offline"),
        *_both("models-remove", "models remove gru"),
        *_both("missing", "train data/NONE.csv"),
        *_both("short", "train short.csv"),
        *_both("twice", f"train twice.csv data/NONE.csv {TRAIN}", _JSON),
        *_both("words", "predict words.csv empty.csv --model general"),
        *_both("check", "check data/GOOG.csv words.csv twice.csv data/NONE.csv"),
        *_both("no-model", "predict data/IXIC.csv --model nobody"),
        *_both("wrong-option", "train data/GSPC.csv --cell transformer"),
        *_both("wrong-number", "train data/GSPC.csv --dropout 2"),
        *_both("wrong-config", "run --config bad.toml"),
        *_both("no-such-command", "forecast data/GSPC.csv"),
    ),
)  # fmt: skip

_WALK = (
    f"backtest data/GOOG.csv --start 2010-01-04 --test-from 2012-06-01 --refit-every 120 {SMALL} "
    "--cell lstm --cell gru --baseline har-t --baseline garch-t --baseline random-walk"
)

WALKS = Scenario(
    "walks",
    _shipped,
    (
        *_both("dry-run", "backtest data/GSPC.csv --refit-every year --dry-run"),
        *_both("backtest", f"{_WALK} --output walk.csv --table walk.md", _JSON),
        Step("backtest-table", f"{_WALK} --table walk.tex"),
        *_both("backtest-general", "backtest data/IXIC.csv --model general --start 2014-01-02 --test-from 2017-01-03 "
               "--horizon 2 --paths 200 --output general.csv --table general-table.csv", _PLAIN),
        *_both("report", f"report data/GOOG.csv --start 2010-01-04 --test-from 2012-09-04 {SMALL} --output page.html "
               "--plots plots", _PLAIN),
        *_both("audit", f"audit data/GOOG.csv --start 2011-01-03 {SCRATCH} --horizon 2", _JSON),
    ),
)  # fmt: skip


# A pool of six.


def _stocks(folder: Path) -> None:
    smallpool.files(folder / "stocks", [smallpool.with_common_news(name) for name in smallpool.NAMES])


_MEMBERS = " ".join(f"stocks/{name}.csv" for name in smallpool.NAMES)

POOL = Scenario(
    "pool",
    _stocks,
    (
        *_both("train-pool", f"train {_MEMBERS} --pool --name six --exchange XNYS {SCRATCH} --output pool.csv", _PLAIN),
        *_both("predict-pool", f"predict {_MEMBERS} --model six"),
        *_both("predict-one", "predict stocks/A.csv --model six"),
        *_both("show-pool", "models show six"),
        *_both("explain-pool", "explain stocks/B.csv --model six"),
        *_both("backtest-pool", "backtest stocks/A.csv stocks/B.csv stocks/C.csv --model six --table pool.md", _PLAIN),
        *_both("reproduce-pool", "reproduce six --source stocks", _JSON),
    ),
)  # fmt: skip


# A live home.

LAST = date(2021, 4, 19)
SESSIONS = [day for day in (date(2021, 4, 5) + timedelta(days=n) for n in range(15)) if day.weekday() < 5][:10]
CONFIG = """\
tickers = ["AAA", "BBB"]
[model]
seeds = 1
steps = 8
init = "scratch"
hidden_size = 4
lookback = 20
[retrain]
every = 6
[limits]
pause = 0
[output]
csv = "forecasts.csv"
"""


def _home(folder: Path) -> None:
    (folder / "home").mkdir()
    (folder / "home/stockcast.toml").write_text(CONFIG)


def _evening(day: date) -> datetime:
    return utc(day.year, day.month, day.day, 21)


def _later(name: str, line: str) -> tuple[Step, Step]:
    plain, as_json = (replace(step, at=_evening(SESSIONS[-1])) for step in _both(name, line))
    return plain, as_json


LIVE = Scenario(
    "live",
    _home,
    (
        Step("fetch", "fetch aaa BBB"),
        Step("train-ticker", f"train AAA {SCRATCH} --json"),
        Step("predict-ticker", "predict AAA --json"),
        *(Step(f"run-{day}", "run" + " --json" * (n % 2), _evening(day))
          for n, day in enumerate(SESSIONS)),
        *_later("run-again", "run"),
        *_later("score", "score"),
        *_later("score-ticker", "score --ticker AAA --since 2021-04-07"),
        *_later("ledger-list", "ledger list"),
        *_later("ledger-export", "ledger export"),
        *_later("fetch-known", "fetch AAA"),
        *_later("unknown", "fetch NOSUCH"),
        *_later("doctor-live", "doctor"),
        *_later("predict-live", "predict AAA BBB --no-record"),
    ),
    live=True,
)  # fmt: skip


# A home of an earlier version.


def _saved(folder: Path) -> None:
    _shipped(folder)
    _stocks(folder)
    shutil.copytree(Path(__file__).with_name("saved"), folder / "home")


SAVED = Scenario(
    "saved",
    _saved,
    (
        *_both("saved-file", "predict data/GOOG.csv --known-ahead earnings.csv"),
        *_later("saved-tickers", "predict AAA BBB --offline --no-record"),
        *_later("saved-ledger", "ledger list"),
        *_later("saved-score", "score"),
        *_both("saved-paths", "predict data/IXIC.csv --model gru --with data/GSPC.csv --horizon 3 --paths 200"),
        *_both("saved-pool", "predict stocks/A.csv stocks/F.csv --model six"),
        *_both("saved-list", "models list"),
    ),
)

SCENARIOS = (FILES, WALKS, POOL, LIVE, SAVED)
