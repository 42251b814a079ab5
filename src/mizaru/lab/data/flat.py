"""Skeletons that are already flat: image-normalised landmarks, as what would cross the wall.

There is nothing to look at with a camera any more, so they go through the darkroom's own
retargeting and quantisation instead. What that cannot repair stays: such a set holds one
person, says nothing of confidence (all that it gives counts as seen), and was made at its own
rate without late frames.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from mizaru.cloud.recognize.finding import Observation
from mizaru.edge.darkroom.desensitize.retarget import Retargeter
from mizaru.edge.darkroom.perceive.head import head_orientation
from mizaru.edge.darkroom.perceive.perception import Person
from mizaru.errors import DataError
from mizaru.lab.data.manifest import Clip
from mizaru.lab.data.onset import greatest_descent
from mizaru.lab.data.sequence import Label, Sequence
from mizaru.lab.data.skeletons.archive import read_archive, read_arrays, read_fps
from mizaru.lab.data.skeletons.load import person
from mizaru.vocabulary import BLAZEPOSE33, COCO17, Behavior, Pose, SyncKey, Topology
from mizaru.wire.codec import pack_pose, unpack_pose
from mizaru.wire.messages import GRID_MS

_SEEN: Final = 0.9
"""The confidence of a landmark that its source gives without one."""
_TORSO_M: Final = 0.5
"""From hips to shoulders of an adult; gives the model's depth its metres."""
_UPFALL_WH: Final = (640, 480)
_TRIAL: Final = re.compile(r"C\d?S(\d+)A(\d+)T(\d+)")
_LE2I_WH: Final = (320, 240)
_LE2I: Final = {
    # the authors' names, where they differ from `COCO17`
    "front_face": "nose",
}


@dataclass(frozen=True, slots=True, eq=False)
class _Landmarks:
    """Of one person over T frames.

    Attributes:
        t_ms: shape (T,) int, growing.
        topology: of the landmarks.
        points: shape (T, K, 2) float64, pixels; NaN where the source has none.
        world: shape (T, K, 3) float64, metres, or None.
        size_wh: of the picture.
    """

    t_ms: npt.NDArray[np.int64]
    topology: Topology
    points: npt.NDArray[np.float64]
    world: npt.NDArray[np.float64] | None
    size_wh: tuple[int, int]


def load_upfall3d(clip: Clip, source: str) -> tuple[Sequence, ...]:
    """Falls of UP-Fall as BlazePose saw them, with the fall where the poses come down.

    Its clock is doubtful: here hips come down in 0.2 … 0.4 s, in the videos of the same falls in
    0.4 … 0.6 s. Do not judge delays by it.

    Raises:
        DataError: the file cannot be used.
    """
    archive = read_archive(clip.file)
    if archive.joints != BLAZEPOSE33.keypoints:
        raise DataError(f"{clip.file}: joints must be those of {BLAZEPOSE33.name}")
    out = []
    for take in archive.takes:
        numbers = np.arange(len(take.xyz)) if take.frame_no is None else take.frame_no
        t_ms = np.rint((numbers - numbers[0]) * 1000.0 / archive.fps).astype(np.int64)
        if (np.diff(t_ms) <= 0).any():
            raise DataError(f"{clip.file}: {take.name}: frame numbers must grow")
        size = np.array(_UPFALL_WH, np.float64)
        points = take.xyz[..., :2] * size
        # MediaPipe gives depth about in the scale of x
        deep = np.concatenate([points, take.xyz[..., 2:] * size[0]], axis=2)
        marks = _Landmarks(t_ms, BLAZEPOSE33, points, _metres(deep), _UPFALL_WH)
        observations = tuple(_observations(marks, take.camera or "camera-1"))
        out.append(
            Sequence(
                name=take.name,
                source=source,
                licence=clip.licence,
                subject=person(clip, source, take.subject),
                room=clip.group or _trial(take.name),
                camera=take.camera,
                split=take.split or clip.split,
                fps=archive.fps,
                observations=observations,
                labels=_falls(observations, int(t_ms[-1]) + round(1000.0 / archive.fps)),
            )
        )
    return tuple(out)


