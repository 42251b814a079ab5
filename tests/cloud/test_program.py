"""The cloud as a program: started, stopped, killed, and in the way of others."""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from mizaru.cloud.store import Store
from mizaru.errors import PortInUseError, SettingsError

KILLS = int(os.environ.get("MIZARU_CLOUD_KILLS", "4"))
CROWD = '[[cloud.camera]]\nid = "ward"\n[cloud.camera.rules]\ncrowd_people = 2\ncrowd_s = 2\n'


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def openings(store: Store) -> list[tuple[int, int | None]]:
    """Start and end of every incident, in the order of opening."""
    found = reversed(store.incidents(limit=1000))
    return [(one.incident.started_ms, one.incident.ended_ms) for one in found]


def make_feed(kit: Any) -> Any:
    """Two minutes in which a crowd gathers three times."""
    feed = kit.Feed()
    for _ in range(3):
        feed.seconds(5, kit.standing(1, 0.4))
        feed.seconds(6, kit.standing(1, 0.4), kit.standing(2, 0.6))
        # Longer than quiet and cooldown together, so that the next crowd is another incident.
        feed.segment()
        feed.t_ms += 90_000
    feed.seconds(5, kit.standing(1, 0.4))
    return feed


async def deliver_once(kit: Any, program: Any, feed: Any) -> None:
    edge = await kit.Edge.connect(program.edge, [feed])
    await edge.welcomed()
    await edge.deliver(feed)
    await edge.bye()


