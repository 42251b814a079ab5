"""People playing a scenario in a room nobody looks at: the stage, its clock and its actors."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mizaru.lab.sim.actor import Actor
from mizaru.lab.sim.behaviors import script
from mizaru.lab.sim.humanoid import build_humanoid
from mizaru.lab.sim.identity import draw_identity
from mizaru.lab.sim.kinematics import Skeleton
from mizaru.lab.sim.manner import Manner
from mizaru.lab.sim.physics import STEP_S, Ragdoll
from mizaru.lab.sim.room import Piece, build_room
from mizaru.lab.sim.scenario import Person, Scenario


class Play:
    """A scenario in motion, without pictures. A `mizaru.lab.sim.actor.Stage` for its actors.

    Args:
        seed: of falls and idle movement; identities have their own.
        fps: frames per second.
        step_s: of the physics of falls.
    """

    def __init__(
        self, scenario: Scenario, *, seed: int, fps: float, step_s: float = STEP_S
    ) -> None:
        self._scenario, self._fps, self._step_s = scenario, fps, step_s
        self._frame = -round(scenario.prelude * fps)
        self._pieces = {piece.name: Piece.of(piece) for piece in scenario.furniture}
        seeds = np.random.SeedSequence([seed, 0x51]).spawn(len(scenario.person))
        self._actors = {
            person.name: self._actor(person, np.random.default_rng(seeds[k]))
            for k, person in enumerate(scenario.person)
        }

    def _actor(self, person: Person, rng: np.random.Generator) -> Actor:
        identity = draw_identity(person.identity, person.age)
        alone = build_humanoid(identity, person_bit=2, dressed=False)
        skeleton = Skeleton(alone.copy().compile(), identity.proportions.height)

        def ragdoll() -> Ragdoll:
            room = build_room(self._scenario, offscreen_wh=(64, 64))
            room.attach(alone, prefix="p/", frame=room.worldbody.add_frame())
            return Ragdoll(room.compile(), skeleton, "p/", step_s=self._step_s)

        actor = Actor(
            person.name,
            identity,
            skeleton,
            ragdoll,
            self,
            start=person.start,
            heading=float(np.deg2rad(person.heading)),
            dt=1 / self._fps,
            rng=rng,
            manner=Manner(
                None if person.manner is None else np.random.default_rng([person.manner, 0x3A])
            ),
        )
        actor.follow_script(script(actor, person.action))
        return actor

    @property
    def now(self) -> float:
        """Seconds since the scenario began; negative during the prelude."""
        return self._frame / self._fps

    @property
    def pieces(self) -> Mapping[str, Piece]:
        """Furniture by name."""
        return self._pieces

    @property
    def actors(self) -> Mapping[str, Actor]:
        """Everybody by name, in the scenario's order."""
        return self._actors

    def begin(self) -> None:
        """Let the prelude pass."""
        while self._frame < 0:
            self.advance()

    def advance(self) -> None:
        """One frame later."""
        self._frame += 1
        for actor in self._actors.values():
            actor.advance()
