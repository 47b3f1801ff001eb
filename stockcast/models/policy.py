"""A trained policy: how much to hold until the next close, in NumPy.

Shapes: N origins, S members, L lookback.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from operator import itemgetter

import numpy as np

from stockcast.config import NetworkConfig
from stockcast.models.cells import NetworkWeights, tanh
from stockcast.models.ensemble import Standardiser
from stockcast.prices.history import Floats
from stockcast.windows.features import Features
from stockcast.windows.splits import first_origin

ACTION_UNIT = 8.0
"""Of the head, before it is squashed: a position has farther to go than a correction, in as many steps."""


@dataclass(frozen=True)
class Policy:
    """Networks whose one head says how much to hold, fitted on sessions up to `cutoff` inclusive.

    feedback_S: what each member makes of the position before. long_only: positions from 0 to 1, not from -1 to 1.
    """

    config: NetworkConfig
    standardiser: Standardiser
    weights: NetworkWeights
    feedback_S: Floats
    long_only: bool
    cutoff: date

    def positions(self, f: Features, start: int, stop: int) -> Floats:
        """Shares of the capital to hold from the closes of origins start .. stop - 1 to the next, the members' mean.

        p_t = tanh(unit (a_t + u p_{t-1})), a_t the head of the origin's own window; long only half of 1 + tanh of that.
        The recursion of an origin runs over its last L origins, from 0: where the first origin is does not matter
        (Moody and Saffell 2001, Learning to trade via direct reinforcement).
        """
        lookback = self.config.lookback
        first = max(start - lookback + 1, min(start, first_origin(lookback)))
        oldest = max(first - lookback + 1, 0)
        x_TF = self.standardiser(f)[oldest:]
        each = []
        for s, u in enumerate(self.feedback_S.tolist()):
            member = self.weights.each(itemgetter(slice(s, s + 1)))
            heads_NH = member.window_heads(x_TF, lookback, first - oldest, stop - oldest)
            each.append(self._carried(heads_NH[:, 0], u, stop - start))
        p_N: Floats = np.mean(each, axis=0)
        return p_N

    def _carried(self, a_N: Floats, u: float, count: int) -> Floats:
        """The position after the recursion of the last `count` origins, of which the first have shorter ones."""
        steps = self.config.lookback
        missing = count + steps - 1 - len(a_N)
        a_N = np.concatenate([np.zeros(missing), a_N])
        p_N = np.zeros(count)
        for j in range(steps):
            p_N = tanh(ACTION_UNIT * (a_N[j : j + count] + u * p_N))
            p_N = (1.0 + p_N) / 2.0 if self.long_only else p_N
            p_N[: max(missing - j, 0)] = 0.0
        return p_N
