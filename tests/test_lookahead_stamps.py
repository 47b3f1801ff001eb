"""No look-ahead by a misread stamp: from files of any exchange, however their dates are written, to what is seen.

Files of a series and of a covariate are written with what is true of them: a bar is over at the close of its session.
What was not over at the close of an origin is changed then, and may change nothing that is seen there; a covariate may
be refused instead. The last tests misread on purpose and demand that the check finds it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockcast import pipeline
from stockcast.config import (
    CovariatesConfig,
    NetworkConfig,
    PredictConfig,
    SplitConfig,
    TrainConfig,
    TrainingConfig,
    now,
)
from stockcast.errors import DataError
from stockcast.forecasting import forecast
from stockcast.pipeline.auditchecks import forecast_bytes
from stockcast.pipeline.covariates import CovariateSource
from stockcast.pipeline.models import model_of
from stockcast.pipeline.source import PriceSource
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.hours import TradingHours, load_hours
from stockcast.prices.sessions import SessionCalendar, load_calendar
from stockcast.progress import Silent
from tests import leaks, synthetic

EARLIEST, FIRST, LAST = date(2022, 1, 3), date(2022, 9, 1), date(2024, 2, 1)
"""More than a year, so that there are holidays of every exchange, and summer and winter; two years to train on."""
EXCHANGES = ("XNYS", "XLON", "XPAR", "XTKS", "XASX", "24/7")
OPENING = time(9, 30)


@cache
def calendar_of(exchange: str) -> SessionCalendar:
    return load_calendar(exchange, EARLIEST, LAST)


@cache
def hours_of(exchange: str) -> TradingHours:
    return load_hours(exchange, EARLIEST, LAST)


def _local(day: date, at: time, exchange: str) -> datetime:
    return datetime.combine(day, at, ZoneInfo(hours_of(exchange).zone))


STAMPS: dict[str, Callable[[date, str], str]] = {
    "date": lambda day, _: str(day),
    "offset": lambda day, at: _local(day, time(0), at).isoformat(sep=" "),
    "opening with offset": lambda day, at: _local(day, OPENING, at).isoformat(),
    "zone": lambda day, at: f"{day} 00:00:00 {hours_of(at).zone}",
    "UTC": lambda day, at: f"{_local(day, time(0), at).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
    "opening in UTC": lambda day, at: f"{_local(day, OPENING, at).astimezone(UTC):%Y-%m-%d %H:%M:%S}+00:00",
    "epoch": lambda day, at: f"{_local(day, time(0), at).timestamp():.0f}",
    "epoch of the opening": lambda day, at: f"{1000 * _local(day, OPENING, at).timestamp():.0f}",
}
"""How the date of a session is written, by the session and its exchange."""


@dataclass(frozen=True)
class Series:
    """A file of prices: its exchange, and how it writes dates. code: whether the exchange is said beside it; first: no
    bar is before.
    """

    exchange: str
    stamp: str
    code: bool = True
    first: date = FIRST

    @property
    def sessions(self) -> list[date]:
        known = calendar_of(self.exchange)
        return list(known.next_sessions(self.first, known.count_between(self.first, LAST)))

    def write(self, path: Path, seed: int, until: datetime | None = None) -> Path:
        """The file; of bars that are over after `until` another price and a wider range."""
        sessions = self.sessions
        h = synthetic.history(len(sessions), seed)
        lines = ["Date,Open,High,Low,Close,Volume"]
        for row, day in enumerate(sessions):
            late = until is not None and hours_of(self.exchange).close_of(day) > until
            factor = 1.0 + (0.03 * (1 + row % 3) if late else 0.0)
            prices = [h.open[row], h.high[row] * factor, h.low[row], h.close[row] * factor]  # type: ignore[index]
            cells = [STAMPS[self.stamp](day, self.exchange), *(f"{price:.6f}" for price in prices), "1000"]
            lines.append(",".join(cells))
        path.write_text("\n".join(lines) + "\n")
        return path


def seen(folder: Path, target: Series, covariate: Series, origin: date, end: bool = False) -> bytes | None:
    """What is seen at an origin of the files in a folder; None where they are refused together.

    end: whether bars after the origin are not read.
    """
    read = ReadOptions(exchange=target.exchange if target.code else None, end=origin if end else None)
    series = PriceSource(read=read).load(str(folder / "TARGET.csv"))
    word = str(folder / "BESIDE.csv") + (f"@{covariate.exchange}" if covariate.code else "")
    source = CovariateSource(CovariatesConfig((word,)), PriceSource(), Silent(), strict=False)
    try:
        f = source.columns(series, None)
    except DataError as error:
        if "the covariate BESIDE" in error.message or "TARGET: " in error.message:
            return None
        raise
    row = f.session_returns.dates.tolist().index(origin)
    return f.x_TF[row].tobytes()


def moved(folder: Path, target: Series, covariate: Series, at: int, early: timedelta = timedelta(0)) -> bool:
    """Whether what is seen at an origin changes with what was not over at its close, or not so long before it."""
    origin = target.sessions[at]
    until = hours_of(target.exchange).close_of(origin)
    both = []
    for name, known in (("as it was", None), ("changed", until - early)):
        (folder / name).mkdir()
        target.write(folder / name / "TARGET.csv", 1, None if known is None else until)
        covariate.write(folder / name / "BESIDE.csv", 2, known)
        both += [seen(folder / name, target, covariate, origin, end) for end in (False, True)]
    return len({*both} - {None}) > 1


SERIES = st.builds(Series, st.sampled_from(EXCHANGES), st.sampled_from(sorted(STAMPS)), st.booleans(), st.just(FIRST))


@settings(max_examples=15)
@given(SERIES, SERIES, st.integers(250, 300))
def test_what_was_not_over_at_an_origin_changes_nothing_there(
    tmp_path_factory: pytest.TempPathFactory, target: Series, covariate: Series, at: int
) -> None:
    assert not moved(tmp_path_factory.mktemp("files"), target, covariate, at)


@pytest.mark.parametrize("stamp", STAMPS)
@pytest.mark.parametrize(("own", "other"), [("XNYS", "XTKS"), ("XTKS", "XNYS")])
def test_what_was_over_some_days_before_is_seen(own: str, other: str, stamp: str, tmp_path: Path) -> None:
    """Nothing that is refused or not looked at would be found to look ahead."""
    assert moved(tmp_path, Series(own, "date"), Series(other, stamp), 260, timedelta(days=5))


@pytest.mark.parametrize(
    ("leak", "target", "covariate"),
    [
        (leaks.offset_dropped, Series("XTKS", "UTC"), Series("XTKS", "date")),
        (leaks.offset_dropped, Series("XASX", "opening in UTC"), Series("XNYS", "date")),
        (leaks.zone_ignored, Series("XPAR", "UTC"), Series("XNYS", "date")),
        (leaks.zone_ignored, Series("XTKS", "epoch"), Series("XNYS", "date")),
        (leaks.another_exchange, Series("XLON", "date"), Series("XNYS", "date", code=False)),
        (leaks.another_exchange, Series("XTKS", "offset"), Series("XNYS", "date", code=False)),
        (leaks.early_close, Series("XLON", "date", code=False), Series("XNYS", "date", code=False)),
        (leaks.same_date, Series("XLON", "date"), Series("XNYS", "opening with offset")),
    ],
)
def test_a_misreading_is_found(
    leak: leaks.Leak, target: Series, covariate: Series, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "honest").mkdir()
    (tmp_path / "leaking").mkdir()
    assert not moved(tmp_path / "honest", target, covariate, 260)
    leak(monkeypatch)
    assert moved(tmp_path / "leaking", target, covariate, 260)


def forecast_bytes_of(folder: Path, target: Series, covariate: Series, at: int) -> bytes:
    """A network's forecast from a session, after it was trained on the files of a folder up to that session."""
    sessions = target.sessions
    config = TrainConfig(
        NetworkConfig(hidden_size=4, lookback=20),
        TrainingConfig(seeds=1, steps=12, chunk=40, warmup=10, learning_rate=0.02, final_fit=False),
        SplitConfig(sessions[at - 80], sessions[at + 1]),
        covariates=CovariatesConfig((f"{folder}/BESIDE.csv@{covariate.exchange}",)),
    )
    source, read = str(folder / "TARGET.csv"), ReadOptions(exchange=target.exchange)
    with synthetic.only_baselines("random-walk", "har-t"):
        pipeline.train(source, read, config, folder, None, Silent())
    series = PriceSource(read=read).load(source)
    beside = CovariateSource(CovariatesConfig(), PriceSource(), Silent(), strict=False)
    model = replace(beside.again(model_of(folder, "TARGET"), series), served_by="lstm")
    return b"".join(map(forecast_bytes, forecast(model, series.history, PredictConfig(as_of=sessions[at]), now())))


