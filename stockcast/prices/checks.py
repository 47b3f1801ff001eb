"""Checks: raw bars become a History, each problem repaired with a note or refused with its row and date.

Ratios of splits are looked for in the adjusted series, which is the close itself where a source has no other.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stockcast.errors import DataError
from stockcast.prices.history import ONE_DAY, Floats, History, RawBars, listed

MOST_UNUSABLE = 0.05
"""Share of rows that may be left out or emptied; more means that the file itself is wrong."""

LONG_GAP, LONGEST_GAP = 10, 250
"""Weekdays without a bar that are worth a note, and that are too many."""

_ROUNDING = 1.005
_PLAUSIBLE = 1.2
_COARSE_STEP = 3
_LEAST_FACTOR = 1e-9
"""Least adjusted close over close: decades of dividends and splits make it small, and nothing makes it this small."""
_LEAST_PRICE = 1e-30
"""Least price whose products and ratios stay finite."""

Mask = NDArray[np.bool_]


def validated(raw: RawBars) -> History:
    """The bars as a History: sorted, each session once, every close and adjusted close finite and positive.

    Repaired with a note: rows without a close, repeated rows, unsorted rows, impossible or missing open, high, low and
    volume, a bar off by a factor from both neighbours, splits that the source states but does not adjust for.

    Raises DataError with row and date: a close that is not positive, one date with different bars, too many unusable
    rows, more than LONGEST_GAP weekdays without a bar, bars that are not daily, an unadjusted split, fewer than two
    usable rows.
    """
    # Overflow in ratios of absurd prices ends as inf or NaN, which the comparisons treat as what it is: absurd.
    with np.errstate(all="ignore"):
        raw = _with_closes(raw)
        raw = _in_order(raw)
        raw = _once(raw)
        if len(raw) < 2:
            raise DataError(f"{raw.label} has {_rows(len(raw))} with a close", "A forecast needs a history of prices.")
        raw = _spaced(raw)
        raw = _positive_ranges(raw)
        raw = _possible_ranges(raw)
        raw = _volumes(raw)
        raw = adjusted(_without_vanished(raw))
    _require_prices(raw)
    known: dict[str, Any] = {field.name: getattr(raw, field.name) for field in fields(History)}
    return History(**known | {"adjusted_close": _series(raw)})


def _rows(count: int) -> str:
    return f"{count} row" if count == 1 else f"{count} rows"


def _with_closes(raw: RawBars) -> RawBars:
    """Without the rows that have no close or no adjusted close; a value that no price can have is refused."""
    usable: Mask = np.ones(len(raw), dtype=bool)
    for name, values in (("close", raw.close), ("adjusted close", raw.adjusted_close)):
        if values is None:
            continue
        impossible = (values <= 0) | np.isinf(values)
        if impossible.any():
            at = int(np.argmax(impossible))
            raise raw.refused(at, f"the {name} is {values[at]:g}, and prices are positive")
        usable &= ~np.isnan(values)
    missing = len(raw) - int(usable.sum())
    if not missing:
        return raw
    days = np.sort(raw.dates[~usable])
    if missing > 1 and missing > MOST_UNUSABLE * len(raw):
        raise DataError(
            f"{raw.label} has no close in {missing} of {len(raw)} rows, among them {listed(days)}",
            "Download the prices again, or choose another column with --close-column.",
        )
    verb = "was" if missing == 1 else "were"
    return raw.take(np.flatnonzero(usable)).noting(f"No close on {listed(days)}: {_rows(missing)} {verb} left out.")


def _without_vanished(raw: RawBars) -> RawBars:
    """Without bars whose adjusted close is a price that nothing can be divided by, or multiplied into."""
    if raw.adjusted_close is None:
        return raw
    factor = raw.adjusted_close / raw.close
    vanished: Mask = ~((factor > _LEAST_FACTOR) & (factor < 1.0 / _LEAST_FACTOR))
    if not vanished.any():
        return raw
    if vanished.sum() > 1 and vanished.sum() > MOST_UNUSABLE * len(raw):
        at = int(np.argmax(vanished))
        raise raw.refused(
            at,
            f"the adjusted close is {raw.adjusted_close[at]:g} where the close is {raw.close[at]:g}, "
            f"as in {int(vanished.sum())} of {len(raw)} rows",
            "Download the prices again, or use another file.",
        )
    days = raw.dates[vanished]
    return raw.take(np.flatnonzero(~vanished)).noting(
        f"The adjusted close has nothing to do with the close on {listed(days)}: {_rows(len(days))} left out."
    )


def _require_prices(raw: RawBars) -> None:
    """What every History promises, whatever repairs were made: closes and adjusted closes are finite and positive.

    Raises DataError for the first bar that is not so.
    """
    for name, values in (("close", raw.close), ("adjusted close", raw.adjusted_close)):
        if values is None:
            continue
        wrong: Mask = ~(np.isfinite(values) & (values >= _LEAST_PRICE) & (values <= 1.0 / _LEAST_PRICE))
        if wrong.any():
            at = int(np.argmax(wrong))
            raise raw.refused(at, f"the {name} comes to {values[at]:g}, which no price can be")


def _in_order(raw: RawBars) -> RawBars:
    """Oldest first. Newest first is how some providers write; any other order is worth a note."""
    steps = np.diff(raw.dates).astype(np.int64)
    if (steps >= 0).all():
        return raw
    if (steps <= 0).all():
        return raw.take(np.arange(len(raw))[::-1])
    return raw.take(np.argsort(raw.dates, kind="stable")).noting("The rows were not in order of date and were sorted.")


def _once(raw: RawBars) -> RawBars:
    """Each date once: equal rows count as one, different ones are refused."""
    repeated = np.flatnonzero(np.diff(raw.dates).astype(np.int64) == 0) + 1
    if not len(repeated):
        return raw
    for values in (raw.close, raw.adjusted_close, raw.open, raw.high, raw.low, raw.volume, raw.splits):
        if values is None:
            continue
        now, before = values[repeated], values[repeated - 1]
        different = (now != before) & ~(np.isnan(now) & np.isnan(before))
        if different.any():
            raise _ambiguous(raw, int(repeated[int(np.argmax(different))]))
    kept = np.setdiff1d(np.arange(len(raw)), repeated)
    return raw.take(kept).noting(f"{listed(np.unique(raw.dates[repeated]))}: repeated rows were left out.")


def _ambiguous(raw: RawBars, at: int) -> DataError:
    where = "" if raw.rows is None else f" (rows {min(raw.rows[at - 1 : at + 1])} and {max(raw.rows[at - 1 : at + 1])})"
    return DataError(
        f"{raw.label} has different bars for {raw.dates[at]}{where}",
        "Keep one row per session; of several tickers in a file choose one with --ticker.",
    )


def _spaced(raw: RawBars) -> RawBars:
    """Gaps: a note for a long one; far too long ones and weekly or monthly bars are refused."""
    between = np.busday_count(raw.dates[:-1] + ONE_DAY, raw.dates[1:])
    if len(between) >= 5 and np.median(between) + 1 >= _COARSE_STEP:
        raise DataError(
            f"{raw.label} is not daily: half of its bars are {np.median(between) + 1:g} weekdays or more apart",
            "Download daily prices.",
        )
    if (between > LONGEST_GAP).any():
        last = int(np.flatnonzero(between > LONGEST_GAP)[-1])
        raise DataError(
            f"{raw.label} has no bar on {between[last]} weekdays between {raw.dates[last]} and {raw.dates[last + 1]}",
            f"Use what follows with --start {raw.dates[last + 1]}, or complete the file.",
        )
    gaps = np.flatnonzero(between > LONG_GAP)
    notes = [
        f"No bars between {raw.dates[at]} and {raw.dates[at + 1]} ({between[at]} weekdays)." for at in gaps[:3].tolist()
    ]
    if len(gaps) > 3:
        notes.append(f"{len(gaps) - 3} more gaps are longer than {LONG_GAP} weekdays.")
    return raw.noting(*notes)


def _positive_ranges(raw: RawBars) -> RawBars:
    """Open, high and low: NaN where they are no price, None where most of them are none."""
    notes: list[str] = []
    columns: dict[str, Floats | None] = {}
    absent = [name for name in ("open", "high", "low") if getattr(raw, name) is None]
    for name in ("open", "high", "low"):
        values: Floats | None = getattr(raw, name)
        columns[name] = values
        if values is None:
            continue
        wrong = ~((values > 0) & np.isfinite(values))
        if wrong.sum() > len(raw) / 2:
            columns[name] = None
            absent.append(name)
        elif wrong.any():
            columns[name] = np.where(wrong, np.nan, values)
            notes.append(f"No {name} in {_rows(int(wrong.sum()))}, among them {listed(raw.dates[wrong])}.")
    if absent:
        notes.append(f"No {', '.join(absent)} prices: volatility is measured from closes only.")
    return replace(raw, open=columns["open"], high=columns["high"], low=columns["low"]).noting(*notes)


def _possible_ranges(raw: RawBars) -> RawBars:
    """High and low hold open and close; ranges that cannot be are emptied, and dropped where they are many."""
    if raw.high is None or raw.low is None:
        return raw
    crossed = raw.high * _ROUNDING < raw.low
    if crossed.sum() > MOST_UNUSABLE * len(raw) and crossed.sum() > 1:
        raise raw.refused(
            int(np.argmax(crossed)),
            f"the high is below the low, as in {int(crossed.sum())} of {len(raw)} rows",
            "The columns seem to be mixed up: correct the header.",
        )
    opened = raw.close if raw.open is None else np.where(np.isnan(raw.open), raw.close, raw.open)
    top, bottom = np.fmax(opened, raw.close), np.fmin(opened, raw.close)
    excess = np.fmax(top / raw.high, raw.low / bottom)
    foreign = (excess > _PLAUSIBLE) & ~crossed
    if foreign.sum() > MOST_UNUSABLE * len(raw) and foreign.sum() > 1:
        return replace(raw, open=None, high=None, low=None).noting(
            f"Open, high and low do not fit the close in {_rows(int(foreign.sum()))} and are not used: "
            "volatility is measured from closes only."
        )
    return _mended(raw, crossed | foreign, (excess > _ROUNDING) & ~crossed & ~foreign, top, bottom)


def _mended(raw: RawBars, impossible: Mask, outside: Mask, top: Floats, bottom: Floats) -> RawBars:
    """Impossible ranges emptied, every other one as wide as its open and close ask for."""
    notes: list[str] = []
    if impossible.any():
        notes.append(
            f"Open, high and low contradict each other on {listed(raw.dates[impossible])} and are not used there."
        )
    if outside.any():
        notes.append(f"High and low were widened to hold open and close on {listed(raw.dates[outside])}.")

    def mended(values: Floats | None) -> Floats | None:
        return None if values is None else np.where(impossible, np.nan, values)

    high = None if raw.high is None else np.where(np.isnan(raw.high), np.nan, np.fmax(raw.high, top))
    low = None if raw.low is None else np.where(np.isnan(raw.low), np.nan, np.fmin(raw.low, bottom))
    return replace(raw, open=mended(raw.open), high=mended(high), low=mended(low)).noting(*notes)


def _volumes(raw: RawBars) -> RawBars:
    """Negative volumes are missing ones; a column without any volume is none."""
    if raw.volume is None:
        return raw.noting("No volume: features that use it are left out.")
    wrong = (raw.volume < 0) | np.isinf(raw.volume)
    volume = np.where(wrong, np.nan, raw.volume) if wrong.any() else raw.volume
    known = volume > 0
    if not known.any():
        return replace(raw, volume=None).noting("No volume: features that use it are left out.")
    notes = [f"Impossible volumes on {listed(raw.dates[wrong])} count as missing."] if wrong.any() else []
    return replace(raw, volume=volume).noting(*notes)


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
