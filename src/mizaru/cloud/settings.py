"""Settings of the cloud: the ``[cloud]`` table of a TOML file."""

from __future__ import annotations

import difflib
import enum
import ipaddress
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from mizaru.errors import DataError, SettingsError
from mizaru.ledger.calibration import read_card
from mizaru.settings import convert, line_of, load_document
from mizaru.wire.messages import CameraId

LEAST_AREA: Final = 1e-4
"""A zone smaller than this share of the picture is a slip of the pen."""
TABLES: Final = ("cloud", "edge")
"""What a configuration file may hold; the edge's part is the edge's business."""

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


class LedgerSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the ledger may know of encoders.

    Attributes:
        cards: ``encoder.json`` of encoders that edges use besides the one that Mizaru ships, for
            the calibrated lines.
    """

    cards: Annotated[tuple[str, ...], Meta(max_length=64)] = ()


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
    ledger: LedgerSettings = LedgerSettings()
    accept_unknown_cameras: bool = True
    camera: Annotated[tuple[CloudCameraSettings, ...], Meta(max_length=1024)] = ()


Point = tuple[float, float]


def load_cloud_settings(file: Path) -> CloudSettings:
    """The ``[cloud]`` table of a TOML file; ``store.path`` and ``ledger.cards`` come back absolute,
    relative to the file's folder.

    Raises:
        SettingsError: naming file, line, key and remedy.
    """
    document, text = load_document(file)
    table = _table(document, file, text)
    settings = convert(table, CloudSettings, file=file, text=text, root="cloud")
    folder = file.resolve().parent
    store = msgspec.structs.replace(settings.store, path=_absolute(folder, settings.store.path))
    cards = tuple(_absolute(folder, card) for card in settings.ledger.cards)
    ledger = msgspec.structs.replace(settings.ledger, cards=cards)
    settings = msgspec.structs.replace(settings, store=store, ledger=ledger)
    for key, message in complaints(settings):
        raise SettingsError(message, file=file, line=line_of(text, key), key=key)
    return settings


def complaints(settings: CloudSettings) -> Iterator[tuple[str, str]]:
    """What types and bounds cannot say: (dotted key, what is wrong and the remedy). Reads the
    cards that are named, so that a bad one is known at the start."""
    for name in ("listen", "edge_listen"):
        if complaint := _address_complaint(getattr(settings, name)):
            yield f"cloud.{name}", complaint
    if settings.listen == settings.edge_listen and not settings.listen.endswith(":0"):
        yield "cloud.edge_listen", "is the same as cloud.listen; give it another port"
    for index, camera_id in _repeated([camera.id for camera in settings.camera]):
        yield f"cloud.camera[{index}].id", f"camera {camera_id!r} is listed twice; keep one"
    for number, camera in enumerate(settings.camera):
        yield from _zone_complaints(f"cloud.camera[{number}]", camera.zone)
    for number, card in enumerate(settings.ledger.cards):
        try:
            read_card(Path(card))
        except DataError as error:
            yield f"cloud.ledger.cards[{number}]", f"{error}; name an encoder.json, or leave it out"


def split_address(address: str) -> tuple[str, int]:
    """``"127.0.0.1:8080"`` → host and port."""
    host, _, port = address.rpartition(":")
    return host, int(port)


def _absolute(folder: Path, path: str) -> str:
    return str((folder / Path(path).expanduser()).resolve())


def _table(document: dict[str, Any], file: Path, text: str) -> dict[str, Any]:
    for name in document:
        if name not in TABLES:
            near = difflib.get_close_matches(name, TABLES, n=1)
            remedy = f"did you mean {near[0]!r}?" if near else f"known tables: {', '.join(TABLES)}"
            message, line = f"unknown table; {remedy}", line_of(text, name)
            raise SettingsError(message, file=file, line=line, key=name)
    if "cloud" not in document:
        raise SettingsError("there is no [cloud] table; add one", file=file, key="cloud")
    table = document["cloud"]
    if not isinstance(table, dict):
        line = line_of(text, "cloud")
        raise SettingsError("must be a table; write [cloud]", file=file, line=line, key="cloud")
    return table


def _address_complaint(address: str) -> str | None:
    host, port = split_address(address)
    if port > 65_535:
        return f"port {port} does not exist; choose one from 0 (any free one) to 65535"
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        return (
            f"{host!r} is not loopback, and beyond it plain text is never spoken; "
            f"use 127.0.0.1:{port}"
        )
    return None


def _zone_complaints(camera: str, zones: Sequence[ZoneSettings]) -> Iterator[tuple[str, str]]:
    for index, name in _repeated([zone.name for zone in zones]):
        yield f"{camera}.zone[{index}].name", f"zone {name!r} is listed twice; rename one"
    for number, zone in enumerate(zones):
        key = f"{camera}.zone[{number}]"
        if crossing := _crossing(zone.polygon):
            first, second = crossing
            yield (
                f"{key}.polygon",
                f"edge {first + 1} crosses or touches edge {second + 1}; "
                "list the corners in order around the zone",
            )
        elif abs(_area(zone.polygon)) < LEAST_AREA:
            yield f"{key}.polygon", "has no area; corners are fractions of width and height"
        if zone.hours is not None and (complaint := _hours_complaint(zone.hours)):
            yield f"{key}.hours", complaint


def _hours_complaint(hours: str) -> str | None:
    for time in hours.split("-"):
        if int(time[:2]) > 23 or int(time[3:]) > 59:
            return f"{time} is not a time of day; use 00:00 to 23:59"
    begin, end = hours.split("-")
    return "begins and ends at the same time; leave it out for always" if begin == end else None


def _repeated(names: Sequence[str]) -> Iterator[tuple[int, str]]:
    counts = Counter(names)
    for name, count in counts.items():
        if count > 1:
            yield len(names) - 1 - names[::-1].index(name), name


def _area(polygon: Sequence[Point]) -> float:
    """Signed area, shoelace formula; the whole picture has 1."""
    pairs = itertools.pairwise([*polygon, polygon[0]])
    return sum(u0 * v1 - u1 * v0 for (u0, v0), (u1, v1) in pairs) / 2


def _crossing(polygon: Sequence[Point]) -> tuple[int, int] | None:
    """Two sides that meet elsewhere than at their common corner, or None."""
    sides = list(itertools.pairwise([*polygon, polygon[0]]))
    for i, j in itertools.combinations(range(len(sides)), 2):
        neighbours = j == i + 1 or (i == 0 and j == len(sides) - 1)
        if neighbours:
            # Two neighbours share a corner; they overlap only if one runs back along the other.
            (a, b), (c, d) = (sides[i], sides[j]) if j == i + 1 else (sides[j], sides[i])
            assert b == c
            back = (a[0] - b[0]) * (d[0] - b[0]) + (a[1] - b[1]) * (d[1] - b[1]) > 0
            if back and _turn(a, b, d) == 0:
                return i, j
        elif _meet(*sides[i], *sides[j]):
            return i, j
    return None


def _meet(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Whether the segments ab and cd have a point in common."""
    if _turn(a, b, c) * _turn(a, b, d) < 0 and _turn(c, d, a) * _turn(c, d, b) < 0:
        return True
    return any(
        _turn(p, q, r) == 0
        and min(p[0], q[0]) <= r[0] <= max(p[0], q[0])
        and min(p[1], q[1]) <= r[1] <= max(p[1], q[1])
        for p, q, r in ((a, b, c), (a, b, d), (c, d, a), (c, d, b))
    )


def _turn(a: Point, b: Point, c: Point) -> int:
    """+1, 0 or -1: which way abc turns; exact enough for coordinates people write down."""
    cross = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    return 0 if abs(cross) < 1e-12 else 1 if cross > 0 else -1
