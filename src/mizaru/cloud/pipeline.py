"""Segments in, moments out: recognition and incidents of all cameras, stored before told.

`Pipeline.process` takes what arrived since the last time, runs each camera's recognizer and
incident engine over it, and stores segments, plates, incident changes and cursors in one
transaction. Only what it returns may be acknowledged and told. When the transaction fails, the
memory of the cameras concerned is thrown away and later rebuilt from the store, so that memory
and store never disagree; the same happens after a kill -9. It runs in one thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from mizaru.cloud.incident import (
    Incident,
    IncidentChange,
    IncidentEngine,
    Judgement,
    Verdict,
)
from mizaru.cloud.moment import Moment
from mizaru.cloud.recognize import Sensitivity, adapt, build_recognizer, memory_ms
from mizaru.cloud.recognize.finding import Observation, Recognizer
from mizaru.cloud.settings import CloudCameraSettings
from mizaru.cloud.store import Batch, Gap, NewSegment, Store, StoredIncident
from mizaru.errors import WireError
from mizaru.vocabulary import CameraState, SyncKey
from mizaru.wire.codec import decode_from_edge, unpack_pose
from mizaru.wire.messages import Representation, Segment, Status

MAX_COMPLAINTS: Final = 20
"""Failures of recognition that are logged; all are counted."""

_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StreamEnded:
    """A camera's source came to its end; open incidents end with it."""

    camera: str


Arrival = NewSegment | Gap | Status | StreamEnded
Said = Moment | IncidentChange | Status | StreamEnded
"""What may be told once it is stored. An `IncidentChange` on its own has no moment: the stream
ended or started over."""


@dataclass(frozen=True, slots=True)
class Recognition:
    """Makes what each camera needs.

    Attributes:
        recognizer: a new one for a camera, as sensitive as its operators made it.
        new_id: a new id for an incident; never the same twice.
        memory_ms: how much of the past a new recognizer must see again.
    """

    recognizer: Callable[[CloudCameraSettings, Sensitivity], Recognizer]
    new_id: Callable[[], str]
    memory_ms: Callable[[CloudCameraSettings], int] = memory_ms

    @classmethod
    def of_this_release(
        cls, *, local_time: Callable[[int], datetime], new_id: Callable[[], str]
    ) -> Recognition:
        """The recognizer of this release."""

        def build(camera: CloudCameraSettings, sensitivity: Sensitivity) -> Recognizer:
            return build_recognizer(camera, local_time=local_time, sensitivity=sensitivity)

        return cls(build, new_id)


class _Stream:
    """One camera's recognizer and incident engine, in time order."""

    def __init__(self, recognizer: Recognizer, engine: IncidentEngine) -> None:
        self.through_ms: int | None = None
        self.recognizer, self._engine = recognizer, engine

    def restore(self, incidents: Iterable[Incident], through_ms: int) -> None:
        """Take over what was told; then what is already stored may be observed again."""
        self._engine.restore(incidents, through_ms)

    def observe(self, segment: Segment, representation: Representation) -> Moment:
        """The next representation; raises `WireError` if a pose in it cannot be read."""
        poses = tuple(unpack_pose(record) for record in representation.poses)
        key = SyncKey(segment.camera, representation.frame_id, representation.t_ms)
        finding = self.recognizer.observe(Observation(key, poses, segment.width / segment.height))
        self.through_ms = representation.t_ms
        changes = self._engine.update(finding)
        return Moment(segment, representation, poses, finding, changes)

    def finish(self) -> tuple[IncidentChange, ...]:
        """The stream ended."""
        return () if self.through_ms is None else self._engine.finish(self.through_ms)


