"""The edge's side of a darkroom: starts it, reads its mouth, watches it, starts it again."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec import structs

from mizaru.edge.darkroom.capture.source import (
    Fault,
    FileSource,
    SourceInfo,
    error_of,
    parse_source,
    redact,
)
from mizaru.edge.darkroom.heart import SILENCE_S
from mizaru.edge.darkroom.side import LENGTH_BYTES, NOTICE, Job, Report, SideReader
from mizaru.edge.settings import CameraSettings, SandboxMode
from mizaru.errors import MizaruError, PermanentError, TemporaryError, WallError, WireError
from mizaru.vocabulary import CameraState
from mizaru.wire.budget import largest
from mizaru.wire.codec import decode_outgoing
from mizaru.wire.messages import GRID_MS, Developed, Outgoing, Plate, Status

COMMAND: Final = (sys.executable, "-P", "-m", "mizaru.edge.darkroom")
MAX_MESSAGE_BYTES: Final = max(map(largest, (Developed, Plate, Status)))
STARTING_S: Final = 30.0
"""Silence allowed until the darkroom is ready: loading a library may hold its interpreter."""
POLL_S: Final = 0.25
GOODBYE_S: Final = 2.0
BACKOFF_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
FAILED_STARTS: Final = 5
"""Darkrooms in a row that never developed a frame nor waited for a camera: give up."""
PROBE_S: Final = 15.0


def develop(
    camera: CameraSettings,
    *,
    source: str,
    sandbox: SandboxMode,
    models: Path,
    stop: threading.Event,
    wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    monotonic: Callable[[], float] = time.monotonic,
    warn: Callable[[str], None] = lambda line: print(line, file=sys.stderr),
    command: Sequence[str] = COMMAND,
) -> Iterator[Outgoing]:
    """Everything that leaves one camera's darkroom, in order, until its source ends.

    Runs the darkroom as a process of its own, in the calling thread (blocking), notices a
    crash at once and a hang within five seconds, and starts it again after a growing pause.
    Closing the generator, setting ``stop`` or ending the thread ends the process.

    Args:
        camera: settings.
        source: ``camera.source`` with ``${…}`` expanded.
        sandbox: strict refuses where the darkroom cannot be locked in.
        models: directory of the models.
        stop: set it to end; the last status still comes.
        wall_ms, monotonic: clocks, milliseconds since the epoch and seconds.
        warn: receives one line at each start that is not locked in.
        command: the program; tests put their own there.

    Yields:
        `Developed` in strictly increasing time, `Plate` before the first `Developed` that
        refers to it, and `Status` at every change of state and every five seconds.

    Raises:
        SourceError, ModelError, SandboxError, PermanentError: trying again changes nothing.
        WallError: the darkroom wrote what it must not; it was killed.
    """
    parse_source(source)
    supervisor = _Supervisor(
        camera, source, sandbox, models, stop, wall_ms, monotonic, warn, command
    )
    try:
        yield from supervisor.run()
    finally:
        supervisor.end()


def probe(
    source: str, *, sandbox: SandboxMode = SandboxMode.LOUD, timeout_s: float = PROBE_S
) -> SourceInfo:
    """Open a source once, in a process of its own, decode one frame and say what it is.

    Raises:
        SourceError: it is not a video or a camera, or refuses the credentials.
        SourceLostError: it cannot be reached now.
    """
    parse_source(source)
    job = msgspec.json.encode((source, sandbox, os.getpid())) + b"\n"
    try:
        done = subprocess.run(
            [*COMMAND, "probe"],
            input=job,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=timeout_s,
            env=_environment(),
            start_new_session=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise error_of(Fault.UNREACHABLE, source) from None
    if done.returncode:
        raise error_of(_fault(done.returncode), source)
    try:
        return msgspec.msgpack.decode(done.stdout[:256], type=SourceInfo)
    except msgspec.DecodeError:
        raise error_of(Fault.CRASHED, source) from None


class _Supervisor:
    def __init__(
        self,
        camera: CameraSettings,
        source: str,
        sandbox: SandboxMode,
        models: Path,
        stop: threading.Event,
        wall_ms: Callable[[], int],
        monotonic: Callable[[], float],
        warn: Callable[[str], None],
        command: Sequence[str],
    ) -> None:
        self._camera, self._source = camera, source
        self._sandbox, self._models = sandbox, models
        self._stop, self._wall_ms, self._monotonic = stop, wall_ms, monotonic
        self._warn, self._command = warn, command
        self._anchor_ms = wall_ms() // GRID_MS * GRID_MS
        self._last = Status(camera.id, CameraState.STARTING, wall_ms())
        self._last_t_ms = -1
        self._last_frame_id = -1
        self._is_file = isinstance(parse_source(source), FileSource)
        self._process: subprocess.Popen[bytes] | None = None
        self._reports: list[Report] = []
        self._useful = False

    def run(self) -> Iterator[Outgoing]:
        failed_starts = 0
        while not self._stop.is_set():
            self._useful = False
            yield from self._one_darkroom()
            if self._stop.is_set() or self._last.state is CameraState.ENDED:
                return
            reason = self._reason()
            failed_starts = 0 if self._useful else failed_starts + 1
            if failed_starts >= FAILED_STARTS and not isinstance(reason, PermanentError):
                reason = PermanentError(
                    f"camera {self._camera.id}: the darkroom failed {failed_starts} times in a "
                    f"row: {reason}"
                )
            if isinstance(reason, PermanentError):
                if self._last.state is not CameraState.FAILED:
                    yield self._say(CameraState.FAILED)
                raise reason
            yield self._say(CameraState.RESTARTING, restarts=self._last.restarts + 1)
            self._stop.wait(BACKOFF_S[min(failed_starts, len(BACKOFF_S) - 1)])

    def end(self) -> None:
        """Kill the darkroom if it still runs; its capture dies with it."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(BrokenPipeError):
                if process.stdin is not None:
                    process.stdin.close()
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()

    def _one_darkroom(self) -> Iterator[Outgoing]:
        self._reports = []
        side_r, side_w = os.pipe()
        try:
            process = self._start(side_w)
            os.close(side_w)
            yield from self._listen(process, side_r)
        finally:
            os.close(side_r)

    def _start(self, side_fd: int) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=(side_fd,),
            env=_environment(),
            start_new_session=True,
            bufsize=0,
        )
        self._process = process
        resume_ms = self._last_t_ms - self._anchor_ms if self._last_t_ms >= 0 else -1
        job = Job(
            camera=self._camera,
            source=self._source,
            sandbox=self._sandbox,
            models=str(self._models),
            side_fd=side_fd,
            parent_pid=os.getpid(),
            base=self._last,
            anchor_ms=self._anchor_ms,
            resume_ms=resume_ms if self._is_file else -1,
            not_before_ms=self._last_t_ms + GRID_MS,
            first_frame_id=self._last_frame_id + 1,
            seen=self._last_t_ms >= 0,
        )
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(msgspec.json.encode(job) + b"\n")
        return process

    def _listen(self, process: subprocess.Popen[bytes], side_fd: int) -> Iterator[Outgoing]:
        """Messages of one darkroom until it ends, hangs or is told to stop."""
        assert process.stdout is not None
        assert process.stdin is not None
        mouth_fd = process.stdout.fileno()
        mouth, side = _Mouth(self._camera.id), SideReader()
        poller = select.poll()
        for fd in (mouth_fd, side_fd):
            os.set_blocking(fd, False)
            poller.register(fd, select.POLLIN)
        ready, stopping_s = False, None
        heard_s = self._monotonic()
        while True:
            readable = {fd for fd, _ in poller.poll(POLL_S * 1000)}
            now_s = self._monotonic()
            if side_fd in readable:
                data = os.read(side_fd, 65_536)
                heard_s = now_s
                if data:
                    self._note(side.feed(data, ready=ready))
                else:
                    poller.unregister(side_fd)
            if mouth_fd in readable:
                data = os.read(mouth_fd, 65_536)
                if not data:
                    break
                for message in mouth.feed(data):
                    ready = True
                    if self._accept(message):
                        yield message
                heard_s = self._monotonic()  # the consumer's time is not the darkroom's
            elif now_s - heard_s > (SILENCE_S if ready else STARTING_S):
                self._note([Report(TemporaryError.__name__, "the darkroom hangs")])
                break
            if self._stop.is_set():
                if stopping_s is None:
                    stopping_s = now_s
                    process.stdin.close()  # the lifeline: it says its last status and ends
                elif now_s - stopping_s > GOODBYE_S:
                    break
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(POLL_S)
        with contextlib.suppress(BlockingIOError, OSError):
            self._note(side.feed(os.read(side_fd, 65_536), ready=ready))
        status = process.poll()
        self.end()
        if status is not None and status > 0 and not self._reports:
            with contextlib.suppress(ValueError):
                fault = Fault(status)
                if not fault.is_temporary:
                    error = error_of(fault, self._source)
                    self._reports = [Report(type(error).__name__, str(error))]

    def _accept(self, message: Outgoing) -> bool:
        """Keep count; False for a representation that a restarted darkroom says again."""
        if isinstance(message, Status):
            self._last = message
            self._useful |= message.state in (CameraState.STREAMING, CameraState.BLIND)
        elif isinstance(message, Developed):
            if message.representation.t_ms <= self._last_t_ms:
                return False
            self._last_t_ms = message.representation.t_ms
            self._last_frame_id = message.representation.frame_id
            # Its last status may be older than its last frame, should it crash now.
            frames_in = max(self._last.frames_in, self._last_frame_id + 1)
            self._last = structs.replace(self._last, frames_in=frames_in)
            self._useful = True
        return True

    def _note(self, reports: list[Report]) -> None:
        for report in reports:
            if report.kind == NOTICE:
                self._warn(f"mizaru: camera {self._camera.id}: NOT LOCKED IN: {report.text}")
            else:
                self._reports.append(report)

    def _reason(self) -> MizaruError:
        if self._reports:
            return self._reports[-1].as_error()
        return TemporaryError(f"the darkroom of {redact(self._source)} ended without a word")

    def _say(self, state: CameraState, *, restarts: int | None = None) -> Status:
        self._last = structs.replace(
            self._last,
            state=state,
            t_ms=self._wall_ms(),
            fps_tenths=0,
            restarts=min(self._last.restarts if restarts is None else restarts, 2**16 - 1),
        )
        return self._last


