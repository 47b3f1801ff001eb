"""Completion in a shell: commands, options, and the words that an option knows."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import cold

BASH = shutil.which("bash")
needs_bash = pytest.mark.skipif(BASH is None or os.name == "nt", reason="no bash here")


def completions(*words: str) -> list[str]:
    """What is offered for the last of the words, as bash asks for it."""
    asked = {"_STOCKCAST_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    return cold(env=asked).succeeded().out.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["stockcast", "re"], ["report", "reproduce"]),
        (["stockcast", "--ver"], ["--version"]),
        (["stockcast", "models", ""], ["list", "show", "export", "remove"]),
        (["stockcast", "train", "--hid"], ["--hidden-size"]),
        (["stockcast", "backtest", "AAPL", "--warm"], ["--warm-start"]),
        (["stockcast", "train", "AAPL", "--cell", ""], ["lstm", "gru", "rnn"]),
        (["stockcast", "ledger", "list", "--kind", "l"], ["live"]),
    ],
)
def test_a_word_that_is_begun_is_completed(words: list[str], offered: list[str]) -> None:
    assert completions(*words) == offered


@needs_bash
def test_the_script_that_is_shown_completes_in_bash(tmp_path: Path) -> None:
    (tmp_path / "stockcast").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m stockcast "$@"\n')
    (tmp_path / "stockcast").chmod(0o755)
    script = (
        'eval "$(stockcast --show-completion)"\n'
        "COMP_WORDS=(stockcast predict --as); COMP_CWORD=2; _stockcast_completion stockcast; echo ${COMPREPLY[*]}\n"
    )
    found = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([str(BASH), "-c", script], env=found, capture_output=True, text=True, check=True, timeout=50)
    assert (done.stdout, done.stderr) == ("--as-of\n", "")


@needs_bash
def test_an_installation_writes_into_the_users_own_folder(tmp_path: Path) -> None:
    script = f'"{sys.executable}" -m stockcast --install-completion; true'
    found = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([str(BASH), "-c", script], env=found, capture_output=True, text=True, check=True, timeout=50)
    assert "completion installed in" in done.stdout
    assert "complete" in (tmp_path / ".bash_completions" / "stockcast.sh").read_text()
    assert "stockcast" in (tmp_path / ".bashrc").read_text()
