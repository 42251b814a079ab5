"""The room: walls with doors, textures, furniture, lamps and cameras, as a MuJoCo model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mizaru.lab.sim.engine import mujoco
from mizaru.lab.sim.humanoid import HIDDEN_GROUP, ROOM_BIT, Vector
from mizaru.lab.sim.scenario import Furniture, Kind, Scenario, Wall

ROOM_GROUP: Final = 0
_ALL_BITS: Final = 0x3FFFFFFF
_CORRIDOR: Final = 1.6
_THICK: Final = 0.12

_USUAL: Final[dict[Kind, tuple[float, float, float]]] = {
    Kind.BENCH: (1.4, 0.42, 0.46),
    Kind.CHAIR: (0.46, 0.46, 0.46),
    Kind.TABLE: (1.2, 0.7, 0.74),
    Kind.BASIN: (0.6, 0.46, 0.86),
    Kind.BED: (0.95, 2.0, 0.5),
    Kind.SOFA: (1.9, 0.85, 0.44),
    Kind.CABINET: (0.8, 0.4, 1.7),
    Kind.MIRROR: (0.7, 0.03, 0.9),
}
"""Width, depth and height in metres."""
_COLOUR: Final[dict[Kind, tuple[float, float, float]]] = {
    Kind.BENCH: (0.62, 0.45, 0.27),
    Kind.CHAIR: (0.30, 0.38, 0.45),
    Kind.TABLE: (0.70, 0.58, 0.42),
    Kind.BASIN: (0.95, 0.95, 0.95),
    Kind.BED: (0.80, 0.82, 0.86),
    Kind.SOFA: (0.42, 0.46, 0.50),
    Kind.CABINET: (0.66, 0.62, 0.55),
    Kind.MIRROR: (0.62, 0.70, 0.74),
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of furniture as people use it.

    Attributes:
        centre: (x, y) on the floor.
        heading: radians; the side from which it is used.
        width, depth, height: metres; height is of the seat, rim or top.
    """

    name: str
    kind: Kind
    centre: tuple[float, float]
    heading: float
    width: float
    depth: float
    height: float

    @classmethod
    def of(cls, piece: Furniture) -> Piece:
        """From a scenario."""
        width, depth, height = piece.size or _USUAL[piece.kind]
        heading = float(np.deg2rad(piece.heading))
        return cls(piece.name, piece.kind, piece.position, heading, width, depth, height)

    def point(self, forward: float, left: float = 0.0) -> Vector:
        """A point on the floor, `forward` from the centre towards the side of use."""
        c, s = np.cos(self.heading), np.sin(self.heading)
        return np.array(self.centre) + forward * np.array([c, s]) + left * np.array([-s, c])

    @property
    def edge(self) -> float:
        """From the centre to the edge on the side of use; beds are used from a long side."""
        return (self.width if self.kind is Kind.BED else self.depth) / 2


def build_room(scenario: Scenario, *, offscreen_wh: tuple[int, int]) -> mujoco.MjSpec:
    """The room without people, with lamps and cameras."""
    spec = mujoco.MjSpec()
    spec.option.timestep = 0.002
    spec.visual.global_.offwidth, spec.visual.global_.offheight = offscreen_wh
    spec.visual.quality.shadowsize = 1024
    spec.visual.quality.offsamples = 4
    spec.visual.map.znear = 0.01
    spec.visual.map.zfar = 40.0
    spec.stat.extent = 4.0
    spec.stat.center = [*(half / 2 for half in scenario.room.size[:2]), 1.0]
    _Builder(spec, scenario).build()
    return spec


