"""Skill tables: every figure in three formats, nothing that LaTeX or Markdown would read as a command."""

from __future__ import annotations

import csv
import re
from dataclasses import fields, replace
from io import StringIO
from math import isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockcast.errors import ConfigError
from stockcast.report.papers import TABLE_SUFFIXES, require_suffix, skill_table_text
from stockcast.results import SkillRow, SkillTable
from stockcast.text import printable
from tests.report.skills import ALONE, GRU, HAR, LSTM, TABLE, WITHOUT_GARCH


def joined(text: str) -> str:
    return " ".join(text.split())


def markdown(table: SkillTable) -> dict[str, dict[str, str]]:
    """Figures by competitor and heading, as a reader of pipe tables finds them; bars behind a backslash are text."""
    lines = [line for line in skill_table_text(table, ".md").splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    assert {len(row) for row in cells} == {len(cells[0])}
    assert set(cells[1]) == {"---", "---:"}
    return {row[0]: dict(zip(cells[0], row, strict=True)) for row in cells[2:]}


def latex(table: SkillTable) -> tuple[list[str], dict[str, list[str]]]:
    """The upper storey of the heading with each cell as often as it is wide, and the cells of each row."""
    text = skill_table_text(table, ".tex")
    lines = [line for line in text.splitlines() if line.endswith(r" \\")]
    split = [[cell.strip() for cell in re.split(r"(?<!\\)&", line.removesuffix(r" \\"))] for line in lines]
    above: list[str] = []
    for cell in split[0]:
        spread = re.fullmatch(r"\\multicolumn\{(\d)\}\{c\}\{(.*)\}", cell)
        above += [spread[2]] * int(spread[1]) if spread else [cell]
    columns = re.search(r"\\begin\{tabular\}\{(l(r+))\}", text)
    assert columns
    assert {len(columns[1]), len(above)} == {len(row) for row in split[1:]}
    return above, {row[0]: row for row in split[1:]}


def rows_of_csv(table: SkillTable) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(skill_table_text(table, ".csv"), newline="")))


def test_markdown_has_a_row_for_each_competitor_in_the_tables_order() -> None:
    found = markdown(TABLE)
    assert list(found) == ["lstm", "har-t", "garch-t", "random-walk"]
    assert found["har-t"]["gain vs GARCH-t"] == "+0.64 %"
    assert found["har-t"]["better than GARCH-t on"] == "2 of 2"


def test_what_is_undefined_is_a_dash_in_markdown() -> None:
    found = markdown(TABLE)
    assert (found["random-walk"]["log score, less GARCH-t's"], found["random-walk"]["p"]) == ("-", "-")
    assert (found["lstm"]["lstm better by"], found["lstm"]["p"]) == ("-", "-")


def test_latex_is_a_booktabs_table_with_a_caption_and_a_heading_of_two_storeys() -> None:
    text = skill_table_text(TABLE, ".tex")
    assert text.startswith("% needs \\usepackage{booktabs}\n")
    order = [r"\begin{table*}", r"\caption{", r"\label{", r"\begin{tabular}", r"\toprule", r"\cmidrule", r"\midrule"]
    order += [r"\bottomrule", r"\end{tabular}", r"\end{table*}"]
    assert [text.index(word) for word in order] == sorted(text.index(word) for word in order)
    above, rows = latex(TABLE)
    assert above[2:4] == [r"Gain vs, \%"] * 2
    assert above[-2:] == ["lstm better"] * 2
    assert rows["Competitor"][1:4] == ["CRPS", "GARCH-t", "HAR-t"]
    rules = [tuple(map(int, found)) for found in re.findall(r"\\cmidrule\(lr\)\{(\d+)-(\d+)\}", text)]
    assert rules == [(3, 4), (5, 6), (7, 8), (9, 10), (11, 12)]


def test_latex_figures_have_a_proper_minus_and_no_unit() -> None:
    rows = latex(TABLE)[1]
    assert rows["lstm"][1:7] == ["96.83", "$+0.88$", "$+0.24$", "$+0.025$", "$+4.0$", "50.4"]
    assert rows["random-walk"][2] == "$-2.76$"
    assert rows["random-walk"][4] == "--"
    assert rows["har-t"][-1] == "$<0.001$"
    assert rows["garch-t"][-1] == "0.031"


