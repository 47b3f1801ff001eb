"""`check`: how files are read, of files and folders and standard input, without making anything of them."""

from __future__ import annotations

import io
import signal
import sys
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from typer.main import get_command

from stockcast.cli.commands import application
from tests import synthetic
from tests.processes import Completed

H = synthetic.on_exchange("AAPL", date(2021, 4, 1), 120)
Play = Callable[..., Completed]


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Play]:
    """Runs a command line in this process, in a folder with a file."""
    synthetic.write_csv(tmp_path / "AAPL.csv", H)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    handler = signal.getsignal(signal.SIGINT)

    def run(*words: str) -> Completed:
        capsys.readouterr()
        code = get_command(application(words)).main(list(words), standalone_mode=False)
        return Completed(code or 0, *capsys.readouterr())

    yield run
    signal.signal(signal.SIGINT, handler)


def test_a_file_is_told_in_a_table_and_nothing_is_made_of_it(play: Play, tmp_path: Path, home: Path) -> None:
    done = play("check", "AAPL.csv").succeeded()
    rows = [" ".join(line.split()) for line in done.out.splitlines()]
    assert rows[0] == "AAPL.csv"
    for row in (
        "file CSV, UTF-8, cells between commas",
        f"bars 120 sessions, {H.first} to {H.last}",
        "no bar on no session",
        "bars on no other day",
    ):
        assert row in rows
    assert "close: Close, adjusted close: Adj Close" in done.out
    assert done.err == ""
    assert [path.name for path in tmp_path.iterdir()] == ["AAPL.csv"]
    assert not home.exists()


def test_as_json_it_is_as_its_schema_says(play: Play) -> None:
    (found,) = play("check", "AAPL.csv", "--json", "--start", H.session(20).isoformat()).succeeded().data
    assert (found["ticker"], found["bars"], found["first"]) == ("AAPL", 100, H.session(20).isoformat())
    assert (found["date_column"], found["date_form"], found["date_example"]) == ("Date", "%Y-%m-%d", str(H.dates[0]))
    names = {"close": "Close", "adjusted_close": "Adj Close", "open": "Open", "high": "High", "low": "Low"}
    assert found["columns"] == {**names, "volume": "Volume"}
    assert (found["exchange"], found["missing"]["count"], found["extra"]["count"]) == ("XNYS", 0, 0)
    assert found["read_with"] == f"--start {H.session(20)}"


def test_what_is_wrong_with_one_file_stops_no_other(play: Play, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("Date,Close\n2021-01-04,1\n2021-01-05,-1\n2021-01-06,1\n")
    done = play("check", "bad.csv", "AAPL.csv", "--json")
    assert done.code == 4
    assert [one["ticker"] for one in done.data] == ["AAPL"]
    assert [one["source"] for one in done.errors] == ["bad.csv"]
    assert "hint: " in play("check", "bad.csv").err


def test_a_folder_stands_for_its_files(play: Play, tmp_path: Path) -> None:
    synthetic.write_csv(tmp_path / "MSFT.csv", H)
    assert [one["ticker"] for one in play("check", "./", "--json").data] == ["AAPL", "MSFT"]


def test_standard_input_is_read(play: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO((tmp_path / "AAPL.csv").read_text()))
    (found,) = play("check", "-", "--ticker", "XYZ", "--json").succeeded().data
    assert (found["source"], found["ticker"], found["bars"]) == ("-", "XYZ", 120)


def test_a_ticker_is_no_file(play: Play) -> None:
    play("check", "AAPL").failed(4, "AAPL is a ticker, and check is for files", "name a file, such as AAPL.csv")


def test_rows_left_out_sessions_without_a_bar_and_splits_are_counted(play: Play, tmp_path: Path) -> None:
    days, closes = H.dates.astype(object).tolist(), H.close.tolist()
    halved = [close / (2 if at >= 60 else 1) for at, close in enumerate(closes)]
    lines = [f"{day},{halved[at]},{2 if at == 60 else 1}" for at, day in enumerate(days)]
    del lines[50:52]
    lines.insert(30, "Average,,")
    saturday = next(day for day in days if day.weekday() == 4) + timedelta(1)
    lines.append(f"{saturday},{halved[days.index(saturday - timedelta(1))]},1")
    (tmp_path / "odd.csv").write_text("\n".join(["Date,Close,Split Ratio", *lines, ""]))
    (found,) = play("check", "odd.csv", "--json").succeeded().data
    assert found["missing"] == {"count": 2, "days": [str(days[50]), str(days[51])]}
    assert found["extra"] == {"count": 1, "days": [str(saturday)]}
    assert found["left_out"] == [{"reason": "of summaries or remarks", "count": 1, "rows": [32]}]
    assert found["splits"] == {str(days[60]): 2.0}
    assert any("left out" in warning for warning in found["warnings"])
    assert "No adjusted close" not in " ".join(found["warnings"])
