"""Mini-batch gradient descent by back propagation through time: the loop that fits an ensemble.

Shapes: B windows of a batch, L sessions of a window, T sessions, F features, H heads.

With every-step supervision a window is a chunk of warm-up + chunk sessions and each session after the warm-up carries
a loss, so one pass serves every target in it. With last-step supervision a window is a lookback and only its last
session carries a loss. The loop is the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import torch

from stockcast.config import NetworkConfig, TrainConfig
from stockcast.errors import ConfigError, DataError
from stockcast.models.basescale import NU_FLOOR, HarScale, fit_har_scale
from stockcast.models.cells import GATES, LayerWeights, NetworkWeights
from stockcast.models.ensemble import LOCATION_UNIT, MAX_LN_NU, MAX_LN_SCALE, Ensemble, Standardiser
from stockcast.models.network import Network
from stockcast.results.progress import Progress
from stockcast.results.training import LossCurve
from stockcast.windows.features import BURN_IN, Features
from stockcast.windows.splits import Part, Split
from stockcast.windows.windows import lagged

_GPU_UNITS = 128
"""Hidden units below which a step is too short to be worth the way to a GPU."""


Weights = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Problem:
    """What the network sees: standardised features and the next session's return in units of the base forecast.

    x_TF: features. z_T: (r of the next session - mu) / s. eta: ln(nu - floor) of the base scale.
    """

    x_TF: torch.Tensor
    z_T: torch.Tensor
    eta: float


@dataclass(frozen=True)
class Walk:
    """One member's way: gradient steps to take, steps of the whole one-cycle schedule, seed.

    A refit takes fewer steps of the same cycle, so that it walks the path that validation judged. start: weights to
    begin with; None: drawn from the seed, with a read-out of zero.
    """

    steps: int
    cycle: int
    seed: int
    start: Weights | None = None


@dataclass(frozen=True)
class Chosen:
    """Gradient steps that validation chose for each member, how many there were to choose from, and how each learnt."""

    steps: tuple[int, ...]
    most: int
    curves: tuple[LossCurve, ...] = ()


@dataclass(frozen=True)
class Snapshot:
    """A member's weights after `step` gradient steps, its validation loss, and its training loss since the last one."""

    step: int
    loss: float
    training_loss: float
    weights: Weights


def train(
    f: Features, split: Split, config: TrainConfig, progress: Progress, start: NetworkWeights | None = None
) -> tuple[Ensemble, Chosen]:
    """Fit base scale, standardiser and every member on the training part; stop each where validation is best.

    start: weights of another ensemble of as many members to begin with, unchanged where no step improves on them.
    Returns the ensemble and what validation chose. Raises DataError where the training part is shorter than a window,
    ConfigError for a missing device.
    """
    base, standardiser = _footing(f, split.train)
    problem = _problem(f, base, standardiser, _device(config))
    most = config.training.gradient_steps(len(split.train))
    watched = [
        _watch(descend(problem, split.train, config, walk, split.validation), walk.seed, progress)
        for walk in _walks(config, [most] * config.training.seeds, most, start)
    ]
    weights = _stack(config.network, [snapshot.weights for snapshot, _ in watched])
    ensemble = Ensemble(config.network, base, standardiser, weights, split.scored_cutoff)
    curves = tuple(curve for _, curve in watched)
    return ensemble, Chosen(tuple(curve.chosen for curve in curves), most, curves)


def refit(
    f: Features, part: Part, config: TrainConfig, chosen: Chosen, progress: Progress,
    start: NetworkWeights | None = None,
) -> Ensemble:  # fmt: skip
    """Fit everything again on `part`, each member for its chosen number of steps: nothing is left to choose."""
    base, standardiser = _footing(f, part)
    problem = _problem(f, base, standardiser, _device(config))
    members = [
        _watch(descend(problem, part, config, walk, None), walk.seed, progress)[0].weights
        for walk in _walks(config, chosen.steps, chosen.most, start)
    ]
    cutoff: date = f.moves.dates[part.stop].astype(object)
    return Ensemble(config.network, base, standardiser, _stack(config.network, members), cutoff)


