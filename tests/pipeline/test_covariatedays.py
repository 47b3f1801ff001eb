"""Days of covariates: another exchange's are refused unless it is named, and stamps of the day before in any case."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from stockcast.config import CovariatesConfig
from stockcast.errors import DataError
from stockcast.pipeline.covariatedays import trade_together
from stockcast.pipeline.covariates import CovariateSource
from stockcast.pipeline.series import GivenSeries
from stockcast.pipeline.source import PriceSource
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.history import History
from stockcast.windows.covariates import Covariates
from tests import synthetic
from tests.progress import ProgressLog

LAST = date(2020, 12, 29)
HOST = synthetic.on_exchange("HOST", LAST, 400)
TOKYO = synthetic.on_exchange("TK", LAST, 400, seed=1, calendar="XTKS")


def found(
    folder: Path, covariate: str, target: History = HOST, exchange: str | None = None, given: History | None = None
) -> tuple[Covariates, list[str]]:
    """The covariates of a target's file in a folder, and what was told."""
    synthetic.write_csv(folder / "HOST.csv", target)
    log = ProgressLog()
    series = PriceSource(read=ReadOptions(exchange=exchange)).load(str(folder / "HOST.csv"))
    sources = (str(folder / covariate),) if given is None else ()
    source = CovariateSource(
        CovariatesConfig(sources),
        PriceSource(),
        log,
        strict=False,
        given=[] if given is None else [GivenSeries.of(given)],
    )
    covariates = source.found(series)
    assert covariates is not None
    return covariates, log.notes


def stamped(path: Path, h: History, zone: str | None, form: str = "{}") -> Path:
    """A file whose dates are midnights in Tokyo, in a zone; None: as days."""
    synthetic.write_csv(path, h)
    head, *lines = path.read_text().splitlines()
    cells = []
    for day in h.dates.tolist():
        midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo("Asia/Tokyo"))
        cells.append(str(day) if zone is None else form.format(midnight.astimezone(ZoneInfo(zone))))
    path.write_text(
        "\n".join([head, *(f"{cell},{line.partition(',')[2]}" for cell, line in zip(cells, lines, strict=True))])
    )
    return path


@pytest.mark.parametrize("form", ["{}", "{:%Y-%m-%dT%H:%M:%SZ}", "{:%Y%m%d %H:%M:%S%z}"])
@pytest.mark.parametrize("name", ["TK.csv", "TK.T.csv"])
def test_stamps_in_utc_are_those_of_the_exchange_that_is_named(name: str, form: str, tmp_path: Path) -> None:
    word = f"{name}@XTKS" if name == "TK.csv" else name
    stamped(tmp_path / name, TOKYO, None)
    (right,) = found(tmp_path, word)[0].series
    stamped(tmp_path / name, TOKYO, "UTC", form)
    (one,) = found(tmp_path, word)[0].series
    assert one.closing.exchange == right.closing.exchange == "XTKS"
    assert one.history.sha256() == right.history.sha256()
    assert one.history.dates.tolist() == TOKYO.dates.tolist()


def test_days_of_another_exchange_need_its_name(tmp_path: Path) -> None:
    synthetic.write_csv(tmp_path / "TK.csv", TOKYO)
    with pytest.raises(
        DataError, match=r"the covariate TK: .* without a session of XNYS .*: its days are those of XTKS"
    ) as refused:
        found(tmp_path, "TK.csv")
    assert refused.value.hint == f"name the exchange they are from: {tmp_path}/TK.csv@XTKS"
    covariates, notes = found(tmp_path, "TK.csv@XTKS")
    assert covariates.series[0].closing.exchange == "XTKS"
    assert not any("without a session" in note for note in notes)


def test_a_name_that_is_not_the_days_own_is_believed_with_a_word(tmp_path: Path) -> None:
    synthetic.write_csv(tmp_path / "TK.csv", TOKYO)
    _, notes = found(tmp_path, "TK.csv@XNYS")
    assert any("the covariate TK: " in note and "its days are those of XTKS" in note for note in notes)


