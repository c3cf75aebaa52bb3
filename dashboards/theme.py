"""The look that all charts share: colours by name, axes without clutter, and how Plotly is run.

Colours are CSS variables of ``assets/style.css``, so that one palette serves pages and charts in
the light and the dark theme; ``boot.js`` resolves them before it draws. Before is grey and dashed,
after is blue and solid: never told apart by colour alone.
"""

from __future__ import annotations

from typing import Any

from dashboards.language import Language

INK = "var(--ink)"
QUIET = "var(--quiet)"
RULE = "var(--rule)"
GRID = "var(--grid)"
PAPER = "var(--paper)"
HATCH = "var(--hatch)"
BAND_GROUND = "var(--band)"
COLOURS = {"before": "var(--before)", "transition": "var(--transition)", "after": "var(--after)"}
FILLS = {"before": "var(--before-fill)", "after": "var(--after-fill)"}
DASHES = {"before": "dash", "after": "solid"}
MARKERS = {"before": PAPER, "after": "var(--after)"}  # hollow before, filled after
# The palette of NHS England's Making Data Count, for signals of control charts: never told apart by colour alone.
UNCLEAR = "var(--unclear)"
VARIATIONS = {
    "common_cause": UNCLEAR,
    "improvement": "var(--improvement)",
    "concern": "var(--worsening)",
    "neutral": "var(--insufficient)",
}
TOKENS = (INK, QUIET, RULE, GRID, PAPER, HATCH, BAND_GROUND, *COLOURS.values(), *FILLS.values(), *VARIATIONS.values())

FONT = '"Segoe UI", "Helvetica Neue", "Liberation Sans", Arial, sans-serif'
LEFT, RIGHT = 64, 24  # margins in pixels; the table of numbers at risk is aligned on them (style.css)
SEPARATORS = {"fr": ",\N{NARROW NO-BREAK SPACE}", "en": ".,"}

# No upload button, no link to a vendor, no toolbar: the pages bring their own buttons.
CONFIG: dict[str, Any] = {
    "displayModeBar": False,
    "displaylogo": False,
    "doubleClick": False,
    "plotlyServerURL": "",
    "responsive": True,
    "scrollZoom": False,
    "showSendToCloud": False,
    "showTips": False,
}

LEGEND: dict[str, Any] = {
    "orientation": "h",
    "x": 0,
    "y": 1,
    "xanchor": "left",
    "yanchor": "bottom",
    "itemclick": False,
    "itemdoubleclick": False,
}
HATCHING: dict[str, Any] = {"shape": "/", "fgcolor": HATCH, "bgcolor": BAND_GROUND, "size": 8, "solidity": 0.12}


def layout(language: Language, height: int, **own: Any) -> dict[str, Any]:
    """The common layout of a chart of ``height`` pixels, with its own keys laid over it."""
    common: dict[str, Any] = {
        "template": "none",
        "autosize": True,
        "height": height,
        "dragmode": False,
        "hovermode": "closest",
        "separators": SEPARATORS[language.code],
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "size": 13, "color": INK},
        "hoverlabel": {"bgcolor": PAPER, "bordercolor": RULE, "font": {"color": INK, "size": 13}},
        "margin": {"l": LEFT, "r": RIGHT, "t": 40, "b": 48},
        "legend": LEGEND,
    }
    return common | own


def axis(**own: Any) -> dict[str, Any]:
    """An axis that cannot be dragged, with hair lines."""
    common: dict[str, Any] = {
        "fixedrange": True,
        "showline": False,
        "zeroline": False,
        "gridcolor": GRID,
        "ticks": "",
        "tickfont": {"color": QUIET, "size": 12},
        "title": {"font": {"color": QUIET, "size": 12}, "standoff": 10},
    }
    return common | own


def note(text: str, **place: Any) -> dict[str, Any]:
    """A small label inside a chart. ``text`` must be escaped already."""
    common: dict[str, Any] = {"text": text, "showarrow": False, "font": {"color": QUIET, "size": 12}}
    return common | place
