"""A stick figure of canonical proportions, moved by keyframes and seen by a pinhole camera.

World: metres, y up, the floor at y = 0. The figure moves in its own sagittal plane (angles in
degrees: torso 0 = up, 90 = forward; thigh and shank 0 = down, 90 = forward) and is then tipped
as a whole (pitch forward, roll to its right) and turned (yaw). Its lowest joint touches the
floor unless `lift` holds it up.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from mizaru.cloud.recognize import (
    DEFAULT_SENSITIVITY,
    Finding,
    Observation,
    Sensitivity,
)
from mizaru.cloud.recognize.card import LEARNED_RISKS, Card, OperatingPoint, TrainingSet
from mizaru.cloud.recognize.features import CONFIDENCE, JOINTS, PATH
from mizaru.cloud.recognize.learned import LearnedRecognizer
from mizaru.cloud.recognize.network import Model, Network
from mizaru.cloud.recognize.outputs import ACTIONS, FALL, OUTPUTS
from mizaru.cloud.recognize.rules import RuleRecognizer
from mizaru.cloud.settings import CloudCameraSettings
from mizaru.proxy import body as canonical
from mizaru.vocabulary import Behavior, Pose, SyncKey
from mizaru.wire.codec import pack_pose, unpack_pose

START_MS = 1_700_000_000_000
SOLE_M = 0.06
"""Height of the ankle joint, and of any joint of a body that lies."""


@dataclass(frozen=True)
class Keyframe:
    """Where the figure is at a time; everything in between is interpolated."""

    t: float = 0.0
    torso: float = 0.0
    left_thigh: float = 0.0
    right_thigh: float = 0.0
    left_shank: float = 0.0
    right_shank: float = 0.0
    arms: float = 0.0
    reach: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    lift: float = 0.0
    x: float = 0.0
    z: float = 0.0
    ease: float = 0.0
    """0: smooth in and out. 1: accelerates all the way, as what falls does."""


Motion = tuple[Keyframe, ...]


def at(motion: Motion, t: float) -> Keyframe:
    """The figure at a time."""
    if t <= motion[0].t:
        return motion[0]
    for a, b in pairwise(motion):
        if t <= b.t:
            s = (t - a.t) / (b.t - a.t)
            s = (1 - b.ease) * s * s * (3 - 2 * s) + b.ease * s * s
            values = {
                f.name: (1 - s) * getattr(a, f.name) + s * getattr(b, f.name) for f in fields(a)
            }
            return Keyframe(**{**values, "t": t})
    return motion[-1]


def joints_3d(key: Keyframe, yaw: float) -> npt.NDArray[np.float64]:
    """(17, 3) joints in world metres, `COCO17` order."""

    def sagittal(degrees: float, *, up: bool) -> npt.NDArray[np.float64]:
        a = math.radians(degrees)
        return np.array([0.0, math.cos(a) if up else -math.cos(a), math.sin(a)])

    p = np.zeros((17, 3))
    right = np.array([1.0, 0.0, 0.0])
    torso = sagittal(key.torso, up=True)
    front = sagittal(key.torso + 90.0, up=True)
    shoulders = canonical.TRUNK * torso
    for side, hip, shoulder in ((-1, 11, 5), (1, 12, 6)):
        p[hip] = side * right * canonical.HIPS / 2
        thigh = key.left_thigh if side < 0 else key.right_thigh
        shank = key.left_shank if side < 0 else key.right_shank
        p[hip + 2] = p[hip] + canonical.THIGH * sagittal(thigh, up=False)
        p[hip + 4] = p[hip + 2] + canonical.SHANK * sagittal(shank, up=False)
        p[shoulder] = shoulders + side * right * canonical.SHOULDERS / 2
        upper = sagittal(key.arms + key.torso, up=False) + 0.1 * side * right
        p[shoulder + 2] = p[shoulder] + canonical.UPPER_ARM * upper
        fore = sagittal(key.arms + key.torso + 20.0 - key.reach * 20.0, up=False)
        p[shoulder + 4] = p[shoulder + 2] + canonical.FOREARM * fore
    head = shoulders + canonical.NECK * torso
    for row, (x, y, z) in enumerate(canonical.HEAD_POINTS):
        offset = -x * right - y * torso - z * front
        p[row] = head + canonical.STATURE * offset

    pitch, roll = math.radians(key.pitch), math.radians(key.roll)
    tip = np.array(
        [
            [1, 0, 0],
            [0, math.cos(pitch), -math.sin(pitch)],
            [0, math.sin(pitch), math.cos(pitch)],
        ]
    )
    lean = np.array(
        [
            [math.cos(roll), math.sin(roll), 0],
            [-math.sin(roll), math.cos(roll), 0],
            [0, 0, 1],
        ]
    )
    ankles = p[15:17].mean(0)
    p = (p - ankles) @ (lean @ tip).T
    turn = math.radians(yaw)
    p = p @ np.array(
        [
            [math.cos(turn), 0, -math.sin(turn)],
            [0, 1, 0],
            [math.sin(turn), 0, math.cos(turn)],
        ]
    )
    p[:, 1] += SOLE_M + key.lift - p[:, 1].min()
    return p + np.array([key.x, 0.0, key.z])


@dataclass(frozen=True)
class Camera:
    """A wall camera that looks at a point 0.8 m above the floor.

    Attributes:
        height, distance: metres.
        aspect: width / height.
        focal: in image heights (0.9: about 58° vertically).
    """

    height: float = 2.2
    distance: float = 4.5
    aspect: float = 16 / 9
    focal: float = 0.9

    def project(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """(n, 3) world → (n, 2) normalised (u, v)."""
        eye = np.array([0.0, self.height, self.distance])
        forward = np.array([0.0, 0.8, 0.0]) - eye
        forward /= np.linalg.norm(forward)
        right = np.array([1.0, 0.0, 0.0])
        down = -np.cross(right, forward)
        relative = points - eye
        depth = relative @ forward
        x, y = self.focal * (relative @ right) / depth, self.focal * (relative @ down) / depth
        return np.stack([0.5 + x / self.aspect, 0.5 + y], axis=1)


@dataclass(frozen=True)
class Actor:
    """Somebody who plays a motion, seen from `enters` to `leaves` seconds."""

    motion: Motion
    yaw: float = 0.0
    subject_id: int = 1
    enters: float = 0.0
    leaves: float = math.inf
    x: float = 0.0
    z: float = 0.0


def film(
    actors: Iterable[Actor],
    *,
    camera: Camera = Camera(),
    seconds: float,
    fps: float = 10.0,
    noise: float = 0.004,
    flips: float = 0.0,
    drops: float = 0.0,
    seed: int = 0,
    start_ms: int = START_MS,
) -> list[Observation]:
    """What the wire delivers of a scene.

    Args:
        noise: standard deviation of every coordinate, fractions of the image's height.
        flips: share of the poses whose left and right legs are exchanged.
        drops: share of the observations that never arrive.
    """
    rng = np.random.default_rng(seed)
    observations = []
    for frame in range(round(seconds * fps)):
        t = frame / fps
        poses = []
        for actor in actors:
            if not actor.enters <= t < actor.leaves:
                continue
            key = at(actor.motion, t)
            key = replace(key, x=key.x + actor.x, z=key.z + actor.z)
            uv = camera.project(joints_3d(key, actor.yaw))
            uv += rng.normal(0.0, noise, uv.shape) / np.array([camera.aspect, 1.0])
            if rng.random() < flips:
                uv[11:] = uv[[12, 11, 14, 13, 16, 15]]
            keypoints = np.concatenate([uv, np.full((17, 1), 0.9)], axis=1).astype(np.float32)
            poses.append(unpack_pose(pack_pose(Pose(actor.subject_id, keypoints))))
        if rng.random() < drops:
            continue
        t_ms = start_ms + round(t * 10) * 100
        key_t = SyncKey("hall", frame, t_ms)
        observations.append(Observation(key_t, tuple(poses), camera.aspect))
    return observations


# -- motions --------------------------------------------------------------------------------

STANDING = Keyframe()
SITTING = Keyframe(left_thigh=85, right_thigh=85, torso=5, arms=30)
SQUATTING = Keyframe(left_thigh=115, right_thigh=115, left_shank=-35, right_shank=-35, torso=30)
BENDING = Keyframe(torso=95, arms=-10, left_thigh=-8, right_thigh=-8)
FLOOR_SIT = Keyframe(left_thigh=88, right_thigh=88, left_shank=80, right_shank=80, torso=-10)


def move(*steps: tuple[float, Keyframe]) -> Motion:
    """Keyframes from (time, posture) pairs."""
    return tuple(replace(key, t=t) for t, key in steps)


def fall(how: str, *, begins: float = 3.0, seconds: float = 0.7, rest: float = 60.0) -> Motion:
    """Standing, then down within `seconds`, then still."""
    hit = begins + seconds
    if how == "off_chair":
        return move(
            (0.0, SITTING),
            (begins, SITTING),
            (hit, replace(SITTING, roll=88, ease=0.8)),
            (hit + rest, replace(SITTING, roll=88)),
        )
    down = {
        "forward": Keyframe(pitch=86, arms=140, left_shank=-10, right_shank=-25, ease=0.8),
        "backward": Keyframe(pitch=-86, arms=20, left_thigh=20, right_thigh=35, ease=0.8),
        "left": Keyframe(roll=-86, left_thigh=25, right_thigh=10, arms=40, ease=0.8),
        "right": Keyframe(roll=86, left_thigh=15, right_thigh=30, arms=40, ease=0.8),
        "collapse": Keyframe(
            pitch=-15, torso=100, left_thigh=70, right_thigh=75, left_shank=-70,
            right_shank=-75, roll=80, ease=0.8,
        ),
    }[how]  # fmt: skip
    steps = [(0.0, STANDING), (begins, STANDING)]
    if how == "collapse":
        knees = Keyframe(
            left_thigh=60, right_thigh=60, left_shank=-60, right_shank=-60, torso=25, ease=0.6
        )
        steps.append((begins + 0.45 * seconds, knees))
    return move(*steps, (hit, down), (hit + rest, replace(down, ease=0.0)))


FALLS = ("forward", "backward", "left", "right", "collapse")


def walk(seconds: float, *, speed: float = 1.1, turn_at: float = 1.6) -> Motion:
    """To and fro along the figure's x."""
    keys = []
    x, direction, step = 0.0, 1.0, 0.25
    for i in range(round(seconds / step)):
        swing = 25.0 if i % 2 else -25.0
        keys.append(
            Keyframe(
                t=i * step, x=x, left_thigh=swing, right_thigh=-swing,
                left_shank=min(0.0, swing) * 1.3, right_shank=min(0.0, -swing) * 1.3,
            )
        )  # fmt: skip
        x += direction * speed * step
        if abs(x) > turn_at:
            direction = -direction
    return tuple(keys)


