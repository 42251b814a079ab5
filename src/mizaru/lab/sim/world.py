"""The simulated world and its pictures: `render` yields frames with their truth.

Wraps what MuJoCo's OpenGL back ends raise when off-screen rendering is not possible.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mizaru.errors import SimError
from mizaru.lab.sim.engine import mujoco
from mizaru.lab.sim.humanoid import HIDDEN_GROUP, SHOWN_GROUP, build_humanoid
from mizaru.lab.sim.identity import draw_identity
from mizaru.lab.sim.play import Play
from mizaru.lab.sim.room import build_room
from mizaru.lab.sim.scenario import Scenario
from mizaru.lab.sim.taint import Appearance
from mizaru.lab.sim.truth import CONTACT_MARGIN, FrameTruth, Observer

Image = npt.NDArray[np.uint8]
_PROPS: Final = ("cup", "phone", "cigarette")


class World(Play):
    """A scenario in motion, dressed and lit to be looked at.

    Args:
        seed: of falls and idle movement; identities have their own.
        fps: steps per second.
    """

    def __init__(
        self, scenario: Scenario, *, seed: int, fps: float, size_wh: tuple[int, int],
        appearance: Appearance,
    ) -> None:  # fmt: skip
        super().__init__(scenario, seed=seed, fps=fps)
        scene = build_room(scenario, offscreen_wh=size_wh)
        for k, person in enumerate(scenario.person):
            body = build_humanoid(
                draw_identity(person.identity, person.age, person.clothes),
                person_bit=2 << k,
                taint_seed=appearance.taint_seed,
            )
            scene.attach(body, prefix=f"p{k}/", frame=scene.worldbody.add_frame())
        self.model = scene.compile()
        self.model.geom_margin[:] = CONTACT_MARGIN
        self.data = mujoco.MjData(self.model)
        self._prop_geoms = {
            (k, prop): self.model.geom(f"p{k}/{prop}").id
            for k in range(len(scenario.person))
            for prop in _PROPS
        }
        self._place()

    def advance(self) -> None:
        """One frame later."""
        super().advance()
        self._place()

    def _place(self) -> None:
        count = 0
        for k, actor in enumerate(self.actors.values()):
            self.data.qpos[count : count + len(actor.qpos)] = actor.qpos
            count += len(actor.qpos)
            for prop in _PROPS:
                shown = actor.prop == prop
                group = SHOWN_GROUP if shown else HIDDEN_GROUP
                self.model.geom_group[self._prop_geoms[k, prop]] = group
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_comPos(self.model, self.data)
        mujoco.mj_camlight(self.model, self.data)
        mujoco.mj_collision(self.model, self.data)


def render(
    scenario: Scenario,
    *,
    camera: str | None = None,
    seed: int | None = None,
    fps: float | None = None,
    size_wh: tuple[int, int] | None = None,
    appearance: Appearance = Appearance(),  # noqa: B008 (frozen)
) -> Iterator[tuple[Image, FrameTruth]]:
    """Play a scenario before one of its cameras.

    Args:
        camera: name; None for the first.
        seed, fps, size_wh: instead of the scenario's own.
        appearance: how people are painted.

    Yields:
        (frame, truth): shape (H, W, 3) uint8 RGB, and what is in it. Equal arguments give
        equal pixels and equal truth on the same machine.

    Raises:
        SimError: no such camera, or this machine cannot render off-screen.
    """
    view = scenario.named_camera(camera)
    seed = scenario.seed if seed is None else seed
    fps, size_wh = fps or scenario.fps, size_wh or scenario.size
    world = World(scenario, seed=seed, fps=fps, size_wh=size_wh, appearance=appearance)
    observer = Observer(world.model, scenario, view.name, size_wh, list(world.actors.values()))
    world.begin()
    noise = np.random.default_rng([seed, 0x4015E])
    frames = max(1, round(scenario.duration * fps))
    with _renderer(world.model, size_wh) as renderer:
        for frame_id in range(frames):
            if frame_id:
                world.advance()
            renderer.update_scene(world.data, camera=view.name)
            picture = renderer.render().copy()
            renderer.enable_segmentation_rendering()
            mask = observer.mask(renderer.render())
            renderer.disable_segmentation_rendering()
            if view.noise:
                grain = noise.normal(0, view.noise, picture.shape[:2])[..., None]
                picture = np.clip(picture + grain, 0, 255).astype(np.uint8)
            yield picture, observer.observe(world.data, frame_id, world.now, mask)


@contextlib.contextmanager
def _renderer(model: mujoco.MjModel, size_wh: tuple[int, int]) -> Iterator[Any]:
    width, height = size_wh
    try:
        renderer = mujoco.Renderer(model, height, width)
    except Exception as error:  # every OpenGL back end raises its own kinds
        raise SimError(
            f"cannot render off-screen: {error}; install OSMesa: apt-get install libosmesa6"
        ) from error
    try:
        yield renderer
    finally:
        renderer.close()
