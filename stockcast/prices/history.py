"""History: validated daily bars of one ticker, oldest first."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Dates = NDArray[np.datetime64]

ONE_DAY = np.timedelta64(1, "D")
"""What is added to a date; NumPy 2.5 deprecates a bare integer there, whose unit has to be guessed."""

_SIGNIFICANT_DIGITS = 6


@dataclass(frozen=True)
class History:
    """Daily bars of one ticker; every array has one entry per session, dates strictly increase.

    Prices are as traded, in the file's currency. `open`, `high`, `low` and `volume` are None where the
    source has no such column; single missing values are NaN. `close` and `adjusted_close` are always
    finite and positive. `splits` holds new shares per old share, effective that session (1.0: no split),
    and is None where the source does not say or where its volume is already split-adjusted.
    """

    ticker: str
    dates: Dates
    close: Floats
    adjusted_close: Floats
    open: Floats | None = None
    high: Floats | None = None
    low: Floats | None = None
    volume: Floats | None = None
    splits: Floats | None = None
    source: str = ""
    currency: str | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.dates)

    @property
    def first(self) -> date:
        """First session."""
        return self.session(0)

    @property
    def last(self) -> date:
        """Last session."""
        return self.session(-1)

    def session(self, index: int) -> date:
        """The session at `index`, as a date."""
        day: date = self.dates[index].astype(object)
        return day

    def rows(self, start: int, stop: int) -> History:
        """The bars at positions start .. stop - 1, as views."""
        arrays = {
            field.name: getattr(self, field.name)[start:stop]
            for field in fields(self)
            if isinstance(getattr(self, field.name), np.ndarray)
        }
        return replace(self, **arrays)

    def between(self, start: date | None, end: date | None) -> History:
        """The bars from `start` to `end`, both inclusive; None leaves that side open."""
        low = 0 if start is None else int(np.searchsorted(self.dates, np.datetime64(start), "left"))
        high = len(self) if end is None else int(np.searchsorted(self.dates, np.datetime64(end), "right"))
        return self.rows(low, max(low, high))

    def sha256(self) -> str:
        """Content hash of the bars, prices rounded to six significant digits.

        Providers send floats whose last digits differ between identical requests; the rounding hides that.
        """
        digest = hashlib.sha256(self.dates.astype("datetime64[D]").astype("<i8").tobytes())
        for name in ("open", "high", "low", "close", "adjusted_close", "volume"):
            values = getattr(self, name)
            digest.update(name.encode())
            if values is not None:
                digest.update(_rounded_bytes(values))
        return digest.hexdigest()


def _rounded_bytes(values: Floats) -> bytes:
    """Mantissa and exponent of each value at six significant digits; NaN and zero have codes of their own."""
    regular = np.isfinite(values) & (values > 0)
    safe = np.where(regular, values, 1.0)
    exponent = np.floor(np.log10(safe)).astype("<i8")
    mantissa = np.rint(safe * 10.0 ** (_SIGNIFICANT_DIGITS - 1 - exponent)).astype("<i8")
    # 999999.5 rounds up to seven digits: the same number as 1.00000 of the next exponent.
    carried = mantissa >= 10**_SIGNIFICANT_DIGITS
    exponent = np.where(carried, exponent + 1, exponent)
    mantissa = np.where(carried, mantissa // 10, mantissa)
    code = np.where(np.isnan(values), -2, -1)
    digits, powers = np.where(regular, mantissa, code), np.where(regular, exponent, 0)
    return digits.astype("<i8").tobytes() + powers.astype("<i8").tobytes()
