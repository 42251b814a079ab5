"""Real people come by: sets of skeletons, seen by a camera on the wall without any mistake.

The takes of one person in one session are played before a virtual camera. It hangs on another side
each session: these sets were recorded in one sitting, and an attacker would know the sensor's place
and the person's heading again instead of the person (PRECOG, retargeted, T = 25: .84 of eight
people from one side, .49 from many). Keypoints and metres are what the sensor measured, projected:
perception that errs would hide people behind its own noise, so an attacker gets more here than in
the field. What leaves went through the darkroom's own retargeting and packing.

None of these people is in the training of anything that is shipped, but those of PRECOG's training
split, of whom recognizer and encoder have learnt: no attack here asks the recognizer, and z of
theirs is of people whom its encoder knows.
"""

from __future__ import annotations

import math
import re
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from mizaru.edge.darkroom.perceive.head import angles, head_orientation
from mizaru.edge.darkroom.perceive.perception import Person
from mizaru.errors import DataError
from mizaru.lab.audit.contract import Visit
from mizaru.lab.audit.leaving import left
from mizaru.lab.data.manifest import Clip, read_manifest
from mizaru.lab.data.skeletons import load_motions
from mizaru.lab.data.skeletons.archive import Take, read_archive
from mizaru.lab.data.sources import may_ship, source_of
from mizaru.lab.motion import Motion
from mizaru.lab.seeing.eye import Eye
from mizaru.lab.seeing.view import View, watch
from mizaru.vocabulary import (
    BLAZEPOSE33,
    COCO17,
    COCO17_FROM_BLAZEPOSE33,
    Behavior,
    HeadOrientation,
    Pose,
    Topology,
)
from mizaru.wire.messages import GRID_MS

KINECT: Final = ("utkinect", "nw_ucla", "precog16")
UPFALL: Final = "upfall3d"

