"""The darkroom process: capture beside it, models in it, the sandbox around it, one pipe out.

Order is what makes it safe. (1) The guard is forked while there is one thread and no pixel.
(2) Landlock goes on before any thread. (3) The models are loaded. (4) seccomp goes on, in all
threads. (5) The darkroom says that it is ready; words on the side channel are over. (6) Only
now are the slots of shared memory granted, so that no frame exists before the locks do.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
from msgspec import structs

from mizaru.edge.darkroom import sandbox
from mizaru.edge.darkroom.capture.camera import Camera
from mizaru.edge.darkroom.capture.child import CaptureJob
from mizaru.edge.darkroom.capture.news import Kind, News
from mizaru.edge.darkroom.capture.source import Fault, FileSource, parse_source
from mizaru.edge.darkroom.developer import Developer, whereabouts
from mizaru.edge.darkroom.frame import Frame
from mizaru.edge.darkroom.heart import Heart
from mizaru.edge.darkroom.side import (
    LENGTH_BYTES,
    NOTICE,
    Job,
    Report,
    SideWriter,
    is_whereabouts,
    report_of,
)
from mizaru.edge.settings import SandboxMode
from mizaru.errors import SandboxError, SourceError, TemporaryError
from mizaru.vocabulary import CameraState
from mizaru.wire.codec import encode
from mizaru.wire.messages import Outgoing

if TYPE_CHECKING:  # they load OpenCV, which guard, capture child and probe never need
    from mizaru.edge.darkroom.desensitize.contract import Desensitizer
    from mizaru.edge.darkroom.encode.stage import EncodeStage
    from mizaru.edge.darkroom.perceive.perception import Perceiver

EXIT_AGAIN: Final = TemporaryError.exit_code
LOAD_S: Final = 120.0
"""Longest time to load, and perhaps compile, the models."""
STAGE_MARGIN_S: Final = 0.5
WAIT_S: Final = 1.0


Build = Callable[[Job], "tuple[Perceiver, Desensitizer, EncodeStage | None]"]


def build(job: Job) -> tuple[Perceiver, Desensitizer, EncodeStage | None]:
    """The stages, loaded. Imports late: nothing of it is needed to fork the guard."""
    from mizaru.edge.darkroom.desensitize import build_desensitizer
    from mizaru.edge.darkroom.encode.stage import build_stage
    from mizaru.edge.darkroom.perceive import build_perceiver

    rng = np.random.default_rng()
    perceiver = build_perceiver(
        job.camera.perceive, Path(job.models), rng=rng, clock=time.monotonic
    )
    desensitizer = build_desensitizer(job.camera, rng=rng, clock=_wall_ms)
    return perceiver, desensitizer, build_stage(job.camera.embedding)


def main(build: Build = build) -> int:
    """Body of the darkroom process; returns its exit status."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the edge decides when to end
    job = msgspec.json.decode(_first_line(0), type=Job)
    side = SideWriter(job.side_fd)
    mouth = _take_mouth()
    ready = False
    try:
        sandbox.die_with_parent(job.parent_pid)
        sandbox.forbid_dumps()
        camera = _start_camera(job)
        locked = _lock_paths(job, side)
        heart = Heart(side.beat)
        heart.promise(LOAD_S)
        heart.start()
        perceiver, desensitizer, encoding = build(job)
        locked = _lock_syscalls(job, side, locked)
        developer = Developer(
            perceiver,
            desensitizer,
            mouth,
            base=structs.replace(job.base, sandboxed=locked),
            encoding=encoding,
            promise=heart.promise,
            stage_s=job.camera.perceive.timeout_ms / 1000 + STAGE_MARGIN_S,
        )
        developer.say()
        ready = True
        return _develop(camera, developer, heart)
    except BrokenPipeError:  # the edge is gone
        return EXIT_AGAIN
    except Exception as error:
        place = whereabouts(error)
        if not ready:
            side.report(report_of(error, place=place))
        else:
            text = str(error) if is_whereabouts(str(error)) else place
            side.report(Report(TemporaryError.__name__, text))
        return EXIT_AGAIN


