"""Where and when a rule counts: polygons in the picture and hours of the day."""

from __future__ import annotations

from datetime import datetime, time
from itertools import pairwise

from mizaru.cloud.settings import ZoneSettings
from mizaru.errors import SettingsError

Point = tuple[float, float]
Polygon = tuple[Point, ...]


def contains(polygon: Polygon, point: Point) -> bool:
    """Whether a point lies inside, by the even-odd rule (ray casting to the right).

    Args:
        polygon: corners (u, v), at least 3, does not cross itself.
        point: (u, v). On the edge itself the answer may be either.
    """
    u, v = point
    inside = False
    for (u0, v0), (u1, v1) in pairwise((*polygon, polygon[0])):
        if (v0 > v) != (v1 > v) and u < u0 + (v - v0) / (v1 - v0) * (u1 - u0):
            inside = not inside
    return inside


def crosses_itself(polygon: Polygon) -> bool:
    """Whether two edges that are not neighbours meet, or the polygon has no area."""
    edges = list(pairwise((*polygon, polygon[0])))
    for i, (a, b) in enumerate(edges):
        for j in range(i + 1, len(edges)):
            neighbours = j == i + 1 or (i == 0 and j == len(edges) - 1)
            if not neighbours and _meet(a, b, *edges[j]):
                return True
    area = sum(u0 * v1 - u1 * v0 for (u0, v0), (u1, v1) in edges)
    return abs(area) < 1e-9


def _side(a: Point, b: Point, p: Point) -> float:
    return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])


def _meet(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Whether the closed segments ab and cd share a point."""
    sides = _side(a, b, c), _side(a, b, d), _side(c, d, a), _side(c, d, b)
    if sides[0] * sides[1] < 0.0 and sides[2] * sides[3] < 0.0:
        return True
    ends = ((a, b, c), (a, b, d), (c, d, a), (c, d, b))
    return any(side == 0.0 and _between(*end) for side, end in zip(sides, ends, strict=True))


def _between(a: Point, b: Point, p: Point) -> bool:
    return min(a[0], b[0]) <= p[0] <= max(a[0], b[0]) and min(a[1], b[1]) <= p[1] <= max(a[1], b[1])


class Hours:
    """A daily span such as ``"22:00-06:00"``: from the first minute up to the last, exclusive;
    across midnight if it ends before it begins; the whole day if both are the same.

    Raises:
        SettingsError: a time that no clock shows.
    """

    def __init__(self, text: str) -> None:
        try:
            self._start, self._end = (
                time(int(clock[:2]), int(clock[3:])) for clock in text.split("-")
            )
        except ValueError:
            raise SettingsError(
                f'"{text}" is not a span of hours; write it like "22:00-06:00"', key="hours"
            ) from None

    def hold(self, now: datetime) -> bool:
        """Whether they count at a local time."""
        clock = now.time()
        if self._start < self._end:
            return self._start <= clock < self._end
        return clock >= self._start or clock < self._end


class Zone:
    """A zone of the settings, checked.

    Raises:
        SettingsError: a polygon that crosses itself, or hours that no clock shows.
    """

    def __init__(self, settings: ZoneSettings) -> None:
        if crosses_itself(settings.polygon):
            raise SettingsError(
                f'the polygon of zone "{settings.name}" crosses itself or has no area; '
                "list its corners in order around it",
                key="polygon",
            )
        self.name = settings.name
        self.kind = settings.kind
        self.seconds = settings.seconds
        self._polygon = settings.polygon
        self._hours = None if settings.hours is None else Hours(settings.hours)

    def counts(self, now: datetime) -> bool:
        """Whether its hours hold at a local time."""
        return self._hours is None or self._hours.hold(now)

    def contains(self, point: Point) -> bool:
        """Whether (u, v) lies inside."""
        return contains(self._polygon, point)
