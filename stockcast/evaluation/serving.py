"""Serving: who makes the forecasts, the network or a baseline, as the validation part says.

It is chosen by losses of the validation part alone: no session that is scored has a say. A network that its own series
has taught has to earn its place there. One that many stocks have taught begins with what it did on them: a part that
is a few hundred sessions of one series tells little against that, and a baseline serves only where it is significantly
better.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stockcast.evaluation.significance import diebold_mariano
from stockcast.prices.history import Floats

HARS = ("har-t-events", "har-t")
"""HAR with and without known dates: the baselines that a network is an extension of, the one to fall back on first."""

POOLED = "har-t"
"""The baseline that a pool's tickers have in common: the base scale of its networks."""

WORSE = 0.05
"""One-sided p-value of the baseline being better, below which a network that many stocks have taught is not served."""

AHEAD, NOT_AHEAD, NOT_WORSE, SIGNIFICANTLY_WORSE = REASONS = ("ahead", "not ahead", "not worse", "worse")
"""Why somebody serves: the network since it had a lower mean CRPS than every baseline, a baseline since it had not; the
network since many stocks have taught it and it is not significantly worse than HAR, HAR-t since it is. A pool's network
is not worse where it was ahead of HAR-t.
"""


@dataclass(frozen=True)
class Choice:
    """Who makes the forecasts.

    Attributes:
        served_by: The network or a baseline.
        because: One of `REASONS`.
        rival: The baseline that the network was measured by: HAR where many stocks have taught the network, else the
            strongest.
        p: One-sided p-value of the rival being better than the network; None where the means alone were compared.
    """

    served_by: str
    because: str
    rival: str
    p: float | None = None


def choice(network: str, crps: Mapping[str, Floats], proven: bool) -> Choice:
    """Who makes the forecasts instead of, or as, a network.

    Args:
        network: The competitor that is no baseline.
        crps: By competitor, its CRPS in every session of the validation part, shape (N,), in order of time.
        proven: Whether many stocks have taught the network, and it was better on them than the baselines. It is served
            then unless HAR (the first of `HARS` that competes; the strongest baseline where none does) is better with a
            one-sided p-value below `WORSE` in a Diebold-Mariano test. Else it is served where its mean is below that
            of every baseline.

    Raises:
        ValueError: There is no baseline.
        DataError: A loss that is tested is not finite.
    """
    mean = {name: float(crps_N.mean()) for name, crps_N in crps.items()}
    strongest = min((name for name in crps if name != network), key=lambda name: mean[name])
    ahead = mean[network] < mean[strongest]
    if not proven:
        return Choice(network, AHEAD, strongest) if ahead else Choice(strongest, NOT_AHEAD, strongest)
    rival = next((name for name in HARS if name in crps), strongest)
    p = diebold_mariano(crps[rival], crps[network]).p_value
    if ahead:
        return Choice(network, AHEAD, rival, p)
    return Choice(rival, SIGNIFICANTLY_WORSE, rival, p) if p < WORSE else Choice(network, NOT_WORSE, rival, p)


def pooled_choice(network: str, crps: Sequence[Mapping[str, float]], strongest: str) -> Choice:
    """Who makes the forecasts for a pool's tickers: the network, or HAR-t, the one baseline that they have in common.

    The network where its mean CRPS is below that of the strongest baseline, or below that of HAR-t at least: what is no
    better does not take its place.

    Args:
        network: The competitor that is no baseline.
        crps: Of each ticker, its mean CRPS on the validation part by competitor.
        strongest: The baseline to beat, which every ticker has.
    """

    def ahead(of: str) -> bool:
        ratios = [of_ticker[network] / of_ticker[of] for of_ticker in crps if of in of_ticker]
        return bool(ratios) and sum(ratios) / len(ratios) < 1.0

    if ahead(strongest):
        return Choice(network, AHEAD, strongest)
    return Choice(network, NOT_WORSE, POOLED) if ahead(POOLED) else Choice(POOLED, NOT_AHEAD, strongest)


def choice_of(kept: Mapping[str, Any]) -> Choice:
    """The choice that was kept as plain JSON (`dataclasses.asdict`)."""
    return Choice(**kept)


@dataclass(frozen=True)
class InitialResult:
    """What a training on one ticker began with, and whether it stayed.

    name: of the model; young_id, served_id: ids of the models that what is scored and what is served began with. kept:
    they were left as they are. crps, tuned_crps: mean over the validation part, before and after the tuning; p: one-
    sided Diebold-Mariano p-value of the tuned networks against the others.
    """

    name: str
    young_id: str
    served_id: str
    kept: bool
    crps: float
    tuned_crps: float
    p: float

    @property
    def called(self) -> str:
        """The model in words."""
        return f"the {self.name} model" if self.name == "general" else f"model {self.name}"

    def sentence(self, ticker: str) -> str:
        """What became of the networks, in plain words."""
        change = 100.0 * (1.0 - self.tuned_crps / self.crps)
        if self.kept:
            return (
                f"network: {self.called} unchanged, since tuning it on {ticker} brought no statistically "
                f"significant improvement ({change:+.2f} % on the validation part, p = {self.p:.2f})"
            )
        found = f"{change:+.2f} % better on the validation part (p = {self.p:.3f})"
        return f"network: {self.called} tuned on {ticker}, {found}"