def _develop(camera: Camera, developer: Developer, heart: Heart) -> int:
    status = 0
    heart.promise(2 * WAIT_S)
    for item in camera.watch(WAIT_S):
        match item:
            case Frame():
                developer.develop(
                    item, frames_in=camera.frames_in, frames_dropped=camera.frames_dropped
                )
            case News():
                developer.learn(item)
                if item.kind is Kind.FAILED:
                    status = item.fault
        developer.tick()
        heart.promise(2 * WAIT_S)
    if developer.state not in (CameraState.ENDED, CameraState.FAILED):
        developer.say()  # told to stop: the last word
    return status


def probe_main() -> int:
    """Body of the probe process: source on standard input, `SourceInfo` on standard output."""
    from mizaru.edge.darkroom.capture import child
    from mizaru.edge.darkroom.capture.decode import FaultError

    source, mode, parent_pid = msgspec.json.decode(
        _first_line(0), type=tuple[str, SandboxMode, int]
    )
    sandbox.die_with_parent(parent_pid)
    sandbox.forbid_dumps()
    try:
        info = child.probe(parse_source(source), mode)
    except FaultError as error:
        return error.fault
    except SourceError:
        return Fault.NOT_VIDEO
    os.write(1, msgspec.msgpack.encode(info))
    return 0


def _start_camera(job: Job) -> Camera:
    source = parse_source(job.source)
    now_ms = max(_wall_ms(), job.not_before_ms)
    capture = CaptureJob(
        source=source,
        pace=job.camera.pace,
        rotate=job.camera.rotate,
        sandbox=job.sandbox,
        anchor_ms=job.anchor_ms,
        resume_ms=job.resume_ms if isinstance(source, FileSource) else -1,
        epoch_ms=now_ms - time.monotonic_ns() // 1_000_000,
    )
    return Camera(capture, seen=job.seen, first_frame_id=job.first_frame_id, watch_fd=0)


def _lock_paths(job: Job, side: SideWriter) -> bool:
    """Landlock; returns whether it is on."""
    readable = [*sandbox.library_paths(), Path(job.models)]
    if job.camera.perceive.keypoint_model is not None:
        readable.append(Path(job.camera.perceive.keypoint_model.path))
    # What runtimes ask about the processor.
    readable += map(Path, ("/proc/cpuinfo", "/proc/meminfo", "/proc/self", "/sys/devices/system"))
    with _Loudly(job, side) as attempt:
        sandbox.forbid_paths(read=readable)
    return attempt.succeeded


def _lock_syscalls(job: Job, side: SideWriter, locked: bool) -> bool:
    with _Loudly(job, side) as attempt:
        sandbox.allow_syscalls()
    return locked and attempt.succeeded


class _Loudly:
    """Strict: a `SandboxError` goes on its way. Loud: it is reported, and life goes on."""

    def __init__(self, job: Job, side: SideWriter) -> None:
        self._mode, self._side = job.sandbox, side
        self.succeeded = False

    def __enter__(self) -> _Loudly:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        self.succeeded = error is None
        if isinstance(error, SandboxError) and self._mode is SandboxMode.LOUD:
            self._side.report(Report(NOTICE, str(error)))
            return True
        return False


def _take_mouth() -> Callable[[Outgoing], int]:
    """Standard output becomes the pipe that only messages go to; prints go nowhere."""
    fd = os.dup(1)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    os.close(null)
    lock = threading.Lock()

    def write(message: Outgoing) -> int:
        body = encode(message)
        data = memoryview(len(body).to_bytes(LENGTH_BYTES, "big") + body)
        with lock:
            while data:
                data = data[os.write(fd, data) :]
        return len(body) + LENGTH_BYTES

    return write


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


def _first_line(fd: int) -> bytes:
    line = bytearray()
    while not line.endswith(b"\n"):
        byte = os.read(fd, 1)
        if not byte:
            sys.exit(EXIT_AGAIN)
        line += byte
    return bytes(line)