def load_md4fd(clip: Clip, source: str) -> tuple[Sequence, ...]:
    """Windows of 90 frames of Le2i or UR Fall, each a sequence; a fall lies somewhere in it.

    The windows of one file overlap: never split inside it. Elbows and all of the face but its
    front are missing; wrists, which hang on the elbows, are therefore left out (the source
    also invents them where they were not seen).

    Raises:
        DataError: the file cannot be used.
    """
    arrays = read_arrays(clip.file)
    for name in ("xy", "label", "joint_names"):
        if name not in arrays:
            raise DataError(f"{clip.file}: the array {name!r} is missing")
    xy, label = arrays["xy"], arrays["label"]
    names = [_LE2I.get(str(name), str(name)) for name in arrays["joint_names"].ravel()]
    if xy.ndim != 4 or xy.shape[2:] != (len(names), 2) or xy.dtype.kind != "f":
        raise DataError(f"{clip.file}: xy must be floats (windows, frames, joints, 2)")
    if label.shape != xy.shape[:1]:
        raise DataError(f"{clip.file}: {len(xy)} windows need as many labels, got {label.shape}")
    unknown = set(names) - set(COCO17.keypoints)
    if unknown:
        raise DataError(f"{clip.file}: joints of no known rig: {', '.join(sorted(unknown))}")
    fps = read_fps(clip.file, arrays)
    t_ms = np.rint(np.arange(xy.shape[1]) * 1000.0 / fps).astype(np.int64)
    if (np.diff(t_ms) <= 0).any():
        raise DataError(f"{clip.file}: {fps} frames/s are more than milliseconds can tell")
    end = int(t_ms[-1]) + round(1000.0 / fps) if len(t_ms) else 0
    rows = [COCO17.index(name) for name in names]
    rooms = arrays.get("source")
    out = []
    for i, window in enumerate(xy):
        points = np.full((len(window), len(COCO17.keypoints), 2), np.nan)
        points[:, rows] = window * np.array(_LE2I_WH)
        marks = _Landmarks(t_ms, COCO17, points, None, _LE2I_WH)
        room = str(rooms[i]) if rooms is not None and rooms.shape == label.shape else clip.file.stem
        observations = tuple(_observations(marks, room))
        out.append(
            Sequence(
                name=f"{room}_{i:03d}",
                source=source,
                licence=clip.licence,
                subject=person(clip, source, ""),
                room=clip.group or clip.file.stem,
                camera="",
                split=clip.split,
                fps=fps,
                observations=observations,
                labels=_falls(observations, end) if label[i] == 1 else (),
            )
        )
    return tuple(out)


def _trial(name: str) -> str:
    """The group under which the manifest has the videos of the same trial; "" if unclear."""
    match = _TRIAL.fullmatch(name)
    return "upfall:S{:02d}:A{}:T{}".format(*map(int, match.groups())) if match else ""


def _metres(deep: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Landmarks (T, 33, 3) in pixels as metres, by the median length of the torso."""
    top, low = (
        deep[:, [BLAZEPOSE33.index(f"{side}_{joint}") for side in ("left", "right")]].mean(axis=1)
        for joint in ("shoulder", "hip")
    )
    torso = float(np.nanmedian(np.linalg.norm(top - low, axis=1)))
    return deep * (_TORSO_M / max(torso, 1.0))


def _falls(
    observations: tuple[Observation, ...], end_ms: int
) -> tuple[Label, ...]:  # fmt: skip
    """The fall, where the poses come down.

    The source's own marks are not used: in most clips they are missing, and in the others they
    begin about a second after the hips are on the floor.
    """
    descent = greatest_descent(observations)
    if descent is None:
        return (Label(Behavior.FALL, 0, end_ms),)
    return (Label(Behavior.FALL, descent.start_ms, end_ms, impact_ms=descent.end_ms),)


def _observations(marks: _Landmarks, camera: str) -> Iterator[Observation]:
    """What the darkroom would have sent: the first frame of each tick, retargeted, quantised."""
    retargeter = Retargeter()
    width, height = marks.size_wh
    last = -GRID_MS
    for frame, t_ms in enumerate(marks.t_ms.tolist()):
        tick = t_ms - t_ms % GRID_MS
        if tick <= last:
            continue
        points = marks.points[frame]
        seen = np.isfinite(points).all(axis=1)
        keypoints = np.zeros((len(points), 3), np.float32)
        keypoints[seen, :2], keypoints[seen, 2] = points[seen], _SEEN
        poses: tuple[Pose, ...] = ()
        if seen.any():
            world = None if marks.world is None else marks.world[frame].astype(np.float32)
            low, high = points[seen].min(axis=0), points[seen].max(axis=0)
            body = Person(
                subject_id=1,
                box_xyxy=(float(low[0]), float(low[1]), float(high[0]), float(high[1])),
                topology=marks.topology,
                keypoints=keypoints,
                world=world,
                head=None if world is None else head_orientation(world, keypoints[:, 2]),
                score=1.0,
            )
            pose = retargeter.retarget(body, t_ms, marks.size_wh)
            poses = () if pose is None else (unpack_pose(pack_pose(pose)),)
        last = tick
        yield Observation(SyncKey(camera, frame, tick), poses, width / height)
