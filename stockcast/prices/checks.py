"""Checks: raw bars become a History, each problem repaired with a note or refused with its row and date.

Which rows are bars at all: `closes`. Splits and units: `adjustments`. Here: spacing, ranges, volumes.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stockcast.errors import DataError
from stockcast.prices.adjustments import adjusted, adjusted_series
from stockcast.prices.closes import MOST_UNUSABLE, oldest_first, with_closes
from stockcast.prices.history import ENOUGH, ONE_DAY, Caution, Floats, History, Mask, RawBars, counted, left_out, listed
from stockcast.prices.sessions import SessionCalendar

LONG_GAP, LONGEST_GAP = 10, 250
"""Weekdays without a bar that are worth a note, and that are too many."""

_COARSE_STEP = 3
"""Weekdays from bar to bar that are no longer daily: a holiday beside a weekend makes two."""
_COARSE_RUN = 4
"""Such steps in a row that are no holidays, but another sampling."""
_FEW_FINE = 3
"""Steps between two such runs that are no other sampling: from monthly to weekly bars, by chance."""
_FEW_COARSE = 0.05
"""Share of bars between daily ones that may be so far apart."""

_ROUNDING = 1.005
_PLAUSIBLE = 1.2
_LEAST_FACTOR = 1e-9
"""Least adjusted close over close: decades of dividends and splits make it small, and nothing makes it this small."""
_LEAST_PRICE = 1e-30
"""Least price whose products and ratios stay finite."""


def validated(raw: RawBars, calendar: SessionCalendar | None = None) -> History:
    """The bars as a History: sorted, each session once, every close and adjusted close finite and positive.

    Repaired with a note: rows without a close, repeated rows, unsorted rows, impossible or missing open, high, low and
    volume, a bar off by a factor from both neighbours, splits that the source states but does not adjust for, weekly
    bars before daily ones.

    Args:
        raw: Bars in any order.
        calendar: The sessions of their exchange, on which alone a missing close counts; None where that is not known.

    Raises:
        DataError: With row and date: a close that is not positive, one date with different bars, too many unusable
            rows, more than LONGEST_GAP weekdays without a bar, bars that are not daily, a split or a unit
            that nothing adjusts for, fewer than two usable rows.
    """
    # Overflow in ratios of absurd prices ends as inf or NaN, which the comparisons treat as what it is: absurd.
    with np.errstate(all="ignore"):
        raw = with_closes(oldest_first(raw), calendar)
        _require_history(raw)
        raw = _volumes(_possible_ranges(_positive_ranges(_daily(raw))))
        raw = adjusted(_without_vanished(raw))
    _require_history(raw)
    _require_prices(raw)
    known: dict[str, Any] = {one.name: getattr(raw, one.name) for one in fields(History) if hasattr(raw, one.name)}
    return History(**known | {"adjusted_close": adjusted_series(raw)})


def _require_history(raw: RawBars) -> None:
    """Raise DataError where fewer than two bars are left."""
    if len(raw) < 2:
        rows = counted(len(raw), "row")
        raise DataError(f"{raw.label} has {rows} with a close", "A forecast needs a history of prices.")


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
        Caution(f"The adjusted close has nothing to do with the close on {listed(days)}: {left_out(len(days))}.")
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


@dataclass(frozen=True)
class _Run:
    """Steps first .. last, each of them coarse: from bar `first` to bar `last` + 1."""

    first: int
    last: int

    @property
    def steps(self) -> int:
        return self.last - self.first + 1


def _daily(raw: RawBars) -> RawBars:
    """The daily bars of a source, oldest first, its long gaps noted.

    Weekly or monthly bars before the daily ones are left out with a note; where they are elsewhere, or where hardly a
    daily bar is left, they are refused.

    Raises:
        DataError: As said; or more than LONGEST_GAP weekdays without a bar.
    """
    steps = _steps(raw)
    runs = _coarse_runs(steps)
    if runs and runs[0].first == 0 and len(raw) - 1 - runs[0].last >= ENOUGH:
        begins = runs[0].last + 1
        coarse = f"{counted(begins, 'bar')} from {raw.dates[0]}, {np.median(steps[:begins]):g} weekdays apart"
        raw = raw.take(np.arange(begins, len(raw))).noting(
            Caution(f"The first {coarse}, are not daily and were left out: daily ones begin on {raw.dates[begins]}.")
        )
        steps = steps[begins:]
        runs = [_Run(run.first - begins, run.last - begins) for run in runs[1:]]
    _refuse_coarse(raw, steps, runs)
    _refuse_longest_gap(raw, steps)
    return raw.noting(*_spacing_notes(raw, steps, runs))


def _steps(raw: RawBars) -> NDArray[np.int64]:
    """Weekdays from each bar to the next; 1 from Friday to Saturday, too."""
    between: NDArray[np.int64] = np.busday_count(raw.dates[:-1] + ONE_DAY, raw.dates[1:]) + 1
    return between


def _coarse_runs(steps: NDArray[np.int64]) -> list[_Run]:
    edges = np.diff((steps >= _COARSE_STEP).astype(np.int8), prepend=0, append=0)
    runs: list[_Run] = []
    for first, last in zip(
        np.flatnonzero(edges == 1).tolist(), (np.flatnonzero(edges == -1) - 1).tolist(), strict=True
    ):
        if last - first + 1 < _COARSE_RUN:
            continue
        near = bool(runs) and first - runs[-1].last - 1 <= _FEW_FINE
        runs.append(_Run(runs.pop().first if near else first, last))
    return runs


def _refuse_coarse(raw: RawBars, steps: NDArray[np.int64], runs: list[_Run]) -> None:
    """Raise DataError where the bars are not daily: as a whole, at the end, or in a large part between."""
    if len(steps) >= 5 and np.median(steps) >= _COARSE_STEP:
        raise DataError(
            f"{raw.label} is not daily: half of its bars are {np.median(steps):g} weekdays or more apart",
            "Download daily prices.",
        )
    large = [run for run in runs if run.last == len(steps) - 1 or run.steps > _FEW_COARSE * len(raw)]
    if not large:
        return
    run = large[-1]
    apart, first, last = np.median(steps[run.first : run.last + 1]), raw.dates[run.first], raw.dates[run.last + 1]
    raise DataError(
        f"{raw.label} is not daily from {first} to {last}: {run.steps} bars in a row are {apart:g} weekdays apart",
        f"Download daily prices, or {raw.without(run.first + 1, run.last)}.",
    )


def _refuse_longest_gap(raw: RawBars, steps: NDArray[np.int64]) -> None:
    gaps = np.flatnonzero(steps - 1 > LONGEST_GAP)
    if len(gaps):
        last = int(gaps[-1])
        raise DataError(
            f"{raw.label} has no bar on {steps[last] - 1} weekdays between {raw.dates[last]} and {raw.dates[last + 1]}",
            f"Use what follows with --start {raw.dates[last + 1]}, or complete the file.",
        )


def _spacing_notes(raw: RawBars, steps: NDArray[np.int64], runs: list[_Run]) -> list[str]:
    gaps = np.flatnonzero(steps - 1 > LONG_GAP)
    notes = [
        f"No bars between {raw.dates[at]} and {raw.dates[at + 1]} ({steps[at] - 1} weekdays)."
        for at in gaps[:3].tolist()
    ]
    if len(gaps) > 3:
        notes.append(f"{len(gaps) - 3} more gaps are longer than {LONG_GAP} weekdays.")
    notes.extend(
        Caution(f"From {raw.dates[run.first]} to {raw.dates[run.last + 1]} the bars are not daily ({run.steps} steps).")
        for run in runs[:3]
    )
    return notes


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
            notes.append(f"No {name} in {counted(int(wrong.sum()), 'row')}, among them {listed(raw.dates[wrong])}.")
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
            f"Open, high and low do not fit the close in {counted(int(foreign.sum()), 'row')} and are not used: "
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
