"""Re-identification: who tells himself is found, noise is nobody, days are never on both sides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mizaru.errors import DataError
from mizaru.lab.audit.attacks import metrics
from mizaru.lab.audit.attacks.reidentify import LENGTHS, Reidentify
from mizaru.lab.audit.contract import Medium, Profile, Row, Visit
from mizaru.lab.audit.representations.poses import RawSkeleton


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LENGTHS, Profile.QUICK, (8,))


def attack(representation: Any, visits: tuple[Visit, ...]) -> dict[str, Row]:
    outcome = Reidentify().run(representation, visits, Profile.QUICK, np.random.default_rng(0))
    return {row.measure: row for row in outcome.rows}


def test_limbs_name_people_and_noise_does_not(visits: tuple[Visit, ...], nothing: Any) -> None:
    skeleton, noise = attack(RawSkeleton(), visits), attack(nothing, visits)
    for measure in ("CMC-1", "mAP"):
        assert skeleton[measure].value > 0.9
        assert skeleton[measure].low > skeleton[measure].chance
        assert noise[measure].value < 0.4
        assert skeleton[measure].tried >= 9
    assert skeleton["CMC-1"].chance == pytest.approx(1 / 8)


def test_what_is_of_the_day_and_not_of_the_person_names_nobody(
    visits: tuple[Visit, ...], telling: Any
) -> None:
    """The same number for a person and day on gallery and probe would give 1."""

    def of_the_day(visit: Visit, rng: np.random.Generator) -> np.ndarray:
        own = np.random.default_rng([ord(c) for c in visit.person + visit.session])
        return np.tile(own.normal(size=12), (len(visit.behaviors), 1)).astype(np.float32)

    assert attack(telling(of_the_day), visits)["CMC-1"].value < 0.5


def test_who_comes_once_cannot_be_known_again(visits: tuple[Visit, ...], nothing: Any) -> None:
    with pytest.raises(DataError, match="two days"):
        attack(nothing, tuple(v for v in visits if v.session == "day1"))


def test_what_shows_nothing_is_not_attacked(visits: tuple[Visit, ...], telling: Any) -> None:
    empty = telling(lambda v, _: np.full((len(v.behaviors), 18, 3), np.nan), Medium.POSES)
    with pytest.raises(DataError, match="nothing to attack"):
        attack(empty, visits)


def test_sets_that_show_more_are_attacked_beside_those_that_show_less(
    visits: tuple[Visit, ...], telling: Any
) -> None:
    """As Ω does of rendered rooms, which have a plate, and of joints, which have none."""
    richer = tuple(replace(visit, dataset="richer") for visit in visits)

    def unlike(visit: Visit, rng: np.random.Generator) -> np.ndarray:
        columns = 145 if visit.dataset == "richer" else 100
        return rng.normal(size=(len(visit.behaviors), columns)).astype(np.float32)

    outcome = Reidentify().run(
        telling(unlike), (*visits, *richer), Profile.QUICK, np.random.default_rng(0)
    )
    assert {row.dataset for row in outcome.rows} >= {"richer", visits[0].dataset}


@pytest.mark.parametrize("name", list(metrics.METRICS))
def test_a_metric_finds_what_tells_people_apart_who_were_never_seen(name: str) -> None:
    """One column in ten tells persons apart, all others are louder."""
    rng = np.random.default_rng(0)

    def people(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        own = np.random.default_rng(seed).normal(0, 3, (count, 2))
        y = np.repeat(np.arange(count), 12)
        X = rng.normal(0, 1, (len(y), 20))
        X[:, :2] = own[y] + rng.normal(0, 0.1, (len(y), 2))
        return X.astype(np.float32), y.astype(np.int64)

    X, y = people(20, 1)
    embed = metrics.METRICS[name](metrics.standard(X, X), y, rng)
    Z, z = people(6, 2)
    like = metrics.likeness(*(2 * (embed(metrics.standard(Z, Z)),)))
    np.fill_diagonal(like, -np.inf)
    hits = (z[like.argmax(axis=1)] == z).mean()
    assert hits > {"plain": 0.3, "network": 0.45}.get(name, 0.6)


def test_standard_columns_survive_what_was_never_seen() -> None:
    X = np.array([[1.0, np.nan, 5.0], [3.0, np.nan, 5.0]], np.float32)
    assert np.array_equal(metrics.standard(X, X), [[-1, 0, 0], [1, 0, 0]])
