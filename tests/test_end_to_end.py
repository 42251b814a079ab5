"""The main job on the committed sample, through both programs, as a stranger runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

pytestmark = pytest.mark.slow


def mizaru(
    *arguments: str | Path, timeout: float = 240, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mizaru", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        cwd=cwd,
        env={**os.environ, "COLUMNS": "200"},
    )


@dataclass(frozen=True)
class Run:
    """What one run printed."""

    events: list[dict[str, Any]]
    stderr: str

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]


@pytest.fixture(scope="module")
def run(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The sample at fast pace."""
    results = tmp_path_factory.mktemp("run") / "results.jsonl"
    done = mizaru("run", sample, "--pace", "fast", "--no-dashboard", "--json", results)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in results.read_text().splitlines()]
    return Run(events, done.stderr)


def test_every_line_obeys_the_published_schema(run: Run, root: Path) -> None:
    schema = json.loads((root / "docs/schema/events.schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    for event in run.events:
        validator.validate(event)


def test_at_least_five_results_a_second(run: Run) -> None:
    seconds = Counter(event["time"][:19] for event in run.of("result"))
    inner = sorted(seconds)[1:-1]
    assert len(inner) > 50
    assert min(seconds[second] for second in inner) >= 5


def test_results_come_in_order_and_none_twice(run: Run) -> None:
    frames = [event["frame_id"] for event in run.of("result")]
    assert frames == sorted(set(frames))


def test_the_fall_opens_an_incident(run: Run) -> None:
    opened = [e for e in run.of("incident") if e["event"] == "opened"]
    assert "fall" in {event["behavior"] for event in opened}
    fall = next(event for event in opened if event["behavior"] == "fall")
    assert fall["reason"]
    assert fall["measures"]


def test_no_risk_is_seen_before_the_fall(run: Run) -> None:
    opened = [e for e in run.of("incident") if e["event"] == "opened"]
    assert opened[0]["behavior"] == "fall"
    assert min(event["start"] for event in opened) >= opened[0]["start"]


def test_an_empty_room_has_no_behaviour(run: Run) -> None:
    first = run.of("result")[:20]
    assert all(event["person_count"] == 0 and not event["subjects"] for event in first)
    assert not any(event["abnormal"] for event in first)


def test_the_summary_adds_up(run: Run) -> None:
    (summary,) = run.of("summary")
    assert summary["results"] == len(run.of("result"))
    assert summary["incidents"] == sum(e["event"] == "opened" for e in run.of("incident"))
    assert summary["frames_dropped"] == 0
    assert 0 < summary["bytes_out_per_s"] <= 4000


def test_nothing_is_left_running_or_lying_about(run: Run) -> None:
    assert "Traceback" not in run.stderr
