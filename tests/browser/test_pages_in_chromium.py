"""Every page in a real browser: drawn, offline, silent, readable by all, on a phone and on paper."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

TYPES = ("index", "indicator-time_to_referral", "sites", "implementation", "plan", "quality", "methods")
DRAWN = "() => [...document.querySelectorAll('.plot')].every((place) => place.querySelector('.main-svg'))"
IN_THEME = "(theme) => [...document.querySelectorAll('.plot')].every((place) => place.dataset.drawn === theme)"
MIDDLES = "(items) => items.map((i) => i.getBoundingClientRect()).map((box) => box.left + box.width / 2)"
OPEN_ONE_OF_EACH = """() => [...document.querySelectorAll('details:not(.chart ~ .chart *)')]
    .forEach((detail) => { if (detail) detail.open = true; })"""
PHONE = {"width": 360, "height": 740}
LOCAL = ("file://", "data:", "blob:")
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
AXE = {"preload": False, "resultTypes": ["violations"]}  # preload fetches style sheets, which the policy forbids


@contextmanager
def opened(browser: Browser, path: Path, **context: Any) -> Iterator[Page]:
    """A page with its charts drawn; fails on any console message, error or request that leaves the disk."""
    session = browser.new_context(**context)
    page = session.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(f"dialog {dialog.message}"))
    page.on("request", lambda request: said.append(request.url) if not request.url.startswith(LOCAL) else None)
    page.goto(path.as_uri())
    page.wait_for_function(DRAWN)
    yield page
    session.close()
    assert said == []


def test_every_page_opens_offline_without_a_word_on_the_console(browser: Browser, site: Path) -> None:
    names = ["index.html", *(f"fr/{path.name}" for path in sorted((site / "fr").glob("*.html")))]
    assert len(names) == 13  # the English ones are opened below
    for name in names:
        with opened(browser, site / name) as page:
            charts = page.locator(".plot").count()
            assert page.locator(".plot .main-svg").count() >= charts
            assert page.locator(".modebar, [data-title*='hare'], [data-title*='loud']").count() == 0
            assert page.locator("a[href*='plotly'], a[href^='http']").count() == 0
            assert page.evaluate(
                "[...document.querySelectorAll('.plot')].every(p => p._context.showSendToCloud === false)"
            )


@pytest.mark.parametrize("code", ["fr", "en"])
@pytest.mark.parametrize("name", TYPES)
def test_no_serious_barrier_in_either_theme(browser: Browser, site: Path, name: str, code: str) -> None:
    with opened(browser, site / code / f"{name}.html", color_scheme="light") as page:
        page.evaluate(OPEN_ONE_OF_EACH)
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            page.wait_for_function(IN_THEME, arg=theme)
            found = Axe().run(page, options=AXE).response["violations"]
            grave = [(v["id"], v["nodes"][0]["html"][:160]) for v in found if v["impact"] in ("serious", "critical")]
            assert grave == [], theme


def test_the_button_changes_the_theme_of_page_and_charts_and_is_remembered(browser: Browser, site: Path) -> None:
    with opened(browser, site / "en" / "sites.html", color_scheme="light") as page:
        colour = "getComputedStyle(document.body).backgroundColor"
        label = "document.querySelector('.plot .annotation-text').style.fill"
        before = page.evaluate(f"[{colour}, {label}]")
        page.get_by_role("button", name="Dark theme").click()
        after = page.evaluate(f"[{colour}, {label}]")
        assert before[0] != after[0]
        assert before[1] != after[1]
        page.goto((site / "en" / "quality.html").as_uri())
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"


@pytest.mark.parametrize("name", TYPES)
def test_nothing_sticks_out_on_a_phone(browser: Browser, site: Path, name: str) -> None:
    with opened(browser, site / "fr" / f"{name}.html", viewport=PHONE) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        widest = page.evaluate("Math.max(0, ...[...document.querySelectorAll('.plot')].map((p) => p.clientWidth))")
        assert widest <= PHONE["width"]


def test_the_keyboard_reaches_every_control(browser: Browser, site: Path) -> None:
    with opened(browser, site / "fr" / "indicator-time_to_referral.html") as page:
        wanted = page.evaluate("""() => [...document.querySelectorAll('a[href], button, summary, [tabindex="0"]')]
            .filter((item) => item.checkVisibility() && !item.closest('details:not([open]) > :not(summary)')).length""")
        reached = set()
        for _ in range(wanted + 2):
            page.keyboard.press("Tab")
            reached.add(
                page.evaluate("""() => { const at = document.activeElement;
                if (at === document.body) return null;
                const style = getComputedStyle(at);
                if (style.outlineStyle === 'none') throw new Error('no focus mark on ' + at.outerHTML.slice(0, 80));
                return [...document.querySelectorAll('*')].indexOf(at); }""")
            )
        assert len(reached - {None}) == wanted


def test_the_skip_link_comes_first_and_leads_to_the_content(browser: Browser, site: Path) -> None:
    with opened(browser, site / "en" / "index.html") as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to content"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"


def test_details_open_by_keyboard_and_hold_the_numbers_of_the_chart(browser: Browser, site: Path) -> None:
    with opened(browser, site / "en" / "indicator-time_to_referral.html") as page:
        summary = page.locator("#chart-curve-circuit summary")
        summary.focus()
        page.keyboard.press("Enter")
        row = page.locator("#chart-curve-circuit tbody tr", has_text="30\N{NO-BREAK SPACE}days").last
        assert "41%" in row.inner_text()
        assert "58%" in row.inner_text()


def test_numbers_at_risk_stand_under_their_time(browser: Browser, site: Path) -> None:
    for width in (360, 1280):
        viewport = {"width": width, "height": 800}
        with opened(browser, site / "en" / "indicator-time_to_referral.html", viewport=viewport) as page:
            ticks = page.eval_on_selector_all("#curve-circuit .xtick text", MIDDLES)
            counts = page.eval_on_selector_all("#chart-curve-circuit .at-risk .after td", MIDDLES)
            assert len(ticks) == len(counts) == 5
            assert all(abs(tick - count) < 2 for tick, count in zip(ticks, counts, strict=True))


def test_motion_is_reduced_on_request(browser: Browser, site: Path) -> None:
    with opened(browser, site / "en" / "index.html", reduced_motion="reduce") as page:
        assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"


def test_the_image_of_a_chart_is_made_on_the_machine(browser: Browser, site: Path) -> None:
    with opened(browser, site / "en" / "indicator-satisfaction.html") as page:
        with page.expect_download() as waiting:
            page.locator("#chart-run button[data-image]").click()
        assert waiting.value.suggested_filename.endswith(".png")
        assert waiting.value.path().read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["index", "indicator-time_to_referral", "sites"])
def test_paper_is_white_and_shows_every_table(browser: Browser, site: Path, name: str, tmp_path: Path) -> None:
    with opened(browser, site / "fr" / f"{name}.html", color_scheme="dark") as page:
        page.evaluate("""() => addEventListener('beforeprint', () => { window.atPrint = {
            closed: document.querySelectorAll('details:not([open])').length,
            drawn: [...document.querySelectorAll('.plot')].map((place) => place.dataset.drawn),
            widest: Math.max(0, ...[...document.querySelectorAll('.main-svg')].map((svg) => svg.clientWidth)) }; })""")
        printed = page.pdf(format="A4", prefer_css_page_size=True)
        assert page.evaluate("window.atPrint.closed") == 0
        assert set(page.evaluate("window.atPrint.drawn")) == {"light"}
        assert page.evaluate("window.atPrint.widest") <= 660
        assert page.locator("details[open]").count() == 0
        assert printed.startswith(b"%PDF")
        assert len(printed) < 2_000_000


def test_without_script_the_tables_still_hold_every_number(browser: Browser, site: Path) -> None:
    session = browser.new_context(java_script_enabled=False)
    page = session.new_page()
    page.goto((site / "en" / "indicator-time_to_referral.html").as_uri())
    assert "Without JavaScript the chart is not drawn" in page.locator("body").inner_text()
    assert page.locator("table.data").count() >= 6
    session.close()


NEVER = "img, iframe, object, embed, video, form, input, base, math, svg a, a[href*='evil'], a[href^='javascript']"


@pytest.mark.parametrize("code", ["fr", "en"])
def test_hostile_texts_run_nothing_and_link_nowhere(browser: Browser, site: Path, attacked: Path, code: str) -> None:
    for name in TYPES:
        calm = (site / code / f"{name}.html").read_text(encoding="utf-8")
        with opened(browser, attacked / code / f"{name}.html") as page:
            assert page.evaluate("window.pwned") is None
            assert page.locator(NEVER).count() == 0
            assert page.locator("script").count() == calm.count("<script")
            assert page.locator("a").count() == calm.count("<a ")
            assert (
                page.evaluate("document.querySelectorAll('[onerror], [onload], [onfocus], [style*=fixed]').length") == 0
            )
