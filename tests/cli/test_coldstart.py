"""A cold start loads what it needs and no more: each package left out is a tenth of a second or several."""

from __future__ import annotations

import pytest

from tests.cli.conftest import FAKED, REAL, python

HEAVY = ("torch", "pandas", "scipy", "matplotlib", "yfinance", "exchange_calendars", "pyarrow", "arch")
LOADED = (
    "\nfinally: import sys; print('loaded:', *sorted({name.split('.')[0] for name in sys.modules}), file=sys.stderr)"
)


def loaded(code: str, *words: str) -> set[str]:
    """Top-level packages in memory after this command line."""
    statements, _, last = code.rpartition("; ")
    outcome = python(f"{statements}\ntry: {last}{LOADED}", *words)
    return set(outcome.err.rpartition("loaded: ")[2].split())


@pytest.mark.parametrize("words", [["--help"], ["train", "--help"], ["predict", "--help"], ["--version"]])
def test_help_loads_nothing_heavy(words: list[str]) -> None:
    found = loaded(REAL, *words)
    assert "typer" in found
    assert found.isdisjoint({*HEAVY, "numpy", "pydantic", "platformdirs"})


def test_predict_as_json_loads_no_rich_and_no_pydantic() -> None:
    found = loaded(FAKED, "predict", "good", "--json")
    assert "json" in found
    assert found.isdisjoint({*HEAVY, "rich", "pydantic"})


def test_the_check_can_fail() -> None:
    assert "rich" in loaded(FAKED, "predict", "good")
    assert "colorsys" in loaded("import colorsys; " + REAL, "--version")
