"""Shared by all tests: where things are, and what is not here today."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked `shared` need the real data beside the checkout."""
    if SHARED_DATA.is_dir():
        return
    skip = pytest.mark.skip(reason="needs the real data in ../shared/data")
    for item in items:
        if "shared" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data; only for tests marked `shared`."""
    return SHARED_DATA


@pytest.fixture(scope="session")
def sample(root: Path) -> Path:
    """The committed rendered sample."""
    return root / "examples" / "sample" / "restroom.mp4"
