"""The sample's first 50 s through darkroom, edge and cloud with z on: noise, budgets, ledger."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
import structlog

from mizaru.cloud.store import Store
from mizaru.edge.darkroom import develop
from mizaru.edge.darkroom.encode.canvas import canvas
from mizaru.edge.darkroom.encode.encoder import load_encoder
from mizaru.edge.main import Rim, run_edge
from mizaru.edge.models import models_folder
from mizaru.edge.settings import (
    CameraSettings,
    EdgeSettings,
    EmbeddingSettings,
    EncoderTier,
    LinkSettings,
    Pace,
    SpoolSettings,
)
from mizaru.ledger.account import Channel
from mizaru.wire.budget import LIMIT_BYTES_PER_S, framing
from mizaru.wire.codec import decode_from_edge, unpack_pose
from mizaru.wire.messages import Representation, Segment, Withheld, plate_digest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

HERE = Path(__file__).parent
BUDGET = 400
CHANNEL = Channel(8, 1.0, 0.35, 0.5)


def tiny_encoder(folder: Path) -> Path:
    """See tests/edge/darkroom/encode/conftest.py."""
    file = HERE / "edge" / "darkroom" / "encode" / "conftest.py"
    spec = importlib.util.spec_from_file_location("tiny_encoder", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made: Path = module.write_family(folder)
    return made


def first_seconds(video: Path, seconds: float, out: Path) -> Path:
    """The beginning of a video, packet by packet."""
    with av.open(str(video)) as source, av.open(str(out), "w") as copy:
        (stream,) = source.streams.video
        target = copy.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.dts is None or packet.dts * stream.time_base > seconds:
                break
            packet.stream = target
            copy.mux(packet)
    return out


@dataclass(frozen=True)
class Outcome:
    """What one run left in the cloud's database."""

    encoded: list[bytes]
    segments: list[Segment]
    store: Store
    weights: Path

    @property
    def representations(self) -> list[Representation]:
        return [r for segment in self.segments for r in segment.representations]