def test_killed_at_random_moments_nothing_is_lost_and_nothing_comes_twice(
    cloud_program: Any, kit: Any
) -> None:
    feed = make_feed(kit)
    oracle = cloud_program(CROWD).start()
    asyncio.run(deliver_once(kit, oracle, feed))
    assert oracle.stop() == 0

    program = cloud_program(CROWD).start()
    chance = random.Random(7)
    acknowledged = 0
    # Kill within each sixth of the way, sometimes before a commit, sometimes after.
    goals = [len(feed.encoded) * (kill + 1) // (KILLS + 1) for kill in range(KILLS)]

    async def until(goal: int | None) -> int:
        """Deliver up to a number; returns the last that was acknowledged."""
        edge = await kit.Edge.connect(program.edge, [feed])
        events = await edge.next()
        assert edge.acknowledged.get("ward", 0) >= acknowledged, (
            "what was acknowledged is forgotten"
        )
        assert events
        if goal is None:
            await edge.deliver(feed)
            await edge.bye()
            return int(edge.acknowledged["ward"])
        while True:
            number = edge.session.next_number("ward")
            if number is not None and number <= len(feed.encoded):
                data = edge.session.segment("ward", feed.stream, number, feed.encoded[number - 1])
                await edge.socket.send(data)
            reached = edge.acknowledged.get("ward", 0)
            if reached >= goal or reached == len(feed.encoded):
                await asyncio.sleep(chance.uniform(0, 0.02))
                program.kill()
                await edge.gone()
                return int(reached)
            if number is None or number > len(feed.encoded) or chance.random() < 0.3:
                await edge.next()

    for goal in goals:
        acknowledged = asyncio.run(until(goal))
        program.start()
    assert asyncio.run(until(None)) == len(feed.encoded)
    assert program.stop() == 0

    for one in (oracle, program):
        store = Store(one.folder / "cloud.sqlite")
        assert list(store.replay("ward", 0)) == feed.encoded
        assert store.incidents(is_open=True, limit=9) == ()
        store.close()
    stores = [Store(one.folder / "cloud.sqlite") for one in (oracle, program)]
    expected, got = map(openings, stores)
    for store in stores:
        store.close()
    assert len(expected) == 3
    assert got == expected

    printed = []
    for line in program.lines_file.read_text().splitlines():
        try:
            event = json.loads(line)
        except json.JSONDecodeError:
            continue  # the kill fell between two halves of a line
        if event["type"] == "result":
            printed.append(event["frame_id"])
    assert printed == sorted(set(printed)), "a result was told twice or out of order"


def test_a_port_in_use_is_said_before_anything_is_written(cloud_program: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for key in ("listen", "edge_listen"):
            program = cloud_program()
            text = program.config.read_text()
            program.config.write_text(
                text.replace(f'\n{key} = "127.0.0.1:0"', f'\n{key} = "127.0.0.1:{port}"')
            )
            program.start(wait=False)
            assert program.process is not None
            assert program.process.wait(20) == PortInUseError.exit_code
            (line,) = program.log.splitlines()
            assert f"127.0.0.1:{port}" in line
            assert f"cloud.{key}" in line
            assert sorted(p.name for p in program.folder.iterdir()) == ["cloud.toml", "log"]


def test_an_address_beyond_loopback_is_refused(tmp_path: Path) -> None:
    from mizaru.cloud.main import run_cloud
    from mizaru.cloud.settings import CloudSettings, StoreSettings

    store = StoreSettings(path=str(tmp_path / "cloud.sqlite"))
    for options in ({"listen": "0.0.0.0:0"}, {"edge_listen": "192.168.1.2:7443"}):
        with pytest.raises(SettingsError, match="loopback"):
            run_cloud(CloudSettings(store=store, **options))
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_card_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    from mizaru.cloud.main import run_cloud
    from mizaru.cloud.settings import CloudSettings, LedgerSettings, StoreSettings

    card = tmp_path / "encoder.json"
    card.write_text("{}")
    settings = CloudSettings(
        listen="127.0.0.1:0",
        edge_listen="127.0.0.1:0",
        store=StoreSettings(path=str(tmp_path / "cloud.sqlite")),
        ledger=LedgerSettings(cards=(str(card),)),
    )
    with pytest.raises(SettingsError, match=r"encoder\.json") as complaint:
        run_cloud(settings)
    assert complaint.value.key == "cloud.ledger.cards[0]"
    assert list(tmp_path.iterdir()) == [card]


def test_a_reader_that_goes_away_does_not_stop_the_cloud(cloud_program: Any, kit: Any) -> None:
    program = cloud_program(json_lines="-").start()
    assert program.process is not None
    assert program.process.stdout is not None
    program.process.stdout.close()
    feed = kit.Feed()
    feed.seconds(2, kit.standing(1))
    asyncio.run(deliver_once(kit, program, feed))
    assert program.stop() == 0
    assert "JSON lines end here" in program.log
    assert "Traceback" not in program.log


def test_lines_come_out_while_they_happen_and_behind_what_a_file_holds(
    cloud_program: Any, kit: Any
) -> None:
    program = cloud_program()
    program.lines_file.write_text('{"type": "from before"}\n')
    program.start()
    feed = kit.Feed()
    feed.segment()
    asyncio.run(deliver_once(kit, program, feed))
    deadline = time.monotonic() + 10
    while "summary" not in program.lines_file.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert [line["type"] for line in program.lines] == ["from before", *["result"] * 5, "summary"]
    assert program.stop() == 0


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="mounting needs root")
def test_a_full_disk_is_survived_and_said_and_nothing_unstored_is_acknowledged(
    cloud_program: Any, kit: Any, tmp_path: Path
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(small)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("this machine does not let us mount")
    program = cloud_program(f'[cloud.store]\npath = "{small}/cloud.sqlite"\n')
    try:
        program.start()
        feed = kit.Feed()
        for number in range(120):
            feed.segment(plate=kit.webp(number, 30_000))

        async def fill() -> int:
            edge = await kit.Edge.connect(program.edge, [feed])
            await edge.welcomed()
            with pytest.raises(kit.ConnectionClosed):
                await asyncio.wait_for(deliver(edge), 20)
            await edge.close()
            return int(edge.acknowledged["ward"])

        async def deliver(edge: Any) -> None:
            while not edge.session.closed:
                number = edge.session.next_number("ward")
                if number is not None and number <= len(feed.encoded):
                    encoded = feed.encoded[number - 1]
                    await edge.socket.send(
                        edge.session.segment("ward", feed.stream, number, encoded)
                    )
                else:
                    await edge.next()
            raise kit.ConnectionClosed(None, None)

        acknowledged = asyncio.run(fill())
        assert 0 < acknowledged < len(feed.encoded)
        assert health(program)["status"] == "storage_full"
        assert "storage full" in program.log

        subprocess.run(["mount", "-o", "remount,size=32m", str(small)], check=True)
        asyncio.run(deliver_once(kit, program, feed))
        assert health(program)["status"] == "ok"
        assert program.stop() == 0
        store = Store(small / "cloud.sqlite")
        assert list(store.replay("ward", 0)) == feed.encoded
        store.close()
    finally:
        program.end()
        subprocess.run(["umount", str(small)], check=True)


def test_what_an_operator_was_told_is_stored_survives_a_kill(cloud_program: Any, kit: Any) -> None:
    import httpx

    program = cloud_program(CROWD).start()
    feed = kit.Feed()
    feed.seconds(5, kit.standing(1, 0.4), kit.standing(2, 0.6))
    asyncio.run(deliver_once(kit, program, feed))

    def ask(verb: str, path: str, **options: Any) -> Any:
        url = f"http://{program.api}/api/v1{path}"
        return httpx.request(verb, url, trust_env=False, **options).json()

    (incident,) = ask("GET", "/incidents")
    path = f"/incidents/{incident['id']}"
    as_shipped = ask("GET", "/cameras/ward/sensitivity")
    said = ask("PUT", f"{path}/feedback", json={"verdict": "false_alarm", "note": "a visit"})
    adapted = ask("GET", "/cameras/ward/sensitivity")
    assert adapted != as_shipped
    program.kill()
    program.start()
    assert ask("GET", path)["feedback"] == said["feedback"]
    assert ask("GET", "/cameras/ward/sensitivity") == adapted
    ask("DELETE", f"{path}/feedback")
    program.kill()
    program.start()
    assert ask("GET", "/cameras/ward/sensitivity") == as_shipped
    assert program.stop() == 0


def health(program: Any) -> dict[str, Any]:
    import httpx

    return dict(httpx.get(f"http://{program.api}/api/v1/health", trust_env=False).json())
