"""The verdict: what a backtest found, and what it allows to be said about a model in one plain sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from stockcast.evaluation.calibration import CalibrationReport
from stockcast.evaluation.calibrationeffects import CalibrationEffect, TickerRecord
from stockcast.evaluation.economics import Economics, PolicyVerdict
from stockcast.evaluation.eventscores import EventScore
from stockcast.evaluation.scores import Comparison, Entry, ForecastRows, Score
from stockcast.evaluation.serving import AHEAD, NOT_AHEAD, NOT_WORSE, Choice, InitialResult
from stockcast.evaluation.significance import diebold_mariano, newey_west_variance, pesaran_timmermann, pooled_by_date
from stockcast.forecasts import OPTIONAL

if TYPE_CHECKING:
    from stockcast.models.ensemble import LossCurve
    from stockcast.prices.history import Floats


ALL = "all"
"""The ticker of a comparison over all of them."""

LEVEL = 0.05
"""Skill is claimed below this one-sided p-value, and not above."""

_DISPLAY = {
    "random-walk": "the random walk",
    "random-walk-gaussian": "the Gaussian random walk",
    "random-walk-t": "the Student-t random walk",
    "drift": "drift",
    "mean": "the historical mean",
    "ar1": "AR(1)",
    "ewma-gaussian": "EWMA-Gaussian",
    "ewma-t": "EWMA-t",
    "har-t": "HAR-t",
    "har-t-events": "HAR-t with report dates",
    "garch-t": "GARCH-t",
    "gjr-garch-t": "GJR-GARCH-t",
    "fhs-garch": "FHS-GARCH",
    "lstm": "LSTM",
    "gru": "GRU",
    "rnn": "RNN",
}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the backtest allows to be said, in one sentence and in figures, which are None where nothing was scored.

    served_by, served_because, served_p: who makes the forecasts and why, as `evaluation.serving` chose.
    """

    sentence: str
    strongest_baseline: str
    crps_skill: float | None = None
    dm_p: float | None = None
    garch_skill: float | None = None
    garch_p: float | None = None
    point_ratio: float | None = None
    point_p: float | None = None
    hit_rate: float | None = None
    always_up: float | None = None
    direction_p: float | None = None
    coverage_50: float | None = None
    coverage_90: float | None = None
    served_by: str
    served_because: str
    served_p: float | None


_UNSCORED = "Not scored: there is no test part, so nothing shows how good these forecasts are."


@dataclass(frozen=True)
class FoldSummary:
    """One stage. train, validation, test: first and last target session and how many there are. steps: gradient steps
    of each member, by cell; curves: how each learnt. resumed: its forecasts were there already.

    initialised_from: "scratch", "the fold before", or the model that its networks began with; None: they were not
    trained. init: of such a model, its ids, and whether the networks were tuned or stayed as they were. served_by: by
    cell, who makes the forecasts of a model that was trained like this.
    """

    number: int
    train: tuple[date, date, int]
    validation: tuple[date, date, int]
    test: tuple[date, date, int]
    steps: dict[str, tuple[int, ...]] = field(default_factory=dict)
    curves: dict[str, tuple[LossCurve, ...]] = field(default_factory=dict)
    resumed: bool = False
    initialised_from: str | None = None
    init: InitialResult | None = None
    served_by: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BacktestResult:
    """The walk-forward of one ticker. network: the cell that the verdict is about, chosen on the first fold's
    validation part. scores, comparisons: of every step ahead; every network against every baseline. left_out:
    baselines that could not be fitted. record: the
    network's distributions with what happened, where rows are kept; earlier: of the first fold's validation part.
    event_scores: of the next session's forecasts, on days that carry the reaction to a report and on others; empty
    where no dates are known. policy: verdicts on policies, where some were asked for; positions: what each held at
    every origin, by name, where rows are kept.
    """

    ticker: str
    network: str
    data_sha256: str
    folds: tuple[FoldSummary, ...]
    scores: tuple[Score, ...]
    comparisons: tuple[Comparison, ...]
    validation_crps: dict[str, float]
    verdict: Verdict
    calibration: CalibrationReport | None
    economics: tuple[Economics, ...]
    calibrated: tuple[CalibrationEffect, ...] = ()
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    rows: tuple[ForecastRows, ...] = ()
    record: TickerRecord | None = None
    event_scores: tuple[EventScore, ...] = ()
    policy: tuple[PolicyVerdict, ...] = field(default=(), metadata=OPTIONAL)
    positions: Mapping[str, Floats] = field(default_factory=dict)

    @property
    def horizon(self) -> int:
        """Sessions ahead that were scored."""
        return max(score.horizon for score in self.scores)

    def scores_at(self, horizon: int) -> tuple[Score, ...]:
        """The scores of one step."""
        return tuple(score for score in self.scores if score.horizon == horizon)

    def comparisons_at(self, horizon: int) -> tuple[Comparison, ...]:
        """The comparisons of one step."""
        return tuple(found for found in self.comparisons if found.horizon == horizon)


