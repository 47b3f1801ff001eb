"""Results that the pipeline alone returns: frozen, for `report` to render.

What a lower floor finds stands beside its function: scores and verdicts in `evaluation`, forecasts in `forecasts`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stockcast.evaluation.eventscores import EventScore
    from stockcast.evaluation.scores import Comparison, ForecastRows, Score
    from stockcast.evaluation.serving import InitialResult
    from stockcast.evaluation.verdict import BacktestResult, BacktestSummary, FoldSummary, Verdict
    from stockcast.forecasts import Forecast, ForecastEvent
    from stockcast.models.ensemble import LossCurve
    from stockcast.windows.splits import PartSummary


@dataclass(frozen=True)
class BacktestPlan:
    """A backtest that was not run.

    Attributes:
        ticker: Of its source.
        folds: What is trained and scored; those are `resumed` whose file is there already.
        pieces: Folds that are still to be fitted.
        seconds: What these are expected to take on one core.
    """

    ticker: str
    folds: tuple[FoldSummary, ...]
    pieces: int
    seconds: float


@dataclass(frozen=True)
class TrainResult:
    """What `train` did with one source.

    Attributes:
        splits: Parts by name (train, validation, test).
        validation_crps: By competitor, what the choice of the strongest baseline rested on.
        scored_cutoff: Last session of the training and validation part of what is scored.
        served_cutoff: The same of what makes the forecasts; without a final fit they are equal.
        steps: Gradient steps of each member.
        forecasts: The next session's, or one for each step of the horizon.
        init: What the networks were initialised from; None: from scratch.
        event_scores: On days that carry the reaction to a report and on others; empty where no dates are known.
    """

    ticker: str
    model: str
    model_id: str
    cell: str
    splits: dict[str, PartSummary]
    scores: tuple[Score, ...]
    comparisons: tuple[Comparison, ...]
    validation_crps: dict[str, float]
    verdict: Verdict
    forecasts: tuple[Forecast, ...]
    scored_cutoff: date
    served_cutoff: date
    steps: tuple[int, ...]
    notes: tuple[str, ...]
    path: Path
    test_forecasts: tuple[ForecastRows, ...] = ()
    init: InitialResult | None = None
    event_scores: tuple[EventScore, ...] = ()


@dataclass(frozen=True)
class PoolResult:
    """What `train --pool` did.

    members: tickers of the pool; those with a training part taught the model. summary: every ticker with a test part,
    scored alone and all together. verdict: on all of them. adjusted_p: by ticker, the p-value over the strongest
    baseline after control of the false discovery rate (Benjamini and Hochberg); sentences: the verdict on each ticker,
    with such p-values. untested: members without enough sessions around the test part. market: whether the network
    looks at the cross-section. splits: parts by name, in sessions that any series has. left_out: the exchange of each
    ticker that is no member because it trades elsewhere than the others. steps: of each network of the ensemble.
    """

    model: str
    model_id: str
    cell: str
    members: tuple[str, ...]
    untested: tuple[str, ...]
    market: bool
    splits: dict[str, PartSummary]
    summary: BacktestSummary
    verdict: Verdict
    sentences: dict[str, str]
    adjusted_p: dict[str, float]
    scored_cutoff: date
    served_cutoff: date
    steps: tuple[int, ...]
    curves: tuple[LossCurve, ...]
    path: Path
    left_out: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SkillRow:
    """One competitor over all tickers; `kind` is network or baseline. None: undefined, or nothing to compare with.

    crps_bp: CRPS of log returns in basis points, mean over tickers. Gains are means over tickers: of 1 - CRPS / CRPS of
    the other, as a share, over the table's reference, GARCH-t and HAR-t (reference_gain, garch_gain, har_gain); of the
    log score less the reference's, in nats; of 1 - score / the reference's of the central 90 % interval, as a share.
    coverage_50, coverage_90: shares of all forecasts. better_than_garch, better_than_har: tickers with a lower CRPS.
    network_gain: of the table's network over this competitor, as a share; network_p: one-sided, None where the backtest
    has no such test, as between two networks.
    """

    model: str
    kind: str
    crps_bp: float
    reference_gain: float | None
    garch_gain: float | None
    har_gain: float | None
    log_score_gain: float | None
    interval_score_gain: float | None
    coverage_50: float
    coverage_90: float
    better_than_garch: int | None
    better_than_har: int | None
    network_gain: float | None
    network_p: float | None


@dataclass(frozen=True)
class SkillTable:
    """All competitors that every ticker has, in descending order of reference_gain.

    first, last: target sessions. n: forecasts of one competitor over all tickers. folds: the fewest and the most of a
    ticker. network: the one that the verdicts of most tickers are about, of equals the first named. reference: GARCH-t
    or, where not every ticker has it, the baseline with the lowest CRPS. confidence_set: competitors that cannot be
    told from the best one, with their p-values. left_out: competitors that some ticker lacks.
    """

    rows: tuple[SkillRow, ...]
    tickers: tuple[str, ...]
    first: date
    last: date
    n: int
    folds: tuple[int, int]
    network: str
    reference: str
    confidence_set: Mapping[str, float]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class FanStep:
    """The forecast of one session ahead, as prices. quantiles: by level, such as 0.05, in ascending order.

    event: the report that the session reacts to, or may; None where none is known.
    """

    horizon: int
    target_session: date
    median: float
    quantiles: Mapping[float, float]
    event: ForecastEvent | None = None


@dataclass(frozen=True)
class Report:
    """One source, judged and forecast.

    result: its backtest, with `rows`. confidence_set: competitors that cannot be told from the best one, by p-value.
    dates, closes: the newest sessions, oldest first, closes in shares of the last one with dividends added, so that no
    split looks like a crash. fan: the forecast from the last of them, made by `forecaster`, a competitor of the last
    fold. configuration: settings by name. source: where the prices come from. created_at: ISO time. version: of
    stockcast.
    """

    result: BacktestResult
    confidence_set: Mapping[str, float]
    dates: tuple[date, ...]
    closes: tuple[float, ...]
    currency: str | None
    fan: tuple[FanStep, ...]
    forecaster: str
    configuration: Mapping[str, str]
    source: str
    created_at: str
    version: str


@dataclass(frozen=True)
class AuditCheck:
    """One thing that was checked. ok: True, False where something looks ahead, None for a warning."""

    name: str
    ok: bool | None
    detail: str


@dataclass(frozen=True)
class AuditResult:
    """The audit of one source.

    settings: what it was made with, plain values by name. left_out: what was not checked, and why. verdict: a sentence.
    """

    ticker: str
    settings: Mapping[str, Any]
    checks: tuple[AuditCheck, ...]
    left_out: tuple[str, ...]
    verdict: str

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the checks that failed."""
        return tuple(check.name for check in self.checks if check.ok is False)


