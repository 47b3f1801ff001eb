"""The judge judged: what a backtest claims on simulated prices, where the truth is known.

    python benchmarks/montecarlo.py [--series 500] [--process gaussian|t|garch|tests|all] [--cell lstm] [--seed 0]
        [--jobs N]

Three processes, each a martingale in logs (the log return has mean and median zero): a Gaussian random walk, one with
Student-t(5) innovations, and a GARCH(1,1) with t(6) innovations. A series is a file of closes, backtested as a user
would: one fold, fitted on the sessions before the test part, and one network without the final fit. Skill is claimed
where the comparison's one-sided p-value is below 0.05. The process `tests` asks the tests alone, without networks, how
often they claim something of forecasts that have nothing to do with the outcomes.

Prints shares with their exact 95 % ranges (Clopper and Pearson 1934) beside the bars; leaves with 1 where one is
missed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

for _pool in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_pool, "1")  # read when numpy and torch load

import numpy as np

from stockcast import pipeline
from stockcast.config import CELLS, TrainingConfig
from stockcast.config.jobs import JobsConfig
from stockcast.config.models import BacktestConfig, FoldConfig
from stockcast.engine.choosing import engine_of
from stockcast.engine.pieces import Engine, Piece, Steps, Task, run_all, run_here
from stockcast.errors import StockcastError
from stockcast.evaluation.scores import crps
from stockcast.evaluation.significance import clark_west, diebold_mariano, pesaran_timmermann
from stockcast.evaluation.verdict import LEVEL
from stockcast.models.distribution import StudentT
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.history import Dates, Floats
from stockcast.progress import Progress, Silent

DAILY = 0.01
"""Standard deviation of a log return, without conditions: 16 % a year."""

ALPHA, BETA, BURN = 0.08, 0.90, 500
BASELINES = ("random-walk-gaussian", "random-walk-t", "garch-t")
TESTS, DRAWS, BATCH = "tests", 2000, 100
"""Name of the part without networks, draws of each process, and how many of them make a batch."""

DIRECTION = "price direction"


@dataclass(frozen=True)
class Bar:
    """The shares that are allowed, both ends included."""

    least: float = 0.0
    most: float = 1.0

    def __str__(self) -> str:
        if self.least == 0.0:
            return f"at most {100 * self.most:.0f} %" if self.most < 1.0 else "-"
        return f"{100 * self.least:.0f} .. {100 * self.most:.0f} %" if self.most < 1.0 else f"{100 * self.least:.0f} %+"


SIZE, SAFE, POWER, FREE = Bar(0.03, 0.07), Bar(most=0.07), Bar(least=0.95), Bar()

SIZES: dict[str, Bar] = {
    "Pesaran-Timmermann, coin flips": SIZE,
    "Clark-West, slope fitted once": SIZE,
    "Clark-West, slope refitted daily": SAFE,  # the paper finds less than the nominal size
    "Diebold-Mariano, fresh errors": SIZE,
    "Diebold-Mariano, errors of 10 sessions": FREE,
    "Diebold-Mariano, errors of 50 sessions": FREE,
}

BARS: dict[str, dict[str, Bar]] = {
    "gaussian": {"skill over random-walk-gaussian": SAFE, DIRECTION: SAFE},
    "t": {"skill over random-walk-t": SAFE, DIRECTION: SAFE},
    "garch": {"skill over random-walk-t": POWER, "skill over garch-t": SAFE, DIRECTION: SAFE},
    TESTS: {f"{test}, {process}": bar for test, bar in SIZES.items() for process in ("gaussian", "t", "garch")},
}
"""What a share has to keep to; everything else that is shown has no bar."""


@dataclass(frozen=True)
class Plan:
    """series: of each process. learn: sessions with a return before the test part. test: sessions forecast."""

    series: int
    cell: str
    seed: int
    learn: int
    test: int

    def generator(self, process: str, number: int) -> np.random.Generator:
        """Chance of its own for each series, whatever else runs."""
        return np.random.default_rng([self.seed, [*SIMULATED, TESTS].index(process), number])


@dataclass(frozen=True)
class Finding:
    """What was found on a series, or in several draws: p-values and gains in CRPS by claim, CPU seconds."""

    p: dict[str, list[float]] = field(default_factory=dict)
    gain: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    failure: str = ""
    seconds: float = 0.0


def gaussian(chance: np.random.Generator, count: int) -> tuple[Floats, Floats]:
    """Log returns, and the standard deviation of each."""
    return DAILY * chance.standard_normal(count), np.full(count, DAILY)


def student(chance: np.random.Generator, count: int) -> tuple[Floats, Floats]:
    """Log returns, and the standard deviation of each."""
    return DAILY * np.sqrt(3 / 5) * chance.standard_t(5, count), np.full(count, DAILY)


def garch(chance: np.random.Generator, count: int) -> tuple[Floats, Floats]:
    """Log returns, and the standard deviation of each; the recursion starts BURN sessions before the first."""
    z = (np.sqrt(4 / 6) * chance.standard_t(6, BURN + count)).tolist()
    r_T, deviation_T = np.empty(BURN + count), np.empty(BURN + count)
    variance = DAILY**2
    for t, shock in enumerate(z):
        deviation_T[t] = variance**0.5
        r_T[t] = deviation_T[t] * shock
        variance = (1 - ALPHA - BETA) * DAILY**2 + ALPHA * r_T[t] ** 2 + BETA * variance
    return r_T[BURN:], deviation_T[BURN:]


SIMULATED: dict[str, Callable[[np.random.Generator, int], tuple[Floats, Floats]]] = {
    "gaussian": gaussian,
    "t": student,
    "garch": garch,
}


def backtested(plan: Plan, progress: Progress, process: str, number: int) -> Finding:
    """One series, through a file, as a user's would go."""
    began = time.process_time()
    returns, _ = SIMULATED[process](plan.generator(process, number), plan.learn + plan.test)
    closes = 100.0 * np.exp(np.concatenate(([0.0], np.cumsum(returns))))
    dates = np.busday_offset("1990-01-01", np.arange(len(closes)), roll="forward")
    config = BacktestConfig(
        cells=(plan.cell,),
        training=TrainingConfig(seeds=1, final_fit=False),
        folds=FoldConfig(test_from=dates[plan.learn + 1].astype(object), refit_every=plan.test),
        baselines=BASELINES,
    )
    with tempfile.TemporaryDirectory(prefix="stockcast-montecarlo-") as folder:
        file = Path(folder) / f"{process}-{number}.csv"
        _write(file, dates, closes)
        try:
            result = pipeline.backtest(str(file), ReadOptions(), config, Path(folder), progress)
        except StockcastError as error:
            return Finding(failure=f"{process} {number}: {error.message}")
    assert len(result.folds) == 1
    assert all(score.n == plan.test for score in result.scores)
    p = {f"skill over {row.baseline}": [row.dm_p] for row in result.comparisons}
    gain = {f"skill over {row.baseline}": row.crps_skill for row in result.comparisons}
    return Finding(
        p | {DIRECTION: [result.verdict.direction_p]},
        gain,
        result.notes,
        failure=f"{process} {number}: without {', '.join(result.left_out)}" if result.left_out else "",
        seconds=time.process_time() - began,
    )


