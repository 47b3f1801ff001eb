"""Crashes, Ctrl-C, closed pipes, full disks: what a program does when the world is not as it should be."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockcast.cli import console
from stockcast.errors import DataError, Failure
from stockcast.report.data import envelope
from tests.cli.conftest import FAKED, Run
from tests.processes import COMMAND, cold, environment

needs_signals = pytest.mark.skipif(os.name == "nt", reason="signals are sent differently there")
DISK = Path("/dev/full")
needs_full_disk = pytest.mark.skipif(not DISK.exists(), reason="no device that is always full here")


def test_a_crash_is_one_line_and_a_log_with_traceback_and_versions(run: Run, home: Path) -> None:
    outcome = run("predict", "broken")
    assert outcome.code == 1
    log = next((home / "logs").iterdir())
    assert log.name.startswith("crash-")
    assert outcome.err.splitlines()[-2:] == [
        "error: broken: unexpected ValueError: the answer is 41",
        f"  hint: the traceback is in {log}",
    ]
    text = log.read_text()
    assert "Traceback (most recent call last)" in text
    assert 'raise ValueError("the answer is 41")' in text
    for package in ("numpy: ", "torch: ", "python: "):
        assert package in text


def test_the_logs_of_the_last_crashes_are_kept_and_other_files(run: Run, home: Path) -> None:
    (home / "logs").mkdir(parents=True)
    old = [home / "logs" / f"crash-2021{day:04}T000000.000000Z.log" for day in range(1, 41)]
    for path in (*old, home / "logs" / "run.log", home / "logs" / "a-note.txt"):
        path.touch()
    assert run("predict", "broken").code == 1
    left = {path.name for path in (home / "logs").iterdir()}
    assert left > {"run.log", "a-note.txt", *(path.name for path in old[-console.CRASH_LOGS + 1 :])}
    assert len(left) == console.CRASH_LOGS + 2


def test_a_crash_outside_the_sources_is_logged_in_the_home_of_the_command_line(run: Run, tmp_path: Path) -> None:
    outcome = run("models", "show", "broken", "--json", "--home", str(tmp_path / "else"))
    assert outcome.code == 1
    error = outcome.json["errors"][0]
    assert error["kind"] == "unexpected"
    assert str(tmp_path / "else" / "logs") in error["hint"]
    assert len(list((tmp_path / "else" / "logs").iterdir())) == 1


def test_a_crash_whose_log_cannot_be_written_says_so(run: Run, home: Path) -> None:
    home.write_text("a file where the folder should be")
    outcome = run("predict", "broken")
    assert outcome.code == 1
    assert "error: broken: unexpected ValueError: the answer is 41" in outcome.err
    assert "traceback could not be written to" in outcome.err


def test_a_full_disk_is_an_error_with_a_reason_and_no_crash(run: Run, home: Path) -> None:
    outcome = run("predict", "full", "--json")
    assert outcome.code == 1
    assert outcome.json["errors"][0]["kind"] == "storage"
    assert "No space left on device (/somewhere)" in outcome.err
    assert not home.exists()


@pytest.mark.parametrize(
    ("source", "message", "hint"),
    [("large", "there is not enough memory", "fewer sources"), ("many", "Too many open files", "ulimit -n"),
     ("unmapped", "there is not enough memory", "ulimit -v"), ("unhandled", "Too many open files", "ulimit -n")],
)  # fmt: skip
def test_what_a_system_has_too_little_of_is_no_crash(
    source: str, message: str, hint: str, run: Run, home: Path
) -> None:
    outcome = run("predict", source, "--json")
    assert outcome.code == 1
    (error,) = outcome.json["errors"]
    assert error["message"] == message
    assert hint in error["hint"]
    assert not home.exists()


@pytest.mark.skipif(os.name == "nt", reason="a folder that is used cannot be removed there")
def test_a_working_directory_that_is_gone_is_told() -> None:
    # PyTorch's processes would end there, with Intel's words and no answer.
    leaving = "import os, tempfile; there = tempfile.mkdtemp(); os.chdir(there); os.rmdir(there)\n"
    done = cold("train", "good", "--json", code=leaving + FAKED)
    assert done.code == 1
    assert "cannot be named: No such file" in str(done.errors[0]["message"])
    cold("train", "--help", code=leaving + FAKED).succeeded()


LONG = "/" + "x" * 300  # a name that no file system takes


@pytest.mark.parametrize(
    ("words", "code"),
    [(["predict", "good", "--home", "~nobody7"], 2), (["predict", "good", "--output", "~nobody7/f.csv"], 2),
     (["predict", "@~nobody7/list"], 3), (["run", "--config", "~nobody7/x"], 2), (["run", "--config", LONG], 3),
     (["predict", "good", "--home", LONG], 0), (["predict", "good", "--output", f"{LONG}/f.csv"], 2),
     (["report", "good", "--plots", LONG, "--output", f"{LONG}/x"], 2), (["doctor", "--home", LONG, "--offline"], 1)],
)  # fmt: skip
def test_a_path_that_leads_nowhere_is_no_crash(run: Run, words: list[str], code: int) -> None:
    outcome = run(*words, "--json")
    assert outcome.code == code, outcome.err
    assert outcome.json["ok"] is (code == 0)
    assert "unexpected" not in outcome.err


@pytest.mark.parametrize("variables", [{"STOCKCAST_HOME": "~nobody7"}, {"HOME": "here", "STOCKCAST_HOME": ""}])
@pytest.mark.skipif(os.name == "nt", reason="the home is somewhere else there")
def test_a_user_without_a_home_is_told(variables: dict[str, str], run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    # As a user is that a container was given by number.
    monkeypatch.setattr("platformdirs.user_data_dir", lambda *_, **__: "~/.local/share/stockcast")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    outcome = run("models", "list", "--json")
    assert outcome.code in (2, 3)
    assert "home folder" in outcome.json["errors"][0]["message"]


def test_control_characters_in_messages_do_not_reach_the_terminal(run: Run) -> None:
    outcome = run("predict", "--as-of", "\x1b[31m", "good")
    assert outcome.code == 2
    assert "\x1b" not in outcome.err


HOSTILE = "A\x1b[31m\x07\x7f\x9b2J\u202e\u2066\u2028\udcff\rB"


@pytest.mark.parametrize(
    "words",
    [["predict", HOSTILE], ["models", "show", HOSTILE], [HOSTILE], ["predict", f"--{HOSTILE}"], ["ledger", HOSTILE],
     ["predict", "good", "--ticker", HOSTILE], ["predict", "good", "--ticker", HOSTILE, "--csv"],
     ["predict", "good", "--ticker", HOSTILE, "--json"], ["predict", "good", "--horizon", HOSTILE],
     ["predict", "good", "--output", f"/{HOSTILE}/x"]],
)  # fmt: skip
@pytest.mark.parametrize("colour", ["", "1"])
def test_no_word_of_somebody_elses_talks_to_the_terminal(
    run: Run, words: list[str], colour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", colour)
    outcome = run(*words)
    coloured = re.sub("\x1b\\[[0-9;]*m|\r\n", "", outcome.out) if "--json" not in words else outcome.out
    for text in (coloured, outcome.err):
        assert not {sign for sign in text if category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp")} - {"\n"}, repr(text)
    assert "\x1b[31m" not in outcome.out + outcome.err


@given(st.text())
def test_answer_and_story_are_printable_whatever_they_say(words: str) -> None:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        console.answer(words)
        console.log(words)
        console.errors([Failure(words, DataError(words, words))])
    written = out.getvalue().replace("\r\n", "\n")
    for text in (written, err.getvalue()):
        assert not {sign for sign in text if category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp")} - {"\n", "\t"}
    if words.isprintable():
        assert written == words


@given(st.text())
def test_json_is_printable_ascii_and_carries_every_sign(words: str) -> None:
    text = envelope("predict", {"name": words}, [Failure(words, DataError(words))])
    assert text.isascii()
    assert text.replace("\n", "").isprintable()
    assert json.loads(text)["data"]["name"] == words


def test_ctrl_c_outside_the_sources_is_one_line(run: Run) -> None:
    outcome = run("models", "show", "stop", "--json")
    assert outcome.code == 130
    assert outcome.err == "interrupted; nothing was saved\n"
    assert outcome.json["errors"][0]["kind"] == "interrupted"


def test_ctrl_c_while_the_commands_are_imported_is_one_line() -> None:
    interrupting = (
        "import sys\n"
        "class Finder:\n"
        "    done = False\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'typer' and not self.done:\n"
        "            self.done = True\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Finder())\n"
    )
    outcome = cold("predict", "AAPL", "--json", code=interrupting + COMMAND)
    assert outcome.code == 130
    assert outcome.err == "interrupted; nothing was saved\n"
    assert outcome.json["schema"] == "stockcast.predict/1"


CALLING = """
import os, signal, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name in CALLS:
            CALLS.pop(name)()
