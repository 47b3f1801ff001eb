"""What every command says and writes is what it was: keys, numbers, dates and codes, sentences and files.

Where what bytes depend on is as it was when the goldens were stored, they are the same to the byte; elsewhere numbers
are within a millionth. A change that is meant is stored with `python -m tests.goldens --store`. What is JSON is as the
published schemas say.
"""

from __future__ import annotations

import pytest

from tests.goldens import schemas, stored
from tests.goldens.comparing import differences
from tests.goldens.recording import recorded, reduced
from tests.goldens.scenarios import SCENARIOS, Scenario, in_fork


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_command_says_and_writes_what_it_did(scenario: Scenario) -> None:
    circumstances, goldens = stored.read()
    exact = circumstances == stored.circumstances()
    records = dict(recorded(scenario.in_suite(), in_fork))
    seen = {name: reduced(record) for name, record in records.items()}
    expected = {name: record for name, record in goldens.items() if name.startswith(f"{scenario.name}/")}
    found = [f"{place}: {left} -> {right}" for place, left, right in differences(expected, seen, exact=exact)]
    assert not found, "\n".join(found)
    problems = schemas.problems(records)
    assert not problems, "\n".join(problems)