def _write(file: Path, dates: Dates, closes: Floats) -> None:
    rows = (f"{day},{close!r}\n" for day, close in zip(dates, closes.tolist(), strict=True))
    file.write_text("Date,Close\n" + "".join(rows))


def tested(plan: Plan, _progress: Progress, batch: int) -> Finding:
    """A batch of draws of each process, for the tests alone."""
    began = time.process_time()
    chance = plan.generator(TESTS, batch)
    p: dict[str, list[float]] = {claim: [] for claim in BARS[TESTS]}
    for process, simulate in SIMULATED.items():
        for _ in range(BATCH):
            y, deviation = simulate(chance, plan.learn + plan.test)
            for test, value in _p_values(plan, y, deviation, chance):
                p[f"{test}, {process}"].append(value)
    return Finding(p, seconds=time.process_time() - began)


def _p_values(plan: Plan, y: Floats, deviation: Floats, chance: np.random.Generator) -> Iterator[tuple[str, float]]:
    """Each test on forecasts that cannot know the outcomes, which are the last `plan.test` of y.

    Clark-West: zero against a slope on an unrelated regressor. Fitted once, as in a fold, on what lies before: given
    the slope, the adjusted difference has mean zero at every session, and the test should have its size. Refitted daily
    on the 60 sessions before, it is the paper's rolling scheme, whose statistic is not quite normal.

    Diebold-Mariano: two Gaussian distributions with the true standard deviation, but for errors in its logarithm that
    are drawn in one way for both, so that neither is better. They are fresh each session, or have a memory (1 / (1 -
    AR)).
    """
    n, outcomes, nothing = plan.test, y[-plan.test :], np.zeros(plan.test)
    yield "Pesaran-Timmermann, coin flips", pesaran_timmermann(outcomes, chance.random(n) < 0.5).p_value
    x = chance.standard_normal(len(y))
    slope = float(y[:-n] @ x[:-n] / (x[:-n] @ x[:-n]))
    yield "Clark-West, slope fitted once", clark_west(outcomes, nothing, slope * x[-n:]).p_value
    slopes = _rolling_sum(x * y, 60) / _rolling_sum(x * x, 60)
    yield "Clark-West, slope refitted daily", clark_west(outcomes, nothing, slopes[-n - 1 : -1] * x[-n:]).p_value
    for memory, name in ((0.0, "fresh errors"), (0.9, "errors of 10 sessions"), (0.98, "errors of 50 sessions")):
        losses = [_loss(outcomes, deviation[-n:], memory, chance) for _ in range(2)]
        yield f"Diebold-Mariano, {name}", diebold_mariano(losses[0], losses[1]).p_value


