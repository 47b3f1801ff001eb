"""A diagnosis as text."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from stockcast.report.checks import diagnosis_text
from stockcast.report.data import plain
from stockcast.report.text import Page
from stockcast.results import Check, Diagnosis
from tests.report.diagnoses import SICK, WELL


def test_each_check_has_a_row_with_its_state_and_what_was_found() -> None:
    lines = diagnosis_text(SICK, Page(100)).splitlines()
    rows = [" ".join(line.split()) for line in lines]
    assert "home ok writable, 12.3 GB free" in rows
    assert "cron warning no run in the last 3 sessions" in rows
    assert "store broken the file is no database" in rows
    assert "clock warning STOCKCAST_NOW is set" in rows


def test_what_to_mend_comes_below_and_the_broken_first() -> None:
    below = diagnosis_text(SICK, Page(100)).split("To mend\n")[1]
    assert below.startswith("store: move stockcast.db away, then stockcast fetch\ncron: see crontab -l\n")
    assert below.endswith("4 checks: 1 broken, 2 warnings\n")


def test_a_healthy_set_up_is_said_to_be_well() -> None:
    text = diagnosis_text(WELL, Page(100))
    assert text.endswith("1 check: all is well\n")
    assert "To mend" not in text


def test_warnings_leave_a_set_up_healthy_and_broken_checks_do_not() -> None:
    assert WELL.healthy
    assert Diagnosis(SICK.checks[:2]).healthy
    assert not SICK.healthy
    assert [check.state for check in SICK.checks] == ["ok", "warning", "broken", "warning"]
    assert Diagnosis(()).healthy


@pytest.mark.parametrize("width", [40, 60, 80])
def test_long_findings_are_wrapped_within_the_page(width: int) -> None:
    long = Diagnosis((Check("proxy", False, "cannot reach the provider: " + "word " * 40, "mend it, " * 20),))
    text = diagnosis_text(long, Page(width, unicode=False))
    assert max(cell_len(line) for line in text.splitlines()) <= width
    assert text.count("word") == 40
    assert text.isascii()


def test_a_diagnosis_is_plain_data() -> None:
    assert plain(SICK)["checks"][1] == {
        "name": "cron",
        "ok": None,
        "message": "no run in the last 3 sessions",
        "hint": "see crontab -l",
    }
