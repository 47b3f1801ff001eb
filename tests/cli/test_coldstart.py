"""A cold start loads what it needs and no more: each package left out is a tenth of a second or several."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from stockcast.config import FetchConfig
from stockcast.pipeline.fetchsession import FetchSession
from stockcast.pipeline.source import PriceSource
from stockcast.prices.events import AFTER
from tests.cli.conftest import FAKED
from tests.pipeline.provider import LAST, Provider, evening, series
from tests.processes import COMMAND, ROOT, loaded, packages_loaded

HEAVY = (
    "torch",
    "pandas",
    "scipy",
    "optuna",
    "sqlalchemy",
    "matplotlib",
    "yfinance",
    "exchange_calendars",
    "pyarrow",
    "arch",
)
MOST_MODULES = 84
"""Modules of stockcast that a forecast loads at most. It is raised for rooms of what every forecast does alone."""


@pytest.mark.parametrize(
    "words",
    [["--help"], ["train", "--help"], ["tune", "--help"], ["predict", "--help"], ["--version"], ["--version", "-v"]],
)
def test_help_loads_nothing_heavy(words: list[str]) -> None:
    found = packages_loaded(*words)
    assert "typer" in found
    assert found.isdisjoint({*HEAVY, "numpy", "pydantic", "platformdirs"})


def test_predict_as_json_loads_no_rich_and_no_pydantic() -> None:
    found = packages_loaded("predict", "good", "--json", code=FAKED)
    assert "json" in found
    assert found.isdisjoint({*HEAVY, "rich", "pydantic"})


def test_the_check_can_fail() -> None:
    assert "rich" in packages_loaded("predict", "good", code=FAKED)
    assert "colorsys" in packages_loaded("--version", code=f"import colorsys; {COMMAND}")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A home with saved models."""
    return shutil.copytree(ROOT / "tests/goldens/saved", tmp_path / "home")


def test_a_forecast_loads_few_modules(saved: Path) -> None:
    found = loaded("predict", ROOT / "data/GSPC.csv", "--model", "general", "--home", saved)
    own = sorted(name for name in found if name.partition(".")[0] == "stockcast")
    assert "stockcast.forecasting" in own
    assert len(own) <= MOST_MODULES, own


def test_the_dates_of_reports_cost_a_forecast_of_a_ticker_nothing_heavy(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setenv("STOCKCAST_NOW", evening(LAST).isoformat())
    provider = Provider(series("AAA", 300, seed=1)).install(monkeypatch)
    provider.reports["AAA"] = [(day, AFTER) for day in provider.listed["AAA"].dates[::63].tolist()]
    PriceSource(home, fetch_session=FetchSession(FetchConfig(pause=0))).load("AAA")
    words = ("predict", "AAA", "--offline", "--no-record")
    known, without = loaded(*words), loaded(*words, "--no-events")
    assert "stockcast.storage.eventstore" in known
    assert known.isdisjoint(HEAVY)
    more = sorted(known - without)
    assert all(name.partition(".")[0] == "stockcast" for name in more), more
    assert len(more) <= 3, more
