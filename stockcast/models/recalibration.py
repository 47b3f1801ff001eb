"""Recalibration: levels corrected by what the forecasts' own probabilities (PITs) turned out to be.

Two corrections, which may be chained. `PitRecalibration` asks a distribution for the level that has, for scales like
today's, been undershot with the wanted probability. `PooledConformal` moves the level of the central interval by the
misses of all tickers, and if wanted by those at scales like today's. Both see a forecast only from its target session
on: a row rests on rows whose target session is its origin or earlier, so that nothing that happens after an origin
moves its row. Dates are compared as dates: tickers of exchanges that close at different hours belong in records of
their own.

Legend: N rows, Q levels, D target sessions, K deciles and one more for "too early", C cells and G = C + 1 grid points,
M maps, B rows of a block.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stockcast.errors import ConfigError, DataError
from stockcast.models.conformal import ALPHA_RANGE
from stockcast.models.distribution import Distribution
from stockcast.prices.history import Dates, Floats

Integers = NDArray[np.int64]
Counts = NDArray[np.int32]

DECILES = 10
TOO_EARLY = -1

_CELLS = 200
_GRID_G: Floats = np.arange(_CELLS + 1) / _CELLS
_RANKED = 512  # rows whose scales are ranked together
_BLOCK = 16  # rows whose quantiles are asked for together, fewer where each wants many levels


def causal_deciles(scale_N: ArrayLike, window: int = 500, minimum: int = 100) -> Integers:
    """Decile, 0 .. 9, of each forecast scale among the stock's own up to `window` scales before it; -1 too early.

    scale: of one stock, one row a session, oldest first. With n scales before it, b of them below and e equal to it,
    the decile is floor(10 (b + e / 2 + 1/2) / (n + 1)): its middle rank among the n + 1. Too early is n < `minimum`.
    The scale of a row is known at its origin, and later rows do not enter. Raises DataError on a scale that is not
    finite, ConfigError unless 1 <= minimum <= window.
    """
    if not 1 <= minimum <= window:
        raise ConfigError(f"a minimum of {minimum} scales is not within 1 .. {window}, the window")
    scale = _vector("scale", scale_N)
    _require("scale", scale, np.isfinite(scale))
    window = min(window, max(1, len(scale)))
    # Before the first scale lie infinite ones, neither below any nor equal to one.
    past_NW = np.lib.stride_tricks.sliding_window_view(np.concatenate([np.full(window, np.inf), scale]), window)
    decile_N = np.full(len(scale), TOO_EARLY, dtype=np.int64)
    for start in range(minimum, len(scale), _RANKED):
        rows = np.arange(start, min(start + _RANKED, len(scale)))
        past_BW, own_B1 = past_NW[rows], scale[rows, None]
        below_B, equal_B = (np.count_nonzero(flags, axis=1) for flags in (past_BW < own_B1, past_BW == own_B1))
        # In whole numbers: a rank on the border between two deciles must not depend on rounding.
        decile_N[rows] = DECILES * (2 * below_B + equal_B + 1) // (2 * np.minimum(rows, window) + 2)
    return decile_N


@dataclass(frozen=True, eq=False)
class PitRecord:
    """Forecasts and what became of them, in any order of rows; every array has shape (N,).

    pit_N: the distribution's probability of at most the outcome, 0 .. 1, NaN where it is not known yet. scale_N: the
    distribution's scale, positive. origins_N, targets_N: dates of origin and target session. tickers_N: whose forecast
    it is; left out, all rows are of one ticker. decile_minimum, decile_window: as in `causal_deciles`. Raises DataError
    on a value out of range, a target not after its origin and two rows of one ticker and origin, ValueError on
    different lengths.
    """

    pit_N: Floats
    scale_N: Floats
    origins_N: Dates
    targets_N: Dates
    tickers_N: NDArray[np.str_] | None = None
    decile_window: int = 500
    decile_minimum: int = 100

    def __post_init__(self) -> None:
        object.__setattr__(self, "pit_N", _checked_pit(self.pit_N, self.origins_N, self.targets_N))
        object.__setattr__(self, "scale_N", _vector("scale", self.scale_N))
        if not self.pit_N.shape == self.scale_N.shape == self.ticker_N.shape:
            raise ValueError(f"{len(self.pit_N)} PITs with scales or tickers of another number")
        _require("scale", self.scale_N, np.isfinite(self.scale_N) & (self.scale_N > 0.0))
        self._require_distinct()

    def __len__(self) -> int:
        return len(self.pit_N)

    @property
    def ticker_N(self) -> NDArray[np.str_]:
        """Ticker of each row; the empty one where none were given."""
        return np.zeros(len(self.pit_N), dtype="U1") if self.tickers_N is None else np.asarray(self.tickers_N)

    @cached_property
    def decile_N(self) -> Integers:
        """`causal_deciles` of each ticker's own scales."""
        decile_N = np.full(len(self), TOO_EARLY, dtype=np.int64)
        for rows in self._by_ticker():
            decile_N[rows] = causal_deciles(self.scale_N[rows], self.decile_window, self.decile_minimum)
        return decile_N

    def _by_ticker(self) -> Iterator[NDArray[np.intp]]:
        """The rows of each ticker, oldest first."""
        ticker_N = self.ticker_N
        order = np.lexsort((self.origins_N, ticker_N))
        starts = np.flatnonzero(ticker_N[order][1:] != ticker_N[order][:-1]) + 1
        yield from np.split(order, starts)

    def _require_distinct(self) -> None:
        for rows in self._by_ticker():
            dates = self.origins_N[rows]
            twice = np.flatnonzero(dates[1:] == dates[:-1])
            if twice.size:
                raise DataError(
                    f"two forecasts of one ticker have the origin {dates[twice[0]]}",
                    "keep one model and one horizon to a record",
                )


