"""A person who plays a script: one step per frame, in control by kinematics or out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Protocol

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from mizaru.lab.sim.gait import Tread, heading_of, plan_back, smooth, tread
from mizaru.lab.sim.humanoid import Vector
from mizaru.lab.sim.identity import Identity
from mizaru.lab.sim.kinematics import Skeleton, Stance, blend
from mizaru.lab.sim.manner import Manner
from mizaru.lab.sim.physics import Loss, Ragdoll
from mizaru.lab.sim.room import Piece
from mizaru.lab.sim.scenario import Outcome, Way
from mizaru.vocabulary import Behavior

Motion = Iterator[Behavior]
"""A motion: each item is one frame, shown in the actor's `qpos`."""

LONG_LIE_AFTER_S: Final = 10.0
"""From this long after a fall, lying is `long_lie`."""
_FALL_LIMIT_S: Final = 6.0
_STEADY: Final = 0.65
"""How much knees and elbows keep their direction from one frame to the next."""
_LOW: Final = 0.75
_THICK: Final = 0.03
"""The least height of a joint over the floor."""
_FLINCH_S: Final = 0.9
_CAUGHT: Final = 0.4
"""Whose pelvis stays above this without trunk or head on the floor has not fallen, metres."""
_UPRIGHT: Final = 0.3
"""Who has the shoulders this much above the hips after a fall sits, unscaled metres."""


class Stage(Protocol):
    """What an actor may know of the world around."""

    @property
    def now(self) -> float:
        """Seconds since the scenario began."""
        ...

    @property
    def pieces(self) -> Mapping[str, Piece]:
        """Furniture by name."""
        ...

    @property
    def actors(self) -> Mapping[str, Actor]:
        """Everybody by name."""
        ...


@dataclass(frozen=True, slots=True)
class Hit:
    """A push or blow that arrives.

    Attributes:
        direction: unit vector on the floor.
        newtons: on the thorax.
    """

    direction: tuple[float, float]
    newtons: float
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Deed:
    """A fall, blow or push as it went, in seconds of the scenario.

    Attributes:
        impact_s: of a fall, when trunk or head met the floor.
        other: name of the person it was done to.
    """

    behavior: Behavior
    start_s: float
    end_s: float
    impact_s: float | None = None
    other: str | None = None


