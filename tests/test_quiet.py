"""What libraries say on stderr of their own accord is held back, wherever HOME is."""

from __future__ import annotations

import logging
import os
import subprocess
import sys

from stockcast.quiet import without_words_of

DRAWN = """
from stockcast.report.html.figure import Chart, svg

svg(Chart("name", "title", "label", 100, 100, lambda axes: axes.set_title("x")))
"""
COMPARED = """
import numpy as np
from stockcast.evaluation.significance import model_confidence_set

a, b = np.random.default_rng(0).random((2, 30))
model_confidence_set({"a": a, "b": b}, reps=10)
"""


def said(code: str, home: str) -> str:
    """What Python code says on stderr in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if name != "MPLCONFIGDIR"} | {"HOME": home}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return done.stderr


def test_charts_and_comparisons_say_nothing_where_home_is_no_folder() -> None:
    assert not said(COMPARED + DRAWN, os.devnull)


def test_the_check_can_fail() -> None:
    assert "atplotlib" in said("import matplotlib", os.devnull)


def test_levels_are_as_before_afterwards() -> None:
    logger = logging.getLogger("a.library")
    logger.setLevel(logging.DEBUG)
    with without_words_of("a.library"):
        assert not logger.isEnabledFor(logging.WARNING)
        assert logger.isEnabledFor(logging.ERROR)
    assert logger.level == logging.DEBUG
