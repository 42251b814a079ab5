"""`mizaru train recognizer` explains itself, and refuses before it begins."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from mizaru.cli import app
from mizaru.errors import DataError, SettingsError

RUNNER = CliRunner()


def test_the_help_teaches() -> None:
    shown = RUNNER.invoke(app, ["train", "recognizer", "--help"], terminal_width=100)
    assert shown.exit_code == 0
    for word in ("--recipe", "--fresh", "--device", "Ctrl-C", "Examples", "licence"):
        assert word in shown.output


def test_a_wrong_recipe_is_refused_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mizaru.cli.train._NEEDED", ())
    pytest.importorskip("torch")
    file = tmp_path / "r.toml"
    file.write_text('[recipe]\ntitle = "x"\npurpose = "ship"\n[[recipe.source]]\nname = "scfd"\n')
    refused = RUNNER.invoke(app, ["train", "recognizer", "--recipe", str(file)])
    assert isinstance(refused.exception, SettingsError)
    assert str(refused.exception).startswith(f"{file}:5: recipe.source[0].name: ")


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mizaru.cli.train._NEEDED", ("torch_of_nobody",))
    refused = RUNNER.invoke(app, ["train", "recognizer"])
    assert isinstance(refused.exception, DataError)
    assert "torch_of_nobody" in str(refused.exception)
    assert "mizaru[lab,train]" in str(refused.exception)
