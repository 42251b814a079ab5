"""Crowds and zones: geometry against an oracle, hours, dwell times."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mizaru.cloud.recognize import Finding, memory_ms
from mizaru.cloud.recognize.body import measure
from mizaru.cloud.recognize.scene import rests_on
from mizaru.cloud.recognize.subject import Subject
from mizaru.cloud.recognize.thresholds import DEFAULT
from mizaru.cloud.recognize.zones import Hours, Zone, contains, crosses_itself
from mizaru.cloud.settings import CloudCameraSettings, RuleSettings, ZoneKind, ZoneSettings
from mizaru.errors import SettingsError
from mizaru.vocabulary import Behavior, Pose

Studio = Any
Recognize = Callable[..., list[Finding]]
Point = tuple[float, float]

unit = st.integers(0, 40).map(lambda n: n / 40)
points = st.tuples(unit, unit)


def winds_around(polygon: list[Point], point: Point) -> bool:
    """Slow oracle: the angles under which the edges are seen add up to a full turn."""
    total = 0.0
    for (u0, v0), (u1, v1) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        a = math.atan2(v0 - point[1], u0 - point[0])
        b = math.atan2(v1 - point[1], u1 - point[0])
        total += math.remainder(b - a, 2 * math.pi)
    return abs(total) > math.pi


def on_an_edge(polygon: list[Point], point: Point) -> bool:
    for a, b in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        if math.dist(a, point) + math.dist(point, b) - math.dist(a, b) < 1e-9:
            return True
    return False


@st.composite
def polygons(draw: st.DrawFn) -> list[Point]:
    """Star-shaped around a point, so that no edges cross."""
    corners = draw(st.lists(points, min_size=3, max_size=9, unique=True))
    center = (sum(u for u, _ in corners) / len(corners), sum(v for _, v in corners) / len(corners))
    corners.sort(key=lambda p: math.atan2(p[1] - center[1], p[0] - center[0]))
    assume(not crosses_itself(tuple(corners)))
    return corners


@settings(max_examples=300, deadline=None)
@given(polygons(), points)
def test_inside_is_what_is_wound_around(polygon: list[Point], point: Point) -> None:
    assume(not on_an_edge(polygon, point))
    assert contains(tuple(polygon), point) is winds_around(polygon, point)


@pytest.mark.parametrize(
    ("polygon", "crosses"),
    [
        (((0, 0), (1, 0), (1, 1), (0, 1)), False),
        (((0, 0), (1, 0), (0, 1)), False),
        (((0, 0), (1, 1), (1, 0), (0, 1)), True),
        (((0, 0), (0.5, 0.5), (1, 1)), True),
        (((0, 0), (1, 0), (0.5, 0.0), (0.5, 1)), True),
        (((0, 0), (1, 0), (1, 1), (0.5, 0.0), (0, 1)), True),
        (((0, 0), (1, 0), (0.6, 0.4), (1, 1), (0, 1)), False),
    ],
)
def test_a_polygon_that_crosses_itself_is_known_and_refused(
    polygon: tuple[Point, ...], crosses: bool
) -> None:
    assert crosses_itself(polygon) is crosses
    zone = ZoneSettings(name="yard", kind=ZoneKind.INTRUDE, polygon=polygon)
    if crosses:
        with pytest.raises(SettingsError, match="yard"):
            Zone(zone)
    else:
        Zone(zone)


@pytest.mark.parametrize(
    ("hours", "clock", "hold"),
    [
        ("08:00-18:00", "08:00", True),
        ("08:00-18:00", "17:59", True),
        ("08:00-18:00", "18:00", False),
        ("08:00-18:00", "07:59", False),
        ("22:00-06:00", "22:00", True),
        ("22:00-06:00", "23:59", True),
        ("22:00-06:00", "00:00", True),
        ("22:00-06:00", "05:59", True),
        ("22:00-06:00", "06:00", False),
        ("22:00-06:00", "12:00", False),
        ("00:00-00:00", "12:00", True),
    ],
)
def test_hours_hold_across_midnight(hours: str, clock: str, hold: bool) -> None:
    now = datetime.fromisoformat(
        f"2025-03-30T{clock}:30" if clock[-1] == "9" else f"2025-03-30T{clock}"
    )
    assert Hours(hours).hold(now) is hold


@pytest.mark.parametrize("hours", ["24:00-06:00", "08:60-09:00"])
def test_hours_that_no_clock_shows_are_refused(hours: str) -> None:
    with pytest.raises(SettingsError, match="hours"):
        Hours(hours)


FLOOR = ((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0))
CEILING = ((0.0, 0.0), (1.0, 0.0), (1.0, 0.3), (0.0, 0.3))


def camera(kind: ZoneKind, **zone: Any) -> CloudCameraSettings:
    polygon = zone.pop("polygon", FLOOR)
    return CloudCameraSettings(
        id="hall", zone=(ZoneSettings(name="yard", kind=kind, polygon=polygon, **zone),)
    )


def first(findings: list[Finding], behavior: Behavior, studio: Studio) -> float | None:
    for finding in findings:
        if any(risk.behavior is behavior for risk in finding.risks):
            return (finding.key.t_ms - studio.START_MS) / 1000
    return None


@pytest.mark.parametrize(
    ("kind", "zone", "told_s"),
    [
        (ZoneKind.INTRUDE, {}, 1.5),
        (ZoneKind.INTRUDE, {"seconds": 3.0}, 4.0),
        (ZoneKind.LOITER, {"seconds": 4.0}, 5.0),
        (ZoneKind.LOITER, {}, None),
        (ZoneKind.INTRUDE, {"polygon": CEILING}, None),
        (ZoneKind.INTRUDE, {"hours": "22:00-23:00"}, 1.5),
        (ZoneKind.INTRUDE, {"hours": "23:00-22:00"}, None),
    ],
)
def test_a_zone_is_told_after_its_time_by_where_the_feet_are(
    studio: Studio, recognize: Recognize, kind: ZoneKind, zone: dict[str, Any], told_s: float | None
) -> None:
    # 2023-11-14T22:13:20Z is when the camera's clock begins; the cloud lives in UTC.
    actor = studio.Actor((studio.STANDING,), enters=1.0)
    findings = recognize(studio.film([actor], seconds=8), camera(kind, **zone))
    behavior = Behavior.LOITER if kind is ZoneKind.LOITER else Behavior.INTRUDE
    told = first(findings, behavior, studio)
    assert told == (None if told_s is None else pytest.approx(told_s, abs=0.11))
    if told_s is not None:
        (risk,) = findings[-1].risks
        assert risk.zone == "yard"
        assert risk.subject_ids == (1,)
        assert "yard" in risk.reason
        assert findings[-1].subjects[0].behavior is behavior


@pytest.mark.parametrize(("away", "told_s"), [(1.0, 5.0), (5.0, None)])
def test_stepping_out_for_a_moment_does_not_begin_a_new_stay(
    studio: Studio, recognize: Recognize, away: float, told_s: float | None
) -> None:
    film = studio.film(
        [
            studio.Actor((studio.STANDING,), enters=1.0, leaves=3.0),
            studio.Actor((studio.STANDING,), enters=3.0 + away),
        ],
        seconds=8,
    )
    told = first(recognize(film, camera(ZoneKind.LOITER, seconds=4.0)), Behavior.LOITER, studio)
    assert told == (None if told_s is None else pytest.approx(told_s, abs=0.11))


@pytest.mark.parametrize(("people", "crowd"), [(2, False), (3, True), (5, True)])
def test_enough_people_for_long_enough_are_a_crowd(
    studio: Studio, recognize: Recognize, people: int, crowd: bool
) -> None:
    actors = [
        studio.Actor((studio.STANDING,), subject_id=i + 1, x=i - 2.0, enters=1.0)
        for i in range(people)
    ]
    settings_ = CloudCameraSettings(id="hall", rules=RuleSettings(crowd_people=3, crowd_s=2.0))
    findings = recognize(studio.film(actors, seconds=5, fps=5 if people > 4 else 10), settings_)
    told = first(findings, Behavior.CROWD, studio)
    assert told == (pytest.approx(3.0, abs=0.21) if crowd else None)
    if crowd:
        (risk,) = findings[-1].risks
        assert risk.subject_ids == ()
        assert {m.name: m.value for m in risk.measures}["people"] == people
        assert findings[-1].subjects[0].behavior is Behavior.STAND


def test_a_person_missed_for_a_moment_does_not_end_a_crowd(
    studio: Studio, recognize: Recognize
) -> None:
    actors = [
        studio.Actor((studio.STANDING,), subject_id=1, x=-1.0),
        studio.Actor((studio.STANDING,), subject_id=2, x=1.0, leaves=1.5),
        studio.Actor((studio.STANDING,), subject_id=2, x=1.0, enters=2.0),
    ]
    settings_ = CloudCameraSettings(id="hall", rules=RuleSettings(crowd_people=2, crowd_s=3.0))
    findings = recognize(studio.film(actors, seconds=5), settings_)
    assert first(findings, Behavior.CROWD, studio) == pytest.approx(3.0, abs=0.11)


@pytest.mark.parametrize(
    ("rules", "zone", "seconds"),
    [
        (RuleSettings(), None, 90.0),
        (RuleSettings(long_lie_s=120.0), None, 150.0),
        (RuleSettings(loiter_s=100.0), (ZoneKind.LOITER, None), 130.0),
        (RuleSettings(loiter_s=100.0), (ZoneKind.LOITER, 300.0), 330.0),
        (RuleSettings(), (ZoneKind.LOITER, 86_400.0), 1800.0),
        (RuleSettings(), (ZoneKind.REST, 600.0), 90.0),
    ],
)
def test_memory_is_as_long_as_the_slowest_rule(
    rules: RuleSettings, zone: tuple[ZoneKind, float | None] | None, seconds: float
) -> None:
    zones = ()
    if zone:
        zones = (ZoneSettings(name="z", kind=zone[0], polygon=FLOOR, seconds=zone[1]),)
    assert memory_ms(CloudCameraSettings(id="hall", zone=zones, rules=rules)) == seconds * 1000


@pytest.mark.parametrize(
    ("u", "v", "rests"),
    [(0.9, 0.5, True), (1.2, 0.5, True), (1.2, 0.9, False), (0.5, 0.5, False), (-0.2, 0.5, False)],
)
def test_a_bed_at_the_edge_of_the_picture_goes_on_beyond_it(
    u: float, v: float, rests: bool
) -> None:
    corners = ((0.8, 0.3), (1.0, 0.3), (1.0, 0.7), (0.8, 0.7))
    bed = Zone(ZoneSettings(name="bed", kind=ZoneKind.REST, polygon=corners))
    keypoints = np.full((17, 3), (u, v, 0.9), np.float32)
    keypoints[:5, 0] -= 0.05
    subject = Subject(DEFAULT)
    body = measure(Pose(1, keypoints), 4 / 3, 0)
    assert body is not None
    subject.observe(1, body)
    assert rests_on(subject, [bed], 4 / 3) is rests
