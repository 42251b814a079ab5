"""What comes out of the release channel: noise of the promised size, a budget kept, never μ."""

from __future__ import annotations

import ast
import errno
import gc
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mizaru.edge.darkroom import sandbox
from mizaru.edge.darkroom.encode import release as module
from mizaru.edge.darkroom.encode.release import GONE_MS, Release, Released, SystemNoise
from mizaru.ledger import bounds
from mizaru.ledger.account import Channel
from mizaru.wire.messages import Embedding

Array = npt.NDArray[np.float64]

MUCH = 1e9


class SeededNoise:
    """The fake: repeatable."""

    def __init__(self, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)

    def gaussian(self, size: int) -> Array:
        return self._rng.normal(size=size)


class Silence:
    """No noise at all: shows what happens to the signal alone."""

    def gaussian(self, size: int) -> Array:
        return np.zeros(size)


def read(released: Released | None) -> Array:
    """z as the cloud reads it."""
    assert released is not None
    embedding = released.embedding
    return np.frombuffer(embedding.z, np.int8) * (embedding.scale / 1024)


vectors = st.integers(1, 32).flatmap(
    lambda width: arrays(np.float64, width, elements=st.floats(-1e300, 1e300))
)


@given(mu=vectors, clip=st.floats(0.1, 3), scale=st.integers(26, 300))
def test_the_signal_is_clipped_by_its_length_and_rounded_to_the_nearest_step(
    mu: Array, clip: float, scale: int
) -> None:
    channel = Channel(width=mu.size, clip=clip, sigma=0.2, scale=scale)
    z = read(Release(channel, Silence(), MUCH).release(mu, [1], 0))
    largest = max(1.0, float(np.abs(mu).max()))
    short = mu / largest
    norm = float(np.linalg.norm(short)) * largest
    expected = mu if norm <= clip else short * (clip / float(np.linalg.norm(short)))
    seen = np.clip(expected, -127 * channel.step, 127 * channel.step)
    assert np.abs(z - seen).max() <= channel.step / 2 * (1 + 1e-9)


@given(mu=arrays(np.float32, 8, elements=st.floats(-10, 10, width=32)), times=st.floats(1, 1e6))
def test_a_longer_signal_in_the_same_direction_says_the_same(mu: Array, times: float) -> None:
    if np.linalg.norm(mu.astype(np.float64)) < 1.001:
        return
    channel = Channel()
    said = [
        Release(channel, SeededNoise(1), MUCH).release(signal, [1], 0)
        for signal in (mu.astype(np.float64), mu.astype(np.float64) * times)
    ]
    assert np.abs(read(said[0]) - read(said[1])).max() <= channel.step * 1.001


def test_what_lies_beyond_a_byte_stays_at_its_end() -> None:
    channel = Channel(width=2, clip=3.0, scale=1)
    z = read(Release(channel, Silence(), MUCH).release(np.array([2.0, -2.0]), [1], 0))
    assert z.tolist() == [127 / 1024, -127 / 1024]


