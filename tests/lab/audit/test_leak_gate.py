"""The gate of continuous integration: limb lengths that cross the wall turn it red."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("sklearn")
pytest.importorskip("mujoco")

from mizaru.lab.audit.gate import compare
from mizaru.lab.audit.results import read_results
from mizaru.lab.audit.run import Wish, run
from mizaru.lab.audit.visits import Source
from mizaru.lab.audit.visits_sim import GATE

BASELINE = Path(__file__).parents[3] / "docs/audit/baseline-gate.json"


@pytest.mark.slow
def test_no_leak_of_poses_grew_beyond_its_interval(tmp_path: Path) -> None:
    """Made anew with ``mizaru audit run --exact --representation retargeted_skeleton --attack
    identity``, once somebody has looked at why a figure changed."""
    source = Source(tmp_path / "cache", tmp_path / "models", recipe=GATE, pictures=False)
    wish = Wish(representations=("retargeted_skeleton",), attacks=("identity",))
    now = run(wish, source, tmp_path / "out")
    assert compare(now, read_results(BASELINE), slack=0.02) == []
