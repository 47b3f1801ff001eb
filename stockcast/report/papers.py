"""The skill table as text to paste into a paper: Markdown, LaTeX (booktabs) or CSV."""

from __future__ import annotations

from itertools import groupby
from math import isfinite
from textwrap import fill
from typing import TYPE_CHECKING, Any

from stockcast.errors import ConfigError
from stockcast.evaluation.verdict import display
from stockcast.report.backtest import best_words, versus
from stockcast.report.data import plain
from stockcast.report.tables import UNKNOWN, Column, Table, count, number_2, p_value, percent
from stockcast.text import csv_table, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from stockcast.results import SkillRow, SkillTable

TABLE_SUFFIXES = (".md", ".tex", ".csv")
"""Formats of a skill table, each named by the suffix of its file."""

_NAMED = 12  # tickers: of more, only their number is told
_WIDTH = 120
_MARKDOWN = {character: f"\\{character}" for character in "\\`*_{}[]<>|~^$#&"}
_LATEX = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
}


def require_suffix(name: str) -> str:
    """The suffix of a file's name.

    Raises:
        ConfigError: Where it names no format of a table.
    """
    found = next((suffix for suffix in TABLE_SUFFIXES if name.endswith(suffix)), None)
    if found is None:
        raise ConfigError(f"{name}: the suffix names no format of a table", f"end it in {', '.join(TABLE_SUFFIXES)}")
    return found


def skill_table_text(skill: SkillTable, suffix: str) -> str:
    """The table in the format of a suffix: .md or .tex with a caption, .csv with every figure in full.

    CSV has no caption, over which its readers would stumble: columns are named as the fields of `SkillRow`, followed by
    what is true of the whole table; rows end with CR LF. LaTeX needs the package booktabs. Columns without a figure are
    left out of Markdown and LaTeX.

    Raises:
        ConfigError: For another suffix.
    """
    if require_suffix(suffix) == ".csv":
        return _csv(skill)
    table = _paper_table(skill)
    return _markdown(table) if suffix == ".md" else _latex(table)


# What.


def _paper_table(skill: SkillTable) -> Table[SkillRow]:
    """All columns with a figure, after the names of the competitors; its title is the caption."""
    says = "CRPS: of log returns, in basis points; lower is better."
    crps: Column[SkillRow] = Column("CRPS, bp", lambda row: row.crps_bp, number_2, says, short="CRPS")
    columns = [crps, *_gains(skill), *_scores(skill), *_coverages(), *_counts(skill), *_network(skill)]
    known = [column for column in columns if any(column.cell(row) != UNKNOWN for row in skill.rows)]
    names: Column[SkillRow] = Column("competitor", lambda row: row.model, short="Competitor")
    return Table((names, *known), skill.rows, _caption(skill, dict.fromkeys(column.note for column in known)))


def _points(digits: int, signed: bool = False) -> Callable[[float], str]:
    """Shares as per cent, without the sign that says so."""
    return lambda share: percent(share, digits, signed).removesuffix(" %")


def _gains(skill: SkillTable) -> list[Column[SkillRow]]:
    gains: dict[str, Callable[[SkillRow], float | None]] = {
        skill.reference: lambda row: row.reference_gain,
        "garch-t": lambda row: row.garch_gain,
        "har-t": lambda row: row.har_gain,
    }
    says = "Gain vs another: by how much the CRPS is lower."
    return [
        Column(
            f"gain {versus(name)}", value, _points(2, True), says, above="Gain vs, %", short=display(name), unit=" %"
        )
        for name, value in gains.items()
    ]


def _scores(skill: SkillTable) -> list[Column[SkillRow]]:
    name, above = display(skill.reference), "Gain in score"
    log = f"Log score: mean log density at the outcome, less that of {name}, in nats; higher is better."
    interval = f"Interval score: by how much that of the central 90 % interval is lower than that of {name}."
    return [
        Column(f"log score, less {name}'s", lambda row: row.log_score_gain, _nats, log, short="log", above=above),
        Column(
            f"interval score 90, gain vs {name}", lambda row: row.interval_score_gain, _points(1, True), interval,
            unit=" %", short="int., %", above=above,
        ),
    ]  # fmt: skip


def _nats(difference: float) -> str:
    return f"{difference:+.3f}" if isfinite(difference) else UNKNOWN


def _coverages() -> list[Column[SkillRow]]:
    note, of = "50 % and 90 % coverage: share of all outcomes within these central intervals.", "Coverage, %"
    return [
        Column("50 % coverage", lambda row: row.coverage_50, _points(1), note, unit=" %", short="50", above=of),
        Column("90 % coverage", lambda row: row.coverage_90, _points(2), note, unit=" %", short="90", above=of),
    ]


def _counts(skill: SkillTable) -> list[Column[SkillRow]]:
    """On how many tickers a competitor is better; a table of one ticker has no such columns."""
    n = len(skill.tickers)
    counts: dict[str, Callable[[SkillRow], int | None]] = {
        "garch-t": lambda row: row.better_than_garch,
        "har-t": lambda row: row.better_than_har,
    }
    says, of = "Better than another on: tickers on which the CRPS is lower.", f" of {n:,}"
    named = [(display(name), value) for name, value in counts.items() if n > 1]
    return [
        Column(f"better than {name} on", value, note=says, unit=of, short=name, above=f"Better,{of}")
        for name, value in named
    ]


