"""REST, the live WebSocket and the dashboard's files, over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from mizaru.cloud.api import View, build_app, openapi_document
from mizaru.cloud.settings import CloudCameraSettings, RuleSettings, ZoneKind, ZoneSettings
from mizaru.vocabulary import Behavior
from mizaru.wire.messages import plate_digest

pytestmark = pytest.mark.anyio

SQUARE = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9))
WARD = CloudCameraSettings(
    id="ward",
    name="Ward 3",
    zone=(ZoneSettings(name="bed", kind=ZoneKind.REST, polygon=SQUARE),),
    rules=RuleSettings(crowd_people=2, crowd_s=1),
)


@pytest.fixture
async def cloud(cloud_here) -> AsyncIterator[Any]:
    async with cloud_here(camera=(WARD,)) as cloud:
        yield cloud


@pytest.fixture
async def fed(cloud, kit) -> Any:
    """A cloud with a plate, an open incident and a status; its edge has gone."""
    feed = kit.Feed()
    feed.segment(plate=kit.webp())
    feed.seconds(3, kit.standing(1, 0.4), kit.standing(2, 0.6))
    edge = await kit.Edge.connect(cloud.edge, [feed])
    await edge.welcomed()
    await edge.socket.send(edge.session.status(feed.status(frames_in=9)))
    await edge.deliver(feed)
    await edge.close()
    while (await cloud.get("/health")).json()["edges"]:
        await asyncio.sleep(0.01)
    return cloud


async def test_a_camera_that_never_came_is_listed_from_the_settings(cloud) -> None:
    (camera,) = (await cloud.get("/cameras")).json()
    assert camera == {
        "id": "ward",
        "name": "Ward 3",
        "width": None,
        "height": None,
        "zones": [
            {
                "name": "bed",
                "kind": "rest",
                "polygon": [list(corner) for corner in SQUARE],
                "hours": None,
            }
        ],
        "plate": None,
        "plate_known_percent": None,
        "status": None,
        "person_count": None,
    }
    for path in ("/cameras/ward/scene", "/cameras/ward/plate", "/incidents/none"):
        answer = await cloud.get(path)
        assert answer.status_code == 404
        assert answer.json()["detail"]


async def test_what_came_is_seen(fed, kit) -> None:
    (camera,) = (await fed.get("/cameras")).json()
    assert camera["plate"] == plate_digest(kit.webp()).hex()
    assert camera["plate_known_percent"] == 80
    assert (camera["width"], camera["height"]) == (640, 360)
    assert camera["person_count"] == 2
    assert camera["status"]["connected"] is False
    assert camera["status"]["frames_in"] == 9
    scene = (await fed.get("/cameras/ward/scene")).json()
    assert [subject["id"] for subject in scene["subjects"]] == [1, 2]
    assert scene["plate"] == camera["plate"]
    assert scene["abnormal"] is True
    assert all(len(subject["keypoints"]) == 17 for subject in scene["subjects"])


async def test_a_plate_is_served_as_it_came_and_cached(fed, kit) -> None:
    digest = plate_digest(kit.webp()).hex()
    for path, caching in (
        (f"/plates/{digest}", "immutable"),
        ("/cameras/ward/plate", "no-cache"),
    ):
        answer = await fed.get(path)
        assert answer.content == kit.webp()
        assert answer.headers["content-type"] == "image/webp"
        assert caching in answer.headers["cache-control"]
        again = await fed.get(path, headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    assert (await fed.get(f"/plates/{'0' * 16}")).status_code == 404


async def test_incidents_are_listed_one_by_one_and_with_their_history(fed) -> None:
    (incident,) = (await fed.get("/incidents")).json()
    assert incident["behavior"] == "crowd"
    assert incident["end"] is None
    assert incident["reason"]
    assert (await fed.get(f"/incidents/{incident['id']}")).json() == incident
    history = (await fed.get(f"/incidents/{incident['id']}/history")).json()
    assert history[0]["event"] == "opened"
    assert history[-1] == incident
    for query, count in (
        ({"state": "open"}, 1),
        ({"state": "closed"}, 0),
        ({"camera": "ward"}, 1),
        ({"camera": "attic"}, 0),
        ({"before": incident["id"]}, 0),
    ):
        assert len((await fed.get("/incidents", params=query)).json()) == count, query


async def test_a_trace_shows_how_those_it_is_about_went_down(cloud_here, kit) -> None:
    camera = CloudCameraSettings(
        id="ward",
        zone=(ZoneSettings(name="all", kind=ZoneKind.INTRUDE, polygon=SQUARE, seconds=2),),
    )
    async with cloud_here(camera=(camera,)) as cloud:
        feed = kit.Feed()
        for step in range(20):
            feed.segment(kit.standing(1, 0.4, 0.7 + 0.01 * step), kit.standing(2, 5.0))
        edge = await kit.Edge.connect(cloud.edge, [feed])
        await edge.welcomed()
        await edge.deliver(feed)
        await edge.close()
        (incident,) = (await cloud.get("/incidents")).json()
        trace = (await cloud.get(f"/incidents/{incident['id']}/trace")).json()
        assert trace["incident"] == incident["id"]
        assert trace["opened_s"] == pytest.approx(2.0, abs=0.6)
        (subject,) = trace["subjects"]
        assert subject["id"] == 1
        times = [point["s"] for point in subject["points"]]
        assert times == sorted(set(times))
        assert times[-1] <= trace["opened_s"] + 4.0
        heads = [point["head"] for point in subject["points"]]
        assert heads == sorted(heads, reverse=True)
        assert all(point["head"] > point["hips"] for point in subject["points"])
        cloud.store.purge(2**60)
        gone = await cloud.get(f"/incidents/{incident['id']}/trace")
        assert gone.json()["subjects"] == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/incidents?limit=0", 422),
        ("/incidents?limit=201", 422),
        ("/incidents?state=half", 422),
        ("/incidents?camera=../../etc", 422),
        (f"/incidents?before={'x' * 65}", 422),
        ("/incidents?before=unknown", 404),
        ("/plates/nothex", 422),
        ("/plates/" + "0" * 17, 422),
        ("/cameras/" + "x" * 33 + "/scene", 422),
        ("/nothing", 404),
    ],
)
async def test_what_is_out_of_bounds_is_refused(cloud, path: str, status: int) -> None:
    assert (await cloud.get(path)).status_code == status


async def test_every_answer_obeys_the_published_document(fed) -> None:
    document = json.loads(openapi_document())
    incident = (await fed.get("/incidents")).json()[0]["id"]
    known = {
        "camera": "ward",
        "incident": incident,
        "digest": (await fed.get("/cameras")).json()[0]["plate"],
    }
    checked = 0
    for path, methods in document["paths"].items():
        if "get" not in methods:
            continue
        answer = await fed.get(path.format(**known).removeprefix("/api/v1"))
        assert answer.status_code == 200, path
        content = methods["get"]["responses"]["200"]["content"]
        if "application/json" in content:
            schema = content["application/json"]["schema"] | {"components": document["components"]}
            jsonschema.Draft202012Validator(schema).validate(answer.json())
            checked += 1
    assert checked >= 8


async def test_foreign_host_names_are_refused(cloud) -> None:
    for host, status in (
        ("localhost:9", 200),
        ("127.0.0.1", 200),
        ("evil.example", 400),
        ("127.0.0.1.evil.example", 400),
        ("localhost.evil.example:80", 400),
    ):
        answer = await cloud.get("/health", headers={"Host": host})
        assert answer.status_code == status, host


async def test_every_answer_carries_the_policy(cloud) -> None:
    for path in ("/health", "/nothing"):
        headers = (await cloud.get(path)).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


# What operators say ------------------------------------------------------------------------------

FALSE = {"verdict": "false_alarm", "note": " nobody is crowding, a visit "}


async def of(cloud: Any) -> str:
    """Path of its one incident's feedback."""
    (incident,) = (await cloud.get("/incidents")).json()
    return f"/incidents/{incident['id']}/feedback"


