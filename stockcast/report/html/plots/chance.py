"""Chance: where the share of successes lies when the probability is what it is said to be."""

from __future__ import annotations

import numpy as np


def chance_range(n: int, probability: float, confidence: float = 0.95) -> tuple[float, float]:
    """Both ends of the central range of the share of successes in n independent trials.

    The smallest shares k / n with P(at most k) of at least (1 -+ confidence) / 2: the range holds the share with a
    probability of `confidence` or more. Binomial; shares, 0 .. 1.
    """
    from scipy.special import bdtr

    below_K = bdtr(np.arange(n + 1), n, probability)
    low, high = np.searchsorted(below_K, [0.5 * (1.0 - confidence), 0.5 * (1.0 + confidence)])
    return int(low) / n, min(int(high), n) / n
