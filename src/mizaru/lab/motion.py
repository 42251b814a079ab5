"""People moving in a room, as numbers: what sims and motion capture give before any camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mizaru.vocabulary import COCO17, Behavior


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens to or through one person.

    Attributes:
        behavior: e.g. fall, strike, push.
        person: index into the motion's people.
        start_s, end_s: seconds from the motion's beginning; a fall starts where control is lost.
        impact_s: for a fall, when trunk or head meets the floor; None for others.
        other: index of the person it is done to, or None.
    """

    behavior: Behavior
    person: int
    start_s: float
    end_s: float
    impact_s: float | None = None
    other: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """One recording of P people over T frames.

    Attributes:
        name: unique within its source.
        source: e.g. ``sim``, ``cmu_mocap``.
        licence: as found.
        fps: frames per second.
        joints: shape (T, P, 17, 3) float32, `COCO17` order, metres: x, y on the floor, z up,
            floor at z = 0; NaN where a joint is unknown or a person is away.
        behaviors: shape (T, P) object array of `Behavior`: the one everyday behaviour, gesture
            or blow of each person in each frame; UNKNOWN where nobody said.
        events: falls, blows and pushes, with their times.
        people: P names of identities, ``set:person``.
        split: train, eval or holdout, or "".
        rest: polygons on the floor, metres, of beds and sofas.
        known: whether every frame's behaviour is labelled (False: only what `events` says).
    """

    name: str
    source: str
    licence: str
    fps: float
    joints: npt.NDArray[np.float32]
    behaviors: npt.NDArray[np.object_]
    events: tuple[Event, ...] = ()
    people: tuple[str, ...] = ()
    split: str = ""
    rest: tuple[tuple[tuple[float, float], ...], ...] = ()
    known: bool = True

    def __post_init__(self) -> None:
        frames, people = self.behaviors.shape
        wanted = (frames, people, len(COCO17.keypoints), 3)
        if self.joints.shape != wanted:
            raise ValueError(f"joints must have shape {wanted}, got {self.joints.shape}")
        if len(self.people) != people:
            raise ValueError(f"{people} people need as many names, got {len(self.people)}")
        if not self.fps > 0:
            raise ValueError(f"fps must be positive, got {self.fps}")

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.joints) / self.fps
