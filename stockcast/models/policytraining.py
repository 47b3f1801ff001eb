"""What a policy learns: to earn, after costs, in units of forecast volatility. A criterion of the one training loop.

Shapes: B windows of a batch, L sessions of a window, M rollouts of the exploring policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from stockcast.config import TrainConfig
from stockcast.config.policy import PolicyConfig
from stockcast.models.ensemble import EarlyStopping
from stockcast.models.network import Network, Weights, stack
from stockcast.models.policy import Policy
from stockcast.models.problem import Preprocessing, Series, Store
from stockcast.models.training import Output, member_runs, run_members
from stockcast.prices.history import Floats
from stockcast.progress import Progress

ROLLOUTS, EXPLORATION = 16, 0.5
"""Of a window under the score-function estimator, and the standard deviation of the action before it is squashed."""

_LEAST_RISK = 0.1
"""A standard deviation, in units of forecast volatility, that a Sharpe ratio always has: flat is then a ratio of 0."""


@dataclass(frozen=True)
class Reward:
    """What `PolicyConfig` asks for, as the loop minimises it.

    The reward of a session is R = (p r - cost |p - p'|) / s: p held from its close to the next, p' before, r the return
    of that next session and s its forecast scale (Moody and Saffell 2001; Lim, Zohren and Roberts 2019).
    """

    config: PolicyConfig
    heads: ClassVar[int] = 1

    def outcomes(self, r_T: Floats, s_T: Floats, mu: float, /) -> tuple[Floats, ...]:  # noqa: ARG002 - as `standardised`
        """Simple return and cost in units of the scale."""
        return np.expm1(r_T) / s_T, self.config.cost / 10_000 / s_T

    def loss(self, model: Network, output: Output) -> torch.Tensor:
        """The negative utility of all sessions of the batch."""
        if self.config.gradient == "score":
            return self._surrogate(model, output)
        return -self.utility(self.rewards(model, output))

    def validation(self, model: Network, parts: Iterable[Output]) -> float:
        """The negative utility of all sessions of all parts."""
        return -float(self.utility(torch.cat([self.rewards(model, part).flatten() for part in parts])))

    def rewards(self, model: Network, output: Output) -> torch.Tensor:
        """Rewards [B, L - silent] of the policy that does not explore."""
        return self._earned(self.carried(model, output.heads_BLH[..., 0])[0], output)

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
        squash = torch.sigmoid if self.config.long_only else torch.tanh
        p_B, positions, means = torch.zeros_like(a_BL[..., 0]), [], []
        for t, a_B in enumerate(a_BL.unbind(-1)):
            mean_B = a_B + model.feedback * p_B
            p_B = squash(mean_B if noise_BL is None else mean_B.detach() + noise_BL[..., t])
            positions.append(p_B)
            means.append(mean_B)
        return torch.stack(positions, -1), torch.stack(means, -1)

    @staticmethod
    def _earned(p_BL: torch.Tensor, output: Output) -> torch.Tensor:
        before_BL = torch.nn.functional.pad(p_BL[..., :-1], (1, 0))
        r_BL, cost_BL = output.y_BLK.unbind(-1)
        return (p_BL * r_BL - cost_BL * (p_BL - before_BL).abs())[..., output.silent :]

    def _surrogate(self, model: Network, output: Output) -> torch.Tensor:
        """A scalar whose value is the negative utility and whose gradient is the score-function estimator's.

        REINFORCE (Williams 1992) on Gaussian actions: each has the credit of the sessions from its own on, less the
        mean of that over the other rollouts of the window (Kool, van Hoof and Welling 2019). The utility of moments is
        taken as linear in them, as in the differential Sharpe ratio.
        """
        a_MBL = output.heads_BLH[..., 0].expand(ROLLOUTS, -1, -1)
        noise_MBL = EXPLORATION * torch.randn(a_MBL.shape, dtype=a_MBL.dtype, device=a_MBL.device)
        p_MBL, mean_MBL = self.carried(model, a_MBL, noise_MBL)
        with torch.no_grad():
            rewards = self._earned(p_MBL, output)
        moments = [rewards.mean().requires_grad_(), (rewards**2).mean().requires_grad_()]
        utility = self._of_moments(*moments)
        by_mean, by_square = torch.autograd.grad(utility, moments)
        gains = by_mean * rewards + by_square * rewards**2
        credit_MBL = gains.flip(-1).cumsum(-1).flip(-1)
        credit_MBL = torch.cat([credit_MBL[..., :1].expand(-1, -1, output.silent), credit_MBL], -1)
        credit_MBL = (credit_MBL - credit_MBL.mean(0)) * (ROLLOUTS / (ROLLOUTS - 1))
        action_MBL = mean_MBL.detach() + noise_MBL
        log_density_MBL = -0.5 * ((action_MBL - mean_MBL) / EXPLORATION) ** 2
        surrogate = -(credit_MBL * log_density_MBL).sum() / rewards.numel()
        return surrogate - surrogate.detach() - utility.detach()


def learn_policy(
    series: Sequence[Series], config: TrainConfig, policy: PolicyConfig, progress: Progress, store: Store | None = None
) -> tuple[Policy, EarlyStopping]:
    """Fit a policy on the training parts, each member stopped where its utility on the validation parts is best.

    Args:
        series: One series or many, each with its parts.
        config: Network and training.
        policy: What is to be learnt.
        progress: Whoever watches; a unit is a gradient step.
        store: Where the columns of the series are kept meanwhile; None: in memory.

    Returns:
        The policy, and what validation chose.

    Raises:
        As `models.training.learn`.
    """
    preprocessing = Preprocessing.of(series)
    most = config.training.gradient_steps(sum(len(one.train) for one in series))
    runs = member_runs(config, [most] * config.training.seeds, most)
    members, curves = run_members(series, preprocessing, config, runs, progress, store, Reward(policy))
    chosen = EarlyStopping(tuple(curve.chosen for curve in curves), most, curves)
    return _policy(config, policy, preprocessing, members), chosen


def relearn_policy(
    series: Sequence[Series], config: TrainConfig, policy: PolicyConfig, chosen: EarlyStopping, progress: Progress,
    store: Store | None = None,
) -> Policy:  # fmt: skip
    """Fit everything again, each member for its chosen number of steps, as `models.training.relearn`."""
    preprocessing = Preprocessing.of(series)
    runs = member_runs(config, chosen.steps, chosen.most)
    members, _ = run_members(series, preprocessing, config, runs, progress, store, Reward(policy))
    return _policy(config, policy, preprocessing, members)


def _policy(
    config: TrainConfig, policy: PolicyConfig, preprocessing: Preprocessing, members: Sequence[Weights]
) -> Policy:
    feedback_S = np.array([member["feedback"].item() for member in members])
    weights = stack(config.network, members)
    return Policy(
        config.network, preprocessing.standardiser, weights, feedback_S, policy.long_only, preprocessing.cutoff
    )
