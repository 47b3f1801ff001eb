"""Settings of covariates: which further series a model looks at, and which dates are known beforehand."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CODE = re.compile(r"(.+)@([A-Z][A-Z0-9]{3}|24/7|weekdays)", re.DOTALL)


@dataclass(frozen=True)
class CovariatesConfig:
    """What a model looks at beside a ticker's own prices.

    sources: tickers, or files of prices; a file may say whose hours it keeps, GSPC.csv@XNYS (ISO 10383), and otherwise
    keeps those of the series that it goes with. known_ahead: a file of dates that were known beforehand, such as those
    of earnings.
    """

    sources: tuple[str, ...] = ()
    known_ahead: str | None = None

    def __bool__(self) -> bool:
        return bool(self.sources) or self.known_ahead is not None


def without_exchange(word: str) -> tuple[str, str | None]:
    """A source as it was written, and the code of the exchange after its last @, if what stands there can be one.

    >>> without_exchange("data/GSPC.csv@XNYS"), without_exchange("data/me@home.csv")
    (('data/GSPC.csv', 'XNYS'), ('data/me@home.csv', None))
    """
    found = _CODE.fullmatch(word)
    return (word, None) if found is None else (found[1], found[2])
