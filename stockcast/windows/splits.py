"""Train, validation and test parts, split by date, of one series, a pool, or a fold of a walk-forward backtest.

An origin belongs to the part in which all its target sessions lie; one whose targets lie in two parts belongs to none.
A fold of a walk-forward backtest depends on the dates and on its own first target alone: the order in which folds are
fitted does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np

from stockcast.config import SplitConfig
from stockcast.config.models import YEAR, FoldConfig
from stockcast.errors import ConfigError, DataError
from stockcast.prices.history import Dates, Floats, every_date
from stockcast.windows.features import BURN_IN, Features, SessionReturns

MIN_TRAIN, MIN_VALIDATION, MIN_TEST = 250, 60, 60
"""Targets without which a part says nothing: a year to learn from, a quarter to choose and to judge on."""


@dataclass(frozen=True)
class Part:
    """Origins start .. stop - 1, as rows of the features; the target of origin t is row t + 1."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class PartSummary:
    """First and last target session of a part of the split, and how many there are."""

    first: date
    last: date
    count: int


@dataclass(frozen=True)
class Split:
    """Three parts in the order of time, and the dates that separate them."""

    dates: Dates
    horizon: int
    train: Part
    validation: Part
    test: Part

    def summary(self) -> dict[str, PartSummary]:
        """First and last target session, and number of origins, of each part."""
        return {name: self._summary(getattr(self, name)) for name in ("train", "validation", "test")}

    def _summary(self, part: Part) -> PartSummary:

        return PartSummary(self.session(part.start + 1), self.session(part.stop - 1 + self.horizon), len(part))

    def session(self, row: int) -> date:
        """The session of a row."""
        day: date = self.dates[row].astype(object)
        return day

    @property
    def seen(self) -> Part:
        """The origins that have a say before the test part."""
        return Part(self.train.start, max(self.train.stop, self.validation.stop))

    @property
    def whole(self) -> Part:
        """All origins with a target."""
        return Part(self.train.start, max(self.seen.stop, len(self.dates) - 1))

    @property
    def scored_cutoff(self) -> date:
        """Last session that chose or taught anything before the test part."""
        return self.session(self.validation.stop - 1 + self.horizon)


def first_origin(lookback: int) -> int:
    """The first row whose whole window lies after the burn-in of the features."""
    return BURN_IN + lookback - 1


def split_by_date(dates: Dates, config: SplitConfig, lookback: int, horizon: int = 1) -> Split:
    """Split rows into three parts, of which the test part is empty where it would begin after the last row.

    Args:
        dates: Dates of the rows, ascending, one for each return.
        config: Dates or shares of the parts.
        lookback: Sessions of an input window.
        horizon: Sessions from an origin to its last target.

    Raises:
        ConfigError: A date is outside the history or out of order.
        DataError: A part is too small.
    """
    _require_sessions(len(dates), lookback, horizon, config)
    validate_row, test_row = _boundaries(dates, config)
    split = Split(
        dates=dates,
        horizon=horizon,
        train=_part(first_origin(lookback) + 1, validate_row, horizon),
        validation=_part(validate_row, test_row, horizon),
        test=_part(test_row, max(len(dates), test_row + horizon - 1), horizon),
    )
    least_tested = MIN_TEST if test_row < len(dates) else 0
    for name, least in (("train", MIN_TRAIN), ("validation", MIN_VALIDATION), ("test", least_tested)):
        found = max(0, len(getattr(split, name)))
        if found < least:
            raise DataError(
                f"the {name} part has {found} sessions to forecast, at least {least} are needed",
                "use a longer history, a shorter --lookback, or move --validate-from and --test-from",
            )
    return split


def _part(first_target: int, end_target: int, horizon: int) -> Part:
    """Origins whose targets all lie in rows first_target .. end_target - 1."""
    return Part(first_target - 1, end_target - horizon)


def _require_sessions(count: int, lookback: int, horizon: int, config: SplitConfig) -> None:
    if config.validate_from and config.test_from:
        return
    train_share = 1.0 - config.validation_share - config.test_share
    needed = max(
        (first_origin(lookback) + MIN_TRAIN + horizon) / train_share,
        (MIN_VALIDATION + horizon) / config.validation_share,
        (MIN_TEST + horizon) / config.test_share,
    )
    bars = int(np.ceil(needed)) + 1
    if count + 1 < bars:
        raise DataError(
            f"{count + 1} sessions are too few: windows of {lookback} sessions and the three parts need {bars}",
            "use a longer history",
        )