class _Builder:
    def __init__(self, spec: mujoco.MjSpec, scenario: Scenario) -> None:
        self._spec, self._scenario, self._room = spec, scenario, scenario.room
        self._rng = np.random.default_rng([scenario.seed, 0x800])

    def build(self) -> None:
        self._floor()
        for wall in Wall:
            self._wall(wall)
        for piece in self._scenario.furniture:
            self._furnish(piece)
        self._lamps()
        for camera in self._scenario.camera:
            self._camera(
                camera.name, np.array(camera.position), np.array(camera.look_at), camera.fov
            )

    # Surfaces

    def _floor(self) -> None:
        width, depth, height = self._room.size
        spare = _CORRIDOR + 1.0
        material = self._tiles("floor", self._room.floor, self._room.tile, 0.06)
        self._spec.worldbody.add_geom(
            name="floor",
            type=mujoco.mjtGeom.mjGEOM_PLANE,
            pos=[width / 2, depth / 2, 0],
            size=[width / 2 + spare, depth / 2 + spare, 0.1],
            material=material,
            group=ROOM_GROUP,
            contype=ROOM_BIT,
            conaffinity=_ALL_BITS,
            condim=3,
            friction=[0.8, 0.005, 0.0001],
        )
        self._plane(
            "ceiling", np.array([width / 2, depth / 2, height]), np.array([1.0, 0, 0]),
            np.array([0.0, -1, 0]), width / 2, depth / 2, colour=self._room.ceiling,
        )  # fmt: skip

    def _wall(self, wall: Wall) -> None:
        width, depth, height = self._room.size
        origin, along, inward, length = {
            Wall.SOUTH: ((0, 0), (1, 0), (0, 1), width),
            Wall.NORTH: ((width, depth), (-1, 0), (0, -1), width),
            Wall.WEST: ((0, depth), (0, -1), (1, 0), depth),
            Wall.EAST: ((width, 0), (0, 1), (-1, 0), depth),
        }[wall]
        frame = _WallFrame(np.array(origin, float), np.array(along, float), np.array(inward, float))
        # `at` in the file counts along +x or +y; the frame may run the other way.
        flipped = wall in (Wall.NORTH, Wall.WEST)
        doors = sorted(
            (length - d.at if flipped else d.at, d.width, d.height)
            for d in self._room.door
            if d.wall is wall
        )
        start = 0.0
        for number, (at, door_width, door_height) in enumerate(doors):
            low, high = at - door_width / 2, at + door_width / 2
            self._wall_piece(f"{wall}-{number}a", frame, start, low, 0.0, height)
            self._wall_piece(f"{wall}-{number}b", frame, low, high, door_height, height)
            self._corridor(f"{wall}-{number}", frame, low, high, door_height)
            start = high
        self._wall_piece(f"{wall}-end", frame, start, length, 0.0, height)

    def _wall_piece(
        self, name: str, frame: _WallFrame, low: float, high: float, bottom: float, top: float
    ) -> None:
        if high - low < 0.01:
            return
        split = float(np.clip(self._room.tiled_to, bottom, top))
        up = np.array([0.0, 0, 1])
        x = -np.array([*frame.along, 0.0])
        for part, z0, z1 in (("tiles", bottom, split), ("paint", split, top)):
            if z1 - z0 < 0.01:
                continue
            side, contrast = (0.2, 0.05) if part == "tiles" else (0.0, 0.02)
            look = self._tiles(f"wall_{part}", self._room.wall, side, contrast)
            centre = np.array([*frame.at((low + high) / 2), (z0 + z1) / 2])
            self._plane(
                f"wall-{name}-{part}", centre, x, up, (high - low) / 2, (z1 - z0) / 2, material=look
            )
        box = np.array([*frame.at((low + high) / 2, -_THICK / 2), (bottom + top) / 2])
        self._box(
            f"wall-{name}", box, frame.yaw, ((high - low) / 2, _THICK / 2, (top - bottom) / 2),
            (0.7, 0.7, 0.68), group=HIDDEN_GROUP,
        )  # fmt: skip

    def _corridor(self, name: str, frame: _WallFrame, low: float, high: float, top: float) -> None:
        """What is seen through a door: jambs, a lintel, a leaf standing open, a far wall."""
        dark = (0.50, 0.50, 0.47)
        centre = (low + high) / 2
        for side, at in (("l", low), ("r", high)):
            place = np.array([*frame.at(at, -_THICK / 2), top / 2])
            self._box(f"door-{name}-{side}", place, frame.yaw, (0.03, _THICK / 2 + 0.01, top / 2),
                      (0.45, 0.33, 0.22))  # fmt: skip
        place = np.array([*frame.at(centre, -_THICK / 2), top])
        self._box(f"door-{name}-lintel", place, frame.yaw,
                  ((high - low) / 2, _THICK / 2 + 0.01, 0.03), (0.45, 0.33, 0.22))  # fmt: skip
        far = np.array([*frame.at(centre, -_CORRIDOR), 1.4])
        self._plane(f"corridor-{name}", far, -np.array([*frame.along, 0.0]), np.array([0.0, 0, 1]),
                    3.0, 1.4, colour=dark)  # fmt: skip
        leaf = np.array([*frame.at(high + 0.04, -_THICK - 0.45), top / 2])
        self._box(f"door-{name}-leaf", leaf, frame.yaw, (0.02, 0.43, top / 2 - 0.02),
                  (0.55, 0.42, 0.28))  # fmt: skip

    # Furniture

    def _furnish(self, furniture: Furniture) -> None:
        piece = Piece.of(furniture)
        colour = furniture.colour or _COLOUR[piece.kind]
        w, d, h = piece.width, piece.depth, piece.height
        part = _PartMaker(self, piece)
        match piece.kind:
            case Kind.BENCH:
                part("seat", (0, 0, h - 0.025), (d, w, 0.05), colour)
                for y in (-w / 2 + 0.12, w / 2 - 0.12):
                    part(
                        f"leg{y:.0f}", (0, y, h / 2 - 0.03), (d * 0.8, 0.06, h - 0.05), (0.25,) * 3
                    )
            case Kind.CHAIR:
                part("seat", (0, 0, h - 0.02), (d, w, 0.04), colour)
                part("back", (-d / 2 + 0.02, 0, h + 0.24), (0.04, w, 0.42), colour)
                for n, (x, y) in enumerate(((1, 1), (1, -1), (-1, 1), (-1, -1))):
                    part(f"leg{n}", (x * (d / 2 - 0.03), y * (w / 2 - 0.03), h / 2 - 0.02),
                         (0.035, 0.035, h - 0.04), (0.2,) * 3)  # fmt: skip
            case Kind.TABLE:
                part("top", (0, 0, h - 0.02), (d, w, 0.04), colour)
                for n, (x, y) in enumerate(((1, 1), (1, -1), (-1, 1), (-1, -1))):
                    part(f"leg{n}", (x * (d / 2 - 0.05), y * (w / 2 - 0.05), h / 2 - 0.02),
                         (0.05, 0.05, h - 0.04), (0.35, 0.29, 0.21))  # fmt: skip
            case Kind.BASIN:
                part("bowl", (0, 0, h - 0.07), (d, w, 0.14), colour)
                part(
                    "hollow", (0.03, 0, h + 0.001), (d * 0.62, w * 0.72, 0.004), (0.74, 0.77, 0.78)
                )
                part("foot", (-0.05, 0, (h - 0.14) / 2), (0.2, 0.2, h - 0.14), colour)
                part("tap", (-d / 2 + 0.09, 0, h + 0.1), (0.03, 0.03, 0.2), (0.5, 0.52, 0.54))
                part("spout", (-d / 2 + 0.15, 0, h + 0.19), (0.14, 0.025, 0.02), (0.5, 0.52, 0.54))
            case Kind.BED:
                # Used from a long side: the bed's length runs across the heading.
                part("frame", (0, 0, h / 2 - 0.06), (w, d, h - 0.14), (0.45, 0.33, 0.22))
                part("mattress", (0, 0, h - 0.08), (w, d, 0.16), colour)
                part("pillow", (0, d / 2 - 0.22, h + 0.04), (w * 0.7, 0.36, 0.09), (0.95,) * 3)
                part("head", (0, d / 2 + 0.02, h * 0.9), (w, 0.05, h * 1.8), (0.45, 0.33, 0.22))
            case Kind.SOFA:
                part("seat", (0.05, 0, h / 2), (d - 0.1, w, h), colour)
                part("back", (-d / 2 + 0.1, 0, h + 0.2), (0.2, w, 0.45), colour)
                for y in (-1, 1):
                    part(
                        f"arm{y}",
                        (0, y * (w / 2 + 0.08), (h + 0.16) / 2),
                        (d, 0.16, h + 0.16),
                        colour,
                    )
            case Kind.CABINET:
                part("body", (0, 0, h / 2), (d, w, h), colour)
                part("gap", (d / 2 + 0.001, 0, h / 2), (0.004, 0.008, h * 0.94), (0.3, 0.28, 0.25))
            case Kind.MIRROR:
                part("frame", (0, 0, 1.45), (0.02, w + 0.06, h + 0.06), (0.4, 0.4, 0.42))
                self._mirror(piece, colour)

    def _mirror(self, piece: Piece, colour: tuple[float, float, float]) -> None:
        """Glass that shows the room, and whoever is in it, dimly."""
        if self._spec.material("glass") is None:
            self._spec.add_material(name="glass", rgba=[*colour, 1], reflectance=0.35, specular=0.8)
        up = np.array([0.0, 0, 1])
        normal = np.array([np.cos(piece.heading), np.sin(piece.heading), 0.0])
        centre = np.array([*piece.point(0.015), 1.45])
        self._plane(f"{piece.name}-glass", centre, np.cross(up, normal), up,
                    piece.width / 2, piece.height / 2, material="glass")  # fmt: skip

    # Lamps and cameras

    def _lamps(self) -> None:
        head = self._spec.visual.headlight
        head.ambient, head.diffuse, head.specular = [0.42] * 3, [0.18] * 3, [0.0] * 3
        width, depth, height = self._room.size
        lights = [
            (light.position, light.power, light.shadow) for light in self._scenario.light
        ] or [
            ((width / 2, depth / 2, height - 0.1), 1.0, True),
        ]
        for position, power, shadow in lights:
            self._spec.worldbody.add_light(
                pos=position,
                dir=[0, 0, -1],
                diffuse=[0.55 * power / len(lights) ** 0.6] * 3,
                specular=[0.1] * 3,
                cutoff=88.0,
                exponent=0.5,
                castshadow=shadow,
            )

    def _camera(self, name: str, position: Vector, look_at: Vector, fov: float) -> None:
        back = position - look_at
        back /= np.linalg.norm(back)
        up = np.array([0.0, 0, 1]) if abs(back[2]) < 0.999 else np.array([0.0, 1, 0])
        right = np.cross(up, back)
        right /= np.linalg.norm(right)
        self._spec.worldbody.add_camera(
            name=name,
            pos=position,
            quat=_quaternion(np.stack([right, np.cross(back, right), back], axis=1)),
            fovy=fov,
        )

    # Primitives

    def _plane(
        self, name: str, centre: Vector, x: Vector, y: Vector, half_x: float, half_y: float,
        *, material: str | None = None, colour: tuple[float, float, float] = (1, 1, 1),
    ) -> None:  # fmt: skip
        look: dict[str, Any] = {"material": material} if material else {"rgba": [*colour, 1]}
        self._spec.worldbody.add_geom(
            name=name,
            type=mujoco.mjtGeom.mjGEOM_PLANE,
            pos=centre,
            quat=_quaternion(np.stack([x, y, np.cross(x, y)], axis=1)),
            size=[half_x, half_y, 0.1],
            group=ROOM_GROUP,
            contype=0,
            conaffinity=0,
            **look,
        )

    def _box(
        self, name: str, centre: Vector, yaw: float, half: tuple[float, float, float],
        colour: tuple[float, ...], *, group: int = ROOM_GROUP,
    ) -> None:  # fmt: skip
        self._spec.worldbody.add_geom(
            name=name,
            type=mujoco.mjtGeom.mjGEOM_BOX,
            pos=centre,
            quat=[np.cos(yaw / 2), 0, 0, np.sin(yaw / 2)],
            size=half,
            rgba=[*colour, 1],
            group=group,
            contype=ROOM_BIT,
            conaffinity=_ALL_BITS,
            condim=3,
        )

    def _tiles(
        self, name: str, colour: tuple[float, float, float], side: float, contrast: float
    ) -> str:
        """Name of a material: tiles of a side in metres with grout, or mottled paint."""
        if self._spec.material(name) is None:
            count, pixels = 4, 64
            image = np.ones((count * pixels, count * pixels, 3)) * colour
            shade = self._rng.normal(0, contrast / 2, (count, count, 1))
            if side:
                image += shade.repeat(pixels, 0).repeat(pixels, 1)
            image += self._rng.normal(0, 0.008, (*image.shape[:2], 1))
            if side:
                grout = 2
                for k in range(count):
                    image[k * pixels : k * pixels + grout] *= 0.78
                    image[:, k * pixels : k * pixels + grout] *= 0.78
            repeat = 1.0 / (count * (side or 0.5))
            self._texture(name, (np.clip(image, 0, 1) * 255).astype(np.uint8), repeat)
        return name

    def _texture(self, name: str, image: npt.NDArray[np.uint8], repeat: float) -> None:
        texture = self._spec.add_texture(
            name=name,
            type=mujoco.mjtTexture.mjTEXTURE_2D,
            width=image.shape[1],
            height=image.shape[0],
            nchannel=3,
        )
        texture.data = image.tobytes()
        material = self._spec.add_material(
            name=name, texrepeat=[repeat, repeat], texuniform=True, specular=0.05
        )
        material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = name