@pytest.fixture(scope="module")
def outcome(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("ledger")
    # The darkroom may read no other folder than the models'.
    weights = folder / "models"
    shutil.copytree(models_folder(None, os.environ), weights)
    tiny_encoder(weights)
    clip = first_seconds(sample, 50, folder / "clip.mp4")
    config, ready = folder / "cloud.toml", folder / "ready.json"
    config.write_text(
        '[cloud]\nlisten = "127.0.0.1:0"\nedge_listen = "127.0.0.1:0"\n'
        '[cloud.store]\npath = "cloud.sqlite"\n'
    )
    with (folder / "cloud.log").open("wb") as log:
        cloud = subprocess.Popen(
            [sys.executable, "-m", "mizaru", "cloud", config, "--ready-file", ready],
            stdout=log,
            stderr=log,
        )
    try:
        deadline = time.monotonic() + 30
        while not ready.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        embedding = EmbeddingSettings(enabled=True, tier=EncoderTier.BASE, budget_nats=BUDGET)
        camera = CameraSettings(id="ward", source=str(clip), pace=Pace.FAST, embedding=embedding)
        settings = EdgeSettings(
            camera=(camera,),
            link=LinkSettings(url=f"ws://{json.loads(ready.read_text())['edge']}/edge"),
            spool=SpoolSettings(path=str(folder / "spool.sqlite")),
            models=str(weights),
        )
        command = (sys.executable, "-P", str(HERE / "encoding_darkroom.py"))
        rim = Rim(develop=functools.partial(develop, command=command), environment=dict(os.environ))
        log_ = structlog.get_logger()
        assert run_edge(
            settings, folder=folder, stop=threading.Event(), rim=rim, log=log_
        ).delivered
    finally:
        cloud.send_signal(signal.SIGTERM)
        cloud.wait(30)
    store = Store(folder / "cloud.sqlite")
    encoded = list(store.replay("ward", 0))
    segments = [decode_from_edge(data) for data in encoded]
    yield Outcome(encoded, [s for s in segments if isinstance(s, Segment)], store, weights)
    store.close()


def z_of(representation: Representation) -> np.ndarray:
    embedding = representation.embedding
    assert embedding is not None
    return np.frombuffer(embedding.z, np.int8).astype(float) * embedding.scale / 1024


def test_z_comes_with_people_and_only_with_them(outcome: Outcome) -> None:
    every = outcome.representations
    assert sum(r.embedding is not None for r in every) > 50
    for representation in every:
        assert (representation.withheld is Withheld.NOBODY) == (not representation.poses)
        assert representation.withheld is not Withheld.FAILED
    assert {segment.channel.width for segment in outcome.segments if segment.channel} == {8}


def test_it_stays_within_its_bytes(outcome: Outcome) -> None:
    sizes = [len(data) + framing(len(data)) for data in outcome.encoded]
    times = [segment.representations[0].t_ms for segment in outcome.segments]
    seconds = (times[-1] - times[0]) / 1000
    assert sum(sizes) / seconds <= LIMIT_BYTES_PER_S


def test_z_is_what_the_encoder_says_of_what_was_sent_and_the_noise_that_was_promised(
    outcome: Outcome,
) -> None:
    """Everything that z depends on is in the cloud's database; what is left is noise."""
    encoder = load_encoder(EncoderTier.BASE, 8, outcome.weights).encoder
    plates: dict[bytes, np.ndarray] = {}
    for segment in outcome.segments:
        if segment.plate is not None:
            picture = cv2.imdecode(np.frombuffer(segment.plate.image, np.uint8), cv2.IMREAD_COLOR)
            plates[plate_digest(segment.plate.image)] = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
    noise = defaultdict(list)
    for segment in outcome.segments:
        for r in segment.representations:
            if r.embedding is None or len(r.poses) != 1:
                continue
            poses = [unpack_pose(record) for record in r.poses]
            mu = encoder(canvas(plates.get(r.plate), poses, segment.width / segment.height))
            mu = mu / max(1.0, float(np.linalg.norm(mu)) / CHANNEL.clip)
            noise[r.poses[0].subject].append(z_of(r) - mu)
    longest = max(noise.values(), key=len)
    assert len(longest) > 30
    fresh = np.array(longest) - np.mean(longest, axis=0)
    assert fresh.var() == pytest.approx(CHANNEL.fresh_variance, rel=0.25)
    every = np.concatenate([np.array(one) for one in noise.values()])
    assert np.abs(every).min(axis=0).max() > 0  # never exactly μ
    assert np.abs(every).max() < 8 * CHANNEL.sigma


def test_a_spent_budget_stops_z_for_good_and_the_poses_go_on(outcome: Outcome) -> None:
    paid = CHANNEL.frames_within(BUDGET)
    spent: set[int] = set()
    count: dict[int, int] = defaultdict(int)
    for r in outcome.representations:
        here = {record.subject for record in r.poses}
        if r.withheld is Withheld.SPENT:
            assert r.spent_percent == 100
            spent |= {subject for subject in here if count[subject] == paid}
            assert spent & here
        if r.embedding is not None:
            assert not spent & here
            for subject in here:
                count[subject] += 1
    assert spent, "nobody stays long enough in the sample: lower BUDGET"
    assert max(count.values()) == paid


def test_the_clouds_ledger_is_what_was_sent(outcome: Outcome) -> None:
    every = outcome.representations
    (camera,) = outcome.store.ledger_cameras()
    assert camera.frames == len(every)
    assert camera.z_frames == sum(r.embedding is not None for r in every)
    assert camera.spent == sum(r.withheld is Withheld.SPENT for r in every)
    assert camera.wire_bits == 8 * sum(map(len, outcome.encoded))
    tracks = outcome.store.ledger_tracks(limit=1000)
    assert sum(track.frames for track in tracks) == sum(len(r.poses) for r in every)
    for track in tracks:
        mine = [r for r in every if track.subject in {p.subject for p in r.poses}]
        assert track.frames == len(mine)
        assert track.z_frames == sum(r.embedding is not None for r in mine)
        assert track.nats <= BUDGET
        assert track.nats == CHANNEL.nats(track.z_frames)
        assert track.is_spent == (track.z_frames == CHANNEL.frames_within(BUDGET))
    assert any(track.is_spent for track in tracks)
