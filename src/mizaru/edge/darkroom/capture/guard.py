"""The capture guard: starts the capture child, watches its heart, starts it again.

It exists because the darkroom, once locked in, can neither fork nor kill. It never touches a
pixel: the shared memory is not even readable in it (`PROT_NONE`), and it decides from beats
and exit statuses alone.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from typing import Final, NoReturn

from msgspec.structs import replace

from mizaru.edge.darkroom import sandbox
from mizaru.edge.darkroom.capture import child
from mizaru.edge.darkroom.capture.child import CaptureJob
from mizaru.edge.darkroom.capture.news import Kind, News, send
from mizaru.edge.darkroom.capture.slots import PROT_NONE, Slots
from mizaru.edge.darkroom.capture.source import Fault, FileSource
from mizaru.edge.darkroom.heart import SILENCE_S

ALIVE_S: Final = 1.0
STARTING_S: Final = 10.0
"""Silence allowed while libraries are loaded: an import may hold the interpreter's lock."""
BACKOFF_S: Final = (0.1, 0.5, 1.0, 2.0)
"""Waits before the first, second … restart without a frame; the last one repeats. Short, so
that a camera is streaming again ≤ 10 s after it returns."""
CRASHES: Final = 3
"""Crashes at the same place of a file after which trying again is given up."""


class Retries:
    """What to do after a capture child has ended: pure, so that it can be tested."""

    def __init__(self, *, is_file: bool, seen: bool) -> None:
        self._is_file, self._seen = is_file, seen
        self._failures = 0
        self._crashes = 0
        self._position_ms = -1

    def after(self, fault: Fault, *, delivered: bool, position_ms: int) -> tuple[Fault, float]:
        """(what to report, seconds to wait): ENDED and permanent faults end the guard.

        A camera that once delivered is trusted to come back, whatever it answers while it
        boots; only wrong credentials stay wrong.
        """
        self._seen |= delivered
        self._failures = 0 if delivered else self._failures + 1
        if fault is Fault.ENDED and self._is_file:
            return fault, 0.0
        if fault is Fault.ENDED:
            fault = Fault.LOST
        if self._is_file and fault in (Fault.CRASHED, Fault.HUNG):
            same = position_ms == self._position_ms
            self._crashes = self._crashes + 1 if same else 1
            self._position_ms = position_ms
            if self._crashes >= CRASHES:
                return Fault.KEEPS_CRASHING, 0.0
        elif not fault.is_temporary and not self._is_file and self._seen:
            boots = fault not in (Fault.UNAUTHORIZED, Fault.NO_SANDBOX, Fault.NO_AV)
            fault = Fault.LOST if boots else fault
        return fault, BACKOFF_S[min(self._failures, len(BACKOFF_S) - 1)]


def run(job: CaptureJob, slots: Slots, *, news_fd: int, parent_pid: int, seen: bool) -> NoReturn:
    """Body of the guard, right after fork; never returns.

    Args:
        news_fd: where `News` goes.
        parent_pid: the darkroom; the guard dies with it.
        seen: the camera has delivered to an earlier darkroom.
    """
    try:
        sandbox.die_with_parent(parent_pid)
        sandbox.forbid_dumps()
        slots.protect(PROT_NONE)
        _guard(job, slots, news_fd, Retries(is_file=isinstance(job.source, FileSource), seen=seen))
    finally:  # nothing may unwind into the darkroom's own code
        os._exit(0)


def _guard(job: CaptureJob, slots: Slots, news_fd: int, retries: Retries) -> None:
    for generation in range(1, 2**16):
        fault, delivered, position_ms = _one_child(job, slots, generation, news_fd)
        job = replace(job, resume_ms=max(job.resume_ms, position_ms))
        fault, wait_s = retries.after(fault, delivered=delivered, position_ms=position_ms)
        if fault is Fault.ENDED:
            return send(news_fd, News(Kind.ENDED))
        if not fault.is_temporary:
            return send(news_fd, News(Kind.FAILED, fault))
        send(news_fd, News(Kind.LOST, fault, generation))
        _sleep(wait_s, news_fd)
    return None


def _one_child(
    job: CaptureJob, slots: Slots, generation: int, news_fd: int
) -> tuple[Fault, bool, int]:
    """Run one capture child to its end: (why it ended, has delivered, last position)."""
    beat_r, beat_w = os.pipe()
    os.set_blocking(beat_w, False)
    guard_pid = os.getpid()
    pid = os.fork()
    if pid == 0:
        sandbox.die_with_parent(guard_pid)
        os.close(beat_r)
        child.run(job, slots, generation, news_fd=news_fd, beat_fd=beat_w)
    os.close(beat_w)
    delivered, position_ms = False, job.resume_ms
    beats, hung = 0, False
    last_s = alive_s = time.monotonic()
    try:
        while True:
            ready, _, _ = select.select([beat_r], [], [], 0.25)
            now_s = time.monotonic()
            if now_s - alive_s >= ALIVE_S:
                _say_alive(news_fd)
                alive_s = now_s
            if ready:
                data = os.read(beat_r, 256 * child.BEAT_BYTES)
                if not data:
                    break
                delivered, position_ms = child.beat_of(data)
                beats += len(data) // child.BEAT_BYTES
                last_s = now_s
            elif now_s - last_s > (STARTING_S if beats < 2 else SILENCE_S):
                hung = True
                break
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.close(beat_r)
        _, status = os.waitpid(pid, 0)
    return _fault_of(status, hung=hung), delivered, position_ms


def _fault_of(status: int, *, hung: bool) -> Fault:
    if hung:
        return Fault.HUNG
    try:
        return Fault(os.waitstatus_to_exitcode(status))
    except ValueError:  # a signal, or a status that is not ours
        return Fault.CRASHED


def _say_alive(news_fd: int) -> None:
    with contextlib.suppress(BlockingIOError):
        send(news_fd, News(Kind.ALIVE))


def _sleep(seconds: float, news_fd: int) -> None:
    end_s = time.monotonic() + seconds
    while (left_s := end_s - time.monotonic()) > 0:
        time.sleep(min(left_s, ALIVE_S))
        _say_alive(news_fd)