@dataclass(frozen=True)
class PitRecalibration:
    """Levels mapped through the distribution of past PITs at scales like today's.

    For a row of decile d, the share of PITs up to u is estimated from those of the last `window` target sessions up
    to its origin whose decile is within `reach` of d, drawn towards those of all deciles as if `local_prior` of the
    latter had been added, and these towards u itself as if `pooled_prior` PITs of a perfect distribution had been: few
    data fall back smoothly, on the distribution itself in the end. Rows too early for a decile use all deciles.

    Within a sample of n the share of PITs up to u, of which there are c, is (c + 1/2) / (n + 1), on a grid of 201
    points and linear between; 0 and 1 at the ends. A perfect distribution has a share above 0 in each cell: levels stay
    strictly increasing. The priors are for one stock, whose 500 PITs tell an error of one point from luck only in
    part: a larger prior mends less and costs less sharpness. The thousands of PITs of a pool outweigh them.
    Raises ConfigError on a setting out of range.
    Reference: Kuleshov, Fenner and Ermon 2018, Accurate uncertainties for deep learning using calibrated regression,
    arXiv 1807.00263; the weights are those of a Dirichlet process (Ferguson 1973).
    """

    window: int = 500
    reach: int = 1
    local_prior: float = 200.0
    pooled_prior: float = 200.0

    def __post_init__(self) -> None:
        if self.window < 1:
            raise ConfigError(f"a window of {self.window} sessions holds no PIT", "use 500")
        if not 0 <= self.reach < DECILES:
            raise ConfigError(f"a reach of {self.reach} deciles is not within 0 .. {DECILES - 1}")
        for name, prior in (("local", self.local_prior), ("pooled", self.pooled_prior)):
            if not 1.0 <= prior <= 1e6:
                raise ConfigError(f"a {name} prior of {prior} PITs is not within 1 .. 1000000")

    def levels(self, record: PitRecord, levels: ArrayLike) -> Floats:
        """The levels to ask each row's distribution for, shape (N, Q), in place of the wanted ones, (Q,) or (N, Q).

        Strictly increasing in the wanted level, and equal to it where nothing is known yet. A row's own PIT does not
        enter. Raises ConfigError on a level outside 0 .. 1.
        """
        wanted_NQ = _row_levels(levels, len(record))
        mapped_NQ = wanted_NQ.copy()
        for rows, map_G in self._maps(record):
            mapped_NQ[rows] = np.interp(wanted_NQ[rows], map_G, _GRID_G)
        return mapped_NQ

    def pit(self, record: PitRecord) -> Floats:
        """The PITs after recalibration, shape (N,): what `levels` maps to the PIT; NaN where that is NaN."""
        pit_N = record.pit_N.copy()
        for rows, map_G in self._maps(record):
            pit_N[rows] = np.interp(record.pit_N[rows], _GRID_G, map_G)
        return pit_N

    def _maps(self, record: PitRecord) -> Iterator[tuple[NDArray[np.intp], Floats]]:
        """Rows that share a map, and it at the grid points; rows before the first settled one are left out."""
        if not len(record):
            return
        day_D, counts_DKC = _counts(record)
        stop_N = np.searchsorted(day_D, record.origins_N, side="right")
        # decile + 1, so that "too early" is a key as the others
        key_N = stop_N * (DECILES + 1) + record.decile_N + 1
        order = np.argsort(key_N, kind="stable")
        key_M, first_M = np.unique(key_N[order], return_index=True)
        maps, maps_KG = -1, None
        for key, rows in zip(key_M.tolist(), np.split(order, first_M[1:]), strict=True):
            stop, place = key // (DECILES + 1), key % (DECILES + 1)
            if stop != maps:
                counts_KC = counts_DKC[stop] - counts_DKC[max(0, stop - self.window)]
                maps, maps_KG = stop, self._maps_of(counts_KC) if counts_KC.any() else None
            if maps_KG is not None:
                yield rows, maps_KG[place - 1]

    def _maps_of(self, counts_KC: Counts) -> Floats:
        """The map of each decile; the last is that of rows too early for one."""
        pooled_1G = _drawn(counts_KC.sum(axis=0, keepdims=True), _GRID_G, self.pooled_prior)
        up_to_KC = np.concatenate([np.zeros((1, _CELLS), dtype=np.int64), np.cumsum(counts_KC[:DECILES], axis=0)])
        decile = np.arange(DECILES)
        first, stop = np.maximum(decile - self.reach, 0), np.minimum(decile + self.reach + 1, DECILES)
        return np.concatenate([_drawn(up_to_KC[stop] - up_to_KC[first], pooled_1G, self.local_prior), pooled_1G])


