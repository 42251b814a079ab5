"""``GET /api/v1/ledger``: what was counted, said with its bounds, in pages."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import mizaru
from mizaru.cloud.api import openapi_document
from mizaru.cloud.settings import LedgerSettings
from mizaru.ledger import bounds
from mizaru.ledger.account import Channel, Reading, figures
from mizaru.ledger.record import channel_of, record_of
from mizaru.wire.messages import Withheld

pytestmark = pytest.mark.anyio

RECORD = record_of(Channel(8, 1.0, 0.35, 0.5), 3000, b"abcd")


@pytest.fixture
async def fed(cloud_here, kit) -> AsyncIterator[Any]:
    """Two subjects with z, one of them alone; then one without; another camera, which has none."""
    async with cloud_here() as cloud:
        feed, attic = kit.Feed(), kit.Feed("attic", b"stream-2")
        feed.segment(kit.standing(1), plate=kit.webp(), channel=RECORD)
        feed.segment(kit.standing(1), kit.standing(2, 0.2), channel=RECORD)
        feed.segment(kit.standing(1), channel=RECORD, withheld=Withheld.SPENT)
        attic.segment(kit.standing(3))
        for one in (feed, attic):
            edge = await kit.Edge.connect(cloud.edge, [one])
            await edge.welcomed()
            await edge.deliver(one)
            await edge.close()
        yield cloud


async def ask(cloud: Any, query: str = "") -> dict[str, Any]:
    answer = await cloud.get(f"/ledger{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_every_camera_and_track_has_its_line(fed) -> None:
    ledger = await ask(fed)
    assert [one["camera"] for one in ledger["cameras"]] == ["attic", "ward"]
    ward = ledger["cameras"][1]
    assert (ward["representations"], ward["with_z"], ward["spent"]) == (15, 10, 5)
    assert ward["pose_bits"] + ward["z_bits"] + ward["plate_bits"] < ward["wire_bits"]
    third, second, first = ledger["tracks"]
    assert [one["id"] for one in (first, second, third)] == [1, 2, 3]
    assert (first["with_z"], second["with_z"], third["with_z"]) == (10, 5, 0)
    assert (third["channel"], third["bounds"], third["nats"]) == (None, [], 0)
    assert ledger["next"] is None


async def test_the_bounds_are_those_of_the_ledger(fed) -> None:
    (first,) = (one for one in (await ask(fed))["tracks"] if one["id"] == 1)
    assert first["channel"] == {
        "width": 8,
        "clip": 1.0,
        "sigma": 0.35,
        "sticky": 0.5,
        "budget": 3000,
        "weights": b"abcd".hex(),
        "calibration_set": None,
        "uncalibrated": "unknown_card",
    }
    channel = channel_of(RECORD, 25)
    assert first["nats"] == pytest.approx(channel.nats(10))
    assert first["budget_spent"] is False
    for said, reading in zip(first["bounds"], (Reading.ANY, Reading.STATIC), strict=True):
        expected = figures(channel, reading, 10)
        assert said["condition"] == ("any_input" if reading is Reading.ANY else "static")
        assert (said["nats"], said["rho"], said["m"]) == pytest.approx(
            (expected.nats, expected.rho, expected.m)
        )
        places = [(one["among"], one["p_max"]) for one in said["places"]]
        assert dict(places) == pytest.approx(dict(expected.top_1))


async def test_weights_without_a_card_have_no_calibrated_bound(fed) -> None:
    (first,) = (one for one in (await ask(fed))["tracks"] if one["id"] == 1)
    assert first["channel"]["uncalibrated"] == "unknown_card"
    assert first["channel"]["calibration_set"] is None
    for said in first["bounds"]:
        assert said["calibrated"] is None
        assert {place["p_max_calibrated"] for place in said["places"]} == {None}


async def said_through(cloud: Any, kit: Any, channel: Channel, weights: bytes) -> dict[str, Any]:
    """The track of somebody of whom five z went through such a channel."""
    feed = kit.Feed()
    feed.segment(kit.standing(1), channel=record_of(channel, 3000, weights))
    edge = await kit.Edge.connect(cloud.edge, [feed])
    await edge.welcomed()
    await edge.deliver(feed)
    await edge.close()
    (track,) = (await ask(cloud))["tracks"]
    found: dict[str, Any] = track
    return found


def check_calibrated(track: dict[str, Any], channel: Channel, eigenvalues: Sequence[float]) -> None:
    """Against the formulas, not against what the cloud makes of them."""
    fresh, sticky = channel.fresh_variance, channel.sticky_variance
    expected = (
        bounds.calibrated_over_time(eigenvalues, fresh, sticky, 5),
        bounds.calibrated(eigenvalues, bounds.static_sigma(fresh, sticky, 5)),
    )
    for said, nats in zip(track["bounds"], expected, strict=True):
        assert 0 < nats < said["nats"]
        assert said["calibrated"] == pytest.approx(nats)
        for place in said["places"]:
            assert place["p_max_calibrated"] == pytest.approx(bounds.top_1(nats, place["among"]))


CARD = {
    "clip": 1.5,
    "calibration_set": "played rooms",
    "tiers": {
        "small": {"eigenvalues": {"2": [0.4, 0.1]}},
        "base": {"eigenvalues": {"2": [0.3, 0.2]}},
    },
}


async def test_a_card_of_the_settings_calibrates_its_own_weights(
    cloud_here, kit, tmp_path: Path
) -> None:
    file = tmp_path / "encoder.json"
    file.write_text(json.dumps(CARD))
    channel = Channel(2, 1.5, 0.3, 0.5)
    weights = hashlib.sha256(file.read_bytes()).digest()[:4]
    async with cloud_here(ledger=LedgerSettings(cards=(str(file),))) as cloud:
        track = await said_through(cloud, kit, channel, weights)
    assert track["channel"]["calibration_set"] == "played rooms"
    assert track["channel"]["uncalibrated"] is None
    check_calibrated(track, channel, (0.4, 0.2))


async def test_another_clip_is_not_calibrated(cloud_here, kit, tmp_path: Path) -> None:
    file = tmp_path / "encoder.json"
    file.write_text(json.dumps(CARD))
    weights = hashlib.sha256(file.read_bytes()).digest()[:4]
    async with cloud_here(ledger=LedgerSettings(cards=(str(file),))) as cloud:
        track = await said_through(cloud, kit, Channel(2, 1.0, 0.3, 0.5), weights)
    assert track["channel"]["calibration_set"] is None
    assert track["channel"]["uncalibrated"] == "other_channel"
    assert [said["calibrated"] for said in track["bounds"]] == [None, None]


async def test_the_shipped_encoder_is_calibrated_without_any_setting(cloud_here, kit) -> None:
    shipped = Path(mizaru.__file__).parent / "edge/darkroom/encode/weights/encoder.json"
    card = json.loads(shipped.read_bytes())
    tiers = [tier["eigenvalues"]["8"] for tier in card["tiers"].values()]
    channel = Channel(8, card["clip"], 0.35, 0.5)
    weights = hashlib.sha256(shipped.read_bytes()).digest()[:4]
    async with cloud_here() as cloud:
        track = await said_through(cloud, kit, channel, weights)
    assert track["channel"]["calibration_set"] == card["calibration_set"]
    check_calibrated(track, channel, [max(ranked) for ranked in zip(*tiers, strict=True)])


async def test_it_comes_in_pages_and_by_camera(fed) -> None:
    page = await ask(fed, "?limit=2")
    rest = await ask(fed, f"?limit=2&before={page['next']}")
    assert [one["id"] for one in page["tracks"] + rest["tracks"]] == [3, 2, 1]
    assert rest["next"] is None
    attic = await ask(fed, "?camera=attic")
    assert [one["camera"] for one in attic["cameras"] + attic["tracks"]] == ["attic", "attic"]
    assert (await ask(fed, "?camera=cellar"))["cameras"] == []


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "before=0", "before=x", "camera=../x"])
async def test_what_is_out_of_bounds_is_refused(fed, query: str) -> None:
    assert (await fed.get(f"/ledger?{query}")).status_code == 422


async def test_it_obeys_the_published_document(fed) -> None:
    document = json.loads(openapi_document())
    schema = {"$ref": "#/components/schemas/Ledger", "components": document["components"]}
    jsonschema.Draft202012Validator(schema).validate(await ask(fed))


async def test_a_segment_that_comes_twice_counts_once(cloud_here, kit) -> None:
    async with cloud_here() as cloud:
        feed = kit.Feed()
        feed.segment(kit.standing(1), channel=RECORD)
        edge = await kit.Edge.connect(cloud.edge, [feed])
        await edge.welcomed()
        await edge.deliver(feed)
        await edge.socket.send(feed.encoded[0])
        assert await edge.next() == []
        await edge.close()
        (track,) = (await ask(cloud))["tracks"]
        assert track["with_z"] == 5
