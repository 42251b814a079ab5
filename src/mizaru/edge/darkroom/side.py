"""What edge and darkroom say to each other besides messages: a job in, beats and reports out.

Words are believed only until the darkroom says on its mouth that it is ready, which it does
before the first frame is let in. From then on a report may be nothing but the name of an
exception and a line of our own code, so that no text can be made out of a picture.
"""

from __future__ import annotations

import contextlib
import os
import re
import struct
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from mizaru import errors
from mizaru.edge.settings import CameraSettings, SandboxMode
from mizaru.errors import MizaruError, PermanentError, TemporaryError
from mizaru.wire.messages import Status

MAX_REPORT_BYTES: Final = 1024
_LENGTH: Final = struct.Struct(">H")
_BEAT: Final = _LENGTH.pack(0)
_WHEREABOUTS: Final = re.compile(r"[A-Za-z_]{1,40} in [a-z0-9_.?]{1,80}:\d{1,5}")
NOTICE: Final = "Notice"
LENGTH_BYTES: Final = 4
"""Every message on the mouth is preceded by its length, big-endian."""


class Job(Struct, frozen=True):
    """What a darkroom is told on its standard input, as one line of JSON.

    Attributes:
        camera: settings; ``source`` is as written there.
        source: with variables expanded; may hold credentials.
        models: directory of the models.
        side_fd: descriptor of the side channel.
        parent_pid: die with it.
        base: status to go on from.
        anchor_ms: time of a file's first frame.
        resume_ms: leave out a file's frames up to here; -1 for none.
        not_before_ms: no frame of a camera may be older than this.
        first_frame_id: number of the first frame.
        seen: the camera has delivered before.
    """

    camera: CameraSettings
    source: str
    sandbox: SandboxMode
    models: str
    side_fd: int
    parent_pid: int
    base: Status
    anchor_ms: int
    resume_ms: int = -1
    not_before_ms: int = 0
    first_frame_id: int = 0
    seen: bool = False


class Report(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Why the darkroom stops (``kind``: a class of `mizaru.errors`), or `NOTICE`: goes on."""

    kind: Annotated[str, Meta(pattern=r"^[A-Za-z]{1,40}$")]
    text: Annotated[str, Meta(max_length=600)]

    def as_error(self) -> MizaruError:
        """The same error that the darkroom raised."""
        kind = getattr(errors, self.kind, None)
        if isinstance(kind, type) and issubclass(kind, MizaruError):
            return kind(self.text)
        return TemporaryError(self.text)


def report_of(error: Exception, *, place: str) -> Report:
    """What to report about an error before the first frame."""
    if isinstance(error, MizaruError):
        return Report(type(error).__name__, _one_line(str(error)))
    if isinstance(error, ImportError):
        text = f"darkroom: {error}; install mizaru[edge]"
        return Report(PermanentError.__name__, _one_line(text))
    return Report(TemporaryError.__name__, _one_line(f"darkroom: {place}: {error}"))


class SideWriter:
    """The darkroom's end."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self._fd = fd

    def beat(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._fd, _BEAT)

    def report(self, report: Report) -> None:
        data = msgspec.msgpack.encode(report)
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            os.write(self._fd, _LENGTH.pack(len(data)) + data)


class SideReader:
    """The edge's end: feed it bytes."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes, *, ready: bool) -> list[Report]:
        """Reports that are complete and allowed; what is not allowed vanishes.

        Args:
            ready: the darkroom has said that it is; words are over.
        """
        self._buffer += data
        reports = []
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > MAX_REPORT_BYTES:
                self._buffer.clear()
                break
            if len(self._buffer) < _LENGTH.size + length:
                break
            body = bytes(self._buffer[_LENGTH.size : _LENGTH.size + length])
            del self._buffer[: _LENGTH.size + length]
            if length:
                with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
                    report = msgspec.msgpack.decode(body, type=Report)
                    if not ready or is_whereabouts(report.text):
                        reports.append(report)
        return reports


def is_whereabouts(text: str) -> bool:
    """True for what `mizaru.edge.darkroom.developer.whereabouts` says, and for no sentence."""
    return _WHEREABOUTS.fullmatch(text) is not None


def _one_line(text: str) -> str:
    return " ".join(text.split())[:600]
