"""Growing files: every document once and whole, whatever kills the writer."""

from __future__ import annotations

import csv
import errno
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockcast.config.runs import OutputConfig
from stockcast.errors import StorageError
from stockcast.storage.outputs import append_csv, append_jsonl, last_written_id, put_aside_foreign, write_latest

Append = Callable[[Path, Sequence[tuple[int, Mapping[str, Any]]]], int]

DOCUMENTS = [
    (
        number,
        {
            "ticker": "AAPL",
            "median": 100.5 + number,
            "quantiles": {"0.95": 110.0, "0.05": 90.0, "0.5": 100.5},
            "currency": None,
            "calibrated": True,
            "verdict": 'Intervals: "better", by 0.4 %',
            "calibration": {"factor": 1.25, "settled": 80} if number > 4 else None,
        },
    )
    for number in (1, 2, 5, 6, 9)
]

both = pytest.mark.parametrize("append", [append_jsonl, append_csv])


def missing(path: Path) -> list[tuple[int, dict[str, Any]]]:
    """What a ledger of `DOCUMENTS` answers to a file that asks for what it lacks."""
    return [(id_, document) for id_, document in DOCUMENTS if id_ > last_written_id(path)]


def whole(append: Append, folder: Path) -> bytes:
    append(folder / "whole", DOCUMENTS)
    return (folder / "whole").read_bytes()


def test_lines_of_json_carry_the_id_first_and_the_document(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "forecasts.jsonl"
    assert append_jsonl(path, DOCUMENTS) == 5
    lines = path.read_text().splitlines()
    assert [json.loads(line) for line in lines] == [{"id": id_, **document} for id_, document in DOCUMENTS]
    assert all(line.startswith('{"id": ') for line in lines)
    assert last_written_id(path) == 9


def test_rows_of_csv_have_quantiles_as_columns_in_ascending_order(tmp_path: Path) -> None:
    path = tmp_path / "forecasts.csv"
    assert append_csv(path, DOCUMENTS[:2]) == 2
    assert append_csv(path, DOCUMENTS[2:]) == 3
    header, first, *_ = path.read_bytes().split(b"\r\n")
    assert header == b"id,ticker,median,q0.05,q0.5,q0.95,currency,calibrated,verdict,calibration_factor"
    assert first == b'1,AAPL,101.5,90.0,100.5,110.0,,true,"Intervals: ""better"", by 0.4 %",'
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == ["1", "2", "5", "6", "9"]
    assert [row["calibration_factor"] for row in rows] == ["", "", "1.25", "1.25", "1.25"]
    assert last_written_id(path) == 9


@both
def test_what_the_file_has_is_passed_over(tmp_path: Path, append: Append) -> None:
    path = tmp_path / "out"
    append(path, DOCUMENTS[:3])
    assert append(path, DOCUMENTS) == 2
    assert append(path, DOCUMENTS) == 0
    assert append(path, ()) == 0
    assert path.read_bytes() == whole(append, tmp_path)


@both
def test_nothing_to_write_makes_no_file(tmp_path: Path, append: Append) -> None:
    assert last_written_id(tmp_path / "out") == 0
    append(tmp_path / "out", ())
    assert os.listdir(tmp_path) == []


@both
def test_a_file_torn_at_any_byte_is_mended_without_a_loss_or_a_double(tmp_path: Path, append: Append) -> None:
    content = whole(append, tmp_path)
    path = tmp_path / "out"
    for length in range(len(content)):
        path.write_bytes(content[:length])
        append(path, missing(path))
        assert path.read_bytes() == content, length


@both
def test_the_zeros_that_a_loss_of_power_leaves_are_cut(tmp_path: Path, append: Append) -> None:
    content = whole(append, tmp_path)
    path = tmp_path / "out"
    for length in (0, 3, len(content) // 2, len(content) - 1, len(content)):
        path.write_bytes(content[:length] + bytes(4096))
        append(path, missing(path))
        assert path.read_bytes() == content, length


@both
def test_zeros_within_what_was_appended_are_cut_with_all_behind_them(tmp_path: Path, append: Append) -> None:
    content = whole(append, tmp_path)
    path = tmp_path / "out"
    for start in range(0, len(content) - 300, 7):
        for end in (start + 300, start // 512 * 512 + 512):
            path.write_bytes((content[:start] + bytes(end - start) + content[end:])[: len(content)])
            append(path, missing(path))
            assert path.read_bytes() == content, (start, end)


@both
def test_a_torn_line_is_cut_where_nothing_is_new(tmp_path: Path, append: Append) -> None:
    content = whole(append, tmp_path)
    path = tmp_path / "out"
    path.write_bytes(content + content.splitlines()[-1][:20])
    assert last_written_id(path) == 9
    append(path, ())
    assert path.read_bytes() == content


@both
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("written", [0, 1, 150, 10_000])
def test_a_full_disk_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, append: Append, code: int, written: int
) -> None:
    path = tmp_path / "out"
    append(path, DOCUMENTS[:1])
    before = path.read_bytes()
    write, sync = os.write, os.fsync

    def fill(descriptor: int, data: bytes) -> int:
        if written == 0:
            raise OSError(code, os.strerror(code))
        return write(descriptor, data[:written])

    def refuse(descriptor: int) -> None:
        sync(descriptor)
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "write", fill)
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageError, match=f"cannot append to {path}"):
        append(path, DOCUMENTS)
    monkeypatch.undo()
    assert path.read_bytes() == before
    append(path, missing(path))
    assert path.read_bytes() == whole(append, tmp_path)


