"""Who is who: what the tracker makes of glimpses, with its delays, losses and mistakes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from mizaru.edge.darkroom.perceive.head import angles
from mizaru.edge.darkroom.perceive.order import OcclusionOrder, Standing, ground_contact
from mizaru.edge.darkroom.perceive.perception import Person
from mizaru.edge.darkroom.perceive.region import Array as Points
from mizaru.edge.darkroom.perceive.smooth import OneEuro
from mizaru.edge.darkroom.perceive.tracker import KEEP_LOST_FRAMES
from mizaru.lab.seeing.disturb import Glimpses
from mizaru.lab.seeing.flaws import Flaws
from mizaru.lab.seeing.view import View
from mizaru.vocabulary import COCO17, HeadOrientation

NOBODY: Final = -1
COAST_FRAMES: Final = 3
"""Whoever is lost for longer is not drawn: see `mizaru.edge.darkroom.desensitize`."""
_COAST_FADE: Final = 0.8
_VISIBILITY_RATE: Final = 0.4
_SEEN: Final = 0.3
_ROOM: Final = 0.06
_TOUCH: Final = 0.15
_MAX_ID: Final = 2**32


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """A person as perception says, and who it is in truth.

    Attributes:
        seen: what goes on to be drawn.
        who: index of the motion's person, or `NOBODY` for furniture and ghosts.
    """

    seen: Person
    who: int


class Ids:
    """Ephemeral ids, none twice."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._used: set[int] = set()

    def new(self) -> int:
        """The next."""
        while True:
            number = int(self._rng.integers(1, _MAX_ID))
            if number not in self._used:
                self._used.add(number)
                return number


@dataclass(slots=True, eq=False)
class _Track:
    """Somebody followed.

    Attributes:
        subject_id: 0 until confirmed.
        hits, lost: frames seen, and frames since.
        key: for the order of occlusion.
    """

    key: int
    image: OneEuro
    world: OneEuro
    subject_id: int = 0
    hits: int = 0
    lost: int = 0
    keypoints: Points | None = None
    xyz: Points | None = None
    head: HeadOrientation | None = None
    box: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    shift: tuple[float, float] = (0.0, 0.0)


@dataclass(slots=True, eq=False)
class _Ghost:
    """What is left of a broken track, or a piece of furniture."""

    person: Person
    until_s: float
    key: int


