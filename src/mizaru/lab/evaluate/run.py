"""From a manifest's rows to judged clips, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from mizaru.cloud.recognize import build_recognizer, recognizer_info
from mizaru.cloud.recognize.finding import Observation, Recognizer
from mizaru.cloud.recognize.info import RULES_INFO, RecognizerInfo, learned_info
from mizaru.cloud.recognize.learned import LearnedRecognizer
from mizaru.cloud.recognize.network import load_model
from mizaru.cloud.recognize.rules import RuleRecognizer
from mizaru.cloud.settings import CloudCameraSettings
from mizaru.edge.settings import Pace
from mizaru.errors import DataError, MizaruError
from mizaru.lab.data.manifest import Clip
from mizaru.lab.data.recording import Recorder
from mizaru.lab.data.sequence import Label, Sequence
from mizaru.lab.evaluate.judge import (
    Footage,
    Judged,
    judge_action,
    judge_count,
    judge_events,
    unreadable,
)
from mizaru.lab.evaluate.task import Task
from mizaru.lab.evaluate.truth import Marks, Span, action, events, people
from mizaru.lab.evaluate.watch import NewRecognizer, watch
from mizaru.vocabulary import Behavior

CAMERA: Final = "camera-1"
RULES: Final = "rules"
"""Instead of weights: the kinematic rules."""
RECORDINGS: Final = Path("~/.cache/mizaru/recordings")
"""Where recordings are kept unless ``--recordings`` or ``MIZARU_RECORDINGS`` say otherwise."""

LoadSequences = Callable[[Clip], Iterable[Sequence]]
"""A skeleton file → what would have crossed the wall of it."""


def recordings_folder(choice: Path | None, environment: Mapping[str, str]) -> Path:
    """An explicit choice, else ``MIZARU_RECORDINGS``, else the user's cache."""
    return Path(choice or environment.get("MIZARU_RECORDINGS") or RECORDINGS).expanduser()


def product_recognizer(camera: str) -> Recognizer:
    """The one that the cloud builds for a camera that nobody has configured."""
    return build_recognizer(CloudCameraSettings(id=camera), local_time=_utc)


def recognizer_of(weights: str | None) -> tuple[NewRecognizer, RecognizerInfo]:
    """How to build a recognizer, and what it is.

    Args:
        weights: a folder as ``mizaru train`` writes it, ``rules`` for the kinematic rules; None
            for what this release ships.

    Raises:
        ModelError: the weights cannot be used.
    """
    if weights is None:
        return product_recognizer, recognizer_info()
    if weights == RULES:
        return _rules, RULES_INFO
    model = load_model(Path(weights))

    def learned(camera: str) -> Recognizer:
        return LearnedRecognizer(CloudCameraSettings(id=camera), local_time=_utc, model=model)

    return learned, learned_info(model.card)


def _rules(camera: str) -> Recognizer:
    return RuleRecognizer(CloudCameraSettings(id=camera), local_time=_utc)


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges clips of one task.

    Args:
        task: which.
        pace: of videos.
        recorder: develops videos, and remembers them.
        marks: times that people marked.
        sequences: reads skeleton files.
        recognizer: builds one per clip.
        replays: whether to keep what misses and false alarms look like.
    """

    task: Task
    pace: Pace
    recorder: Recorder
    marks: Marks
    sequences: LoadSequences
    recognizer: NewRecognizer = product_recognizer
    replays: bool = False

    def judge(self, clip: Clip) -> Iterator[Judged]:
        """One entry for a video, one per sequence for a skeleton file.

        A clip that cannot be read, or on which recognition fails, gives an entry with
        `Judged.error`. What has no truth for the task gives none.
        """
        try:
            for footage, spans, truth in self._footage(clip):
                try:
                    entry = self._judge(footage, spans, truth)
                except MizaruError:
                    raise
                except Exception as error:
                    # A bug, which must not hide what the other clips say.
                    reason = f"{type(error).__name__}: {error}"
                    entry = unreadable(clip, f"{footage.name}: recognition failed: {reason}")
                    entry = replace(entry, path=footage.name)
                if entry is not None:
                    yield entry
        except DataError as error:
            yield unreadable(clip, str(error))

    def _judge(self, footage: Footage, spans: tuple[Span, ...], truth: str) -> Judged | None:
        if self.task is Task.ACTION and not truth:
            return None
        watched = watch(footage.observations, self.recognizer(CAMERA), CAMERA)
        if self.task is Task.ACTION:
            span = spans[0] if spans else Span()
            return judge_action(footage, watched, truth, span)
        if self.task is Task.COUNT:
            seconds = self.marks.counts.get(footage.name, ())
            return judge_count(footage, watched, seconds, people(footage.clip))
        return judge_events(footage, watched, self.task, spans, replays=self.replays)

    def _footage(self, clip: Clip) -> Iterator[tuple[Footage, tuple[Span, ...], str]]:
        if clip.kind == "video":
            yield self._video(clip), events(clip, self.task, self.marks), action(clip) or ""
            return
        for sequence in self.sequences(clip):
            yield from self._sequence(clip, sequence)

    def _video(self, clip: Clip) -> Footage:
        recording = self.recorder.record(clip.file, self.pace)
        return Footage(
            name=clip.path,
            clip=clip,
            label=clip.label,
            identity=clip.identity,
            group=clip.group,
            camera=clip.camera,
            duration_s=recording.duration_s,
            frames_in=recording.frames_in,
            frames_dropped=recording.frames_dropped,
            observations=tuple(recording.observations(CAMERA)),
        )

    def _sequence(
        self, clip: Clip, sequence: Sequence
    ) -> Iterator[tuple[Footage, tuple[Span, ...], str]]:
        seen = sequence.observations
        if not seen:
            return
        begin_ms, end_ms = seen[0].key.t_ms, seen[-1].key.t_ms
        footage = Footage(
            name=f"{clip.path}#{sequence.name}",
            clip=clip,
            label="|".join(sorted({str(label.behavior) for label in sequence.labels})),
            identity=sequence.subject,
            group=sequence.room,
            camera=sequence.camera,
            duration_s=(end_ms - begin_ms) / 1000,
            frames_in=len(seen),
            frames_dropped=0,
            observations=tuple(_moved(observation, begin_ms) for observation in seen),
        )
        if self.task.event is not None:
            spans = {
                _span(label, begin_ms, end_ms)
                for label in sequence.labels
                if label.behavior in self.task.event.behaviors
            }
            yield footage, tuple(sorted(spans, key=lambda s: s.onset_s or 0.0)), ""
        else:
            known = [label for label in sequence.labels if label.behavior is not Behavior.UNKNOWN]
            for number, label in enumerate(known, 1):
                name = footage.name if len(known) == 1 else f"{footage.name}:{number}"
                span, word = _span(label, begin_ms, end_ms), str(label.behavior)
                yield replace(footage, name=name, label=word), (span,), word


def _span(label: Label, begin_ms: int, end_ms: int) -> Span:
    """A label over a whole sequence says that something happens in it, not when."""
    if label.start_ms <= begin_ms and label.end_ms >= end_ms:
        return Span()
    start_ms = max(label.start_ms, begin_ms)
    return Span((start_ms - begin_ms) / 1000, (max(label.end_ms, start_ms) - begin_ms) / 1000)


def _moved(observation: Observation, by_ms: int) -> Observation:
    """The same on the clip's own clock and camera."""
    key = replace(observation.key, camera_id=CAMERA, t_ms=observation.key.t_ms - by_ms)
    return replace(observation, key=key)


def _utc(t_ms: int) -> datetime:
    return datetime.fromtimestamp(t_ms / 1000, UTC)