@dataclass(frozen=True)
class PooledComparison:
    """A network against a baseline over all tickers: mean over tickers by date, one-sided Diebold-Mariano.

    tickers: how many, better: on how many of them it was better; found: with a false discovery rate of 10 %
    (Benjamini and Hochberg).
    """

    model: str
    baseline: str
    crps_skill: float
    dm_p: float
    dates: int
    tickers: int
    better: int
    found: int
    horizon: int = 1


@dataclass(frozen=True)
class BacktestSummary:
    """All tickers together. pooled: of every step. mean_crps, confidence_set: of the next session; the latter holds the
    competitors that cannot be told from the best one, with their p-values. calibrated: the networks' intervals before
    and after a calibration that learns from all tickers; empty for a single one. event_scores: those of the
    tickers with dates of reports together, of two and more.
    """

    results: tuple[BacktestResult, ...]
    pooled: tuple[PooledComparison, ...]
    mean_crps: dict[str, float]
    confidence_set: dict[str, float]
    calibrated: tuple[CalibrationEffect, ...] = ()
    event_scores: tuple[EventScore, ...] = ()


def display(name: str) -> str:
    """A competitor's name as a sentence writes it."""
    return _DISPLAY.get(name, name)


def verdict(
    network: Entry, baselines: Mapping[str, Entry], validation_crps: Mapping[str, float], chosen: Choice,
    serves: bool = True,
) -> Verdict:  # fmt: skip
    """Judge a network on one ticker's test part, against the baseline that was strongest on the validation part.

    Args:
        network: Its forecasts of the test part.
        baselines: Those of the baselines, by name, of the same outcomes.
        validation_crps: Mean CRPS by competitor on the validation part. It alone names the strongest baseline; the test
            part only judges.
        chosen: Who makes the forecasts, chosen on the validation part, too.
        serves: Whether the sentence says who makes the forecasts.

    Returns:
        The verdict; one-sided p-values of Diebold-Mariano (CRPS, absolute errors) and Pesaran-Timmermann (direction).
    """
    strongest = min(baselines, key=lambda name: validation_crps[name])
    o = network.outcomes
    return _judged(
        network.compare(baselines[strongest]),
        network.compare(baselines["garch-t"]) if "garch-t" in baselines else None,
        [network.score()],
        point_p=diebold_mariano(network.absolute_error_N, abs(o.price_N - o.last_close_N)).p_value,
        direction_p=pesaran_timmermann(o.y_N, network.up_N).p_value,
        chosen=chosen,
        serves=serves,
    )


def unscored_verdict(network: str, strongest: str, chosen: Choice) -> Verdict:
    """What can be said without a test part: who makes the forecasts, and that nothing shows how good they are.

    Args:
        network: The network.
        strongest: The baseline that was strongest on the validation part.
        chosen: Who makes the forecasts.
    """
    return Verdict(
        sentence=_UNSCORED + _chosen(network, strongest, chosen, serves=True),
        strongest_baseline=strongest,
        served_by=chosen.served_by,
        served_because=chosen.because,
        served_p=chosen.p,
    )


def pooled_verdict(
    network: str, results: Sequence[BacktestResult], pooled: Sequence[PooledComparison], strongest: str,
    chosen: Choice,
) -> Verdict:  # fmt: skip
    """Judge a network over all tickers, by date, against the baseline that was strongest on the validation parts.

    Args:
        network: The competitor that is judged.
        results: The backtest of each ticker, with its rows.
        pooled: Comparisons of losses averaged by date.
        strongest: The baseline to beat, as `strongest_on` names it.
        chosen: Who makes the forecasts.

    Returns:
        The verdict: ratios, hit rates and coverages are means over tickers, p-values those of losses averaged by date
        (direction: see `direction_p`; point: of absolute errors relative to the last close).

    Raises:
        ValueError: The network was not compared with that baseline.
    """
    against = _comparison(network, strongest, pooled)
    if against is None:
        raise ValueError(f"{network} was not compared with {strongest}")
    rows = [found for result in results for found in result.rows if found.model == network and found.horizon == 1]
    return _judged(
        against,
        _comparison(network, "garch-t", pooled),
        [score for result in results for score in result.scores_at(1) if score.model == network],
        point_p=_point_p(rows),
        direction_p=direction_p(rows),
        chosen=chosen,
    )


