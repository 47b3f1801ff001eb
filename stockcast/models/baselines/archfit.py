"""Arch fit: maximum likelihood by the `arch` package, without its remarks."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from stockcast.errors import DataError

PERCENT = 100.0
"""Returns go to `arch` in percent, for which its optimiser is scaled."""


def arch_parameters(model: Any, who: str) -> list[float]:
    """The parameters of an `arch` model, in its order: mean, variance, innovations.

    Raises DataError in the name of `who` where they are no finite numbers.
    """
    with warnings.catch_warnings():
        # A convergence message of the optimiser is no news to the user; unusable numbers are refused below. `arch`
        # switches the filter off for that message, so that it has to be told not to show it.
        warnings.simplefilter("ignore")
        found = [float(value) for value in model.fit(disp="off", show_warning=False).params]
    if not np.all(np.isfinite(found)):
        raise DataError(f"{who} could not be fitted to the training part", "check the prices for errors")
    return found
