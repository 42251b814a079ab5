"""The last stage: what it draws on, what it withholds and why, and that nothing but z gets out."""

from __future__ import annotations

import gc
from collections.abc import Sequence

import cv2
import msgspec
import numpy as np
import pytest

from mizaru.edge.darkroom.desensitize.publish import encode_webp
from mizaru.edge.darkroom.encode.canvas import canvas
from mizaru.edge.darkroom.encode.release import Release
from mizaru.edge.darkroom.encode.stage import EncodeStage
from mizaru.ledger.account import Channel
from mizaru.ledger.record import channel_of, record_of
from mizaru.vocabulary import Pose
from mizaru.wire.codec import pack_pose, unpack_pose
from mizaru.wire.messages import Plate, Representation, Withheld, plate_digest

ASPECT = 16 / 9
WIDTH = 8


class Dice:
    """Seeded noise, which can be replaced by none."""

    def __init__(self, seed: int, factor: float = 1.0) -> None:
        self._rng, self._factor = np.random.default_rng(seed), factor

    def gaussian(self, size: int) -> np.ndarray:
        return self._factor * self._rng.standard_normal(size)


class Eye:
    """A mean that keeps what it was shown, and fails when told to."""

    def __init__(self, mu: Sequence[float] = (0.3,) * WIDTH) -> None:
        self.mu, self.shown = np.array(mu, np.float32), []
        self.fails: Exception | None = None

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        self.shown.append(frame)
        if self.fails:
            raise self.fails
        return self.mu


def stage(
    eye: Eye, *, seed: int = 0, budget: int = 3000, every_ms: int = 100, factor: float = 1.0
) -> EncodeStage:
    record = record_of(Channel(WIDTH, 1.0, 0.35, 0.5), budget, b"abcd")
    return EncodeStage(
        eye, Release(channel_of(record), Dice(seed, factor), budget), record, every_ms
    )


def pose(subject: int = 1, at: float = 0.5) -> Pose:
    keypoints = np.ones((17, 3), np.float32)
    keypoints[:, 0] = at + np.linspace(-0.05, 0.05, 17)
    keypoints[:, 1] = np.linspace(0.2, 0.8, 17)
    return Pose(subject, keypoints)


def omega(tick: int, *poses: Pose, plate: bytes = b"") -> Representation:
    return Representation(tick, tick * 100, plate, tuple(pack_pose(one) for one in poses))


def encode(stage: EncodeStage, *items: Representation | Plate) -> list[Representation]:
    return [r for r in stage.encode(items, ASPECT) if isinstance(r, Representation)]


def values(representation: Representation) -> np.ndarray:
    assert representation.embedding is not None
    z = np.frombuffer(representation.embedding.z, np.int8).astype(float)
    return z * representation.embedding.scale / 1024


def test_it_sees_the_plate_as_it_leaves_and_the_poses_as_they_leave() -> None:
    eye = Eye()
    picture = cv2.resize(
        np.random.default_rng(1).integers(0, 256, (9, 16, 3), dtype=np.uint8), (160, 90)
    )
    plate = Plate(encode_webp(picture), 100)
    one, two = stage(eye), pose(2, 0.3)
    encode(one, omega(1, two))
    encode(one, plate, omega(2, two, plate=plate_digest(plate.image)))
    decoded = cv2.imdecode(np.frombuffer(plate.image, np.uint8), cv2.IMREAD_COLOR)
    room = cv2.resize(decoded[..., ::-1], (96, 64), interpolation=cv2.INTER_AREA)
    packed = unpack_pose(pack_pose(two))
    assert np.array_equal(eye.shown[0], canvas(None, [packed], ASPECT))
    assert np.array_equal(eye.shown[1], canvas(room, [packed], ASPECT))


def test_plates_pass_unchanged_and_in_their_place() -> None:
    plate = Plate(encode_webp(np.zeros((90, 160, 3), np.uint8)), 7)
    first, second = stage(Eye()).encode([plate, omega(1, pose())], ASPECT)
    assert first is plate
    assert isinstance(second, Representation)


def test_nobody_costs_nothing_and_is_not_even_looked_at() -> None:
    eye = Eye()
    (shown,) = encode(stage(eye), omega(1))
    assert (shown.embedding, shown.withheld) == (None, Withheld.NOBODY)
    assert eye.shown == []


def test_z_scatters_around_mu_as_the_channel_says() -> None:
    mu = np.linspace(-0.3, 0.3, WIDTH)
    means, spreads = [], []
    for seed in range(30):
        one = stage(Eye(mu), seed=seed, budget=10**6)
        z = np.stack([values(*encode(one, omega(tick, pose()))) for tick in range(1, 61)])
        means.append(z.mean(axis=0) - mu)
        spreads.append(z.var(axis=0))
    sticky, fresh = np.mean(np.square(means)), np.mean(spreads)
    assert fresh == pytest.approx(0.35**2 / 2, rel=0.1)
    assert sticky == pytest.approx(0.35**2 / 2, rel=0.25)
    assert abs(np.mean(means)) < 0.06


