"""`mizaru ledger --data`: a cloud's books, read from its file and from its address."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="needs the extra 'cloud'")
pytest.importorskip("pydantic", reason="needs the extra 'cloud'")

from typer.testing import CliRunner

from mizaru.cli import app
from mizaru.cloud.ledger import ledger_page
from mizaru.cloud.store import Batch, NewSegment, Store
from mizaru.errors import (
    DataError,
    LinkDownError,
    MizaruError,
    RefusedError,
    SettingsError,
    StoreError,
)
from mizaru.ledger import bounds
from mizaru.ledger.account import Channel
from mizaru.ledger.calibration import weights_id
from mizaru.ledger.record import record_of
from mizaru.wire.codec import encode
from mizaru.wire.messages import (
    GENESIS,
    Embedding,
    PoseRecord,
    Representation,
    Segment,
    chain_digest,
)

CHANNEL = Channel()
BUDGET = 20
"""Nats: pays for four frames."""
EIGENVALUES = (0.3, 0.1, *(0.01,) * (CHANNEL.width - 2))


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["ledger", *arguments], env={"COLUMNS": "140"})
    if isinstance(result.exception, MizaruError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Two segments of camera ``ward``: four frames of 0000000a, then two of 0000000b without z."""
    return write_books(tmp_path / "cloud.sqlite", b"abcd")


@pytest.fixture
def calibrated(tmp_path: Path) -> tuple[Path, Path]:
    """The same of an encoder with a card, and the card."""
    card = tmp_path / "encoder.json"
    tier = {"eigenvalues": {CHANNEL.width: EIGENVALUES}}
    content = {"clip": CHANNEL.clip, "calibration_set": "played rooms", "tiers": {"small": tier}}
    card.write_text(json.dumps(content))
    return write_books(tmp_path / "cloud.sqlite", weights_id(card.read_bytes())), card


def write_books(file: Path, weights: bytes) -> Path:
    """See the fixture ``file``."""
    pose = PoseRecord(0xA, None, b"\xff" * 46 + b"\xfc")
    other = PoseRecord(0xB, None, b"\xff" * 46 + b"\xfc")
    z = Embedding(CHANNEL.scale, bytes(CHANNEL.width))
    said = tuple(Representation(i, 100 * i, b"", (pose,), z) for i in range(4))
    silent = tuple(Representation(i, 100 * i, b"", (other,)) for i in range(5, 7))
    previous, stored = GENESIS, []
    for number, (representations, channel) in enumerate(
        ((said, record_of(CHANNEL, BUDGET, weights)), (silent, None)), 1
    ):
        segment = Segment(
            "ward", bytes(8), number, previous, 640, 360, 0, representations, None, channel
        )
        data = encode(segment)
        previous = chain_digest(data)
        stored.append(NewSegment(segment, data, previous, 0))
    store = Store(file)
    store.commit(Batch(segments=tuple(stored)))
    store.close()
    return file


def test_the_books_of_a_file_are_shown_with_bits_and_nats(file: Path) -> None:
    said = run("--data", str(file))
    nats = CHANNEL.nats(4)
    static = bounds.static_sigma(CHANNEL.fresh_variance, CHANNEL.sticky_variance, 4)
    p_max = bounds.top_1(bounds.capacity(CHANNEL.width, CHANNEL.clip, static), 1000)
    for words in ("ward", "0000000a", "0000000b", f"{nats:.1f}", f"{p_max:.1%}", "z stopped"):
        assert words in said
    assert said.index("0000000b") < said.index("0000000a")  # the last first
    assert f"{nats / BUDGET:.1%}" in said
    assert "There are more" in run("--data", str(file), "--tracks", "1")


def test_machines_get_what_the_api_says(file: Path) -> None:
    document = json.loads(run("--data", str(file), "--json"))
    store = Store(file)
    page = ledger_page(store, {}, camera=None, before=None, limit=20)
    store.close()
    assert document == json.loads(page.model_dump_json())
    assert [track["id"] for track in document["tracks"]] == [0xB, 0xA]
    assert document["cameras"][0]["with_z"] == 4


@contextmanager
def answering(answer: Callable[[str], tuple[int, str]]) -> Iterator[str]:
    """An address where ``answer`` says status and body for each path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answer(self.path)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_address_shows_the_same_as_the_file(file: Path) -> None:
    asked = []

    def answer(path: str) -> tuple[int, str]:
        asked.append(path)
        return 200, run("--data", str(file), "--json")

    with answering(answer) as url:
        assert run("--data", url + "/") == run("--data", str(file))
    assert asked == ["/api/v1/ledger?limit=20"]


def test_weights_with_a_card_have_a_calibrated_line_and_its_set(
    calibrated: tuple[Path, Path],
) -> None:
    file, card = calibrated
    channel = CHANNEL
    fresh, sticky = channel.fresh_variance, channel.sticky_variance
    nats = bounds.calibrated_over_time(EIGENVALUES, fresh, sticky, 4)
    p_max = bounds.top_1(
        bounds.calibrated(EIGENVALUES, bounds.static_sigma(fresh, sticky, 4)), 1000
    )
    said = run("--data", str(file), "--card", str(card))
    for words in (
        "Calibrated: the same",
        f"{nats:.1f}",
        f"{p_max:.1%}",
        "like those of played rooms",
    ):
        assert words in said
    assert "Not calibrated" not in said
    # What a running cloud says is shown by the same words.
    answer = run("--data", str(file), "--card", str(card), "--json")
    with answering(lambda _: (200, answer)) as url:
        assert run("--data", url) == said
    # Without the card nothing is made up.
    said = run("--data", str(file))
    weights = weights_id(card.read_bytes()).hex()
    assert f"Not calibrated, weights {weights}: no card" in said
    assert "played rooms" not in said


def test_a_running_cloud_has_cards_of_its_own(calibrated: tuple[Path, Path]) -> None:
    with pytest.raises(SettingsError, match=r"cloud\.ledger\.cards"):
        run("--data", "http://127.0.0.1:1", "--card", str(calibrated[1]))


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [(404, "{}", RefusedError), (200, "{}", DataError), (200, "<html>", DataError)],
)
def test_what_is_no_cloud_of_ours_is_refused(
    status: int, body: str, error: type[MizaruError]
) -> None:
    with answering(lambda _: (status, body)) as url, pytest.raises(error, match="version"):
        run("--data", url)


def test_nobody_there_is_said_and_no_file_is_made(tmp_path: Path) -> None:
    with answering(lambda _: (200, "")) as url:
        pass
    with pytest.raises(LinkDownError, match="nobody answers"):
        run("--data", url)
    with pytest.raises(StoreError, match="no such file"):
        run("--data", str(tmp_path / "absent.sqlite"))
    assert not list(tmp_path.iterdir())
    (tmp_path / "text").write_text("not a database, but long enough to be one" * 40)
    with pytest.raises(StoreError, match="not a database"):
        run("--data", str(tmp_path / "text"))


def test_books_are_not_drawn(file: Path) -> None:
    with pytest.raises(SettingsError, match="--plot"):
        run("--data", str(file), "--plot", "ledger.svg")
