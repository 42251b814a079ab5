"""What the cloud says, in JSON: the lines of ``mizaru run --json``, the live WebSocket, REST.

One definition serves all three; the published JSON Schema (``docs/schema/events.schema.json``,
``mizaru schema``) and the dashboard's TypeScript client are generated from it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, StringConstraints

from mizaru.cloud.incident import MAX_NOTE, Verdict
from mizaru.cloud.settings import ZoneKind
from mizaru.vocabulary import Behavior, CameraState, Severity

Unit = Annotated[float, Field(ge=0.0, le=1.0)]
Box = Annotated[
    tuple[Unit, Unit, Unit, Unit],
    Field(description="x0, y0, x1, y1 as fractions of the image's width and height"),
]


class _Event(BaseModel):
    # Every field is always there, so that clients need not ask; `type` tells unions apart.
    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_serialization_defaults_required=True
    )


class Measure(_Event):
    """A number that settles a dispute, with its unit."""

    name: str = Field(examples=["descent_speed"])
    value: float
    unit: str = Field(examples=["body heights/s"])


class SubjectResult(_Event):
    """One subject in one result."""

    id: int = Field(ge=1, description="ephemeral: new for each visit")
    box_xyxy: Box
    behavior: Behavior
    confidence: Unit


class Result(_Event):
    """What the cloud recognised in one representation."""

    type: Literal["result"] = "result"
    camera: str
    frame_id: int = Field(ge=0)
    time: datetime = Field(description="the camera's clock, UTC")
    person_count: int = Field(ge=0)
    subjects: tuple[SubjectResult, ...]
    abnormal: bool = Field(description="a risk behaviour is recognised now")


class IncidentFeedback(_Event):
    """What an operator said of an incident; the last word stands."""

    verdict: Verdict
    note: str = Field(max_length=MAX_NOTE, description="in the operator's words; may be empty")
    time: datetime = Field(description="when it was said, by the cloud's clock")


class IncidentEvent(_Event):
    """An incident opened, changed or closed, or an operator judged it."""

    type: Literal["incident"] = "incident"
    event: Literal["opened", "updated", "closed", "judged"] = Field(
        description="judged: an operator said what it was, or took it back; see `feedback`"
    )
    id: str
    camera: str
    behavior: Behavior
    severity: Severity
    start: datetime = Field(description="when the behaviour began, by the camera's clock")
    opened: datetime = Field(description="when it was certain enough to tell, by the same clock")
    end: datetime | None = Field(description="null while the incident is open")
    confidence: Unit
    subjects: tuple[int, ...]
    measures: tuple[Measure, ...]
    reason: str = Field(description="why it fired, in words")
    validated: bool = Field(
        description="whether the recognizer that runs now was shown to know this behaviour on "
        "footage of real people; see /recognizer"
    )
    feedback: IncidentFeedback | None = Field(description="null: nobody has judged it")


class StatusEvent(_Event):
    """Health of one camera, as its edge last said it."""

    type: Literal["status"] = "status"
    camera: str
    time: datetime
    state: CameraState
    connected: bool
    frames_in: int = Field(ge=0)
    frames_dropped: int = Field(ge=0)
    fps: float = Field(ge=0)
    capture_to_pipe_p50_ms: float = Field(ge=0)
    capture_to_pipe_p95_ms: float = Field(ge=0)
    restarts: int = Field(ge=0)
    spooled: int = Field(ge=0, description="segments that wait at the edge")
    sandboxed: bool


class Latency(_Event):
    """Milliseconds; null where nothing was measured."""

    p50: float | None
    p95: float | None


class Summary(_Event):
    """One camera's run, said once at its end."""

    type: Literal["summary"] = "summary"
    camera: str
    duration_s: float = Field(ge=0, description="of camera time")
    frames_in: int = Field(ge=0)
    frames_dropped: int = Field(ge=0)
    fps: float = Field(ge=0, description="frames developed per second of wall clock")
    results: int = Field(ge=0)
    incidents: int = Field(ge=0)
    capture_to_pipe_ms: Latency
    capture_to_incident_ms: Latency
    bytes_out: int = Field(ge=0)
    bytes_out_per_s: float = Field(ge=0, description="per second of camera time")


class Event(
    RootModel[
        Annotated[Result | IncidentEvent | StatusEvent | Summary, Field(discriminator="type")]
    ]
):
    """One line of JSON Lines."""


class Head(_Event):
    """Head orientation in degrees, see `mizaru.vocabulary.HeadOrientation`."""

    yaw: float
    pitch: float
    roll: float


class SubjectScene(_Event):
    """One subject as the dashboard draws it."""

    id: int = Field(ge=1)
    keypoints: tuple[tuple[float, float, float], ...] = Field(
        description="17 rows (u, v, confidence) in COCO order, retargeted to one canonical body"
    )
    head: Head | None
    box_xyxy: Box
    behavior: Behavior
    confidence: Unit


