"""The policy where the truth is known: what it learns of returns that can be forecast, and what it makes of chance.

    python -m benchmarks.policy [--series 50] [--martingales 250] [--seed 0] [--jobs N]

AR(1) log returns of 16 % a year, phi 0.1 and 0.2, at costs of 0 and 2 basis points: the policy with its usual settings
learns and chooses on the first 85 % of 5,000 sessions, as `train` splits them. Its mean utility on the rest is compared
with that of the best linear policy that knows the truth, p = clip(k r_t / s + m p_{t-1}, -1, 1), k and m optimised on
200,000 other sessions. Utility: mean less risk aversion / 2 times variance of (p r - cost |p - p'|) / s a session, with
the true s. `later` is the same on 10,000 sessions after the series, which says more of both. Martingales, a Gaussian
random walk and a GARCH(1,1) with t(6) innovations, at 5 basis points: how often the test of the Sharpe ratio against
holding claims skill at 5 %, and how often the capital is turned over in a year, on their test parts.

Leaves with 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

for _pool in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_pool, "1")  # read when numpy and torch load

import numpy as np

from benchmarks.montecarlo import DAILY, all_done, garch, gaussian
from stockcast.config import SplitConfig, TrainConfig
from stockcast.config.jobs import JobsConfig
from stockcast.config.policy import PolicyConfig
from stockcast.engine.choosing import engine_of
from stockcast.engine.pieces import Engine, Piece
from stockcast.evaluation.economics import traded
from stockcast.evaluation.sharpe import sharpe_difference
from stockcast.evaluation.verdict import LEVEL
from stockcast.models.policy import Policy
from stockcast.models.problem import Series
from stockcast.prices.history import Floats, History
from stockcast.progress import Progress, Silent
from stockcast.windows.features import Features, features
from stockcast.windows.splits import Split, split_by_date

SESSIONS, LATER, BURN = 5_000, 10_000, 500
AR = tuple((phi, cost) for phi in (0.1, 0.2) for cost in (0.0, 2.0))
LEAST_SHARE, MOST_CLAIMED, MOST_TURNOVER = 0.85, 0.07, 5.0
MARTINGALES, MARTINGALE_COST = {"random walk": gaussian, "garch": garch}, 5.0


@dataclass(frozen=True)
class Finding:
    """On one series: what was earned, and what the linear policy earned, on the test part and later; p-value of the
    claim; turnovers a year; sessions of the schedule's steps taken; CPU seconds.
    """

    utility: float
    best: float
    later: float
    best_later: float
    p: float
    turnover: float
    steps: int
    seconds: float


def ar1(chance: np.random.Generator, phi: float, count: int) -> Floats:
    """Log returns with innovations of DAILY."""
    from scipy.signal import lfilter

    r_T: Floats = lfilter([1.0], [1.0, -phi], DAILY * chance.standard_normal(BURN + count))
    return r_T[BURN:]


def linear(r_T: Floats, k: float, m: float) -> Floats:
    """Positions of the linear policy at every session, from 0."""
    p_T, p = np.empty(len(r_T)), 0.0
    for t, signal in enumerate((k * r_T / DAILY).tolist()):
        p = min(max(signal + m * p, -1.0), 1.0)
        p_T[t] = p
    return p_T


def utility(p_N: Floats, y_N: Floats, config: PolicyConfig) -> float:
    """Of positions at origins with these log returns after each; the first position is there already."""
    traded_N = np.abs(np.diff(p_N, prepend=p_N[:1]))
    rewards_N = (p_N * np.expm1(y_N) - config.cost / 10_000 * traded_N) / DAILY
    return float(rewards_N.mean() - config.risk_aversion / 2 * rewards_N.var())


def best_linear(phi: float, config: PolicyConfig) -> tuple[float, float]:
    """k and m of the best linear policy: what is most useful on a long simulation."""
    from scipy.optimize import minimize

    r_T = ar1(np.random.default_rng(12_345), phi, 200_000)

    def loss(x: Sequence[float]) -> float:
        k, m = (x[0], x[1]) if config.cost else (x[0], 0.0)
        return -utility(linear(r_T[:-1], k, m), r_T[1:], config)

    k, m = minimize(loss, [phi / config.risk_aversion, 0.1], method="Nelder-Mead", options={"xatol": 0.02}).x
    return float(k), float(m) if config.cost else 0.0


def learnt(r_T: Floats, config: PolicyConfig) -> tuple[Policy, int, Features, Split]:
    """A policy with the usual settings, from the first SESSIONS returns; its steps; the columns of all of them."""
    from stockcast.models.policytraining import learn_policy

    known, every = (_features(returns) for returns in (r_T[:SESSIONS], r_T))
    settings = TrainConfig(policy=config)
    split = split_by_date(known.session_returns.dates, SplitConfig(), settings.network.lookback)
    policy, chosen = learn_policy(Series.of(known, split.train, split.validation), settings, Silent())
    return policy, chosen.steps[0], every, split


def _features(r_T: Floats) -> Features:
    closes = 100.0 * np.exp(np.concatenate(([0.0], np.cumsum(r_T))))
    dates = np.busday_offset("1950-01-02", np.arange(len(closes)), roll="forward").astype("datetime64[D]")
    return features(History("SIM", dates, closes, closes.copy()))


def forecastable(
    seed: int, _progress: Progress, phi: float, cost: float, best: tuple[float, float], number: int
) -> Finding:
    """One AR(1) series; best: of `best_linear`."""
    began, config = time.process_time(), PolicyConfig(cost=cost)
    r_T = ar1(np.random.default_rng([seed, int(100 * phi), number]), phi, SESSIONS + LATER)
    policy, steps, f, split = learnt(r_T, config)
    seconds = time.process_time() - began
    start, n = split.test.start, len(split.test)
    ours_N = policy.positions(f, start, len(f) - 1)
    best_N = linear(r_T, *best)[start:-1]
    y_N = r_T[start + 1 :]
    test, later = slice(0, n), slice(n, None)
    values = [utility(p_N[part], y_N[part], config) for part in (test, later) for p_N in (ours_N, best_N)]
    turned = float(np.abs(np.diff(ours_N)).mean()) * 252
    return Finding(values[0], values[1], values[2], values[3], 1.0, turned, steps, seconds)


def unforecastable(seed: int, _progress: Progress, process: str, number: int) -> Finding:
    """One martingale."""
    began = time.process_time()
    chance = np.random.default_rng([seed, 1_000 + list(MARTINGALES).index(process), number])
    r_T, _ = MARTINGALES[process](chance, SESSIONS)
    policy, steps, f, split = learnt(r_T, PolicyConfig(cost=MARTINGALE_COST))
    y_N = r_T[split.test.start + 1 : split.test.stop + 1]
    p_N = policy.positions(f, split.test.start, split.test.stop)
    earned_N, held_N = (traded(y_N, position_N).net(MARTINGALE_COST) for position_N in (p_N, np.ones(len(y_N))))
    p = sharpe_difference(earned_N, held_N).p_value
    turned = float(np.abs(np.diff(p_N)).mean()) * 252
    return Finding(0.0, 0.0, 0.0, 0.0, p, turned, steps, time.process_time() - began)


def run(works: Sequence[partial[Finding]], seed: int, label: str, engine: Engine | None) -> list[Finding]:
    """All findings of a process, with a line on stderr now and then."""
    began, done = time.perf_counter(), 0

    def told(finding: Finding) -> Finding:
        nonlocal done
        done += 1
        if done % 10 == 0:
            print(f"{label}: {done} of {len(works)}, {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
        return finding

    return all_done([Piece(f"{label} {place}", work, seed, told) for place, work in enumerate(works)], engine)


def _share(found: Sequence[Finding], ours: str, best: str) -> str:
    """Of the best mean utility, with its standard error over series (delta method)."""
    ours_N, best_N = (np.array([getattr(one, name) for one in found]) for name in (ours, best))
    share = ours_N.mean() / best_N.mean()
    error = (ours_N - share * best_N).std(ddof=1) / np.sqrt(len(found)) / best_N.mean()
    return f"{100 * share:6.1f} % +/- {100 * error:4.1f}"


def main() -> None:
    """Simulate, learn, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=50, help="of each AR(1) setting")
    parser.add_argument("--martingales", type=int, default=250, help="of each process")
    parser.add_argument("--seed", type=int, default=0, help="of the simulation; the networks' own is 0")
    parser.add_argument("--jobs", type=int, help="processes at the same time; one for each core unless given")
    options = parser.parse_args()
    kept = True
    with engine_of(JobsConfig(options.jobs)) as engine:
        for phi, cost in AR if options.series else ():
            best = best_linear(phi, PolicyConfig(cost=cost))
            works = [partial(forecastable, phi=phi, cost=cost, best=best, number=n) for n in range(options.series)]
            found = run(works, options.seed, f"AR({phi}) at {cost:g} bp", engine)
            share = sum(one.utility for one in found) / sum(one.best for one in found)
            kept &= share >= LEAST_SHARE
            print(
                f"AR({phi}) {cost:g} bp: {len(found)} series, {_share(found, 'utility', 'best')} of the best linear "
                f"policy's utility, later {_share(found, 'later', 'best_later')}; flat "
                f"{sum(not one.steps for one in found)}; "
                f"turnover {np.mean([one.turnover for one in found]):.0f} a year; "
                f"{np.mean([one.seconds for one in found]):.1f} s of CPU",
                flush=True,
            )
        for process in MARTINGALES if options.martingales else ():
            works = [partial(unforecastable, process=process, number=number) for number in range(options.martingales)]
            found = run(works, options.seed, process, engine)
            claimed, turned = (
                float(np.mean(x)) for x in ([one.p < LEVEL for one in found], [one.turnover for one in found])
            )
            kept &= claimed <= MOST_CLAIMED and turned < MOST_TURNOVER
            print(
                f"{process}: {len(found)} series, skill claimed on {100 * claimed:.1f} %; "
                f"turnover {turned:.2f} a year; "
                f"flat {sum(not one.steps for one in found)}; {np.mean([one.seconds for one in found]):.1f} s of CPU",
                flush=True,
            )
    print("every bar was kept" if kept else "a bar was missed")
    raise SystemExit(0 if kept else 1)


if __name__ == "__main__":
    main()
