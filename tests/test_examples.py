"""Every script in examples/ runs as it stands there, on the shipped prices, and says what it promises."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import ROOT, forked

SAID = {
    "one_ticker.py": ("Intervals: ", "stockcast-lo-50", "2019-01-04"),
    "long_frame.py": ("stockcast-hi-95", "GOOG 2013-03-05", "IXIC 2013-03-04"),
    "skill_table.py": ("lstm-lo-90", "crps_skill", "har-t", "Price direction: "),
}
OF_OTHERS = {
    "with_neuralforecast.py": ("neuralforecast", ("stockcast-lo-90", "NHITS-hi-90", "2018-12-31", "coverage_level90")),
    "with_darts.py": ("darts", ("y_q0.050", "y_q0.950", "2018-12-31", "IXIC", "quantile loss ")),
}
"""Scripts that need another package, which the tests do not install: run where it is there."""


def test_every_example_is_tested() -> None:
    assert sorted(path.name for path in (ROOT / "examples").glob("*.py")) == sorted([*SAID, *OF_OTHERS])


@pytest.mark.parametrize("script", SAID)
def test_an_example_runs_and_leaves_nothing_behind(script: str, tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to(ROOT / "data")
    done = forked(folder=tmp_path, script=ROOT / "examples" / script, env={**os.environ, "TMPDIR": str(tmp_path)})
    for words in SAID[script]:
        assert words in done.succeeded().out
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize("script", OF_OTHERS)
def test_an_example_beside_another_package_runs_where_that_is_installed(script: str, tmp_path: Path) -> None:
    package, said = OF_OTHERS[script]
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    (tmp_path / "data").symlink_to(ROOT / "data")
    # In a process of its own: what the other package warns of is not ours.
    words = [sys.executable, ROOT / "examples" / script]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    for word in said:
        assert word in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_the_other_examples_ask_for_nothing_that_a_forecast_lacks() -> None:
    """Without the other packages: their scripts compile, and name the columns that forecasts have."""
    for script in OF_OTHERS:
        source = (ROOT / "examples" / script).read_text()
        compile(source, script, "exec")
        assert "stockcast-lo-" in source
