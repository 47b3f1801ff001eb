"""Mini-batch gradient descent by back propagation through time: the loop that fits an ensemble.

Shapes: B windows of a batch, L sessions of a window, T sessions, F features, H heads, K outcomes.

With every-step supervision a window is a chunk of warm-up + chunk sessions and each session after the warm-up carries
a loss, so one pass serves every target in it. With last-step supervision a window is a lookback and only its last
session carries a loss. The loop is the same, for one series and for many.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple, Protocol

import numpy as np
import torch

from stockcast.config import TrainConfig
from stockcast.errors import ConfigError
from stockcast.models.cells import NetworkWeights
from stockcast.models.ensemble import LOCATION_UNIT, MAX_LN_NU, MAX_LN_SCALE, EarlyStopping, Ensemble, LossCurve
from stockcast.models.likelihood import NU_FLOOR
from stockcast.models.network import HEADS, AdamW, Network, Weights, member_of, one_cycle, stack
from stockcast.models.problem import Preprocessing, Problem, Series, Store, WindowShape, standardised
from stockcast.prices.history import Floats
from stockcast.progress import Progress

_GPU_UNITS = 128
"""Hidden units below which a step is too short to be worth the way to a GPU."""

_UNITS_IN_CACHE = 64 * 150 * 32
"""Hidden units of all sessions of a batch, four gates each: with twice as many a step takes 1.5 times as long."""

_SEGMENTS_AT_ONCE = 64
"""Validation parts that go through the network together: what a pass needs of memory stays small."""


class Output(NamedTuple):
    """What a network says of windows, and what came of it: heads [B, L, H], outcomes [B, L, K]. silent: sessions at the
    beginning that carry no loss.
    """

    heads_BLH: torch.Tensor
    y_BLK: torch.Tensor
    silent: int


class Criterion(Protocol):
    """What the loop minimises."""

    heads: ClassVar[int]
    """Of the network."""

    def outcomes(self, r_T: Floats, s_T: Floats, mu: float, /) -> tuple[Floats, ...]:
        """What the loss is made of beside them: see `Outcomes`."""

    def loss(self, model: Network, output: Output) -> torch.Tensor:
        """Of a batch of windows, a scalar with a gradient."""

    def validation(self, model: Network, parts: Iterable[Output]) -> float:
        """Of all validation parts, each one window."""


@dataclass(frozen=True)
class Likelihood:
    """Negative log likelihood of the next return. eta: `Problem.eta`."""

    eta: float
    heads: ClassVar[int] = HEADS
    outcomes = staticmethod(standardised)

    def loss(self, model: Network, output: Output) -> torch.Tensor:  # noqa: ARG002 - as `Criterion.loss`
        """Mean over all sessions that carry one."""
        return self._each(output).mean()

    def validation(self, model: Network, parts: Iterable[Output]) -> float:  # noqa: ARG002 - as `Criterion.validation`
        """Mean over all sessions."""
        total, count = 0.0, 0
        for part in parts:
            losses = self._each(part)
            total, count = total + float(losses.mean()) * losses.numel(), count + losses.numel()
        return total / count

    def _each(self, output: Output) -> torch.Tensor:
        heads_BLH, z_BL = output.heads_BLH[:, output.silent :], output.y_BLK[..., 0][:, output.silent :]
        return negative_log_likelihood(heads_BLH, z_BL, self.eta)


@dataclass(frozen=True)
class MemberRun:
    """One member's way: gradient steps to take, steps of the whole one-cycle schedule, seed.

    A refit takes fewer steps of the same cycle, so that it walks the path that validation judged. start: weights to
    begin with; None: drawn from the seed, with a read-out of zero.
    """

    steps: int
    cycle: int
    seed: int
    start: Weights | None = None


@dataclass(frozen=True)
class Snapshot:
    """A member's weights after `step` gradient steps, its validation loss, and its training loss since the last one."""

    step: int
    loss: float
    training_loss: float
    weights: Weights


def learn(
    series: Sequence[Series], config: TrainConfig, progress: Progress, start: NetworkWeights | None = None,
    preprocessing: Preprocessing | None = None, store: Store | None = None,
) -> tuple[Ensemble, EarlyStopping]:  # fmt: skip
    """Fit base scale, standardiser and every member on the training parts; stop each where validation is best.

    Args:
        series: One series or many, each with its parts.
        config: Network and training.
        progress: Whoever watches; a unit is a gradient step.
        start: Weights of another ensemble of as many members to begin with, unchanged where no step improves on them.
        preprocessing: That of another ensemble, in place of one fitted here.
        store: Where the columns of the series are kept meanwhile; None: in memory.

    Returns:
        The ensemble, and what validation chose.

    Raises:
        DataError: No training part holds a window, or the base scale cannot be fitted.
        ConfigError: The device that was asked for is missing.
        StorageError: The store cannot keep the columns.
    """
    preprocessing = preprocessing or Preprocessing.of(series)
    most = config.training.gradient_steps(sum(len(one.train) for one in series))
    runs = member_runs(config, [most] * config.training.seeds, most, start)
    ensemble, curves = _run_members(series, preprocessing, config, runs, progress, store)
    return ensemble, EarlyStopping(tuple(curve.chosen for curve in curves), most, curves)


