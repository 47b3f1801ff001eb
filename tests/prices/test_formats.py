"""Archives, workbooks and JSON: read as the table that they hold, or refused as what they are."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from openpyxl import Workbook

from stockcast.errors import DataError
from stockcast.prices.csvfile import PriceFile, read_file

NEW_YORK = ZoneInfo("America/New_York")
DAYS = [f"2021-03-{day:02}" for day in (10, 11, 12, 15, 16, 17)]  # over the change to summer time
CLOSES = [10.0, 10.5, 11.25, 11.0, 12.5, 12.0]
HEADER = ["Date", "Open", "High", "Low", "Close"]
RECORDS = [
    dict(zip(HEADER, (day, close, close + 1, close - 1, close), strict=True))
    for day, close in zip(DAYS, CLOSES, strict=True)
]
TEXT = "Date,Close\n" + "".join(f"{day},{close}\n" for day, close in zip(DAYS, CLOSES, strict=True))


def read(folder: Path, data: bytes | str, name: str) -> PriceFile:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return read_file(str(path))


def is_history(file: PriceFile) -> bool:
    return [str(day) for day in file.raw.dates] == DAYS and file.raw.close.tolist() == CLOSES


def refused(folder: Path, data: bytes | str, name: str) -> str:
    with pytest.raises(DataError) as error:
        read(folder, data, name)
    assert error.value.hint
    assert "\n" not in error.value.message
    return error.value.message


# Archives


def zipped(members: dict[str, str | bytes]) -> bytes:
    sheet = io.BytesIO()
    with zipfile.ZipFile(sheet, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            # A date of its own: the same bytes whenever it is made.
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return sheet.getvalue()


def test_the_one_file_of_an_archive_is_read(tmp_path: Path) -> None:
    file = read(tmp_path, zipped({"prices/AAPL.csv": TEXT}), "AAPL.zip")
    assert is_history(file)
    assert (file.raw.ticker, file.table.form) == ("AAPL", "CSV in zip")


def test_what_a_system_adds_to_an_archive_is_passed_over(tmp_path: Path) -> None:
    assert is_history(
        read(tmp_path, zipped({"a/": "", "a/b.csv": TEXT, "__MACOSX/a/._b.csv": "x", "a/.DS_Store": "x"}), "AAPL.zip")
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (zipped({"a.csv": TEXT, "b.csv": TEXT}), "AAPL.zip is a zip archive of 2 files: a.csv, b.csv"),
        (zipped({"a/": ""}), "is a zip archive without a file"),
        (zipped({"a.zip": zipped({"a.csv": TEXT})}), "is a zip archive of an archive"),
        (zipped({"a.csv": TEXT})[:-30], "damaged zip archive"),
        (zipped({"word/document.xml": "x"}), "is a Word document, not CSV"),
        (zipped({"content.xml": "x", "mimetype": "application/vnd.oasis"}), "is an OpenDocument file, not CSV"),
        (zipped({"a.csv": b"0" * (65 << 20)}), "larger than 64 MiB when it is unpacked"),
    ],
    ids=["two files", "a folder", "an archive", "damaged", "Word", "OpenDocument", "a large file"],
)
def test_another_archive_is_refused_with_what_is_in_it(tmp_path: Path, data: bytes, words: str) -> None:
    assert words in refused(tmp_path, data, "AAPL.zip")


def test_an_encrypted_archive_is_called_so(tmp_path: Path) -> None:
    data = bytearray(zipped({"a.csv": TEXT}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert "is an encrypted zip archive" in refused(tmp_path, bytes(data), "AAPL.zip")


# Workbooks


def workbook(*sheets: list[list[Any]]) -> bytes:
    book = Workbook()
    book.remove(book.active)
    for rows in sheets:
        sheet = book.create_sheet()
        for row in rows:
            sheet.append(row)
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


CELLS = [HEADER, *([datetime.fromisoformat(record["Date"]), *list(record.values())[1:]] for record in RECORDS)]


def test_the_first_sheet_with_prices_is_read(tmp_path: Path) -> None:
    file = read(
        tmp_path, workbook([["About", "these prices"]], [["Prices of AAPL"], [], *CELLS], CELLS[:3]), "AAPL.xlsx"
    )
    assert is_history(file)
    assert (file.raw.ticker, file.table.form) == ("AAPL", "Excel workbook, sheet 'Sheet1'")


def test_rows_of_a_workbook_are_counted_as_excel_shows_them(tmp_path: Path) -> None:
    cells = [["Prices of AAPL"], [], *CELLS]
    cells[5] = [*cells[5][:4], "soon"]
    assert "row 6: Close 'soon'" in refused(tmp_path, workbook(cells), "AAPL.xlsx")


def test_a_workbook_is_one_whatever_its_name(tmp_path: Path) -> None:
    assert is_history(read(tmp_path, workbook(CELLS), "AAPL.csv"))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"PK\x03\x04rest", "is a damaged zip archive or workbook, not CSV"),
        (zipped({"xl/workbook.xml": "no XML"}), "cannot be read as an Excel workbook"),
        (zipped({"xl/workbook.bin": "x"}), "is a binary Excel workbook, not CSV"),
        (workbook([]), "is an Excel workbook with no cells"),
    ],
)
def test_a_workbook_without_prices_is_refused(tmp_path: Path, data: bytes, words: str) -> None:
    assert words in refused(tmp_path, data, "AAPL.xlsx")


def test_without_openpyxl_a_workbook_is_refused_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = workbook(CELLS)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(DataError, match="the package openpyxl, which reads them, is not installed") as error:
        read(tmp_path, data, "AAPL.xlsx")
    assert "pip install openpyxl" in error.value.hint


# JSON


def columns_of(records: list[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [record[name] for record in records] for name in records[0]}


KEYED = {record["Date"]: {name: record[name] for name in HEADER[1:]} for record in RECORDS}
STAMPED = {str(int(datetime.fromisoformat(f"{day}T00:00Z").timestamp()) * 1000): cells for day, cells in KEYED.items()}
TABLES = {
    "records": RECORDS,
    "columns of lists": columns_of(RECORDS),
    "pandas": {name: {str(at): cell for at, cell in enumerate(cells)} for name, cells in columns_of(RECORDS).items()},
    "pandas, by dates": {name: {day: cells[name] for day, cells in STAMPED.items()} for name in HEADER[1:]},
    "pandas, index": STAMPED,
    "pandas, split": {
        "columns": HEADER[1:],
        "index": [*KEYED],
        "data": [[*cells.values()] for cells in KEYED.values()],
    },
    "pandas, table": {"schema": {"fields": [{"name": n, "type": "number"} for n in "abcdefgh"]}, "data": RECORDS},
    "Alpha Vantage": {
        "Meta Data": {"2. Symbol": "AAPL"},
        "Time Series (Daily)": {
            day: {f"{at}. {name.lower()}": str(cell) for at, (name, cell) in enumerate(cells.items(), 1)}
            for day, cells in KEYED.items()
        },
    },
    "a provider's": {"symbol": "AAPL", "historical": [{**record, "label": "x", "more": {}} for record in RECORDS]},
    "pandas, tickers": {
        f"('{name}', 'AAPL')": {day: cells[name] for day, cells in STAMPED.items()} for name in HEADER[1:]
    },
    "Nasdaq, tables": {
        "datatable": {"data": [list(record.values()) for record in RECORDS], "columns": [{"name": n} for n in HEADER]}
    },
    "Nasdaq": {"dataset": {"column_names": HEADER, "data": [list(record.values()) for record in RECORDS]}},
}


@pytest.mark.parametrize("form", TABLES)
@pytest.mark.parametrize("ending", ["json", "csv"])
def test_a_table_in_json_is_read(tmp_path: Path, form: str, ending: str) -> None:
    file = read(tmp_path, json.dumps(TABLES[form]), f"AAPL.{ending}")
    assert is_history(file)
    assert file.table.form == "JSON"


def test_json_of_one_record_a_line_is_read(tmp_path: Path) -> None:
    assert is_history(read(tmp_path, "\n".join(map(json.dumps, RECORDS)), "AAPL.json"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "is JSON, not CSV, and no table of prices is found in it"),
        ("{}", "is JSON, not CSV, and no table of prices is found in it"),
        (json.dumps({"a": ["x" * 3000]}), "is JSON, not CSV, and no table of prices is found in it"),
        (json.dumps({"AAPL": RECORDS, "MSFT": RECORDS}), "is JSON, not CSV, and has 2 tables"),
        ('{"Information": "Our standard API rate limit is 25 requests per day."}', "error answer of the provider"),
        ('{"error": {"code": 404, "message": "Not found"}}', "error answer of the provider"),
        ("[" * 100_000, "error answer of the provider"),
        ("{" + "9" * 5000 + "}", "error answer of the provider"),
    ],
)
def test_json_without_one_table_is_refused_as_json_or_as_an_errors_answer(
    tmp_path: Path, text: str, words: str
) -> None:
    assert words in refused(tmp_path, text, "AAPL.json")


def test_more_json_than_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stockcast.prices.csvfile.markup.JSON", 100)
    assert "is JSON of more than" in refused(tmp_path, json.dumps(RECORDS), "AAPL.json")


# Yahoo's chart


def chart(zone: str = "America/New_York", hour: int = 9, **meta: Any) -> dict[str, Any]:
    """An answer with a bar of each day, stamped at the opening."""
    stamps = [
        int((datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)) + timedelta(hours=hour)).timestamp())
        for day in DAYS
    ]
    quote = {name.lower(): cells for name, cells in columns_of(RECORDS).items() if name != "Date"}
    result = {
        "meta": {"symbol": "AAPL", "exchangeTimezoneName": zone, "instrumentType": "EQUITY", **meta},
        "timestamp": stamps,
        "events": {"dividends": {str(stamps[1]): {"amount": 0.2, "date": stamps[1]}}},
        "indicators": {"quote": [quote], "adjclose": [{"adjclose": [close - 0.5 for close in CLOSES]}]},
    }
    return {"chart": {"result": [result], "error": None}}


@pytest.mark.parametrize("name", ["AAPL.json", "AAPL.csv"])
def test_a_chart_of_yahoos_is_read(tmp_path: Path, name: str) -> None:
    file = read(tmp_path, json.dumps(chart(exchangeName="NMS")), name)
    assert is_history(file)
    assert file.raw.adjusted_close is not None
    assert file.raw.adjusted_close.tolist() == [close - 0.5 for close in CLOSES]
    assert (file.table.form, file.table.exchange) == ("JSON of Yahoo's chart", "XNYS")


def test_a_chart_among_others_of_an_answer_is_found(tmp_path: Path) -> None:
    result = chart()["chart"]["result"]
    answer = {"spark": {"result": [{"symbol": "AAPL", "response": result}], "error": None}}
    assert is_history(read(tmp_path, json.dumps(answer), "AAPL.json"))
    answer["spark"]["result"] *= 2  # type: ignore[index]
    assert "is JSON, not CSV, and has 2 tables" in refused(tmp_path, json.dumps(answer), "AAPL.json")


@pytest.mark.parametrize("name", ["Asia/Tokyo", "Australia/Sydney", "America/Los_Angeles", "UTC"])
@pytest.mark.parametrize("hour", [0, 9])
def test_a_bar_is_of_the_day_on_the_clocks_of_its_exchange(tmp_path: Path, name: str, hour: int) -> None:
    assert is_history(read(tmp_path, json.dumps(chart(name, hour)), "X.json"))


def test_an_offset_stands_in_for_the_name_of_a_zone(tmp_path: Path) -> None:
    answer = chart("Asia/Tokyo", exchangeName="JPX", gmtoffset=32_400)
    answer["chart"]["result"][0]["meta"]["exchangeTimezoneName"] = "No/Where"
    file = read(tmp_path, json.dumps(answer), "7203.T.json")
    assert is_history(file)
    assert (file.raw.ticker, file.table.exchange) == ("7203.T", "XTKS")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"meta": {"symbol": "XYZ"}}, "is JSON, not CSV: a chart of Yahoo's that does not say the time zone"),
        ({"timestamp": None}, "is a chart of Yahoo's without prices"),
        ({"indicators": {}}, "is a chart of Yahoo's without prices"),
        ({"timestamp": [1, 2]}, "columns that do not belong together"),
        ({"timestamp": [10**18] * 6}, "a time that is none"),
        ({"timestamp": ["x"] * 6}, "a time that is none"),
    ],
)
def test_a_chart_that_cannot_be_read_is_called_one(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    answer = chart()
    answer["chart"]["result"][0].update(change)
    message = refused(tmp_path, json.dumps(answer), "chart.csv")
    assert words in message
    assert "error answer" not in message


def test_an_error_of_yahoos_is_an_error(tmp_path: Path) -> None:
    answer = {"chart": {"result": None, "error": {"code": "Not Found", "description": "No data found"}}}
    assert "error answer of the provider" in refused(tmp_path, json.dumps(answer), "chart.json")
