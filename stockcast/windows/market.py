"""The market: what the cross-section of many stocks did in each session.

Shapes: T sessions of one ticker, D sessions of the market, S members, M market columns, K differences of ln v.
A session's values use bars up to and including that session; members are taken in the order of their names, so a row
has the same bytes whatever bars follow it and however the members were listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from stockcast.errors import ConfigError
from stockcast.prices.history import Dates, Floats, every_date
from stockcast.windows.features import BURN_IN, HAR_SPANS, VOLUME_SPAN, SessionReturns, trailing_mean
from stockcast.windows.seasonality import shock, strict_ewma

MINIMUM_MEMBERS = 5

MARKET_NAMES = (
    "market_return",
    "market_volatility",
    "market_day_over_week",
    "market_week_over_month",
    "market_month_over_year",
    "market_dispersion",
)
"""Columns of `Market.on`, in their order."""

_LONGEST_STEP = np.timedelta64(14, "D")
"""A return over more days is not that of a session; week-long holidays with the weekends around them are shorter."""
_LEAST_VARIANCE = 1e-12
_LEAST_DISPERSION = 1e-6


@dataclass(frozen=True)
class Market:
    """Values of the cross-section in each session with enough members; dates strictly increase.

    values_DM: the columns of MARKET_NAMES. shock_D: the median of the members' shocks (see
    `seasonality.shock`).
    """

    dates_D: Dates
    values_DM: Floats
    shock_D: Floats

    def __len__(self) -> int:
        return len(self.dates_D)

    @classmethod
    def of(cls, session_returns: Mapping[str, SessionReturns], minimum: int = MINIMUM_MEMBERS) -> Market:
        """The market of some members.

        A stock is a member of each session in which it has a bar, from its 23rd return on (as an origin; before, its
        usual size is not known) and unless its bar before is over two weeks old. Sessions with fewer than `minimum`
        members are left out, so that `on` carries the values of the last full one forward. Nothing is left where no
        session has that many.

        market_return: mean return by its own EWMA scale, as signed log1p. market_volatility: ln of that EWMA over its
        mean of 250 sessions. market_day_over_week, week_over_month, month_over_year: differences of the means of ln v
        over 1, 5, 22 and 250 sessions, each member's own and then their mean, so that a member that joins or leaves
        does not move them by its level. market_dispersion: ln of the standard deviation of the members' returns, less
        its mean of 60 sessions.

        Args:
            session_returns: Those of each member, by name. Members have to close no later in the day than the tickers
                that will look at the market: dates say nothing of hours.
            minimum: Members that a session has to have.

        Raises:
            ConfigError: `minimum` is below 1.
        """
        if minimum < 1:
            raise ConfigError(f"a market of at least {minimum} members", "Ask for at least 1 member in a session.")
        section = _CrossSection.of(session_returns)
        full_D = section.count_D >= minimum
        return cls(section.dates_D[full_D], section.values_DM(full_D), section.median_shock_D()[full_D])

    def reaches(self, day: date) -> bool:
        """Whether the market is known for that session itself."""
        place = int(np.searchsorted(self.dates_D, np.datetime64(day)))
        return place < len(self) and self.dates_D[place] == np.datetime64(day)

    def on(self, dates_T: Dates) -> Floats:
        """Values of the newest session on or before each date, shape [T, M]; 0 before the first session."""
        return _carried(self.dates_D, self.values_DM, dates_T)

    def shock_on(self, dates_T: Dates) -> Floats:
        """Median shock of the newest session on or before each date, shape [T]; 0 before the first session."""
        return _carried(self.dates_D, self.shock_D, dates_T)


@dataclass(frozen=True)
class _CrossSection:
    """Running sums over the members of each session, so that no array of all of them is needed but the shocks.

    mean_D and squares_D: mean and sum of squared deviations of the returns (Welford 1962, Technometrics 4).
    levels_DK: sums of the differences of ln v. shock_DS: NaN where a stock is no member.
    """

    dates_D: Dates
    count_D: NDArray[np.int64]
    mean_D: Floats
    squares_D: Floats
    levels_DK: Floats
    shock_DS: NDArray[np.float32]

    @classmethod
    def of(cls, session_returns: Mapping[str, SessionReturns]) -> _CrossSection:
        names = sorted(session_returns)
        dates_D = every_date(session_returns[name].dates for name in names)
        sessions = len(dates_D)
        section = cls(
            dates_D,
            np.zeros(sessions, dtype=np.int64),
            np.zeros(sessions),
            np.zeros(sessions),
            np.zeros((sessions, len(HAR_SPANS) - 1)),
            np.full((sessions, len(names)), np.nan, dtype=np.float32),
        )
        for column, name in enumerate(names):
            section.add(session_returns[name], column)
        return section

    def add(self, m: SessionReturns, column: int) -> None:
        member_T = _membership(m.dates)
        place = np.searchsorted(self.dates_D, m.dates[member_T])
        r = m.r_T[member_T]
        self.count_D[place] += 1
        before = r - self.mean_D[place]
        self.mean_D[place] += before / self.count_D[place]
        self.squares_D[place] += before * (r - self.mean_D[place])
        self.levels_DK[place] += _level_differences(m.v_T)[member_T]
        self.shock_DS[place, column] = shock(m)[member_T]

    def values_DM(self, full_D: NDArray[np.bool_]) -> Floats:
        """The market's columns of the sessions `full_D`, which follow each other as if there were no others."""
        count, mean = self.count_D[full_D], self.mean_D[full_D]
        variance = np.maximum(strict_ewma(mean**2), _LEAST_VARIANCE)
        usual = np.maximum(trailing_mean(variance, HAR_SPANS[-1]), _LEAST_VARIANCE)
        dispersion = np.log(np.sqrt(self.squares_D[full_D] / count) + _LEAST_DISPERSION)
        return np.column_stack(
            [
                np.sign(mean) * np.log1p(np.abs(mean) / np.sqrt(variance)),
                np.log(variance / usual),
                self.levels_DK[full_D] / count[:, None],
                dispersion - trailing_mean(dispersion, VOLUME_SPAN),
            ]
        )

    def median_shock_D(self) -> Floats:
        """Median over the members of each session, 0 without any; sorts the shocks where they are."""
        if not self.shock_DS.size:
            return np.zeros(len(self.dates_D))
        self.shock_DS.sort(axis=1)
        row_D = np.arange(len(self.dates_D))
        # NaN sorts last, so the members are the first count_D of each row.
        low_D = self.shock_DS[row_D, np.maximum(self.count_D - 1, 0) // 2].astype(np.float64)
        high_D = self.shock_DS[row_D, self.count_D // 2]
        return np.where(self.count_D > 0, 0.5 * (low_D + high_D), 0.0)


def _membership(dates_T: Dates) -> NDArray[np.bool_]:
    """In which of its sessions a stock is a member of the market."""
    member_T = np.zeros(len(dates_T), dtype=np.bool_)
    member_T[BURN_IN:] = np.diff(dates_T)[BURN_IN - 1 :] <= _LONGEST_STEP
    return member_T


def _level_differences(v_T: Floats) -> Floats:
    """Mean of ln v over each HAR span less that over the next longer one, shape [T, K]."""
    means = [trailing_mean(np.log(v_T), span) for span in HAR_SPANS]
    return np.column_stack([shorter - longer for shorter, longer in pairwise(means)])


def _carried(dates_D: Dates, values: Floats, dates_T: Dates) -> Floats:
    place_T = np.searchsorted(dates_D, dates_T, side="right")
    before = np.zeros((1, *values.shape[1:]))
    return np.concatenate([before, values])[place_T]