class Follower:
    """Glimpses in time order in, sightings out. One per motion."""

    def __init__(
        self,
        view: View,
        glimpses: Glimpses,
        resolution_wh: tuple[int, int],
        flaws: Flaws,
        rng: np.random.Generator,
    ) -> None:
        self._view, self._glimpses, self._flaws, self._rng = view, glimpses, flaws, rng
        self._resolution_wh = resolution_wh
        self._ids = Ids(rng)
        people = glimpses.found.shape[1]
        self._tracks: list[_Track | None] = [None] * people
        self._doubles: list[_Track | None] = [None] * people
        self._waits_s = [0.0] * people
        self._ghosts: list[_Ghost] = []
        self._keys = 0
        self._order = OcclusionOrder()

    def __iter__(self) -> Iterator[tuple[float, tuple[Sighting, ...]]]:
        """Each frame's time and confirmed people, the farthest first."""
        self._imagine()
        before = self._view.times_s[0] if len(self._view.times_s) else 0.0
        for frame, now in enumerate(self._view.times_s):
            self._swap(frame, float(now - before))
            for who in range(len(self._tracks)):
                self._follow(frame, who, float(now), float(now - before))
            before = now
            yield float(now), self._sightings(float(now))

    def _follow(self, frame: int, who: int, now: float, dt: float) -> None:
        found = bool(self._glimpses.found[frame, who])
        track = self._tracks[who]
        if track is not None and not found:
            track.lost += 1
            if track.lost > (KEEP_LOST_FRAMES if track.subject_id else 2):
                self._tracks[who] = None
        elif track is not None and self._is_new(track, frame, who):
            self._leave(track, now)
            self._tracks[who] = None
            self._waits_s[who] = self._wait(frame, who)
        elif track is not None:
            self._see(track, frame, who, dt)
        elif found:
            self._waits_s[who] -= dt
            if self._waits_s[who] <= 0:
                self._tracks[who] = track = self._begin()
                self._see(track, frame, who, dt)
        elif not self._waits_s[who] > 0:
            self._waits_s[who] = self._wait(frame, who)
        self._double(frame, who, dt)

    def _begin(self) -> _Track:
        self._keys += 1
        # Cut-off and slope as in `mizaru.edge.darkroom.perceive.perceiver`.
        return _Track(self._keys, OneEuro(0.05, 80.0), OneEuro(0.1, 40.0))

    def _wait(self, frame: int, who: int) -> float:
        """Seconds until the detector finds somebody."""
        share = self._glimpses.size[frame, who] / self._resolution_wh[1]
        small = min(max((0.33 - float(share)) / 0.23, 0.0), 1.0)
        flaws = self._flaws
        mean = flaws.finds_s + (flaws.finds_small_s - flaws.finds_s) * small
        return float(self._rng.exponential(mean)) if mean > 0 else 0.0

    def _is_new(self, track: _Track, frame: int, who: int) -> bool:
        """The track ends, though somebody is found where it was."""
        glimpses, flaws = self._glimpses, self._flaws
        if not track.lost or track.keypoints is None:
            return bool(glimpses.broken[frame, who])
        doubt = float(glimpses.doubt[frame, who])
        if self._rng.random() < flaws.new_id + (flaws.new_id_doubt - flaws.new_id) * doubt:
            return True
        if not flaws.lost_jump:
            return False
        box = _box(glimpses.keypoints[frame, who])
        old = track.box
        moved = math.dist(
            (box[0] + box[2], box[1] + box[3]), (old[0] + old[2], old[1] + old[3])
        ) / 2  # fmt: skip
        return moved > flaws.lost_jump * float(glimpses.size[frame, who])

    def _see(self, track: _Track, frame: int, who: int, dt: float) -> None:
        glimpses = self._glimpses
        raw, world = glimpses.keypoints[frame, who], glimpses.world[frame, who]
        if track.lost:
            key, subject_id, hits = track.key, track.subject_id, track.hits
            fresh = _Track(key, OneEuro(0.05, 80.0), OneEuro(0.1, 40.0), subject_id, hits)
            track.image, track.world, track.keypoints = fresh.image, fresh.world, None
        seen = raw[:, 2]
        if track.keypoints is not None:
            seen = track.keypoints[:, 2] + _VISIBILITY_RATE * (seen - track.keypoints[:, 2])
        # The region that the model looks at is a body with some room around.
        region = 1.25 * max(float(glimpses.size[frame, who]), 1.0)
        points = track.image(raw[:, :2], dt, region)
        seen = np.where(raw[:, 2] > 0, seen, 0.0)
        track.keypoints = np.column_stack([points, seen]).astype(np.float32)
        track.xyz = track.world(world, dt, 1.0)
        track.head = _orientation(glimpses.head[frame, who])
        box = _box(raw)
        if dt > 0 and not track.lost and track.hits:
            track.shift = ((box[0] + box[2] - track.box[0] - track.box[2]) / 2,
                           (box[1] + box[3] - track.box[1] - track.box[3]) / 2)  # fmt: skip
        track.box = box
        track.hits += 1
        track.lost = 0
        if not track.subject_id and track.hits >= self._flaws.confirm_frames:
            track.subject_id = self._ids.new()

    def _double(self, frame: int, who: int, dt: float) -> None:
        again = self._glimpses.again[frame, who] and self._glimpses.found[frame, who]
        if not again or self._tracks[who] is None:
            self._doubles[who] = None
            return
        track = self._doubles[who] or self._begin()
        self._doubles[who] = track
        self._see(track, frame, who, dt)

    def _leave(self, track: _Track, now: float) -> None:
        """A broken track may stay on as a ghost."""
        flaws = self._flaws
        if track.subject_id and self._rng.random() < flaws.lingers and track.keypoints is not None:
            until = now + float(self._rng.exponential(max(flaws.linger_s, 1e-9)))
            self._ghosts.append(_Ghost(_person(track), until, track.key))

    def _swap(self, frame: int, dt: float) -> None:
        """Ids change over between two who touch in the picture."""
        people = len(self._tracks)
        for a in range(people):
            for b in range(a + 1, people):
                one, two = self._tracks[a], self._tracks[b]
                if one is None or two is None or one.lost or two.lost:
                    continue
                if _shared(one.box, two.box) < _TOUCH:
                    continue
                if self._rng.random() < self._flaws.swaps * dt:
                    self._tracks[a], self._tracks[b] = two, one

    def _imagine(self) -> None:
        """Furniture that looks like somebody: still, and of any size."""
        flaws, rng = self._flaws, self._rng
        if not rng.random() < flaws.phantoms or not len(self._view.times_s):
            return
        first, last = float(self._view.times_s[0]), float(self._view.times_s[-1])
        until = last + 1.0
        if rng.random() < 0.5:
            until = first + float(rng.exponential(flaws.phantom_s))
        self._keys += 1
        self._ghosts.append(
            _Ghost(_phantom(self._ids.new(), self._resolution_wh, rng), until, self._keys)
        )

    def _sightings(self, now: float) -> tuple[Sighting, ...]:
        self._ghosts = [ghost for ghost in self._ghosts if ghost.until_s > now]
        shown: dict[int, Sighting] = {}
        for tracks in (self._tracks, self._doubles):
            for who, track in enumerate(tracks):
                if track and track.subject_id and track.lost <= COAST_FRAMES:
                    shown[track.key] = Sighting(_person(track), who)
        for ghost in self._ghosts:
            shown[ghost.key] = Sighting(_tremble(ghost.person, self._rng), NOBODY)
        standing = []
        for key, sighting in shown.items():
            seen = sighting.seen
            ground = ground_contact(seen.keypoints, seen.box_xyxy)
            standing.append(Standing(key, seen.box_xyxy, ground, seen.lost_frames > 0))
        return tuple(shown[key] for key in self._order.sort(standing))


