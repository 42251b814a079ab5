"""One way in for every 3D skeleton file: which joints it has says how it is read."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mizaru.errors import DataError
from mizaru.lab.data.manifest import Clip
from mizaru.lab.data.skeletons import deepmimic
from mizaru.lab.data.skeletons.archive import Archive, Take, read_archive
from mizaru.lab.data.skeletons.ground import Y_UP, floor, slant
from mizaru.lab.data.skeletons.rig import BVH22, CMU31, KINECT20, OPENNI15, Rig
from mizaru.lab.data.skeletons.words import say
from mizaru.lab.motion import Motion

Array = npt.NDArray[np.float64]

_DEPTH_CAMERA: Final = (KINECT20, OPENNI15)
"""Rigs whose joints come in a camera's axes: levelled, the floor searched per sequence."""
_MOCAP: Final = (CMU31, BVH22)
"""Rigs whose joints come in a room's axes with y up: the floor is the file's own."""

_RAW_WORDS: Final = {
    # source's own words that say more than the harmonised one
    "working on computer": "sitting",
    "writing on whiteboard": "standing",
    "cooking (chopping)": "standing",
    "cooking (stirring)": "standing",
    "bow": "pickup",
    "getup_facedown": "getup",
    "getup_faceup": "getup",
    "walk": "walking",
    "stealthy_walk": "walking",
    "zombie_walk": "walking",
    "run": "running",
    "jog": "running",
}
_GAITS: Final = frozenset({"walk", "stealthy_walk", "zombie_walk", "run", "jog", "crawl"})
_LOOPED_S: Final = 8.0
"""A cycle of a gait is repeated for at least this long: alone it is shorter than what a
recognizer looks back."""


def load_motions(clip: Clip, source: str) -> tuple[Motion, ...]:
    """The sequences of a 3D skeleton file, one person each.

    Args:
        clip: its row of the manifest.
        source: name of the set, as in `mizaru.lab.data.sources`.

    Raises:
        DataError: the file cannot be used, or has joints that nobody has mapped.
    """
    if clip.file.suffix == ".txt":
        return _deepmimic(clip, source)
    archive = read_archive(clip.file)
    rig = next((r for r in (*_DEPTH_CAMERA, *_MOCAP) if r.needed <= {*archive.joints}), None)
    if rig is None:
        raise DataError(f"{clip.file}: joints of no known rig: {', '.join(archive.joints)}")
    read = _levelled if rig in _DEPTH_CAMERA else _upright
    return tuple(
        _motion(clip, source, archive, take, rig, joints)
        for take, joints in zip(archive.takes, read(archive, rig), strict=True)
    )


def _motion(
    clip: Clip, source: str, archive: Archive, take: Take, rig: Rig, joints: dict[str, Array]
) -> Motion:
    coco = rig.coco17(joints)
    raw = take.raw.split("/", maxsplit=1)[0]
    said = say(_RAW_WORDS.get(raw, take.label), coco, archive.fps, take.frame_label)
    return Motion(
        name=take.name,
        source=source,
        licence=clip.licence,
        fps=archive.fps,
        joints=coco[:, None],
        behaviors=said.behaviors[:, None],
        events=said.events,
        people=(person(clip, source, take.subject),),
        split=take.split or clip.split,
        known=said.known,
    )


def person(clip: Clip, source: str, subject: str) -> str:
    """``set:person``, the set as the manifest's `identity` spells it."""
    known = clip.identity.split(":", maxsplit=1)[0] if ":" in clip.identity else source
    # UP-Fall's people are the same whether filmed or measured
    return f"{ {'upfall3d': 'upfall'}.get(known, known) }:{subject or 'unknown'}"


def _named(archive: Archive, xyz: Array, rig: Rig) -> dict[str, Array]:
    return {name: xyz[:, archive.joints.index(name)] for name in rig.needed}


def _levelled(archive: Archive, rig: Rig) -> list[dict[str, Array]]:
    """Joints of each take; up from all takes of the same subject before the same camera."""
    raw = [_seen(take.xyz) for take in archive.takes]
    groups: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for i, take in enumerate(archive.takes):
        groups[take.subject, take.camera].append(i)
    out: dict[int, dict[str, Array]] = {}
    for members in groups.values():
        turn = slant(*_stance(_named(archive, np.concatenate([raw[i] for i in members]), rig), rig))
        for i in members:
            level = raw[i] @ turn.T
            joints = _named(archive, level, rig)
            feet = np.stack([joints[name] for name in rig.feet], axis=1)
            middle = _middle(level)
            ground = np.array([*middle, floor(feet, rig.sole)])
            out[i] = {name: place - ground for name, place in joints.items()}
    return [out[i] for i in range(len(archive.takes))]


def _stance(joints: dict[str, Array], rig: Rig) -> tuple[Array, Array, Array, Array, Array]:
    """Head, knees, hips, ankles, feet: what `slant` needs."""

    def pair(first: int) -> Array:
        return np.stack([joints[name] for name in rig.limbs[first : first + 2]], axis=1)

    feet = np.stack([joints[name] for name in rig.feet], axis=1)
    return joints[rig.head], pair(8), pair(6), pair(10), feet


def _middle(xyz: Array) -> Array:
    """Where on the floor it happens, shape (2,): the median of all joints."""
    flat = xyz[..., :2].reshape(-1, 2)
    flat = flat[np.isfinite(flat).all(axis=1)]
    return np.median(flat, axis=0) if len(flat) else np.zeros(2)


def _seen(xyz: npt.NDArray[Any]) -> Array:
    """NaN where a Kinect lost its person: it writes zeros, and rubbish beside them."""
    out = xyz.astype(np.float64)
    lost = (out == 0.0).all(axis=2).any(axis=1) | ~np.isfinite(out).all(axis=(1, 2))
    out[lost] = np.nan
    return out


def _upright(archive: Archive, rig: Rig) -> list[dict[str, Array]]:
    """Joints of each take; the lowest feet of a subject's takes stand on the floor."""
    takes = [_named(archive, take.xyz @ Y_UP.T, rig) for take in archive.takes]
    heights: defaultdict[str, list[Array]] = defaultdict(list)
    for take, joints in zip(archive.takes, takes, strict=True):
        heights[take.subject].append(np.stack([joints[name] for name in rig.feet], axis=1))
    grounds = {subject: floor(np.concatenate(feet), rig.sole) for subject, feet in heights.items()}
    return [
        {name: place - (0.0, 0.0, grounds[take.subject]) for name, place in joints.items()}
        for take, joints in zip(archive.takes, takes, strict=True)
    ]


def _deepmimic(clip: Clip, source: str) -> tuple[Motion, ...]:
    name = clip.file.stem.removeprefix("humanoid3d").removeprefix("_")
    if not name:
        return ()  # the bones themselves, which lie beside the motions
    frames = deepmimic.read_frames(clip.file)
    fps = deepmimic.fps_of(frames)
    if fps <= 0.0:
        raise DataError(f"{clip.file}: no frame lasts longer than 0 s")
    if name in _GAITS:
        frames = deepmimic.repeat(frames, _LOOPED_S)
    joints = deepmimic.coco17(frames)
    said = say(_RAW_WORDS.get(name, name), joints, fps)
    return (
        Motion(
            name=name,
            source=source,
            licence=clip.licence,
            fps=fps,
            joints=joints[:, None],
            behaviors=said.behaviors[:, None],
            events=said.events,
            people=(person(clip, source, ""),),
            split=clip.split,
            known=said.known,
        ),
    )
