"""Checks: raw bars become a History, each problem repaired with a note or refused with its row and date."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stockcast.errors import DataError
from stockcast.prices.adjustments import adjusted
from stockcast.prices.history import ONE_DAY, Floats, History
from stockcast.prices.rawbars import RawBars, listed

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
    return History(
        ticker=raw.ticker,
        dates=raw.dates,
        close=raw.close,
        adjusted_close=raw.close if raw.adjusted_close is None else raw.adjusted_close,
        open=raw.open,
        high=raw.high,
        low=raw.low,
        volume=raw.volume,
        splits=raw.splits,
        source=raw.source,
        currency=raw.currency,
        notes=raw.notes,
    )


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
