"""The capture child: reaches the camera and nothing else, writes shared memory and no file.

Everything hostile is met here: network answers, containers, compressed pictures. What it can
say outwards is a record per frame, one `News` record and an exit status out of `Fault`.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import struct
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from msgspec import Struct

from mizaru.edge.darkroom import sandbox
from mizaru.edge.darkroom.capture import news
from mizaru.edge.darkroom.capture.news import Kind, News
from mizaru.edge.darkroom.capture.slots import PROT_READ, PROT_WRITE, Slots, SlotWriter
from mizaru.edge.darkroom.capture.source import (
    Fault,
    FileSource,
    RtspSource,
    Source,
    SourceInfo,
    UsbSource,
    check_device,
    check_file,
)
from mizaru.edge.darkroom.capture.timeline import CameraTimeline, FileTimeline, SteadyClock
from mizaru.edge.darkroom.heart import Heart
from mizaru.edge.darkroom.sandbox.seccomp import Group
from mizaru.edge.settings import Pace, SandboxMode
from mizaru.errors import SandboxError

if TYPE_CHECKING:
    from mizaru.edge.darkroom.capture.decode import Picture, Video

RESOLVE_S: Final = 3.0
DECODE_S: Final = 1.5
READ_S: Final = 5.0
FOREVER_S: Final = 1e9
LATE_S: Final = 0.5
"""A live file's frame that is later than this is not even converted."""
_BEAT: Final = struct.Struct("<?q")


class CaptureJob(Struct, frozen=True):
    """What one capture child has to do.

    Attributes:
        anchor_ms: time of a file's first frame, milliseconds since the epoch.
        resume_ms: a file's frames up to here are left out; -1 for none.
        epoch_ms: wall clock minus monotonic clock, so that time never steps back.
    """

    source: Source
    pace: Pace
    rotate: int
    sandbox: SandboxMode
    anchor_ms: int
    resume_ms: int
    epoch_ms: int


def beat_of(data: bytes) -> tuple[bool, int]:
    """(has delivered frames, position_ms of the last one) of the newest of some beats."""
    opened, position_ms = _BEAT.unpack(data[-_BEAT.size :])
    return bool(opened), int(position_ms)


BEAT_BYTES: Final = _BEAT.size


def run(job: CaptureJob, slots: Slots, generation: int, *, news_fd: int, beat_fd: int) -> NoReturn:
    """Body of the capture child, right after fork; never returns."""
    status = Fault.CRASHED
    try:
        status = _capture(job, slots, generation, news_fd=news_fd, beat_fd=beat_fd)
    except BrokenPipeError:  # the darkroom is gone
        status = Fault.ENDED
    finally:
        os._exit(status)


def enter_sandbox(source: Source, mode: SandboxMode) -> str | None:
    """Resolve what needs the network's names, then lock the process in.

    Returns the address of a network camera.

    Raises:
        SandboxError: strict, and it could not.
        FaultError: the host has no address.
    """
    address = resolve(source) if isinstance(source, RtspSource) else None
    group = Group.COMPUTE
    ports: tuple[int, ...] = ()
    readable = list(sandbox.library_paths())
    device: Path | None = None
    match source:
        case FileSource(path=path) if check_file(Path(path)) is None:
            readable.append(Path(path))
        case RtspSource(port=port):
            group, ports = Group.NETWORK, (port,)
        case UsbSource() if check_device(source) is None:
            group, device = Group.DEVICE, source.device
            readable.append(Path("/sys/class/video4linux"))
    try:
        sandbox.forbid_paths(read=readable, device=device, tcp_ports=ports)
        sandbox.allow_syscalls(group)
    except SandboxError:
        if mode is SandboxMode.STRICT:
            raise
    return address


def resolve(source: RtspSource) -> str:
    """IP address of a camera; raises `FaultError`. Names need files and UDP, so this comes
    before the sandbox; the answer is all that is kept."""
    from mizaru.edge.darkroom.capture.decode import FaultError

    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(source.host))
    found: list[str] = []

    def ask() -> None:
        with contextlib.suppress(OSError, UnicodeError):
            answers = socket.getaddrinfo(source.host, source.port, type=socket.SOCK_STREAM)
            # IPv4 first: cameras often announce an IPv6 address that they do not serve.
            answers.sort(key=lambda answer: answer[0] != socket.AF_INET)
            found.extend(str(answer[4][0]) for answer in answers)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(RESOLVE_S)
    if thread.is_alive() or not found:
        raise FaultError(Fault.NO_ADDRESS)
    return found[0]


def probe(source: Source, mode: SandboxMode, rotate: int = 0) -> SourceInfo:
    """Open a source and decode one frame, in this process (a child made for it).

    Raises:
        FaultError: with the reason.
    """
    try:
        import av
    except ImportError:
        raise SystemExit(Fault.NO_AV) from None
    from mizaru.edge.darkroom.capture.decode import FaultError, Video

    av.logging.set_level(None)
    try:
        address = enter_sandbox(source, mode)
    except SandboxError:
        raise FaultError(Fault.NO_SANDBOX) from None
    video = Video(source, address=address, rotate=rotate)
    for picture in video.pictures():
        return video.info(picture)
    raise FaultError(Fault.NO_FRAME)


