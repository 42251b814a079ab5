"""The card of the weights: what it holds, what it refuses, and calibration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from mizaru.cloud.recognize import recognizer_info
from mizaru.cloud.recognize.card import (
    MAX_LOGIT,
    NOT_VALIDATED,
    OUTPUT_NAMES,
    Calibrator,
    Knots,
    Platt,
    Validation,
    load_card,
    logit,
    save_card,
    sigmoid,
)
from mizaru.cloud.recognize.info import learned_info
from mizaru.cloud.recognize.network import WEIGHTS, shipped_model
from mizaru.cloud.recognize.outputs import ACTIONS, AGGRESSION, FALL, OUTPUTS
from mizaru.errors import ModelError
from mizaru.vocabulary import Behavior

Fakes = Any


def test_a_card_comes_back_as_it_was_written(fakes: Fakes, tmp_path: Path) -> None:
    card = msgspec.structs.replace(
        fakes.card(),
        calibration={"fall": Platt(a=0.7, b=-1.0), "walk": Knots(logits=(-2.0, 3.0),
                                                                 probabilities=(0.1, 0.9))},
        validation={Behavior.FALL: Validation(status="real", data=("some set",))},
        metrics={"auc": 0.9},
    )  # fmt: skip
    save_card(card, tmp_path / "card.json")
    assert load_card(tmp_path / "card.json") == card


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"format": 2}, "format"),
        ({"ticks": 16}, "ticks"),
        ({"channels": 66}, "channels"),
        ({"outputs": list(reversed(OUTPUT_NAMES))}, "outputs"),
        ({"sha256": "no"}, "sha256"),
        ({"temperature": 0.0}, "temperature"),
        ({"calibration": {"fly": {"type": "platt", "a": 1.0}}}, "fly"),
        ({"calibration": {"fall": {"type": "platt", "a": -1.0}}}, "calibration"),
        (
            {"calibration": {"fall": {"type": "knots", "logits": [1.0, 0.0],
                                      "probabilities": [0.1, 0.9]}}},
            "knots",
        ),
        ({"operating_points": {}}, "operating point"),
        ({"validation": {"fall": {"status": "real"}}}, "names its data"),
        ({"validation": {"fall": {"status": "surely", "data": ["x"]}}}, "neither"),
        ({"training": []}, "training"),
        ({"surprise": 1}, "surprise"),
    ],
)  # fmt: skip
def test_a_card_that_does_not_fit_is_refused_in_one_line(
    fakes: Fakes, tmp_path: Path, change: dict[str, Any], word: str
) -> None:
    file = tmp_path / "card.json"
    plain = msgspec.json.decode(msgspec.json.encode(fakes.card()))
    file.write_bytes(msgspec.json.encode(plain | change))
    with pytest.raises(ModelError, match=word) as caught:
        load_card(file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [None, b"", b"{", b"\xff\xfe", b"[]"])
def test_a_damaged_card_is_refused_in_one_line(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "card.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ModelError, match="install Mizaru again") as caught:
        load_card(file)
    assert "\n" not in str(caught.value)


def test_what_was_not_shown_on_real_people_says_so(fakes: Fakes) -> None:
    shown = {Behavior.FALL: Validation(status="real", data=("one", "two"))}
    info = learned_info(msgspec.structs.replace(fakes.card(), validation=shown))
    assert info.validation[Behavior.FALL] == "real: one, two"
    assert info.is_validated(Behavior.FALL)
    assert set(info.validation) == set(Behavior)
    for behavior in set(Behavior) - {Behavior.FALL}:
        assert info.validation[behavior] == NOT_VALIDATED
        assert not info.is_validated(behavior)


@pytest.mark.parametrize("seed", range(4))
def test_calibrated_odds_keep_order_and_bounds(fakes: Fakes, seed: int) -> None:
    rng = np.random.default_rng(seed)
    card = msgspec.structs.replace(
        fakes.card(),
        temperature=1.7,
        calibration={
            "fall": Knots(logits=(-3.0, 0.0, 4.0), probabilities=(0.01, 0.2, 0.95)),
            "aggression": Platt(a=0.5, b=-1.0),
        },
    )
    logits = np.sort(rng.normal(0, 20, (200, OUTPUTS)), axis=0).astype(np.float32)
    odds = Calibrator(card)(logits)
    assert odds.shape == logits.shape
    assert odds.dtype == np.float32
    assert np.abs(odds).max() <= MAX_LOGIT
    assert (np.diff(odds[:, [FALL, AGGRESSION]], axis=0) >= 0).all()
    probabilities = 1 / (1 + np.exp(-odds[:, FALL]))
    assert probabilities.min() >= 0.01 - 1e-6
    assert probabilities.max() <= 0.95 + 1e-6
    shares = 1 / (1 + np.exp(-odds[:, : len(ACTIONS)].astype(float)))
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, atol=0.01)


@pytest.mark.parametrize("p", [0.001, 0.3, 0.5, 0.999])
def test_logit_and_sigmoid_undo_each_other(p: float) -> None:
    assert sigmoid(logit(p)) == pytest.approx(p)


def test_what_ships_is_whole() -> None:
    card = shipped_model().card
    assert {file.name for file in WEIGHTS.iterdir()} >= {"recognizer.onnx", "recognizer.json"}
    assert sum(file.stat().st_size for file in WEIGHTS.iterdir()) <= 20_000_000
    assert recognizer_info() == learned_info(card)
    for point in card.operating_points.values():
        assert "eval" not in point.chosen_on