def negatives() -> dict[str, Motion]:
    """Daily life that looks like falling."""
    lie = Keyframe(pitch=-88, arms=10)
    bed = replace(lie, lift=0.5)
    on_bed = Keyframe(left_thigh=85, right_thigh=85, torso=0)
    kneel = Keyframe(left_thigh=85, right_thigh=0, right_shank=-90, torso=40, arms=30)
    return {
        "walk": walk(12),
        "run": walk(12, speed=3.0),
        "stand": move((0, STANDING), (12, STANDING)),
        "sit_down": move((0, STANDING), (3, STANDING), (4.4, SITTING), (12, SITTING)),
        "sit_down_fast": move((0, STANDING), (3, STANDING), (3.6, SITTING), (12, SITTING)),
        "stand_up": move((0, SITTING), (3, SITTING), (4.0, STANDING), (12, STANDING)),
        "pick_up": move((0, STANDING), (3, STANDING), (3.7, BENDING), (4.4, BENDING),
                        (5.1, STANDING), (12, STANDING)),
        "bend_long": move((0, STANDING), (3, STANDING), (4, BENDING), (9, BENDING),
                          (10, STANDING)),
        "squat": move((0, STANDING), (3, STANDING), (3.6, SQUATTING), (8, SQUATTING),
                      (8.6, STANDING), (12, STANDING)),
        "tie_shoes": move((0, STANDING), (3, STANDING), (4, kneel),
                          (8, replace(kneel, torso=60)), (9, STANDING), (12, STANDING)),
        "jump": move((0, STANDING), (3, STANDING), (3.3, replace(SQUATTING, torso=20)),
                     (3.6, Keyframe(lift=0.35)), (3.9, replace(SQUATTING, torso=20)),
                     (4.3, STANDING), (12, STANDING)),
        "floor_sit": move((0, STANDING), (3, STANDING), (4.2, SQUATTING), (5.2, FLOOR_SIT),
                          (12, FLOOR_SIT)),
        "lie_down_slowly": move((0, STANDING), (2, STANDING), (3.5, SQUATTING),
                                (4.7, FLOOR_SIT), (6.5, lie), (20, lie)),
        "lie_on_bed": move((0, STANDING), (2, STANDING), (3.2, on_bed), (4.2, on_bed),
                           (6.0, bed), (20, bed)),
        "wave": move(*((i * 0.4, Keyframe(arms=170 if i % 2 else 120)) for i in range(30))),
    }  # fmt: skip