class SceneEvent(_Event):
    """A `Result` with what is needed to draw it; only on the live WebSocket and in REST."""

    type: Literal["scene"] = "scene"
    camera: str
    frame_id: int = Field(ge=0)
    time: datetime
    width: int = Field(ge=1, description="of the camera's image, pixels, for the aspect ratio")
    height: int = Field(ge=1)
    plate: str | None = Field(description="digest of the plate, hexadecimal; see /plates")
    person_count: int = Field(ge=0)
    subjects: tuple[SubjectScene, ...] = Field(description="the farthest first: draw in order")
    abnormal: bool


class LiveEvent(
    RootModel[Annotated[SceneEvent | IncidentEvent | StatusEvent, Field(discriminator="type")]]
):
    """One message of the live WebSocket."""


# REST only ----------------------------------------------------------------------------------


class Zone(_Event):
    """A named polygon on the floor of a camera's image, as the settings say."""

    name: str
    kind: ZoneKind
    polygon: tuple[tuple[Unit, Unit], ...] = Field(
        description="corners (u, v) as fractions of the image's width and height"
    )
    hours: str | None = Field(description="HH:MM-HH:MM, local time; null: always")


class Camera(_Event):
    """One camera as the cloud knows it."""

    id: str
    name: str
    width: int | None = Field(description="of the image, pixels; null before the first segment")
    height: int | None
    zones: tuple[Zone, ...]
    plate: str | None = Field(description="digest of the current plate, hexadecimal; see /plates")
    plate_known_percent: int | None = Field(
        description="share of the room that has been seen without people"
    )
    status: StatusEvent | None = Field(description="as its edge last said; null if it never did")
    person_count: int | None = Field(description="now; null where nothing is arriving")


class TracePoint(_Event):
    """Where one subject was at one moment: heights above the picture's bottom, as fractions of
    its height."""

    s: float = Field(description="seconds since the behaviour began; negative: before")
    head: float | None = Field(description="of head and shoulders; null where they were not seen")
    hips: float | None = Field(description="of the hips; null where they were not seen")


class SubjectTrace(_Event):
    """How one subject went up and down."""

    id: int = Field(ge=1)
    points: tuple[TracePoint, ...]


class IncidentTrace(_Event):
    """What the alarm was about, from just before it began until just after it was told."""

    incident: str
    opened_s: float = Field(description="seconds from the beginning to the alarm")
    subjects: tuple[SubjectTrace, ...] = Field(
        description="of those it is about; none once the segments are deleted"
    )


class BehaviorInfo(_Event):
    """How far one behaviour may be trusted."""

    behavior: Behavior
    validated: bool = Field(description="shown to hold on footage of real people")
    validation: str = Field(description="on what, with which result; or why not")
    threshold: Unit | None = Field(
        description="score of the network at which it is told, as shipped: there its confidence "
        "is 0.5; null: it has no score, but a rule or none"
    )
    budget: float | None = Field(
        description="false alarms per camera and day that the threshold was chosen for; "
        "null: for none"
    )


class Recognizer(_Event):
    """What recognises behaviour in this release."""

    version: str = Field(description="of the weights, or `rules` where there are none")
    sha256: str | None = Field(description="of the weights, hexadecimal; null: it has none")
    behaviors: tuple[BehaviorInfo, ...]


