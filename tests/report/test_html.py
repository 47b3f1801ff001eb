"""The page: what it says, in which order, and that nothing in it comes from or goes to anywhere else."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from math import nan

import matplotlib as mpl
import numpy as np
import pytest
from scipy.stats import binom

from stockcast.evaluation.economics import PolicyVerdict
from stockcast.evaluation.verdict import BacktestResult
from stockcast.report.html import report_html, report_plots
from stockcast.report.html.charts import chance_range
from stockcast.results import Report
from tests.processes import packages_loaded
from tests.report import reports
from tests.report.backtests import BACKTESTED
from tests.report.reports import BARE, REPORT
from tests.report.samples import SENTENCE

TITLES = [
    "Verdict",
    "Price and forecast",
    "Skill over time",
    "Calibration",
    "All competitors",
    "Trading on it",
    "Worst days",
    "How it was tested",
    "Settings and data",
]
VOID = {"meta", "link"}


class Outline(HTMLParser):
    """Headings, ids, text and links of a page; says when an element is not closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.titles: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.elements: set[str] = set()
        self.words: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            assert not name.startswith("on")
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src", "xlink:href"):
                self.targets.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        self.words.append(data)
        if self.open[-1:] == ["h2"]:
            self.titles.append(data)

    @property
    def text(self) -> str:
        """All words, with plain spaces and hyphens."""
        return " ".join("".join(self.words).replace("\xa0", " ").replace("\u2212", "-").split())


@pytest.fixture(scope="module")
def page() -> str:
    return reports.page()


@pytest.fixture(scope="module")
def outline(page: str) -> Outline:
    return Outline(page)


def with_result(change: Callable[[BacktestResult], BacktestResult], report: Report = REPORT) -> Report:
    return replace(report, result=change(report.result))


REPORT_WITHOUT_CURVES = with_result(
    lambda result: replace(result, folds=tuple(replace(fold, curves={}) for fold in result.folds))
)
"""For what has nothing to do with how a network learnt."""


def test_the_sections_come_in_reading_order(outline: Outline) -> None:
    assert outline.titles == TITLES


def test_the_sentence_comes_first_with_the_key_figures_and_the_next_forecast_in_words(outline: Outline) -> None:
    start = outline.text.index(SENTENCE)
    first = outline.text[start : outline.text.index("Closes and the forecast")]
    for words in (
        "Skill over HAR-t, the strongest baseline +0.4 % p 0.020: statistically significant",
        "Skill over GARCH-t +0.9 % p 0.003: statistically significant",
        "90 % intervals that held 90.5 % of 420 forecasts",
        "Direction called right 52.8 % p 0.410: no evidence of skill",
        "LSTM puts the close between",
        "5 sessions ahead",
    ):
        assert words in first


def test_every_competitor_every_strategy_and_the_worst_days_are_in_the_tables(outline: Outline, page: str) -> None:
    for score in REPORT.result.scores:
        assert f'<th scope="row">{score.model}</th>' in page
    for economics in REPORT.result.economics:
        assert f'<th scope="row">{economics.strategy}</th>' in page
    network = REPORT.result.rows[0]
    worst = network.target_sessions[np.argsort(-network.crps)[:10]]
    days = outline.text[outline.text.index("The 10 largest CRPS") :]
    places = [days.index(str(day)) for day in worst]
    assert places == sorted(places)
    assert "no promise, and no advice" in outline.text
    assert "Cannot be told from the best (model confidence set, 90 %): lstm (p 1.000), har-t (p 0.340)." in outline.text


def test_forecasts_further_ahead_are_in_no_chart(outline: Outline) -> None:
    # The rows of two sessions ahead have a CRPS of 9, which is 90,000 basis points.
    assert "90000" not in outline.text