@both
def test_a_full_disk_that_keeps_what_it_got_costs_nothing_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, append: Append
) -> None:
    content = whole(append, tmp_path)
    path = tmp_path / "out"
    write = os.write

    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:400]))
    monkeypatch.setattr(os, "ftruncate", refuse)
    with pytest.raises(StorageError) as caught:
        append(path, DOCUMENTS)
    monkeypatch.undo()
    assert "space" in caught.value.hint
    assert path.read_bytes() == content[:400]
    append(path, missing(path))
    assert path.read_bytes() == content


@both
def test_one_batch_is_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, append: Append) -> None:
    write = os.write
    calls: list[int] = []

    def counted(descriptor: int, data: bytes) -> int:
        calls.append(len(data))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", counted)
    append(tmp_path / "out", DOCUMENTS)
    monkeypatch.undo()
    assert calls == [(tmp_path / "out").stat().st_size]


WRITER = """
import sys
from pathlib import Path
from stockcast.storage.outputs import append_csv, append_jsonl, last_written_id
path = Path(sys.argv[1])
append = append_csv if path.suffix == ".csv" else append_jsonl
print("ready", flush=True)
while True:
    begin = last_written_id(path) + 1
    append(path, [(id_, {"ticker": "AAPL", "story": "x" * 3000}) for id_ in range(begin, begin + 20)])
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
@pytest.mark.parametrize("name", ["out.jsonl", "out.csv"])
def test_a_writer_that_is_killed_leaves_every_id_once(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    generator = random.Random(5)  # noqa: S311 - when to kill
    for _ in range(4):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            reached = last_written_id(path) + generator.randrange(20, 400)
            while last_written_id(path) < reached:
                assert writer.poll() is None
            writer.send_signal(signal.SIGKILL)
    append = append_csv if path.suffix == ".csv" else append_jsonl
    append(path, ())
    lines = path.read_text().splitlines()
    ids = [int(line.split(",")[0].removeprefix('{"id": ')) for line in lines[path.suffix == ".csv" :]]
    assert ids == list(range(1, len(ids) + 1))
    assert last_written_id(path) == len(ids) > 80


def test_the_end_alone_of_a_long_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    with path.open("w") as file:
        file.write('{"id": 1, "x": "no JSON\n' * 100_000)
        file.write(json.dumps({"id": 7, "x": "y" * 200_000}) + "\n")
    assert last_written_id(path) == 7
    append_jsonl(path, [(8, {})])
    assert path.read_bytes().endswith(b'\n{"id": 8}\n')


@both
@pytest.mark.parametrize("block", [1, 2, 7])
def test_lines_longer_than_what_is_read_at_once_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, append: Append, block: int
) -> None:
    monkeypatch.setattr("stockcast.storage.outputs._BLOCK", block)
    path = tmp_path / "out"
    for document in DOCUMENTS:
        append(path, [document])
        assert last_written_id(path) == document[0]
    with path.open("ab") as file:
        file.write(b"\r\n\r\n{torn")
    assert last_written_id(path) == 9


def test_a_file_that_a_spreadsheet_saved_again_is_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    append_csv(path, DOCUMENTS[:1])
    header, row, _ = path.read_bytes().split(b"\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + header + b"\n" + row.replace(b"1,", b'"1",', 1) + b"\n\n")
    assert last_written_id(path) == 1
    append_csv(path, DOCUMENTS)
    assert [line.split(b",")[0] for line in path.read_bytes().split()[1:]].count(b"2") == 1
    path.write_bytes(b"\xef\xbb\xbf" + header + b"\r\n")
    assert last_written_id(path) == 0


def test_the_header_that_is_there_decides_the_order_and_what_is_left_empty(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("id,b,a,c\n1,2,3,4\n")
    append_csv(path, [(2, {"a": "x", "b": "y"})])
    assert path.read_bytes().endswith(b"1,2,3,4\n2,y,x,\r\n")


def test_columns_that_are_named_are_kept_alone(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    append_csv(path, [(1, {"a": 1, "b": {"c": 2, "d": 3}})], columns=("b.c", "e", "a"))
    append_csv(path, [(2, {"new": 1, "e": 5})], columns=("b.c", "e", "a"))
    assert path.read_text().splitlines() == ["id,b.c,e,a", "1,2,,1", "2,,5,"]


def test_lists_are_cells_of_json_and_nested_quantiles_keep_their_owner(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    append_csv(path, [(1, {"seeds": [1, 2], "har": {"quantiles": {"0.5": 1.0, "0.05": 0.5}}})])
    assert path.read_text().splitlines() == ["id,seeds,har.q0.05,har.q0.5", '1,"[1, 2]",0.5,1.0']


@pytest.mark.parametrize("content", ["ticker,close\nA,5\n", "id,x\n1,2\n", "id,a,a\n1,2,2\n", "Date;Close\n"])
def test_a_table_with_another_header_is_refused_and_untouched(tmp_path: Path, content: str) -> None:
    path = tmp_path / "out.csv"
    path.write_text(content)
    with pytest.raises(StorageError, match="cannot append") as caught:
        append_csv(path, [(3, {"a": 1})])
    assert "Move it away" in caught.value.hint
    assert path.read_text() == content


@both
@pytest.mark.parametrize(
    "content", ["a diary", "a diary\n", "[1, 2]\n", '{\n"id": 5}\n', '{"id": true}\n', '{"id": 5', "{}\n", '{"a": 1}']
)
def test_another_kind_of_file_is_refused_and_untouched(tmp_path: Path, append: Append, content: str) -> None:
    path = tmp_path / "out"
    path.write_text(content)
    if append is append_jsonl and content == '{"id": 5':
        return  # a line of ours, torn
    with pytest.raises(StorageError, match="no file of forecasts") as caught:
        append(path, DOCUMENTS)
    assert "Move it away" in caught.value.hint
    assert path.read_text() == content


@both
def test_what_is_no_regular_file_is_refused(tmp_path: Path, append: Append) -> None:
    with pytest.raises(StorageError, match="no regular file"):
        append(tmp_path, DOCUMENTS)
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file"):
        append(tmp_path / "file" / "out", DOCUMENTS)
    if os.name != "nt":
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(StorageError, match="no regular file"):
            last_written_id(tmp_path / "pipe")


@both
def test_ids_out_of_order_and_numbers_that_json_lacks_are_mistakes(tmp_path: Path, append: Append) -> None:
    for ids in ((2, 1), (1, 1), (0,)):
        with pytest.raises(ValueError, match="ascend"):
            append(tmp_path / "out", [(id_, {}) for id_ in ids])
    with pytest.raises(ValueError, match=r"nan|JSON"):
        append(tmp_path / "out", [(1, {"x": float("nan")})])
    assert os.listdir(tmp_path) == []


@given(st.lists(st.text(max_size=30), min_size=1, max_size=5), st.data())
def test_any_text_is_one_line_and_survives_a_tear(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("outputs")
    documents = [(id_, {"text": text}) for id_, text in enumerate(texts, start=1)]
    for append in (append_jsonl, append_csv):
        path = folder / append.__name__
        append(path, documents)
        content = path.read_bytes()
        assert content.count(b"\n") == len(texts) + (append is append_csv)
        path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
        append(path, documents)
        assert path.read_bytes() == content
    lines = (folder / "append_jsonl").read_text().splitlines()
    assert [json.loads(line)["text"] for line in lines] == texts


def test_the_latest_replaces_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "new" / "latest.json"
    write_latest(path, {"run": 1})
    write_latest(path, {"run": 2, "forecasts": [document for _, document in DOCUMENTS]})
    assert json.loads(path.read_text())["forecasts"][0]["ticker"] == "AAPL"
    assert os.listdir(path.parent) == ["latest.json"]
    with pytest.raises(StorageError, match=r"latest\.json"):
        write_latest(path / "latest.json", {})


def test_a_file_that_is_put_aside_takes_the_place_of_nothing(tmp_path: Path) -> None:
    config, now = OutputConfig(folder=tmp_path), datetime(2024, 7, 10, 6, tzinfo=UTC)
    for text in ("one", "two"):
        (tmp_path / "forecasts.jsonl").write_text(text)
        (line,) = put_aside_foreign(config, now)
        assert "the next run writes the whole record" in line
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "forecasts.jsonl.20240710T060000": "one", "forecasts.jsonl.20240710T060000-2": "two"
    }  # fmt: skip