async def crowd(cloud: Any) -> dict[str, Any]:
    """How sure the ward must be of crowds."""
    behaviors = (await cloud.get("/cameras/ward/sensitivity")).json()["behaviors"]
    (found,) = [one for one in behaviors if one["behavior"] == "crowd"]
    return dict(found)


async def test_what_is_said_of_an_incident_is_kept_told_and_taken_back(fed) -> None:
    path = await of(fed)
    before = await crowd(fed)
    async with live(fed) as socket:
        standing = [await told(socket) for _ in range(2)]
        assert standing[1]["feedback"] is None
        said = (await fed.put(path, json=FALSE)).json()
        assert said["event"] == "judged"
        assert said["feedback"]["verdict"] == "false_alarm"
        assert said["feedback"]["note"] == "nobody is crowding, a visit"
        assert await told(socket) == said
        as_it_stands = said | {"event": standing[1]["event"]}
        assert (await fed.get("/incidents")).json()[0] == as_it_stands
        assert (await fed.get(path.removesuffix("/feedback"))).json() == as_it_stands
        assert all(
            one["feedback"] == said["feedback"]
            for one in (await fed.get(path.replace("feedback", "history"))).json()
        )
        adapted = await crowd(fed)
        assert adapted["adapted"] > before["adapted"] == before["base"]
        assert (adapted["false_alarms"], adapted["confirmed"]) == (1, 0)

        again = (await fed.put(path, json={"verdict": "confirmed"})).json()
        assert (again["feedback"]["verdict"], again["feedback"]["note"]) == ("confirmed", "")
        await told(socket)
        taken_back = (await fed.delete(path)).json()
        assert taken_back["feedback"] is None
        assert await told(socket) == taken_back
    assert (await fed.delete(path)).json() == taken_back
    assert await crowd(fed) == before
    judged = [line for line in fed.lines if line.get("event") == "judged"]
    assert [line["feedback"] and line["feedback"]["verdict"] for line in judged] == [
        "false_alarm",
        "confirmed",
        None,
        None,
    ]


