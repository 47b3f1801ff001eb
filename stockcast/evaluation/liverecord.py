"""Live record: what settled live forecasts allow to be said of a model, and whether it has decayed.

Forecasts of one day are not independent, days nearly are: what is tested is averaged by target session first.

Shapes: N settled forecasts, D target sessions.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stockcast.evaluation.significance import diebold_mariano, holm, newey_west_variance, pooled_by_date
from stockcast.evaluation.verdict import ALL, LEVEL, display, p_text
from stockcast.forecasts import LedgerRow, Outcome
from stockcast.prices.history import Dates, Floats

if TYPE_CHECKING:
    from stockcast.evaluation.eventscores import EventScore

STRONGEST = "strongest"
EARLIEST = 20
"""Sessions that a record needs before anything is said of skill."""

WINDOW, FEWEST = 60, 40
"""Newest sessions that decay is judged on, and how many of them there have to be."""

WORSE_LEVEL, COVERAGE_LEVEL = 0.01, 0.001
"""Decay is called below these p-values, corrected for the number of records that are watched."""

_NOMINAL = 0.9
_DEFAULT_RIVAL = "har-t"

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class LiveComparison:
    """A live record against one baseline, over the n forecasts (pooled: dates) that both have a score for.

    crps_skill: 1 - mean CRPS / the baseline's. dm_p, worse_p: one-sided Diebold-Mariano p-values, small where the model
    is better, or worse, beyond luck; both 1.0 where nothing can be said, as for a baseline that made the forecasts.
    """

    baseline: str
    n: int
    crps_skill: float
    dm_p: float
    worse_p: float


@dataclass(frozen=True)
class LiveScore:
    """The live record of one model of one ticker at one horizon, or of all of them together (ticker "all").

    n: settled forecasts, first .. last their target sessions. crps, interval_score_90: mean, log return, lower is
    better. log_score: mean, nats, higher is better; None where a distribution had no density. mae_ratio: mean absolute
    error of the median, in log return, over that of the last close. coverage_50, coverage_90: shares of returns within
    the intervals as shown; coverage_90_low .. coverage_90_high: 95 % range of the true share (Clopper and Pearson; with
    an effective number of forecasts where they overlap or are pooled). raw_: of the intervals before calibration.
    pit_p: Kolmogorov-Smirnov p-value of the distributions' probabilities, small where the distributions are wrong in
    shape or width. rival: the baseline that `sentence` is about; "the strongest baseline" of each where pooled; None
    without any. decayed, alarm: whether the newest forecasts are worse than they may be by luck, and in which way, or
    "".
    """

    ticker: str
    model: str
    horizon: int
    n: int
    first: date
    last: date
    crps: float
    log_score: float | None
    mae_ratio: float
    coverage_50: float
    coverage_90: float
    coverage_90_low: float
    coverage_90_high: float
    raw_coverage_90: float
    interval_score_90: float
    raw_interval_score_90: float
    pit_p: float
    comparisons: tuple[LiveComparison, ...]
    rival: str | None
    decayed: bool
    alarm: str
    sentence: str


@dataclass(frozen=True)
class ScoreResult:
    """What `score` found.

    scores: by ticker, model and horizon. pooled: one for each horizon with more than one of them. waiting: forecasts
    whose target session is over and that are not settled. void: forecasts that never will be. missed: sessions from
    which no live forecast was made, by ticker. sentence: the verdict of the whole record. event_scores: on days that
    carry the reaction to a report and on others (`live_event_scores`).
    """

    scores: tuple[LiveScore, ...]
    pooled: tuple[LiveScore, ...]
    waiting: int
    void: int
    missed: Mapping[str, tuple[date, ...]] = field(default_factory=dict)
    sentence: str = ""
    event_scores: tuple[EventScore, ...] = ()

    @property
    def decayed(self) -> bool:
        """Whether any part of the record has decayed."""
        return any(score.decayed for score in (*self.scores, *self.pooled))


@dataclass(frozen=True)
class Settled:
    """Settled live forecasts of one model of one ticker at one horizon, or of several together, by target session.

    Arrays of shape (N,), in log return: y_N what happened; error_N that less the median; log_score_N NaN where the
    distribution had no density; hits whether the interval held it, as shown and raw. baselines: CRPS by baseline, NaN
    where one is missing. rival: the baseline to beat, as the model of today names it; None where there is none.
    """

    ticker: str
    model: str
    horizon: int
    target_sessions: Dates
    y_N: Floats
    error_N: Floats
    crps_N: Floats
    log_score_N: Floats
    pit_N: Floats
    hit_50_N: Bools
    hit_90_N: Bools
    raw_hit_90_N: Bools
    interval_score_90_N: Floats
    raw_interval_score_90_N: Floats
    baselines: Mapping[str, Floats]
    rival: str | None = None

    @property
    def overlapping(self) -> bool:
        """Whether its forecasts share days, so that their number says too much."""
        return self.ticker == ALL or self.horizon > 1

    @property
    def sessions(self) -> Dates:
        """The target sessions, each once."""
        return np.unique(self.target_sessions)

    def __getitem__(self, index: Bools | NDArray[np.intp]) -> Settled:
        """The chosen forecasts."""
        arrays: dict[str, Any] = {name: getattr(self, name)[index] for name in _ARRAYS}
        return replace(self, **arrays, baselines={name: crps_N[index] for name, crps_N in self.baselines.items()})

    def newest(self, sessions: int) -> Settled:
        """The forecasts of the last so many target sessions."""
        return self[self.target_sessions >= self.sessions[-sessions:][0]]


_OF_OUTCOMES = {"y_N": "realised_return"} | {
    f"{name}_N": name
    for name in (
        "error", "crps", "log_score", "pit", "hit_50", "hit_90", "raw_hit_90", "interval_score_90",
        "raw_interval_score_90",
    )
}  # fmt: skip
_ARRAYS = ("target_sessions", *_OF_OUTCOMES)


def settled_records(rows: Iterable[LedgerRow], rivals: Mapping[str, str] | None = None) -> list[Settled]:
    """The settled live forecasts among ledger rows, by ticker, model and horizon.

    rivals: strongest baseline by model, as its training's verdict named it; HAR-t where it is missing.
    """
    groups: defaultdict[tuple[str, str, int], list[tuple[date, Outcome]]] = defaultdict(list)
    for row in rows:
        if row.kind == "live" and row.outcome is not None:
            f = row.forecast
            groups[f.ticker, f.model, f.horizon].append((f.target_session, row.outcome))
    return [
        _settled(key, sorted(group, key=lambda member: member[0]), (rivals or {}).get(key[1], _DEFAULT_RIVAL))
        for key, group in sorted(groups.items())
    ]


def live_record(
    records: Sequence[Settled], waiting: int = 0, void: int = 0, missed: Mapping[str, tuple[date, ...]] | None = None
) -> ScoreResult:
    """Scores of every record, of all of them together by horizon, and the verdict in a sentence.

    A next-session record of at least 40 sessions has decayed where over its last 60 its CRPS is worse than its rival's
    with p < 0.01, or its 90 % interval as shown held too few or too many with p < 0.001; p-values of the records are
    corrected for their number by Holm's method, the pooled record stands for itself. Longer horizons overlap too much
    for 60 sessions to say anything. waiting, void, missed: see `ScoreResult`.
    """
    records = [record for record in records if len(record.y_N)]
    alarms = _alarms(records)
    scores = tuple(_score(record, alarm) for record, alarm in zip(records, alarms, strict=True))
    pooled = tuple(
        _score(together, *_alarms([together]))
        for horizon in sorted({record.horizon for record in records})
        if len(members := [record for record in records if record.horizon == horizon]) > 1
        for together in [pool(members)]
    )
    return ScoreResult(scores, pooled, waiting, void, dict(missed or {}), _summary(scores, pooled))


def pool(records: Sequence[Settled]) -> Settled:
    """Records of one horizon as one, of ticker "all"; where their rivals differ, its own is each one's "strongest"."""
    rivals = {record.rival for record in records}
    names = sorted({name for record in records for name in record.baselines})
    crps = {name: np.concatenate([_baseline(record, name) for record in records]) for name in names}
    arrays: dict[str, Any] = {name: np.concatenate([getattr(record, name) for record in records]) for name in _ARRAYS}
    rival = rivals.pop() if len(rivals) == 1 else STRONGEST
    if rival == STRONGEST:
        crps[STRONGEST] = np.concatenate([_baseline(record, record.rival) for record in records])
    models = {record.model for record in records}
    together = replace(
        records[0],
        ticker=ALL,
        model=models.pop() if len(models) == 1 else ALL,
        rival=rival,
        baselines=crps,
        **arrays,
    )
    return together[np.argsort(together.target_sessions, kind="stable")]


