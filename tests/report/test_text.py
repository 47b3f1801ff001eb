"""The page: which columns fit, how sentences break, what reaches a terminal, and drawings of characters."""

from __future__ import annotations

import re
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from stockcast.report.tables import Column, Table
from stockcast.report.text import Block, Heading, Line, Page, heights, newest, render, sparkline

Row = tuple[str, ...]


def column(title: str, place: int, rank: int = 0, words: bool = False) -> Column[Row]:
    return Column(title, lambda row: row[place], rank=rank, align="words" if words else "right")


NAMES = (column("name", 0, words=True),)
TABLE = Table(
    (*NAMES, column("dull", 1, rank=2), column("duller", 2, rank=3), column("price", 3)),
    (("AAPL", "1", "2", "122.15"), ("^GSPC", "10", "20", "4,012.34")),
)


def lines(*blocks: Block, page: Page) -> list[str]:
    return render(blocks, page).splitlines()


def test_all_columns_are_shown_where_there_is_room() -> None:
    assert lines(TABLE, page=Page(80))[0].split() == ["name", "dull", "duller", "price"]


@pytest.mark.parametrize(("width", "shown"), [(24, ["name", "dull", "price"]), (16, ["name", "price"])])
def test_the_column_of_the_highest_rank_goes_first(width: int, shown: list[str]) -> None:
    drawn = lines(TABLE, page=Page(width))
    assert drawn[0].split() == shown
    assert max(map(cell_len, drawn)) <= width
    assert "4,012.34" in drawn[-1]


@given(
    st.lists(st.tuples(st.text("abc ", min_size=1, max_size=9), st.integers(0, 3)), min_size=1, max_size=8),
    st.lists(st.text("123.,", max_size=12), min_size=8, max_size=8),
    st.integers(20, 90),
    st.booleans(),
)
def test_columns_are_aligned_and_fit_where_those_that_stay_do(
    titles: list[tuple[str, int]], cells: list[str], width: int, unicode: bool
) -> None:
    columns = tuple(column(title, place, rank) for place, (title, rank) in enumerate(titles))
    head, *body = render([Table(columns, (tuple(cells), ("0",) * 8))], Page(width, unicode=unicode)).split("\n")[:-1]
    needed = [max(len(column.title), len(cells[place]), 1) for place, column in enumerate(columns) if not column.rank]
    if sum(needed) + len(needed) - 1 > width:
        return
    assert max(map(len, (head, *body))) <= width
    if not unicode:
        bars = [at for at, sign in enumerate(head) if sign == "|"]
        assert [at for at, sign in enumerate(body[-1]) if sign == "|"] == bars


def test_a_heading_of_two_lines_takes_the_room_of_the_longer_one() -> None:
    broken = Table((*NAMES, column("90 %\ncoverage", 1)), (("AAPL", "90.5 %"),))
    first, second, _, row = lines(broken, page=Page(14))
    assert (first.split(), second.split()) == (["90", "%"], ["name", "coverage"])
    assert len(second) == len(row) == 13


def test_an_arrow_leads_to_the_rows_that_are_pointed_at() -> None:
    pointed = Table(NAMES, (("lstm",), ("har-t",)), pointed=frozenset({0}))
    assert lines(pointed, page=Page())[2:] == ["> lstm", "  har-t"]


def test_of_too_many_rows_the_first_and_the_last_are_shown() -> None:
    many = Table((*NAMES, column("n", 1)), tuple((f"T{k}", str(k)) for k in range(9)), most=4)
    assert [line.split() for line in lines(many, page=Page())[2:]] == [
        ["T0", "0"], ["T1", "1"], ["...", "5", "more"], ["T7", "7"], ["T8", "8"],
    ]  # fmt: skip


def test_a_sentence_does_not_break_between_a_figure_and_its_unit() -> None:
    for width in range(20, 40):
        wrapped = lines("Better than the strongest by 0.4 % (p = 0.02) on most days.", page=Page(width))
        assert max(map(len, wrapped)) <= width
        assert any("0.4 %" in line for line in wrapped)
        assert any("(p = 0.02)" in line for line in wrapped)


