from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn")

from mizaru.lab.audit.components import components
from mizaru.lab.audit.contract import Profile
from mizaru.lab.audit.families import FAMILIES, RESTARTS, attackers, tried

CLASSES, ROWS, FEATURES = 6, 30, 12


def _data(loudness: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(CLASSES, FEATURES))
    y = np.repeat(np.arange(CLASSES), ROWS)
    X = loudness * centres[y] + rng.normal(size=(len(y), FEATURES))
    return X.astype(np.float32), y


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_names_what_can_be_named_and_nothing_else(family: str) -> None:
    for loudness, low, high in ((3.0, 0.95, 1.0), (0.0, 0.05, 0.30)):
        scores = FAMILIES[family](*_data(loudness, 0), np.random.default_rng(1))
        X, y = _data(loudness, 2)
        assert low <= (scores(X).argmax(axis=1) == y).mean() <= high


@pytest.mark.parametrize("family", FAMILIES)
def test_scores_are_log_probabilities_and_a_row_of_nothing_is_a_guess(family: str) -> None:
    X, y = _data(2.0, 0)
    X[5], X[7, 3] = np.nan, np.nan
    logs = FAMILIES[family](X, y, np.random.default_rng(1))(X[:10])
    assert np.exp(logs).sum(axis=1) == pytest.approx(np.ones(10), abs=1e-3)
    assert logs[5] == pytest.approx(np.full(CLASSES, -np.log(CLASSES)))


@pytest.mark.parametrize("family", FAMILIES)
def test_equal_draws_give_equal_scores(family: str) -> None:
    X, y = _data(1.0, 0)
    first, second = (FAMILIES[family](X, y, np.random.default_rng(7))(X) for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_class_that_nothing_was_seen_of_is_least_likely(family: str) -> None:
    X, y = _data(3.0, 0)
    X[y == 2] = np.nan
    logs = FAMILIES[family](X, y, np.random.default_rng(1))(X[y != 2])
    assert logs.shape[1] == CLASSES
    assert (logs.argmax(axis=1) != 2).all()


def test_one_row_a_class_is_enough() -> None:
    X, y = _data(5.0, 0)
    X, y = X[::ROWS], y[::ROWS]
    for fit in FAMILIES.values():
        assert np.isfinite(fit(X, y, np.random.default_rng(0))(X)).all()


def test_a_profile_pays_for_every_family_several_times() -> None:
    for profile in Profile:
        names = [name for name, _ in attackers(profile, np.random.default_rng(0))]
        assert len(names) == tried(profile)
        assert set(names) == set(FAMILIES)
        assert len(FAMILIES) >= 3
    assert RESTARTS[Profile.QUICK] >= 3


@pytest.mark.parametrize("shape", [(200, 30), (40, 90)])
def test_components_are_those_of_the_book(shape: tuple[int, int]) -> None:
    """Against a plain singular value decomposition; also where columns outnumber rows."""
    rng = np.random.default_rng(0)
    rows = (rng.normal(size=shape) * np.linspace(5, 0.5, shape[1])).astype(np.float32)
    centred = rows - rows.mean(axis=0)
    _, values, axes = np.linalg.svd(centred, full_matrices=False)
    found = components(rows)
    points, book = found(rows, 8), centred @ axes[:8].T
    assert np.abs(points) == pytest.approx(np.abs(book), abs=0.02)
    assert found.spread[:8] == pytest.approx(values[:8] / np.sqrt(shape[0] - 1), rel=1e-3)
    assert found(rows, 8, whiten=True).std(axis=0, ddof=1) == pytest.approx(np.ones(8), rel=1e-2)


def test_components_of_the_same_rows_are_found_once() -> None:
    rows = np.random.default_rng(1).normal(size=(50, 8)).astype(np.float32)
    assert components(rows.copy()) is components(rows.copy())
    assert components(rows + 1) is not components(rows)
