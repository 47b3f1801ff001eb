"""The shipped price files are what the packages that they come from say."""

from __future__ import annotations

import csv
import importlib.util
import shutil
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest

DATA = Path(__file__).parent.parent / "data"
FILES = ("GSPC.csv", "IXIC.csv", "GOOG.csv")


@pytest.fixture(scope="module")
def regenerate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("regenerate", DATA / "regenerate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_shipped_files_are_regenerated_to_the_last_byte(regenerate: ModuleType, tmp_path: Path) -> None:
    regenerate.write(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (DATA / name).read_bytes()


def test_the_check_passes_on_the_shipped_files_and_writes_nothing(regenerate: ModuleType) -> None:
    before = {name: (DATA / name).stat().st_mtime_ns for name in FILES}
    assert regenerate.main(["--check"]) == 0
    assert {name: (DATA / name).stat().st_mtime_ns for name in FILES} == before


def test_the_check_names_a_file_that_was_changed_or_lost(
    regenerate: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(DATA / "GSPC.csv", tmp_path)
    changed = (DATA / "GOOG.csv").read_bytes().replace(b"100.34", b"100.35", 1)
    (tmp_path / "GOOG.csv").write_bytes(changed)
    assert regenerate.main(["--check"], tmp_path) == 1
    told = capsys.readouterr().err
    assert "IXIC.csv differs" in told
    assert "GOOG.csv differs" in told
    assert "GSPC.csv" not in told
    assert (tmp_path / "GOOG.csv").read_bytes() == changed


def test_a_package_that_is_not_installed_is_named(regenerate: ModuleType) -> None:
    with pytest.raises(FileNotFoundError, match="no_such_package has no prices"):
        regenerate.package_file("no_such_package", "prices.csv")


@pytest.mark.parametrize(
    ("name", "count", "first", "last"),
    [
        ("GSPC.csv", 5031, date(1999, 1, 4), date(2018, 12, 31)),
        ("IXIC.csv", 5031, date(1999, 1, 4), date(2018, 12, 31)),
        ("GOOG.csv", 2148, date(2004, 8, 19), date(2013, 3, 1)),
    ],
)
def test_the_files_hold_valid_bars_in_order(name: str, count: int, first: date, last: date) -> None:
    bars = rows(name)
    dates = [date.fromisoformat(bar["Date"]) for bar in bars]
    assert list(bars[0]) == ["Date", "Open", "High", "Low", "Close", "Adj Close", "Volume"]
    assert (len(dates), dates[0], dates[-1]) == (count, first, last)
    assert dates == sorted(set(dates))
    for bar in bars:
        low, high = float(bar["Low"]), float(bar["High"])
        assert 0 < low <= min(float(bar["Open"]), float(bar["Close"]))
        assert high >= max(float(bar["Open"]), float(bar["Close"]))
        assert bar["Adj Close"] == bar["Close"]
        assert int(bar["Volume"]) >= 0