def compare(record: Settled, baseline: str) -> LiveComparison:
    """Skill over a baseline on the sessions that both have, with Diebold-Mariano tests either way.

    Newey-West with the cube root of the number of sessions as lags, at most 10 and at least horizon - 1: ten lags of 60
    sessions would double the false alarms.
    """
    theirs_N = _baseline(record, baseline)
    both_N = np.isfinite(theirs_N) & np.isfinite(record.crps_N)
    dates = record.target_sessions[both_N]
    a_D, b_D = pooled_by_date(dates, record.crps_N[both_N])[1], pooled_by_date(dates, theirs_N[both_N])[1]
    n = len(a_D)
    if n == 0:
        return LiveComparison(baseline, 0, math.nan, 1.0, 1.0)
    lags = _lags(n, record.horizon)
    skill = 1.0 - float(a_D.mean()) / float(b_D.mean()) if b_D.mean() > 0 else math.nan
    better, worse = diebold_mariano(a_D, b_D, lags), diebold_mariano(b_D, a_D, lags)
    return LiveComparison(baseline, n, skill, better.p_value, worse.p_value)


def effective_number(record: Settled, tail: float = 0.025) -> float:
    """How many independent forecasts would tell as much of the 90 % coverage: N, fewer where forecasts share days.

    Share (1 - share) over the variance of the mean hit by session, Newey-West or that of independent sessions where
    it is larger; times (normal / Student-t quantile)^2 at `tail`, since the variance is an estimate; at most N. Where
    every forecast was a hit, or none, the number of sessions over the horizon.
    Reference: Korn and Graubard 1998, Confidence intervals for proportions with small expected number of positive
    counts estimated from survey data.
    """
    n = len(record.hit_90_N)
    if not record.overlapping:
        return float(n)
    _, hit_D = pooled_by_date(record.target_sessions, record.hit_90_N)
    share, sessions = float(hit_D.mean()), len(hit_D)
    # A few sessions that happen to alternate would make Newey-West too sure of itself.
    variance = max(newey_west_variance(hit_D, lags) for lags in (0, _lags(sessions, record.horizon)))
    if not (0.0 < share < 1.0 and variance > 0.0):
        return max(1.0, sessions / record.horizon)
    from scipy.special import ndtri, stdtrit

    certainty = (float(ndtri(tail)) / float(stdtrit(sessions - 1, tail))) ** 2
    return min(max(1.0, share * (1.0 - share) / variance * certainty), float(n))


