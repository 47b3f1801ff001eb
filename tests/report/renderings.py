"""Everything that `report` writes of the hand-built results, as files: `python -m tests.report.renderings` stores them.

A text is stored as it looks on four pages: a file's, a terminal's, a phone's, and one that can carry ASCII alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from stockcast.evaluation.calibrationeffects import CalibrationEffect
from stockcast.pipeline.judging import skill_table
from stockcast.report.backtest import backtest_text
from stockcast.report.checks import audits_text, diagnosis_text, files_text, reproduction_text
from stockcast.report.data import (
    backtest_data,
    explain_data,
    forecasts_csv,
    ledger_csv,
    ledger_data,
    ledger_jsonl,
    plain,
    pool_data,
    report_data,
    reproduction_data,
    score_data,
    train_data,
    tune_data,
)
from stockcast.report.explain import explain_text
from stockcast.report.folds import folds_text
from stockcast.report.forecast import forecasts_text
from stockcast.report.html import report_html, study_html
from stockcast.report.live import fetches_text, ledger_text, run_text, score_text
from stockcast.report.models import model_text, models_text
from stockcast.report.papers import skill_table_text
from stockcast.report.text import Page
from stockcast.report.training import pool_text, trainings_text
from stockcast.report.tuning import plan_text, tune_text
from stockcast.results import Retraining
from tests.report import lives, reports, skills, studies
from tests.report.audits import AUDITED
from tests.report.backtests import AHEAD, ALONE, CALIBRATION, PLAN, SEVERAL
from tests.report.checkedfiles import ODD, PLAIN
from tests.report.diagnoses import SICK, WELL
from tests.report.explanations import EXPLAINED
from tests.report.pools import POOL, pool
from tests.report.reproductions import OTHER, SAME
from tests.report.samples import DAMAGED, FORECAST, KEPT, MODEL, PENNY, REACTING, TRAINED, TUNED

FOLDER = Path(__file__).with_name("goldens")
PAGES = (Page(120), Page(100, colour=True), Page(60), Page(80, unicode=False))

_EFFECTS = tuple(
    CalibrationEffect(method, 0.9 + 0.01 * k, CALIBRATION.by_year, CALIBRATION.by_decile, 0.045)
    for k, method in enumerate(("none", "aci"))
)
_RAN = lives.ran(training=Retraining("kept", "worse"), missed=lives.GAP)
_CALIBRATED = replace(SEVERAL, calibrated=_EFFECTS)

TEXTS: dict[str, Callable[[Page], str]] = {
    "audit": lambda page: audits_text([AUDITED], page),
    "backtest": lambda page: backtest_text(ALONE, skill_table(ALONE), page),
    "backtest-ahead": lambda page: backtest_text(AHEAD, skill_table(AHEAD), page),
    "backtest-several": lambda page: backtest_text(_CALIBRATED, skill_table(SEVERAL), page),
    "check": lambda page: files_text([PLAIN, ODD], page),
    "doctor": lambda page: diagnosis_text(SICK, page) + diagnosis_text(WELL, page),
    "explain": lambda page: explain_text(EXPLAINED, page),
    "fetch": lambda page: fetches_text(lives.FETCHES, page),
    "folds": lambda page: folds_text([PLAN], page),
    "ledger": lambda page: ledger_text(lives.ROWS, 9, {"AAPL": lives.GAP}, page),
    "models": lambda page: models_text([MODEL, DAMAGED], page),
    "models-show": lambda page: model_text(MODEL, page) + model_text(DAMAGED, page),
    "pool": lambda page: pool_text(POOL, skill_table(POOL.summary), page),
    "pool-of-many": lambda page: _pool_text(pool(**{f"T{k:03}": 0.001 * k for k in range(100)}), page),
    "predict": lambda page: forecasts_text([FORECAST, REACTING, PENNY], page),
    "reproduce": lambda page: reproduction_text(SAME, page) + reproduction_text(OTHER, page),
    "run": lambda page: run_text([_RAN, lives.ran(ticker="MSFT", forecasts=())], ("out.csv",), page),
    "score": lambda page: score_text(lives.SCORED, page),
    "train": lambda page: trainings_text([TRAINED, KEPT, TUNED], page),
    "tune": lambda page: tune_text(studies.ADOPTED, page) + tune_text(studies.STAYS, page),
    "tune-plan": lambda page: plan_text(studies.PLAN, studies.SERIES, studies.AXES, (2, 1 << 30), page),
}  # fmt: skip

DATA: dict[str, Callable[[], Any]] = {
    "audit": lambda: [AUDITED],
    "backtest": lambda: backtest_data(AHEAD),
    "backtest-several": lambda: backtest_data(_CALIBRATED),
    "explain": lambda: explain_data(EXPLAINED),
    "ledger": lambda: ledger_data(lives.ROWS, {"AAPL": lives.GAP}),
    "models": lambda: [MODEL, DAMAGED],
    "pool": lambda: pool_data(POOL),
    "predict": lambda: [FORECAST, PENNY],
    "report": lambda: report_data(reports.REPORT, ["AAPL.html"]),
    "reproduce": lambda: [reproduction_data(SAME), reproduction_data(OTHER)],
    "score": lambda: score_data(lives.SCORED),
    "train": lambda: train_data([TRAINED, TUNED]),
    "tune": lambda: tune_data(studies.ADOPTED),
}

FILES: dict[str, Callable[[], str]] = {
    "predict.csv": lambda: forecasts_csv([FORECAST, REACTING, PENNY]),
    "ledger.csv": lambda: ledger_csv(lives.ROWS),
    "ledger.jsonl": lambda: ledger_jsonl(lives.ROWS),
    "skill.md": lambda: skill_table_text(skills.TABLE, ".md"),
    "skill.tex": lambda: skill_table_text(skills.TABLE, ".tex"),
    "skill.csv": lambda: skill_table_text(skills.TABLE, ".csv"),
    "skill-alone.md": lambda: skill_table_text(skills.ALONE, ".md"),
    "skill-without-garch.tex": lambda: skill_table_text(skills.WITHOUT_GARCH, ".tex"),
    "report.html": lambda: _without_charts(reports.page()),
    "study.html": lambda: _without_charts(study_html(studies.ADOPTED)),
    "report-bare.html": lambda: _without_charts(report_html(reports.BARE)),
}


def rendered() -> dict[str, str]:
    """The content of every golden file by its name."""
    texts = {f"{name}.txt": "".join(_on(page, write) for page in PAGES) for name, write in TEXTS.items()}
    data = {f"{name}.json": json.dumps(plain(write()), indent=1) + "\n" for name, write in DATA.items()}
    return texts | data | {name: write() for name, write in FILES.items()}


def _on(page: Page, write: Callable[[Page], str]) -> str:
    kind = "colours" if page.colour else "unicode" if page.unicode else "ascii"
    return f"[{page.width} columns, {kind}]\n{write(page).replace(chr(27), '<ESC>')}\n"


def _pool_text(result: Any, page: Page) -> str:
    return pool_text(result, skill_table(result.summary), page)


def _without_charts(page: str) -> str:
    """Words and their frame; the style, and what another release of matplotlib may draw otherwise, are left out."""
    page = re.sub(r"(<svg [^>]*>).*?</svg>", r"\1</svg>", page, flags=re.DOTALL)
    return re.sub(r"<style>.*?</style>", "<style></style>", page, flags=re.DOTALL)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    for name, text in rendered().items():
        (FOLDER / name).write_bytes(text.encode())
