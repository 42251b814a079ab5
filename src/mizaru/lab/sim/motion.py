"""A scenario as motion: where joints are and who does what, without a picture of it.

Wraps operating-system errors.
"""

from __future__ import annotations

import errno
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import numpy as np

from mizaru.errors import SimError, StorageFullError
from mizaru.lab.motion import Event, Motion
from mizaru.lab.sim.actor import Actor, Deed
from mizaru.lab.sim.play import Play
from mizaru.lab.sim.room import Piece
from mizaru.lab.sim.scenario import BEDS, Scenario
from mizaru.vocabulary import COCO17, Behavior

FPS: Final = 30.0
SOURCE: Final = "sim"
LICENCE: Final = "Apache-2.0"
_STEP_S: Final = 0.004
"""Coarser than for pictures: nobody sees how a finger touches the floor."""
_OUTSIDE: Final = 0.3
"""Who is farther than this outside the walls, metres, is away."""
_WALKS_FROM: Final = 0.3
"""Faster than this, m/s, is walking, where only a quarrel is known."""


def perform(
    scenario: Scenario,
    *,
    rng: np.random.Generator | None = None,
    fps: float = FPS,
    name: str = "",
) -> Motion:
    """Play a scenario and keep what bodies do.

    Args:
        rng: draws the seed of falls and idle movement; None: the scenario's own seed.
        fps: frames per second.
        name: of the motion; empty: the scenario's title.

    Returns:
        Each frame has everybody's joints; NaN for who is outside the room. Behaviours are
        those of the script, with two words put in plain terms: `long_lie` is `lie`, and
        whoever bullies pushes, strikes, walks or stands. From the loss of control until the
        body rests a frame is `fall`; `unknown` where furniture caught the body. A quarrel's
        `bully` is an event over the whole of it; its pushes and strikes are events, too. A fall
        that the end cuts off has no impact.
    """
    seed = scenario.seed if rng is None else int(rng.integers(2**31))
    play = Play(scenario, seed=seed, fps=fps, step_s=_STEP_S)
    play.begin()
    actors = list(play.actors.values())
    frames = max(1, round(scenario.duration * fps))
    joints = np.full((frames, len(actors), len(COCO17.keypoints), 3), np.nan, np.float32)
    behaviors = np.empty((frames, len(actors)), dtype=object)
    behaviors.fill(Behavior.UNKNOWN)  # np.full would make plain strings of them
    width, depth, _ = scenario.room.size
    for frame in range(frames):
        if frame:
            play.advance()
        for k, actor in enumerate(actors):
            x, y = actor.xy
            if -_OUTSIDE <= x <= width + _OUTSIDE and -_OUTSIDE <= y <= depth + _OUTSIDE:
                joints[frame, k] = actor.skeleton.joints(actor.qpos)
                behaviors[frame, k] = _plain(actor, play.now)
    events = _events(actors, scenario.duration)
    _tell_walking(behaviors, joints, fps)
    _tell_caught(behaviors, events, fps)
    return Motion(
        name=name or scenario.title,
        source=SOURCE,
        licence=LICENCE,
        fps=fps,
        joints=joints,
        behaviors=behaviors,
        events=events,
        people=tuple(f"{SOURCE}:{actor.identity.seed}" for actor in actors),
        rest=tuple(_outline(piece) for piece in play.pieces.values() if piece.kind in BEDS),
    )


def write_motion(motion: Motion, file: Path) -> None:
    """Write a motion to a ``.npz`` file, whole or not at all.

    It holds ``joints`` (T, P, 17, 3) float32, ``behaviors`` (T, P) text, ``fps``, ``people``,
    and ``events`` and ``rest`` as JSON; nothing in it needs pickle.

    Raises:
        SimError: the file cannot be written.
        StorageFullError: no room left.
    """
    if file.suffix != ".npz":
        raise SimError(f"{file}: the motion's name must end in .npz")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{file.stem}-", dir=file.parent) as folder:
            whole = Path(folder) / file.name
            np.savez_compressed(
                whole,
                joints=motion.joints,
                behaviors=np.array(motion.behaviors, dtype=np.str_),
                fps=np.array(motion.fps),
                people=np.array(motion.people, dtype=np.str_),
                events=np.array(json.dumps([asdict(event) for event in motion.events])),
                rest=np.array(json.dumps(motion.rest)),
            )
            whole.replace(file)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise StorageFullError(f"{file}: no room left on the disk; free some") from None
        reason = error.strerror or error
        raise SimError(f"{file}: cannot be written: {reason}; choose another place") from None


def _plain(actor: Actor, now: float) -> Behavior:
    if actor.behavior is Behavior.LONG_LIE:
        return Behavior.LIE
    if actor.behavior is not Behavior.BULLY:
        return actor.behavior
    for deed in reversed(actor.deeds):
        if deed.behavior is not Behavior.BULLY and deed.start_s <= now < deed.end_s:
            return deed.behavior
    return Behavior.BULLY


def _tell_walking(behaviors: np.ndarray, joints: np.ndarray, fps: float) -> None:
    """Between the blows of a quarrel one walks or stands."""
    for k in range(behaviors.shape[1]):
        between = behaviors[:, k] == Behavior.BULLY
        if not between.any():
            continue
        hips = np.nan_to_num(joints[:, k, 11:13, :2].mean(axis=1))
        speed = np.linalg.norm(np.gradient(hips, axis=0), axis=1) * fps
        walking = speed > _WALKS_FROM
        behaviors[between & walking, k] = Behavior.WALK
        behaviors[between & ~walking, k] = Behavior.STAND


def _tell_caught(behaviors: np.ndarray, events: Sequence[Event], fps: float) -> None:
    """A frame is of a fall only if there was one."""
    times = np.arange(len(behaviors)) / fps
    for k in range(behaviors.shape[1]):
        fallen = np.zeros(len(behaviors), dtype=bool)
        for event in events:
            if event.behavior is Behavior.FALL and event.person == k:
                fallen |= (times > event.start_s - 1 / fps) & (times < event.end_s + 1 / fps)
        behaviors[(behaviors[:, k] == Behavior.FALL) & ~fallen, k] = Behavior.UNKNOWN


def _events(actors: Sequence[Actor], end_s: float) -> tuple[Event, ...]:
    """Everything done before the end; a fall that has not met the floor by then has no impact."""
    index = {actor.name: k for k, actor in enumerate(actors)}

    def event(person: int, deed: Deed) -> Event:
        return Event(
            behavior=deed.behavior,
            person=person,
            start_s=max(0.0, deed.start_s),
            end_s=min(deed.end_s, end_s),
            impact_s=deed.impact_s,
            other=None if deed.other is None else index[deed.other],
        )

    found = [
        event(person, deed)
        for person, actor in enumerate(actors)
        for deed in actor.deeds
        if deed.start_s < end_s and deed.end_s > 0
    ]
    return tuple(sorted(found, key=lambda e: (e.start_s, e.person)))


def _outline(piece: Piece) -> tuple[tuple[float, float], ...]:
    """A bed's or sofa's corners on the floor, counter-clockwise."""
    deep = piece.edge
    long = (piece.width + piece.depth) / 2 - deep
    corners = ((deep, long), (-deep, long), (-deep, -long), (deep, -long))
    return tuple((float(p[0]), float(p[1])) for p in (piece.point(*c) for c in corners))
