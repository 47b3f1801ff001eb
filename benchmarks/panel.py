"""One pass over every target of a simulated panel: from files against memory, and chunks against single windows.

    python benchmarks/panel.py [--series 500] [--files 5000] [--sessions 5400] [--hidden 64]
    python benchmarks/panel.py --windows 20000 [--series 500] [--sessions 5400] [--hidden 64] [--repeats 5]

The first trains two pools, one of `--series` in memory and one of `--files` series whose columns and prices are in
files, each in a process of its own: the pool with its market, base scale and standardiser, the columns of all series,
and as many gradient steps, on chunks of 120 targets after 30 sessions of warm-up, as one pass over the targets takes,
with a look at the validation part before and after; no baselines. Times are those of the processor, and of the wall;
peak memory is that of the process, simulation and imports included.

The second times the training loop (a tenth of a pass) against torch's DataLoader over a Dataset that cuts one window of
60 sessions for each target, the same network with the loss on the window's last step; it is timed on `--windows`
targets, drawn at random, and scaled up. Both on one thread, interleaved, medians.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from stockcast.config import NetworkConfig, TrainConfig, TrainingConfig
from stockcast.models.network import AdamW, Network
from stockcast.models.problem import Preprocessing, Problem, Series
from stockcast.models.training import MemberRun, descend, negative_log_likelihood, window_shape
from stockcast.pipeline.pools import Pool
from stockcast.pipeline.series import calendar_over
from stockcast.pipeline.trainer import Trainer
from stockcast.prices.history import History
from stockcast.progress import Silent
from stockcast.storage.panelfile import HistoryFile, PanelFiles
from stockcast.windows.features import SessionReturns, features_of
from stockcast.windows.splits import Part

LOOKBACK = 60


@dataclass(frozen=True)
class Windows(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """One window for each target, as a textbook cuts them."""

    problem: Problem
    ends: np.ndarray

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        end = int(self.ends[index])
        return self.problem.x_TF[end - LOOKBACK + 1 : end + 1], self.problem.y_TK[end, 0]


def main() -> None:
    """Time what was asked for, and print it."""
    arguments = _arguments()
    torch.set_num_threads(1)
    network = NetworkConfig(hidden_size=arguments.hidden, dropout=0.0)
    config = TrainConfig(network, TrainingConfig(seeds=1, epochs=1, batch_size=64, checks=1, final_fit=False))
    if arguments.windows:
        series = [_series(seed, arguments.sessions) for seed in range(arguments.series)]
        with Problem.of(series, Preprocessing.of(series), window_shape(config), torch.device("cpu")) as problem:
            _against_windows(problem, series, config, arguments)
    elif arguments.one:
        print(json.dumps(_pass(arguments.series, arguments.sessions, config, arguments.one == "files")))
    else:
        _against_memory(arguments)


def _against_memory(arguments: argparse.Namespace) -> None:
    heads = ("series", "targets", "features", "peak MiB", "columns, s", "pass, s", "us a target", "on the wall")
    print(f"{'kept in':8}" + "".join(f"{head:>13}" for head in heads))
    costs = []
    for kept, series in (("memory", arguments.series), ("files", arguments.files)):
        options = {"one": kept, "series": series, "sessions": arguments.sessions, "hidden": arguments.hidden}
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        done = subprocess.run([sys.executable, __file__, *words], check=True, stdout=subprocess.PIPE, text=True)
        found = json.loads(done.stdout)
        costs.append(1e6 * (found["columns"] + found["pass"]) / found["targets"])
        wall = 1e6 * found["wall"] / found["targets"]
        whole = (series, found["targets"], found["features"], found["peak"], found["columns"], found["pass"])
        cells = "".join(f"{number:13,.0f}" for number in whole) + f"{costs[-1]:13.2f}{wall:13.2f}"
        print(f"{kept:8}{cells}", flush=True)
    print(f"a target from files takes {costs[1] / costs[0]:.2f} times as long")


def _pass(count: int, sessions: int, config: TrainConfig, in_files: bool) -> dict[str, float]:
    """Processor's seconds of the columns and of one pass, seconds of both on the wall, and peak memory in MiB."""
    with tempfile.TemporaryDirectory(dir=Path(__file__).parents[1] / "build") as home:
        files = PanelFiles(Path(home)) if in_files else None
        histories: HistoryFile | list[History] = [] if files is None else HistoryFile(files)
        for seed in range(count):
            histories.append(_history(seed, sessions))
        wall, begin = time.perf_counter(), time.process_time()
        pool = Pool.of(histories, calendar_over(histories, "XNYS"), None, files)
        trainer = Trainer.of_pool(pool, config, Path(home), Silent())
        series, shape = trainer.series(market=True), window_shape(config)
        store = None if files is None else files.store
        with Problem.of(series, Preprocessing.of(series), shape, torch.device("cpu"), store) as problem:
            middle = time.process_time()
            targets = sum(len(one.train) for one in series)
            steps = config.training.gradient_steps(targets)
            list(descend(problem, config, MemberRun(steps, steps, 0)))
            return {
                "targets": targets,
                "features": problem.x_TF.shape[1],
                "columns": middle - begin,
                "pass": time.process_time() - middle,
                "wall": time.perf_counter() - wall,
                "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }


def _history(seed: int, sessions: int) -> History:
    """Daily bars of a GARCH(1, 1) with t(5) errors (Bollerslev 1987)."""
    draw = np.random.default_rng(seed)
    z_T, h_T, h = draw.standard_t(5, sessions) * np.sqrt(0.6), np.empty(sessions), 1e-4
    for t, z in enumerate(z_T.tolist()):
        h_T[t], h = h, 1e-6 + (0.08 * z * z + 0.91) * h
    r_T = np.sqrt(h_T) * z_T
    close = 50 * np.exp(np.cumsum(r_T))
    opened = close * np.exp(-0.7 * r_T)
    wick_2T = np.exp(0.3 * np.sqrt(h_T) * np.abs(draw.standard_normal((2, sessions))))
    return History(
        ticker=f"S{seed:05d}",
        dates=np.busday_offset("2000-01-03", np.arange(sessions), roll="forward"),
        close=close,
        adjusted_close=close.copy(),
        open=opened,
        high=np.maximum(opened, close) * wick_2T[0],
        low=np.minimum(opened, close) / wick_2T[1],
        volume=np.exp(15 + draw.standard_normal(sessions)),
        splits=np.ones(sessions),
        source="simulated",
    )


def _against_windows(
    problem: Problem, series: list[Series], config: TrainConfig, arguments: argparse.Namespace
) -> None:
    targets = sum(len(one.train) for one in series)
    print(f"{len(series)} series, {targets:,} targets, {problem.x_TF.shape[1]} features", flush=True)
    share = arguments.windows / targets
    # A tenth of a pass is timed: it takes a tenth of the time of a whole one, whose steps are all alike.
    steps = max(1, config.training.gradient_steps(targets) // 10)
    ours, rivals = [], []
    for repeat in range(arguments.repeats):
        begin = time.perf_counter()
        list(descend(problem, config, MemberRun(steps, steps, repeat)))
        middle = time.perf_counter()
        _textbook(problem, config, arguments.windows, repeat)
        ours.append(10 * (middle - begin))
        rivals.append((time.perf_counter() - middle) / share)
    mine, theirs = statistics.median(ours), statistics.median(rivals)
    print(f"chunks: {mine:8.1f} s a pass   one window per target: {theirs:8.1f} s a pass   ratio {theirs / mine:.0f}")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    numbers = {"series": 500, "files": 5000, "sessions": 5400, "hidden": 64, "windows": 0, "repeats": 5}
    for name, default in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--one", choices=("memory", "files"), help=argparse.SUPPRESS)
    return parser.parse_args()


def _series(seed: int, sessions: int) -> Series:
    """A random walk with a slowly moving volatility; its columns are made again each time they are asked for."""
    draw = np.random.default_rng(seed)
    scale_T = 0.01 * np.exp(0.3 * np.cumsum(draw.standard_normal(sessions)) / np.sqrt(sessions))
    r_T = scale_T * draw.standard_t(5, sessions)
    moves = SessionReturns(
        dates=np.datetime64("2000-01-03") + np.arange(sessions),
        r_T=r_T,
        v_T=np.maximum(r_T**2, 1e-10),
        gap_T=0.4 * r_T,
        surprise_T=draw.standard_normal(sessions),
    )
    return Series(lambda: features_of(moves), sessions, Part(81, sessions - 1))


def _textbook(problem: Problem, config: TrainConfig, windows: int, seed: int) -> None:
    """Gradient descent with one window per target and the loss on its last step."""
    ends = problem.ends[np.random.default_rng(seed).integers(0, len(problem.ends), windows)]
    loader = DataLoader(Windows(problem, ends), batch_size=64, shuffle=True)
    model = Network(replace(config.network), problem.x_TF.shape[1])
    optimiser = AdamW(model.parameters(), 0.1)
    for x_BLF, z_B in loader:
        heads_BH = model(x_BLF)[:, -1]
        negative_log_likelihood(heads_BH, z_B, problem.eta).mean().backward()  # type: ignore[no-untyped-call]
        optimiser.step(0.001)


if __name__ == "__main__":
    main()
