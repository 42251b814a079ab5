from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

pytest.importorskip("sklearn")

from mizaru.cli import app
from mizaru.errors import DataError
from mizaru.lab.audit.results import RESULTS, Record, Results, as_json


def _invoke(*arguments: str) -> tuple[int, str, BaseException | None]:
    found = CliRunner().invoke(app, ["audit", *arguments])
    return found.exit_code, found.output, found.exception


def _write(folder: Path, value: float) -> Path:
    row = Record(
        representation="omega", attack="identity", measure="top-1", setting="T=1, clothes constant",
        dataset="sim", value=value, low=value, high=value, chance=0.025, raw=1.0, tried=12,
    )  # fmt: skip
    results = Results(
        profile="quick", seed=0, representations={"omega": "Ω"}, attacks={"identity": "who"},
        controls=(), versions={}, datasets=(), rows=(row,),
    )  # fmt: skip
    folder.mkdir()
    (folder / RESULTS).write_bytes(as_json(results))
    return folder


def test_everything_is_listed_with_its_words() -> None:
    code, said, _ = _invoke("list")
    assert code == 0
    for word in ("omega", "retargeted_skeleton", "general_embedding", "identity", "pixels"):
        assert word in said


def test_a_report_is_written_beside_the_results(tmp_path: Path) -> None:
    folder = _write(tmp_path / "run", 0.04)
    code, said, _ = _invoke("report", str(folder))
    assert code == 0
    assert "4.0 %" in said
    assert "<h1>" in (folder / "audit.html").read_text(encoding="utf-8")


def test_the_gate_fails_with_one_line_a_leak(tmp_path: Path) -> None:
    then, now = _write(tmp_path / "then", 0.04), _write(tmp_path / "now", 0.4)
    code, _, _ = _invoke("gate", str(then), "--baseline", str(then / RESULTS))
    assert code == 0
    code, said, error = _invoke("gate", str(now), "--baseline", str(then / RESULTS))
    assert code != 0
    assert "identity on omega: top-1, T=1, clothes constant (sim): the leak grew" in said
    assert isinstance(error, DataError)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "--profile", "slow"), "--profile slow: choose quick, full"),
        (("run", "--attack", "none"), "--attack none: choose identity"),
        (("report", "nowhere"), "run: mizaru audit run"),
    ],
)
def test_mistakes_are_told_in_one_line(arguments: tuple[str, ...], words: str) -> None:
    code, _, error = _invoke(*arguments)
    assert code != 0
    assert isinstance(error, DataError)
    assert words in str(error)


def test_a_run_says_how_far_it_is_and_goes_on_where_it_was(tmp_path: Path) -> None:
    for package in ("mujoco", "dm_control"):
        pytest.importorskip(package)
    asked = (
        "run", "--exact", "--people", "8", "--workers", "1", "--attack", "attributes",
        "--representation", "random", "--cache", str(tmp_path / "cache"), "--out", str(tmp_path),
    )  # fmt: skip
    code, said, _ = _invoke(*asked)
    assert code == 0
    assert "people come by: 16 of 16" in said
    found = re.findall(r"^attributes on \w+: (\d+) of (\d+)$", said, re.MULTILINE)
    assert len(found) > 1
    assert found == [(str(k), str(len(found))) for k in range(1, len(found) + 1)]
    code, said, _ = _invoke(*asked)
    assert code == 0
    assert f"attacks: {len(found)} of {len(found)}" in said
    assert "attributes on random:" not in said
