"""The built dashboard in a real Chromium; the tests themselves are in ``web/e2e``."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "web"
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")


def _chromium() -> str:
    named = os.environ.get("CHROMIUM")
    found = named or next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if found is None:
        pytest.skip("no Chromium here: apt-get install chromium, or set CHROMIUM to its path")
    return found


def _npm() -> str:
    npm = shutil.which("npm")
    if npm is None or not (WEB / "node_modules" / "vitest").is_dir():
        pytest.skip("the dashboard's packages are not installed: npm --prefix web ci")
    return npm


@pytest.mark.slow
def test_dashboard_in_chromium() -> None:
    """Scene, incidents, blindness, reconnection, axe; no console error, no foreign request."""
    command = [_npm(), "--prefix", str(WEB), "run", "--silent", "e2e"]
    environment = {**os.environ, "CHROMIUM": _chromium(), "CI": "1", "NO_COLOR": "1"}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, f"\n{done.stdout}\n{done.stderr}"
    assert "passed" in done.stdout
