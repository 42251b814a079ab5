"""Who is who from frame to frame: Kalman filter, colours, Hungarian assignment.

The idea is DeepSORT's (Wojke, Bewley, Paulus 2017, arXiv 1703.07402) with a colour histogram
in place of a learned appearance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from mizaru.edge.darkroom.perceive.candidate import Candidate, Prior
from mizaru.edge.darkroom.perceive.colour import distance
from mizaru.edge.darkroom.perceive.kalman import Kalman
from mizaru.edge.darkroom.perceive.region import Array, Box, Region, box_iou

CONFIRM_FRAMES: Final = 3
KEEP_LOST_FRAMES: Final = 45
SURE: Final = 0.85
"""Score of the detector that alone makes somebody of a track."""

LIKELY: Final = 0.65
"""Score that does so when it comes twice. Below it, he has to move: furniture reaches .72."""

STIRRING: Final = 0.12
"""Share of a body's box that changes when somebody moves in it."""

_STIR_SHARE: Final = 0.3  # of the looks: a table stirs when the camera trembles now and then

POSSIBLE: Final = 0.45
"""Score of the detector that makes somebody of what stirs, when both come often enough."""

_TRAVEL: Final = 0.5  # of the body's size
_KEEP_UNCONFIRMED_FRAMES: Final = 2
_GATE: Final = 16.27  # chi-square, three degrees of freedom, 99.9 %
_COLOUR_GATE: Final = 0.75
_SAME_PLACE: Final = 0.4  # overlap of boxes
_MAX_MOVE: Final = 0.6  # of the region, between two looks
_MAX_RATIO: Final = 1.6  # of sizes
_COLOUR_RATE: Final = 0.1
_MOTION_SHARE, _COLOUR_SHARE, _OVERLAP_SHARE = 0.35, 0.4, 0.25
_FORBIDDEN: Final = 1e6
_MAX_ID: Final = 2**32


@dataclass(slots=True)
class Track:
    """One person followed through the frames.

    Attributes:
        key: number of the track inside the darkroom; never leaves it.
        last: the candidate seen last.
        motion: filter of place and size.
        colours: running mean of the histogram, shape (B,).
        hits: frames in which it was seen.
        lost_frames: frames since it was last seen.
        subject_id: ephemeral id, 0 until confirmed.
        sure, likely, possible: looks of the detector with at least these scores.
        stirs: looks in which it stirred.
    """

    key: int
    last: Candidate
    motion: Kalman
    colours: Array
    hits: int = 1
    lost_frames: int = 0
    subject_id: int = 0
    sure: int = 0
    likely: int = 0
    possible: int = 0
    stirs: int = 0
    origin: tuple[float, float] = field(init=False)

    def __post_init__(self) -> None:
        self.origin = (self.last.region.x, self.last.region.y)
        self.count(self.last)

    def count(self, candidate: Candidate) -> None:
        """Remember how sure the detector was of a candidate, and whether it stirred."""
        self.sure += candidate.detection >= SURE
        self.likely += candidate.detection >= LIKELY
        self.possible += candidate.detection >= POSSIBLE
        self.stirs += candidate.stir >= STIRRING

    @property
    def confirmed(self) -> bool:
        """True once the track is somebody."""
        return self.subject_id != 0

    @property
    def credible(self) -> bool:
        """True for what is more than furniture: seen often enough, and either surely
        detected, or gone from where it first was, or stirring."""
        region = self.last.region
        travel = math.dist(self.origin, (region.x, region.y))
        return self.hits >= CONFIRM_FRAMES and (
            self.sure >= 1
            or self.likely >= 2
            or travel >= _TRAVEL * region.size
            or (self.possible >= 1 and self.stirs >= max(CONFIRM_FRAMES, _STIR_SHARE * self.hits))
        )

    @property
    def shift(self) -> tuple[float, float]:
        """How far the person should have moved since it was last seen, pixels."""
        x, y, _ = self.motion.place
        return x - self.last.region.x, y - self.last.region.y

    @property
    def region(self) -> Region:
        """Where the person should be now."""
        return self.last.region.moved(*self.shift) if self.lost_frames else self.last.region

    @property
    def box_xyxy(self) -> Box:
        """The last box, moved to where the person should be now."""
        dx, dy = self.shift if self.lost_frames else (0.0, 0.0)
        x0, y0, x1, y1 = self.last.box_xyxy
        return (x0 + dx, y0 + dy, x1 + dx, y1 + dy)