def _judged(
    against: Comparison, garch: Comparison | None, scores: Sequence[Score], point_p: float, direction_p: float,
    chosen: Choice, serves: bool = True,
) -> Verdict:  # fmt: skip
    """The verdict on a network by its scores, one for each ticker: a single ticker is a pool of one."""
    mean = {
        name: float(np.mean([getattr(score, name) for score in scores]))
        for name in ("mae_ratio", "hit_rate", "always_up", "coverage_50", "coverage_90")
    }
    return Verdict(
        sentence=sentence_of(against, garch, direction_p, chosen, serves),
        strongest_baseline=against.baseline,
        crps_skill=against.crps_skill,
        dm_p=against.dm_p,
        garch_skill=garch.crps_skill if garch else None,
        garch_p=garch.dm_p if garch else None,
        point_ratio=mean["mae_ratio"],
        point_p=point_p,
        hit_rate=mean["hit_rate"],
        always_up=mean["always_up"],
        direction_p=direction_p,
        coverage_50=mean["coverage_50"],
        coverage_90=mean["coverage_90"],
        served_by=chosen.served_by,
        served_because=chosen.because,
        served_p=chosen.p,
    )


def sentence_of(
    against: Comparison, garch: Comparison | None, direction_p: float, chosen: Choice, serves: bool = True
) -> str:
    """The verdict in words.

    Args:
        against: The network against the strongest baseline.
        garch: The same against GARCH.
        direction_p: Of rises and falls called better than by luck.
        chosen: Who makes the forecasts; said with its reason where the network was not ahead of the strongest baseline.
        serves: Say who makes the forecasts, not only what the choice rests on.
    """
    sentence = f"{_intervals(against, garch)} {_direction(direction_p)}"
    return sentence + _chosen(against.model, against.baseline, chosen, serves)


def _chosen(network: str, strongest: str, chosen: Choice, serves: bool) -> str:
    """What is added where the network was not ahead of the strongest baseline: who serves, and why."""
    if chosen.because == AHEAD:
        return ""
    by = "it" if chosen.served_by == network else display(chosen.served_by)
    reason = f" {_reason(display(network), strongest, chosen)}"
    return f"{reason}, so {by} makes the forecasts." if serves else f"{reason}."


def _reason(network: str, strongest: str, chosen: Choice) -> str:
    """Why somebody serves where the network was not ahead of the strongest baseline, without a full stop."""
    behind = f"The {network} did not beat {display(strongest)} on the validation part"
    rival = display(chosen.rival)
    if chosen.p is None:
        return behind if chosen.because == NOT_AHEAD else f"{behind}, but beat {rival}"
    p = p_text(chosen.p)
    if chosen.because == NOT_WORSE:
        worse = "worse" if chosen.rival == strongest else f"worse than {rival}"
        return f"{behind}, but was not significantly {worse} ({p}), and many stocks have taught it"
    worse = f"was significantly worse than {rival} on the validation part ({p})"
    return f"The {network}, which many stocks have taught, {worse}"


def _intervals(against: Comparison, garch: Comparison | None) -> str:
    strongest = against.baseline
    claimed = against.dm_p < LEVEL
    if claimed:
        text = f"Intervals: better than the strongest baseline ({display(strongest)}) by {_figures(against)}"
    else:
        text = f"Intervals: no evidence of skill over the strongest baseline ({display(strongest)}; {_signed(against)})"
    if garch is None or strongest == "garch-t":
        return text + "."
    if garch.dm_p < LEVEL:
        return f"{text}{' and than' if claimed else ', though better than'} GARCH by {_figures(garch)}."
    return f"{text}{', but no evidence of skill' if claimed else ', nor'} over GARCH ({_signed(garch)})."


def _direction(p: float) -> str:
    if p < LEVEL:
        return f"Price direction: called better than by luck ({p_text(p)}), before any trading cost."
    return f"Price direction: no evidence of skill ({p_text(p)})."


def _figures(c: Comparison) -> str:
    return f"{100 * c.crps_skill:.1f} % ({p_text(c.dm_p)})"


def _signed(c: Comparison) -> str:
    return f"{100 * c.crps_skill:+.1f} %, {p_text(c.dm_p)}"


def p_text(p: float) -> str:
    """A p-value with the digits that say something; never rounded across the level."""
    if p < 0.001:
        return "p < 0.001"
    return f"p = {p:.3f}" if p < 0.01 or LEVEL - 0.005 <= p < LEVEL + 0.005 else f"p = {p:.2f}"


