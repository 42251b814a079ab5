"""One representation with what was recognised in it, and how it is said outside."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from mizaru.cloud.events import (
    BehaviorInfo,
    BehaviorSensitivity,
    Box,
    CameraSensitivity,
    Head,
    IncidentEvent,
    IncidentFeedback,
    IncidentTrace,
    Measure,
    Recognizer,
    Result,
    SceneEvent,
    StatusEvent,
    SubjectResult,
    SubjectScene,
    SubjectTrace,
    TracePoint,
)
from mizaru.cloud.incident import ChangeKind, Incident, IncidentChange, Judgement
from mizaru.cloud.recognize import (
    Feedback,
    RecognizerInfo,
    Verdict,
    adapt,
    recognizer_info,
)
from mizaru.cloud.recognize.finding import Finding, SubjectFinding
from mizaru.errors import WireError
from mizaru.vocabulary import COCO17, Behavior, Pose
from mizaru.wire.codec import decode_from_edge, unpack_pose
from mizaru.wire.messages import Representation, Segment, Status

TRACE_BEFORE_MS: Final = 3_000
TRACE_AFTER_MS: Final = 4_000
TRACE_MOST_MS: Final = 20_000
"""A trace begins at most this long before the alarm."""
_HEAD: Final = [COCO17.index(name) for name in ("nose", "left_shoulder", "right_shoulder")]
_HIPS: Final = [COCO17.index(name) for name in ("left_hip", "right_hip")]


@dataclass(frozen=True, eq=False)
class Moment:
    """One representation, understood.

    Attributes:
        segment: the segment that brought it.
        representation: Ω_t.
        poses: its poses, unpacked, the farthest first.
        finding: what the recognizer said of it.
        changes: what changed because of it, in order.
    """

    segment: Segment
    representation: Representation
    poses: tuple[Pose, ...]
    finding: Finding
    changes: tuple[IncidentChange, ...]

    @property
    def camera(self) -> str:
        """The camera's id."""
        return self.segment.camera

    def result(self) -> Result:
        """The line of JSON Lines."""
        subjects = tuple(
            SubjectResult(
                id=subject.subject_id,
                box_xyxy=subject.box_xyxy,
                behavior=subject.behavior,
                confidence=subject.confidence,
            )
            for subject in self.finding.subjects
        )
        return Result(
            camera=self.camera,
            frame_id=self.representation.frame_id,
            time=instant(self.representation.t_ms),
            person_count=len(self.poses),
            subjects=subjects,
            abnormal=bool(self.finding.risks),
        )

    def scene(self) -> SceneEvent:
        """What the dashboard draws."""
        found = {subject.subject_id: subject for subject in self.finding.subjects}
        plate = self.representation.plate
        return SceneEvent(
            camera=self.camera,
            frame_id=self.representation.frame_id,
            time=instant(self.representation.t_ms),
            width=self.segment.width,
            height=self.segment.height,
            plate=plate.hex() if plate else None,
            person_count=len(self.poses),
            subjects=tuple(_drawn(pose, found.get(pose.subject_id)) for pose in self.poses),
            abnormal=bool(self.finding.risks),
        )

    @functools.cached_property
    def scene_json(self) -> str:
        """`scene`, written once however many look."""
        return self.scene().model_dump_json()


def incident_event(
    incident: Incident, change: ChangeKind | None, judgement: Judgement | None = None
) -> IncidentEvent:
    """An incident as it stands, the last thing that happened to it (None: it was judged), and
    what was said of it."""
    return IncidentEvent(
        event="judged" if change is None else change.value,
        id=incident.id,
        camera=incident.camera_id,
        behavior=incident.behavior,
        severity=incident.severity,
        start=instant(incident.started_ms),
        opened=instant(incident.opened_ms),
        end=None if incident.ended_ms is None else instant(incident.ended_ms),
        confidence=incident.confidence,
        subjects=incident.subject_ids,
        measures=tuple(Measure(name=m.name, value=m.value, unit=m.unit) for m in incident.measures),
        reason=incident.reason,
        validated=recognizer_info().is_validated(incident.behavior),
        feedback=None if judgement is None else _feedback(judgement),
    )


def status_event(status: Status, *, connected: bool) -> StatusEvent:
    """A camera's health in the words of the cloud."""
    return StatusEvent(
        camera=status.camera,
        time=instant(status.t_ms),
        state=status.state,
        connected=connected,
        frames_in=status.frames_in,
        frames_dropped=status.frames_dropped,
        fps=status.fps_tenths / 10,
        capture_to_pipe_p50_ms=status.pipe_p50_ms,
        capture_to_pipe_p95_ms=status.pipe_p95_ms,
        restarts=status.restarts,
        spooled=status.spooled,
        sandboxed=status.sandboxed,
    )


