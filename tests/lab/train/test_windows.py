from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mizaru.cloud.recognize.features import CHANNELS, TICKS
from mizaru.cloud.recognize.outputs import ACTIONS
from mizaru.cloud.recognize.sight import Sight
from mizaru.errors import DataError
from mizaru.lab.sequence import Label, Sequence
from mizaru.lab.train.shown import as_shown
from mizaru.lab.train.truth import UNSAID, Truths
from mizaru.lab.train.windows import Windows, teaches, windows_of
from mizaru.vocabulary import COCO17, Behavior

Make = Callable[..., Sequence]


def test_training_sees_what_the_stream_sees(sequence: Make) -> None:
    made = sequence()
    windows = windows_of(made)
    sight = Sight()
    live = [
        (observation.key.t_ms, seen.subject.subject_id, seen.window.features())
        for observation in made.observations
        for seen in sight.observe(observation)
        if seen.window is not None
    ]
    assert len(windows) == len(live) > 200
    for row, x, (t_ms, subject_id, wanted) in zip(windows.rows, windows.x, live, strict=True):
        assert (row["t_ms"], row["subject_id"]) == (t_ms, subject_id)
        assert np.array_equal(x, wanted.astype(np.float16))


def test_windows_survive_the_disk(sequence: Make, tmp_path: Path) -> None:
    windows = windows_of(sequence())
    windows.save(tmp_path, "one")
    again = Windows.load(tmp_path, "one")
    assert np.array_equal(again.x, windows.x)
    assert np.array_equal(again.rows, windows.rows)
    assert [file.name for file in sorted(tmp_path.iterdir())] == ["one.rows.npy", "one.x.npy"]
    (tmp_path / "one.x.npy").write_bytes(b"no array")
    with pytest.raises(DataError, match="damaged"):
        Windows.load(tmp_path, "one")


def test_a_sequence_without_anybody_has_no_windows(sequence: Make) -> None:
    windows = windows_of(sequence(observations=()))
    assert windows.x.shape == (0, CHANNELS, TICKS)
    assert not teaches(windows.rows, 1).any()


def test_a_label_follows_the_id(sequence: Make) -> None:
    windows = windows_of(sequence())
    mine = windows.rows[windows.rows["subject_id"] == 1]
    other = windows.rows[windows.rows["subject_id"] == 2]
    assert (mine["fall"] == 1).any()
    assert (other["fall"] == 0).all()
    assert (other["action"] == ACTIONS.index(Behavior.WALK)).all()


def test_a_fall_is_told_from_just_after_its_onset_until_3_s_after_its_impact() -> None:
    truths = Truths(
        (
            Label(Behavior.WALK, 0, 6000, 1),
            Label(Behavior.FALL, 6000, 7000, 1, impact_ms=6600),
            Label(Behavior.LIE, 7000, 20000, 1),
        )
    )
    said = {t: truths.at(t, 1).fall for t in range(0, 20000, 100)}
    assert {t for t, fall in said.items() if fall == 1} == set(range(6300, 9601, 100))
    assert all(said[t] == 0 for t in (*range(0, 6000, 100), *range(10100, 20000, 100)))
    assert {said[t] for t in (6000, 6100, 6200, 9700, 9900)} == {UNSAID}


def test_who_gets_up_soon_is_neither_falling_nor_not() -> None:
    truths = Truths(
        (Label(Behavior.FALL, 0, 1000, 1, impact_ms=600), Label(Behavior.STAND_UP, 1500, 9000, 1))
    )
    assert truths.at(900, 1).fall == 1
    assert truths.at(1200, 1).fall == 1
    assert truths.at(2000, 1).fall == UNSAID
    assert truths.at(5000, 1).fall == 0


def test_a_fall_somewhere_in_a_clip_teaches_nothing() -> None:
    truths = Truths((Label(Behavior.FALL, 0, 9000),))
    assert {truths.at(t, 5).fall for t in range(0, 9000, 100)} == {UNSAID}


def test_nothing_said_is_nothing_known() -> None:
    truths = Truths((Label(Behavior.WALK, 1000, 2000, 1),))
    unsaid = truths.at(1500, 2)
    assert (unsaid.action, unsaid.fall, unsaid.aggression) == (UNSAID,) * 3
    known = truths.at(1500, 1)
    assert (known.action, known.fall, known.aggression) == (0, 0, 0)


def test_a_blow_is_of_both() -> None:
    truths = Truths(
        (
            Label(Behavior.STAND, 0, 9000, 1),
            Label(Behavior.STAND, 0, 9000, 2),
            Label(Behavior.STAND, 0, 9000, 3),
            Label(Behavior.STRIKE, 3000, 4000, 1, other_id=2),
        )
    )
    assert truths.at(3500, 1).action == ACTIONS.index(Behavior.STRIKE)
    assert [truths.at(3500, who).aggression for who in (1, 2, 3)] == [1, 1, 0]
    assert truths.at(3500, 2).action == ACTIONS.index(Behavior.STAND)
    assert [truths.at(5000, who).aggression for who in (1, 2, 3)] == [UNSAID, UNSAID, 0]
    assert truths.at(8000, 1).aggression == 0


def test_only_what_teaches_is_kept(sequence: Make) -> None:
    rows = windows_of(sequence()).rows
    kept = teaches(rows, 5)
    assert kept[rows["fall"] == 1].all()
    quiet = kept & (rows["fall"] != 1)
    assert (rows["t_ms"][quiet] % 500 == 0).all()
    nothing = windows_of(sequence(labels=())).rows
    assert not teaches(nothing, 1).any()


def test_who_smokes_with_the_hand_down_shows_nothing_of_it(sequence: Make) -> None:
    labels = (
        Label(Behavior.SMOKE, 0, 12000, 1),
        Label(Behavior.WAVE_FOR_HELP, 0, 12000, 2),
    )
    windows = windows_of(sequence(labels=labels))
    assert (as_shown(windows.x, windows.rows)["action"] == UNSAID).all()
    raised = windows.x.copy()
    wrist, nose = 2 * COCO17.index("left_wrist"), 2 * COCO17.index("nose")
    raised[:, wrist : wrist + 2, 20:24] = raised[:, nose : nose + 2, 20:24]
    shown = as_shown(raised, windows.rows)
    late = windows.rows["t_ms"] > 3000
    assert np.array_equal(shown[late], windows.rows[late])
    walks = windows_of(sequence(labels=(Label(Behavior.WALK, 0, 12000, 1),)))
    assert np.array_equal(as_shown(walks.x, walks.rows), walks.rows)
