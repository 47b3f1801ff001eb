"""Deadline: one wall-clock limit for everything that waits."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Deadline:
    """A moment `at` of the monotonic clock, which no change of the system's time moves, `seconds` after it was set."""

    at: float
    seconds: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """The deadline that many seconds from now."""
        return cls(time.monotonic() + seconds, seconds)

    def left(self) -> float:
        """Seconds that are left, 0 once it has passed."""
        return max(0.0, self.at - time.monotonic())

    @property
    def expired(self) -> bool:
        """Whether nothing is left."""
        return self.left() <= 0
