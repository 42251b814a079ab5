"""Real people's motions as sensors measured them, put into rooms of the sim to be drawn there.

Motion capture and depth cameras give joints in metres; the room they were taken in is not kept. So
each take stands in an empty room that fits it, before a camera that hangs there. What is learnt of
it are the posture, the behaviour where the set names one, and that somebody is alone; never the
place, for whatever they sat or climbed on is missing from the picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from mizaru.errors import DataError
from mizaru.lab.data.manifest import read_manifest
from mizaru.lab.data.sources import SOURCES, may_ship, motions, source_of
from mizaru.lab.motion import Motion
from mizaru.lab.sim.scenario import Camera, Room, Scenario

Rng = np.random.Generator

_FARTHEST_M: Final = 7.0
"""Only the beginning of a take that goes farther than this is shown: rooms are no race tracks."""
_SHORTEST_S: Final = 1.0
_AROUND_M: Final = (1.0, 3.0)
_HEIGHT_M: Final = (2.4, 3.4)


def takes(manifest: Path, sources: Sequence[str]) -> tuple[Motion, ...]:
    """All takes of some sets that weights which ship may learn from.

    Args:
        manifest: of the files; its folder is their root.
        sources: names, as in `mizaru.lab.data.sources`.

    Raises:
        DataError: a set is not known, holds no motions, may not be shipped or is not there; or a
            file cannot be used.
    """
    for name in sources:
        row = next((source for source in SOURCES if source.name == name), None)
        if row is None or row.motions is None:
            known = ", ".join(source.name for source in SOURCES if source.motions)
            raise DataError(f"measured.sources: {name!r} holds no motions; choose of {known}")
        if not row.shippable:
            raise DataError(f"measured.sources: {name!r} may not be shipped: {row.why}")
    found: dict[str, list[Motion]] = {name: [] for name in sources}
    for clip in read_manifest(manifest):
        source = source_of(clip)
        if source.name in found and clip.kind == "skeleton":
            found[source.name] += [take for take in motions(clip) if may_ship(take)]
    for name, own in found.items():
        if not own:
            raise DataError(f"{manifest}: no take to learn from is of {name!r}")
    shown = (beginning(take) for own in found.values() for take in own)
    return tuple(take for take in shown if take.seconds >= _SHORTEST_S)


def people(takes: Iterable[Motion]) -> tuple[str, ...]:
    """Who is in them, in alphabetical order."""
    return tuple(sorted({name for take in takes for name in take.people}))


def beginning(take: Motion) -> Motion:
    """As much of it as fits into a room."""
    hips = take.joints[:, :, [11, 12], :2].mean(axis=2)
    low = np.fmin.accumulate(np.fmin.reduce(hips, axis=1), axis=0)
    high = np.fmax.accumulate(np.fmax.reduce(hips, axis=1), axis=0)
    too_far = np.flatnonzero((high - low > _FARTHEST_M).any(axis=1))
    return _first(take, int(too_far[0])) if len(too_far) else take


def staged(take: Motion, rng: Rng) -> tuple[Motion, Scenario]:
    """A take turned and moved into an empty room that has place for it."""
    turn = rng.uniform(0.0, 2.0 * np.pi)
    c, s = np.cos(turn), np.sin(turn)
    joints = take.joints.copy()
    joints[..., :2] = joints[..., :2] @ np.array([[c, s], [-s, c]], np.float32)
    low, high = _extent(joints[..., :2])
    around = rng.uniform(*_AROUND_M, 4)
    joints[..., :2] += (around[:2] - low).astype(np.float32)
    width, depth = (high - low + around[:2] + around[2:]).tolist()
    height = float(rng.uniform(*_HEIGHT_M))
    # The sim wants a camera; who looks is hung elsewhere (`mizaru.lab.encoder.room.hang`).
    camera = Camera(name="a", position=(0.2, 0.2, height - 0.2), look_at=(width / 2, depth / 2, 1))
    room = Room(size=(width, depth, height))
    scenario = Scenario(
        title=take.name, room=room, camera=(camera,), duration=max(take.seconds, 0.1)
    )
    return replace(take, joints=joints), scenario


def _first(take: Motion, frames: int) -> Motion:
    events = tuple(event for event in take.events if event.end_s * take.fps <= frames)
    return replace(
        take, joints=take.joints[:frames], behaviors=take.behaviors[:frames], events=events
    )


def _extent(
    places: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The lowest and highest (x, y) of anything, metres."""
    every = places.reshape(-1, 2).astype(np.float64)
    every = every[np.isfinite(every).all(axis=1)]
    if not len(every):
        every = np.zeros((1, 2))
    return every.min(axis=0), every.max(axis=0)
