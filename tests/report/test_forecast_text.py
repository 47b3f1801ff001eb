from __future__ import annotations

from dataclasses import replace

import pytest
from rich.cells import cell_len

from stockcast.evaluation.serving import InitialResult
from stockcast.forecasts import PolicyPosition
from stockcast.report.forecast import forecasts_text
from stockcast.report.models import model_text, models_text
from stockcast.report.text import Page
from stockcast.report.training import trainings_text
from stockcast.results import TrainResult
from tests.report.samples import DAMAGED, FORECAST, MODEL, PENNY, SECOND_STEP, SENTENCE, TRAINED


def joined(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("width", [60, 80, 99, 100, 120, 160])
def test_no_line_is_longer_than_the_page_and_no_figure_is_cut(width: int) -> None:
    for text in (
        trainings_text([TRAINED], Page(width)),
        forecasts_text([FORECAST, SECOND_STEP, PENNY], Page(width)),
        models_text([MODEL, DAMAGED], Page(max(width, 75))),
    ):
        assert max(cell_len(line) for line in text.splitlines()) <= max(width, 75)
        assert "…" not in text
    assert SENTENCE in joined(trainings_text([TRAINED], Page(width)))


def test_competitors_are_sorted_by_crps_and_the_undefined_come_last() -> None:
    text = trainings_text([TRAINED], Page(140))
    order = [line.split()[0] for line in text.splitlines() if "51.2 %" in line]
    assert order == [">", "har-t", "garch-t", "random-walk", "drift"]


def test_a_baselines_row_has_the_networks_skill_against_it() -> None:
    row = next(line for line in trainings_text([TRAINED], Page(140)).splitlines() if line.startswith("  har-t"))
    assert row.split()[1:5] == ["112.45", "+0.40", "%", "0.020"]


def test_a_training_says_what_was_scored_and_what_is_served() -> None:
    text = trainings_text([TRAINED], Page(100))
    assert "scored: lstm, trained to 2019-09-30\n" in text
    assert "served: har-t, refitted on everything to 2021-03-31\n" in text
    unfitted = replace(TRAINED, served_cutoff=TRAINED.scored_cutoff)
    assert "served: har-t, the one that was scored\n" in trainings_text([unfitted], Page(100))


def test_a_training_shows_the_parts_with_dates_and_counts() -> None:
    rows = [line.split() for line in trainings_text([TRAINED], Page(80)).splitlines()]
    assert ["validation", "2017-06-02", "2019-09-30", "377"] in rows


def test_a_training_without_scores_or_forecasts_is_still_a_report() -> None:
    bare: TrainResult = replace(TRAINED, scores=(), comparisons=(), forecasts=(), steps=())
    text = trainings_text([bare], Page(80))
    assert "nothing was scored" in text
    assert "Next forecast" not in text


def test_forecasts_have_a_row_per_step_and_a_verdict_per_ticker() -> None:
    text = forecasts_text([FORECAST, SECOND_STEP, PENNY], Page(140))
    rows = [line for line in text.splitlines() if line.startswith(("AAPL  ", "PENNY  "))]
    assert [row.split()[2] for row in rows] == ["2021-04-01", "2021-04-05", "2021-04-01"]
    assert joined(text).count(SENTENCE) == 2


def test_a_forecast_says_how_old_its_data_is() -> None:
    assert "last close 122.15 USD on 2021-03-31, 3 sessions old" in forecasts_text([FORECAST], Page())
    assert "last close 0.01234 on 2021-03-31, the newest session" in forecasts_text([PENNY], Page())


def test_what_a_narrow_table_leaves_out_stands_below_it() -> None:
    text = forecasts_text([FORECAST], Page(60))
    assert "served by" not in text.splitlines()[0]
    assert "served by har-t" in joined(text)
    assert "118.90 .. 125.80" in text


def rows_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if "2021-04-0" in line]


@pytest.mark.parametrize("width", [100, 120, 160])
def test_a_row_ends_with_the_closes_and_the_fan_on_one_scale(width: int) -> None:
    prices = (110.0, 130.0, *[120.0] * 27, 122.5)
    low = replace(FORECAST, recent_closes=prices, quantiles=dict.fromkeys(FORECAST.quantiles, 110.0))
    high = replace(low, horizon=2, quantiles=dict.fromkeys(FORECAST.quantiles, 150.0))
    header, _, first, second, *_ = forecasts_text([low, high], Page(width)).splitlines()
    assert header.split()[-3:] == ["closes", "5-95", "%"]
    closes, fan = first.split()[-2:]
    assert fan == "▁▁▁▁▁"
    assert 6 <= len(closes) <= 24
    # 122.5 lies at 0.31 of the way from 110 to 150: the third of eight heights.
    assert closes[-1] == "▃"
    assert second.split()[-2:] == [closes, "█████"]


