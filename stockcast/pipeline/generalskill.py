"""What the general model is worth: a vintage on the sessions after it, beside baselines fitted up to its cutoff.

Shapes: N sessions of a test part, of one stock or of all together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from stockcast.errors import DataError
from stockcast.evaluation.scores import crps
from stockcast.evaluation.significance import diebold_mariano, pooled_by_date
from stockcast.forecasting import seen_by
from stockcast.models.baselines import BASELINES, competing
from stockcast.models.ensemble import Ensemble
from stockcast.models.eventlayer import EventLayer
from stockcast.pipeline.walking import fit_baselines
from stockcast.prices.history import Dates, Floats, History
from stockcast.prices.sessions import SessionCalendar
from stockcast.progress import Progress, Silent
from stockcast.windows.events import features_with_events
from stockcast.windows.market import Market
from stockcast.windows.splits import MIN_TEST, MIN_TRAIN, Part, first_origin

RIVALS = ("har-t", "garch-t")
WITH_DATES = ("har-t", "garch-t", "har-t-events")
"""What the networks are measured by, without dates of reports and with them."""

_PLAIN, _DATED = "network", "network with dates"
_REACTS = 0.5  # probability from which a session is one that reacts


@dataclass(frozen=True)
class Exam:
    """Which vintage is judged, and in which sessions: from `first` to `last`, both inclusive, all after its cutoff."""

    cutoff: date
    first: date
    last: date


@dataclass(frozen=True)
class Examined:
    """One stock in the sessions of an exam.

    Attributes:
        days: Target sessions.
        reacts: Whether each is one that reacts to a report, as far as dates are known; None without any.
        losses: CRPS by competitor.
        held: Whether the 90 % interval of the networks held the return, without dates and with them.
    """

    days: Dates
    reacts: NDArray[np.bool_] | None
    losses: Mapping[str, Floats]
    held: Mapping[str, NDArray[np.bool_]]

    @classmethod
    def of(
        cls, network: Ensemble, history: History, calendar: SessionCalendar, exam: Exam,
        rivals: Sequence[str] = WITH_DATES, market: Market | None = None,
    ) -> Examined | None:  # fmt: skip
        """The stock; None where it has too few sessions before the cutoff or in the exam.

        Args:
            network: The networks of one vintage.
            history: Of the stock.
            calendar: Of its exchange.
            exam: Sessions that are forecast, and the cutoff up to which rivals are fitted.
            rivals: Baselines.
            market: What the networks look at of other stocks.

        The networks' forecasts come from chunks (`Ensemble.roughly`): scales differ by less than a thousandth.
        """
        f = seen_by(network, features_with_events(history), calendar, market)
        days = f.session_returns.dates

        def origins_before(day: date, side: Literal["left", "right"]) -> int:
            return int(np.searchsorted(days, np.datetime64(day), side)) - 1

        begin, fitted_until = first_origin(network.config.lookback), origins_before(exam.cutoff, "right")
        start, stop = origins_before(exam.first, "left"), origins_before(exam.last, "right")
        if fitted_until - begin < MIN_TRAIN or stop - start < MIN_TEST:
            return None
        fitted, test = Part(begin, fitted_until), Part(start, stop)
        baselines, _ = fit_baselines(
            [name for name in competing(BASELINES, f.events is not None) if name in rivals], f, fitted, Silent()
        )
        dists = {name: one.forecast(f, test.start, test.stop) for name, one in baselines.items()}
        plain = dists[_PLAIN] = network.roughly(f, test.start, test.stop)
        y_N, reacts_N = f.session_returns.r_T[test.start + 1 : test.stop + 1], None
        if f.events is not None:
            rows = f.events.rows(test.start, test.stop)
            dists[_DATED] = (network.layer or EventLayer(0.0)).over(plain, rows)
            reacts_N = rows.q_N >= _REACTS
        held = {name: np.abs(dists[name].cdf(y_N) - 0.5) <= 0.45 for name in (_PLAIN, _DATED) if name in dists}
        losses = {name: crps(dist, y_N) for name, dist in dists.items()}
        return cls(days[test.start + 1 : test.stop + 1], reacts_N, losses, held)

    @classmethod
    def together(cls, parts: Sequence[Examined]) -> Examined:
        """One stock in several exams, with the competitors that all of them have."""
        common = set.intersection(*(set(part.losses) for part in parts))
        reacts = [part.reacts for part in parts if part.reacts is not None]
        return cls(
            np.concatenate([part.days for part in parts]),
            np.concatenate(reacts) if len(reacts) == len(parts) else None,
            {name: np.concatenate([part.losses[name] for part in parts]) for name in common},
            {name: np.concatenate([part.held[name] for part in parts]) for name in parts[0].held if name in common},
        )

    def take(self, kept: NDArray[np.bool_]) -> Examined:
        """The chosen sessions."""
        return Examined(
            self.days[kept],
            None if self.reacts is None else self.reacts[kept],
            {name: loss_N[kept] for name, loss_N in self.losses.items()},
            {name: held_N[kept] for name, held_N in self.held.items()},
        )


def skill_of(
    network: Ensemble, histories: Sequence[History], calendar: SessionCalendar, exam: Exam, progress: Progress
) -> dict[str, Any]:  # fmt: skip
    """The figures of an exam, for the manifest and its reader.

    Raises DataError where no stock has enough sessions, or none whose baselines can be fitted.
    """
    progress.stage(f"skill of the vintage {exam.cutoff.year}", len(histories))
    found = []
    for history in histories:
        one = Examined.of(network, history, calendar, exam)
        if one is not None and set(RIVALS) <= set(one.losses):
            found.append(one)
        progress.advance(1)
    if not found:
        raise DataError(f"no stock has enough sessions from {exam.first} to {exam.last}", "use longer histories")
    return {"vintage": exam.cutoff.isoformat(), **figures_of(found)}


def figures_of(stocks: Sequence[Examined]) -> dict[str, Any]:
    """Gains of the networks over each rival, and of those of them that have dates; both again by year.

    A gain is 1 - mean CRPS / that of the rival, the mean of it over stocks. p: one-sided, of the cross-section's mean
    loss by date, Newey-West with 10 lags.
    """
    days = np.concatenate([one.days for one in stocks])
    dated = [one for one in stocks if WITH_DATES[-1] in one.losses and _DATED in one.losses]
    figures: dict[str, Any] = {
        "stocks": len(stocks),
        "first": str(days.min()),
        "last": str(days.max()),
        "coverage_90": _coverage(stocks, _PLAIN),
        "over": _over(stocks, _PLAIN, RIVALS),
    }
    if dated:
        figures["with_dates"] = _with_dates(dated)
    years = sorted({int(year) + 1970 for year in days.astype("datetime64[Y]").astype(np.int64)})
    figures["years"] = {str(year): _year(stocks, dated, year) for year in years}
    return figures


def _with_dates(dated: Sequence[Examined]) -> dict[str, Any]:
    found = {"stocks": len(dated), "over": _over(dated, _DATED, (*WITH_DATES, _PLAIN))}
    found["without"] = _over(dated, _PLAIN, WITH_DATES)
    apart = {"reacting": _kept(dated, _reacting), "others": _kept(dated, lambda one: ~_reacting(one))}
    for name, some in apart.items():
        found[name] = {
            "sessions": sum(len(one.days) for one in some),
            "over": _over(some, _DATED, (*WITH_DATES, _PLAIN)),
            "coverage_90": _coverage(some, _DATED),
            "coverage_90_without": _coverage(some, _PLAIN),
        }
    return found


def _year(stocks: Sequence[Examined], dated: Sequence[Examined], year: int) -> dict[str, Any]:
    def of_year(one: Examined) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = one.days.astype("datetime64[Y]") == np.datetime64(str(year), "Y")
        return found

    found = {"over": _over(_kept(stocks, of_year), _PLAIN, RIVALS)}
    if dated:
        found["with_dates"] = _over(_kept(dated, of_year), _DATED, (*WITH_DATES, _PLAIN))
    return found


def _reacting(one: Examined) -> NDArray[np.bool_]:
    assert one.reacts is not None  # noqa: S101 - asked for where dates are known
    return one.reacts


def _kept(stocks: Sequence[Examined], chosen: Callable[[Examined], NDArray[np.bool_]]) -> list[Examined]:
    """The chosen sessions of each stock that has any."""
    some = [one.take(chosen(one)) for one in stocks]
    return [one for one in some if len(one.days)]


def _over(stocks: Sequence[Examined], ours: str, rivals: Sequence[str]) -> dict[str, Any]:
    return {rival: _gain(stocks, ours, rival) for rival in rivals if stocks}


def _gain(stocks: Sequence[Examined], ours: str, rival: str) -> dict[str, Any]:
    gains = [1.0 - float(one.losses[ours].mean() / one.losses[rival].mean()) for one in stocks]
    days = np.concatenate([one.days for one in stocks])
    ours_D, rival_D = (
        pooled_by_date(days, np.concatenate([one.losses[name] for one in stocks]))[1] for name in (ours, rival)
    )
    return {
        "gain": round(float(np.mean(gains)), 5),
        "p": float(f"{diebold_mariano(ours_D, rival_D).p_value:.2g}"),
        "better": int(np.sum(np.array(gains) > 0)),
        "of": len(gains),
    }


def _coverage(stocks: Sequence[Examined], ours: str) -> float | None:
    return round(float(np.concatenate([one.held[ours] for one in stocks]).mean()), 4) if stocks else None
