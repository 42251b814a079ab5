"""The real processes, killed, stopped and lied to. Perception is a fake that finds nobody."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest

from mizaru.edge.darkroom import MAX_MESSAGE_BYTES, develop, supervisor
from mizaru.edge.darkroom.supervisor import FAILED_STARTS
from mizaru.edge.settings import CameraSettings, Pace, SandboxMode
from mizaru.errors import (
    MizaruError,
    ModelError,
    PermanentError,
    SandboxError,
    SourceError,
    WallError,
)
from mizaru.vocabulary import CameraState
from mizaru.wire.messages import Developed, Outgoing, Status

FAKE = Path(__file__).parent / "fake_darkroom.py"
NOTICED_S = 5.0
SLACK_S = 10.0
"""For a machine that does other things: tests assert what happens, and that it is not hours."""


RUNS: list[Run] = []


class Run:
    """`develop` in a thread, with everything that it said."""

    def __init__(
        self,
        source: Path | str,
        mode: str = "",
        *,
        pace: Pace = Pace.FAST,
        sandbox: SandboxMode = SandboxMode.STRICT,
    ) -> None:
        self.messages: list[tuple[float, Outgoing]] = []
        self.error: MizaruError | None = None
        self.warnings: list[str] = []
        self.stop = threading.Event()
        self._arguments = (str(source), mode, pace, sandbox)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        RUNS.append(self)

    def _run(self) -> None:
        source, mode, pace, sandbox = self._arguments
        try:
            for message in develop(
                CameraSettings(id="cam", source=source, pace=pace),
                source=source,
                sandbox=sandbox,
                models=FAKE.parent,
                stop=self.stop,
                warn=self.warnings.append,
                command=(sys.executable, "-P", str(FAKE), mode),
            ):
                self.messages.append((time.monotonic(), message))
        except MizaruError as error:
            self.error = error

    def join(self, seconds: float = 60.0) -> Run:
        self._thread.join(seconds)
        assert not self._thread.is_alive(), self.states
        return self

    def until(self, condition: Callable[[], bool], seconds: float = 30.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, (self.states, self.error)
            assert self._thread.is_alive(), (self.states, self.error)
            time.sleep(0.02)

    @property
    def developed(self) -> list[Developed]:
        return [m for _, m in list(self.messages) if isinstance(m, Developed)]

    @property
    def statuses(self) -> list[Status]:
        return [m for _, m in list(self.messages) if isinstance(m, Status)]

    @property
    def states(self) -> list[CameraState]:
        return [status.state for status in self.statuses]

    @property
    def times_ms(self) -> list[int]:
        return [m.representation.t_ms for m in self.developed]


def tree(pid: int) -> list[psutil.Process]:
    """Darkroom, guard, capture child below a process."""
    found = []
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if str(FAKE) in process.cmdline():
                    found.append(process)
    return found


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def darkroom() -> psutil.Process:
    return tree(os.getpid())[0]


def guard() -> psutil.Process:
    return tree(os.getpid())[1]


def capture() -> psutil.Process:
    return tree(os.getpid())[2]


@pytest.fixture(autouse=True)
def _no_orphans(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(supervisor, "BACKOFF_S", (0.05,))
    yield
    while RUNS:
        run = RUNS.pop()
        run.stop.set()
        run.join()
    end = time.monotonic() + 5
    while tree(os.getpid()) and time.monotonic() < end:
        time.sleep(0.05)
    assert tree(os.getpid()) == []


@pytest.fixture
def running(long_video: Path) -> Run:
    """A live file that has streamed for a moment."""
    run = Run(long_video, pace=Pace.LIVE)
    run.until(lambda: len(run.developed) >= 8)
    return run


def test_a_file_is_read_to_its_end_in_order_and_locked_in(video: Path) -> None:
    run = Run(video).join()
    assert run.error is None
    assert run.states == [CameraState.STARTING, CameraState.STREAMING, CameraState.ENDED]
    last = run.statuses[-1]
    assert (last.frames_in, last.frames_dropped, last.restarts) == (50, 0, 0)
    assert last.sandboxed
    assert [b - a for a, b in pairwise(run.times_ms)] == [100] * 19
    assert run.times_ms[0] % 100 == 0
    assert {(m.width, m.height) for m in run.developed} == {(320, 180)}
    assert run.warnings == []


def test_live_follows_the_files_clock_and_drops_what_is_late(
    tmp_path: Path, make_video: Callable[..., Path]
) -> None:
    path = make_video(tmp_path / "clip.mp4", frames=50)
    run = Run(path, "slow", pace=Pace.LIVE).join()
    last = run.statuses[-1]
    assert (last.state, last.frames_in) == (CameraState.ENDED, 50)
    assert 20 < last.frames_dropped < 50  # 25 frames a second in, less than 10 out
    arrivals = [at for at, m in run.messages if isinstance(m, Developed)]
    assert arrivals[-1] - arrivals[0] > 1.5


def test_stop_ends_it_with_a_last_status(long_video: Path) -> None:
    run = Run(long_video, pace=Pace.LIVE)
    run.until(lambda: len(run.developed) >= 5)
    run.stop.set()
    began = time.monotonic()
    run.join()
    assert time.monotonic() - began < SLACK_S
    assert run.error is None
    assert run.states[-1] is CameraState.STREAMING
    assert run.statuses[-1].frames_in >= 10


# The locks of the running processes ---------------------------------------------------------


def test_perception_cannot_get_out_of_the_running_darkroom(video: Path) -> None:
    run = Run(video, "escapes").join()
    assert run.error is None
    assert run.statuses[-1].restarts == 0
    assert run.statuses[-1].frames_dropped == 0
    assert len(run.developed) == 20


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_every_process_holds_what_it_needs_and_no_more(running: Run) -> None:
    pids = {"darkroom": darkroom().pid, "guard": guard().pid, "capture": capture().pid}
    for name in ("darkroom", "capture"):
        status = Path(f"/proc/{pids[name]}/status").read_text()
        assert "\nSeccomp:\t2\n" in status, name
        assert "\nNoNewPrivs:\t1\n" in status, name
    try:
        shared = {name: shared_memory(pid) for name, pid in pids.items()}
        pipes = {name: open_pipes(pid) for name, pid in pids.items()}
        ours = open_pipes(os.getpid())
    except PermissionError:
        pytest.skip("only root may look into processes that cannot be dumped")
    # Pixels: written by capture, read by the darkroom, out of the guard's reach.
    assert shared == {"darkroom": {"r--s"}, "guard": {"---s"}, "capture": {"rw-s"}}
    # The mouth is the darkroom's alone: no pipe leads from capture or guard to the edge.
    assert pipes["darkroom"] & ours
    assert not (pipes["guard"] | pipes["capture"]) & ours


def shared_memory(pid: int) -> set[str]:
    """Rights of the big shared mappings of a process."""
    found = set()
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        span, rights, *_ = line.split()
        start, end = (int(part, 16) for part in span.split("-"))
        if rights.endswith("s") and end - start > 10_000_000:
            found.add(rights)
    return found


def open_pipes(pid: int) -> set[str]:
    links = [os.readlink(fd) for fd in Path(f"/proc/{pid}/fd").iterdir() if fd.is_symlink()]
    return {link for link in links if link.startswith("pipe:")}


# Bad input and bad starts -------------------------------------------------------------------


@pytest.mark.parametrize("pace", Pace)
def test_bad_input_is_one_error_and_a_failed_status(
    pace: Pace, tmp_path: Path, sound: Path
) -> None:
    for source in (tmp_path / "missing.mp4", sound):
        run = Run(source, pace=pace).join()
        assert isinstance(run.error, SourceError)
        assert str(source) in str(run.error)
        assert run.states[-1] is CameraState.FAILED
        assert run.developed == []


def test_wrong_credentials_end_it_without_showing_them(rtsp_server: Callable[..., Any]) -> None:
    url = rtsp_server(auth="digest").url
    run = Run(url.replace("//", "//admin:hunter2@"), pace=Pace.LIVE).join()
    assert isinstance(run.error, SourceError)
    assert "hunter2" not in str(run.error)
    assert run.states[-1] is CameraState.FAILED


@pytest.mark.parametrize(
    ("mode", "kind", "text"),
    [
        ("model error", ModelError, "wrong checksum"),
        ("import error", PermanentError, "install mizaru[edge]"),
        ("crash", PermanentError, f"failed {FAILED_STARTS} times in a row"),
    ],
)
def test_an_error_at_the_start_arrives_as_it_was_raised(
    mode: str, kind: type[MizaruError], text: str, video: Path
) -> None:
    run = Run(video, mode).join()
    assert type(run.error) is kind
    assert text in str(run.error)
    assert "\n" not in str(run.error)
    assert run.states[-1] is CameraState.FAILED
    assert run.states.count(CameraState.RESTARTING) == (FAILED_STARTS - 1) * (mode == "crash")


def test_strict_refuses_where_it_cannot_lock_in(video: Path) -> None:
    run = Run(video, "no landlock").join()
    assert isinstance(run.error, SandboxError)
    assert 'sandbox = "loud"' in str(run.error)
    assert run.developed == []


def test_loud_says_it_at_every_start_and_in_every_status(video: Path) -> None:
    run = Run(video, "no landlock", sandbox=SandboxMode.LOUD).join()
    assert run.error is None
    assert len(run.warnings) == 1
    assert "NOT LOCKED IN" in run.warnings[0]
    assert not any(status.sandboxed for status in run.statuses)
    assert len(run.developed) == 20


# A darkroom that lies -----------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["garbage", "oversize", "other camera"])
def test_what_is_not_a_message_kills_the_darkroom(mode: str, video: Path) -> None:
    run = Run(video, mode).join()
    assert isinstance(run.error, WallError)
    assert "hello" not in str(run.error)


def test_the_largest_message_follows_from_the_schema() -> None:
    assert 32_768 < MAX_MESSAGE_BYTES < 33_000


def test_errors_about_frames_arrive_without_their_words(video: Path) -> None:
    run = Run(video, "raises").join()
    assert isinstance(run.error, PermanentError)
    assert "KeyError in ?:0" in str(run.error) or "KeyError in mizaru" in str(run.error)
    assert "words" not in str(run.error)
    assert run.developed == []


# Killed and stopped -------------------------------------------------------------------------


def test_capture_killed_is_replaced_and_the_darkroom_remembers(running: Run) -> None:
    pid, frames = darkroom().pid, len(running.developed)
    capture().send_signal(signal.SIGKILL)
    running.until(lambda: len(running.developed) > frames + 5, NOTICED_S + SLACK_S)
    assert darkroom().pid == pid  # plate and tracks live on
    assert CameraState.BLIND in running.states
    assert running.statuses[-1].restarts == 1
    check_order(running)


def test_capture_stopped_is_noticed_and_replaced(running: Run) -> None:
    pid = darkroom().pid
    began = time.monotonic()
    capture().send_signal(signal.SIGSTOP)
    running.until(lambda: CameraState.BLIND in running.states, NOTICED_S + SLACK_S)
    assert time.monotonic() - began > 1  # it was a hang, not a crash
    frames = len(running.developed)
    running.until(lambda: len(running.developed) > frames + 5, SLACK_S)
    assert darkroom().pid == pid
    check_order(running)


@pytest.mark.parametrize("victim", [darkroom, guard], ids=["darkroom", "guard"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_darkroom_and_guard_are_replaced(
    victim: Callable[[], psutil.Process], how: signal.Signals, running: Run
) -> None:
    old, frames = tree(os.getpid()), len(running.developed)
    victim().send_signal(how)
    running.until(lambda: CameraState.RESTARTING in running.states, NOTICED_S + SLACK_S)
    running.until(lambda: len(running.developed) > frames + 10, SLACK_S)
    running.until(lambda: not any(map(is_alive, old)), SLACK_S)
    assert running.statuses[-1].restarts == 1
    check_order(running)


def test_a_stage_that_never_returns_is_noticed(video: Path) -> None:
    run = Run(video, "hangs")
    run.until(lambda: CameraState.RESTARTING in run.states, NOTICED_S + SLACK_S)
    assert run.statuses[-1].frames_in >= 1
    run.stop.set()
    run.join()


def test_every_frame_of_a_file_survives_a_killed_capture(
    tmp_path: Path, make_video: Callable[..., Path]
) -> None:
    path = make_video(tmp_path / "clip.mp4", frames=75)
    run = Run(path, "busy")
    run.until(lambda: len(run.developed) >= 5)
    capture().send_signal(signal.SIGKILL)
    run.join()
    assert [b - a for a, b in pairwise(run.times_ms)] == [100] * 29
    assert run.statuses[-1].frames_in == 75
    assert run.statuses[-1].frames_dropped == 0


def test_a_file_goes_on_where_a_killed_darkroom_was(
    tmp_path: Path, make_video: Callable[..., Path]
) -> None:
    path = make_video(tmp_path / "clip.mp4", frames=75)
    run = Run(path, "busy")
    run.until(lambda: len(run.developed) >= 5)
    darkroom().send_signal(signal.SIGKILL)
    run.join()
    assert run.states[-1] is CameraState.ENDED
    check_order(run)
    assert run.times_ms[-1] - run.times_ms[0] == 2900
    assert len(run.times_ms) >= 28


# Cameras that go and come -------------------------------------------------------------------


def test_a_network_camera_that_goes_and_comes_back(rtsp_server: Callable[..., Any]) -> None:
    camera = rtsp_server()
    run = Run(camera.url, pace=Pace.LIVE)
    run.until(lambda: len(run.developed) >= 5)
    pid = darkroom().pid
    camera.close()
    run.until(lambda: run.states[-1] is CameraState.BLIND, 30)
    frames = len(run.developed)
    rtsp_server(port=camera.port)
    run.until(lambda: len(run.developed) > frames + 5, 10 + SLACK_S)
    assert darkroom().pid == pid
    assert run.statuses[-1].state is CameraState.STREAMING
    assert run.statuses[-1].restarts == 1
    check_order(run)
    newest = run.developed[-1].representation.t_ms
    assert newest == pytest.approx(time.time() * 1000, abs=3000)  # not a backlog


def test_a_network_camera_that_falls_silent_is_blind(rtsp_server: Callable[..., Any]) -> None:
    camera = rtsp_server()
    run = Run(camera.url, pace=Pace.LIVE)
    run.until(lambda: len(run.developed) >= 5)
    camera.silent.set()
    run.until(lambda: run.states[-1] is CameraState.BLIND, 30)
    camera.silent.clear()
    run.until(lambda: run.states[-1] is CameraState.STREAMING, 10 + SLACK_S)


def test_a_network_camera_that_is_not_there_yet_is_waited_for(
    rtsp_server: Callable[..., Any],
) -> None:
    camera = rtsp_server()
    camera.close()
    run = Run(camera.url, pace=Pace.LIVE)
    run.until(lambda: run.states[-1:] == [CameraState.BLIND])
    rtsp_server(port=camera.port)
    run.until(lambda: len(run.developed) > 3)
    assert run.error is None


def test_no_orphan_remains_when_the_edge_is_killed(long_video: Path) -> None:
    code = (
        "import sys, threading\n"
        "from pathlib import Path\n"
        "from mizaru.edge.darkroom import develop\n"
        "from mizaru.edge.settings import CameraSettings, SandboxMode\n"
        f"source, fake = {str(long_video)!r}, {str(FAKE)!r}\n"
        "for m in develop(CameraSettings(id='cam', source=source), source=source,\n"
        "    sandbox=SandboxMode.STRICT, models=Path('.'), stop=threading.Event(),\n"
        "    command=(sys.executable, '-P', fake)):\n"
        "    print(type(m).__name__, flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as edge:
        assert edge.stdout is not None
        while edge.stdout.readline() != "Developed\n":
            assert edge.poll() is None
        processes = tree(edge.pid)
        assert len(processes) == 3
        # A stopped child cannot notice anything itself; the kernel must.
        processes[1].send_signal(signal.SIGSTOP)
        edge.kill()
        _, alive = psutil.wait_procs(processes, timeout=5)
        assert alive == []


def check_order(run: Run) -> None:
    ids = [m.representation.frame_id for m in run.developed]
    assert all(b > a for a, b in pairwise(run.times_ms))
    assert all(b > a for a, b in pairwise(ids))


def test_the_door_loads_nothing_that_can_hold_a_picture() -> None:
    code = (
        "import sys, mizaru.edge.darkroom as door\n"
        "bad = {'av', 'cv2', 'PIL', 'ai_edge_litert', 'mizaru.edge.darkroom.capture.decode'}\n"
        "print(sorted(bad & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