@dataclass(frozen=True, slots=True, eq=False)
class _WallFrame:
    """A wall's line on the floor: origin, direction along, direction into the room."""

    origin: Vector
    along: Vector
    inward: Vector

    def at(self, along: float, inward: float = 0.0) -> Vector:
        return np.asarray(self.origin + along * self.along + inward * self.inward)

    @property
    def yaw(self) -> float:
        return float(np.arctan2(self.along[1], self.along[0]))


class _PartMaker:
    """Boxes in a piece's frame: x towards the side of use, y to its left, z up."""

    def __init__(self, builder: _Builder, piece: Piece) -> None:
        self._builder, self._piece = builder, piece

    def __call__(
        self, name: str, centre: tuple[float, float, float], size: tuple[float, float, float],
        colour: tuple[float, ...],
    ) -> None:  # fmt: skip
        piece = self._piece
        place = np.array([*piece.point(centre[0], centre[1]), centre[2]])
        half = (size[0] / 2, size[1] / 2, size[2] / 2)
        self._builder._box(f"{piece.name}-{name}", place, piece.heading, half, colour)


def _quaternion(axes: Vector) -> Vector:
    quat = np.zeros(4)
    mujoco.mju_mat2Quat(quat, np.ascontiguousarray(axes).ravel())
    return quat
