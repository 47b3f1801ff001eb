"""Watch lists: one ticker a line, or commas between them."""

from __future__ import annotations

from pathlib import Path

import pytest

from stockcast.config.sources import load_tickers, read_watchlist
from stockcast.errors import ConfigError

LIST = """\
# my shares
aapl
  msft , ^gspc,   # both of them

BRK-B,aapl
m&m.ns
EURUSD=X
"""


def test_comments_blanks_commas_and_repetitions_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text(LIST)
    assert read_watchlist(path) == ("AAPL", "MSFT", "^GSPC", "BRK-B", "M&M.NS", "EURUSD=X")
    assert load_tickers(f"@{path}") == list(read_watchlist(path))


def test_a_word_without_the_sign_is_itself() -> None:
    assert load_tickers("aapl") == ["aapl"]
    assert load_tickers("prices/aapl.csv") == ["prices/aapl.csv"]


def test_a_leading_tilde_is_the_users_home_folder(home: Path) -> None:
    (home.parent / "list.txt").write_text("A")
    assert load_tickers("@~/list.txt") == ["A"]


@pytest.mark.parametrize("line", ["AAPL MSFT", "Zürich", "a/b", "AAPL;MSFT", "-x", "prices.csv", "A" * 33])
def test_what_is_no_ticker_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "list.txt"
    path.write_text(f"A\n\n{line}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_watchlist(path)
    assert caught.value.message.startswith(f"{path}, line 3: {line!r} is ")


@pytest.mark.parametrize("content", ["", "# none\n", ",,\n"])
def test_a_list_of_nothing_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "list.txt"
    path.write_text(content)
    with pytest.raises(ConfigError, match="names no ticker"):
        load_tickers(f"@{path}")


def test_a_missing_list_and_a_missing_name_are_explained(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no watch list"):
        load_tickers(f"@{tmp_path / 'none.txt'}")
    with pytest.raises(ConfigError, match="names no file"):
        load_tickers("@")


def test_a_list_in_utf16_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("AAPL\n", encoding="utf-16")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_watchlist(path)
