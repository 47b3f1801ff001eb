"""stockcast.toml: what it means, and what is said about one that means nothing."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockcast.config.jobs import JobsConfig
from stockcast.config.models import NetworkConfig, SplitConfig, TrainConfig, TrainingConfig
from stockcast.config.policy import PolicyConfig
from stockcast.config.runfile import load_run_config
from stockcast.config.runs import (
    EXAMPLES,
    ForecastConfig,
    Key,
    LimitsConfig,
    OutputConfig,
    RetrainConfig,
    RunConfig,
    config_text,
    known_keys,
)
from stockcast.config.sources import ReadOptions
from stockcast.errors import ConfigError

EVERYTHING = """\
tickers = ["aapl", "^gspc", "AAPL"]
watchlist = "lists/mine.txt"
retrain = {every = 21, on_decay = false, first = false}
limits.timeout = 60
limits.pause = 0
limits.give_up_after = 1

[model]
cell = "gru"
lookback = 30
hidden_size = 8
layers = 2
dropout = 0
seeds = 2
seed = 7
learning_rate = 0.01
weight_decay = 0.1
batch_size = 8
steps = 50
supervision = "last-step"
device = "auto"
final_fit = false
validation_share = 0.2
test_share = 0.1
validate_from = 2020-01-02
test_from = 2021-01-04

[forecast]
horizon = 5
calibrate = false
paths = 500
seed = 3
allow_stale = true

[output]
folder = "out"
jsonl = "all.jsonl"
csv = false
latest = true

[jobs]
address = "head:6379"
engine = "ray"
jobs = 4
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "stockcast.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(folder: Path, text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_run_config(write(folder, text))
    assert str(folder / "stockcast.toml") in caught.value.message
    assert caught.value.hint
    return caught.value


def complaint(path: Path) -> str | None:
    """What is said about the file; None where it is accepted."""
    try:
        load_run_config(path)
    except ConfigError as error:
        return error.message
    return None


def test_every_key_arrives_where_it_belongs(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "mine.txt").write_text("msft, aapl\n")
    assert load_run_config(write(tmp_path, EVERYTHING)) == RunConfig(
        tickers=("AAPL", "^GSPC", "MSFT"),
        retrain=RetrainConfig(every=21, on_decay=False, first=False),
        train=TrainConfig(
            network=NetworkConfig(cell="gru", hidden_size=8, layers=2, dropout=0.0, lookback=30),
            training=TrainingConfig(
                seeds=2,
                seed=7,
                learning_rate=0.01,
                weight_decay=0.1,
                supervision="last-step",
                batch_size=8,
                steps=50,
                device="auto",
                final_fit=False,
            ),
            split=SplitConfig(date(2020, 1, 2), date(2021, 1, 4), 0.2, 0.1),
            horizon=5,
        ),
        forecast=ForecastConfig(horizon=5, calibrate=False, paths=500, seed=3, allow_stale=True),
        output=OutputConfig(folder=tmp_path / "out", jsonl="all.jsonl", csv=None, latest="latest.json"),
        limits=LimitsConfig(timeout=60.0, pause=0.0, give_up_after=1),
        jobs=JobsConfig(4, "ray", "head:6379"),
    )


def test_a_policy_is_switched_on_with_what_it_is_to_learn(tmp_path: Path) -> None:
    said = 'policy = true\nutility = "sharpe"\nlong_only = true\ncost = 2\n'
    found = load_run_config(write(tmp_path, f'tickers = ["A"]\n[model]\n{said}'))
    assert found.train.policy == PolicyConfig(wanted=True, utility="sharpe", long_only=True, cost=2.0)
    with pytest.raises(ConfigError, match=r"line 3: model\.utility = .x.: unknown utility"):
        load_run_config(write(tmp_path, 'tickers = ["A"]\n[model]\nutility = "x"\n'))


def test_a_value_out_of_range_has_a_hint_whatever_its_rule(tmp_path: Path) -> None:
    assert (
        "layers = -1: layers -1 is not within 1 .. 8"
        in refused(tmp_path, 'tickers = ["A"]\n[model]\nlayers = -1').message
    )


def test_the_written_file_gives_the_defaults(tmp_path: Path) -> None:
    loaded = load_run_config(write(tmp_path, config_text()))
    assert loaded == RunConfig(EXAMPLES, output=OutputConfig(folder=tmp_path / "forecasts"))
    assert load_run_config(write(tmp_path, 'tickers = ["AAPL", "MSFT", "^GSPC"]')) == loaded


def test_every_known_key_stands_in_the_written_file_and_is_explained() -> None:
    text = config_text()
    for table, keys in known_keys().items():
        part = text.split(f"[{table}]\n")[1].split("\n[")[0]
        for key in keys:
            assert re.search(rf"^(# )?{key.name} = .+  # .+$", part, re.MULTILINE), key.dotted
    assert re.search("^# watchlist = ", text, re.MULTILINE)


