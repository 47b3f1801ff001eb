"""Economics: what trading on the forecasts would have earned, by simple rules and after costs, and how sure that is.

A yardstick for forecasts, not advice: fills at the close that the forecast starts from, no market impact, no interest
on cash, no fee for borrowed shares, no tax. Positions are computed apart from the outcomes, from forecasts alone.

Legend: N consecutive sessions of one instrument, oldest first; element i belongs to the session after origin i.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from stockcast.errors import ConfigError, DataError
from stockcast.evaluation.sharpe import SharpeRatio, Trials
from stockcast.evaluation.significance import finite
from stockcast.prices.history import Floats

BUY_AND_HOLD, SIGN, VOLATILITY, SIGN_VOLATILITY = "buy-and-hold", "sign", "volatility-scaled", "sign-volatility-scaled"
STRATEGIES = (BUY_AND_HOLD, SIGN, VOLATILITY, SIGN_VOLATILITY)

_BASIS_POINT = 1e-4
_HINT = "leave out sessions without an outcome or a forecast"


@dataclass(frozen=True)
class Economics:
    """One strategy over n sessions of the past; it says nothing of returns to come.

    From simple returns on the capital, a cost of cost_bp taken off. annual_return: compounded, per year, as a share;
    -1.0 where the capital was lost. annual_volatility: standard deviation, as a share per root year. sharpe: mean over
    standard deviation, both per year, nothing taken off for the return of cash; sharpe_se: its standard error.
    max_drawdown: largest fall below an earlier height, as a share of that, 0 .. 1. turnover: capital bought and sold
    per year, in units of the capital. break_even_cost_bp: cost, in basis points of what is traded, at which the mean
    return is zero; negative where it is below zero at no cost, None where nothing was traded.

    deflated_sharpe_p: one-sided p-value of a Sharpe ratio above what the best of all tried settings shows by luck;
    None where a single setting was tried. NaN: too few sessions, or returns that do not vary.
    """

    strategy: str
    n: int
    cost_bp: float
    annual_return: float
    annual_volatility: float
    sharpe: float
    sharpe_se: float
    max_drawdown: float
    turnover: float
    break_even_cost_bp: float | None
    deflated_sharpe_p: float | None


@dataclass(frozen=True)
class PolicyVerdict:
    """What the past says of a policy beside buy-and-hold; it says nothing of returns to come.

    sharpe_difference: its Sharpe ratio after costs less that of holding, both per year; NaN where its returns do not
    vary. p_value: one-sided (Ledoit and Wolf 2008), 1.0 where there is no test. sentence: in words.
    """

    strategy: str
    sharpe_difference: float
    p_value: float
    cost_bp: float
    sentence: str


@dataclass(frozen=True)
class TradingRules:
    """Settings of the strategies. Raises ConfigError on a value out of its range.

    cost_bp: basis points of the value traded, at each trade, 0 or more. target_volatility: share per root year that the
    scaled strategies aim at. largest_position: cap of their positions, in units of the capital; up to 1.0, nothing is
    borrowed for a position bought. sessions_per_year: 252 for most exchanges. The last three are above 0.
    """

    cost_bp: float = 5.0
    target_volatility: float = 0.1
    largest_position: float = 1.0
    sessions_per_year: float = 252.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.cost_bp) and self.cost_bp >= 0.0):
            raise ConfigError(f"cost_bp = {self.cost_bp} is not a cost", "use 0 or more basis points")
        for name in ("target_volatility", "largest_position", "sessions_per_year"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0.0):
                raise ConfigError(f"{name} = {value} is not above 0", "use a positive number")


@dataclass(frozen=True, eq=False)
class Track:
    """What a sequence of positions earned and traded, as arrays [N].

    gross_N: simple return on the capital before costs. turnover_N: value traded at the origin to take up the position,
    in units of the capital, buying and selling alike.
    """

    gross_N: Floats
    turnover_N: Floats

    def net(self, cost_bp: float) -> Floats:
        """Simple returns on the capital [N] after a cost in basis points of what was traded."""
        return self.gross_N - cost_bp * _BASIS_POINT * self.turnover_N


def economics(
    y_N: ArrayLike,
    signal_N: ArrayLike,
    volatility_N: ArrayLike,
    rules: TradingRules | None = None,
    trials: Trials | None = None,
) -> tuple[Economics, ...]:
    """Every strategy over the same sessions, in the order of STRATEGIES.

    Args:
        y_N: Realised log returns, shape (N,), oldest first.
        signal_N: As in `positions`, shape (N,).
        volatility_N: As in `positions`, shape (N,).
        rules: Settings of the strategies; None: the defaults.
        trials: As in `assess`; holding throughout uses no forecast and was not chosen among them.

    Raises:
        DataError, ValueError: As `positions` and `traded` do.
    """
    rules = rules or TradingRules()
    return tuple(
        assess(
            strategy,
            traded(y_N, positions(strategy, signal_N, volatility_N, rules)),
            rules,
            None if strategy == BUY_AND_HOLD else trials,
        )
        for strategy in STRATEGIES
    )


def chosen_economics(
    y_N: ArrayLike, tried: Mapping[str, tuple[Floats, Floats]], chosen: str, rules: TradingRules | None = None
) -> tuple[Economics, ...]:
    """The strategies on one of several settings' forecasts, their Sharpe ratios deflated by what the others showed.

    Args:
        y_N: Realised log returns, shape (N,), oldest first.
        tried: Signal and volatility as in `positions`, by setting; each counts as one trial.
        chosen: The setting that is shown.
        rules: Settings of the strategies; None: the defaults.

    Returns:
        The figures of the chosen setting; with a single one, those of `economics`.

    Raises:
        DataError, ValueError: As `positions` and `traded` do.
    """
    rules = rules or TradingRules()
    every = {name: economics(y_N, *forecast, rules) for name, forecast in tried.items()}
    if len(every) == 1:
        return every[chosen]
    signal, volatility = tried[chosen]
    found = []
    for index, strategy in enumerate(STRATEGIES):
        ratios = [of_one[index].sharpe for of_one in every.values()]
        deflates = strategy != BUY_AND_HOLD and all(math.isfinite(ratio) for ratio in ratios)
        track = traded(y_N, positions(strategy, signal, volatility, rules))
        found.append(assess(strategy, track, rules, Trials.of(ratios) if deflates else None))
    return tuple(found)


def positions(strategy: str, signal_N: ArrayLike, volatility_N: ArrayLike, rules: TradingRules) -> Floats:
    """Share of the capital that a strategy holds over the session after each origin; below 0 it is sold short.

    buy-and-hold: 1. sign: the sign of the signal, 0 where that is 0. volatility-scaled: target volatility over forecast
    volatility, at most the cap; after Moreira and Muir 2017, Volatility-managed portfolios, who scale by the variance
    of last month. sign-volatility-scaled: the product of the two before. A row depends on that row's forecast alone,
    hence on nothing after its origin.

    Args:
        strategy: One of STRATEGIES.
        signal_N: The median of the forecast log return, or p_up - 0.5, shape (N,); only its sign counts.
        volatility_N: The forecast's standard deviation of one session's log return, shape (N,), as `Distribution.std`
            has it; the scale of a Student-t forecast is smaller than that by the factor sqrt((nu - 2) / nu).
        rules: Settings of the strategies.

    Returns:
        Positions in units of the capital, shape (N,).

    Raises:
        DataError: A value is not finite, or a volatility is not above 0.
        ValueError: The lengths differ, or there is no such strategy.
    """
    signal, volatility = finite("signal", signal_N, _HINT), finite("forecast volatility", volatility_N, _HINT)
    if signal.shape != volatility.shape:
        raise ValueError(f"{len(signal)} signals against {len(volatility)} volatilities")
    if (volatility <= 0.0).any():
        row = int(np.argmax(volatility <= 0.0))
        raise DataError(f"forecast volatility is {volatility[row]} at row {row}", _HINT)
    target = rules.target_volatility / math.sqrt(rules.sessions_per_year)
    scaled_N = np.minimum(target / volatility, rules.largest_position)
    by_strategy: dict[str, Floats] = {
        BUY_AND_HOLD: np.ones_like(signal),
        SIGN: np.sign(signal),
        VOLATILITY: scaled_N,
        SIGN_VOLATILITY: np.sign(signal) * scaled_N,
    }
    if strategy not in by_strategy:
        raise ValueError(f"no strategy {strategy!r}: {', '.join(STRATEGIES)}")
    return by_strategy[strategy]


def traded(y_N: ArrayLike, position_N: ArrayLike) -> Track:
    """Gross returns and turnover of holding position i over a session of log return y i.

    R = exp(y) - 1; gross = position * R; turnover = |position - what the last one has become|: w (1 + R) / (1 + w R)
    for a last position w, 0 at the start. So a position of 1 that is kept is traded once, and one of 0.5 a little each
    session. The last position is not closed. What costs take from the capital does not enter: it is of second order.

    Args:
        y_N: Realised log returns, shape (N,), oldest first.
        position_N: Positions in units of the capital, shape (N,).

    Raises:
        DataError: A value is not finite.
        ValueError: The lengths differ.
    """
    y, position = finite("return", y_N, _HINT), finite("position", position_N, _HINT)
    if y.shape != position.shape:
        raise ValueError(f"{len(y)} returns against {len(position)} positions")
    simple = np.expm1(y)
    gross = position * simple
    left = 1.0 + gross > 0.0  # a position sold short or borrowed for can lose more than the capital
    become = np.divide(position * (1.0 + simple), 1.0 + gross, out=np.zeros_like(y), where=left)
    before = np.concatenate([[0.0], become])[:-1]
    return Track(gross, np.abs(position - before))


def assess(strategy: str, track: Track, rules: TradingRules, trials: Trials | None = None) -> Economics:
    """The figures of a track after costs; see `Economics`.

    sharpe and sharpe_se: `SharpeRatio` of the net returns, times sqrt(sessions per year). deflated_sharpe_p: one minus
    `SharpeRatio.deflated`, 1.0 where the ratio is undefined. break_even_cost_bp = mean gross return / mean turnover.
    annual_return = (final / initial capital)^(sessions per year / n) - 1; where a session takes all the capital, it is
    -1 and the drawdown 1, and the other figures go on as if it had been put in anew.

    Args:
        strategy: Its name.
        track: What its positions earned and traded.
        rules: Costs and sessions per year.
        trials: The settings that were tried, their variance that of Sharpe ratios per year; None, or one: nothing was
            chosen.

    Returns:
        The figures. NaN: annual_return and turnover without sessions, annual_volatility below two sessions, sharpe and
        sharpe_se also where returns do not vary beyond rounding.
    """
    net, year, root_year = track.net(rules.cost_bp), rules.sessions_per_year, math.sqrt(rules.sessions_per_year)
    n, turnover, ratio = len(net), float(track.turnover_N.sum()), SharpeRatio.of(net)
    return Economics(
        strategy=strategy,
        n=n,
        cost_bp=rules.cost_bp,
        annual_return=annual_return(net, year),
        annual_volatility=float(np.std(net, ddof=1)) * root_year if n > 1 else math.nan,
        sharpe=ratio.value * root_year,
        sharpe_se=ratio.standard_error * root_year,
        max_drawdown=max_drawdown(net),
        turnover=turnover / n * year if n else math.nan,
        break_even_cost_bp=float(track.gross_N.sum()) / turnover / _BASIS_POINT if turnover > 0.0 else None,
        deflated_sharpe_p=_deflated_p(ratio, trials, year),
    )


def annual_return(net_N: ArrayLike, sessions_per_year: float = 252.0) -> float:
    """Compounded return per year, as a share: (prod (1 + r))^(sessions per year / n) - 1.

    Args:
        net_N: Simple returns, shape (N,).
        sessions_per_year: 252 for most exchanges.

    Returns:
        A share; -1.0 from the session on that takes all the capital, NaN without sessions.
    """
    capital = _capital(net_N)
    n = len(capital) - 1
    if n == 0:
        return math.nan
    with np.errstate(over="ignore"):  # a few wild sessions compounded over a year: infinite
        return float(np.power(capital[-1], sessions_per_year / n)) - 1.0


def max_drawdown(net_N: ArrayLike) -> float:
    """Largest fall of the capital below its highest earlier value, the initial one included, as a share of it.

    Direction: lower is better.

    Args:
        net_N: Simple returns, shape (N,).

    Returns:
        A share, 0 .. 1; 0 without a loss, or without sessions.

    Reference: Magdon-Ismail and Atiya 2004, Maximum drawdown.
    """
    capital = _capital(net_N)
    return float(np.max(1.0 - capital / np.maximum.accumulate(capital)))


def _capital(net_N: ArrayLike) -> Floats:
    """Capital at the start and after each session, from 1."""
    growth = np.maximum(1.0 + finite("return", net_N, _HINT), 0.0)
    return np.concatenate([[1.0], np.cumprod(growth)])


def _deflated_p(ratio: SharpeRatio, trials: Trials | None, sessions_per_year: float) -> float | None:
    if trials is None or trials.number == 1:
        return None
    deflated = ratio.deflated(Trials(trials.number, trials.sharpe_variance / sessions_per_year))
    return 1.0 if math.isnan(deflated) else 1.0 - deflated
