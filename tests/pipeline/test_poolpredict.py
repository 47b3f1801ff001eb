"""`predict` with a pooled model: which market it looks at after the sessions of its pool, and what it says without."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time
from pathlib import Path

import numpy as np
import pytest

from stockcast import pipeline
from stockcast.config import NetworkConfig, PredictConfig, SplitConfig, TrainConfig, TrainingConfig
from stockcast.config.sources import FetchConfig
from stockcast.errors import DataError
from stockcast.evaluation.audit import removed
from stockcast.forecasting import TrainedModel, View
from stockcast.forecasts import Forecast
from stockcast.models.distribution import Distribution
from stockcast.pipeline.fetchsession import FetchSession
from stockcast.pipeline.markets import ELSEWHERE, MarketSource, continued
from stockcast.pipeline.models import model_of
from stockcast.pipeline.source import PriceSource
from stockcast.prices import csvfile
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.history import Bars, History
from stockcast.prices.hours import load_hours
from stockcast.prices.sessions import load_calendar
from stockcast.prices.yahoo.answer import Answer
from stockcast.progress import Silent
from stockcast.report.data import envelope
from stockcast.storage import pricestore
from stockcast.storage.database import Database
from stockcast.storage.pricestore import Instrument
from stockcast.windows.features import session_returns
from stockcast.windows.market import Market
from tests import synthetic
from tests.cli.test_coldstart import HEAVY
from tests.pipeline.conftest import SetClock
from tests.pipeline.provider import NEW_YORK, Provider
from tests.pipeline.smallpool import (
    CALENDAR,
    NAMES,
    POOLED,
    SESSIONS,
    TEST_FROM,
    day,
    files,
    saved,
    with_common_news,
)
from tests.processes import packages_loaded
from tests.progress import ProgressLog
from tests.synthetic import FUTURES, replaced

ALL = [with_common_news(name) for name in NAMES]
STRANGER = with_common_news("Z")
LAST = SESSIONS - 1
CONFIG = PredictConfig(model="pool")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a model of the pool."""
    place = tmp_path_factory.mktemp("pool")
    saved(place)
    return place


@pytest.fixture
def place(trained: Path, home: Path) -> Path:
    """A home with the model, and nothing else."""
    shutil.copytree(trained / "models", home / "models")
    return home


def from_files(
    place: Path, histories: Sequence[History], config: PredictConfig = CONFIG, log: ProgressLog | None = None
) -> tuple[Forecast, ...]:
    """Forecasts of the first history beside the others."""
    sources = files(place / "prices", histories)
    markets = MarketSource(PriceSource(place, ReadOptions()), sources)
    return pipeline.predict_with(markets, sources[0], config, log or Silent())


def dist(model: TrainedModel, h: History, market: Market | None) -> Distribution:
    """What the network says from the newest bar with this market, or with none."""
    return View.of(replace(model, market=market), h, CONFIG).dists("lstm")[0]


def median(model: TrainedModel, h: History, market: Market | None) -> float:
    return float(h.close[-1] * np.exp(dist(model, h, market).quantile([0.5])[0, 0]))


def market_of(*histories: History) -> Market:
    return Market.of({h.ticker: session_returns(h) for h in histories})


def same(ours: Sequence[Forecast], theirs: Sequence[Forecast]) -> bool:
    """Whether the distributions have the same bytes."""
    return [(f.median, f.mean, f.quantiles, f.p_up, f.scale) for f in ours] == [
        (f.median, f.mean, f.quantiles, f.p_up, f.scale) for f in theirs
    ]


