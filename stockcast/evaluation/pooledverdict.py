"""The verdict on a pool: what many tickers together allow to be said, in one plain sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from stockcast.evaluation.backtest import Comparison, ForecastRows, Score
from stockcast.evaluation.significance import newey_west_variance, pooled_by_date
from stockcast.evaluation.verdict import BacktestResult, PooledComparison, Verdict, sentence_of

ALL = "all"


def pooled_verdict(
    network: str, results: Sequence[BacktestResult], pooled: Sequence[PooledComparison], strongest: str, served_by: str
) -> Verdict:
    """Judge a network over all tickers, by date, against the baseline that was strongest on the validation parts.

    Ratios, hit rates and coverages are means over tickers; p-values those of losses averaged by date. Direction: see
    `direction_p`. point_p: of absolute errors relative to the last close.
    """
    against = _comparison(network, strongest, pooled)
    garch = _comparison(network, "garch-t", pooled)
    if against is None:
        raise ValueError(f"{network} was not compared with {strongest}")
    scores = [score for result in results for score in result.scores_at(1) if score.model == network]
    rows = [found for result in results for found in result.rows if found.model == network and found.horizon == 1]
    p_direction = direction_p(rows)
    return Verdict(
        sentence=sentence_of(network, strongest, against, garch, p_direction, served_by, serves=True),
        strongest_baseline=strongest,
        crps_skill=against.crps_skill,
        dm_p=against.dm_p,
        garch_skill=garch.crps_skill if garch else None,
        garch_p=garch.dm_p if garch else None,
        point_ratio=_mean(scores, "mae_ratio"),
        point_p=_point_p(rows),
        hit_rate=_mean(scores, "hit_rate"),
        always_up=_mean(scores, "always_up"),
        direction_p=p_direction,
        coverage_50=_mean(scores, "coverage_50"),
        coverage_90=_mean(scores, "coverage_90"),
        served_by=served_by,
    )


def strongest_of(results: Sequence[BacktestResult]) -> str:
    """`strongest_on` the validation parts of some backtests of one network."""
    return strongest_on(results[0].network, [result.validation_crps for result in results])


def strongest_on(network: str, validation_crps: Sequence[Mapping[str, float]]) -> str:
    """The baseline with the lowest mean CRPS on the validation parts, relative to each ticker's mean over baselines.

    validation_crps: of each ticker, by competitor. A baseline that a ticker lacks is not chosen.
    """
    relative: dict[str, list[float]] = {}
    for found in validation_crps:
        crps = {name: loss for name, loss in found.items() if name != network}
        usual = float(np.mean(list(crps.values())))
        for name, loss in crps.items():
            relative.setdefault(name, []).append(loss / usual)
    everywhere = {name: losses for name, losses in relative.items() if len(losses) == len(validation_crps)}
    return min(everywhere, key=lambda name: float(np.mean(everywhere[name])))


def sentences(network: str, results: Sequence[BacktestResult], strongest: str, served_by: str) -> dict[str, str]:
    """The verdict on each ticker in words, by ticker, with p-values after control of the false discovery rate."""
    over_strongest, over_garch = (_controlled(network, results, name) for name in (strongest, "garch-t"))
    directions = adjusted({result.ticker: result.verdict.direction_p for result in results})
    looked = f" The p-values allow for {len(results)} tickers having been looked at." if len(results) > 1 else ""
    return {
        ticker: sentence_of(network, strongest, against, over_garch.get(ticker), directions[ticker], served_by, True)
        + looked
        for ticker, against in over_strongest.items()
    }


def adjusted_p(network: str, results: Sequence[BacktestResult], baseline: str) -> dict[str, float]:
    """p-values of a network over a baseline by ticker, after control of the false discovery rate."""
    return {ticker: c.dm_p for ticker, c in _controlled(network, results, baseline).items()}


def _controlled(network: str, results: Sequence[BacktestResult], baseline: str) -> dict[str, Comparison]:
    """The network against a baseline by ticker; tickers that lack the baseline are left out."""
    alone = {c.ticker: c for r in results for c in r.comparisons_at(1) if (c.model, c.baseline) == (network, baseline)}
    p_values = adjusted({ticker: c.dm_p for ticker, c in alone.items()})
    return {ticker: replace(c, dm_p=p_values[ticker]) for ticker, c in alone.items()}


def direction_p(rows: Sequence[ForecastRows], lags: int = 10) -> float:
    """One-sided p-value of rises and falls called better than by luck, over all tickers.

    For each ticker the product of the centred forecast direction and the centred outcome, whose mean is their
    covariance; its mean by date against zero, with the Newey-West variance: Pesaran and Timmermann 2009, Testing
    dependence among serially correlated multicategory variables, for two categories. 1.0 where it does not vary.
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


def _mean(scores: Sequence[Score], name: str) -> float:
    return float(np.mean([getattr(score, name) for score in scores]))


def adjusted(p_values: Mapping[str, float]) -> dict[str, float]:
    """p-values by ticker after control of the false discovery rate."""
    from stockcast.evaluation.significance import benjamini_hochberg

    found = benjamini_hochberg(list(p_values.values()))
    return dict(zip(p_values, found.tolist(), strict=True))
