"""What is published is what is said: schema files are current, summaries add up, lines are JSON."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mizaru.cloud.api import openapi_document
from mizaru.cloud.events import Event
from mizaru.cloud.incident import ChangeKind, Incident, IncidentChange
from mizaru.cloud.moment import Moment, incident_event, status_event
from mizaru.cloud.recognize.finding import Finding, Risk, SubjectFinding
from mizaru.cloud.sink import JsonLines, event_schema, open_lines
from mizaru.cloud.tally import Tallies, percentile
from mizaru.errors import SettingsError
from mizaru.vocabulary import Behavior, Severity, SyncKey


@pytest.mark.parametrize(
    ("file", "document"),
    [("docs/schema/events.schema.json", event_schema), ("web/openapi.json", openapi_document)],
)
def test_the_committed_document_is_current(root: Path, file: str, document: Any) -> None:
    verb = "events" if "events" in file else "openapi"
    assert (root / file).read_text() == document(), f"run: mizaru schema {verb} > {file}"


def test_the_openapi_document_names_every_operation_and_tells_unions_apart() -> None:
    document = json.loads(openapi_document())
    operations = [method for path in document["paths"].values() for method in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() for name in names)
    schemas = document["components"]["schemas"]
    for member in schemas["LiveEvent"]["oneOf"]:
        schema = schemas[member["$ref"].rsplit("/", 1)[1]]
        assert "type" in schema["required"]


def opened(t_ms: int, *, name: str = "i1") -> IncidentChange:
    one = Incident(
        id=name, camera_id="ward", behavior=Behavior.FALL, severity=Severity.ALARM, zone="",
        started_ms=t_ms, opened_ms=t_ms, last_ms=t_ms, ended_ms=None, confidence=0.5,
        subject_ids=(1,), measures=(), reason="because",
    )  # fmt: skip
    return IncidentChange(ChangeKind.OPENED, t_ms, one)


def moments(kit: Any, feed: Any, seconds: float, **options: Any) -> list[Moment]:
    found = []
    pose = kit.standing(9)
    for _ in range(round(seconds * 2)):
        segment = feed.segment(pose, **options)
        for representation in segment.representations:
            key = SyncKey("ward", representation.frame_id, representation.t_ms)
            subject = SubjectFinding(9, (0.1, 0.2, 0.3, 0.4), Behavior.FALL, 0.5)
            risk = Risk(Behavior.FALL, 0.5, (9,), "", (), "because", key.t_ms)
            finding = Finding(key, (subject,), (risk,))
            found.append(Moment(segment, representation, (pose,), finding, ()))
    return found


def test_every_kind_of_line_obeys_the_schema(kit: Any) -> None:
    feed = kit.Feed()
    (first, *_) = moments(kit, feed, 1)
    tallies = Tallies()
    tallies.count_moment(first, first.segment.captured_ms)
    change = opened(kit.START_MS)
    stream = io.StringIO()
    summary = tallies.finish("ward")
    assert summary is not None
    JsonLines(stream).write(
        [
            first.result(),
            incident_event(change.incident, change.kind),
            status_event(feed.status(), connected=True),
            summary,
        ]
    )
    lines = stream.getvalue().splitlines()
    validator = jsonschema.Draft202012Validator(json.loads(event_schema()))
    for line in lines:
        validator.validate(json.loads(line))
        Event.model_validate_json(line)
    result = json.loads(lines[0])
    assert result["abnormal"] is True
    assert result["time"].endswith("Z")
    assert result["subjects"][0]["behavior"] == "fall"
    assert not validator.is_valid(result | {"more": 1})


def test_a_summary_adds_up(kit: Any) -> None:
    tallies, feed = Tallies(), kit.Feed()
    tallies.count_status(feed.status(frames_in=0))
    for number, moment in enumerate(moments(kit, feed, 10)):
        late_ms, changes = 100, ()
        if number == 50:
            late_ms, changes = 300, (opened(moment.representation.t_ms),)
        told = dataclasses.replace(moment, changes=changes)
        tallies.count_moment(told, moment.segment.captured_ms + late_ms)
    tallies.count_bytes("ward", 5000)
    tallies.count_status(
        feed.status(frames_in=300, frames_dropped=15, pipe_p50_ms=30, pipe_p95_ms=55)
    )
    summary = tallies.finish("ward")
    assert summary is not None
    assert summary.duration_s == 10.0
    assert (summary.frames_in, summary.frames_dropped) == (300, 15)
    assert (summary.results, summary.incidents) == (100, 1)
    assert summary.fps == pytest.approx(285 / 9.5, abs=0.01)
    assert (summary.capture_to_pipe_ms.p50, summary.capture_to_pipe_ms.p95) == (30, 55)
    assert (summary.capture_to_incident_ms.p50, summary.capture_to_incident_ms.p95) == (300, 300)
    assert (summary.bytes_out, summary.bytes_out_per_s) == (5000, 500.0)
    assert tallies.finish("ward") is None
    assert tallies.finish_all() == []


def test_a_camera_that_only_said_how_it_is_gets_a_summary_too(kit: Any) -> None:
    tallies = Tallies()
    tallies.count_status(kit.Feed().status())
    (summary,) = tallies.finish_all()
    assert (summary.results, summary.fps, summary.bytes_out_per_s) == (0, 0.0, 0.0)


@given(st.lists(st.integers(-50, 50), min_size=1), st.floats(0.01, 1.0))
def test_a_percentile_is_the_least_value_that_enough_do_not_exceed(
    values: list[int], share: float
) -> None:
    found = percentile(values, share)

    def reach(value: float) -> int:
        return sum(v <= value for v in values)

    assert found in values
    assert reach(found) >= share * len(values)
    smaller = [v for v in values if v < found]
    assert not smaller or reach(max(smaller)) < share * len(values)


class FullDisk(io.StringIO):
    def flush(self) -> None:
        raise OSError(28, "No space left on device")


def test_a_sink_that_fails_is_left_alone(kit: Any) -> None:
    status = status_event(kit.Feed().status(), connected=True)
    lines = JsonLines(FullDisk())
    assert lines.is_open
    lines.write([status])
    assert not lines.is_open
    lines.write([status])


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    target = str(tmp_path / "absent" / "lines.jsonl")
    with pytest.raises(SettingsError, match="cannot be written"), open_lines(target):
        pass
    with open_lines(None) as lines:
        assert not lines.is_open
