"""Patience: waiting for work that hears no signals, and pausing before the next attempt."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from stockcast.prices.yahoo.deadline import Deadline
from stockcast.prices.yahoo.failures import RateLimited, TimedOut, YahooFailure

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # s
MOST_RETRIES = 2
"""Retries after a failure that is no rate limit; those go on until the deadline."""

_GRACE = 0.5  # s: a request that notices its own time-out says more than we could
_POLL = 0.05  # s between two looks, since on Windows a longer wait would keep Ctrl-C waiting

T = TypeVar("T")


class _Outcome(Generic[T]):
    def __init__(self) -> None:
        self.values: list[T] = []
        self.error: BaseException | None = None


def within(deadline: Deadline, work: Callable[[], T]) -> T:
    """Run `work` in a thread of its own and wait for it here, up to the deadline.

    libcurl answers neither Ctrl-C nor alarms; whoever waits does. The thread is left to itself when the wait ends
    early. Raises what `work` raises, and TimedOut.
    """
    outcome = _Outcome[T]()

    def working() -> None:
        try:
            outcome.values.append(work())
        except BaseException as error:  # noqa: BLE001 - it is raised again by whoever waits
            outcome.error = error

    thread = threading.Thread(target=working, daemon=True, name="yahoo")
    thread.start()
    last = Deadline.after(deadline.left() + _GRACE)
    while thread.is_alive():
        if last.expired:
            raise TimedOut(f"{deadline.seconds:g} s are over")
        thread.join(_POLL)
    if outcome.error is not None:
        raise outcome.error
    return outcome.values[0]


class Backoff:
    """Pauses that double, give or take a quarter, while the deadline leaves time for them."""

    def __init__(self, deadline: Deadline, sleep: Callable[[float], object]) -> None:
        self._deadline = deadline
        self._sleep = sleep
        self._pause = FIRST_PAUSE
        self._retries = 0

    def again(self, failure: YahooFailure) -> bool:
        """Whether to try once more; where so, the pause before it is over."""
        if not failure.passing:
            return False
        if not isinstance(failure, RateLimited):
            self._retries += 1
            if self._retries > MOST_RETRIES:
                return False
        # Machines with one crontab do not ask in step.
        pause = self._pause * random.uniform(0.75, 1.25)  # noqa: S311 - a pause is no secret
        if pause >= self._deadline.left():
            return False
        self._sleep(pause)
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        return True
