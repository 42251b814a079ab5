"""The edge as a process of its own: killed at any moment, or asked to stop."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

_EDGE = """
import itertools, signal, sys, threading
from pathlib import Path
from mizaru.log import configure_log
from mizaru.edge.main import Rim, run_edge
from mizaru.edge.settings import CameraSettings, EdgeSettings, LinkSettings, SpoolSettings
from mizaru.wire.messages import Developed, Representation
import structlog

folder, url, first, last = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])

def develop(camera, *, stop, **_):
    for tick in range(first, last):
        if stop.wait(0.001):
            break
        yield Developed(Representation(tick, tick * 100, b"", ()), 4, 3, tick * 100)
    print(tick, flush=True)

stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
configure_log("warning", sys.stderr)
settings = EdgeSettings(
    camera=(CameraSettings(id="a", source="clip.mp4"),),
    link=LinkSettings(url=url),
    spool=SpoolSettings(path=str(folder / "s.sqlite")),
)
print("started", flush=True)
outcome = run_edge(settings, folder=folder, stop=stop, rim=Rim(develop=develop, environment={}),
                   log=structlog.get_logger())
print(outcome.delivered, outcome.waiting, flush=True)
"""

FOREVER = 10**6


@pytest.fixture
def start(tmp_path: Path, cloud: Any) -> Any:
    def make(first: int, last: int) -> subprocess.Popen[str]:
        arguments = [str(tmp_path), cloud.url, str(first), str(last)]
        return subprocess.Popen(
            [sys.executable, "-c", _EDGE, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return make


def test_kill_9_at_random_moments_loses_and_repeats_nothing(start: Any, cloud: Any) -> None:
    generator = np.random.default_rng(7)
    rounds = 6
    for round_ in range(rounds):
        edge = start(round_ * 10_000, FOREVER)
        assert edge.stdout.readline() == "started\n"
        before = len(cloud.segments.get("a", ()))
        cloud.wait(lambda n=before: len(cloud.segments.get("a", ())) > n)
        if round_ == 3:
            cloud.stop()
        time.sleep(generator.uniform(0.0, 0.25))
        edge.send_signal(signal.SIGKILL)
        edge.communicate()
        if round_ == 3:
            cloud.start()
    edge = start(rounds * 10_000, rounds * 10_000 + 7)
    out, err = edge.communicate(timeout=30)
    assert out.splitlines()[-1] == "True 0", err
    segments = cloud.segments["a"]
    assert [segment.number for segment in segments] == list(range(1, len(segments) + 1))
    ticks = cloud.ticks("a")
    assert ticks == sorted(set(ticks))
    assert ticks[-7:] == [rounds * 10_000 + tick for tick in range(7)]
    for round_ in range(rounds):
        mine = [tick - round_ * 10_000 for tick in ticks if tick // 10_000 == round_]
        assert mine == list(range(len(mine)))
    assert not cloud.gaps
    assert not cloud.complaints


def test_sigterm_delivers_what_is_begun_and_ends_in_order(
    start: Any, cloud: Any, tmp_path: Path
) -> None:
    edge = start(0, FOREVER)
    cloud.wait(lambda: len(cloud.segments.get("a", ())) > 2)
    edge.send_signal(signal.SIGTERM)
    out, err = edge.communicate(timeout=30)
    assert edge.returncode == 0, err
    _, last, outcome = out.splitlines()
    assert outcome == "True 0"
    # The tick at which it noticed was not developed any more.
    assert cloud.ticks("a") == list(range(int(last)))
    assert cloud.byes == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s.sqlite", "s.sqlite-ballast"]