def _boundaries(dates: Dates, config: SplitConfig) -> tuple[int, int]:
    """Rows of the first validation and the first test target."""
    count = len(dates)
    if config.test_from is not None:
        test_row = _test_row(dates, config.test_from)
    elif config.validate_from is not None:
        test_row = (_row(dates, config.validate_from, "--validate-from") + count) // 2
    else:
        test_row = round(count * (1.0 - config.test_share))
    if config.validate_from is not None:
        validate_row = _row(dates, config.validate_from, "--validate-from")
    else:
        share = config.validation_share / (1.0 - config.test_share)
        validate_row = round(test_row * (1.0 - share))
    return validate_row, test_row


def _test_row(dates: Dates, day: date) -> int:
    """The row of the first test target; behind the last one where the test part is to be empty."""
    return len(dates) if np.datetime64(day) > dates[-1] else _row(dates, day, "--test-from")


def _row(dates: Dates, day: date, option: str) -> int:
    if not dates[0] < np.datetime64(day) <= dates[-1]:
        raise ConfigError(
            f"{option} {day} lies outside the history, {dates[0]} to {dates[-1]}", "choose a date within it"
        )
    return int(np.searchsorted(dates, np.datetime64(day), "left"))


@dataclass(frozen=True)
class PoolSplit:
    """First target session of the validation and of the test part of every series; `sessions`: of all together."""

    sessions: Dates
    validate_from: date
    test_from: date

    @classmethod
    def of(cls, calendars: Iterable[Dates], config: SplitConfig, lookback: int) -> PoolSplit:
        """The parts of a pool, by dates, or by shares of the sessions that any series has.

        Args:
            calendars: The dates of each series, ascending.
            config: Dates or shares of the parts.
            lookback: Sessions of an input window.

        Raises:
            ConfigError, DataError: As `split_by_date` does.
        """
        sessions = every_date(calendars)
        split = split_by_date(sessions, config, lookback)
        test = config.test_from if config.test_from and not len(split.test) else split.session(split.test.start + 1)
        return cls(sessions, split.session(split.validation.start + 1), test)

    def of_series(self, dates_T: Dates, lookback: int) -> Split:
        """The parts of one series, of which each may be short or empty."""
        first = first_origin(lookback) + 1
        test = self._part(dates_T, max(self._row(dates_T, self.test_from), first), len(dates_T))
        return Split(dates_T, 1, self.train(dates_T, lookback), self.validation(dates_T, lookback), test)

    def train(self, dates_T: Dates, lookback: int) -> Part:
        """A series' origins whose target comes before the validation part; empty for one that is listed later."""
        return self._part(dates_T, first_origin(lookback) + 1, self._row(dates_T, self.validate_from))

    def validation(self, dates_T: Dates, lookback: int) -> Part:
        """A series' origins whose target lies in the validation part; empty where it has no window before it."""
        begin = max(self._row(dates_T, self.validate_from), first_origin(lookback) + 1)
        return self._part(dates_T, begin, self._row(dates_T, self.test_from))

    @staticmethod
    def _row(dates_T: Dates, day: date) -> int:
        return int(np.searchsorted(dates_T, np.datetime64(day), "left"))

    @staticmethod
    def _part(dates_T: Dates, first_target: int, end_target: int) -> Part:
        end = min(end_target, len(dates_T))
        return Part(first_target - 1, max(first_target, end) - 1)


DEFAULT_TEST_SHARE = 0.3


@dataclass(frozen=True)
class Fold:
    """One stage: its number, from 1 on, and the parts that teach, choose and are forecast."""

    number: int
    split: Split

    @property
    def cutoff(self) -> date:
        """Last session that is a target of training or chooses anything."""
        return self.split.scored_cutoff

    @property
    def seen(self) -> Part:
        """All that the fold may learn from."""
        return self.split.seen


