"""The event layer: three coefficients that widen any forecast where a report is due, and sharpen it where none is.

With s the scale that a forecaster gives, q the probability that the target session carries the reaction to a report,
and J the size of the ticker's past reactions,

    ln s  +=  ln(1 + q (kappa J / s)^2) / 2  +  shift known  +  echo known e

e: the mean shock about the same day of eight quarters, which says to a forecaster without dates that a report may be
due. Variances add, so that a reaction hides in a crash, and where the hour is not known each of two sessions has its
share. Without dates q and known are 0, and s stays as it is, to the bit.

Shapes: N rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np

from stockcast.errors import DataError
from stockcast.models.distribution import StudentT
from stockcast.models.likelihood import Within, maximum, student_losses
from stockcast.prices.history import Floats
from stockcast.windows.events import EventRows
from stockcast.windows.features import Features

Kappa = Annotated[float, Within(0.0, 4.0)]
"""How much of the size of past reactions the next one is expected to have."""

LEAST_REACTIONS = 8
"""Reactions from which something is fitted; two years of quarterly reports."""

_MOST_SHIFT, _MOST_ECHO = 1.0, 0.5
_BOUNDS_P2 = np.array([[0.0, 4.0], [-_MOST_SHIFT, _MOST_SHIFT], [-_MOST_ECHO, _MOST_ECHO]])
# How far from what is usual a single series may easily lead: its few reactions shall not outweigh thousands of others.
# Of a pool it has no say.
_SPREAD_P = np.array([0.2, 0.05, 0.03])


@dataclass(frozen=True)
class EventLayer:
    """What a forecaster makes of the dates of reports; see the module.

    Attributes:
        kappa: Share of the expected size that counts.
        shift: Of ln s where dates are known.
        echo: Of ln s for each unit of the quarters' mean shock, where dates are known.
    """

    kappa: Kappa
    shift: Annotated[float, Within(-_MOST_SHIFT, _MOST_SHIFT)] = 0.0
    echo: Annotated[float, Within(-_MOST_ECHO, _MOST_ECHO)] = 0.0

    @classmethod
    def fit(cls, dist: StudentT, rows: EventRows, y_N: Floats, usual: EventLayer | None) -> Self:
        """The coefficients under which returns are likeliest, given a forecaster's distributions of them.

        Args:
            dist: What the forecaster says without dates, N rows.
            rows: What is known of the dates, N rows.
            y_N: Log returns.
            usual: What the coefficients are likely to be; None: kappa alone is fitted, and nothing is known of it
                beforehand.

        Raises:
            DataError: Fewer than LEAST_REACTIONS are among the rows, or the likelihood has no maximum.
        """
        told_N = rows.known_N | (rows.q_N > 0)
        if float(rows.q_N.sum()) < LEAST_REACTIONS:
            raise DataError(f"fewer than {LEAST_REACTIONS} reports are known in the training part", "give more dates")
        dist, rows, y_N = dist[told_N], rows.take(told_N), y_N[told_N]
        e_N, ln_s_N, known_N = y_N - dist.loc, np.log(dist.scale), rows.known_N.astype(np.float64)
        usual_P, free = (usual or USUAL)._coefficients_P, slice(0, 1 if usual is None else 3)

        def loss(x_P: Floats) -> tuple[float, Floats]:
            layer = cls(*x_P.tolist())
            ratio_N = (layer.kappa * np.exp(rows.ln_size_N - ln_s_N)) ** 2
            losses_N, slope_N = student_losses(e_N, ln_s_N + layer._ln_factor(rows, ratio_N), dist.nu)
            share_N = rows.q_N * ratio_N
            by_kappa_N = share_N / (1.0 + share_N) / max(layer.kappa, 1e-9)
            slopes_PN = np.stack([by_kappa_N, known_N, known_N * rows.echo_N])[free]
            value, gradient_P = float(losses_N.mean()), slopes_PN @ slope_N / len(y_N)
            if usual is not None:
                off_P = (x_P - usual_P) / _SPREAD_P
                value += 0.5 * float(off_P @ off_P) / len(y_N)
                gradient_P = gradient_P + off_P / _SPREAD_P / len(y_N)
            return value, gradient_P

        found = maximum(loss, [[usual_P[free]]], _BOUNDS_P2[free], "the event layer")
        return cls(*found.x_P.tolist())

    def factor(self, scale_N: Floats, rows: EventRows) -> Floats:
        """What scales are multiplied by: exactly 1 where nothing is known, shape (N,).

        Args:
            scale_N: Scales of the forecaster, in log return.
            rows: What is known of the dates.
        """
        ratio_N = (self.kappa * np.exp(rows.ln_size_N) / scale_N) ** 2
        factor_N: Floats = np.exp(self._ln_factor(rows, ratio_N))
        return factor_N

    def over(self, dist: StudentT, rows: EventRows) -> StudentT:
        """The distributions with what the dates say."""
        return StudentT(dist.loc, dist.scale * self.factor(dist.scale, rows), dist.nu)

    @property
    def _coefficients_P(self) -> Floats:
        return np.array([self.kappa, self.shift, self.echo])

    def _ln_factor(self, rows: EventRows, ratio_N: Floats) -> Floats:
        known_N = rows.known_N.astype(np.float64)
        return 0.5 * np.log1p(rows.q_N * ratio_N) + known_N * (self.shift + self.echo * rows.echo_N)


USUAL, USUAL_OF_CLOSES = EventLayer(0.9, 0.1, -0.07), EventLayer(1.2, 0.18, -0.16)
"""What a series with few reactions is likely to have, of whole bars and of closes, which tell less of reactions: as 200
stocks said in 2001 to 2013, and for closes rounded to what did best on 2014 and 2015.
"""


def width_ahead(layer: EventLayer | None, f: Features, origin: int, horizon: int) -> Callable[[Floats, int], Floats]:
    """How the scales of simulated paths change on the way: the session that reacts is wider.

    Args:
        layer: The forecaster's layer; None: nothing changes.
        f: Columns of the history.
        origin: Row that the paths begin at.
        horizon: Sessions ahead, H.

    Returns:
        From scales [P] and the sessions that lie behind a path to the scales [P] of the next one.
    """
    if layer is None or f.events is None:
        return lambda scale_P, _: scale_P
    ahead = f.events.ahead(origin, horizon)
    return lambda scale_P, step: scale_P * layer.factor(scale_P, ahead.at(step))


def fit_layer(parts: Sequence[tuple[StudentT, EventRows, Floats]], usual: EventLayer) -> EventLayer | None:
    """The layer of a forecaster of one series or of many.

    Args:
        parts: Of each series with dates, the forecaster's distributions, what is known of the dates, and the returns.
        usual: What the layer is likely to be.

    Returns:
        The layer; the usual one where there are too few reactions to fit one, None without any series.
    """
    if not parts:
        return None
    dists, rows, returns = zip(*parts, strict=True)
    loc, scale, nu = (np.concatenate([getattr(dist, name) for dist in dists]) for name in ("loc", "scale", "nu"))
    try:
        return EventLayer.fit(StudentT(loc, scale, nu), EventRows.together(rows), np.concatenate(returns), usual)
    except DataError:
        return usual
