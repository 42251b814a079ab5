"""BlazePose for several people: who was there is looked for where he was, who is new is
detected now and then.

Per frame, the landmark model runs once in the region of each person followed. The detector
runs on the whole frame every N frames and, between, on a tile or on whatever moves. One more
landmark run per frame is spent on the people just lost, in turned regions, because the
detector and the landmarks of somebody lying disagree about which way is up.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from mizaru.edge.darkroom.perceive.candidate import Candidate, Found, Prior, RegionMask
from mizaru.edge.darkroom.perceive.colour import histogram
from mizaru.edge.darkroom.perceive.detector import Detection, Detector
from mizaru.edge.darkroom.perceive.landmark import Landmarker, Landmarks
from mizaru.edge.darkroom.perceive.region import Array, Box, Region, box_iou, circle_iou
from mizaru.edge.darkroom.perceive.tiles import Motion, tiles, whole
from mizaru.edge.darkroom.perceive.weak import WeakEvidence
from mizaru.vocabulary import BLAZEPOSE33

THRESHOLD: Final = 0.35
HINT_THRESHOLD: Final = 0.25
PRESENCE: Final = 0.5
_HINT_PRESENCE: Final = 0.25
_KNOWN: Final = 0.3  # overlap of body circles above which a detection is somebody followed
_SEEN: Final = 0.3
_SAME_BOX: Final = 0.5
_HEAD_ROOM: Final = 0.05  # of the region: from the eyes to the crown
_TURNS: Final = (0.0, math.pi / 2, -math.pi / 2, math.pi)
_MOTION_EVERY: Final = 2  # frames between two looks at what changes
_COLOUR_STEP: Final = 4  # every fourth pixel is enough for a histogram


@dataclass(frozen=True, slots=True)
class _Memory:
    """Weak evidence, believed until the detector has looked everywhere again."""

    until: int
    box: Box
    suspect: bool


class BlazePoseFinder:
    """A `Finder` of the two BlazePose models.

    Args:
        detector, landmarker: the models.
        weak: faces and silhouettes, for hints.
        detector_every: frames between two looks at the whole frame.
        max_people: skeletons per frame.
    """

    def __init__(
        self,
        detector: Detector,
        landmarker: Landmarker,
        weak: WeakEvidence,
        *,
        detector_every: int,
        max_people: int,
    ) -> None:
        self._detector, self._landmarker, self._weak = detector, landmarker, weak
        self._every, self._max_people = detector_every, max_people
        self._motion = Motion()
        self._frame = -1
        self._tile = 0
        self._memory: list[_Memory] = []

    def find(
        self,
        image: npt.NDArray[np.uint8],
        priors: tuple[Prior, ...],
        check: Callable[[], None],
    ) -> Found:
        """See `Finder`."""
        self._frame += 1
        self._memory = [m for m in self._memory if m.until >= self._frame]
        if self._frame % _MOTION_EVERY == 0:
            self._motion.look(image)
        candidates, missed = self._follow(image, priors, check)
        if missed and len(candidates) < self._max_people:
            again = self._search_lost(image, missed, check)
            candidates += [again] if again else []
        part = self._next_part(image, [c.box_xyxy for c in candidates])
        if part is not None:
            check()
            found = self._detector.detect(image, part, threshold=HINT_THRESHOLD)
            candidates = self._meet(image, found, candidates, check)
        hints = self._weak.look(image, check)
        return Found(
            tuple(candidates),
            tuple(m.box for m in self._memory if m.suspect),
            tuple(m.box for m in self._memory if not m.suspect) + hints,
        )

    def _follow(
        self, image: npt.NDArray[np.uint8], priors: tuple[Prior, ...], check: Callable[[], None]
    ) -> tuple[list[Candidate], list[Prior]]:
        """Look where everybody seen in the last frame was."""
        fresh = [prior for prior in priors if not prior.lost_frames]
        followed = fresh[: self._max_people]
        missed = [prior for prior in priors if prior.lost_frames] + fresh[self._max_people :]
        candidates: list[Candidate] = []
        check()
        looks = self._landmarker.look_all(image, [prior.region for prior in followed])
        for prior, seen in zip(followed, looks, strict=True):
            candidate = self._accept(seen, prior=prior.key)
            if candidate is None:
                missed.append(prior)
            else:
                candidates.append(candidate)
        return candidates, missed

    def _search_lost(
        self, image: npt.NDArray[np.uint8], missed: list[Prior], check: Callable[[], None]
    ) -> Candidate | None:
        """One look per frame at one of the people lost, each way up in turn."""
        check()
        prior = missed[self._frame % len(missed)]
        turn = _TURNS[self._frame // len(missed) % len(_TURNS)]
        seen = self._landmarker.look(image, prior.region.turned(turn))
        return self._accept(seen, prior=prior.key)

    def _next_part(self, image: npt.NDArray[np.uint8], known: list[Box]) -> Region | None:
        """Which part of the frame the detector looks at now, or None."""
        resolution = image.shape[1], image.shape[0]
        phase = self._frame % self._every
        if phase == 0:
            return whole(resolution)
        # With nobody to follow there is time: look at every frame.
        if known and phase != self._every // 2:
            return None
        moving = self._motion.region(resolution, known)
        parts = tiles(resolution)
        self._tile += 1
        if moving is not None and self._tile % 3:
            return moving
        return parts[self._tile // 3 % len(parts)] if moving else parts[self._tile % len(parts)]

    def _meet(
        self,
        image: npt.NDArray[np.uint8],
        found: list[Detection],
        candidates: list[Candidate],
        check: Callable[[], None],
    ) -> list[Candidate]:
        """Look at whom the detector found and nobody follows."""
        candidates = list(candidates)
        for detection in found:
            overlaps = [circle_iou(detection.region, c.region) for c in candidates]
            if overlaps and max(overlaps) > _KNOWN:
                index = int(np.argmax(overlaps))
                score = max(detection.score, candidates[index].detection)
                candidates[index] = replace(candidates[index], detection=score)
                continue
            if detection.score < THRESHOLD or len(candidates) >= self._max_people:
                self._remember(detection.box_xyxy, suspect=detection.score >= THRESHOLD)
                continue
            check()
            seen = self._landmarker.look(image, detection.region)
            candidate = self._accept(seen, detection=detection.score)
            if candidate is None:
                self._remember(detection.box_xyxy, suspect=True)
            else:
                candidates.append(candidate)
        return candidates

    def _accept(
        self, seen: Landmarks, *, prior: int | None = None, detection: float = 0.0
    ) -> Candidate | None:
        """A skeleton if the model is sure enough that there is somebody."""
        box = _box(seen)
        if seen.presence <= PRESENCE or seen.next_region is None:
            if seen.presence > _HINT_PRESENCE:
                self._remember(box, suspect=False)
            return None
        step = slice(None, None, _COLOUR_STEP)
        return Candidate(
            score=min(1.0, seen.presence),
            box_xyxy=box,
            topology=BLAZEPOSE33,
            keypoints=np.column_stack([seen.points, seen.visibility]).astype(np.float32),
            world=seen.world,
            region=seen.next_region,
            colours=histogram(
                np.ascontiguousarray(seen.crop[step, step]), seen.mask[step, step] > 0
            ),
            mask=RegionMask(seen.mask, seen.region),
            prior=prior,
            detection=detection,
            stir=self._motion.share(box),
        )

    def _remember(self, box: Box, *, suspect: bool) -> None:
        self._memory = [
            m for m in self._memory if m.suspect != suspect or box_iou(m.box, box) < _SAME_BOX
        ]
        self._memory.append(_Memory(self._frame + 3 * self._every, box, suspect))


def _box(seen: Landmarks) -> Box:
    """Box around what is visible, with room for the crown of the head."""
    visible = seen.points[seen.visibility > _SEEN]
    points: Array = visible if len(visible) >= 4 else seen.points
    room = _HEAD_ROOM * seen.region.size
    x0, y0 = map(float, points.min(axis=0) - room)
    x1, y1 = map(float, points.max(axis=0) + room)
    return (x0, y0, x1, y1)
