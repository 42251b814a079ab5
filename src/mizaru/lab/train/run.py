"""``mizaru train recognizer``: gather, learn, calibrate, choose, export, and say all of it."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from mizaru.cloud.recognize import card as cards
from mizaru.cloud.recognize.learned import trace
from mizaru.cloud.recognize.network import CARD_NAME, ONNX_NAME, Network, OnnxNetwork, load_model
from mizaru.cloud.recognize.outputs import ACTIONS, AGGRESSION, FALL
from mizaru.cloud.settings import CloudCameraSettings
from mizaru.lab.sequence import Sequence
from mizaru.lab.train.calibrate import fit_platt, fit_temperature
from mizaru.lab.train.corpus import (
    Corpus,
    Library,
    Places,
    Progress,
    daily_life,
    gather,
    held_out,
)
from mizaru.lab.train.pace import Pace
from mizaru.lab.train.points import HYSTERESIS, Outcome, Trace, choose, outcome, traces_of
from mizaru.lab.train.recipe import Recipe
from mizaru.lab.train.score import Scores, judge
from mizaru.vocabulary import Behavior

Array = npt.NDArray[np.float32]

_UNCHOSEN: Final = 0.6
"""Threshold of a risk that the hold-out has no false score of."""
_SWEPT: Final = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What came of a recipe.

    Attributes:
        card: as written beside the weights.
        scores: on the half of the hold-out that nothing was fitted on.
        outcomes: of each operating point, on the hold-out.
        sweep: threshold of falls → its outcome on the hold-out, and on the simulated day.
        library: all that was gathered.
        held: which of its stories were held out, shape (S,).
        apart: greatest difference of logits between torch and ONNX.
        cost_ms: of a window on one core here.
        learnt_s: how long learning took here, seconds; 0 if it was already done.
    """

    card: cards.Card
    scores: Scores
    outcomes: dict[Behavior, Outcome]
    sweep: dict[float, tuple[Outcome, Outcome]]
    library: Library
    held: npt.NDArray[np.bool_]
    apart: float
    cost_ms: float
    learnt_s: float


def train_recognizer(
    recipe: Recipe,
    *,
    places: Places,
    out: Path,
    command: str,
    version: str,
    device: str = "cpu",
    fresh: bool = False,
    on_gather: Progress = lambda *_: None,
    on_learn: Callable[[Pace], None] = lambda _: None,
    on_trace: Callable[[int], None] = lambda _: None,
) -> Result:
    """From a recipe to ``recognizer.onnx`` and ``recognizer.json`` in `out`.

    Args:
        command: that made it, for the card.
        version: of the weights, for the card.
        device: where torch learns.
        fresh: forget what was learnt before and begin anew; the windows stay.
        on_gather, on_learn, on_trace: told how far it is; the last one the number of sequences
            that the recognizer has watched to choose operating points.

    Raises:
        DataError: a source cannot be used.
        ModelError: the network is too large or does not survive its export.
    """
    from mizaru.lab.train import export
    from mizaru.lab.train.trainer import learn, say

    library = gather(recipe, places, on_gather)
    held = held_out(library.stories, recipe.hold_out.share, recipe.hold_out.seed)
    checkpoint = places.cache / "runs" / f"{recipe.title}-{_digest(recipe)}.pt"
    if fresh:
        checkpoint.unlink(missing_ok=True)
    corpus = library.corpus(~held, recipe.windows.every_ticks)
    began = time.monotonic()
    network = learn(recipe, corpus, checkpoint, device=device, progress=on_learn)
    learnt_s = time.monotonic() - began

    fitted, judged = halves(library, held)
    logits = say(network, fitted.x, relations=recipe.use_relations, device=device)
    file = out / ONNX_NAME
    apart = export.export(network, file, np.asarray(fitted.x[:64], np.float32))
    draft = cards.Card(
        version=version,
        sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
        temperature=fit_temperature(logits[:, : len(ACTIONS)], fitted.rows["action"]),
        calibration={
            "fall": _platt(logits[:, FALL], fitted.rows["fall"]),
            "aggression": _platt(logits[:, AGGRESSION], fitted.rows["aggression"]),
        },
        operating_points=dict.fromkeys(cards.LEARNED_RISKS, _point(_UNCHOSEN, recipe, 0.0)),
        validation={
            shown.behavior: cards.Validation(
                status=cards.REAL, data=shown.data, figures=shown.figures
            )
            for shown in recipe.shown
        },
        training=tuple(_training(corpus, library)),
        architecture=f"{recipe.network.kind}, width {recipe.network.width}, "
        f"depth {recipe.network.depth}",
        parameters=sum(p.numel() for p in network.parameters()),
        seed=recipe.seed,
        command=command,
    )
    runner = OnnxNetwork(file, draft.sha256)
    life = daily_life(recipe.alarm.hours, recipe.alarm.seed)
    chosen_on = _Traced.of(life, runner, draft, on_trace)
    scenes = ((sequence, None) for sequence in library.sequences(held))
    judged_on = _Traced.of(scenes, runner, draft, on_trace)
    points = {
        risk: _point(
            # Of camera time: what was observed ends some seconds before a day does, and a budget of
            # one a day would be none.
            choose(traces, hours=recipe.alarm.hours, per_camera_day=recipe.alarm.per_camera_day),
            recipe,
            chosen_on.hours,
        )
        for risk, traces in chosen_on.traces.items()
    }
    outcomes = {
        risk: outcome(traces, points[risk].threshold, hours=judged_on.hours)
        for risk, traces in judged_on.traces.items()
    }
    sweep = {
        threshold: (
            outcome(judged_on.traces[Behavior.FALL], threshold, hours=judged_on.hours),
            outcome(chosen_on.traces[Behavior.FALL], threshold, hours=chosen_on.hours),
        )
        for threshold in _SWEPT
    }
    said = say(network, judged.x, relations=recipe.use_relations, device=device)
    scores = judge(_calibrated(draft, said), judged)
    card = msgspec.structs.replace(draft, operating_points=points, metrics=_metrics(scores))
    cards.save_card(card, out / CARD_NAME)
    load_model(out)  # the cloud itself must take what was written
    cost_ms = export.cost_ms(file)
    return Result(card, scores, outcomes, sweep, library, held, apart, cost_ms, learnt_s)


