"""Words that are said otherwise than in the commit that goldens are compared with: a pattern, and what it becomes.

Patterns meet texts in which spaces, line ends, rules and hyphens have become single spaces. A heading that is broken in
two has its first line before the headings of the other columns, and its second one in its place.
"""

import re

_NAMES = (
    ("gjr garch t", "GJR GARCH t"), ("garch t", "GARCH t"), ("har t", "HAR t"), ("random walk", "random walk"),
)  # fmt: skip

WORDS: tuple[tuple[str, str], ...] = (
    # Completion and the versions of packages are options of their own.
    (
        r"Print the version and leave help",
        (
            "Print the version, and leave; with v those of packages"
            " install completion <bool> Install completion for the current shell."
            " show completion <bool> Show completion for the current shell, to copy it or customize the installation."
            " help"
        ),
    ),
    # The field's words.
    (r"\bUnits silenced in training\b", "Dropout rate"),
    (r"\bPull of the weights to 0\b", "Weight decay"),
    (r"\bNetworks to begin with\b", "Initial weights"),
    (r"\bMore of the story on stderr\b", "More of the log on stderr"),
    (r"\bagainst what happened, beside the baselines", "against what happened, next to the baselines"),
    (r"# networks to begin with, general, scratch or", "# initial weights: general, scratch or"),
    (r"# share of units silenced in training", "# dropout rate"),
    (r"# pull of the weights to 0", "# weight decay"),
    # Tables on a terminal.
    (
        r"model CRPS (\w+) skill p log score (pinball )?score 90 % in 50 % in 90 % ",
        r"score 50 % 90 % model CRPS \1 skill p log score \2 90 % coverage coverage ",
    ),
    (
        "calibration in 90 % worst year worst tenth score 90 % ",
        "90 % score calibration coverage worst year worst tenth 90 % ",
    ),
    (
        r"strategy a year volatility Sharpe \+/ worst fall turnover break even cost ",
        "annual max strategy return volatility Sharpe s.e. drawdown turnover break even cost ",
    ),
    (
        r"model CRPS over (.+?) better on in 90 % (\w+) skill p better on found ",
        r"90 % significant model CRPS over \1 better on coverage \2 skill p better on (FDR 10 %) ",
    ),
    (
        r"ticker n CRPS over (.+?) p adjusted p (over garch t )?in 90 % ",
        r"90 % ticker n CRPS over \1 p adjusted p \2coverage ",
    ),
    (
        r"sessions ahead forecasts CRPS in 90 % over (.+?) p over (.+?) p over (.+?) p ",
        r"90 % skill skill skill sessions ahead forecasts CRPS coverage over \1 p over \2 p over \3 p ",
    ),
    (
        r"ticker (?:model )?step n since CRPS rival skill p in 90 % 95 % range uncalibrated in 50 % PIT p ",
        r"90 % 50 % ticker step n since CRPS rival skill p coverage 95 % range uncalibrated coverage PIT p ",
    ),
    (r"(?<=PIT p )(\w+) \1(?= \d+ \d+ \d{4} )", r"\1"),  # a column of models has no room any more
    ("sessions ahead model baseline skill p better on found ",
     "significant sessions ahead model baseline skill p better on (FDR 10 %) "),
    (
        "learns chooses █ forecast learns from chooses from forecasts to ",
        "train validation █ test train from validation from test from to ",
    ),
    (r"\b(\d)(\d{3}\.\d bp)\b", r"\1,\2"),
    # Tables in HTML, Markdown and LaTeX.
    (r">in (50|90) %<", r">\1 % coverage<"),
    (r">a year<", ">annual return<"),
    (r">\+/ <", ">s.e.<"),
    (r">worst fall<", ">max drawdown<"),
    (r">learns from<", ">train from<"),
    (r">chooses from<", ">validation from<"),
    (r'>forecasts(</th> <th scope="col">to<)', r">test from\1"),
    (r"\| in 50 % \| in 90 % \|", "| 50 % coverage | 90 % coverage |"),
    (r"\{In, ", "{Coverage, "),
    (r"\bGain over, ", "Gain vs, "),
    (r"& garch t & har t &", "& GARCH t & HAR t &"),
    # Sentences.
    (r"\bIn (50(?: |\\,\\)%) and in (90(?: |\\,\\)%): share\b", r"\1 and \2 coverage: share"),
    (r"\bGain over another:", "Gain vs another:"),
    (r"\bin 90 %: how often\b", "90 % coverage: how often"),
    (r"\bfound: tickers\b", "significant: tickers"),
    *((rf"(?<![#\"]skill )\bover {name}\b", f"vs {shown}") for name, shown in _NAMES),
    *((rf"\b(less|that of|[Bb]etter than) {name}(?= on |'s |, |\. )", rf"\1 {shown}") for name, shown in _NAMES),
    (
        r"\blearns before (.{10}), chooses up to (.{10}), test part from\b",
        r"trained before \1, validated up to \2, tested from",
    ),
    (r"\bthat begins with (?=\w+,)", "initialised from "),
    (r"\bthe training begins with the network\b", "the training is initialised from the network"),
    (r"\bhas learnt from sessions up to\b", "was trained on sessions up to"),
    (r"\bit has learnt up to\b", "it was trained to"),
    (r"\blearnt up to\b", "trained to"),
    (r"\bdid not improve it beyond luck\b", "brought no statistically significant improvement"),
    (r": beyond luck\b", ": statistically significant"),
    (
        "each learns from the past, is stopped by the newest part of it, and forecasts sessions",
        "each is trained on the past, validated on the newest part of it, and tested on sessions",
    ),
)  # fmt: skip

REDRAWN_IN_HTML = re.compile(r'<svg [^>]*aria-label="\d+ folds?, .*?</svg>', re.DOTALL)
REDRAWN_FILES = re.compile(r"\bplots/folds\.png$")
"""Pictures in which words have changed."""