_AWAY_M, _UP_M = 3.6, 2.4
"""Of the camera, from the middle of what happens and above the floor: on a wall."""
_SEEN, _HIDDEN = 0.95, 0.4
"""Confidence of joints that can be seen, and of those behind the own body."""
_PAUSE: Final = 2
"""Ticks of nobody between two takes."""
_UPFALL_WH: Final = (640, 480)
_TORSO_M: Final = 0.5
_BONES: Final = {
    # Attributes, and the bones (COCO17 rows) whose mean length they are.
    "arms": ((5, 7), (7, 9), (6, 8), (8, 10)),
    "legs": ((11, 13), (13, 15), (12, 14), (14, 16)),
    "shoulders": ((5, 6),),
    "torso": ((5, 11), (6, 12)),
}


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Somebody before a camera for T ticks, before the darkroom's desensitizer.

    Attributes:
        persons: what perception would say; None where nobody is there.
        behaviors: shape (T,) object array of `Behavior`.
        measured: shape (T, 17, 3), metres, as the sensor has them.
        resolution_wh: of the picture.
    """

    persons: tuple[Person | None, ...]
    behaviors: npt.NDArray[np.object_]
    measured: npt.NDArray[np.float32]
    resolution_wh: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Stay:
    """Who was seen, when, by which camera; and whether the shipped recognizer learnt from it."""

    dataset: str
    person: str
    session: str
    camera: str
    learnt: bool = False


def real_visits(data: Path, sets: tuple[str, ...] = (*KINECT, UPFALL)) -> tuple[Visit, ...]:
    """Every visit of the sets that are in the data.

    Args:
        data: folder with a ``MANIFEST.csv``.
        sets: names, as in `mizaru.lab.data.sources`.

    Raises:
        DataError: a file cannot be used, or none of the sets is there.
    """
    stays = list(real_stays(data, sets))
    if not stays:
        raise DataError(f"{data}: has none of the sets {', '.join(sets)}")
    return _visits(stays)


def real_stays(
    data: Path, sets: tuple[str, ...] = (*KINECT, UPFALL)
) -> Iterator[tuple[Stay, tuple[Seen, ...]]]:
    """Who stayed when, and what was seen of each take: for whoever desensitizes otherwise."""
    for clip in read_manifest(data / "MANIFEST.csv"):
        if clip.kind != "skeleton" or (name := source_of(clip).name) not in sets:
            continue
        takes = _fallen(clip) if name == UPFALL else _measured(clip, name)
        groups: defaultdict[Stay, list[Seen]] = defaultdict(list)
        for stay, seen in takes:
            groups[stay].append(seen)
        for stay in sorted(groups, key=lambda s: (s.person, s.session, s.camera)):
            yield stay, tuple(groups[stay])


def released(seen: Seen) -> tuple[Pose | None, ...]:
    """What would leave the darkroom."""
    return left(seen.persons, seen.resolution_wh)


def _visits(stays: list[tuple[Stay, tuple[Seen, ...]]]) -> tuple[Visit, ...]:
    bodies: defaultdict[tuple[str, str], list[npt.NDArray[np.float32]]] = defaultdict(list)
    for stay, takes in stays:
        bodies[stay.dataset, stay.person] += [seen.measured for seen in takes]
    build = {who: _build(np.concatenate(parts)) for who, parts in bodies.items()}
    return tuple(visit(stay, takes, build[stay.dataset, stay.person]) for stay, takes in stays)


def visit(
    stay: Stay,
    takes: tuple[Seen, ...],
    attributes: dict[str, str],
    poses: tuple[tuple[Pose | None, ...], ...] | None = None,
) -> Visit:
    """One visit of a person's takes, one after the other.

    Args:
        poses: what left of each take; None: what the darkroom lets out (`released`).
    """
    poses = tuple(released(seen) for seen in takes) if poses is None else poses
    nobody = np.full((_PAUSE, 17, 3), np.nan, np.float32)
    keypoints, world, left, words = [], [], [], []
    for seen, out in zip(takes, poses, strict=True):
        keypoints += [_rows(seen, "keypoints"), nobody]
        world += [_rows(seen, "world"), nobody]
        left += [*out, *[None] * _PAUSE]
        words += [*seen.behaviors, *[Behavior.UNKNOWN] * _PAUSE]
    return Visit(
        dataset=stay.dataset,
        person=stay.person,
        session=stay.session,
        camera=stay.camera,
        attributes={**attributes, "learnt": "yes" if stay.learnt else "no"},
        behaviors=np.array(words, dtype=object),
        poses=tuple(left),
        keypoints=np.concatenate(keypoints),
        world=np.concatenate(world),
        resolution_wh=takes[0].resolution_wh,
    )


def _rows(seen: Seen, what: str) -> npt.NDArray[np.float32]:
    out = np.full((len(seen.persons), 17, 3), np.nan, np.float32)
    for tick, person in enumerate(seen.persons):
        if person is not None and (points := getattr(person, what)) is not None:
            rows = COCO17_FROM_BLAZEPOSE33 if person.topology is BLAZEPOSE33 else range(17)
            out[tick] = points[list(rows)]
    return out


def _build(measured: npt.NDArray[np.float32]) -> dict[str, str]:
    """What the sensor says of a person's body: metres, medians over all takes."""
    found = {}
    for name, bones in _BONES.items():
        lengths = [np.linalg.norm(measured[:, a] - measured[:, b], axis=1) for a, b in bones]
        middle = np.nanmedian(np.stack(lengths))
        if np.isfinite(middle):
            found[name] = f"{middle:.3f}"
    return found


def _measured(clip: Clip, source: str) -> Iterator[tuple[Stay, Seen]]:
    """Takes of a depth camera."""
    for motion in load_motions(clip, source):
        session, camera = _when(source, motion.name)
        person = motion.people[0].split(":")[-1]
        seen = before(motion, _eye(f"{source} {person} {session} {camera}"))
        if seen is not None:
            yield Stay(source, person, session, camera, may_ship(motion)), seen


def _when(source: str, name: str) -> tuple[str, str]:
    """Session and camera, from a take's name."""
    found = re.search(r"Seq(\d+)" if source == "precog16" else r"_e(\d+)", name)
    view = re.search(r"_(v\d+)$", name)
    return found[1] if found else name, view[1] if view else "wall"


