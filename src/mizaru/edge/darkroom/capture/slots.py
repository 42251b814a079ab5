"""Frames in shared memory between the capture child (writer) and the darkroom (reader).

Three slots of anonymous shared memory. A slot belongs to whoever holds its token, and tokens
travel through pipes, so there is no lock that a killed process could take with it:

* ``ready``: writer → reader, one record per frame, which is also the doorbell;
* ``release``: reader → writer, slots that are free again.

In ``live`` mode at most one record waits in ``ready``: before it publishes, the writer takes
back an older one from the same pipe (reading a record from a pipe is atomic, so exactly one
side gets it). One slot is read, one waits, one is written: the writer never blocks and the
latest frame wins. In ``fast`` mode the writer waits for a free slot and nothing is dropped.

A new writer (after a crash) begins with no slot. It says that it is open; the reader, which
then holds none either, grants all of them to that ``generation``; older tokens are void.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import select
import struct
import sys
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

MAX_LONG: Final = 1920
MAX_SHORT: Final = 1080
SLOTS: Final = 3
FAST_SLOTS: Final = 2
"""In fast mode one is read while the next is written: more would only add delay."""
SLOT_BYTES: Final = MAX_LONG * MAX_SHORT * 3
ALL_SLOTS: Final = 0xFF

PROT_NONE: Final = 0
PROT_READ: Final = 1
PROT_WRITE: Final = 2

_RECORD: Final = struct.Struct("<HBxHHIIQQq")
_TOKEN: Final = struct.Struct("<HB")


class Record(NamedTuple):
    """One frame that waits in a slot.

    Attributes:
        generation: of the writer.
        slot: where its pixels are.
        width, height: pixels.
        frames_in: of this writer so far, this one and dropped ones counted.
        frames_dropped: of these, late or undecodable.
        t_ms: the camera's clock, milliseconds since the epoch.
        captured_ns: monotonic clock at arrival.
        position_ms: time in the file, from its first frame; -1 for cameras.
    """

    generation: int
    slot: int
    width: int
    height: int
    frames_in: int
    frames_dropped: int
    t_ms: int
    captured_ns: int
    position_ms: int


class Slots:
    """The shared memory and its two pipes; made once, before the processes part."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, SLOTS * SLOT_BYTES)
        if hasattr(mmap, "MADV_DONTDUMP"):
            self._memory.madvise(mmap.MADV_DONTDUMP)
        self.ready_r, self.ready_w = _pipe()
        self.release_r, self.release_w = _pipe()

    def close(self) -> None:
        """Close the pipes that are still open in this process."""
        for fd in (self.ready_r, self.ready_w, self.release_r, self.release_w):
            with contextlib.suppress(OSError):
                os.close(fd)

    def protect(self, protection: int) -> None:
        """What this process may do with the pixels (`PROT_NONE` for the guard)."""
        if sys.platform == "win32":
            return
        address = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        libc = ctypes.CDLL(None, use_errno=True)
        size = ctypes.c_size_t(len(self._memory))
        if libc.mprotect(ctypes.c_void_p(address), size, protection):
            raise OSError(ctypes.get_errno(), "mprotect")

    def view(self, slot: int, width: int, height: int) -> npt.NDArray[np.uint8]:
        """Pixels of a slot, shape (height, width, 3)."""
        if not (0 <= slot < SLOTS and 0 < width * height * 3 <= SLOT_BYTES):
            raise ValueError(f"no such slot or size: {slot}, {width}×{height}")
        flat = np.frombuffer(self._memory, np.uint8, width * height * 3, slot * SLOT_BYTES)
        return flat.reshape(height, width, 3)


class SlotWriter:
    """The capture child's side.

    Args:
        live: take back the frame that waits instead of waiting for the reader.
    """

    def __init__(self, slots: Slots, generation: int, *, live: bool) -> None:
        self._slots, self._generation, self._live = slots, generation, live
        self._free: list[int] = []
        self.frames_dropped = 0

    @property
    def free(self) -> tuple[int, ...]:
        """Slots in this writer's hands."""
        return tuple(self._free)

    def reserve(self) -> None:
        """Block until there is a free slot: until the reader has granted slots to this
        generation, and later in fast mode only."""
        self._collect(wait=False)
        while not self._free:
            self._collect(wait=True)

    def acquire(self) -> int:
        """A free slot, as `reserve`."""
        self.reserve()
        return self._free.pop()

    def view(self, slot: int, width: int, height: int) -> npt.NDArray[np.uint8]:
        return self._slots.view(slot, width, height)

    def publish(
        self,
        slot: int,
        *,
        width: int,
        height: int,
        frames_in: int,
        t_ms: int,
        captured_ns: int,
        position_ms: int,
    ) -> None:
        """Ring the doorbell for a frame that is complete in its slot; see `Record`."""
        if self._live:
            while (late := take(self._slots)) is not None:
                self.frames_dropped += 1
                if late.generation == self._generation:
                    self._free.append(late.slot)
        record = Record(
            self._generation,
            slot,
            width,
            height,
            frames_in & 0xFFFFFFFF,
            self.frames_dropped & 0xFFFFFFFF,
            t_ms,
            captured_ns,
            position_ms,
        )
        os.write(self._slots.ready_w, _RECORD.pack(*record))

    def _collect(self, *, wait: bool) -> None:
        fd = self._slots.release_r
        if wait:
            select.select([fd], [], [])
        while True:
            try:
                token = os.read(fd, _TOKEN.size)
            except BlockingIOError:
                return
            if not token:  # the reader is gone
                os._exit(0)
            generation, slot = _TOKEN.unpack(token)
            if generation == self._generation:
                usable = range(SLOTS if self._live else FAST_SLOTS)
                self._free = list(usable) if slot == ALL_SLOTS else [*self._free, slot]


def take(slots: Slots) -> Record | None:
    """The oldest record that waits, or None; never blocks. Both sides may ask."""
    try:
        data = os.read(slots.ready_r, _RECORD.size)
    except BlockingIOError:
        return None
    return Record(*_RECORD.unpack(data)) if data else None


def release(slots: Slots, generation: int, slot: int) -> None:
    """Give a slot (or `ALL_SLOTS`) to the writer of that generation."""
    try:
        os.write(slots.release_w, _TOKEN.pack(generation, slot))
    except BlockingIOError:  # a dead writer's pipe is full of void tokens: empty it
        while True:
            try:
                os.read(slots.release_r, 4096 // _TOKEN.size * _TOKEN.size)
            except BlockingIOError:
                break
        os.write(slots.release_w, _TOKEN.pack(generation, slot))


def _pipe() -> tuple[int, int]:
    r, w = os.pipe()
    os.set_blocking(r, False)
    os.set_blocking(w, False)
    return r, w
