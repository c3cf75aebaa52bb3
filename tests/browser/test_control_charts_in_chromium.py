"""Control charts, icons and funnels in a real browser: readable by all, in both themes, on a phone and on paper."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from charted_release import with_charts
from playwright.sync_api import Browser, Page

from dashboards.site import build

pytestmark = pytest.mark.browser

PAGES = ("index", "indicator-time_to_referral")
PHONE = {"width": 360, "height": 740}
DRAWN = "(theme) => [...document.querySelectorAll('.plot')].every((place) => place.dataset.drawn === theme)"
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
AXE = {"preload": False, "resultTypes": ["violations"]}
IMPROVEMENT = {"light": "rgb(0, 176, 240)", "dark": "rgb(0, 176, 240)"}


@pytest.fixture(scope="module")
def charted(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of the shared release (whose builder ``site`` has loaded) with its charts and a target."""
    builder = sys.modules["release_builder"]
    declared = builder.indicators()
    declared["time_to_referral"]["target"] = 50.0
    directory = tmp_path_factory.mktemp("charted")
    build(with_charts(builder.pacosme(programme=builder.programme(indicators=declared))), directory)
    return directory


def drawn(browser: Browser, path: Path, theme: Literal["light", "dark"] = "light", **context: object) -> Page:
    page = browser.new_context(color_scheme=theme, **context).new_page()  # type: ignore[arg-type]
    page.goto(path.as_uri())
    page.wait_for_function(DRAWN, arg=theme)
    return page


@pytest.mark.parametrize(("name", "code"), [(PAGES[0], "fr"), (PAGES[1], "fr"), (PAGES[1], "en")])
def test_no_serious_barrier_in_either_theme(browser: Browser, charted: Path, name: str, code: str) -> None:
    page = drawn(browser, charted / code / f"{name}.html")
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        page.wait_for_function(DRAWN, arg=theme)
        found = Axe().run(page, options=AXE).response["violations"]
        grave = [(v["id"], v["nodes"][0]["html"][:160]) for v in found if v["impact"] in ("serious", "critical")]
        assert grave == [], theme
    page.context.close()


@pytest.mark.parametrize("theme", THEMES)
def test_signals_have_the_colour_of_the_nhs_and_a_shape(
    browser: Browser, charted: Path, theme: Literal["light", "dark"]
) -> None:
    page = drawn(browser, charted / "en" / "indicator-time_to_referral.html", theme)
    fills = page.eval_on_selector_all("#control-circuit .points path.point", "(ps) => ps.map((p) => p.style.fill)")
    assert fills.count(IMPROVEMENT[theme]) > 5
    assert page.locator("#control-circuit .legendtext", has_text="Signal of improvement").count() == 1
    ring = page.eval_on_selector(".icon.improvement .ring", "(ring) => getComputedStyle(ring).stroke")
    assert ring == IMPROVEMENT[theme]
    icon = page.get_by_role("img", name="Control chart: signal of improvement, high side").first
    assert icon.is_visible()
    page.context.close()


@pytest.mark.parametrize("name", PAGES)
def test_nothing_sticks_out_on_a_phone(browser: Browser, charted: Path, name: str) -> None:
    page = drawn(browser, charted / "fr" / f"{name}.html", viewport=PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    below = page.evaluate("""() => [...document.querySelectorAll('#control-circuit, #funnel')].map((plot) => {
        const legend = plot.querySelector('.legend')?.getBoundingClientRect();
        const area = plot.querySelector('.plot .bglayer, .cartesianlayer')?.getBoundingClientRect();
        return legend && area ? legend.bottom <= area.bottom && legend.right <= innerWidth : true; })""")
    assert all(below)
    page.context.close()


def test_on_paper_the_charts_fit_and_their_tables_are_open(browser: Browser, charted: Path) -> None:
    page = drawn(browser, charted / "fr" / "indicator-time_to_referral.html", "dark")
    page.evaluate("""() => addEventListener('beforeprint', () => { window.atPrint = {
        closed: document.querySelectorAll('details:not([open])').length,
        widest: Math.max(0, ...[...document.querySelectorAll('.main-svg')].map((svg) => svg.clientWidth)) }; })""")
    printed = page.pdf(format="A4", prefer_css_page_size=True)
    assert page.evaluate("window.atPrint.closed") == 0
    assert page.evaluate("window.atPrint.widest") <= 660
    assert len(printed) < 2_000_000
    page.context.close()