@dataclass(frozen=True)
class PooledConformal:
    """Adaptive conformal inference for the central 1 - target interval, one alpha for all tickers or one a decile.

    A miss is a PIT outside alpha / 2 .. 1 - alpha / 2 with the alpha that the forecast was made with. alpha is a + b_d
    for a forecast of decile d, within `ALPHA_RANGE`; a starts at `target` and each b at 0. A target session whose n
    forecasts missed a share m adds gamma * (target - m) * n / (n + few) to a and, where n_d of them are of decile d and
    missed a share m_d, decile_gamma * (target - m_d) * n_d / (n + few) to b_d. a and target + b_d are kept within
    `ALPHA_RANGE` too; forecasts too early for a decile have alpha a. A forecast is made with alpha after the target
    sessions up to its origin.

    few: forecasts a session at which half of gamma is used. A session's share of misses tells little when it is that of
    a few forecasts, and a pool may learn faster than one stock.
    Raises ConfigError on a setting out of range.
    Reference: Gibbs and Candes 2021, Adaptive conformal inference under distribution shift, arXiv 2106.00170; deciles
    as groups that are to be right each in the manner of Bastani et al. 2022, Practical adversarial multivalid conformal
    prediction, arXiv 2206.01067.
    """

    gamma: float = 0.005
    target: float = 0.1
    decile_gamma: float = 0.0
    few: float = 0.0

    def __post_init__(self) -> None:
        for name, gamma in (("gamma", self.gamma), ("gamma of deciles", self.decile_gamma)):
            if not 0.0 <= gamma <= 1.0:
                raise ConfigError(f"{name} {gamma} is not within 0 .. 1")
        if not ALPHA_RANGE[0] <= self.target <= ALPHA_RANGE[1]:
            raise ConfigError(f"a share of misses of {self.target} is not within {ALPHA_RANGE[0]} .. {ALPHA_RANGE[1]}")
        if not 0.0 <= self.few <= 1e6:
            raise ConfigError(f"{self.few} forecasts a session are not within 0 .. 1000000")

    def alpha(self, pit_N: ArrayLike, origins_N: Dates, targets_N: Dates, decile_N: Integers | None = None) -> Floats:
        """The alpha that each forecast is made with, shape (N,): its interval is the distribution's central 1 - alpha.

        pit: of the distributions, or of the recalibrated distributions (`PitRecalibration.pit`) to calibrate those; NaN
        where not known yet. decile: `PitRecord.decile_N`; left out, all rows are too early for one. Rows in any order.
        Raises DataError on a PIT outside 0 .. 1 or a target not after its origin, ValueError on different lengths.
        """
        pit = _checked_pit(pit_N, origins_N, targets_N)
        # "Too early" is a place as the deciles are: the first.
        place_N = 1 + (np.full(len(pit), TOO_EARLY) if decile_N is None else np.asarray(decile_N, dtype=np.int64))
        if place_N.shape != pit.shape:
            raise ValueError(f"{len(pit)} PITs with {len(place_N)} deciles")
        alpha_N = np.full(len(pit), self.target)
        alpha, offset_K = self.target, np.zeros(DECILES + 1)
        made, settled = _by_date(origins_N), _by_date(targets_N)
        for day in sorted(made.keys() | settled.keys()):
            # A session's close settles what is due before the next forecasts are made from it.
            if day in settled:
                due = settled[day][~np.isnan(pit[settled[day]])]
                half_B = 0.5 * alpha_N[due]
                missed_B = (pit[due] < half_B) | (pit[due] > 1.0 - half_B)
                alpha, offset_K = self._after(alpha, offset_K, missed_B, place_N[due])
            if day in made:
                alpha_N[made[day]] = np.clip(alpha + offset_K[place_N[made[day]]], *ALPHA_RANGE)
        return alpha_N

    def _after(
        self, alpha: float, offset_K: Floats, missed_B: NDArray[np.bool_], place_B: Integers
    ) -> tuple[float, Floats]:
        """alpha and its offsets after the forecasts of one target session."""
        n = len(missed_B)
        if not n:
            return alpha, offset_K
        step = self.gamma * (self.target - float(np.mean(missed_B))) * (n / (n + self.few))
        alpha = min(max(alpha + step, ALPHA_RANGE[0]), ALPHA_RANGE[1])
        if not self.decile_gamma:
            return alpha, offset_K
        # Whole numbers, so that the order of the rows is of no account.
        made_K, missed_K = (np.bincount(place, minlength=DECILES + 1) for place in (place_B, place_B[missed_B]))
        short_K = self.target * made_K - missed_K
        short_K[0] = 0.0
        moved_K = offset_K + self.decile_gamma * short_K / (n + self.few)
        return alpha, np.clip(moved_K, ALPHA_RANGE[0] - self.target, ALPHA_RANGE[1] - self.target)


