"""Exact ground truth of a frame: who, where, in what posture, doing what, touching what."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Struct

from mizaru.errors import SimError
from mizaru.lab.sim.actor import Actor
from mizaru.lab.sim.engine import mujoco
from mizaru.lab.sim.humanoid import HIDDEN_GROUP, SHOWN_GROUP, Vector
from mizaru.lab.sim.kinematics import PLACES
from mizaru.lab.sim.scenario import Scenario, Zone
from mizaru.vocabulary import COCO17, Behavior

VISIBLE_SHARE: Final = 0.003
"""Somebody counts as seen from this share of the image's pixels on."""
OUTSIDE, HIDDEN, VISIBLE = 0, 1, 2
"""COCO's visibility flags."""
CONTACT_MARGIN: Final = 0.012
"""Closer than this, metres, is contact."""

_DEPTH: Final = {"shoulder": 0.15, "hip": 0.17, "ear": 0.035, "eye": 0.03, "nose": 0.04}
"""How deep a keypoint may lie under its own skin, metres; 0.11 for the rest."""

_PARTS: Final = {
    "foot": "foot", "toes": "foot", "tibia": "shin", "femur": "thigh", "hipjoint": "thigh",
    "humerus": "upper_arm", "radius": "forearm", "wrist": "forearm", "hand": "hand",
    "fingers": "hand", "thumb": "hand", "clavicle": "shoulder",
}  # fmt: skip


class SubjectTruth(Struct, frozen=True):
    """One person in one frame.

    Attributes:
        name: in the scenario.
        identity: seed of the identity.
        in_view: seen by this camera at all (see `VISIBLE_SHARE`).
        behavior: what the motion is.
        situations: what zones, time and number make of it: intrude, loiter.
        box: x0, y0, x1, y1 of the visible pixels, fractions of width and height, or None.
        pixels: visible pixels.
        keypoints: 17 rows in the order of `COCO17`: u, v (normalised, may leave [0, 1]) and
            visibility: 2 visible, 1 hidden, 0 outside the image.
        joints: the same 17 points in the world, metres (x, y, z up).
        contacts: ``part:thing`` pairs such as ``left_foot:floor``, sorted.
    """

    name: str
    identity: int
    in_view: bool
    behavior: Behavior
    situations: tuple[Behavior, ...]
    box: tuple[float, float, float, float] | None
    pixels: int
    keypoints: tuple[tuple[float, float, int], ...]
    joints: tuple[tuple[float, float, float], ...]
    contacts: tuple[str, ...]


class FrameTruth(Struct, frozen=True, omit_defaults=True):
    """One frame.

    Attributes:
        frame_id: from 0.
        t_s: seconds since the scenario began.
        count: people in view.
        scene: behaviours of the scene as a whole: crowd.
        subjects: everybody of the scenario, in its order, in view or not.
        mask: shape (H, W) uint8: 0 nobody, k the k-th subject (from 1). Not in the file.
    """

    frame_id: int
    t_s: float
    count: int
    scene: tuple[Behavior, ...]
    subjects: tuple[SubjectTruth, ...]
    mask: np.ndarray | None = None


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(FrameTruth)


def encode_truth(truth: FrameTruth) -> bytes:
    """One JSON line, without the mask."""
    return _encoder.encode(msgspec.structs.replace(truth, mask=None)) + b"\n"


def read_truth(file: Path) -> Iterator[FrameTruth]:
    """The frames of a ``.truth.jsonl`` file, or of a ``.truth.jsonl.gz``; raises `SimError`."""
    try:
        data = file.read_bytes()
        lines = (gzip.decompress(data) if file.suffix == ".gz" else data).splitlines()
    except OSError as error:
        raise SimError(f"{file}: cannot be read: {error.strerror or error}") from None
    for number, line in enumerate(lines, start=1):
        try:
            yield _decoder.decode(line)
        except msgspec.DecodeError as error:
            raise SimError(f"{file}:{number}: not a frame's truth: {error}") from None


