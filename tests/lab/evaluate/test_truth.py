"""Which rows are judged, what happens in them, and what is wrong with a manifest."""

from __future__ import annotations

from pathlib import Path

import pytest

from mizaru.errors import DataError
from mizaru.lab.data.manifest import Clip
from mizaru.lab.evaluate.task import Task
from mizaru.lab.evaluate.truth import Span, action, events, people, read_marks, select

ROWS = (
    {"path": "a.mp4", "label": "fall", "split": "train", "camera": "cam1", "identity": "s:1"},
    {"path": "b.mp4", "label": "walking", "split": "eval", "camera": "cam2", "identity": "s:2"},
    {"path": "c.npz", "label": "fall|adl", "kind": "skeleton", "split": "train"},
    {"path": "d.csv", "label": "", "kind": "label", "split": "train"},
    {"path": "e.mp4", "task": "fight", "label": "fight", "split": "eval"},
    {"path": "f.mp4", "task": "counting", "label": "sitting", "split": "eval"},
    {"path": "g.png", "task": "smoking", "label": "smoking", "kind": "image", "split": "train"},
    {"path": "h.mp4", "task": "counting", "label": "fall", "split": "eval"},
)


def paths(file: Path, task: Task, **how: object) -> list[str]:
    return [clip.path for clip in select(file, None, task, **how).clips]  # type: ignore[arg-type]


def test_videos_of_the_task_unless_asked_otherwise(manifest) -> None:  # type: ignore[no-untyped-def]
    file = manifest(*ROWS)
    assert paths(file, Task.FALL) == ["a.mp4", "b.mp4"]
    assert select(file, None, Task.FALL).left_out == (("kind skeleton is not judged here", 1),)
    assert paths(file, Task.FALL, kind="all") == ["a.mp4", "b.mp4", "c.npz"]
    assert paths(file, Task.FALL, kind="skeleton") == ["c.npz"]
    assert paths(file, Task.FALL, split="eval") == ["b.mp4"]
    assert paths(file, Task.FALL, where=[("camera", "cam*"), ("identity", "s:1")]) == ["a.mp4"]
    assert paths(file, Task.COUNT) == ["f.mp4", "h.mp4"]


def test_other_videos_may_be_footage_without_the_event_unless_it_is_in_them(manifest) -> None:  # type: ignore[no-untyped-def]
    file = manifest(*ROWS)
    assert paths(file, Task.FALL, all_negatives=True) == ["a.mp4", "b.mp4", "e.mp4", "f.mp4"]


def test_skeletons_are_taken_where_there_are_no_videos(manifest) -> None:  # type: ignore[no-untyped-def]
    assert paths(manifest(ROWS[2]), Task.FALL) == ["c.npz"]


@pytest.mark.parametrize(
    ("task", "how", "words"),
    [
        (Task.ACTION, {}, "no rows of task action; it has fall (3), counting (2), fight (1)"),
        (Task.FALL, {"split": "holdout"}, "no fall rows of split 'holdout'; there are train (2)"),
        (Task.FALL, {"where": [("camera", "x")]}, "no row has camera=x; there are cam1 (1)"),
        (Task.FALL, {"where": [("colour", "x")]}, "--where colour: no such column"),
        (Task.SMOKE, {}, "no smoke rows of kind skeleton or video; there are image (1)"),
    ],
)
def test_an_empty_selection_says_what_there_is(manifest, task: Task, how: dict, words: str) -> None:  # type: ignore[no-untyped-def,type-arg]
    with pytest.raises(DataError) as raised:
        select(manifest(*ROWS), None, task, **how)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


def test_marked_times_beat_labels(tmp_path: Path) -> None:
    labels = tmp_path / "labels"
    labels.mkdir()
    (labels / "x_intervals.csv").write_text(
        "path,class_raw,class,t0_s,t1_s\n"
        "a.mp4,Falling,fall,3.5,5\na.mp4,Walking,walking,0,3\na.mp4,Falling,fall,12,13\n"
        "a.mp4,Falling,fall,12,13\n"
    )
    (labels / "x_counts.csv").write_text("path,t_s,count,person\nf.mp4,0,2,\nf.mp4,1,3,\n")
    marks = read_marks([labels, tmp_path / "absent", labels])
    fall = Clip(Path("a.mp4"), "a.mp4", "video", "fall", "fall")
    assert events(fall, Task.FALL, marks) == (Span(3.5, 5.0), Span(12.0, 13.0))
    assert marks.counts["f.mp4"] == [(0.0, 2), (1.0, 3)]
    other = Clip(Path("b.mp4"), "b.mp4", "video", "fall", "fall")
    assert events(other, Task.FALL, marks) == (Span(),)
    walks = Clip(Path("c.mp4"), "c.mp4", "video", "fall", "walking")
    assert events(walks, Task.FALL, marks) == ()
    assert events(fall, Task.COUNT, marks) == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("path,class,t0_s\n", ":1: the column 't1_s' is missing"),
        ("path,class,t0_s,t1_s\na.mp4,fall,x,2\n", ":2: t0_s must be a number, got 'x'"),
        ("path,class,t0_s,t1_s\na.mp4,fall,5,2\n", "must end after it begins"),
        ("path,class,t0_s,t1_s\na.mp4,fall,\xff\n", "not a CSV file"),
    ],
)
def test_a_wrong_table_is_named(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "x_intervals.csv"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError) as raised:
        read_marks([tmp_path])
    assert str(file) in str(raised.value)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("words", "range_"),
    [
        ("count 4, seated", (4, 4)),
        ("car park, 1-2 people far away", (1, 2)),
        ("nobody knows", None),
        ("count 2 (a third person may be hidden)", (2, 2)),
    ],
)
def test_counts_in_words(words: str, range_: tuple[int, int] | None) -> None:
    clip = Clip(Path("a"), "a", "video", "counting", "sitting", label_raw=words)
    assert people(clip) == range_


def test_a_label_of_several_behaviours_is_no_action() -> None:
    def of(label: str) -> str | None:
        return action(Clip(Path("a"), "a", "video", "action", label))

    assert (of("walking"), of("walking|running"), of("walking|sitting"), of("backflip")) == (
        "walk",
        "walk",
        None,
        None,
    )


@pytest.mark.shared
def test_the_manifest_of_the_project(shared_data: Path) -> None:
    file = shared_data / "MANIFEST.csv"
    fall = select(file, None, Task.FALL, split="eval")
    marks = read_marks([shared_data / "labels"])
    known = [events(clip, Task.FALL, marks) for clip in fall.clips]
    assert sum(map(len, known)) == 3
    assert all(span.onset_s is not None for spans in known for span in spans)
    assert len(select(file, None, Task.FALL).clips) == 71
    assert len(select(file, None, Task.FIGHT, split="eval").clips) == 30