# -- fixtures -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Studio:
    """All of the above, for tests."""

    Actor = Actor
    Camera = Camera
    Keyframe = Keyframe
    FALLS = FALLS
    START_MS = START_MS
    STANDING = STANDING
    SITTING = SITTING
    SQUATTING = SQUATTING
    film = staticmethod(film)
    fall = staticmethod(fall)
    move = staticmethod(move)
    walk = staticmethod(walk)
    negatives = staticmethod(negatives)


@pytest.fixture(scope="session")
def studio() -> Studio:
    """Stick figures, cameras and motions."""
    return Studio()


def utc(t_ms: int) -> datetime:
    """A cloud whose local time is UTC."""
    return datetime.fromtimestamp(t_ms / 1000, UTC)


Recognize = Callable[[Sequence[Observation]], list[Finding]]


@pytest.fixture
def recognize() -> Callable[..., list[Finding]]:
    """Observations → findings, with a new rule recognizer."""

    def run(
        observations: Sequence[Observation], camera: CloudCameraSettings | None = None
    ) -> list[Finding]:
        camera = camera or CloudCameraSettings(id="hall")
        recognizer = RuleRecognizer(camera, local_time=utc)
        return [recognizer.observe(observation) for observation in observations]

    return run


# -- networks that were never trained -------------------------------------------------------------

