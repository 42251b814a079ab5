from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from typer.testing import CliRunner

from mizaru.errors import MizaruError, SettingsError, SimError

pytestmark = pytest.mark.usefixtures("sim")
SCENARIOS = Path(__file__).parents[3] / "examples" / "scenarios"
WALK = str(SCENARIOS / "walk.toml")


def sim(*arguments: str) -> str:
    """Run ``mizaru sim …``; returns what it printed, raises what it raised."""
    from mizaru.cli.sim import app

    result = CliRunner().invoke(app, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def shots(count: int, *, fail_at: int | None = None) -> Iterator[tuple[np.ndarray, object]]:
    from mizaru.lab.sim import FrameTruth

    for k in range(count):
        if k == fail_at:
            raise SimError("the renderer broke")
        mask = np.zeros((64, 64), np.uint8)
        yield np.full((64, 64, 3), 20 * k % 255, np.uint8), FrameTruth(k, k / 10, 0, (), (), mask)


def test_render_writes_video_truth_and_masks_that_agree(tmp_path: Path) -> None:
    from mizaru.lab.sim import read_truth

    out = tmp_path / "new" / "walk.mp4"
    sim("render", WALK, "--out", str(out), "--fps", "5", "--size", "160x96", "--masks")
    with av.open(str(out)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    truths = list(read_truth(out.with_name("walk.truth.jsonl")))
    masks = np.load(out.with_name("walk.masks.npz"))["masks"]
    assert len(frames) == len(truths) == len(masks) == 20
    assert frames[0].shape == (96, 160, 3)
    assert masks.shape == (20, 96, 160)
    assert [int((mask == 1).sum()) for mask in masks] == [t.subjects[0].pixels for t in truths]
    assert sorted(p.name for p in out.parent.iterdir()) == [
        "walk.masks.npz", "walk.mp4", "walk.truth.jsonl",
    ]  # fmt: skip


def test_the_same_command_writes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        sim("render", WALK, "--out", str(tmp_path / f"{name}.mp4"), "--fps", "2", "--size", "96x64")
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    a, b = (tmp_path / f"{name}.truth.jsonl" for name in "ab")
    assert a.read_bytes() == b.read_bytes()


def test_nothing_half_written_stays_behind(tmp_path: Path) -> None:
    from mizaru.lab.sim import write_video

    with pytest.raises(SimError, match="the renderer broke"):
        list(write_video(shots(5, fail_at=3), tmp_path / "x.mp4", fps=10))
    given_up = write_video(shots(5), tmp_path / "x.mp4", fps=10)
    next(given_up)
    given_up.close()
    with pytest.raises(SimError, match="no frame"):
        list(write_video(shots(0), tmp_path / "x.mp4", fps=10))
    assert list(tmp_path.iterdir()) == []


def test_an_old_video_survives_a_failed_render(tmp_path: Path) -> None:
    from mizaru.lab.sim import write_video

    out = tmp_path / "x.mp4"
    out.write_bytes(b"old")
    with pytest.raises(SimError):
        list(write_video(shots(5, fail_at=3), out, fps=10))
    assert out.read_bytes() == b"old"


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        (["{tmp}/no.toml", "--out", "{tmp}/a.mp4"], SettingsError, "no.toml: no such file"),
        ([WALK, "--out", "{tmp}/a.gif"], SimError, "must end in .mp4 or .mkv"),
        ([WALK, "--out", "{tmp}/a.mp4", "--size", "big"], SimError, "--size big"),
        ([WALK, "--out", "{tmp}/a.mp4", "--size", "101x64"], SimError, "even"),
        ([WALK, "--out", "{tmp}/a.mp4", "--camera", "attic"], SimError, "no camera 'attic'"),
        ([WALK, "--out", "{tmp}/file/a.mp4"], SimError, "cannot be written"),
        (["{tmp}/file", "--out", "{tmp}/a.mp4"], SettingsError, "not valid TOML"),
    ],
)
def test_bad_input_gets_one_clear_line(
    tmp_path: Path, arguments: list[str], kind: type[MizaruError], words: str
) -> None:
    (tmp_path / "file").write_text("not a folder, not TOML")
    with pytest.raises(kind) as caught:
        sim("render", *(argument.replace("{tmp}", str(tmp_path)) for argument in arguments))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code != 0
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_list_names_every_scenario() -> None:
    output = sim("list", str(SCENARIOS))
    for file in SCENARIOS.glob("*.toml"):
        assert file.name in output


def test_list_of_an_empty_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(SimError, match="no scenario files"):
        sim("list", str(tmp_path))


def test_truth_survives_the_file_and_gzip(tmp_path: Path) -> None:
    from mizaru.lab.sim import encode_truth, read_truth

    lines = b"".join(encode_truth(truth) for _, truth in shots(3))
    plain, packed = tmp_path / "t.truth.jsonl", tmp_path / "t.truth.jsonl.gz"
    plain.write_bytes(lines)
    packed.write_bytes(gzip.compress(lines))
    assert list(read_truth(plain)) == list(read_truth(packed))
    assert [t.frame_id for t in read_truth(plain)] == [0, 1, 2]
    plain.write_bytes(lines + b"{}\n")
    with pytest.raises(SimError, match=r"t\.truth\.jsonl:4: not a frame's truth"):
        list(read_truth(plain))