def relearn(
    series: Sequence[Series], config: TrainConfig, chosen: EarlyStopping, progress: Progress,
    start: NetworkWeights | None = None, preprocessing: Preprocessing | None = None, store: Store | None = None,
) -> Ensemble:  # fmt: skip
    """Fit everything again, each member for its chosen number of steps: nothing is left to choose.

    Args:
        series: One series or many; validation parts are not looked at.
        config: Network and training.
        chosen: Steps of each member, and of the schedule that they are a part of.
        progress: Whoever watches; a unit is a gradient step.
        start: Weights of another ensemble of as many members to begin with.
        preprocessing: That of another ensemble, in place of one fitted here.
        store: Where the columns of the series are kept meanwhile; None: in memory.

    Returns:
        The ensemble.

    Raises:
        DataError: No training part holds a window, or the base scale cannot be fitted.
        ConfigError: The device that was asked for is missing.
        StorageError: The store cannot keep the columns.
    """
    preprocessing = preprocessing or Preprocessing.of(series)
    runs = member_runs(config, chosen.steps, chosen.most, start)
    return _run_members(series, preprocessing, config, runs, progress, store)[0]


def _run_members(
    series: Sequence[Series], preprocessing: Preprocessing, config: TrainConfig, runs: Iterable[MemberRun],
    progress: Progress, store: Store | None,
) -> tuple[Ensemble, tuple[LossCurve, ...]]:  # fmt: skip
    """The members where their validation loss was lowest, or after their last step, and how they learnt."""
    with Problem.of(series, preprocessing, window_shape(config), device_of(config), store) as problem:
        watched = [run_member(descend(problem, config, run), run.seed, progress) for run in runs]
    weights = stack(config.network, [snapshot.weights for snapshot, _ in watched])
    base, standardiser, cutoff = preprocessing.base, preprocessing.standardiser, preprocessing.cutoff
    return Ensemble(config.network, base, standardiser, weights, cutoff), tuple(curve for _, curve in watched)


def member_runs(
    config: TrainConfig, steps: Sequence[int], cycle: int, start: NetworkWeights | None = None
) -> Iterator[MemberRun]:
    """What each member does: its steps of a schedule of `cycle`, with its seed, from its weights of `start`."""
    for member, (seed, count) in enumerate(zip(config.training.members, steps, strict=True)):
        yield MemberRun(count, cycle, seed, None if start is None else member_of(start, member))


def window_shape(config: TrainConfig) -> WindowShape:
    """The windows that training draws."""
    training, lookback = config.training, config.network.lookback
    if training.chunked:
        return WindowShape(training.warmup + training.chunk, training.warmup, True, lookback)
    return WindowShape(lookback, lookback - 1, False, lookback)


