"""Recordings: made once, whole or not there, and late frames are dropped by the clip's clock."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mizaru.edge.darkroom.frame import Frame
from mizaru.edge.darkroom.perceive.perception import Perception, Person
from mizaru.edge.settings import Pace
from mizaru.errors import DataError, ModelError, PerceptionTimeoutError, StorageFullError
from mizaru.lab.data.recording import Recorder
from mizaru.vocabulary import COCO17

FRAMES = 40  # of the video that the fixture makes, 10 a second


class Scripted:
    """A perceiver that sees one person standing in every frame, and counts."""

    def __init__(self, fail: frozenset[int] = frozenset()) -> None:
        self.seen: list[int] = []
        self.fail = fail

    def perceive(self, frame: Frame) -> Perception:
        self.seen.append(frame.frame_id)
        if frame.frame_id in self.fail:
            raise PerceptionTimeoutError("too late")
        rows = np.linspace(20.0, 100.0, len(COCO17.keypoints))
        points = np.column_stack([80.0 + 10 * np.cos(9 * rows), rows, np.ones(17)])
        person = Person(
            7, (60.0, 20.0, 100.0, 100.0), COCO17, points.astype(np.float32), None, None, 1.0
        )
        return Perception((person,), np.ones((60, 80), bool))


def recorder(folder: Path, perceiver: Scripted, frame_costs_s: float = 0.0) -> Recorder:
    """With a clock that moves on by what a frame costs between two looks."""
    ticks = itertools.count()
    return Recorder(
        models=folder / "models",
        cache=folder / "cache",
        clock=lambda: next(ticks) * frame_costs_s,
        perceiver=lambda models: perceiver,
    )


def test_a_clip_is_developed_once(tmp_path: Path, video: Path) -> None:
    perceiver = Scripted()
    here = recorder(tmp_path, perceiver)
    assert here.known(video, Pace.FAST) is None
    first = here.record(video, Pace.FAST)
    assert perceiver.seen == list(range(FRAMES))
    assert here.record(video, Pace.FAST) == first
    assert here.known(video, Pace.FAST) == first
    assert len(perceiver.seen) == FRAMES
    assert (first.width, first.height, first.frames_in) == (160, 120, FRAMES)
    assert first.duration_s == pytest.approx((FRAMES - 1) / 10, abs=0.01)


def test_a_copy_under_another_name_is_known_and_other_content_is_not(
    tmp_path: Path, video: Path
) -> None:
    here = recorder(tmp_path, Scripted())
    here.record(video, Pace.FAST)
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(video.read_bytes())
    assert here.known(copy, Pace.FAST) is not None
    assert here.known(video, Pace.LIVE) is None
    copy.write_bytes(video.read_bytes() + b"\0")
    assert here.known(copy, Pace.FAST) is None


def test_observations_lie_on_the_grid_and_hold_canonical_poses(tmp_path: Path, video: Path) -> None:
    observations = list(recorder(tmp_path, Scripted()).record(video, Pace.FAST).observations("c"))
    times = [o.key.t_ms for o in observations]
    assert times == sorted(set(times))
    assert all(t % 100 == 0 for t in times)
    assert len(observations) > FRAMES * 0.9
    assert all(o.key.camera_id == "c" and o.aspect == pytest.approx(4 / 3) for o in observations)
    assert all(len(o.poses) == 1 and o.poses[0].subject_id == 7 for o in observations)


@pytest.mark.parametrize(("cost_s", "every"), [(0.05, 1), (0.15, 2), (0.25, 3), (0.95, 10)])
def test_at_live_pace_who_comes_late_is_dropped(
    tmp_path: Path, video: Path, cost_s: float, every: int
) -> None:
    perceiver = Scripted()
    recording = recorder(tmp_path, perceiver, cost_s).record(video, Pace.LIVE)
    assert perceiver.seen == list(range(0, FRAMES, every))
    assert recording.frames_in == FRAMES
    assert recording.frames_dropped == FRAMES - len(perceiver.seen)


def test_at_fast_pace_nobody_comes_late(tmp_path: Path, video: Path) -> None:
    perceiver = Scripted()
    assert recorder(tmp_path, perceiver, 5.0).record(video, Pace.FAST).frames_dropped == 0
    assert perceiver.seen == list(range(FRAMES))


def test_a_frame_that_timed_out_is_dropped(tmp_path: Path, video: Path) -> None:
    here = recorder(tmp_path, Scripted(frozenset({3, 4, 9})))
    assert here.record(video, Pace.FAST).frames_dropped == 3


@pytest.mark.parametrize("damage", [b"", b"rubbish", None])
def test_a_damaged_recording_is_made_again(
    tmp_path: Path, video: Path, damage: bytes | None
) -> None:
    perceiver = Scripted()
    here = recorder(tmp_path, perceiver)
    first = here.record(video, Pace.FAST)
    (kept,) = (tmp_path / "cache").rglob("*.msgpack")
    kept.write_bytes(kept.read_bytes()[:-20] if damage is None else damage)
    assert here.known(video, Pace.FAST) is None
    assert here.record(video, Pace.FAST) == first
    assert here.known(video, Pace.FAST) == first


@pytest.mark.parametrize("content", [b"this is not a video\n" * 100, b"", b"\x00" * 64])
def test_a_text_that_is_named_mp4_is_an_error(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "text.mp4"
    file.write_bytes(content)
    with pytest.raises(DataError, match="not a readable video") as error:
        recorder(tmp_path, Scripted()).record(file, Pace.FAST)
    assert str(file) in str(error.value)
    assert not list(tmp_path.rglob("*.msgpack"))


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        recorder(tmp_path, Scripted()).record(tmp_path / "nowhere.mp4", Pace.FAST)


def test_missing_models_are_said(tmp_path: Path, video: Path) -> None:
    with pytest.raises(ModelError):
        Recorder(tmp_path / "models", tmp_path / "cache").record(video, Pace.FAST)


def test_a_full_disk_is_said_and_leaves_nothing(
    tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as stream:
            stream.write(data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StorageFullError, match="No space left"):
        recorder(tmp_path, Scripted()).record(video, Pace.FAST)
    assert not [file for file in (tmp_path / "cache").rglob("*") if file.is_file()]


_ENDLESS = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
import mizaru.lab.data.recording as recording
write = Path.write_bytes
def halfway(self, data):
    write(self, data[: len(data) // 2])
    import time; time.sleep(60)
Path.write_bytes = halfway
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location("scripted", sys.argv[4])
module = module_from_spec(spec); spec.loader.exec_module(module)
folder = Path(sys.argv[2])
module.recorder(folder, module.Scripted()).record(Path(sys.argv[1]), recording.Pace.FAST)
"""


def test_killed_while_it_writes_it_leaves_no_broken_recording(
    tmp_path: Path, video: Path, root: Path
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _ENDLESS, str(video), str(tmp_path), str(root / "src"), __file__]
    )
    try:
        until = time.monotonic() + 60
        while not list((tmp_path).rglob("*.part")) and time.monotonic() < until:
            assert process.poll() is None
            time.sleep(0.02)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    perceiver = Scripted()
    here = recorder(tmp_path, perceiver)
    assert here.known(video, Pace.FAST) is None
    here.record(video, Pace.FAST)
    assert len(perceiver.seen) == FRAMES
    assert here.known(video, Pace.FAST) is not None