def test_the_written_file_is_as_good_with_all_its_lines_in_effect(tmp_path: Path) -> None:
    text = re.sub(r"^# (\w+ = )", r"\1", config_text(), flags=re.MULTILINE).replace("epochs = 20", "")
    text = text.replace('engine = "local"', 'engine = "ray"')
    (tmp_path / "watchlist.txt").write_text("TSLA")
    loaded = load_run_config(write(tmp_path, text))
    assert loaded.tickers == (*EXAMPLES, "TSLA")
    assert loaded.train.network == NetworkConfig()
    assert loaded.train.split.test_from == date(2023, 1, 3)
    assert loaded.jobs == JobsConfig(1, "ray", "auto")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('jobs = "all"', 'jobs.jobs = "all" is not a whole number'),
        ('engine = "slurm"', "jobs.engine = \"slurm\": unknown engine 'slurm'"),
        ('address = "auto"', 'jobs.address without jobs.engine = "ray"'),
        ("address = 3", "jobs.address = 3 is not a text in quotes"),
    ],
)
def test_jobs_that_cannot_be_are_refused_with_their_line(tmp_path: Path, line: str, words: str) -> None:
    error = refused(tmp_path, f'tickers = ["A"]\n[jobs]\n{line}\n')
    assert "line 3: " in error.message
    assert words in error.message


@given(st.lists(st.from_regex(r"[A-Za-z0-9^][A-Za-z0-9^&=-]{0,8}", fullmatch=True), min_size=1, max_size=9))
def test_any_tickers_come_back_from_the_written_file(
    tmp_path_factory: pytest.TempPathFactory, tickers: list[str]
) -> None:
    loaded = load_run_config(write(tmp_path_factory.mktemp("config"), config_text(tickers)))
    assert loaded.tickers == tuple(dict.fromkeys(word.upper() for word in tickers))


@pytest.mark.parametrize(
    ("text", "line", "words", "hint"),
    [
        ('tickers = ["A"]\n[retrain]\nevry = 3\n', 3, "unknown key retrain.evry", "did you mean every?"),
        ('tickers = ["A"]\n[model]\nhidden-size = 3\n', 3, "unknown key model.hidden-size", "did you mean hidden_size"),
        ('tickers = ["A"]\n[retrian]\nevery = 3\n', 2, "unknown table [retrian]", "did you mean retrain?"),
        ('tickers = ["A"]\nevery = 3\n', 2, "unknown key every", "every belongs into [retrain]"),
        ('[model]\ntickers = ["A"]\n', 2, "unknown key model.tickers", "above the first [table]"),
        ('tickers = ["A"]\n[model]\nhorizon = 2\n', 3, "unknown key model.horizon", "belongs into [forecast]"),
        ('tickers = ["A"]\n[model]\nchunk = 2\n', 3, "unknown key model.chunk", "known here: init, cell, hidden_size"),
        ('tickers = ["A"]\nretrain.evry = 3\n', 2, "unknown key retrain.evry", "did you mean every?"),
        ('tickers = ["A"]\n\nretrain = {every = -1}\n', 3, "retrain.every = -1", ""),
        ('tickers = ["A"]\nmodel = "lstm"\n', 2, 'model = "lstm" is no table', "write [model] on a line"),
        ('tickers = ["A"]\n[[model]]\n', 2, "is no table", "write [model]"),
    ],
)
def test_unknown_keys_are_refused_with_their_line_and_the_nearest_name(
    tmp_path: Path, text: str, line: int, words: str, hint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_run_config(write(tmp_path, text))
    assert caught.value.message.startswith(f"{tmp_path / 'stockcast.toml'}, line {line}: ")
    assert words in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("table", "assignment", "allowed"),
    [
        ("retrain", 'every = "often"', "a whole number"),
        ("retrain", "every = 2.5", "a whole number"),
        ("retrain", "every = true", "a whole number"),
        ("retrain", "first = 1", "true or false"),
        ("model", "cell = 1", "a text in quotes"),
        ("model", 'cell = ""', "a text in quotes"),
        ("model", "learning_rate = nan", "a number"),
        ("model", f"learning_rate = 1{'0' * 400}", "a number"),
        ("model", 'validate_from = "2021-03-31"', "a date without quotes, such as 2021-03-31"),
        ("model", "test_from = 2021-03-31T00:00:00", "a date without quotes"),
        ("forecast", "calibrate = []", "true or false"),
        ("output", "csv = 1", "true, false or a file name"),
        ("output", "folder = false", "a text in quotes"),
        ("limits", 'timeout = "600"', "a number"),
    ],
)
def test_a_value_of_the_wrong_type_is_named_with_what_is_allowed(
    tmp_path: Path, table: str, assignment: str, allowed: str
) -> None:
    error = refused(tmp_path, f'tickers = ["A"]\n[{table}]\n# a comment\n{assignment}\n')
    key, value = assignment.split(" = ")
    assert "line 4: " in error.message
    assert f"{table}.{key} = {value[:40]}" in error.message.replace("NaN", "nan").replace(" 00:00:00", "T00:00:00")
    assert allowed in error.hint