class _Pacer:
    """Holds a live file's packets back until their time."""

    def __init__(self, heart: Heart) -> None:
        self._heart = heart
        self._zero_s: float | None = None

    def start(self, position_s: float) -> None:
        """Now is ``position_s`` of the file."""
        self._zero_s = time.monotonic() - position_s

    def wait(self, position_s: float) -> None:
        lead_s = -self.lateness(position_s)
        if lead_s > 0:
            self._heart.promise(lead_s + READ_S)
            time.sleep(lead_s)

    def lateness(self, position_s: float) -> float:
        """Seconds by which this position is in the past; 0 before the start."""
        return 0.0 if self._zero_s is None else time.monotonic() - self._zero_s - position_s


class _Shutter:
    """Puts pictures into slots, with their times and numbers."""

    def __init__(self, job: CaptureJob, video: Video, writer: SlotWriter) -> None:
        self._video, self._writer = video, writer
        self._is_file = isinstance(job.source, FileSource)
        self._file_time = FileTimeline(job.anchor_ms)
        self._camera_time = CameraTimeline()
        self._clock = SteadyClock(job.epoch_ms, lambda: time.time_ns() // 1_000_000)
        self._anchor_ms = job.anchor_ms
        self._frames_in = 0

    def expose(self, picture: Picture, *, late: bool = False) -> int:
        """Convert and publish a picture, or only count it if it is late.

        Returns its position in milliseconds, -1 for cameras.
        """
        self._frames_in += 1 + picture.undecodable
        self._writer.frames_dropped += late + picture.undecodable
        if self._is_file:
            t_ms = self._file_time.at(picture.position_s)
        else:
            t_ms = self._camera_time.at(picture.position_s, self._clock.at(picture.arrived_ns))
        # Of the clock, not of the picture: some files give two pictures the same time.
        position_ms = t_ms - self._anchor_ms if self._is_file else -1
        if late:
            return position_ms
        slot = self._writer.acquire()
        height, width = self._video.upright_size(picture.frame)
        self._video.develop_into(picture.frame, self._writer.view(slot, width, height))
        self._writer.publish(
            slot,
            width=width,
            height=height,
            frames_in=self._frames_in,
            t_ms=t_ms,
            captured_ns=picture.arrived_ns,
            position_ms=position_ms,
        )
        return position_ms


def _capture(
    job: CaptureJob, slots: Slots, generation: int, *, news_fd: int, beat_fd: int
) -> Fault:
    sandbox.forbid_dumps()
    slots.protect(PROT_READ | PROT_WRITE)
    delivered, position_ms = False, job.resume_ms

    def beat() -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(beat_fd, _BEAT.pack(delivered, position_ms))

    beat()
    try:
        import av

        from mizaru.edge.darkroom.capture.decode import OPEN_S, FaultError, Video
    except ImportError:
        return Fault.NO_AV
    av.logging.set_level(None)
    heart = Heart(beat)
    is_file = isinstance(job.source, FileSource)
    pacer = _Pacer(heart) if is_file and job.pace is Pace.LIVE else None
    is_fast = job.pace is Pace.FAST
    writer = SlotWriter(slots, generation, live=not is_fast)

    def before_packet(position_s: float | None) -> None:
        if pacer is not None and position_s is not None:
            pacer.wait(position_s)
        if is_fast and delivered:  # a frame "arrives" when there is room for it
            heart.promise(FOREVER_S)  # a busy darkroom is not our hang
            writer.reserve()
        heart.promise(DECODE_S)

    try:
        address = enter_sandbox(job.source, job.sandbox)
        heart.promise(OPEN_S)
        heart.start()
        beat()
        video = Video(job.source, address=address, rotate=job.rotate)
        shutter = _Shutter(job, video, writer)
        heart.promise(READ_S)
        resume_s = max(0, job.resume_ms) / 1000
        for decoded in video.pictures(before_packet=before_packet, start_s=resume_s):
            picture = decoded
            if not delivered:
                info = video.info(picture)
                news.send(news_fd, News(Kind.OPENED, generation=generation, info=info))
                heart.promise(FOREVER_S)  # it may still load its models
                writer.reserve()
                picture = replace(picture, arrived_ns=time.monotonic_ns())
                if pacer is not None:
                    pacer.start(picture.position_s)
            heart.promise(FOREVER_S if is_fast else DECODE_S)
            late = pacer is not None and pacer.lateness(picture.position_s) > LATE_S
            position_ms = shutter.expose(picture, late=late)
            delivered = True
            heart.promise(READ_S)
    except SandboxError:
        return Fault.NO_SANDBOX
    except FaultError as error:
        return error.fault
    return Fault.ENDED if delivered or job.resume_ms >= 0 else Fault.NO_FRAME
