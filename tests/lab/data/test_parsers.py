"""Files that were damaged, cut or made up: one clear line each, and nothing else."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mizaru.errors import DataError
from mizaru.lab.data.flat import load_md4fd, load_upfall3d
from mizaru.lab.data.manifest import NEEDED, Clip, read_manifest
from mizaru.lab.data.skeletons import deepmimic as native
from mizaru.lab.data.skeletons.archive import read_archive, read_arrays
from mizaru.lab.data.videos import read_intervals

garbage = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def one_line(error: DataError, file: Path) -> None:
    text = str(error)
    assert str(file) in text
    assert "\n" not in text


@garbage
@given(data=st.binary(max_size=300))
def test_any_bytes_are_a_manifest_or_an_error(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "MANIFEST.csv"
    file.write_bytes(data)
    with pytest.raises(DataError) as error:
        list(read_manifest(file))
    one_line(error.value, file)


@garbage
@given(rows=st.lists(st.tuples(*[st.text(max_size=12)] * 5), max_size=4))
def test_any_rows_are_clips_below_the_root_or_an_error(
    tmp_path: Path, rows: list[tuple[str, ...]]
) -> None:
    file = tmp_path / "MANIFEST.csv"
    lines = [",".join((*NEEDED, "fps")), *(",".join(f'"{w}"' for w in row) for row in rows)]
    file.write_text("\n".join(lines), encoding="utf-8", newline="")
    try:
        clips = list(read_manifest(file))
    except DataError as error:
        one_line(error, file)
        return
    for clip in clips:
        assert clip.path
        assert tmp_path in clip.file.parents or clip.file == tmp_path
        assert clip.fps is None or isinstance(clip.fps, float)


@pytest.mark.parametrize(
    ("row", "match"),
    [
        ("/etc/passwd,video,fall,fall,", "leaves the root"),
        ("a/../../b,video,fall,fall,", "leaves the root"),
        (",video,fall,fall,", "path is empty"),
        ("a.mp4,video,fall,fall,fast", "fps must be a number"),
        ("a.mp4,video,fall,fall,nan", "fps must be"),
        ("a.mp4,video,fall,fall,-3", "fps must be"),
    ],
)
def test_a_bad_row_is_named_with_its_line(tmp_path: Path, row: str, match: str) -> None:
    file = tmp_path / "MANIFEST.csv"
    file.write_text(f"path,kind,task,label,fps\nok.mp4,video,fall,fall,30\n{row}\n")
    with pytest.raises(DataError, match=match) as error:
        list(read_manifest(file))
    assert f"{file}:3:" in str(error.value)


@pytest.mark.parametrize("column", NEEDED)
def test_a_missing_column_is_named(tmp_path: Path, column: str) -> None:
    file = tmp_path / "MANIFEST.csv"
    file.write_text(",".join(name for name in NEEDED if name != column) + "\n")
    with pytest.raises(DataError, match=f"column '{column}' is missing"):
        list(read_manifest(file))


@garbage
@given(data=st.binary(max_size=400))
def test_any_bytes_are_no_archive(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "x.npz"
    file.write_bytes(data)
    with pytest.raises(DataError) as error:
        read_archive(file)
    one_line(error.value, file)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.integers(min_value=0, max_value=10_000), value=st.integers(0, 255))
def test_a_flipped_byte_is_harmless_or_an_error(
    archive: Callable[..., Path], place: int, value: int
) -> None:
    file = archive([np.ones((4, 20, 3))])
    data = bytearray(file.read_bytes())
    data[place % len(data)] = value
    file.write_bytes(data)
    try:
        read_archive(file)
    except DataError as error:
        one_line(error, file)


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
            return (Path.touch, (tmp_path / "sprung",))

    file = tmp_path / "x.npz"
    np.savez(file, xyz=np.array([Trap()], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="not a usable npz archive"):
        read_arrays(file)
    bare = io.BytesIO()
    pickle.dump(Trap(), bare)
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("xyz.npy", bare.getvalue())
    with pytest.raises(DataError):
        read_archive(file)
    assert not (tmp_path / "sprung").exists()


def test_what_does_not_fit_into_memory_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "x.npz"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            header, {"descr": "<f4", "fortran_order": False, "shape": (1 << 40, 20, 3)}
        )
        packed.writestr("xyz.npy", header.getvalue())
    with pytest.raises(DataError):
        read_arrays(file)
    monkeypatch.setattr("mizaru.lab.data.skeletons.archive.MAX_BYTES", 1000)
    np.savez(file, xyz=np.zeros((5, 20, 3), np.float32))
    with pytest.raises(DataError, match="more than"):
        read_arrays(file)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"xyz": np.zeros((4, 20))}, "xyz must be floats"),
        ({"xyz": None}, "'xyz' is missing"),
        ({"start": np.array([0, 9])}, "start must grow"),
        ({"start": np.array([0, 4, 4])}, "start must grow"),
        ({"start": np.array([0.0, 4.0])}, "start must grow"),
        ({"joint_names": np.array(["a"])}, "need as many names"),
        ({"fps": np.float32(0)}, "fps must be positive"),
        ({"fps": np.float32("nan")}, "fps must be positive"),
        ({"fps": np.array(["30"])}, "fps must be one number"),
        ({"label": np.array(["a", "b"])}, "one entry per sequence"),
        ({"frame_label": np.zeros(3, int)}, "one entry per frame"),
    ],
)
def test_arrays_that_do_not_fit_are_named(
    archive: Callable[..., Path], change: dict[str, Any], match: str
) -> None:
    file = archive([np.ones((4, 20, 3))], **change)
    with pytest.raises(DataError, match=match) as error:
        read_archive(file)
    one_line(error.value, file)


numbers = st.one_of(
    st.floats(allow_nan=True), st.integers(), st.booleans(), st.none(), st.text(max_size=3)
)


@garbage
@given(
    content=st.one_of(
        st.binary(max_size=200),
        st.recursive(numbers, lambda inner: st.lists(inner, max_size=4), max_leaves=8).map(
            lambda rows: json.dumps({"Frames": rows}).encode()
        ),
        st.lists(st.lists(numbers, min_size=44, max_size=44), min_size=1, max_size=2).map(
            lambda rows: json.dumps({"Frames": rows}).encode()
        ),
    )
)
def test_any_text_is_a_motion_or_an_error(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "humanoid3d_walk.txt"
    file.write_bytes(content)
    try:
        frames = native.read_frames(file)
    except DataError as error:
        one_line(error, file)
        return
    assert np.isfinite(native.coco17(frames)).all()


def test_a_cut_motion_is_an_error(deepmimic: Callable[..., Clip]) -> None:
    file = deepmimic().file
    file.write_text(file.read_text()[:-40])
    with pytest.raises(DataError, match="not JSON"):
        native.read_frames(file)
    file.write_text("[" * 100_000)
    with pytest.raises(DataError):
        native.read_frames(file)


@pytest.mark.parametrize("load", [load_upfall3d, load_md4fd])
def test_a_flat_set_of_another_shape_is_refused(
    archive: Callable[..., Path],
    make_row: Callable[..., Clip],
    load: Callable[[Clip, str], object],
) -> None:
    clip = make_row(archive([np.ones((4, 20, 3))]))
    with pytest.raises(DataError, match=str(clip.file)):
        load(clip, "set")


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ("a.mp4,fall,x,3", "t0_s must be a number"),
        ("a.mp4,fall,5,3", "must end after it begins"),
        ("a.mp4,fall,-1,3", "must end after it begins"),
        ("a.mp4,fall,0,inf", "must end after it begins"),
        ("a.mp4,fall,nan,3", "must end after it begins"),
        ("a.mp4,fall", "must be a number"),
    ],
)
def test_a_bad_interval_is_named_with_its_line(tmp_path: Path, line: str, match: str) -> None:
    file = tmp_path / "labels" / "x_intervals.csv"
    file.parent.mkdir()
    file.write_text(f"path,class,t0_s,t1_s\n{line}\n")
    with pytest.raises(DataError, match=match) as error:
        read_intervals(tmp_path / "labels")
    assert f"{file}:2:" in str(error.value)
