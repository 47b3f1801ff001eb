"""A trained ensemble: everything that turns a history's features into forecasts, in NumPy.

Shapes: N origins, F features, S members, T sessions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from stockcast.config import NetworkConfig
from stockcast.errors import DataError
from stockcast.models.cells import NetworkWeights
from stockcast.models.distribution import StudentT, held
from stockcast.models.eventlayer import EventLayer, width_ahead
from stockcast.models.har import HarScale
from stockcast.models.likelihood import NU_FLOOR
from stockcast.models.simulation import PathBars, PathPlan, simulate_bars
from stockcast.prices.history import Floats
from stockcast.windows.features import Features

CLIP = 5.0
"""Standardised features are cut here: one crash is a large value, not an unheard-of one."""

LOCATION_UNIT = 0.03
"""Scales per unit of the location head: next-day returns have little to learn from, so it learns slowly."""
MAX_LN_SCALE, MAX_LN_NU = 3.0, 12.0
"""Bounds of the corrections: a scale twenty times the base scale's, or Gaussian tails, is all a network may ask for."""


@dataclass(frozen=True)
class LossCurve:
    """How one member of an ensemble learnt: losses at each check, of which the first is before the first step.

    training: mean since the check before, None before the first step; validation: None where there was no such part.
    Both are negative log likelihoods a session, in units of the base scale. chosen: the step whose weights were kept.
    """

    seed: int
    steps: tuple[int, ...]
    training: tuple[float | None, ...]
    validation: tuple[float | None, ...]
    chosen: int


@dataclass(frozen=True)
class EarlyStopping:
    """Gradient steps that validation chose for each member, how many there were to choose from, and how each learnt."""

    steps: tuple[int, ...]
    most: int
    curves: tuple[LossCurve, ...] = ()


@dataclass(frozen=True)
class Moments:
    """Mean and variance of each feature over `count` rows."""

    count: int
    mean_F: Floats
    variance_F: Floats

    @classmethod
    def of(cls, x_NF: Floats) -> Moments:
        """Those of some rows."""
        return cls(len(x_NF), x_NF.mean(axis=0), x_NF.var(axis=0))

    @classmethod
    def together(cls, parts: Sequence[Moments]) -> Moments:
        """Those of the rows of all parts (Chan, Golub and LeVeque 1983)."""
        first, *others = parts
        for other in others:
            count = first.count + other.count
            apart_F = other.mean_F - first.mean_F
            mean_F = first.mean_F + apart_F * (other.count / count)
            within_F = (first.count * first.variance_F + other.count * other.variance_F) / count
            first = cls(count, mean_F, within_F + apart_F**2 * (first.count * other.count / count**2))
        return first


@dataclass(frozen=True)
class Standardiser:
    """Mean and standard deviation of each feature over the training origins."""

    names: tuple[str, ...]
    centre_F: Floats
    spread_F: Floats

    @classmethod
    def of(cls, names: tuple[str, ...], moments: Moments) -> Standardiser:
        """From moments of the named features."""
        return cls(names, moments.mean_F, np.maximum(np.sqrt(moments.variance_F), 1e-6))

    def __call__(self, f: Features) -> Floats:
        """Standardised features [T, F]. Raises DataError where the history lacks one that training had."""
        return self.standardise(self.select(f.names, f.x_TF))

    def select(self, names: tuple[str, ...], x_NF: Floats) -> Floats:
        """The columns that training had, in its order."""
        missing = [name for name in self.names if name not in names]
        if missing:
            raise DataError(
                f"the prices lack what the model was trained on: {', '.join(missing)}",
                "use a file with the same columns, or train again on this one",
            )
        return x_NF[:, [names.index(name) for name in self.names]]

    def standardise(self, x_NF: Floats) -> Floats:
        """(x - centre) / spread, clipped."""
        return np.clip((x_NF - self.centre_F) / self.spread_F, -CLIP, CLIP)