def binomial_interval(hits: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """Range of the share behind `hits` of n: Clopper and Pearson 1934, The use of confidence or fiducial limits.

    Neither has to be whole: beta quantiles at hits and n - hits.
    """
    from scipy.special import betaincinv

    tail = (1.0 - confidence) / 2.0
    low = float(betaincinv(hits, n - hits + 1.0, tail)) if hits > 0 else 0.0
    high = float(betaincinv(hits + 1.0, n - hits, 1.0 - tail)) if hits < n else 1.0
    return low, high


def coverage_p(record: Settled) -> float:
    """Two-sided p-value of the 90 % interval as shown holding 90 %: exact binomial, where forecasts are independent.

    Otherwise twice the smaller tail of a binomial distribution of the effective number of forecasts.
    """
    hits, n = int(record.hit_90_N.sum()), len(record.hit_90_N)
    if not record.overlapping:
        from scipy.stats import binomtest

        return float(binomtest(hits, n, _NOMINAL).pvalue)
    from scipy.special import betainc

    size = effective_number(record, COVERAGE_LEVEL / 2)
    held = hits / n * size
    at_most = 1.0 if held >= size else float(betainc(size - held, held + 1.0, 1.0 - _NOMINAL))
    at_least = 1.0 if held <= 0 else float(betainc(held, size - held + 1.0, _NOMINAL))
    return min(1.0, 2.0 * min(at_most, at_least))


def _settled(key: tuple[str, str, int], group: Sequence[tuple[date, Outcome]], rival: str) -> Settled:
    outcomes = [outcome for _, outcome in group]
    names = sorted({name for o in outcomes for name in o.baselines})
    arrays: dict[str, Any] = {  # a log score that is None becomes NaN
        ours: np.array([getattr(o, theirs) for o in outcomes], dtype=np.bool_ if "hit" in ours else np.float64)
        for ours, theirs in _OF_OUTCOMES.items()
    }
    return Settled(
        *key,
        target_sessions=np.array([target for target, _ in group], dtype="datetime64[D]"),
        **arrays,
        baselines={
            name: np.array([o.baselines[name].crps if name in o.baselines else math.nan for o in outcomes])
            for name in names
        },
        rival=rival if rival in names else None,
    )


def _score(record: Settled, alarm: str) -> LiveScore:
    n = len(record.y_N)
    comparisons = tuple(compare(record, name) for name in record.baselines)
    held, size = float(record.hit_90_N.mean()), effective_number(record)
    low, high = binomial_interval(held * size, size)
    unscored = bool(np.isnan(record.log_score_N).any())
    score = LiveScore(
        ticker=record.ticker,
        model=record.model,
        horizon=record.horizon,
        n=n,
        first=record.sessions[0].item(),
        last=record.sessions[-1].item(),
        crps=float(record.crps_N.mean()),
        log_score=None if unscored else float(record.log_score_N.mean()),
        mae_ratio=_mae_ratio(record),
        coverage_50=float(record.hit_50_N.mean()),
        coverage_90=held,
        coverage_90_low=low,
        coverage_90_high=high,
        raw_coverage_90=float(record.raw_hit_90_N.mean()),
        interval_score_90=float(record.interval_score_90_N.mean()),
        raw_interval_score_90=float(record.raw_interval_score_90_N.mean()),
        pit_p=_pit_p(record),
        comparisons=comparisons,
        rival=record.rival,
        decayed=bool(alarm),
        alarm=alarm,
        sentence="",
    )
    return replace(score, sentence=_sentence(record, score))


def _alarms(records: Sequence[Settled]) -> list[str]:
    """For each record, how it has decayed, or ""; p-values corrected for the number of records that are judged."""
    watched = [i for i, record in enumerate(records) if record.horizon == 1 and len(record.sessions) >= FEWEST]
    recent = [records[i].newest(WINDOW) for i in watched]
    comparisons = [compare(record, record.rival) if record.rival else None for record in recent]
    worse_p = holm([c.worse_p if c and c.n >= FEWEST else 1.0 for c in comparisons])
    held_p = holm([coverage_p(record) for record in recent])
    alarms = [""] * len(records)
    for i, record, comparison, worse, held in zip(watched, recent, comparisons, worse_p, held_p, strict=True):
        said = []
        if comparison and worse < WORSE_LEVEL:
            said.append(_worse(comparison, worse))
        if held < COVERAGE_LEVEL:
            said.append(f"90 % intervals held {100 * record.hit_90_N.mean():.1f} % ({p_text(held)})")
        if said:
            alarms[i] = f"over the last {len(record.sessions)} sessions {' and '.join(said)}"
    return alarms


def _sentence(record: Settled, score: LiveScore) -> str:
    sessions = len(record.sessions)
    over = f" over {sessions} sessions" if record.ticker == ALL else ""
    ahead = "" if record.horizon == 1 else f" {record.horizon} sessions ahead"
    subject = f"Live record of {_count(score.n, 'forecast')}{ahead}{over}"
    if sessions < EARLIEST:
        return f"{subject}: too early to judge, which takes {EARLIEST} sessions."
    rival = next((c for c in score.comparisons if c.baseline == score.rival), None)
    text = (
        f"{subject}: {_skill(rival)} 90 % intervals held {100 * score.coverage_90:.1f} % "
        f"(95 % range {100 * score.coverage_90_low:.1f} .. {100 * score.coverage_90_high:.1f})."
    )
    return f"{text} Decayed: {score.alarm}." if score.decayed else text


def _skill(c: LiveComparison | None) -> str:
    if c is None or c.n < EARLIEST:
        return "no baseline to compare with."
    name = _name(c.baseline)
    if c.crps_skill == 0.0:  # exactly: the same distribution was scored twice
        return f"{name} made the forecasts, so there is no skill over it to judge."
    if c.dm_p < LEVEL:
        return f"better than {name} by {100 * c.crps_skill:.1f} % ({p_text(c.dm_p)})."
    if c.worse_p < LEVEL:
        return f"{_worse(c, c.worse_p)}."
    return f"no evidence of skill over {name} ({100 * c.crps_skill:+.1f} %, {p_text(c.dm_p)})."


def _worse(c: LiveComparison, p: float) -> str:
    return f"worse than {_name(c.baseline)} by {-100 * c.crps_skill:.1f} % ({p_text(p)})"


def _summary(scores: Sequence[LiveScore], pooled: Sequence[LiveScore]) -> str:
    if not scores:
        return "No live forecast is settled yet."
    whole = (pooled or scores)[0]
    decayed = [score.ticker for score in scores if score.decayed]
    if not pooled or not decayed:
        return whole.sentence
    return f"{whole.sentence} Decayed by themselves: {', '.join(dict.fromkeys(decayed))}."


def _pit_p(record: Settled) -> float:
    """As if every session, or stretch of the horizon, had told one thing: forecasts that share days tell less each."""
    from scipy.stats import kstest, kstwo

    distance = kstest(record.pit_N, "uniform", method="asymp").statistic
    return float(kstwo.sf(distance, max(1, len(record.sessions) // record.horizon)))


def _mae_ratio(record: Settled) -> float:
    naive = float(np.abs(record.y_N).mean())
    return float(np.abs(record.error_N).mean()) / naive if naive > 0 else math.nan


def _baseline(record: Settled, name: str | None) -> Floats:
    missing_N = np.full(len(record.y_N), np.nan)
    return missing_N if name is None else record.baselines.get(name, missing_N)


def _lags(sessions: int, horizon: int) -> int:
    return max(min(10, int(np.cbrt(sessions))), horizon - 1)


def _name(baseline: str) -> str:
    return "the strongest baseline" if baseline == STRONGEST else display(baseline)


def _count(amount: int, noun: str) -> str:
    return f"{amount:,} {noun}" if amount == 1 else f"{amount:,} {noun}s"
