"""What is a path and what a ticker, encodings, packed files, and what is refused before it is read."""

# ruff: noqa: RUF001  letters of other alphabets that look like those of English

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stockcast import limits
from stockcast.errors import DataError
from stockcast.prices.csvfile import looks_like_path, read_file
from stockcast.prices.csvfile.content import content, file_text, path_ticker
from stockcast.prices.csvfile.encoding import decoded

ROWS = "\n2024-05-22,83310\n2024-05-23,83970\n2024-05-24,82500\n"
CLOSES = [83310.0, 83970.0, 82500.0]


def written(folder: Path, data: bytes, name: str = "AAPL.csv") -> str:
    path = folder / name
    path.write_bytes(data)
    return str(path)


def refused(folder: Path, data: bytes, name: str = "AAPL.csv") -> DataError:
    with pytest.raises(DataError) as error:
        read_file(written(folder, data, name))
    assert "\n" not in error.value.message
    assert error.value.hint
    return error.value


FILES = """AAPL.csv aapl.us.txt X.CSV.GZ a.parquet - ./AAPL data/AAPL XYZ.xlsx XYZ.XLS XYZ.json a.zip a.csv.xz a.pq
a.feather a.ods a.html a.pdf a.db a.pickle a.xml a.toml"""
TICKERS = """AAPL BRK-B BF.B ^GSPC EURUSD=X 0700.HK RDSA.L 7203.T 000001.SZ 6488.TWO SAP.DE BTC-USD ES=F BAC-PL
500325.BO PETR4.SA DX-Y.NYB 005930.KS VOLV-B.ST"""


@pytest.mark.parametrize("source", FILES.split())
def test_a_separator_or_the_ending_of_a_file_makes_a_path(source: str) -> None:
    assert looks_like_path(source)


@pytest.mark.parametrize("source", ["", *TICKERS.split()])
def test_anything_else_is_a_ticker(source: str) -> None:
    assert not looks_like_path(source)


NAMED = {
    "data/AAPL.csv": "AAPL",
    "AAPL.csv.gz": "AAPL",
    "BF.B.xlsx": "BF.B",
    "A.csv.zip": "A",
    "./BRK.B": "BRK.B",
    "7203.T.json": "7203.T",
    "X.csv.xz": "X",
    "-": "stdin",
}


@pytest.mark.parametrize("source", NAMED)
def test_a_path_stands_for_the_ticker_it_is_named_after(source: str) -> None:
    assert path_ticker(source) == NAMED[source]


@pytest.mark.parametrize(
    ("header", "codec", "name"),
    [
        ("일자,종가", "cp949", "cp949"),
        ("일자,종가", "utf-16", "UTF-16"),
        ("일자,종가", "utf-16-be", "UTF-16"),
        ("日期,收盘价", "gbk", "GB18030"),
        ("日期,收盘", "utf-16-le", "UTF-16"),
        ("日期,收盤價", "big5", "Big5"),
        ("日付,終値", "shift-jis", "Shift-JIS"),
        ("日付,終値", "euc-jp", "EUC-JP"),
        ("Дата,Закрытие", "cp1251", "Windows-1251"),
        ("Дата,Закрытие", "koi8-r", "KOI8-R"),
        ("Séance,Clôture", "latin-1", "Windows-1252"),
        ("Data,Zamknięcie,Najwyższy", "cp1250", "Windows-1250"),
        ("Tarih,Kapanış", "cp1254", "Windows-1254"),
        ("Fecha,Último", "cp850", "cp850"),
        ("Date,Close", "utf-32", "UTF-32"),
        ("Date,Close", "utf-32-le", "UTF-32"),
        ("日期,收盘", "utf-8-sig", "UTF-8"),
    ],
)
def test_the_encoding_is_the_one_in_which_words_of_the_header_are_known(
    tmp_path: Path, header: str, codec: str, name: str
) -> None:
    file = read_file(written(tmp_path, (header + ROWS).encode(codec)))
    assert file.raw.close.tolist() == CLOSES
    assert (file.table.encoding, *file.table.names) == (name, *header.split(","))


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("Date,Close\n2024年1月5日,1\n2024年1月8日,2\n", "gbk"),
        ("Date,Close\n2024年1月5日,1\n2024年1月8日,2\n", "cp932"),
        ("Date,Close\n2024-01-05,1\xa0234\n", "cp1252"),
        ("Date,Close,Name\n2024-01-05,1,Société Générale\n", "latin-1"),
    ],
)
def test_below_a_plain_header_units_and_accents_tell(tmp_path: Path, text: str, codec: str) -> None:
    assert file_text(content(written(tmp_path, text.encode(codec))), "AAPL.csv").text == text