CTRL_C = lambda: os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
"""
"""Code that calls what CALLS has when a module of that name is imported."""


@needs_signals
@pytest.mark.parametrize(
    ("calls", "said"),
    [("{'stockcast.cli.interruption': CTRL_C}", ""),
     ("{'stockcast.versions': CTRL_C}", "interrupted; nothing was saved\n"),
     ("{'typer': CTRL_C, 'stockcast.cli.commands': CTRL_C}", "interrupted; nothing was saved\n")],
    ids=["our first lines", "the commands", "the answer to another"],
)  # fmt: skip
def test_ctrl_c_at_the_start_is_exit_130_without_a_traceback(calls: str, said: str) -> None:
    outcome = cold("predict", "AAPL", code=f"{CALLING}CALLS = {calls}\n{COMMAND}")
    assert (outcome.code, outcome.out, outcome.err) == (130, "", said)


@needs_signals
def test_ctrl_c_after_the_last_byte_changes_nothing() -> None:
    late = (
        "from stockcast.cli import console\n"
        "worst = console.worst\n"
        "console.worst = lambda failures: (CTRL_C(), worst(failures))[1]\n"
        "import atexit; atexit.register(CTRL_C)\n"
    )
    outcome = cold("predict", "good", "--json", code=f"{CALLING}CALLS = {{}}\n{late}{FAKED}")
    assert outcome.code == 0
    assert outcome.json["ok"]


@needs_signals
def test_ctrl_c_in_the_middle_of_the_answer_begins_no_second_one() -> None:
    torn = (
        "class Torn:\n"
        "    def __init__(self, stream): self.stream = stream\n"
        "    def __getattr__(self, name): return getattr(self.stream, name)\n"
        "    def write(self, text):\n"
        "        self.stream.write(text[:9])\n"
        "        CTRL_C()\n"
        "        self.stream.write(text[9:])\n"
        "sys.stdout = Torn(sys.stdout)\n"
    )
    outcome = cold("predict", "good", "--json", code=f"{CALLING}CALLS = {{}}\n{torn}{FAKED}")
    assert outcome.code == 130
    assert len(outcome.out) <= 9
    assert outcome.err.endswith("interrupted in the middle of the answer; the work was done\n")


@needs_signals
def test_a_signal_in_the_middle_of_training_is_one_line() -> None:
    fetch_session = (
        "import time, sys\n"
        "from tests.cli import fakes\n"
        "def train(*args, **kwargs):\n"
        "    print('ready', file=sys.stderr, flush=True)\n"
        "    time.sleep(40)\n"
        "fakes.PIPELINE.train_steps = train\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", fetch_session + FAKED, "train", "good"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    assert process.stderr is not None
    assert process.stderr.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=40)
    assert process.returncode == 130
    assert (out, err) == ("", "interrupted; nothing was saved\n")


@needs_signals
@pytest.mark.parametrize("more", [[], ["-q"]])
def test_a_signal_whose_exception_is_lost_in_a_finaliser_ends_the_work_all_the_same(more: list[str]) -> None:
    losing = (
        "import os, signal\n"
        "from tests.cli import fakes\n"
        "class Lost:\n"
        "    def __del__(self):\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "def train(*args, **kwargs):\n"
        "    progress = next(one for one in (*args, *kwargs.values()) if hasattr(one, 'advance'))\n"
        "    progress.stage('training', 100)\n"
        "    Lost()\n"
        "    for _ in range(100):\n"
        "        progress.advance(1)\n"
        "    raise SystemExit('it went on')\n"
        "fakes.PIPELINE.train_steps = train\n"
    )
    done = cold("train", "good", *more, code=losing + FAKED)
    assert (done.code, done.out) == (130, "")
    assert done.err.endswith("interrupted; nothing was saved\n")


@pytest.mark.parametrize("words", [["predict", "good"], ["predict", "good", "--json"], ["--help"], ["--version"]])
def test_a_reader_that_goes_away_is_no_error(words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-c", FAKED, *words, *(["-q"] if words[0] == "predict" else [])],
        stdout=writing, stderr=subprocess.PIPE, text=True, env=environment(), check=False, timeout=50,
    )  # fmt: skip
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@needs_full_disk
@pytest.mark.parametrize(
    "words",
    [["predict", "good", "-q"], ["predict", "good", "--json", "-q"], ["--help"], ["ledger", "--help"], ["ledger"],
     ["predict", "--help"], ["ledger", "list", "--help"], ["--version"]],
)  # fmt: skip
def test_a_full_disk_behind_stdout_is_one_error(words: list[str]) -> None:
    with DISK.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", FAKED, *words],
            stdout=full, stderr=subprocess.PIPE, text=True, env=environment(), check=False, timeout=50,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == (
        "error: cannot write to standard output: No space left on device\n"
        "  hint: free some space, or send the output elsewhere\n"
    )


@pytest.mark.skipif(os.name == "nt", reason="descriptors are others' there")
def test_no_file_takes_the_number_of_a_stream_that_is_closed(tmp_path: Path) -> None:
    # As `>&- 2>&- <&-` does: what a library writes to stderr would go into a file of ours, such as the store. And
    # libraries, such as the one that begins workers, flush the streams.
    told = tmp_path / "told"
    looking = (
        "import atexit, os, stat, sys\n"
        f"atexit.register(lambda: open({str(told)!r}, 'w').write(str([stat.S_ISCHR(os.fstat(n).st_mode) for n in "
        "(0, 1, 2)] + [os.get_inheritable(n) for n in (0, 1, 2)] + [s.flush() is None for s in (sys.stdout, "
        "sys.stderr)])))\n"
    )
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, "-c", looking + FAKED, "predict", "good"],
        env=environment(), check=False, timeout=50,
    )  # fmt: skip
    assert done.returncode == 0
    assert told.read_text() == str([True] * 8)


@pytest.mark.parametrize(
    ("variables", "width"),
    [({"COLUMNS": "1"}, 40), ({"COLUMNS": "0"}, 80), ({"COLUMNS": "-5"}, 80), ({"COLUMNS": "wide"}, 80),
     ({"COLUMNS": "9" * 5000}, 1000), ({"TERMINAL_WIDTH": "wide"}, 80), ({"TERMINAL_WIDTH": "3"}, 40)],
)  # fmt: skip
def test_help_can_be_read_whatever_is_told_of_the_width(variables: dict[str, str], width: int) -> None:
    narrow = {name: value for name, value in environment().items() if name not in ("COLUMNS", "TERMINAL_WIDTH")}
    done = cold("--help", env=narrow | variables).succeeded()
    assert max(map(len, done.out.splitlines())) == width
    assert "backtest" in done.out


def test_an_output_that_knows_ascii_alone_gets_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    outcome = cold("predict", "good", "--ticker", "Ä", code=FAKED)
    assert outcome.code == 0
    assert outcome.out.isascii()
    assert "118.90 .. 125.80" in outcome.out
