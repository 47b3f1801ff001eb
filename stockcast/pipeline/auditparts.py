"""What an audit compares: fitted objects and forecasts as bytes, and training with its validation losses kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from stockcast.forecasts import Forecast
from stockcast.progress import Progress

if TYPE_CHECKING:
    from stockcast.models.ensemble import Ensemble

Parts = Mapping[str, bytes]
"""Something by name, to the last byte."""

FITTED = {
    "base scale": "HAR weights, location and tails, fitted with other bars after {cutoff}",
    "standardiser": "centre and spread of every input, fitted with other bars after {cutoff}",
    "early stopping": "steps and every validation loss, with other bars after {cutoff}",
    "network weights": "every weight of every member, trained with other bars after {cutoff}",
    "baselines": "parameters of every baseline, fitted with other bars after {cutoff}",
    "simulated bars": "the past bars that paths draw from, with other bars after {cutoff}",
    "validation scores": "of the network and every baseline, with other bars after {cutoff}",
    "choice": "of the strongest baseline and of who serves, with other bars after {cutoff}",
}
"""Checks of what was fitted or chosen, each with bytes of its own, and what was compared."""


class Watched:
    """Progress that names its stages after what is audited, keeps validation losses, and tells no notes."""

    def __init__(self, progress: Progress, prefix: str) -> None:
        self.progress = progress
        self.prefix = prefix
        self.losses: list[float] = []

    def stage(self, name: str, total: int, targets: int = 0) -> None:
        """Pass it on."""
        self.progress.stage(f"{self.prefix}: {name}", total, targets)

    def advance(self, units: int, loss: float | None = None) -> None:
        """Pass it on; a loss stays."""
        if loss is not None:
            self.losses.append(loss)
        self.progress.advance(units, loss)

    def note(self, message: str, detail: bool = False) -> None:  # noqa: ARG002 - the protocol's signature
        """Other futures have notes of their own, which concern nobody."""
        self.progress.note(f"{self.prefix}: {message}", True)


def differing(own: Parts, other: Parts) -> list[str]:
    """Names of what differs, or is there on one side alone."""
    return [name for name in {**own, **other} if own.get(name) != other.get(name)]


def network_parts(network: Ensemble) -> dict[str, Parts]:
    """Base scale, standardiser and weights of an ensemble."""
    base, standardiser, weights = network.base, network.standardiser, network.weights
    tensors = {
        f"layer {depth + 1} {name}": values.tobytes()
        for depth, layer in enumerate(weights.layers)
        for name, values in vars(layer).items()
    }
    return {
        "base scale": {"parameters": np.array([*base.weights, base.mu, base.nu]).tobytes()},
        "standardiser": {
            f"{what} of {name}": values_F[k].tobytes()
            for what, values_F in (("centre", standardiser.centre_F), ("spread", standardiser.spread_F))
            for k, name in enumerate(standardiser.names)
        },
        "network weights": {
            **tensors,
            "readout": weights.readout_SHD.tobytes() + weights.readout_bias_SH.tobytes(),
            "skip": weights.skip_SHF.tobytes(),
        },
    }


def forecast_bytes(f: Forecast) -> bytes:
    """The distribution in price, the session that it is of, and the bars that it saw; not when it was made."""
    figures = (f.median, f.mean, *f.quantiles.values(), f.p_up, f.scale, f.last_close)
    return np.array(figures).tobytes() + f.target_session.isoformat().encode() + f.data_sha256.encode()
