"""A person's body: the CMU humanoid with own proportions, clothes, hair and face.

The skeleton is dm_control's ``humanoid_CMU_V2020.xml`` (Apache-2.0), read from the installed
package. Its capsules carry mass and collide but are not shown; what is shown are ellipsoids
and tapered limbs without mass. Frames of the skeleton: x left, y up, z forward for trunk and
head; a limb's bone points along -y. Hidden geoms are in group 3, shown ones in group 1.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mizaru.errors import SimError
from mizaru.lab.sim.engine import mujoco
from mizaru.lab.sim.identity import RGB, Hair, Identity
from mizaru.lab.sim.taint import taint_pattern

Vector = npt.NDArray[np.float64]

SHOWN_GROUP: Final = 1
HIDDEN_GROUP: Final = 3
SIDES: Final = ("l", "r")
OUTWARD: Final = (1.0, -1.0)
"""Sign of x away from the body, per side."""
ROOM_BIT: Final = 1
"""Collision bit of everything that is not a person."""
SOLE: Final = 0.058
"""Height of the ankle over a flat sole, metres, before scaling."""

_LEG_BODIES: Final = ("tibia", "foot")
_ARM_BODIES: Final = ("radius", "wrist")
_TRUNK_BODIES: Final = ("lowerback", "upperback", "thorax", "lowerneck", "upperneck", "head")


def humanoid_xml() -> str:
    """Path of the CMU humanoid in the installed dm_control."""
    try:
        file = files("dm_control") / "locomotion/walkers/assets/humanoid_CMU_V2020.xml"
    except ModuleNotFoundError:
        raise SimError("the sim needs dm_control: pip install 'mizaru[lab]'") from None
    return str(file)


def build_humanoid(
    identity: Identity, *, person_bit: int, taint_seed: int | None = None, dressed: bool = True
) -> mujoco.MjSpec:
    """A person ready to be attached to a room.

    Args:
        identity: who.
        person_bit: collision bit of this person, a power of two > `ROOM_BIT`; a person does
            not collide with itself.
        taint_seed: paint the taint pattern instead of skin and clothes.
        dressed: False for a body that only moves and is never shown.
    """
    spec = mujoco.MjSpec.from_file(humanoid_xml())
    spec.modelname = f"person_{identity.seed}"
    spec.njmax = spec.nconmax = -1
    for element in (*spec.actuators, *spec.sensors, *spec.cameras, *spec.lights):
        spec.delete(element)
    _scale(spec, identity)
    for geom in spec.geoms:
        geom.group = HIDDEN_GROUP
        geom.contype = person_bit
        geom.conaffinity = ~person_bit & 0x3FFFFFFF
        geom.margin = 0.004
        geom.condim = 3
    if dressed:
        _Tailor(spec, identity, taint_seed).dress()
    spec.body("root").add_freejoint()
    return spec


def _scale(spec: mujoco.MjSpec, identity: Identity) -> None:
    p = identity.proportions
    for body in spec.bodies:
        if body.name == "world":
            continue
        factor = np.full(3, p.height)
        if body.name[1:] in _LEG_BODIES:
            factor *= p.legs
        elif body.name[1:] in _ARM_BODIES:
            factor *= p.arms
        elif body.name in _TRUNK_BODIES or body.name.endswith("clavicle"):
            factor *= p.torso
        elif body.name.endswith("humerus"):
            factor *= (0.93 * p.shoulders, 0.8, 1.0)
        elif body.name.endswith("femur"):
            factor[0] *= p.hips
        body.pos = np.asarray(body.pos) * factor
        for geom in body.geoms:
            size, pos = np.array(geom.size), np.array(geom.pos)
            length = p.height
            if body.name[1:] in ("femur", "tibia"):
                length *= p.legs
            elif body.name[1:] in ("humerus", "radius"):
                length *= p.arms
            slim = not body.name[1:].startswith(("hand", "finger", "thumb", "ead"))
            size[0] *= p.height * (p.girth if slim else 1.0)
            size[1:] *= length
            geom.size, geom.pos = size, pos * length
        for site in body.sites:
            site.pos = np.asarray(site.pos) * p.height


class _Tailor:
    """Adds what is seen of a person."""

    def __init__(self, spec: mujoco.MjSpec, identity: Identity, taint_seed: int | None) -> None:
        self._spec, self._identity = spec, identity
        self._h, self._g = identity.proportions.height, identity.proportions.girth
        c = identity.colours
        texture = None if taint_seed is None else self._taint(taint_seed)
        for name, colour in (
            ("skin", c.skin), ("hair", c.hair), ("shirt", c.shirt), ("trousers", c.trousers),
            ("shoes", c.shoes), ("iris", c.iris), ("lips", c.lips), ("white", (0.93, 0.93, 0.9)),
        ):  # fmt: skip
            self._material(name, colour, texture)

    def dress(self) -> None:
        """Trunk, limbs, hands, head."""
        self._trunk()
        for side, out in zip(SIDES, OUTWARD, strict=True):
            self._leg(side)
            self._arm(side, out)
        self._head()
        self._props()

    def _taint(self, taint_seed: int) -> str:
        pattern = taint_pattern(taint_seed, self._identity.seed)
        side = pattern.shape[0]
        texture = self._spec.add_texture(
            name="taint",
            type=mujoco.mjtTexture.mjTEXTURE_CUBE,
            width=side,
            height=6 * side,
            nchannel=3,
        )
        texture.data = np.concatenate([pattern] * 6).tobytes()
        return "taint"

    def _material(self, name: str, colour: RGB, texture: str | None) -> None:
        material = self._spec.add_material(
            name=name,
            rgba=[*((1.0, 1.0, 1.0) if texture else colour), 1.0],
            specular=0.15 if name in ("shoes", "hair", "iris") else 0.04,
            shininess=0.3,
        )
        if texture:
            material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = texture

    def _shown(self, body: str, material: str, **arguments: Any) -> None:
        self._spec.body(body).add_geom(
            material=material,
            group=SHOWN_GROUP,
            contype=0,
            conaffinity=0,
            mass=0.0,
            **arguments,
        )

    def _ellipsoid(
        self, body: str, material: str, pos: Iterable[float], radii: Iterable[float]
    ) -> None:
        """Centre and radii in metres of the unscaled body."""
        self._shown(
            body,
            material,
            type=mujoco.mjtGeom.mjGEOM_ELLIPSOID,
            pos=np.array([*pos]) * self._h,
            size=np.array([*radii]) * self._h,
        )

    def _hull(self, body: str, material: str, points: Vector) -> None:
        """Convex hull of points in the body's frame, metres, already scaled."""
        mesh = f"{body}_{material}_{len(self._spec.meshes)}"
        self._spec.add_mesh(
            name=mesh,
            uservert=points.ravel().tolist(),
            inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL,
            smoothnormal=1,
        )
        self._shown(body, material, type=mujoco.mjtGeom.mjGEOM_MESH, meshname=mesh)

    def _tapered(
        self, body: str, material: str, ends: tuple[float, float], radii: tuple[float, float]
    ) -> None:
        """A limb along -y between two depths, with a ball of the given radius at each end."""
        ball = _sphere_points(9, 14)
        points = [ball * radius + (0.0, -end, 0.0) for end, radius in zip(ends, radii, strict=True)]
        self._hull(body, material, np.concatenate(points))

    def _trunk(self) -> None:
        g, p = self._g, self._identity.proportions
        wide, deep = g * p.hips, g
        shoulders = g * p.shoulders
        t = p.torso
        self._ellipsoid(
            "root", "trousers", (0, -0.035, -0.005), (0.165 * wide, 0.115, 0.118 * deep)
        )
        self._ellipsoid(
            "lowerback", "shirt", (0, 0.06 * t, 0.0), (0.155 * wide, 0.19, 0.113 * deep)
        )
        self._ellipsoid("upperback", "shirt", (0, 0.05 * t, 0.003), (0.155 * g, 0.2, 0.115 * deep))
        self._ellipsoid(
            "thorax", "shirt", (0, 0.07 * t, 0.008), (0.172 * shoulders, 0.185, 0.12 * deep)
        )
        self._ellipsoid("thorax", "shirt", (0, 0.16 * t, 0.0), (0.17 * shoulders, 0.075, 0.085))
        self._shown(
            "upperneck",
            "skin",
            type=mujoco.mjtGeom.mjGEOM_CAPSULE,
            fromto=np.array([0, -0.06, -0.01, 0, 0.11, 0.0]) * self._h,
            size=[0.052 * self._h, 0, 0],
        )

    def _leg(self, side: str) -> None:
        h, g, legs = self._h, self._g, self._identity.proportions.legs
        thigh, shin = 0.405 * h * legs, 0.416 * h * legs
        self._tapered(f"{side}femur", "trousers", (-0.01, thigh), (0.092 * h * g, 0.062 * h * g))
        self._tapered(
            f"{side}tibia", "trousers", (0.0, shin - 0.035), (0.063 * h * g, 0.048 * h * g)
        )
        self._ellipsoid(
            f"{side}tibia", "trousers", (0, -0.12 * legs, -0.018), (0.055 * g, 0.12, 0.055 * g)
        )
        sole, ankle = -SOLE, 0.03
        heel = [(x, 0.075, z) for x in (-0.032, 0.032) for z in (sole, -0.01)]
        ball = [(x, -0.13, z) for x in (-0.045, 0.045) for z in (sole, -0.03)]
        tip = [(x, -0.195, z) for x in (-0.028, 0.028) for z in (sole, -0.043)]
        top = [(x, y, ankle) for x in (-0.035, 0.035) for y in (0.045, -0.035)]
        self._hull(f"{side}foot", "shoes", np.array(heel + ball + tip + top) * h)

    def _arm(self, side: str, out: float) -> None:
        h, g, arms = self._h, self._g, self._identity.proportions.arms
        upper, fore = 0.277 * h * arms, 0.1815 * h * arms
        long = self._identity.face.long_sleeves
        self._tapered(
            f"{side}humerus", "shirt", (0.0, upper * (1.0 if long else 0.6)),
            (0.056 * h * g, (0.046 if long else 0.05) * h * g),
        )  # fmt: skip
        self._tapered(f"{side}humerus", "skin", (0.1, upper), (0.044 * h * g, 0.042 * h * g))
        self._tapered(
            f"{side}radius", "shirt" if long else "skin", (0.0, fore + 0.03 * h),
            ((0.046 if long else 0.042) * h * g, (0.036 if long else 0.029) * h * g),
        )  # fmt: skip
        self._tapered(f"{side}wrist", "skin", (0.0, 0.08 * h), (0.028 * h, 0.026 * h))
        for body in (f"{side}hand", f"{side}fingers", f"{side}thumb"):
            for geom in self._spec.body(body).geoms:
                geom.group = SHOWN_GROUP
                geom.material = "skin"
        self._ellipsoid(f"{side}clavicle", "shirt", (0.13 * out, 0.062, 0.005), (0.075, 0.05, 0.06))

    def _head(self) -> None:
        f = self._identity.face
        w, t = f.skull_width, f.skull_height
        front = 0.104
        self._ellipsoid("head", "skin", (0, 0.06, 0.012), (0.078 * w, 0.108 * t, 0.097))
        self._ellipsoid("head", "skin", (0, 0.0, 0.038), (0.056 * w * f.jaw, 0.066, 0.06 * f.jaw))
        for out in OUTWARD:
            x = 0.033 * f.eye_spacing * out
            self._ellipsoid(
                "head", "white", (x, 0.055, front - 0.014), (0.016 * f.eye_size, 0.011, 0.012)
            )
            self._ellipsoid("head", "iris", (x, 0.055, front - 0.004), (0.0075, 0.0085, 0.005))
            self._ellipsoid(
                "head", "hair", (x * 1.08, 0.079 * f.brow_height, front - 0.008),
                (0.02, 0.0055, 0.008),
            )  # fmt: skip
            self._ellipsoid(
                "head", "skin", (0.08 * w * out, 0.045, 0.005),
                (0.011, 0.03 * f.ear_size, 0.018 * f.ear_size),
            )  # fmt: skip
        self._ellipsoid(
            "head", "skin", (0, 0.033, front + 0.006),
            (0.013 * f.nose_width, 0.025, 0.02 * f.nose_length),
        )  # fmt: skip
        self._ellipsoid(
            "head", "lips", (0, -0.013, front - 0.009), (0.025 * f.mouth_width, 0.008, 0.01)
        )
        self._hair(f.hair, w, t)

    def _hair(self, hair: Hair, w: float, t: float) -> None:
        if hair is Hair.THINNING:
            for out in OUTWARD:
                self._ellipsoid("head", "hair", (0.05 * w * out, 0.065, -0.03), (0.034, 0.05, 0.06))
            self._ellipsoid("head", "hair", (0, 0.06, -0.045), (0.06 * w, 0.055, 0.05))
            return
        self._ellipsoid("head", "hair", (0, 0.094, -0.008), (0.086 * w, 0.088 * t, 0.102))
        self._ellipsoid("head", "hair", (0, 0.045, -0.035), (0.08 * w, 0.085, 0.075))
        if hair is Hair.LONG:
            self._ellipsoid("head", "hair", (0, -0.02, -0.055), (0.085 * w, 0.14, 0.05))
        elif hair is Hair.BUN:
            self._ellipsoid("head", "hair", (0, 0.12, -0.105), (0.042, 0.042, 0.04))

    def _props(self) -> None:
        """Things a right hand may hold; hidden until the motion shows them."""
        things: tuple[tuple[str, tuple[float, ...], tuple[float, ...], float], ...] = (
            ("cup", (0, -0.03, -0.06), (0.032, 0.032, 0.045), 0.92),
            ("phone", (0, -0.03, -0.04), (0.036, 0.075, 0.006), 0.05),
            ("cigarette", (0, -0.09, -0.05), (0.005, 0.005, 0.045), 0.95),
        )
        for name, pos, size, grey in things:
            self._spec.body("rhand").add_geom(
                name=name, type=mujoco.mjtGeom.mjGEOM_BOX, pos=pos, size=size,
                rgba=[grey, grey, grey, 1], group=HIDDEN_GROUP, contype=0, conaffinity=0, mass=0.0,
            )  # fmt: skip


def _sphere_points(rings: int, segments: int) -> Vector:
    """Points of a unit sphere, shape (rings · segments, 3)."""
    theta = np.linspace(0.12, np.pi - 0.12, rings)
    phi = np.linspace(0, 2 * np.pi, segments, endpoint=False)
    t, f = np.meshgrid(theta, phi, indexing="ij")
    return np.stack([np.sin(t) * np.cos(f), np.cos(t), np.sin(t) * np.sin(f)], -1).reshape(-1, 3)
