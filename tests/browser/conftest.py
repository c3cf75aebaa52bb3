"""A real Chromium, and the sites that it opens. Without a browser these tests are skipped, aloud."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from playwright.sync_api import Browser, Error, Playwright, sync_playwright

from dashboards.site import build

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
BUILDERS = Path(__file__).parents[1] / "dashboards"


def loaded(name: str) -> ModuleType:
    """A module of the neighbouring folder of tests, loaded by its path."""
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, BUILDERS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _launched(playwright: Playwright) -> Browser:
    """The first browser on PATH, else playwright's own."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    return playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        try:
            started = _launched(playwright)
        except Error as fault:
            pytest.skip(f"no Chromium to open the pages in: install chromium, or run playwright install ({fault.name})")
        yield started
        started.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("site")
    build(loaded("release_builder").pacosme(), directory)
    return directory


@pytest.fixture(scope="session")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of the release whose every text is hostile."""
    loaded("release_builder")
    directory = tmp_path_factory.mktemp("attacked")
    build(loaded("hostile_release").hostile(), directory)
    return directory
