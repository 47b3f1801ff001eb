"""A simulated year of cron: `stockcast run` once a session, some runs killed, some fetches failing for good.

    python benchmarks/year.py PRICES [--tickers 20] [--sessions 252] [--until 2021-04-21] [--kill 0.05] [--fail 0.05]

PRICES is a folder of CSV files with full histories. The installed command runs unchanged, against a Yahoo Finance on
the loopback that knows each session's prices only when the simulated clock has passed its close. At the end the
ledger must hold exactly one live forecast for each ticker and session in which a run completed with prices, every due
one settled and every missed one listed; with retraining off, the recorded scores must equal a backtest's to the last
digit.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the loopback provider lives with the tests

from stockcast.errors import StockcastError
from stockcast.evaluation.scores import Outcomes, crps
from stockcast.forecasts import LedgerRow
from stockcast.pipeline.models import model_of
from stockcast.pipeline.scoring import ledger
from stockcast.pipeline.source import PriceSource
from stockcast.prices import csvfile
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.history import History
from stockcast.storage.database import Database
from stockcast.windows.features import features
from stockcast.windows.splits import Part
from tests.loopback.market import Market, listing_from
from tests.loopback.proxy import ConnectProxy
from tests.loopback.yahoo import LoopbackYahoo, Nonsense, NotFound

AFTER_THE_CLOSE = timedelta(minutes=30)
COMMAND = Path(sys.executable).with_name("stockcast")


@dataclass(frozen=True)
class Plan:
    """What is simulated. kill: share of the runs that are killed. fail: share of the fetches that fail for good."""

    sessions: int
    until: date
    kill: float = 0.05
    fail: float = 0.05
    seed: int = 0
    model: str = ""


@dataclass
class Year:
    """What happened."""

    home: Path
    tickers: list[str]
    sessions: list[date] = field(default_factory=list)
    expected: dict[str, set[date]] = field(default_factory=dict)
    failed: dict[str, set[date]] = field(default_factory=dict)
    kills: int = 0
    seconds: list[float] = field(default_factory=list)


def simulate(histories: dict[str, History], plan: Plan, home: Path) -> Year:
    """Run the year; the home folder holds what it left."""
    chance = random.Random(plan.seed)  # noqa: S311 - a simulation
    year = Year(home, list(histories), expected={t: set() for t in histories}, failed={t: set() for t in histories})
    sessions = _sessions(histories, plan)
    year.sessions = sessions
    home.mkdir(parents=True, exist_ok=True)
    config = home / "stockcast.toml"
    config.write_text(
        f"tickers = {year.tickers!r}\n[retrain]\nevery = 0\non_decay = false\n[limits]\npause = 0.0\n"
        f"give_up_after = 1000\n[output]\nfolder = '{home}/forecasts'\n[model]\n{plan.model}\n"
    )
    market = Market([listing_from(h, ticker) for ticker, h in histories.items()], after_close(sessions[0]))
    with LoopbackYahoo(market) as yahoo, ConnectProxy(yahoo) as proxy:
        environment = {**os.environ, **proxy.environment(home / "xdg"), "STOCKCAST_HOME": str(home)}
        for session in sessions:
            market.now = after_close(session)
            environment["STOCKCAST_NOW"] = market.now.isoformat()
            first = session == sessions[0]  # models are trained in it; all of its fetches succeed
            failing = set() if first else {t for t in year.tickers if chance.random() < plan.fail}
            for ticker in failing:
                yahoo.script(ticker, [chance.choice([NotFound(), Nonsense()])], sticky=True)
            if not first and chance.random() < plan.kill:
                year.kills += 1
                _killed(environment, chance.uniform(0.0, 1.2 * float(np.median(year.seconds or [3.0]))))
            began = time.perf_counter()
            _run(environment, expected_code={0} if not failing else {4, 5})
            year.seconds.append(time.perf_counter() - began)
            yahoo.heal()
            for ticker in year.tickers:
                (year.failed if ticker in failing else year.expected)[ticker].add(session)
    return year


def _sessions(histories: dict[str, History], plan: Plan) -> list[date]:
    common = set.intersection(*(set(h.dates.astype(object).tolist()) for h in histories.values()))
    # The last of them settles what was forecast the day before.
    return sorted(day for day in common if day <= plan.until)[-plan.sessions :]


def after_close(session: date) -> datetime:
    from zoneinfo import ZoneInfo

    return (
        datetime.combine(session, datetime.min.time(), ZoneInfo("America/New_York")).replace(hour=16) + AFTER_THE_CLOSE
    )


def _run(environment: dict[str, str], expected_code: set[int]) -> None:
    done = subprocess.run([COMMAND, "run", "-q"], env=environment, cwd=environment["STOCKCAST_HOME"],
                          capture_output=True, text=True, check=False, timeout=1800)  # fmt: skip
    if done.returncode not in expected_code:
        raise SystemExit(f"run ended with {done.returncode} at {environment['STOCKCAST_NOW']}: {done.stderr}")


def _killed(environment: dict[str, str], after: float) -> None:
    process = subprocess.Popen([COMMAND, "run", "-q"], env=environment, cwd=environment["STOCKCAST_HOME"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()


@dataclass(frozen=True)
class Findings:
    """Problems found, empty where the year kept its promises, and the figures of its live record."""

    problems: list[str]
    forecasts: int
    settled: int
    missed: int
    coverage: float
    raw_coverage: float
    interval_score: float
    raw_interval_score: float
    compared: int
    unequal: int


def examine(year: Year) -> Findings:
    """Hold the ledger against what the runs should have left."""
    os.environ["STOCKCAST_NOW"] = after_close(year.sessions[-1]).isoformat()
    rows, missed = ledger(year.home, kind="live")
    problems = _counted(year, rows)
    problems += _missed(year, {ticker: set(days) for ticker, days in missed.items()})
    with Database.open(year.home) as db:
        problems += [f"integrity: {line}" for line in db.integrity()]
        compared, unequal = _compared(year, rows)
    problems += _lines(year, rows)
    settled = [row for row in rows if row.outcome is not None]
    outcomes: list[Any] = [row.outcome for row in settled]
    return Findings(
        problems=problems,
        forecasts=len(rows),
        settled=len(settled),
        missed=sum(len(days) for days in missed.values()),
        coverage=float(np.mean([o.hit_90 for o in outcomes])),
        raw_coverage=float(np.mean([o.raw_hit_90 for o in outcomes])),
        interval_score=float(np.mean([o.interval_score_90 for o in outcomes])),
        raw_interval_score=float(np.mean([o.raw_interval_score_90 for o in outcomes])),
        compared=compared,
        unequal=unequal,
    )


def _counted(year: Year, rows: Sequence[LedgerRow]) -> list[str]:
    """One live forecast for each expected ticker and session, and none beside them; all due ones settled."""
    problems = []
    last = year.sessions[-1]
    for ticker in year.tickers:
        origins = [row.forecast.origin for row in rows if row.forecast.ticker == ticker]
        if len(origins) != len(set(origins)):
            problems.append(f"{ticker}: a forecast twice")
        lost, extra = year.expected[ticker] - set(origins), set(origins) - year.expected[ticker]
        problems += [f"{ticker}: no live forecast from {day}" for day in sorted(lost)]
        # A run that was killed may have fetched before the fetch began to fail: that forecast is a good one.
        problems += [f"{ticker}: an unexpected forecast from {day}" for day in sorted(extra - year.failed[ticker])]
    due = [row for row in rows if row.forecast.target_session <= last and row.status != "settled"]
    late = {row.forecast.ticker for row in due if last not in year.failed[row.forecast.ticker]}
    return problems + [f"{ticker}: a due forecast is not settled" for ticker in sorted(late)]


def _missed(year: Year, listed: dict[str, set[date]]) -> list[str]:
    problems = []
    for ticker in year.tickers:
        wanted = {day for day in year.failed[ticker] if day < year.sessions[-1]}
        if listed.get(ticker, set()) != wanted:
            problems.append(f"{ticker}: missed are listed as {sorted(listed.get(ticker, set()))}, not {sorted(wanted)}")
    return problems


def _lines(year: Year, rows: Sequence[LedgerRow]) -> list[str]:
    """The files hold each live forecast once."""
    lines = (year.home / "forecasts" / "forecasts.jsonl").read_text().splitlines()
    table = (year.home / "forecasts" / "forecasts.csv").read_text().splitlines()
    counts = {"forecasts.jsonl": len(lines), "forecasts.csv": len(table) - 1}
    return [
        f"{name} has {count} forecasts, the ledger {len(rows)}" for name, count in counts.items() if count != len(rows)
    ]


def _compared(year: Year, rows: Sequence[LedgerRow]) -> tuple[int, int]:
    """Recorded scores before calibration against a backtest over the same origins, in one batch a ticker."""
    compared = unequal = 0
    for ticker in year.tickers:
        history = PriceSource(year.home).load(ticker, fetch="never").history
        model, f = model_of(year.home, ticker), features(history)
        first = int(np.searchsorted(f.session_returns.dates, np.datetime64(year.sessions[0])))
        part = Part(first, len(f) - 1)
        dist = model.fit_for(year.sessions[0]).forecaster(model.served_by).forecast(f, part.start, part.stop)
        outcomes = Outcomes.of(ticker, f, history.close[1:], part)
        scores = dict(zip(outcomes.origins.astype(object).tolist(), crps(dist, outcomes.y_N).tolist(), strict=True))
        for row in rows:
            if row.forecast.ticker == ticker and row.outcome is not None:
                compared += 1
                unequal += scores[row.forecast.origin] != row.outcome.crps
    return compared, unequal


def histories_of(folder: Path, count: int, until: date) -> dict[str, History]:
    """The first `count` files that reach from well before the year to its end, by name."""
    found: dict[str, History] = {}
    for path in sorted(folder.glob("*.csv*")):
        try:
            history = csvfile.read(str(path), ReadOptions())
        except StockcastError as error:
            print(f"{path.name} is left out: {error}", file=sys.stderr)
            continue
        if history.last >= until and len(history) > 3000:
            found[history.ticker.replace(".", "-")] = history
        if len(found) == count:
            break
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prices", type=Path)
    parser.add_argument("--tickers", type=int, default=20)
    parser.add_argument("--sessions", type=int, default=252)
    parser.add_argument("--until", type=date.fromisoformat, default=date(2021, 4, 21))
    parser.add_argument("--kill", type=float, default=0.05)
    parser.add_argument("--fail", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", default="", help="lines of the [model] table")
    options = parser.parse_args()
    plan = Plan(options.sessions, options.until, options.kill, options.fail, options.seed, options.model)
    histories = histories_of(options.prices, options.tickers, options.until)
    home = Path(tempfile.mkdtemp(prefix="stockcast-year-"))
    try:
        year = simulate(histories, plan, home)
        report(year, examine(year))
    finally:
        shutil.rmtree(home, ignore_errors=True)


def report(year: Year, found: Findings) -> None:
    """Print what was found; leave with 1 where a promise was broken."""
    print(f"{len(year.tickers)} tickers, {len(year.sessions)} sessions, {year.sessions[0]} to {year.sessions[-1]}")
    print(f"{year.kills} runs killed, {sum(map(len, year.failed.values()))} fetches failed for good")
    print(f"median run {np.median(year.seconds):.2f} s")
    print(f"{found.forecasts} live forecasts, {found.settled} settled, {found.missed} sessions missed and listed")
    print(f"90 % intervals held {100 * found.coverage:.2f} % (uncalibrated {100 * found.raw_coverage:.2f} %)")
    change = found.interval_score / found.raw_interval_score - 1.0
    print(f"interval score {1e4 * found.interval_score:.1f} bp, {100 * change:+.2f} % against uncalibrated")
    print(f"{found.compared} scores compared with a backtest, {found.unequal} differ")
    for problem in found.problems:
        print(f"PROBLEM {problem}")
    if found.problems or found.unequal:
        raise SystemExit(1)
    print("every promise was kept")


if __name__ == "__main__":
    main()
