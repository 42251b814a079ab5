"""The loop body with fakes: what is counted, what is dropped, what is said and when."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from mizaru.edge.darkroom.capture.news import Kind, News
from mizaru.edge.darkroom.capture.source import Fault
from mizaru.edge.darkroom.developer import FAILURES, Developer
from mizaru.edge.darkroom.frame import Frame
from mizaru.edge.darkroom.perceive.perception import Perception
from mizaru.edge.darkroom.stopwatch import Stopwatch
from mizaru.errors import PerceptionTimeoutError, TemporaryError
from mizaru.vocabulary import CameraState
from mizaru.wire.messages import (
    ChannelRecord,
    Developed,
    Embedding,
    Outgoing,
    Plate,
    Representation,
    Status,
)

WEBP = b"RIFF\0\0\0\0WEBP" + bytes(20)
EPOCH_MS = 1_700_000_000_000


class Bench:
    """A developer with fakes around it and a clock that only moves when told."""

    def __init__(self, base: Status | None = None, encoding: Any = None) -> None:
        self.now_ns = 10**12
        self.perceive_ms = 5.0
        self.fails: BaseException | None = None
        self.fails_late = False
        self.said: list[Outgoing] = []
        self.promises: list[float] = []
        self.stopwatch = Stopwatch(monotonic_ns=lambda: self.now_ns)
        self.developer = Developer(
            self,
            self,
            self._emit,
            base=base or Status("cam", CameraState.STARTING, 0, sandboxed=True),
            encoding=encoding,
            stopwatch=self.stopwatch,
            promise=self.promises.append,
            stage_s=1.5,
            monotonic_ns=lambda: self.now_ns,
            wall_ms=lambda: EPOCH_MS + self.now_ns // 1_000_000,
        )
        self.fed = 0

    def perceive(self, frame: Frame) -> Perception:
        self.pass_s(self.perceive_ms / 1000)
        if self.fails and not self.fails_late:
            raise self.fails
        return Perception((), np.zeros((1, 1), bool))

    def desensitize(
        self, frame: Frame, perception: Perception
    ) -> tuple[Representation | Plate, ...]:
        if self.fails:
            raise self.fails
        if frame.t_ms % 100:
            return ()
        return (Plate(WEBP, 50), Representation(frame.frame_id, frame.t_ms, b"", ()))

    def _emit(self, message: Outgoing) -> int:
        self.said.append(message)
        return 100

    def pass_s(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)

    def feed(self, *, dropped: int = 0) -> Frame:
        pixels = np.zeros((36, 64, 3), np.uint8)
        frame = Frame(self.fed, self.fed * 100, self.now_ns - 20_000_000, pixels)
        self.fed += 1
        self.developer.develop(frame, frames_in=self.fed, frames_dropped=dropped)
        return frame

    @property
    def statuses(self) -> list[Status]:
        return [m for m in self.said if isinstance(m, Status)]

    @property
    def developed(self) -> list[Developed]:
        return [m for m in self.said if isinstance(m, Developed)]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_frame_becomes_plate_and_representation_in_this_order(bench: Bench) -> None:
    bench.feed()
    assert [type(m) for m in bench.said] == [Plate, Developed, Status]
    (developed,) = bench.developed
    assert (developed.width, developed.height) == (64, 36)
    # captured_ms: when it arrived, not when it was done.
    assert developed.captured_ms == EPOCH_MS + bench.now_ns // 1_000_000 - 5 - 20


def test_status_comes_with_every_state_and_every_five_seconds(bench: Bench) -> None:
    for _ in range(101):
        bench.feed()
        bench.pass_s(0.095)
    assert [s.state for s in bench.statuses] == [CameraState.STREAMING] * 3
    assert np.diff([s.t_ms for s in bench.statuses]).tolist() == [5000, 5000]
    last = bench.statuses[-1]
    assert last.frames_in == 101
    assert last.fps_tenths == pytest.approx(100, abs=2)
    assert last.sandboxed
    assert (last.pipe_p50_ms, last.pipe_p95_ms) == (25, 25)
    assert last.bytes_out == 100 * (len(bench.said) - 1)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("error", [PerceptionTimeoutError("slow"), KeyError("words of a frame")])
def test_a_stage_that_raises_costs_the_frame_and_nothing_gets_out(
    bench: Bench, error: Exception, late: bool
) -> None:
    bench.fails, bench.fails_late = error, late
    bench.feed()
    bench.fails = None
    bench.feed(dropped=3)
    bench.developer.say()
    assert len(bench.developed) == 1
    last = bench.statuses[-1]
    assert (last.frames_in, last.frames_dropped) == (2, 3 + 1)
    assert "words" not in bench.developer.last_failure
    assert type(error).__name__ in bench.developer.last_failure


def test_many_failures_in_a_row_end_the_darkroom_without_words(bench: Bench) -> None:
    bench.fails = KeyError("words of a frame")
    for _ in range(FAILURES - 1):
        bench.feed()
    with pytest.raises(TemporaryError) as caught:
        bench.feed()
    assert "words" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_success_forgives(bench: Bench) -> None:
    for number in range(3 * FAILURES):
        bench.fails = KeyError() if number % 2 else None
        bench.feed()


def test_no_frame_is_kept_even_after_a_failure(bench: Bench) -> None:
    pixels = np.zeros((36, 64, 3), np.uint8)
    gone = weakref.ref(pixels)
    bench.fails = KeyError()
    bench.developer.develop(Frame(0, 0, 0, pixels), frames_in=1, frames_dropped=0)
    bench.fails = None
    del pixels
    gc.collect()
    assert gone() is None


def test_losing_the_camera_is_said_at_once_and_counted_once(bench: Bench) -> None:
    bench.feed()
    for _ in range(3):
        bench.developer.learn(News(Kind.LOST, Fault.UNREACHABLE))
    assert [s.state for s in bench.statuses] == [CameraState.STREAMING, CameraState.BLIND]
    bench.feed()
    assert bench.statuses[-1].state is CameraState.STREAMING
    assert bench.statuses[-1].restarts == 1


@pytest.mark.parametrize("fault", [Fault.CRASHED, Fault.HUNG])
def test_every_crash_of_the_capture_child_is_counted(bench: Bench, fault: Fault) -> None:
    for _ in range(3):
        bench.developer.learn(News(Kind.LOST, fault))
    assert bench.developer.status().restarts == 3


def test_silence_is_blindness(bench: Bench) -> None:
    bench.feed()
    bench.pass_s(5.1)
    bench.developer.tick()
    assert bench.statuses[-1].state is CameraState.BLIND


@pytest.mark.parametrize(
    ("kind", "state"),
    [(Kind.ENDED, CameraState.ENDED), (Kind.FAILED, CameraState.FAILED)],
)
def test_the_last_word(bench: Bench, kind: Kind, state: CameraState) -> None:
    bench.feed()
    bench.developer.learn(News(kind, Fault.UNAUTHORIZED))
    assert bench.statuses[-1].state is state


def test_counters_go_on_from_an_earlier_darkroom() -> None:
    base = Status(
        "cam",
        CameraState.RESTARTING,
        0,
        frames_in=2**32 - 1,
        frames_dropped=7,
        restarts=2,
        bytes_out=2**32 - 50,
    )
    bench = Bench(base)
    bench.feed(dropped=1)
    bench.developer.say()
    last = bench.statuses[-1]
    assert (last.frames_in, last.frames_dropped, last.restarts) == (0, 8, 2)
    assert last.bytes_out == 250  # plate, representation, status; modulo 2³²


CHANNEL = ChannelRecord(8, 1000, 350, 50, 3000, b"abcd")


class Encoding:
    """Says one z; `fails` raises as no real stage does."""

    channel = CHANNEL
    fails: Exception | None = None

    def encode(self, leaving: list[Any], aspect: float) -> list[Any]:
        assert aspect == pytest.approx(64 / 36)
        if self.fails:
            raise self.fails
        z = Embedding(25, bytes(8))
        return [m if isinstance(m, Plate) else replace(m, embedding=z) for m in leaving]


def test_z_rides_with_its_channel_and_the_stage_is_measured_and_promised() -> None:
    bench = Bench(encoding=Encoding())
    bench.feed()
    assert bench.developed[0].channel == CHANNEL
    assert bench.developed[0].representation.embedding == Embedding(25, bytes(8))
    assert bench.stopwatch.stages == ("perceive", "desensitize", "encode", "capture to pipe")
    assert len(bench.promises) == 4


def test_a_stage_of_encoding_that_raises_costs_the_whole_frame() -> None:
    encoding = Encoding()
    bench = Bench(encoding=encoding)
    encoding.fails = KeyError("words of a frame")
    bench.feed()
    assert bench.developed == []
    assert "words" not in bench.developer.last_failure


def test_stages_are_measured_and_promised(bench: Bench) -> None:
    for perceive_ms in (5, 10, 100):
        bench.perceive_ms = perceive_ms
        bench.feed()
    assert bench.stopwatch.stages == ("perceive", "desensitize", "capture to pipe")
    assert bench.stopwatch.percentile_ms("perceive", 50) == 10
    assert bench.stopwatch.percentile_ms("perceive", 100) == 100
    assert bench.stopwatch.percentile_ms("nothing", 50) == 0
    assert set(bench.promises) == {1.5}
