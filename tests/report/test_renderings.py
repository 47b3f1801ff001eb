"""Every report is written as its golden file has it, and fits the page whatever its width.

A change that is meant is stored with `python -m tests.report.renderings`; read what it did in the difference.
"""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from stockcast.report.text import Page
from tests.goldens.comparing import differences
from tests.report.renderings import FOLDER, TEXTS, rendered

_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


@pytest.fixture(scope="module")
def now() -> dict[str, str]:
    return rendered()


def test_every_golden_file_is_written_and_none_is_left_over(now: dict[str, str]) -> None:
    assert sorted(now) == sorted(file.name for file in FOLDER.iterdir())


@pytest.mark.parametrize("name", sorted(file.name for file in FOLDER.iterdir()))
def test_a_report_is_what_its_golden_file_says(name: str, now: dict[str, str]) -> None:
    golden = (FOLDER / name).read_bytes().decode()
    if name.endswith(".json"):  # numbers as they were computed, whose last digits are the processor's
        assert list(differences(json.loads(golden), json.loads(now[name]), exact=False)) == []
        assert _NUMBER.sub("#", now[name]) == _NUMBER.sub("#", golden)
    else:
        assert now[name] == golden


WIDE_ENOUGH = {"audit": 72, "models": 75}
"""Columns below which a table has a column too many that stays all the same."""


@given(st.integers(60, 200), st.booleans(), st.booleans(), st.sampled_from(sorted(TEXTS)))
def test_no_line_is_wider_than_the_page_and_nothing_is_cut(width: int, unicode: bool, colour: bool, name: str) -> None:
    page = Page(max(width, WIDE_ENOUGH.get(name, 60)), colour, unicode)
    text = TEXTS[name](page)
    assert "…" not in text
    assert text.endswith("\n")
    assert unicode or text.isascii()
    assert colour == ("\x1b[" in text)
    if not colour:
        assert max(map(cell_len, text.splitlines())) <= page.width
