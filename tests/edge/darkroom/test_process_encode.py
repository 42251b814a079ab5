"""Encoding inside the real, locked darkroom: z within its bytes, under its channel, and noisy."""

from __future__ import annotations

import importlib.util
import sys
import threading
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from mizaru.edge.darkroom import develop
from mizaru.edge.settings import (
    CameraSettings,
    EmbeddingSettings,
    EncoderTier,
    Pace,
    SandboxMode,
)
from mizaru.errors import ModelError
from mizaru.ledger.account import Channel
from mizaru.vocabulary import CameraState
from mizaru.wire.budget import largest
from mizaru.wire.codec import encode
from mizaru.wire.messages import Developed, Outgoing, Representation, Status, Withheld

FAKE = Path(__file__).parent / "encoding_darkroom.py"


def tiny_encoder(folder: Path) -> Path:
    spec = importlib.util.spec_from_file_location(
        "encode_conftest", Path(__file__).parent / "encode" / "conftest.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made: Path = module.write_family(folder)
    return made


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_encoder(tmp_path_factory.mktemp("weights"))


def run(video: Path, weights: Path, **settings: object) -> list[Outgoing]:
    embedding = EmbeddingSettings(enabled=True, **settings)  # type: ignore[arg-type]
    camera = CameraSettings(id="cam", source=str(video), pace=Pace.FAST, embedding=embedding)
    return list(
        develop(
            camera,
            source=str(video),
            sandbox=SandboxMode.STRICT,
            models=weights,
            stop=threading.Event(),
            command=(sys.executable, "-P", str(FAKE)),
        )
    )


def developed(messages: list[Outgoing]) -> list[Developed]:
    return [m for m in messages if isinstance(m, Developed)]


def representations(messages: list[Outgoing]) -> list[Representation]:
    return [m.representation for m in developed(messages)]


@pytest.fixture(scope="module")
def said(video: Path, family: Path) -> list[Outgoing]:
    return run(video, family, width=16)


def test_the_encoder_runs_behind_all_locks(said: list[Outgoing]) -> None:
    last = [m for m in said if isinstance(m, Status)][-1]
    assert (last.state, last.restarts, last.frames_dropped) == (CameraState.ENDED, 0, 0)
    assert last.sandboxed
    withheld = [r.withheld for r in representations(said)]
    assert withheld == [Withheld.NOT] * 16 + [Withheld.NOBODY] * 4


def test_z_is_as_wide_as_asked_and_within_its_bytes(said: list[Outgoing]) -> None:
    for message in developed(said):
        assert message.channel is not None
        assert (message.channel.width, message.channel.sigma) == (16, 350)
        assert len(encode(message)) <= largest(Developed)
        if message.representation.embedding is not None:
            assert len(message.representation.embedding.z) == 16


def test_two_runs_over_the_same_frames_say_different_z_of_the_same_poses(
    said: list[Outgoing], video: Path, family: Path
) -> None:
    first, second = representations(said), representations(run(video, family, width=16))
    assert [r.poses for r in first] == [r.poses for r in second]
    apart = np.array(
        [
            np.frombuffer(a.embedding.z, np.int8).astype(float)
            - np.frombuffer(b.embedding.z, np.int8)
            for a, b in zip(first, second, strict=True)
            if a.embedding is not None and b.embedding is not None
        ]
    )
    step = first[0].embedding.scale / 1024 if first[0].embedding else 0.0
    fresh = (apart * step - (apart * step).mean(axis=0)).var() / 2
    assert fresh == pytest.approx(0.35**2 / 2, rel=0.35)


def test_a_budget_ends(video: Path, family: Path) -> None:
    said = representations(run(video, family, tier=EncoderTier.SMALL, budget_nats=30))
    paid = Channel(8, 1.0, 0.35, 0.5).frames_within(30)
    withheld = [r.withheld for r in said[:16]]
    assert withheld == [Withheld.NOT] * paid + [Withheld.SPENT] * (16 - paid)
    assert all(r.poses for r in said[:16])


def test_missing_weights_end_it_with_words(video: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"encoder\.json: cannot be read .* install"):
        run(video, tmp_path)
