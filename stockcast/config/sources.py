"""Settings of where prices come from: files, tickers, covariates, watch lists."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from stockcast.config.settings import DATA, PRICES, Bounds, Checked, path, setting
from stockcast.errors import ConfigError

_CODE = re.compile(r"(.+)@([A-Z][A-Z0-9]{3}|24/7|weekdays)", re.DOTALL)
_TICKER = re.compile(r"[A-Z0-9^][A-Z0-9.^=&_-]{0,31}")
_FILES = (".CSV", ".CSV.GZ", ".PARQUET", ".TXT", ".TOML")


@dataclass(frozen=True)
class ReadOptions:
    """What a user says about a price file; None lets the file speak for itself.

    Attributes:
        date_column: Name of the dates in the header.
        close_column: Name of the closes in the header.
        date_format: As for strptime.
        ticker: Instead of the file name, and the one to take where the file has several.
        start: First bar to keep.
        end: Last bar to keep.
    """

    date_column: str | None = setting(None, "Column of dates, if not recognised", DATA)
    close_column: str | None = setting(None, "Column of closes, if not recognised", DATA)
    date_format: str | None = setting(None, "How dates are written, such as %d/%m/%Y", DATA, metavar="FORMAT")
    ticker: str | None = setting(None, "Ticker of a file", DATA, shown="its name")
    start: date | None = setting(None, "First session of the history", DATA)
    end: date | None = setting(None, "Last session of the history", DATA)


@dataclass(frozen=True)
class FetchConfig(Checked):
    """When stored prices will do, and how long the provider may take.

    Attributes:
        offline: Never ask the provider.
        max_age: Sessions that stored prices may be behind the exchange before they are fetched again.
        allow_stale: Forecast from older prices where newer ones cannot be had.
        timeout: Seconds for all the fetching of one command.
        pause: Seconds between two tickers, give or take a half.
    """

    offline: bool = setting(False, "Stored prices alone, nothing from the network", PRICES)
    max_age: int = setting(
        0,
        "Sessions that stored prices may be behind before they are fetched again",
        PRICES,
        bounds=Bounds(0, 10_000, "sessions"),
        said="--max-age {} is",
    )
    allow_stale: bool = setting(False, "Go on with older prices where newer ones cannot be had", PRICES)
    timeout: float = setting(
        60.0,
        "Limit for all the fetching",
        PRICES,
        metavar="SECONDS",
        bounds=Bounds(0, 86_400, "s", inner="least"),
        said="a time limit of {:g} s is",
    )
    pause: float = setting(
        0.5,
        "Pause between two tickers",
        PRICES,
        metavar="SECONDS",
        bounds=Bounds(0, 3600, "s"),
        said="a pause of {:g} s is",
    )


def _file(word: str) -> str:
    return str(path(word))


@dataclass(frozen=True)
class CovariatesConfig:
    """What a model looks at besides a ticker's own prices.

    Attributes:
        sources: Tickers, or files of prices; a file may say whose hours it keeps, GSPC.csv@XNYS (ISO 10383), and
            otherwise keeps those of the series that it goes with.
        known_ahead: A file of dates that were known beforehand, such as those of earnings.
    """

    sources: tuple[str, ...] = setting(
        (),
        "A covariate: ticker or file of a further series (FILE@XTKS for another exchange's); again for more",
        DATA,
        flag="--with",
        metavar="SOURCE",
        toml="covariates: tickers, or files (FILE@XTKS for one of another exchange)",
        example='["^GSPC", "^VIX"]',
    )
    known_ahead: str | None = setting(
        None,
        "CSV of dates known beforehand, such as earnings: date, and ticker if of several",
        DATA,
        metavar="FILE",
        parse=_file,
        toml="CSV of dates known beforehand, such as earnings: date, ticker",
        example='"earnings.csv"',
    )

    def __bool__(self) -> bool:
        return bool(self.sources) or self.known_ahead is not None


WHERE_TRAINED = CovariatesConfig()
"""What is asked for where a model's covariates are looked for where they were when it was trained."""


def without_exchange(word: str) -> tuple[str, str | None]:
    """A source as it was written, and the code of the exchange after its last @, if what stands there can be one.

    >>> without_exchange("data/GSPC.csv@XNYS"), without_exchange("data/me@home.csv")
    (('data/GSPC.csv', 'XNYS'), ('data/me@home.csv', None))
    """
    found = _CODE.fullmatch(word)
    return (word, None) if found is None else (found[1], found[2])


# Watch lists: text files of tickers, one a line or with commas between them; # begins a comment.


def ticker(word: str) -> str:
    """The word as a ticker: in upper case.

    Raises:
        ConfigError: Where it cannot be one.
    """
    name = word.strip().upper()
    if not _TICKER.fullmatch(name):
        raise ConfigError(f"{word!r} is no ticker", "write tickers as Yahoo does, such as AAPL, BRK-B or ^GSPC")
    if name.endswith(_FILES):
        raise ConfigError(f"{word!r} is a file, not a ticker", "give tickers; @FILE is a list of them")
    return name


def distinct(tickers: Iterable[str]) -> tuple[str, ...]:
    """The tickers in their order, each once."""
    return tuple(dict.fromkeys(tickers))


def read_watchlist(path: Path) -> tuple[str, ...]:
    """The tickers of the watch list at `path`: in upper case, in the file's order, each once.

    Raises:
        ConfigError: Where the file cannot be read, names no ticker, or where a line holds something else.
    """
    found: list[str] = []
    for number, line in enumerate(read_text(path, "watch list").splitlines(), start=1):
        for word in filter(str.strip, line.partition("#")[0].split(",")):
            try:
                found.append(ticker(word.strip()))
            except ConfigError as error:
                raise ConfigError(
                    f"{path}, line {number}: {error.message}", "write one ticker a line, or commas between them"
                ) from error
    if not found:
        raise ConfigError(f"the watch list {path} names no ticker", "write one ticker a line")
    return distinct(found)


def load_tickers(word: str) -> list[str]:
    """The tickers that an argument stands for: those of the watch list FILE for @FILE, else the word as it is.

    Raises:
        ConfigError: As `read_watchlist` does, and for a lone @.
    """
    if not word.startswith("@"):
        return [word]
    if word == "@":
        raise ConfigError("@ names no file", "write @FILE, with one ticker a line in it")
    return list(read_watchlist(Path(word[1:]).expanduser()))


def read_text(path: Path, noun: str, missing: str = "check its name") -> str:
    """The text of a UTF-8 file, with or without a byte order mark.

    Args:
        path: The file.
        noun: What it is, for messages.
        missing: The hint where it does not exist.

    Raises:
        ConfigError: Where it cannot be read.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigError(f"there is no {noun} {path}", missing) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}, line {line}: not UTF-8 ({error.reason})", "save the file as UTF-8") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfigError(f"cannot read the {noun} {path}: {reason}", "check the path and its permissions") from error