def strongest_on(network: str, validation_crps: Sequence[Mapping[str, float]]) -> str:
    """The baseline with the lowest mean CRPS on the validation parts, relative to each ticker's mean over baselines.

    Args:
        network: The competitor that is no baseline.
        validation_crps: Of each ticker, the CRPS by competitor. A baseline that a ticker lacks is not chosen.
    """
    relative: dict[str, list[float]] = {}
    for found in validation_crps:
        crps = {name: loss for name, loss in found.items() if name != network}
        usual = float(np.mean(list(crps.values())))
        for name, loss in crps.items():
            relative.setdefault(name, []).append(loss / usual)
    everywhere = {name: losses for name, losses in relative.items() if len(losses) == len(validation_crps)}
    return min(everywhere, key=lambda name: float(np.mean(everywhere[name])))


def sentences(network: str, results: Sequence[BacktestResult], strongest: str, chosen: Choice) -> dict[str, str]:
    """The verdict on each ticker in words, by ticker, with p-values after control of the false discovery rate."""
    over_strongest, over_garch = (_controlled(network, results, name) for name in (strongest, "garch-t"))
    by_ticker = {result.ticker: result.verdict.direction_p for result in results}
    directions = controlled_p({ticker: p for ticker, p in by_ticker.items() if p is not None})
    looked = f" The p-values allow for {len(results)} tickers having been looked at." if len(results) > 1 else ""
    return {
        ticker: sentence_of(against, over_garch.get(ticker), directions[ticker], chosen) + looked
        for ticker, against in over_strongest.items()
    }


def adjusted_p(network: str, results: Sequence[BacktestResult], baseline: str) -> dict[str, float]:
    """p-values of a network over a baseline by ticker, after control of the false discovery rate."""
    return {ticker: c.dm_p for ticker, c in _controlled(network, results, baseline).items()}


def _controlled(network: str, results: Sequence[BacktestResult], baseline: str) -> dict[str, Comparison]:
    """The network against a baseline by ticker; tickers that lack the baseline are left out."""
    alone = {c.ticker: c for r in results for c in r.comparisons_at(1) if (c.model, c.baseline) == (network, baseline)}
    p_values = controlled_p({ticker: c.dm_p for ticker, c in alone.items()})
    return {ticker: replace(c, dm_p=p_values[ticker]) for ticker, c in alone.items()}


def direction_p(rows: Sequence[ForecastRows], lags: int = 10) -> float:
    """One-sided p-value of rises and falls called better than by luck, over all tickers.

    For each ticker the product of the centred forecast direction and the centred outcome, whose mean is their
    covariance; its mean by date against zero, with the Newey-West variance.

    Args:
        rows: Every forecast of one competitor, by ticker.
        lags: Of the variance.

    Returns:
        The p-value; 1.0 where the mean by date does not vary.

    Reference: Pesaran and Timmermann 2009, Testing dependence among serially correlated multicategory variables, for
    two categories.
    """
    dates, products = [], []
    for found in rows:
        called = (found.median_N > 0.0).astype(np.float64)
        rose = (found.realised_return > 0.0).astype(np.float64)
        dates.append(found.target_sessions)
        products.append((called - called.mean()) * (rose - rose.mean()))
    return _upper_p(dates, products, lags)


def _point_p(rows: Sequence[ForecastRows]) -> float:
    """Of the median price being nearer to the outcome than the last close is, by date."""
    dates = [found.target_sessions for found in rows]
    gains = [
        np.abs(np.expm1(found.realised_return)) - np.abs(np.exp(found.median_N) - np.exp(found.realised_return))
        for found in rows
    ]
    return _upper_p(dates, gains, 10)


def _upper_p(dates: Sequence[object], values: Sequence[object], lags: int) -> float:
    """P of a mean by date as far above zero, without any reason to be."""
    _, by_date = pooled_by_date(np.concatenate(dates), np.concatenate(values))  # type: ignore[arg-type]
    variance = newey_west_variance(by_date, lags) if len(by_date) > 1 else 0.0
    if not variance > 0.0:
        return 1.0
    from scipy.special import stdtr  # not at the top: scoring starts without SciPy

    return float(stdtr(len(by_date) - 1, -float(by_date.mean()) / np.sqrt(variance)))


def _comparison(network: str, baseline: str, pooled: Sequence[PooledComparison]) -> Comparison | None:
    for c in pooled:
        if (c.model, c.baseline, c.horizon) == (network, baseline, 1):
            return Comparison(ALL, network, baseline, c.crps_skill, c.dm_p)
    return None


def controlled_p(p_values: Mapping[str, float]) -> dict[str, float]:
    """p-values by ticker after control of the false discovery rate."""
    from stockcast.evaluation.significance import benjamini_hochberg

    found = benjamini_hochberg(list(p_values.values()))
    return dict(zip(p_values, found.tolist(), strict=True))