@pytest.mark.parametrize("code", ["", "@XTKS", "@XNYS"])
@pytest.mark.parametrize("shift", [-1, 1])
def test_days_that_fit_a_day_later_or_earlier_are_refused_whatever_is_named(
    code: str, shift: int, tmp_path: Path
) -> None:
    synthetic.write_csv(tmp_path / "TK.csv", replace(TOKYO, dates=TOKYO.dates - np.timedelta64(shift, "D")))
    with pytest.raises(DataError, match=f"a day {'later' if shift > 0 else 'earlier'} they would fit"):
        found(tmp_path, f"TK.csv{code}")


def test_seven_days_a_week_are_named(tmp_path: Path) -> None:
    every = np.datetime64(LAST) + np.arange(-500, 1).astype("timedelta64[D]")
    coin = replace(synthetic.history(len(every), 3, ticker="COIN"), dates=every)
    synthetic.write_csv(tmp_path / "COIN.csv", coin)
    covariates, notes = found(tmp_path, "COIN.csv")
    # Its days alone say so, and the door follows them.
    assert covariates.series[0].closing.exchange == "24/7"
    assert covariates.series[0].history.last == LAST - timedelta(days=1)
    assert (
        "the covariate COIN: it is taken to trade on 24/7, as bars on every day of the week say; "
        f"{tmp_path}/COIN.csv@CODE names another"
    ) in notes


def test_what_trades_with_its_target_needs_no_name(tmp_path: Path) -> None:
    synthetic.write_csv(tmp_path / "TK.csv", TOKYO)
    other = replace(synthetic.history(400, 7, ticker="HOST"), dates=TOKYO.dates)
    assert found(tmp_path, "TK.csv", other)[0].series[0].history.last == LAST


def test_a_target_that_closes_earlier_than_it_is_taken_to_is_refused_beside_others(tmp_path: Path) -> None:
    london = synthetic.on_exchange("HOST", LAST, 400, seed=2, calendar="XLON")
    synthetic.write_csv(tmp_path / "NY.csv", synthetic.on_exchange("NY", LAST, 400, seed=3))
    with pytest.raises(DataError, match=r"HOST: .*its days are those of XLON, which closes earlier") as refused:
        found(tmp_path, "NY.csv", london)
    assert refused.value.hint == "name the exchange they are from: --exchange XLON"
    covariates, _ = found(tmp_path, "NY.csv@XNYS", london, "XLON")
    assert covariates.series[0].history.last < LAST


def test_prices_of_a_frame_are_looked_at_too(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"the covariate TK: .*its days are those of XTKS") as refused:
        found(tmp_path, "", given=TOKYO)
    assert "a file, FILE@XTKS" in refused.value.hint
    named = replace(TOKYO, ticker="7203.T")
    assert found(tmp_path, "", given=named)[0].series[0].closing.exchange == "XTKS"


@pytest.mark.parametrize("stamp", ["{}-01-27T22:30:00-05:00", "{}-01-28 03:30:00+00:00", "{}-01-28 12:30:00+09:00"])
def test_stamps_of_dates_known_ahead_are_of_the_day_at_the_exchange(stamp: str, tmp_path: Path) -> None:
    synthetic.write_csv(tmp_path / "HOST.csv", HOST)
    lines = "\n".join(stamp.format(year) for year in (2019, 2020))
    (tmp_path / "known.csv").write_text(f"date\n{lines}\n")
    source = CovariateSource(CovariatesConfig((), str(tmp_path / "known.csv")), PriceSource(), ProgressLog())
    covariates = source.found(PriceSource().load(str(tmp_path / "HOST.csv")))
    assert covariates is not None
    assert covariates.known is not None
    assert covariates.known.days.tolist() == [date(2019, 1, 27), date(2020, 1, 27)]


def test_a_series_of_some_days_of_another_does_not_trade_with_it() -> None:
    days = np.busday_offset("2024-01-01", np.arange(200)).astype("datetime64[D]")
    assert trade_together(days, days[100:199])  # from where the later one begins to the first end
    assert not trade_together(days, days[::2])
    assert not trade_together(days[::2], days)
