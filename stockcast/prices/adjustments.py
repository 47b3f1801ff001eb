"""Adjustments: an adjusted close without the jumps that splits, or a source's slips, leave in it.

Ratios are looked for in the adjusted series, which is the close itself where a source has no other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from stockcast.errors import DataError
from stockcast.prices.history import Floats
from stockcast.prices.rawbars import RawBars, listed

_LEAST_JUMP = float(np.log(1.4))
_WHOLE = (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 25, 30, 40, 50, 100)
# Three for two is common; two for three is not, while takeovers at a premium of a half are.
_LOG_RATIOS = np.log(np.array([1.5, *_WHOLE, *(1.0 / n for n in _WHOLE)]))
_RATIO_NAMES = ("3:2", *(f"{n}:1" for n in _WHOLE), *(f"1:{n}" for n in _WHOLE))

_OPEN_TOLERANCE = 0.03
# A day's own move comes on top of the ratio at the open; less is granted to 3:2, which many falls come near.
_CLOSE_TOLERANCE, _CLOSE_TOLERANCE_OF_3_2 = 0.05, 0.03
_CALM_DAY = 0.1
_SURGE = 4.0
_SURGE_SPAN = 20
_FACTOR_SLIP = float(np.log(1.25))


@dataclass(frozen=True)
class _Jump:
    """A move between two bars that looks like a split of `ratio` (name: new shares to old shares)."""

    at: int
    log_ratio: float
    name: str


def adjusted(raw: RawBars) -> RawBars:
    """The bars, oldest first, with an adjusted close, and with splits only where the closes are as traded.

    A jump looks like a split where the close moves by more than 1.4 and by a common ratio (5 %; 3 % for 3:2), the
    open stands at that ratio (3 %), the day itself is calm, and the volume is not that of a crash: more than four
    times the median of the month before. Without opens the close alone must meet the ratio (3 %), and 3:2 is not
    looked for: too many falls are like it.

    Raises DataError for such a jump in closes without an adjusted column, unless the source states that split: then
    it is adjusted for. A repair scales what follows it, never what went before: the past keeps its bytes.
    """
    bare = raw.adjusted_close is None or np.array_equal(raw.adjusted_close, raw.close)
    raw = _stated_splits(raw)
    raw = _own_adjustment(raw) if raw.adjusted_close is None else _steady_factor(raw, raw.adjusted_close)
    raw = _without_bad_bars(raw, _series(raw))
    return _without_jumps(raw, _series(raw), bare)


def _series(raw: RawBars) -> Floats:
    return raw.close if raw.adjusted_close is None else raw.adjusted_close


def _stated_splits(raw: RawBars) -> RawBars:
    """Splits as positive ratios; none where the closes show that they are adjusted for them already."""
    if raw.splits is None:
        return raw
    splits = np.where((raw.splits > 0) & np.isfinite(raw.splits), raw.splits, 1.0)
    large = np.flatnonzero(np.abs(np.log(splits)) > _LEAST_JUMP)
    large = large[large > 0]
    moves = np.log(raw.close[large] / raw.close[large - 1])
    already = large[np.abs(moves) < np.abs(moves + np.log(splits[large]))]
    if not len(already):
        return replace(raw, splits=splits)
    splits[already] = 1.0
    return replace(raw, splits=splits).noting(
        f"The closes are adjusted already for the splits stated on {listed(raw.dates[already])}."
    )


def _own_adjustment(raw: RawBars) -> RawBars:
    """An adjusted close from the stated splits, or the close as it is."""
    if not raw.close_is_adjusted:
        raw = raw.noting("No adjusted close: dividends are not accounted for.")
    if raw.splits is None:
        return replace(raw, adjusted_close=raw.close)
    return replace(raw, adjusted_close=raw.close * np.cumprod(raw.splits))


def _steady_factor(raw: RawBars, series: Floats) -> RawBars:
    """Without moves that only the adjustment makes: its factor may jump where the close falls, not where it rests."""
    moves, closes = np.diff(np.log(series)), np.diff(np.log(raw.close))
    slips = np.flatnonzero((np.abs(moves) > _FACTOR_SLIP) & (np.abs(closes) < _CALM_DAY)) + 1
    if not len(slips):
        return raw
    repaired = series.copy()
    for at in slips.tolist():
        repaired[at:] /= np.exp(moves[at - 1] - closes[at - 1])
    return replace(raw, adjusted_close=repaired).noting(
        f"The adjusted close jumps without the close on {listed(raw.dates[slips])}: the close was believed."
    )


def _without_bad_bars(raw: RawBars, series: Floats) -> RawBars:
    """Without bars whose whole range is far from two neighbours that agree: a wrong unit, or a split of one day."""
    moves = np.diff(np.log(series))
    there, back = moves[:-1], moves[1:]
    bad = (np.abs(there) > _LEAST_JUMP) & (np.abs(back) > _LEAST_JUMP) & (np.abs(there + back) < _CALM_DAY)
    if not bad.any():
        return raw
    at = np.flatnonzero(bad) + 1
    if raw.high is not None and raw.low is not None:
        scale = series[at] / raw.close[at]
        top, bottom = np.fmax(raw.high[at] * scale, series[at]), np.fmin(raw.low[at] * scale, series[at])
        below = top * 1.3 < np.fmin(series[at - 1], series[at + 1])
        above = bottom > 1.3 * np.fmax(series[at - 1], series[at + 1])
        at = at[below | above]
    if not len(at):
        return raw
    kept = np.setdiff1d(np.arange(len(raw)), at)
    return raw.take(kept).noting(
        f"{listed(raw.dates[at])}: prices far from those of the sessions before and after; left out."
    )


def _without_jumps(raw: RawBars, series: Floats, bare: bool) -> RawBars:
    """Jumps at stated splits are adjusted for; any other is refused, or noted where the source adjusts (not `bare`)."""
    jumps = _jumps(raw, series)
    unstated = [jump for jump in jumps if not _is_stated(raw, jump)]
    if unstated and bare:
        raise _unadjusted(raw, unstated)
    if unstated:
        days = raw.dates[[jump.at for jump in unstated]]
        raw = raw.noting(f"The adjusted close moves as if by a split on {listed(days)}; it is believed.")
    jumps = [jump for jump in jumps if _is_stated(raw, jump)]
    if not jumps:
        return raw
    repaired = series.copy()
    for jump in jumps:
        repaired[jump.at :] /= np.exp(jump.log_ratio)
    days = raw.dates[[jump.at for jump in jumps]]
    return replace(raw, adjusted_close=repaired).noting(
        f"The adjusted close was adjusted for splits on {listed(days)}."
    )


def _jumps(raw: RawBars, series: Floats) -> list[_Jump]:
    moves = np.diff(np.log(series))
    found = (_jump(raw, series, at) for at in (np.flatnonzero(np.abs(moves) > _LEAST_JUMP) + 1).tolist())
    return [jump for jump in found if jump is not None]


def _jump(raw: RawBars, series: Floats, at: int) -> _Jump | None:
    """The split that the move into bar `at` looks like, if any."""
    move = float(np.log(series[at] / series[at - 1]))
    opened = np.nan if raw.open is None else float(np.log(raw.open[at] * series[at] / raw.close[at] / series[at - 1]))
    has_open = bool(np.isfinite(opened))
    distances = np.abs(_LOG_RATIOS + (opened if has_open else move))
    nearest = int(np.argmin(distances))
    log_ratio, name = -float(_LOG_RATIOS[nearest]), _RATIO_NAMES[nearest]
    if distances[nearest] > _OPEN_TOLERANCE or (not has_open and name == "3:2"):
        return None
    tolerance = _CLOSE_TOLERANCE_OF_3_2 if name == "3:2" else _CLOSE_TOLERANCE
    if has_open and (abs(move - log_ratio) > tolerance or abs(move - opened) > _CALM_DAY):
        return None
    if raw.volume is not None and _surges(raw.volume, at, max(1.0, float(np.exp(-log_ratio)))):
        return None
    return _Jump(at, log_ratio, name)


def _surges(volume: Floats, at: int, shares: float) -> bool:
    """Whether the volume is that of news: the market yawns at a split, whose new shares alone raise it."""
    before = volume[max(0, at - _SURGE_SPAN) : at]
    before = before[before > 0]
    return len(before) > 0 and bool(volume[at] > _SURGE * shares * np.median(before))


def _is_stated(raw: RawBars, jump: _Jump) -> bool:
    if raw.splits is None:
        return False
    return abs(float(np.log(raw.splits[jump.at])) + jump.log_ratio) < _CLOSE_TOLERANCE


def _unadjusted(raw: RawBars, jumps: list[_Jump]) -> DataError:
    """The latest jump is named: a history that starts with it has none of them."""
    last = jumps[-1]
    more = f", and {len(jumps) - 1} more before" if len(jumps) > 1 else ""
    return raw.refused(
        last.at,
        f"the price goes from {raw.close[last.at - 1]:g} to {raw.close[last.at]:g}, "
        f"which looks like a {last.name} split that is not adjusted for{more}",
        f"Use a file with an adjusted close column, or leave out what lies before with --start {raw.dates[last.at]}.",
    )