def test_the_fan_rises_from_5_to_95_per_cent() -> None:
    row = rows_of(trainings_text([TRAINED], Page(100)))[-1]
    closes, fan = row.split()[-2:]
    assert len(set(closes)) > 1
    assert (fan[0], fan[-1]) == ("▁", "█")
    assert list(fan) == sorted(fan)


def test_a_page_without_blocks_draws_closes_and_fan_in_ascii() -> None:
    assert forecasts_text([FORECAST], Page(120, unicode=False)).isascii()
    assert "closes" in forecasts_text([FORECAST], Page(120, unicode=False))


def test_closes_are_dim_and_the_fan_is_bright_where_there_is_colour() -> None:
    row = rows_of(forecasts_text([FORECAST], Page(120, colour=True)))[0]
    closes, fan = rows_of(forecasts_text([FORECAST], Page(120)))[0].split()[-2:]
    assert f"\x1b[2m{closes}" in row
    assert f"\x1b[1m{fan}" in row


@pytest.mark.parametrize("width", [60, 75, 80])
def test_a_narrow_table_is_what_it_would_be_without_a_drawing(width: int) -> None:
    steps = [FORECAST, SECOND_STEP]
    bare = [replace(step, recent_closes=()) for step in steps]
    assert forecasts_text(steps, Page(width)) == forecasts_text(bare, Page(width))


def test_columns_that_the_words_below_repeat_make_room_for_a_longer_drawing() -> None:
    known, bare = (
        forecasts_text([f], Page(110)).splitlines()[0] for f in (FORECAST, replace(FORECAST, recent_closes=()))
    )
    assert "origin" in bare
    assert "closes" in known
    assert "origin" not in known
    assert "last close" in known


def test_forecasts_without_closes_have_no_drawing() -> None:
    text = forecasts_text([PENNY], Page(160))
    assert "closes" not in text
    both = rows_of(forecasts_text([FORECAST, PENNY], Page(160)))
    assert [row.split()[-1] == "har-t" for row in both] == [False, True]


def test_models_are_listed_with_cell_cutoff_and_state() -> None:
    _, _, good, damaged = models_text([MODEL, DAMAGED], Page(100)).splitlines()
    assert good.split() == ["AAPL", "AAPL", "gru", "har-t", "2021-03-31", "ready"]
    assert damaged.endswith("damaged: the manifest is no JSON")


def test_a_model_is_shown_without_its_parameters() -> None:
    text = model_text(MODEL, Page(80))
    assert "config.network.lookback: 60\n" in text
    assert "features: 12 values\n" in text
    assert "seeds: 0, 1, 2, 3\n" in text
    assert "nu" not in text.split()
    assert "damaged: the manifest is no JSON" in model_text(DAMAGED, Page(80))


def test_a_training_says_what_became_of_the_networks_that_it_began_with() -> None:
    kept = InitialResult("general", "aa", "bb", True, 0.0110, 0.010989, 0.26)
    served = replace(TRAINED, init=kept, verdict=replace(TRAINED.verdict, served_by="lstm"))
    words = joined(trainings_text([served], Page(140)))
    assert "served: lstm, the newest of the general model as it is" in words
    assert "refitted" not in words
    unscored = replace(served, scores=(), served_cutoff=served.scored_cutoff)
    assert "served: lstm, the newest of the general model as it is" in joined(trainings_text([unscored], Page(140)))
    assert "served: har-t, refitted on everything" in joined(trainings_text([replace(TRAINED, init=kept)], Page(140)))
    assert (
        "network: the general model unchanged, since tuning it on AAPL brought no statistically significant "
        "improvement (+0.10 % on the validation part, p = 0.26)"
    ) in words
    tuned = replace(kept, name="sp500", kept=False, tuned_crps=0.0108, p=0.012)
    words = joined(trainings_text([replace(TRAINED, init=tuned)], Page(140)))
    assert "network: model sp500 tuned on AAPL, +1.82 % better on the validation part (p = 0.012)" in words
    assert "gradient steps of each member" in words


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_position_is_never_told_without_what_may_be_said_of_it(width: int) -> None:
    sentence = "Policy: no evidence of skill over holding (Sharpe -0.10, p = 0.60, after 5 bp)."
    held = replace(FORECAST, policy=PolicyPosition(-0.125, sentence))
    told = f"Position until the next close: -12.5 % of the capital. {sentence}"
    trained = replace(TRAINED, forecasts=(held,))
    for text in (forecasts_text([held, SECOND_STEP], Page(width)), trainings_text([trained], Page(width))):
        assert joined(text).count(told) == 1
        assert max(cell_len(line) for line in text.splitlines()) <= max(width, 75)
    assert "Position" not in forecasts_text([FORECAST], Page(width))
