from __future__ import annotations

import pytest
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
