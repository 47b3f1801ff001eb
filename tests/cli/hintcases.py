"""The cases of `test_hints`, and the files that they are about."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing, nullcontext
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stockcast import pipeline
from stockcast.config.sources import FetchConfig
from stockcast.errors import DataError, LockedError
from stockcast.prices.csvfile import read
from stockcast.prices.history import History
from stockcast.prices.yahoo.answer import Answer
from stockcast.progress import Silent
from stockcast.storage.database import Database
from stockcast.storage.modelfile import ModelFile, load_model, save_model
from stockcast.storage.pricestore import save_instrument
from tests import synthetic
from tests.cli.hints import REACHED, Case
from tests.pipeline import smallpool
from tests.pipeline.provider import LAST, NEW_YORK, Provider, evening, series
from tests.processes import ROOT
from tests.storage.test_pricestore import APPLE

LONDON = replace(NEW_YORK, exchange_code="LSE", zone="Europe/London", currency="GBp")


def _split(answer: Answer) -> Answer:
    """The same with a split that the provider has forgotten."""
    scale = np.where(np.arange(len(answer.dates)) < 100, 10.0, 1.0)
    names = ("open", "high", "low", "close", "adjusted_close")
    return replace(answer, **{name: scale * getattr(answer, name) for name in names})


PROVIDER = Provider(
    series("AAA", 600, seed=1),
    series("BBB", 600, seed=2),
    series("ZZZ", 600, seed=3),
    series("LLL", 600, seed=4, meta=LONDON),
    series("MMM", 600, seed=5, meta=LONDON),
    _split(series("SPLIT", 900, seed=6)),
)
STILL_FROM = 640  # session after which the price of still.csv does not move
WALK = "--seeds 1 --steps 1 --hidden-size 4 --lookback 20"
SMALL = f"{WALK} --init scratch"


TUNING = "tune GOOD.csv --seeds 1 --steps 2 --hidden-size 4 --lookback 20 --folds 2 --jobs 1"


def prepare(folder: Path) -> None:
    """Write the files, and a home with models of an earlier version."""
    (folder / "data").symlink_to(ROOT / "data")
    shutil.copytree(ROOT / "tests/goldens/saved", folder / "home")
    smallpool.files(folder / "stocks", [smallpool.with_common_news(name) for name in smallpool.NAMES])
    good = synthetic.on_exchange("GOOD", LAST, 900)
    for name, h in {"GOOD": good, "OTHER": synthetic.on_exchange("OTHER", LAST, 900, seed=1)}.items():
        synthetic.write_csv(folder / f"{name}.csv", h)
    synthetic.write_csv(folder / "TOKYO.csv", synthetic.on_exchange("TOKYO", LAST, 900, seed=2, calendar="XTKS"))
    synthetic.write_csv(folder / "still.csv", _still(good))
    (folder / "others").mkdir()
    for name in ("GOOG", "GSPC"):
        other = read(str(ROOT / f"data/{name}.csv"))
        synthetic.write_csv(folder / f"others/{name}.csv", replace(other, close=1.01 * other.close))
    shutil.copy(ROOT / "data/IXIC.csv", folder / "others")
    quarters = np.arange("2004-10", "2013-06", 3, dtype="datetime64[M]").astype("datetime64[D]")
    days = np.busday_offset(quarters, 20, roll="forward")
    (folder / "earnings.csv").write_text("date,time\n" + "".join(f"{day},after\n" for day in days))
    (folder / "notours").mkdir()
    with closing(sqlite3.connect(folder / "notours/stockcast.db")) as other:
        other.execute("CREATE TABLE songs (name TEXT)")
    with Database.of_file(folder / "older.db"):
        pass
    with Database.open(folder / "broken") as db:
        db.execute("PRAGMA foreign_keys = OFF")
        save_instrument(db, APPLE)
        db.execute("INSERT INTO outcomes (forecast_id, settled_at, void) VALUES (7, '', 'why')")
    _unreadable_stores(folder)
    (folder / "open").mkdir()
    (folder / "open").chmod(0o777)
    for name in ("AAA", "SPLIT"):
        (folder / f"{name.lower()}.toml").write_text(f'tickers = ["{name}"]\n')
    (folder / "covariates.toml").write_text('tickers = ["AAA"]\n[model]\nwith = ["./OTHER.csv"]\n')
    _small_files(folder, good)
    file = load_model(folder / "home/models", "GOOG")
    told = {**file.manifest, "name": "piped", "data": {**file.manifest["data"], "source": "-"}}
    save_model(folder / "home/models", ModelFile("piped", told, file.tensors))


def _unreadable_stores(folder: Path) -> None:
    """Homes whose stores hold what cannot be read, beside an instrument that can."""
    for name in ("damaged", "zones", "snapshots"):
        with Database.open(folder / name) as db:
            save_instrument(db, APPLE)
            if name == "zones":
                save_instrument(db, replace(APPLE, ticker="AAA"))
                db.execute("UPDATE instruments SET zone = 'No/Where' WHERE ticker = 'AAA'")
            if name == "snapshots":
                db.execute("INSERT INTO event_snapshots VALUES ('AAA', '2020-06-01', 'yahoo', '?')")
    store = folder / "damaged/stockcast.db"
    pages = bytearray(store.read_bytes())
    pages[3 * 4096 : 4 * 4096] = 4096 * b"?"
    store.write_bytes(pages)


def _still(h: History) -> History:
    """The same, whose price stands still from a session on."""

    def stopped(values: Any) -> Any:
        return None if values is None else np.where(np.arange(len(h)) > STILL_FROM, h.close[STILL_FROM], values)

    names = ("open", "high", "low", "close", "adjusted_close")
    return replace(h, **{name: stopped(getattr(h, name)) for name in names})


def _small_files(folder: Path, h: History) -> None:
    """Files with something wrong, or with something that nobody can know."""
    h = h.between(date(2020, 6, 1), None)
    days, closes = h.dates.astype(object).tolist(), h.close.tolist()
    early, late = 5, len(h) - 5

    def write(name: str, header: str, *columns: Any) -> None:
        rows = [",".join(map(str, row)) for row in zip(*columns, strict=True)]
        (folder / name).write_text("\n".join([header, *rows, ""]))

    def but(at: int | slice, value: Any) -> list[Any]:
        changed = np.array(closes, dtype=object)
        changed[at] = value
        return changed.tolist()

    marks = [close + 1 for close in closes]
    write("columns.csv", "Born,Seen,Alpha,Beta", days, days, closes, marks)
    write("twocloses.csv", "Date,Close,Close.1", days, closes, marks)
    write("two.csv", "Date,Level,Mark", days, ["high"] * len(days), marks)
    write("BTC-USD.csv", "Date,Close", [days[0] + timedelta(at) for at in range(len(days))], closes)
    weekdays = [day for day in (days[0] + timedelta(at) for at in range(300)) if day.weekday() < 5]
    tokyo = set(synthetic.on_exchange("TOKYO", LAST, 300, calendar="XTKS").dates.astype(object).tolist())
    write(
        "holidays.csv", "Date,Close", weekdays, [50 + at % 7 if day in tokyo else "" for at, day in enumerate(weekdays)]
    )
    write("wide.csv", "Date,AAA,BBB,CCC,DDD", days, closes, marks, closes, marks)
    (folder / "named").mkdir()
    for name in ("tickers.csv", "named/BBB.csv"):
        write(name, "Date,Symbol,Close", days * 2, ["AAA"] * len(days) + ["BBB"] * len(days), closes + marks)
    few = [day for day in days if day.day <= 12][:5]
    write("eitherway.csv", "Date,Close", [f"{day:%d/%m/%Y}" for day in few], closes[:5])
    write("eitherblank.csv", "Date,Close", [f"{day:%d %m %Y}" for day in few], closes[:5])
    write("words.csv", "Date,Born,Close", ["a day"] * len(days), days, closes)
    write(
        "comma.csv",
        "Date;Close".replace(";", ","),
        days,
        [f'"{round(close)},{at % 900 + 100}"' for at, close in enumerate(closes)],
    )
    write("onewrong.csv", "Date,Close", days, but(early, "4x2"))
    write("lastwrong.csv", "Date,Close", days, but(late, "4x2"))
    write(
        "manywrong.csv", "Date,Close,Mark", days, ["4x2" if at % 3 else close for at, close in enumerate(closes)], marks
    )
    write("split.csv", "Date,Close", days, [10 * close if at < early else close for at, close in enumerate(closes)])
    write("latesplit.csv", "Date,Close", days, [10 * close if at < late else close for at, close in enumerate(closes)])
    write("zero.csv", "Date,Close", days, but(early, -1))
    write("latezero.csv", "Date,Close", days, but(late, -1))
    write(
        "gap.csv",
        "Date,Close",
        [day.replace(year=day.year - 3) if at < early else day for at, day in enumerate(days)],
        closes,
    )
    write("blanks.csv", "Date,Close,Mark", days, but(slice(None, None, 9), ""), marks)


# What is otherwise in a case.


def _nothing_fits(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("stockcast.models.likelihood._FLAT", -1.0)


def _noon(patch: pytest.MonkeyPatch) -> None:
    patch.setenv("STOCKCAST_NOW", f"{LAST}T16:00:00+00:00")


def _no_garch(patch: pytest.MonkeyPatch) -> None:
    def fit(*_: Any) -> Any:
        raise DataError("garch-t could not be fitted")

    patch.setattr("stockcast.models.baselines.garch.GarchT.fit", fit)


def _no_gpu(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("torch.cuda.is_available", lambda: False)


def _nonsense(patch: pytest.MonkeyPatch) -> None:
    """Every model but the general one forecasts nonsense."""
    wrong = lambda made, _: "" if made.model == "general" else "this test"  # noqa: E731
    patch.setattr("stockcast.forecasting._implausible", wrong)


def _slow(patch: pytest.MonkeyPatch) -> None:
    """The provider answers after twenty seconds."""
    from stockcast.prices.yahoo import client
    from stockcast.prices.yahoo.failures import TimedOut

    def slow(ticker: str, start: date | None, now: Any, deadline: Any, zone: str | None) -> Any:
        if deadline.seconds < 20:
            raise TimedOut("no answer")
        return PROVIDER.fetch(ticker, start, now, deadline, zone)

    patch.setattr(client, "ask_yahoo", slow)


def _away(patch: pytest.MonkeyPatch) -> None:
    """The provider is not to be reached."""
    from stockcast.prices.yahoo import client
    from stockcast.prices.yahoo.failures import NoNetwork

    def away(*_: Any) -> Any:
        raise NoNetwork("no network")

    patch.setattr(client, "ask_yahoo", away)


def _busy(patch: pytest.MonkeyPatch) -> None:
    """Another run goes on for a while."""

    def lock(_path: Path, wait: float, busy: LockedError) -> Any:
        if not wait:
            raise busy
        return nullcontext()

    patch.setattr("stockcast.pipeline.running.file_lock", lock)


def _set_back(patch: pytest.MonkeyPatch) -> None:
    """The clock is set back after AAA was fetched."""
    pipeline.fetch(["AAA"], Path("home"), FetchConfig(), lambda _: Silent())("AAA")
    patch.setenv("STOCKCAST_NOW", evening(LAST - timedelta(days=3)).isoformat())


def _mistake(patch: pytest.MonkeyPatch) -> None:
    """A mistake of ours, in a home that cannot be written."""

    def wrong(*_: Any, **__: Any) -> Any:
        raise ValueError("the answer is 41")

    patch.setattr("stockcast.pipeline.list_models", wrong, raising=False)


_GOOG = "data/GOOG.csv --known-ahead earnings.csv"

CASES = (
    # The columns of a file.
    Case(
        ("config/jobs.py: --address", "config/jobs.py:  without --engine ray", "config/jobs.py: add --engine ray"),
        "backtest GOOD.csv --address 127.0.0.1:1",
        "--address 127.0.0.1:1 without --engine ray",
        "backtest GOOD.csv --address 127.0.0.1:1 --engine ray",
        5,  # nobody listens there
    ),
    Case(
        ("prices/csvfile/layout.py: --close-column", "prices/csvfile/layout.py: --date-column"),
        "check columns.csv --date-column Born --close-column Alfa",
        "no column 'Alfa'.* Correct --close-column",
        "check columns.csv --date-column Born --close-column Alpha",
    ),
    Case(
        ("prices/csvfile/layout.py: --date-column",),
        "check columns.csv --date-column Bern --close-column Alpha",
        "no column 'Bern'.* Correct --date-column",
        "check columns.csv --date-column Born --close-column Alpha",
    ),
    Case(
        ("prices/csvfile/layout.py: Name it with --close-column.",),
        "check two.csv",
        None,
        "check two.csv --close-column Mark",
    ),
    Case(
        ("prices/csvfile/layout.py: Name it with --date-column.",),
        "check columns.csv --close-column Alpha",
        None,
        "check columns.csv --close-column Alpha --date-column Born",
    ),
    Case(
        ("prices/csvfile/layout.py: Choose one of them with --ticker or --close-column.",),
        "check wide.csv",
        None,
        "check wide.csv --ticker BBB",
    ),
    Case(
        ("prices/csvfile/layout.py: Choose one of them with --ticker or --close-column.",),
        "check wide.csv",
        None,
        "check wide.csv --close-column BBB",
    ),
    Case(
        ("prices/csvfile/layout.py: Name one of them with --close-column",),
        "check twocloses.csv",
        "--close-column: Close, (Close.1)",
        "check twocloses.csv --close-column {0}",
    ),
    Case(
        ("prices/csvfile/tickers.py: Choose one of them with --ticker, or by the name of the file.",),
        "check tickers.csv",
        None,
        "check tickers.csv --ticker BBB",
    ),
    Case(
        ("prices/csvfile/tickers.py: Choose one of them with --ticker, or by the name of the file.",),
        "train GOOD.csv tickers.csv --pool --name two",
        None,
        "train GOOD.csv named/BBB.csv --pool --name two",
        REACHED,
    ),
    # Dates.
    Case(
        ("prices/csvfile/dateformat.py: --date-format",),
        "check eitherway.csv",
        r"Say which it is: --date-format (\S+) \(day first\)",
        "check eitherway.csv --date-format {0}",
    ),
    Case(
        ('prices/csvfile/dateformat.py: --date-format "',),
        "check eitherblank.csv",
        'Say which it is: --date-format "%d %m %Y"',
        "check eitherblank.csv --date-format '%d %m %Y'",
    ),
    Case(
        (
            "prices/csvfile/datecolumn.py: does not read as --date-format",
            "prices/csvfile/datecolumn.py: Leave --date-format out,",
        ),
        "check GOOD.csv --date-format %d/%m/%Y",
        r"Leave --date-format out, .* or write --date-format (\S+)\.",
        "check GOOD.csv --date-format {0}",
    ),
    Case(
        (
            "prices/csvfile/datechoice.py: No --date-format reads this column",
            "prices/csvfile/datechoice.py: or name another column with --date-column",
        ),
        "check words.csv",
        None,
        "check words.csv --date-column Born",
    ),
    # Numbers.
    Case(
        (
            "prices/csvfile/numbers.py: ) or --decimal point (",
            "prices/csvfile/numbers.py: Say which it is: --decimal comma (",
        ),
        "check comma.csv",
        r"Say which it is: --decimal (comma) \(",
        "check comma.csv --decimal {0}",
    ),
    Case(
        ("prices/csvfile/numbers.py: Leave --decimal",),
        "check GOOD.csv --decimal comma",
        "Leave --decimal comma out",
        "check GOOD.csv",
    ),
    Case(
        ("prices/csvfile/numbers.py: Correct or delete that row, or leave it out with --start or --end.",),
        "check onewrong.csv",
        None,
        "check onewrong.csv --start 2021-01-05",
    ),
    Case(
        ("prices/csvfile/numbers.py: Correct or delete that row, or leave it out with --start or --end.",),
        "check lastwrong.csv",
        None,
        "check lastwrong.csv --end 2021-04-20",
    ),
    Case(
        ("prices/csvfile/numbers.py: Choose another column with --close-column.",),
        "check manywrong.csv",
        None,
        "check manywrong.csv --close-column Mark",
    ),
    # Bars.
    Case(
        ("prices/adjustments.py: lies before with --start",),
        "check split.csv",
        "lies before with --start ([0-9-]+)",
        "check split.csv --start {0}",
    ),
    Case(
        ("prices/adjustments.py: follows with --end",),
        "check latesplit.csv",
        "follows with --end ([0-9-]+)",
        "check latesplit.csv --end {0}",
    ),
    Case(
        ("prices/history.py: use what follows with --start",),
        "check zero.csv",
        "use what follows with --start ([0-9-]+)",
        "check zero.csv --start {0}",
    ),
    Case(
        ("prices/history.py: use what is before with --end",),
        "check latezero.csv",
        "use what is before with --end ([0-9-]+)",
        "check latezero.csv --end {0}",
    ),
    Case(
        ("prices/checks.py: Use what follows with --start",),
        "check gap.csv",
        "Use what follows with --start ([0-9-]+)",
        "check gap.csv --start {0}",
    ),
    Case(
        ("prices/closes.py: choose another column with --close-column",),
        "check blanks.csv",
        None,
        "check blanks.csv --close-column Mark",
    ),
    # Exchanges.
    Case(
        ("prices/closes.py: : say --exchange",),
        "check holidays.csv --exchange weekdays",
        "say --exchange (XTKS)",
        "check holidays.csv --exchange {0}",
    ),
    Case(
        ("prices/sessionfit.py: --exchange {}", "prices/evidence.py: --exchange {}"),
        "check TOKYO.csv",
        "name the exchange they are from: --exchange (XTKS)",
        "check TOKYO.csv --exchange {0}",
    ),
    Case(
        ("prices/hours.py: its session still runs: --allow-running-bar keeps it.",),
        "check GOOD.csv",
        None,
        "check GOOD.csv --allow-running-bar",
        patch=_noon,
    ),
    Case(
        ("prices/evidence.py: ; --exchange names another",),
        "check BTC-USD.csv",
        "taken to trade on 24/7, as the ticker BTC-USD says; --exchange names another",
        "check BTC-USD.csv --exchange weekdays",
    ),
    # The parts of a history.
    Case(
        ("config/models.py: give --validate-from a date before --test-from", "config/models.py: --validate-from"),
        "train GOOD.csv --validate-from 2020-10-01 --test-from 2020-03-02",
        "give --validate-from a date before --test-from",
        "train GOOD.csv --validate-from 2020-03-02 --test-from 2020-10-01",
        REACHED,
    ),
    Case(
        (
            "windows/splits.py: a shorter --lookback, or move --validate-from and --test-from",
            "windows/splits.py: --validate-from",
            "windows/splits.py: --test-from",
        ),
        "train GOOD.csv --validate-from 2018-03-01 --test-from 2020-10-01",
        "the train part has .* move --validate-from and --test-from",
        "train GOOD.csv --validate-from 2020-03-02 --test-from 2020-10-01",
        REACHED,
    ),
    Case(
        ("config/models.py: is not before --test-from", "config/models.py: --validate-from"),
        "backtest GOOD.csv --validate-from 2020-10-01 --test-from 2020-03-02",
        None,
        "backtest GOOD.csv --validate-from 2020-03-02 --test-from 2020-10-01",
        REACHED,
    ),
    Case(
        ("windows/splits.py: a shorter --lookback, or move --validate-from and --test-from",),
        "train GOOD.csv --lookback 250 --validate-from 2019-06-03 --test-from 2020-10-01",
        "a shorter --lookback",
        "train GOOD.csv --lookback 60 --validate-from 2019-06-03 --test-from 2020-10-01",
        REACHED,
    ),
    Case(
        ("pipeline/trainer.py: use longer histories, or move --validate-from and --test-from",),
        "train GOOD.csv OTHER.csv --pool --name two --test-from 2021-04-20",
        "move --validate-from and --test-from",
        "train GOOD.csv OTHER.csv --pool --name two --validate-from 2020-03-02 --test-from 2020-10-01",
        REACHED,
    ),
    Case(
        ("forecasting.py: on, or train with --test-from on or before",),
        f"predict {_GOOG} --as-of 2010-01-04",
        "or train with --test-from on or before (2010-01-04)",
        f"train {_GOOG} --test-from {{0}}",
        REACHED,
    ),
    Case(
        ("pipeline/backtesting.py: --test-from",),
        f"backtest {_GOOG} --model GOOG --test-from 2012-01-03",
        "use --test-from ([0-9-]+) or later",
        f"backtest {_GOOG} --model GOOG --test-from {{0}}",
        REACHED,
    ),
    Case(
        (
            "pipeline/backtesting.py: with an earlier --test-from",
            "pipeline/backtesting.py: --test-from",
        ),
        f"backtest {_GOOG} --model GOOG --end 2012-05-31",
        "train the model with an earlier --test-from",
        f"train {_GOOG} --test-from 2010-01-04",
        REACHED,
    ),
    Case(
        ("pipeline/initial.py: with --test-from",),
        "train GOOD.csv --init AAA --validate-from 2019-06-03 --test-from 2020-06-01",
        "train AAA with --test-from (2019-06-03) or earlier",
        "train GOOD.csv --name AAA --test-from {0}",
        REACHED,
    ),
    # What a training begins with.
    Case(
        (
            "pipeline/initial.py: --init",
            "pipeline/initial.py: or begin with --init",
            "pipeline/initial.py: or --init",
        ),
        "train GOOD.csv --init AAA --validate-from 2019-06-03 --test-from 2020-06-01",
        "or begin with --init general or --init (scratch)",
        "train GOOD.csv --init {0} --validate-from 2019-06-03 --test-from 2020-06-01",
        REACHED,
    ),
    Case(
        (
            "pipeline/initial.py: --init",
            "pipeline/initial.py: leave --init out",
        ),
        "train GOOD.csv --init general --with OTHER.csv",
        "leave --init out",
        "train GOOD.csv --with OTHER.csv",
        REACHED,
    ),
    Case(
        ("pipeline/initial.py: begin with --init", "pipeline/initial.py: or --init"),
        "train data/IXIC.csv --init gru",
        "begin with --init general or --init (scratch)",
        "train data/IXIC.csv --init {0}",
        REACHED,
    ),
    Case(
        ("pipeline/initial.py: --init", "pipeline/initial.py: leave it out, or train with --init"),
        "train GOOD.csv --init general --cell gru",
        "or train with --init (scratch)",
        "train GOOD.csv --init {0} --cell gru",
        REACHED,
    ),
    Case(
        ("pipeline/initial.py: leave --seeds out, or train with --init", "pipeline/initial.py: --init"),
        "train GOOD.csv --init general --seeds 7",
        "leave --seeds out, or train with --init scratch",
        "train GOOD.csv --init general",
        REACHED,
    ),
    Case(
        ("pipeline/trainer.py: --init", "pipeline/trainer.py: leave --init out"),
        "train GOOD.csv OTHER.csv --pool --name two --init general",
        "leave --init out",
        "train GOOD.csv OTHER.csv --pool --name two",
        REACHED,
    ),
    # Prices that stand still.
    Case(
        ("forecasting.py: --as-of",),
        "predict still.csv --model general",
        "leave those sessions out with --as-of ([0-9-]+)",
        "predict still.csv --model general --as-of {0}",
    ),
    Case(
        ("pipeline/trainer.py: --end",),
        "train still.csv",
        "leave those sessions out with --end ([0-9-]+)",
        "train still.csv --end {0}",
        REACHED,
    ),
    Case(
        ("pipeline/reporting.py: --end",),
        "report still.csv",
        "leave those sessions out with --end ([0-9-]+)",
        "report still.csv --end {0}",
        REACHED,
    ),
    # Forecasts and fits that fail.
    Case(
        ("forecasting.py: train the model again, or forecast with --model general",),
        "predict AAA --offline --no-record --allow-stale",
        "or forecast with --model (general)",
        "predict AAA --offline --no-record --allow-stale --model {0}",
        patch=_nonsense,
    ),
    Case(
        ("models/likelihood.py: or forecast with --model general",),
        f"train GOOD.csv {SMALL}",
        "or forecast with --model (general)",
        "predict GOOD.csv --model {0}",
        patch=_nothing_fits,
        trains=True,
    ),
    Case(
        ("pipeline/judging.py: choose others with --baseline",),
        f"backtest GOOD.csv {WALK} --test-from 2021-01-04 --baseline garch-t",
        "choose others with --baseline",
        f"backtest GOOD.csv {WALK} --test-from 2021-01-04 --baseline har-t",
        patch=_no_garch,
        trains=True,
    ),
    Case(
        (
            "models/training.py: --device cuda",
            "models/training.py: use --device cpu, or auto",
        ),
        f"backtest GOOD.csv {WALK} --test-from 2021-01-04 --baseline har-t --device cuda",
        "use --device (cpu), or auto",
        f"backtest GOOD.csv {WALK} --test-from 2021-01-04 --baseline har-t --device {{0}}",
        patch=_no_gpu,
        trains=True,
    ),
    Case(
        ("pipeline/generalmodel.py: Nothing is known of its skill on this ticker: --check tests it.",),
        "predict GOOD.csv --model general",
        "--check tests it",
        "predict GOOD.csv --model general --check",
        REACHED,
    ),
    # Covariates.
    Case(
        ("pipeline/source.py: --events names another file, and --no-events goes without",),
        "predict GOOD.csv --events none.csv",
        "--events names another file, and --no-events goes without",
        "predict GOOD.csv --events earnings.csv",
    ),
    Case(
        ("pipeline/source.py: --events names another file, and --no-events goes without",),
        "predict GOOD.csv --events columns.csv",
        "columns.csv has no column of dates.*--no-events goes without",
        "predict GOOD.csv --no-events",
    ),
    Case(
        ("pipeline/covariates.py: leave --with and --known-ahead out, or train with them",),
        "predict AAA --offline --no-record --allow-stale --with OTHER.csv",
        "leave --with and --known-ahead out",
        "predict AAA --offline --no-record --allow-stale",
    ),
    Case(
        ("pipeline/covariates.py: leave --known-ahead out",),
        "predict data/IXIC.csv --model gru --with data/GSPC.csv --known-ahead earnings.csv",
        "leave --known-ahead out",
        "predict data/IXIC.csv --model gru --with data/GSPC.csv",
    ),
    Case(
        ("pipeline/covariates.py: ; --with and --known-ahead name other places for what",),
        "predict data/IXIC.csv --model gru",
        "--with and --known-ahead name other places for what gru looks at",
        "predict data/IXIC.csv --model gru --with data/GSPC.csv",
    ),
    Case(
        ("pipeline/covariates.py: , and --with names",),
        "predict data/IXIC.csv --model gru --with GOOD.csv --with OTHER.csv",
        "--with names GOOD, OTHER",
        "predict data/IXIC.csv --model gru --with data/GSPC.csv",
    ),
    Case(
        ("pipeline/covariates.py: ; --exchange names another",),
        "train GOOD.csv --with TOKYO.csv@XTKS",
        "GOOD is taken to trade on XNYS.*--exchange names another",
        "train GOOD.csv --with TOKYO.csv@XTKS --exchange XTSE",
        REACHED,
    ),
    Case(
        ("pipeline/covariates.py: go on from what is there with --allow-stale",),
        "predict GOOD.csv --model gru --with AAA --offline",
        "go on from what is there with --allow-stale",
        "predict GOOD.csv --model gru --with AAA --offline --allow-stale",
    ),
    # Prices of tickers.
    Case(
        ("pipeline/fetching.py: fetch them without --offline: stockcast fetch",),
        "predict ZZZ --offline --model general",
        "fetch them without --offline",
        "predict ZZZ --model general",
    ),
    Case(
        ("pipeline/fetching.py: : predict --allow-stale goes on from them",),
        "predict AAA --no-record",
        "predict --allow-stale goes on from them",
        "predict AAA --no-record --allow-stale",
        patch=_away,
    ),
    Case(
        ("pipeline/source.py: forecast from what is there with --allow-stale",),
        "predict AAA --no-record --offline",
        "forecast from what is there with --allow-stale",
        "predict AAA --no-record --offline --allow-stale",
    ),
    Case(
        ("prices/yahoo/failures.py: try again, or allow more time with --timeout",),
        "predict ZZZ --model general --timeout 10",
        "allow more time with --timeout",
        "predict ZZZ --model general --timeout 30",
        patch=_slow,
    ),
    Case(
        ("pipeline/source.py: is a ticker, and --ticker and the options about columns are for files",),
        "predict AAA --no-record --offline --allow-stale --ticker BBB",
        "--ticker and the options about columns are for files",
        "predict AAA --no-record --offline --allow-stale",
    ),
    # Pools.
    Case(
        ("pipeline/pools.py: name more sources, or train without --pool",),
        "train GOOD.csv --pool --name one",
        "or train without --pool",
        "train GOOD.csv --name one",
        REACHED,
    ),
    Case(
        ("pipeline/pools.py: as a pool of its own, or choose with --exchange",),
        "train AAA BBB ZZZ LLL MMM --pool --name many",
        "LLL trades on XLON .* choose with --exchange",
        "train AAA BBB ZZZ LLL MMM --pool --name many --exchange XLON",
        REACHED,
    ),
    Case(
        (
            "cli/train.py: --name",
            "cli/train.py: --pool without --name",
            "cli/train.py: add --name NAME",
        ),
        "train GOOD.csv OTHER.csv --pool",
        "add --name NAME",
        "train GOOD.csv OTHER.csv --pool --name two",
        REACHED,
    ),
    Case(
        ("cli/train.py: --name", "cli/train.py: ; --pool makes one model of all"),
        "train GOOD.csv OTHER.csv --name two",
        "--name goes with one source; --pool makes one model of all",
        "train GOOD.csv OTHER.csv --name two --pool",
        REACHED,
    ),
    Case(
        ("cli/train.py: --memory without --pool", "cli/train.py: leave it out, or add --pool"),
        "train GOOD.csv OTHER.csv --memory 1",
        "leave it out, or add --pool",
        "train GOOD.csv OTHER.csv --memory 1 --pool --name two",
        REACHED,
    ),
    Case(
        ("pipeline/pools.py: would take more of the memory than they may (--memory)",),
        "train GOOD.csv OTHER.csv --pool --name two --memory 0",
        r"2 series would take more of the memory than they may \(--memory\)",
        "train GOOD.csv OTHER.csv --pool --name two --memory 1",
        REACHED,
    ),
    Case(
        ("report/training.py: next forecasts: stockcast predict SOURCE... --model",),
        f"train GOOD.csv OTHER.csv --pool --name two {SMALL}",
        "next forecasts: stockcast (predict) SOURCE... --model two",
        "{0} GOOD.csv OTHER.csv --model two",
        trains=True,
    ),
    # Models made again.
    Case(
        ("pipeline/reproducing.py: name the file of that time with --source",),
        "reproduce GOOG --source others",
        "name the file of that time with --source",
        "reproduce GOOG --source data --source earnings.csv",
        REACHED,
    ),
    Case(
        ("pipeline/reproducing.py: name its prices with --source",),
        "reproduce piped --source earnings.csv",
        "name its prices with --source",
        "reproduce piped --source data/GOOG.csv --source earnings.csv",
        REACHED,
    ),
    Case(
        ("pipeline/reproducing.py: name a file with --source",),
        "reproduce piped",
        "name a file with --source",
        "reproduce piped --source data/GOOG.csv --source earnings.csv",
        REACHED,
    ),
    Case(
        ("pipeline/reproducing.py: name the file of that time with --source",),
        "reproduce gru --source others",
        "name the file of that time with --source",
        "reproduce gru --source data",
        REACHED,
    ),
    # Names, places and the cron job.
    Case(
        ("storage/modelfile.py: Choose another with --name.",),
        "train GOOD.csv --name a/b",
        "Choose another with --name",
        "train GOOD.csv --name ab",
        REACHED,
    ),
    Case(
        ("storage/modelfile.py: `stockcast train SOURCE --name",),
        "predict GOOD.csv --model nobody",
        "`stockcast (train) SOURCE --name nobody`",
        "{0} GOOD.csv --name nobody",
        REACHED,
    ),
    Case(
        ("storage/database.py: move it away, or choose another folder with --home",),
        "fetch AAA --home notours",
        "choose another folder with --home",
        "fetch AAA --home another",
    ),
    Case(
        ("cli/console.py: ); name a folder with --home",),
        "models list --home earnings.csv",
        "name a folder with --home",
        "models list --home another",
        1,
        patch=_mistake,
    ),
    Case(
        ("pipeline/running.py: wait until it is done, or give --wait SECONDS",),
        "run --config aaa.toml",
        "or give --wait SECONDS",
        "run --config aaa.toml --wait 30",
        patch=_busy,
    ),
    Case(
        ("pipeline/clock.py: or replay the past in a home of its own: --home DIR",),
        "run --config aaa.toml",
        None,
        "run --config aaa.toml --home another",
        REACHED,
        patch=_set_back,
    ),
    Case(
        ("pipeline/running.py: --start DATE, which its model remembers",),
        "run --config split.toml",
        "lies before with --start ([0-9-]+): stockcast (train SPLIT) --start DATE",
        "{1} --start {0}",
        REACHED,
    ),
    Case(("cli/run.py: --wait",), "run --wait -1", "--wait -1 is negative", "run --config aaa.toml --wait 1"),
    Case(
        ("cli/run.py: name another with --config FILE, or delete it first",),
        "run --write-config --config aaa.toml",
        "name another with --config FILE",
        "run --write-config --config another.toml",
    ),
    Case(
        ("pipeline/auditing.py: leave --test-from out",),
        "audit GOOD.csv --test-from 2031-01-02",
        None,
        "audit GOOD.csv",
        REACHED,
    ),
    Case(
        ("config/runfile.py: stockcast run --write-config makes one",),
        "run --config none.toml",
        "stockcast run --write-config makes one",
        "run --write-config --config none.toml",
    ),
    Case(
        ("pipeline/checkup.py: stockcast run --write-config",),
        "doctor --offline",
        "configuration: stockcast run --write-config",
        "run --write-config",
    ),
    Case(
        ("pipeline/checkup.py: stockcast doctor --repair saves what can be read",),
        "doctor --offline --home broken",
        "stockcast doctor --repair saves what can be read",
        "doctor --offline --home broken --repair",
    ),
    Case(
        ("storage/database.py: `stockcast doctor` says more, and --repair saves what can be read",),
        "ledger list --home damaged",
        None,
        "doctor --offline --home damaged --repair",
    ),
    Case(
        ("storage/pricestore.py: `stockcast doctor --repair` leaves it out",),
        "predict AAA --offline --home zones",
        None,
        "doctor --offline --home zones --repair",
    ),
    Case(
        ("storage/eventstore.py: `stockcast doctor --repair` leaves it out",),
        "fetch AAA --home snapshots",
        None,
        "doctor --offline --home snapshots --repair",
    ),
    Case(
        ("pipeline/checkup.py: ; stockcast doctor --repair --home",),
        "doctor --offline --home open",
        r"stockcast (doctor --repair --home \S+)",
        "{} --offline",
    ),
    # Wrong usage.
    Case(
        ("cli/train.py: --policy and --pool contradict each other",),
        "train GOOD.csv OTHER.csv --pool --policy",
        None,
        "train GOOD.csv --policy",
        REACHED,
    ),
    Case(
        ("cli/backtest.py: and --model contradict each other",),
        f"backtest {_GOOG} --model GOOG --seeds 3",
        "--seeds and --model contradict each other.* leave one of them out",
        f"backtest {_GOOG} --model GOOG",
        REACHED,
    ),
    Case(
        ("cli/backtest.py: --table",),
        "backtest GOOD.csv --table data",
        "--table data is a folder",
        "backtest GOOD.csv --table table.md",
        REACHED,
    ),
    Case(
        ("cli/options.py: --output",),
        "predict GOOD.csv --model general --output data",
        "--output data is a folder",
        "predict GOOD.csv --model general --output out.json",
    ),
    Case(
        ("cli/backtest.py: --plots",),
        "report GOOD.csv --plots earnings.csv",
        "--plots earnings.csv is no folder",
        "report GOOD.csv --plots pictures",
        REACHED,
    ),
    Case(
        ("cli/tune.py: --config without --save-config", "cli/tune.py: add --save-config, or leave it out"),
        "tune GOOD.csv --config own.toml --dry-run",
        None,
        "tune GOOD.csv --config own.toml --save-config --dry-run",
    ),
    Case(
        ("cli/tune.py: --save-config with --pool: stockcast.toml trains no pools",),
        "tune GOOD.csv OTHER.csv --pool --save-config --dry-run",
        None,
        "tune GOOD.csv OTHER.csv --pool --dry-run",
    ),
    Case(
        (
            "cli/train.py: --without without --pool: it is about the columns of pools",
            "cli/train.py: leave it out, or add --pool",
        ),
        "train GOOD.csv --without echo",
        None,
        "train GOOD.csv OTHER.csv --without echo --pool --name two",
        REACHED,
    ),
    Case(
        ("cli/tune.py: --config",),
        "tune GOOD.csv --config nowhere/own.toml --save-config --dry-run",
        "the folder nowhere of --config does not exist",
        "tune GOOD.csv --config own.toml --save-config --dry-run",
    ),
    Case(
        ("cli/tune.py: tune with the same --with and --known-ahead, or take them out of the file",),
        "tune GOOD.csv --config covariates.toml --save-config --dry-run",
        None,
        "tune GOOD.csv --config covariates.toml --save-config --with OTHER.csv --dry-run",
    ),
    Case(
        ("pipeline/objectives.py: begin it earlier, with --test-from",),
        "tune GOOD.csv --test-from 2030-01-02 --dry-run",
        None,
        "tune GOOD.csv --test-from 2020-10-01 --dry-run",
    ),
    Case(
        ("pipeline/objectives.py: use a longer history, or fewer --folds",),
        "tune GOOD.csv --folds 10 --dry-run",
        None,
        "tune GOOD.csv --folds 3 --dry-run",
    ),
    Case(
        ("pipeline/tuning.py: give more --minutes or --trials",),
        f"{TUNING} --minutes 0",
        None,
        f"{TUNING} --trials 1",
        trains=True,
    ),
    Case(("cli/ledger.py: --limit",), "ledger list --limit -1", "--limit -1 is negative", "ledger list --limit 0"),
    Case(
        ("storage/backup.py: name another file, or replace this one with --force",),
        "ledger backup GOOD.csv",
        "GOOD.csv is there, and is no whole backup",
        "ledger backup GOOD.csv --force",
    ),
    Case(
        ("storage/backup.py: then go back with --force",),
        "ledger restore older.db",
        "has 21 forecasts.* that older.db has not",
        "ledger restore older.db --force",
    ),
    Case(
        ("storage/backup.py: name the folder of one with --home",),
        "ledger backup kept.db --home others",
        "there is no record in others",
        "ledger backup kept.db --home home",
    ),
    Case(("cli/ledger.py: --wait",), "ledger prune --wait -1", "--wait -1 is negative", "ledger prune --wait 1"),
    Case(
        ("report/live.py: forecasts; --limit 0 shows all",),
        "ledger list --limit 1",
        "--limit 0 shows all",
        "ledger list --limit 0",
    ),
    Case(
        ("cli/ledger.py: --output",),
        "ledger export --output out.txt",
        "end it in .csv or .jsonl",
        "ledger export --output out.csv",
    ),
    Case(
        ("cli/sources.py: --ticker", "cli/checks.py: --ticker"),
        "check GOOD.csv OTHER.csv --ticker X",
        "--ticker goes with one source",
        "check GOOD.csv --ticker X",
    ),
    Case(
        ("cli/commands.py: --help", "cli/commands.py: --help'"),
        "check --wrong",
        "see 'stockcast check --help'",
        "check --help",
    ),
    # What answers point out.
    Case(
        ("report/explain.py: --units GATE shows each.",),
        "explain data/IXIC.csv --model gru --with data/GSPC.csv",
        "--units GATE shows each",
        "explain data/IXIC.csv --model gru --with data/GSPC.csv --units update",
    ),
    Case(
        ("report/explain.py: all of them: --json",),
        "explain stocks/B.csv --model six",
        "all of them: --json",
        "explain stocks/B.csv --model six --json",
    ),
)

NO_ADVICE = {
    "models/baselines/events.py: give them with --events FILE, or leave the baseline out": "such a one is left out",
    "cli/console.py: fewer sources, or a lower --jobs": "tests/cli/test_manners.py asks for too much",
    "storage/ledger/recording.py: `stockcast doctor --repair` leaves it out": "tests/storage/test_salvage.py",
    "cli/commands.py: --home": "how it is found on the command line",
    "cli/commands.py: --home=": "how it is found on the command line",
    "cli/commands.py: --json": "how it is found on the command line",
    "pipeline/running.py: --start": "found in what is said",
    "pipeline/checking.py: as --exchange says": "what was given",
    "config/runs.py: --jobs, --engine and --address overrule it.": "a comment of the file: what is stronger than it",
    "engine/local.py: give fewer --jobs, or --jobs 1": "tests/engine/test_local.py kills workers and comes to it",
    "engine/local.py: what it needs has to be importable in another process, too; --jobs 1 does it in this one": (
        "tests/engine/test_local.py sends what no worker can read and comes to it"
    ),
    "engine/raycluster.py: --engine ray needs the package ray": "tests/engine/test_raycluster.py goes without it",
    "engine/raycluster.py: do it without --engine ray": "where Ray itself does not begin",
    "engine/raycluster.py: start nodes with fewer CPUs, by --num-cpus": "an option of Ray's",
    "config/settings.py: /--no-": "how options are made of settings",
    "report/tuning.py:  --pool --name NAME": "how to train with what was found",
    "report/tuning.py: --no-": "how to train with what was found",
    "cli/train.py: ; with --pool": "help: what holds otherwise",
    "prices/csvfile/datechoice.py: No --date-format can say which": "it says that no option helps",
    "report/checks.py: it was trained with --device": "what a model was trained with",
    "report/html/figure.py: var(--sans)": "a style sheet",
}
"""Literals that name an option without advice, and why."""
