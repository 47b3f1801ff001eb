"""Clocks of dates: the time of day in a column of cells, and the moments where they name an offset or a zone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from stockcast.prices.history import Dates

Seconds = NDArray[np.timedelta64]

_HOURS = {
    "z": 0, "utc": 0, "gmt": 0, "wet": 0, "bst": 1, "west": 1, "cet": 1, "cest": 2, "eet": 2, "eest": 3, "msk": 3,
    "sast": 2, "hkt": 8, "sgt": 8, "awst": 8, "jst": 9, "kst": 9, "aest": 10, "aedt": 11, "nzst": 12, "nzdt": 13,
    "est": -5, "edt": -4, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7, "brt": -3,
}  # fmt: skip
# Not CST and IST: in Chicago and Shanghai, in India and Israel, these are different hours.
_ZONES = {"et": "America/New_York", "ct": "America/Chicago", "pt": "America/Los_Angeles"}
_OFFSET = re.compile(r"(?:utc|gmt)?([+-])(\d{1,2}):?(\d{2})?(?::?(\d{2}))?", re.IGNORECASE | re.ASCII)


_HEADER = re.compile(
    r"(?<![A-Za-z])((?:UTC|GMT|utc|gmt|Gmt|Utc)(?:[+-]\d{1,2}(?::?\d{2})?)?|E[SD]?T|[JK]ST|HKT|SGT|CES?T|AE[SD]T)(?![A-Za-z])"
)


def zone_in(header: str) -> str | None:
    """The zone that a header names, as written; None where it names none."""
    found = _HEADER.search(header)
    return None if found is None else found[1]


def times_of(hours: Sequence[str], minutes: Sequence[str], seconds: Sequence[str], halves: Sequence[str]) -> Seconds:
    """Times of day; NaT where there is no such time.

    Args:
        hours: 0 to 24, or 1 to 12 where there is a half of the day; empty is midnight.
        minutes: Empty is none.
        seconds: Empty is none.
        halves: AM or PM, in any language; empty on a clock of 24 hours.
    """
    hour, minute, second = (
        np.array([text or "0" for text in texts], dtype=np.str_).astype(np.int64) for texts in (hours, minutes, seconds)
    )
    if any(halves):
        names = {half: half.lower().replace(" ", "") for half in set(halves)}
        late = {half for half, name in names.items() if name.startswith("p") or name in {"오후", "下午", "午後"}}
        halved = np.array([bool(half) for half in halves])
        after = np.array([half in late for half in halves])
        # Providers also write 16:00 PM; 12:00 AM is midnight.
        hour = np.where(halved & ~after & (hour == 12), 0, np.where(after & (hour < 12), hour + 12, hour))
    wrong = (hour > 24) | (minute > 59) | (second > 60)
    times = (3600 * hour + 60 * minute + second).astype("timedelta64[s]")
    return np.where(wrong, np.timedelta64("NaT", "s"), times)


def moments_of(days: Dates, times: Seconds, zones: Sequence[str]) -> NDArray[np.datetime64] | None:
    """The moments in UTC of days and times in zones as written; None where one is empty or nobody knows it."""
    walls = _walls(days, times)
    offsets = np.zeros(len(days), dtype=np.int64)
    for name in set(zones):
        offset = _offset(name)
        if offset is None:
            return None
        at = [index for index, zone in enumerate(zones) if zone == name]
        offsets[at] = offset if isinstance(offset, int) else _offsets_in(offset, walls[at])
    moments: NDArray[np.datetime64] = walls - offsets.astype("timedelta64[s]")
    return moments


def _walls(days: Dates, times: Seconds) -> NDArray[np.datetime64]:
    walls: NDArray[Any] = days.astype("datetime64[s]") + times
    return walls


def most_frequent(zones: Sequence[str]) -> str | None:
    """The zone that most cells name, as written; None where none names one."""
    named = Counter(filter(None, zones))
    return named.most_common(1)[0][0] if named else None


def _offset(name: str) -> int | ZoneInfo | None:
    """Seconds ahead of UTC, or the zone that says how many; None where nobody knows."""
    known = _HOURS.get(name.lower())
    if known is not None:
        return 3600 * known
    found = _OFFSET.fullmatch(name)
    if found is not None:
        ahead = 3600 * int(found[2]) + 60 * int(found[3] or 0) + int(found[4] or 0)
        return ahead if found[1] == "+" else -ahead
    name = _ZONES.get(name.lower(), name)
    if "/" not in name:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def _offsets_in(zone: ZoneInfo, walls: NDArray[np.datetime64]) -> list[int]:
    known: dict[datetime, int] = {}
    offsets = []
    for wall in walls.tolist():
        if wall not in known:
            ahead = wall.replace(tzinfo=zone).utcoffset() if isinstance(wall, datetime) else None
            known[wall] = int((ahead or timedelta()).total_seconds())
        offsets.append(known[wall])
    return offsets