class FeedbackRequest(BaseModel):
    """What an operator says of an incident."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: Verdict
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=MAX_NOTE)] = ""


class BehaviorSensitivity(_Event):
    """How sure the recognizer must be of one behaviour at one camera."""

    behavior: Behavior
    base: Unit = Field(description="confidence at which it is told, as the recognizer ships")
    adapted: Unit = Field(description="… and here, after what operators said")
    confirmed: int = Field(ge=0, description="incidents that count and were confirmed")
    false_alarms: int = Field(ge=0, description="incidents that count and were false alarms")


class CameraSensitivity(_Event):
    """How sure the recognizer must be at one camera; feedback moves it here and nowhere else."""

    camera: str
    behaviors: tuple[BehaviorSensitivity, ...]


class LedgerPlace(_Event):
    """How often anybody can name one of so many people at most."""

    among: int = Field(ge=2)
    p_max: Unit
    p_max_calibrated: Unit | None = Field(
        description="for frames like those of `calibration_set`; null: there is none"
    )


class LedgerBounds(_Event):
    """Upper bounds on what all z of a track can say, under one condition."""

    condition: Literal["any_input", "static"] = Field(
        description="any_input: always true; static: true only where who somebody is adds a "
        "constant to what the encoder says and changes nothing else"
    )
    nats: float = Field(ge=0, description="capacity")
    calibrated: float | None = Field(
        ge=0,
        description="capacity for frames like those of the channel's `calibration_set`, nats; "
        "null: there is none",
    )
    rho: float = Field(ge=0, description="zero-concentrated differential privacy")
    epsilon: float = Field(ge=0, description="the same as ε at δ = 1e-5")
    m: float = Field(ge=0, description="Gaussian differential privacy")
    tar: Unit = Field(description="largest true acceptance rate at a false one of 0.001")
    places: tuple[LedgerPlace, ...]


class LedgerChannel(_Event):
    """What every z of a track went through."""

    width: int = Field(ge=1, description="numbers per z")
    clip: float = Field(gt=0)
    sigma: float = Field(gt=0, description="noise per number")
    sticky: Unit = Field(description="share of its variance that is drawn once per track")
    budget: int = Field(ge=1, description="nats per track")
    weights: str = Field(description="first 8 hexadecimal digits of the encoder's card")
    calibration_set: str | None = Field(
        description="in the words of the encoder's card: the calibrated bounds hold for frames "
        "like these, and for no others; null: there are no such bounds"
    )
    uncalibrated: Literal["unknown_card", "other_channel"] | None = Field(
        description="why there are none. unknown_card: this cloud has no card of these weights, "
        "see `cloud.ledger.cards`; other_channel: the card was measured under another clip, or "
        "not for this width. null: there are some"
    )


class CameraLedger(_Event):
    """All that a camera ever sent. Poses and plates have no noise: no bound, only bits."""

    camera: str
    first: datetime = Field(description="by the camera's clock")
    last: datetime
    representations: int = Field(ge=0)
    wire_bits: int = Field(ge=0, description="of whole segments; the next three are part of it")
    pose_bits: int = Field(ge=0)
    z_bits: int = Field(ge=0)
    plate_bits: int = Field(ge=0)
    plates: int = Field(ge=0)
    with_z: int = Field(ge=0, description="representations that bring a z")
    spent: int = Field(ge=0, description="… that bring none since somebody's budget was spent")
    failed: int = Field(ge=0, description="… since the encoder failed")


class TrackLedger(_Event):
    """All that was said of one subject during one visit."""

    number: int = Field(ge=1, description="grows in the order of appearance")
    camera: str
    id: int = Field(ge=1, description="ephemeral: new for each visit")
    first: datetime = Field(description="by the camera's clock")
    last: datetime
    representations: int = Field(ge=0, description="with a pose of this subject")
    pose_bits: int = Field(ge=0)
    with_z: int = Field(ge=0)
    z_bits: int = Field(ge=0, description="each z counts in full for everybody who is there")
    spent: int = Field(ge=0, description="as in CameraLedger, of these representations")
    failed: int = Field(ge=0)
    channel: LedgerChannel | None = Field(description="null: the camera sends no z")
    nats: float = Field(ge=0, description="said of this subject so far, any input")
    budget_spent: bool = Field(description="one more z would go over the budget")
    bounds: tuple[LedgerBounds, ...] = Field(description="empty before the first z")


class Ledger(_Event):
    """What the cameras have said, and of whom at most how much."""

    cameras: tuple[CameraLedger, ...] = Field(description="sums since the cloud's first day")
    tracks: tuple[TrackLedger, ...] = Field(
        description="the last to appear first; kept as long as segments are"
    )
    next: int | None = Field(description="`before` of the next page; null: this is the last")


class ConnectedEdge(_Event):
    """An edge that is connected now."""

    edge: str = Field(description="first eight hexadecimal digits of the edge's random id")
    cameras: tuple[str, ...]
    since: datetime


class Counters(_Event):
    """What was counted since the cloud started."""

    segments: int = Field(ge=0, description="stored")
    representations: int = Field(ge=0)
    duplicates: int = Field(ge=0, description="segments that came again and were not stored twice")
    missing: int = Field(ge=0, description="segments that edges dropped because a spool was full")
    malformed: int = Field(ge=0, description="messages refused: not exactly right, or too large")
    violations: int = Field(ge=0, description="connections closed: a message out of its place")
    refused: int = Field(ge=0, description="connections refused: camera in use, unknown, busy …")
    failures: int = Field(ge=0, description="representations that recognition failed on: a bug")
    scenes_conflated: int = Field(ge=0, description="live scenes that slow viewers did not get")


class Health(_Event):
    """How the cloud itself is."""

    status: Literal["ok", "storage_full"] = Field(
        description="storage_full: nothing new is acknowledged until there is room again"
    )
    version: str
    uptime_s: float = Field(ge=0)
    edges: tuple[ConnectedEdge, ...]
    viewers: int = Field(ge=0, description="open live connections")
    counters: Counters


class Problem(_Event):
    """Why a request was not answered."""

    detail: str
