"""Kill -9 of capture, darkroom, edge and cloud at random moments, under the real programs.

Whoever would restart a program on a real box (systemd) is this test; capture and darkroom have
to come back by themselves. ``MIZARU_KILLS=50 pytest tests/test_kill.py`` is the long form.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from mizaru.wire.codec import decode_from_edge
from mizaru.wire.messages import GENESIS, Segment, chain_digest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

KILLS = int(os.environ.get("MIZARU_KILLS", "6"))
SEED = 20


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Site:
    """An edge and a cloud as an operator would run them, restarted when they are gone."""

    def __init__(self, folder: Path, sample: Path) -> None:
        self.folder = folder
        link = _free_port()
        self.config = folder / "site.toml"
        self.config.write_text(
            f'[cloud]\nlisten = "127.0.0.1:0"\nedge_listen = "127.0.0.1:{link}"\n'
            f'[cloud.store]\npath = "cloud.sqlite"\n'
            f'[edge.link]\nurl = "ws://127.0.0.1:{link}/edge"\n'
            f'[edge.spool]\npath = "spool.sqlite"\n'
            f'[[edge.camera]]\nid = "ward"\nsource = "{sample}"\n'
        )
        self.programs: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.programs[name] = subprocess.Popen(
                [sys.executable, "-m", "mizaru", name, str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def keep_alive(self) -> None:
        for name in ("cloud", "edge"):
            if name not in self.programs or self.programs[name].poll() is not None:
                self.start(name)

    def process(self, role: str) -> psutil.Process | None:
        """A living process by role; darkroom and capture are found below the edge."""
        program = self.programs.get("cloud" if role == "cloud" else "edge")
        if program is None or program.poll() is not None:
            return None
        if role in {"cloud", "edge"}:
            return psutil.Process(program.pid)
        try:
            darkrooms = psutil.Process(program.pid).children()
            if role == "darkroom":
                return darkrooms[0] if darkrooms else None
            return next((c for d in darkrooms for c in _leaves(d)), None)
        except psutil.NoSuchProcess:
            return None

    def stored(self) -> list[bytes]:
        with self._store() as store:
            rows = store.execute("SELECT encoded FROM segments ORDER BY stream, number")
            return [row[0] for row in rows]

    def wait_for_more(self, seconds: float) -> None:
        """Until segments arrive again; the site has recovered without a hand."""
        before, deadline = self._newest(), time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.keep_alive()
            if self._newest() > before:
                return
            time.sleep(0.2)
        logs = {n: (self.folder / f"{n}.log").read_text()[-1500:] for n in ("edge", "cloud")}
        pytest.fail(f"no new segment in {seconds} s; logs: {logs}")

    def _store(self) -> sqlite3.Connection:
        # Read-only, so that looking for a database does not make an empty one.
        return sqlite3.connect(f"file:{self.folder / 'cloud.sqlite'}?mode=ro", uri=True, timeout=10)

    def _newest(self) -> int:
        try:
            with self._store() as store:
                return int(store.execute("SELECT count(*) FROM segments").fetchone()[0])
        except sqlite3.OperationalError:
            return 0

    def stop(self) -> None:
        for name in ("edge", "cloud"):
            program = self.programs.get(name)
            if program is not None and program.poll() is None:
                program.send_signal(signal.SIGTERM)
                program.wait(30)


def _leaves(process: psutil.Process) -> list[psutil.Process]:
    children = process.children()
    return [leaf for child in children for leaf in _leaves(child)] if children else [process]


def test_nothing_acknowledged_is_lost_and_nothing_comes_twice(tmp_path: Path, sample: Path) -> None:
    site, chance = Site(tmp_path, sample), random.Random(SEED)
    try:
        site.keep_alive()
        site.wait_for_more(40)
        done = 0
        while done < KILLS:
            time.sleep(chance.uniform(0.2, 3.0))
            site.keep_alive()
            victim = site.process(("capture", "darkroom", "edge", "cloud")[done % 4])
            if victim is None:
                continue
            victim.kill()
            done += 1
            if done % 5 == 0:
                site.wait_for_more(30)
        site.wait_for_more(30)
    finally:
        site.stop()

    previous: dict[bytes, tuple[int, bytes]] = {}
    for encoded in site.stored():
        segment = decode_from_edge(encoded)
        assert isinstance(segment, Segment)
        number, digest = previous.get(segment.stream, (0, GENESIS))
        assert segment.number == number + 1, "a segment is missing or doubled"
        assert segment.previous == digest, "the chain is broken"
        previous[segment.stream] = (segment.number, chain_digest(encoded))
    assert previous

    with sqlite3.connect(tmp_path / "spool.sqlite") as spool:
        waiting = spool.execute(
            "SELECT stream, min(number) FROM segment JOIN stream USING (camera) GROUP BY stream"
        )
        for stream, first in waiting:
            assert first <= previous[stream][0] + 1, "acknowledged but not stored"

    orphans = [p for p in psutil.process_iter(["cmdline"]) if "mizaru" in (p.info["cmdline"] or [])
               and str(tmp_path) in " ".join(p.info["cmdline"] or [])]  # fmt: skip
    assert not orphans
