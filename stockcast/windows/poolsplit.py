"""Pool split: the parts of many series, by the same dates, whatever sessions each of them has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from stockcast.config import SplitConfig
from stockcast.prices.history import Dates
from stockcast.windows.splits import Part, Split, first_origin, split_by_date


@dataclass(frozen=True)
class PoolSplit:
    """First target session of the validation and of the test part of every series; `sessions`: of all together."""

    sessions: Dates
    validate_from: date
    test_from: date

    @classmethod
    def of(cls, calendars: Sequence[Dates], config: SplitConfig, lookback: int) -> PoolSplit:
        """By dates, or by shares of the sessions that any series has. Raises what `split_by_date` raises."""
        sessions = np.unique(np.concatenate(calendars))
        split = split_by_date(sessions, config, lookback)
        return cls(sessions, split.session(split.validation.start + 1), split.session(split.test.start + 1))

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
