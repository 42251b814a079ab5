"""The one form that everything is trained and judged on: observations with labels.

Whatever the source (a recorded video, motion capture or the sim seen through
`mizaru.lab.seeing`), a `Sequence` holds exactly what would have crossed the wall.
"""

from __future__ import annotations

from dataclasses import dataclass

from mizaru.cloud.recognize.finding import Observation
from mizaru.vocabulary import Behavior


@dataclass(frozen=True, slots=True)
class Label:
    """What is true of a stretch of time.

    Attributes:
        behavior: what.
        start_ms, end_ms: camera clock; [start, end).
        subject_id: of whom; None: of whoever is there (clip labels of real videos).
        impact_ms: of a fall.
        other_id: to whom it is done, or None.
    """

    behavior: Behavior
    start_ms: int
    end_ms: int
    subject_id: int | None = None
    impact_ms: int | None = None
    other_id: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    """A stretch of one camera's stream with its labels.

    Attributes:
        name: unique within its source.
        source: set it comes from: ``sim``, ``cmu_mocap``, ``upfall``, ….
        licence: as found.
        subject: ``set:person`` (joined by ``|``), or "".
        room: what must stay on one side of a split (room, source video), or "".
        camera: "" where unknown.
        split: train, eval or holdout, or "".
        fps: at which the camera looked.
        observations: in time order.
        labels: everyday behaviours, gestures, blows (one at a time per subject) and falls (on
            top of them). Where nothing is said about a subject, nothing is known.
    """

    name: str
    source: str
    licence: str
    subject: str
    room: str
    camera: str
    split: str
    fps: float
    observations: tuple[Observation, ...]
    labels: tuple[Label, ...] = ()