def central_levels(alpha_N: ArrayLike) -> Floats:
    """The levels alpha / 2 and 1 - alpha / 2 of each row, shape (N, 2)."""
    half_N = 0.5 * np.asarray(alpha_N, dtype=np.float64)
    return np.stack([half_N, 1.0 - half_N], axis=1)


def quantiles_at(dist: Distribution, levels_NQ: ArrayLike) -> Floats:
    """Quantiles of each row's distribution at the row's own levels, shape (N, Q), in the distribution's unit.

    The same to the last bit as asking row by row. Raises ConfigError on a level outside 0 .. 1, ValueError on levels
    for another number of rows.
    """
    levels = np.asarray(levels_NQ, dtype=np.float64)
    if levels.ndim != 2 or len(levels) != len(dist):
        raise ValueError(f"levels of shape {levels.shape} for {len(dist)} distributions")
    out_NQ = np.empty(levels.shape)
    # A call costs as much as hundreds of quantiles: rows with like levels go together, and of all levels of a block
    # at all its rows each row keeps its own.
    order = np.lexsort(levels.T[::-1]) if levels.shape[1] else np.arange(0)
    size = _block(levels[order])
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        distinct, place = np.unique(levels[rows], return_inverse=True)
        all_BL = dist[rows].quantile(distinct)
        out_NQ[rows] = np.take_along_axis(all_BL, place.reshape(len(rows), -1), axis=1)
    return out_NQ


