"""Settings of an edge: the ``[edge]`` table of a TOML file."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated, Final

from msgspec import Meta, Struct

from mizaru.wire.messages import CameraId


class Pace(enum.StrEnum):
    """``live``: the camera's clock, late frames are dropped. ``fast``: every frame."""

    LIVE = "live"
    FAST = "fast"


class Runtime(enum.StrEnum):
    """What runs the perception models."""

    LITERT = "litert"
    OPENVINO = "openvino"


class SandboxMode(enum.StrEnum):
    """``strict``: refuse to start where the darkroom cannot be locked in.
    ``loud``: start, and say at every start that it is not."""

    STRICT = "strict"
    LOUD = "loud"


class KeypointModel(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An optional ONNX keypoint detector (RTMO, YOLO-pose …) that the user brings.

    Attributes:
        path: ONNX file.
        sha256: its checksum, 64 hex digits; a file that differs is refused.
        layout: what its output rows mean: ``yolo`` (cx cy w h score 17×(x y ρ)),
            ``rtmo`` (box with score, keypoints with score).
        threshold: least score of a person.
    """

    path: str
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    layout: Annotated[str, Meta(pattern=r"^(yolo|rtmo)$")] = "yolo"
    threshold: Annotated[float, Meta(gt=0, lt=1)] = 0.35


class PerceiveSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How people are found.

    Attributes:
        runtime: inference library.
        max_people: subjects followed at once, 1 … 8.
        detector_every: frames between two runs of the detector.
        timeout_ms: a frame that takes longer is dropped (fail closed).
    """

    runtime: Runtime = Runtime.LITERT
    max_people: Annotated[int, Meta(ge=1, le=8)] = 8
    detector_every: Annotated[int, Meta(ge=1, le=30)] = 5
    timeout_ms: Annotated[int, Meta(ge=50, le=10_000)] = 1000
    keypoint_model: KeypointModel | None = None


class PlateSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the room without people is learnt (docs/architecture, rules 1 … 5).

    Attributes:
        commit_s: a tile must be unmasked and stable this long before it is shown.
        absorb_s: a structural change must rest this long before it is absorbed.
    """

    commit_s: Annotated[float, Meta(ge=30, le=3600)] = 30.0
    absorb_s: Annotated[float, Meta(ge=600, le=86_400)] = 600.0


class CameraSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One camera.

    Attributes:
        id: lower-case name, ≤ 32 characters.
        source: video file, ``rtsp://…`` or the number of a USB camera; ``${NAME}`` is
            replaced from the environment, so that passwords stay out of files.
        pace: live or fast; fast is for files.
        rotate: degrees clockwise to turn the picture, on top of the file's own flag.
    """

    id: CameraId
    source: Annotated[str, Meta(min_length=1, max_length=1024)]
    pace: Pace = Pace.LIVE
    rotate: Annotated[int, Meta(ge=0, le=270, multiple_of=90)] = 0
    perceive: PerceiveSettings = PerceiveSettings()
    plate: PlateSettings = PlateSettings()


class LinkSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the cloud is. Plain text is allowed on loopback only."""

    url: Annotated[str, Meta(pattern=r"^ws://")] = "ws://127.0.0.1:7443/edge"


class SpoolSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where segments wait for the cloud.

    Attributes:
        path: SQLite file; made if absent.
        max_mb: when more waits, the oldest is dropped and counted.
    """

    path: str = "mizaru-spool.sqlite"
    max_mb: Annotated[int, Meta(ge=1, le=1_000_000)] = 512


class EdgeSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole ``[edge]`` table."""

    camera: Annotated[tuple[CameraSettings, ...], Meta(min_length=1, max_length=64)]
    link: LinkSettings = LinkSettings()
    spool: SpoolSettings = SpoolSettings()
    sandbox: SandboxMode = SandboxMode.STRICT
    models: str | None = None


MODEL_CACHE: Final = Path("~/.cache/mizaru/models")
"""Where models are kept unless ``edge.models`` or ``MIZARU_MODELS`` say otherwise."""
