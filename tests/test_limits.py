from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from stockcast import limits
from stockcast.config.sources import read_watchlist
from stockcast.errors import ConfigError


def test_a_file_is_read_up_to_its_limit_and_no_further(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert limits.file_bytes(path, 5) == b"12345"
    with pytest.raises(limits.Unfit, match="larger than 0 MiB"):
        limits.file_bytes(path, 4)
    assert limits.stream_bytes(io.BytesIO(b"12345"), 5) == b"12345"
    with pytest.raises(limits.Unfit):
        limits.stream_bytes(io.BytesIO(b"12345"), 4)


class Thrifty(io.BytesIO):
    """Refuses to make room for much at once, as a small machine does."""

    def read(self, size: int | None = -1) -> bytes:
        assert size is not None
        assert 0 < size <= 16 * limits.MIB
        return super().read(size)


def test_room_is_made_for_what_is_there_and_not_for_what_might_be() -> None:
    content = bytes(20 * limits.MIB)
    assert limits.stream_bytes(Thrifty(content), limits.WEIGHTS) == content
    assert limits.stream_bytes(Thrifty(content), len(content)) == content
    with pytest.raises(limits.Unfit, match="larger than 19 MiB"):
        limits.stream_bytes(Thrifty(content), len(content) - 1)


def test_folders_devices_and_missing_files_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        limits.file_bytes(tmp_path, 5)
    with pytest.raises(FileNotFoundError):
        limits.file_bytes(tmp_path / "none", 5)
    with pytest.raises(limits.Unfit, match="a device, not a file"):
        limits.file_bytes(os.devnull, 5)


def test_a_watch_list_of_the_size_of_a_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "watch.txt"
    with path.open("wb") as file:
        file.truncate(limits.TEXT + 1)
    with pytest.raises(ConfigError, match=r"cannot read the watch list .*: larger than 1 MiB") as caught:
        read_watchlist(path)
    assert caught.value.hint == "name a file of text of at most 1 MiB"


@pytest.mark.parametrize(("limit", "found"), [("1073741824\n", limits.GIB), ("max\n", None)])
def test_a_container_has_the_memory_that_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, found: int | None
) -> None:
    monkeypatch.setattr(limits, "_CONTAINER", (str(tmp_path / "none"),))
    machine = limits.memory()
    (tmp_path / "memory.max").write_text(limit, encoding="ascii")
    monkeypatch.setattr(limits, "_CONTAINER", (str(tmp_path / "memory.max"),))
    assert limits.memory() == (found or machine)


def test_where_the_system_says_nothing_some_memory_is_assumed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_CONTAINER", ())
    monkeypatch.delattr(os, "sysconf", raising=False)
    assert limits.memory() == 8 * limits.GIB
