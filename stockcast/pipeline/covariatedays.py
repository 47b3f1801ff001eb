"""Days of a covariate: whether they are sessions of the exchange that it is taken for, before a forecast sees it.

A covariate that is stamped a day early shows each origin a session that is still to come, and one that is taken for
another exchange's shows it one that is not over: both look like skill.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import numpy as np

from stockcast.errors import DataError
from stockcast.prices.history import Dates
from stockcast.prices.sessionfit import better_exchanges, session_fit
from stockcast.prices.sessions import SessionCalendar

_SHARED = 0.99
"""Share of the days of either that are the other's, too, where a covariate trades when its target does."""


def require_sessions(
    name: str, source: str, days: Dates, calendar: SessionCalendar, target_days: Dates | None
) -> str | None:  # fmt: skip
    """What is to be told of days that are not quite those of an exchange.

    Args:
        name: The covariate.
        source: Its path; empty for prices from a frame.
        days: The days of its bars.
        calendar: The sessions that they are taken for.
        target_days: Those of the series that it goes with, where it is taken for the exchange of that because nobody
            said otherwise; None where its exchange is known.

    Returns:
        A sentence; None where there is nothing to say.

    Raises:
        DataError: They would fit clearly better a day earlier or later, or, where nobody said which exchange they are
            from, another exchange.
    """
    fit = session_fit(days, calendar)
    if fit.agrees and (target_days is None or fit.has_nearly_all):
        return None
    # What trades on the days of the target closes with it, whatever the exchange of both is called.
    if target_days is not None and not fit.shift and trade_together(days, target_days):
        return None
    better = better_exchanges(days, calendar) if fit.doubtful or target_days is not None else []
    if fit.agrees and not better:
        return None
    words = f"the covariate {fit.sentence(name, better)}"
    if fit.shift or (target_days is not None and (better or fit.absent or fit.foreign)):
        raise DataError(words, fit.hint(better, None if target_days is None else f"{source or 'a file, FILE'}@{{}}"))
    return words


def require_exchange(name: str, days: Dates, calendar: SessionCalendar, closes: Callable[[str], datetime]) -> None:
    """Refuse days of a target that would see sessions of others before they are over.

    Args:
        name: The target.
        days: The days of its bars.
        calendar: The sessions that they are taken for, because nobody said otherwise.
        closes: When a session of one of its days ends, by the exchange.

    Raises:
        DataError: They fit another exchange, which closes earlier.
    """
    fit = session_fit(days, calendar)
    better = better_exchanges(days, calendar) if fit.doubtful else []
    if better and closes(better[0]) < closes(calendar.exchange):
        words = f"{fit.sentence(name, better)}, which closes earlier: it would see covariates before their sessions end"
        raise DataError(words, fit.hint(better))


def trade_together(days: Dates, others: Dates) -> bool:
    """Whether nearly all days of two series are in both, from where the later one begins to the first end."""
    first, last = max(days[0], others[0]), min(days[-1], others[-1])
    mine, theirs = (some[(some >= first) & (some <= last)] for some in (days, others))
    both = len(np.intersect1d(mine, theirs))
    return both >= _SHARED * max(len(mine), len(theirs))