async def test_an_incident_that_goes_on_keeps_what_was_said(fed, kit) -> None:
    await fed.put(await of(fed), json=FALSE)
    async with live(fed) as socket:
        assert [(await told(socket))["type"] for _ in range(2)] == ["status", "incident"]
        feed = kit.Feed(stream=b"stream-2", t_ms=kit.START_MS + 60_000)
        feed.seconds(1, kit.standing(1))
        edge = await kit.Edge.connect(fed.edge, [feed])
        await edge.welcomed()
        await edge.deliver(feed)
        while (event := await told(socket))["type"] != "incident":
            pass
        assert (event["event"], event["feedback"]["verdict"]) == ("closed", "false_alarm")
        await edge.close()
    while not (closed := [line for line in fed.lines if line.get("event") == "closed"]):
        await asyncio.sleep(0.01)
    assert [line["feedback"]["verdict"] for line in closed] == ["false_alarm"]


async def test_a_reset_forgets_no_word_but_lets_none_count(fed) -> None:
    path = await of(fed)
    before = await crowd(fed)
    await fed.put(path, json=FALSE)
    reset = await fed.delete("/cameras/ward/sensitivity")
    assert reset.json() == (await fed.get("/cameras/ward/sensitivity")).json()
    assert await crowd(fed) == before
    assert (await fed.get("/incidents")).json()[0]["feedback"]["verdict"] == "false_alarm"


