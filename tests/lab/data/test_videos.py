"""Videos as sequences: whose words hold when, and a long run that goes on where it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from mizaru.edge.settings import Pace
from mizaru.errors import DataError
from mizaru.lab.data.load import load, root_of
from mizaru.lab.data.manifest import Clip, read_manifest
from mizaru.lab.data.onset import greatest_descent
from mizaru.lab.data.recording import Recorder, Recording
from mizaru.lab.data.sequence import Sequence
from mizaru.lab.data.sources import SOURCES, source_of
from mizaru.lab.data.videos import extract, load_video, progress_bar
from mizaru.vocabulary import Behavior, Pose
from mizaru.wire.codec import pack_pose, unpack_pose
from mizaru.wire.messages import PoseRecord, Representation

UPRIGHT = np.array(
    [  # (u, v) of a person 0.6 high in the picture, feet at 0
        (0.0, -0.56), (0.01, -0.57), (-0.01, -0.57), (0.02, -0.56), (-0.02, -0.56),
        (0.05, -0.48), (-0.05, -0.48), (0.06, -0.38), (-0.06, -0.38), (0.06, -0.29), (-0.06, -0.29),
        (0.03, -0.31), (-0.03, -0.31), (0.03, -0.16), (-0.03, -0.16), (0.03, -0.02), (-0.03, -0.02),
    ]
)  # fmt: skip


def faller(falls_at: int | None, ticks: int = 80, takes: int = 6) -> Recording:
    """Somebody who stands, and from one tick on turns about the feet until flat."""
    kept = []
    for tick in range(ticks):
        down = 0.0 if falls_at is None else np.clip((tick - falls_at) / takes, 0.0, 1.0)
        angle = down * np.pi / 2
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        points = np.ones((17, 3), np.float32)
        points[:, :2] = UPRIGHT @ turn.T + (0.4, 0.9)
        kept.append(Representation(tick, tick * 100, b"", (pack_pose(Pose(3, points)),)))
    return Recording(
        version=0, width=480, height=480, duration_s=ticks / 10, frames_in=ticks,
        frames_dropped=0, representations=tuple(kept),
    )  # fmt: skip


def beside(packed: PoseRecord) -> PoseRecord:
    """Somebody else, half a picture to the right."""
    points = unpack_pose(packed).keypoints.copy()
    points[:, 0] += 0.5
    return pack_pose(Pose(4, points))


class Canned(Recorder):
    """A recorder that has one recording for every file, and is asked for it."""

    def __init__(self, recording: Recording, broken: frozenset[str] = frozenset()) -> None:
        object.__setattr__(self, "recording", recording)
        object.__setattr__(self, "broken", broken)
        object.__setattr__(self, "asked", [])

    def record(self, file: Path, pace: Pace) -> Recording:
        self.asked.append(file.name)  # type: ignore[attr-defined]
        if file.name in self.broken:  # type: ignore[attr-defined]
            raise DataError(f"{file}: not a readable video (it has no frames)")
        return self.recording  # type: ignore[attr-defined,no-any-return]


def clip(root: Path, path: str = "video/upfall/S01.mp4", **fields: str) -> Clip:
    known = {"kind": "video", "task": "fall", "label": "fall", "licence": "NONE STATED"} | fields
    return Clip(file=root / path, path=path, **known)  # type: ignore[arg-type]


def said(sequence: Sequence) -> list[tuple[Behavior, int, int]]:
    return [(label.behavior, label.start_ms, label.end_ms) for label in sequence.labels]


@pytest.mark.parametrize("at", [10, 33, 60])
def test_a_fall_without_times_is_found_where_the_body_comes_down(tmp_path: Path, at: int) -> None:
    sequence = load_video(clip(tmp_path), "upfall", Canned(faller(at)), Pace.FAST)
    standing, fall, lying = sequence.labels
    assert (standing.behavior, fall.behavior, lying.behavior) == (
        Behavior.STAND, Behavior.FALL, Behavior.LIE,
    )  # fmt: skip
    assert abs(fall.start_ms - at * 100) <= 300
    assert fall.impact_ms is not None
    assert abs(fall.impact_ms - (at + 6) * 100) <= 300
    assert standing.start_ms == 0
    assert standing.end_ms <= fall.start_ms < fall.impact_ms < fall.end_ms <= lying.start_ms


def test_of_whoever_is_only_there_a_fall_s_word_says_nothing(tmp_path: Path) -> None:
    falling, standing = faller(30), faller(None)
    both = tuple(
        Representation(a.frame_id, a.t_ms, b"", (a.poses[0], beside(b.poses[0])))
        for a, b in zip(falling.representations, standing.representations, strict=True)
    )
    recording = msgspec.structs.replace(falling, representations=both)
    sequence = load_video(clip(tmp_path), "upfall", Canned(recording), Pace.FAST)
    assert [label.behavior for label in sequence.labels] == [
        Behavior.STAND, Behavior.FALL, Behavior.LIE,
    ]  # fmt: skip
    assert {label.subject_id for label in sequence.labels} == {3}


def test_a_fall_that_nobody_sees_is_somewhere_in_the_clip(tmp_path: Path) -> None:
    recording = faller(None)
    assert greatest_descent(recording.observations()) is None
    sequence = load_video(clip(tmp_path), "upfall", Canned(recording), Pace.FAST)
    assert said(sequence) == [(Behavior.FALL, 0, 8001)]


@pytest.mark.parametrize(
    ("task", "label", "behaviors"),
    [
        ("fall", "walking", [Behavior.WALK]),
        ("fall", "lying", [Behavior.LIE]),
        ("fall", "jumping", [Behavior.UNKNOWN]),
        ("fall", "adl", []),
        ("fight", "fight", [Behavior.STRIKE]),
        ("fight", "normal", [Behavior.UNKNOWN]),
        ("smoking", "smoking", [Behavior.SMOKE]),
        ("action", "walking|running|phone", [Behavior.WALK, Behavior.PHONE]),
        ("counting", "standing", []),
        ("face_video", "face", []),
    ],
)
def test_a_clips_word_holds_for_all_of_it(
    tmp_path: Path, task: str, label: str, behaviors: list[Behavior]
) -> None:
    row = clip(tmp_path, task=task, label=label)
    sequence = load_video(row, "set", Canned(faller(None)), Pace.FAST)
    assert said(sequence) == [(behavior, 0, 8001) for behavior in behaviors]
    assert all(label.subject_id is None for label in sequence.labels)


def test_marked_times_come_before_the_clips_word(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "set_intervals.csv").write_text(
        "path,class_raw,class,t0_s,t1_s\n"
        "video/upfall/S01.mp4,Falling,fall,0.4,4\n"
        "video/upfall/S01.mp4,Standing,standing,0,0.3\n"
        "video/upfall/S01.mp4,Reading,reading,0,2\n"
        "video/upfall/S02.mp4,Walking,walking,0,2\n"
    )
    recorder = Canned(faller(30))
    (sequence,) = load(clip(tmp_path), recorder=recorder, pace=Pace.FAST)
    assert said(sequence) == [(Behavior.FALL, 400, 4000), (Behavior.STAND, 0, 300)]
    elsewhere = load(clip(tmp_path), recorder=recorder, pace=Pace.FAST, root=tmp_path / "x")
    assert said(elsewhere[0]) != said(sequence)


def test_what_the_manifest_says_of_a_clip_is_kept(tmp_path: Path) -> None:
    row = clip(
        tmp_path, identity="upfall:S01", group="upfall:S01:A1", camera="cam1", split="train",
        licence="CC BY 4.0",
    )  # fmt: skip
    (sequence,) = load(row, recorder=Canned(faller(20)), pace=Pace.FAST)
    assert (sequence.subject, sequence.room, sequence.camera) == (
        "upfall:S01", "upfall:S01:A1", "cam1",
    )  # fmt: skip
    assert (sequence.source, sequence.split, sequence.licence) == ("upfall", "train", "CC BY 4.0")
    assert sequence.fps == pytest.approx(79 / 8)
    assert {o.key.camera_id for o in sequence.observations} == {"cam1"}


def test_extract_does_all_it_can_and_says_what_it_could_not(tmp_path: Path) -> None:
    rows = [clip(tmp_path, f"video/set/{name}.mp4") for name in "abcd"]
    rows.insert(2, clip(tmp_path, "faces/one.png", kind="image"))
    recorder = Canned(faller(None), frozenset({"b.mp4"}))
    told: list[tuple[int, int, str]] = []
    with pytest.raises(DataError, match=r"1 of 4 videos cannot be used, the first: .*b\.mp4"):
        extract(rows, recorder, Pace.FAST, lambda *now: told.append((*now[:2], now[2].path)))
    assert recorder.asked == ["a.mp4", "b.mp4", "c.mp4", "d.mp4"]  # type: ignore[attr-defined]
    assert [now[:2] for now in told] == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_the_bar_can_be_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("seeing") as show:
        extract([clip(tmp_path)], Canned(faller(None)), Pace.FAST, show)
    assert "1/1" in capsys.readouterr().out


def test_a_row_that_shows_nobody_moving_is_refused(tmp_path: Path) -> None:
    row = clip(tmp_path, "faces/orl/s01.png", kind="image")
    with pytest.raises(DataError, match="of kind 'image'"):
        load(row, recorder=Canned(faller(None)), pace=Pace.FAST)


def test_motion_is_looked_at_the_same_way_each_time(kinect: Callable[..., Clip]) -> None:
    row = kinect(takes=2)
    once, again = (load(row, recorder=Canned(faller(None)), pace=Pace.FAST) for _ in range(2))
    other = load(row, recorder=Canned(faller(None)), pace=Pace.FAST, rng=np.random.default_rng(5))
    assert len(once) == 2
    assert _numbers(once) == _numbers(again) != _numbers(other)
    for sequence in once:
        assert sequence.source == "precog16"
        assert sequence.subject.startswith("set:")
        assert sequence.observations


def _numbers(sequences: tuple[Sequence, ...]) -> list[bytes]:
    return [pose.keypoints.tobytes() for s in sequences for o in s.observations for pose in o.poses]


def test_the_root_is_where_the_path_begins(tmp_path: Path) -> None:
    assert root_of(clip(tmp_path, "video/set/a.mp4")) == tmp_path
    assert root_of(clip(tmp_path, "a.mp4")) == tmp_path


@pytest.mark.shared
@pytest.mark.parametrize("name", [source.name for source in SOURCES if source.flat])
def test_flat_skeletons_cross_the_wall_like_all_others(shared_data: Path, name: str) -> None:
    rows = [
        row
        for row in read_manifest(shared_data / "MANIFEST.csv")
        if row.kind == "skeleton" and source_of(row).name == name
    ]
    if not rows:
        pytest.skip(f"{name} is not in this manifest")
    for row in rows:
        sequences = load(row, recorder=Canned(faller(None)), pace=Pace.FAST)
        assert sequences
        for sequence in sequences:
            assert sequence.licence
            assert ":" in sequence.subject
            assert sequence.room
            assert sequence.fps > 0
            times = [o.key.t_ms for o in sequence.observations]
            assert times == sorted(set(times))
            assert all(t % 100 == 0 for t in times)
            points = [pose.keypoints for o in sequence.observations for pose in o.poses]
            assert len(points) > 0.9 * len(times)
            assert np.isfinite(points).all()
            assert {label.behavior for label in sequence.labels} <= {Behavior.FALL}
        assert any(sequence.labels for sequence in sequences)