def _walks(config: TrainConfig, steps: Sequence[int], cycle: int, start: NetworkWeights | None) -> Iterator[Walk]:
    for member, (seed, count) in enumerate(zip(config.training.members, steps, strict=True)):
        yield Walk(count, cycle, seed, None if start is None else _member(start, member))


def descend(
    problem: Problem, part: Part, config: TrainConfig, walk: Walk, validation: Part | None
) -> Iterator[Snapshot]:
    """The training loop of one member: a batch of random windows of the training part at each step.

    Yields a snapshot before the first step, at every check and after the last step.
    """
    training = config.training
    length, silent = _window(config)
    oldest = BURN_IN + length - 1 if training.chunked else part.start
    x_NLF = _windows(problem.x_TF[: part.stop], length)
    z_NL = _windows(problem.z_T[: part.stop, None], length)[..., 0]
    if oldest >= part.stop:
        raise DataError(f"the training part is shorter than one window of {length} sessions", "use a longer history")
    draw = np.random.default_rng(walk.seed)
    check_every = max(1, walk.cycle // training.checks)
    with _seeded(walk.seed):
        model = Network(config.network, x_NLF.shape[2]).to(problem.x_TF.device)
        if walk.start is not None:
            model.load_state_dict(walk.start)
        optimiser = AdamW(model.parameters(), training.weight_decay)
        losses: list[float] = []
        yield _snapshot(model, problem, config, validation, 0, losses)
        for step in range(1, walk.steps + 1):
            windows = torch.from_numpy(draw.integers(oldest, part.stop, training.windows_per_step) - (length - 1))
            heads_BLH = model(x_NLF[windows])
            loss = negative_log_likelihood(heads_BLH[:, silent:], z_NL[windows][:, silent:], problem.eta).mean()
            losses.append(loss.item())
            loss.backward()  # type: ignore[no-untyped-call]  # torch has no types for it
            optimiser.step(training.learning_rate * one_cycle((step - 1) / walk.cycle))
            if step % check_every == 0 or step == walk.steps:
                yield _snapshot(model, problem, config, validation, step, losses)
                losses.clear()


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


def one_cycle(progress: float) -> float:
    """Share of the peak rate: up on a cosine for three tenths of the way, down to zero after (Smith 2018)."""
    rise, floor = 0.3, 0.04
    if progress < rise:
        return floor + (1 - floor) * (1 - math.cos(math.pi * progress / rise)) / 2
    return (1 + math.cos(math.pi * (progress - rise) / (1 - rise))) / 2


class AdamW:
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019).

    Not torch's own: constructing that imports torch's compiler, which takes as long as torch itself.
    """

    def __init__(self, parameters: Iterable[torch.Tensor], weight_decay: float) -> None:
        self.parameters = list(parameters)
        self.weight_decay = weight_decay
        self.mean = [torch.zeros_like(p) for p in self.parameters]
        self.square = [torch.zeros_like(p) for p in self.parameters]
        self.count = 0

    @torch.no_grad()
    def step(self, rate: float, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8) -> None:
        """One update from the parameters' gradients, which are then cleared."""
        self.count += 1
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        torch._foreach_mul_(self.parameters, 1 - rate * self.weight_decay)
        torch._foreach_lerp_(self.mean, gradients, 1 - beta1)
        torch._foreach_mul_(self.square, beta2)
        torch._foreach_addcmul_(self.square, gradients, gradients, 1 - beta2)
        root = torch._foreach_sqrt(self.square)
        torch._foreach_div_(root, math.sqrt(1 - beta2**self.count))
        torch._foreach_add_(root, epsilon)
        torch._foreach_addcdiv_(self.parameters, self.mean, root, value=-rate / (1 - beta1**self.count))
        for p in self.parameters:
            p.grad = None


def _watch(snapshots: Iterator[Snapshot], seed: int, progress: Progress) -> tuple[Snapshot, LossCurve]:
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


def _footing(f: Features, part: Part) -> tuple[HarScale, Standardiser]:
    return fit_har_scale(f, part.start, part.stop), Standardiser.fit(f, BURN_IN, part.stop)


