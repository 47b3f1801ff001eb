"""Forecasting: a trained model and a history become `Forecast`s. Pure NumPy: no torch, pandas or scipy.

Shapes: N origins, H steps, P simulated paths, Q quantiles.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from typing import TYPE_CHECKING

import numpy as np

from stockcast.config import PredictConfig, ReadOptions, TrainConfig
from stockcast.errors import DataError, ModelError
from stockcast.forecasts import Forecast, ForecastEvent, PolicyPosition
from stockcast.models.baselines import Baseline
from stockcast.models.distribution import Distribution, Empirical, StudentT
from stockcast.models.ensemble import Ensemble
from stockcast.models.simulation import PathPlan, Shocks
from stockcast.prices.history import History
from stockcast.prices.sessions import SessionCalendar
from stockcast.windows.covariates import (
    COVARIATES,
    KNOWN,
    MARKET,
    OF_POOLS,
    Covariates,
    CovariatesRecord,
    extended,
    groups_of,
)
from stockcast.windows.events import features_with_events
from stockcast.windows.features import HAR_SPANS, VOLUME_NAMES, Features, SessionReturns, is_still
from stockcast.windows.market import Market
from stockcast.windows.splits import first_origin

if TYPE_CHECKING:
    from stockcast.models.conformal import Calibration
    from stockcast.models.policy import Policy

LEVELS = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
"""Quantile levels of a forecast."""

LONGEST_STILL = HAR_SPANS[-1]
"""Sessions after which a price that has not moved is forecast no more: the base scale looks back no further."""

FITS = ("scored", "served", "alone_scored", "alone_served")
"""Names of a model's fits, as its folder has them: see `TrainedModel`."""

MANY = 30
"""Tickers that a pool was scored on at least, where its network is taken to have proven something on others; pools of
that size were measured on strangers.
"""

_FARTHEST, _ALIKE = 20.0, 1e-6

_RECENT = 30  # closes that a forecast is drawn beside


@dataclass(frozen=True)
class Fit:
    """Everything fitted on sessions up to the ensemble's cutoff: network, baselines, and bars to draw from."""

    ensemble: Ensemble
    baselines: Mapping[str, Baseline]
    shocks: Shocks

    @property
    def cutoff(self) -> date:
        """Last session that was a training target, or that chose anything."""
        return self.ensemble.cutoff

    @property
    def needs(self) -> frozenset[str]:
        """What it looks at beside the ticker's own bars: groups of columns that somebody has to give."""
        return groups_of(self.ensemble.standardiser.names) & {MARKET, COVARIATES, KNOWN}

    def forecaster(self, name: str) -> Ensemble | Baseline:
        """The competitor of that name: a baseline, or the network under its cell's name."""
        return self.baselines.get(name, self.ensemble)


@dataclass(frozen=True)
class KeptPolicy:
    """A policy that was learnt beside a model's networks, and what its test part allows to be said of it.

    fits: "scored" and, where there was a final fit, "served", as those of `TrainedModel`.
    """

    sentence: str
    fits: Mapping[str, Policy]

    def position(self, f: Features, origin: date) -> PolicyPosition | None:
        """What it holds from the origin, the last row of the columns, on; None where it has seen later sessions."""
        known = [fit for fit in self.fits.values() if fit.cutoff <= origin]
        if not known:
            return None
        return PolicyPosition(float(known[-1].positions(f, len(f) - 1, len(f))[0]), self.sentence)