@pytest.mark.parametrize(
    ("table", "assignment", "allowed"),
    [
        ("retrain", "every = -1", "0 .. 10000"),
        ("model", 'cell = "transformer"', "lstm, gru, rnn"),
        ("model", "dropout = 1.0", "0 .. 1"),
        ("model", "lookback = 1", "2 .. 1000"),
        ("model", "seeds = 0", "1 .. 100"),
        ("model", "validation_share = 0.0", "0 .. 1"),
        ("model", "test_share = 0.9", "leave sessions"),
        ("forecast", "horizon = 0", "1 .. 250"),
        ("forecast", "paths = 99", "100 .. 1000000"),
        ("forecast", "seed = -1", "0 .. 2147483647"),
        ("output", 'csv = "../../etc/passwd"', "a name without folders"),
        ("output", 'csv = ""', "a name without folders"),
        ("output", 'csv = "LATEST.json"', "names of their own"),
        ("limits", "timeout = 0", "1 .. 86400"),
        ("limits", "pause = -0.5", "0 .. 600"),
        ("limits", "give_up_after = 0", "1 .. 1000"),
    ],
)
def test_a_value_out_of_range_is_named_with_what_is_allowed(
    tmp_path: Path, table: str, assignment: str, allowed: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_run_config(write(tmp_path, f'tickers = ["A"]\n[{table}]\n{assignment}\n'))
    error = caught.value
    assert f"{tmp_path / 'stockcast.toml'}, line " in error.message
    assert assignment.split(" = ", maxsplit=1)[0] in error.message
    assert allowed in f"{error.message} {error.hint}"


def test_keys_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    error = refused(tmp_path, 'tickers = ["A"]\n[model]\nsteps = 3\nepochs = 4\n')
    assert "line 2: [model]: steps and epochs" in error.message
    error = refused(tmp_path, 'tickers = ["A"]\n[model]\nvalidate_from = 2022-01-03\ntest_from = 2021-01-04\n')
    assert "2022-01-03" in error.message


@pytest.mark.parametrize("text", ["", "tickers = []", "# nothing\n[retrain]\nevery = 5\n"])
def test_a_file_without_tickers_is_refused(tmp_path: Path, text: str) -> None:
    assert 'tickers = ["AAPL"]' in refused(tmp_path, text).hint


@pytest.mark.parametrize(
    "value", ['"AAPL"', "[1]", '["AAPL", 5]', '["../AAPL.csv"]', '["A B"]', '[""]', '["AAPL.csv"]', "{}"]
)
def test_what_is_no_list_of_tickers_is_refused(tmp_path: Path, value: str) -> None:
    assert "line 2: tickers" in refused(tmp_path, f"\ntickers = {value}\n").message


def test_an_error_of_syntax_has_its_line(tmp_path: Path) -> None:
    assert "line 3" in refused(tmp_path, 'tickers = ["A"]\n[model]\ncell = lstm\n').message
    assert "twice" in refused(tmp_path, 'tickers = ["A"]\n[model]\n[model]\n').message


def test_a_missing_file_is_answered_with_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no configuration .*stockcast\.toml") as caught:
        load_run_config(tmp_path / "stockcast.toml")
    assert "stockcast run --write-config" in caught.value.hint


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the configuration"):
        load_run_config(tmp_path)


def test_bytes_that_are_not_utf8_are_refused_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "stockcast.toml"
    path.write_bytes(b'tickers = ["A"]\n# Z\xfcrich\n')
    with pytest.raises(ConfigError, match=r"stockcast\.toml, line 2: not UTF-8"):
        load_run_config(path)


def test_the_mark_and_the_line_ends_of_a_windows_editor_are_accepted(tmp_path: Path) -> None:
    path = tmp_path / "stockcast.toml"
    path.write_bytes(b'\xef\xbb\xbftickers = ["A"]\r\n[limits]\r\npause = 2\r\n')
    assert load_run_config(path).limits.pause == 2.0


def test_a_watchlist_alone_is_enough_and_its_mistakes_name_its_lines(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("A\nAAPL Apple\n")
    with pytest.raises(ConfigError, match=r"list\.txt, line 2: 'AAPL Apple' is no ticker"):
        load_run_config(write(tmp_path, 'watchlist = "list.txt"'))
    (tmp_path / "list.txt").write_text("A\n")
    assert load_run_config(write(tmp_path, 'watchlist = "list.txt"')).tickers == ("A",)
    assert "watchlist = 5 is not a text" in refused(tmp_path, "watchlist = 5").message


def test_an_absolute_output_folder_stays_where_it_is(tmp_path: Path) -> None:
    text = f'tickers = ["A"]\n[output]\nfolder = "{(tmp_path / "elsewhere").as_posix()}"\n'
    output = load_run_config(write(tmp_path, text)).output
    assert output.csv_path == tmp_path / "elsewhere" / "forecasts.csv"


def test_the_files_that_are_switched_off_have_no_path(tmp_path: Path) -> None:
    text = 'tickers = ["A"]\n[output]\njsonl = false\ncsv = false\nlatest = false\n'
    output = load_run_config(write(tmp_path, text)).output
    assert (output.jsonl_path, output.csv_path, output.latest_path) == (None, None, None)


@given(st.text(max_size=80))
def test_whatever_the_file_holds_it_is_read_or_explained(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("config") / "stockcast.toml"
    path.write_text('tickers = ["A"]\n' + text, encoding="utf-8", newline="", errors="replace")
    assert str(path) in (complaint(path) or str(path))


toml_values = st.one_of(
    st.booleans().map(lambda value: "true" if value else "false"),
    st.integers().map(str),
    st.floats().map(repr),
    st.dates().map(str),
    st.sampled_from(['"x"', "[]", "{}", "[[1]]", "07:30:00", "2021-01-01T00:00:00Z"]),
)


@given(st.sampled_from([key for keys in known_keys().values() for key in keys]), toml_values)
def test_a_known_key_takes_a_value_or_is_named_in_the_complaint(
    tmp_path_factory: pytest.TempPathFactory, key: Key, value: str
) -> None:
    path = tmp_path_factory.mktemp("config") / "stockcast.toml"
    path.write_text(f'tickers = ["A"]\n{key.dotted} = {value}\n')
    tomllib.loads(path.read_text())
    said = complaint(path)
    assert said is None or (f"{path}, line 2: " in said and key.name in said)


def test_covariates_are_tickers_or_files_beside_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "stockcast.toml"
    path.write_text(
        'tickers = ["AAPL"]\n[model]\nwith = ["^GSPC", "idx/FTSE.csv@XLON", "/abs/x.csv"]\n'
        'known_ahead = "earnings.csv"\n'
    )
    found = load_run_config(path).train.covariates
    assert found.sources == ("^GSPC", str(tmp_path / "idx/FTSE.csv@XLON"), "/abs/x.csv")
    assert found.known_ahead == str(tmp_path / "earnings.csv")


@pytest.mark.parametrize("value", ['"^GSPC"', "[1]", '[""]', "true"])
def test_covariates_are_a_list_of_texts(tmp_path: Path, value: str) -> None:
    path = tmp_path / "stockcast.toml"
    path.write_text(f'tickers = ["AAPL"]\n[model]\nwith = {value}\n')
    with pytest.raises(ConfigError, match=r"line 3: model\.with = .* is not a list of texts"):
        load_run_config(path)


@pytest.mark.parametrize(
    ("lines", "key"),
    [("[output]\nfolder = '~nobody7/x'", "output.folder"), ("[model]\nevents = '~nobody7/x'", "model.events"),
     ("[model]\nwith = ['~nobody7/x.csv']", "model.with"), ("watchlist = '~nobody7/x'", "watchlist")],
)  # fmt: skip
def test_the_home_of_a_user_that_is_not_known_is_told(tmp_path: Path, lines: str, key: str) -> None:
    path = tmp_path / "stockcast.toml"
    path.write_text(f'tickers = ["AAPL"]\n{lines}\n')
    with pytest.raises(ConfigError, match=rf"line \d: {key}: .* the home folder ~nobody7 is not known"):
        load_run_config(path)


def test_dates_of_reports_are_a_file_beside_the_configuration_or_none(tmp_path: Path) -> None:
    path = tmp_path / "stockcast.toml"
    path.write_text('tickers = ["AAPL"]\n[model]\nevents = "reports.csv"\n')
    assert load_run_config(path).read == ReadOptions(events=str(tmp_path / "reports.csv"))
    path.write_text('tickers = ["AAPL"]\n[model]\nno_events = true\n')
    assert load_run_config(path).read == ReadOptions(no_events=True)
    path.write_text('tickers = ["AAPL"]\n[model]\nevents = "reports.csv"\nno_events = true\n')
    with pytest.raises(ConfigError, match=r"line 2: \[model\]: events and no_events are two ways"):
        load_run_config(path)
    path.write_text('tickers = ["AAPL"]\n[model]\nevents = 3\n')
    with pytest.raises(ConfigError, match=r"line 3: model\.events = 3 is not a text"):
        load_run_config(path)
