"""``mizaru ledger --data``: the books of a cloud, from its file or from its address."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from rich.table import Table

from mizaru.errors import DataError, LinkDownError, RefusedError, SettingsError, StoreError
from mizaru.ledger.calibration import read_cards

if TYPE_CHECKING:
    from mizaru.cloud.events import CameraLedger, Ledger, LedgerPlace, TrackLedger

TIMEOUT_S: Final = 10.0
_ANY: Final = "any_input"
_STATIC: Final = "static"
_UNCALIBRATED: Final = {
    "unknown_card": "no card of them is known; cloud.ledger.cards, or --card for a file",
    "other_channel": "their card was measured under another clip, or not for this width",
}


def read_books(data: str, limit: int, card: Path | None = None) -> Ledger:
    """The sums of all cameras, and the last tracks.

    Args:
        data: the cloud's SQLite file, or ``http://HOST:PORT`` of a running cloud.
        limit: at most so many tracks.
        card: of an encoder, to know weights of a file by besides the shipped one; a running cloud
            has its own.

    Raises:
        SettingsError: a card, and an address.
        StoreError: not a file of ours.
        LinkDownError: nobody answers at the address.
        RefusedError, DataError: what answers is not a cloud of this version, or the card is none.
    """
    if urlsplit(data).scheme in ("http", "https"):
        if card is not None:
            raise SettingsError(
                f"--card {card}: a running cloud reads its own; name it in cloud.ledger.cards"
            )
        return _ask(data, limit)
    from mizaru.cloud.ledger import ledger_page
    from mizaru.cloud.store import Store

    file = Path(data)
    if not file.is_file():  # the store would make one
        raise StoreError(f"{file}: there is no such file; name cloud.store.path, or http://…")
    cards = read_cards(() if card is None else (card,))
    store = Store(file)
    try:
        return ledger_page(store, cards, camera=None, before=None, limit=limit)
    finally:
        store.close()


def _ask(address: str, limit: int) -> Ledger:
    from pydantic import ValidationError

    from mizaru.cloud.events import Ledger

    url = f"{address.rstrip('/')}/api/v1/ledger?limit={limit}"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # it is our own cloud
    try:
        with opener.open(url, timeout=TIMEOUT_S) as answer:
            return Ledger.model_validate_json(answer.read())
    except urllib.error.HTTPError as error:
        error.close()
        raise RefusedError(f"{url}: answers {error.code}; is it a cloud of this version?") from None
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise LinkDownError(f"{url}: nobody answers ({reason}); is the cloud running?") from None
    except (ValidationError, HTTPException):
        raise DataError(f"{url}: what answers is not a cloud of this version") from None


def tables(books: Ledger) -> Iterator[Table]:
    """Cameras, tracks, and tracks once more where there are calibrated lines."""
    yield _cameras(books.cameras)
    yield _tracks(books.tracks)
    calibrated = [t for t in books.tracks if any(b.calibrated is not None for b in t.bounds)]
    if calibrated:
        yield _calibrated(tuple(calibrated))


def _cameras(cameras: tuple[CameraLedger, ...]) -> Table:
    table = Table(title="What each camera sent, kbit", title_justify="left")
    table.add_column("camera")
    for heading in ("poses", "z", "plates", "all", "frames", "with z", "spent", "failed"):
        table.add_column(heading, justify="right")
    for one in cameras:
        bits = (one.pose_bits, one.z_bits, one.plate_bits, one.wire_bits)
        counts = (one.representations, one.with_z, one.spent, one.failed)
        table.add_row(one.camera, *(f"{n / 1000:,.0f}" for n in bits), *(f"{n:,}" for n in counts))
    return table


def notes(books: Ledger) -> Iterator[str]:
    """What must be read with the tables."""
    yield (
        "nats: any input, charged in full to everybody who is there. p_max: what stays the same. "
        "Poses and plates have no noise and no bound: see mizaru audit."
    )
    channels = [track.channel for track in books.tracks if track.channel is not None]
    for weights, calibration_set in dict.fromkeys(
        (channel.weights, channel.calibration_set) for channel in channels
    ):
        if calibration_set is not None:
            yield f"Calibrated, weights {weights}: for frames like those of {calibration_set}."
    for weights, why in dict.fromkeys(
        (channel.weights, channel.uncalibrated) for channel in channels
    ):
        if why is not None:
            yield f"Not calibrated, weights {weights}: {_UNCALIBRATED[why]}."


def _tracks(tracks: tuple[TrackLedger, ...]) -> Table:
    names = [f"p_max {place.among:,}" for place in _places(tracks)]
    table = Table(
        title="What z told of each track at most, the last to appear first", title_justify="left"
    )
    table.add_column("camera")
    table.add_column("track")
    table.add_column("last seen")
    for heading in ("with z", "nats", "of budget", *names):
        table.add_column(heading, justify="right")
    table.add_column("")
    for one in tracks:
        shares = [f"{place.p_max:.1%}" for place in _places((one,))]
        table.add_row(
            one.camera,
            f"{one.id:08x}",
            _clock(one.last),
            f"{one.with_z:,}",
            f"{one.nats:,.1f}",
            "–" if one.channel is None else f"{one.nats / one.channel.budget:.1%}",
            *(shares or ["–"] * len(names)),
            "z stopped" if one.budget_spent else "",
        )
    return table


def _calibrated(tracks: tuple[TrackLedger, ...]) -> Table:
    """Of the tracks that have such lines."""
    table = Table(
        title="Calibrated: the same, for frames like those of the set of the encoder's card",
        title_justify="left",
    )
    for heading in ("camera", "track", "weights"):
        table.add_column(heading)
    for heading in ("nats", *(f"p_max {place.among:,}" for place in _places(tracks))):
        table.add_column(heading, justify="right")
    for one in tracks:
        nats = next(line.calibrated for line in one.bounds if line.condition == _ANY)
        shares = [place.p_max_calibrated for place in _places((one,))]
        table.add_row(
            one.camera,
            f"{one.id:08x}",
            "" if one.channel is None else one.channel.weights,
            "–" if nats is None else f"{nats:,.1f}",
            *("–" if share is None else f"{share:.1%}" for share in shares),
        )
    return table


def _places(tracks: tuple[TrackLedger, ...]) -> tuple[LedgerPlace, ...]:
    """p_max of what stays the same, of the first track that has one."""
    for track in tracks:
        for line in track.bounds:
            if line.condition == _STATIC:
                return line.places
    return ()


def _clock(moment: datetime) -> str:
    return moment.astimezone().strftime("%m-%d %H:%M:%S")
