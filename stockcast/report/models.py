"""Saved models as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stockcast.report.asjson import plain
from stockcast.report.page import Column, Page, heading, paragraph, render, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stockcast.results import ModelSummary

LONGEST = 8  # members of a list that are shown; longer ones are counted

_COLUMNS = (
    Column("name", right=False),
    Column("cell", right=False),
    Column("served by", right=False),
    Column("trained to", right=False),
    Column("state", right=False),
)