@pytest.fixture(autouse=True)
def network_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that has hardly learnt anything may not be served, and a baseline knows no market."""
    original = model_of
    serving = lambda *words: replace(original(*words), served_by="lstm")  # noqa: E731
    monkeypatch.setattr("stockcast.pipeline.predicting.model_of", serving)


def test_files_of_one_call_are_the_market_of_sessions_that_the_pool_had_not(place: Path) -> None:
    log, model = ProgressLog(), model_of(place, "pool")
    (forecast,) = from_files(place, ALL, log=log)
    # The members are those of the pool: the whole market, worked out at once, is the kept one and what follows it.
    assert forecast.median == median(model, ALL[0], market_of(*ALL))
    assert forecast.median != median(model, ALL[0], model.market)
    assert forecast.median != median(model, ALL[0], None)
    assert log.notes == []


def test_with_fewer_than_five_files_the_network_without_a_market_forecasts_and_says_so(place: Path) -> None:
    log = ProgressLog()
    (forecast,) = from_files(place, ALL[:4], log=log)
    assert forecast.median == median(model_of(place, "pool"), ALL[0], None)
    (note,) = log.notes
    assert note == (
        f"A: the market of {day(LAST)} is not known, and the network of pool that does without one forecasts. "
        "Name the files of at least 5 stocks of its exchange that reach that session."
    )


def test_files_that_end_before_the_origin_do_not_count(place: Path) -> None:
    log = ProgressLog()
    short = [removed(h, LAST) for h in ALL[4:]]
    (forecast,) = from_files(place, [*ALL[:4], *short], log=log)
    assert forecast.median == median(model_of(place, "pool"), ALL[0], None)
    assert len(log.notes) == 1


def test_within_the_market_of_the_pool_no_other_file_is_read(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MarketSource, "_read", lambda *_: pytest.fail("another file was read"))
    log = ProgressLog()
    config = replace(CONFIG, as_of=day(POOLED - 1))
    (forecast,) = from_files(place, [STRANGER, *ALL], config, log)
    model = model_of(place, "pool")
    assert forecast.median == median(model, removed(STRANGER, POOLED), model.market)
    assert log.notes == []


def test_each_file_is_read_once_for_all_forecasts_of_a_call(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counted(source: str, options: ReadOptions) -> csvfile.DatedFile:
        read.append(source)
        return as_it_is(source, options)

    as_it_is = csvfile.read_dates
    monkeypatch.setattr(csvfile, "read_dates", counted)
    sources = files(place / "prices", [STRANGER, *ALL])
    markets = MarketSource(PriceSource(place, ReadOptions()), sources)
    for source in sources:
        pipeline.predict_with(markets, source, CONFIG, Silent())
    assert Counter(read) == Counter(2 * sources)  # for its own forecast, and once for the market of all


def test_a_file_that_cannot_be_read_is_no_member_and_stops_no_other(place: Path) -> None:
    sources = [*files(place / "prices", ALL), str(place / "prices" / "GONE.csv"), "-"]
    markets = MarketSource(PriceSource(place, ReadOptions()), sources)
    (forecast,) = pipeline.predict_with(markets, sources[0], CONFIG, Silent())
    assert forecast.median == median(model_of(place, "pool"), ALL[0], market_of(*ALL))
    with pytest.raises(DataError):
        pipeline.predict_with(markets, sources[6], CONFIG, Silent())


@pytest.mark.parametrize(
    ("bars", "change"),
    [(680, replaced), *((730, change) for change in FUTURES.values())],
    ids=["680-replaced", *(f"730-{name}" for name in FUTURES)],
)
def test_the_future_of_the_other_files_moves_no_forecast_before_it(
    place: Path, change: Callable[[History, int], History], bars: int
) -> None:
    config = replace(CONFIG, as_of=day(bars - 1), horizon=3, paths=100)
    before = from_files(place, [STRANGER, *ALL], config)
    changed = [change(h, bars) for h in ALL]
    assert same(before, from_files(place, [STRANGER, *changed], config))
    # The origin of a file is its own newest bar: the others go on, and are cut there.
    assert same(before, from_files(place, [removed(STRANGER, bars), *changed], replace(config, as_of=None)))
    if bars > POOLED:
        assert not same(before, from_files(place, [STRANGER, *(change(h, bars - 1) for h in ALL)], config))


def test_an_invalid_bar_in_the_future_of_another_file_is_not_met(place: Path) -> None:
    bars = 730
    config = replace(CONFIG, as_of=day(bars - 1))
    before = from_files(place, [STRANGER, *ALL], config)
    sources = files(place / "prices", [STRANGER, *ALL])
    lines = Path(sources[1]).read_text().splitlines()
    lines[bars + 1] = f"{day(bars)},1,1,1,-5,-5,1"
    Path(sources[1]).write_text("\n".join(lines) + "\n")
    after = pipeline.predict_with(
        MarketSource(PriceSource(place, ReadOptions()), sources), sources[0], config, Silent()
    )
    assert same(before, after)


def test_several_sessions_ahead_are_forecast_under_the_market_of_the_origin(place: Path) -> None:
    forecasts = from_files(place, [STRANGER, *ALL], replace(CONFIG, horizon=3, paths=200))
    assert [f.horizon for f in forecasts] == [1, 2, 3]
    assert 0 < forecasts[0].scale < forecasts[1].scale < forecasts[2].scale
    assert '"ok": true' in envelope("predict", forecasts, ())
    (alone,) = from_files(place, [STRANGER, *ALL])
    assert same(forecasts[:1], [alone])


def test_at_another_exchange_there_is_no_market_even_within_that_of_the_pool(place: Path) -> None:
    log = ProgressLog()
    sources = files(place / "prices", ALL)

    def at(exchange: str) -> MarketSource:
        return MarketSource(PriceSource(place, ReadOptions(exchange=exchange)), sources)

    config = replace(CONFIG, as_of=day(650))
    (forecast,) = pipeline.predict_with(at("XLON"), sources[0], config, log)
    london = replace(model_of(place, "pool"), calendar=load_calendar("XLON", day(0), day(LAST)))
    assert forecast.median == median(london, removed(ALL[0], 651), None)
    assert any(note.endswith(f"forecasts. {ELSEWHERE}") for note in log.notes)
    (own,) = pipeline.predict_with(at("NYSE"), sources[0], config, Silent())
    model = model_of(place, "pool")
    assert own.median == median(model, removed(ALL[0], 651), model.market)


def test_a_model_of_one_ticker_reads_no_other_file(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = TrainConfig(
        NetworkConfig(hidden_size=3, lookback=20), TrainingConfig(seeds=1, steps=2, final_fit=False),
        SplitConfig(day(500), TEST_FROM),
    )  # fmt: skip
    sources = files(place / "prices", ALL)
    with synthetic.only_baselines("random-walk", "har-t"):
        pipeline.train(sources[0], ReadOptions(), config, place, "one", Silent())
    monkeypatch.setattr(MarketSource, "_read", lambda *_: pytest.fail("another file was read"))
    log = ProgressLog()
    markets = MarketSource(PriceSource(place, ReadOptions()), sources)
    beside = pipeline.predict_with(markets, sources[1], PredictConfig(model="one"), log)
    alone = pipeline.predict(sources[1], ReadOptions(), PredictConfig(model="one"), place, Silent())
    assert same(beside, alone)
    assert log.notes == []


# Tickers, whose prices the store keeps.


def store(db: Database, h: History, exchange: str = "XNYS") -> None:
    """The bars of a history, as if they had been fetched."""
    calendar = load_calendar(exchange, day(0), CALENDAR.through)
    hours = load_hours(exchange, day(0), CALENDAR.through)
    known = Instrument(h.ticker, exchange, "USD", "America/New_York", calendar, hours, "2015-01-01T00:00:00Z", False)
    assert h.open is not None
    assert h.high is not None
    assert h.low is not None
    assert h.volume is not None
    bars = Bars(h.dates, h.open, h.high, h.low, h.close, h.adjusted_close, h.volume, np.zeros(len(h)), np.ones(len(h)))
    pricestore.replace(db, known, bars)


def markets_of(place: Path, *tickers: str, offline: bool = True) -> MarketSource:
    fetch_session = FetchSession(FetchConfig(offline=offline, pause=0), many=True)
    return MarketSource(PriceSource(place, ReadOptions(), fetch_session), tickers)


@pytest.fixture
def now(clock: SetClock) -> None:
    """The evening of the newest session."""
    clock(datetime.combine(day(LAST), time(23), UTC))


@pytest.mark.usefixtures("now")
def test_the_members_in_the_store_are_the_market_of_a_ticker_that_the_pool_never_saw(place: Path, db: Database) -> None:
    for h in (STRANGER, *ALL[:5]):
        store(db, h)
    log = ProgressLog()
    (forecast,) = pipeline.predict_with(markets_of(place, "Z"), "Z", CONFIG, log)
    assert log.notes == []
    model = model_of(place, "pool")
    assert model.market is not None
    joined = continued(model.market, market_of(*ALL[:5]))
    assert forecast.median == median(model, STRANGER, joined)
    assert forecast.median != median(model, STRANGER, None)


@pytest.mark.usefixtures("now")
@pytest.mark.parametrize("fifth", ["missing", "behind", "elsewhere"])
def test_four_members_up_to_the_session_are_no_market(place: Path, db: Database, fifth: str) -> None:
    for h in (STRANGER, *ALL[:4]):
        store(db, h)
    if fifth != "missing":
        store(db, removed(ALL[4], LAST) if fifth == "behind" else ALL[4], "XNYS" if fifth == "behind" else "XTSE")
    log = ProgressLog()
    (forecast,) = pipeline.predict_with(markets_of(place, "Z"), "Z", CONFIG, log)
    (note,) = log.notes
    assert note == (
        f"Z: the market of {day(LAST)} is not known, and the network of pool that does without one forecasts. "
        "At least 5 of its pool are needed up to that session: stockcast fetch A B C D E ..."
    )
    assert forecast.median == median(model_of(place, "pool"), STRANGER, None)


@pytest.mark.usefixtures("now")
def test_a_ticker_of_another_exchange_has_no_market(place: Path, db: Database) -> None:
    for h in ALL:
        store(db, h)
    store(db, STRANGER, "XTSE")
    log = ProgressLog()
    pipeline.predict_with(markets_of(place, "Z"), "Z", replace(CONFIG, as_of=day(650)), log)
    assert any(note.endswith(ELSEWHERE) for note in log.notes)


@pytest.mark.usefixtures("now")
def test_the_first_ticker_of_a_call_has_the_market_of_those_that_are_fetched_with_it(
    place: Path, db: Database, provider: Provider
) -> None:
    for h in ALL:
        store(db, removed(h, LAST - 5))
        assert h.open is not None
        assert h.high is not None
        assert h.low is not None
        assert h.volume is not None
        provider.listed[h.ticker] = Answer(
            h.dates, h.open, h.high, h.low, h.close, h.adjusted_close, h.volume, np.zeros(len(h)),
            np.ones(len(h)), h.ticker, replace(NEW_YORK, symbol=h.ticker),
        )  # fmt: skip
    log = ProgressLog()
    markets = markets_of(place, *NAMES, offline=False)
    forecasts = [pipeline.predict_with(markets, name, CONFIG, log)[0] for name in NAMES]
    assert {note.partition(": ")[2] for note in log.notes} == {
        "the provider has no dates of its reports; forecasts go without"
    }
    model = model_of(place, "pool")
    assert [f.origin for f in forecasts] == [day(LAST)] * 6
    assert [f.median for f in forecasts] == [median(model, h, market_of(*ALL)) for h in ALL]
    assert sorted(ticker for ticker, _ in provider.asked) == sorted(NAMES)


@pytest.mark.usefixtures("now")
def test_the_future_of_the_members_in_the_store_moves_no_forecast_before_it(place: Path, db: Database) -> None:
    config = replace(CONFIG, as_of=day(729), record=False)
    found = []
    changed = ([change(h, 730) for h in ALL] for change in FUTURES.values())
    for histories in (ALL, *changed, [replaced(h, 729) for h in ALL]):
        for h in (STRANGER, *histories):
            store(db, h)
        found.append(pipeline.predict_with(markets_of(place, "Z"), "Z", config, Silent()))
    assert same(found[0], found[1])
    assert same(found[0], found[2])
    assert same(found[0], found[3])
    assert not same(found[0], found[4])


def test_a_forecast_beside_other_files_loads_nothing_heavy(place: Path) -> None:
    sources = files(place / "prices", ALL)
    assert packages_loaded("predict", *sources, "--model", "pool", "--json").isdisjoint(HEAVY)