@pytest.mark.parametrize("sticky", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("tracks", [1, 3])
def test_the_released_variance_is_the_promised_one(sticky: float, tracks: int) -> None:
    """Over many lives: σ_i² + k σ_s²; within one: σ_i² (and the rounding's step²/12)."""
    channel = Channel(width=32, clip=1.0, sigma=0.35, sticky=sticky, scale=64)
    mu = np.full(32, 0.1)
    lives = np.empty((250, 6, 32))
    for life in range(len(lives)):
        release = Release(channel, SeededNoise(life), MUCH)
        for t in range(6):
            lives[life, t] = read(release.release(mu, range(1, tracks + 1), t))
    rounding = channel.step**2 / 12
    whole = channel.fresh_variance + tracks * channel.sticky_variance + rounding
    fresh = channel.fresh_variance + rounding
    first = lives[:, 0] - mu
    draws = first.size
    assert (first**2).mean() == pytest.approx(whole, abs=5 * whole * math.sqrt(2 / draws))
    assert first.mean() == pytest.approx(0, abs=5 * math.sqrt(whole / draws))
    within = lives.var(axis=1, ddof=1).mean()
    assert within == pytest.approx(fresh, abs=5 * fresh * math.sqrt(2 / (5 * draws)))
    # Coordinates and lives have nothing to do with each other.
    assert abs(np.corrcoef(first[:, 0], first[:, 1])[0, 1]) < 5 / math.sqrt(len(first))
    assert abs(np.corrcoef(first[:-1].ravel(), first[1:].ravel())[0, 1]) < 5 / math.sqrt(draws)


def test_averaging_does_not_go_below_the_sticky_floor() -> None:
    channel = Channel(width=8, sigma=0.35, scale=16)
    errors = []
    for life in range(60):
        release = Release(channel, SeededNoise(life), MUCH)
        heard = [read(release.release(np.full(8, 0.2), [1], t)) for t in range(200)]
        errors.append(np.mean(heard, axis=0) - 0.2)
    variance = float(np.mean(np.square(errors)))
    floor = channel.sticky_variance
    line = floor + channel.fresh_variance / 200
    assert variance == pytest.approx(line, abs=5 * line * math.sqrt(2 / 480))
    assert variance > 0.6 * floor


def test_an_attacker_who_averages_25_frames_names_no_more_than_the_static_line() -> None:
    """The best attacker (nearest codeword to the mean) through the channel itself, one of 40."""
    rng = np.random.default_rng(2)
    number, frames, lives = 40, 25, 400
    words = rng.normal(size=(number, 8))
    words /= np.linalg.norm(words, axis=1, keepdims=True)
    right = {}
    for sticky in (0.0, 0.5):
        channel = Channel(sigma=1.0, sticky=sticky)
        hits = 0
        for life in range(lives):
            release = Release(channel, SeededNoise(life), MUCH)
            who = life % number
            heard = [read(release.release(words[who], [1], t)) for t in range(frames)]
            hits += int((words @ np.mean(heard, axis=0)).argmax()) == who
        right[sticky] = hits / lives
        sigma = bounds.static_sigma(channel.fresh_variance, channel.sticky_variance, frames)
        best = bounds.top_1(bounds.capacity(8, 1.0, sigma), number)
        assert right[sticky] <= best + 4 * math.sqrt(best * (1 - best) / lives) + 1e-9
    assert right[0.5] > 2 / number  # the attack is no straw man
    assert right[0.0] > best > right[0.5]  # without the sticky part it passes the line


def test_companions_who_come_and_go_do_not_give_the_sticky_part_away() -> None:
    """Were the sum of the parts divided by √k, -x·(alone) + (1+x)·(in company) with
    x = 1/(√2 - 1) would cancel the track's own part and tell what stays the same."""
    channel = Channel(width=32, sigma=0.35, sticky=0.9, scale=16)
    x = 1 / (math.sqrt(2) - 1)
    errors = []
    for life in range(12):
        release = Release(channel, SeededNoise(life), MUCH)
        mu = np.full(32, 0.05)
        alone = [read(release.release(mu, [1], t)) for t in range(200)]
        company = [read(release.release(mu, [1, 2 + t], 1000 + t)) for t in range(400)]
        errors.append(-x * np.mean(alone, axis=0) + (1 + x) * np.mean(company, axis=0) - mu)
    variance = float(np.mean(np.square(errors)))
    assert variance > channel.sticky_variance * (1 - 5 * math.sqrt(2 / (12 * 32)))


def test_no_more_is_said_once_the_budget_of_anybody_present_is_spent() -> None:
    channel = Channel(sigma=0.35)
    frames = 5
    release = Release(channel, SeededNoise(), channel.nats(frames) + 0.1)
    mu, t = np.zeros(8), iter(range(10**6))
    for number in range(1, frames + 1):
        released = release.release(mu, [1], next(t))
        assert released is not None
        (spending,) = released.spendings
        assert (spending.track, spending.frames) == (1, number)
        assert spending.total == pytest.approx(channel.nats(number))
    assert release.release(mu, [1], next(t)) is None
    # Not in company either, and company pays nothing for it.
    assert release.release(mu, [1, 2], next(t)) is None
    released = release.release(mu, [2], next(t))
    assert released is not None
    assert released.spendings[0].frames == 1
    # In company everybody is charged the whole frame.
    released = release.release(mu, [2, 3], next(t))
    assert released is not None
    assert [(s.track, s.frames) for s in released.spendings] == [(2, 2), (3, 1)]
    assert released.spendings[1].nats == pytest.approx(channel.nats(1))


def test_an_empty_room_says_nothing() -> None:
    assert Release(Channel(), SeededNoise(), MUCH).release(np.ones(8), [], 0) is None


def test_a_track_that_returns_soon_goes_on_with_its_account_and_its_noise() -> None:
    channel = Channel(sigma=0.3, sticky=0.99, scale=4)
    release = Release(channel, SeededNoise(), MUCH)
    before = read(release.release(np.zeros(8), [1], 0))
    assert release.release(np.zeros(8), [], GONE_MS // 2) is None
    released = release.release(np.zeros(8), [1], GONE_MS)
    assert released is not None
    assert released.spendings[0].frames == 2
    assert np.abs(read(released) - before).max() < 0.3  # fresh noise: σ = .03


def test_an_id_that_returns_after_it_was_forgotten_gets_no_new_budget() -> None:
    release = Release(Channel(), SeededNoise(), MUCH)
    assert release.release(np.zeros(8), [1], 0) is not None
    for t in (GONE_MS + 1, 2 * GONE_MS, 100 * GONE_MS):
        assert release.release(np.zeros(8), [1], t) is None
        assert release.release(np.zeros(8), [1, 2], t + 10) is None
    assert release.release(np.zeros(8), [3], 101 * GONE_MS) is not None
    assert not any(type(o) is module._Track and o.account.track == 1 for o in gc.get_objects())


def test_a_frame_without_z_still_shows_who_is_there() -> None:
    """A spent or closed companion must not make the others be forgotten."""
    release = Release(Channel(), SeededNoise(), MUCH)
    release.release(np.zeros(8), [9], 0)
    first = release.release(np.zeros(8), [1], 2 * GONE_MS)
    assert first is not None
    for step in range(1, 5):
        t = 2 * GONE_MS + step * GONE_MS // 2
        assert release.release(np.zeros(8), [1, 9], t) is None
    later = release.release(np.zeros(8), [1], t + 1)
    assert later is not None
    assert later.spendings[0].frames == 2


@settings(max_examples=30, deadline=None)
@given(
    visits=st.lists(
        st.tuples(st.sets(st.integers(1, 12), max_size=8), st.integers(1, 40_000)), max_size=60
    ),
    frames=st.integers(1, 6),
)
def test_whoever_comes_and_goes_no_id_is_ever_told_of_more_than_its_budget(
    visits: list[tuple[set[int], int]], frames: int
) -> None:
    channel = Channel(width=2)
    budget = channel.nats(frames)
    release = Release(channel, SeededNoise(), budget * (1 + 1e-9))
    told: dict[int, int] = {}
    t = 0
    for present, wait in visits:
        t += wait
        released = release.release(np.zeros(2), present, t)
        if released is None:
            continue
        assert {s.track for s in released.spendings} == present
        for spending in released.spendings:
            told[spending.track] = told.get(spending.track, 0) + 1
            assert spending.frames == told[spending.track] <= frames


@pytest.mark.parametrize(
    "mu",
    [
        np.full(8, np.nan),
        np.array([0, 0, 0, 0, 0, 0, 0, np.inf]),
        np.array([0, 0, 0, 0, 0, 0, 0, -np.inf], np.float32),
        np.zeros(7),
        np.zeros((1, 8)),
        np.zeros(0),
    ],
)
def test_a_broken_signal_fails_closed_and_costs_nothing(mu: Array) -> None:
    release = Release(Channel(), SeededNoise(), MUCH)
    with pytest.raises(ValueError, match="mu must"):
        release.release(mu, [1], 5)
    released = release.release(np.zeros(8), [1], 5)
    assert released is not None
    assert released.spendings[0].frames == 1


@pytest.mark.parametrize(
    ("present", "t"),
    [([1, 1], 9), ([0], 9), ([2**32], 9), (list(range(1, 10)), 9), ([1], 5), ([1], 4), ([1], -1)],
)
def test_bad_ids_and_times_are_refused(present: Sequence[int], t: int) -> None:
    release = Release(Channel(), SeededNoise(), MUCH)
    release.release(np.zeros(8), [1], 5)
    with pytest.raises(ValueError, match=r"track|t_ms"):
        release.release(np.zeros(8), present, t)


def test_a_bad_budget_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="budget"):
        Release(Channel(), SeededNoise(), 0.0)


def test_no_output_is_mu() -> None:
    """With the system's noise no z equals the quantised signal, in 500 tries of 8 numbers each:
    by chance one number does in about 1 of 28 tries, all eight in 1 of 10¹¹."""
    channel = Channel()
    silent, noisy = Release(channel, Silence(), MUCH), Release(channel, SystemNoise(), MUCH)
    rng = np.random.default_rng(0)
    equal = 0
    for t in range(500):
        mu = rng.normal(size=8)
        bare, released = silent.release(mu, [1], t), noisy.release(mu, [1], t)
        assert bare is not None
        assert released is not None
        assert bare.embedding.z != released.embedding.z
        equal += int((read(bare) == read(released)).sum())
    assert equal < 500 * 8 * 0.1


def test_nothing_that_stays_behind_or_is_raised_holds_the_signal() -> None:
    release = Release(Channel(), SystemNoise(), MUCH)
    mu = np.array([0.123456, -0.2, 0.3, 0.4, 0.0, 0.1, 0.2, 0.31])
    release.release(mu, [1, 2], 0)
    seen, todo = set(), [release]
    while todo:
        thing = todo.pop()
        if id(thing) in seen or isinstance(thing, type) or hasattr(thing, "__code__"):
            continue
        seen.add(id(thing))
        todo += gc.get_referents(thing)
        if isinstance(thing, np.ndarray) and thing.shape == mu.shape:
            assert np.abs(thing - mu).min() > 1e-9
    assert "array" not in repr(next(iter(release._tracks.values())))
    broken = mu.copy()
    broken[1] = np.nan
    for wrong in ((broken, [1], 1), (mu[:5], [1], 1), (mu, [1, 1], 1), (mu, [1], 0)):
        with pytest.raises(ValueError, match=r"mu|track|t_ms") as raised:
            release.release(*wrong)
        assert "0.1234" not in str(raised.value)


def test_only_the_release_channel_makes_embeddings(root: Path) -> None:
    """No path around: in the whole edge, no other module says `Embedding(…)`."""
    makers = []
    for path in sorted((root / "src/mizaru/edge").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name == Embedding.__name__:
                    makers.append(path.name)
    assert makers == ["release.py"]


def test_the_system_s_noise_is_gaussian() -> None:
    draws = np.sort(SystemNoise().gaussian(20_000))
    count = len(draws)
    assert abs(draws.mean()) < 5 / math.sqrt(count)
    assert abs(draws.var() - 1) < 5 * math.sqrt(2 / count)
    normal = NormalDist()
    at = np.array([normal.cdf(value) for value in draws])
    ranks = np.arange(count) / count
    # Kolmogorov and Smirnov's distance; a chance of 4e-6 at 2.5/√n.
    assert max(np.abs(at - ranks).max(), np.abs(at - ranks - 1 / count).max()) < 2.5 / math.sqrt(
        count
    )
    assert not np.array_equal(SystemNoise().gaussian(8), SystemNoise().gaussian(8))


@pytest.mark.parametrize(("byte", "sign"), [(b"\x00", -1), (b"\xff", 1)])
def test_the_ends_of_the_system_s_noise_are_finite_and_alike(
    monkeypatch: pytest.MonkeyPatch, byte: bytes, sign: int
) -> None:
    monkeypatch.setattr(os, "urandom", lambda size: byte * size)
    draws = SystemNoise().gaussian(3)
    assert draws.shape == (3,)
    assert draws * sign == pytest.approx(8.2, abs=0.1)


@pytest.mark.skipif(sys.platform != "linux", reason="seccomp is Linux")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_chance_is_there_when_the_darkroom_is_locked_in() -> None:
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        answer = b"failed"
        try:
            sandbox.allow_syscalls()
            Release(Channel(), SystemNoise(), MUCH).release(np.zeros(8), [1], 0)
            answer = b"done"
        except OSError as error:
            answer = errno.errorcode.get(error.errno or 0, "?").encode()
        finally:
            os.write(w, answer)
            os._exit(0)
    os.close(w)
    with os.fdopen(r, "rb") as pipe:
        assert pipe.read() == b"done"
    os.waitpid(pid, 0)