class Actor:
    """A person's body through time. `mizaru.lab.sim.behaviors` gives it things to do.

    Args:
        ragdoll: makes the person's dynamics, asked for on the first loss of control.
        stage: the world; its clock moves by `dt` between two calls of `advance`.
        rng: of falls and idle movement.
        manner: what the scripts leave open.
    """

    def __init__(
        self,
        name: str,
        identity: Identity,
        skeleton: Skeleton,
        ragdoll: Callable[[], Ragdoll],
        stage: Stage,
        *,
        start: tuple[float, float],
        heading: float,
        dt: float,
        rng: np.random.Generator,
        manner: Manner,
    ) -> None:
        self.name, self.identity, self.skeleton = name, identity, skeleton
        self.stage, self.dt, self.rng, self.manner = stage, dt, rng, manner
        self._make_ragdoll = ragdoll
        self.deeds: list[Deed] = []
        """Falls, blows and pushes so far; the last ones may still go on."""
        self.stance = skeleton.stand(np.array(start), heading)
        self.stance = replace(
            self.stance,
            foot_yaw=heading + np.array([1.0, -1.0]) * identity.gait.toe_out,
            spine=np.array([identity.gait.stoop, 0.0, 0.0]),
        )
        self.home = self.stance
        """Standing at ease, for arms and trunk to return to."""
        self.posture: Behavior = Behavior.STAND
        """What idling is: stand, sit or lie."""
        self.seat: Piece | None = None
        self.bed: tuple[float, Vector] | None = None
        """Height of what one lies on, and the direction of the head."""
        self.wheels = False
        """Sits in a wheelchair."""
        self.prop: str | None = None
        self.behavior = Behavior.STAND
        self._phase = rng.uniform(0, 2 * np.pi, 6)
        self._fell_at: float | None = None
        self._floor: Vector | None = None
        self._resting: tuple[Stance, Vector] | None = None
        self._hit: Hit | None = None
        self._idle = False
        self.jolts = 0
        """How often others have moved this person."""
        self._flinched_at, self._flinch = -np.inf, 0.0
        self._motions: Iterator[Motion] = iter(())
        self._playing: Motion = self._play()
        self.qpos = skeleton.solve(self.stance)
        self._before = self.qpos

    def follow_script(self, motions: Iterator[Motion]) -> None:
        """What to do, lazily: a motion is asked for when the one before has ended."""
        self._motions = motions

    def advance(self) -> None:
        """One frame: moves `qpos`, shape (nq,), and `behavior`."""
        self._before = self.qpos
        if self._hit is not None:
            hit, self._hit = self._hit, None
            self._playing = self._interrupted(hit, self._playing if self._idle else None)
        self._idle = False
        self.behavior = next(self._playing)

    def receive(self, hit: Hit) -> None:
        """Somebody pushes or strikes this person; it shows in the next frame."""
        if self.posture is not Behavior.LIE and hit.outcome is not Outcome.NONE:
            self._hit = hit
        elif not self.manner.plain:
            self._flinched_at = self.stage.now
            self._flinch = self.manner.within(0.5, 0.2, 1.0)

    @property
    def xy(self) -> Vector:
        """Root position on the floor, metres."""
        return self.qpos[:2]

    @property
    def heading(self) -> float:
        """Heading of the feet, radians."""
        return heading_of(self.stance)

    @property
    def on_floor(self) -> bool:
        """True after a fall until up again: the body rests in a posture physics left it in."""
        return self._floor is not None

    # Playing

    def _play(self) -> Motion:
        for motion in self._motions:
            yield from motion
        while True:
            yield self.idle_frame()

    def _interrupted(self, hit: Hit, waiting: Motion | None) -> Motion:
        """What a push does; afterwards waiting goes on, but any other motion is given up."""
        self.prop = None
        if hit.outcome is Outcome.FALL:
            way = self.manner.pick((None, None, Way.TOPPLE, Way.SIT, Way.SLIP, Way.TRIP))
            limp = self.manner.within(0.3, 0.1, 0.7)
            if self.manner.chance(0.3) and self.posture is Behavior.STAND:
                yield from self.stagger(np.array(hit.direction) * 0.3, 1)
            yield from self.lose_control(Loss(hit.direction, hit.newtons, limp, way))
            if not self.manner.plain:
                yield from self.stir(self.manner.within(0.0, 0.5, 6.0))
        elif self.posture is Behavior.STAND:
            far = self.manner.within(0.38, 0.2, 0.8)
            yield from self.stagger(np.array(hit.direction) * far, 2)
        yield from waiting or self._play()

    def stagger(self, shift: Vector, steps: int) -> Motion:
        """Quick steps along `shift`, metres, without turning."""
        self.jolts += 1
        plan = plan_back(self.skeleton, self._grounded(), self.identity.gait, shift, steps)
        yield from self.step(plan, Behavior.STAND)

    # Frames

    def show(self, stance: Stance) -> None:
        """Take a stance, with the small movements of a living body."""
        self.stance = stance
        steady = 0.0 if self.manner.plain else _STEADY
        self.qpos = self.skeleton.solve(self._alive(stance), steady=steady)
        if not self.manner.plain and stance.pelvis[2] < _LOW * self.skeleton.standing:
            # On the way from one good posture to another nothing goes through the floor.
            under = float(self.skeleton.joints(self.qpos)[:, 2].min())
            self.qpos[2] += max(0.0, _THICK * self.skeleton.height - under)

    def idle_frame(self) -> Behavior:
        """One frame of doing nothing."""
        self._idle = True
        if self._floor is not None:
            self.qpos = self._breathing(self._floor)
            since = self.stage.now - (self._fell_at or 0.0)
            down = self._down()
            long = since >= LONG_LIE_AFTER_S and down is Behavior.LIE
            return Behavior.LONG_LIE if long else down
        if self.posture is Behavior.LIE:
            # Hours of it must be cheap: no inverse kinematics.
            if self._resting is None or self._resting[0] is not self.stance:
                self.show(self.stance)
                self._resting = (self.stance, self.qpos)
            self.qpos = self._breathing(self._resting[1])
            return self.posture
        self.show(self.stance)
        return self.posture

    def idling(self, motion: Motion) -> Motion:
        """A motion that counts as doing nothing, given up when others move this person."""
        jolts = self.jolts
        while self.jolts == jolts and (frame := next(motion, None)) is not None:
            self._idle = True
            yield frame

    def idle(self, seconds: float) -> Motion:
        """Do nothing for a while."""
        end = self.stage.now + seconds
        while self.stage.now < end - 1e-9:
            yield self.idle_frame()

    def idle_until(self, second: float) -> Motion:
        """Do nothing until a second of the scenario."""
        while self.stage.now < second - 1e-9:
            yield self.idle_frame()

    def morph(
        self,
        target: Stance,
        seconds: float,
        behavior: Behavior,
        *,
        between: Callable[[Stance, float], Stance] | None = None,
        ease: Callable[[float], float] = smooth,
    ) -> Motion:
        """Move to another stance; `between` bends the way there, its weight rises to 1 in the
        middle and falls to 0 at both ends. `ease` maps time to way, both from 0 to 1."""
        start = self.stance
        for s in self.progress(seconds):
            w = ease(s)
            stance = blend(start, target, w)
            self.show(between(stance, float(np.sin(np.pi * w))) if between else stance)
            yield behavior
        self.stance = target

    def takes(self, seconds: float, spread: float = 0.2) -> float:
        """How long something takes this person this time that usually takes `seconds`."""
        return self.manner.vary(seconds, spread) / self.identity.gait.pace

    def progress(self, seconds: float) -> Iterator[float]:
        """0 < s ≤ 1, one value per frame, over some seconds."""
        frames = max(1, round(seconds / self.dt))
        for k in range(1, frames + 1):
            yield k / frames

    def step(self, plan: Tread, behavior: Behavior) -> Motion:
        """Walk some footprints."""
        base = self.stance
        last = base
        for stance in tread(self.skeleton, self._grounded(), self.identity.gait, plan, self.dt):
            self.show(stance)
            last = stance
            yield behavior
        self.stance = replace(last, wrists=base.wrists, spine=base.spine, neck=base.neck)

    def _grounded(self) -> Stance:
        pelvis = self.stance.pelvis.copy()
        pelvis[2] = self.skeleton.standing
        ankles = self.stance.ankles.copy()
        ankles[:, 2] = self.skeleton.sole
        return replace(self.stance, pelvis=pelvis, ankles=ankles, foot_pitch=np.zeros(2))

    # Out of control

    @cached_property
    def _ragdoll(self) -> Ragdoll:
        return self._make_ragdoll()

    def noted(self, motion: Motion, behavior: Behavior, other: Actor | None = None) -> Motion:
        """A motion that goes into `deeds`, as far as it gets."""
        index, start = len(self.deeds), self.stage.now
        name = None if other is None else other.name
        self.deeds.append(Deed(behavior, start, start, other=name))
        for frame in motion:
            self.deeds[index] = replace(self.deeds[index], end_s=self.stage.now + self.dt)
            yield frame

    def lose_control(self, loss: Loss) -> Motion:
        """Fall by physics until at rest."""
        index, started = len(self.deeds), self.stage.now
        heights = [float(self.qpos[2])]
        for frame in self.noted(self._falling(loss), Behavior.FALL):
            heights.append(float(self.qpos[2]))
            if (impact := self._ragdoll.impact_s) is not None:
                self.deeds[index] = replace(self.deeds[index], impact_s=started + impact)
            yield frame
        if self._ragdoll.impact_s is not None:
            return
        if heights[-1] > _CAUGHT * self.skeleton.height:
            # A bed or chair, or the own legs: that was no fall.
            del self.deeds[index]
            return
        # Down, but held by furniture or a wall: when the pelvis came to where it stays.
        high = np.flatnonzero(np.array(heights) > heights[-1] + 0.05 * self.skeleton.height)
        frames = max(1, int(high[-1]) if len(high) else 1)
        self.deeds[index] = replace(self.deeds[index], impact_s=started + frames * self.dt)

    def _falling(self, loss: Loss) -> Motion:
        self.jolts += 1
        self._fell_at = self.stage.now
        self._ragdoll.lose(self.qpos, self._before, self.dt, loss, self.rng)
        started = self.stage.now
        self.posture, self.seat = Behavior.LIE, None
        while True:
            self.qpos = self._ragdoll.advance(self.dt)
            yield Behavior.FALL
            if self._ragdoll.at_rest or self.stage.now - started > _FALL_LIMIT_S:
                break
        self._fell_at = self.stage.now
        self._floor = self.qpos.copy()

    def stir(self, seconds: float) -> Motion:
        """Lie there after a fall and move somewhat, muscles against the floor."""
        end, again = self.stage.now + seconds, self.stage.now
        while self.stage.now < end - 1e-9:
            if self.stage.now >= again:
                self._ragdoll.stir(self.rng, self.manner.within(0.4, 0.1, 0.9))
                again = self.stage.now + self.manner.within(1.0, 0.4, 3.0)
            self.qpos = self._ragdoll.advance(self.dt)
            yield self._down()
        self._floor = self.qpos.copy()

    def _down(self) -> Behavior:
        """On the floor one sits or lies."""
        joints = self.skeleton.joints(self.qpos)
        above = float(joints[5:7, 2].mean() - joints[11:13, 2].mean())
        return Behavior.SIT if above > _UPRIGHT * self.skeleton.height else Behavior.LIE

    def blend_from_floor(self, target: Stance, seconds: float, behavior: Behavior) -> Motion:
        """Joint by joint from the posture that physics left to one that is chosen."""
        start, end = self.qpos.copy(), self.skeleton.solve(target)
        self._floor = None
        root = Rotation.from_quat(np.stack([start[3:7], end[3:7]]), scalar_first=True)
        turn = Slerp([0, 1], root)
        for s in self.progress(seconds):
            w = smooth(s)
            qpos = (1 - w) * start + w * end
            qpos[3:7] = turn(w).as_quat(scalar_first=True)
            # Between two good postures limbs may swing through the floor.
            under = float(self.skeleton.joints(qpos)[:, 2].min())
            qpos[2] += max(0.0, _THICK * self.skeleton.height - under)
            self.qpos = qpos
            yield behavior
        self.stance = target

    # Life

    def _wave(self, index: int, hertz: float) -> float:
        return float(np.sin(2 * np.pi * hertz * self.stage.now + self._phase[index]))

    def _alive(self, stance: Stance) -> Stance:
        size = self.identity.gait.tremor
        breath = 0.012 * self._wave(0, 0.27)
        neck = stance.neck + size * np.array(
            [0.03 * self._wave(1, 0.11), 0.02 * self._wave(2, 0.07), 0.12 * self._wave(3, 0.06)]
        )
        pelvis = stance.pelvis
        if self.posture is Behavior.STAND:
            sway = [0.007 * self._wave(4, 0.21), 0.007 * self._wave(5, 0.17), 0.0]
            pelvis = pelvis + size * np.array(sway)
        spine = stance.spine + np.array([breath, 0, 0])
        wrists = stance.wrists
        since = self.stage.now - self._flinched_at
        if since < _FLINCH_S:
            # The head ducks and turns away, arms come up.
            w = self._flinch * float(np.sin(np.pi * (since / _FLINCH_S) ** 0.6))
            neck = neck + w * np.array([0.4, 0.1, 0.5])
            spine = spine + w * np.array([0.25, 0.0, 0.3])
            free = (w * (1 - stance.reaching))[:, None]
            wrists = (1 - free) * wrists + free * np.array([[-0.1, 0.0, 0.4]] * 2)
        return replace(stance, pelvis=pelvis, neck=neck, spine=spine, wrists=wrists)

    def _breathing(self, floor: Vector) -> Vector:
        qpos = floor.copy()
        breath = self._wave(0, 0.27)
        qpos[self.skeleton.address("thoraxrx")] += 0.012 * breath
        qpos[self.skeleton.address("headrz")] += 0.02 * self._wave(3, 0.06)
        qpos[2] += 0.001 * breath
        return qpos
