"""An hour of rooms in which nobody is: stills of real rooms, brought to life by a camera.

Sensor noise, a lamp that drifts and is switched, a mount that trembles by a pixel. Nobody may be
reported in it. ``upfall_cam2`` is left out: a bystander sits in it. ``intel_*``, ``gmdcsa`` and
``upfall`` are rooms on which the rules against furniture were set (see ``perceive_data``); the
``scfd`` rooms were not looked at then.

    python -m benchmarks.empty_rooms [--minutes 60]

writes the clips into ``.bench/empty`` with a manifest for ``mizaru evaluate`` and prints what
the recognizer says about them.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import av
import cv2
import numpy as np
from rich.progress import track

from benchmarks.clips import CACHE
from mizaru.cloud.recognize import build_recognizer
from mizaru.cloud.settings import CloudCameraSettings
from mizaru.edge.models import models_folder
from mizaru.edge.settings import Pace
from mizaru.lab.data.recording import Recorder
from mizaru.settings import environment
from mizaru.vocabulary import Behavior

ROOMS = Path(__file__).resolve().parents[2] / "shared" / "data" / "images" / "backgrounds"
FPS = 10


def frames(room: np.ndarray, seconds: float, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """BGR pictures of a room, (H, W, 3) uint8."""
    height, width = room.shape[:2]
    still = room.astype(np.float32)
    noise = rng.normal(0.0, 3.0, (16, height, width, 1)).astype(np.float32)
    for n in range(round(seconds * FPS)):
        t = n / FPS
        lamp = 1.0 + 0.06 * np.sin(t / 23.0) - 0.35 * (t % 100.0 > 80.0)
        dx, dy = np.rint(0.7 * rng.standard_normal(2)).astype(int)
        picture = np.roll(still, (dy, dx), (0, 1)) if n % 50 < 3 else still
        grain = np.roll(noise[rng.integers(len(noise))], rng.integers(0, 64, 2), (0, 1))
        yield np.clip(picture * lamp + grain, 0, 255).astype(np.uint8)


def write(path: Path, room: np.ndarray, seconds: float, rng: np.random.Generator) -> None:
    """One clip; half-written ones do not stay."""
    part = path.with_suffix(".part.mp4")
    height, width = (side // 2 * 2 for side in room.shape[:2])
    with av.open(str(part), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for picture in frames(room[:height, :width], seconds, rng):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())
    part.replace(path)


def clips(minutes: float) -> list[Path]:
    """The clips, written where they are not there yet."""
    rooms = [p for p in sorted(ROOMS.glob("*.png")) if p.stem != "upfall_cam2"]
    folder = CACHE / "empty"
    folder.mkdir(parents=True, exist_ok=True)
    seconds = round(minutes * 60 / len(rooms))
    files = []
    for number, path in enumerate(track(rooms, "writing", transient=True)):
        file = folder / f"{path.stem}-{seconds}s.mp4"
        if not file.exists():
            write(file, np.asarray(cv2.imread(str(path))), seconds, np.random.default_rng(number))
        files.append(file)
    with (folder / "MANIFEST.csv").open("w", newline="") as table:
        rows = csv.writer(table)
        rows.writerow(("path", "kind", "task", "label", "group", "fps"))
        rows.writerows((f.name, "video", "fall", "empty", f.stem, FPS) for f in files)
    return files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    models = models_folder(None, environment())
    recorder = Recorder(models=models, cache=CACHE / "recordings")
    total, said, risks, poses = 0.0, Counter[Behavior](), Counter[Behavior](), 0
    for file in track(clips(parser.parse_args().minutes), "looking", transient=True):
        recording = recorder.record(file, Pace.FAST)
        total += recording.duration_s
        recognizer = build_recognizer(
            CloudCameraSettings(id="camera-1"),
            local_time=lambda t_ms: datetime.fromtimestamp(t_ms / 1000, UTC),
        )
        for observation in recording.observations():
            finding = recognizer.observe(observation)
            poses += len(observation.poses)
            said.update(subject.behavior for subject in finding.subjects)
            risks.update(risk.behavior for risk in finding.risks)
        print(f"{file.stem}: {sum(len(r.poses) for r in recording.representations)} poses")
    print(f"{total / 60:.1f} minutes of empty rooms: {poses} poses")
    print(f"  behaviours said: {dict(said) or 'none'}; risks: {dict(risks) or 'none'}")


if __name__ == "__main__":
    main()
