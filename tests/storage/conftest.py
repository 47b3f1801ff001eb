"""What the tests of the storage share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stockcast.storage.database import Database


@pytest.fixture
def db(home: Path) -> Iterator[Database]:
    """The store of the test's home."""
    with Database.open(home) as opened:
        yield opened
