"""A cold start loads what it needs and no more: each package left out is a tenth of a second or several."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import FAKED
from tests.processes import COMMAND, ROOT, loaded, packages_loaded

HEAVY = ("torch", "pandas", "scipy", "matplotlib", "yfinance", "exchange_calendars", "pyarrow", "arch")
MOST_MODULES = 60
"""Modules of stockcast that a forecast loads at most. It is only ever lowered: 60 are enough."""


@pytest.mark.parametrize(
    "words", [["--help"], ["train", "--help"], ["predict", "--help"], ["--version"], ["--version", "-v"]]
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
