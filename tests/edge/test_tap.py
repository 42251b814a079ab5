"""The tap shows what leaves and never holds up what leaves."""

from __future__ import annotations

import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mizaru.edge.tap import (
    HEADER,
    MAX_READERS,
    QUEUE_MESSAGES,
    Copy,
    TapServer,
    listen,
    tap_path,
)
from mizaru.errors import LinkDownError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tap_path(tmp_path / "s.sqlite")


@pytest.fixture
def server(path: Path) -> Iterator[TapServer]:
    server = TapServer(path, lambda: 1234)
    assert server.reason is None
    yield server
    server.close()


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def _connected(server: TapServer, count: int = 1) -> Callable[[], bool]:
    return lambda: len(server._readers) == count


def test_the_socket_lies_beside_the_spool_for_its_owner_alone(
    server: TapServer, path: Path, tmp_path: Path
) -> None:
    assert path.parent == tmp_path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_reader_gets_every_byte_string_with_its_time(server: TapServer, path: Path) -> None:
    copies: list[Copy] = []
    reader = threading.Thread(target=lambda: copies.extend(listen(path)))
    reader.start()
    _until(_connected(server))
    sent = [b"one", b"", b"x" * 34_000]
    for data in sent:
        server(data)
    server.close()
    reader.join(10)
    assert copies == [Copy(1234, 0, data) for data in sent]


def test_several_readers_get_the_same(server: TapServer, path: Path) -> None:
    copies: list[list[Copy]] = [[] for _ in range(MAX_READERS)]
    threads = [
        threading.Thread(target=lambda into=into: into.extend(listen(path))) for into in copies
    ]
    for thread in threads:
        thread.start()
    _until(_connected(server, MAX_READERS))
    server(b"data")
    server.close()
    for thread in threads:
        thread.join(10)
    assert copies == [[Copy(1234, 0, b"data")]] * MAX_READERS


def test_one_reader_too_many_is_hung_up_on(server: TapServer, path: Path) -> None:
    sockets = []
    for number in range(MAX_READERS):
        sockets.append(socket.socket(socket.AF_UNIX))
        sockets[-1].connect(str(path))
        _until(_connected(server, number + 1))
    assert list(listen(path)) == []
    for each in sockets:
        each.close()


def test_a_reader_that_never_reads_costs_no_time_and_learns_what_it_missed(
    server: TapServer, path: Path
) -> None:
    with socket.socket(socket.AF_UNIX) as lazy:
        lazy.connect(str(path))
        _until(_connected(server))
        data = bytes(34_000)
        total = 20 * QUEUE_MESSAGES
        done = threading.Event()

        def send() -> None:
            for _ in range(total):
                server(data)
            done.set()

        sender = threading.Thread(target=send)
        sender.start()
        assert done.wait(10), "the edge waited for a reader"
        sender.join()
        received, missed = 0, 0
        stream = lazy.makefile("rb")
        while received + missed < total:
            _, before, length = HEADER.unpack(stream.read(HEADER.size))
            stream.read(length)
            missed += before
            received += 1
            if received == QUEUE_MESSAGES // 2:
                server(b"last")  # there is room again: what was left out is declared
                total += 1
        stream.close()
    assert missed > total // 2


def test_a_reader_that_goes_away_is_forgotten(server: TapServer, path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as brief:
        brief.connect(str(path))
        _until(_connected(server))

    def forgotten() -> bool:
        server(b"data")
        return not server._readers

    _until(forgotten)


def test_a_socket_left_by_a_killed_edge_is_replaced(path: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    server = TapServer(path, lambda: 0)
    assert server.reason is None
    server.close()
    assert not path.exists()


def test_a_file_in_the_way_is_left_alone_and_said(path: Path) -> None:
    path.write_text("mine")
    server = TapServer(path, lambda: 0)
    assert server.reason
    server(b"data")
    server.close()
    assert path.read_text() == "mine"


def test_a_path_that_is_too_long_for_a_socket_is_said(tmp_path: Path) -> None:
    server = TapServer(tmp_path / ("x" * 120), lambda: 0)
    assert server.reason
    server.close()


def test_without_an_edge_the_reader_is_told(path: Path) -> None:
    with pytest.raises(LinkDownError, match="start the edge"):
        next(listen(path))


def test_something_else_behind_the_socket_is_noticed(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        reader = listen(path)

        def answer() -> None:
            connection, _ = other.accept()
            with connection:
                connection.sendall(b"\xff" * HEADER.size)

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(LinkDownError, match="not an edge's tap"):
            next(reader)
        thread.join()
