"""The skill table as text to paste into a paper: Markdown, LaTeX (booktabs) or CSV."""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import groupby
from math import isfinite
from textwrap import fill
from typing import TYPE_CHECKING

from stockcast.errors import ConfigError
from stockcast.report.asjson import plain
from stockcast.report.figures import UNKNOWN, count, number, p_value, percent
from stockcast.results.flat import csv_table
from stockcast.results.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from stockcast.results.skilltable import SkillTable

SUFFIXES = (".md", ".tex", ".csv")
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
    """The suffix of a file's name. Raises ConfigError where it names no format of a table."""
    found = next((suffix for suffix in SUFFIXES if name.endswith(suffix)), None)
    if found is None:
        raise ConfigError(f"{name}: the suffix names no format of a table", f"end it in {', '.join(SUFFIXES)}")
    return found


def skill_table_text(table: SkillTable, suffix: str) -> str:
    """The table in the format of a suffix: .md or .tex with a caption, .csv with every figure in full.

    CSV has no caption, over which its readers would stumble: columns are named as the fields of `SkillRow`, followed by
    what is true of the whole table; rows end with CR LF. LaTeX needs the package booktabs. Columns without a figure are
    left out of Markdown and LaTeX. Raises ConfigError for another suffix.
    """
    written = {".md": _markdown, ".tex": _latex, ".csv": _csv}
    return written[require_suffix(suffix)](table)


@dataclass(frozen=True)
class _Column:
    """The figures of all rows. title: the heading in Markdown; above, below: the two storeys of the one in LaTeX.

    unit: behind every figure in Markdown, in the heading in LaTeX. says: a sentence for the caption, which neighbours
    may share.
    """

    title: str
    above: str
    below: str
    figures: tuple[str, ...]
    says: str
    unit: str = ""


def _columns(table: SkillTable) -> list[_Column]:
    """All columns with a figure; the names of the competitors are not among them."""
    crps = _Column(
        "CRPS, bp",
        "",
        "CRPS",
        tuple(number(row.crps_bp, 2) for row in table.rows),
        "CRPS: of log returns, in basis points; lower is better.",
    )
    found = [crps, *_gains(table), *_scores(table), *_coverages(table), *_counts(table), *_network(table)]
    return [column for column in found if any(figure != UNKNOWN for figure in column.figures)]


def _gains(table: SkillTable) -> list[_Column]:
    gains = {
        table.reference: [row.reference_gain for row in table.rows],
        "garch-t": [row.garch_gain for row in table.rows],
        "har-t": [row.har_gain for row in table.rows],
    }
    says = "Gain over another: by how much the CRPS is lower."
    return [
        _Column(f"gain over {name}", "Gain over, %", name, _percents(values, 2, signed=True), says, " %")
        for name, values in gains.items()
    ]


def _scores(table: SkillTable) -> list[_Column]:
    name = table.reference
    return [
        _Column(
            f"log score, less {name}'s",
            "Gain in score",
            "log",
            tuple(_signed(row.log_score_gain) for row in table.rows),
            f"Log score: mean log density at the outcome, less that of {name}, in nats; higher is better.",
        ),
        _Column(
            f"interval score 90, gain over {name}",
            "Gain in score",
            "int., %",
            _percents([row.interval_score_gain for row in table.rows], 1, signed=True),
            f"Interval score: by how much that of the central 90 % interval is lower than that of {name}.",
            " %",
        ),
    ]


def _coverages(table: SkillTable) -> list[_Column]:
    coverages = {
        "50": _percents([row.coverage_50 for row in table.rows], 1),
        "90": _percents([row.coverage_90 for row in table.rows], 2),
    }
    says = "In 50 % and in 90 %: share of all outcomes within these central intervals."
    return [_Column(f"in {level} %", "In, %", level, figures, says, " %") for level, figures in coverages.items()]


def _counts(table: SkillTable) -> list[_Column]:
    """On how many tickers a competitor is better; a table of one ticker has no such columns."""
    n = len(table.tickers)
    counts = {
        "garch-t": [row.better_than_garch for row in table.rows],
        "har-t": [row.better_than_har for row in table.rows],
    }
    return [
        _Column(
            f"better than {name} on",
            f"Better, of {n:,}",
            name,
            tuple(UNKNOWN if value is None else str(value) for value in values),
            "Better than another on: tickers on which the CRPS is lower.",
            f" of {n:,}",
        )
        for name, values in counts.items()
        if n > 1
    ]


def _network(table: SkillTable) -> list[_Column]:
    cells = [row.model for row in table.rows if row.kind == "network"]
    chosen = f" (of {', '.join(cells)}, chosen on the validation parts of the first folds)"
    return [
        _Column(
            f"{table.network} better by",
            f"{table.network} better",
            "by, %",
            _percents([row.network_gain for row in table.rows], 2, signed=True),
            f"{table.network}{chosen if len(cells) > 1 else ''} better by: its gain over that competitor.",
            " %",
        ),
        _Column(
            "p",
            f"{table.network} better",
            "p",
            tuple(p_value(row.network_p) for row in table.rows),
            "p: one-sided Diebold-Mariano test of the mean CRPS over tickers by target session, with a Newey-West "
            "variance of 10 lags.",
        ),
    ]


