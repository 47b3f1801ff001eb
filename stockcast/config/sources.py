"""Settings of where prices come from: files, tickers, covariates, watch lists."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path
from shlex import quote
from typing import Any

from stockcast.config.settings import DATA, PRICES, Bounds, Checked, options_of, path, setting, user_path
from stockcast.errors import ConfigError
from stockcast.limits import TEXT, Unfit, file_bytes, size

_CODE = re.compile(r"(.+)@([A-Z][A-Z0-9]{3}|24/7|weekdays)", re.DOTALL)
_TICKER = re.compile(r"[A-Z0-9^][A-Z0-9.^=&_-]{0,31}")
_OF_ONE_CALL = ("end", "exchange", "allow_running_bar")

# Endings of file names. No exchange's suffix of a ticker (.L, .T, .SZ, .TWO) is among them.
_PACKED = (".gz", ".xz", ".bz2", ".zip")
_OF_PRICES = (".csv", ".tsv", ".parquet", ".pq", ".xlsx")
_PERHAPS_OF_PRICES = (".txt", ".json")
_OF_SOMETHING_ELSE = (
    ".xls", ".xlsm", ".xlsb", ".ods", ".numbers", ".html", ".htm", ".xhtml", ".mhtml", ".xml", ".pdf", ".doc",
    ".docx", ".rtf", ".md", ".tex", ".log", ".dat", ".jsonl", ".ndjson", ".yaml", ".yml", ".toml", ".ini", ".cfg",
    ".conf", ".feather", ".arrow", ".orc", ".avro", ".h5", ".hdf", ".hdf5", ".pkl", ".pickle", ".npy", ".npz", ".mat",
    ".dta", ".sav", ".rda", ".rdata", ".rds", ".db", ".sqlite", ".sqlite3", ".duckdb", ".sql", ".7z", ".rar", ".tar",
    ".tgz", ".zst", ".lz4", ".py", ".ipynb", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".eml", ".msg", ".tmp", ".bak",
    ".part", ".crdownload", ".safetensors", ".onnx",
)  # fmt: skip


def _file(word: str) -> str:
    return str(path(word))


@dataclass(frozen=True)
class ReadOptions(Checked):
    """What a user says about a price file; None lets the file speak for itself.

    Attributes:
        date_column: Name of the dates in the header.
        close_column: Name of the closes in the header.
        date_format: As for strptime.
        decimal: The decimal sign of the numbers.
        ticker: Instead of the file name, and the one to take where the file has several.
        start: First bar to keep.
        end: Last bar to keep.
        exchange: Calendar of the sessions, an ISO 10383 code; None: what a file says, or the model's, or
            New York's.
        allow_running_bar: Keep the bar of today while its session still runs.
        events: A CSV of the dates on which companies report, in the place of the provider's.
        no_events: Neither ask for such dates nor look at them.
    """

    date_column: str | None = setting(None, "Column of dates, if not recognised", DATA)
    close_column: str | None = setting(None, "Column of closes, if not recognised", DATA)
    date_format: str | None = setting(None, "How dates are written, such as %d/%m/%Y", DATA, metavar="FORMAT")
    decimal: str | None = setting(None, "Decimal sign of a file, if not told by it", DATA, choices=("point", "comma"))
    ticker: str | None = setting(None, "Ticker of a file", DATA, shown="its name")
    start: date | None = setting(None, "First session of the history", DATA)
    end: date | None = setting(None, "Last session of the history", DATA)
    exchange: str | None = setting(
        None, "Calendar of the sessions (ISO 10383)", DATA, metavar="CODE", shown="the ticker's; XNYS for a file"
    )
    allow_running_bar: bool = setting(False, "Keep the bar of today while its session still runs", DATA)
    events: str | None = setting(
        None,
        "CSV of earnings dates: date, when (bmo, amc, unknown, 16:30), and ticker if of several",
        DATA,
        metavar="FILE",
        parse=_file,
        shown="the provider's for tickers",
        toml="CSV of earnings dates: date, when (bmo, amc, unknown or a time), ticker; unset: the provider's",
        example='"earnings.csv"',
    )
    no_events: bool = setting(False, "Neither fetch nor look at earnings dates", DATA, excludes="events")

    @property
    def given(self) -> dict[str, Any]:
        """What was said, by field."""
        return {one.name: getattr(self, one.name) for one in fields(self) if getattr(self, one.name) != one.default}

    @property
    def lasting(self) -> ReadOptions:
        """What holds for the file's next download, too: not where this one ended, nor what was risked on that day; and
        not the exchange, which a model's configuration has.
        """
        lasting = ReadOptions(**{name: value for name, value in self.given.items() if name not in _OF_ONE_CALL})
        # A forecast may be made in another folder than the training.
        return lasting if self.events is None else replace(lasting, events=str(Path(self.events).absolute()))

    def up_to(self, day: date | None) -> ReadOptions:
        """The same with bars up to `day` alone; None: as it is."""
        return replace(self, end=min((end for end in (self.end, day) if end is not None), default=None))

    def besides(self, said: ReadOptions) -> ReadOptions:
        """What these options say that others do not."""
        return ReadOptions(**{name: value for name, value in self.given.items() if name not in said.given})

    def over(self, remembered: ReadOptions) -> ReadOptions:
        """These options, and those that are remembered where these say nothing."""
        if self.no_events or self.events is not None:  # one overrules the other
            remembered = replace(remembered, events=None, no_events=False)
        return replace(remembered, **self.given)

    @property
    def of_tickers(self) -> ReadOptions:
        """What of it holds for a ticker, of which the rest is known."""
        kept = ("start", "end", "exchange", "events", "no_events")
        return ReadOptions(**{name: value for name, value in self.given.items() if name in kept})

    @property
    def typed(self) -> str:
        """What was said, as it is typed."""
        said = {option.name: option.flags[0] for option in options_of(ReadOptions)}
        words = ((said[name], "" if value is True else quote(str(value))) for name, value in self.given.items())
        return " ".join(" ".join(filter(None, pair)) for pair in words)


AS_IT_IS = ReadOptions()
"""Where nothing is said of a file."""


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


@dataclass(frozen=True)
class CovariatesConfig:
    """What a model looks at besides a ticker's own prices.

    Attributes:
        sources: Tickers, or files of prices; a file may say whose hours it keeps, GSPC.csv@XNYS (ISO 10383), and
            otherwise keeps those of the series that it goes with.
        known_ahead: A file of dates that were known beforehand; those of earnings have a way of their own.
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
        "CSV of dates known beforehand, such as of elections: date, and ticker if of several",
        DATA,
        metavar="FILE",
        parse=_file,
        toml="CSV of dates known beforehand, such as of elections: date, ticker",
        example='"dates.csv"',
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


