"""``mizaru run SOURCE``: edge and cloud as two processes on this machine, in one command."""

from __future__ import annotations

import json as jsonlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from mizaru.edge.settings import Pace
from mizaru.errors import PermanentError, SourceError, StorageFullError

DEFAULT_PORT: Final = 8080
READY_TIMEOUT_S: Final = 30.0
STOP_TIMEOUT_S: Final = 20.0


def run(
    source: Annotated[
        str,
        typer.Argument(
            help="A video file, [bold]rtsp://user:password@host/path[/bold], "
            "or the number of a USB camera such as [bold]0[/bold].",
            show_default=False,
        ),
    ],
    pace: Annotated[
        Pace,
        typer.Option(
            help="[bold]live[/bold]: the camera's clock, late frames are dropped. "
            "[bold]fast[/bold]: read every frame of a file as fast as this machine can."
        ),
    ] = Pace.LIVE,
    json: Annotated[
        str, typer.Option(help="Where JSON Lines go: a file, or - for standard output.")
    ] = "-",
    no_dashboard: Annotated[
        bool, typer.Option("--no-dashboard", help="Do not serve the dashboard.")
    ] = False,
    duration: Annotated[
        float | None,
        typer.Option(min=0.1, help="Stop after this many seconds.", show_default=False),
    ] = None,
    serve: Annotated[
        bool,
        typer.Option("--serve", help="When the source ends, keep the dashboard up until Ctrl-C."),
    ] = False,
    listen: Annotated[
        str | None,
        typer.Option(
            help="Address of the dashboard on this machine. "
            f"[dim][default: 127.0.0.1:{DEFAULT_PORT}, or a free port if that is taken][/dim]",
            show_default=False,
        ),
    ] = None,
    camera: Annotated[str, typer.Option(help="Name of the camera in results.")] = "camera-1",
    rotate: Annotated[
        int, typer.Option(help="Turn the picture clockwise: 0, 90, 180 or 270 degrees.")
    ] = 0,
    runtime: Annotated[
        str, typer.Option(help="Inference library: litert, or openvino (extra 'openvino').")
    ] = "litert",
) -> None:
    """Recognise behaviour in SOURCE, printing one JSON object per line.

    Starts a cloud and an edge as separate processes that talk over a WebSocket on this
    machine, serves the dashboard (its address is printed), and stops both when the source
    ends. Lines have a type: result, incident, status or summary ("mizaru schema events").

    Example: mizaru run clip.mp4 --pace fast --no-dashboard --json results.jsonl
    """
    console = Console(stderr=True, highlight=False, markup=False)
    info = _probe(source)
    with _results(json) as sink, tempfile.TemporaryDirectory(prefix="mizaru-run-") as folder:
        state = Path(folder)
        session = _Session(console, sink, state, duration_s=info.duration_s, pace=pace)
        try:
            session.start_cloud(listen, dashboard=not no_dashboard)
            session.start_edge(camera, _absolute(source), pace=pace, rotate=rotate, runtime=runtime)
            session.wait(duration, serve=serve and not no_dashboard)
        finally:
            session.stop()