def _percents(shares: Iterable[float | None], digits: int, signed: bool = False) -> tuple[str, ...]:
    """Shares as per cent, without the sign that says so."""
    return tuple(percent(share, digits, signed).removesuffix(" %") for share in shares)


def _signed(nats: float | None) -> str:
    return UNKNOWN if nats is None or not isfinite(nats) else f"{nats:+.3f}"


def _caption(table: SkillTable, columns: Sequence[_Column]) -> str:
    """What the table is of, how its figures came about, and what each column is."""
    named = f" ({', '.join(table.tickers)})" if len(table.tickers) <= _NAMED else ""
    tickers = count(len(table.tickers), "ticker") + named
    fewest, most = table.folds
    folds = count(most, "fold") if fewest == most else f"{fewest:,} to {count(most, 'fold')}"
    sentences = [
        f"Forecasts of the next session's log return over {tickers}, {table.first} to {table.last}.",
        (
            f"Each competitor made {count(table.n, 'forecast')}, walking forward in {folds}: for each of them networks "
            "and baselines are fitted again, ticker by ticker, to what lies before it."
        ),
        *dict.fromkeys(column.says for column in columns),
    ]
    if len(table.tickers) > 1:
        sentences.append("CRPS, gains and scores are means over tickers.")
    if table.confidence_set:
        sentences.append(
            f"Cannot be told from the best (model confidence set, 90 %): {', '.join(table.confidence_set)}."
        )
    if table.left_out:
        sentences.append(f"Left out, since not every ticker has them: {', '.join(table.left_out)}.")
    return " ".join(sentences)


def _escaped(words: str, escapes: Mapping[str, str]) -> str:
    """Words that stand in a document as they are; a line feed in a ticker's name would end a row."""
    return "".join(escapes.get(character, character) for character in printable(" ".join(words.split())))


def _markdown(table: SkillTable) -> str:
    columns = _columns(table)
    lines = [
        [_escaped(words, _MARKDOWN) for words in ("competitor", *(column.title for column in columns))],
        *(
            [_escaped(row.model, _MARKDOWN), *(_markdown_figure(column, index) for column in columns)]
            for index, row in enumerate(table.rows)
        ),
    ]
    heading, *body = (f"| {' | '.join(cells)} |" for cells in lines)
    rule = "|" + "|".join(["---", *("---:" for _ in columns)]) + "|"
    # In one line: a ticker such as "-" would make a list of a line that it began.
    caption = f"Table: {_escaped(_caption(table, columns), _MARKDOWN)}"
    return "\n".join([heading, rule, *body, "", caption]) + "\n"


def _markdown_figure(column: _Column, index: int) -> str:
    figure = column.figures[index]
    return figure if figure == UNKNOWN else figure + column.unit


def _latex(table: SkillTable) -> str:
    columns = _columns(table)
    caption = _escaped(_caption(table, columns), _LATEX).replace(r" \%", r"\,\%")
    above, rules = _upper_storey(columns)
    lower = ["Competitor", *(_escaped(column.below, _LATEX) for column in columns)]
    lines = [
        r"\begin{table*}",
        r"\centering",
        fill(rf"\caption{{{caption}}}", _WIDTH, break_long_words=False, break_on_hyphens=False),
        r"\label{tab:skill}",
        r"\footnotesize",
        r"\setlength{\tabcolsep}{3pt}",
        r"\makebox[\textwidth]{%",  # in the middle, also where the table is wider than the text
        rf"\begin{{tabular}}{{l{'r' * len(columns)}}}",
        r"\toprule",
        above,
        rules,
        _latex_row(lower),
        r"\midrule",
        *(
            _latex_row([_escaped(row.model, _LATEX), *(_latex_figure(column.figures[index]) for column in columns)])
            for index, row in enumerate(table.rows)
        ),
        r"\bottomrule",
        r"\end{tabular}}",
        r"\end{table*}",
    ]
    return "% needs \\usepackage{booktabs}\n" + "\n".join(lines) + "\n"


def _upper_storey(columns: Sequence[_Column]) -> tuple[str, str]:
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


def _csv(table: SkillTable) -> str:
    whole = {
        "tickers": len(table.tickers),
        "first": table.first,
        "last": table.last,
        "n": table.n,
        "network": table.network,
        "reference": table.reference,
    }
    rows = [
        plain(
            {field.name: getattr(row, field.name) for field in fields(row)}
            | {"confidence_set_p": table.confidence_set.get(row.model)}
            | whole
        )
        for row in table.rows
    ]
    return csv_table(list(rows[0]), rows)
