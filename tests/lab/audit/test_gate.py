from __future__ import annotations

import msgspec
import pytest

from mizaru.errors import DataError
from mizaru.lab.audit.gate import compare
from mizaru.lab.audit.results import Dataset, Record, Results


def record(representation: str = "omega", value: float = 0.05, **more: object) -> Record:
    made = Record(
        representation=representation,
        attack="identity",
        measure="top-1",
        setting="T=25, clothes constant",
        dataset="sim",
        value=value,
        low=value - 0.03,
        high=value + 0.03,
        chance=0.025,
        raw=1.0,
    )
    return msgspec.structs.replace(made, **more)


def results(*rows: Record, **more: object) -> Results:
    made = Results(
        profile="quick",
        seed=0,
        representations={"omega": "Ω", "raw": "raw"},
        attacks={"identity": "who"},
        controls=("raw",),
        versions={},
        datasets=(Dataset("sim", 40, 160, 4000, "00"),),
        rows=rows,
    )
    return msgspec.structs.replace(made, **more)


def test_the_same_passes() -> None:
    assert compare(results(record()), results(record())) == []


def test_a_leak_that_grew_beyond_its_interval_is_one_line() -> None:
    lines = compare(results(record(value=0.2), record("raw", 1.0)), results(record()))
    assert len(lines) == 1
    assert "identity on omega: top-1, T=25, clothes constant (sim): the leak grew" in lines[0]
    assert "0.200 [0.170, 0.230] now, 0.050 [0.020, 0.080]" in lines[0]


def test_intervals_that_touch_and_the_slack_let_a_row_pass() -> None:
    assert compare(results(record(value=0.10)), results(record())) == []
    assert compare(results(record(value=0.12)), results(record())) != []
    assert compare(results(record(value=0.12)), results(record()), slack=0.02) == []


def test_where_less_is_worse_a_fall_is_a_leak() -> None:
    error = {"measure": "EER", "chance": 0.5, "higher_leaks": False}
    then = results(record(value=0.48, **error))
    assert compare(results(record(value=0.52, **error)), then) == []
    assert "the leak grew" in compare(results(record(value=0.30, **error)), then)[0]


def test_a_missing_row_and_a_row_void_now_are_complaints() -> None:
    then = results(record(), record("pixelation"))
    assert "pixelation: top-1" in compare(results(record()), then)[0]
    void = record(void="the control fails")
    assert "void now: the control fails" in compare(results(void), results(record()))[0]
    assert compare(results(record()), results(void)) == []


def test_better_attackers_on_raw_pictures_and_more_use_are_no_leaks() -> None:
    rows = (record("raw", 0.5), record("random", 0.5), record(attack="utility", value=0.5))
    worse = tuple(msgspec.structs.replace(r, value=0.9, low=0.85, high=0.95) for r in rows)
    assert compare(results(*worse), results(*rows)) == []


def test_other_runs_cannot_be_compared() -> None:
    for more in (
        {"profile": "full"},
        {"seed": 1},
        {"datasets": (Dataset("sim", 20, 80, 2000, "00"),)},
    ):
        with pytest.raises(DataError, match="cannot be compared"):
            compare(results(record(), **more), results(record()))
