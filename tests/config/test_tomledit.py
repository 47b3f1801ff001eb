"""Settings are put into a stockcast.toml that somebody wrote, and nothing else of it changes."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from stockcast.config.runfile import parse_run_config
from stockcast.config.runs import config_text
from stockcast.config.tomledit import with_model_settings
from stockcast.errors import ConfigError

PATH = Path("stockcast.toml")
OWN = """\
tickers = ["AAPL"]  # mine

[model]   # how
# hidden_size = 16  # units per layer
seeds = 2   # few: it's quick
init = "general"

[output]
csv = false
"""
SETTINGS = {"hidden_size": 33, "seeds": 6, "init": "scratch", "learning_rate": 0.0012, "with": ["^VIX"]}


def test_keys_are_replaced_uncommented_or_added_and_all_else_stays() -> None:
    assert with_model_settings(PATH, OWN, SETTINGS) == (
        OWN.replace("# hidden_size = 16  #", "hidden_size = 33  #")
        .replace("seeds = 2   #", "seeds = 6  #")
        .replace('init = "general"\n', 'init = "scratch"\nlearning_rate = 0.0012\nwith = ["^VIX"]\n')
    )


def test_the_written_file_is_read_as_the_settings_say() -> None:
    for text in (OWN, config_text(["AAPL"]), 'tickers = ["AAPL"]\n', 'tickers = ["AAPL"]\n[model]'):
        changed = parse_run_config(PATH, with_model_settings(PATH, text, SETTINGS))
        before = parse_run_config(PATH, text)
        assert (changed.train.network.hidden_size, changed.train.training.seeds) == (33, 6)
        assert (changed.train.training.learning_rate, changed.train.init) == (0.0012, "scratch")
        assert changed.train.covariates.sources == ("^VIX",)
        assert (changed.tickers, changed.output, changed.train.split) == (
            before.tickers, before.output, before.train.split,
        )  # fmt: skip
        assert changed.train.network.layers == before.train.network.layers


def test_doing_it_again_changes_nothing() -> None:
    once = with_model_settings(PATH, config_text(["AAPL"]), SETTINGS)
    assert with_model_settings(PATH, once, SETTINGS) == once


def test_a_key_that_is_not_to_be_set_is_put_out_of_effect() -> None:
    text = OWN.replace("[output]", 'known_ahead = "dates.csv"  # elections\n\n[output]')
    changed = with_model_settings(PATH, text, {"known_ahead": None, "seeds": 3})
    assert '# known_ahead = "dates.csv"  # elections' in changed
    assert tomllib.loads(changed)["model"] == {"seeds": 3, "init": "general"}
    assert with_model_settings(PATH, OWN, {"known_ahead": None}) == OWN


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('tickers = ["A"]\nmodel = {seeds = 2}\n', "cannot be changed"),
        ('tickers = ["A"]\nmodel.seeds = 2\n', "cannot be changed"),
        ('tickers = ["A"]\n[model]\nwith = [\n  "B"\n]\n', "cannot be changed"),
        ('tickers = ["A"]\n[model]\nepochs = 20\n', "two ways to say one thing"),
        ('tickers = ["A"\n', "no TOML"),
        ('tickers = ["A"]\n[model]\nsedes = 2\n', "unknown key model.sedes"),
    ],
)
def test_what_cannot_be_merged_is_refused(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        with_model_settings(PATH, text, {"with": ["^VIX"], "steps": 50})
