"""Words for `explain`: what each feature means, and what each gate does, for someone who meets them the first time."""

from __future__ import annotations

import re

_MEANINGS = {
    "signed_return": "the return, with its sign",
    "absolute_return": "the size of the return",
    "ewma_over_year": "recent volatility against the year's",
    "day_over_week": "the day's range against the week's",
    "week_over_month": "the week's range against the month's",
    "month_over_year": "the month's range against the year's",
    "gap": "from the last close to the open",
    "volume_surprise": "volume against the 60 sessions before it",
    "volume_trend": "volume_surprise, mean of 5 sessions",
    "level_over_year": "the level against the year's mean",
    "known:target": "1 if the session forecast has a date known ahead",
    "known:before": "1 if the last session had one",
    "known:sessions_to_next": "how near the next one is",
    "known:since_last": "how near the last one is",
    "market_return": "mean return of the market",
    "market_volatility": "the market's volatility against its year's",
    "market_day_over_week": "the market's day against its week",
    "market_week_over_month": "the market's week against its month",
    "market_month_over_year": "the market's month against its year",
    "market_dispersion": "how far apart the stocks moved",
    "echo_soon": "shocks 85 and 358 days before",
    "echo_decay": "how fresh the last large shock is",
    "echo_ago": "sessions since the last large shock",
    "echo_recent": "largest shock of 22 sessions",
    "target_monday": "the next session is a Monday",
    "target_friday": "the next session is a Friday",
    "target_weekend": "days of weekend before it",
    "target_holiday": "days of holiday before it",
}
_PATTERNS = (
    (re.compile(r"echo_quarters_(\d)"), "largest shock 1 to 4 and 8 quarters ago, ±{0} days"),
    (re.compile(r"echo_beside_(\d)"), "the same a week to either side, ±{0} days"),
    (re.compile(r"echo_mean_(\d)"), "mean shock of 8 quarters, ±{0} days"),
    (re.compile(r"echo_years_(\d)"), "mean shock 1, 2, 3 years ago, ±{0} days"),
    (re.compile(r"echo_since_(\d+)"), "a large shock about {0} sessions ago"),
    (re.compile(r"echo_(\d+)"), "shock {0} days before"),
    (re.compile(r"gap_share_(\d+)"), "share of the night in the variance, {0} sessions"),
    (re.compile(r"return_share_(\d+)"), "share of the close's move in it, {0} sessions"),
    (re.compile(r"evenness_(\d+)"), "how evenly the variance came, {0} sessions"),
    (re.compile(r"trend_(\d+)"), "return of {0} sessions over its scale"),
    (re.compile(r"drawdown_(\d+)"), "below the top of {0} sessions"),
)


def meaning(name: str) -> str:
    """The words for a column, after the name of the covariate that it is of; nothing for one that is not known."""
    covariate, _, column = name.rpartition(":")
    if covariate and name not in _MEANINGS:
        return f"{covariate}: {_MEANINGS[column]}" if column in _MEANINGS else ""
    for pattern, words in _PATTERNS:
        found = pattern.fullmatch(name)
        if found:
            return words.format(*found.groups())
    return _MEANINGS.get(name, "")


GATE_WORDS = {
    ("lstm", "input"): (
        "Input gate",
        "i_t = sigmoid(W x_t + U h_{t-1} + b) is the share of the new candidate that is written into the cell state.",
        "Near 0 the session is ignored, near 1 it enters whole.",
    ),
    ("lstm", "forget"): (
        "Forget gate",
        "f_t = sigmoid(W x_t + U h_{t-1} + b) is the share of the cell state that is kept, for each unit and session.",
        "Near 1 the past is carried on, near 0 it is wiped: c_t = f_t * c_{t-1} + i_t * g_t.",
    ),
    ("lstm", "candidate"): (
        "Candidate",
        "g_t = tanh(W x_t + U h_{t-1} + b) is what the session would write into the cell state, between -1 and 1.",
        "It enters only as far as the input gate lets it: i_t * g_t.",
    ),
    ("lstm", "output"): (
        "Output gate",
        "o_t = sigmoid(W x_t + U h_{t-1} + b) is the share of the cell state that is shown: h_t = o_t * tanh(c_t).",
        "A unit can remember for long (forget gate near 1) and yet keep silent (output gate near 0).",
    ),
    ("lstm", "cell"): (
        "Cell state",
        "c_t = f_t * c_{t-1} + i_t * g_t is the memory itself: what was kept, and what was added.",
        "Every window starts from an empty memory, so it fills over the first sessions whatever they hold.",
    ),
    ("gru", "reset"): (
        "Reset gate",
        "r_t = sigmoid(W x_t + U h_{t-1} + b) is the share of the past that the candidate may see.",
        "Near 0 the candidate is written from the session alone, as if the past had not been.",
    ),
    ("gru", "update"): (
        "Update gate",
        "z_t = sigmoid(W x_t + U h_{t-1} + b) is the share of the state that is kept; the rest, 1 - z_t, is the new.",
        "It does the work of the forget and the input gate at once: h_t = (1 - z_t) * n_t + z_t * h_{t-1}.",
    ),
    ("gru", "candidate"): (
        "Candidate",
        "n_t = tanh(W x_t + b + r_t * (U h_{t-1} + b')) is the state that the session would write, between -1 and 1.",
        "It replaces the share 1 - z_t of the old state.",
    ),
    ("rnn", "hidden"): (
        "Hidden state",
        "h_t = tanh(W x_t + U h_{t-1} + b) is all that a plain cell has: no gate protects it.",
        "Each session rewrites it whole, which is why the past fades fast and LSTM and GRU were invented.",
    ),
}
"""By cell and name: title, what it is, how to read it."""

KEEPING = {"lstm": "forget", "gru": "update"}
"""The gate that decides how long the past lasts."""
