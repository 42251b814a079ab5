from __future__ import annotations

import numpy as np
import pytest

from mizaru.lab.audit.statistics import drawn, mean, share, top, verification


def test_nobody_named_is_no_proof_that_nobody_can_be() -> None:
    value, low, high = share([f"p{k}" for k in range(40)], [0.0] * 40)
    assert value == low == 0.0
    assert 0.05 < high < 0.15


def test_an_interval_of_few_persons_is_wider_however_often_each_came() -> None:
    rng = np.random.default_rng(0)
    skill = rng.random(8)
    few = [(f"p{k}", float(skill[k])) for k in range(8) for _ in range(50)]
    many = [(f"p{k}", float(x)) for k, x in enumerate(rng.choice(skill, 400))]
    ends = [mean([who for who, _ in some], [x for _, x in some])[1:] for some in (few, many)]
    assert ends[0][1] - ends[0][0] > 3 * (ends[1][1] - ends[1][0])


def test_ties_count_their_share() -> None:
    logs = np.zeros((2, 4))
    assert top(logs, np.array([0, 3])) == pytest.approx([0.25, 0.25])
    assert top(logs, np.array([0, 3]), k=2) == pytest.approx([0.5, 0.5])
    logs[0, 1] = 1.0
    assert top(logs, np.array([0, 3]))[0] == 0.0


@pytest.mark.parametrize("out", [-np.inf, np.nan])
def test_who_is_ruled_out_is_named_only_as_often_as_all_others_ruled_out(out: float) -> None:
    logs = np.array([[out, out, -1.0, out], [out, out, out, out], [0.0, out, -1.0, out]])
    assert top(logs, np.array([0, 0, 0])) == pytest.approx([0.0, 0.25, 1.0])
    assert top(logs, np.array([0, 3, 1]), k=2) == pytest.approx([1 / 3, 0.5, 0.0])


def test_scores_that_tell_all_have_no_error_and_scores_that_tell_nothing_half() -> None:
    rng = np.random.default_rng(1)
    people = [f"p{k % 30}" for k in range(3000)]
    same = rng.random(3000) < 0.2
    (error, low, high), (lets, _, _) = verification(people, same + 0.0, same, 0.01)
    assert error == pytest.approx(0.0, abs=1e-9)
    assert lets == pytest.approx(1.0)
    (error, low, high), (lets, _, _) = verification(people, rng.random(3000), same, 0.01)
    assert low < 0.5 < high
    assert high - low < 0.1
    assert lets < 0.05


def test_a_drawn_statistic_lies_in_its_interval() -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(size=60)
    value, low, high = drawn(
        [f"p{k % 20}" for k in range(60)], lambda rows: float(np.median(values[rows])), draws=200
    )
    assert low <= value <= high
    assert low < high


def test_without_visits_there_is_no_share() -> None:
    with pytest.raises(ValueError, match="visits"):
        share([], [])