class Tracker:
    """Follows people. One per stream.

    Args:
        rng: for subject ids.
        max_people: tracks confirmed at once.
    """

    def __init__(self, rng: np.random.Generator, *, max_people: int) -> None:
        self._rng, self._max_people = rng, max_people
        self._used: set[int] = set()
        self._next_key = 0
        self.tracks: list[Track] = []

    def predict(self, dt: float) -> None:
        """Move every track on by `dt` seconds."""
        for track in self.tracks:
            track.motion.predict(dt, lost=track.lost_frames > 0)

    def priors(self) -> tuple[Prior, ...]:
        """Where to look, those seen in the last frame first, then those lost least long."""
        ranked = sorted(self.tracks, key=lambda t: (t.lost_frames, not t.confirmed, t.key))
        return tuple(Prior(t.key, t.region, t.lost_frames) for t in ranked)

    def update(self, candidates: Sequence[Candidate]) -> None:
        """Assign this frame's candidates to tracks; start and end tracks."""
        free = set(range(len(candidates)))
        missed = set(range(len(self.tracks)))
        for row, column in self._assign(candidates):
            self._see(self.tracks[row], candidates[column])
            missed.discard(row)
            free.discard(column)
        for row in missed:
            self.tracks[row].lost_frames += 1
        self.tracks = [t for t in self.tracks if not _over(t)]
        for column in sorted(free):
            self._start(candidates[column])
        self._confirm()

    def _assign(self, candidates: Sequence[Candidate]) -> list[tuple[int, int]]:
        if not self.tracks or not candidates:
            return []
        cost = np.full((len(self.tracks), len(candidates)), _FORBIDDEN)
        for row, track in enumerate(self.tracks):
            for column, candidate in enumerate(candidates):
                cost[row, column] = _cost(track, candidate)
        rows, columns = linear_sum_assignment(cost)
        return [
            (int(r), int(c)) for r, c in zip(rows, columns, strict=True) if cost[r, c] < _FORBIDDEN
        ]

    def _see(self, track: Track, candidate: Candidate) -> None:
        region = candidate.region
        if track.lost_frames > 2:
            # What it did meanwhile is unknown: start the motion anew where it was found.
            track.motion = Kalman(region.x, region.y, region.size)
        else:
            track.motion.update(region.x, region.y, region.size)
        track.colours = track.colours + _COLOUR_RATE * (candidate.colours - track.colours)
        track.count(candidate)
        track.last = candidate
        track.hits += 1
        track.lost_frames = 0

    def _start(self, candidate: Candidate) -> None:
        region = candidate.region
        motion = Kalman(region.x, region.y, region.size)
        self.tracks.append(Track(self._next_key, candidate, motion, candidate.colours))
        self._next_key += 1

    def _confirm(self) -> None:
        people = sum(t.confirmed for t in self.tracks)
        for track in self.tracks:
            if track.confirmed or not track.credible or track.lost_frames:
                continue
            if people >= self._max_people:
                return
            track.subject_id = self._new_id()
            people += 1

    def _new_id(self) -> int:
        while True:
            number = int(self._rng.integers(1, _MAX_ID))
            if number not in self._used:
                self._used.add(number)
                return number


def _jump(before: Region, after: Region) -> float:
    """How far a body jumped or changed its size; 1 is as much as a body does."""
    ratio = max(before.size, after.size) / min(before.size, after.size)
    moved = math.dist((before.x, before.y), (after.x, after.y)) / before.size
    return max(moved / _MAX_MOVE, math.log(ratio) / math.log(_MAX_RATIO))


def _over(track: Track) -> bool:
    keep = KEEP_LOST_FRAMES if track.confirmed else _KEEP_UNCONFIRMED_FRAMES
    return track.lost_frames > keep


def _cost(track: Track, candidate: Candidate) -> float:
    """Dissimilarity in [0, 1], or `_FORBIDDEN`."""
    region = candidate.region
    motion = track.motion.distance(region.x, region.y, region.size)
    overlap = box_iou(track.box_xyxy, candidate.box_xyxy)
    colours = distance(track.colours, candidate.colours)
    own = candidate.prior == track.key and not track.lost_frames
    if not own and (motion > _GATE or colours > _COLOUR_GATE) and overlap < _SAME_PLACE:
        return _FORBIDDEN
    # Who leaves must not turn into the chair he leaves behind; but a fall changes place and
    # size faster than any filter expects, as long as old and new box share much.
    if overlap < _SAME_PLACE and _jump(track.region, region) > 1:
        return _FORBIDDEN
    near = 1 - math.exp(-motion / _GATE)
    return _MOTION_SHARE * near + _COLOUR_SHARE * colours + _OVERLAP_SHARE * (1 - overlap)
