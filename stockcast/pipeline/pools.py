"""Pools: many sources together, their dates aligned by session, each with its own history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from stockcast.errors import DataError
from stockcast.prices.history import Dates, History
from stockcast.prices.sessions import SessionCalendar
from stockcast.windows.columns import OF_POOLS, extended
from stockcast.windows.covariates import Covariates
from stockcast.windows.features import Features, features
from stockcast.windows.market import Market

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Member:
    """One series of a pool, with the columns of its own bars."""

    history: History
    own: Features

    @property
    def ticker(self) -> str:
        """Its name."""
        return self.history.ticker

    @property
    def dates(self) -> Dates:
        """Sessions of the columns' rows."""
        return self.own.session_returns.dates


@dataclass(frozen=True)
class Pool:
    """The members of a pool, in the order of their names, and what is known of their sessions.

    market: of all members; None where they are too few to be one. names: the columns of their own bars that a network
    looks at; every member has them unless `taught_by` says otherwise. covariates: what every member looks at beside
    its prices. groups: what a network sees of its own bars and of the target day besides (see `extended`).
    """

    members: tuple[Member, ...]
    calendar: SessionCalendar
    market: Market | None
    names: tuple[str, ...]
    covariates: Covariates | None = None
    groups: frozenset[str] = OF_POOLS

    @classmethod
    def of_one(cls, history: History, calendar: SessionCalendar, covariates: Covariates | None = None) -> Pool:
        """One series by itself, of which a network sees its own columns and the covariates."""
        member = Member(history, features(history))
        return cls((member,), calendar, None, member.own.names, covariates, frozenset())

    @classmethod
    def of(
        cls, histories: Sequence[History], calendar: SessionCalendar, covariates: Covariates | None = None
    ) -> Pool:  # fmt: skip
        """A pool of histories. Raises DataError for none, or for two of one name."""
        if not histories:
            raise DataError("a pool without any series", "name at least two sources")
        ordered = sorted(histories, key=lambda history: history.ticker)
        for first, second in pairwise(ordered):
            if first.ticker == second.ticker:
                raise DataError(f"two series of the pool are named {first.ticker}", "rename one of the files")
        members = tuple(Member(history, features(history)) for history in ordered)
        market = Market.of({member.ticker: member.own.session_returns for member in members})
        return cls(members, calendar, market if len(market) else None, _shared(members), covariates)

    def taught_by(self, teachers: Sequence[Member]) -> Pool:
        """The same with the columns that every teacher has: what others lack must not say anything about the past."""
        return replace(self, names=_shared(teachers)) if teachers else self

    def columns(self, member: Member, market: bool) -> Features:
        """What a network sees of a member: its own columns, seasonality, target day, covariates, perhaps the market."""
        own = member.own.with_usual([name for name in self.names if name not in member.own.names]).only(self.names)
        beside = None if self.covariates is None else self.covariates.of(member.ticker)
        if not self.groups and beside is None:
            return own
        return extended(own, self.calendar, self.groups, self.market if market else None, beside)


def _shared(members: Sequence[Member]) -> tuple[str, ...]:
    return tuple(name for name in members[0].own.names if all(name in member.own.names for member in members))
