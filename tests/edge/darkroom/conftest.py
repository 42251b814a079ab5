"""Videos made on the spot (a rectangle that moves) and a camera to call."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

HERE = Path(__file__).parent


def write_video(
    path: Path,
    *,
    width: int = 320,
    height: int = 180,
    frames: int = 50,
    fps: int = 25,
    times_ms: Iterable[int] | None = None,
    gop: int = 10,
    draw: Callable[[np.ndarray, int], None] | None = None,
) -> Path:
    """A rectangle that walks to the right; ``times_ms`` makes the frame rate variable."""
    times = list(times_ms) if times_ms is not None else [i * 1000 // fps for i in range(frames)]
    with av.open(str(path), "w") as container:
        options = {"preset": "ultrafast", "crf": "10"}
        stream = container.add_stream("libx264", rate=fps, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        stream.codec_context.gop_size = gop
        for number, time_ms in enumerate(times):
            picture = np.full((height, width, 3), 40, np.uint8)
            if draw is not None:
                draw(picture, number)
            else:
                left = number * 4 % (width - 40)
                picture[height // 4 : height // 2, left : left + 40] = (230, 120, 30)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = time_ms, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="session")
def make_video() -> Callable[..., Path]:
    return write_video


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds at 25 frames a second, 320×180."""
    return write_video(tmp_path_factory.mktemp("video") / "two_seconds.mp4")


@pytest.fixture(scope="session")
def long_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute at 25 frames a second."""
    return write_video(tmp_path_factory.mktemp("video") / "minute.mp4", frames=1500)


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An mp4 with sound only."""
    path = tmp_path_factory.mktemp("video") / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16_000)
        for index in range(20):
            samples = np.zeros((1, 1024), np.float32)
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 16_000, index * 1024
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.fixture
def rtsp_server(video: Path) -> Iterator[Callable[..., Any]]:
    """Starts RTSP cameras; all are gone after the test."""
    spec = importlib.util.spec_from_file_location("rtsp_server", HERE / "rtsp_server.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    servers: list[Any] = []

    def start(**options: Any) -> Any:
        servers.append(module.RtspServer(video, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
