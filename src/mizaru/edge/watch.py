"""One camera of an edge: its thread takes what the darkroom lets out, until the source ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

import msgspec

from mizaru.edge.segmenter import Draft, Segmenter
from mizaru.errors import TemporaryError
from mizaru.vocabulary import CameraState
from mizaru.wire.messages import Developed, Outgoing, Plate, Status

RETRY_S: Final = 5.0
"""Pause before a darkroom is opened again that ended with a temporary error."""
_U32: Final = 2**32 - 1
_RESTING: Final = (
    CameraState.BLIND,
    CameraState.RESTARTING,
    CameraState.ENDED,
    CameraState.FAILED,
)


class Log(Protocol):
    """What is needed of a structlog logger."""

    def info(self, event: str, **fields: object) -> None:
        """Something changed."""

    def warning(self, event: str, **fields: object) -> None:
        """Something is wrong."""

    def error(self, event: str, **fields: object) -> None:
        """Something is lost."""


class Watch:
    """Runs one camera in a thread of its own.

    Args:
        camera: its id.
        develop: opens the darkroom; ends when the source does or its argument ``stop`` is set.
        keep: spools a draft; False if there was no room for it.
        say: passes on the camera's health; only the latest counts.
        halt: asks for a clean end.
        monotonic: seconds.
        wall_ms: milliseconds since the epoch.
        log: where to say what happens.

    Attributes:
        camera: its id.
        error: why the camera failed for good, or None.
    """

    def __init__(
        self,
        camera: str,
        *,
        develop: Callable[..., Iterator[Outgoing]],
        keep: Callable[[Draft], bool],
        say: Callable[[Status], None],
        halt: threading.Event,
        monotonic: Callable[[], float],
        wall_ms: Callable[[], int],
        log: Log,
    ) -> None:
        self.error: Exception | None = None
        self.camera, self._develop, self._keep, self._say = camera, develop, keep, say
        self._halt, self._wall_ms, self._log = halt, wall_ms, log
        self._segmenter = Segmenter(camera, monotonic)
        self._lost = 0
        self._status = Status(camera, CameraState.STARTING, wall_ms())
        self._thread = threading.Thread(target=self._run, name=f"camera-{camera}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def is_alive(self) -> bool:
        """Whether more may come."""
        return self._thread.is_alive()

    def join(self, timeout_s: float) -> None:
        """Wait for the end."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        complaint: str | None = None
        while True:
            try:
                self._follow(self._develop(stop=self._halt))
                self._end()
                return
            except TemporaryError as error:
                if str(error) != complaint:
                    complaint = str(error)
                    self._log.warning(f"{error}; trying again", camera=self.camera)
                self._say_state(CameraState.RESTARTING)
                if self._halt.wait(RETRY_S):
                    self._end()
                    return
            except Exception as error:
                # For good, a defect of ours too: whoever holds the watches decides what follows.
                self.error = error
                self._say_state(CameraState.FAILED)
                return

    def _follow(self, outgoing: Iterator[Outgoing]) -> None:
        try:
            for item in outgoing:
                match item:
                    case Developed():
                        self._spool(self._segmenter.push(item))
                    case Plate():
                        self._segmenter.offer_plate(item)
                    case Status():
                        if item.state in _RESTING:
                            self._spool(self._segmenter.flush())
                        self._pass_on(item)
        finally:
            close = getattr(outgoing, "close", None)
            if close is not None:
                close()
            self._spool(self._segmenter.flush())

    def _spool(self, drafts: Iterable[Draft]) -> None:
        for draft in drafts:
            if not self._keep(draft):
                self._lost += len(draft.representations)

    def _pass_on(self, status: Status) -> None:
        if status.state is not self._status.state:
            self._log.info("camera", camera=self.camera, state=str(status.state))
        dropped = min(_U32, status.frames_dropped + self._segmenter.dropped + self._lost)
        self._status = msgspec.structs.replace(status, camera=self.camera, frames_dropped=dropped)
        self._say(self._status)

    def _say_state(self, state: CameraState) -> None:
        self._status = msgspec.structs.replace(self._status, state=state, t_ms=self._wall_ms())
        self._say(self._status)

    def _end(self) -> None:
        """The last word, unless the darkroom said it already."""
        if self._status.state is not CameraState.ENDED:
            self._say_state(CameraState.ENDED)