def test_a_path_longer_than_the_page_stays_in_one_piece() -> None:
    path = "/a/very/long/path/to/some/model"
    assert path in lines(f"saved in {path}", page=Page(20))


def test_brackets_are_text_and_not_markup() -> None:
    assert lines(Heading("[bold]x[/bold]"), "[red]y :smile:", page=Page()) == ["[bold]x[/bold]", "[red]y :smile:"]


def test_colour_is_used_only_where_the_page_has_it() -> None:
    chosen = Table(NAMES, (("AAPL",),), chosen=0)
    assert "\x1b[" not in render([chosen], Page())
    assert "\x1b[1;32mAAPL" in render([chosen], Page(colour=True))


def test_a_page_without_lines_is_drawn_in_ascii() -> None:
    assert render([TABLE], Page(unicode=False)).isascii()


def test_markup_in_a_name_is_shown_as_it_is() -> None:
    page, name = Page(120, colour=True), "[red]x[/] [link=http://a.b]y[/link] :smile: [/]"
    blocks: list[Block] = [Heading(name), name, Line(name), Table(NAMES, ((name,),))]
    for block in blocks:
        assert name in render([block], page)


@given(st.text(), st.booleans())
def test_nothing_but_rich_itself_talks_to_the_terminal(words: str, colour: bool) -> None:
    table = Table((*NAMES, column("price", 1)), ((words, "1"),))
    text = render([Heading(words), words, Line(words), table], Page(60, colour))
    plain = re.sub("\x1b\\[(?:0|1|1;32)?m", "", text) if colour else text
    assert not {sign for sign in plain if category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp")} - {"\n"}


# Drawings of characters: several lines on one scale, and the newest of many values.

PAGE, PLAIN = Page(), Page(unicode=False)
LADDER = "▁▂▃▄▅▆▇█"
PRICES = st.lists(st.floats(0.01, 1e6), min_size=1, max_size=60)


def test_heights_go_from_the_bottom_to_the_top_of_the_scale() -> None:
    assert heights(range(8), 0, 7, PAGE) == LADDER
    assert heights(range(8), 0, 7, PLAIN) == "_.-~=+*#"
    assert heights([7, 14], 0, 14, PAGE) == "▅█"


def test_a_scale_without_height_is_drawn_at_the_bottom() -> None:
    assert heights([5.0, 5.0], 5.0, 5.0, PAGE) == "▁▁"
    assert heights([], 0.0, 0.0, PAGE) == ""


@given(PRICES)
def test_a_higher_value_is_never_drawn_lower(values: list[float]) -> None:
    ordered = sorted(values)
    drawn = [LADDER.index(sign) for sign in heights(ordered, ordered[0], ordered[-1], PAGE)]
    assert drawn == sorted(drawn)
    assert drawn[0] == 0
    assert drawn[-1] == (7 if ordered[-1] > ordered[0] else 0)


@given(PRICES, st.integers(1, 60))
def test_the_newest_value_is_among_those_that_are_drawn(values: list[float], most: int) -> None:
    kept = newest(values, most)
    assert len(kept) == min(most, len(values))
    assert kept[-1] == values[-1]
    rest = iter(values)
    assert all(value in rest for value in kept)


@pytest.mark.parametrize(("most", "kept"), [(6, [4, 9, 14, 19, 24, 29]), (29, [*range(28), 29]), (30, [*range(30)])])
def test_of_too_many_values_the_last_of_each_run_is_kept(most: int, kept: list[int]) -> None:
    assert newest(range(30), most)[-1] == 29
    assert newest(range(30), most) == kept


def test_a_sparkline_is_drawn_on_its_own_scale() -> None:
    assert sparkline([3.0, 10.0], PAGE, 10) == heights([3.0, 10.0], 3.0, 10.0, PAGE) == "▁█"