def test_scores_several_sessions_ahead_have_a_table_of_their_own() -> None:
    def further(result: BacktestResult) -> BacktestResult:
        scores = tuple(replace(score, horizon=2, n=373, coverage_90=0.771) for score in result.scores)
        comparisons = tuple(replace(found, horizon=2, crps_skill=-0.0123, dm_p=0.88) for found in result.comparisons)
        return replace(
            result, scores=(*result.scores, *scores), comparisons=(*result.comparisons, *comparisons), rows=()
        )

    text = Outline(report_html(with_result(further, BARE))).text
    assert "77.1 %" not in text[: text.index("LSTM, several sessions ahead")]
    assert "2 373 112.00 51.2 % 77.1 % -1.23 % 0.880" in text


def test_settings_source_hash_version_and_time_close_the_page(outline: Outline) -> None:
    end = outline.text[outline.text.rindex("Settings and data") :]
    for words in ("AAPL.csv", "ff" * 32, "refit every", "0.1.0", "2021-04-06T22:00:00+00:00", *REPORT.result.notes):
        assert words in end


def test_the_page_refers_to_nothing_outside_itself(page: str, outline: Outline) -> None:
    without_namespace = page.replace("http://www.w3.org/2000/svg", "").replace("http://www.w3.org/1999/xlink", "")
    assert not re.search(r"https?://|//[a-z]+\.|@import|url\((?!#)", without_namespace)
    assert not outline.elements & {"script", "img", "iframe", "object", "embed", "form", "base"}
    for target in outline.targets:
        assert target == "data:," or target.removeprefix("#") in outline.ids


def test_no_two_elements_share_an_id_though_every_chart_has_its_own(outline: Outline) -> None:
    assert len(outline.ids) == len(set(outline.ids))


def test_charts_take_their_colours_and_their_font_from_the_page(page: str) -> None:
    charts = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(charts) == 13  # two of them twice: for a wide page and for a phone
    for chart in charts:
        assert not re.search(r"#[0-9a-f]{6}|DejaVu|<style", chart)
        assert "<text" in chart
        assert re.match(r'<svg role="img" aria-label="[^"]{20,}"', chart)
    for used in set(re.findall(r"var\((--[a-z]+)\)", page)):
        assert f"{used}:" in page


@pytest.fixture(scope="module")
def strange() -> str:
    """The page with a script wherever a file may hold words, and with two scores that are unknown."""
    nasty, rows = '<script>alert("x")</script>\'"&{{ 7 * 7 }}', REPORT.result.rows
    crps = rows[0].crps.copy()
    crps[[3, 100]] = nan
    report = with_result(
        lambda result: replace(
            result,
            ticker=nasty,
            notes=(nasty,),
            data_sha256=nasty,
            left_out=(nasty,),
            rows=(replace(rows[0], crps=crps), *rows[1:]),
            folds=REPORT_WITHOUT_CURVES.result.folds,
        ),
        replace(REPORT, source=nasty, currency=nasty, configuration={nasty: nasty}, version=nasty, created_at=nasty),
    )
    return report_html(report)


def test_what_comes_from_files_is_inert(strange: str) -> None:
    outline = Outline(strange)
    assert "script" not in outline.elements
    assert "<script" not in strange
    assert outline.text.count('<script>alert("x")</script>\'"&{{ 7 * 7 }}') >= 8
    assert "49" not in outline.titles


def test_the_same_report_gives_the_same_page_whatever_settings_matplotlib_has(page: str) -> None:
    before = mpl.rcParams.copy()
    mpl.rcParams.update({"font.size": 30.0, "axes.grid": False, "svg.fonttype": "path", "text.usetex": True})
    try:
        assert report_html(REPORT) == page
        assert mpl.rcParams["font.size"] == 30.0
    finally:
        mpl.rcParams.update(before)


def test_a_report_with_next_to_nothing_in_it_is_still_a_page() -> None:
    assert Outline(report_html(BARE)).titles == ["Verdict", "All competitors", "How it was tested", "Settings and data"]