async def test_what_is_no_verdict_is_refused_and_nothing_stored(fed) -> None:
    path = await of(fed)
    for body, status in (
        (b"{}", 422),
        (b'{"verdict": "perhaps"}', 422),
        (b'{"verdict": null}', 422),
        (b'{"verdict": "confirmed", "note": "%s"}' % (b"x" * 201), 422),
        (b'{"verdict": "confirmed", "note": null}', 422),
        (b'{"verdict": "confirmed", "by": "me"}', 422),
        (b'{"verdict": "confirmed", "note": "\\ud800"}', 422),
        (b'{"verdict": "confirmed", "\\ud800": 1}', 422),
        (b"{", 422),
        (b"\xff", 400),
    ):
        answer = await fed.put(path, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == status, body
        assert len(answer.json()["detail"].splitlines()) == 1
    assert (await fed.get("/incidents")).json()[0]["feedback"] is None


async def test_what_is_unknown_is_said_in_one_line(fed) -> None:
    for verb, path, options in (
        ("put", "/incidents/none/feedback", {"json": FALSE}),
        ("delete", "/incidents/none/feedback", {}),
        ("get", "/incidents/none/trace", {}),
        ("get", "/cameras/attic/sensitivity", {}),
        ("delete", "/cameras/attic/sensitivity", {}),
    ):
        answer = await getattr(fed, verb)(path, **options)
        assert answer.status_code == 404
        (words,) = answer.json()["detail"].splitlines()
        assert "there is no" in words


async def test_foreign_pages_may_not_say_anything(fed) -> None:
    path = await of(fed)
    for origin, status in (
        ("http://evil.example", 403),
        ("null", 403),
        (f"http://{fed.api}", 200),
    ):
        headers = {"Origin": origin}
        answer = await fed.put(path, json=FALSE, headers=headers)
        assert answer.status_code == status
        assert "access-control-allow-origin" not in answer.headers
        for verb in (path, "/cameras/ward/sensitivity"):
            assert (await fed.delete(verb, headers=headers)).status_code == status


async def test_a_full_disk_is_said_and_nothing_is_adapted(
    fed, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mizaru.errors import StorageFullError

    def full(*_: object) -> None:
        raise StorageFullError("no room left on the disk; make some")

    path, before = await of(fed), await crowd(fed)
    monkeypatch.setattr(fed.store, "judge", full)
    monkeypatch.setattr(fed.store, "discount", full)
    for answer in (
        await fed.put(path, json=FALSE),
        await fed.delete(path),
        await fed.delete("/cameras/ward/sensitivity"),
    ):
        assert (answer.status_code, "no room" in answer.json()["detail"]) == (507, True)
    assert await crowd(fed) == before


async def test_the_recognizer_says_of_every_behaviour_whether_it_is_validated(fed) -> None:
    recognizer = (await fed.get("/recognizer")).json()
    said = {one["behavior"]: one for one in recognizer["behaviors"]}
    assert set(said) == {b.value for b in Behavior} - {"unknown"}
    assert recognizer["version"]
    for one in said.values():
        assert one["validation"]
        assert one["validated"] is not ("not validated" in one["validation"])
    (incident,) = (await fed.get("/incidents")).json()
    assert incident["validated"] is said[incident["behavior"]]["validated"]


# The live WebSocket --------------------------------------------------------------------------


def live(cloud: Any, query: str = "", **options: Any) -> Any:
    url = f"ws://{cloud.api}/api/v1/live{query}"
    return connect(url, proxy=None, compression=None, **options)


async def told(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(10):
        return dict(json.loads(await socket.recv()))


async def test_a_viewer_first_hears_what_stands_and_then_what_happens(fed, kit) -> None:
    async with live(fed) as socket:
        assert (await told(socket))["type"] == "status"
        incident = await told(socket)
        assert (incident["type"], incident["end"]) == ("incident", None)

        feed = kit.Feed(camera="attic")
        feed.segment(kit.standing(5))
        edge = await kit.Edge.connect(fed.edge, [feed])
        await edge.welcomed()
        await edge.deliver(feed)
        for _ in range(5):
            scene = await told(socket)
            assert (scene["type"], scene["camera"]) == ("scene", "attic")
        await edge.socket.send(edge.session.status(feed.status()))
        status = await told(socket)
        assert (status["type"], status["connected"]) == ("status", True)
        await edge.close()
        assert (await told(socket))["connected"] is False
    while (await fed.get("/health")).json()["viewers"]:
        await asyncio.sleep(0.01)


async def test_a_viewer_of_one_camera_hears_of_no_other(fed, kit) -> None:
    async with live(fed, "?camera=attic") as socket:
        feeds = [kit.Feed(), kit.Feed(camera="attic")]
        feeds[0].encoded, feeds[1].encoded = [], []
        feeds[0].stream = b"stream-2"
        for feed in feeds:
            feed.t_ms += 60_000
            feed.segment(kit.standing(5))
        edge = await kit.Edge.connect(fed.edge, feeds)
        await edge.welcomed()
        for feed in feeds:
            await edge.deliver(feed)
        assert (await told(socket))["camera"] == "attic"
        await edge.close()


@pytest.mark.parametrize(
    ("headers", "path"),
    [
        ({"origin": "http://evil.example"}, ""),
        ({"origin": "null"}, ""),
        ({"additional_headers": {"Host": "evil.example"}}, ""),
        ({}, "?camera=NOT%20A%20CAMERA"),
    ],
)
async def test_foreign_pages_may_not_listen(cloud, headers: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidStatus):
        async with live(cloud, path, **headers):
            pass


async def test_our_own_page_may_listen(cloud) -> None:
    async with live(cloud, origin=f"http://{cloud.api}") as socket:
        await socket.ping()


async def test_a_talkative_viewer_is_shown_out(cloud) -> None:
    from websockets.exceptions import ConnectionClosed

    async with live(cloud) as socket:
        await socket.send("x" * 100_000)
        with pytest.raises(ConnectionClosed):
            await told(socket)
    assert (await cloud.get("/health")).status_code == 200


# The dashboard -------------------------------------------------------------------------------


async def page(dashboard: Path, path: str) -> httpx.Response:
    view = View(None, None, {}, lambda: None, None, {})  # type: ignore[arg-type,return-value]
    transport = httpx.ASGITransport(build_app(view, dashboard=dashboard))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.get(path)


async def test_a_dashboard_that_is_not_built_says_how_to_build_it(tmp_path: Path) -> None:
    answer = await page(tmp_path / "absent", "/")
    assert answer.status_code == 200
    assert "npm" in answer.text
    assert (await page(tmp_path / "absent", "/assets/app.js")).status_code == 404


async def test_the_dashboards_files_are_served_and_nothing_beside_them(tmp_path: Path) -> None:
    root = tmp_path / "dashboard"
    (root / "assets").mkdir(parents=True)
    (root / "index.html").write_text("<title>page</title>")
    (root / "assets" / "app-1a2b.js").write_text("1")
    (tmp_path / "secret.txt").write_text("secret")
    (root / "link.txt").symlink_to(tmp_path / "secret.txt")

    script = await page(root, "/assets/app-1a2b.js")
    assert (script.text, script.headers["content-type"].split(";")[0]) == ("1", "text/javascript")
    assert "immutable" in script.headers["cache-control"]
    for path in ("/", "/incidents/some-id", "/link.txt", "/%2e%2e/secret.txt"):
        answer = await page(root, path)
        assert "<title>page</title>" in answer.text, path
        assert answer.headers["cache-control"] == "no-cache"
    assert (await page(root, "/assets/missing.js")).status_code == 404
    assert (await page(root, "/api/v1/missing")).status_code == 404
