"""The darkroom's side of capture: starts the guard, hands out frames, notices what happens."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from mizaru.edge.darkroom.capture import guard
from mizaru.edge.darkroom.capture.child import CaptureJob
from mizaru.edge.darkroom.capture.news import Kind, News, receive
from mizaru.edge.darkroom.capture.slots import ALL_SLOTS, PROT_READ, Record, Slots, release, take
from mizaru.edge.darkroom.frame import Frame
from mizaru.errors import TemporaryError

GUARD_SILENCE_S: Final = 3.5


class Camera:
    """Frames of one source, in time order, through as many capture children as it takes.

    Make it before any thread is started (it forks) and before the sandbox.

    Args:
        job: what to capture.
        seen: the camera has delivered before; it is waited for whatever it answers.
        first_frame_id: number of the first frame.
        watch_fd: the darkroom's lifeline; `frames` ends when it reads end of file.
    """

    def __init__(
        self,
        job: CaptureJob,
        *,
        seen: bool = False,
        first_frame_id: int = 0,
        watch_fd: int | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._job, self._watch_fd, self._monotonic = job, watch_fd, monotonic
        self._slots = Slots()
        self._news_r, news_w = os.pipe()
        for fd in (self._news_r, news_w):
            os.set_blocking(fd, False)
        self._first_frame_id = first_frame_id
        self._held: Record | None = None
        self._last: Record | None = None
        self._position_ms = job.resume_ms
        self.frames_in = 0
        self.frames_dropped = 0
        self._fork_guard(news_w, seen)

    def watch(self, wait_s: float = 1.0) -> Iterator[Frame | News | None]:
        """Frames and news as they come, None whenever ``wait_s`` passed without either.

        A frame's pixels are valid until the next item is asked for. Ends after ENDED and
        FAILED and when the lifeline is cut.

        Raises:
            TemporaryError: the guard died or hangs.
        """
        pending: News | None = None
        alive_s = self._monotonic()
        while True:
            self._let_go()
            frame = self._take()
            if frame is not None:
                yield frame
                continue
            if pending is not None:
                if pending.kind is Kind.OPENED:
                    self._last = None
                    release(self._slots, pending.generation, ALL_SLOTS)
                yield pending
                if pending.kind in (Kind.ENDED, Kind.FAILED):
                    return
                pending = None
                continue
            try:
                news = receive(self._news_r)
            except EOFError:
                raise TemporaryError("the capture guard died") from None
            if news is not None:
                alive_s = self._monotonic()
                # Frames published before the news was written come before the news.
                pending = news if news.kind is not Kind.ALIVE else None
                continue
            if self._monotonic() - alive_s > GUARD_SILENCE_S:
                raise TemporaryError("the capture guard hangs")
            watched = [self._slots.ready_r, self._news_r]
            if self._watch_fd is not None:
                watched.append(self._watch_fd)
            ready = _wait(watched, wait_s)
            if self._watch_fd in ready and not os.read(self._watch_fd or 0, 64):
                return
            if not ready:
                yield None

    def _take(self) -> Frame | None:
        while (record := take(self._slots)) is not None:
            self._held = record
            before = self._last
            self._last = record
            if 0 <= record.position_ms <= self._position_ms:  # seen before the child crashed
                self._let_go()
                continue
            self._position_ms = record.position_ms
            self.frames_in += record.frames_in - (before.frames_in if before else 0)
            self.frames_dropped += record.frames_dropped - (before.frames_dropped if before else 0)
            pixels = self._slots.view(record.slot, record.width, record.height)
            pixels.flags.writeable = False
            frame_id = self._first_frame_id + self.frames_in - 1
            return Frame(frame_id, record.t_ms, record.captured_ns, pixels)
        return None

    def _let_go(self) -> None:
        if self._held is not None:
            release(self._slots, self._held.generation, self._held.slot)
            self._held = None

    def _fork_guard(self, news_w: int, seen: bool) -> None:
        parent_pid = os.getpid()
        if os.fork() == 0:
            slots = self._slots
            # Standard streams are the darkroom's mouth and lifeline: not for capture.
            null = os.open(os.devnull, os.O_RDWR)
            for fd in (0, 1, 2):
                os.dup2(null, fd)
            _close_all_but({slots.ready_r, slots.ready_w, slots.release_r, news_w})
            guard.run(self._job, slots, news_fd=news_w, parent_pid=parent_pid, seen=seen)
        os.close(news_w)
        os.close(self._slots.ready_w)
        self._slots.protect(PROT_READ)


def _wait(fds: list[int], seconds: float) -> list[int]:
    poller = select.poll()
    for fd in fds:
        poller.register(fd, select.POLLIN)
    return [fd for fd, _ in poller.poll(seconds * 1000)]


def _close_all_but(kept: Iterable[int]) -> None:
    low = 3
    for fd in sorted(kept):
        os.closerange(low, fd)
        low = fd + 1
    os.closerange(low, os.sysconf("SC_OPEN_MAX") if sys.platform != "linux" else 2**20)
