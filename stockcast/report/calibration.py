"""What intervals held, and what methods of calibration make of them: tables and sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stockcast.report.tables import COVERAGE_90, Column, Table, basis_points_1, count, p_value, percent, percent_2
from stockcast.report.text import Block, Heading, Page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stockcast.evaluation.calibration import CalibrationReport, CoverageTable
    from stockcast.evaluation.calibrationeffects import CalibrationEffect


def calibration_words(known: CalibrationReport, outcomes: str = "") -> str:
    """How often the intervals held, and whether that may be chance.

    Args:
        known: The calibration.
        outcomes: Of how many outcomes, in words; empty: it is not said.
    """
    tests = known.coverage
    return (
        f"90 % intervals held {percent(tests.coverage)}{outcomes} (Kupiec's test of that share: p "
        f"{p_value(tests.kupiec_p)}; Christoffersen's, of misses that do not foretell one another: p "
        f"{p_value(tests.independence_p)})."
    )


AGAINST = "A small p speaks against the probabilities."


def pit_words(known: CalibrationReport) -> str:
    """What two tests say of the PITs."""
    pit = known.uniformity
    return f"Berkowitz p {p_value(pit.berkowitz_p)}, Kolmogorov-Smirnov p {p_value(pit.ks_p)}"


def effects_table(effects: Sequence[CalibrationEffect], errors: bool = False) -> Table[CalibrationEffect]:
    """The intervals before and after calibration.

    Args:
        effects: One for each method.
        errors: Whether to say how far the groups are off on average, in percentage points.
    """
    columns: list[Column[CalibrationEffect]] = [
        Column("calibration", lambda effect: effect.method, align="left"),
        Column(COVERAGE_90, lambda effect: effect.coverage_90, percent_2),
        Column("worst year", lambda effect: worst_group(effect.by_year), align="left"),
        Column("worst tenth", lambda effect: worst_group(effect.by_decile), rank=1, align="left"),
        Column("score\n90 %", lambda effect: effect.interval_score_90, basis_points_1),
    ]
    if errors:
        columns.insert(3, Column("mean error by year", lambda effect: _points(effect.by_year)))
        columns.insert(5, Column("mean error by tenth", lambda effect: _points(effect.by_decile)))
    return Table(tuple(columns), tuple(effects), "The intervals before and after calibration")


def worst_group(groups: CoverageTable) -> str | None:
    """The group whose coverage is furthest off, and that coverage."""
    return None if groups.worst is None else f"{groups.worst.group}: {percent(groups.worst.coverage)}"


def _points(groups: CoverageTable) -> str:
    return percent_2(groups.mean_error).removesuffix(" %")


def calibration_blocks(known: CalibrationReport, page: Page) -> list[Block]:
    """What the intervals of the network held, as a whole and where they held worst."""
    counts = known.uniformity.counts
    blocks = "▁▂▃▄▅▆▇█" if page.unicode else "12345678"
    drawn = "".join(blocks[min(7, 8 * number // (max(counts) + 1))] for number in counts)
    return [
        Heading("Calibration"),
        calibration_words(known),
        f"PIT by tenths {drawn}: {pit_words(known)}.",
        *_worst("year", known.by_year),
        *_worst("tenth of volatility (0 is the calmest)", known.by_decile),
        AGAINST,
    ]


def _worst(what: str, groups: CoverageTable) -> list[str]:
    if groups.worst is None:
        return []
    worst = groups.worst
    return [f"Worst {what}: {worst.group}, {percent(worst.coverage)} of {count(worst.n, 'session')}."]
