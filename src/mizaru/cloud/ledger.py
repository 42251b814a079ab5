"""The ledger's books in the words of the API: `mizaru.cloud.store` counts, here it is said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal

from mizaru.cloud.events import (
    CameraLedger,
    Ledger,
    LedgerBounds,
    LedgerChannel,
    LedgerPlace,
    TrackLedger,
)
from mizaru.cloud.moment import instant
from mizaru.cloud.store import CameraAccount, Store, TrackAccount
from mizaru.ledger.account import Channel, Reading
from mizaru.ledger.calibration import Calibration, Card
from mizaru.wire.messages import ChannelRecord

_CONDITIONS: Final[tuple[tuple[Reading, Literal["any_input", "static"]], ...]] = (
    (Reading.ANY, "any_input"),
    (Reading.STATIC, "static"),
)


def ledger_page(
    store: Store,
    cards: Mapping[bytes, Card],
    *,
    camera: str | None,
    before: int | None,
    limit: int,
) -> Ledger:
    """One page of tracks, and the sums of all cameras, or of one.

    Args:
        cards: by their weights, for the calibrated lines (`mizaru.ledger.calibration`).
        camera: only of this one.
        before: only tracks with a smaller number.
        limit: at most so many tracks.
    """
    found = store.ledger_tracks(camera=camera, before=before, limit=limit + 1)
    shown = found[:limit]
    return Ledger(
        cameras=tuple(
            _camera(one) for one in store.ledger_cameras() if camera in (None, one.camera)
        ),
        tracks=tuple(_track(one, cards) for one in shown),
        next=shown[-1].number if len(found) > limit else None,
    )


def _camera(account: CameraAccount) -> CameraLedger:
    return CameraLedger(
        camera=account.camera,
        first=instant(account.first_ms),
        last=instant(account.last_ms),
        representations=account.frames,
        wire_bits=account.wire_bits,
        pose_bits=account.pose_bits,
        z_bits=account.z_bits,
        plate_bits=account.plate_bits,
        plates=account.plates,
        with_z=account.z_frames,
        spent=account.spent,
        failed=account.failed,
    )


def _track(account: TrackAccount, cards: Mapping[bytes, Card]) -> TrackLedger:
    channel, record = account.channel, account.record
    said, calibration = None, Calibration()
    if channel is not None and record is not None:
        card = cards.get(record.weights)
        if card is not None:
            calibration = card.calibration(channel)
        said = _channel(channel, record, calibration, known=card is not None)
    return TrackLedger(
        number=account.number,
        camera=account.camera,
        id=account.subject,
        first=instant(account.first_ms),
        last=instant(account.last_ms),
        representations=account.frames,
        pose_bits=account.pose_bits,
        with_z=account.z_frames,
        z_bits=account.z_bits,
        spent=account.spent,
        failed=account.failed,
        channel=said,
        nats=account.nats,
        budget_spent=account.is_spent,
        bounds=tuple(_bounds(account, calibration)),
    )


def _channel(
    channel: Channel, record: ChannelRecord, calibration: Calibration, *, known: bool
) -> LedgerChannel:
    uncalibrated: Literal["unknown_card", "other_channel"] | None = None
    if not calibration.eigenvalues:
        uncalibrated = "other_channel" if known else "unknown_card"
    return LedgerChannel(
        width=channel.width,
        clip=channel.clip,
        sigma=channel.sigma,
        sticky=channel.sticky,
        budget=record.budget,
        weights=record.weights.hex(),
        calibration_set=calibration.named or None,
        uncalibrated=uncalibrated,
    )


def _bounds(account: TrackAccount, calibration: Calibration) -> Iterator[LedgerBounds]:
    for reading, condition in _CONDITIONS:
        figures = account.figures(reading, calibration.eigenvalues)
        if figures is not None:
            calibrated = dict(figures.top_1_calibrated)
            yield LedgerBounds(
                condition=condition,
                nats=figures.nats,
                calibrated=figures.calibrated,
                rho=figures.rho,
                epsilon=figures.epsilon,
                m=figures.m,
                tar=figures.tar,
                places=tuple(
                    LedgerPlace(among=n, p_max=p, p_max_calibrated=calibrated.get(n))
                    for n, p in figures.top_1
                ),
            )
