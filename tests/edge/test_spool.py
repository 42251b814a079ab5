"""What the spool has accepted is there after anything, and nothing else is."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mizaru.edge.segmenter import Draft
from mizaru.edge.spool import APPLICATION_ID, BALLAST_BYTES, ROW_OVERHEAD_BYTES, VERSION, Spool
from mizaru.errors import StorageFullError, StoreError
from mizaru.wire.codec import decode_from_edge
from mizaru.wire.messages import GENESIS, Plate, Representation, Segment, chain_digest

Make = Callable[..., Draft]
RandomBytes = Callable[[int], bytes]


@pytest.fixture
def reopen(tmp_path: Path, random_bytes: RandomBytes) -> Any:
    def make(max_bytes: int = 10**7) -> Spool:
        return Spool(tmp_path / "s.sqlite", max_bytes=max_bytes, random_bytes=random_bytes)

    return make


def held(spool: Spool, camera: str) -> list[Segment]:
    """All held segments, following the numbers."""
    segments, number = [], 0
    while (spooled := spool.read(camera, number)) is not None:
        segment = decode_from_edge(spooled.encoded)
        assert isinstance(segment, Segment)
        assert (segment.camera, segment.stream, segment.number) == (
            spooled.camera, spooled.stream, spooled.number,
        )  # fmt: skip
        segments.append(segment)
        number = spooled.number + 1
    return segments


def test_segments_are_numbered_and_chained_per_camera(spool: Spool, draft: Make) -> None:
    for tick in range(3):
        spool.append(draft("a", [tick]))
        spool.append(draft("b", [tick]))
    for camera in ("a", "b"):
        segments = held(spool, camera)
        assert [segment.number for segment in segments] == [1, 2, 3]
        previous = GENESIS
        for number, segment in enumerate(segments, start=1):
            assert segment.previous == previous
            spooled = spool.read(camera, number)
            assert spooled is not None
            previous = chain_digest(spooled.encoded)
            assert spool.digest_of(camera, number) == previous
    assert held(spool, "a")[0].stream != held(spool, "b")[0].stream


def test_a_new_camera_offers_nothing_yet(spool: Spool) -> None:
    offer = spool.offer("a")
    assert (offer.first, offer.last) == (1, 0)
    assert spool.offer("a") == offer


def test_acknowledging_forgets_up_to_the_number_and_keeps_the_digest(
    spool: Spool, draft: Make
) -> None:
    spooled = [spool.append(draft("a", [tick])) for tick in range(5)]
    spool.acknowledge("a", spooled[0].stream, 3)
    assert (spool.offer("a").first, spool.offer("a").last, spool.held) == (4, 5, 2)
    assert spool.digest_of("a", 2) is None
    assert spool.digest_of("a", 3) == spooled[2].digest
    assert spool.digest_of("a", 0) == GENESIS
    spool.acknowledge("a", spooled[0].stream, 5)
    assert (spool.offer("a").first, spool.offer("a").last, spool.held) == (6, 5, 0)
    assert spool.digest_of("a", 5) == spooled[4].digest
    assert spool.append(draft("a", [9])).number == 6


def test_acknowledging_many_at_once(spool: Spool, draft: Make) -> None:
    for tick in range(150):
        last = spool.append(draft("a", [tick]))
    spool.acknowledge("a", last.stream, 149)
    assert [segment.number for segment in held(spool, "a")] == [150]


def test_an_acknowledgement_of_another_stream_is_ignored(spool: Spool, draft: Make) -> None:
    spool.append(draft("a", [0]))
    spool.acknowledge("a", b"another!", 1)
    spool.acknowledge("nobody", b"another!", 1)
    assert spool.held == 1


def test_everything_is_there_after_reopening(reopen: Any, draft: Make) -> None:
    spool = reopen()
    spooled = [spool.append(draft("a", [tick])) for tick in range(4)]
    spool.acknowledge("a", spooled[0].stream, 1)
    before = (spool.edge, spool.offer("a"), held(spool, "a"), spool.held)
    spool.close()
    spool = reopen()
    assert (spool.edge, spool.offer("a"), held(spool, "a"), spool.held) == before
    assert spool.append(draft("a", [9])).number == 5
    spool.close()


def test_a_full_spool_drops_the_oldest_of_all_cameras(reopen: Any, draft: Make) -> None:
    size = len(reopen_once(reopen, draft)) + ROW_OVERHEAD_BYTES
    spool = reopen(max_bytes=4 * size)
    spool.append(draft("b", [200]))
    for tick in range(201, 206):
        spool.append(draft("a", [tick]))
    assert spool.held == 4
    assert spool.dropped == 3
    assert held(spool, "b") == []
    assert [s.representations[0].frame_id for s in held(spool, "a")] == [202, 203, 204, 205]
    assert spool.offer("b").first == spool.offer("b").last + 1
    digest = spool.digest_of("a", spool.offer("a").first - 1)
    assert digest == held(spool, "a")[0].previous
    spool.close()


def reopen_once(reopen: Any, draft: Make) -> bytes:
    """Size of one segment, leaving an empty spool."""
    spool = reopen()
    spooled = spool.append(draft("a", [200]))
    spool.close()
    return bytes(spooled.encoded)


def test_cameras_are_listed_the_longest_waiting_first(spool: Spool, draft: Make) -> None:
    for camera in ("c", "a", "b", "a"):
        spool.append(draft(camera, [0]))
    assert spool.cameras() == ["c", "a", "b"]


def test_a_renewed_stream_holds_the_same_from_one(spool: Spool, draft: Make) -> None:
    spooled = [spool.append(draft("a", [tick])) for tick in range(5)]
    spool.append(draft("b", [0]))
    spool.acknowledge("a", spooled[0].stream, 2)
    before = [segment.representations for segment in held(spool, "a")]
    spool.renew("a")
    segments = held(spool, "a")
    assert [segment.representations for segment in segments] == before
    assert [segment.number for segment in segments] == [1, 2, 3]
    assert segments[0].stream == spool.offer("a").stream != spooled[0].stream
    assert segments[0].previous == GENESIS
    assert segments[1].previous == spool.digest_of("a", 1)
    assert spool.append(draft("a", [9])).number == 4
    assert len(held(spool, "b")) == 1


def test_the_file_is_the_owner_s_alone(spool: Spool) -> None:
    assert stat.S_IMODE(spool.path.stat().st_mode) == 0o600


def test_a_second_edge_is_refused_until_the_first_has_gone(reopen: Any, draft: Make) -> None:
    first = reopen()
    first.append(draft("a", [0]))
    for _ in range(2):
        with pytest.raises(StoreError, match="another edge uses this spool"):
            reopen()
    first.close()
    reopen().close()


def _child(path: Path, code: str) -> subprocess.Popen[str]:
    script = f"""