def _person(track: _Track) -> Person:
    assert track.keypoints is not None
    keypoints, box = track.keypoints, track.box
    fade = _COAST_FADE**track.lost
    if track.lost:
        shift = (np.array(track.shift) * track.lost).astype(np.float32)
        keypoints = keypoints * np.array([1, 1, fade], np.float32)
        keypoints[:, :2] += shift
        x, y = float(shift[0]), float(shift[1])
        box = (box[0] + x, box[1] + y, box[2] + x, box[3] + y)
    return Person(
        track.subject_id, box, COCO17, keypoints, track.xyz, track.head, 0.9 * fade, track.lost
    )


def _tremble(person: Person, rng: np.random.Generator) -> Person:
    size = max(person.box_xyxy[3] - person.box_xyxy[1], 1.0)
    keypoints = person.keypoints.copy()
    keypoints[:, :2] += rng.normal(0.0, 0.006 * size, (len(keypoints), 2)).astype(np.float32)
    return Person(
        person.subject_id,
        person.box_xyxy,
        person.topology,
        keypoints,
        person.world,
        person.head,
        person.score,
    )


def _phantom(subject_id: int, resolution_wh: tuple[int, int], rng: np.random.Generator) -> Person:
    """A figure that stands or sits somewhere, badly made out."""
    upright = np.array(
        (
            (0.0, -0.70), (0.03, -0.73), (-0.03, -0.73), (0.07, -0.72), (-0.07, -0.72),
            (0.17, -0.50), (-0.17, -0.50), (0.22, -0.22), (-0.22, -0.22),
            (0.20, 0.02), (-0.20, 0.02), (0.09, 0.0), (-0.09, 0.0),
            (0.10, 0.40), (-0.10, 0.40), (0.10, 0.80), (-0.10, 0.80),
        )
    )  # fmt: skip
    world = np.zeros((len(upright), 3))
    world[:, :2] = upright
    if rng.random() < 0.6:  # on a chair
        world[13:, :2] = upright[[11, 12, 13, 14]] + (0.0, 0.1)
        world[13:, 2] = -0.4
    world += rng.normal(0.0, 0.06, world.shape)
    width, height = resolution_wh
    scale = float(rng.uniform(0.08, 0.35)) * height
    place = rng.uniform((0.1 * width, 0.3 * height), (0.9 * width, 0.9 * height))
    rho = rng.uniform(0.3, 1.0, len(upright))
    keypoints = np.column_stack([place + scale * world[:, :2], rho]).astype(np.float32)
    box = _box(keypoints)
    return Person(subject_id, box, COCO17, keypoints, world.astype(np.float32), None, 0.6)


def _orientation(rotation: npt.NDArray[np.float64]) -> HeadOrientation | None:
    """Of a head that has been turned so; None where that is not known."""
    if not np.isfinite(rotation).all():
        return None
    return angles((-rotation[:, 2]).astype(np.float32), (-rotation[:, 1]).astype(np.float32))


def _box(keypoints: Points) -> tuple[float, float, float, float]:
    """Around what is visible, with room for the crown of the head."""
    seen = keypoints[keypoints[:, 2] > _SEEN, :2]
    if len(seen) < 4:
        seen = keypoints[keypoints[:, 2] > 0, :2]
    if not len(seen):
        return 0.0, 0.0, 0.0, 0.0
    (x0, y0), (x1, y1) = seen.min(0).tolist(), seen.max(0).tolist()
    room = _ROOM * max(x1 - x0, y1 - y0)
    return x0 - room, y0 - room, x1 + room, y1 + room


def _shared(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    """Intersection over the smaller box."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    smaller = min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))
    return max(0.0, width) * max(0.0, height) / max(smaller, 1e-9)
