"""The dashboard in a real Chromium; what happens in the browser is written in ``web/e2e``."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from websockets.sync.client import connect

from mizaru.cloud.api import DASHBOARD
from mizaru.vocabulary import CameraState, Pose
from mizaru.wire.codec import encode, pack_pose
from mizaru.wire.messages import (
    GENESIS,
    GRID_MS,
    MAX_REPRESENTATIONS,
    SEGMENT_MS,
    Offer,
    Representation,
    Segment,
    Status,
    chain_digest,
)
from mizaru.wire.session import EdgeSession

WEB = Path(__file__).parents[2] / "web"
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
STREAM = b"e2e-room"

# Somebody who stands, seen from the front: COCO order, u and v.
STANDING = (
    (0.500, 0.27), (0.505, 0.26), (0.495, 0.26), (0.510, 0.27), (0.490, 0.27),
    (0.530, 0.35), (0.470, 0.35), (0.537, 0.46), (0.463, 0.46), (0.540, 0.56), (0.460, 0.56),
    (0.519, 0.54), (0.481, 0.54), (0.519, 0.70), (0.481, 0.70), (0.519, 0.85), (0.481, 0.85),
)  # fmt: skip

CONFIG = """
[cloud]
listen = "127.0.0.1:0"
edge_listen = "127.0.0.1:0"
store.path = "{store}"

[[cloud.camera]]
id = "room"
name = "Test room"

[[cloud.camera.zone]]
name = "Everywhere"
kind = "intrude"
polygon = [[0, 0], [1, 0], [1, 1], [0, 1]]
seconds = 2
"""


def run_in_browser(file: str, **environment: str) -> None:
    """Run one file of ``web/e2e``; skip with a reason where something it needs is missing."""
    npm = shutil.which("npm")
    if npm is None or not (WEB / "node_modules" / "vitest").is_dir():
        pytest.skip("the dashboard's packages are not installed: npm --prefix web ci")
    named = os.environ.get("CHROMIUM")
    chromium = named or next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if chromium is None:
        pytest.skip("no Chromium here: apt-get install chromium, or set CHROMIUM to its path")
    done = subprocess.run(
        [npm, "--prefix", str(WEB), "run", "--silent", "e2e", "--", file],
        env={**os.environ, **environment, "CHROMIUM": chromium, "CI": "1", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, f"\n{done.stdout}\n{done.stderr}"
    assert "passed" in done.stdout
    assert "skipped" not in done.stdout


@pytest.mark.slow
def test_against_a_cloud_that_says_what_the_test_wants() -> None:
    """Scene, incidents, blindness, reconnection, axe; no console error, no foreign request."""
    run_in_browser("dashboard")


@pytest.mark.slow
def test_against_the_real_cloud(cloud: dict[str, str]) -> None:
    """The real cloud's REST, WebSocket, security headers and files suit the page."""
    stop = threading.Event()
    edge = threading.Thread(target=stand_there, args=(cloud["edge"], stop))
    edge.start()
    try:
        run_in_browser("real", MIZARU_URL=f"http://{cloud['api']}/")
    finally:
        stop.set()
        edge.join()


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Addresses ``api`` and ``edge`` of a running cloud."""
    if not (DASHBOARD / "index.html").is_file():
        pytest.skip("the dashboard is not built: npm --prefix web run build")
    config, ready = tmp_path / "cloud.toml", tmp_path / "ready.json"
    config.write_text(CONFIG.format(store=tmp_path / "cloud.sqlite"))
    arguments = ["cloud", str(config), "--ready-file", str(ready)]
    program = subprocess.Popen([sys.executable, "-m", "mizaru", *arguments])
    try:
        deadline = time.monotonic() + 60
        while not ready.exists():
            assert program.poll() is None, "the cloud ended before it was ready"
            assert time.monotonic() < deadline, "the cloud was not ready within a minute"
            time.sleep(0.05)
        yield json.loads(ready.read_text())
    finally:
        program.send_signal(signal.SIGTERM)
        program.wait(20)


def stand_there(address: str, stop: threading.Event) -> None:
    """An edge whose camera sees one person stand still, until told to stop."""
    keypoints = np.array([(u, v, 1.0) for u, v in STANDING], dtype=np.float32)
    record = pack_pose(Pose(4711, keypoints))
    session = EdgeSession(bytes(16), [Offer("room", STREAM, 1, 0)], lambda *_: None)
    with connect(f"ws://{address}/edge") as socket:
        socket.send(session.hello())
        session.receive(_bytes(socket.recv(20)))
        previous = GENESIS
        while not stop.is_set():
            number = session.next_number("room")
            if number is not None:
                now = int(time.time() * 1000) // GRID_MS * GRID_MS
                frames = tuple(
                    Representation(
                        number * MAX_REPRESENTATIONS + k, now + k * GRID_MS, b"", (record,)
                    )
                    for k in range(1 - MAX_REPRESENTATIONS, 1)
                )
                segment = Segment("room", STREAM, number, previous, 640, 360, now, frames)
                encoded = encode(segment)
                previous = chain_digest(encoded)
                socket.send(session.segment("room", STREAM, number, encoded))
                socket.send(session.status(Status("room", CameraState.STREAMING, now)))
            session.receive(_bytes(socket.recv(20)))
            stop.wait(SEGMENT_MS / 1000)
        socket.send(session.bye())


def _bytes(message: str | bytes) -> bytes:
    assert isinstance(message, bytes)
    return message
