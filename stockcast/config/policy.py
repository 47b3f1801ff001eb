"""Settings of a policy: what a network that learns how much to hold is to earn."""

from __future__ import annotations

from dataclasses import dataclass

from stockcast.config.settings import POLICY, Bounds, Checked, setting

UTILITIES = ("mean-variance", "sharpe")
GRADIENTS = ("pathwise", "score")


@dataclass(frozen=True)
class PolicyConfig(Checked):
    """What a policy learns.

    Attributes:
        wanted: Whether there is to be a policy beside the forecasts.
        utility: Of the rewards of many sessions: mean less risk aversion / 2 times variance, or the Sharpe ratio.
        risk_aversion: Price of a unit of variance, the rewards in units of forecast volatility.
        gradient: "pathwise": back propagation through the reward; "score": REINFORCE on a Gaussian policy.
        long_only: Positions from 0 to 1 instead of from -1 to 1.
        cost: Basis points of the traded value that learning takes off.
    """

    wanted: bool = setting(False, "Learn how much to hold, too", POLICY, flag="--policy")
    utility: str = setting("mean-variance", "What the policy is to maximise", POLICY, choices=UTILITIES, needs="policy")
    risk_aversion: float = setting(
        0.1,
        "Utility: mean less half of this times variance",
        POLICY,
        metavar="RATE",
        bounds=Bounds(0, 100),
        needs="policy",
    )
    gradient: str = setting("pathwise", "How its gradient is found", POLICY, choices=GRADIENTS, needs="policy")
    long_only: bool = setting(False, "Positions from 0 to 1, not from -1 to 1", POLICY, needs="policy")
    cost: float = setting(
        5.0, "Cost it learns with, in basis points", POLICY, metavar="BP", bounds=Bounds(0, 1000), needs="policy"
    )

    @property
    def name(self) -> str:
        """What it is called as a strategy."""
        return "policy (long only)" if self.long_only else "policy"
