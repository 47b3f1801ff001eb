"""Colours by role. Charts are drawn in those of the light page; on the page each is a variable that the theme sets.

Blue, orange and green are told apart by readers with any of the common deficiencies of colour vision, and differ in
lightness, for print without colour. Light values are distinct: that is how a drawing's colours find their roles.
"""

from __future__ import annotations

PAPER, INK, MUTED, RULE = "#ffffff", "#1b1e22", "#5a6470", "#dcdfe3"
NETWORK, RIVAL, THIRD = "#1a5a9c", "#c2570c", "#5b9a84"

LIGHT = {
    "paper": PAPER,
    "ink": INK,
    "muted": MUTED,
    "rule": RULE,
    "network": NETWORK,
    "rival": RIVAL,
    "third": THIRD,
}
DARK = {
    "paper": "#15181b",
    "ink": "#e6e8ea",
    "muted": "#a0a8b1",
    "rule": "#33393f",
    "network": "#77b3ee",
    "rival": "#f0a35e",
    "third": "#5fa890",
}


def declarations(theme: dict[str, str]) -> str:
    """A theme as CSS: one variable for each role."""
    return " ".join(f"--{role}: {colour};" for role, colour in theme.items())