@dataclass(frozen=True, slots=True)
class _Traced:
    """What the recognizer said of some sequences, and how long they are."""

    traces: dict[Behavior, list[Trace]]
    hours: float

    @staticmethod
    def of(
        sequences: Iterable[tuple[Sequence, CloudCameraSettings | None]],
        network: Network,
        card: cards.Card,
        on_trace: Callable[[int], None],
    ) -> _Traced:
        traces: dict[Behavior, list[Trace]] = {risk: [] for risk in cards.LEARNED_RISKS}
        ms = 0
        for done, (sequence, camera) in enumerate(sequences, start=1):
            seen = sequence.observations
            ms += seen[-1].key.t_ms - seen[0].key.t_ms if seen else 0
            moments = trace(seen, network, card, camera=camera)
            for risk, found in traces_of(sequence, moments, done).items():
                traces[risk] += found
            on_trace(done)
        return _Traced(traces, ms / 3.6e6)


def halves(library: Library, held: npt.NDArray[np.bool_]) -> tuple[Corpus, Corpus]:
    """The hold-out in two: one to calibrate on, one to judge on; nobody in both."""
    second = held_out(library.stories, 0.5, 1_000_003)
    return library.corpus(held & ~second), library.corpus(held & second)


def _digest(recipe: Recipe) -> str:
    return hashlib.sha256(recipe.learning()).hexdigest()[:12]


def _platt(logits: Array, truth: npt.NDArray[np.integer]) -> cards.Platt:
    fitted = fit_platt(logits, truth)
    return cards.Platt(a=fitted.scale, b=fitted.shift)


def _point(threshold: float, recipe: Recipe, hours: float) -> cards.OperatingPoint:
    return cards.OperatingPoint(
        threshold=math.ceil(threshold * 1000) / 1000,
        low=round(threshold * HYSTERESIS, 3),
        budget_per_camera_day=recipe.alarm.per_camera_day,
        chosen_on=f"{hours:.1f} h of a simulated day",
    )


def _training(corpus: Corpus, library: Library) -> list[cards.TrainingSet]:
    counts = np.bincount(corpus.owner, minlength=len(library.stories))
    windows: dict[tuple[str, str], int] = {}
    for story, count in zip(library.stories, counts, strict=True):
        key = (story.source, story.licence or "none stated")
        windows[key] = windows.get(key, 0) + int(count)
    return [
        cards.TrainingSet(name=name, licence=licence[:500], windows=count)
        for (name, licence), count in windows.items()
    ]


def _calibrated(card: cards.Card, logits: Array) -> Array:
    """Logits with the card's calibration of falls and aggression; actions as they were."""
    out = logits.copy()
    out[:, FALL:] = cards.Calibrator(card)(logits)[:, FALL:]
    return out


def _metrics(scores: Scores) -> dict[str, float]:
    found = {
        "action_f1": scores.action_f1.value,
        "action_accuracy": scores.action_accuracy.value,
        "fall_auc": scores.fall_auc.value,
        "aggression_auc": scores.aggression_auc.value,
        "fall_calibration_error": scores.fall_error,
        "aggression_calibration_error": scores.aggression_error,
    }
    return {name: round(value, 4) for name, value in found.items() if math.isfinite(value)}
