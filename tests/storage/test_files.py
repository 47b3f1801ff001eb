"""Files: whole or untouched, whatever goes wrong."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockcast.errors import StorageError
from stockcast.storage.files import storage_error, write_atomic

posix_only = pytest.mark.skipif(os.name == "nt", reason="modes, links and pipes of POSIX")
as_user = pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser is refused nothing")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "scores.csv"
    path.write_bytes(b"old")
    return path


def refuse(monkeypatch: pytest.MonkeyPatch, function: str, error: BaseException) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(os, function, fail)


@given(st.binary(max_size=300))
def test_bytes_come_back_as_they_were(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("round-trip") / "models"
    write_atomic(path, data)
    assert path.read_bytes() == data


def test_text_is_written_as_utf8_with_its_line_ends(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a.txt", "Zürich\n€\n")
    assert (tmp_path / "a.txt").read_bytes() == "Zürich\n€\n".encode()


@posix_only
def test_what_is_private_is_for_this_user_alone_whatever_was_there(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"old")
    (tmp_path / "old").chmod(0o644)
    for name in ("old", "new"):
        write_atomic(tmp_path / name, "content", private=True)
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, bytes(data[:3])))
    write_atomic(tmp_path / "a.txt", "0123456789")
    monkeypatch.undo()
    assert (tmp_path / "a.txt").read_text() == "0123456789"


@pytest.mark.parametrize("function", ["write", "fsync", "replace", "chmod"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EIO])
def test_a_refusal_at_any_step_leaves_the_old_file_and_nothing_else(
    target: Path, monkeypatch: pytest.MonkeyPatch, function: str, code: int
) -> None:
    refuse(monkeypatch, function, OSError(code, os.strerror(code)))
    with pytest.raises(StorageError) as caught:
        write_atomic(target, "new")
    monkeypatch.undo()
    assert str(target) in caught.value.message
    assert os.strerror(code) in caught.value.message
    assert target.read_bytes() == b"old"
    assert os.listdir(target.parent) == [target.name]


@pytest.mark.parametrize("function", ["write", "fsync", "replace"])
def test_an_interruption_passes_through_and_leaves_no_temporary_file(
    target: Path, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    refuse(monkeypatch, function, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        write_atomic(target, "new")
    monkeypatch.undo()
    assert target.read_bytes() == b"old"
    assert os.listdir(target.parent) == [target.name]


@pytest.mark.parametrize(("code", "words"), [(errno.ELOOP, "leads back to itself: delete A"), (errno.EIO, "the disk")])
def test_whatever_the_system_refuses_there_is_a_hint(code: int, words: str) -> None:
    assert words in storage_error(Path("home", "A"), OSError(code, "no")).hint


def test_the_hint_of_a_full_disk_is_to_free_space(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, "write", OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(StorageError) as caught:
        write_atomic(target, "new")
    assert "space" in caught.value.hint


def test_a_file_system_that_cannot_sync_folders_is_no_failure(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsync = os.fsync

    def only_files(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", only_files)
    write_atomic(target, "new")
    assert target.read_bytes() == b"new"


def test_a_missing_folder_is_named_and_not_created(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file") as caught:
        write_atomic(tmp_path / "missing" / "a.csv", "x")
    assert str(tmp_path / "missing") in caught.value.hint
    assert os.listdir(tmp_path) == []


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    with pytest.raises(StorageError, match="reports"):
        write_atomic(tmp_path / "reports", "x")


def test_a_file_in_the_place_of_the_folder_is_refused(target: Path) -> None:
    with pytest.raises(StorageError, match="Not a directory"):
        write_atomic(target / "a.csv", "x")


def test_impossible_paths_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="null"):
        write_atomic(tmp_path / "a\0b", "x")
    with pytest.raises(StorageError, match="too long"):
        write_atomic(tmp_path / ("a" * 300), "x")


def test_a_name_of_the_longest_length_can_be_written(tmp_path: Path) -> None:
    write_atomic(tmp_path / ("a" * 255), "x")
    assert (tmp_path / ("a" * 255)).read_text() == "x"


@as_user
def test_a_folder_without_write_permission_is_explained(target: Path) -> None:
    target.parent.chmod(0o500)
    try:
        with pytest.raises(StorageError, match="Permission denied") as caught:
            write_atomic(target, "new")
    finally:
        target.parent.chmod(0o700)
    assert "permissions" in caught.value.hint


@posix_only
def test_an_existing_file_keeps_its_mode_and_a_new_one_follows_the_umask(target: Path) -> None:
    target.chmod(0o604)
    write_atomic(target, "new")
    assert stat.S_IMODE(target.stat().st_mode) == 0o604
    before = os.umask(0o027)
    try:
        write_atomic(target.with_name("fresh.csv"), "new")
    finally:
        os.umask(before)
    assert stat.S_IMODE(target.with_name("fresh.csv").stat().st_mode) == 0o640


@posix_only
def test_a_symbolic_link_stays_one_and_its_file_is_replaced(target: Path) -> None:
    (target.parent / "elsewhere").mkdir()
    link = target.parent / "elsewhere" / "link.csv"
    link.symlink_to(target)
    write_atomic(link, "new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


@posix_only
def test_a_named_pipe_is_written_to_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    write_atomic(pipe, "through")
    reader.join()
    assert received == [b"through"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_device_is_explained() -> None:
    with pytest.raises(StorageError, match="No space left") as caught:
        write_atomic(Path("/dev/full"), "x")
    assert "space" in caught.value.hint


@posix_only
def test_dev_stdout_redirected_to_a_file_is_appended_to(tmp_path: Path) -> None:
    script = (
        "from pathlib import Path\n"
        "from stockcast.storage.files import write_atomic\n"
        "print('before')\n"
        "write_atomic(Path('/dev/stdout'), 'between\\n')\n"
        "print('after')\n"
    )
    with (tmp_path / "out").open("wb") as out:
        subprocess.run([sys.executable, "-c", script], stdout=out, check=True)
    assert (tmp_path / "out").read_text() == "before\nbetween\nafter\n"


@posix_only
@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_stream_that_is_closed_is_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, name, None)  # as Python has it
    with pytest.raises(StorageError, match=f"cannot write /dev/{name}: Bad file descriptor") as caught:
        write_atomic(Path(f"/dev/{name}"), "text")
    assert caught.value.hint == "Nothing is open there; choose a path in a folder."
