"""The release that the tests of the pages share, and the site built from it once."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from dashboards.site import build
from warehouse.schemas import Release


def loaded(name: str) -> ModuleType:
    """A module beside this file: folders of tests are not packages, so it is loaded by its path."""
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def builder() -> ModuleType:
    return loaded("release_builder")


@pytest.fixture(scope="session")
def hostile(builder: ModuleType) -> ModuleType:
    return loaded("hostile_release")


@pytest.fixture(scope="session")
def release(builder: ModuleType) -> Release:
    made: Release = builder.pacosme()
    return made


@pytest.fixture(scope="session")
def site(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole site of the shared release."""
    directory = tmp_path_factory.mktemp("site")
    build(release, directory)
    return directory
