"""Settings of an edge: the ``[edge]`` table of a TOML file."""

from __future__ import annotations

import enum
import ipaddress
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from mizaru.errors import SettingsError
from mizaru.ledger.account import Channel
from mizaru.settings import VARIABLE, convert, expand, line_of, load_document, refuse_unknown_tables
from mizaru.wire.messages import GRID_MS, MAX_CAMERAS, CameraId


class Pace(enum.StrEnum):
    """``live``: the camera's clock, late frames are dropped. ``fast``: every frame."""

    LIVE = "live"
    FAST = "fast"


class Runtime(enum.StrEnum):
    """What runs the perception models."""

    LITERT = "litert"
    OPENVINO = "openvino"


class EncoderTier(enum.StrEnum):
    """Exits of the encoder. ``auto``: the deepest that takes ≤ 3 ms here, measured at the start."""

    SMALL = "small"
    BASE = "base"
    AUTO = "auto"


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
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
    layout: Annotated[str, Meta(pattern=r"^(yolo|rtmo)$(?!\n)")] = "yolo"
    threshold: Annotated[float, Meta(gt=0, lt=1)] = 0.35


class PerceiveSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How people are found.

    Attributes:
        runtime: inference library.
        max_people: subjects followed at once, 1 … 8.
        detector_every: frames between two runs of the detector.
        timeout_ms: a frame that takes longer is dropped (fail closed).
        threads: people looked at at once; more than there are cores gains nothing.
    """

    runtime: Runtime = Runtime.LITERT
    max_people: Annotated[int, Meta(ge=1, le=8)] = 8
    detector_every: Annotated[int, Meta(ge=1, le=30)] = 5
    timeout_ms: Annotated[int, Meta(ge=50, le=10_000)] = 1000
    threads: Annotated[int, Meta(ge=1, le=8)] = 2
    keypoint_model: KeypointModel | None = None


class PlateSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the room without people is learnt (docs/architecture, rules 1 … 5).

    Attributes:
        commit_s: a tile must be unmasked and stable this long before it is shown.
        absorb_s: a structural change must rest this long before it is absorbed.
    """

    commit_s: Annotated[float, Meta(ge=30, le=3600)] = 30.0
    absorb_s: Annotated[float, Meta(ge=600, le=86_400)] = 600.0


class PoseChannelSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How coarse poses leave, after retargeting, which is always on; zeros: as retargeted.

    Attributes:
        step: grid of positions, in heights of the body; the wire's own is finer.
        jitter: σ of the noise on positions, in heights of the body.
        sticky: share of its variance that is drawn once per track and never averages away.
        smooth_s: time constant that movement is smoothed with, seconds.
        hold_ms: a pose is renewed at multiples of this only; 0 and 100: at every one.
    """

    step: Annotated[float, Meta(ge=0, le=0.25)] = 0.0
    jitter: Annotated[float, Meta(ge=0, le=0.25)] = 0.0
    sticky: Annotated[float, Meta(ge=0, le=1)] = 0.5
    smooth_s: Annotated[float, Meta(ge=0, le=2)] = 0.0
    hold_ms: Annotated[int, Meta(ge=0, le=1000, multiple_of=GRID_MS)] = 0


class EmbeddingSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """z_t, what the encoder says of the whole room, and how little of it leaves.

    clip, sigma and sticky are used to thousandths and whole percents, as they are said on the
    wire, rounded to the private side.

    Attributes:
        enabled: whether there is any z. Nothing reads it yet, so that none is sent unless asked for
            (decision 0013).
        tier: how deep the encoder looks.
        width: D, numbers per z; fewer say less.
        clip: C, longest μ.
        sigma: σ of the noise per number. σ ≥ C/5: less noise than that is hardly any.
        sticky: share of the variance drawn once per track, so that it never averages away.
        budget_nats: what may be said of one track at most; then its z stops.
        every_ms: least time between two z; a budget lasts longer.
    """

    enabled: bool = False
    tier: EncoderTier = EncoderTier.AUTO
    width: Literal[8, 16, 32] = 8
    clip: Annotated[float, Meta(ge=0.01, le=10)] = 1.0
    sigma: Annotated[float, Meta(ge=0.01, le=10)] = 0.35
    sticky: Annotated[float, Meta(ge=0, le=0.95)] = 0.5
    budget_nats: Annotated[int, Meta(ge=1, le=1_000_000)] = 3000
    every_ms: Annotated[int, Meta(ge=GRID_MS, le=60_000, multiple_of=GRID_MS)] = GRID_MS


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
    pose_channel: PoseChannelSettings = PoseChannelSettings()
    embedding: EmbeddingSettings = EmbeddingSettings()


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

    camera: Annotated[tuple[CameraSettings, ...], Meta(min_length=1, max_length=MAX_CAMERAS)]
    link: LinkSettings = LinkSettings()
    spool: SpoolSettings = SpoolSettings()
    sandbox: SandboxMode = SandboxMode.STRICT
    models: str | None = None


LEAST_NOISE: Final = 0.2
"""σ per C. With less, a frame says about all that it can."""
MODEL_CACHE: Final = Path("~/.cache/mizaru/models")
"""Where models are kept unless ``edge.models`` or ``MIZARU_MODELS`` say otherwise."""


def load_edge_settings(file: Path) -> EdgeSettings:
    """The ``[edge]`` table of a file, checked, with paths made relative to the file's folder.

    Sources stay as they are written: see `resolve_source`.

    Raises:
        SettingsError: naming file, line and key.
    """
    document, text = load_document(file)
    refuse_unknown_tables(document, file=file, text=text)
    if "edge" not in document:
        raise SettingsError("no [edge] table; see examples/edge.toml", file=file)
    table = document["edge"]
    if not isinstance(table, dict):
        raise SettingsError("must be a table, [edge]", file=file, line=line_of(text, "edge"))
    settings = convert(table, EdgeSettings, file=file, text=text, root="edge")
    for key, message in complaints(settings):
        raise SettingsError(message, file=file, line=line_of(text, key), key=key)
    return _anchored(settings, file.parent.absolute())


def complaints(settings: EdgeSettings) -> Iterator[tuple[str, str]]:
    """What types and bounds cannot say: (dotted key, what is wrong and the remedy)."""
    first: dict[str, int] = {}
    for index, camera in enumerate(settings.camera):
        if camera.id in first:
            message = f"{camera.id!r} is edge.camera[{first[camera.id]}] already; rename one"
            yield f"edge.camera[{index}].id", message
        first.setdefault(camera.id, index)
        if camera.pace is Pace.FAST and not is_file(camera.source):
            message = "a camera has its own clock and fast is for files; use live"
            yield f"edge.camera[{index}].pace", message
        for name, message in _embedding_complaints(camera.embedding):
            yield f"edge.camera[{index}].embedding.{name}", message
    if complaint := _url_complaint(settings.link.url):
        yield "edge.link.url", complaint


def _embedding_complaints(settings: EmbeddingSettings) -> Iterator[tuple[str, str]]:
    if settings.sigma < LEAST_NOISE * settings.clip:
        least = LEAST_NOISE * settings.clip
        yield "sigma", f"is less than a fifth of clip; take {least:g} or more"
        return
    channel = Channel(settings.width, settings.clip, settings.sigma, settings.sticky)
    if (one := channel.nats(1)) > settings.budget_nats:
        yield "budget_nats", f"does not pay for a single z, which is {one:.1f} nats; give it more"


def absent_files(
    settings: EdgeSettings, environment: Mapping[str, str], folder: Path
) -> Iterator[tuple[str, str]]:
    """Files and folders that are named but not here: (dotted key, message and remedy)."""
    for index, camera in enumerate(settings.camera):
        key = f"edge.camera[{index}].source"
        try:
            source = resolve_source(camera.source, environment, folder, key=key)
        except SettingsError:
            continue  # the variable may be set where the edge runs; see `warnings`
        if is_file(source) and not Path(source).exists():
            yield key, f"no such file: {source}"
        model = camera.perceive.keypoint_model
        if model is not None and not Path(model.path).is_file():
            yield (
                f"edge.camera[{index}].perceive.keypoint_model.path",
                f"no such file: {model.path}",
            )
    spool_folder = Path(settings.spool.path).parent
    if not spool_folder.is_dir():
        yield "edge.spool.path", f"no such folder: {spool_folder}; make it"


def warnings(settings: EdgeSettings, environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What works and is unwise, or may not work here: (dotted key, message and remedy)."""
    for index, camera in enumerate(settings.camera):
        key = f"edge.camera[{index}].source"
        if _has_password(camera.source):
            yield key, "a password in plain text; write ${NAME} and set it in the environment"
        for name in VARIABLE.findall(camera.source):
            if name not in environment:
                yield key, f"environment variable {name} is not set here; the edge will need it"
    if settings.sandbox is SandboxMode.LOUD:
        yield "edge.sandbox", "the darkroom may run without its locks; use strict where it can"


def _has_password(source: str) -> bool:
    """Whether an address carries a password as it is written, not as a variable."""
    if is_file(source):
        return False
    userinfo = source.partition("://")[2].partition("/")[0].rpartition("@")[0]
    password = userinfo.partition(":")[2]
    return bool(VARIABLE.sub("", password))


def _url_complaint(url: str) -> str | None:
    """Why this is no address for plain text, which must not leave the machine."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        return f"not an address: {error}"
    if not host or port == 0:
        return "needs host and port, such as ws://127.0.0.1:7443/edge"
    if parts.username is not None or parts.password is not None:
        return "takes no user and password"
    # No name is looked up: a name server could lead anywhere.
    if host != "localhost" and not is_loopback(host):
        return (
            f"plain text beyond loopback is refused and {host} is not this machine: use"
            " 127.0.0.1, ::1 or localhost (TLS comes with a later release; until then a tunnel"
            " such as ssh -L ends there)"
        )
    return None


def is_loopback(address: str) -> bool:
    """Whether this is a numeric address (127/8 or ::1) that never leaves the machine."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def is_file(source: str) -> bool:
    """Whether a source is a path rather than an address or a USB camera's number."""
    return "://" not in source and not source.isdecimal()


def resolve_source(source: str, environment: Mapping[str, str], folder: Path, *, key: str) -> str:
    """A source as capture wants it: ``${NAME}`` filled in, a path relative to the folder of
    the configuration made absolute. May hold a password: never log it.

    Raises:
        SettingsError: an environment variable is not set.
    """
    source = expand(source, environment, key=key)
    return str(folder / source) if is_file(source) else source


def _anchored(settings: EdgeSettings, folder: Path) -> EdgeSettings:
    replace = msgspec.structs.replace
    cameras = []
    for camera in settings.camera:
        model = camera.perceive.keypoint_model
        if model is not None:
            model = replace(model, path=str(folder / Path(model.path).expanduser()))
        cameras.append(replace(camera, perceive=replace(camera.perceive, keypoint_model=model)))
    return replace(
        settings,
        camera=tuple(cameras),
        spool=replace(settings.spool, path=str(folder / Path(settings.spool.path).expanduser())),
        models=settings.models and str(folder / Path(settings.models).expanduser()),
    )
