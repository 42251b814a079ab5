"""Clips that nobody filmed, as the cloud would have seen them, and a recognizer of one rule."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest

from mizaru.cloud.recognize.finding import Finding, Measured, Observation, Risk, SubjectFinding
from mizaru.edge.settings import Pace
from mizaru.lab.data.recording import VERSION, Recording
from mizaru.vocabulary import Behavior, Pose
from mizaru.wire.codec import box_xyxy, pack_pose
from mizaru.wire.messages import Representation

# Somebody who stands, seen from the front: COCO order, u and v.
STANDING = np.array(
    (
        (0.500, 0.27), (0.505, 0.26), (0.495, 0.26), (0.510, 0.27), (0.490, 0.27),
        (0.530, 0.35), (0.470, 0.35), (0.537, 0.46), (0.463, 0.46), (0.540, 0.56), (0.460, 0.56),
        (0.519, 0.54), (0.481, 0.54), (0.519, 0.70), (0.481, 0.70), (0.519, 0.85), (0.481, 0.85),
    ),
    np.float32,
)  # fmt: skip
UP, DOWN, GONE = "up", "down", "gone"


class FloorRecognizer:
    """Says that whoever has the head in the lower third fell."""

    def observe(self, observation: Observation) -> Finding:
        fallen = [p.subject_id for p in observation.poses if p.keypoints[0, 1] > 0.66]
        risks = [
            Risk(
                Behavior.FALL,
                0.9,
                (subject_id,),
                "",
                (Measured("depth", 0.8, "m"),),
                "The head is <low> & stays there.",
                observation.key.t_ms,
            )
            for subject_id in fallen
        ]
        subjects = tuple(
            SubjectFinding(
                pose.subject_id,
                box_xyxy(pose.keypoints),
                Behavior.FALL if pose.subject_id in fallen else Behavior.STAND,
                0.9,
            )
            for pose in observation.poses
        )
        return Finding(observation.key, subjects, tuple(risks))


def pose(state: str, subject_id: int = 1) -> Pose:
    uv = STANDING.copy()
    if state == DOWN:
        # Turned by a right angle about the feet.
        uv = np.stack([0.5 + (0.85 - STANDING[:, 1]), 0.85 + (STANDING[:, 0] - 0.5)], axis=1)
    rho = np.ones((len(uv), 1), np.float32)
    return Pose(subject_id, np.concatenate([uv, rho], axis=1).astype(np.float32))


def recording(states: Sequence[str], *, people: int = 1) -> Recording:
    """One state per 100 ms."""
    representations = tuple(
        Representation(
            number,
            number * 100,
            b"",
            () if state == GONE else tuple(pack_pose(pose(state, i + 1)) for i in range(people)),
        )
        for number, state in enumerate(states)
    )
    return Recording(
        version=VERSION,
        width=640,
        height=480,
        duration_s=len(states) / 10,
        frames_in=len(states) * 3,
        frames_dropped=len(states),
        representations=representations,
    )


Film = Callable[..., None]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "recordings"


@pytest.fixture
def film(tmp_path: Path, cache: Path) -> Film:
    """Puts a file and its recording where they are looked for."""

    def film(path: str, states: Sequence[str], *, people: int = 1, pace: Pace = Pace.LIVE) -> None:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(path)
        digest = hashlib.sha256(path.encode()).hexdigest()
        place = cache / f"v{VERSION}" / pace / f"{digest}.msgpack"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(msgspec.msgpack.encode(recording(states, people=people)))

    return film


Manifest = Callable[..., Path]


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """Writes MANIFEST.csv; rows are dictionaries."""

    def manifest(*rows: dict[str, str]) -> Path:
        columns = ["path", "kind", "task", "label", "label_raw", "identity", "group", "camera"]
        file = tmp_path / "MANIFEST.csv"
        with file.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, [*columns, "split"], restval="")
            writer.writeheader()
            writer.writerows({"kind": "video", "task": "fall", **row} for row in rows)
        return file

    return manifest


@pytest.fixture
def floor_recognizer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command judges `FloorRecognizer` instead of what ships."""
    from mizaru.cloud.recognize.info import RULES_INFO

    monkeypatch.setattr(
        "mizaru.lab.evaluate.run.recognizer_of",
        lambda weights: (lambda camera: FloorRecognizer(), RULES_INFO),
    )