def instant(t_ms: int) -> datetime:
    """Milliseconds since 1970 → UTC."""
    return datetime.fromtimestamp(t_ms / 1000, UTC)


def trace_event(incident: Incident, encoded: Iterable[bytes]) -> IncidentTrace:
    """How the subjects of an incident went up and down.

    Args:
        encoded: segments of its camera about the time when it opened, see `trace_span`.
    """
    from_ms, to_ms = trace_span(incident)
    points: dict[int, list[TracePoint]] = {subject: [] for subject in incident.subject_ids}
    for data in encoded:
        segment = decode_from_edge(data)
        assert isinstance(segment, Segment)
        for representation in segment.representations:
            if not from_ms <= representation.t_ms <= to_ms:
                continue
            seconds = (representation.t_ms - incident.started_ms) / 1000
            for record in representation.poses:
                if record.subject in points:
                    with suppress(WireError):  # it was counted when it came
                        points[record.subject].append(_point(seconds, unpack_pose(record)))
    return IncidentTrace(
        incident=incident.id,
        opened_s=(incident.opened_ms - incident.started_ms) / 1000,
        subjects=tuple(
            SubjectTrace(id=subject, points=tuple(seen)) for subject, seen in points.items() if seen
        ),
    )


def trace_span(incident: Incident) -> tuple[int, int]:
    """The span of the camera's clock that shows why an incident opened: ms, both ends within."""
    return (
        max(incident.started_ms - TRACE_BEFORE_MS, incident.opened_ms - TRACE_MOST_MS),
        incident.opened_ms + TRACE_AFTER_MS,
    )


def _point(seconds: float, pose: Pose) -> TracePoint:
    return TracePoint(s=seconds, head=_height(pose, _HEAD), hips=_height(pose, _HIPS))


def _height(pose: Pose, rows: Sequence[int]) -> float | None:
    seen = [1.0 - float(v) for _, v, rho in pose.keypoints[list(rows)] if rho > 0]
    return round(sum(seen) / len(seen), 4) if seen else None


def recognizer_event() -> Recognizer:
    """What recognises behaviour here, risks first."""
    info = recognizer_info()
    behaviors = sorted(info.validation, key=lambda b: not b.is_risk)
    return Recognizer(
        version=info.version,
        sha256=info.sha256,
        behaviors=tuple(_behavior(info, b) for b in behaviors if b is not Behavior.UNKNOWN),
    )


def sensitivity_event(camera: str, feedback: Sequence[Feedback]) -> CameraSensitivity:
    """A camera's thresholds before and after what was said of it."""
    base, adapted = adapt(()), adapt(feedback)
    said = Counter((one.behavior, one.verdict) for one in feedback)
    return CameraSensitivity(
        camera=camera,
        behaviors=tuple(
            BehaviorSensitivity(
                behavior=behavior,
                base=base.threshold(behavior),
                adapted=adapted.threshold(behavior),
                confirmed=said[behavior, Verdict.CONFIRMED],
                false_alarms=said[behavior, Verdict.FALSE_ALARM],
            )
            for behavior in Behavior
            if behavior.is_risk
        ),
    )


def _behavior(info: RecognizerInfo, behavior: Behavior) -> BehaviorInfo:
    point = info.points.get(behavior)
    return BehaviorInfo(
        behavior=behavior,
        validated=info.is_validated(behavior),
        validation=info.validation[behavior],
        threshold=None if point is None else point.threshold,
        budget=None if point is None else point.budget_per_camera_day,
    )


def _feedback(judgement: Judgement) -> IncidentFeedback:
    return IncidentFeedback(
        verdict=judgement.verdict, note=judgement.note, time=instant(judgement.given_ms)
    )


def _drawn(pose: Pose, found: SubjectFinding | None) -> SubjectScene:
    rows = pose.keypoints.tolist()
    box: Box = found.box_xyxy if found else (0.0, 0.0, 0.0, 0.0)
    return SubjectScene(
        id=pose.subject_id,
        keypoints=tuple((round(u, 4), round(v, 4), round(c, 2)) for u, v, c in rows),
        head=None
        if pose.head is None
        else Head(yaw=pose.head.yaw, pitch=pose.head.pitch, roll=pose.head.roll),
        box_xyxy=box,
        behavior=found.behavior if found else Behavior.UNKNOWN,
        confidence=found.confidence if found else 0.0,
    )
