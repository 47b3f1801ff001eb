"""What a network is trained on: the sessions of one series or of many, one after the other in one array per quantity.

Shapes: T sessions of all series together, L sessions of a window, F features, N windows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import torch
from numpy.typing import NDArray

from stockcast.errors import DataError
from stockcast.models.ensemble import Moments, Standardiser
from stockcast.models.har import HarScale, fit_scale, scale_rows
from stockcast.models.likelihood import NU_FLOOR
from stockcast.windows.features import BURN_IN, Features, lagged
from stockcast.windows.splits import Part

_MOST_SCALE_ROWS = 400_000
"""Targets that the base scale of many series is fitted on, evenly taken: eight parameters ask for no more."""


@dataclass(frozen=True)
class Series:
    """One series: its columns, the origins that teach, and those that choose, if any.

    load: gives the columns each time they are asked for; those of hundreds of series need not be kept. length: rows
    of them.
    """

    load: Callable[[], Features]
    length: int
    train: Part
    validation: Part | None = None

    @classmethod
    def of(cls, f: Features, train: Part, validation: Part | None = None) -> Series:
        """A series whose columns are there."""
        return cls(lambda: f, len(f), train, validation)

    @property
    def last(self) -> int:
        """Row of the last target that teaches or chooses anything."""
        return self.train.stop if self.validation is None else self.validation.stop


@dataclass(frozen=True)
class Preprocessing:
    """What a network stands on: the base scale that it corrects, and the standardiser of its inputs.

    cutoff: last session that has taught or chosen anything.
    """

    base: HarScale
    standardiser: Standardiser
    cutoff: date

    @classmethod
    def of(cls, series: Sequence[Series]) -> Preprocessing:
        """Fitted on the training parts of all series together. Raises DataError where they determine nothing."""
        if not series:
            raise DataError("no series is long enough to learn from", "use longer histories")
        every = max(1, -(-sum(len(one.train) for one in series) // _MOST_SCALE_ROWS))
        rows, moments, cutoffs = [], [], []
        names: tuple[str, ...] = ()
        for one in series:
            f = one.load()
            rows.append(scale_rows(f, one.train.start, one.train.stop, every))
            moments.append(Moments.of(f.x_TF[BURN_IN : one.train.stop]))
            cutoffs.append(f.session_returns.dates[one.last].astype(object))
            names = f.names
        standardiser = Standardiser.of(names, Moments.together(moments))
        y_N, z_NP = (np.concatenate(parts) for parts in zip(*rows, strict=True))
        return cls(fit_scale(y_N, z_NP), standardiser, max(cutoffs))


@dataclass(frozen=True)
class ValidationSegment:
    """Rows first .. stop - 1 of the problem, whose losses are those of the validation part from `start` on."""

    first: int
    start: int
    stop: int


@dataclass(frozen=True)
class Problem:
    """What the network sees: standardised features and the next session's return in units of the base forecast.

    x_TF: features. z_T: (r of the next session - mu) / s. eta: ln(nu - floor) of the base scale. ends_N: last rows of
    the windows that may be drawn; each lies within one series and its training part. lessons: the validation parts,
    each with a lookback before it.
    """

    x_TF: torch.Tensor
    z_T: torch.Tensor
    eta: float
    ends_N: NDArray[np.int64]
    segments: tuple[ValidationSegment, ...]

    @classmethod
    def of(
        cls, series: Sequence[Series], preprocessing: Preprocessing, window: WindowShape, device: torch.device
    ) -> Problem:  # fmt: skip
        """All series, one after the other. Raises DataError where no training part holds a window."""
        base, at = preprocessing.base, 0
        rows = sum(one.length for one in series)
        x_TF = np.empty((rows, len(preprocessing.standardiser.names)), dtype=np.float32)
        z_T = np.zeros(rows, dtype=np.float32)
        ends: list[NDArray[np.int64]] = []
        segments: list[ValidationSegment] = []
        for one in series:
            f, stop = one.load(), at + one.length
            s_T = np.exp(base.log_scale(f, 0, one.length - 1))
            x_TF[at:stop] = preprocessing.standardiser(f)
            z_T[at : stop - 1] = (f.session_returns.r_T[1:] - base.mu) / s_T
            oldest = BURN_IN + window.length - 1 if window.chunked else one.train.start
            ends.append(at + np.arange(oldest, max(oldest, one.train.stop)))
            if one.validation is not None and len(one.validation):
                first = max(0, one.validation.start - window.lookback)
                segments.append(ValidationSegment(at + first, at + one.validation.start, at + one.validation.stop))
            at = stop
        ends_N = np.concatenate(ends)
        if not len(ends_N):
            raise DataError(
                f"the training part is shorter than one window of {window.length} sessions", "use a longer history"
            )
        return cls(
            x_TF=torch.from_numpy(x_TF).to(device),
            z_T=torch.from_numpy(z_T).to(device),
            eta=math.log(base.nu - NU_FLOOR),
            ends_N=ends_N,
            segments=tuple(segments),
        )


@dataclass(frozen=True)
class WindowShape:
    """Sessions of a training window, and how many of them, at its beginning, carry no loss.

    chunked: a loss at every session after the warm-up. lookback: sessions from which a forecast starts.
    """

    length: int
    silent: int
    chunked: bool
    lookback: int

    def of(self, x_TF: torch.Tensor) -> torch.Tensor:
        """`lagged` on a tensor: windows [N, L, F], a view of the same memory."""
        if x_TF.device.type == "cpu":
            return torch.from_numpy(lagged(x_TF.numpy(), self.length))
        return x_TF.unfold(0, self.length, 1).transpose(1, 2)
