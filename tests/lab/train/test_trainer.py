"""What needs torch; skipped without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from mizaru.cloud.recognize.features import CHANNELS, TICKS
from mizaru.cloud.recognize.outputs import ACTIONS, OUTPUTS
from mizaru.errors import DataError
from mizaru.lab.sequence import Sequence
from mizaru.lab.train.corpus import Corpus, Story
from mizaru.lab.train.recipe import (
    Kind,
    NetworkSettings,
    Purpose,
    Recipe,
    SourceSettings,
    TrainingSettings,
)
from mizaru.lab.train.windows import windows_of

torch = pytest.importorskip("torch")

from mizaru.lab.train import trainer  # noqa: E402
from mizaru.lab.train.architectures import build  # noqa: E402

RECIPE = Recipe(
    title="t",
    purpose=Purpose.SHIP,
    source=(SourceSettings(name="sim"),),
    network=NetworkSettings(width=8, depth=1),
    training=TrainingSettings(epochs=2, windows_per_epoch=32, batch=16),
)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads only wait for each other where other tests run beside this one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def corpus(sequence: Callable[..., Sequence]) -> Corpus:
    windows = windows_of(sequence())
    story = Story(
        name="a", source="sim", licence="", subject="", room="", split="", fps=10.0, hours=0.1,
        falls=1, blows=0,
    )  # fmt: skip
    return Corpus(windows.x, windows.rows, np.zeros(len(windows), np.int32), (story,))


def _weights(network: object) -> list[np.ndarray]:
    return [value.numpy().copy() for value in network.state_dict().values()]  # type: ignore[attr-defined]


def test_an_interrupted_run_ends_with_the_same_weights(corpus: Corpus, tmp_path: Path) -> None:
    whole = trainer.learn(RECIPE, corpus, tmp_path / "whole.pt")
    trainer.learn(RECIPE, corpus, tmp_path / "part.pt", epochs=1)
    resumed = trainer.learn(RECIPE, corpus, tmp_path / "part.pt")
    for a, b in zip(_weights(whole), _weights(resumed), strict=True):
        assert np.array_equal(a, b)


def test_a_checkpoint_of_another_recipe_is_refused(corpus: Corpus, tmp_path: Path) -> None:
    file = tmp_path / "c.pt"
    trainer.learn(RECIPE, corpus, file, epochs=1)
    with pytest.raises(DataError, match="--fresh"):
        trainer.learn(replace(RECIPE, seed=1), corpus, file)


def test_what_nobody_said_teaches_nothing() -> None:
    settings = TrainingSettings(smoothing=0.0)
    logits = torch.randn(6, OUTPUTS, requires_grad=True)
    unsaid = torch.full((6,), -1)
    trainer.loss_of(logits, unsaid, unsaid, unsaid, settings).backward()
    assert not logits.grad.any()
    logits.grad = None
    action, fall = unsaid.clone(), unsaid.clone()
    action[0], fall[1] = 3, 1
    trainer.loss_of(logits, action, fall, unsaid, settings).backward()
    touched = logits.grad != 0
    assert touched[0, : len(ACTIONS)].all()
    assert touched[1].nonzero().flatten().tolist() == [len(ACTIONS)]
    assert int(touched.sum()) == len(ACTIONS) + 1


def test_balance_draws_falls_as_often_as_anything_else(corpus: Corpus) -> None:
    falls = corpus.rows["fall"] == 1
    even = replace(RECIPE, training=replace(RECIPE.training, balance=0.0))
    full = replace(RECIPE, training=replace(RECIPE.training, balance=1.0))
    kinds = len({int(a) for a in corpus.rows["action"][~falls]}) + 1
    assert trainer.draw_weights(corpus, even)[falls].sum() == pytest.approx(falls.mean())
    assert trainer.draw_weights(corpus, full)[falls].sum() == pytest.approx(1 / kinds)


@pytest.mark.parametrize("kind", list(Kind))
def test_every_network_answers_in_the_cloud_s_terms(kind: Kind) -> None:
    network = build(NetworkSettings(kind=kind, width=16, depth=2)).eval()
    said = trainer.say(network, np.zeros((3, CHANNELS, TICKS), np.float16), relations=True)
    assert said.shape == (3, OUTPUTS)
    assert np.isfinite(said).all()


def test_without_relations_others_change_nothing(corpus: Corpus) -> None:
    network = build(NetworkSettings(width=16, depth=1))
    other = corpus.x.copy()
    other[:, CHANNELS - 11 : CHANNELS - 1] = 9.0
    a, b = (trainer.say(network, x, relations=False) for x in (corpus.x, other))
    assert np.array_equal(a, b)


def test_the_exported_file_says_the_same(corpus: Corpus, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    from mizaru.lab.train import export

    network = build(NetworkSettings(width=8, depth=1)).eval()
    file = tmp_path / "n.onnx"
    x = corpus.x[::20].astype(np.float32)
    assert export.export(network, file, x) < 1e-3
    assert [path.name for path in tmp_path.iterdir()] == ["n.onnx"]
    assert b".py" not in file.read_bytes()  # no folder of the machine that trained
    for n in (1, len(x)):
        wanted = trainer.say(network, x[:n], relations=True)
        assert np.allclose(export.run(file, x[:n]), wanted, atol=1e-4)