import secrets, sys
from pathlib import Path
from mizaru.edge.segmenter import Draft
from mizaru.edge.spool import Spool
from mizaru.wire.messages import Representation
spool = Spool(Path({str(path)!r}), max_bytes=10**8, random_bytes=secrets.token_bytes)
{code}
"""
    return subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, bufsize=1
    )


_APPEND_FOREVER = """
for tick in range(10**9):
    draft = Draft("a", 4, 3, 0, (Representation(tick, tick * 100, b"", ()),), None)
    print(spool.append(draft).number, flush=True)
"""


def test_kill_9_loses_nothing_that_was_accepted(reopen: Any, tmp_path: Path) -> None:
    accepted = 0
    for round_ in range(4):
        child = _child(tmp_path / "s.sqlite", _APPEND_FOREVER)
        assert child.stdout is not None
        for _ in range(20 + 13 * round_):
            accepted = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read().split()
        child.wait()
        child.stdout.close()
        accepted = int(rest[-1]) if rest else accepted
        spool = reopen()
        segments = held(spool, "a")
        # One more may have been kept just before the kill, unsaid.
        assert len(segments) in (accepted, accepted + 1)
        assert [segment.number for segment in segments] == list(range(1, len(segments) + 1))
        accepted = len(segments)
        spool.close()


def test_another_process_is_refused_while_this_one_lives(tmp_path: Path, reopen: Any) -> None:
    child = _child(tmp_path / "s.sqlite", "print('ready', flush=True)\nsys.stdin.read()")
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    try:
        with pytest.raises(StoreError, match="another edge"):
            reopen()
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    reopen().close()


def _full_after(spool: Spool, pages: int) -> None:
    """No real disk is that small: SQLite itself says SQLITE_FULL beyond so many pages."""
    with spool._lock:
        (now,) = spool._db.execute("PRAGMA page_count").fetchone()
        spool._db.execute(f"PRAGMA max_page_count = {now + pages}")


def test_a_full_disk_refuses_the_new_and_keeps_the_old(
    spool: Spool, draft: Make, plate: Plate
) -> None:
    big = Plate(plate.image + bytes(20_000), 1)
    spool.append(draft("a", [0], plate=big))
    _full_after(spool, 7)
    kept = 2
    spool.append(draft("a", [1], plate=big))
    for tick in range(2, 5):
        with pytest.raises(StorageFullError, match="no room left on the disk"):
            spool.append(draft("a", [tick], plate=big))
    assert len(held(spool, "a")) == spool.held == kept
    stream = spool.offer("a").stream
    spool.acknowledge("a", stream, 1)
    assert spool.append(draft("a", [50], plate=big)).number == kept + 1
    assert len(held(spool, "a")) == 2


def test_an_append_that_fails_half_way_leaves_everything_as_it_was(
    reopen: Any, draft: Make
) -> None:
    size = len(reopen_once(reopen, draft)) + ROW_OVERHEAD_BYTES
    spool = reopen(max_bytes=2 * size)
    for tick in range(201, 204):
        spool.append(draft("a", [tick]))
    before = (spool.offer("a"), held(spool, "a"), spool.held, spool.dropped)
    # By then the oldest is deleted already, to make room.
    spool._db.execute(
        "CREATE TEMP TRIGGER full BEFORE INSERT ON segment BEGIN SELECT RAISE(FAIL, 'full'); END"
    )
    with pytest.raises(StoreError):
        spool.append(draft("a", [300]))
    assert (spool.offer("a"), held(spool, "a"), spool.held, spool.dropped) == before
    spool._db.execute("DROP TRIGGER full")
    assert spool.append(draft("a", [300])).number == before[0].last + 1
    spool.close()


def test_the_ballast_makes_room_to_forget(
    spool: Spool, draft: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    ballast = spool.path.with_name("s.sqlite-ballast")
    assert ballast.stat().st_size == BALLAST_BYTES
    spooled = spool.append(draft("a", [0]))
    forget, seen = Spool._forget, []

    def full_while_there_is_ballast(self: Spool, *arguments: Any) -> None:
        seen.append(ballast.exists())
        if ballast.exists():
            raise StorageFullError("full")
        forget(self, *arguments)

    monkeypatch.setattr(Spool, "_forget", full_while_there_is_ballast)
    spool.acknowledge("a", spooled.stream, 1)
    assert seen == [True, False]
    assert spool.held == 0
    assert ballast.exists()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.write_bytes(b"this is a letter, not a database. " * 40), "not a spool"),
        (lambda path: path.mkdir(), "cannot be"),
    ],
)
def test_a_file_that_is_no_database_is_refused_and_left_alone(
    tmp_path: Path, reopen: Any, make: Callable[[Path], object], words: str
) -> None:
    path = tmp_path / "s.sqlite"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(StoreError, match=words):
        reopen()
    assert (path.read_bytes() if path.is_file() else None) == before


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (["CREATE TABLE recipe (text)"], "not a spool"),
        (["PRAGMA application_id = 7", "CREATE TABLE recipe (text)"], "not a spool"),
        (
            [f"PRAGMA application_id = {APPLICATION_ID}", f"PRAGMA user_version = {VERSION + 1}"],
            "newer Mizaru",
        ),
    ],
)
def test_a_database_that_is_not_ours_or_newer_is_refused(
    tmp_path: Path, reopen: Any, statements: list[str], words: str
) -> None:
    path = tmp_path / "s.sqlite"
    db = sqlite3.connect(path)
    for statement in statements:
        db.execute(statement)
    db.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=words):
        reopen()
    assert path.read_bytes() == before


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path, random_bytes: RandomBytes) -> None:
    with pytest.raises(StoreError, match="cannot be made"):
        Spool(tmp_path / "no" / "s.sqlite", max_bytes=10**6, random_bytes=random_bytes)


def test_bytes_that_changed_on_disk_are_noticed(reopen: Any, draft: Make, tmp_path: Path) -> None:
    spool = reopen()
    spooled = spool.append(draft("a", [1]))
    spool.close()
    db = sqlite3.connect(tmp_path / "s.sqlite")
    db.execute("UPDATE segment SET encoded = ?", (spooled.encoded[:-1] + b"\x00",))
    db.commit()
    db.close()
    spool = reopen()
    with pytest.raises(StoreError, match="not what was written"):
        spool.read("a", 1)
    spool.close()


def test_threads_may_append_together(spool: Spool, draft: Make) -> None:
    def work(camera: str) -> None:
        for tick in range(30):
            spool.append(draft(camera, [tick]))

    threads = [threading.Thread(target=work, args=(camera,)) for camera in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for camera in "abcd":
        assert [s.representations[0].frame_id for s in held(spool, camera)] == list(range(30))


class Machine(RuleBasedStateMachine):
    """The spool against a plain list, reopened at random moments."""

    def __init__(self) -> None:
        super().__init__()
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "s.sqlite"
        self.model: list[tuple[str, int]] = []
        self.heads = {"a": 0, "b": 0}
        self.size = 0
        self.open()

    def open(self) -> None:
        self.spool = Spool(self.path, max_bytes=1200, random_bytes=os.urandom)

    @rule(camera=st.sampled_from("ab"))
    def append(self, camera: str) -> None:
        representation = Representation(200, 20_000, b"", ())
        spooled = self.spool.append(Draft(camera, 4, 3, 0, (representation,), None))
        self.heads[camera] += 1
        assert spooled.number == self.heads[camera]
        self.size = len(spooled.encoded) + ROW_OVERHEAD_BYTES
        self.model.append((camera, spooled.number))
        while len(self.model) * self.size > 1200:
            self.model.pop(0)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        camera, number = data.draw(st.sampled_from(self.model))
        self.spool.acknowledge(camera, self.spool.offer(camera).stream, number)
        self.model = [(c, n) for c, n in self.model if c != camera or n > number]

    @rule()
    def reopen(self) -> None:
        self.spool.close()
        self.open()

    @invariant()
    def same(self) -> None:
        assert self.spool.held == len(self.model)
        for camera, head in self.heads.items():
            numbers = [n for c, n in self.model if c == camera]
            assert [s.number for s in held(self.spool, camera)] == numbers
            offer = self.spool.offer(camera)
            assert (offer.first, offer.last) == (min(numbers, default=head + 1), head)

    def teardown(self) -> None:
        self.spool.close()
        self.folder.cleanup()


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