def _block(sorted_NQ: Floats) -> int:
    """Rows to ask for together: of g rows with the same levels each, sqrt(g) times as many as of rows that all differ.

    With k times sqrt(g) rows a call works out k^2 levels of rows whatever g is, and its own cost is shared by more.
    """
    rows, width = sorted_NQ.shape
    changes = int(np.count_nonzero((sorted_NQ[1:] != sorted_NQ[:-1]).any(axis=1)))
    return int(min(_BLOCK, max(1, 4 * _BLOCK // max(1, width))) * math.sqrt(max(1, rows) / (changes + 1)))


def _counts(record: PitRecord) -> tuple[Dates, Counts]:
    """The target sessions, and the PITs of all before each of them (and of all) by decile and cell, (D + 1, K, C)."""
    known_N = ~np.isnan(record.pit_N)
    day_D, place_N = np.unique(record.targets_N[known_N], return_inverse=True)
    cell_N = np.minimum((record.pit_N[known_N] * _CELLS).astype(np.int64), _CELLS - 1)
    counts_DKC: Counts = np.zeros((len(day_D) + 1, DECILES + 1, _CELLS), dtype=np.int32)
    # The decile of a row too early is -1: the last of the K.
    np.add.at(counts_DKC, (place_N + 1, record.decile_N[known_N], cell_N), 1)
    np.cumsum(counts_DKC, axis=0, out=counts_DKC)
    return day_D, counts_DKC


def _drawn(count_MC: NDArray[np.integer], prior_G: Floats, weight: float) -> Floats:
    """Shares of samples up to the grid points, (M, G), drawn to the prior's as if `weight` of it had been added."""
    n_M1 = count_MC.sum(axis=1, keepdims=True)
    share_MG = np.zeros((len(count_MC), _CELLS + 1))
    share_MG[:, 1:] = (np.cumsum(count_MC, axis=1) + 0.5) / (n_M1 + 1.0)
    share_MG[:, -1] = 1.0
    drawn_MG: Floats = (n_M1 * share_MG + weight * prior_G) / (n_M1 + weight)
    return drawn_MG


def _by_date(dates_N: Dates) -> dict[int, NDArray[np.intp]]:
    """Rows of each date, by its number of days."""
    day_N = np.asarray(dates_N).astype("datetime64[D]").astype(np.int64)
    order = np.argsort(day_N, kind="stable")
    day_D, first_D = np.unique(day_N[order], return_index=True)
    return dict(zip(day_D.tolist(), np.split(order, first_D[1:]), strict=True)) if len(day_N) else {}


def _row_levels(levels: ArrayLike, rows: int) -> Floats:
    wanted = np.asarray(levels, dtype=np.float64)
    if wanted.ndim == 1:
        wanted = np.broadcast_to(wanted, (rows, len(wanted)))
    if wanted.ndim != 2 or len(wanted) != rows:
        raise ValueError(f"levels of shape {wanted.shape} for {rows} rows")
    bad = wanted[~((wanted > 0.0) & (wanted < 1.0))]
    if bad.size:
        raise ConfigError(f"quantile level {bad[0]} is not between 0 and 1", "give levels such as 0.05 and 0.95")
    return wanted


def _checked_pit(pit_N: ArrayLike, origins_N: Dates, targets_N: Dates) -> Floats:
    pit = _vector("PIT", pit_N)
    if not pit.shape == np.shape(origins_N) == np.shape(targets_N):
        raise ValueError(f"{len(pit)} PITs with {len(origins_N)} origins and {len(targets_N)} target sessions")
    _require("PIT", pit, np.isnan(pit) | ((pit >= 0.0) & (pit <= 1.0)))
    early = ~(targets_N > origins_N)
    if early.any():
        row = int(np.argmax(early))
        raise DataError(
            f"the target session {targets_N[row]} at row {row} is not after its origin {origins_N[row]}",
            "give each forecast the session that it is about",
        )
    return pit


def _vector(name: str, values_N: ArrayLike) -> Floats:
    values = np.asarray(values_N, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"{name} has shape {values.shape}, not (N,)")
    return values


def _require(name: str, values_N: Floats, good_N: NDArray[np.bool_]) -> None:
    if not good_N.all():
        row = int(np.argmin(good_N))
        raise DataError(f"{name} is {values_N[row]} at row {row}", "leave out forecasts that have none")
