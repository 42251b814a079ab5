"""Rooms to look into: drawn colours and light, a camera that hangs in them, and their plate.

The plate is the empty room rendered by the sim through the very camera that sees the people,
with what a real plate has: tiles that nobody has vouched for yet, or none at all.

Wraps what MuJoCo's OpenGL back ends raise when off-screen rendering is not possible.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from mizaru.errors import SimError
from mizaru.lab.motion import Motion
from mizaru.lab.seeing.eye import Eye
from mizaru.lab.sim.scenario import Furniture, Light, Room, Scenario
from mizaru.proxy import UNKNOWN_RGB

Image = npt.NDArray[np.uint8]
Rng = np.random.Generator

PLATE_PX: Final = 96
"""Height of a plate."""
_TRIES: Final = 24
_INSIDE_M: Final = 0.15
"""A camera is this far from the walls."""
_TILES: Final = 22
"""Of a plate's height: as the darkroom's are, 8 pixels of about 180."""
_NO_PLATE: Final = 0.06
_UNKNOWN: Final = 0.45
"""Share of plates that know no room at all, and of those that do not know parts of it."""


def dress(scenario: Scenario, rng: Rng) -> Scenario:
    """The same scene in a room of other colours under other lamps."""
    room = scenario.room
    tile = float(rng.choice((0.0, 0.3, 0.45, 0.6)))
    tiled = float(rng.choice((0.0, 0.0, 1.2, 2.0)))
    dressed = replace(
        room,
        floor=_colour(rng, 0.15, 0.75),
        wall=_colour(rng, 0.45, 0.95),
        ceiling=_colour(rng, 0.7, 0.95),
        tile=tile,
        tiled_to=tiled,
    )
    return replace(
        scenario,
        room=dressed,
        furniture=tuple(_painted(piece, rng) for piece in scenario.furniture),
        light=_lamps(room, rng),
    )


def hang(motion: Motion, scenario: Scenario, rng: Rng) -> Eye:
    """A camera such as `Eye.draw` gives, inside the walls: outside there is no picture."""
    width, depth, height = scenario.room.size
    low = np.full(3, _INSIDE_M)
    high = np.array((width, depth, height)) - _INSIDE_M
    for _ in range(_TRIES):
        eye = Eye.draw(rng, motion)
        if (eye.place > low).all() and (eye.place < high).all():
            return eye
    # Nearer, then, and turned as it was.
    return Eye(np.clip(eye.place, low, high), eye.axes, eye.focal, eye.aspect, eye.height_px)


def render_plate(scenario: Scenario, eye: Eye) -> Image:
    """The room without people, shape (`PLATE_PX`, w, 3) uint8 RGB.

    Raises:
        SimError: this machine cannot render off-screen.
    """
    from mizaru.lab.sim.engine import mujoco
    from mizaru.lab.sim.room import build_room

    size_wh = (round(PLATE_PX * eye.aspect), PLATE_PX)
    spec = build_room(scenario, offscreen_wh=size_wh)
    turned = np.zeros(4)
    # MuJoCo's cameras look along -z with y up.
    axes = np.stack([eye.axes[0], -eye.axes[1], -eye.axes[2]], axis=1)
    mujoco.mju_mat2Quat(turned, np.ascontiguousarray(axes).ravel())
    spec.worldbody.add_camera(
        name="eye",
        pos=eye.place,
        quat=turned,
        fovy=math.degrees(2 * math.atan(0.5 / eye.focal)),
    )
    model = spec.compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    try:
        renderer = mujoco.Renderer(model, size_wh[1], size_wh[0])
    except Exception as error:  # every OpenGL back end raises its own kinds
        raise SimError(
            f"cannot render off-screen: {error}; install OSMesa: apt-get install libosmesa6"
        ) from error
    with renderer:
        renderer.update_scene(data, camera="eye")
        return np.array(renderer.render(), np.uint8)


def as_published(plate: Image, rng: Rng) -> Image | None:
    """The plate as far as a darkroom would know it; None: not published yet."""
    if rng.random() < _NO_PLATE:
        return None
    if rng.random() >= _UNKNOWN:
        return plate
    height, width = plate.shape[:2]
    rows, columns = _TILES, round(_TILES * width / height)
    unknown = np.zeros((rows, columns), bool)
    for _ in range(int(rng.integers(1, 4))):
        tall = int(rng.integers(2, rows // 2))
        wide = int(rng.integers(2, columns // 3))
        top = int(rng.integers(0, rows - tall))
        left = int(rng.integers(0, columns - wide))
        unknown[top : top + tall, left : left + wide] = True
    y = np.arange(height) * rows // height
    x = np.arange(width) * columns // width
    known = plate.copy()
    known[unknown[y][:, x]] = UNKNOWN_RGB
    return known


def _colour(rng: Rng, low: float, high: float) -> tuple[float, float, float]:
    tint = rng.normal(0.0, 0.06, 3)
    r, g, b = np.clip(rng.uniform(low, high) + tint, 0.02, 0.98).tolist()
    return r, g, b


def _painted(piece: Furniture, rng: Rng) -> Furniture:
    return replace(piece, colour=_colour(rng, 0.15, 0.95)) if rng.random() < 0.7 else piece


def _lamps(room: Room, rng: Rng) -> tuple[Light, ...]:
    width, depth, height = room.size
    return tuple(
        Light(
            position=(
                float(rng.uniform(0.2, 0.8) * width),
                float(rng.uniform(0.2, 0.8) * depth),
                height - 0.1,
            ),
            power=float(rng.uniform(0.5, 1.6)),
            shadow=bool(rng.random() < 0.5),
        )
        for _ in range(int(rng.integers(1, 4)))
    )
