from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mizaru.lab.workers import workers

PARENT = """
import os, time
from mizaru.lab.workers import workers
if __name__ == "__main__":
    with workers(1) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        time.sleep(60)
"""


def test_each_begins_as_told_and_answers() -> None:
    with workers(1, sys.setrecursionlimit, 4321) as pool:
        assert pool.submit(sys.getrecursionlimit).result() == 4321
        assert pool.submit(os.getpid).result() != os.getpid()


def test_none_outlives_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT, encoding="utf-8")
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    for _ in range(300):
        if not _is_alive(worker):
            return
        time.sleep(0.05)
    os.kill(worker, signal.SIGKILL)
    raise AssertionError("the worker lives on")


def test_who_leaves_by_an_exception_does_not_wait_for_what_is_in_hand() -> None:
    began = time.monotonic()
    with pytest.raises(SystemExit) as caught:
        _leave_early()
    assert time.monotonic() - began < 60
    worker = caught.value.code
    assert isinstance(worker, int)
    assert not _is_alive(worker)


def _leave_early() -> None:
    with workers(1) as pool:
        worker = pool.submit(os.getpid).result()
        pool.submit(time.sleep, 120)
        sys.exit(worker)  # as after SIGTERM


def _is_alive(pid: int) -> bool:
    """Zombies, whom nobody asks after any more, are not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except FileNotFoundError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] != "Z"