def test_a_column_that_the_user_names_tells_the_encoding_too(tmp_path: Path) -> None:
    found = content(written(tmp_path, ("기준,값어치" + ROWS).encode("cp949")))
    assert file_text(found, "AAPL.csv", ["값어치"]).text.startswith("기준,값어치\n")


def test_a_header_in_no_known_encoding_is_no_mojibake_in_the_message(tmp_path: Path) -> None:
    error = refused(tmp_path, ("가나,다라" + ROWS).encode("cp949"))
    assert error.message == "AAPL.csv is not UTF-8, and nothing tells in which encoding it is"
    assert error.hint == "Save it as UTF-8."


def test_names_in_no_known_encoding_cost_no_prices(tmp_path: Path) -> None:
    file = read_file(written(tmp_path, "Date,Close,Note\n2024-05-22,1,\n2024-05-23,2,贵州\n".encode("gbk")))
    assert file.raw.close.tolist() == [1.0, 2.0]
    assert file.table.encoding == "unknown"


@pytest.mark.parametrize(("header", "sign", "codec"), [("날짜,종가", "万", "cp949"), ("日期,收盘", "元", "gbk")])
def test_a_sign_in_every_row_that_would_be_utf8_makes_no_damaged_utf8(
    tmp_path: Path, header: str, sign: str, codec: str
) -> None:
    assert sign.encode(codec).decode("utf-8")
    rows = "\n2024-05-22," + f"83310{sign}\n2024-05-23," * 60 + "83970\n"
    text = file_text(content(written(tmp_path, (header + rows).encode(codec))), "AAPL.csv").text
    assert text == header + rows


def test_utf8_with_a_damaged_cell_stays_utf8() -> None:
    data = ("日期,收盘,名称" + "\n2024-05-22,1,贵州茅台" * 2).encode()
    text, encoding = decoded(data[:-1] + b"\n", "AAPL.csv")
    assert encoding == "UTF-8"
    assert text.startswith("日期,收盘,名称\n2024-05-22,1,贵州茅台\n2024-05-22,1,贵州茅\\x")


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data + bytes(512),
        lambda data: data + b"\x1a",
        lambda data: data.replace(b"Close", b"\xef\xbb\xbfClose"),
    ],
    ids=["a torn write", "the end of a file of DOS", "files put together"],
)
def test_marks_and_padding_are_no_cells(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    file = read_file(written(tmp_path, damage(("Date,Close" + ROWS).encode())))
    assert file.raw.close.tolist() == CLOSES
    assert (file.table.names, file.table.encoding) == (("Date", "Close"), "UTF-8")


@pytest.mark.parametrize("codec", ["utf-8", "utf-16", "utf-16-le", "utf-32"])
def test_zeros_within_are_no_text(tmp_path: Path, codec: str) -> None:
    text = "Date,Close" + ROWS.replace("83970", "8" + "\0" * 12)
    assert "bytes are not text" in refused(tmp_path, text.encode(codec)).message


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    assert "bytes are not text" in refused(tmp_path, bytes(range(256)) * 4).message


PACKERS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "xz": lzma.compress, "bzip2": bz2.compress}


@pytest.mark.parametrize("packing", PACKERS)
def test_a_packed_file_is_read_whatever_its_name_in_one_part_or_several(tmp_path: Path, packing: str) -> None:
    pack = PACKERS[packing]
    file = read_file(written(tmp_path, pack(b"Date,Close") + pack(ROWS.encode())))
    assert file.raw.close.tolist() == CLOSES
    assert file.table.form == f"CSV in {packing}"


