"""Sources made on the spot: a body that walks on the spot, before a slanted depth camera."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from mizaru.lab.data.manifest import Clip

KINECT = (
    "HipCenter", "Spine", "ShoulderCenter", "Head",
    "ShoulderLeft", "ElbowLeft", "WristLeft", "HandLeft",
    "ShoulderRight", "ElbowRight", "WristRight", "HandRight",
    "HipLeft", "KneeLeft", "AnkleLeft", "FootLeft",
    "HipRight", "KneeRight", "AnkleRight", "FootRight",
)  # fmt: skip
SLANT = np.radians(14.0)
HEIGHT = 1.9
"""The camera hangs this high, metres, and looks down by `SLANT`."""


def body(frames: int, *, toward: float = 0.0) -> dict[str, np.ndarray]:
    """Joints of somebody who faces along -y (the camera), z up, floor at 0; arms and legs
    swing. `toward`: metres per frame toward the camera."""
    phase = np.arange(frames) * 0.35
    walk = -toward * np.arange(frames)

    def at(x: float, y: np.ndarray | float, z: np.ndarray | float) -> np.ndarray:
        ones = np.ones(frames)
        return np.column_stack([x * ones, y * ones + walk, z * ones])

    out = {
        "HipCenter": at(0, 0, 0.95), "Spine": at(0, 0, 1.1), "ShoulderCenter": at(0, 0, 1.45),
        "Head": at(0, 0, 1.62),
    }  # fmt: skip
    # who faces -y has the left hand at +x
    for side, x, sign in (("Left", 0.17, 1.0), ("Right", -0.17, -1.0)):
        swing = 0.12 * sign * np.sin(phase)
        lift = np.maximum(0.0, 0.08 * sign * np.cos(phase))
        out |= {
            f"Shoulder{side}": at(x, 0, 1.42),
            f"Elbow{side}": at(1.1 * x, swing / 2, 1.15),
            f"Wrist{side}": at(1.1 * x, swing, 0.92),
            f"Hand{side}": at(1.1 * x, swing, 0.84),
            f"Hip{side}": at(0.5 * x, 0, 0.9),
            f"Knee{side}": at(0.5 * x, -swing / 2 - lift, 0.5 + lift),
            f"Ankle{side}": at(0.5 * x, -swing, 0.09 + lift),
            f"Foot{side}": at(0.5 * x, -swing - 0.12, 0.03 + lift),
        }
    return out


def before_camera(xyz: np.ndarray, distance: float = 3.0) -> np.ndarray:
    """The same points in a depth camera's axes: y up, z away from a camera at y = -distance,
    x so that the axes are right-handed."""
    moved = xyz - np.array([0.0, -distance, HEIGHT])
    flat = np.stack([-moved[..., 0], moved[..., 2], moved[..., 1]], axis=-1)
    c, s = np.cos(SLANT), np.sin(SLANT)
    return flat @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]]).T


def write_archive(
    file: Path, takes: list[np.ndarray], joints: tuple[str, ...] = KINECT, **arrays: Any
) -> Path:
    """An archive as ../shared/data has them."""
    n = len(takes)
    content: dict[str, Any] = {
        "xyz": np.concatenate(takes).astype(np.float32),
        "start": np.cumsum([0, *map(len, takes)]),
        "joint_names": np.array(joints),
        "fps": np.float32(30.0),
        "label": np.array(["walking"] * n),
        "label_raw": np.array(["walk around"] * n),
        "subject": np.array([f"s{i:02d}" for i in range(n)]),
        "camera": np.array(["v01"] * n),
        "seq_id": np.array([f"take{i}" for i in range(n)]),
        "split": np.array(["train"] * n),
    } | arrays
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez(file, **{name: value for name, value in content.items() if value is not None})
    return file


def row(file: Path, **fields: Any) -> Clip:
    """A manifest's row for a file; its path is the last two parts."""
    known: dict[str, Any] = {
        "kind": "skeleton", "task": "action", "label": "walking", "licence": "MIT",
        "split": "train", "identity": "set:s00",
    } | fields  # fmt: skip
    return Clip(file=file, path="/".join(file.parts[-3:]), **known)


@pytest.fixture
def kinect(tmp_path: Path) -> Callable[..., Clip]:
    """An archive of walkers before a slanted Kinect, ``name`` of the file, and its row."""

    def make(name: str = "precog16.npz", takes: int = 3, frames: int = 60, **arrays: Any) -> Clip:
        joints = body(frames, toward=0.01)
        xyz = before_camera(np.stack([joints[name] for name in KINECT], axis=1))
        return row(write_archive(tmp_path / "skeleton" / name, [xyz] * takes, **arrays))

    return make


@pytest.fixture
def archive(tmp_path: Path) -> Callable[..., Path]:
    """Write any arrays as an archive."""
    return lambda takes, **arrays: write_archive(tmp_path / "x.npz", takes, **arrays)


@pytest.fixture
def deepmimic(tmp_path: Path) -> Callable[..., Clip]:
    """A DeepMimic motion: the humanoid stands upright and glides along x; and its row."""

    def make(name: str = "walk", frames: int = 20, speed: float = 1.2, **changes: Any) -> Clip:
        still = [1.0, 0.0, 0.0, 0.0]
        # chest, neck, then per side: hip, knee, ankle, shoulder, elbow
        limbs = [*still, *still, *([*still, 0.0, *still, *still, 0.0] * 2)]
        rows = [[1 / 30, speed * i / 30, 0.89, 0.0, *still, *limbs] for i in range(frames)]
        content = {"Loop": "wrap", "Frames": rows} | changes
        file = tmp_path / "skeleton" / "deepmimic" / f"humanoid3d_{name}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content))
        return row(file, identity="", label=name)

    return make


@pytest.fixture
def make_row() -> Callable[..., Clip]:
    return row


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Four seconds at ten frames a second of a grey room with nobody in it."""
    file = tmp_path / "video" / "set" / "room.mp4"
    file.parent.mkdir(parents=True)
    with av.open(str(file), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for number in range(40):
            picture = np.full((120, 160, 3), 90 + number % 5, np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture)):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return file
