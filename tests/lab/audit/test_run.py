from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

pytest.importorskip("sklearn")

from mizaru.errors import DataError
from mizaru.lab.audit import run as runs
from mizaru.lab.audit.contract import Medium, Outcome, Profile, Row, Visit
from mizaru.lab.audit.registry import ATTACKS, REPRESENTATIONS, Means
from mizaru.lab.audit.results import RESULTS, Record, read_results
from mizaru.lab.audit.run import FAILED_CONTROL, NO_CONTROL, Wish, anchored, run
from mizaru.lab.audit.visits import Source

from .conftest import Telling

CALLS: list[str] = []
LOUDNESS = {"raw": 0.9, "mine": 0.2, "mute": 0.0, "random": 0.1}


@dataclass(frozen=True, slots=True)
class Count:
    """An attack that counts how often it was run."""

    name: str = "count"
    words: str = "counts"
    source: str = "here"
    media: frozenset[Medium] = field(default_factory=lambda: frozenset({Medium.EMBEDDING}))

    def run(
        self, representation: Telling, visits: tuple[Visit, ...], profile: Profile, rng: object
    ) -> Outcome:
        CALLS.append(representation.name)
        if representation.name == "mute":
            raise DataError("mute says nothing")
        return Outcome((row(representation.name, LOUDNESS[representation.name]),))


def row(representation: str, value: float, **more: object) -> Row:
    made = Row(
        representation=representation,
        attack="count",
        measure="share",
        setting="",
        dataset="toy",
        value=value,
        low=max(0.0, value - 0.1),
        high=min(1.0, value + 0.1),
        chance=0.1,
        raw=math.nan,
    )
    return replace(made, **more)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch, visits: tuple[Visit, ...]) -> None:
    made = {name: Telling(x, name=name, control=name == "raw") for name, x in LOUDNESS.items()}
    monkeypatch.setattr(runs, "REPRESENTATIONS", {k: lambda _, v=v: v for k, v in made.items()})
    monkeypatch.setattr(runs, "ATTACKS", {"count": Count()})
    monkeypatch.setattr(runs, "load", lambda *_: iter(visits))
    CALLS.clear()


def test_what_was_run_is_not_run_again_unless_something_changed(toy: None, tmp_path: Path) -> None:
    source = Source(tmp_path / "cache", tmp_path)
    first = run(Wish(), source, tmp_path / "out")
    assert sorted(CALLS) == ["mine", "mute", "random", "raw"]
    second = run(Wish(), source, tmp_path / "out")
    assert len(CALLS) == 4
    assert second.rows == first.rows == read_results(tmp_path / "out" / RESULTS).rows
    run(Wish(seed=1), source, tmp_path / "out")
    assert len(CALLS) == 8
    run(Wish(seed=1, resume=False), source, tmp_path / "out")
    assert len(CALLS) == 12


def test_a_pair_that_cannot_be_run_is_named_and_the_others_go_on(toy: None, tmp_path: Path) -> None:
    results = run(Wish(), Source(tmp_path / "cache", tmp_path), tmp_path / "out")
    assert results.failed == (("mute", "count", "mute says nothing"),)
    assert {record.representation for record in results.rows} == {"raw", "mine", "random"}
    assert all(record.raw == pytest.approx(0.9) for record in results.rows)


def test_controls_and_noise_are_always_run(toy: None, tmp_path: Path) -> None:
    run(Wish(representations=("mine",)), Source(tmp_path / "cache", tmp_path), tmp_path / "out")
    assert sorted(CALLS) == ["mine", "random", "raw"]


def test_a_row_whose_controls_fail_is_void() -> None:
    rows = [row("control", 0.15), row("mine", 0.12), row("random", 0.1)]
    assert [found.void for found in anchored(rows, {"control"})] == [FAILED_CONTROL] * 2 + [""]
    rows[0] = row("control", 0.5)
    assert [found.void for found in anchored(rows, {"control"})] == ["", "", ""]
    assert anchored([row("mine", 0.5)], {"control"})[0].void == NO_CONTROL


def test_a_control_of_another_question_proves_nothing() -> None:
    rows = [row("control", 0.9, setting="T=25"), row("mine", 0.12)]
    assert anchored(rows, {"control"})[1].void == NO_CONTROL


def test_what_an_attack_says_of_itself_stays() -> None:
    rows = [row("control", 0.9), row("mine", 0.1, void="no frames"), row("other", 0.1, raw=0.4)]
    found = anchored(rows, {"control"})
    assert found[1].void == "no frames"
    assert found[2].raw == 0.4


def test_less_can_be_more() -> None:
    error = {"chance": 0.5, "higher_leaks": False}
    rows = [row("control", 0.1, **error), row("mine", 0.48, **error)]
    assert anchored(rows, {"control"})[1].void == ""


def test_a_row_survives_json_with_what_is_no_number() -> None:
    made = row("mine", 0.25, curve=((1.0, 0.1), (5.0, 0.2)), family="x", tried=3)
    back = Record.of(made).row()
    assert math.isnan(back.raw)
    assert replace(back, raw=0.0) == replace(made, raw=0.0)


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(DataError, match="--representation nobody: choose raw, "):
        Wish(representations=("nobody",))
    with pytest.raises(DataError, match="--attack none: choose identity"):
        Wish(attacks=("none",))


def test_the_registry_calls_everything_by_its_own_name() -> None:
    for name, maker in REPRESENTATIONS.items():
        made = maker(Means(Path()))
        assert made.name == name
        assert made.words
    for name, attack in ATTACKS.items():
        assert attack.name == name
        assert attack.words
        assert attack.media
    assert {maker(Means(Path())).medium for maker in REPRESENTATIONS.values()} == set(Medium)
