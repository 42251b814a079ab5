"""Membership: a network that remembers is found out, one that learnt nothing is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mizaru.cloud.recognize.features import CHANNELS, TICKS
from mizaru.cloud.recognize.outputs import ACTIONS, OUTPUTS
from mizaru.errors import DataError
from mizaru.lab.audit.attacks import membership
from mizaru.lab.audit.attacks.membership import Membership
from mizaru.lab.audit.contract import Profile, Row, Visit
from mizaru.lab.audit.representations.poses import RetargetedSkeleton


def windows() -> membership._Windows:
    rng = np.random.default_rng(0)
    owner = np.repeat(np.arange(12), 20)
    return membership._Windows(
        rng.normal(size=(len(owner), CHANNELS, TICKS)).astype(np.float32),
        rng.integers(len(ACTIONS), size=len(owner)),
        tuple(f"scene{k}" for k in owner),
        owner < 6,
    )


def rows_of(network: Any, some: membership._Windows) -> dict[str, Row]:
    rng = np.random.default_rng(0)
    rows = membership._rows("omega", "membership", "made", some, network, Profile.QUICK, rng)
    return {row.measure: row for row in rows}


def test_a_network_that_remembers_its_windows_is_found_out() -> None:
    some = windows()
    known = {some.x[k].tobytes(): some.action[k] for k in np.flatnonzero(some.member)}

    def remembers(x: np.ndarray) -> np.ndarray:
        out = np.zeros((len(x), OUTPUTS), np.float32)
        for row, window in enumerate(x):
            if window.tobytes() in known:
                out[row, known[window.tobytes()]] = 5.0
        return out

    rows = rows_of(remembers, some)
    assert rows["AUC"].value == 1.0
    assert rows["TPR at FPR 1.0%"].value > 0.9
    assert not rows["AUC"].void
    assert rows["AUC"].raw == 1.0


def test_a_network_that_learnt_nothing_gives_nobody_away() -> None:
    rng = np.random.default_rng(5)

    def random(x: np.ndarray) -> np.ndarray:
        return rng.normal(size=(len(x), OUTPUTS)).astype(np.float32)

    row = rows_of(random, windows())["AUC"]
    assert row.low <= 0.5 <= row.high


def test_only_what_the_recognizer_reads_is_attacked(visits: tuple[Visit, ...]) -> None:
    with pytest.raises(DataError, match="reads omega only"):
        Membership().run(RetargetedSkeleton(), visits, Profile.QUICK, np.random.default_rng(0))
