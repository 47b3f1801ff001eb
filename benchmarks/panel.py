"""One pass over every target of a simulated panel, against a DataLoader with one window per target.

    python benchmarks/panel.py [--series 500] [--sessions 5400] [--hidden 64] [--windows 20000] [--repeats 5]

Ours: the training loop itself, chunks of 120 targets after 30 sessions of warm-up, for as many gradient steps as one
pass over the targets takes. The rival: torch's DataLoader over a Dataset that cuts one window of 60 sessions for each
target, the same network with the loss on the window's last step; it is timed on `--windows` targets, drawn at random,
and scaled up. Both on one thread, interleaved, medians; peak memory is that of this process, simulation and torch
included.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import sys
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
        return self.problem.x_TF[end - LOOKBACK + 1 : end + 1], self.problem.z_T[end]


def main() -> None:
    """Build the panel, time both, print the ratio and the memory."""
    arguments = _arguments()
    torch.set_num_threads(1)
    network = NetworkConfig(hidden_size=arguments.hidden, dropout=0.0)
    config = TrainConfig(network, TrainingConfig(seeds=1, epochs=1, batch_size=64, checks=1, final_fit=False))
    series = [_series(seed, arguments.sessions) for seed in range(arguments.series)]
    problem = Problem.of(series, Preprocessing.of(series), window_shape(config), torch.device("cpu"))
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
    for name, default in (("series", 500), ("sessions", 5400), ("hidden", 64), ("windows", 20_000), ("repeats", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
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
    ends = np.random.default_rng(seed).choice(problem.ends_N, windows)
    loader = DataLoader(Windows(problem, ends), batch_size=64, shuffle=True)
    model = Network(replace(config.network), problem.x_TF.shape[1])
    optimiser = AdamW(model.parameters(), 0.1)
    for x_BLF, z_B in loader:
        heads_BH = model(x_BLF)[:, -1]
        negative_log_likelihood(heads_BH, z_B, problem.eta).mean().backward()  # type: ignore[no-untyped-call]
        optimiser.step(0.001)


if __name__ == "__main__":
    main()
