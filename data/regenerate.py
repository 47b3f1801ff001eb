"""Regenerate the CSV files of this folder from the packages that carry the prices.

    python data/regenerate.py           write GSPC.csv, IXIC.csv and GOOG.csv beside this script
    python data/regenerate.py --check   write nothing; exit 1 where a file differs from what its package says

Needs the packages arch and backtesting (`pip install '.[test]'` in the repository's root). Their files are read,
neither is imported. Digits are passed on as text, so that no price goes through a float.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import sys
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path

HEADER = ("Date", "Open", "High", "Low", "Close", "Adj Close", "Volume")


def package_file(package: str, inside: str) -> Path:
    """Where an installed package keeps a file; raises FileNotFoundError where it does not."""
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (path := Path(folder) / inside).is_file():
            return path
    raise FileNotFoundError(f"{package} has no {inside} here: pip install '.[test]' in the repository's root")


def index_rows(inside: str) -> list[list[str]]:
    """Rows of one of arch's indices: its columns are Yahoo's, its dates month/day/year."""
    with gzip.open(package_file("arch", inside), "rt", encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        return [[_iso(row["Date"], "%m/%d/%Y"), *(row[name] for name in HEADER[1:])] for row in rows]


def google_rows() -> list[list[str]]:
    """Rows of backtesting's GOOG: no split and no dividend in these years, so Adj Close is Close."""
    with package_file("backtesting", "test/GOOG.csv").open(encoding="utf-8", newline="") as file:
        return [
            [_iso(row[""], "%Y-%m-%d"), *(row[name] for name in ("Open", "High", "Low", "Close", "Close", "Volume"))]
            for row in csv.DictReader(file)
        ]


def contents() -> dict[str, bytes]:
    """File name to bytes of all three files."""
    return {
        "GSPC.csv": _as_csv(index_rows("data/sp500/sp500.csv.gz")),
        "IXIC.csv": _as_csv(index_rows("data/nasdaq/nasdaq.csv.gz")),
        "GOOG.csv": _as_csv(google_rows()),
    }


def write(folder: Path) -> None:
    """Write the three files into the folder."""
    for name, data in contents().items():
        (folder / name).write_bytes(data)


def different(folder: Path) -> list[str]:
    """Names of the files that are missing from the folder or differ from their package."""
    return [
        name
        for name, data in contents().items()
        if not (folder / name).is_file() or (folder / name).read_bytes() != data
    ]


def main(arguments: list[str] | None = None, folder: Path = Path(__file__).parent) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(description="Regenerate the price files of this folder from their packages.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a file differs")
    check = parser.parse_args(arguments).check
    try:
        if not check:
            write(folder)
        names = different(folder)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    for name in names:
        print(f"{name} differs from its package: python data/regenerate.py", file=sys.stderr)
    return 1 if names else 0


def _iso(day: str, layout: str) -> str:
    return datetime.strptime(day, layout).date().isoformat()  # noqa: DTZ007 - an exchange date has no time zone


def _as_csv(rows: list[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(rows)
    return text.getvalue().encode()


if __name__ == "__main__":
    sys.exit(main())