@dataclass(frozen=True)
class FetchResult:
    """A ticker's prices in the store after a look at the provider.

    sessions: bars stored. added: new ones. corrected: stored bars that the provider has since changed. restated: why
    the whole history was replaced, None where it was not. asked: False where the stored prices did. completed: the
    exchange's last session that is over; age_sessions: sessions that the newest bar is behind it.
    """

    ticker: str
    exchange: str
    currency: str | None
    first: date
    last: date
    sessions: int
    added: int
    corrected: int
    restated: str | None
    asked: bool
    completed: date
    age_sessions: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Retraining:
    """One training of a run. outcome: first, replaced or kept (the old model stayed); reason: in words.

    old_crps, new_crps: mean over the `sessions` test sessions after the old model's cutoff; None for a first model.
    """

    outcome: str
    reason: str
    old_crps: float | None = None
    new_crps: float | None = None
    sessions: int = 0


@dataclass(frozen=True)
class TickerPlan:
    """What a run would do for one ticker.

    Attributes:
        last: Its newest stored bar; None where nothing is stored.
        behind: Sessions that are over and not stored; None where nothing is stored.
        training: Why its model would be trained; None where it would not.
        seconds: What that is expected to take on one core; None without prices to tell.
    """

    ticker: str
    last: date | None
    behind: int | None
    training: str | None
    seconds: float | None


@dataclass(frozen=True)
class TickerRun:
    """What became of one ticker: prices added, forecasts settled, a training perhaps, and the forecasts on record.

    new: forecasts that this run recorded; the others were there already. missed: sessions since the one before without
    a live forecast.
    """

    ticker: str
    origin: date
    fetched: int
    restated: str | None
    settled: int
    void: int
    training: Retraining | None
    new: int
    forecasts: tuple[Forecast, ...]
    missed: tuple[date, ...]


@dataclass(frozen=True)
class RunResult:
    """The whole run: its tickers that went well, and the files that were written."""

    started: str
    tickers: tuple[TickerRun, ...]
    written: tuple[str, ...]


