"""Adjustments: splits that are stated, forgotten or only look like it, and prices in another unit.

Ratios are looked for in the adjusted series, which is the close itself where a source has no other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from stockcast.errors import DataError
from stockcast.prices.history import ENOUGH, Caution, Floats, History, RawBars, listed

_LEAST_JUMP = float(np.log(1.4))
_LARGE = 10
"""From here on a factor may be of a unit or a currency as well as of a split, and no day's own move is like it."""
_LARGEST_SPLIT = 60
_WHOLE = (2, 3, 4, 5, 6, 7, 8, 9, _LARGE, 12, 15, 20, 25, 30, 40, 50, 100, 1000, 10_000, 100_000, 1_000_000)
# Three for two is common; two for three is not, while takeovers at a premium of a half are.
_LOG_RATIOS = np.log(np.array([1.5, *_WHOLE, *(1.0 / n for n in _WHOLE)]))
_RATIO_NAMES = ("3:2", *(f"{n}:1" for n in _WHOLE), *(f"1:{n}" for n in _WHOLE))
_OTHER_CAUSES = {100: "pence and pounds", 1000: "a currency and its thousands"}
_ANY_CAUSE = "another currency or unit"

_OPEN_TOLERANCE = 0.03
# A day's own move comes on top of the ratio at the open; less is granted to 3:2, which many falls come near.
_CLOSE_TOLERANCE, _CLOSE_TOLERANCE_OF_3_2 = 0.05, 0.03
_LARGE_TOLERANCE = 0.2
_LARGEST_STATED = 1e6
_LEAST_LARGE = float(np.log(_LARGE)) - _CLOSE_TOLERANCE
_CALM_DAY = 0.1
_SURGE = 4.0
_SURGE_SPAN = 20
_FACTOR_SLIP = float(np.log(1.25))

_FEW_TICKS, _FEWER_TICKS = 5.5, 3.5
_TICK_SPAN = 120
"""Bars, up to the one in question, whose prices show the tick."""
_USUAL_TICKS = (1.0, 0.1, *(digit * 10.0**-power for power in range(2, 10) for digit in (5, 2, 1)))
"""The widest first: no exchange asks for wider ones where they are a large part of the price."""


@dataclass(frozen=True)
class _Jump:
    """A move between two bars that looks like a split. name: new shares to old shares."""

    at: int
    log_ratio: float
    name: str

    @property
    def is_large(self) -> bool:
        """Whether prices of another unit are as likely."""
        return abs(self.log_ratio) > _LEAST_LARGE

    @property
    def words(self) -> str:
        """What it looks like."""
        if not self.is_large:
            return f"a {self.name} split"
        return f"a {self.name} split, or {_OTHER_CAUSES.get(round(float(np.exp(abs(self.log_ratio)))), _ANY_CAUSE)},"


def adjusted(raw: RawBars) -> RawBars:
    """The bars, oldest first, with an adjusted close, and with splits only where the closes are as traded.

    A jump looks like a split where the close moves by more than 1.4 and by a common ratio (5 %; 3 % for 3:2), the
    open stands at that ratio (3 %), the day itself is calm, and the volume is not that of a crash: more than four
    times the median of the month before. Without opens the close alone must meet the ratio (3 %), and 3:2 is not
    looked for: too many falls are like it. Any factor of 10 and more that is there at the open (20 %) looks like a
    split or another unit. A move by a few ticks looks like nothing.

    A repair scales what follows it, never what went before: the past keeps its bytes.

    Raises:
        DataError: For such a jump in closes without an adjusted column, or by a factor of 10 and more in any
            column, unless the source states that split: then it is adjusted for.
    """
    bare = raw.adjusted_close is None or np.array_equal(raw.adjusted_close, raw.close)
    raw = _stated_splits(raw)
    raw = _own_adjustment(raw) if raw.adjusted_close is None else _steady_factor(raw, raw.adjusted_close)
    raw = _without_bad_bars(raw, adjusted_series(raw))
    return _without_jumps(raw, adjusted_series(raw), bare)


def adjusted_series(raw: RawBars) -> Floats:
    """What returns are of: the adjusted close, or the close itself where there is no other."""
    return raw.close if raw.adjusted_close is None else raw.adjusted_close


def _stated_splits(raw: RawBars) -> RawBars:
    """Splits as positive ratios; none where the closes show that they are adjusted for them already."""
    if raw.splits is None:
        return raw
    splits = np.where((raw.splits >= 1 / _LARGEST_STATED) & (raw.splits <= _LARGEST_STATED), raw.splits, 1.0)
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
    at = np.array([at for at in (np.flatnonzero(bad) + 1).tolist() if not _is_few_ticks(raw, at)], dtype=np.intp)
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
        Caution(f"{listed(raw.dates[at])}: prices far from those of the sessions before and after; left out.")
    )


def _without_jumps(raw: RawBars, series: Floats, bare: bool) -> RawBars:
    """Jumps at stated splits are adjusted for; others are refused, or noted where a source that adjusts has a split."""
    jumps = _jumps(raw, series)
    unstated = [jump for jump in jumps if not _is_stated(raw, jump)]
    refused = unstated if bare else [jump for jump in unstated if jump.is_large]
    if refused:
        raise _unadjusted(raw, refused)
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
    return [jump for jump in found if jump is not None and not _is_few_ticks(raw, jump.at)]


