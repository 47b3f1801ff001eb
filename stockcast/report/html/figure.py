"""Figures: a chart, one pair of axes, drawn by matplotlib as SVG inside the page or as a PNG file; and its colours.

Sizes are in CSS pixels: a chart's text is as large as it says where the page shows the chart at its own width.

Charts are drawn in the colours of the light page; on the page each is a variable that the theme sets. Blue, orange and
green are told apart by readers with any of the common deficiencies of colour vision, and differ in lightness, for print
without colour. Light values are distinct: that is how a drawing's colours find their roles.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING, Any

from stockcast.quiet import without_words_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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

TEXT = 12.0  # px
_DPI = 200
_PIXELS_PER_INCH = 72.0  # of matplotlib's SVG
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text, in the font of the page
    "text.parse_math": False,  # a dollar is a dollar
    "font.size": TEXT,
    "axes.titlesize": TEXT,
    "axes.titlecolor": MUTED,
    "axes.titlelocation": "left",
    "axes.titlepad": 10.0,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.xmargin": 0.01,
    "grid.color": RULE,
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": TEXT,
    "ytick.labelsize": TEXT,
    "xtick.major.size": 4.0,
    "ytick.major.size": 0.0,
    "xtick.minor.visible": False,
    "legend.frameon": False,
    "legend.fontsize": TEXT,
    "legend.handlelength": 1.2,
    "legend.borderpad": 0.0,
    "legend.borderaxespad": 0.3,
    "legend.columnspacing": 1.4,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "patch.linewidth": 0.0,
    "figure.facecolor": PAPER,
    "axes.facecolor": "none",
    "savefig.facecolor": "auto",
}


def declarations(theme: dict[str, str]) -> str:
    """A theme as CSS: one variable for each role."""
    return " ".join(f"--{role}: {colour};" for role, colour in theme.items())


@dataclass(frozen=True)
class Chart:
    """One chart.

    Attributes:
        name: Of its file, and unique on a page.
        title: What it shows.
        label: What it says to those who hear the page read.
        width: px.
        height: px.
        draw: Puts everything on empty axes.
    """

    name: str
    title: str
    label: str
    width: int
    height: int
    draw: Callable[[Axes], None]


def points(share: float, unit: str = " %") -> str:
    """A share on an axis, in percent, with its sign but at zero."""
    percentage = round(100.0 * share, 6)
    return f"{percentage:+.4g}{unit}".replace("-", "\u2212") if percentage else f"0{unit}"


def svg(chart: Chart) -> str:
    """The chart as an <svg> element for an HTML page, without title, its colours the page's variables.

    The same chart gives the same text. Its ids begin with its name, so that several share a page.
    """
    sheet = BytesIO()
    nameless = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with _drawn(chart) as figure:
        figure.savefig(sheet, format="svg", transparent=True, metadata=nameless)
    return _embedded(sheet.getvalue().decode("utf-8"), chart)


def png(chart: Chart) -> bytes:
    """The chart with its title as a PNG file on white."""
    sheet = BytesIO()
    with _drawn(chart) as figure:
        figure.suptitle(chart.title, x=0.012, ha="left", fontsize=14.0, fontweight="bold")
        figure.savefig(sheet, format="png", dpi=_DPI, metadata={"Software": None})
    return sheet.getvalue()


@contextmanager
def _drawn(chart: Chart) -> Iterator[Figure]:
    """The figure, under settings that hold for it alone: neither the reader's own nor those of a calling program."""
    with without_words_of("matplotlib"):
        import matplotlib
        from matplotlib.figure import Figure

        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(_SETTINGS)
            matplotlib.rcParams["svg.hashsalt"] = chart.name
            size = (chart.width / _PIXELS_PER_INCH, chart.height / _PIXELS_PER_INCH)
            figure = Figure(figsize=size, layout="constrained")
            chart.draw(figure.add_subplot())
            yield figure


def _embedded(drawing: str, chart: Chart) -> str:
    """What matplotlib wrote, as part of an HTML page: no prologue, no style for all, no id that another may have."""
    body = re.search(r"<svg[^>]*>(.*)</svg>", drawing, re.DOTALL)
    assert body is not None  # noqa: S101 - the canvas writes no drawing without its element
    text = re.sub(r"<style.*?</style>", "", body[1], flags=re.DOTALL).replace("xlink:href", "href")
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', text))
    text = re.sub(r' id="([^"]*)"', lambda m: f' id="{chart.name}-{m[1]}"' if m[1] in used else "", text)
    text = re.sub(r'(url\(#|href="#)', rf"\g<1>{chart.name}-", text)
    text = re.sub(r"'DejaVu Sans'[^;\"]*", "var(--sans)", text)  # matplotlib's list of fonts, after font or font-family
    text = re.sub(r' (?:d|x|y|transform)="[^"]*"', _rounded, text)
    for role, colour in LIGHT.items():
        text = text.replace(colour, f"var(--{role})")
    text = re.sub(r"\s*\n\s*", "\n", re.sub(r"<defs>\s*</defs>", "", text))
    head = f'<svg role="img" aria-label="{escape(chart.label)}" viewBox="0 0 {chart.width} {chart.height}">'
    return f"{head}{text}</svg>"


def _rounded(attribute: re.Match[str]) -> str:
    """Coordinates to a hundredth of a pixel: a third of the size, and nothing to be seen."""
    return re.sub(r"-?\d+\.\d+", lambda m: f"{float(m[0]):.2f}".rstrip("0").rstrip("."), attribute[0])
