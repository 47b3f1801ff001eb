"""The earnings echo: companies report in the same weeks each quarter, so large moves return 91 or 364 days later.

Shapes: T sessions of one ticker, G lags. A row uses bars up to and including its own session; the one thing it knows
of its target session is the date.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stockcast.prices.history import Dates, Floats
from stockcast.windows.features import BURN_IN, HAR_SPANS, Moves, ewma, trailing_mean
from stockcast.windows.targetday import day_numbers

QUARTER_DAYS = (91, 182, 273, 364, 728)
"""Days from one report to the next ones, if they come in the same week of their quarter."""
BESIDE_DAYS = (84, 98, 357, 371)
"""The same for reports that come a week early or late."""
SPANS = (0, 1, 4)
"""Days to each side in which a shock counts as that many days ago."""
BUMP_SESSIONS = (58, 62, 66)
LARGE = 2.0
"""A clipped shock above this starts the count of sessions to the next report."""

ECHO_NAMES = (
    *(f"echo_quarters_{span}" for span in SPANS),
    *(f"echo_beside_{span}" for span in SPANS),
    *(f"echo_since_{sessions}" for sessions in BUMP_SESSIONS),
)
"""Columns of `echo_columns`, in their order."""

_LEAST, _MOST = -1.0, 5.0
_BUMP_WIDTH = 3.0
_VOLUME_LEAST, _VOLUME_MOST = -1.0, 4.0
_LONG_AGO = -1_000_000


def strict_ewma(x_T: Floats) -> Floats:
    """`ewma` with the mean so far in its first month, where `ewma` itself has the mean of the whole month."""
    smooth_T = ewma(x_T)
    smooth_T[:BURN_IN] = trailing_mean(x_T[:BURN_IN], BURN_IN)
    return smooth_T


def shock(m: Moves) -> Floats:
    """How far gap, return and volume of each session are out of the usual, shape [T], no unit.

    log1p(|gap| / s) + 0.5 log1p(|r| / s) + 0.7 clip(volume surprise, -1, 4), less the mean of that over the
    trailing 250 sessions; s is the EWMA scale of the session before. Without opens or volume that term is 0.
    """
    scale_T = np.sqrt(strict_ewma(m.v_T))
    scale_T[1:] = scale_T[:-1].copy()
    size_T = 0.5 * np.log1p(np.abs(m.r_T) / scale_T)
    if m.gap_T is not None:
        size_T += np.log1p(np.abs(m.gap_T) / scale_T)
    if m.surprise_T is not None:
        size_T += 0.7 * np.clip(m.surprise_T, _VOLUME_LEAST, _VOLUME_MOST)
    return size_T - trailing_mean(size_T, HAR_SPANS[-1])


def echo_columns(m: Moves, targets_T: Dates, median_T: Floats) -> dict[str, Floats]:
    """What past shocks say of each target session, by the names of ECHO_NAMES; shape [T] each.

    The shocks are `shock` less `median_T`, the cross-section's median of the same session (0 where there is no
    cross-section), clipped to [-1, 5]. echo_quarters_N: the largest of the days within N of 91, 182, 273, 364 and
    728 days before the target; echo_beside_N: of 84, 98, 357 and 371; -1 where none of these days has a bar.
    echo_since_N: a bell curve, 3 sessions wide, of the sessions from the last shock above 2 to the target, with its
    top at N; 0 before the first. `targets_T` has the date of each row's target session.
    """
    echo_T = np.clip(shock(m) - median_T, _LEAST, _MOST)
    origin_T, target_T = day_numbers(m.dates), day_numbers(targets_T)
    columns = [
        *_largest(echo_T, origin_T, target_T, QUARTER_DAYS),
        *_largest(echo_T, origin_T, target_T, BESIDE_DAYS),
        *_bumps(echo_T),
    ]
    return dict(zip(ECHO_NAMES, columns, strict=True))


def _largest(
    echo_T: Floats, origin_T: NDArray[np.int64], target_T: NDArray[np.int64], lags: tuple[int, ...]
) -> list[Floats]:
    """For each of SPANS the largest echo within it of any lag before the target, none later than the origin."""
    if not len(echo_T):
        return [echo_T for _ in SPANS]
    first = origin_T[0]
    # One entry for each calendar day, and a last one for all days that must not or cannot be seen.
    by_day = np.full(origin_T[-1] - first + 2, _LEAST)
    by_day[origin_T - first] = echo_T
    day_GT = target_T - np.array(lags)[:, None]
    largest_T, largest = np.full(len(echo_T), _LEAST), []
    for offset in sorted(range(-SPANS[-1], SPANS[-1] + 1), key=abs):
        seen_GT = (day_GT + offset >= first) & (day_GT + offset <= origin_T)
        value_GT = by_day[np.where(seen_GT, day_GT + offset - first, -1)]
        largest_T = np.maximum(largest_T, value_GT.max(axis=0))
        # Offsets come as 0, -1, 1, -2, ...: a span is complete with its positive end.
        if offset in SPANS:
            largest.append(largest_T)
    return largest


def _bumps(echo_T: Floats) -> list[Floats]:
    """For each of BUMP_SESSIONS the bell curve of the sessions from the last large shock to the target session."""
    row_T = np.arange(len(echo_T))
    last_T = np.maximum.accumulate(np.where(echo_T > LARGE, row_T, _LONG_AGO))
    since_T = row_T + 1 - last_T
    return [np.exp(-0.5 * ((since_T - sessions) / _BUMP_WIDTH) ** 2) for sessions in BUMP_SESSIONS]