@pytest.mark.parametrize("suffix", [".md", ".tex"])
def test_the_caption_says_what_of_when_and_how(suffix: str) -> None:
    text = joined(skill_table_text(TABLE, suffix)).replace("\\textasciicircum{}", "^").replace("\\^", "^")
    for words in (
        "next session's log return over 2 tickers (AAPL, ^GSPC), 2016-01-04 to 2021-04-21.",
        "Each competitor made 2,668 forecasts, walking forward in 6 folds",
        "fitted again, ticker by ticker, to what lies before it.",
        "CRPS: of log returns, in basis points; lower is better.",
        "Gain vs another: by how much the CRPS is lower.",
        "Log score: mean log density at the outcome, less that of GARCH-t, in nats; higher is better.",
        "interval is lower than that of GARCH-t.",
        "share of all outcomes within these central intervals.",
        "tickers on which the CRPS is lower.",
        "lstm better by: its gain over that competitor.",
        "one-sided Diebold-Mariano test",
        "gains and scores are means over tickers.",
        "): lstm.",
    ):
        assert words in text
    assert text.count("Gain vs another:") == 1
    assert "Left out" not in text


def test_the_caption_of_other_tables_says_what_is_other() -> None:
    several = replace(
        TABLE,
        tickers=tuple(f"T{k}" for k in range(13)),
        folds=(5, 6),
        n=1,
        rows=(LSTM, GRU, HAR),
        confidence_set={},
        left_out=("ar1", "drift"),
    )
    text = joined(skill_table_text(several, ".md"))
    assert "over 13 tickers, 2016" in text
    assert "made 1 forecast, walking forward in 5 to 6 folds" in text
    assert "lstm (of lstm, gru, chosen on the validation parts of the first folds) better by" in text
    assert "Left out, since not every ticker has them: ar1, drift." in text
    assert "Cannot be told" not in text
    twelve = replace(several, tickers=several.tickers[:12])
    assert "over 12 tickers (T0, T1," in joined(skill_table_text(twelve, ".md"))


def test_one_ticker_has_no_counts_and_no_means_over_tickers() -> None:
    text = joined(skill_table_text(ALONE, ".md"))
    assert "over 1 ticker (AAPL)" in text
    assert "means over tickers" not in text
    assert not any(heading.startswith("better than") for heading in markdown(ALONE)["lstm"])
    assert "Better" not in " ".join(latex(ALONE)[0])


def test_without_garch_the_columns_name_the_reference_that_stands_for_it() -> None:
    headings = list(markdown(WITHOUT_GARCH)["lstm"])
    assert headings[2:6] == [
        "gain vs EWMA-t", "gain vs HAR-t", "log score, less EWMA-t's", "interval score 90, gain vs EWMA-t",
    ]  # fmt: skip
    assert "GARCH" not in " ".join(headings)
    assert latex(WITHOUT_GARCH)[1]["Competitor"][2:4] == ["EWMA-t", "HAR-t"]
    assert "less that of EWMA-t" in joined(skill_table_text(WITHOUT_GARCH, ".tex"))


def test_har_as_the_reference_is_one_column() -> None:
    rows = tuple(replace(row, reference_gain=row.har_gain) for row in WITHOUT_GARCH.rows)
    headings = list(markdown(replace(WITHOUT_GARCH, reference="har-t", rows=rows))["lstm"])
    assert [heading for heading in headings if heading.startswith("gain vs")] == ["gain vs HAR-t"]


def test_a_column_without_a_figure_is_left_out_with_its_words() -> None:
    quantiles = replace(TABLE, rows=tuple(replace(row, log_score_gain=None, network_p=None) for row in TABLE.rows))
    assert {"p", "log score, less GARCH-t's"}.isdisjoint(markdown(quantiles)["lstm"])
    text = skill_table_text(quantiles, ".tex")
    assert "Log score" not in text
    assert "Diebold" not in text
    latex(quantiles)


