"""What leaves the darkroom of a person: the one way that all visits take."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mizaru.edge.darkroom.desensitize.pose_channel import PoseChannel
from mizaru.edge.darkroom.desensitize.proxy_mode import MAX_LOST_FRAMES
from mizaru.edge.darkroom.desensitize.retarget import Retargeter
from mizaru.edge.darkroom.perceive.perception import Person
from mizaru.edge.settings import PoseChannelSettings
from mizaru.vocabulary import Pose
from mizaru.wire.codec import pack_pose, unpack_pose
from mizaru.wire.messages import GRID_MS


def left(
    persons: Sequence[Person | None],
    resolution_wh: tuple[int, int],
    channel: PoseChannelSettings = PoseChannelSettings(),  # noqa: B008 (frozen)
    rng: np.random.Generator | None = None,
) -> tuple[Pose | None, ...]:
    """Poses of one person tick by tick: retargeted, made coarse, packed, unpacked.

    Args:
        persons: what perception said at each tick of 100 ms; None where nobody was.
        resolution_wh: of the picture.
        channel: as in the camera's settings; by default those of a camera that nobody has set.
        rng: of the channel's noise; None: seed 0.
    """
    retargeter = Retargeter()
    coarse = PoseChannel(channel, np.random.default_rng(0) if rng is None else rng)
    poses: list[Pose | None] = []
    for tick, person in enumerate(persons):
        pose = None
        if person is not None and person.lost_frames <= MAX_LOST_FRAMES:
            pose = retargeter.retarget(person, tick * GRID_MS, resolution_wh)
        if pose is not None:
            pose = coarse.apply(pose, tick * GRID_MS, resolution_wh[0] / resolution_wh[1])
            pose = unpack_pose(pack_pose(pose))
        poses.append(pose)
    return tuple(poses)
