"""What a policy learns: to earn, after costs, in units of forecast volatility. A criterion of the one training loop.

Shapes: B windows of a batch, L sessions of a window, M rollouts of the exploring policy.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise, tee
from typing import ClassVar

import numpy as np
import torch

from stockcast.config import TrainConfig
from stockcast.config.policy import PolicyConfig
from stockcast.models.ensemble import EarlyStopping, LossCurve
from stockcast.models.network import Network, stack
from stockcast.models.policy import ACTION_UNIT, Policy
from stockcast.models.problem import Preprocessing, Problem, Series
from stockcast.models.training import Output, Snapshot, descend, device_of, member_runs, run_member, window_shape
from stockcast.prices.history import Floats
from stockcast.progress import Progress
from stockcast.windows.splits import Part

ROLLOUTS, EXPLORATION = 16, 0.5
"""Of a window under the score-function estimator, and the standard deviation of the action before it is squashed."""

LUCK, _SMALL = 1.5, 0.2
"""What a small weight costs, in standard errors of what one that means nothing adds to the mean reward; and how small
that is, in units of the action: one that has shown its worth is not held back. The constant always is: a drift of the
past is the likeliest of all to have been luck."""

_LEAST_RISK = 0.1
"""A standard deviation, in units of forecast volatility, that a Sharpe ratio always has: flat is then a ratio of 0."""


@dataclass(frozen=True)
class Reward:
    """What `PolicyConfig` asks for, as the loop minimises it.

    The reward of a session is R = (p r - cost |p - p'|) / s: p held from its close to the next, p' before, r the return
    of that next session and s its forecast scale (Moody and Saffell 2001; Lim, Zohren and Roberts 2019).

    luck: what a unit of weight from an input to the action has to earn, less and less for larger ones (the lasso,
    reweighted: Candes, Wakin and Boyd 2008): of a hundredth of variance that can be known, as many weights as there are
    inputs would lose much again. A unit of the constant has to earn it throughout. kept: the origins that do not teach.
    """

    config: PolicyConfig
    luck: float = 0.0
    kept: Part | None = None
    heads: ClassVar[int] = 1

    def outcomes(self, r_T: Floats, s_T: Floats, mu: float, /) -> tuple[Floats, ...]:  # noqa: ARG002 - as `standardised`
        """Simple return and cost in units of the scale, and whether the session teaches."""
        teaches_T = np.ones(len(r_T))
        if self.kept is not None:
            teaches_T[self.kept.start : self.kept.stop] = 0.0
        return np.expm1(r_T) / s_T, self.config.cost / 10_000 / s_T, teaches_T

    def loss(self, model: Network, output: Output) -> torch.Tensor:
        """The negative utility of the sessions of the batch that teach, and what luck would have added to it.

        The utility's gradient is either through the positions, or where these are drawn the score function's of them.
        by_mean: what a unit of mean reward adds to the utility.
        """
        a_BL, noise_BL = output.heads_BLH[..., 0], None
        if self.config.gradient == "score":
            a_BL = a_BL.expand(ROLLOUTS, -1, -1)
            noise_BL = EXPLORATION * torch.randn_like(a_BL)
        p_BL, mean_BL = self.carried(model, a_BL, noise_BL)
        rewards, teaches_BL = self._earned(p_BL, output), output.y_BLK[:, output.silent :, 2]
        weight_BL = teaches_BL / teaches_BL.mean().clamp(min=1e-3)
        # Drawn positions have no gradient of their own: the moments begin one.
        mean, square = ((rewards**power * weight_BL).mean().requires_grad_() for power in (1, 2))
        utility = self._of_moments(mean, square)
        by_mean, by_square = torch.autograd.grad(utility, (mean, square), retain_graph=True)
        loss = -utility
        if noise_BL is not None:
            gains = (by_mean * rewards + by_square * rewards**2) * weight_BL
            loss = _surrogate(gains, mean_BL, noise_BL) - utility.detach()
        weights = (model.skip.weight, model.readout.weight, model.feedback)
        size = _SMALL * sum(torch.log1p(ACTION_UNIT / _SMALL * weight.abs()).sum() for weight in weights)
        constant = ACTION_UNIT * model.readout.bias.abs().sum()
        return loss + self.luck * by_mean * (size + constant)

    def validation(self, model: Network, parts: Iterable[Output]) -> float:
        """The negative utility of all sessions of all parts."""
        held = ((self.carried(model, part.heads_BLH[..., 0])[0], part) for part in parts)
        return -float(self.utility(torch.cat([self._earned(p_BL, part).flatten() for p_BL, part in held])))

    def utility(self, rewards: torch.Tensor) -> torch.Tensor:
        """Of the rewards of many sessions."""
        return self._of_moments(rewards.mean(), (rewards**2).mean())

    def _of_moments(self, mean: torch.Tensor, square: torch.Tensor) -> torch.Tensor:
        variance = square - mean**2
        if self.config.utility == "sharpe":
            return mean / torch.sqrt(variance + _LEAST_RISK**2)
        return mean - self.config.risk_aversion / 2 * variance

    def carried(
        self, model: Network, a_BL: torch.Tensor, noise_BL: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Positions and, before noise and squashing, means of the actions: p_t = squash(a_t + u p_{t-1} + noise_t).

        With noise the gradient does not pass through the positions: an action is what was drawn.
        """
        feedback = ACTION_UNIT * model.feedback
        p_B, positions, means = torch.zeros_like(a_BL[..., 0]), [], []
        for t, action_B in enumerate((ACTION_UNIT * a_BL).unbind(-1)):
            mean_B = torch.addcmul(action_B, feedback, p_B)
            p_B = torch.tanh(mean_B if noise_BL is None else mean_B.detach() + noise_BL[..., t])
            if self.config.long_only:
                p_B = (1 + p_B) / 2
            positions.append(p_B)
            means.append(mean_B)
        return torch.stack(positions, -1), torch.stack(means, -1)

    @staticmethod
    def _earned(p_BL: torch.Tensor, output: Output) -> torch.Tensor:
        before_BL = torch.nn.functional.pad(p_BL[..., :-1], (1, 0))
        r_BL, cost_BL, _ = output.y_BLK.unbind(-1)
        return (p_BL * r_BL - cost_BL * (p_BL - before_BL).abs())[..., output.silent :]


def _surrogate(gains_MBL: torch.Tensor, mean_MBL: torch.Tensor, noise_MBL: torch.Tensor) -> torch.Tensor:
    """A scalar of value 0 whose gradient is the score-function estimator's of the negative utility.

    REINFORCE (Williams 1992) on Gaussian actions: each has the credit of the sessions from its own on, less the mean of
    that over the other rollouts of the window (Kool, van Hoof and Welling 2019). gains: what the rewards add to the
    utility, taken as linear in the moments, as in the differential Sharpe ratio; silent sessions have none.
    """
    credit_MBL = gains_MBL.flip(-1).cumsum(-1).flip(-1)
    silent = mean_MBL.shape[-1] - gains_MBL.shape[-1]
    credit_MBL = torch.cat([credit_MBL[..., :1].expand(-1, -1, silent), credit_MBL], -1)
    credit_MBL = (credit_MBL - credit_MBL.mean(0)) * (ROLLOUTS / (ROLLOUTS - 1))
    log_density_MBL = -0.5 * ((mean_MBL.detach() + noise_MBL - mean_MBL) / EXPLORATION) ** 2
    surrogate = -(credit_MBL * log_density_MBL).sum() / gains_MBL.numel()
    return surrogate - surrogate.detach()


def learn_policy(one: Series, config: TrainConfig, progress: Progress) -> tuple[Policy, EarlyStopping]:
    """Fit a policy on the training and validation part of one series, by cross-validation.

    Each member is judged on another stretch of the two parts together, of equal length, and learns from all the rest;
    a single one is judged on the validation part. All take the number of steps that is best over all stretches, or
    none, where that is no better by half a standard error over them than to stay as they were.

    Args:
        one: The series, with its parts.
        config: Network, training, and what is to be learnt.
        progress: Whoever watches; a unit is a gradient step.

    Returns:
        The policy, and what was chosen.

    Raises:
        DataError: As `models.training.learn`.
    """
    policy, preprocessing = config.policy, Preprocessing.of([one])
    seeds, most = config.training.seeds, config.training.gradient_steps(len(one.train))
    paths: list[list[Snapshot]] = []
    curves: list[LossCurve] = []
    for run, kept in zip(member_runs(config, [most] * seeds, most), _stretches(one, seeds), strict=True):
        taught = replace(one, train=Part(one.train.start, one.last), validation=kept)
        criterion = Reward(policy, _luck(policy, len(taught.train) - len(kept)), kept)
        place = window_shape(config), device_of(config)
        with Problem.of([taught], preprocessing, *place, outcomes=criterion.outcomes) as problem:
            snapshots, path = tee(descend(problem, config, run, criterion))
            curves.append(run_member(snapshots, run.seed, progress)[1])
            paths.append(list(path))
    best = _best(np.array([[snapshot.loss for snapshot in path] for path in paths]))
    step = paths[0][best].step
    chosen = EarlyStopping((step,) * seeds, most, tuple(replace(curve, chosen=step) for curve in curves))
    members = [path[best].weights for path in paths]
    weights, feedback_S = stack(config.network, members), np.array([member["feedback"].item() for member in members])
    standardiser, cutoff = preprocessing.standardiser, preprocessing.cutoff
    return Policy(config.network, standardiser, weights, feedback_S, policy.long_only, cutoff), chosen


def _stretches(one: Series, members: int) -> Iterator[Part]:
    """What each member is judged on."""
    edges = np.linspace(one.train.start if members > 1 else one.train.stop, one.last, members + 1).astype(int).tolist()
    return (Part(*pair) for pair in pairwise(edges))


def _best(losses_SK: Floats) -> int:
    """The check whose mean loss is lowest; 0, the first one, where the gain is less than half its error."""
    gains_SK = losses_SK[:, :1] - losses_SK
    best = int(gains_SK.mean(axis=0).argmax())
    error = gains_SK[:, best].std(ddof=1) / np.sqrt(len(gains_SK)) if len(gains_SK) > 1 else 0.0
    return best if gains_SK[:, best].mean() > error / 2 else 0


def _luck(policy: PolicyConfig, sessions: int) -> float:
    """`Reward.luck` after so many sessions. A position that is never below 0 moves half as far."""
    return LUCK / math.sqrt(sessions) * (0.5 if policy.long_only else 1.0)
