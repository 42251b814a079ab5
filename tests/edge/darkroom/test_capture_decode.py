"""Pictures out of files: times, sizes, orientation, colours, damage."""

from __future__ import annotations

import struct
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from mizaru.edge.darkroom.capture.decode import FaultError, Picture, Video
from mizaru.edge.darkroom.capture.source import Fault, FileSource


def develop(video: Video, picture: Picture) -> np.ndarray:
    pixels = np.zeros((*video.upright_size(picture.frame), 3), np.uint8)
    video.develop_into(picture.frame, pixels)
    return pixels


def red_corner(picture: np.ndarray, _: int) -> None:
    """Red in the upper left quarter, blue elsewhere."""
    height, width = picture.shape[:2]
    picture[:] = (20, 40, 200)
    picture[: height // 2, : width // 2] = (200, 40, 20)


def corner_of(pixels: np.ndarray) -> str:
    height, width = pixels.shape[:2]
    spots = {
        "upper left": pixels[height // 4, width // 4],
        "upper right": pixels[height // 4, -width // 4],
        "lower left": pixels[-height // 4, width // 4],
        "lower right": pixels[-height // 4, -width // 4],
    }
    return next(name for name, colour in spots.items() if colour[0] > 128)


# The 3×3 matrix of a track header (ISO/IEC 14496-12 §8.3.2): turns clockwise by these degrees.
MATRICES = {
    0: (1, 0, 0, 1),
    90: (0, 1, -1, 0),
    180: (-1, 0, 0, -1),
    270: (0, -1, 1, 0),
}


def set_rotation_flag(path: Path, degrees: int) -> None:
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40
    a, b, c, d = (value * 65536 for value in MATRICES[degrees])
    data[matrix : matrix + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def test_every_frame_comes_once_with_its_time(video: Path) -> None:
    pictures = list(Video(FileSource(str(video))).pictures())
    assert [round(p.position_s * 25) for p in pictures] == list(range(50))
    assert sum(p.undecodable for p in pictures) == 0


def test_a_variable_frame_rate_keeps_its_times(
    tmp_path: Path, make_video: Callable[..., Path]
) -> None:
    times = [0, 40, 80, 500, 510, 1700, 1733, 4000]
    path = make_video(tmp_path / "vfr.mp4", times_ms=times)
    positions = [p.position_s * 1000 for p in Video(FileSource(str(path))).pictures()]
    assert positions == pytest.approx(times, abs=1)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((640, 360), (360, 640)),
        ((642, 362), (362, 642)),
        ((1920, 1080), (1080, 1920)),
        ((1080, 1920), (1920, 1080)),
        ((2560, 1440), (1080, 1920)),
        ((1440, 1080), (1080, 1440)),
    ],
)
def test_up_to_full_hd_is_kept_and_more_is_reduced_in_shape(
    size: tuple[int, int],
    expected: tuple[int, int],
    tmp_path: Path,
    make_video: Callable[..., Path],
) -> None:
    path = make_video(tmp_path / "size.mp4", width=size[0], height=size[1], frames=1)
    video = Video(FileSource(str(path)))
    (picture,) = video.pictures()
    assert develop(video, picture).shape[:2] == expected
    info = video.info(picture)
    assert (info.height, info.width) == expected


@pytest.mark.parametrize("flag", [0, 90, 180, 270])
@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_flag_and_setting_turn_clockwise_together(
    flag: int, rotate: int, tmp_path: Path, make_video: Callable[..., Path]
) -> None:
    path = make_video(tmp_path / "turned.mp4", width=96, height=64, frames=2, draw=red_corner)
    set_rotation_flag(path, flag)
    video = Video(FileSource(str(path)), rotate=rotate)
    pixels = develop(video, next(video.pictures()))
    turns = (flag + rotate) // 90 % 4
    assert pixels.shape[:2] == ((64, 96) if turns % 2 == 0 else (96, 64))
    clockwise = ["upper left", "upper right", "lower right", "lower left"]
    assert corner_of(pixels) == clockwise[turns]


def test_colours_survive(tmp_path: Path, make_video: Callable[..., Path]) -> None:
    path = make_video(tmp_path / "colour.mp4", draw=red_corner, frames=3)
    video = Video(FileSource(str(path)))
    pixels = develop(video, next(video.pictures()))
    assert pixels[20, 20] == pytest.approx((200, 40, 20), abs=6)
    assert pixels[-20, -20] == pytest.approx((20, 40, 200), abs=6)


def test_damage_in_the_middle_costs_frames_not_the_file(
    tmp_path: Path, make_video: Callable[..., Path]
) -> None:
    path = make_video(tmp_path / "damaged.mp4", frames=60, gop=5)
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    middle = start + (len(data) - start) // 3
    noise = np.random.default_rng(1).integers(0, 256, 1500, dtype=np.uint8).tobytes()
    data[middle : middle + len(noise)] = noise
    path.write_bytes(data)
    pictures = list(Video(FileSource(str(path))).pictures())
    lost = sum(p.undecodable for p in pictures)
    assert 10 < len(pictures) <= 60
    assert lost > 0
    assert max(p.position_s for p in pictures) > 1.5


def test_a_file_cut_off_behind_its_index_plays_to_the_cut(
    tmp_path: Path, make_video: Callable[..., Path]
) -> None:
    path = make_video(tmp_path / "cut.mkv", frames=60, gop=5)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert 5 < len(list(Video(FileSource(str(path))).pictures())) < 60


@pytest.mark.parametrize("start_s", [0.0, 0.04, 0.5, 1.01, 1.96, 5.0])
def test_resuming_gives_what_playing_on_would_have_given(video: Path, start_s: float) -> None:
    every = [p.position_s for p in Video(FileSource(str(video))).pictures()]
    resumed = [p.position_s for p in Video(FileSource(str(video))).pictures(start_s=start_s)]
    assert resumed == ([p for p in every if p > start_s] if start_s else every)


def test_a_tiny_picture_is_refused(tmp_path: Path, make_video: Callable[..., Path]) -> None:
    path = make_video(tmp_path / "tiny.mp4", width=16, height=16, frames=1, draw=red_corner)
    with pytest.raises(FaultError) as caught:
        list(Video(FileSource(str(path))).pictures())
    assert caught.value.fault is Fault.TOO_SMALL


def test_every_packet_is_announced_before_it_is_decoded(video: Path) -> None:
    announced: list[float | None] = []
    for _ in Video(FileSource(str(video))).pictures(before_packet=announced.append):
        pass
    times = [time for time in announced if time is not None]
    assert len(times) == 50
    assert all(a < b for a, b in pairwise(times))
