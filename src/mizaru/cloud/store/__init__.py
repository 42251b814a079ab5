"""What the cloud keeps; `Store` is the door."""

from mizaru.cloud.store.kept import Batch, Gap, NewSegment, StoredCamera, StoredIncident
from mizaru.cloud.store.ledger import CameraAccount, TrackAccount
from mizaru.cloud.store.store import MAX_WINDOW, PURGE_STEP, Store

__all__ = [
    "MAX_WINDOW",
    "PURGE_STEP",
    "Batch",
    "CameraAccount",
    "Gap",
    "NewSegment",
    "Store",
    "StoredCamera",
    "StoredIncident",
    "TrackAccount",
]