def descend(
    problem: Problem, config: TrainConfig, run: MemberRun, criterion: Criterion | None = None
) -> Iterator[Snapshot]:
    """The training loop of one member: a batch of random windows of the training parts at each step.

    Args:
        problem: The series as arrays.
        config: Network and training.
        run: The member's steps, schedule, seed and first weights.
        criterion: What is minimised; None: the likelihood.

    Yields:
        A snapshot before the first step, at every check and after the last step.
    """
    training, shape = config.training, window_shape(config)
    device = problem.xy_TC.device
    criterion = Likelihood(problem.eta) if criterion is None else criterion
    draw = np.random.default_rng(run.seed)
    check_every = max(1, run.cycle // training.checks)
    at_once = _at_once(config, shape, device)
    with _seeded(run.seed):
        model = Network(config.network, problem.features, criterion.heads).to(device)
        if run.start is not None:
            model.load_state_dict(run.start)
        optimiser = AdamW(model.parameters(), training.weight_decay)
        losses: list[float] = []
        yield _snapshot(model, problem, criterion, 0, losses)
        for step in range(1, run.steps + 1):
            drawn = draw.integers(0, len(problem.ends), training.windows_per_step)
            windows = torch.from_numpy(problem.ends[drawn] - (shape.length - 1))
            losses.append(0.0)
            for part in torch.split(windows, at_once):
                xy_NLC = shape.of(problem.xy_TC)
                heads_BLH = model(xy_NLC[..., : problem.features][part])
                output = Output(heads_BLH, xy_NLC[..., problem.features :][part], shape.silent)
                loss = criterion.loss(model, output) * (len(part) / len(windows))
                losses[-1] += loss.item()
                loss.backward()  # type: ignore[no-untyped-call]  # torch has no types for it
            optimiser.step(training.learning_rate * one_cycle((step - 1) / run.cycle))
            if step % check_every == 0 or step == run.steps:
                yield _snapshot(model, problem, criterion, step, losses)
                losses.clear()


def _at_once(config: TrainConfig, shape: WindowShape, device: torch.device) -> int:
    """Windows whose states stay in a processor's cache on the way back; a larger batch adds up gradients of parts."""
    if device.type != "cpu":
        return config.training.windows_per_step
    return max(8, _UNITS_IN_CACHE // (shape.length * config.network.hidden_size * config.network.layers))


def negative_log_likelihood(heads: torch.Tensor, z: torch.Tensor, eta: float) -> torch.Tensor:
    """-ln density of z under the corrected Student-t, element-wise; heads have one axis more, of length 3.

    Up to a constant (ln s) it is the loss of the log return itself.
    """
    location = heads[..., 0] * LOCATION_UNIT
    d_ln_s = torch.clamp(heads[..., 1], -MAX_LN_SCALE, MAX_LN_SCALE)
    nu = NU_FLOOR + torch.exp(torch.clamp(eta + heads[..., 2], max=MAX_LN_NU))
    u = (z - location) * torch.exp(-d_ln_s)
    constant = torch.lgamma(nu / 2) - torch.lgamma((nu + 1) / 2) + 0.5 * torch.log(nu * math.pi)
    return constant + d_ln_s + (nu + 1) / 2 * torch.log1p(u * u / nu)


def run_member(snapshots: Iterator[Snapshot], seed: int, progress: Progress) -> tuple[Snapshot, LossCurve]:
    """Run the loop to its end and keep the snapshot with the lowest validation loss, or the last one without any."""
    seen: list[Snapshot] = []
    best, done = None, 0
    for snapshot in snapshots:
        progress.advance(snapshot.step - done, None if math.isnan(snapshot.loss) else snapshot.loss)
        done = snapshot.step
        if best is None or math.isnan(snapshot.loss) or snapshot.loss < best.loss:
            best = snapshot
        seen.append(replace(snapshot, weights={}))
    assert best is not None  # noqa: S101 - the loop yields before its first step
    return best, LossCurve(
        seed=seed,
        steps=tuple(snapshot.step for snapshot in seen),
        training=tuple(_finite(snapshot.training_loss) for snapshot in seen),
        validation=tuple(_finite(snapshot.loss) for snapshot in seen),
        chosen=best.step,
    )


def _finite(loss: float) -> float | None:
    return loss if math.isfinite(loss) else None


@torch.no_grad()
def _snapshot(model: Network, problem: Problem, criterion: Criterion, step: int, losses: Sequence[float]) -> Snapshot:
    loss = math.nan
    if problem.segments:
        model.eval()
        loss = criterion.validation(model, _validation_outputs(model, problem))
        model.train()
        if math.isnan(loss):
            loss = math.inf
    training_loss = sum(losses) / len(losses) if losses else math.nan
    return Snapshot(step, loss, training_loss, {name: p.detach().cpu().clone() for name, p in model.named_parameters()})


def _validation_outputs(model: Network, problem: Problem) -> Iterator[Output]:
    """What the network says of each validation part.

    One pass over a part, its state warmed up on the window before, stands for one window per origin.
    """
    for begin in range(0, len(problem.segments), _SEGMENTS_AT_ONCE):
        segments = problem.segments[begin : begin + _SEGMENTS_AT_ONCE]
        x_TF, y_TK = problem.x_TF, problem.y_TK
        heads_BTH = model(torch.nn.utils.rnn.pad_sequence([x_TF[one.first : one.stop] for one in segments], True))
        for heads_TH, one in zip(heads_BTH, segments, strict=True):
            length = one.stop - one.first
            yield Output(heads_TH[None, :length], y_TK[None, one.first : one.stop], one.start - one.first)


def device_of(config: TrainConfig) -> torch.device:
    """The device asked for; `auto` takes a GPU for networks that keep one busy, and the CPU for all others."""
    available = torch.cuda.is_available()
    if config.training.device == "cuda" and not available:
        raise ConfigError("--device cuda: torch finds no CUDA device", "use --device cpu, or auto")
    worth_it = config.network.hidden_size >= _GPU_UNITS
    wanted = config.training.device == "cuda" or (config.training.device == "auto" and available and worth_it)
    return torch.device("cuda" if wanted else "cpu")


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Torch seeded and on one thread, so that a seed gives the same bytes twice; both are put back afterwards."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)