@dataclass(frozen=True)
class TrainedModel:
    """A model as it is kept: its fits by name and what is served of them.

    fits: "scored", which never saw the test part; "served", which saw the whole history and makes the forecasts, where
    there was a final fit; and, where those look at a market, "alone_scored" and "alone_served", which do without one.
    served_by: the competitor that validation chose. sentence: the verdict. calendar: sessions for target dates.
    summary: backtest results, for the reader.

    Of a pool: members, the tickers that it was trained on; sentences, their own verdicts; market, what their
    cross-section did in each session. A model of one ticker that was initialised from a pool's networks keeps that
    pool's members and market, and has no sentences.

    covariates: the further series and known dates that it was trained with, and where they were;
    covariate_series: the series themselves where they have been found, which are not kept. reading: what was said of
    how to read its prices. notes: what whoever uses it should know. policy: what learnt how much to hold, if anything.
    """

    name: str
    ticker: str
    model_id: str
    config: TrainConfig
    fits: Mapping[str, Fit]
    served_by: str
    sentence: str
    calendar: SessionCalendar
    currency: str | None = None
    summary: Mapping[str, object] = field(default_factory=dict)
    members: tuple[str, ...] = ()
    sentences: Mapping[str, str] = field(default_factory=dict)
    market: Market | None = None
    covariates: CovariatesRecord | None = None
    covariate_series: Covariates | None = None
    reading: ReadOptions = field(default_factory=ReadOptions)
    notes: tuple[str, ...] = ()
    policy: KeptPolicy | None = None

    @property
    def scored(self) -> Fit:
        """The fit that never saw the test part."""
        return self.fits["scored"]

    @property
    def served(self) -> Fit:
        """The fit that makes the newest forecasts: the scored one where there was no final fit."""
        return self.fits.get("served", self.scored)

    @property
    def has_fallback(self) -> bool:
        """Whether some of its fits look at a market and others do without one."""
        return len({MARKET in fit.needs for fit in self.fits.values()}) > 1

    @property
    def is_pool(self) -> bool:
        """Whether it was trained on many tickers, and scored on some of them."""
        return bool(self.sentences)

    @property
    def is_proven(self) -> bool:
        """Whether its network serves many tickers that taught it: what a handful teach is no evidence on others."""
        return len(self.sentences) >= MANY and self.served_by == self.config.network.cell

    def sentence_for(self, ticker: str) -> str:
        """The verdict on a ticker; for one that a pool was not scored on, that of the pool, which says so."""
        if not self.is_pool:
            return self.sentence
        others = f"Measured on {len(self.sentences)} tickers of the pool, not on this one. {self.sentence}"
        return self.sentences.get(ticker, others)

    def fits_without(self, *missing: str) -> tuple[Fit, ...]:
        """The fits, oldest first, that need nothing of what is missing and look at the most of all else.

        Args:
            missing: groups of columns (`Fit.needs`) that are not to be had. Where every fit needs one of them, all
                fits are asked: whoever gives them their columns says what is missing.
        """
        able = [fit for fit in self.fits.values() if fit.needs.isdisjoint(missing)] or list(self.fits.values())
        most = max(len(fit.needs) for fit in able)
        return tuple(sorted((fit for fit in able if len(fit.needs) == most), key=lambda fit: fit.cutoff))

    def fit_for(self, origin: date, market: Market | None = None) -> Fit:
        """The latest fit that saw nothing after `origin` and whose columns are to be had from that market.

        Raises:
            ModelError: every fit has seen later sessions.
        """
        missing = () if market is not None and market.reaches(origin) else (MARKET,)
        fits = self.fits_without(*missing)
        for fit in reversed(fits):
            if fit.cutoff <= origin:
                return fit
        earliest = fits[0].cutoff
        raise ModelError(
            f"model {self.name} was trained on sessions up to {earliest} and cannot forecast "
            f"from {origin} without looking ahead",
            f"choose a date from {earliest} on, or train with --test-from on or before {origin}",
        )


def forecast(model: TrainedModel, history: History, config: PredictConfig, now: datetime) -> tuple[Forecast, ...]:
    """Forecasts of the sessions after the origin, one for each step of the horizon, as the model makes them.

    The origin is the last bar on or before `config.as_of`; nothing after it is looked at. Raises DataError where the
    history is too short, ModelError where the model has seen sessions after the origin.
    """
    view = View.of(model, history, config)
    return view.forecasts(view.dists(model.served_by), Clock(model.calendar, _last_complete(now), now))


@dataclass(frozen=True)
class Clock:
    """When a forecast is made: the exchange's sessions, the last of them that is over, and the time."""

    calendar: SessionCalendar
    completed: date
    now: datetime