def _eye(visit: str) -> Eye:
    """On a side of the room that a visit's name decides."""
    turn = zlib.crc32(visit.encode()) / 2**32 * 2 * math.pi
    place = (_AWAY_M * math.sin(turn), -_AWAY_M * math.cos(turn), _UP_M)
    return Eye.at(place, (0.0, 0.0, 0.9), fov_deg=62.0, aspect=16 / 9, height_px=480)


def before(motion: Motion, eye: Eye) -> Seen | None:
    """A person's motion on the time grid as a camera has it; None if it is never seen."""
    times = np.arange(0.0, motion.seconds, GRID_MS / 1000)
    view = watch(motion, eye, times)
    persons = tuple(_person(view, tick) for tick in range(len(times)))
    if not any(persons):
        return None
    frames = np.minimum(np.rint(times * motion.fps), len(motion.joints) - 1).astype(int)
    return Seen(persons, motion.behaviors[frames, 0], motion.joints[frames, 0], eye.resolution_wh)


def _person(view: View, tick: int) -> Person | None:
    known = view.known[tick, 0]
    if known.sum() < 4:
        return None
    keypoints = np.zeros((17, 3), np.float32)
    keypoints[known, :2] = view.xy[tick, 0, known]
    keypoints[known, 2] = np.where(view.hidden[tick, 0, known], _HIDDEN, _SEEN)
    world = np.where(known[:, None], view.xyz[tick, 0], 0.0).astype(np.float32)
    turn = view.head[tick, 0]
    head = None
    if np.isfinite(turn).all():
        head = angles((-turn[:, 2]).astype(np.float32), (-turn[:, 1]).astype(np.float32))
    return _somebody(COCO17, keypoints, world, head)


def _fallen(clip: Clip) -> Iterator[tuple[Stay, Seen]]:
    """Falls of UP-Fall, as BlazePose saw them: flat landmarks with its guess of the depth."""
    archive = read_archive(clip.file)
    if archive.joints != BLAZEPOSE33.keypoints:
        raise DataError(f"{clip.file}: joints must be those of {BLAZEPOSE33.name}")
    for take in archive.takes:
        trial = re.search(r"A(\d+)T(\d+)$", take.name)
        session = trial[0] if trial else take.name
        seen = _landmarks(take, archive.fps)
        yield Stay(UPFALL, take.subject, session, take.camera or "cam?"), seen


def _landmarks(take: Take, fps: float) -> Seen:
    size = np.array((*_UPFALL_WH, _UPFALL_WH[0]), np.float32)  # depth about in the scale of x
    deep = take.xyz * size
    torso = deep[:, [11, 12]].mean(axis=1) - deep[:, [23, 24]].mean(axis=1)
    metres = deep * (_TORSO_M / max(float(np.nanmedian(np.linalg.norm(torso, axis=1))), 1.0))
    numbers = np.arange(len(deep)) if take.frame_no is None else take.frame_no - take.frame_no[0]
    ticks = np.unique((numbers * 1000 / fps // GRID_MS).astype(int), return_index=True)[1]
    persons: list[Person | None] = []
    for frame in ticks:
        if not np.isfinite(deep[frame]).all():
            persons.append(None)
            continue
        rho = np.full((33, 1), _SEEN, np.float32)
        keypoints = np.concatenate([deep[frame, :, :2], rho], axis=1).astype(np.float32)
        world = (metres[frame] - metres[frame, [23, 24]].mean(axis=0)).astype(np.float32)
        head = head_orientation(world, keypoints[:, 2])
        persons.append(_somebody(BLAZEPOSE33, keypoints, world, head))
    rows = list(COCO17_FROM_BLAZEPOSE33)
    return Seen(
        tuple(persons),
        np.array([Behavior.FALL] * len(ticks), dtype=object),
        metres[ticks][:, rows].astype(np.float32),
        _UPFALL_WH,
    )


def _somebody(
    topology: Topology,
    keypoints: npt.NDArray[np.float32],
    world: npt.NDArray[np.float32],
    head: HeadOrientation | None,
) -> Person:
    seen = keypoints[keypoints[:, 2] > 0, :2]
    low, high = seen.min(axis=0), seen.max(axis=0)
    box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
    return Person(1, box, topology, keypoints, world, head, score=1.0)
