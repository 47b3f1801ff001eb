"""What a policy learns: to earn, after costs, in units of forecast volatility. A criterion of the one training loop.

Shapes: B windows of a batch, L sessions of a window, M rollouts of the exploring policy.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, tee
from typing import ClassVar

import numpy as np
import torch

from stockcast.config import TrainConfig
from stockcast.config.policy import PolicyConfig
from stockcast.models.ensemble import EarlyStopping, LossCurve
from stockcast.models.network import Network, Weights, stack
from stockcast.models.policy import ACTION_UNIT, Policy
from stockcast.models.problem import Preprocessing, Series
from stockcast.models.training import Output, Snapshot, descend, member_runs, problem_of, run_member, run_members
from stockcast.prices.history import Floats
from stockcast.progress import Progress
from stockcast.windows.splits import Part

ROLLOUTS, EXPLORATION = 16, 0.5
"""Of a window under the score-function estimator, and the standard deviation of the action before it is squashed."""

LUCK, _SMALL = 1.0, 0.2
"""What a small weight costs, in standard errors of what one that means nothing adds to the mean reward; and how small
that is, in units of the action: one that has shown its worth is not held back."""

_LEAST_RISK = 0.1
"""A standard deviation, in units of forecast volatility, that a Sharpe ratio always has: flat is then a ratio of 0."""


@dataclass(frozen=True)
class Reward:
    """What `PolicyConfig` asks for, as the loop minimises it.

    The reward of a session is R = (p r - cost |p - p'|) / s: p held from its close to the next, p' before, r the return
    of that next session and s its forecast scale (Moody and Saffell 2001; Lim, Zohren and Roberts 2019).

    luck: what a unit of weight from an input to the action has to earn, less and less for larger ones (the lasso,
    reweighted: Candes, Wakin and Boyd 2008): of a hundredth of variance that can be known, as many weights as there are
    inputs would lose much again. kept: the origins that do not teach.
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

        price: what a unit of mean reward adds to the utility.
        """
        if self.config.gradient == "score":
            loss, moments = self._surrogate(model, output)
        else:
            moments = self._moments(self.rewards(model, output), output)
            loss = -self._of_moments(*moments)
        price = torch.autograd.grad(self._of_moments(*moments), moments[0], retain_graph=True)[0]
        weights = (model.skip.weight, model.readout.weight, model.readout.bias, model.feedback)
        size = sum(torch.log1p(ACTION_UNIT / _SMALL * weight.abs()).sum() for weight in weights)
        return loss + self.luck * price * _SMALL * size

    def validation(self, model: Network, parts: Iterable[Output]) -> float:
        """The negative utility of all sessions of all parts."""
        return -float(self.utility(torch.cat([self.rewards(model, part).flatten() for part in parts])))

    def rewards(self, model: Network, output: Output) -> torch.Tensor:
        """Rewards [B, L - silent] of the policy that does not explore."""
        return self._earned(self.carried(model, output.heads_BLH[..., 0])[0], output)

    def utility(self, rewards: torch.Tensor) -> torch.Tensor:
        """Of the rewards of many sessions."""
        return self._of_moments(rewards.mean(), (rewards**2).mean())

    @staticmethod
    def _moments(rewards: torch.Tensor, output: Output) -> tuple[torch.Tensor, torch.Tensor]:
        """First and second moment over the sessions that teach."""
        weight_BL = Reward._weight(output)
        return (rewards * weight_BL).mean(), (rewards**2 * weight_BL).mean()

    @staticmethod
    def _weight(output: Output) -> torch.Tensor:
        teaches_BL = output.y_BLK[:, output.silent :, 2]
        return teaches_BL / teaches_BL.mean().clamp(min=1e-3)

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

    def _surrogate(self, model: Network, output: Output) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        """A scalar whose value is the negative utility and whose gradient is the score-function estimator's; moments.

        REINFORCE (Williams 1992) on Gaussian actions: each has the credit of the sessions from its own on, less the
        mean of that over the other rollouts of the window (Kool, van Hoof and Welling 2019). The utility of moments is
        taken as linear in them, as in the differential Sharpe ratio.
        """
        a_MBL = output.heads_BLH[..., 0].expand(ROLLOUTS, -1, -1)
        noise_MBL = EXPLORATION * torch.randn(a_MBL.shape, dtype=a_MBL.dtype, device=a_MBL.device)
        p_MBL, mean_MBL = self.carried(model, a_MBL, noise_MBL)
        with torch.no_grad():
            rewards = self._earned(p_MBL, output)
        mean, square = (moment.requires_grad_() for moment in self._moments(rewards, output))
        utility = self._of_moments(mean, square)
        by_mean, by_square = torch.autograd.grad(utility, (mean, square))
        gains = (by_mean * rewards + by_square * rewards**2) * self._weight(output)
        credit_MBL = gains.flip(-1).cumsum(-1).flip(-1)
        credit_MBL = torch.cat([credit_MBL[..., :1].expand(-1, -1, output.silent), credit_MBL], -1)
        credit_MBL = (credit_MBL - credit_MBL.mean(0)) * (ROLLOUTS / (ROLLOUTS - 1))
        log_density_MBL = -0.5 * ((mean_MBL.detach() + noise_MBL - mean_MBL) / EXPLORATION) ** 2
        surrogate = -(credit_MBL * log_density_MBL).sum() / rewards.numel()
        return surrogate - surrogate.detach() - utility.detach(), (mean, square)


def learn_policy(
    series: Sequence[Series], config: TrainConfig, policy: PolicyConfig, progress: Progress
) -> tuple[Policy, EarlyStopping]:
    """Fit a policy on the training and validation part of one series, by cross-validation.

    Each member is judged on another stretch of the two parts together, of equal length, and learns from all the rest;
    a single one is judged on the validation part. All take the number of steps that is best over all stretches, or
    none, where that is no better by half a standard error over them than to stay as they were.

    Args:
        series: One series, with its parts.
        config: Network and training.
        policy: What is to be learnt.
        progress: Whoever watches; a unit is a gradient step.

    Returns:
        The policy, and what was chosen.

    Raises:
        DataError: As `models.training.learn`.
    """
    (one,) = series
    preprocessing = Preprocessing.of(series)
    seeds, most = config.training.seeds, config.training.gradient_steps(len(one.train))
    paths: list[list[Snapshot]] = []
    curves: list[LossCurve] = []
    for run, kept in zip(member_runs(config, [most] * seeds, most), _stretches(one, seeds), strict=True):
        taught = replace(one, train=Part(one.train.start, one.last), validation=kept)
        criterion = Reward(policy, _luck(policy, len(taught.train) - len(kept)), kept)
        with problem_of([taught], preprocessing, config, criterion=criterion) as problem:
            snapshots, path = tee(descend(problem, config, run, criterion))
            curves.append(run_member(snapshots, run.seed, progress)[1])
            paths.append(list(path))
    best = _best(np.array([[snapshot.loss for snapshot in path] for path in paths]))
    step = paths[0][best].step
    chosen = EarlyStopping((step,) * seeds, most, tuple(replace(curve, chosen=step) for curve in curves))
    return _policy(config, policy, preprocessing, [path[best].weights for path in paths]), chosen


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


def relearn_policy(
    series: Sequence[Series], config: TrainConfig, policy: PolicyConfig, chosen: EarlyStopping, progress: Progress
) -> Policy:
    """Fit everything again, each member for its chosen number of steps, as `models.training.relearn`."""
    preprocessing = Preprocessing.of(series)
    runs = member_runs(config, chosen.steps, chosen.most)
    criterion = Reward(policy, _luck(policy, sum(len(one.train) for one in series)))
    members, _ = run_members(series, preprocessing, config, runs, progress, criterion=criterion)
    return _policy(config, policy, preprocessing, members)


def _policy(
    config: TrainConfig, policy: PolicyConfig, preprocessing: Preprocessing, members: Sequence[Weights]
) -> Policy:
    feedback_S = np.array([member["feedback"].item() for member in members])
    weights = stack(config.network, members)
    return Policy(
        config.network, preprocessing.standardiser, weights, feedback_S, policy.long_only, preprocessing.cutoff
    )


def _luck(policy: PolicyConfig, sessions: int) -> float:
    """`Reward.luck` after so many sessions. A position that is never below 0 moves half as far."""
    return LUCK / math.sqrt(sessions) * (0.5 if policy.long_only else 1.0)