class _Session:
    """The two child processes of one run, their output, and the way they end."""

    def __init__(
        self,
        console: Console,
        sink: IO[str],
        state: Path,
        *,
        duration_s: float | None,
        pace: Pace,
    ) -> None:
        self._console, self._sink, self._state = console, sink, state
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[position]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._duration_s, self._pace = duration_s, pace
        self._cloud: subprocess.Popen[str] | None = None
        self._edge: subprocess.Popen[str] | None = None
        self._threads: list[threading.Thread] = []
        self._errors: dict[str, str] = {}
        self._unwritten: OSError | None = None
        self._edge_url = ""
        self._interrupted = threading.Event()

    def start_cloud(self, listen: str | None, *, dashboard: bool) -> None:
        """Start the cloud and wait until it listens; raises what it said if it cannot."""
        address = listen or f"127.0.0.1:{DEFAULT_PORT if _is_free(DEFAULT_PORT) else 0}"
        if not dashboard:
            address = "127.0.0.1:0"
        ready = self._state / "ready.json"
        config = self._write(
            "cloud.toml",
            {
                "cloud": {"listen": address, "edge_listen": "127.0.0.1:0"},
                "cloud.store": {"path": str(self._state / "cloud.sqlite")},
            },
        )
        arguments = ["cloud", str(config), "--json", "-", "--ready-file", str(ready)]
        self._cloud = self._spawn("cloud", arguments)
        self._threads.append(_thread(self._forward_results, self._cloud))
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not ready.exists():
            if self._cloud.poll() is not None or time.monotonic() > deadline:
                self._fail("cloud", self._cloud)
            time.sleep(0.02)
        addresses = jsonlib.loads(ready.read_text())
        self._edge_url = f"ws://{addresses['edge']}/edge"
        if dashboard:
            self._console.print(f"dashboard: http://{addresses['api']}/")

    def start_edge(
        self, camera: str, source: str, *, pace: Pace, rotate: int, runtime: str
    ) -> None:
        """Start the edge."""
        config = self._write(
            "edge.toml",
            {
                "edge.link": {"url": self._edge_url},
                "edge.spool": {"path": str(self._state / "spool.sqlite")},
                "[edge.camera]": {
                    "id": camera,
                    "source": source,
                    "pace": str(pace),
                    "rotate": rotate,
                },
                "edge.camera.perceive": {"runtime": runtime},
            },
        )
        self._edge = self._spawn("edge", ["edge", str(config)])

    def wait(self, duration: float | None, *, serve: bool) -> None:
        """Until the source ends, time is up, a child dies, or Ctrl-C."""
        assert self._cloud is not None
        assert self._edge is not None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._interrupted.set())
        deadline = None if duration is None else time.monotonic() + duration
        with self._progress:
            while self._edge.poll() is None and not self._interrupted.wait(0.1):
                if deadline is not None and time.monotonic() >= deadline:
                    break
                if self._cloud.poll() is not None:
                    self._fail("cloud", self._cloud)
        if self._edge.poll() not in (None, 0):
            self._fail("edge", self._edge)
        if serve and duration is None and not self._interrupted.is_set():
            self._console.print("the source has ended; the dashboard stays until Ctrl-C")
            while not self._interrupted.wait(0.2) and self._cloud.poll() is None:
                pass

    def stop(self) -> None:
        """End both children, the edge first so that everything it holds is delivered."""
        for child in (self._edge, self._cloud):
            if child is None:
                continue
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
            try:
                child.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        for thread in self._threads:
            thread.join(STOP_TIMEOUT_S)
        if self._unwritten is not None:
            raise self._unwritten

    def _spawn(self, name: str, arguments: list[str]) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, "-m", "mizaru", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if name == "cloud" else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={"MIZARU_LOG": "warning", **os.environ},
            # Ctrl-C reaches us alone; we stop the children in order.
            start_new_session=True,
        )
        self._threads.append(_thread(self._forward_log, name, child))
        return child

    def _forward_results(self, child: subprocess.Popen[str]) -> None:
        """Cloud's JSON Lines → sink, and the progress bar along with them."""
        assert child.stdout is not None
        task: TaskID | None = None
        first: float | None = None
        try:
            for line in child.stdout:
                self._sink.write(line)
                self._sink.flush()
                event = jsonlib.loads(line)
                if event["type"] != "result" or self._progress.disable:
                    continue
                now = _timestamp(event["time"])
                first = now if first is None else first
                if task is None:
                    task = self._progress.add_task("", total=self._duration_s, position="")
                self._progress.update(
                    task,
                    completed=now - first,
                    description=_caption(event),
                    position=f"{now - first:.0f} s"
                    + (f" of {self._duration_s:.0f} s" if self._duration_s else ""),
                )
        except BrokenPipeError:
            self._interrupted.set()
        except OSError as error:
            self._unwritten = error
            self._interrupted.set()

    def _forward_log(self, name: str, child: subprocess.Popen[str]) -> None:
        assert child.stderr is not None
        for line in child.stderr:
            text = line.rstrip()
            if text.startswith("mizaru: "):
                self._errors[name] = text.removeprefix("mizaru: ")
            elif text:
                self._console.print(text)

    def _fail(self, name: str, child: subprocess.Popen[str]) -> None:
        code = child.poll()
        for thread in self._threads:
            thread.join(1.0)
        error = _ChildError(
            self._errors.get(name, f"the {name} process stopped unexpectedly (status {code})")
        )
        if code is not None and code > 0:
            error.exit_code = code
        raise error

    def _write(self, name: str, tables: dict[str, dict[str, Any]]) -> Path:
        """Write a small TOML file; JSON's strings and numbers are TOML's too."""
        lines = []
        for table, values in tables.items():
            lines.append(f"[{table}]")
            for key, value in values.items():
                lines.append(f"{key} = {jsonlib.dumps(value, ensure_ascii=False)}")
        file = self._state / name
        file.touch(mode=0o600)  # a source's URL may carry a password
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return file


class _ChildError(PermanentError):
    """What a child process said before it stopped."""


def _probe(source: str) -> Any:
    from mizaru.edge.darkroom import probe

    return probe(_absolute(source))


def _absolute(source: str) -> str:
    """Files by absolute path (the edge resolves against its configuration's folder)."""
    if "://" in source or source.isdecimal():
        return source
    return str(Path(source).resolve())


@contextmanager
def _results(target: str) -> Iterator[IO[str]]:
    """The stream that JSON Lines go to; a file can be followed while it grows."""
    if target == "-":
        try:
            yield sys.stdout
        except OSError as error:
            # What is left in the buffer has nowhere to go; Python would complain at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise StorageFullError(f"cannot write results: {error.strerror}") from None
        return
    path = Path(target)
    try:
        path.touch()
    except OSError as error:
        raise SourceError(f"{target}: cannot write results: {error.strerror}") from None
    try:
        with path.open("w", encoding="utf-8") as file:
            yield file
    except OSError as error:
        raise StorageFullError(f"{target}: cannot write results: {error.strerror}") from None


def _caption(event: dict[str, Any]) -> str:
    count = event["person_count"]
    who = "nobody" if not count else "1 person" if count == 1 else f"{count} people"
    what = ", ".join(sorted({subject["behavior"] for subject in event["subjects"]}))
    return f"{who}{f': {what}' if what else ''}"


def _timestamp(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()


def _thread(target: Any, *arguments: Any) -> threading.Thread:
    thread = threading.Thread(target=target, args=arguments, daemon=True)
    thread.start()
    return thread


def _is_free(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
