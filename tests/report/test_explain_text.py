"""The page of `explain`: its sentence, its drawings, its words about gates, and that it fits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stockcast.explanation import Attribution, Explanation, FeatureEffect, UnitReading
from stockcast.models.attribution import READINGS
from stockcast.report.data import explain_data, plain
from stockcast.report.explain import explain_text, lead
from stockcast.report.text import Page, signed_bar, signed_shade, sparkline
from stockcast.report.words import meaning
from stockcast.windows.covariates import GROUPS
from stockcast.windows.features import features
from tests import synthetic
from tests.report.explanations import EXPLAINED, RISING, reading

WIDE, NARROW, PLAIN = Page(width=120), Page(width=40), Page(width=80, unicode=False)


def with_attribution(attribution: Attribution) -> Explanation:
    return replace(EXPLAINED, attribution=attribution)


def flowing(text: str) -> str:
    """Text without its line breaks."""
    return " ".join(text.split())


def test_the_first_sentence_says_how_much_wider_and_what_did_it() -> None:
    assert lead(EXPLAINED) == (
        "The network makes the interval for 2021-04-01 4.0 % wider than the base scale's: volume_surprise widens it "
        "most (+4.0 %), gap narrows it most (-0.8 %)."
    )
    assert flowing(explain_text(EXPLAINED, WIDE)).startswith(lead(EXPLAINED))


def test_a_narrower_interval_names_the_narrowing_feature_first() -> None:
    narrower = replace(
        EXPLAINED,
        width=replace(EXPLAINED.width, network_effect=-0.01),
        attribution=replace(EXPLAINED.attribution, correction=-0.01),
    )
    assert "1.0 % narrower than the base scale's: gap narrows" in lead(narrower)


def test_no_correction_is_as_wide_as_the_base_scales() -> None:
    a = EXPLAINED.attribution
    still = tuple(replace(feature, effect=0.0, size=0.0, share=0.0) for feature in a.features)
    none = replace(
        EXPLAINED,
        width=replace(EXPLAINED.width, network_effect=0.0),
        attribution=replace(a, correction=0.0, average=0.0, features=still),
    )
    assert lead(none).endswith("as wide as the base scale's: nothing in the window moves it.")


def test_a_correction_that_every_window_gets_is_called_that() -> None:
    a = replace(EXPLAINED.attribution, average=-0.2, correction=-0.168)
    assert "most is there whatever the window holds (-20.0 %)" in lead(with_attribution(a))


@pytest.mark.parametrize(
    ("target", "says"),
    [
        (
            "location",
            "moves the centre of the forecast for 2021-04-01 by +3.92 % of a base scale: volume_surprise raises",
        ),
        (
            "nu",
            "4.0 % more degrees of freedom above 2.05 than the base scale has: volume_surprise thins the tails most",
        ),
    ],
)
def test_the_other_corrections_have_sentences_of_their_own(target: str, says: str) -> None:
    assert says in lead(with_attribution(replace(EXPLAINED.attribution, target=target)))


def test_a_served_baseline_is_said_at_the_top() -> None:
    served = replace(EXPLAINED, subject=replace(EXPLAINED.subject, served_by="har-t"))
    assert "predict serves har-t: the network's correction is not in that forecast." in flowing(
        explain_text(served, WIDE)
    )
    assert "predict serves" not in explain_text(EXPLAINED, WIDE)


def test_effects_add_up_or_the_page_says_by_how_much_they_do_not() -> None:
    assert "Correction +3.92 = average +0.72 + effects +3.20." in explain_text(EXPLAINED, WIDE)
    occluded = replace(EXPLAINED.attribution, method="occlusion", remainder=0.01)
    text = flowing(explain_text(with_attribution(occluded), WIDE))
    assert "+ what no single value accounts for +1.00." in text
    assert "Occlusion blanks one value at a time" in text


def test_a_correction_at_its_bound_is_said_to_be() -> None:
    limited = replace(EXPLAINED, width=replace(EXPLAINED.width, limited=True))
    assert "its correction is at the bound" in flowing(explain_text(limited, WIDE))


def test_sessions_are_grouped_and_signed_in_the_heat_map() -> None:
    rows = [line.split() for line in explain_text(EXPLAINED, WIDE).splitlines()]
    assert ["0", "+█", "-░", "+2.20"] in rows
    assert ["1", "+░", "·", "+1.00"] in rows
    assert ["5-7", "·", "·", "0.00"] in rows


def test_many_features_of_covariates_have_letters_and_meanings_and_fit_the_page() -> None:
    columns = ("signed_return", "absolute_return", "level_over_year")
    names = [f"{name}:{column}" for name in ("^GSPC", "^VIX", *"ABCDEFGH") for column in columns]
    names += ["known:target", "other:made_up"]
    attribution = replace(
        EXPLAINED.attribution,
        names=tuple(names),
        features=tuple(FeatureEffect(name, 1.0, 0.01, 0.01, 1 / len(names)) for name in names),
        effects=tuple((*(0.0,) * (len(names) - 1), value) for value in (0.0,) * 7 + (0.05,)),
    )
    text = explain_text(with_attribution(attribution), WIDE)
    rows = [line.split() for line in text.splitlines()]
    assert any(row[:2] == ["a", "^GSPC:signed_return"] and row[-1] == "sign" for row in rows)
    level = next(row for row in rows if row[:2] == ["f", "^VIX:level_over_year"])
    assert level[-6:] == ["the", "level", "against", "the", "year's", "mean"]
    assert any(row[:2] == ["t", "E:absolute_return"] for row in rows)
    assert not any("E:level_over_year" in row for row in rows)
    assert ["12", "others", "+12.00", "38", "%", "all", "of", "them:", "--json"] in rows
    assert "the first 19. +" in flowing(text)
    assert ["0", *"·" * 19, "+5.00"] in rows
    assert max(map(len, text.splitlines())) <= WIDE.width


def test_the_forget_gate_is_explained_with_its_half_life_and_the_dates_of_its_extremes() -> None:
    text = flowing(explain_text(EXPLAINED, WIDE))
    assert "f_t = sigmoid(W x_t + U h_{t-1} + b) is the share of the cell state that is kept" in text
    assert "half of a memory is gone after 0.9 sessions" in text
    assert "lowest 0.10 on 2021-03-24, highest 0.80 on 2021-03-31, mean 0.45" in text
    assert "▁▂▃▄▅▆▇█" in text


@pytest.mark.parametrize("cell", READINGS)
def test_every_gate_of_every_cell_has_its_words(cell: str) -> None:
    other = replace(
        EXPLAINED,
        subject=replace(EXPLAINED.subject, cell=cell, served_by=cell),
        gates=tuple(reading(name) for name in READINGS[cell]),
    )
    assert f"Inside the {cell.upper()}" in explain_text(other, WIDE)


def test_stacked_layers_are_told_apart_and_units_are_listed() -> None:
    deep = replace(
        EXPLAINED,
        gates=(reading("forget", 1), reading("forget", 2)),
        units=(UnitReading(2, "forget", 1, 3, RISING),),
    )
    text = explain_text(deep, WIDE)
    assert "Forget gate, layer 1 of 2" in text
    assert "layer 2 member 1 unit 3 ▁▂▃▄▅▆▇█ 0.10 .. 0.80" in text
    assert "unit 3" in explain_text(deep, NARROW)


@pytest.mark.parametrize("page", [WIDE, NARROW, PLAIN, Page(width=60)])
def test_no_line_is_wider_than_the_page(page: Page) -> None:
    long = tuple(float(k % 7) for k in range(300))
    gates = tuple(replace(gate, values=long) for gate in EXPLAINED.gates)
    assert max(map(len, explain_text(replace(EXPLAINED, gates=gates), page).splitlines())) <= page.width


def test_a_page_without_blocks_is_drawn_in_ascii() -> None:
    text = explain_text(EXPLAINED, PLAIN)
    assert text.isascii()
    assert "+#" in text


def test_a_line_is_drawn_between_its_own_extremes_and_binned_where_it_is_too_long() -> None:
    assert sparkline([0.5, 0.5], WIDE, 10) == "▁▁"
    assert sparkline([], WIDE, 10) == ""
    assert sparkline([0, 0, 1, 1], WIDE, 2) == "▁█"
    assert len(sparkline(range(1000), WIDE, 33)) == 33


def test_bars_go_right_for_more_and_left_for_less() -> None:
    assert signed_bar(1.0, 1.0, 3, WIDE) == "   │███"
    assert signed_bar(-0.34, 1.0, 3, WIDE) == "  █│   "
    assert signed_bar(0.0, 0.0, 3, PLAIN) == "   |   "
    assert signed_shade(-1.0, 1.0, PLAIN) == "-#"
    assert signed_shade(0.0, 0.0, WIDE) == " ·"


def test_json_has_the_subject_at_the_top_and_the_parts_by_name() -> None:
    data = plain(explain_data(EXPLAINED))
    assert (data["ticker"], data["origin"]) == ("AAPL", "2021-03-31")
    assert data["width"]["terms"][0]["name"] == "range_1"
    assert data["attribution"]["effects"][-1] == [0.03, -0.008]
    assert [gate["name"] for gate in data["gates"]] == ["input", "forget", "candidate", "output", "cell"]


def test_every_column_that_a_network_may_see_is_explained() -> None:
    f = features(synthetic.history(60))
    names = [*f.names, *(name for group in GROUPS.values() for name in group)]
    assert [name for name in names if not meaning(name)] == []
    assert meaning("echo_quarters_4") == "largest shock 1 to 4 and 8 quarters ago, ±4 days"
    assert meaning("something") == ""
    assert max(len(meaning(name)) for name in names) <= 50