def _rolling_sum(x: Floats, span: int) -> Floats:
    total = np.cumsum(x)
    return total[span - 1 :] - np.concatenate(([0.0], total[:-span]))


def _loss(y: Floats, deviation: Floats, memory: float, chance: np.random.Generator) -> Floats:
    """CRPS of Gaussian distributions whose ln scale is off by an AR(1) of standard deviation 0.2."""
    from scipy.signal import lfilter

    shocks = 0.2 * chance.standard_normal(len(y))
    shocks[1:] *= np.sqrt(1 - memory**2)
    scale = deviation * np.exp(lfilter([1.0], [1.0, -memory], shocks))
    return crps(StudentT(np.zeros(len(y)), scale, np.full(len(y), np.inf)), y)


def run(plan: Plan, process: str, engine: Engine | None) -> list[Finding]:
    """All findings of a process, with a line on stderr now and then."""
    began = time.perf_counter()
    done: list[Finding] = []

    def told(finding: Finding) -> Finding:
        done.append(finding)
        if finding.failure:
            print(finding.failure, file=sys.stderr)
        if len(done) % 20 == 0 or len(done) == len(works):
            barred = [claim for claim, bar in BARS[process].items() if bar != FREE]
            claims = ", ".join(f"{claim} {100 * _share(done, claim):.1f} %" for claim in barred)
            took = time.perf_counter() - began
            print(f"{process}: {len(done)} of {len(works)}, {took:.0f} s: {claims}", file=sys.stderr, flush=True)
        return finding

    works = (
        [partial(tested, batch=batch) for batch in range(DRAWS // BATCH)]
        if process == TESTS
        else [partial(backtested, process=process, number=number) for number in range(plan.series)]
    )
    return all_done([Piece(f"{process} {place}", work, plan, told) for place, work in enumerate(works)], engine)


def all_done(pieces: Sequence[Piece], engine: Engine | None) -> list[Any]:
    """What the pieces make, in their order; without an engine they are done here. Raises their errors."""
    steps = _yielded(pieces)
    if engine is None:
        return run_here(steps, Silent())
    (one,) = run_all([Task(lambda: steps, Silent())], engine, ahead=1)
    if one.error is not None:
        raise one.error
    assert one.result is not None
    return one.result


def _yielded(pieces: Sequence[Piece]) -> Steps[list[Any]]:
    return (yield pieces)


def _pooled(found: list[Finding], claim: str) -> list[float]:
    return [p for finding in found for p in finding.p.get(claim, [])]


def _share(found: list[Finding], claim: str) -> float:
    p = _pooled(found, claim)
    return float(np.mean(np.array(p) < LEVEL)) if p else float("nan")


def report(plan: Plan, process: str, found: list[Finding]) -> bool:
    """Print the rows of a process; whether its bars were kept and nothing failed."""
    kept = not any(finding.failure for finding in found)
    claims = dict.fromkeys([*BARS[process], *(claim for finding in found for claim in finding.p)])
    for claim in claims:
        p = _pooled(found, claim)
        bar = BARS[process].get(claim, FREE)
        holds = bool(p) and bar.least <= _share(found, claim) <= bar.most
        kept &= holds
        verdict = "" if bar == FREE else "kept" if holds else "MISSED"
        print(f"{process:9} {claim:48} {_figures(p)} {_mean_gain(found, claim)}  {bar!s:>11}  {verdict}".rstrip())
    notes = Counter(note for finding in found for note in finding.notes)
    for note, count in notes.items():
        if count < plan.series:
            print(f"{process:9} noted on {count} series: {note}")
    seconds = sum(finding.seconds for finding in found)
    print(f"{process:9} {seconds / max(1, len(found)):.2f} s of CPU a {'batch' if process == TESTS else 'series'}\n")
    return kept


def _figures(p: list[float]) -> str:
    from scipy.stats import binomtest

    if not p:
        return f"{0:6d} {'-':>8} {'':>17}"
    claimed = sum(value < LEVEL for value in p)
    low, high = binomtest(claimed, len(p)).proportion_ci(0.95, "exact")
    return f"{len(p):6d} {100 * claimed / len(p):6.1f} % {100 * low:6.1f} .. {100 * high:5.1f} %"


def _mean_gain(found: list[Finding], claim: str) -> str:
    gains = [finding.gain[claim] for finding in found if claim in finding.gain]
    return f"{100 * float(np.mean(gains)):+8.2f} %" if gains else f"{'':10}"


def main() -> None:
    """Simulate, backtest, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=500, help="of each process")
    parser.add_argument("--process", choices=[*BARS, "all"], default="all")
    parser.add_argument("--cell", choices=CELLS, default="lstm")
    parser.add_argument("--seed", type=int, default=0, help="of the simulation; the network's own is 0")
    parser.add_argument("--learn", type=int, default=3000, help="sessions before the test part")
    parser.add_argument("--test", type=int, default=2000, help="sessions forecast")
    parser.add_argument("--jobs", type=int, help="processes at the same time; one for each core unless given")
    options = parser.parse_args()
    plan = Plan(options.series, options.cell, options.seed, options.learn, options.test)
    wanted = list(BARS) if options.process == "all" else [options.process]
    with engine_of(JobsConfig(options.jobs)) as engine:
        found = {process: run(plan, process, engine) for process in wanted}
    print(
        f"network {plan.cell}, one seed; {plan.learn} sessions to learn and choose from, {plan.test} forecast; "
        f"claimed: p < {LEVEL}; gain: in CRPS, mean\n"
    )
    print(f"{'process':9} {'claim':48} {'n':>6} {'claimed':>8} {'95 % range':>17} {'gain':>10}  {'bar':>11}")
    kept = [report(plan, process, findings) for process, findings in found.items()]
    print("every bar was kept" if all(kept) else "a bar was missed")
    raise SystemExit(0 if all(kept) else 1)


if __name__ == "__main__":
    main()
