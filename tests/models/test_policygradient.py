"""The gradients of a policy: through the reward against finite differences, by the score function against that.

Shapes: B windows, L sessions, F features.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from stockcast.config import NetworkConfig
from stockcast.config.policy import PolicyConfig
from stockcast.models.network import Network, Weights, stack
from stockcast.models.policy import ACTION_UNIT
from stockcast.models.policytraining import EXPLORATION, Reward
from stockcast.models.training import Output
from stockcast.prices.history import Floats

SESSIONS, FEATURES, COST = 9, 2, 0.05
DRAW = np.random.default_rng(3)
X_LF = DRAW.standard_normal((SESSIONS, FEATURES))
R_L = DRAW.standard_normal(SESSIONS)
CONFIG = PolicyConfig(risk_aversion=0.5)


def small_network(cell: str = "lstm") -> Network:
    """Weights of every kind, none of them zero, in double precision."""
    torch.manual_seed(1)
    network = Network(NetworkConfig(cell, hidden_size=3, dropout=0.0), FEATURES, heads=1).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(0.3 * torch.randn_like(parameter))
    return network


def output_of(network: Network, windows: int = 1, silent: int = 0) -> Output:
    """The same window so many times."""
    y_LK = np.column_stack([R_L, np.full(SESSIONS, COST), np.ones(SESSIONS)])
    heads_BLH = network(torch.from_numpy(X_LF)[None]).expand(windows, -1, -1)
    return Output(heads_BLH, torch.from_numpy(y_LK).expand(windows, -1, -1), silent)


def utility(weights: Weights, cell: str, config: PolicyConfig) -> float:
    """The textbook's equations in NumPy."""
    stacked = stack(NetworkConfig(cell, hidden_size=3), [weights])
    states, projected = stacked.zero_state(1), stacked.project(np.ascontiguousarray(X_LF.T))
    held, rewards = 0.0, []
    for t in range(SESSIONS):
        states = stacked.step(projected[..., t : t + 1], states)
        head = stacked.heads(states, X_LF[t][:, None])[0, 0]
        before, held = held, np.tanh(ACTION_UNIT * (head + weights["feedback"].item() * held))
        held = (1 + held) / 2 if config.long_only else held
        rewards.append(held * R_L[t] - COST * abs(held - before))
    mean, variance = np.mean(rewards), np.var(rewards)
    if config.utility == "sharpe":
        return float(mean / np.sqrt(variance + 0.01))
    return float(mean - config.risk_aversion / 2 * variance)


@pytest.mark.parametrize(
    ("config", "cell"),
    [
        (CONFIG, "lstm"),
        (CONFIG, "gru"),
        (CONFIG, "rnn"),
        (PolicyConfig(utility="sharpe"), "lstm"),
        (PolicyConfig(long_only=True), "lstm"),
    ],
    ids=["lstm", "gru", "rnn", "sharpe", "long only"],
)
def test_the_gradient_through_the_reward_is_that_of_finite_differences(config: PolicyConfig, cell: str) -> None:
    network = small_network(cell)
    Reward(config).loss(network, output_of(network)).backward()  # type: ignore[no-untyped-call]
    weights = {name: p.detach().clone() for name, p in network.named_parameters()}
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None
        found = np.empty(parameter.numel())
        for k in range(parameter.numel()):
            sides = []
            for step in (1e-5, -1e-5):
                moved = weights[name].clone()
                moved.view(-1)[k] += step
                sides.append(utility({**weights, name: moved}, cell, config))
            found[k] = (sides[1] - sides[0]) / 2e-5
        np.testing.assert_allclose(parameter.grad.numpy().ravel(), found, rtol=1e-6, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("config", [CONFIG, PolicyConfig(utility="sharpe")], ids=["variance", "sharpe"])
def test_the_score_functions_mean_is_the_gradient_through_the_reward_of_an_exploring_policy(
    config: PolicyConfig,
) -> None:
    network, reward = small_network(), Reward(config)
    few = [network.skip.weight, network.readout.bias, network.feedback]
    torch.manual_seed(5)

    def smoothed() -> torch.Tensor:
        output = output_of(network, windows=1000, silent=2)
        held_B, positions = torch.zeros(1000, dtype=torch.float64), []
        for head_B in output.heads_BLH[..., 0].unbind(1):
            noise_B = EXPLORATION * torch.randn(1000, dtype=torch.float64)
            held_B = torch.tanh(ACTION_UNIT * (head_B + network.feedback * held_B) + noise_B)
            positions.append(held_B)
        p_BL = torch.stack(positions, 1)
        traded_BL = torch.diff(p_BL, dim=1, prepend=torch.zeros(1000, 1, dtype=torch.float64)).abs()
        return -reward.utility((p_BL * torch.from_numpy(R_L) - COST * traded_BL)[:, 2:])

    def by_score() -> torch.Tensor:
        return Reward(replace(config, gradient="score")).loss(network, output_of(network, windows=200, silent=2))

    means, errors = [], []
    for loss in (smoothed, by_score):
        draws = np.array([_gradient(loss(), few) for _ in range(30)])
        means.append(draws.mean(axis=0))
        errors.append(draws.std(axis=0, ddof=1) / np.sqrt(len(draws)))
    error = np.hypot(*errors)
    assert (error < 0.1 * np.abs(means[0]).max()).all()
    assert (np.abs(means[1] - means[0]) < 3 * error).all()


def _gradient(loss: torch.Tensor, parameters: list[torch.Tensor]) -> Floats:
    parts = torch.autograd.grad(loss, parameters)
    return np.concatenate([part.numpy().ravel() for part in parts])
