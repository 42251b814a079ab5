"""Proxy mode (Camera 2.0): the room's plate and canonical poses, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from mizaru.edge.darkroom.desensitize.plate import PlateModel
from mizaru.edge.darkroom.desensitize.pose_channel import PoseChannel
from mizaru.edge.darkroom.desensitize.publish import Publisher
from mizaru.edge.darkroom.desensitize.retarget import Retargeter
from mizaru.edge.darkroom.frame import Frame
from mizaru.edge.darkroom.perceive.perception import Perception, Person
from mizaru.edge.settings import PlateSettings, PoseChannelSettings
from mizaru.vocabulary import Pose
from mizaru.wire.codec import pack_pose
from mizaru.wire.messages import (
    GRID_MS,
    MAX_POSES_PER_SEGMENT,
    MAX_SUBJECTS,
    SEGMENT_MS,
    Plate,
    Representation,
    plate_digest,
)

MAX_LOST_FRAMES: Final = 3
"""A person who was not seen for longer is not drawn; the plate stays guarded for longer."""
_DENSE_SUBJECTS: Final = MAX_POSES_PER_SEGMENT // (SEGMENT_MS // GRID_MS)


class ProxyDesensitizer:
    """See `mizaru.edge.darkroom.desensitize.contract.Desensitizer` for the laws."""

    def __init__(
        self,
        settings: PlateSettings,
        pose_channel: PoseChannelSettings,
        *,
        rng: np.random.Generator,
    ) -> None:
        self._plate = PlateModel(settings)
        self._publisher = Publisher()
        self._retargeter = Retargeter()
        self._pose_channel = PoseChannel(pose_channel, rng)
        self._digest = b""
        self._last_tick: int | None = None
        self._window, self._poses_in_window = -1, 0

    def desensitize(
        self, frame: Frame, perception: Perception
    ) -> tuple[Representation | Plate, ...]:
        """What leaves after this frame, see the contract."""
        self._plate.update(frame, perception)
        tick = frame.t_ms - frame.t_ms % GRID_MS
        if self._last_tick is not None and tick <= self._last_tick:
            return ()
        people = _choose(perception.persons)
        known = {person.subject_id for person in perception.persons}
        self._retargeter.forget_all_but(known)
        self._pose_channel.forget_all_but(known)
        width, height = frame.resolution_wh
        poses = [
            self._pose_channel.apply(pose, frame.t_ms, width / height)
            for person in people
            if (pose := self._retargeter.retarget(person, frame.t_ms, frame.resolution_wh))
        ]
        if not self._has_room(tick, poses):
            return ()
        self._last_tick = tick
        plate = self._publisher.next(self._plate, frame.t_ms)
        if plate is not None:
            self._digest = plate_digest(plate.image)
        records = tuple(pack_pose(pose) for pose in poses)
        representation = Representation(frame.frame_id, tick, self._digest, records)
        return (representation,) if plate is None else (plate, representation)

    def _has_room(self, tick: int, poses: Sequence[Pose]) -> bool:
        """The time grid: with many subjects every second tick, and in any window of
        `SEGMENT_MS` no more poses than a segment holds."""
        if len(poses) > _DENSE_SUBJECTS and tick % (2 * GRID_MS):
            return False
        window = tick // SEGMENT_MS
        used = self._poses_in_window if window == self._window else 0
        if used + len(poses) > MAX_POSES_PER_SEGMENT:
            return False
        self._window, self._poses_in_window = window, used + len(poses)
        return True


def _choose(persons: Sequence[Person]) -> list[Person]:
    """Those to be drawn, in occlusion order: seen just now, at most `MAX_SUBJECTS`; the near
    (tall in the image) and certain ones go first."""
    fresh = [person for person in persons if person.lost_frames <= MAX_LOST_FRAMES]
    if len(fresh) <= MAX_SUBJECTS:
        return fresh
    ranked = sorted(
        range(len(fresh)), key=lambda k: fresh[k].score * _height(fresh[k]), reverse=True
    )
    kept = set(ranked[:MAX_SUBJECTS])
    return [person for k, person in enumerate(fresh) if k in kept]


def _height(person: Person) -> float:
    return person.box_xyxy[3] - person.box_xyxy[1]
