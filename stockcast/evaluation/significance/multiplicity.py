"""Multiplicity: p-values of several tests, corrected for there being several.

Legend: K tests.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from stockcast.errors import DataError
from stockcast.evaluation.significance.series import finite
from stockcast.prices.history import Floats


def benjamini_hochberg(p_K: ArrayLike) -> Floats:
    """Adjusted p-values (q): with the claims of q <= x alone made, at most a share x of them is expected to be false.

    q_(i) = min over j >= i of min(1, K p_(j) / j), with p_(1) <= ... <= p_(K); same order and shape as p. Holds for
    independent tests and for those that are positively dependent, as tests of several tickers of one market tend to
    be. A promise about the list of claims, weaker than `holm`, which is one about every single claim.

    Raises DataError on a p-value that is not within 0 .. 1.
    Reference: Benjamini and Hochberg 1995, Controlling the false discovery rate; Benjamini and Yekutieli 2001.
    """
    p = finite("p-value", p_K, "leave out tests that were not made")
    outside = (p < 0.0) | (p > 1.0)
    if outside.any():
        row = int(np.argmax(outside))
        raise DataError(f"p-value {p[row]} at row {row} is not between 0 and 1", "check which column holds p-values")
    from scipy.stats import false_discovery_control  # not at the top: scoring starts without SciPy

    q_K: Floats = false_discovery_control(p, method="bh")
    return q_K


def holm(p_K: ArrayLike) -> Floats:
    """p-values corrected for being K: the chance of one this small among them all, without assuming independence.

    Reference: Holm 1979, A simple sequentially rejective multiple test procedure.
    """
    p = np.asarray(p_K, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1.0)
    return corrected