@dataclass(frozen=True)
class View:
    """What a model sees at an origin, the last bar of `past`; `fit` is its latest fit that saw nothing later."""

    model: TrainedModel
    past: History
    f: Features
    fit: Fit
    config: PredictConfig

    @classmethod
    def of(
        cls, model: TrainedModel, history: History, config: PredictConfig, market: Market | None = None
    ) -> View:  # fmt: skip
        """The view from the last bar on or before `config.as_of`. Raises what `forecast` raises.

        market: of the model's members, up to the origin or further; None: the one that was kept with the model.
        """
        past = _until(history, config.as_of)
        needed = first_origin(model.config.network.lookback) + 2
        if len(past) < needed:
            raise DataError(
                f"{len(past)} sessions up to {past.last} are too few for a window of "
                f"{model.config.network.lookback}: at least {needed} are needed",
                "use a longer history",
            )
        refuse_still(past, "--as-of")
        horizon = config.horizon or model.config.horizon
        market = market or model.market
        fit = model.fit_for(past.last, market)
        covariate_series = None if model.covariate_series is None else model.covariate_series.of(past.ticker)
        f = seen_by(fit.ensemble, features_with_events(past), model.calendar, market, covariate_series)
        return cls(model, past, f, fit, replace(config, horizon=horizon))

    @property
    def horizon(self) -> int:
        """Sessions forecast."""
        return self.config.horizon or 1

    def dists(self, name: str) -> tuple[Distribution, ...]:
        """The competitor's distribution of the log return from the origin to each step."""
        return step_dists(self.fit, self.fit.forecaster(name), self.f, self.config)

    def forecasts(
        self, dists: Sequence[Distribution], clock: Clock, calibrations: Sequence[Calibration] = ()
    ) -> tuple[Forecast, ...]:
        """A forecast of the price for each step; a calibration moves its quantiles round its median."""
        targets = clock.calendar.next_sessions(self.past.last, self.horizon)
        events = self.events(self.model.served_by, dists, targets)
        common = _Common(
            self.model, self.past, self.past.sha256(), clock, _recent_closes(self.past), self.f.session_returns
        )
        calibrated = [*calibrations, *[None] * (len(dists) - len(calibrations))]
        first, *later = (
            common.forecast(step, target, dist, calibration, event)
            for step, (target, dist, calibration, event) in enumerate(
                zip(targets, dists, calibrated, events, strict=True), start=1
            )
        )
        policy = self.model.policy
        if policy is not None and self.past.ticker == self.model.ticker:  # its verdict is on that ticker alone
            first = replace(first, policy=policy.position(self.f, self.past.last))
        return first, *later

    def events(
        self, name: str, dists: Sequence[Distribution], targets: Sequence[date]
    ) -> tuple[ForecastEvent | None, ...]:
        """The report that each target session may react to, and how much wider a forecast is for it.

        Args:
            name: The competitor that forecasts.
            dists: Its distribution of each step.
            targets: The target sessions.
        """
        if self.f.events is None:
            return (None,) * len(dists)
        due = self.f.events.due(len(self.f) - 1, targets)
        if not any(due):
            return due
        config = self.config if any(due[1:]) else replace(self.config, horizon=1)
        without = step_dists(self.fit, self.fit.forecaster(name), self.without_dates, config)
        return tuple(
            replace(event, width_factor=_width(dists[step]) / _width(without[step])) if event else None
            for step, event in enumerate(due)
        )

    @property
    def without_dates(self) -> Features:
        """The columns as if no date of a report to come were known."""
        return self.f if self.f.events is None else replace(self.f, events=self.f.events.silent())


