"""What a network is trained on: the sessions of one series or of many, one after the other in one array per quantity.

Shapes: T sessions of all series together, L sessions of a window, F features, K outcomes, C = F + K columns: the
features and what the loss is of; N windows, S series.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from stockcast.errors import DataError
from stockcast.models.ensemble import Moments, Standardiser
from stockcast.models.har import HarScale, fit_scale, scale_rows
from stockcast.models.likelihood import NU_FLOOR
from stockcast.prices.history import Floats
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

    def table(self, one: Series, outcomes: Outcomes) -> Table:
        """What the network sees of a series, [T, C]; see `Problem`. The last session has no outcomes: 0."""
        f = one.load()
        s_T = np.exp(self.base.log_scale(f, 0, one.length - 1))
        columns = outcomes(f.session_returns.r_T[1:], s_T, self.base.mu)
        features = len(self.standardiser.names)
        xy_TC = np.zeros((one.length, features + len(columns)), dtype=np.float32)
        xy_TC[:, :features] = self.standardiser(f)
        xy_TC[:-1, features:] = np.stack(columns, axis=1)
        return xy_TC


Outcomes = Callable[[Floats, Floats, float], tuple[Floats, ...]]
"""Columns that a loss is made of, from the returns of the next sessions, their forecast scales and their location."""


def standardised(r_T: Floats, s_T: Floats, mu: float) -> tuple[Floats]:
    """z, what the likelihood is of: the return less its location in units of its scale."""
    return ((r_T - mu) / s_T,)


@dataclass(frozen=True)
class ValidationSegment:
    """Rows first .. stop - 1 of the problem, whose losses are those of the validation part from `start` on."""

    first: int
    start: int
    stop: int


Table = NDArray[np.float32]
Read = Callable[[], Table]
Store = Callable[[Iterator[Table], tuple[int, int]], AbstractContextManager[Read]]
"""Keeps the rows of a table of that shape, which come in pieces, for as long as the context lasts: inside it the table
can be read, whole, as often as one likes. What is read of a file stays in memory only as long as it is referred to."""


@contextmanager
def in_memory(pieces: Iterator[Table], shape: tuple[int, int]) -> Iterator[Read]:
    """A `Store` whose table is an array."""
    table, at = np.empty(shape, dtype=np.float32), 0
    for piece in pieces:
        table[at : at + len(piece)] = piece
        at += len(piece)
    yield partial(np.asarray, table)


@dataclass(frozen=True)
class Ends:
    """Last rows of the windows that may be drawn, of all series: consecutive ones within each.

    totals_S: how many there are up to and with each series. shifts_S: what a window's number lacks to be its last row.
    """

    totals_S: NDArray[np.int64]
    shifts_S: NDArray[np.int64]

    @classmethod
    def of(cls, ranges: Sequence[range]) -> Ends:
        """Those of each series in turn."""
        counts_S = np.array([len(one) for one in ranges], dtype=np.int64)
        totals_S = np.cumsum(counts_S)
        return cls(totals_S, np.array([one.start for one in ranges], dtype=np.int64) - (totals_S - counts_S))

    def __len__(self) -> int:
        return int(self.totals_S[-1])

    def __getitem__(self, numbers_N: NDArray[np.int64]) -> NDArray[np.int64]:
        """The last rows of windows by their numbers, 0 .. len - 1."""
        return numbers_N + self.shifts_S[np.searchsorted(self.totals_S, numbers_N, side="right")]


@dataclass(frozen=True)
class Problem:
    """What the network sees: standardised features, and what comes of the next session in units of the base forecast.

    read: the table of all sessions, [T, C]: features, so many of them, and in the last columns outcomes, such as
    `standardised` ones. eta: ln(nu - floor) of the base scale. ends: of the windows that may be drawn; each lies within
    one series and its training part. segments: the validation parts, each with a lookback before it. moved: the table
    on a device that has a memory of its own.
    """

    read: Read
    features: int
    eta: float
    ends: Ends
    segments: tuple[ValidationSegment, ...]
    moved: torch.Tensor | None = None

    @classmethod
    @contextmanager
    def of(
        cls, series: Sequence[Series], preprocessing: Preprocessing, window: WindowShape, device: torch.device,
        store: Store | None = None, outcomes: Outcomes = standardised,
    ) -> Iterator[Problem]:  # fmt: skip
        """All series, one after the other, for as long as the context lasts.

        Args:
            series: What teaches.
            preprocessing: Base scale and standardiser.
            window: What is drawn of them.
            device: Where the network is.
            store: Where the table is kept; None: in memory.
            outcomes: What the loss is of.

        Raises:
            DataError: No training part holds a window.
            StorageError: The store cannot keep the table.
        """
        at = 0
        ends: list[range] = []
        segments: list[ValidationSegment] = []
        for one in series:
            oldest = BURN_IN + window.length - 1 if window.chunked else one.train.start
            ends.append(range(at + oldest, at + max(oldest, one.train.stop)))
            if one.validation is not None and len(one.validation):
                first = max(0, one.validation.start - window.lookback)
                segments.append(ValidationSegment(at + first, at + one.validation.start, at + one.validation.stop))
            at += one.length
        if not any(ends):
            raise DataError(
                f"the training part is shorter than one window of {window.length} sessions", "use a longer history"
            )
        features, none = len(preprocessing.standardiser.names), np.empty(0)
        shape = at, features + len(outcomes(none, none, 0.0))
        with (store or in_memory)((preprocessing.table(one, outcomes) for one in series), shape) as read:
            moved = None if device.type == "cpu" else _moved(read, shape, device)
            eta = math.log(preprocessing.base.nu - NU_FLOOR)
            yield cls(read, features, eta, Ends.of(ends), tuple(segments), moved)

    @property
    def xy_TC(self) -> torch.Tensor:
        """The table. To be asked for anew where it is used: what was read of a file leaves the memory with it."""
        return torch.from_numpy(self.read()) if self.moved is None else self.moved

    @property
    def x_TF(self) -> torch.Tensor:
        """The standardised features."""
        return self.xy_TC[:, : self.features]

    @property
    def y_TK(self) -> torch.Tensor:
        """The outcomes."""
        return self.xy_TC[:, self.features :]


_ROWS_AT_ONCE = 1_000_000


def _moved(read: Read, shape: tuple[int, int], device: torch.device) -> torch.Tensor:
    table = torch.empty(shape, device=device)
    for start in range(0, len(table), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        table[rows] = torch.from_numpy(read()[rows]).to(device)
    return table


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