def walk_forward(dates: Dates, config: FoldConfig, lookback: int) -> tuple[Fold, ...]:
    """The folds of a walk-forward backtest, oldest first.

    Args:
        dates: Dates of the rows, ascending, one for each return.
        config: Where the folds begin, how often there is a new one, and what they may learn from.
        lookback: Sessions of an input window.

    Raises:
        ConfigError: A date is outside the history.
        DataError: The first fold has too little to learn from.
    """
    if len(dates) < MIN_TRAIN:
        raise DataError(f"{len(dates) + 1} sessions are too few to walk forward over", "use a longer history")
    rows = _first_targets(dates, config)
    ends = [*rows[1:], len(dates)]
    choosing = _sessions_to_choose_on(dates, config, rows[0])
    return tuple(
        Fold(number, _split(dates, config, lookback, choosing, begin, end))
        for number, (begin, end) in enumerate(zip(rows, ends, strict=True), start=1)
    )


def without_first(f: Features, fold: Fold, rows: int) -> tuple[Features, Fold]:
    """Features and parts as if the first rows did not exist; what later rows remember of them stays.

    Args:
        f: Features of one ticker.
        fold: Parts of these rows.
        rows: How many are cut off.
    """
    m = f.session_returns
    gap_T, surprise_T, tick_T = (_rest(column_T, rows) for column_T in (m.gap_T, m.surprise_T, m.tick_T))
    session_returns = SessionReturns(m.dates[rows:], m.r_T[rows:], m.v_T[rows:], gap_T, surprise_T, tick_T)
    events = None if f.events is None else f.events.without_first(rows)
    cut = Features(session_returns, f.har_TK[rows:], f.leverage_T[rows:], f.x_TF[rows:], f.names, f.schedule, events)
    train, validation, test = (
        Part(part.start - rows, part.stop - rows) for part in (fold.split.train, fold.split.validation, fold.split.test)
    )
    return cut, Fold(fold.number, Split(fold.split.dates[rows:], fold.split.horizon, train, validation, test))


def _rest(column_T: Floats | None, rows: int) -> Floats | None:
    return None if column_T is None else column_T[rows:]


def _first_targets(dates: Dates, config: FoldConfig) -> list[int]:
    """Rows of the first target of each fold."""
    if config.test_from is None:
        begin = len(dates) - int(DEFAULT_TEST_SHARE * len(dates))
    else:
        begin = int(np.searchsorted(dates, np.datetime64(config.test_from), "left"))
        if begin == len(dates) or begin == 0:
            raise ConfigError(
                f"--test-from {config.test_from} is not within the history, {dates[0]} to {dates[-1]}",
                "choose a date that leaves sessions before it to learn from and some after it",
            )
    if config.refit_every == YEAR:
        years = dates[begin:].astype("datetime64[Y]")
        return [begin, *(begin + 1 + np.flatnonzero(years[1:] != years[:-1])).tolist()]
    return list(range(begin, len(dates), int(config.refit_every)))


def _sessions_to_choose_on(dates: Dates, config: FoldConfig, begin: int) -> int | None:
    """Target sessions of every validation part, where a date says how many; `begin`: row of the first test target."""
    if config.validate_from is None:
        return None
    count = begin - config.embargo - int(np.searchsorted(dates, np.datetime64(config.validate_from), "left"))
    if count < MIN_VALIDATION:
        raise ConfigError(
            f"--validate-from {config.validate_from} leaves {max(count, 0)} sessions to choose on",
            f"a fold needs {MIN_VALIDATION}: begin earlier",
        )
    return count


def _split(dates: Dates, config: FoldConfig, lookback: int, choosing: int | None, begin: int, end: int) -> Split:
    """Parts of origins for the targets begin .. end - 1; the target of origin t is row t + 1."""
    stop = begin - 1 - config.embargo
    start = first_origin(lookback)
    if config.window is not None:
        start = max(start, stop - config.window)
    known = stop - start
    if choosing is None:
        choosing = max(MIN_VALIDATION, round(config.validation_share * known))
    if known - choosing < MIN_TRAIN:
        raise DataError(
            f"{max(known, 0)} sessions before {dates[begin]} are too few: a fold needs {MIN_TRAIN} to learn from and "
            f"{choosing} to choose on, after the first {start}",
            "begin the test part later, or use a longer history",
        )
    return Split(
        dates=dates,
        horizon=1,
        train=Part(start, stop - choosing),
        validation=Part(stop - choosing, stop),
        test=Part(begin - 1, end - 1),
    )
