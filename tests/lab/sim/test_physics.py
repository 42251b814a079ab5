"""Falls from one and the same posture: only the generator differs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mizaru.lab.sim.scenario import Scenario

pytestmark = pytest.mark.usefixtures("sim")


@pytest.fixture
def fall(scenario_of: Callable[[str], Scenario]) -> Callable[..., np.ndarray]:
    """qpos, shape (T, 63), of a fall to the left from standing still."""
    from mizaru.lab.sim.humanoid import build_humanoid
    from mizaru.lab.sim.identity import draw_identity
    from mizaru.lab.sim.kinematics import Skeleton
    from mizaru.lab.sim.physics import Loss, Ragdoll
    from mizaru.lab.sim.room import build_room

    identity = draw_identity(1)
    alone = build_humanoid(identity, person_bit=2, dressed=False)
    skeleton = Skeleton(alone.copy().compile(), identity.proportions.height)
    room = build_room(scenario_of(""), offscreen_wh=(64, 64))
    room.attach(alone, prefix="p/", frame=room.worldbody.add_frame())
    ragdoll = Ragdoll(room.compile(), skeleton, "p/")

    def play(seed: int, newtons: float = 90.0, limp: float = 0.3) -> np.ndarray:
        stance = skeleton.stand(np.array([2.5, 2.5]), 0.0)
        qpos = skeleton.solve(stance)
        loss = Loss((0.0, 1.0), newtons, limp)
        ragdoll.lose(qpos, qpos, 0.1, loss, np.random.default_rng(seed))
        path = []
        for _ in range(50):
            qpos = ragdoll.advance(0.1)
            path.append(qpos)
        assert np.abs(path[-1] - path[-6])[:3].max() < 0.03
        return np.array(path)

    return play


def test_seeds_make_the_fall(fall: Callable[..., np.ndarray]) -> None:
    paths = [fall(seed) for seed in (1, 2, 3)]
    assert np.array_equal(paths[0], fall(1))
    for a, b in ((0, 1), (0, 2), (1, 2)):
        apart = np.abs(paths[a] - paths[b])
        assert apart[:, :3].max() > 0.02
        assert apart[:, 7:].max() > 0.2


def test_one_falls_to_where_one_is_pushed(fall: Callable[..., np.ndarray]) -> None:
    for seed in range(3):
        end = fall(seed, newtons=150.0)[-1]
        assert end[1] - 2.5 > 0.3
        assert abs(end[0] - 2.5) < 0.6
        assert end[2] < 0.35


def test_a_faint_needs_no_push(fall: Callable[..., np.ndarray]) -> None:
    path = fall(1, newtons=0.0, limp=1.0)
    assert path[0][2] > 0.85
    assert path[-1][2] < 0.35