@pytest.mark.parametrize(
    "report",
    [
        with_result(
            lambda result: replace(
                result,
                rows=result.rows[:1],
                folds=result.folds[:1],
                verdict=replace(result.verdict, garch_skill=None, garch_p=None),
            ),
            replace(REPORT, fan=REPORT.fan[:1]),
        ),
        with_result(
            lambda result: replace(
                result,
                rows=result.rows[1:],
                calibration=BACKTESTED.calibration,
                verdict=replace(result.verdict, dm_p=nan, crps_skill=nan),
            ),
            replace(REPORT_WITHOUT_CURVES, forecaster="har-t", closes=tuple(0.0001 * close for close in REPORT.closes)),
        ),
        with_result(
            lambda result: replace(result, scores=(), comparisons=(), rows=result.rows[:2]),
            replace(REPORT_WITHOUT_CURVES, fan=(), closes=REPORT.closes[-1:], dates=REPORT.dates[-1:]),
        ),
    ],
)
def test_parts_that_are_missing_are_left_out(report: Report) -> None:
    outline = Outline(report_html(report))
    assert outline.titles == [title for title in TITLES if title in outline.titles]
    assert "nan" not in outline.text.split()
    assert "None" not in outline.text.split()


def test_a_score_that_is_unknown_is_left_out_of_skill_and_worst_days(strange: str) -> None:
    assert "nan" not in Outline(strange).text.lower().split()


def test_a_network_that_was_never_stopped_shows_what_it_learnt_all_the_same() -> None:
    def unstopped(result: BacktestResult) -> BacktestResult:
        (curve, *_) = result.folds[0].curves["lstm"]
        blind = replace(curve, validation=(None,) * len(curve.steps))
        return replace(result, folds=tuple(replace(fold, curves={"lstm": (blind,)}) for fold in result.folds))

    bare = with_result(lambda result: replace(result, folds=REPORT.result.folds), BARE)
    page = report_html(with_result(unstopped, bare))
    assert "loss of each member" in page
    assert "change of the validation loss" not in page


def test_plots_are_png_files_named_after_what_they_show() -> None:
    plots = report_plots(REPORT)
    assert set(plots) == {
        "price-and-fan.png", "skill-over-har-t.png", "skill-over-garch-t.png", "skill-over-random-walk.png", "pit.png",
        "reliability.png", "coverage-by-decile.png", "coverage-by-year.png", "folds.png", "losses-lstm.png",
        "losses-lstm-folds.png",
    }  # fmt: skip
    for name, content in plots.items():
        assert content.startswith(b"\x89PNG\r\n\x1a\n")
        width, height = (int.from_bytes(content[place : place + 4], "big") for place in (16, 20))
        assert 1000 <= width <= 3000, name
        assert 250 <= height <= 2000, name
        assert 8_000 <= len(content) <= 400_000, name


def test_a_report_without_charts_has_but_its_folds_to_draw() -> None:
    assert list(report_plots(BARE)) == ["folds.png"]


def test_matplotlib_is_imported_when_something_is_drawn_and_not_before() -> None:
    code = "import stockcast.report.html, stockcast.report.html.sections, stockcast.report.html.page"
    assert packages_loaded(code=code).isdisjoint({"matplotlib", "jinja2", "scipy", "pandas", "torch"})


@pytest.mark.parametrize(("n", "p"), [(1, 0.9), (10, 0.9), (250, 0.9), (420, 0.1), (33, 0.5)])
def test_the_range_of_chance_is_scipys(n: int, p: float) -> None:
    low, high = (float(share) / n for share in binom.ppf([0.025, 0.975], n, p))
    assert chance_range(n, p) == pytest.approx((low, high))


def test_a_policys_sentence_is_on_the_page() -> None:
    sentence = "Policy: no evidence of skill over holding (Sharpe -0.10, p = 0.60, after 5 bp)."
    told = PolicyVerdict("policy", -0.1, 0.6, 5.0, sentence)
    page = report_html(replace(REPORT, result=replace(REPORT.result, policy=(told,))))
    assert sentence in Outline(page).text