@pytest.mark.parametrize(
    ("target", "covariate"),
    [
        (Series("XNYS", "date", first=EARLIEST), Series("XTKS", "UTC", first=EARLIEST)),
        (Series("XASX", "epoch of the opening", first=EARLIEST), Series("XNYS", "opening with offset", first=EARLIEST)),
    ],
)
def test_what_was_not_over_at_an_origin_changes_no_byte_of_a_trained_networks_forecast(
    target: Series, covariate: Series, tmp_path: Path
) -> None:
    at = 420
    close = hours_of(target.exchange).close_of(target.sessions[at])
    found = []
    for name, until in (("as it was", None), ("changed", close), ("seen", close - timedelta(days=5))):
        (tmp_path / name).mkdir()
        target.write(tmp_path / name / "TARGET.csv", 1, until and close)
        covariate.write(tmp_path / name / "BESIDE.csv", 2, until)
        found.append(forecast_bytes_of(tmp_path / name, target, covariate, at))
    assert found[0] == found[1]
    assert found[0] != found[2]


@pytest.mark.parametrize("leak", [leaks.offset_dropped, leaks.zone_ignored])
@pytest.mark.parametrize("stamp", ["UTC", "epoch"])
def test_a_covariate_that_is_misread_is_refused(
    leak: leaks.Leak, stamp: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The days themselves give it away, and without that look at them it would be seen to look ahead."""
    leak(monkeypatch)
    target, covariate = Series("XNYS", "date"), Series("XTKS", stamp)
    Series("XNYS", "date").write(tmp_path / "TARGET.csv", 1)
    covariate.write(tmp_path / "BESIDE.csv", 2)
    assert seen(tmp_path, target, covariate, target.sessions[260]) is None
    leaks.another_exchange(monkeypatch)
    (tmp_path / "unrefused").mkdir()
    assert moved(tmp_path / "unrefused", target, covariate, 260)
