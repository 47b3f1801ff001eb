"""Train, validation and test parts, split by date: which origins may teach, choose and judge.

An origin belongs to the part in which all its target sessions lie; one whose targets lie in two parts belongs to none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from stockcast.config import SplitConfig
from stockcast.errors import ConfigError, DataError
from stockcast.prices.history import Dates
from stockcast.windows.features import BURN_IN

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
    """Split rows with ascending `dates` into three parts.

    Raises ConfigError for dates outside the history or out of order, DataError where a part is too small.
    """
    _require_sessions(len(dates), lookback, horizon, config)
    validate_row, test_row = _boundaries(dates, config)
    split = Split(
        dates=dates,
        horizon=horizon,
        train=_part(first_origin(lookback) + 1, validate_row, horizon),
        validation=_part(validate_row, test_row, horizon),
        test=_part(test_row, len(dates), horizon),
    )
    for name, least in (("train", MIN_TRAIN), ("validation", MIN_VALIDATION), ("test", MIN_TEST)):
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
        test_row = _row(dates, config.test_from, "--test-from")
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


def _row(dates: Dates, day: date, option: str) -> int:
    if not dates[0] < np.datetime64(day) <= dates[-1]:
        raise ConfigError(
            f"{option} {day} lies outside the history, {dates[0]} to {dates[-1]}", "choose a date within it"
        )
    return int(np.searchsorted(dates, np.datetime64(day), "left"))
