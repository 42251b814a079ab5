"""Inversion: what shows the person is rebuilt, what knows nothing ends at the blind picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mizaru.errors import DataError
from mizaru.lab.audit.attacks import inversion
from mizaru.lab.audit.attacks.inversion import SIZE_HW, Inversion, structural
from mizaru.lab.audit.attacks.trials import Trial
from mizaru.lab.audit.contract import Outcome, Profile, Visit


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(inversion.STEPS, Profile.QUICK, 40)


def attack(representation: Any, visits: tuple[Visit, ...]) -> Outcome:
    return Inversion().run(representation, visits, Profile.QUICK, np.random.default_rng(0))


def colour_of(visit: Visit, rng: np.random.Generator) -> np.ndarray:
    assert visit.crops is not None
    shirt = visit.crops[:, 40:80, 24:40].reshape(len(visit.crops), -1, 3).mean(axis=1)
    return np.concatenate([shirt / 255, rng.normal(0, 0.01, shirt.shape)], 1).astype(np.float32)


def test_a_leak_is_rebuilt_and_named_and_noise_is_not(
    visits: tuple[Visit, ...], telling: Any, nothing: Any
) -> None:
    leaky = {row.measure: row for row in attack(telling(colour_of), visits).rows}
    blind = {row.measure: row for row in attack(nothing, visits).rows}
    assert leaky["PSNR over blind"].low > 3.0
    assert leaky["judge's top-1"].value > 0.9
    assert blind["PSNR over blind"].value < 0.3
    assert blind["judge's top-1"].value < 0.5
    assert leaky["PSNR"].chance == pytest.approx(blind["PSNR"].chance)
    assert leaky["PSNR"].tried >= 9


def test_the_report_gets_truth_rebuilt_and_blind(visits: tuple[Visit, ...], nothing: Any) -> None:
    (example,) = attack(nothing, visits).examples
    captions = [caption.partition(" ")[0] for caption, _ in example.pictures[:3]]
    assert captions == ["truth", "rebuilt", "blind"]
    assert all(p.dtype == np.uint8 and p.ndim == 3 for _, p in example.pictures)


def test_skeletons_have_nothing_to_rebuild(visits: tuple[Visit, ...], nothing: Any) -> None:
    with pytest.raises(DataError, match="pictures and masks"):
        attack(nothing, tuple(v for v in visits if v.session == "day1"))


def test_structural_similarity_is_1_of_the_same_and_less_of_others() -> None:
    rng = np.random.default_rng(0)
    a = rng.uniform(0, 255, (*SIZE_HW, 3)).astype(np.float32)
    mask = np.ones(SIZE_HW, np.bool_)
    assert structural(a, a, mask) == pytest.approx(1.0, abs=1e-4)
    assert structural(a, 255 - a, mask) < 0.0
    half = mask.copy()
    half[:, 16:] = False
    other = a.copy()
    other[:, 16:] = 0.0
    assert structural(a, other, half) == pytest.approx(1.0, abs=1e-4)


def test_a_convolutional_decoder_learns_a_colour() -> None:
    pytest.importorskip("torch")
    from mizaru.lab.audit.attacks.decoder import convolutional

    rng = np.random.default_rng(0)
    seen = rng.random((16, 3)).astype(np.float32)
    pictures = np.broadcast_to(255 * seen[:, None, None], (16, *SIZE_HW, 3)).astype(np.float32)
    decode = convolutional(seen, pictures, steps=40, rng=rng)
    assert decode is not None
    error = np.abs(decode(seen) - pictures).mean()
    assert error < 0.8 * np.abs(pictures - pictures.mean()).mean()


def test_profile_full_adds_a_convolutional_decoder(
    visits: tuple[Visit, ...], nothing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    monkeypatch.setitem(inversion.STEPS, Profile.FULL, 10)
    monkeypatch.setitem(inversion.RESTARTS, Profile.FULL, 1)
    monkeypatch.setattr(inversion, "DECODER_STEPS", 3)
    rng = np.random.default_rng(0)
    full = Inversion().run(nothing, visits, Profile.FULL, rng).rows
    quick = attack(nothing, visits).rows
    assert full[0].tried == quick[0].tried + 3


def test_who_was_only_lucky_is_judged_where_the_luck_was_not() -> None:
    second = np.arange(8) >= 4
    nothing = np.zeros((8, *SIZE_HW, 3), np.float32)

    def lucky(family: str, where: np.ndarray) -> inversion._Result:
        psnr = [Trial(f"p{k}", 30.0 if where[k] else 10.0) for k in range(8)]
        return inversion._Result(family, nothing, psnr, psnr, psnr)

    results = [lucky("early", ~second), lucky("late", second)]
    trials, families = inversion._chosen(results, inversion._psnr_of, second)
    assert [trial.value for trial in trials] == [10.0] * 8
    assert set(families.split(" | ")) == {"early", "late"}
