"""Every script in examples/ runs as it stands there, on the shipped prices, and says what it promises."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.processes import Process

ROOT = Path(__file__).parents[1]
SAID = {
    "one_ticker.py": ("Intervals: ", "stockcast-lo-50", "2019-01-04"),
    "long_frame.py": ("stockcast-hi-95", "GOOG 2013-03-05", "IXIC 2013-03-04"),
    "skill_table.py": ("lstm-lo-90", "crps_skill", "har-t", "Price direction: "),
}


def test_every_example_is_tested() -> None:
    assert sorted(path.name for path in (ROOT / "examples").glob("*.py")) == sorted(SAID)


@pytest.mark.parametrize("script", SAID)
def test_an_example_runs_and_leaves_nothing_behind(script: str, tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to(ROOT / "data")
    process = Process([], tmp_path, {**os.environ, "TMPDIR": str(tmp_path)}, ROOT / "examples" / script)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    for words in SAID[script]:
        assert words in out
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
