from __future__ import annotations

import re
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from stockcast.report.page import Column, Page, heading, paragraph, render, table

COLUMNS = (Column("name", right=False), Column("dull", rank=2), Column("duller", rank=3), Column("price"))
ROWS = [["AAPL", "1", "2", "122.15"], ["^GSPC", "10", "20", "4,012.34"]]


def lines(*items: object, page: Page) -> list[str]:
    return render(items, page).splitlines()  # type: ignore[arg-type]


def test_all_columns_are_shown_where_there_is_room() -> None:
    header = lines(table(COLUMNS, ROWS, Page(80)), page=Page(80))[0]
    assert header.split() == ["name", "dull", "duller", "price"]


@pytest.mark.parametrize(("width", "shown"), [(24, ["name", "dull", "price"]), (16, ["name", "price"])])
def test_the_column_of_the_highest_rank_goes_first(width: int, shown: list[str]) -> None:
    drawn = lines(table(COLUMNS, ROWS, Page(width)), page=Page(width))
    assert drawn[0].split() == shown
    assert max(map(cell_len, drawn)) <= width
    assert "4,012.34" in drawn[-1]


def test_a_sentence_does_not_break_between_a_figure_and_its_unit() -> None:
    for width in range(20, 40):
        page = Page(width)
        wrapped = lines(paragraph("Better than the strongest by 0.4 % (p = 0.02) on most days.", page), page=page)
        assert max(map(len, wrapped)) <= width
        assert any("0.4 %" in line for line in wrapped)
        assert any("(p = 0.02)" in line for line in wrapped)


def test_a_path_longer_than_the_page_stays_in_one_piece() -> None:
    page = Page(20)
    path = "/a/very/long/path/to/some/model"
    assert path in lines(paragraph(f"saved in {path}", page), page=page)


def test_brackets_are_text_and_not_markup() -> None:
    assert lines(heading("[bold]x[/bold]"), paragraph("[red]y :smile:", Page()), page=Page()) == [
        "[bold]x[/bold]",
        "[red]y :smile:",
    ]


def test_colour_is_used_only_where_the_page_has_it() -> None:
    assert "\x1b[" not in render([table(COLUMNS, ROWS, Page(), marked=0)], Page())
    assert "\x1b[" in render([table(COLUMNS, ROWS, Page(colour=True), marked=0)], Page(colour=True))


def test_a_page_without_lines_is_drawn_in_ascii() -> None:
    assert render([table(COLUMNS, ROWS, Page(unicode=False))], Page(unicode=False)).isascii()


def test_markup_in_a_name_is_shown_as_it_is() -> None:
    page, name = Page(120, colour=True), "[red]x[/] [link=http://a.b]y[/link] :smile: [/]"
    for item in (heading(name), paragraph(name, page), table((Column("name", right=False),), [[name]], page), name):
        assert name in render([item], page)


@given(st.text(), st.booleans())
def test_nothing_but_rich_itself_talks_to_the_terminal(words: str, colour: bool) -> None:
    page = Page(60, colour)
    drawn = table((Column("name", right=False), Column("price")), [[words, "1"]], page)
    text = render([heading(words), paragraph(words, page), drawn, words], page)
    plain = re.sub("\x1b\\[(?:0|1|1;32)?m", "", text) if colour else text
    assert not {sign for sign in plain if category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp")} - {"\n"}
