from __future__ import annotations

import json
from pathlib import Path

import pytest

from mizaru.edge.darkroom.encode import encoder
from mizaru.lab import code
from mizaru.lab.code import digest_of_code
from mizaru.proxy import body


def test_a_digest_changes_with_whatever_is_imported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Directly, through others, and with the weights that are beside it."""
    for place, text in {
        "__init__": "",
        "far": "X = 1",
        "near": "from ours import far",
        "top": "from . import near\nimport json",
        "other": "",
    }.items():
        (tmp_path / "ours").mkdir(exist_ok=True)
        (tmp_path / "ours" / f"{place}.py").write_text(text)
    monkeypatch.setattr(code, "_ROOT", tmp_path)
    monkeypatch.setattr(code, "_OURS", "ours")
    monkeypatch.syspath_prepend(tmp_path)
    top = __import__("ours.top").top
    first = digest_of_code(top)
    (tmp_path / "ours" / "other.py").write_text("Y = 2")
    assert digest_of_code(top) == first
    (tmp_path / "ours" / "far.py").write_text("X = 2")
    second = digest_of_code(top)
    assert second != first
    (tmp_path / "ours" / "weights").mkdir()
    (tmp_path / "ours" / "weights" / "card.json").write_text("{}")
    assert digest_of_code(top) != second


def test_a_digest_says_nothing_of_what_is_not_ours() -> None:
    assert digest_of_code(json) != digest_of_code(body)
    assert digest_of_code(json.decoder) != digest_of_code(json.encoder)


def test_an_encoder_depends_on_its_card() -> None:
    assert digest_of_code(encoder) != digest_of_code(body)
