from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mizaru.errors import DataError
from mizaru.lab.sequence import Sequence
from mizaru.lab.train import corpus
from mizaru.lab.train.corpus import Places, Story, gather, held_out
from mizaru.lab.train.recipe import Purpose, Recipe, SourceSettings

Make = Callable[..., Sequence]


def _story(name: str, source: str, subject: str, room: str = "") -> Story:
    return Story(
        name=name, source=source, licence="", subject=subject, room=room, split="", fps=10.0,
        hours=0.1, falls=0, blows=0,
    )  # fmt: skip


def test_nobody_is_on_both_sides() -> None:
    rng = np.random.default_rng(0)
    stories = tuple(
        _story(f"s{k}", "sim", "|".join(f"sim:{n}" for n in rng.integers(0, 400, 1 + k % 2)))
        for k in range(300)
    )
    held = held_out(stories, 0.3, 0)
    here = {
        who for s, out in zip(stories, held, strict=True) if out for who in s.subject.split("|")
    }
    rest = {
        who for s, out in zip(stories, held, strict=True) if not out for who in s.subject.split("|")
    }
    assert here
    assert rest
    assert not here & rest


def test_where_nobody_is_named_rooms_stay_together() -> None:
    stories = tuple(_story(f"s{k}", "scfd", "", f"video {k // 3}") for k in range(120))
    held = held_out(stories, 0.3, 0)
    assert (held[0::3] == held[1::3]).all()
    assert (held[0::3] == held[2::3]).all()
    assert 0.1 < held.mean() < 0.5
    assert not np.array_equal(held, held_out(stories, 0.3, 1))


def _recipe(purpose: Purpose = Purpose.SHIP) -> Recipe:
    return Recipe(title="t", purpose=purpose, source=(SourceSettings(name="sim"),))


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "cache", tmp_path / "M.csv", tmp_path, tmp_path)


def _give(monkeypatch: pytest.MonkeyPatch, *sequences: Sequence) -> list[str]:
    """Pieces of one sequence each; returns the log of what was made."""
    made: list[str] = []

    def pieces(source: SourceSettings, places: Places) -> list[corpus._Piece]:
        def make(k: int) -> Callable[[], list[Sequence]]:
            return lambda: made.append(sequences[k].name) or [sequences[k]]  # type: ignore[func-returns-value]

        return [corpus._Piece(f"p{k}", make(k)) for k in range(len(sequences))]

    monkeypatch.setattr(corpus, "_pieces", pieces)
    return made


def test_windows_are_made_once(
    sequence: Make, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _give(monkeypatch, sequence("a"), sequence("b"))
    first = gather(_recipe(), places)
    again = gather(_recipe(), places)
    assert made == ["a", "b"]
    assert [s.name for s in again.stories] == ["a", "b"]
    one, two = (library.corpus(np.ones(2, bool)) for library in (first, again))
    assert np.array_equal(one.x, two.x)
    assert (one.rows["fall"] == 1).any()
    assert set(one.owner) == {0, 1}


def test_an_interrupted_run_goes_on(
    sequence: Make, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _give(monkeypatch, sequence("a"), sequence("b"))

    def interrupt(source: str, done: int, total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gather(_recipe(), places, interrupt)
    assert made == ["a"]
    gather(_recipe(), places)
    assert made == ["a", "b"]


@pytest.mark.parametrize(
    ("source", "licence", "split"),
    [
        ("upfall", "Apache-2.0", "train"),
        ("cmu_mocap", "all rights reserved", "train"),
        ("nobody_knows", "MIT", ""),
    ],
)
def test_what_may_not_be_shipped_is_refused(
    sequence: Make,
    places: Places,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    licence: str,
    split: str,
) -> None:
    _give(monkeypatch, sequence("x", source=source, licence=licence, split=split))
    with pytest.raises(DataError, match="may not be shipped"):
        gather(_recipe(), places)


def test_research_takes_it(sequence: Make, places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    _give(monkeypatch, sequence("x", source="upfall", licence="NONE STATED", split="train"))
    assert len(gather(_recipe(Purpose.RESEARCH), places).stories) == 1


@pytest.mark.parametrize("split", ["eval", "holdout", "anything"])
def test_not_even_research_learns_from_what_is_for_evaluation(
    sequence: Make, places: Places, monkeypatch: pytest.MonkeyPatch, split: str
) -> None:
    _give(monkeypatch, sequence("y", source="upfall", licence="NONE STATED", split=split))
    with pytest.raises(DataError, match="never learnt from"):
        gather(_recipe(Purpose.RESEARCH), places)


def test_no_data_is_said(places: Places, tmp_path: Path) -> None:
    (tmp_path / "M.csv").write_text("path,kind,task,label,split\na.npz,skeleton,action,x,eval\n")
    recipe = Recipe(title="t", purpose=Purpose.SHIP, source=(SourceSettings(name="cmu_mocap"),))
    with pytest.raises(DataError, match="no file to learn from is of 'cmu_mocap'"):
        gather(recipe, places)


def test_a_source_of_few_people_is_learnt_from_as_a_whole() -> None:
    few = tuple(_story(f"d{k}", "deepmimic", "deepmimic:one") for k in range(40))
    many = tuple(_story(f"s{k}", "sim", f"sim:{k}") for k in range(200))
    for seed in range(20):
        held = held_out(few + many, 0.3, seed)
        assert not held[:40].any()
        assert held[40:].any()


def test_scenes_are_played_anew_when_bodies_move_otherwise_not_when_only_pictures_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = Path.read_bytes
    before = corpus._code("sim")
    for name, is_new in (("video.py", False), ("daily.py", False), ("gait.py", True)):
        monkeypatch.setattr(
            Path, "read_bytes", lambda self, name=name: read(self) + b"#" * (self.name == name)
        )
        assert (corpus._code("sim") != before) is is_new
