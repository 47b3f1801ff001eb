"""Pooled calibration against slow loops; the future moves nothing; one ticker alone is what it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from stockcast.evaluation.calibrationeffects import (
    CalibrationEffect,
    PoolSettings,
    TickerRecord,
    calibration_effects,
    pooled_effects,
)
from stockcast.evaluation.scores import Outcomes
from stockcast.models.distribution import StudentT
from stockcast.models.recalibration import PitRecalibration, PooledConformal

ONE_STOCK = PoolSettings(PooledConformal(), PitRecalibration())
GRID = np.arange(201) / 200


def forecasts(seed: int, n: int, width: float = 0.75, first: str = "2015-01-02") -> tuple[StudentT, Outcomes]:
    """Student-t outcomes of varying volatility, and forecasts of `width` times the scale, wider when it is high."""
    draw = np.random.default_rng(seed)
    log_scale = np.zeros(n)
    for t in range(1, n):
        log_scale[t] = 0.97 * log_scale[t - 1] + 0.1 * draw.standard_normal()
    scale, nu = 0.01 * np.exp(log_scale), 3.0 + 20.0 * draw.uniform(size=n)
    y = scale * draw.standard_t(nu) * np.sqrt((nu - 2) / nu) + 0.0005
    days = np.busday_offset(first, np.arange(n + 1), roll="forward").astype("datetime64[D]")
    dist = StudentT(np.zeros(n), width * scale * np.exp(0.3 * log_scale) * np.sqrt((nu - 2) / nu), nu)
    return dist, Outcomes(f"S{seed}", days[:-1], days[1:], np.full(n, 100.0), y)


def rows(dist: StudentT, o: Outcomes, chosen: slice | np.ndarray) -> tuple[StudentT, Outcomes]:
    part = Outcomes(o.ticker, o.origins[chosen], o.target_sessions[chosen], o.last_close_N[chosen], o.y_N[chosen])
    return dist[chosen], part


def pool(n: int, *seeds: int, first: str = "2015-01-02") -> list[TickerRecord]:
    return [TickerRecord(*forecasts(seed, n, first=first)) for seed in seeds]


def by_name(found: Sequence[CalibrationEffect]) -> dict[str, CalibrationEffect]:
    return {effect.method: effect for effect in found}


class Slow:
    """The five methods, row by row, from their definitions."""

    def __init__(self, records: Sequence[TickerRecord], settings: PoolSettings) -> None:
        self.settings = settings
        parts = [(stock, *part) for stock, record in enumerate(records) for part in record.parts()]
        self.stock = np.concatenate([np.full(len(dist), stock) for stock, dist, _, _ in parts])
        self.scored = np.concatenate([np.full(len(dist), scored) for _, dist, _, scored in parts])
        self.origin = np.concatenate([o.origins for _, _, o, _ in parts])
        self.target = np.concatenate([o.target_sessions for _, _, o, _ in parts])
        self.y = np.concatenate([o.y_N for _, _, o, _ in parts])
        nu, loc, scale = (np.concatenate([getattr(dist, k) for _, dist, _, _ in parts]) for k in ("nu", "loc", "scale"))
        self.dist = stats.t(nu, loc, scale)
        self.pit, std = self.dist.cdf(self.y), self.dist.std()
        self.decile = [self.rank(std, row) for row in range(len(std))]
        self.map, self.mapped = self.maps()

    def rank(self, std: np.ndarray, row: int) -> int:
        earlier = np.flatnonzero((self.stock == self.stock[row]) & (self.origin < self.origin[row]))
        before = std[sorted(earlier, key=lambda i: self.origin[i])[-500:]]
        return int(10 * (np.sum(before < std[row]) + 0.5) / (len(before) + 1)) if len(before) >= 100 else -1

    def alphas(self, pit: np.ndarray, c: PooledConformal) -> np.ndarray:
        alpha = np.full(len(pit), c.target)
        common, offset = c.target, dict.fromkeys(range(10), 0.0)
        for day in sorted(set(self.origin) | set(self.target)):
            due = np.flatnonzero(self.target == day).tolist()
            for i in due:
                missed = not alpha[i] / 2 <= pit[i] <= 1 - alpha[i] / 2
                common += c.gamma * (c.target - missed) / (len(due) + c.few)
                if self.decile[i] >= 0:
                    offset[self.decile[i]] += c.decile_gamma * (c.target - missed) / (len(due) + c.few)
            for i in np.flatnonzero(self.origin == day):
                alpha[i] = common + offset.get(self.decile[i], 0.0)
        assert ((alpha > 0.02) & (alpha < 0.3)).all()
        return alpha

    def maps(self) -> tuple[list[np.ndarray], np.ndarray]:
        to, maps = self.settings.recalibration, []
        decile = np.array(self.decile)
        for row, origin in enumerate(self.origin):
            past = self.target <= origin
            sessions = np.unique(self.target[past])[-to.window :]
            past &= np.isin(self.target, sessions)
            near = past & (decile >= 0) & (np.abs(decile - decile[row]) <= to.reach)
            found = self.drawn(self.pit[past], GRID, to.pooled_prior) if past.any() else GRID
            maps.append(self.drawn(self.pit[near], found, to.local_prior) if past.any() and decile[row] >= 0 else found)
        return maps, np.array([np.interp(pit, GRID, found) for pit, found in zip(self.pit, maps, strict=True)])

    @staticmethod
    def drawn(past: np.ndarray, prior: np.ndarray, weight: float) -> np.ndarray:
        n = len(past)
        share = ((past[:, None] < GRID).sum(axis=0) + 0.5) / (n + 1)
        share[0], share[-1] = 0.0, 1.0
        return (n * share + weight * prior) / (n + weight)

    def figures(self, alpha: np.ndarray, mapped: bool) -> tuple[float, float]:
        """Coverage and interval score of the scored rows."""
        low, high = alpha / 2, 1 - alpha / 2
        if mapped:
            low = np.array([np.interp(level, found, GRID) for level, found in zip(low, self.map, strict=True)])
            high = np.array([np.interp(level, found, GRID) for level, found in zip(high, self.map, strict=True)])
        a, b, y = self.dist.ppf(low), self.dist.ppf(high), self.y
        score = b - a + 20.0 * np.maximum(a - y, 0.0) + 20.0 * np.maximum(y - b, 0.0)
        return float(((a <= y) & (y <= b))[self.scored].mean()), float(score[self.scored].mean())

    def all(self) -> dict[str, tuple[float, float]]:
        c, fixed = self.settings.conformal, np.full(len(self.y), 0.1)
        return {
            "none": self.figures(fixed, False),
            "adaptive-conformal": self.figures(self.alphas(self.pit, replace(c, decile_gamma=0.0)), False),
            "adaptive-conformal by decile": self.figures(self.alphas(self.pit, c), False),
            "pit-by-decile": self.figures(fixed, True),
            "pit-by-decile + conformal": self.figures(self.alphas(self.mapped, c), True),
        }


def test_every_method_is_what_a_slow_loop_over_the_rows_says() -> None:
    settings = PoolSettings(PooledConformal(0.02, decile_gamma=0.03, few=2.0), PitRecalibration(150, 1, 20.0, 10.0))
    dist, outcomes = forecasts(1, 260, width=0.95)
    late = forecasts(2, 200, width=0.9, first="2015-05-01")
    records = [
        TickerRecord(*rows(dist, outcomes, slice(90, None)), rows(dist, outcomes, slice(0, 90))),
        TickerRecord(*late),
        TickerRecord(*forecasts(3, 230, width=1.2)),
    ]
    expected = Slow(records, settings).all()
    found = pooled_effects(records, settings)
    assert [effect.method for effect in found] == list(expected)
    for effect in found:
        coverage, score = expected[effect.method]
        assert effect.coverage_90 == coverage
        assert effect.interval_score_90 == pytest.approx(score, rel=1e-9)
        assert sum(group.n for group in effect.by_year.groups) == 170 + 200 + 230
    assert len({effect.interval_score_90 for effect in found}) == 5


def test_one_ticker_with_the_settings_of_one_is_calibrated_as_alone() -> None:
    dist, outcomes = forecasts(4, 450)
    together = by_name(pooled_effects([TickerRecord(dist, outcomes)], ONE_STOCK))
    for alone in calibration_effects(dist, outcomes):
        assert together[alone.method] == alone
    assert together["adaptive-conformal by decile"].by_year == together["adaptive-conformal"].by_year


def test_what_comes_later_changes_no_earlier_year() -> None:
    records = pool(420, 5, 6, first="2015-10-01")
    row, draw = np.arange(420), np.random.default_rng(0)
    cut = int(np.searchsorted(records[0].outcomes.target_sessions, np.datetime64("2017-01-01")))
    shuffled = np.concatenate([row[:cut], cut + draw.permutation(420 - cut)])
    changed = [
        # The scale of the first forecast of 2017 is known before its outcome, and counts for no other forecast.
        TickerRecord(
            replace(r.dist, scale=np.where(row > cut, 2.0, 1.0) * r.dist.scale),
            replace(r.outcomes, y_N=np.where(row >= cut, 3.0, 1.0) * r.outcomes.y_N[shuffled]),
        )
        for r in records
    ]
    for before, after in zip(pooled_effects(records), pooled_effects(changed), strict=True):
        past = [group for group in before.by_year.groups if group.group < "2017"]
        assert [group.n for group in past] == [2 * 65, 2 * 261]
        assert past == [group for group in after.by_year.groups if group.group < "2017"]
        assert before.by_year.groups != after.by_year.groups


def test_a_stock_whose_distributions_are_too_narrow_widens_the_others() -> None:
    alone, (wild,) = pool(400, 8), pool(400, 9)
    narrow = TickerRecord(replace(wild.dist, scale=0.3 * wild.dist.scale), wild.outcomes)
    # Its outcomes teach, but the scored rows are the same.
    silent = TickerRecord(*rows(narrow.dist, narrow.outcomes, slice(0, 0)), (narrow.dist, narrow.outcomes))
    for before, after in zip(pooled_effects(alone), pooled_effects([*alone, silent]), strict=True):
        assert after.coverage_90 > before.coverage_90 or before.method == "none"


def test_earlier_forecasts_teach_and_are_not_scored() -> None:
    whole = pool(450, 10, 11, first="2015-10-01")
    cut = int(np.searchsorted(whole[0].outcomes.target_sessions, np.datetime64("2017-01-01")))
    split = [
        TickerRecord(*rows(r.dist, r.outcomes, slice(cut, None)), rows(r.dist, r.outcomes, slice(0, cut)))
        for r in whole
    ]
    cold = pooled_effects([TickerRecord(r.dist, r.outcomes) for r in split])
    for all_rows, late, untaught in zip(pooled_effects(whole), pooled_effects(split), cold, strict=True):
        assert late.by_year.groups == tuple(group for group in all_rows.by_year.groups if group.group >= "2017")
        assert sum(group.n for group in late.by_decile.groups) == 2 * (450 - cut)
        assert (late.interval_score_90 == untaught.interval_score_90) == (late.method == "none")


def test_a_wrong_width_of_each_volatility_is_mended_for_all_together() -> None:
    none, common, *by_decile = pooled_effects(pool(1000, *range(12, 22)))
    assert none.coverage_90 < 0.85
    for method in (common, *by_decile):
        assert method.interval_score_90 < none.interval_score_90
        assert abs(method.coverage_90 - 0.9) < 0.25 * abs(none.coverage_90 - 0.9)
    for method in by_decile:
        assert method.by_decile.mean_error < 0.8 * common.by_decile.mean_error
    assert by_decile[0].by_decile.mean_error < 0.5 * common.by_decile.mean_error


def test_the_order_of_the_tickers_and_of_their_rows_is_of_no_account() -> None:
    records = pool(200, 20, 21, 22)
    shuffled = [
        TickerRecord(*rows(r.dist, r.outcomes, np.random.default_rng(0).permutation(200))) for r in reversed(records)
    ]
    for one, other in zip(pooled_effects(records), pooled_effects(shuffled), strict=True):
        assert one.by_year == other.by_year
        assert one.by_decile == other.by_decile
        assert one.interval_score_90 == pytest.approx(other.interval_score_90, rel=1e-12)


def test_two_records_of_one_name_are_two_stocks() -> None:
    one, other = pool(200, 23, 24)
    same = TickerRecord(other.dist, replace(other.outcomes, ticker=one.outcomes.ticker))
    assert pooled_effects([one, same]) == pooled_effects([one, other])


def test_nothing_to_calibrate_gives_nothing() -> None:
    dist, outcomes = forecasts(26, 5)
    assert pooled_effects([]) == ()
    assert pooled_effects([TickerRecord(*rows(dist, outcomes, slice(0, 0)), (dist, outcomes))]) == ()


def test_distributions_without_their_outcomes_are_refused() -> None:
    dist, outcomes = forecasts(27, 5)
    with pytest.raises(ValueError, match="4 distributions with 5 outcomes of S27"):
        TickerRecord(dist[:4], outcomes)
    with pytest.raises(ValueError, match="4 distributions with 5 outcomes"):
        TickerRecord(dist, outcomes, (dist[:4], outcomes))
