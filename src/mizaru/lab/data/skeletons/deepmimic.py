"""DeepMimic's native motions: joint angles of its humanoid, made into joint positions.

Source: X. B. Peng et al., DeepMimic, ACM Transactions on Graphics 37 (4), 2018;
github.com/xbpeng/DeepMimic (MIT): ``data/characters/humanoid3d.txt`` for the bones,
``README.md`` for the order of numbers in a frame. A frame holds its duration in seconds, the
root's position (x forward, y up, z to the right; metres), then rotations: quaternions
(w, x, y, z), or for knees and elbows one angle about z, radians.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mizaru.errors import DataError
from mizaru.lab.data.skeletons.ground import Y_UP
from mizaru.lab.data.skeletons.rig import assemble

Array = npt.NDArray[np.float64]

MAX_BYTES: Final = 64 << 20
_BALL, _HINGE, _FIXED = 4, 1, 0
_HUMANOID: Final = (
    # joint, parent, offset from the parent's joint in its frame (metres), numbers in a frame
    ("root", -1, (0.0, 0.0, 0.0), _BALL),
    ("chest", 0, (0.0, 0.236151, 0.0), _BALL),
    ("neck", 1, (0.0, 0.223894, 0.0), _BALL),
    ("right_hip", 0, (0.0, 0.0, 0.084887), _BALL),
    ("right_knee", 3, (0.0, -0.421546, 0.0), _HINGE),
    ("right_ankle", 4, (0.0, -0.40987, 0.0), _BALL),
    ("right_shoulder", 1, (-0.02405, 0.24350, 0.18311), _BALL),
    ("right_elbow", 6, (0.0, -0.274788, 0.0), _HINGE),
    ("right_wrist", 7, (0.0, -0.258947, 0.0), _FIXED),
    ("left_hip", 0, (0.0, 0.0, -0.084887), _BALL),
    ("left_knee", 9, (0.0, -0.421546, 0.0), _HINGE),
    ("left_ankle", 10, (0.0, -0.40987, 0.0), _BALL),
    ("left_shoulder", 1, (-0.02405, 0.24350, -0.18311), _BALL),
    ("left_elbow", 12, (0.0, -0.274788, 0.0), _HINGE),
    ("left_wrist", 13, (0.0, -0.258947, 0.0), _FIXED),
)
_NUMBERS: Final = 1 + 3 + sum(size for *_, size in _HUMANOID)
_HEAD: Final = 0.175
"""From the neck's joint to the head's middle, along the neck."""
_NAMES: Final = tuple(name for name, *_ in _HUMANOID)
_LIMBS: Final = tuple(
    f"{side}_{name}"
    for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    for side in ("left", "right")
)


def read_frames(file: Path) -> Array:
    """The numbers of a motion file, shape (T, 44), T ≥ 2.

    Raises:
        DataError: it is no DeepMimic motion of the humanoid.
    """
    try:
        if file.stat().st_size > MAX_BYTES:
            raise DataError(f"{file}: larger than {MAX_BYTES} bytes: not a DeepMimic motion")
        motion: Any = json.loads(file.read_bytes())
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{file}: not a DeepMimic motion: not JSON: {reason}") from None
    rows = motion.get("Frames") if isinstance(motion, dict) else None
    if not isinstance(rows, list):
        raise DataError(f"{file}: not a DeepMimic motion: it has no list 'Frames'")
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != _NUMBERS or not all(map(_is_number, row)):
            raise DataError(f"{file}: frame {number} must hold {_NUMBERS} finite numbers")
    if len(rows) < 2:
        raise DataError(f"{file}: a motion needs at least two frames, got {len(rows)}")
    return np.array(rows, np.float64)


def _is_number(value: object) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and -1e6 < value < 1e6
        and math.isfinite(value)
    )


def coco17(frames: Array) -> npt.NDArray[np.float32]:
    """Joints of the frames of a motion, shape (T, 17, 3), metres, z up, facing along x."""
    place: dict[str, Array] = {}
    turn: dict[str, Array] = {}
    column = 4
    for name, parent, offset, size in _HUMANOID:
        values = frames[:, column : column + size]
        column += size
        local = _rotation(values)
        if parent < 0:
            place[name], turn[name] = frames[:, 1:4], local
            continue
        above = _NAMES[parent]
        place[name] = place[above] + turn[above] @ np.array(offset)
        turn[name] = turn[above] @ local
    head = place["neck"] + _HEAD * turn["neck"][:, :, 1]
    up, right = turn["neck"][:, :, 1], turn["neck"][:, :, 2]
    limbs = [place[name] @ Y_UP.T for name in _LIMBS]
    return assemble(head @ Y_UP.T, right @ Y_UP.T, up @ Y_UP.T, limbs)


def _rotation(values: Array) -> Array:
    """Matrices (T, 3, 3) of quaternions (T, 4), angles about z (T, 1), or nothing (T, 0)."""
    out = np.tile(np.eye(3), (len(values), 1, 1))
    if values.shape[1] == _HINGE:
        c, s = np.cos(values[:, 0]), np.sin(values[:, 0])
        out[:, 0, 0], out[:, 0, 1], out[:, 1, 0], out[:, 1, 1] = c, -s, s, c
    elif values.shape[1] == _BALL:
        length = np.linalg.norm(values, axis=1, keepdims=True)
        still = np.array([1.0, 0.0, 0.0, 0.0])
        w, x, y, z = np.where(length > 1e-6, values / np.maximum(length, 1e-6), still).T
        out[:] = np.stack(
            [
                1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
                2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
                2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
            ],
            axis=1,
        ).reshape(-1, 3, 3)  # fmt: skip
    return out


def fps_of(frames: Array) -> float:
    """Frames per second: the median of the durations (the last frame's is 0 in most files);
    0.0 if none is positive."""
    durations = frames[:-1, 0]
    durations = durations[durations > 0.0]
    return 1.0 / float(np.median(durations)) if len(durations) else 0.0


def repeat(frames: Array, seconds: float) -> Array:
    """A cycle again and again, for at least `seconds`: each begins where the last one ended.

    The last frame of a cycle shows the pose of the first one, moved on.
    """
    fps = fps_of(frames)
    cycles = max(1, math.ceil(seconds * fps / (len(frames) - 1)))
    step = frames[-1, 1:4] - frames[0, 1:4]
    out = []
    for cycle in range(cycles):
        part = frames[:-1].copy()
        part[:, (1, 3)] += cycle * step[[0, 2]]
        out.append(part)
    return np.concatenate(out)