def test_the_same_frames_with_other_noise_give_other_z() -> None:
    first, second = (encode(stage(Eye(), seed=seed), omega(1, pose()))[0] for seed in (1, 2))
    assert first.embedding != second.embedding
    assert first.poses == second.poses


def test_a_spent_budget_stops_z_and_says_so_and_the_poses_go_on() -> None:
    channel = Channel(WIDTH, 1.0, 0.35, 0.5)
    one = stage(Eye(), budget=round(channel.nats(5)) + 1)
    said = [encode(one, omega(tick, pose()))[0] for tick in range(1, 9)]
    assert [r.withheld for r in said] == [Withheld.NOT] * 5 + [Withheld.SPENT] * 3
    percents = [r.spent_percent for r in said]
    assert percents == sorted(percents)
    assert percents[5:] == [100] * 3
    assert all(len(r.poses) == 1 for r in said)
    (other,) = encode(one, omega(9, pose(2)))
    assert other.withheld is Withheld.NOT
    (together,) = encode(one, omega(10, pose(1), pose(2)))
    assert together.withheld is Withheld.SPENT


def test_z_can_come_less_often_than_poses() -> None:
    one = stage(Eye(), every_ms=300)
    said = [encode(one, omega(tick, pose()))[0].withheld for tick in range(1, 8)]
    assert said == [
        Withheld.NOT,
        Withheld.RESTING,
        Withheld.RESTING,
        Withheld.NOT,
        Withheld.RESTING,
        Withheld.RESTING,
        Withheld.NOT,
    ]


@pytest.mark.parametrize(
    "mu", [(np.nan,) * WIDTH, (np.inf,) * WIDTH, (0.0,) * (WIDTH - 1), RuntimeError("words")]
)
def test_a_failure_costs_the_z_and_is_counted(mu: object) -> None:
    eye = Eye()
    one = stage(eye)
    if isinstance(mu, Exception):
        eye.fails = mu
    else:
        eye.mu = np.array(mu, np.float32)
    (said,) = encode(one, omega(1, pose()))
    assert (said.embedding, said.withheld, said.spent_percent) == (None, Withheld.FAILED, 0)
    assert one.failed == 1
    eye.fails, eye.mu = None, np.zeros(WIDTH, np.float32)
    (said,) = encode(one, omega(2, pose()))
    assert said.withheld is Withheld.NOT


def test_no_path_emits_mu() -> None:
    """A μ far from every noise and clip would show: whatever leaves is within C + noise of 0,
    differs from clip(μ), and nothing that lives on holds μ."""
    mu = np.full(WIDTH, 1e6, np.float32)
    eye = Eye(mu)
    one = stage(eye, seed=3)
    said = encode(one, omega(1, pose()), omega(2, pose()))
    clipped = np.full(WIDTH, 1 / np.sqrt(WIDTH))
    for representation in said:
        assert np.abs(values(representation)).max() < 1 + 6 * 0.35
        assert np.abs(values(representation) - clipped).min() > 1e-3
        data = msgspec.msgpack.encode(representation)
        for needle in (mu.tobytes(), mu.astype(float).tobytes(), clipped.tobytes()):
            assert needle not in data
    del eye, mu
    gc.collect()
    held = [o for o in gc.get_objects() if issubclass(type(o), np.ndarray) and o.size == WIDTH]
    assert not any((np.asarray(o) == 1e6).any() for o in held)


def test_nothing_but_the_released_z_can_be_put_into_a_message() -> None:
    """Broken on purpose: without noise, z would be μ on the grid; the law above would see it."""
    mu = np.linspace(-0.3, 0.3, WIDTH)
    (bare,) = encode(stage(Eye(mu), factor=0.0), omega(1, pose()))
    assert np.abs(values(bare) - mu).max() <= bare.embedding.scale / 2048
    (noisy,) = encode(stage(Eye(mu)), omega(1, pose()))
    assert np.abs(values(noisy) - mu).max() > 0.1


def test_a_plate_that_cannot_be_read_is_as_none() -> None:
    eye = Eye()
    broken = Plate(b"RIFF\0\0\0\0WEBP" + bytes(20), 50)
    one = stage(eye)
    (said,) = encode(one, broken, omega(1, pose()))
    assert said.withheld is Withheld.NOT
    assert np.array_equal(eye.shown[0], canvas(None, [unpack_pose(pack_pose(pose()))], ASPECT))
