"""Settings of the cloud: the ``[cloud]`` table of a TOML file."""

from __future__ import annotations

import enum
from typing import Annotated

from msgspec import Meta, Struct

from mizaru.wire.messages import CameraId

Fraction = Annotated[float, Meta(ge=0.0, le=1.0)]
Address = Annotated[str, Meta(pattern=r"^[^:/]+:\d{1,5}$")]


class ZoneKind(enum.StrEnum):
    """``intrude``: nobody may be here. ``loiter``: nobody may stay. ``rest``: beds and sofas,
    where lying is expected."""

    INTRUDE = "intrude"
    LOITER = "loiter"
    REST = "rest"


class ZoneSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A polygon on the floor of a camera's image.

    Attributes:
        polygon: ≥ 3 corners (u, v) as fractions of width and height; must not cross itself.
        hours: when it counts, e.g. ``"22:00-06:00"`` in the cloud's local time; None: always.
        seconds: for ``loiter``, how long is too long; for ``intrude``, how long is enough.
    """

    name: Annotated[str, Meta(min_length=1, max_length=40)]
    kind: ZoneKind
    polygon: Annotated[tuple[tuple[Fraction, Fraction], ...], Meta(min_length=3, max_length=32)]
    hours: Annotated[str, Meta(pattern=r"^\d\d:\d\d-\d\d:\d\d$")] | None = None
    seconds: Annotated[float, Meta(gt=0, le=86_400)] | None = None


class RuleSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Thresholds that a site may want to move.

    Attributes:
        crowd_people: this many people are a crowd …
        crowd_s: … when they stay this long.
        long_lie_s: lying outside a ``rest`` zone this long is a long lie.
        loiter_s: default for loiter zones.
    """

    crowd_people: Annotated[int, Meta(ge=2, le=100)] = 5
    crowd_s: Annotated[float, Meta(gt=0, le=3600)] = 5.0
    long_lie_s: Annotated[float, Meta(gt=0, le=3600)] = 30.0
    loiter_s: Annotated[float, Meta(gt=0, le=86_400)] = 120.0


class CloudCameraSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the cloud knows of one camera. Cameras that are not listed use the defaults."""

    id: CameraId
    name: Annotated[str, Meta(min_length=1, max_length=80)] | None = None
    zone: Annotated[tuple[ZoneSettings, ...], Meta(max_length=32)] = ()
    rules: RuleSettings = RuleSettings()


class StoreSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the cloud keeps what it was sent.

    Attributes:
        path: SQLite file; made if absent.
        keep_hours: segments older than this are deleted; incidents stay.
    """

    path: str = "mizaru-cloud.sqlite"
    keep_hours: Annotated[float, Meta(gt=0, le=87_600)] = 72.0


class CloudSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole ``[cloud]`` table.

    Attributes:
        listen: address of dashboard and REST; loopback until TLS arrives.
        edge_listen: address of the WebSocket for edges; loopback until TLS arrives.
        accept_unknown_cameras: whether an edge may bring a camera that is not listed.
    """

    listen: Address = "127.0.0.1:8080"
    edge_listen: Address = "127.0.0.1:7443"
    store: StoreSettings = StoreSettings()
    accept_unknown_cameras: bool = True
    camera: Annotated[tuple[CloudCameraSettings, ...], Meta(max_length=1024)] = ()