Windows = npt.NDArray[np.float32]


class Says:
    """A network that says the same of every window: these log odds, of all else no."""

    def __init__(self, odds: dict[Behavior | int, float]) -> None:
        self.runs = 0
        self.seen = 0
        self._answer = np.full(OUTPUTS, -6.0, np.float32)
        for output, value in odds.items():
            index = ACTIONS.index(output) if isinstance(output, Behavior) else output
            self._answer[index] = value

    def __call__(self, windows: Windows) -> Windows:
        self.runs += 1
        self.seen += len(windows)
        return np.tile(self._answer, (len(windows), 1))


class Drops(Says):
    """A network that is certain of a fall where the nose came down by half a body height."""

    def __init__(self) -> None:
        super().__init__({Behavior.STAND: 2.0})

    def __call__(self, windows: Windows) -> Windows:
        said = super().__call__(windows)
        nose = windows[:, JOINTS.start + 1] + windows[:, PATH.start + 1]
        seen = (windows[:, CONFIDENCE] > 0).any(1)
        came_down = np.where(seen, nose[:, -1:] - nose, 0.0).max(1) > 0.45
        said[:, FALL] = np.where(came_down, 6.0, -6.0)
        said[:, ACTIONS.index(Behavior.LIE)] = np.where(came_down, 6.0, -6.0)
        return said


def card(threshold: float = 0.8, low: float = 0.5) -> Card:
    """A card for networks that were never trained."""
    point = OperatingPoint(
        threshold=threshold, low=low, budget_per_camera_day=1.0, chosen_on="nothing"
    )
    return Card(
        version="fake",
        sha256="0" * 64,
        operating_points=dict.fromkeys(LEARNED_RISKS, point),
        training=(TrainingSet(name="nothing", licence="none"),),
        architecture="none",
        seed=0,
        command="none",
    )


@dataclass(frozen=True)
class Fakes:
    """Networks for tests, and what recognizers say by them."""

    Says = Says
    Drops = Drops
    card = staticmethod(card)

    @staticmethod
    def recognizer(
        network: Network,
        camera: CloudCameraSettings | None = None,
        *,
        sensitivity: Sensitivity = DEFAULT_SENSITIVITY,
    ) -> LearnedRecognizer:
        return LearnedRecognizer(
            camera or CloudCameraSettings(id="hall"),
            local_time=utc,
            model=Model(network, card()),
            sensitivity=sensitivity,
        )

    @staticmethod
    def watch(
        network: Network,
        observations: Sequence[Observation],
        camera: CloudCameraSettings | None = None,
    ) -> list[Finding]:
        recognizer = Fakes.recognizer(network, camera)
        return [recognizer.observe(observation) for observation in observations]


@pytest.fixture(scope="session")
def fakes() -> Fakes:
    """Networks that were never trained."""
    return Fakes()