def test_csv_carries_every_figure_in_full_under_the_names_of_the_fields() -> None:
    rows = rows_of_csv(TABLE)
    names = [field.name for field in fields(SkillRow)]
    assert list(rows[0])[: len(names)] == names
    for row, read in zip(TABLE.rows, rows, strict=True):
        for name in names:
            value = getattr(row, name)
            if value is None or (isinstance(value, float) and isnan(value)):
                assert read[name] == ""
            else:
                assert type(value)(read[name]) == value
    assert {key: rows[1][key] for key in ("tickers", "first", "last", "n", "network", "reference")} == {
        "tickers": "2", "first": "2016-01-04", "last": "2021-04-21", "n": "2668", "network": "lstm",
        "reference": "garch-t",
    }  # fmt: skip
    assert [row["confidence_set_p"] for row in rows] == ["1.0", "", "", ""]
    assert skill_table_text(TABLE, ".csv").count("\r\n") == len(TABLE.rows) + 1


@pytest.mark.parametrize("table", [TABLE, ALONE, WITHOUT_GARCH])
def test_documents_are_ascii_and_end_with_a_line_feed(table: SkillTable) -> None:
    for suffix in (".md", ".tex"):
        text = skill_table_text(table, suffix)
        assert text.isascii()
        assert re.search(r"[^\n]\n\Z", text)
    assert max(map(len, skill_table_text(table, ".tex").split("\\label")[0].splitlines())) <= 120


def test_names_that_latex_would_obey_are_escaped() -> None:
    odd = replace(TABLE, tickers=("A&B", "C_D", "50%", "#1", "{x}", "$", "a\\b", "~", "<", ">", "|", '"'))
    text = skill_table_text(odd, ".tex")
    expected = (
        r"(A\&B, C\_D, 50\%, \#1, \{x\}, \$, a\textbackslash{}b, \textasciitilde{}, \textless{}, \textgreater{}, "
        r"\textbar{}, '')"
    )
    assert expected in joined(text)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), min_size=1, max_size=12))
def test_no_ticker_breaks_a_latex_caption(names: list[str]) -> None:
    text = skill_table_text(replace(TABLE, tickers=tuple(names)), ".tex")
    caption = text[text.index(r"\caption{") : text.index("\\label")]
    unescaped = re.sub(r"\\[&%$#_{}]", "", caption)
    assert not re.search(r"[&%$#_~^]", unescaped)
    assert unescaped.count("{") == unescaped.count("}")
    assert set(re.findall(r"\\([a-z]+|.)", unescaped)) <= {
        "caption", "textbackslash", "textasciitilde", "textasciicircum", "textless", "textgreater", "textbar", ",",
    }  # fmt: skip
    assert len(text.splitlines()) < 60


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), min_size=2, max_size=12))
def test_no_ticker_breaks_a_markdown_caption(names: list[str]) -> None:
    text = skill_table_text(replace(TABLE, tickers=tuple(names)), ".md")
    caption = text[text.index("Table: ") :]
    assert not re.search(r"(?<!\\)[|*_`\[\]<>]", re.sub(r"\\\\", "", caption))
    assert caption.count("\n") == len(caption.splitlines()) == 1
    told = printable(joined(f"over {len(names)} tickers ({', '.join(names)}), 2016"))
    assert told in re.sub(r"\\(.)", r"\1", caption)


def test_a_bar_in_a_competitors_name_does_not_end_its_cell() -> None:
    odd = replace(TABLE, rows=(replace(LSTM, model="a|b&c"), HAR))
    assert r"a\|b\&c" in markdown(odd)
    assert r"a\textbar{}b\&c" in latex(odd)[1]


@pytest.mark.parametrize("name", ["skill.txt", "skill", "md", "skill.MD", ""])
def test_another_suffix_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(ConfigError, match="names no format") as caught:
        require_suffix(name)
    assert all(suffix in caught.value.hint for suffix in TABLE_SUFFIXES)
    with pytest.raises(ConfigError):
        skill_table_text(TABLE, name)


@pytest.mark.parametrize("suffix", TABLE_SUFFIXES)
def test_the_suffix_of_a_file_is_found(suffix: str) -> None:
    assert require_suffix(f"skill.2021{suffix}") == suffix
