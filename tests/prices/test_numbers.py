"""Numbers in any currency, grouping and decimal sign come back, or the file asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockcast.config.sources import ReadOptions
from stockcast.errors import ConfigError, DataError
from stockcast.prices.csvfile import read
from stockcast.prices.csvfile.cells import FileColumn
from stockcast.prices.csvfile.numbers import NumberColumn, parse_numbers, ratios


def column(cells: Sequence[str], name: str = "Close") -> FileColumn:
    return FileColumn("XYZ.csv", name, tuple(cells), np.arange(2, len(cells) + 2))


def parsed(cells: Sequence[str], *others: Sequence[str], **known: str | bool) -> NumberColumn:
    return parse_numbers([column(cells)], [], [column(cells) for cells in others], **known)[0]  # type: ignore[arg-type]


def volume(cells: Sequence[str], *prices: str) -> list[float]:
    """What is read of a column of volumes beside such prices."""
    prices = prices or ("95.12",)
    found = parse_numbers([column((prices * len(cells))[: len(cells)])], [column(cells, "Volume")], [])[1]
    assert not found.lost
    return found.values.tolist()


@pytest.mark.parametrize(
    "cells",
    [
        ["1234.50", "999.25"],
        ["1,234.50", "999.25"],
        ["1.234,50", "999,25"],
        ["1 234,50", "999,25"],
        ["1\u00a0234,50", "999,25"],
        ["1\u2009234.50", "999.25"],
        ["1'234.50", "999.25"],
        ["1\u2019234.50", "999.25"],
        ["$1,234.50", "$999.25"],
        ["$1,234.50", "999.25"],
        ["US$1,234.50", "US$999.25"],
        ["HK$ 1234.50", "HK$ 999.25"],
        ["R$ 1.234,50", "R$ 999,25"],
        ["Rs. 1,234.50", "Rs. 999.25"],
        ["Rs.1234.50", "Rs.999.25"],
        ["CHF 1'234.50", "CHF 999.25"],
        ["1234.50 USD", "999.25 USD"],
        ["1234.50 USD", "999.25 usd"],
        ["1 234,50 zł", "999,25 zł"],
        ["1.234,50\u202f€", "999,25\u202f€"],
        ["1234.50\x80", "999.25\x80"],
        ["1234.50 kr", "999.25 kr"],
        ["1234.50 kr.", "999.25 kr."],
        ["₩1,234.50", "₩999.25"],
        ["1234.50円", "999.25円"],
        ["1234.50 元", "999.25 元"],
        ["1234.50p", "999.25p"],
        ["GBX 1,234.50", "GBX 999.25"],
        ["1234.50 €/MWh", "999.25 €/MWh"],
        ["1234.50%", "999.25%"],
        ["1234.50*", "999.25*"],
        ["1234.50e", "999.25e"],
        ["+1234.50", "+999.25"],
        ['="1234.50"', '="999.25"'],
        ["１，２３４．５０", "９９９．２５"],  # noqa: RUF001 - as wide as an ideogram
        ["١٢٣٤٫٥٠", "٩٩٩٫٢٥"],  # noqa: RUF001 - Arabic
        ["1.23450K", "0.99925K"],
        ["1.2345e+03 USD", "9.9925e+02 USD"],
        ["1,2345E3", "999,25"],
    ],
)
def test_one_price_may_be_written_in_many_ways(cells: list[str]) -> None:
    found = parsed(cells)
    assert not found.lost
    assert found.values.tolist() == pytest.approx([1234.5, 999.25], rel=1e-15)


@pytest.mark.parametrize(
    "cell", ["(1,234.50)", "-1,234.50", "1,234.50-", "-$1,234.50", "$-1,234.50", "\u22121234.50", "($1,234.50)"]
)
def test_a_minus_may_stand_in_many_places(cell: str) -> None:
    assert parsed([cell, "1.5"]).values.tolist() == [-1234.5, 1.5]


def test_a_dash_after_the_mark_is_no_minus() -> None:
    assert parsed(["100.-", "101.-"]).values.tolist() == [100, 101]


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["15,21,291", "8,89,479", "1,00,00,000"], [1_521_291, 889_479, 10_000_000]),
        (["14.71 Lakh", "0.5 lacs", "1.2 Cr", "2 crore"], [1_471_000, 50_000, 12e6, 20e6]),
        (["1.52M", "889.48K", "2B", "-"], [1.52e6, 889_480, 2e9, np.nan]),
        (["1,52 Mio.", "889,48 Tsd.", "2 Mrd"], [1.52e6, 889_480, 2e9]),
        (["152.1万", "0.1億", "1.5千株"], [1.521e6, 1e7, 1500]),
        (["12,345株", "1,234株"], [12_345, 1234]),
        (["1.5 млн", "2.25 млн"], [1.5e6, 2.25e6]),
        (["5.988M", "1.140M"], [5.988e6, 1.14e6]),
        (["$1.2B", "$3M"], [1.2e9, 3e6]),
    ],
)
def test_volumes_have_words_and_groups_of_their_own(cells: list[str], values: list[float]) -> None:
    of_unit = [cell for cell in cells if not cell.endswith("千株")]
    assert volume(of_unit) == pytest.approx(values[: len(of_unit)], nan_ok=True)


@pytest.mark.parametrize("price", ["95.12", "95,12"])
def test_volumes_are_whole_whatever_the_decimal_sign_of_the_prices(price: str) -> None:
    assert volume(["351,000", "20,000"], price) == [351_000, 20_000]
    assert volume(["1,351,000", "20,000"], price) == [1_351_000, 20_000]
    assert volume(["1.351.000", "20.000"], price) == [1_351_000, 20_000]
    assert volume(["5,988M", "1,140M"], price) == [5_988_000, 1_140_000]


MISSING = (
    *("#N/A", "#VALUE!", "#REF!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#N/A N/A", "#N/A Field Not Applicable"),
    *("#¡VALOR!", "#WERT!", "#NV", "#####", "Err:502", "1.#QNAN", "inf", "-inf", "∞", "-", "—", "--", "--.--", "n.a."),
    *(
        "N.D.",
        "n/d",
        "null",
        "None",
        "NaT",
        "<NA>",
        "(null)",
        "\\N",
        "...",
        "…",
        "x",
        "",
        "  ",
        "*",
        "NaN",
        "@NA",
        "TBD",
    ),
)


@pytest.mark.parametrize("cell", MISSING)
@pytest.mark.parametrize("price", ["95.12", "95,12 €"])
def test_what_says_that_there_is_no_value_is_missing(cell: str, price: str) -> None:
    found = parsed([price, cell, price])
    assert not found.lost
    np.testing.assert_array_equal(found.values, [95.12, np.nan, 95.12])


@pytest.mark.parametrize(
    "cell", ["dear", "1y", "12:30", "1.2.3", "1,23,4", "2024-05-01", "0.17 Dividend", "2:1 Splits", "[1]"]
)
def test_what_is_no_number_like_the_others_is_unreadable(cell: str) -> None:
    found = parsed(["95.12", cell, "96.25", "97.5"])
    assert np.flatnonzero(found.unreadable).tolist() == [1]
    assert "row 3: Close" in found.refused().message


def test_amounts_of_two_currencies_are_no_column() -> None:
    assert parsed(["100.00 USD", "90.00 EUR", "101.00 USD"]).lost == 1
    assert parsed(["$100.00", "€90.00", "$101.00"]).lost == 1


def test_a_mark_that_some_cells_have_is_no_part_of_a_number() -> None:
    assert parsed(["100.00", "101.00*", "102.00"]).lost == 1


def test_a_column_without_numbers_is_called_so() -> None:
    error = parsed(["dear", "cheap", "95"]).refused()
    assert "as in 2 of 3 rows" in error.message
    assert "--close-column" in error.hint


@pytest.mark.parametrize("others", [["0,31%", "-0,5%"], ["1,5", "2"], ["1.234.567"], ["0,125"], ["▼0,31%"]])
def test_another_column_shows_a_decimal_comma(others: list[str]) -> None:
    assert parsed(["141,514", "141,144"], others).values.tolist() == [141.514, 141.144]
    assert parsed(["39.100", "39.250"], others).values.tolist() == [39_100, 39_250]


@pytest.mark.parametrize("others", [["0.31%", "-0.5%"], ["1.5", "2"], ["1,234,567"], ["0.125"], ["15,21,291"]])
def test_another_column_shows_a_decimal_point(others: list[str]) -> None:
    assert parsed(["141,514", "141,144"], others).values.tolist() == [141_514, 141_144]
    assert parsed(["39.100", "39.250"], others).values.tolist() == [39.1, 39.25]


def test_the_prices_know_better_than_other_columns() -> None:
    assert parsed(["1.141,51", "141,144"], ["0.31%", "0.5%"]).values.tolist() == [1141.51, 141.144]


@pytest.mark.parametrize(
    ("cells", "known"), [(["141,514", "141,144"], {}), (["39.100", "39.250"], {"semicolons": True})]
)
def test_where_nothing_shows_the_decimal_sign_it_is_asked(cells: list[str], known: dict[str, bool]) -> None:
    with pytest.raises(DataError, match=r"row 2: Close '.*' reads both as [\d.]+ and as [\d.]+, ") as error:
        parsed(cells, ["12", "-3"], **known)
    assert "--decimal comma" in error.value.hint
    assert "--decimal point" in error.value.hint
    whole = [float(cell.replace(",", "").replace(".", "")) for cell in cells]
    comma = parsed(cells, decimal="comma", **known).values
    point = parsed(cells, decimal="point", **known).values
    assert sorted([comma[0], point[0]]) == [whole[0] / 1000, whole[0]]


def test_three_digits_after_a_point_alone_are_decimals() -> None:
    assert parsed(["141.514", "141.144"]).values.tolist() == [141.514, 141.144]


def test_semicolons_show_a_decimal_comma() -> None:
    assert parsed(["141,514", "141,144"], semicolons=True).values.tolist() == [141.514, 141.144]


@pytest.mark.parametrize("cells", [["₩71,500", "₩998"], ["2,477 JPY", "2,455 JPY"], ["94.150 ₫", "94.200 ₫"]])
def test_a_currency_without_parts_shows_thousands(cells: list[str]) -> None:
    assert (parsed(cells).values > 900).all()


def test_a_wrong_answer_is_refused_as_one() -> None:
    with pytest.raises(DataError, match=r"Close '95\.12' has no decimal comma") as error:
        parsed(["95.12", "96.25"], decimal="comma")
    assert error.value.hint == "Leave --decimal comma out."


def test_splits_may_be_ratios() -> None:
    assert ratios(parsed(["1", "2:1", "3 for 2", "1/10"])).values.tolist() == [1, 2, 1.5, 0.1]
    assert ratios(parsed(["1", "2:0", "1"])).lost == 1


# Any positive numbers, in any form.

UNITS = (
    "{}",
    "${}",
    "€ {}",
    "{} €",
    "{} USD",
    "USD {}",
    "R$ {}",
    "{} kr",
    "Rs. {}",
    "{} zł",
    "{}元",
    "{}p",
    "{} GBX",
    "{}*",
)
Form = Callable[[float], str]


def _indian(whole: str) -> str:
    head, tail = whole[:-3], whole[-3:]
    groups = [head[max(0, end - 2) : end] for end in range(len(head), 0, -2)][::-1]
    return ",".join([*groups, tail])


def _groups(whole: str, mark: str) -> str:
    return f"{int(whole):,}".replace(",", mark)


@st.composite
def columns(draw: st.DrawFn) -> tuple[list[str], list[str], list[float]]:
    """Cells, those of a column of changes beside them, and what they stand for."""
    decimals = draw(st.integers(0, 4))
    point, grouping = draw(st.sampled_from([(".", ","), (".", "'"), (".", " "), (",", "."), (",", "\u202f"), (",", ""), (".", ""), (".", "Indian")]))  # fmt: skip # noqa: E501
    unit = draw(st.sampled_from(UNITS))
    most = draw(st.sampled_from([900, 10**4, 10**8]))
    values = draw(st.lists(st.integers(1, most * 10**decimals), min_size=3, max_size=20))

    def written(value: int, decimals: int = decimals) -> str:
        digits = str(value).rjust(decimals + 1, "0")
        whole, parts = (digits[:-decimals], digits[-decimals:]) if decimals else (digits, "")
        grouped = _indian(whole) if grouping == "Indian" else _groups(whole, grouping)
        return f"{grouped}{point}{parts}" if parts else grouped

    cells = [unit.format(written(value)) for value in values]
    changes = [f"{written(value % 1000 + 1, 2)}%" for value in values] if draw(st.booleans()) else []
    return cells, changes, [value / 10**decimals for value in values]


@given(columns())
def test_any_positive_numbers_come_back_or_are_asked_for(drawn: tuple[list[str], list[str], list[float]]) -> None:
    cells, changes, values = drawn

    def reads(**known: str) -> bool:
        found = parsed(cells, *([changes] if changes else []), **known)
        return not found.lost and np.allclose(found.values, values, rtol=1e-12)

    try:
        assert reads() or _has_points_alone(cells, changes)
    except DataError as error:
        hint = error.hint
    else:
        return
    assert "--decimal comma" in hint
    assert not changes
    assert reads(decimal="comma") or reads(decimal="point")


def _has_points_alone(cells: list[str], changes: list[str]) -> bool:
    """Whether all that is there is 39.100, which is a number of three decimals."""
    return not changes and not any("," in cell for cell in cells)


# As files.


def _file(folder: Path, text: str, options: ReadOptions = ReadOptions()) -> list[float]:  # noqa: B008
    path = folder / "XYZ.csv"
    path.write_text(text)
    return read(str(path), options).close.tolist()


def test_the_option_answers_what_a_file_asks(tmp_path: Path) -> None:
    text = 'Date,Close\n2024-05-23,"141,514"\n2024-05-24,"141,144"\n'
    with pytest.raises(DataError, match=r"reads both as 141514 and as 141\.514"):
        _file(tmp_path, text)
    assert _file(tmp_path, text, ReadOptions(decimal="comma")) == [141.514, 141.144]
    assert _file(tmp_path, text, ReadOptions(decimal="point")) == [141_514, 141_144]


def test_a_volume_that_cannot_be_read_costs_the_volume(tmp_path: Path) -> None:
    path = tmp_path / "XYZ.csv"
    path.write_text("Date,Close,Volume\n2024-05-22,95.1,many\n2024-05-23,95.2,few\n2024-05-24,95.3,5\n")
    history = read(str(path))
    assert history.volume is None
    assert "The volume is left out: row 2: Volume 'many' is not a number, as in 2 of 3 rows." in history.notes


def test_a_range_that_cannot_be_read_costs_the_range(tmp_path: Path) -> None:
    path = tmp_path / "XYZ.csv"
    path.write_text("Date,Open,Close\n2024-05-22,25 1/2,95.1\n2024-05-23,25 3/4,95.2\n2024-05-24,26 1/8,95.3\n")
    history = read(str(path))
    assert history.open is None
    assert history.close.tolist() == [95.1, 95.2, 95.3]


def test_one_bad_cell_of_many_is_refused_or_missing(tmp_path: Path) -> None:
    days = np.busday_offset(np.datetime64("2024-01-02"), np.arange(40), roll="forward")
    rows = [[str(day), "95.1", "95.2", "1000"] for day in days]
    rows[7][3] = "lots"
    path = tmp_path / "XYZ.csv"
    path.write_text("\n".join(["Date,Open,Close,Volume", *map(",".join, rows)]) + "\n")
    history = read(str(path))
    assert history.volume is not None
    assert np.flatnonzero(np.isnan(history.volume)).tolist() == [7]
    assert "The volume is left out there: row 9: Volume 'lots' is not a number." in history.notes
    rows[7][1] = "x95.1"
    path.write_text("\n".join(["Date,Open,Close,Volume", *map(",".join, rows)]) + "\n")
    with pytest.raises(DataError, match=r"row 9: Open 'x95\.1' is not a number"):
        read(str(path))


def test_the_option_is_one_of_two_words() -> None:
    with pytest.raises(ConfigError, match="unknown decimal 'dot'"):
        ReadOptions(decimal="dot")