def _network(skill: SkillTable) -> list[Column[SkillRow]]:
    cells = [row.model for row in skill.rows if row.kind == "network"]
    chosen = f" (of {', '.join(cells)}, chosen on the validation parts of the first folds)" if len(cells) > 1 else ""
    above = f"{skill.network} better"
    by = f"{skill.network}{chosen} better by: its gain over that competitor."
    test = (
        "p: one-sided Diebold-Mariano test of the mean CRPS over tickers by target session, with a Newey-West variance "
        "of 10 lags."
    )
    return [
        Column(
            f"{above} by", lambda row: row.network_gain, _points(2, True), by, unit=" %", short="by, %", above=above
        ),
        Column("p", lambda row: row.network_p, p_value, test, above=above),
    ]


def _caption(skill: SkillTable, notes: Iterable[str]) -> str:
    """What the table is of, how its figures came about, and what each column is."""
    named = f" ({', '.join(skill.tickers)})" if len(skill.tickers) <= _NAMED else ""
    tickers = count(len(skill.tickers), "ticker") + named
    fewest, most = skill.folds
    folds = count(most, "fold") if fewest == most else f"{fewest:,} to {count(most, 'fold')}"
    sentences = [
        f"Forecasts of the next session's log return over {tickers}, {skill.first} to {skill.last}.",
        (
            f"Each competitor made {count(skill.n, 'forecast')}, walking forward in {folds}: for each of them networks "
            "and baselines are fitted again, ticker by ticker, to what lies before it."
        ),
        *notes,
    ]
    if len(skill.tickers) > 1:
        sentences.append("CRPS, gains and scores are means over tickers.")
    if skill.confidence_set:
        sentences.append(best_words(skill.confidence_set))
    if skill.left_out:
        sentences.append(f"Left out, since not every ticker has them: {', '.join(skill.left_out)}.")
    return " ".join(sentences)


# How.


def _escaped(words: str, escapes: Mapping[str, str]) -> str:
    """Words that stand in a document as they are; a line feed in a ticker's name would end a row."""
    return "".join(escapes.get(character, character) for character in printable(" ".join(words.split())))


def _markdown(table: Table[Any]) -> str:
    names, *figures = table.columns
    lines = [[_escaped(column.title, _MARKDOWN) for column in table.columns]]
    lines += [
        [_escaped(names.cell(row), _MARKDOWN), *(_markdown_figure(column, row) for column in figures)]
        for row in table.rows
    ]
    heading, *body = (f"| {' | '.join(cells)} |" for cells in lines)
    rule = "|" + "|".join(["---", *("---:" for _ in figures)]) + "|"
    # In one line: a ticker such as "-" would make a list of a line that it began.
    return "\n".join([heading, rule, *body, "", f"Table: {_escaped(table.title, _MARKDOWN)}"]) + "\n"


def _markdown_figure(column: Column[Any], row: Any) -> str:
    figure = column.cell(row)
    return figure if figure == UNKNOWN else figure + column.unit


def _latex(table: Table[Any]) -> str:
    names, *figures = table.columns
    caption = _escaped(table.title, _LATEX).replace(r" \%", r"\,\%")
    lines = [
        r"\begin{table*}",
        r"\centering",
        fill(rf"\caption{{{caption}}}", _WIDTH, break_long_words=False, break_on_hyphens=False),
        r"\label{tab:skill}",
        r"\footnotesize",
        r"\setlength{\tabcolsep}{3pt}",
        r"\makebox[\textwidth]{%",  # in the middle, also where the table is wider than the text
        rf"\begin{{tabular}}{{l{'r' * len(figures)}}}",
        r"\toprule",
        *_upper_storey(figures),
        _latex_row([_escaped(column.short or column.title, _LATEX) for column in table.columns]),
        r"\midrule",
        *(
            _latex_row([_escaped(names.cell(row), _LATEX), *(_latex_figure(column.cell(row)) for column in figures)])
            for row in table.rows
        ),
        r"\bottomrule",
        r"\end{tabular}}",
        r"\end{table*}",
    ]
    return "% needs \\usepackage{booktabs}\n" + "\n".join(lines) + "\n"


def _upper_storey(columns: Sequence[Column[Any]]) -> tuple[str, str]:
    """The upper line of the heading, and the rules below what it says of several columns."""
    cells, rules, at = [""], [], 2
    for words, group in groupby(columns, key=lambda column: column.above):
        width = len(list(group))
        cells.append(rf"\multicolumn{{{width}}}{{c}}{{{_escaped(words, _LATEX)}}}" if words else "")
        if words:
            rules.append(rf"\cmidrule(lr){{{at}-{at + width - 1}}}")
        at += width
    return _latex_row(cells), " ".join(rules)


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _latex_figure(figure: str) -> str:
    """A figure with a proper minus; a hyphen would stand for it otherwise."""
    if figure == UNKNOWN:
        return "--"
    return f"${figure}$" if figure[0] in "+-<" else figure


def _csv(skill: SkillTable) -> str:
    whole = {
        "tickers": len(skill.tickers),
        "first": skill.first,
        "last": skill.last,
        "n": skill.n,
        "network": skill.network,
        "reference": skill.reference,
    }
    rows = [
        plain(row) | {"confidence_set_p": plain(skill.confidence_set.get(row.model))} | plain(whole)
        for row in skill.rows
    ]
    return csv_table(list(rows[0]), rows)