def names_a_file(word: str) -> bool:
    """Whether a word ends as file names do, of prices or of anything else: such a word is never a ticker.

    >>> names_a_file("AAPL.csv.gz"), names_a_file("XYZ.xls"), names_a_file("BRK.B"), names_a_file("000001.SZ")
    (True, True, False, False)
    """
    name = word.strip().lower()
    return name.endswith((*_PACKED, *_OF_PRICES, *_PERHAPS_OF_PRICES, *_OF_SOMETHING_ELSE))


def holds_prices(name: str) -> bool:
    """Whether a file in a folder is taken for one of prices; of text and JSON the user has to say so, by its name.

    >>> holds_prices("AAPL.csv.gz"), holds_prices("readme.txt"), holds_prices("AAPL.zip")
    (True, False, True)
    """
    return without_packing(name).lower().endswith(_OF_PRICES) or name.lower().endswith(".zip")


def without_packing(name: str) -> str:
    """The name of a file without the endings that say that it is packed: AAPL.csv of AAPL.csv.gz."""
    while name.lower().endswith(_PACKED):
        name = name[: name.rindex(".")]
    return name


def without_ending(name: str) -> str:
    """The name of a file of prices without its endings: AAPL of AAPL.csv.gz, and BF.B of BF.B."""
    name = without_packing(name)
    return name[: name.rindex(".")] if name.lower().endswith((*_OF_PRICES, *_PERHAPS_OF_PRICES)) else name


# Watch lists: text files of tickers, one a line or with commas between them; # begins a comment.


def ticker(word: str) -> str:
    """The word as a ticker: in upper case.

    Raises:
        ConfigError: Where it cannot be one.
    """
    name = word.strip().upper()
    if not _TICKER.fullmatch(name):
        raise ConfigError(f"{word!r} is no ticker", "write tickers as Yahoo does, such as AAPL, BRK-B or ^GSPC")
    if names_a_file(name):
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
    return list(read_watchlist(user_path(word[1:])))


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
        return file_bytes(path, TEXT).decode("utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigError(f"there is no {noun} {path}", missing) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}, line {line}: not UTF-8 ({error.reason})", "save the file as UTF-8") from error
    except Unfit as error:
        raise ConfigError(
            f"cannot read the {noun} {path}: {error}", f"name a file of text of at most {size(TEXT)}"
        ) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfigError(f"cannot read the {noun} {path}: {reason}", "check the path and its permissions") from error