class _Mouth:
    """Length-prefixed messages out of a byte stream; anything else raises `WallError`."""

    def __init__(self, camera_id: str) -> None:
        self._camera_id = camera_id
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Outgoing]:
        self._buffer += data
        while len(self._buffer) >= LENGTH_BYTES:
            length = int.from_bytes(self._buffer[:LENGTH_BYTES], "big")
            if not 0 < length <= MAX_MESSAGE_BYTES:
                raise self._wall(f"a message of {length} bytes, more than {MAX_MESSAGE_BYTES}")
            if len(self._buffer) < LENGTH_BYTES + length:
                return
            body = bytes(self._buffer[LENGTH_BYTES : LENGTH_BYTES + length])
            del self._buffer[: LENGTH_BYTES + length]
            try:
                message = decode_outgoing(body)
            except WireError:
                raise self._wall("what is not a message") from None
            if isinstance(message, Status) and message.camera != self._camera_id:
                raise self._wall("another camera's status")
            yield message

    def _wall(self, what: str) -> WallError:
        return WallError(
            f"camera {self._camera_id}: its darkroom wrote {what} and was killed; report this"
        )


def _environment() -> dict[str, str]:
    # numpy's BLAS would start threads at import, before Landlock; nothing here needs them.
    return os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def _fault(status: int) -> Fault:
    try:
        return Fault(status)
    except ValueError:
        return Fault.CRASHED
