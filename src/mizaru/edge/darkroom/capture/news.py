"""What guard and child tell the darkroom besides frames: fixed-size records on one pipe."""

from __future__ import annotations

import enum
import os
import struct
from typing import Final, NamedTuple

from mizaru.edge.darkroom.capture.source import Fault, SourceInfo

_RECORD: Final = struct.Struct("<BBHHHff")


class Kind(enum.IntEnum):
    """What happened.

    OPENED: a capture child has its source open and asks for slots (child).
    LOST: no child for the moment; ``fault`` says why; another one will follow (guard).
    ENDED: the file is over (guard, its last word).
    FAILED: ``fault`` is permanent (guard, its last word).
    ALIVE: the guard lives (guard, every second).
    """

    OPENED = 1
    LOST = 2
    ENDED = 3
    FAILED = 4
    ALIVE = 5


class News(NamedTuple):
    """One record; ``info`` with OPENED only."""

    kind: Kind
    fault: Fault = Fault.ENDED
    generation: int = 0
    info: SourceInfo | None = None


def send(fd: int, news: News) -> None:
    """Write one record; a full pipe raises `BlockingIOError`, a closed one `BrokenPipeError`."""
    info = news.info
    record = _RECORD.pack(
        news.kind,
        news.fault,
        news.generation,
        info.width if info else 0,
        info.height if info else 0,
        info.fps if info else 0.0,
        info.duration_s or 0.0 if info else 0.0,
    )
    os.write(fd, record)


def receive(fd: int) -> News | None:
    """One record, None if none waits; raises `EOFError` once no writer is left."""
    try:
        data = os.read(fd, _RECORD.size)
    except BlockingIOError:
        return None
    if not data:
        raise EOFError
    kind, fault, generation, width, height, fps, duration = _RECORD.unpack(data)
    info = None
    if Kind(kind) is Kind.OPENED:
        info = SourceInfo(width, height, fps, duration or None)
    return News(Kind(kind), Fault(fault), generation, info)
