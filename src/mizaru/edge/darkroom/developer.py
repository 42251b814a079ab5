"""The darkroom's loop body: a frame in, at most a representation (and a plate) out.

No process, pipe or camera in here, so that tests and benchmarks can run it with fakes.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

import numpy as np

from mizaru.edge.darkroom.capture.news import Kind, News
from mizaru.edge.darkroom.capture.source import Fault
from mizaru.edge.darkroom.frame import Frame
from mizaru.edge.darkroom.stopwatch import Stopwatch
from mizaru.errors import TemporaryError
from mizaru.vocabulary import CameraState
from mizaru.wire.messages import STATUS_PERIOD_S, Developed, Outgoing, Plate, Status

if TYPE_CHECKING:
    from mizaru.edge.darkroom.desensitize.contract import Desensitizer
    from mizaru.edge.darkroom.encode.stage import EncodeStage
    from mizaru.edge.darkroom.perceive.perception import Perceiver

FPS_WINDOW_S: Final = 10.0
LATENCY_WINDOW_S: Final = 60.0
BLIND_S: Final = 5.0
FAILURES: Final = 30
"""Frames dropped in a row, because perception raised, after which the darkroom starts again."""
_U16: Final = 2**16 - 1
_U32: Final = 2**32


class Developer:
    """Perceive, desensitize, encode, hand over; drop a frame rather than let half of it out.

    Args:
        perceiver, desensitizer: the first two stages.
        encoding: the third; None: no z.
        emit: writes one message to the pipe and returns its size in bytes.
        base: counters to go on from (an earlier darkroom's last status).
        promise: told before each stage how many seconds it may take.
        stage_s: that limit.
        monotonic_ns, wall_ms: clocks.
    """

    def __init__(
        self,
        perceiver: Perceiver,
        desensitizer: Desensitizer,
        emit: Callable[[Outgoing], int],
        *,
        base: Status,
        encoding: EncodeStage | None = None,
        stopwatch: Stopwatch | None = None,
        promise: Callable[[float], None] = lambda _: None,
        stage_s: float = 1.0,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
        wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._perceiver, self._desensitizer, self._emit = perceiver, desensitizer, emit
        self._encoding = encoding
        self._base = base
        self._stopwatch = stopwatch or Stopwatch()
        self._promise, self._stage_s = promise, stage_s
        self._monotonic_ns, self._wall_ms = monotonic_ns, wall_ms
        self._state = CameraState.STARTING
        self._frames_in = self._frames_late = self._frames_failed = 0
        self._restarts = self._bytes_out = self._failed_in_a_row = 0
        self._developed_ns: deque[int] = deque()
        self._latencies: deque[tuple[int, float]] = deque()
        self._began_ns = self._frame_ns = self._monotonic_ns()
        self._said_ns: int | None = None
        self.last_failure = ""

    @property
    def state(self) -> CameraState:
        return self._state

    def develop(self, frame: Frame, *, frames_in: int, frames_dropped: int) -> None:
        """One frame through both stages.

        Args:
            frame: its pixels are not kept.
            frames_in, frames_dropped: capture's counters.

        Raises:
            TemporaryError: too many frames failed in a row; start again.
        """
        self._frames_in, self._frames_late = frames_in, frames_dropped
        self._frame_ns = self._monotonic_ns()
        outcome = self._through_stages(frame)
        if outcome is not None:
            for message in outcome:
                self._write(message)
            done_ns = self._monotonic_ns()
            latency_ms = (done_ns - frame.captured_ns) / 1e6
            self._stopwatch.add("capture to pipe", latency_ms)
            self._latencies.append((done_ns, latency_ms))
            self._developed_ns.append(done_ns)
            self._turn(CameraState.STREAMING)
        self.tick()

    def learn(self, news: News) -> None:
        """What happened to the camera; a change of state is said at once."""
        match news.kind:
            case Kind.LOST:
                # One outage counts once, however often the camera is called meanwhile.
                crashed = news.fault in (Fault.CRASHED, Fault.HUNG)
                self._restarts += crashed or self._state is not CameraState.BLIND
                self._turn(CameraState.BLIND)
            case Kind.ENDED:
                self._turn(CameraState.ENDED)
            case Kind.FAILED:
                self._turn(CameraState.FAILED)

    def tick(self) -> None:
        """Say the status if it is due. Call it at least once a second."""
        now_ns = self._monotonic_ns()
        if self._state is CameraState.STREAMING and now_ns - self._frame_ns > BLIND_S * 1e9:
            self._turn(CameraState.BLIND)
        if self._said_ns is None or now_ns - self._said_ns >= STATUS_PERIOD_S * 1e9:
            self.say()

    def say(self) -> None:
        """Write the status now."""
        self._said_ns = self._monotonic_ns()
        self._write(self.status())

    def status(self) -> Status:
        """All counters, since the camera's pipeline started."""
        now_ns = self._monotonic_ns()
        _forget(self._developed_ns, now_ns - FPS_WINDOW_S * 1e9)
        while self._latencies and self._latencies[0][0] < now_ns - LATENCY_WINDOW_S * 1e9:
            self._latencies.popleft()
        latencies = [ms for _, ms in self._latencies]
        p50, p95 = np.percentile(latencies, (50, 95)) if latencies else (0.0, 0.0)
        window_s = min(FPS_WINDOW_S, max((now_ns - self._began_ns) / 1e9, 1e-3))
        base = self._base
        return Status(
            base.camera,
            self._state,
            self._wall_ms(),
            frames_in=(base.frames_in + self._frames_in) % _U32,
            frames_dropped=(base.frames_dropped + self._frames_late + self._frames_failed) % _U32,
            fps_tenths=min(round(len(self._developed_ns) / window_s * 10), _U16),
            pipe_p50_ms=min(round(p50), _U16),
            pipe_p95_ms=min(round(p95), _U16),
            restarts=min(base.restarts + self._restarts, _U16),
            bytes_out=(base.bytes_out + self._bytes_out) % _U32,
            sandboxed=base.sandboxed,
        )

    def _through_stages(self, frame: Frame) -> Iterable[Outgoing] | None:
        """What may leave after this frame; None if a stage failed (fail closed)."""
        width, height = frame.resolution_wh
        age_ms = (self._monotonic_ns() - frame.captured_ns) // 1_000_000
        captured_ms = max(0, self._wall_ms() - age_ms)
        try:
            self._promise(self._stage_s)
            with self._stopwatch.stage("perceive"):
                perception = self._perceiver.perceive(frame)
            self._promise(self._stage_s)
            with self._stopwatch.stage("desensitize"):
                leaving = list(self._desensitizer.desensitize(frame, perception))
            channel = None
            if self._encoding is not None and leaving:
                self._promise(self._stage_s)
                with self._stopwatch.stage("encode"):
                    leaving = self._encoding.encode(leaving, width / height)
                channel = self._encoding.channel
            outcome: list[Outgoing] = [
                item
                if isinstance(item, Plate)
                else Developed(item, width, height, captured_ms, channel)
                for item in leaving
            ]
        except Exception as error:
            # Whatever went wrong, this frame is gone; its text stays here, it may hold anything.
            self._frames_failed += 1
            self._failed_in_a_row += 1
            self.last_failure = whereabouts(error)
            if self._failed_in_a_row >= FAILURES:
                raise TemporaryError(self.last_failure) from None
            return None
        finally:
            self._promise(self._stage_s)
        self._failed_in_a_row = 0
        return outcome

    def _turn(self, state: CameraState) -> None:
        if state is not self._state:
            self._state = state
            self.say()

    def _write(self, message: Outgoing) -> None:
        self._bytes_out += self._emit(message)


def whereabouts(error: BaseException) -> str:
    """``KeyError in mizaru.edge.darkroom.perceive.tracker:123``: our own code's words only.

    Never the error's text, nor the error itself: its traceback holds the frame's pixels.
    """
    place, step = "?:0", error.__traceback__
    while step is not None:
        module = step.tb_frame.f_globals.get("__name__", "?")
        if module.startswith("mizaru."):
            place = f"{module}:{step.tb_lineno}"
        step = step.tb_next
    return f"{type(error).__name__} in {place}"


def _forget(times_ns: deque[int], before_ns: float) -> None:
    while times_ns and times_ns[0] < before_ns:
        times_ns.popleft()
