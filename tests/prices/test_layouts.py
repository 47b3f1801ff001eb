"""Whatever layout a history is written in, the reader returns that history, or asks and understands the answer."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, event, given, note, settings

from stockcast.config import ReadOptions
from stockcast.errors import DataError
from stockcast.pipeline import PriceSource
from stockcast.prices.history import History
from tests.prices.layouts import Layout, Written, bars, layouts, write

DRAWS = int(os.environ.get("STOCKCAST_LAYOUTS", "300"))
"""The long run sets it: make layouts."""

_ANSWER = re.compile(r"--([a-z]+(?:-[a-z]+)*) (\"[^\"]+\"|'[^']+'|\S+?)(?=[,;.)]? |[,;.)]?$)")


def answers(hint: str) -> Iterator[ReadOptions]:
    """What a user can do who follows the hint: each option that it names with its value."""
    for option, value in _ANSWER.findall(hint):
        name = option.replace("-", "_")
        word = value.strip("'\"")
        if hasattr(ReadOptions(), name):
            yield replace(ReadOptions(), **{name: date.fromisoformat(word) if name in {"start", "end"} else word})


def as_written(history: History, written: Written, layout: Layout) -> bool:
    """Whether the bars are the ones that were written."""
    if not np.array_equal(history.dates, written.dates) or not np.allclose(history.close, written.close, rtol=1e-12):
        return False
    for name in ("open", "high", "low"):
        values = getattr(history, name)
        if values is None or not np.allclose(values, getattr(written, name), rtol=1e-12):
            return False
    if layout.volume_form == "none":
        return history.volume is None
    return history.volume is not None and np.allclose(history.volume, written.volume, rtol=1e-12)


@settings(max_examples=DRAWS, suppress_health_check=list(HealthCheck), deadline=None)
@given(written=bars(), layout=layouts())
def test_any_layout_gives_back_the_history_or_a_hint_that_does(written: Written, layout: Layout) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / layout.name
        path.write_bytes(write(written, layout))
        try:
            history = PriceSource().load(str(path)).history
        except DataError as error:
            event("asked")
            if not _answered(str(path), error, written, layout):
                raise AssertionError(f"{layout}: {error.message} | {error.hint}") from error
        else:
            event("read")
            assert as_written(history, written, layout), (history.dates[:3], history.close[:3], history.notes)


def _answered(path: str, error: DataError, written: Written, layout: Layout) -> bool:
    """Whether one of the hint's answers brings the history."""
    for options in answers(error.hint or ""):
        try:
            if as_written(PriceSource(read=options).load(path).history, written, layout):
                return True
        except DataError as second:
            note(f"with {options}: {second.message} | {second.hint}")
    return False