def seen_by(
    ensemble: Ensemble, f: Features, calendar: SessionCalendar, market: Market | None = None,
    covariates: Covariates | None = None,
) -> Features:  # fmt: skip
    """The features with the further columns that an ensemble was trained on, if any.

    To a network that many series have taught, prices without volumes are prices with the usual ones. Raises DataError
    where it asks for a market or for covariates and there are none.
    """
    names = ensemble.standardiser.names
    wanted = groups_of(names)
    if wanted & {MARKET, *OF_POOLS}:
        f = f.with_usual([name for name in VOLUME_NAMES if name in names and name not in f.names])
    if MARKET in wanted and market is None:
        raise DataError("the model looks at a market, and there is none", "give prices of its members, too")
    if wanted & {COVARIATES, KNOWN} and covariates is None:
        looked_at = dict.fromkeys(name.rpartition(":")[0] for name in names if ":" in name)
        raise DataError(
            f"the model looks at {', '.join(looked_at)}, and nothing of that is given",
            "give its covariates and its known dates, too",
        )
    return extended(
        f,
        calendar,
        wanted,
        market if MARKET in wanted else None,
        covariates if wanted & {COVARIATES, KNOWN} else None,
    )


def step_dists(
    fit: Fit, forecaster: Ensemble | Baseline, f: Features, config: PredictConfig
) -> tuple[Distribution, ...]:
    """The log return from the newest close to each step: the first step in closed form, the others simulated."""
    origin, horizon = len(f) - 1, config.horizon or 1
    first = forecaster.forecast(f, origin, origin + 1)
    if horizon == 1:
        return (first,)
    plan = PathPlan(horizon, config.paths, fit.shocks, np.random.default_rng(config.seed))
    return (first, *(Empirical(total_P[None]) for total_P in forecaster.simulate(f, origin, plan)[1:]))


@dataclass(frozen=True)
class _Common:
    """What the steps of one forecast share."""

    model: TrainedModel
    past: History
    data_sha256: str
    clock: Clock
    recent_closes: tuple[float, ...]
    session_returns: SessionReturns

    def forecast(
        self, step: int, target: date, dist: Distribution, calibration: Calibration | None,
        event: ForecastEvent | None,
    ) -> Forecast:  # fmt: skip
        """The forecast of one step, in price: last close * exp(return). Raises ModelError where it is not plausible."""
        last_close = float(self.past.close[-1])
        levels = np.array(LEVELS)
        returns = dist.quantile(levels)[0] if calibration is None else calibration.quantiles(dist, levels)
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused below
            prices, mean = last_close * np.exp(returns), last_close * _mean_ratio(dist)
        made = Forecast(
            ticker=self.past.ticker,
            model=self.model.name,
            model_id=self.model.model_id,
            served_by=self.model.served_by,
            cell=self.model.config.network.cell,
            origin=self.past.last,
            target_session=target,
            horizon=step,
            last_close=last_close,
            median=float(prices[LEVELS.index(0.5)]),
            mean=mean,
            quantiles={f"{level:g}": float(price) for level, price in zip(LEVELS, prices, strict=True)},
            p_up=float(1.0 - dist.cdf(np.zeros(1))[0]),
            scale=_scale(dist),
            currency=self.past.currency or self.model.currency,
            data_sha256=self.data_sha256,
            data_source=self.past.source,
            data_age_sessions=self.clock.calendar.count_between(self.past.last, self.clock.completed),
            created_at=self.clock.now.isoformat(timespec="seconds"),
            verdict=self.model.sentence_for(self.past.ticker),
            calibration=None if calibration is None else asdict(calibration),
            event=event,
            recent_closes=self.recent_closes,
        )
        require_plausible(made, self.session_returns)
        return made


def require_plausible(made: Forecast, session_returns: SessionReturns) -> None:
    """Raise ModelError for a forecast that is not to be shown.

    session_returns: up to the origin. Every number is finite, every price positive, quantiles strictly increase, p_up
    lies in 0 .. 1. With M the largest move of a session so far and h the horizon: no quantile and no mean is further
    from the last close than 20 M sqrt(h), in log price, nor the median than M h, and the scale is at most 20 M sqrt(h).
    The 90 % interval holds the last close, unless the price has moved as much in the month before: then it may lie as
    far beside it as h sessions of the month's largest move reach.
    """
    wrong = _malformed(made) or _implausible(made, session_returns)
    if wrong:
        remedy = (
            "check the newest prices for errors"
            if made.model == "general" or not made.model_id
            else "train the model again, or forecast with --model general"
        )
        raise ModelError(f"the forecast of {made.ticker} for {made.target_session} is not shown, for {wrong}", remedy)


