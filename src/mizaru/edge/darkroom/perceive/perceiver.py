"""One frame after another: find, sort out, follow, smooth, order, mask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from mizaru.edge.darkroom.frame import Frame
from mizaru.edge.darkroom.perceive.candidate import Finder, Found
from mizaru.edge.darkroom.perceive.head import head_orientation
from mizaru.edge.darkroom.perceive.mask import MaskPainter
from mizaru.edge.darkroom.perceive.nested import remove_nested
from mizaru.edge.darkroom.perceive.order import OcclusionOrder, Standing, ground_contact
from mizaru.edge.darkroom.perceive.perception import Perception, Person
from mizaru.edge.darkroom.perceive.region import Array
from mizaru.edge.darkroom.perceive.smooth import OneEuro
from mizaru.edge.darkroom.perceive.tracker import Track, Tracker
from mizaru.errors import PerceptionTimeoutError
from mizaru.vocabulary import BLAZEPOSE33

COAST_FRAMES: Final = 5
"""A person lost this short is still reported, moved on and with falling confidence."""

_COAST_FADE: Final = 0.8
_FIRST_STEP_S: Final = 1 / 25
_MAX_STEP_S: Final = 1.0


class _Smoother:
    """The filters of one track: image and world landmarks, and visibility."""

    def __init__(self) -> None:
        # Cut-off and slope of BlazePose's own graph, whose unit is body sizes too.
        self._image = OneEuro(0.05, 80.0)
        self._world = OneEuro(0.1, 40.0)
        self._visibility: Array | None = None

    def __call__(
        self, keypoints: Array, world: Array | None, dt: float, size: float
    ) -> tuple[Array, Array | None]:
        points = self._image(keypoints[:, :2], dt, size)
        seen = keypoints[:, 2]
        if self._visibility is not None:
            seen = self._visibility + 0.4 * (seen - self._visibility)
        self._visibility = seen
        smooth = None if world is None else self._world(world, dt, 1.0)
        return np.column_stack([points, seen]).astype(np.float32), smooth


class StreamPerceiver:
    """The `Perceiver` of one stream.

    Args:
        finder: pose model.
        tracker: follows people.
        timeout_s: a frame that takes longer raises.
        clock: monotonic, seconds.
    """

    def __init__(
        self, finder: Finder, tracker: Tracker, *, timeout_s: float, clock: Callable[[], float]
    ) -> None:
        self._finder, self._tracker = finder, tracker
        self._timeout_s, self._clock = timeout_s, clock
        self._order = OcclusionOrder()
        self._smoothers: dict[int, _Smoother] = {}
        self._seen: dict[int, tuple[Array, Array | None]] = {}
        self._last_ms: int | None = None

    def perceive(self, frame: Frame) -> Perception:
        """See `Perceiver`."""
        deadline = self._clock() + self._timeout_s

        def check() -> None:
            if self._clock() > deadline:
                raise PerceptionTimeoutError(
                    f"frame {frame.frame_id}: perception took longer than "
                    f"{self._timeout_s * 1000:.0f} ms; the frame is dropped: give the camera "
                    "more processor or raise perceive.timeout_ms"
                )

        dt = self._step(frame.t_ms)
        self._tracker.predict(dt)
        found = self._finder.find(frame.pixels, self._tracker.priors(), check)
        self._tracker.update(remove_nested(found.candidates))
        self._smooth(dt)
        perception = Perception(
            persons=self._persons(frame.resolution_wh),
            mask=self._mask(frame.resolution_wh, found),
            hints_xyxy=found.hints_xyxy,
        )
        check()
        return perception

    def _step(self, t_ms: int) -> float:
        """Seconds since the last frame; a clock that jumped is not believed."""
        last, self._last_ms = self._last_ms, t_ms
        if last is None or t_ms <= last:
            return _FIRST_STEP_S
        return min((t_ms - last) / 1000, _MAX_STEP_S)

    def _smooth(self, dt: float) -> None:
        keys = {track.key for track in self._tracker.tracks}
        self._smoothers = {k: v for k, v in self._smoothers.items() if k in keys}
        self._seen = {k: v for k, v in self._seen.items() if k in keys}
        for track in self._tracker.tracks:
            if track.lost_frames:
                self._smoothers.pop(track.key, None)  # do not smear over the gap
                continue
            smoother = self._smoothers.setdefault(track.key, _Smoother())
            last = track.last
            self._seen[track.key] = smoother(last.keypoints, last.world, dt, last.region.size)

    def _persons(self, resolution_wh: tuple[int, int]) -> tuple[Person, ...]:
        shown = {
            t.key: t
            for t in self._tracker.tracks
            if t.confirmed and (not t.lost_frames or _coasts(t, resolution_wh))
        }
        order = self._order.sort(
            [
                Standing(
                    t.key,
                    t.box_xyxy,
                    ground_contact(self._seen[t.key][0], t.box_xyxy),
                    t.lost_frames > 0,
                )
                for t in shown.values()
            ]
        )
        return tuple(self._person(shown[key]) for key in order)

    def _person(self, track: Track) -> Person:
        keypoints, world = self._seen[track.key]
        fade = _COAST_FADE**track.lost_frames
        if track.lost_frames:
            keypoints = keypoints * np.array([1, 1, fade], np.float32)
            keypoints[:, :2] += np.array(track.shift, np.float32)
        head = None
        if world is not None and track.last.topology is BLAZEPOSE33:
            head = head_orientation(world, keypoints[:, 2])
        return Person(
            subject_id=track.subject_id,
            box_xyxy=track.box_xyxy,
            topology=track.last.topology,
            keypoints=keypoints,
            world=world,
            head=head,
            score=track.last.score * fade,
            lost_frames=track.lost_frames,
        )

    def _mask(self, resolution_wh: tuple[int, int], found: Found) -> npt.NDArray[np.bool_]:
        painter = MaskPainter(resolution_wh)
        for candidate in found.candidates:  # nested and double ones too
            if candidate.mask is not None:
                painter.body(candidate.mask)
            else:
                painter.box(candidate.box_xyxy)
            painter.skeleton(candidate.topology, candidate.keypoints, candidate.region.size)
        for track in self._tracker.tracks:
            if track.lost_frames:
                painter.box(track.last.box_xyxy, track.lost_frames)
                painter.box(track.box_xyxy, track.lost_frames)
        painter.boxes(found.suspects_xyxy)
        return painter.finish()


def _coasts(track: Track, resolution_wh: tuple[int, int]) -> bool:
    """True for somebody lost so shortly that he is still there; not if he walked out."""
    x, y, _ = track.motion.place
    inside = 0 <= x < resolution_wh[0] and 0 <= y < resolution_wh[1]
    return inside and track.lost_frames <= COAST_FRAMES