def _jump(raw: RawBars, series: Floats, at: int) -> _Jump | None:
    """The split, or the other unit, that the move into bar `at` looks like, if any."""
    move = float(np.log(series[at] / series[at - 1]))
    opened = np.nan if raw.open is None else float(np.log(raw.open[at] * series[at] / raw.close[at] / series[at - 1]))
    if not np.isfinite(np.exp(abs(move))):
        return None  # of prices that are refused for what they are
    large = abs(move) > _LEAST_LARGE
    jump = (_large_jump if large else _small_jump)(at, move, opened if np.isfinite(opened) else None)
    # Nothing rises tenfold in a day, whatever the news.
    if jump is None or raw.volume is None or (large and move > 0):
        return jump
    shares = max(1.0, float(np.exp(-jump.log_ratio))) if jump.name in _RATIO_NAMES else 1.0
    return None if _surges(raw.volume, at, shares) else jump


def _small_jump(at: int, move: float, opened: float | None) -> _Jump | None:
    jump = _nearest(at, move if opened is None else opened, _OPEN_TOLERANCE)
    if jump is None or opened is None:
        return None if jump is None or jump.name == "3:2" else jump
    tolerance = _CLOSE_TOLERANCE_OF_3_2 if jump.name == "3:2" else _CLOSE_TOLERANCE
    calm = abs(move - jump.log_ratio) <= tolerance and abs(move - opened) <= _CALM_DAY
    return jump if calm else None


def _large_jump(at: int, move: float, opened: float | None) -> _Jump | None:
    """Any factor so large is one of a split, a unit or a currency, if it was there at the open."""
    if opened is not None and abs(move - opened) > _LARGE_TOLERANCE:
        return None
    factor = np.round(np.exp(abs(move)))
    nearest = _nearest(at, move, _LARGE_TOLERANCE if factor > _LARGEST_SPLIT else _CLOSE_TOLERANCE)
    return nearest or _Jump(at, move, f"1:{factor:g}" if move > 0 else f"{factor:g}:1")


def _nearest(at: int, move: float, tolerance: float) -> _Jump | None:
    """The common ratio that a move comes near to."""
    distances = np.abs(_LOG_RATIOS + move)
    nearest = int(np.argmin(distances))
    if distances[nearest] > tolerance:
        return None
    return _Jump(at, -float(_LOG_RATIOS[nearest]), _RATIO_NAMES[nearest])


def _is_few_ticks(raw: RawBars, at: int) -> bool:
    """Whether the close of bar `at` is a few ticks from the one before, at most: such a move meets any ratio."""
    few = _FEW_TICKS if len(_prices_to(raw, at)) > 2 else _FEWER_TICKS
    return bool(abs(raw.close[at] - raw.close[at - 1]) <= few * tick_at(raw, at))


def tick_at(raw: RawBars | History, at: int) -> float:
    """The smallest step between the prices up to bar `at`, as a source has them: later bars decide nothing.

    Two prices show one step, which may be of many ticks: then it is the widest usual one of which both are multiples.
    """
    prices = _prices_to(raw, at)
    if len(prices) > 2:
        return min(float(np.diff(prices).min()), _USUAL_TICKS[0])
    return next((tick for tick in _USUAL_TICKS if np.abs(prices / tick - np.round(prices / tick)).max() < 1e-3), 0.0)


def _prices_to(raw: RawBars | History, at: int) -> Floats:
    """Each price once of the bars up to `at`, in order; those of 32 bits that are nearly one are one."""
    span = slice(max(0, at + 1 - _TICK_SPAN), at + 1)
    prices = np.concatenate([values[span] for values in (raw.close, raw.open, raw.high, raw.low) if values is not None])
    prices = np.unique(prices[np.isfinite(prices)])
    return prices[np.diff(prices, prepend=0.0) > 1e-6 * prices]


def _surges(volume: Floats, at: int, shares: float) -> bool:
    """Whether the volume is that of news: the market yawns at a split, whose new shares alone raise it."""
    before = volume[max(0, at - _SURGE_SPAN) : at]
    before = before[before > 0]
    return len(before) > 0 and bool(volume[at] > _SURGE * shares * np.median(before))


def _is_stated(raw: RawBars, jump: _Jump) -> bool:
    if raw.splits is None:
        return False
    tolerance = _LARGE_TOLERANCE if jump.is_large else _CLOSE_TOLERANCE
    return abs(float(np.log(raw.splits[jump.at])) + jump.log_ratio) < tolerance


def _unadjusted(raw: RawBars, jumps: list[_Jump]) -> DataError:
    """The latest jump is named: a history that starts with it has none of them."""
    last = jumps[-1]
    more = f", and {len(jumps) - 1} more before" if len(jumps) > 1 else ""
    # What is before may be all that is left, but not where it has jumps of its own.
    early = len(jumps) == 1 and len(raw) - last.at < ENOUGH <= last.at
    rest = f"follows with --end {raw.dates[last.at - 1]}" if early else f"lies before with --start {raw.dates[last.at]}"
    file = "Use a file with an adjusted close column"
    if abs(last.log_ratio) > np.log(_LARGEST_SPLIT):
        left = last.at if early else len(raw) - last.at
        file, rest = "Use a file in one unit", rest if left >= ENOUGH else f"{rest} ({left} bars are left)"
    return raw.refused(
        last.at,
        f"the price goes from {raw.close[last.at - 1]:g} to {raw.close[last.at]:g}, "
        f"which looks like {last.words} that is not adjusted for{more}",
        f"{file}, or leave out what {rest}.",
    )