def _malformed(made: Forecast) -> str:
    """What is no distribution of a price in it; nothing, mostly."""
    prices = [*made.quantiles.values(), made.median, made.mean, made.last_close]
    if not (np.isfinite([*prices, made.scale, made.p_up]).all() and min(*prices, made.scale) > 0):
        return "not all of its numbers are finite and positive"
    if not (np.diff(list(made.quantiles.values())) > 0).all():
        return "its quantiles do not increase"
    return "" if 0.0 <= made.p_up <= 1.0 else f"its probability of a rise is {made.p_up:g}"


def _implausible(made: Forecast, session_returns: SessionReturns) -> str:
    """What such a price would hardly do; nothing, mostly."""
    h, largest = made.horizon, float(session_returns.largest_T[-1])
    prices = np.array([*made.quantiles.values(), made.mean])
    far = np.abs(np.log(prices / made.last_close))
    reach = _FARTHEST * largest * math.sqrt(h) + _ALIKE
    allowance = math.exp(h * float(session_returns.pace_T[-1]) + _ALIKE)
    past = f"no session so far has moved by more than {100 * largest:.2g} %"
    if far.max() > reach:
        return f"it reaches {prices[int(np.argmax(far))]:g} where the last close is {made.last_close:g}, and {past}"
    if abs(math.log(made.median / made.last_close)) > h * largest + _ALIKE:
        return f"its median is {made.median:g} where the last close is {made.last_close:g}, and {past}"
    if made.scale > reach:
        return f"its scale is {made.scale:g}, and {past}"
    if not made.quantiles["0.05"] / allowance <= made.last_close <= made.quantiles["0.95"] * allowance:
        return f"its 90 % interval leaves the last close of {made.last_close:g} behind"
    return ""


def refuse_still(past: History, option: str) -> None:
    """Raise DataError where the price has not moved for `LONGEST_STILL` sessions, or has never moved.

    option: of the command that cuts the history, for the hint.
    """
    moved = np.flatnonzero(~is_still(past.close))
    last = int(moved[-1]) + 1 if len(moved) else 0
    still = len(past) - 1 - last
    if still < LONGEST_STILL:
        return
    day = past.session(last)
    raise DataError(
        f"the price of {past.ticker} has not moved for {still} sessions, since {day}: nothing says when it "
        "will, or where to",
        f"leave those sessions out with {option} {day}" if len(moved) else "use the prices of a stock that trades",
    )


def _until(history: History, as_of: date | None) -> History:
    past = history.between(None, as_of)
    if not len(past):
        raise DataError(f"the history of {history.ticker} starts on {history.first}, after {as_of}")
    return past


def _recent_closes(past: History) -> tuple[float, ...]:
    """The newest closes, oldest first, in shares of the last one, dividends added: no split looks like a crash."""
    adjusted = past.adjusted_close[-_RECENT:]
    closes: list[float] = (past.close[-1] * (adjusted / adjusted[-1])).tolist()
    return tuple(closes)


def _mean_ratio(dist: Distribution) -> float:
    """Expected price over last close. exp of a Student-t has no mean: its first two moments stand in for it."""
    if isinstance(dist, Empirical):
        return float(np.mean(np.exp(dist.values_NK[0])))
    return float(np.exp(dist.mean[0] + 0.5 * dist.std[0] ** 2))


def _scale(dist: Distribution) -> float:
    """Student-t scale of the log return; half the distance between the 16 % and 84 % quantiles of a sample."""
    if isinstance(dist, StudentT):
        return float(dist.scale[0])
    low, high = dist.quantile(np.array([0.16, 0.84]))[0]
    return float(high - low) / 2


def _width(dist: Distribution) -> float:
    """Student-t scale of the log return; of a sample the width of its central 90 %."""
    if isinstance(dist, StudentT):
        return float(dist.scale[0])
    low, high = dist.quantile(np.array([0.05, 0.95]))[0]
    return float(high - low)


def _last_complete(now: datetime) -> date:
    """The last day that is over in UTC: a session of today may still be running."""
    return date.fromordinal(now.date().toordinal() - 1)