class Pipeline:
    """All cameras of one cloud.

    Attributes:
        unreadable: representations with a pose that could not be read.
        failures: representations that recognition failed on.

    Args:
        cameras: settings by camera id; others get defaults.
    """

    def __init__(
        self, store: Store, cameras: Mapping[str, CloudCameraSettings], recognition: Recognition
    ) -> None:
        self.unreadable = 0
        self.failures = 0
        self._store, self._cameras, self._recognition = store, cameras, recognition
        self._streams: dict[str, _Stream] = {}
        # Cameras whose past lies in the store only.
        self._dormant = set(store.cameras())

    def process(self, arrivals: Sequence[Arrival]) -> tuple[Said, ...]:
        """Understand and store what arrived; in order for each camera.

        Raises:
            StorageFullError, StoreError: nothing of it was stored.
        """
        said: list[Said] = []
        counted = self.unreadable, self.failures
        try:
            for arrival in arrivals:
                self._take(arrival, said)
            batch = Batch(
                segments=tuple(a for a in arrivals if isinstance(a, NewSegment)),
                gaps=tuple(a for a in arrivals if isinstance(a, Gap)),
                changes=tuple(changes(said)),
                statuses=tuple(a for a in arrivals if isinstance(a, Status)),
            )
            if batch:
                self._store.commit(batch)
        except BaseException:
            self.unreadable, self.failures = counted
            self._forget({_camera(arrival) for arrival in arrivals})
            raise
        return tuple(said)

    def close_ended(self) -> tuple[Said, ...]:
        """Close incidents of streams whose end was stored but not acted on (a kill -9 between)."""
        ended = [
            StreamEnded(camera.id)
            for camera in self._store.cameras().values()
            if camera.status is not None
            and camera.status.state is CameraState.ENDED
            and not camera.status.spooled
        ]
        return self.process(ended)

    def judge(
        self, incident_id: str, verdict: Verdict | None, note: str = "", *, now_ms: int
    ) -> StoredIncident:
        """Store what an operator said of an incident, or take it back (None), and let the
        incident's camera, and no other, be as sensitive as follows from that: at once.

        Returns the incident as it stands.

        Raises:
            KeyError: there is no such incident.
            StorageFullError, StoreError: nothing changed.
        """
        known = self._store.incident(incident_id)
        if known is None:
            raise KeyError(incident_id)
        judgement = None
        if verdict is not None:
            judgement = Judgement(verdict, note, now_ms, known.incident.confidence)
        stored = self._store.judge(incident_id, judgement)
        self._adapt(known.incident.camera_id)
        return stored

    def discount(self, camera: str) -> None:
        """Make a camera as sensitive as one about which nobody has said anything.

        Raises:
            StorageFullError, StoreError: nothing changed.
        """
        self._store.discount(camera)
        self._adapt(camera)

    def _adapt(self, camera: str) -> None:
        stream = self._streams.get(camera)
        if stream is not None:
            stream.recognizer.adapt(self._sensitivity(camera))

    def _take(self, arrival: Arrival, said: list[Said]) -> None:
        match arrival:
            case NewSegment(segment=segment):
                for representation in segment.representations:
                    self._observe(segment, representation, said)
            case StreamEnded(camera=camera):
                stream = self._streams.pop(camera, None)
                if stream is None and camera in self._dormant:
                    stream = self._wake(camera, replay=False)
                self._dormant.discard(camera)
                said += stream.finish() if stream else ()
                said.append(arrival)
            case Status():
                said.append(arrival)

    def _observe(self, segment: Segment, representation: Representation, said: list[Said]) -> None:
        stream = self._streams.get(segment.camera)
        if stream is None:
            resumed = segment.camera in self._dormant
            stream = self._wake(segment.camera) if resumed else self._fresh(segment.camera)
            self._streams[segment.camera] = stream
            self._dormant.discard(segment.camera)
        if stream.through_ms is not None and representation.t_ms <= stream.through_ms:
            # The camera's clock was set back, or a file plays again: nothing before counts.
            said += stream.finish()
            stream = self._streams[segment.camera] = self._fresh(segment.camera)
        try:
            said.append(stream.observe(segment, representation))
        except WireError as error:
            self.unreadable += 1
            _log.warning("representation skipped", camera=segment.camera, reason=str(error))
        except Exception:
            # A bug. Raised further it would end the cloud for every camera, and again each
            # time the segment is sent; so it is said, and this camera's recognizer begins anew.
            self.failures += 1
            if self.failures <= MAX_COMPLAINTS:
                _log.exception("recognition failed", camera=segment.camera)
            stream.recognizer = self._recognizer(segment.camera)

    def _fresh(self, camera: str) -> _Stream:
        engine = IncidentEngine(camera, new_id=self._recognition.new_id)
        return _Stream(self._recognizer(camera), engine)

    def _wake(self, camera: str, *, replay: bool = True) -> _Stream:
        """Rebuild a camera's memory from the store; says nothing."""
        stream = self._fresh(camera)
        known = self._store.camera(camera)
        if known is None or known.through_ms is None:
            return stream
        from_ms = known.through_ms - self._recognition.memory_ms(self._settings(camera))
        stream.restore(self._store.known_incidents(camera, from_ms), known.through_ms)
        if replay:
            for encoded in self._store.replay(camera, from_ms):
                segment = decode_from_edge(encoded)
                assert isinstance(segment, Segment)
                for representation in segment.representations:
                    try:
                        stream.observe(segment, representation)
                    except Exception:
                        continue  # it was counted and said when it came
        stream.through_ms = known.through_ms
        return stream

    def _forget(self, cameras: Iterable[str]) -> None:
        for camera in cameras:
            self._streams.pop(camera, None)
            self._dormant.add(camera)

    def _recognizer(self, camera: str) -> Recognizer:
        return self._recognition.recognizer(self._settings(camera), self._sensitivity(camera))

    def _sensitivity(self, camera: str) -> Sensitivity:
        return adapt(self._store.feedback(camera))

    def _settings(self, camera: str) -> CloudCameraSettings:
        return self._cameras.get(camera) or CloudCameraSettings(id=camera)


def changes(said: Iterable[Said]) -> Iterable[IncidentChange]:
    for event in said:
        if isinstance(event, IncidentChange):
            yield event
        elif isinstance(event, Moment):
            yield from event.changes


def _camera(arrival: Arrival) -> str:
    return arrival.segment.camera if isinstance(arrival, NewSegment) else arrival.camera
