"""Bad input gets one clear line, an exit code, and leaves nothing behind."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest


def mizaru(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mizaru", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "COLUMNS": "200", **environment},
    )


def _missing(folder: Path) -> str:
    return str(folder / "nowhere.mp4")


def _text(folder: Path) -> str:
    file = folder / "text.mp4"
    file.write_text("this is not a video\n" * 100)
    return str(file)


def _empty(folder: Path) -> str:
    file = folder / "empty.mp4"
    file.touch()
    return str(file)


def _audio_only(folder: Path) -> str:
    file = folder / "sound.mp4"
    with av.open(str(file), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        samples = np.zeros((1, 16000), dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.sample_rate = 16000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return str(file)


def _truncated(folder: Path) -> str:
    whole, file = folder / "whole.mp4", folder / "cut.mp4"
    with av.open(str(whole), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for _ in range(30):
            picture = av.VideoFrame.from_ndarray(np.zeros((180, 320, 3), np.uint8))
            for packet in stream.encode(picture):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    data = whole.read_bytes()
    file.write_bytes(data[: len(data) // 2])  # the index stands at the end of an mp4
    return str(file)


def _folder(folder: Path) -> str:
    return str(folder)


def _unreachable(folder: Path) -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"rtsp://operator:s3cret@127.0.0.1:{free.getsockname()[1]}/stream"


def _absent_usb(folder: Path) -> str:
    return "63"


@pytest.mark.parametrize(
    "make",
    [
        _missing,
        _text,
        _empty,
        _audio_only,
        _truncated,
        _folder,
        _unreachable,
        _absent_usb,
    ],
)
def test_a_bad_source_is_one_line(make: Callable[[Path], str], tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    source = make(tmp_path)
    done = mizaru("run", source, "--no-dashboard", "--json", results)
    assert done.returncode != 0
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("mizaru: ")
    assert "s3cret" not in done.stderr
    assert not results.exists()


EDGE = """\
[edge.link]
url = "ws://127.0.0.1:7443/edge"
[[edge.camera]]
id = "ward-3"
source = "0"
"""

CLOUD = """\
[cloud]
listen = "127.0.0.1:8080"
[[cloud.camera]]
id = "ward-3"
[[cloud.camera.zone]]
name = "door"
kind = "intrude"
polygon = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]
"""


@pytest.mark.parametrize(
    ("text", "change", "line", "words"),
    [
        (EDGE, ("id =", "idd ="), 4, "id"),
        (EDGE, ('source = "0"', 'source = "0"\npaces = "live"'), 6, "pace"),
        (EDGE, ('"ward-3"', '"Ward 3"'), 4, "edge.camera[0].id"),
        (EDGE, ("127.0.0.1", "192.0.2.7"), 2, "loopback"),
        (EDGE, ("[[edge.camera]]", "[[edge.camera]"), 3, "TOML"),
        (CLOUD, ("[0.9, 0.1], [0.9, 0.9]", "[0.9, 0.9], [0.1, 0.9], [0.9, 0.1]"), 8, "cross"),
        (CLOUD, ("[0.9, 0.9]]", "[1.9, 0.9]]"), 8, "polygon"),
        (CLOUD, ("[[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]", "[[0.1, 0.1]]"), 8, "polygon"),
        (CLOUD, ("127.0.0.1:8080", "0.0.0.0:8080"), 2, "loopback"),
    ],
)
def test_check_names_file_line_and_key(
    text: str, change: tuple[str, str], line: int, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "site.toml"
    file.write_text(text)
    assert mizaru("check", file).returncode == 0
    assert change[0] in text
    file.write_text(text.replace(*change, 1))
    done = mizaru("check", file)
    assert done.returncode == 78
    assert f"site.toml:{line}:" in done.stderr
    assert words in done.stderr


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    file = tmp_path / "cloud.toml"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        file.write_text(f'[cloud]\nlisten = "127.0.0.1:{port}"\nedge_listen = "127.0.0.1:0"\n')
        done = mizaru("cloud", file)
    assert done.returncode == 69
    assert str(port) in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.glob("*.sqlite*"))


def test_a_model_with_a_wrong_checksum_is_refused(tmp_path: Path, sample: Path) -> None:
    for name in ("pose_detection.tflite", "pose_landmark_full.tflite"):
        (tmp_path / name).write_bytes(b"not a model")
    done = mizaru("models", "verify", MIZARU_MODELS=str(tmp_path))
    assert done.returncode != 0
    assert "pose_detection.tflite" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_results_that_cannot_be_written_end_the_run_with_one_line(sample: Path) -> None:
    done = mizaru("run", sample, "--no-dashboard", "--pace", "fast", "--json", "/dev/full")
    assert done.returncode == 75
    (line,) = done.stderr.strip().splitlines()
    assert "/dev/full: cannot write results" in line


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_standard_output_that_is_full_is_one_line_too(sample: Path) -> None:
    command = [sys.executable, "-m", "mizaru", "run", sample, "--no-dashboard", "--pace", "fast"]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    assert done.returncode == 75
    (line,) = done.stderr.strip().splitlines()
    assert "cannot write results" in line