@dataclass(frozen=True)
class Ensemble:
    """Base scale, standardiser and network weights that were fitted on the same sessions, up to `cutoff` inclusive.

    layer: what it makes of the dates of reports, where some were known in training.
    """

    config: NetworkConfig
    base: HarScale
    standardiser: Standardiser
    weights: NetworkWeights
    cutoff: date
    layer: EventLayer | None = None

    def fingerprint(self) -> str:
        """A hash of every number that a forecast depends on."""
        plain = [self.config, self.base, self.standardiser.names, self.cutoff]
        digest = hashlib.sha256(repr((*plain, *([] if self.layer is None else [self.layer]))).encode())
        w = self.weights
        layers = [array for layer in w.layers for array in vars(layer).values()]
        moments = [self.standardiser.centre_F, self.standardiser.spread_F]
        for array in (*layers, w.readout_SHD, w.readout_bias_SH, w.skip_SHF, *moments):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:24]

    def forecast(self, f: Features, start: int, stop: int) -> StudentT:
        """Distributions of the next log return at origins start .. stop - 1, each from its own window."""
        oldest = max(start - self.config.lookback + 1, 0)
        heads_NH = self.weights.window_heads(
            self.standardiser(f)[oldest:], self.config.lookback, start - oldest, stop - oldest
        )
        dist = self.corrected(self.base.log_scale(f, start, stop), heads_NH)
        if self.layer is not None and f.events is not None:
            dist = self.layer.over(dist, f.events.rows(start, stop))
        return held(f, start, dist.loc, dist.scale, dist.nu)

    def roughly(self, f: Features, start: int, stop: int) -> StudentT:
        """What it says without dates, each origin from its own window or a longer one, at a tenth of the cost.

        For fits over very many origins, each of which has a whole window before it.
        """
        heads_NH = self.weights.chunk_heads(self.standardiser(f), self.config.lookback, start, stop)
        return self.corrected(self.base.log_scale(f, start, stop), heads_NH)

    def simulate(self, f: Features, origin: int, plan: PathPlan) -> Floats:
        """Log return from the origin's close to each step, [H, P], on simulated paths.

        The origin's window runs from the zero state; a path carries that state on instead of sliding the window.
        """
        oldest = origin - self.config.lookback + 1
        x_FT = np.ascontiguousarray(self.standardiser(f)[oldest : origin + 1].T)
        states = self.weights.run(self.weights.project(x_FT), self.weights.zero_state(1))
        states = [tuple(np.repeat(part, plan.paths, axis=-1) for part in state) for state in states]
        widths = width_ahead(self.layer, f, origin, plan.horizon)

        def dist(bars: PathBars) -> tuple[Floats, Floats]:
            nonlocal states
            x_FP = np.ascontiguousarray(
                self.standardiser.standardise(self.standardiser.select(bars.names, bars.x_PF)).T
            )
            if bars.steps:
                states = self.weights.step(self.weights.project(x_FP), states)
            heads_PH = self.weights.heads(states, x_FP).T
            t = self.corrected(self.base.log_scale_of(bars.har_PK, bars.leverage_P), heads_PH)
            return t.loc, widths(t.scale, bars.steps)

        return simulate_bars(f, origin, dist, self.base.nu, plan)

    def corrected(self, ln_s_N: Floats, heads_NH: Floats) -> StudentT:
        """The base scale's Student-t, moved by the network's corrections."""
        return correct(self.base, ln_s_N, heads_NH)


def correct(base: HarScale, ln_s_N: Floats, heads_NH: Floats) -> StudentT:
    """loc = mu + s d0, scale = s exp(d1), nu - floor = (nu0 - floor) exp(d2); zero corrections give the base scale."""
    s_N = np.exp(ln_s_N)
    eta_N = np.minimum(np.log(base.nu - NU_FLOOR) + heads_NH[:, 2], MAX_LN_NU)
    return StudentT(
        loc=base.mu + s_N * LOCATION_UNIT * heads_NH[:, 0],
        scale=s_N * np.exp(np.clip(heads_NH[:, 1], -MAX_LN_SCALE, MAX_LN_SCALE)),
        nu=NU_FLOOR + np.exp(eta_N),
    )
