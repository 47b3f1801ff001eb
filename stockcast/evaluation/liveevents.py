"""The live record on days that carry the reaction to a report, and on the other days, apart.

Which days those are is what each recorded forecast said of its own target session.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import fmean

from stockcast.evaluation.eventscores import LIVE, REACTS, DayScore, EventScore, relative_gain
from stockcast.evaluation.verdict import ALL
from stockcast.forecasts import LedgerRow, Outcome


def live_event_scores(rows: Iterable[LedgerRow]) -> tuple[EventScore, ...]:
    """The scores of recorded live forecasts of the next session on reaction days and on others.

    Args:
        rows: Of the ledger; those that are not settled say nothing.

    Returns:
        For each ticker and model with days of both kinds the record and its baselines; the same of all of them
        together, of ticker "all", where there are several.
    """
    groups: defaultdict[tuple[str, str], list[LedgerRow]] = defaultdict(list)
    for row in rows:
        if row.kind == "live" and row.outcome is not None and row.forecast.horizon == 1:
            groups[row.forecast.ticker, row.forecast.model].append(row)
    kept = {key: group for key, group in sorted(groups.items()) if len({_reacts(row) for row in group}) > 1}
    found = [score for (ticker, model), group in kept.items() for score in _of_record(ticker, model, group)]
    if len(kept) > 1:
        models = {model for _, model in kept}
        every = [row for group in kept.values() for row in group]
        found += _of_record(ALL, models.pop() if len(models) == 1 else ALL, every)
    return tuple(found)


def _reacts(row: LedgerRow) -> bool:
    event = row.forecast.event
    return event is not None and event.probability >= REACTS


def _of_record(ticker: str, model: str, rows: Sequence[LedgerRow]) -> list[EventScore]:
    days = [[row.outcome for row in rows if row.outcome and _reacts(row) == reacts] for reacts in (True, False)]
    found = [EventScore(ticker, model, LIVE, _recorded(days[0]), _recorded(days[1]))]
    for name in sorted({name for outcomes in days for outcome in outcomes for name in outcome.baselines}):
        reaction, other = ([one for one in outcomes if name in one.baselines] for outcomes in days)
        if reaction and other:
            found.append(EventScore(ticker, name, "baseline", _of_baseline(name, reaction), _of_baseline(name, other)))
    return found


def _recorded(outcomes: Sequence[Outcome]) -> DayScore:
    crps, hit_50, hit_90 = (fmean(getattr(one, name) for one in outcomes) for name in ("crps", "hit_50", "hit_90"))
    return DayScore(len(outcomes), crps, hit_50, hit_90, None)


def _of_baseline(name: str, outcomes: Sequence[Outcome]) -> DayScore:
    scores = [outcome.baselines[name] for outcome in outcomes]
    crps = fmean(score.crps for score in scores)
    held_50, held_90 = (fmean(abs(score.pit - 0.5) <= 0.5 * share for score in scores) for share in (0.5, 0.9))
    return DayScore(len(scores), crps, held_50, held_90, relative_gain(fmean(one.crps for one in outcomes), crps))
