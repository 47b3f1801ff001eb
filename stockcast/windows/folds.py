"""Folds: the stages of a walk-forward backtest. Each learns from what lies before it and forecasts what follows.

A fold depends on the dates and on its own first target alone: the order in which folds are fitted does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from stockcast.config.backtests import YEAR, FoldConfig
from stockcast.errors import ConfigError, DataError
from stockcast.prices.history import Dates, Floats
from stockcast.windows.features import Features, SessionReturns
from stockcast.windows.splits import MIN_TRAIN, MIN_VALIDATION, Part, Split, first_origin

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
    """The folds of rows with ascending `dates` (one for each return), oldest first.

    Raises ConfigError for a date outside the history, DataError where the first fold has too little to learn from.
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
    """Features and parts as if the first `rows` rows did not exist; what later rows remember of them stays."""
    m = f.session_returns
    gap_T, surprise_T, tick_T = (_rest(column_T, rows) for column_T in (m.gap_T, m.surprise_T, m.tick_T))
    session_returns = SessionReturns(m.dates[rows:], m.r_T[rows:], m.v_T[rows:], gap_T, surprise_T, tick_T)
    cut = Features(session_returns, f.har_TK[rows:], f.leverage_T[rows:], f.x_TF[rows:], f.names, f.schedule)
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