@pytest.mark.parametrize("packing", PACKERS)
def test_a_packed_file_that_is_torn_or_too_large_is_refused(
    tmp_path: Path, packing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = PACKERS[packing](("Date,Close" + ROWS).encode())
    assert f"damaged {packing} file" in refused(tmp_path, packed[:-9]).message
    monkeypatch.setattr("stockcast.prices.csvfile.content.PRICES", 60)
    monkeypatch.setattr("stockcast.prices.csvfile.content.file_bytes", lambda path, _: Path(path).read_bytes())
    assert "when it is unpacked, the most that is read" in refused(tmp_path, packed).message


def limited(monkeypatch: pytest.MonkeyPatch, room: str, **limit: int) -> None:
    for name, value in limit.items():
        monkeypatch.setattr(f"stockcast.prices.csvfile.{room}.{name}", value)


@pytest.mark.parametrize(
    ("limit", "text", "words"),
    [
        ({"PRICES": 50, "LINE": 10}, "Date,Close" + ROWS, "larger than 0 MiB, the most that is read"),
        ({"LINE": 30}, "Date,Close" + ROWS + "2024-05-28," + "8" * 30, "a line of more than 30 characters"),
        ({"LINE": 20, "ROWS": 3}, "Date,Close" + ROWS, "has 4 lines; up to 3 are read"),
        ({"LINE": 20, "CELLS": 6}, "Date,Close" + ROWS, "has 8 cells; up to 6 are read"),
        ({"COLUMNS": 9}, "Prices\nDate,Close" + "," * 8 + ROWS, "has 10 columns; up to 9 are read"),
    ],
)
def test_more_than_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: dict[str, int], text: str, words: str
) -> None:
    limited(monkeypatch, "content", **limit)
    error = refused(tmp_path, text.encode())
    assert words in error.message
    assert "split the file" in error.hint


def test_standard_input_is_limited_too(monkeypatch: pytest.MonkeyPatch) -> None:
    limited(monkeypatch, "content", PRICES=30)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x" * 31)))
    with pytest.raises(DataError, match="standard input is larger than"):
        read_file("-")


def test_parquet_is_refused_by_its_description_alone(tmp_path: Path) -> None:
    path = tmp_path / "many.parquet"
    pq.write_table(pa.table({"Date": pa.repeat("2024-05-22", limits.ROWS + 1)}), path)
    assert path.stat().st_size < limits.MIB
    with pytest.raises(DataError, match=r"has 1,048,577 rows of 1 columns; up to 1,048,576 rows"):
        read_file(str(path))


def test_a_long_text_in_every_row_of_parquet_is_kept_once_and_cut(tmp_path: Path) -> None:
    days = [f"2024-05-{day:02}" for day in range(1, 31)]
    note = pa.DictionaryArray.from_arrays(pa.array([0] * 30, pa.int32()), pa.array(["x" * 1_000_000]))
    path = tmp_path / "note.parquet"
    pq.write_table(pa.table({"Date": days, "Close": [float(day) for day in range(1, 31)], "Note": note}), path)
    cells = read_file(str(path)).table.columns[2]
    assert {len(cell) for cell in cells} == {limits.CELL}
    assert len({id(cell) for cell in cells}) == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
def test_a_pipe_by_its_name_is_not_even_opened(tmp_path: Path) -> None:
    path = tmp_path / "pipe.csv"
    os.mkfifo(path)
    with pytest.raises(DataError, match="is a pipe, not a file") as error:
        read_file(str(path))
    assert "Give - in its place" in error.value.hint
    with pytest.raises(DataError, match="is a device, not a file"):
        read_file(os.devnull)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\xd0\xcf\x11\xe0rest", "an old Excel workbook"),
        (b"%PDF-1.7", "a PDF document"),
        (b"ARROW1\0\0", "a Feather file"),
        (b"SQLite format 3\0", "a database"),
        (b"<html><table>" + b"<tr><td>1</td></tr>" * 30 + b"</table></html>", "a table in HTML"),
        (b'<?xml version="1.0"?>\n<Workbook xmlns="urn:x">', "a workbook in XML"),
    ],
)
def test_another_format_is_called_what_it_is(tmp_path: Path, data: bytes, what: str) -> None:
    error = refused(tmp_path, data, "AAPL.xls")
    assert error.message == f"AAPL.xls is {what}, not CSV"
    assert "CSV" in error.hint


def test_an_address_is_to_be_downloaded_first() -> None:
    with pytest.raises(DataError, match="no such file: https://example") as error:
        read_file("https://example.com/AAPL.csv")
    assert error.value.hint == "Download it, and give the file."


def test_a_missing_file_with_such_an_ending_is_a_missing_file() -> None:
    with pytest.raises(DataError, match=r"no such file: XYZ\.xlsx"):
        read_file("XYZ.xlsx")
