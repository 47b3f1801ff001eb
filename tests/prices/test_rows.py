"""Rows that are no bars are left out with one note that counts them; a last row that was cut off is one of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from stockcast.errors import DataError
from stockcast.prices.csvfile import ReadOptions, read, read_file
from stockcast.prices.csvfile.rows import OtherRows
from stockcast.prices.history import Caution, History

Row = Sequence[str]

HEADER = ("Date", "Open", "High", "Low", "Close", "Volume")
DAYS = np.busday_offset(np.datetime64("2024-03-01"), np.arange(40), roll="forward")
CLOSES = np.round(95 + np.sin(np.arange(40)), 2)
BARS = [
    [str(day), f"{close + 0.1:.2f}", f"{close + 0.5:.2f}", f"{close - 0.5:.2f}", f"{close:.2f}", str(200_000 + 7 * at)]
    for at, (day, close) in enumerate(zip(DAYS, CLOSES, strict=True))
]
AGAIN = "2024-03-15"


def text_of(rows: Sequence[Row], header: Row = HEADER, delimiter: str = ",", end: str = "\n") -> str:
    return "\n".join(delimiter.join(row) for row in (header, *rows)) + end


def read_text(folder: Path, text: str, options: ReadOptions = ReadOptions()) -> History:  # noqa: B008
    path = folder / "XYZ.csv"
    path.write_bytes(text.encode())
    return read(str(path), options)


def left_out(history: History) -> list[str]:
    return [note for note in history.notes if "left out" in note and isinstance(note, Caution)]


def assert_read(history: History, note: str) -> None:
    np.testing.assert_array_equal(history.dates, DAYS)
    np.testing.assert_array_equal(history.close, CLOSES)
    assert left_out(history) == [f"1 row that is no bar was left out: 1 {note}."]


EDGES = [
    ["12 month average", *["95.01"] * 5],
    ["2024 Total", *["95.01"] * 5],
    ["01/18/2024 - 05/24/2024", *["95.01"] * 5],
    ["252 days", *["95.01"] * 5],
]
EVENTS = [
    [AGAIN, "0.17 Dividend"],
    [AGAIN, "0.17 Dividend", "", "", "", ""],
    [AGAIN, "Dividend", "0.17"],
    [AGAIN, "0.17", "Dividend"],
    [AGAIN, "0,17 Dividende"],
    [AGAIN, "2:1 Stock Splits"],
    [AGAIN, "4/1 Aktiensplit"],
    [AGAIN, "株式分割 1:2"],
    [AGAIN, "배당 0.17"],
]
REMARKS = [
    [AGAIN, "Market closed"],
    [AGAIN, *["closed"] * 5],
    [AGAIN, "", "", "", "see note 3", ""],
    ["Average", "1", "1", "1", "1", "1"],
    ["Average of 252 days", "1", "1", "1", "1", "1"],
    ["平均", "1", "1", "1", "1", "1"],
    ["Total", "", "", "", "", "1000"],
    ["", "Highest: 105 Lowest: 90"],
    ["Highest: 105.00 Lowest: 90.00"],
    ["", "1", "1", "1", "1", "1"],
    ["N/A", "1", "1", "1", "1", "1"],
    ["Source: Reuters 2024"],
    ["Source: Reuters", " LSEG", " and others", " 2024", " ©", "all rights", " reserved", " worldwide"],
    ["© 2024 Some Provider"],
    ["Last updated: 2024-05-24 16:00"],
    ["As of 05/24/2024"],
    ["", "USD", "USD", "USD", "USD", "shares"],
    ["yyyy-mm-dd", "USD", "USD", "USD", "USD", "shares"],
    ["Ticker", *["XYZ"] * 5],
    ["-----"] * 6,
    ["* adjusted for splits"],
]
ZEROS = [[AGAIN, "0", "0", "0", "0", "0"], [AGAIN, "0.00", "0.00", "0.00", "0.00", "0"], [AGAIN, "", "", "", "0", ""]]
HEADERS = [HEADER, [name.upper() for name in HEADER]]
OTHER_ROWS = [
    *((row, "of dividends or splits") for row in EVENTS),
    *((row, "of summaries or remarks") for row in REMARKS),
    *((row, "of zeros") for row in ZEROS),
    *((row, "of the header again") for row in HEADERS),
]


@pytest.mark.parametrize(("row", "reason"), OTHER_ROWS)
def test_a_row_that_is_no_bar_is_left_out_wherever_it_stands(tmp_path: Path, row: Row, reason: str) -> None:
    for at in (1, 15, 40):
        history = read_text(tmp_path, text_of([*BARS[:at], row, *BARS[at:]]))
        assert_read(history, f"{reason} (row {at + 2})")


@pytest.mark.parametrize("row", EDGES)
def test_a_summary_that_begins_with_a_number_is_one_at_the_head_and_the_end(tmp_path: Path, row: Row) -> None:
    for at in (0, 40):
        history = read_text(tmp_path, text_of([*BARS[:at], row, *BARS[at:]]))
        assert_read(history, f"of summaries or remarks (row {at + 2})")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ([AGAIN, "0.17 Dividend"], "of dividends or splits"),
        ([AGAIN, "Dividend", "0.17"], "of dividends or splits"),
        ([AGAIN, "Holiday"], "of summaries or remarks"),
        (["Source: Reuters", " LSEG", " and others"], "of summaries or remarks"),
        (["Average", "95.01"], "of summaries or remarks"),
        (["", "95.01"], "of summaries or remarks"),
        ([AGAIN, "0"], "of zeros"),
        (["Date", "Close"], "of the header again"),
    ],
)
def test_a_file_of_closes_has_such_rows_too(tmp_path: Path, row: Row, reason: str) -> None:
    rows = [[bar[0], bar[4]] for bar in BARS]
    assert_read(read_text(tmp_path, text_of([*rows[:9], row, *rows[9:]], ("Date", "Close"))), f"{reason} (row 11)")


@pytest.mark.parametrize(
    "row", [[AGAIN, "0.17 Dividend"], [AGAIN, "Market closed"], ["Average", "", "1", "1", "1", "1", "1"]]
)
def test_what_stands_in_the_column_of_tickers_of_such_a_row_is_no_ticker(tmp_path: Path, row: Row) -> None:
    rows = [[day, "XYZ", *rest] for day, *rest in BARS]
    history = read_text(tmp_path, text_of([*rows[:15], row, *rows[15:]], ("Date", "Symbol", *HEADER[1:])))
    np.testing.assert_array_equal(history.close, CLOSES)
    assert len(left_out(history)) == 1


def test_dates_that_begin_with_a_word_are_no_remarks(tmp_path: Path) -> None:
    names = {"03": "Mar", "04": "Apr"}
    rows = [[f"{names[day[5:7]]} {int(day[8:])} {day[:4]}", *rest] for day, *rest in BARS]
    history = read_text(tmp_path, text_of([*rows[::-1], ["Average", *["1"] * 5]], delimiter="\t"))
    assert_read(history, "of summaries or remarks (row 42)")


def test_one_note_counts_all_of_them(tmp_path: Path) -> None:
    rows = [*EVENTS[:4], *BARS, HEADER, REMARKS[3]]
    path = tmp_path / "XYZ.csv"
    path.write_text(text_of(rows))
    (note,) = left_out(read(str(path)))
    assert note == (
        "6 rows that are no bars were left out: 4 of dividends or splits (rows 2, 3, 4 and 1 more), "
        "1 of the header again (row 46), 1 of summaries or remarks (row 47)."
    )
    assert read_file(str(path)).left_out == (
        OtherRows("of dividends or splits", (2, 3, 4, 5)),
        OtherRows("of the header again", (46,)),
        OtherRows("of summaries or remarks", (47,)),
    )


def test_a_file_without_such_rows_has_no_such_note(tmp_path: Path) -> None:
    path = tmp_path / "XYZ.csv"
    path.write_text(text_of(BARS))
    assert read_file(str(path)).left_out == ()
    assert not left_out(read(str(path)))


def test_a_row_with_one_bad_cell_is_a_bar_and_refused(tmp_path: Path) -> None:
    rows = [list(bar) for bar in BARS]
    rows[3][4] = "x95.1"
    with pytest.raises(DataError, match=r"row 5: Close 'x95\.1' is not a number"):
        read_text(tmp_path, text_of(rows))
    with pytest.raises(DataError, match="row 5: Close 'dear' is not a number"):
        read_text(
            tmp_path,
            text_of([[bar[0], "dear" if at == 3 else bar[4]] for at, bar in enumerate(BARS)], ("Date", "Close")),
        )


def test_a_wrong_date_beside_prices_is_refused(tmp_path: Path) -> None:
    rows = [list(bar) for bar in BARS]
    rows[3][0] = "2024-13-06"
    with pytest.raises(DataError, match="row 5: Date '2024-13-06'"):
        read_text(tmp_path, text_of(rows))


def test_many_rows_without_a_date_are_refused(tmp_path: Path) -> None:
    rows = [list(bar) for bar in BARS]
    for row in rows[1::3]:
        row[0] = ""
    with pytest.raises(DataError, match="row 3: Date ''"):
        read_text(tmp_path, text_of(rows))


def test_a_column_of_words_is_no_remark(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Close 'dear' is not a number, as in 40 of 40 rows"):
        read_text(tmp_path, text_of([[bar[0], *["dear"] * 5] for bar in BARS]))


def test_zeros_beside_prices_are_refused(tmp_path: Path) -> None:
    rows = [list(bar) for bar in BARS]
    rows[9][4] = "0"
    with pytest.raises(DataError, match=r"row 11 \(2024-03-14\): the close is 0"):
        read_text(tmp_path, text_of(rows))


def test_zeros_in_most_rows_are_no_days_without_trade(tmp_path: Path) -> None:
    rows = [[bar[0], *["0"] * 5] if 1 <= at <= 21 else bar for at, bar in enumerate(BARS)]
    with pytest.raises(DataError, match="the close is 0"):
        read_text(tmp_path, text_of(rows))
    rows[21] = BARS[21]
    assert len(read_text(tmp_path, text_of(rows))) == 20


def test_rows_outside_of_the_span_need_no_numbers(tmp_path: Path) -> None:
    rows = [list(bar) for bar in BARS]
    rows[3][4] = "x95.1"
    history = read_text(tmp_path, text_of(rows), ReadOptions(start=DAYS[4].astype(object)))
    np.testing.assert_array_equal(history.close, CLOSES[4:])


# A download that stopped in the middle.


def quoted(rows: Sequence[Row]) -> list[list[str]]:
    return [[f'"{cell}"' for cell in row] for row in rows]


WHOLE = {
    "plain": text_of(BARS, end=""),
    "quoted": text_of(quoted(BARS), quoted([HEADER])[0], end=""),
    "newest first": text_of(BARS[::-1], end=""),
    "closes": text_of([[bar[0], bar[4]] for bar in BARS], ("Date", "Close"), end=""),
    "tabs": text_of(BARS, delimiter="\t", end=""),
    "close last": text_of([[*bar[:4], bar[5], bar[4]] for bar in BARS], (*HEADER[:4], "Volume", "Close"), end=""),
    "dollars": text_of([[bar[0], f"{bar[4]} USD"] for bar in BARS], ("Date", "Close"), end=""),
}


@pytest.mark.parametrize("form", WHOLE)
def test_a_file_that_ends_without_a_line_end_is_whole(tmp_path: Path, form: str) -> None:
    history = read_text(tmp_path, WHOLE[form])
    np.testing.assert_array_equal(history.close, CLOSES)
    assert not left_out(history)


@pytest.mark.parametrize("form", WHOLE)
def test_a_last_row_that_was_cut_off_anywhere_is_left_out(tmp_path: Path, form: str) -> None:
    whole = WHOLE[form]
    rows = slice(1, None) if form == "newest first" else slice(-1)
    for end in range(whole.rindex("\n") + 2, len(whole)):
        history = read_text(tmp_path, whole[:end])
        if len(history) < len(DAYS):
            np.testing.assert_array_equal(history.dates, DAYS[rows])
            np.testing.assert_array_equal(history.close, CLOSES[rows])
            assert left_out(history) or whole[:end].endswith('\n"')
        else:
            # Digits of a volume may be missing, with which it is one still.
            np.testing.assert_array_equal(history.close, CLOSES)
            assert history.volume is not None
            assert history.volume[-1] > 19_000


def test_a_short_last_row_that_ends_in_a_line_end_is_a_row(tmp_path: Path) -> None:
    short = [*BARS[:-1], BARS[-1][:5]]
    np.testing.assert_array_equal(read_text(tmp_path, text_of(short)).close, CLOSES)


def test_words_of_a_summary_between_blanks_are_no_header(tmp_path: Path) -> None:
    days = [f"{day}. Januar 1976" for day in (5, 6, 7, 8, 9, 12, 13, 14)]
    rows = [f"{day},XYZ,{7.9 + at / 100:.2f},0.27 Lakh,0.12%" for at, day in enumerate(days)]
    head = "Date,Symbol,Close_XYZ,Volume_XYZ,Change %"
    text = "\n".join([head, *rows, "14. Januar 1976,0.17 Dividend", "Highest: 105 Lowest: 90", ""])
    assert len(read_text(tmp_path, text)) == len(days)