def _problem(f: Features, base: HarScale, standardiser: Standardiser, device: torch.device) -> Problem:
    z_T = np.zeros(len(f))
    z_T[:-1] = (f.moves.r_T[1:] - base.mu) / np.exp(base.log_scale(f, 0, len(f) - 1))
    return Problem(
        x_TF=torch.from_numpy(standardiser(f).astype(np.float32)).to(device),
        z_T=torch.from_numpy(z_T.astype(np.float32)).to(device),
        eta=math.log(base.nu - NU_FLOOR),
    )


def _window(config: TrainConfig) -> tuple[int, int]:
    """Sessions of a training window, and how many of them carry no loss."""
    if config.training.chunked:
        return config.training.warmup + config.training.chunk, config.training.warmup
    return config.network.lookback, config.network.lookback - 1


def _windows(x_TF: torch.Tensor, length: int) -> torch.Tensor:
    """`lagged` on a tensor: a view of the same memory."""
    if x_TF.device.type == "cpu":
        return torch.from_numpy(lagged(x_TF.numpy(), length))
    return x_TF.unfold(0, length, 1).transpose(1, 2)


@torch.no_grad()
def _snapshot(
    model: Network, problem: Problem, config: TrainConfig, validation: Part | None, step: int, losses: Sequence[float]
) -> Snapshot:
    loss = math.nan
    if validation is not None:
        # One pass over the part, its state warmed up on the window before, stands for one window per origin.
        lookback = config.network.lookback
        oldest = validation.start - lookback
        model.eval()
        heads_TH = model(problem.x_TF[None, oldest : validation.stop])[0, lookback:]
        z_T = problem.z_T[validation.start : validation.stop]
        loss = float(negative_log_likelihood(heads_TH, z_T, problem.eta).mean())
        model.train()
        if math.isnan(loss):
            loss = math.inf
    training_loss = sum(losses) / len(losses) if losses else math.nan
    return Snapshot(step, loss, training_loss, {name: p.detach().cpu().clone() for name, p in model.named_parameters()})


def _stack(config: NetworkConfig, members: list[dict[str, torch.Tensor]]) -> NetworkWeights:
    """The members' torch weights as NumPy arrays in double precision, one more axis in front."""

    def stacked(name: str, *shape: int) -> np.ndarray:
        return np.stack([m[name].numpy().astype(np.float64).reshape(shape or m[name].shape) for m in members])

    gates, units = GATES[config.cell], config.hidden_size
    layers = tuple(
        LayerWeights(
            input_SGDI=stacked(f"recurrent.weight_ih_l{k}", gates, units, -1),
            hidden_SGDD=stacked(f"recurrent.weight_hh_l{k}", gates, units, units),
            input_bias_SGD=stacked(f"recurrent.bias_ih_l{k}", gates, units),
            hidden_bias_SGD=stacked(f"recurrent.bias_hh_l{k}", gates, units),
        )
        for k in range(config.layers)
    )
    return NetworkWeights(
        config.cell, layers, stacked("readout.weight"), stacked("readout.bias"), stacked("skip.weight")
    )


def _member(weights: NetworkWeights, member: int) -> Weights:
    """One member of stacked weights as torch has them: what `_stack` undoes."""

    def single(values_S: np.ndarray, *shape: int) -> torch.Tensor:
        own = np.ascontiguousarray(values_S[member], dtype=np.float32)
        return torch.from_numpy(own.reshape(shape) if shape else own)

    found = {
        "readout.weight": single(weights.readout_SHD),
        "readout.bias": single(weights.readout_bias_SH),
        "skip.weight": single(weights.skip_SHF),
    }
    for k, layer in enumerate(weights.layers):
        rows = layer.input_SGDI.shape[1] * layer.input_SGDI.shape[2]
        found[f"recurrent.weight_ih_l{k}"] = single(layer.input_SGDI, rows, -1)
        found[f"recurrent.weight_hh_l{k}"] = single(layer.hidden_SGDD, rows, -1)
        found[f"recurrent.bias_ih_l{k}"] = single(layer.input_bias_SGD, rows)
        found[f"recurrent.bias_hh_l{k}"] = single(layer.hidden_bias_SGD, rows)
    return found


def _device(config: TrainConfig) -> torch.device:
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
