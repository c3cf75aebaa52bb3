"""A release becomes a directory of pages that open offline: the entry point of this room.

The same release gives the same bytes: no clock, no random name. ``manifest.json`` is written last
and holds the hash of every other file, so that a directory without it is known to be unfinished.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashboards import exports, inference_words, theme
from dashboards.implementation_page import is_present
from dashboards.language import CODES, Language, language
from dashboards.pages import Page, pages
from dashboards.selection import Published, opened
from warehouse.errors import StorageError
from warehouse.schemas import CONFIDENCE, Release

if TYPE_CHECKING:
    from jinja2 import Environment

LANDING = "fr"  # the language of the root page
STYLE, BOOT, PLOTLY = "assets/style.css", "assets/boot.js", "assets/plotly.min.js"
# Scripts come from this directory alone, nothing connects anywhere. Charts need inline styles.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "connect-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
    )
)


def build(release: Release, directory: Path) -> Path:
    """Write the whole site into ``directory``, which must exist and be empty; return its ``index.html``.

    Raises StorageError where the directory is missing, not empty or cannot be written.
    """
    if not directory.is_dir() or any(directory.iterdir()):
        raise StorageError("The folder for the pages must exist and be empty.")
    written: dict[str, str] = {}
    try:
        for path, content in _files(release):
            written[path] = _write(directory / path, content)
        _write(directory / "manifest.json", _manifest(release, written))
    except OSError as fault:
        raise StorageError(f"The pages could not be written: {fault.strerror}.") from fault
    return directory / "index.html"


def _write(path: Path, content: str) -> str:
    """Write one text file as UTF-8 and return its sha256."""
    encoded = content.encode("utf-8")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded)
    return hashlib.sha256(encoded).hexdigest()


def _files(release: Release) -> Iterator[tuple[str, str]]:
    """Relative paths and texts of every file but the manifest."""
    from plotly.offline import get_plotlyjs  # five megabytes, needed by no other command

    published, templates = opened(release), environment()
    shipped = files("dashboards").joinpath("assets")
    yield STYLE, shipped.joinpath("style.css").read_text(encoding="utf-8")
    yield BOOT, shipped.joinpath("boot.js").read_text(encoding="utf-8")
    yield PLOTLY, get_plotlyjs()
    for code in CODES:
        spoken = language(code)
        for page in pages(published, spoken):
            yield f"{code}/{page.name}.html", render(templates, page, published, spoken, home="../", here="")
            if page.name == "index" and code == LANDING:
                yield "index.html", render(templates, page, published, spoken, home="", here=f"{code}/")
        for name, text in exports.tables(published, spoken):
            yield f"data/{name}_{code}.csv", text


def environment() -> Environment:
    """The templates of this package, every value escaped and every missing name an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # as plotly above

    templates = Environment(
        loader=PackageLoader("dashboards"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.globals["confidence"] = CONFIDENCE
    return templates


def render(templates: Environment, page: Page, published: Published, spoken: Language, *, home: str, here: str) -> str:
    """One page as HTML. ``home`` leads to the site's root, ``here`` to the pages of this language."""
    release = published.release
    return templates.get_template(page.template).render(
        page=page,
        language=spoken,
        t=spoken.say,
        pick=spoken.pick,
        programme=release.programme,
        release=release,
        provenance=release.provenance,
        failed=release.checks.filter(release.checks["status"].is_in(["fail", "error"])).height,
        has_implementation=is_present(release),
        interim=inference_words.interim(release.programme, spoken),
        policy=CONTENT_SECURITY_POLICY,
        home=home,
        here=here,
        specs=specs(page, spoken),
        **page.content,
    )  # fmt: skip


def specs(page: Page, spoken: Language) -> str:
    """The charts of a page as JSON that cannot end the script element it stands in."""
    charts = [{"id": drawn.id, "data": drawn.spec["data"], "layout": drawn.spec["layout"]} for drawn in page.charts]
    content: dict[str, Any] = {
        "config": theme.CONFIG,
        "charts": charts,
        "words": {name: spoken.say(f"boot.{name}") for name in ("dark", "light", "failed")},
    }  # fmt: skip
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    for sign in "<>&\N{LINE SEPARATOR}\N{PARAGRAPH SEPARATOR}":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _manifest(release: Release, hashes: dict[str, str]) -> str:
    """What the directory holds and where it comes from."""
    content = {
        "release": release.id,
        "programme": release.programme.id,
        "provenance": vars(release.provenance),
        "disclosure": {"smallest_count": release.smallest_count, "round_to": release.round_to},
        "files": dict(sorted(hashes.items())),
    }
    return json.dumps(content, ensure_ascii=False, indent=2, sort_keys=True, default=str) + "\n"