@dataclass(frozen=True)
class Export:
    """A network that was written for other programs. fit: which of the model's; cutoff: last session that it has seen.

    served_by: what makes the model's own forecasts, the network's cell or a baseline. features: in the order of the
    input's last axis. size: bytes.
    """

    model: str
    model_id: str
    path: Path
    format: str
    fit: str
    cell: str
    served_by: str
    cutoff: date
    lookback: int
    features: tuple[str, ...]
    size: int


KINDS = ("identical", "other-versions", "other-device", "other-processor", "unknown-processor", "damaged")
"""What became of a reproduction. Bytes are promised for the same versions and processor: only then is it damage."""


@dataclass(frozen=True)
class TensorDifference:
    """A tensor that is not the same byte by byte. values: how many of `size` differ; largest: by how much at most.

    Both are None where the shapes differ or one of the models lacks it.
    """

    name: str
    size: int
    values: int | None = None
    largest: float | None = None


@dataclass(frozen=True)
class Reproduction:
    """What `reproduce` found. model_id: of the saved model; again: of the one trained now.

    identical: every tensor, every parameter and the id are the same. tensors: how many there are; different: those that
    differ. parameters: places in the manifest whose values differ. versions: by package, the version then and now where
    they differ; None where it was not known. machine: the same of the processor and what the packages make of it.
    device: what trained it.
    """

    model: str
    members: int
    model_id: str
    again: str
    identical: bool
    tensors: int
    different: tuple[TensorDifference, ...]
    parameters: tuple[str, ...]
    versions: dict[str, tuple[str | None, str | None]]
    device: str
    machine: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Whether it is the same, and what may be to blame where it is not: one of KINDS."""
        if self.identical:
            return "identical"
        if self.versions:
            return "other-versions"
        if self.device != "cpu":
            return "other-device"
        if any(then is None for then, _ in self.machine.values()):
            return "unknown-processor"
        return "other-processor" if self.machine else "damaged"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    ok: True where it works, False where something cannot, None for a warning. message: what was found. hint: what to
    do about it.
    """

    name: str
    ok: bool | None
    message: str
    hint: str = ""

    @property
    def state(self) -> str:
        """The word for `ok`: ok, warning or broken."""
        return "ok" if self.ok else "warning" if self.ok is None else "broken"


@dataclass(frozen=True)
class Diagnosis:
    """All that was looked at, in that order."""

    checks: tuple[Check, ...]

    @property
    def healthy(self) -> bool:
        """Whether nothing is broken; warnings are allowed."""
        return all(check.ok is not False for check in self.checks)


@dataclass(frozen=True)
class SomeDays:
    """Days, of which the first few are named."""

    count: int
    days: tuple[date, ...]


@dataclass(frozen=True)
class SomeRows:
    """Rows of a file that are no bars: why, how many, and the first few, counted from 1, header included."""

    reason: str
    count: int
    rows: tuple[int, ...]


@dataclass(frozen=True)
class CheckedFile:
    """How a price file is read.

    Attributes:
        source: The file as it was given.
        ticker: What its bars are called.
        form: What the file is, such as CSV or Parquet.
        encoding: What its text is written in; empty where it is none.
        delimiter: What is between its cells; empty where nothing is.
        date_column: The name of the column of dates.
        date_form: How dates are written: a format as of strptime, or words.
        date_example: A date as it stands there.
        days: Of what days the bars are: those that are written, or those on an exchange's clock.
        columns: The other columns that are read: what each is, and its name in the file.
        unread: Names of the columns that are not.
        exchange: The calendar that the bars are taken for.
        exchange_reason: What says so.
        bars: How many there are.
        first: The first session.
        last: The last session.
        missing: Sessions between the two without a bar.
        extra: Bars on other days.
        left_out: Rows that are no bars.
        splits: Those that the file states: the session, and new shares for an old one.
        tick: The smallest step between prices of late; None where they show none.
        warnings: What is told on every command: doubts about the exchange, rows left out.
        notes: What `-v` tells besides: repairs, columns that are not there.
        read_with: The reading options that were given or remembered, as they are typed.
    """

    source: str
    ticker: str
    form: str
    encoding: str
    delimiter: str
    date_column: str
    date_form: str
    date_example: str
    days: str
    columns: Mapping[str, str]
    unread: tuple[str, ...]
    exchange: str
    exchange_reason: str
    bars: int
    first: date
    last: date
    missing: SomeDays
    extra: SomeDays
    left_out: tuple[SomeRows, ...]
    splits: Mapping[str, float]
    tick: float | None
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    read_with: str
