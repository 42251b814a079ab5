"""The darkroom on simulated clips: frames per second, milliseconds per stage, bytes.

Three runs of the same clip: in this process, for the time of each stage; through the real
darkroom process as fast as it can, for its frames per second (decoding beside it, as in the
field); and at the camera's clock, for the latency from capture to pipe and for late frames.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from msgspec import structs

from mizaru.edge.darkroom import develop
from mizaru.edge.darkroom.capture.decode import Video
from mizaru.edge.darkroom.capture.source import parse_source
from mizaru.edge.darkroom.desensitize import build_desensitizer
from mizaru.edge.darkroom.encode.stage import build_stage
from mizaru.edge.darkroom.frame import Frame
from mizaru.edge.darkroom.perceive import build_perceiver
from mizaru.edge.darkroom.stopwatch import Stopwatch
from mizaru.edge.models import models_folder
from mizaru.edge.settings import CameraSettings, Pace, Runtime, SandboxMode
from mizaru.wire.codec import encode
from mizaru.wire.messages import Developed, Plate, Status

WARM_UP_FRAMES = 15


@dataclass(frozen=True, slots=True)
class DarkroomResult:
    """Milliseconds are (p50, p95); bytes per second are of clip time."""

    stages_ms: dict[str, tuple[float, float]]
    cpu_ms_per_frame: float
    people: float
    fps: float
    live_ms: tuple[float, float]
    live_dropped: int
    bytes_per_s: float
    h264_bytes_per_s: float
    rss_mb: float


def measure(clip: Path, runtime: Runtime = Runtime.LITERT) -> DarkroomResult:
    """All three runs of one clip."""
    camera = CameraSettings(id="bench", source=str(clip), pace=Pace.FAST)
    camera = _with_runtime(camera, runtime)
    stopwatch, cpu_ms, people = _in_process(camera, clip)
    fast, rss_mb = _through_process(camera)
    live, _ = _through_process(_with_runtime(
        CameraSettings(id="bench", source=str(clip), pace=Pace.LIVE), runtime))  # fmt: skip
    return DarkroomResult(
        stages_ms={
            name: (stopwatch.percentile_ms(name, 50), stopwatch.percentile_ms(name, 95))
            for name in stopwatch.stages
        },
        cpu_ms_per_frame=cpu_ms,
        people=people,
        fps=fast.fps,
        live_ms=(live.status.pipe_p50_ms, live.status.pipe_p95_ms),
        live_dropped=live.status.frames_dropped,
        bytes_per_s=fast.bytes / fast.clip_s,
        h264_bytes_per_s=clip.stat().st_size / fast.clip_s,
        rss_mb=rss_mb,
    )


def _with_runtime(camera: CameraSettings, runtime: Runtime) -> CameraSettings:
    return structs.replace(camera, perceive=structs.replace(camera.perceive, runtime=runtime))


def _in_process(camera: CameraSettings, clip: Path) -> tuple[Stopwatch, float, float]:
    rng = np.random.default_rng(0)
    perceiver = build_perceiver(
        camera.perceive, models_folder(None, os.environ), rng=rng, clock=time.monotonic
    )
    desensitizer = build_desensitizer(camera, rng=rng, clock=time.monotonic_ns)
    encoding = build_stage(camera.embedding)
    channel = None if encoding is None else encoding.channel
    stopwatch, found, number = Stopwatch(), [], 0
    video = Video(parse_source(str(clip)))
    cpu_start = time.process_time()
    mark = time.monotonic_ns()
    for picture in video.pictures():
        pixels = np.empty((*video.upright_size(picture.frame), 3), np.uint8)
        video.develop_into(picture.frame, pixels)
        pixels.flags.writeable = False
        now = time.monotonic_ns()
        frame = Frame(number, round(picture.position_s * 1000), now, pixels)
        number += 1
        if number == WARM_UP_FRAMES:
            cpu_start, stopwatch = time.process_time(), Stopwatch()
        stopwatch.add("decode", (now - mark) / 1e6)
        with stopwatch.stage("perceive"):
            perception = perceiver.perceive(frame)
        with stopwatch.stage("desensitize"):
            out = desensitizer.desensitize(frame, perception)
        with stopwatch.stage("encode"):
            width, height = frame.resolution_wh
            for message in out if encoding is None else encoding.encode(out, width / height):
                if not isinstance(message, Plate):
                    encode(Developed(message, width, height, 0, channel))
        found.append(len(perception.persons))
        mark = time.monotonic_ns()
    cpu_ms = (time.process_time() - cpu_start) * 1e3 / max(number - WARM_UP_FRAMES, 1)
    return stopwatch, cpu_ms, float(np.mean(found[WARM_UP_FRAMES:]))


@dataclass(slots=True)
class _Outcome:
    status: Status
    fps: float
    bytes: int
    clip_s: float


def _through_process(camera: CameraSettings) -> tuple[_Outcome, float]:
    size, first_ms, last_ms = 0, None, 0
    started = finished = 0.0
    frames, rss, status = 0, 0, None
    for message in develop(
        camera,
        source=camera.source,
        sandbox=SandboxMode.LOUD,
        models=models_folder(None, os.environ),
        stop=threading.Event(),
    ):
        match message:
            case Developed(representation=representation):
                if first_ms is None:
                    first_ms, started = representation.t_ms, time.monotonic()
                last_ms, finished = representation.t_ms, time.monotonic()
                size += len(encode(representation))
                if not frames % 20:
                    rss = max(rss, _darkroom_rss())
                frames += 1
            case Plate():
                size += len(encode(message))
            case Status():
                status = message
    assert status is not None
    assert first_ms is not None
    clip_s = (last_ms - first_ms) / 1000
    developed = status.frames_in - status.frames_dropped
    outcome = _Outcome(status, developed / max(finished - started, 1e-6), size, clip_s)
    return outcome, rss / 2**20


def _darkroom_rss() -> int:
    """Memory of the darkroom and its capture child; what they share counts once (PSS)."""
    total = 0
    for process in psutil.Process().children(recursive=True):
        try:
            total += process.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total