class Observer:
    """Reads the truth of one camera's view off the simulated world.

    Args:
        model: the whole scene.
        camera: name of the camera.
        size_wh: of the image, pixels.
        actors: in the scenario's order; bodies of actor k carry the prefix ``p{k}/``.
    """

    def __init__(
        self, model: mujoco.MjModel, scenario: Scenario, camera: str, size_wh: tuple[int, int],
        actors: Sequence[Actor],
    ) -> None:  # fmt: skip
        self._model, self._scenario, self._actors = model, scenario, actors
        self._camera = model.camera(camera).id
        self._size_wh = size_wh
        self._owner = _owners(model)
        self._body = np.array(
            [[model.body(f"p{k}/{PLACES[name][0]}").id for name in COCO17.keypoints]
             for k in range(len(actors))], dtype=int,
        ).reshape(len(actors), len(COCO17.keypoints))  # fmt: skip
        offsets = np.array([PLACES[name][1] for name in COCO17.keypoints])
        self._offset = [offsets * actor.skeleton.height for actor in actors]
        self._groups = np.array([1, 1, 1, 0, 0, 0], dtype=np.uint8)
        assert self._groups[SHOWN_GROUP]
        assert not self._groups[HIDDEN_GROUP]
        self._inside_since: dict[tuple[str, str], float] = {}

    def mask(self, segmentation: npt.NDArray[np.int32]) -> npt.NDArray[np.uint8]:
        """Instance mask from MuJoCo's segmentation image (geom ids, object types)."""
        ids = segmentation[..., 0]
        owner = self._owner[np.clip(ids, 0, None)]
        geoms = segmentation[..., 1] == int(mujoco.mjtObj.mjOBJ_GEOM)
        return np.where(geoms & (ids >= 0), owner, 0).astype(np.uint8)

    def observe(
        self, data: mujoco.MjData, frame_id: int, t_s: float, mask: npt.NDArray[np.uint8]
    ) -> FrameTruth:
        """The truth of the frame whose positions are in `data`."""
        contacts = self._contacts(data)
        subjects = []
        for k, actor in enumerate(self._actors):
            rows, columns = np.nonzero(mask == k + 1)
            height, width = mask.shape
            in_view = len(rows) >= VISIBLE_SHARE * mask.size
            box = None
            if len(rows):
                box = (
                    _short(columns.min() / width), _short(rows.min() / height),
                    _short((columns.max() + 1) / width), _short((rows.max() + 1) / height),
                )  # fmt: skip
            joints = self.joints(data, k)
            subjects.append(
                SubjectTruth(
                    name=actor.name,
                    identity=actor.identity.seed,
                    in_view=in_view,
                    behavior=actor.behavior,
                    situations=self._situations(actor, t_s),
                    box=box,
                    pixels=len(rows),
                    keypoints=self._keypoints(data, k, joints),
                    joints=tuple((_short(x), _short(y), _short(z)) for x, y, z in joints),
                    contacts=tuple(sorted(contacts.get(k + 1, ()))),
                )
            )
        count = sum(subject.in_view for subject in subjects)
        crowd = (Behavior.CROWD,) if count >= self._scenario.crowd else ()
        return FrameTruth(frame_id, round(t_s, 4), count, crowd, tuple(subjects), mask)

    def joints(self, data: mujoco.MjData, k: int) -> Vector:
        """COCO keypoints of actor k in the world, shape (17, 3), metres."""
        rotation = data.xmat[self._body[k]].reshape(-1, 3, 3)
        moved = np.einsum("kij,kj->ki", rotation, self._offset[k])
        return np.asarray(data.xpos[self._body[k]] + moved)

    def project(self, data: mujoco.MjData, points: Vector) -> Vector:
        """Normalised image coordinates and depth in metres, shape (K, 3)."""
        axes = data.cam_xmat[self._camera].reshape(3, 3)
        local = (points - data.cam_xpos[self._camera]) @ axes
        depth = np.maximum(-local[:, 2], 1e-6)
        width, height = self._size_wh
        focal = 0.5 / np.tan(np.deg2rad(self._model.cam_fovy[self._camera]) / 2)
        u = 0.5 + focal * local[:, 0] / depth * height / width
        v = 0.5 - focal * local[:, 1] / depth
        return np.stack([u, v, -local[:, 2]], axis=1)

    def _keypoints(
        self, data: mujoco.MjData, k: int, joints: Vector
    ) -> tuple[tuple[float, float, int], ...]:
        eye = data.cam_xpos[self._camera]
        found = []
        for name, joint, (u, v, depth) in zip(
            COCO17.keypoints, joints, self.project(data, joints), strict=True
        ):
            if not (0 <= u < 1 and 0 <= v < 1 and depth > 0):
                found.append((_short(u), _short(v), OUTSIDE))
                continue
            ray = joint - eye
            length = float(np.linalg.norm(ray))
            hit = np.full(1, -1, dtype=np.int32)
            distance = mujoco.mj_ray(self._model, data, eye, ray / length, self._groups, 1, -1, hit)
            under_skin = _DEPTH.get(name.rsplit("_", 1)[-1], 0.11)
            own = hit[0] >= 0 and self._owner[hit[0]] == k + 1
            clear = distance < 0 or distance > length + 0.02 or (
                own and distance > length - under_skin
            )  # fmt: skip
            found.append((_short(u), _short(v), VISIBLE if clear else HIDDEN))
        return tuple(found)

    def _contacts(self, data: mujoco.MjData) -> dict[int, set[str]]:
        found: dict[int, set[str]] = {}
        if not data.ncon:
            return found
        near = data.contact.dist < CONTACT_MARGIN
        for first, second in data.contact.geom[near]:
            for mine, other in ((first, second), (second, first)):
                owner = int(self._owner[mine])
                if owner and owner != self._owner[other]:
                    pair = f"{self._part(mine)}:{self._thing(other)}"
                    found.setdefault(owner, set()).add(pair)
        return found

    def _part(self, geom: int) -> str:
        body = self._model.body(int(self._model.geom_bodyid[geom])).name.partition("/")[2]
        if body[1:] in _PARTS and body[0] in "lr":
            return f"{'left' if body[0] == 'l' else 'right'}_{_PARTS[body[1:]]}"
        if body in ("head", "upperneck", "lowerneck"):
            return "head"
        return "pelvis" if body == "root" else "trunk"

    def _thing(self, geom: int) -> str:
        if owner := int(self._owner[geom]):
            return self._actors[owner - 1].name
        name: str = self._model.geom(int(geom)).name
        return (
            name.partition("-")[0] if name.startswith("wall") else name.rpartition("-")[0] or name
        )

    def _situations(self, actor: Actor, t_s: float) -> tuple[Behavior, ...]:
        found: list[Behavior] = []
        for zone in self._scenario.zone:
            key = (actor.name, zone.name)
            if not _inside(zone, actor.xy):
                self._inside_since.pop(key, None)
                continue
            since = self._inside_since.setdefault(key, t_s)
            behavior = Behavior(zone.meaning)
            if t_s - since >= zone.after_s and behavior not in found:
                found.append(behavior)
        return tuple(found)


def _owners(model: mujoco.MjModel) -> npt.NDArray[np.uint8]:
    """For each geom 0 (the room) or k + 1 (actor k)."""
    names: Iterable[str] = (
        model.body(int(model.body_rootid[body])).name for body in model.geom_bodyid
    )
    return np.array(
        [int(name[1 : name.index("/")]) + 1 if "/" in name else 0 for name in names], dtype=np.uint8
    )


def _inside(zone: Zone, point: Vector) -> bool:
    """Even-odd rule."""
    inside, corners = False, zone.polygon
    for (x0, y0), (x1, y1) in zip(corners, (*corners[1:], corners[0]), strict=True):
        if (y0 > point[1]) != (y1 > point[1]):
            inside ^= bool(point[0] < x0 + (point[1] - y0) / (y1 - y0) * (x1 - x0))
    return inside


def _short(value: float) -> float:
    return round(float(value), 4)
