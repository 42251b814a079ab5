"""What a user would otherwise pick, each in a virtual environment of its own.

deface blurs faces in a video; mediapipe's Pose finds one person's landmarks. Neither does our
job (deface leaves the person in the picture, Pose follows one person and erases nobody): they
are the tools that stand where ours would, so their time per frame is the fair yardstick.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_DECODE = """
import sys, time, json, statistics
import cv2
def frames(path):
    video = cv2.VideoCapture(path)
    while True:
        ok, frame = video.read()
        if not ok:
            return
        yield frame
def report(step):
    times, start = [], time.perf_counter()
    for frame in frames(sys.argv[1]):
        begin = time.perf_counter()
        step(frame)
        times.append((time.perf_counter() - begin) * 1e3)
    wall = time.perf_counter() - start
    times = sorted(times[5:])
    print(json.dumps({"fps": (len(times) + 5) / wall, "p50_ms": statistics.median(times),
                      "p95_ms": times[int(0.95 * len(times))], "hits": hits}))
hits = 0
"""

_DEFACE = (
    _DECODE
    + """
from deface.centerface import CenterFace
from deface.deface import anonymize_frame
finder = CenterFace(in_shape=None, backend="onnxrt")
def step(frame):
    global hits
    found, _ = finder(frame, threshold=0.2)
    hits += len(found) > 0
    anonymize_frame(found, frame, mask_scale=1.3, replacewith="blur", ellipse=True,
                    draw_scores=False, replaceimg=None, mosaicsize=20)
report(step)
"""
)

_MEDIAPIPE = (
    _DECODE
    + """
import mediapipe
pose = mediapipe.solutions.pose.Pose(model_complexity=1)
def step(frame):
    global hits
    hits += pose.process(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)).pose_landmarks is not None
report(step)
"""
)

PEERS = {
    "deface": (("deface==1.5.0", "onnx", "onnxruntime"), _DEFACE),
    "mediapipe Pose": (("mediapipe==0.10.21",), _MEDIAPIPE),
}


@dataclass(frozen=True, slots=True)
class PeerResult:
    """``hits``: frames in which the peer found anything."""

    fps: float
    p50_ms: float
    p95_ms: float
    hits: int


def measure(peer: str, clip: Path, cache: Path) -> PeerResult:
    """Run a peer over a clip, decode included in its fps; installs it once into ``cache``."""
    requirements, program = PEERS[peer]
    home = cache / f"venv-{peer.split(maxsplit=1)[0]}"
    python = home / "bin" / "python"
    if not (home / ".installed").exists():
        print(f"installing {', '.join(requirements)} into {home} …", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *requirements], check=True)
        (home / ".installed").touch()
    done = subprocess.run([python, "-c", program, clip], check=True, capture_output=True, text=True)
    return PeerResult(**json.loads(done.stdout.strip().splitlines()[-1]))
